"""A run's way to its project's warehouse: sessions, each with a transaction of its own.

warehouse = Warehouse(settings, "default")
with warehouse.session(memory_mb=512, timeout_ms=30_000) as session:
session.execute("CREATE OR REPLACE TABLE t AS SELECT 1 AS a")
rows = session.query("SELECT * FROM t", max_bytes=10 << 20)
"""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import contextlib
import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    StatementRefusedError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.formats.arrow_json import encode_rows, unique_names
from analysis_sandbox.settings import Settings
from analysis_sandbox.sql.warehouse_policy import CheckedSQL, check_query, check_script
from analysis_sandbox.values import EncodedJSON, JSONObject
from analysis_sandbox.warehouse.arrow_frames import StreamSender, from_body
from analysis_sandbox.warehouse.link import Call, Link
from analysis_sandbox.warehouse.model import ColumnInfo, LoadMode, Rows, TableInfo
from analysis_sandbox.warehouse.protocol import (
    VERSION,
    Channel,
    ConnectionLostError,
    Frame,
    encode_parameters,
    raise_error,
)
from analysis_sandbox.warehouse.starter import connect, connect_running

_HELLO_ATTEMPTS = 20
_HELLO_SECONDS = 30
# The server ends an overdue call itself; this is for a server that does not answer at all.
_GRACE_SECONDS = 30
_MODES = ("replace", "append", "error")


class Warehouse:
    """One project's warehouse. Holds no connection; its process starts with the first session."""

    def __init__(self, settings: Settings, project: str) -> None:
        self._settings = settings
        self._project = project

    def session(
        self,
        *,
        memory_mb: int,
        timeout_ms: int | None = None,
        scratch: bool = False,
        read_only: bool = False,
    ) -> "WarehouseSession":
        """Open a session: each operator may use `memory_mb`, each call may take `timeout_ms`.

        A `scratch` session has a database in memory that is its own and ends with it; there it can
        read the project's tables as `project.<table>`. A `read_only` session has only queries, each
        in a transaction of the engine that cannot write.

        Raises:
            UnavailableError: the warehouse cannot be started or does not answer.
            ConfigurationError: its file or its directories cannot be used.
        """
        hello: JSONObject = {
            "op": "hello",
            "protocol": VERSION,
            "memory_mb": memory_mb,
            "timeout_ms": timeout_ms,
            "scratch": scratch,
            "read_only": read_only,
        }
        patience = None if timeout_ms is None else timeout_ms / 1000 + _GRACE_SECONDS
        link = Link(lambda: self._greet(hello), patience)
        return WarehouseSession(self, link, scratch=scratch, read_only=read_only)

    def interrupt(self, session: int, call: int) -> None:
        """End a call of a session; does nothing when the call or the process has ended."""
        connection = connect_running(self._settings, self._project)
        if connection is None:
            return
        with Channel(connection) as channel, contextlib.suppress(ConnectionLostError):
            channel.send({"op": "interrupt", "session": session, "call": call})

    def _greet(self, hello: JSONObject) -> tuple[Channel, int]:
        """Connect and be answered. A process that is ending may accept and then not answer."""
        for attempt in itertools.count(1):
            channel = Channel(connect(self._settings, self._project))
            try:
                channel.set_timeout(_HELLO_SECONDS)
                channel.send(hello)
                header = channel.receive().header
                raise_error(header)
            except AnalysisSandboxError as error:
                channel.close()
                if not isinstance(error, ConnectionLostError):
                    raise
                if attempt == _HELLO_ATTEMPTS:
                    raise UnavailableError(
                        f"The warehouse of '{self._project}' does not answer"
                    ) from error
            else:
                return channel, int(header["session"])
        raise AssertionError


