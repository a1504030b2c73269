"""What `ctx` reaches during one run: the allow-list of host functions, bound to that run."""

# pyarrow has no type information: what is read from a datasource goes on untouched.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from analysis_sandbox.datasources.base import (
    ArrowReadable,
    Datasource,
    Operation,
    find_operation,
    read_only_error,
)
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.datasources.gate import check_statement
from analysis_sandbox.errors import (
    NotFoundError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import HostFunctions
from analysis_sandbox.sql.tokens import Dialect
from analysis_sandbox.values import EncodedJSON, JSONObject
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession

LoadMode = Literal["replace", "append", "error"]
_DIALECTS: dict[str, Dialect] = {"postgresql": "postgres", "sqlite": "sqlite"}
_LOAD_MODES: tuple[LoadMode, ...] = ("replace", "append", "error")


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
        return cast("JSONObject", {name: known[name] for name in self._declared if name in known})

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
        return datasource

    def _get(self, name: str) -> Datasource:
        if name not in self._declared:
            raise NotFoundError(
                f"Datasource '{name}' not found",
                hint=f"This analysis may use: {', '.join(self._declared) or 'none'}. "
                "Add it to dependencies.datasources.",
            )
        return self._connections.get(self._project, name)


class WarehouseAccess:
    """The run's one warehouse session, opened at its first use."""

    def __init__(
        self, warehouse: Warehouse, datasources: DatasourceAccess, *, limits: Limits
    ) -> None:
        self._warehouse = warehouse
        self._datasources = datasources
        self._limits = limits
        self._lock = threading.Lock()
        self._session: WarehouseSession | None = None
        self._closed = False

    def execute(self, sql: str) -> None:
        """`ctx.duckdb.exec`."""
        self._open().execute(_text(sql, "sql"))

    def query(
        self, sql: str, params: Sequence[object] | Mapping[str, object] | None = None
    ) -> EncodedJSON:
        """`ctx.duckdb.query`."""
        return self._open().query(_text(sql, "sql"), params, max_bytes=self._limits.result_bytes)

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
        source = self._datasources.readable(_text(datasource, "datasource"))
        with source.read_arrow(_text(sql, "sql")) as reader:
            self._open().load(_text(table, "tableName"), reader, mode=mode)

    def tables(self) -> list[str]:
        """`ctx.duckdb.tables`."""
        return self._open().tables()

    def describe(self, table: str) -> JSONObject:
        """`ctx.duckdb.describe`."""
        return self._open().describe(_text(table, "tableName")).for_script()

    def close(self) -> None:
        """End the session; an open transaction is rolled back."""
        with self._lock:
            self._closed = True
            session, self._session = self._session, None
        if session is not None:
            session.interrupt()
            session.close()

    def _open(self) -> WarehouseSession:
        with self._lock:
            if self._closed:
                raise ValidationFailedError("The run has ended; its warehouse session is closed")
            if self._session is None:
                self._session = self._warehouse.session(memory_mb=self._limits.duckdb_memory_mb)
            return self._session


@dataclass(frozen=True, slots=True)
class MetadataAccess:
    """`ctx.metadata`, bound to one analysis: reads, writes and what this run wrote."""

    get: Callable[[str], object]
    set: Callable[[str, object], None]
    has: Callable[[str], bool]
    delete: Callable[[str], bool]
    list: Callable[[], Sequence[str]]


def full_host(
    *,
    datasources: DatasourceAccess,
    warehouse: WarehouseAccess,
    metadata: MetadataAccess,
    run_analysis: Callable[[str, object], object],
    log: Callable[[str, str], None],
) -> HostFunctions:
    """Return everything a `run` may call."""
    return HostFunctions(
        asynchronous={
            "datasource.call": datasources.call,
            "duckdb.exec": warehouse.execute,
            "duckdb.query": warehouse.query,
            "duckdb.load": warehouse.load,
            "duckdb.tables": warehouse.tables,
            "duckdb.describe": warehouse.describe,
            "runAnalysis": run_analysis,
        },
        synchronous={
            "metadata.get": metadata.get,
            "metadata.set": metadata.set,
            "metadata.has": metadata.has,
            "metadata.delete": metadata.delete,
            "metadata.list": metadata.list,
        },
        log=log,
    )


def read_only_host(
    *, datasources: DatasourceAccess, log: Callable[[str, str], None]
) -> HostFunctions:
    """Return what an options function may call: reads of the declared datasources."""
    return HostFunctions(
        asynchronous={"datasource.call": datasources.call}, synchronous={}, log=log
    )


def _check_reads(
    datasource: Datasource, operation: str, arguments: Sequence[object], *, name: str
) -> None:
    """Refuse to write, also where the configuration would allow it."""
    kind = type(datasource)
    if operation in getattr(kind, "write_operations", ()):
        raise read_only_error(name, f"{operation} writes")
    dialect = _DIALECTS.get(kind.type_name)
    if dialect is not None and arguments and isinstance(arguments[0], str):
        check_statement(arguments[0], dialect=dialect, access="read_only", name=name)


def _check_arguments(function: Operation, arguments: Sequence[object], *, name: str) -> None:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        raise ValidationFailedError(f"{name}: {error}") from error


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(f"{name} must be a string, not {type(value).__name__}")
    return value
