"""The open datasources of this process: opened at first use, reopened when reconfigured."""

import contextlib
import difflib
import threading
from collections.abc import Collection, Sequence
from typing import Self, cast

from analysis_sandbox.datasources.base import Datasource, Streaming
from analysis_sandbox.datasources.configuration import (
    DatasourceConfiguration,
    DatasourceConfigurations,
)
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import (
    ConfigurationError,
    MissingDependencyError,
    NotFoundError,
)
from analysis_sandbox.values import JSONObject, JSONValue


class Connections:
    """Datasources by project and name. Every method may be called from any thread."""

    def __init__(self, configurations: DatasourceConfigurations) -> None:
        self._configurations = configurations
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], tuple[DatasourceConfiguration, Datasource]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def revision(self) -> int:
        """The revision of the configuration."""
        return self._configurations.revision

    def get(self, project: str, name: str) -> Datasource:
        """Return a datasource; the same one until its configuration changes.

        Raises:
            NotFoundError: the project has no such datasource.
            ConfigurationError: it is stored, and cannot be used as it is.
        """
        entries = self._configurations.project(project)
        if name not in entries:
            entries = self._configurations.project(project, fresh=True)
        entry = entries.get(name)
        opened = replaced = None
        try:
            with self._lock:
                known = self._open.get((project, name))
                if known is not None and known[0] is entry:
                    return known[1]
                if known is not None:
                    replaced = self._open.pop((project, name))[1]
                if entry is not None:
                    opened = entry.open()
                    self._open[project, name] = (entry, opened)
        finally:
            if replaced is not None:
                replaced.close()
        if opened is None:
            raise self._not_found(name, entries)
        return opened

    def operations(self, project: str) -> dict[str, JSONObject]:
        """Return type and operations of each datasource of a project. Connects to nothing."""
        return {
            name: {
                "type": entry.type,
                "operations": list[JSONValue](entry.operation_names()),
            }
            for name, entry in self._configurations.project(project, fresh=True).items()
        }

    def streams(self, project: str) -> dict[str, list[str]]:
        """Return the names of what each datasource of a project streams. Connects to nothing."""
        found: dict[str, list[str]] = {}
        for name, entry in self._configurations.project(project).items():
            with contextlib.suppress(ConfigurationError, MissingDependencyError):
                kind = load_type(entry.type)
                if hasattr(kind, "stream_names"):
                    streaming = cast("type[Streaming]", kind)
                    found[name] = list(streaming.stream_names(entry.config))
        return found

    def cancel_all(self) -> None:
        """Stop every statement that runs now."""
        for datasource in self._opened():
            datasource.cancel()

    def close(self) -> None:
        """Close every datasource; statements that run may end. What is used later opens anew."""
        with self._lock:
            opened = [datasource for _, datasource in self._open.values()]
            self._open.clear()
        for datasource in opened:
            datasource.close()

    def _opened(self) -> Sequence[Datasource]:
        with self._lock:
            return [datasource for _, datasource in self._open.values()]

    def _not_found(self, name: str, known: Collection[str]) -> NotFoundError:
        nearest = difflib.get_close_matches(name, known, n=1)
        hints = [f"Did you mean '{nearest[0]}'?"] if nearest else []
        hints.append(f"Configured: {', '.join(sorted(known)) or 'none'}.")
        if problem := self._configurations.problem:
            hints.append(problem)
        return NotFoundError(
            f"Datasource '{name}' not found",
            hint=" ".join(hints),
            details={"datasource": name, "known": sorted(known)},
        )