class WarehouseSession:
    """A session: one call at a time (others wait), one transaction at a time.

    BEGIN in one call and COMMIT in a later one hold together. Whatever is not committed when the
    session ends, in whatever way, is rolled back.
    """

    def __init__(
        self, warehouse: Warehouse, link: Link, *, scratch: bool = False, read_only: bool = False
    ) -> None:
        self._warehouse = warehouse
        self._link = link
        self._is_scratch = scratch
        self._is_read_only = read_only

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def has_transaction(self) -> bool:
        """Whether a transaction was open after the last call."""
        return self._link.has_transaction

    def execute(self, sql: str) -> None:
        """Run one or more statements, separated by semicolons.

        Outside BEGIN … COMMIT each statement is a transaction by itself, and is repeated when it
        collides with another's.

        Raises:
            StatementRefusedError: a statement is not allowed, or not understood.
            QueryError: DuckDB refused a statement.
            WriteConflictError: another transaction changed the same data.
            LimitExceededError: it took too long, or needed too much memory.
            UnavailableError: the connection was lost.
            CancelledError: `interrupt` was called.
        """
        checked = self._allowed(check_script(sql))
        request: JSONObject = {"op": "execute", "sql": sql, "statements": checked.statements}
        with self._link.call(request, keeps_state=self._keeps_state(checked)) as call:
            call.reply()

    def query(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object] | None = None,
        *,
        max_bytes: int,
        cached: bool = False,
        timeout_ms: int | None = None,
    ) -> EncodedJSON:
        """Return the rows of one statement as a JSON array of objects.

        `params` fill `?` and `$1`, or `$name` when they are a mapping. A statement without rows
        answers how many it touched, as `[{"Count": n}]`, or `[]`. A `cached` query may be answered
        with what the same query gave before, if no data of the project has changed since. A
        `timeout_ms` stands in for the session's.

        Raises:
            ResultTooLargeError: the text has more than `max_bytes` bytes.
            and what `execute` raises.
        """
        with self.read_arrow(sql, params, cached=cached, timeout_ms=timeout_ms) as reader:
            return encode_rows(reader.schema, reader, max_bytes=max_bytes)

    def rows(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object] | None = None,
        *,
        max_bytes: int,
    ) -> Rows:
        """Return what `query` returns, with the columns and the number of rows."""
        count = 0
        with self.read_arrow(sql, params) as reader:

            def counted() -> Iterator[pa.RecordBatch]:
                nonlocal count
                for batch in reader:
                    count += batch.num_rows
                    yield batch

            text = encode_rows(reader.schema, counted(), max_bytes=max_bytes)
            return Rows(tuple(unique_names(reader.schema.names)), count, text)

    @contextlib.contextmanager
    def read_arrow(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object] | None = None,
        *,
        cached: bool = False,
        timeout_ms: int | None = None,
    ) -> Generator[pa.RecordBatchReader]:
        """Read the rows of one statement as a stream; no other call of the session meanwhile.

        `params`, `cached` and `timeout_ms` as for `query`.

        Raises:
            what `execute` raises, also while the stream is read.
        """
        checked = self._allowed(check_query(sql, needs_rows=self._is_read_only))
        request: JSONObject = {
            "op": "query",
            "sql": sql,
            "timeout_ms": timeout_ms,
            "params": encode_parameters(params),
            "materialise": checked.changes_data or not checked.returns_rows,
            # Temporary tables are the session's own, and so is what is read from them.
            "cached": cached and not self._link.has_state,
        }
        with self._link.call(request, keeps_state=self._keeps_state(checked)) as call:
            frame = call.reply()
            schema, batches = from_body(frame.body)
            try:
                yield pa.RecordBatchReader.from_batches(schema, _rows(call, frame, batches))
            finally:
                if not call.is_settled:
                    call.ask("stop")

    def load(
        self,
        table: str,
        reader: pa.RecordBatchReader,
        *,
        mode: LoadMode = "replace",
        partition: Sequence[str] = (),
    ) -> int:
        """Write all batches of a reader into a table, all or nothing; return the number of rows.

        `append` creates a missing table and matches columns by name; `error` wants no such table.
        With `partition`, `replace` removes only the rows whose values in these columns are among
        the new ones.

        Raises:
            ConflictError: the table exists, and the mode is `error`.
            and what `execute` raises, or the reader.
        """
        if mode not in _MODES:
            raise ValidationFailedError(f"The mode is one of {', '.join(_MODES)}, not '{mode}'")
        request: JSONObject = {
            "op": "load",
            "table": table,
            "mode": mode,
            "partition": list(partition),
        }
        with self._link.call(request, keeps_state=self._is_scratch) as call:
            try:
                _send_all(call.channel, reader)
            except ConnectionLostError:
                raise
            except Exception:
                # The reader's own: the session goes on once the server has answered.
                with contextlib.suppress(AnalysisSandboxError):
                    call.reply()
                raise
            return int(call.reply().header["rows"])

    def tables(self) -> list[str]:
        """Return the names of the persistent tables and views of schema main, sorted."""
        with self._link.call({"op": "tables"}) as call:
            return list(call.reply().header["tables"])

    def describe(self, table: str) -> TableInfo:
        """Return what is known of a table or view.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self._link.call({"op": "describe", "table": table}) as call:
            facts = call.reply().header["table"]
        return TableInfo(
            name=facts["name"],
            columns=tuple(ColumnInfo(**column) for column in facts["columns"]),
            row_count=facts["rowCount"],
            size_bytes=facts["sizeBytes"],
        )

    def drop(self, table: str) -> None:
        """Drop a table or view.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self._link.call({"op": "drop", "table": table}) as call:
            call.reply()

    def copy_file(self) -> Path:
        """Write the project's data as of now into a new file, for the caller to move away."""
        with self._link.call({"op": "copy"}) as call:
            return Path(call.reply().header["file"])

    def interrupt(self) -> None:
        """End the call in progress, from any thread; it raises `CancelledError`."""
        running = self._link.running
        if running is not None:
            self._warehouse.interrupt(*running)

    def _allowed(self, checked: CheckedSQL) -> CheckedSQL:
        if self._is_read_only and (checked.changes_data or not checked.returns_rows):
            raise StatementRefusedError(
                "Only queries are allowed here, nothing that changes data",
                hint="Change data with exec.",
            )
        if self._is_scratch and checked.changes_project:
            raise StatementRefusedError(
                "The project's tables can only be read here",
                hint="Change them with ctx.duckdb.exec.",
            )
        return checked

    def _keeps_state(self, checked: CheckedSQL) -> bool:
        return self._is_scratch or checked.keeps_state

    def close(self) -> None:
        """End the session and roll back what is not committed. Closing twice is allowed."""
        self._link.close()


def _send_all(channel: Channel, reader: pa.RecordBatchReader) -> None:
    """Send every batch, or say that nothing may be kept; an early answer can only be an error."""
    sender = StreamSender(channel, reader.schema)
    with contextlib.ExitStack() as unfinished:
        unfinished.callback(sender.abort)
        for batch in reader:
            if channel.is_readable():
                return
            sender.send(batch)
        unfinished.pop_all()
        sender.finish()


def _rows(call: Call, frame: Frame, batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a query, asking for more only when they are wanted."""
    yield from batches
    while frame.header["more"]:
        call.ask("next")
        frame = call.reply()
        yield from from_body(frame.body)[1]
