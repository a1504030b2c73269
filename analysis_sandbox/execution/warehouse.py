"""`ctx.duckdb`: the project's warehouse, as one run reaches it."""

# pyarrow has no type information: what is read from a datasource goes on untouched.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from analysis_sandbox.datasources.base import ArrowReadable, WriteMode
from analysis_sandbox.errors import ResultTooLargeError, ValidationFailedError
from analysis_sandbox.execution.references import References
from analysis_sandbox.execution.sources import DatasourceAccess, as_text
from analysis_sandbox.limits import Limits
from analysis_sandbox.values import EncodedJSON, JSONObject
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession
from analysis_sandbox.warehouse.plain_arrow import plain_query, plain_rows
from analysis_sandbox.warehouse.tables import quoted

# What fills the placeholders of a statement: in order, or by name.
Parameters = Sequence[object] | Mapping[str, object] | None
_MODES: tuple[WriteMode, ...] = ("replace", "append", "error")
_PREVIEW_ROWS = 20
_MOST_PREVIEW_ROWS = 1000
_PREVIEW_BYTES = 1 << 20


class WarehouseAccess:
    """The run's one warehouse session, opened at its first use."""

    def __init__(
        self,
        warehouse: Warehouse,
        datasources: DatasourceAccess,
        *,
        limits: Limits,
        references: References | None = None,
    ) -> None:
        self._datasources = datasources
        self._limits = limits
        self._references = references or References()
        self._session = LazySession(
            lambda: warehouse.session(memory_mb=limits.duckdb_memory_mb),
        )

    def session(self) -> WarehouseSession:
        """Return the session; raises `ValidationFailedError` when the run has ended."""
        return self._session.get()

    def functions(self) -> Mapping[str, Callable[..., object]]:
        """Return the host functions by the name the runtime calls."""
        return {
            "duckdb.exec": self.execute,
            "duckdb.query": self.query,
            "duckdb.load": self.load,
            "duckdb.export": self.export,
            "duckdb.result": self.result,
            "duckdb.tables": self.tables,
            "duckdb.describe": self.describe,
            "duckdb.drop": self.drop,
        }

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
        given = _options("query", options, "cache", "timeoutMs")
        cached, timeout_ms = given.get("cache", False), given.get("timeoutMs")
        if not isinstance(cached, bool):
            raise ValidationFailedError("query: cache is true or false")
        return self.session().query(
            as_text(sql, "sql"),
            params,
            max_bytes=self._limits.result_bytes,
            cached=cached,
            timeout_ms=None if timeout_ms is None else _milliseconds(timeout_ms),
        )

    def load(
        self, datasource: str, sql: str, table: str, options: Mapping[str, object] | None = None
    ) -> JSONObject:
        """`ctx.duckdb.load`: stream the rows of a query, or of an object, into a table.

        The options are the mode, `params`, and whatever else the datasource's type reads by.
        """
        given = dict(_options("load", options))
        mode = _mode("load", given.pop("mode", "replace"))
        params = given.pop("params", None)
        source = self._datasources.readable(as_text(datasource, "datasource"))
        reading = _reading_options(source, given)
        with source.read_arrow(as_text(sql, "sql"), params, **reading) as reader:
            rows = self.session().load(as_text(table, "tableName"), reader, mode=mode)
        return {"table": table, "rows": rows}

    def export(
        self, table: str, datasource: str, target: str, options: Mapping[str, object] | None = None
    ) -> JSONObject:
        """`ctx.duckdb.export`: write a table to a datasource, batch by batch.

        Without a mode the datasource's type decides; to a database rows are added.
        """
        given = _options("export", options, "mode")
        writing: dict[str, Any] = {}
        if "mode" in given:
            writing["mode"] = _mode("export", given["mode"])
        name = as_text(datasource, "datasource")
        goal = self._datasources.writable(name)
        session = self.session()
        info = session.describe(as_text(table, "tableName"))
        with session.read_arrow(plain_query(info)) as reader:
            rows = goal.write_arrow(as_text(target, "target"), plain_rows(reader), **writing)
        return {"target": target, "rows": rows}

    def result(self, table: str, options: Mapping[str, object] | None = None) -> EncodedJSON:
        """`ctx.duckdb.result`: what stands in a result for all rows of a table.

        Its first rows are in it; those that are asked for must fit, the usual ones may be fewer.
        """
        given = _options("result", options, "preview")
        wanted = given.get("preview", _PREVIEW_ROWS)
        if not isinstance(wanted, int) or not 0 <= wanted <= _MOST_PREVIEW_ROWS:
            raise ValidationFailedError(
                f"result: preview is a number of rows from 0 to {_MOST_PREVIEW_ROWS}"
            )
        session = self.session()
        if session.has_transaction:
            raise ValidationFailedError(
                "result: a transaction is open, and nobody else sees its tables yet: COMMIT first"
            )
        info = session.describe(as_text(table, "tableName"))
        sql = f"SELECT * FROM main.{quoted(info.name)} LIMIT "
        for rows in (wanted,) if "preview" in given else (wanted, 1, 0):
            try:
                preview = session.query(f"{sql}{rows}", max_bytes=_PREVIEW_BYTES)
            except ResultTooLargeError:
                if "preview" in given:
                    raise
            else:
                return self._references.add(info, preview)
        raise AssertionError

    def tables(self) -> list[str]:
        """`ctx.duckdb.tables`."""
        return self.session().tables()

    def describe(self, table: str) -> JSONObject:
        """`ctx.duckdb.describe`."""
        return self.session().describe(as_text(table, "tableName")).for_script()

    def drop(self, table: str) -> None:
        """`ctx.duckdb.drop`."""
        self.session().drop(as_text(table, "tableName"))

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


def _options(function: str, given: object, *known: str) -> Mapping[str, object]:
    """Return a script's options; with names in `known`, no others."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        example = f"{{{known[0]}}}" if known else "{mode}"
        raise ValidationFailedError(f"{function}: the options must be an object, such as {example}")
    options = cast("Mapping[str, object]", given)
    if known and (unknown := sorted(options.keys() - set(known))):
        raise ValidationFailedError(
            f"{function}: there is no option '{unknown[0]}'; there are {', '.join(known)}"
        )
    return options


def _mode(function: str, given: object) -> WriteMode:
    for mode in _MODES:
        if given == mode:
            return mode
    raise ValidationFailedError(
        f"{function}: mode must be one of {', '.join(_MODES)}, not {given!r}"
    )


def _milliseconds(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ValidationFailedError(f"query: timeoutMs is a whole number from 1, not {given!r}")
    return given


def _reading_options(source: ArrowReadable, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the options that a type reads by, such as the format of an object."""
    parameters = inspect.signature(source.read_arrow).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return dict(given)
    known = [
        parameter.name
        for parameter in parameters
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.name != "batch_rows"
    ]
    if unknown := sorted(given.keys() - set(known)):
        raise ValidationFailedError(
            f"load: there is no option '{unknown[0]}' here; "
            f"there are {', '.join(['mode', 'params', *known])}"
        )
    return dict(given)
