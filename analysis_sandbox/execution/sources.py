"""The data that one run reaches: the declared datasources and the project's warehouse."""

# pyarrow has no type information: what is read from a datasource goes on untouched.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, cast

from analysis_sandbox.datasources.base import (
    ArrowReadable,
    ArrowReader,
    Datasource,
    Operation,
    find_operation,
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
from analysis_sandbox.limits import Limits
from analysis_sandbox.sql.tokens import Dialect
from analysis_sandbox.values import EncodedJSON, JSONObject, JSONValue
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession

LoadMode = Literal["replace", "append", "error"]
_DIALECTS: dict[str, Dialect] = {"postgresql": "postgres", "sqlite": "sqlite"}
_LOAD_MODES: tuple[LoadMode, ...] = ("replace", "append", "error")
_FRAME = "frame"
# What fills the placeholders of a statement: in order, or by name.
Parameters = Sequence[object] | Mapping[str, object] | None


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
        return {name: _with_frame(known[name]) for name in self._declared if name in known}

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

    def readable(self, name: str) -> ArrowReadable:
        """Return a datasource that rows can be streamed from."""
        datasource = self._get(name)
        if not isinstance(datasource, ArrowReadable):
            raise UnsupportedOperationError(f"Datasource {name!r} cannot be loaded as a table")
        return _ReadOnlyRows(datasource, name) if self._read_only else datasource

    def _get(self, name: str) -> Datasource:
        if name not in self._declared:
            raise NotFoundError(
                f"Datasource '{name}' not found",
                hint=f"This analysis may use: {', '.join(self._declared) or 'none'}. "
                "Add it to dependencies.datasources.",
            )
        return self._connections.get(self._project, name)


class _ReadOnlyRows:
    """The rows of a datasource's queries, where none of them may write."""

    def __init__(self, datasource: ArrowReadable, name: str) -> None:
        self._datasource = datasource
        self._name = name

    def read_arrow(
        self, sql: str, params: Sequence[object] = (), *, batch_rows: int = 65_536
    ) -> AbstractContextManager[ArrowReader]:
        """Stream a query's rows."""
        _check_reads(self._datasource, "query", (sql,), name=self._name)
        return self._datasource.read_arrow(sql, params, batch_rows=batch_rows)


class WarehouseAccess:
    """The run's one warehouse session, opened at its first use."""

    def __init__(
        self, warehouse: Warehouse, datasources: DatasourceAccess, *, limits: Limits
    ) -> None:
        self._datasources = datasources
        self._limits = limits
        self._session = LazySession(
            lambda: warehouse.session(memory_mb=limits.duckdb_memory_mb),
        )

    def session(self) -> WarehouseSession:
        """Return the session; raises `ValidationFailedError` when the run has ended."""
        return self._session.get()

    def execute(self, sql: str, params: Parameters = None) -> None:
        """`ctx.duckdb.exec`: several statements, or one with parameters."""
        if params is None:
            self.session().execute(as_text(sql, "sql"))
        else:
            self.query(sql, params)

    def query(
        self, sql: str, params: Parameters = None, options: Mapping[str, object] | None = None
    ) -> EncodedJSON:
        """`ctx.duckdb.query`."""
        return self.session().query(
            as_text(sql, "sql"),
            params,
            max_bytes=self._limits.result_bytes,
            cached=_is_cached(options),
        )

    def load(
        self, datasource: str, sql: str, table: str, options: Mapping[str, object] | None = None
    ) -> None:
        """`ctx.duckdb.load`: stream a query's rows into a persistent table."""
        # What a script passes may be anything.
        given = cast("object", options)
        if given is not None and not isinstance(given, Mapping):
            raise ValidationFailedError("load: the options must be an object, such as {mode}")
        mode = (options or {}).get("mode", "replace")
        if mode not in _LOAD_MODES:
            raise ValidationFailedError(
                f"load: mode must be one of {', '.join(_LOAD_MODES)}, not {mode!r}"
            )
        source = self._datasources.readable(as_text(datasource, "datasource"))
        with source.read_arrow(as_text(sql, "sql")) as reader:
            self.session().load(as_text(table, "tableName"), reader, mode=mode)

    def tables(self) -> list[str]:
        """`ctx.duckdb.tables`."""
        return self.session().tables()

    def describe(self, table: str) -> JSONObject:
        """`ctx.duckdb.describe`."""
        return self.session().describe(as_text(table, "tableName")).for_script()

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        self._session.close()


class LazySession:
    """One warehouse session that is opened when it is needed first."""

    def __init__(self, begin: Callable[[], WarehouseSession]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._opened: WarehouseSession | None = None
        self._closed = False

    def get(self) -> WarehouseSession:
        """Return the session; raises `ValidationFailedError` when the run has ended."""
        with self._lock:
            if self._closed:
                raise ValidationFailedError("The run has ended; its warehouse session is closed")
            if self._opened is None:
                self._opened = self._begin()
            return self._opened

    def close(self) -> None:
        """End the session, and what it is working on."""
        with self._lock:
            self._closed = True
            session, self._opened = self._opened, None
        if session is not None:
            session.interrupt()
            session.close()


def as_text(value: object, name: str) -> str:
    """Return a script's argument that must be text; raises `ValidationFailedError`."""
    if not isinstance(value, str):
        raise ValidationFailedError(f"{name} must be a string, not {type(value).__name__}")
    return value


def _is_cached(options: object) -> bool:
    given = cast("Mapping[str, object]", options) if isinstance(options, Mapping) else {}
    cache = given.get("cache", False)
    if (options is not None and given.keys() - {"cache"}) or not isinstance(cache, bool):
        raise ValidationFailedError("query: the options are {cache: true} or {cache: false}")
    if options is not None and not isinstance(options, Mapping):
        raise ValidationFailedError("query: the options must be an object, such as {cache: true}")
    return cache


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
    dialect = _DIALECTS.get(getattr(kind, "type_name", ""))
    if dialect is not None and arguments and isinstance(arguments[0], str):
        check_statement(arguments[0], dialect=dialect, access="read_only", name=name)


def _check_arguments(function: Operation, arguments: Sequence[object], *, name: str) -> None:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise ValidationFailedError(f"{name}: {error}") from error
