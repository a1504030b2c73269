"""SQLite files.

A read-only datasource is guarded in layers: the gate of `sql.read_only`; the file opened with
mode=ro, and query_only; an authorizer that allows nothing but reading, so that no statement reaches
another file or a setting. Values larger than 64 MiB are refused.
"""

# pyarrow has no type information.
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import contextlib
import os
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator

from analysis_sandbox.datasources.base import (
    ArrowReader,
    Check,
    DatasourceConfig,
    SQLDatasourceConfig,
    Stream,
    WriteMode,
)
from analysis_sandbox.datasources.gate import check_loadable, check_statement
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.datasources.rows import RowEncoder, chunks
from analysis_sandbox.datasources.sql import SQLDatasource
from analysis_sandbox.datasources.sqlite import catalog, writing
from analysis_sandbox.datasources.sqlite.sessions import Session, Sessions
from analysis_sandbox.datasources.sqlite.values import (
    ArrowShape,
    Stored,
    contents_from,
    contents_of,
    contents_query,
    names_of,
    parameter,
    plain,
)
from analysis_sandbox.datasources.streams import CancellableStream
from analysis_sandbox.datasources.tables import (
    chunk,
    insert_rows,
    name_parts,
    quoted,
    sample_size,
    stream_arguments,
)
from analysis_sandbox.errors import AnalysisSandboxError, ReadOnlyError, StatementRefusedError
from analysis_sandbox.sql.placeholders import BoundStatement, bind
from analysis_sandbox.sql.tokens import Dialect
from analysis_sandbox.values import EncodedJSON, JSONObject


class SQLiteConfig(SQLDatasourceConfig):
    """Where the file is; a relative path is relative to the directory of datasources.yaml."""

    path: Path = Field(description="An existing file.")

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: Path, info: ValidationInfo) -> Path:
        context = cast("Mapping[str, Path]", info.context or {})
        return context.get("directory", Path()) / path.expanduser()


