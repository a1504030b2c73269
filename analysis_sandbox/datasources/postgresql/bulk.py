"""PostgreSQL's bulk path: whole columns by COPY in the binary protocol, through ADBC.

The server makes text of every type whose binary form loses something (numeric, intervals, arrays)
or means nothing to Arrow (ranges, composites, extensions); that text takes the same way as on the
row path. So both paths have the same values, and a load takes the faster one when the planner
expects many rows.
"""

# pyarrow and the driver have no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
# pyright: reportUnknownLambdaType=false
# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import adbc_driver_manager
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager._reader import AdbcRecordBatchReader
from adbc_driver_postgresql import StatementOptions, dbapi
from psycopg import RawCursor
from psycopg.conninfo import make_conninfo
from psycopg.pq import Format

from analysis_sandbox.datasources.base import ArrowReader
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.datasources.postgresql.arrow import (
    ArrowShape,
    Field,
    register_arrow_loaders,
)
from analysis_sandbox.datasources.postgresql.sessions import (
    BEGIN_READ_ONLY,
    Connection,
    Sessions,
    SessionSettings,
)
from analysis_sandbox.errors import QueryError
from analysis_sandbox.sql.tokens import significant, tokenize, without_terminator

# From so many rows on, by the planner's estimate, the second connection is worth its start.
BULK_ROWS = 50_000
_BATCH_BYTES = 4 << 20
_WRAPPABLE = frozenset({"select", "with", "values", "table"})
# The binary form is what the row path makes of the text.
_NATIVE = frozenset(
    {"int2", "int4", "int8", "float4", "float8", "bool", "bytea", "text", "varchar", "bpchar"}
    | {"date", "timestamp", "timestamptz", "time"}
)
_VOID = 2278
# The driver adds 30 years to every date and time, also to the infinite ones, which overflow.
_DATES = ((-(2**31) + 10_956, 2**31 - 1), (-(2**31) + 10_957, -(2**31) + 1))
_YEARS_30 = 946_684_800_000_000
_TIMESTAMPS = ((-(2**63) + _YEARS_30 - 1, 2**63 - 1), (-(2**63) + _YEARS_30, -(2**63) + 1))
_EARLIEST = {"date": -(2**30), "timestamp": -(2**62), "timestamptz": -(2**62)}
Convert = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """A statement that COPY can run, and what makes the columns it gives those of the row path."""

    sql: str
    schema: pa.Schema
    convert: tuple[Convert, ...]


class BulkSession:
    """One connection of the bulk driver, and whether its batch has taken too long."""

    def __init__(self, connection: dbapi.Connection) -> None:
        self.connection = connection
        self.cursor: dbapi.Cursor | None = None
        self.expired = False

    def execute(self, sql: str) -> None:
        """Run a statement that has no rows anybody looks at."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql)


class BulkSessions:
    """How a pool opens, prepares and ends the connections of the bulk driver."""

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What the driver raises for a connection that is gone."""
        return (adbc_driver_manager.Error,)

    def connect(self) -> BulkSession:
        """Open a connection."""
        settings = self._settings
        conninfo = make_conninfo(
            settings.url,
            client_encoding="UTF8",
            connect_timeout=settings.connect_timeout_seconds,
            fallback_application_name="analysis-sandbox",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            tcp_user_timeout=30_000,
        )
        return BulkSession(dbapi.connect(conninfo, autocommit=True))

    def prepare(self, connection: BulkSession) -> None:
        """Tell whether it is there; the transaction begins with what is done in it."""
        connection.expired = False
        connection.execute("rollback")

    def begin(self, connection: BulkSession, how: str) -> None:
        """Begin a transaction with its settings; a query after which READ ONLY is final."""
        connection.execute(how)
        connection.execute(f"select {self._settings.local_settings(timeout_ms=0)}")

    def finish(self, connection: BulkSession) -> bool:
        """Roll back what was not committed; tell whether it worked."""
        connection.cursor = None
        try:
            connection.execute("rollback")
        except adbc_driver_manager.Error:
            return False
        return True

    def interrupt(self, connection: BulkSession) -> None:
        """Cancel the running statement at the server."""
        with contextlib.suppress(adbc_driver_manager.Error):
            if connection.cursor is not None:
                connection.cursor.adbc_cancel()
            else:
                connection.connection.adbc_cancel()

    def close(self, connection: BulkSession) -> None:
        """Close the connection; the server rolls back what is open."""
        with contextlib.suppress(adbc_driver_manager.Error):
            connection.connection.close()


