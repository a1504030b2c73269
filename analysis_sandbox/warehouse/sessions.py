"""The server's side of one session: a connection, its cursor, and the calls it answers.

| request                                   | reply                                            |
|-------------------------------------------|--------------------------------------------------|
| `hello` protocol, memory_mb, timeout_ms,  | session                                          |
| scratch, read_only                        |                                                  |
| `execute` sql, statements                 | in every reply: open, is a transaction open;     |
|                                           | last, the process ends after it                  |
| `query` sql, params, materialise, cached, | more, and rows as Arrow in the body; while there |
| timeout_ms                                | is more, the client says `next` or `stop`        |
| `load` table, mode, partition, then       | rows; an error may come before the end           |
| frames `data` …,                          |                                                  |
| ended by `end` or `abort`                 |                                                  |
| `tables` · `describe` table               | tables · table                                   |
| `drop` table · `copy`                     | none · file: a copy of the project's data        |
| `interrupt` session, call                 | none; on a connection of its own                 |

Each request has a number, `call`; each reply may be an error instead.
"""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import contextlib
import json
import logging
from collections.abc import Callable, Generator, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConflictError,
    StatementRefusedError,
    UnavailableError,
)
from analysis_sandbox.values import JSONObject
from analysis_sandbox.warehouse.arrow_frames import StreamReceiver, to_body
from analysis_sandbox.warehouse.calls import CurrentCall
from analysis_sandbox.warehouse.engine import Engine
from analysis_sandbox.warehouse.loads import SOURCE, Loads
from analysis_sandbox.warehouse.protocol import (
    VERSION,
    Channel,
    ConnectionLostError,
    Frame,
    decode_parameters,
    error_header,
)
from analysis_sandbox.warehouse.tables import drop, table_info, table_names
from analysis_sandbox.warehouse.transactions import Transaction, Turns

_LOG = logging.getLogger(__name__)
_BATCH_ROWS = 2048
_BODY_BYTES = 1 << 20

Header = dict[str, Any]