class SQLiteDatasource(SQLDatasource):
    """One SQLite file."""

    type_name: ClassVar[str] = "sqlite"
    config_model: ClassVar[type[DatasourceConfig]] = SQLiteConfig
    dialect: ClassVar[Dialect] = "sqlite"

    def __init__(self, config: SQLiteConfig, *, name: str) -> None:
        self._config = config
        self._sessions = Sessions(
            config.path,
            name=name,
            read_only=config.access == "read_only",
            query_timeout_seconds=config.query_timeout_seconds,
        )
        pool = Pool(
            self._sessions,
            size=config.pool_size,
            wait_seconds=config.query_timeout_seconds,
            name=name,
        )
        super().__init__(config, pool, name=name)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first statement opens the file."""
        assert isinstance(config, SQLiteConfig)
        return cls(config, name=name)

    def query(self, sql: str, params: object = None) -> EncodedJSON:
        """Run one statement and return its rows as a JSON array of objects.

        Raises:
            ReadOnlyError, StatementRefusedError: the statement may not run here.
            QueryError: SQLite refused it.
            LimitExceededError: it took too long, or its result is too large.
            UnavailableError: the file cannot be opened, or another process has it locked.
        """
        statement = self._bound(sql, params)
        check_statement(
            statement.sql, dialect="sqlite", access=self._config.access, name=self._name
        )
        with self._session() as lease:
            cursor = lease.connection.connection.execute(statement.sql, statement.values)
            encoder = RowEncoder(names_of(cursor), max_bytes=self._config.max_result_bytes)
            for rows in chunks(cursor):
                encoder.add([[plain(value) for value in row] for row in rows])
            return encoder.text()

    def execute(self, sql: str, params: object = None) -> JSONObject:
        """Run one statement that writes and return the number of rows it touched.

        Raises:
            ReadOnlyError: the datasource is read-only.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("execute")
        statement = self._bound(sql, params)
        with self._session() as lease:
            cursor = lease.connection.connection.execute(statement.sql, statement.values)
            cursor.fetchall()
            return {"rowCount": max(0, cursor.rowcount)}

    def insert(self, table: str, rows: object) -> JSONObject:
        """Insert objects, a member for each column, in one transaction; return their number.

        Raises:
            ReadOnlyError: the datasource is read-only.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("insert")
        target, given = name_parts(table, dialect="sqlite"), insert_rows(rows)
        if not given.rows:
            return {"rowCount": 0}
        seconds = self._config.query_timeout_seconds
        with self._session() as lease:
            return {"rowCount": writing.insert(lease.connection, target, given, seconds=seconds)}

    def stream(self, sql: str, params: object = None, batch_size: object = None) -> Stream:
        """Return the rows of one reading statement in chunks.

        Every chunk, not the whole statement, has `query_timeout_seconds`.

        Raises:
            As `query`; also while chunks are read.
        """
        values, rows = stream_arguments(params, batch_size)
        statement = self._bound(sql, values)
        access = self._config.access
        check_loadable(statement.sql, dialect="sqlite", access=access, name=self._name)
        leases: list[Lease[Session]] = []
        return CancellableStream(
            self._chunks(statement, rows, leases), cancel=lambda: self._pool.interrupt(leases)
        )

    @contextlib.contextmanager
    def read_arrow(
        self, sql: str, params: object = (), *, batch_rows: int = 65_536
    ) -> Generator[ArrowReader]:
        """Stream the rows of one reading statement.

        A result of more than one batch is read twice: first what its columns hold, within the same
        snapshot, then the rows. Every batch has `query_timeout_seconds`.

        Raises:
            As `query`; also while the reader is read.
        """
        statement = self._bound(sql, params)
        check_loadable(statement.sql, dialect="sqlite", access=self._config.access, name=self._name)
        with self._session() as lease:
            connection = lease.connection.connection
            cursor = connection.execute(statement.sql, statement.values)
            names = names_of(cursor)
            rows: list[Sequence[Stored]] = cursor.fetchmany(batch_rows)
            if len(rows) < batch_rows:
                contents = contents_of(rows, len(names))
            else:
                measured = contents_query(statement.sql, len(names))
                contents = contents_from(connection.execute(measured, statement.values).fetchone())
            shape = ArrowShape(names, contents)
            batches = self._batches(lease, cursor, shape, rows)
            del rows
            yield pa.RecordBatchReader.from_batches(shape.schema, batches)
            cursor.close()

    def write_arrow(self, target: str, reader: ArrowReader, *, mode: WriteMode = "append") -> int:
        """Write the rows of a reader to a table in one transaction; return their number.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ConflictError: mode is `error`, and the table exists.
            QueryError, UnavailableError: as for `query`.
        """
        self._check_writable("write_arrow")
        parts, seconds = name_parts(target, dialect="sqlite"), self._config.query_timeout_seconds
        with self._session() as lease:
            return writing.write(lease.connection, parts, reader, mode=mode, seconds=seconds)

    def catalog(self) -> Sequence[JSONObject]:
        """Return the tables and views."""
        return catalog.tables(self._fetch)

    def describe(self, name: str) -> JSONObject:
        """Return the columns of a table or view.

        Raises:
            NotFoundError: there is none of this name.
        """
        return catalog.table(self._fetch, name, datasource=self._name)

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Return the first rows of a table or view."""
        table = quoted((str(self.describe(name)["name"]),))
        return self.query(f"select * from {table} limit {sample_size(limit)}")

    def test(self) -> Sequence[Check]:
        """Open the file, and look at each layer that keeps a read-only datasource read-only."""
        try:
            ((version,),) = self._fetch("select sqlite_version()", ())
            self._fetch("select count(*) from sqlite_schema", ())
            checks = [Check("connection", ok=True, detail=f"SQLite {version}")]
            if self._config.access == "read_only":
                checks += self._layers()
        except AnalysisSandboxError as error:
            return [Check("connection", ok=False, detail=error.message)]
        return checks

    def _layers(self) -> list[Check]:
        try:
            self.query("delete from sqlite_schema")
            gate = Check("gate", ok=False, detail="A statement that writes was run")
        except ReadOnlyError:
            gate = Check("gate", ok=True, detail="Statements that write are not run")
        with self._session() as lease, lease.connection.describing():
            ((only,),) = lease.connection.connection.execute("pragma query_only")
        session = Check(
            "session",
            ok=only == 1,
            detail="The file is opened with mode=ro and query_only; only reading is authorised",
        )
        writable = os.access(self._config.path, os.W_OK)
        detail = (
            f"This process may write to {self._config.path}: take its right to, for a second wall"
            if writable
            else "This process may not write to the file"
        )
        return [gate, session, Check("role", ok=not writable, detail=detail)]

    def _fetch(self, sql: str, params: Sequence[object]) -> Sequence[Sequence[Any]]:
        with self._session() as lease, lease.connection.describing():
            return lease.connection.connection.execute(sql, tuple(params)).fetchall()

    def _chunks(
        self, statement: BoundStatement, batch_rows: int, leases: list[Lease[Session]]
    ) -> Generator[EncodedJSON, None, None]:
        names: list[str] = []
        rows: list[Sequence[Stored]] = []
        with self._session() as lease, contextlib.ExitStack() as closing:
            # Closed early, it ends like one that was read to its end: the session stays open.
            closing.enter_context(contextlib.suppress(GeneratorExit))
            leases.append(lease)
            cursor = lease.connection.connection.execute(statement.sql, statement.values)
            closing.callback(cursor.close)
            names = names_of(cursor)
            while len(rows := self._next_rows(lease, cursor, batch_rows)) == batch_rows:
                yield self._chunk(names, rows)
        # The last ones need no connection any more.
        if 0 < len(rows) < batch_rows:
            yield self._chunk(names, rows)

    def _chunk(self, names: Sequence[str], rows: Sequence[Sequence[Stored]]) -> EncodedJSON:
        plain_rows = [[plain(value) for value in row] for row in rows]
        return chunk(names, plain_rows, max_bytes=self._config.max_result_bytes)

    def _next_rows(
        self, lease: Lease[Session], cursor: sqlite3.Cursor, count: int
    ) -> list[Sequence[Stored]]:
        lease.connection.allow(self._config.query_timeout_seconds)
        with self._sessions.translated(lease):
            return cursor.fetchmany(count)

    @contextlib.contextmanager
    def _session(self) -> Generator[Lease[Session]]:
        with self._pool.lease() as lease, self._sessions.translated(lease):
            yield lease
            if lease.connection.connection.in_transaction:
                raise StatementRefusedError(
                    "A transaction cannot span calls: every call is one of its own"
                )

    def _bound(self, sql: object, params: object) -> BoundStatement:
        bound = bind(sql, params, dialect="sqlite")
        return BoundStatement(bound.sql, tuple(parameter(value) for value in bound.values))

    def _batches(
        self,
        lease: Lease[Session],
        cursor: sqlite3.Cursor,
        shape: ArrowShape,
        rows: list[Sequence[Stored]],
    ) -> Iterator[pa.RecordBatch]:
        batch_rows = len(rows)
        while rows:
            yield shape.batch(rows)
            rows = self._next_rows(lease, cursor, batch_rows)
