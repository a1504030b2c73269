"""Use cases about what is behind a datasource: does it answer, what does it hold, what is in it."""

import base64
from typing import Any, cast

from analysis_sandbox.datasources.base import Check, Datasource, Describable, Testable
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    NotFoundError,
    UnsupportedOperationError,
)
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.datasource_models import (
    DatasourceCatalog,
    DatasourceCheck,
    DatasourceSample,
    DatasourceTest,
)
from analysis_sandbox.values import decode

DEFAULT_ENTRIES = 1_000
MOST_ENTRIES = 10_000
DEFAULT_ROWS = 10
MOST_ROWS = 100


class DiscoveryService:
    """What the datasources of the caller's project hold. Reading needs the role that may run."""

    def __init__(
        self, *, configurations: DatasourceConfigurations, connections: Connections
    ) -> None:
        self._configurations = configurations
        self._connections = connections

    def test(self, caller: Principal, name: str) -> DatasourceTest:
        """Connect, and look at each layer that keeps a read-only datasource read-only.

        Raises:
            NotFoundError: no such datasource.
            UnsupportedOperationError: its type has no test.
        """
        caller.require(Role.MANAGER)
        checks = self._checks(caller, name)
        configured = self._configurations.project(caller.project)
        connection = [check for check in checks if check.name == "connection"] or checks[:1]
        return DatasourceTest(
            name=name,
            type=configured[name].type if name in configured else "",
            connected=all(check.ok for check in connection),
            ok=all(check.ok for check in checks),
            checks=[
                DatasourceCheck(name=check.name, ok=check.ok, detail=check.detail)
                for check in checks
            ],
        )

    def catalog(
        self, caller: Principal, name: str, *, search: str = "", limit: int = DEFAULT_ENTRIES
    ) -> DatasourceCatalog:
        """Return what a datasource holds, or what of it has `search` in its name.

        Raises:
            NotFoundError: no such datasource.
            UnsupportedOperationError: its type cannot tell.
        """
        found = [
            entry
            for entry in self._describable(caller, name).catalog()
            if search.casefold() in _full_name(entry).casefold()
        ]
        shown = found[: min(limit, MOST_ENTRIES)]
        return DatasourceCatalog(
            name=name, entries=shown, total=len(found), truncated=len(shown) < len(found)
        )

    def describe(self, caller: Principal, name: str, entry: str) -> dict[str, Any]:
        """Return one entry in full: the columns with type and nullability, or the parameters.

        Raises:
            NotFoundError: no such datasource or entry.
            UnsupportedOperationError: its type cannot tell.
        """
        return dict(self._describable(caller, name).describe(entry))

    def sample(
        self, caller: Principal, name: str, entry: str, *, limit: int = DEFAULT_ROWS
    ) -> DatasourceSample:
        """Return the first rows of an entry that has rows.

        Raises:
            NotFoundError: no such datasource or entry.
            UnsupportedOperationError: its type cannot tell, or the entry has no rows.
        """
        rows = self._describable(caller, name).sample(entry, limit=max(1, min(limit, MOST_ROWS)))
        return DatasourceSample(name=name, entry=entry, rows=_plain(decode(rows)))

    def _checks(self, caller: Principal, name: str) -> list[Check]:
        try:
            datasource = self._connections.get(caller.project, name)
        except NotFoundError:
            raise
        except AnalysisSandboxError as error:
            # It is there, but cannot even be opened: that is what the test finds.
            return [Check("configuration", ok=False, detail=_told(error))]
        if not isinstance(datasource, Testable):
            raise _cannot(datasource, name, "be tested")
        try:
            return list(datasource.test())
        except AnalysisSandboxError as error:
            return [Check("connection", ok=False, detail=_told(error))]

    def _describable(self, caller: Principal, name: str) -> Describable:
        caller.require(Role.RUNNER)
        datasource = self._connections.get(caller.project, name)
        if not isinstance(datasource, Describable):
            raise _cannot(datasource, name, "tell what it holds")
        return datasource


def _plain(value: Any) -> Any:
    """Return rows as plain JSON: bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {name: _plain(item) for name, item in items}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def _full_name(entry: Any) -> str:
    schema = entry.get("schema")
    return f"{schema}.{entry.get('name')}" if schema else str(entry.get("name"))


def _told(error: AnalysisSandboxError) -> str:
    return " ".join(filter(None, (error.message, error.hint)))


def _cannot(datasource: Datasource, name: str, what: str) -> UnsupportedOperationError:
    return UnsupportedOperationError(
        f"Datasource '{name}' ({type(datasource).type_name}) cannot {what}",
        details={"datasource": name, "type": type(datasource).type_name},
    )