class Session:
    """One connected client. Its transaction ends with its connection."""

    def __init__(
        self,
        channel: Channel,
        engine: Engine,
        *,
        turns: Turns,
        hello: Header,
        announce: Callable[[float], None],
    ) -> None:
        self._channel = channel
        self._engine = engine
        self._timeout_ms: int | None = hello["timeout_ms"]
        self._cache = engine.cache
        self._cursor = engine.cursor(hello["memory_mb"])
        self._is_scratch: bool = hello["scratch"]
        self.call = CurrentCall(self._cursor.interrupt, announce)
        self._transaction = Transaction(engine, self._cursor, call=self.call, turns=turns)
        self._loads = Loads(self._cursor, self._transaction)
        self._handlers: dict[str, Callable[[Frame], None]] = {
            "query": self._query,
            "tables": self._tables,
            "describe": self._describe,
        }
        if hello["read_only"]:
            self._handlers["query"] = self._only_read
            return
        self._handlers |= {
            "execute": self._execute,
            "load": self._load,
            "drop": self._drop,
            "copy": self._copy,
        }

    def serve(self) -> None:
        """Answer calls until the client is gone or the engine broke."""
        with contextlib.closing(self._cursor), self._database():
            try:
                while not self._engine.is_broken:
                    self._answer(self._channel.receive())
            except ConnectionLostError:
                pass
            finally:
                self._transaction.roll_back()

    def _database(self) -> contextlib.AbstractContextManager[None]:
        return self._engine.scratch(self._cursor) if self._is_scratch else contextlib.nullcontext()

    def _answer(self, request: Frame) -> None:
        header = request.header
        timeout_ms = header.get("timeout_ms") or self._timeout_ms
        with self.call.begin(header["call"], timeout_ms):
            try:
                self._handler(header["op"])(request)
            except ConnectionLostError:
                raise
            except AnalysisSandboxError as error:
                self._reply_error(error)
            except Exception as error:  # noqa: BLE001 - a fault must not end the session
                _LOG.exception("A call failed unexpectedly")
                self._reply_error(self._engine.translate(error))

    def _handler(self, operation: str) -> Callable[[Frame], None]:
        if operation not in self._handlers:
            raise StatementRefusedError("This session can only read")
        return self._handlers[operation]

    def _reply(self, facts: JSONObject, body: tuple[Any, ...] = ()) -> None:
        is_last = self._engine.is_broken
        self._channel.send({"open": self._transaction.is_open, "last": is_last, **facts}, body)

    def _reply_error(self, error: AnalysisSandboxError) -> None:
        self._reply(error_header(error))

    def _execute(self, request: Frame) -> None:
        sql, count = request.header["sql"], request.header["statements"]
        statements = self._statements(sql, count)
        for number, statement in enumerate(statements, start=1):
            try:
                self._transaction.run(statement)
            except AnalysisSandboxError as error:
                if count > 1:
                    error.message = f"Statement {number} of {count}: {error.message}"
                raise
        self._reply({})

    def _statements(self, sql: str, expected: int) -> list[duckdb.Statement]:
        return self._transaction.once(
            lambda: self._engine.statements(self._cursor, sql, expected=expected)
        )

    def _only_read(self, request: Frame) -> None:
        with self._transaction.read_only():
            self._query(request)

    def _query(self, request: Frame) -> None:
        header = request.header
        (statement,) = self._statements(header["sql"], 1)
        if statement.type is duckdb.StatementType.TRANSACTION:
            self._transaction.run(statement)
            self._reply({"more": False}, (to_body(pa.schema([]), []),))
            return
        key = self._cache_key(header)
        known = self._cache.find(key) if key else None
        if known is not None:
            self._send_rows(zip(known, [True] * (len(known) - 1) + [False], strict=True))
            return
        revision = self._cache.revision
        sent: list[Any] = []
        parameters = decode_parameters(header["params"])
        with contextlib.closing(self._open_rows(statement, parameters, header)) as reader:
            is_whole = self._send_rows(self._bodies(reader), sent if key else None)
        if key and is_whole:
            self._cache.keep(key, sent, revision=revision)

    def _cache_key(self, header: Header) -> str | None:
        """Return what a result is remembered under; nothing is outside of the common data."""
        if not header["cached"] or self._is_scratch or self._transaction.is_open:
            return None
        return None if header["materialise"] else json.dumps([header["sql"], header["params"]])

    def _send_rows(self, bodies: Iterator[tuple[Any, bool]], sent: list[Any] | None = None) -> bool:
        """Send one part after the other as they are asked for; False when not all were."""
        while True:
            body, more = self._transaction.once(lambda: next(bodies))
            self._reply({"more": more}, (body,))
            if sent is not None:
                sent.append(body)
            if not more:
                return True
            if self._channel.receive().header["op"] != "next":
                return False
            self.call.check()

    def _open_rows(
        self, statement: duckdb.Statement, parameters: object, header: Header
    ) -> pa.RecordBatchReader:
        def open_rows() -> pa.RecordBatchReader:
            relation = self._cursor.sql(statement, params=parameters)
            if header["materialise"]:
                # A change of data is complete and committed before anybody hears of its rows.
                return relation.to_arrow_table().to_reader(_BATCH_ROWS)
            return relation.to_arrow_reader(_BATCH_ROWS)

        return self._transaction.repeatable(statement, open_rows)

    def _bodies(self, reader: pa.RecordBatchReader) -> Iterator[tuple[Any, bool]]:
        """Yield about a mebibyte of rows at a time, and whether there may be more."""
        batches: list[pa.RecordBatch] = []
        size = 0
        for batch in reader:
            batches.append(batch)
            size += batch.nbytes
            if size >= _BODY_BYTES:
                yield to_body(reader.schema, batches), True
                batches, size = [], 0
        yield to_body(reader.schema, batches), False

    def _load(self, request: Frame) -> None:
        receiver = StreamReceiver(self._channel, self.call.check)
        try:
            rows = self._store(receiver, request.header)
        except ConnectionLostError:
            raise
        except AnalysisSandboxError as error:
            self._reply_error(error)
            receiver.drain()
            return
        receiver.drain()
        self._reply({"rows": rows})

    def _store(self, receiver: StreamReceiver, header: Header) -> int:
        table, mode = header["table"], header["mode"]

        def store() -> int:
            reader = pa.ipc.open_stream(receiver)
            with self._registered(reader):
                return self._loads.store(table, reader.schema, mode, header["partition"])

        try:
            rows = self._transaction.once(store)
        except AnalysisSandboxError as error:
            if receiver.error is not None:
                raise receiver.error from error
            if mode == "error" and "already exists" in error.message:
                raise ConflictError(
                    f"The table '{table}' exists already",
                    hint="Load with the mode 'replace' or 'append'.",
                ) from error
            raise
        self._transaction.note_change()
        return rows

    @contextlib.contextmanager
    def _registered(self, reader: pa.RecordBatchReader) -> Generator[None, None, None]:
        self._cursor.register(SOURCE, reader)
        try:
            yield
        finally:
            # In a failed transaction the name goes when the transaction is rolled back.
            with contextlib.suppress(duckdb.Error):
                self._cursor.unregister(SOURCE)

    def _tables(self, _: Frame) -> None:
        names = self._transaction.once(lambda: table_names(self._cursor))
        self._reply({"tables": list(names)})

    def _describe(self, request: Frame) -> None:
        info = self._transaction.once(lambda: table_info(self._cursor, request.header["table"]))
        self._reply({"table": info.for_script()})

    def _drop(self, request: Frame) -> None:
        table = request.header["table"]
        self._transaction.once(lambda: drop(self._cursor, table))
        self._transaction.note_change()
        self._reply({})

    def _copy(self, _: Frame) -> None:
        self._reply({"file": str(self._transaction.once(lambda: self._engine.copy(self._cursor)))})


def greet(channel: Channel, hello: Header, *, session: int) -> None:
    """Answer a client's `hello`.

    Raises:
        UnavailableError: the client speaks another version of the protocol.
    """
    if hello["protocol"] != VERSION:
        raise UnavailableError(
            f"The warehouse speaks version {VERSION} of its protocol, the client "
            f"{hello['protocol']}",
            hint="Restart analysis-sandbox, so that all its processes are of one version.",
        )
    channel.send({"session": session})