class Bulk:
    """Reads large results of one datasource; its connections are apart from those for rows."""

    def __init__(self, sessions: Sessions, settings: SessionSettings, *, size: int) -> None:
        self._sessions = sessions
        self._settings = settings
        self._bulk_sessions = BulkSessions(settings)
        self._pool = Pool(
            self._bulk_sessions,
            size=size,
            wait_seconds=settings.query_timeout_seconds,
            name=settings.name,
        )

    def plan(self, connection: Connection, sql: str) -> BulkPlan | None:
        """Return how to read a statement by COPY, None where the row path is the better one."""
        first = next(iter(significant(tokenize(sql, "postgres"))), None)
        if first is None or not (first.keyword in _WRAPPABLE or first.text == "("):
            return None
        query = without_terminator(sql, "postgres")
        if _estimated_rows(connection, query) < BULK_ROWS:
            return None
        cursor = RawCursor(connection)
        register_arrow_loaders(cursor)
        with connection.pipeline():
            cursor.execute(f"select * from (\n{query}\n) as q limit 0".encode())
        shape = ArrowShape(cursor)
        columns = list(cursor.description or ())
        if not columns or any(column.type_code == _VOID for column in columns):
            return None
        kinds = [_native_kind(cursor, column.type_code) for column in columns]
        names = [f"c{number}" for number in range(len(kinds))]
        casts = ["" if kind else "::pg_catalog.text" for kind in kinds]
        selected = ", ".join(name + cast for name, cast in zip(names, casts, strict=True))
        return BulkPlan(
            sql=f"select {selected} from (\n{query}\n) as q ({', '.join(names)})",
            schema=shape.schema,
            convert=tuple(
                _native(field, kind) if kind else _parsed(field, cursor, column.type_code)
                for field, kind, column in zip(shape.fields, kinds, columns, strict=True)
            ),
        )

    @contextlib.contextmanager
    def read(self, plan: BulkPlan, *, batch_rows: int) -> Generator[ArrowReader]:
        """Stream the rows; every batch has the datasource's time limit."""
        with self._translated(None), self._pool.lease() as lease, self._translated(lease):
            self._bulk_sessions.begin(lease.connection, BEGIN_READ_ONLY)
            with lease.connection.connection.cursor() as cursor:
                lease.connection.cursor = cursor
                cursor.adbc_statement.set_options(
                    **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(_BATCH_BYTES)}
                )
                with self._limited(lease):
                    cursor.execute(plan.sql)
                    # Not `fetch_record_batch`: its errors do not say the SQLSTATE.
                    handle = cursor.fetch_arrow()
                    source = AdbcRecordBatchReader._import_from_c(handle.address)
                batches = self._batches(lease, source, plan, batch_rows)
                yield pa.RecordBatchReader.from_batches(plan.schema, batches)
            if lease.interrupted:
                raise self._sessions.cancelled()

    @contextlib.contextmanager
    def writing(self) -> Generator[BulkSession]:
        """Lend a session in a transaction, which is committed at the end."""
        with self._translated(None), self._pool.lease() as lease, self._translated(lease):
            self._bulk_sessions.begin(lease.connection, "begin")
            yield lease.connection
            lease.connection.cursor = None
            lease.connection.execute("commit")

    def cancel(self) -> None:
        """Stop every running statement at the server."""
        self._pool.interrupt()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _batches(
        self, lease: Lease[BulkSession], source: ArrowReader, plan: BulkPlan, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        while True:
            with self._translated(lease), self._limited(lease):
                try:
                    found = source.read_next_batch()
                except StopIteration:
                    return
            for start in range(0, found.num_rows, batch_rows):
                yield _converted(found.slice(start, batch_rows), plan)

    @contextlib.contextmanager
    def _limited(self, lease: Lease[BulkSession]) -> Generator[None]:
        """Cancel, at the server, what takes longer than the time limit."""

        def expire() -> None:
            lease.connection.expired = True
            self._pool.interrupt([lease])

        timer = threading.Timer(self._settings.query_timeout_seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def _translated(self, lease: Lease[BulkSession] | None) -> Generator[None]:
        expired = lease is not None and lease.connection.expired
        if lease is not None and lease.interrupted:
            raise self._sessions.timed_out() if expired else self._sessions.cancelled()
        try:
            yield
        except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
            if lease is not None and lease.connection.expired:
                raise self._sessions.timed_out() from error
            if lease is not None and lease.interrupted:
                raise self._sessions.cancelled() from error
            raise self._sessions.foreign(
                str(error), state=getattr(error, "sqlstate", None) or ""
            ) from error


def _estimated_rows(connection: Connection, query: str) -> float:
    cursor = RawCursor(connection)
    with connection.pipeline():
        cursor.execute(f"explain (format json) {query}".encode())
    (plans,) = cursor.fetchone() or ([{}],)
    return float(plans[0].get("Plan", {}).get("Plan Rows", 0))


def _native_kind(cursor: psycopg.Cursor[Any], code: int) -> str:
    info = cursor.adapters.types.get(code)
    if info is None or info.array_oid == code or info.name not in _NATIVE:
        return ""
    return info.name


def _native(field: Field, kind: str) -> Convert:
    infinities = _DATES if kind == "date" else _TIMESTAMPS

    def convert(values: pa.Array) -> pa.Array:
        return values if values.type == field.type else values.cast(field.type)

    def convert_time(values: pa.Array) -> pa.Array:
        wide = pa.int32() if kind == "date" else pa.int64()
        numbers = values.view(wide)
        lowest = pc.min(numbers).as_py()
        if lowest is not None and lowest < _EARLIEST[kind]:
            for wrapped, meant in infinities:
                found = pc.equal(numbers, pa.scalar(wrapped, wide))
                numbers = pc.if_else(found, pa.scalar(meant, wide), numbers)
            _check_range(field, numbers, _EARLIEST[kind], lowest=infinities[1][1])
        return numbers.view(field.type)

    return convert_time if kind in _EARLIEST else convert


def _check_range(field: Field, numbers: pa.Array, earliest: int, *, lowest: int) -> None:
    """Refuse a time so late that the driver's 30 years made it an early one."""
    early = pc.less(numbers, pa.scalar(earliest, numbers.type))
    minus_infinity = pc.equal(numbers, pa.scalar(lowest, numbers.type))
    if pc.any(pc.and_not(early, minus_infinity)).as_py():
        raise _misfit(field)


def _parsed(field: Field, cursor: psycopg.Cursor[Any], code: int) -> Convert:
    """Return what takes a column's text the way of the row path."""
    if pa.types.is_decimal(field.type):
        return lambda values: _decimals(field, values)
    if field.is_text:
        return lambda values: values
    loader_class = cursor.adapters.get_loader(code, Format.TEXT)
    assert loader_class is not None
    loader = loader_class(code, cursor)

    def convert(values: pa.Array) -> pa.Array:
        loaded = [
            None if text is None else loader.load(text.encode()) for text in values.to_pylist()
        ]
        return field.build(loaded)

    return convert


def _decimals(field: Field, values: pa.Array) -> pa.Array:
    try:
        return values.cast(field.type)
    except pa.ArrowInvalid:
        is_number = pc.not_equal(values, pa.scalar("NaN"))
        return pc.if_else(is_number, values, pa.scalar(None, pa.string())).cast(field.type)


def _converted(batch: pa.RecordBatch, plan: BulkPlan) -> pa.RecordBatch:
    arrays: list[pa.Array] = []
    for index, convert in enumerate(plan.convert):
        try:
            arrays.append(convert(batch.column(index)))
        except (pa.ArrowInvalid, OverflowError, ValueError) as error:
            raise _misfit(plan.schema.field(index)) from error
    return pa.RecordBatch.from_arrays(arrays, schema=plan.schema)


def _misfit(field: Field | pa.Field) -> QueryError:
    return QueryError(
        f"A value of column {field.name!r} does not fit {field.type}",
        hint=f"Cast it in the query, for example {field.name}::text.",
    )
