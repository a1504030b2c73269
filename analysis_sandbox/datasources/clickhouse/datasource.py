"""ClickHouse, over its HTTP interface.

A read-only datasource is guarded in layers: the gate of `sql.read_only`, which also refuses the
table functions that reach files and other servers, SETTINGS and INTO OUTFILE; `readonly=1` with
each statement, after which the server refuses writes and changes of settings; limits of time and
size; and at last the role: give it one with SELECT only, and without SOURCES.

Every call stands for itself: there are no transactions, and what SET, USE and temporary tables
leave behind would be gone with the next call, so that they are refused.
"""

# pyarrow has no type information.
# pyright: reportUnknownParameterType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import contextlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, cast

import pyarrow as pa

from analysis_sandbox.datasources.base import (
    ArrowReader,
    Check,
    DatasourceConfig,
    Stream,
    WriteMode,
)
from analysis_sandbox.datasources.clickhouse.arrow import ARROW_SETTINGS, ArrowShape
from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig
from analysis_sandbox.datasources.clickhouse.discovery import Discovery
from analysis_sandbox.datasources.clickhouse.native import BrokenStream, read_blocks
from analysis_sandbox.datasources.clickhouse.parameters import parameters, placeholder
from analysis_sandbox.datasources.clickhouse.sessions import Request, Session, Sessions
from analysis_sandbox.datasources.clickhouse.wire import Answer
from analysis_sandbox.datasources.clickhouse.writer import Writer
from analysis_sandbox.datasources.gate import check_loadable, check_statement
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.datasources.rows import RowEncoder
from analysis_sandbox.datasources.sql import SQLDatasource
from analysis_sandbox.datasources.streams import CancellableStream
from analysis_sandbox.datasources.tables import (
    chunk,
    sample_size,
    stream_arguments,
)
from analysis_sandbox.errors import (
    StatementRefusedError,
)
from analysis_sandbox.sql.placeholders import BoundStatement, bind
from analysis_sandbox.sql.tokens import Dialect, significant, tokenize, without_terminator
from analysis_sandbox.values import EncodedJSON, JSONObject

_ENCODED_ROWS = 250
# The server works in blocks: smaller ones would make it slow.
_LEAST_BLOCK_ROWS = 8192
# Done when it answers, ALTER … UPDATE and DELETE as well.
_WAIT = {"wait_end_of_query": "1", "mutations_sync": "1"}
_SPANS = frozenset({"begin", "start", "commit", "rollback", "set", "use"})


