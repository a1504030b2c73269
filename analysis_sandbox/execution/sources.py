"""The declared datasources that one run reaches."""

# pyarrow has no type information: what is read from a datasource goes on untouched.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import inspect
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, cast, runtime_checkable

from analysis_sandbox.datasources.base import (
    ArrowReadable,
    ArrowReader,
    ArrowWritable,
    Datasource,
    Operation,
    Stream,
    StreamOpener,
    find_operation,
    find_stream,
    read_only_error,
)
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.datasources.gate import check_statement
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import (
    NotFoundError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.sql.tokens import Dialect
from analysis_sandbox.values import JSONObject, JSONValue

_FRAME = "frame"


class DatasourceAccess:
    """The datasources that one analysis declared, of one project.

    With `read_only` none of them is written, whatever its configuration allows.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        project: str,
        declared: Sequence[str],
        read_only: bool = False,
    ) -> None:
        self._connections = connections
        self._project = project
        self._declared = tuple(declared)
        self._read_only = read_only

    def facts(self) -> JSONObject:
        """Return type and operations of each declared datasource that is configured."""
        known = self._connections.operations(self._project)
        streams = self._connections.streams(self._project)
        facts: JSONObject = {}
        for name in self._declared:
            if name in known:
                names: list[JSONValue] = [*streams.get(name, ())]
                facts[name] = {**_with_frame(known[name]), "streams": names}
        return facts

    def call(self, name: str, operation: str, arguments: Sequence[object]) -> object:
        """Call one operation. Looks names up; never turns script text into an attribute."""
        datasource = self._get(name)
        function = find_operation(datasource, operation, name=name)
        if self._read_only:
            _check_reads(datasource, operation, arguments, name=name)
        try:
            return function(*arguments)
        except TypeError:
            _check_arguments(function, arguments, name=f"{name}.{operation}")
            raise

    def stream(self, name: str, stream: str, arguments: Sequence[object]) -> Stream:
        """Return what a stream gives chunk by chunk; it begins when the first is asked for."""
        datasource = self._get(name)
        opener = find_stream(datasource, stream, name=name)
        if self._read_only:
            _check_reads(datasource, stream, arguments, name=name)
        try:
            return opener(*arguments)
        except TypeError:
            _check_arguments(opener, arguments, name=f"{name}.{stream}")
            raise

    def readable(self, name: str) -> ArrowReadable:
        """Return a datasource that rows can be streamed from."""
        datasource = self._get(name)
        if not isinstance(datasource, ArrowReadable):
            raise UnsupportedOperationError(f"Datasource {name!r} cannot be loaded as a table")
        checked = self._read_only and hasattr(type(datasource), "dialect")
        return _ReadOnlyRows(datasource, name) if checked else datasource

    def writable(self, name: str) -> ArrowWritable:
        """Return a datasource that tables can be written to."""
        datasource = self._get(name)
        if not isinstance(datasource, ArrowWritable):
            raise UnsupportedOperationError(f"Tables cannot be exported to datasource {name!r}")
        if self._read_only:
            raise read_only_error(name, "an export writes")
        return datasource

    def _get(self, name: str) -> Datasource:
        if name not in self._declared:
            raise NotFoundError(
                f"Datasource '{name}' not found",
                hint=f"This analysis may use: {', '.join(self._declared) or 'none'}. "
                "Add it to dependencies.datasources.",
            )
        return self._connections.get(self._project, name)


@runtime_checkable
class _ReadChecking(Protocol):
    """A datasource some of whose operations write for some arguments only."""

    def check_reads(self, operation: str, arguments: Sequence[object]) -> None:
        """Raise `ReadOnlyError` for a call that writes, whatever `access` allows."""
        ...


class _ReadOnlyRows:
    """The rows of a datasource's queries, where none of them may write."""

    def __init__(self, datasource: ArrowReadable, name: str) -> None:
        self._datasource = datasource
        self._name = name

    def read_arrow(
        self, sql: str, params: object = (), *, batch_rows: int = 65_536
    ) -> AbstractContextManager[ArrowReader]:
        """Stream a query's rows."""
        _check_reads(self._datasource, "query", (sql,), name=self._name)
        return self._datasource.read_arrow(sql, params, batch_rows=batch_rows)


def as_text(value: object, name: str) -> str:
    """Return a script's argument that must be text; raises `ValidationFailedError`."""
    if not isinstance(value, str):
        raise ValidationFailedError(f"{name} must be a string, not {type(value).__name__}")
    return value


def _with_frame(facts: JSONObject) -> JSONObject:
    """Add what every type offers whose rows can be streamed: a DataFrame of a query."""
    if not hasattr(load_type(str(facts["type"])), "read_arrow"):
        return facts
    operations = cast("list[JSONValue]", facts["operations"])
    return {**facts, "operations": [*operations, _FRAME]}


def _check_reads(
    datasource: object, operation: str, arguments: Sequence[object], *, name: str
) -> None:
    """Refuse to write, also where the configuration would allow it."""
    kind = type(datasource)
    if operation in getattr(kind, "write_operations", ()):
        raise read_only_error(name, f"{operation} writes")
    if isinstance(datasource, _ReadChecking):
        datasource.check_reads(operation, arguments)
    dialect: Dialect | None = getattr(kind, "dialect", None)
    if dialect is not None and arguments and isinstance(arguments[0], str):
        check_statement(arguments[0], dialect=dialect, access="read_only", name=name)


def _check_arguments(
    function: Operation | StreamOpener, arguments: Sequence[object], *, name: str
) -> None:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise ValidationFailedError(f"{name}: {error}") from error