class ClickHouseDatasource(SQLDatasource):
    """One ClickHouse server, seen from one database."""

    type_name: ClassVar[str] = "clickhouse"
    config_model: ClassVar[type[DatasourceConfig]] = ClickHouseConfig
    dialect: ClassVar[Dialect] = "clickhouse"

    def __init__(self, config: ClickHouseConfig, *, name: str) -> None:
        self._config = config
        self._read_only = config.access == "read_only"
        self._sessions = Sessions(config, name=name)
        pool = Pool(
            self._sessions,
            size=config.pool_size,
            wait_seconds=config.query_timeout_seconds,
            name=name,
        )
        super().__init__(config, pool, name=name)
        self._discovery = Discovery(self.query, name=name)
        self._writer = Writer(self._sessions, self._pool, self._discovery)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first statement connects."""
        assert isinstance(config, ClickHouseConfig)
        return cls(config, name=name)

    def query(self, sql: str, params: object = None) -> EncodedJSON:
        """Run one statement and return its rows as a JSON array of objects.

        Raises:
            ReadOnlyError, StatementRefusedError: the statement may not run here.
            QueryError: the server refused it.
            LimitExceededError: it took too long, or its result is too large.
            UnavailableError: the server cannot be reached, or went away.
        """
        statement = self._bound(sql, params)
        reads = check_statement(
            statement.sql, dialect="clickhouse", access=self._config.access, name=self._name
        )
        encoder = None
        with self._running(self._request(statement, reads=reads)) as (_, answer):
            for names, rows in _blocks(answer):
                if encoder is None:
                    encoder = RowEncoder(names, max_bytes=self._config.max_result_bytes)
                for start in range(0, len(rows), _ENCODED_ROWS):
                    encoder.add(rows[start : start + _ENCODED_ROWS])
        return encoder.text() if encoder else EncodedJSON("[]")

    def stream(self, sql: str, params: object = None, batch_size: object = None) -> Stream:
        """Return the rows of one reading statement in arrays of `batch_size`, 1000 if not given.

        The run bounds how long it lasts; every batch has `query_timeout_seconds`.

        Raises:
            As `query`; also while it is read.
        """
        params, count = stream_arguments(params, batch_size)
        request = self._loadable(
            sql, params, settings={"max_block_size": str(max(count, _LEAST_BLOCK_ROWS))}
        )
        leases: list[Lease[Session]] = []
        return CancellableStream(
            self._chunks(request, count, leases), cancel=lambda: self._pool.interrupt(leases)
        )

    def execute(self, sql: str, params: object = None) -> JSONObject:
        """Run one statement that writes and return the number of rows it inserted.

        The server does not tell how many rows UPDATE and DELETE touched: that is 0.

        Raises:
            ReadOnlyError: the datasource is read-only.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("execute")
        request = self._request(self._bound(sql, params), reads=False)
        with self._running(request) as (_, answer):
            answer.finish()
        return {"rowCount": _written_rows(answer)}

    def insert(self, table: str, rows: object) -> JSONObject:
        """Insert objects, one per row; a member that a row does not have gets the default.

        Up to about a million rows are inserted as a whole or not at all.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ValidationFailedError: no list of objects.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("insert")
        return {"rowCount": self._writer.insert(table, rows)}

    @contextlib.contextmanager
    def read_arrow(
        self, sql: str, params: object = (), *, batch_rows: int = 65_536
    ) -> Generator[ArrowReader]:
        """Stream the rows of one reading statement.

        Every batch, not the whole statement, has `query_timeout_seconds`.

        Raises:
            As `query`; also while the reader is read.
        """
        size = {"max_block_size": str(max(batch_rows, _LEAST_BLOCK_ROWS))}
        asked = self._loadable(sql, params, settings={**ARROW_SETTINGS, **size})
        shape = ArrowShape(asked.sql, self._described(asked.sql, asked.parameters))
        request = replace(asked, sql=shape.sql, format="ArrowStream")
        with self._running(request) as (lease, answer):
            batches = self._batches(lease, answer, shape, batch_rows)
            yield pa.RecordBatchReader.from_batches(shape.schema, batches)

    def write_arrow(self, target: str, reader: ArrowReader, *, mode: WriteMode = "append") -> int:
        """Write the rows of a reader to a table and return their number.

        A table that is made, or made anew, is there when all of it is written; what is appended to
        an existing table is there block by block.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ConflictError: the table is there, and `mode` is "error".
            ValidationFailedError: a column's type has no counterpart.
            QueryError, UnavailableError: as for `query`.
        """
        self._check_writable("write_arrow")
        return self._writer.write(target, reader, mode)

    def catalog(self) -> Sequence[JSONObject]:
        """Return the tables and views of all databases, those of our own first."""
        return self._discovery.catalog()

    def describe(self, name: str) -> JSONObject:
        """Return a table or view with its columns.

        Raises:
            NotFoundError: there is none of this name.
        """
        return self._discovery.describe(name)

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Return the first rows of a table or view.

        Raises:
            NotFoundError: there is none of this name.
        """
        return self._discovery.sample(name, sample_size(limit))

    def test(self) -> Sequence[Check]:
        """Connect and look at each layer that keeps a read-only datasource read-only."""
        return self._discovery.checks(read_only=self._read_only, level=lambda: self._sessions.level)

    def _bound(self, sql: object, params: object) -> BoundStatement:
        bound = bind(sql, params, dialect="clickhouse", placeholder=placeholder)
        self._check_single(bound.sql)
        return bound

    def _check_single(self, sql: str) -> None:
        """Refuse what only works within a session, and more than one statement."""
        tokens = significant(tokenize(sql, "clickhouse"))
        while tokens and tokens[-1].text == ";":
            tokens.pop()
        if any(token.text == ";" for token in tokens):
            raise StatementRefusedError("More than one statement cannot be run at once")
        first = tokens[0].keyword if tokens else ""
        if first in _SPANS and not self._read_only:
            raise StatementRefusedError(
                f"{first.upper()} does not outlast a call: every call stands for itself",
                hint="ClickHouse takes settings at the end of a statement: … SETTINGS name = 1.",
            )

    def _request(self, statement: BoundStatement, *, reads: bool) -> Request:
        return Request(
            statement.sql,
            parameters(statement.values),
            guarded=self._read_only,
            seconds=self._config.query_timeout_seconds,
            most_bytes=self._config.max_result_bytes,
            settings={} if reads else _WAIT,
        )

    def _loadable(
        self, sql: str, params: object, *, settings: Mapping[str, str] | None = None
    ) -> Request:
        """Return a request whose rows are streamed, which only one that reads may be."""
        statement = self._bound(sql, params)
        check_loadable(
            statement.sql, dialect="clickhouse", access=self._config.access, name=self._name
        )
        return Request(statement.sql, parameters(statement.values), settings=settings or {})

    @contextlib.contextmanager
    def _running(self, request: Request) -> Generator[tuple[Lease[Session], Answer]]:
        with (
            self._sessions.lease(self._pool) as lease,
            self._sessions.run(lease, request) as answer,
        ):
            _check_format(answer, request.format)
            yield lease, answer

    def _chunks(
        self, request: Request, count: int, leases: list[Lease[Session]]
    ) -> Generator[EncodedJSON]:
        held: list[Sequence[object]] = []
        limit = self._config.max_result_bytes
        names: Sequence[str] = ()
        with self._sessions.lease(self._pool) as lease:
            # Before the server answers: it can be stopped from here on.
            leases.append(lease)
            with self._sessions.run(lease, request) as answer:
                _check_format(answer, request.format)
                for names, rows in _blocks(answer):
                    held += rows
                    while len(held) >= count:
                        yield chunk(names, held[:count], max_bytes=limit)
                        self._sessions.waiting(lease)
                        held = held[count:]
                    self._sessions.waiting(lease)
                if held:
                    yield chunk(names, held, max_bytes=limit)

    def _batches(
        self, lease: Lease[Session], answer: Answer, shape: ArrowShape, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        def waiting() -> None:
            self._sessions.waiting(lease)

        with self._sessions.translated(lease, answer):
            try:
                yield from shape.batches(answer, batch_rows=batch_rows, waiting=waiting)
            except pa.ArrowException as error:
                raise BrokenStream(str(cast("object", error))) from error

    def _described(self, sql: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the names and types of a statement's columns."""
        text = f"DESCRIBE TABLE (\n{without_terminator(sql, 'clickhouse')}\n)"
        request = Request(text, values, seconds=self._config.query_timeout_seconds)
        with self._running(request) as (_, answer):
            rows = [row for _, found in _blocks(answer) for row in found]
        return [(str(row[0]), str(row[1])) for row in rows]


def _blocks(answer: Answer) -> Iterator[tuple[Sequence[str], Sequence[Sequence[Any]]]]:
    for block in read_blocks(answer):
        yield block.names, block.rows


def _check_format(answer: Answer, expected: str) -> None:
    """Refuse rows in a format that the statement chose itself."""
    found = answer.headers.get("X-ClickHouse-Format", expected)
    if found != expected:
        raise StatementRefusedError(
            f"The rows came as {found}", hint="Leave the FORMAT clause out of the statement."
        )


def _written_rows(answer: Answer) -> int:
    try:
        summary = json.loads(answer.headers.get("X-ClickHouse-Summary", "{}"))
        return int(cast("JSONObject", summary)["written_rows"])  # pyright: ignore
    except (ValueError, AttributeError):
        return 0
