"""PostgreSQL.

A read-only datasource is guarded in layers: the gate of `sql.read_only`; the extended protocol,
which takes one statement; a READ ONLY transaction per statement, begun by a query so that it cannot
be made writable, and always rolled back; a connection that had an error is never used again. The
last wall is the role: give it one that has no rights to write, and that is no superuser.
"""

# pyarrow has no type information.
# pyright: reportUnknownParameterType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import contextlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any, ClassVar, Self, cast

import psycopg
import pyarrow as pa
from psycopg import RawCursor, RawServerCursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from pydantic import Field, SecretStr, field_validator

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
from analysis_sandbox.datasources.postgresql import catalog, writing
from analysis_sandbox.datasources.postgresql.arrow import ArrowShape, register_arrow_loaders
from analysis_sandbox.datasources.postgresql.bulk import Bulk
from analysis_sandbox.datasources.postgresql.sessions import (
    BEGIN_READ_ONLY,
    Connection,
    Sessions,
    SessionSettings,
)
from analysis_sandbox.datasources.postgresql.values import parameter
from analysis_sandbox.datasources.rows import CHUNK_ROWS, RowEncoder, chunks
from analysis_sandbox.datasources.sql import SQLDatasource
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
from analysis_sandbox.sql.tokens import Dialect, significant, tokenize
from analysis_sandbox.values import EncodedJSON, JSONObject


class PostgreSQLConfig(SQLDatasourceConfig):
    """Where the server is, as `postgresql://user:password@host:5432/database`."""

    url: SecretStr
    connect_timeout_seconds: int = Field(default=10, ge=2, le=300)

    @field_validator("url")
    @classmethod
    def _is_a_connection_url(cls, url: SecretStr) -> SecretStr:
        try:
            parts = conninfo_to_dict(url.get_secret_value())
        except psycopg.Error:
            parts = {"host": "@"}
        place = [str(parts.get(key) or "") for key in ("host", "dbname")]
        ports = str(parts.get("port") or "0").split(",")
        # Otherwise a part of the password, wrongly cut, would be shown as a host or a port.
        if any("@" in text for text in place) or not all(port.isdigit() for port in ports):
            raise ValueError(
                "must look like postgresql://user:password@host:5432/database, with the special "
                "characters of user and password percent-encoded"
            ) from None
        return url


class PostgreSQLDatasource(SQLDatasource):
    """One PostgreSQL database."""

    type_name: ClassVar[str] = "postgresql"
    config_model: ClassVar[type[DatasourceConfig]] = PostgreSQLConfig
    dialect: ClassVar[Dialect] = "postgres"

    def __init__(self, config: PostgreSQLConfig, *, name: str) -> None:
        self._config = config
        settings = SessionSettings(
            name=name,
            url=config.url.get_secret_value(),
            read_only=config.access == "read_only",
            query_timeout_seconds=config.query_timeout_seconds,
            connect_timeout_seconds=config.connect_timeout_seconds,
        )
        self._sessions = Sessions(settings)
        self._bulk = Bulk(self._sessions, settings, size=config.pool_size)
        pool = Pool(
            self._sessions,
            size=config.pool_size,
            wait_seconds=config.query_timeout_seconds,
            name=name,
        )
        super().__init__(config, pool, name=name)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first statement connects."""
        assert isinstance(config, PostgreSQLConfig)
        return cls(config, name=name)

    def query(self, sql: str, params: object = None) -> EncodedJSON:
        """Run one statement and return its rows as a JSON array of objects.

        Raises:
            ReadOnlyError, StatementRefusedError: the statement may not run here.
            QueryError: the database refused it.
            LimitExceededError: it took too long, or its result is too large.
            UnavailableError: the database cannot be reached, or went away.
        """
        statement = self._bound(sql, params)
        reads = check_statement(
            statement.sql, dialect="postgres", access=self._config.access, name=self._name
        )
        with self._session() as lease:
            if reads:
                return self._read(lease.connection, statement)
            cursor = self._run(lease.connection, statement)
            return self._encoded(cursor, iter(cursor) if cursor.description else iter(()))

    def execute(self, sql: str, params: object = None) -> JSONObject:
        """Run one statement that writes and return the number of rows it touched.

        Raises:
            ReadOnlyError: the datasource is read-only.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("execute")
        statement = self._bound(sql, params)
        with self._session() as lease:
            return {"rowCount": max(0, self._run(lease.connection, statement).rowcount)}

    def insert(self, table: str, rows: object) -> JSONObject:
        """Insert objects, a member for each column, in one transaction; return their number.

        Raises:
            ReadOnlyError: the datasource is read-only.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("insert")
        target, given = name_parts(table, dialect="postgres"), insert_rows(rows)
        if not given.rows:
            return {"rowCount": 0}
        with self._session() as lease:
            return {"rowCount": writing.insert(lease.connection, target, given)}

    def stream(self, sql: str, params: object = None, batch_size: object = None) -> Stream:
        """Return the rows of one reading statement in chunks; the server keeps the others.

        Every chunk, not the whole statement, has `query_timeout_seconds`.

        Raises:
            As `query`; also while chunks are read.
        """
        values, rows = stream_arguments(params, batch_size)
        statement = self._bound(sql, values)
        self._check_loadable(statement)
        leases: list[Lease[Connection]] = []
        return CancellableStream(
            self._chunks(statement, rows, leases), cancel=lambda: self._pool.interrupt(leases)
        )

    @contextlib.contextmanager
    def read_arrow(
        self, sql: str, params: object = (), *, batch_rows: int = 65_536
    ) -> Generator[ArrowReader]:
        """Stream the rows of one reading statement; the server keeps what is not fetched yet.

        Every batch, not the whole statement, has `query_timeout_seconds`.

        Raises:
            As `query`; also while the reader is read.
        """
        statement = self._bound(sql, params)
        self._check_loadable(statement)
        with self._reading() as lease:
            connection = lease.connection
            plan = None if statement.values else self._bulk.plan(connection, statement.sql)
            if plan is not None:
                with self._bulk.read(plan, batch_rows=batch_rows) as reader:
                    yield reader
                return
            # All rows will be fetched: the plan must not favour the first ones.
            connection.execute("set local cursor_tuple_fraction = 1")
            with contextlib.closing(RawServerCursor(connection, "rows")) as cursor:
                register_arrow_loaders(cursor)
                cursor.execute(statement.sql.encode(), statement.values)
                shape = ArrowShape(cursor)
                batches = self._batches(lease, cursor, shape, batch_rows)
                yield pa.RecordBatchReader.from_batches(shape.schema, batches)

    def write_arrow(self, target: str, reader: ArrowReader, *, mode: WriteMode = "append") -> int:
        """Write the rows of a reader to a table in one transaction; return their number.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ConflictError: mode is `error`, and the table exists.
            QueryError, UnavailableError: as for `query`.
        """
        self._check_writable("write_arrow")
        parts = name_parts(target, dialect="postgres")
        with self._bulk.writing() as session:
            return writing.write(session, parts, reader, mode=mode)

    def catalog(self) -> Sequence[JSONObject]:
        """Return the tables and views that the role may read."""
        return catalog.tables(self._fetch)

    def describe(self, name: str) -> JSONObject:
        """Return the columns of a table or view.

        Raises:
            NotFoundError: there is none of this name.
        """
        return catalog.table(self._fetch, name, datasource=self._name)

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Return the first rows of a table or view."""
        found = self.describe(name)
        table = quoted((str(found["schema"]), str(found["name"])))
        return self.query(f"select * from {table} limit {sample_size(limit)}")

    def test(self) -> Sequence[Check]:
        """Connect, and look at each layer that keeps a read-only datasource read-only."""
        try:
            ((version,),) = self._fetch("select pg_catalog.current_setting('server_version')", ())
            checks = [Check("connection", ok=True, detail=f"PostgreSQL {version}")]
            if self._config.access == "read_only":
                checks += [self._gate_check(), *catalog.layers(self._fetch)]
        except AnalysisSandboxError as error:
            return [Check("connection", ok=False, detail=error.message)]
        return checks

    def cancel(self) -> None:
        """Stop every running statement at the server."""
        self._pool.interrupt()
        self._bulk.cancel()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._bulk.close()

    def _gate_check(self) -> Check:
        try:
            self.query("delete from pg_catalog.pg_class")
        except ReadOnlyError:
            return Check("gate", ok=True, detail="Statements that write are not sent")
        return Check("gate", ok=False, detail="A statement that writes was sent")

    def _fetch(self, sql: str, params: Sequence[object]) -> Sequence[Sequence[Any]]:
        with self._session() as lease:
            return RawCursor(lease.connection).execute(sql.encode(), params).fetchall()

    def _check_loadable(self, statement: BoundStatement) -> None:
        access = self._config.access
        check_loadable(statement.sql, dialect=self.dialect, access=access, name=self._name)

    @contextlib.contextmanager
    def _reading(self) -> Generator[Lease[Connection]]:
        """Lend a connection in a READ ONLY transaction, also where writing is allowed."""
        with self._session() as lease:
            if self._config.access == "read_write":
                lease.connection.execute(BEGIN_READ_ONLY)
            yield lease
            if self._config.access == "read_write":
                lease.connection.rollback()

    def _chunks(
        self, statement: BoundStatement, batch_rows: int, leases: list[Lease[Connection]]
    ) -> Generator[EncodedJSON, None, None]:
        names: list[str] = []
        rows: list[tuple[Any, ...]] = []
        max_bytes = self._config.max_result_bytes
        with (
            self._reading() as lease,
            contextlib.closing(RawServerCursor(lease.connection, "rows")) as cursor,
            # Closed early, it ends like one that was read to its end: the connection stays warm.
            contextlib.suppress(GeneratorExit),
        ):
            leases.append(lease)
            cursor.execute(statement.sql.encode(), statement.values)
            names = [column.name for column in cursor.description or ()]
            while len(rows := self._next_rows(lease, cursor, batch_rows)) == batch_rows:
                yield chunk(names, rows, max_bytes=max_bytes)
        # The last ones need no connection any more.
        if 0 < len(rows) < batch_rows:
            yield chunk(names, rows, max_bytes=max_bytes)

    @contextlib.contextmanager
    def _session(self) -> Generator[Lease[Connection]]:
        with (
            self._sessions.translated(),
            self._pool.lease() as lease,
            self._sessions.translated(lease),
        ):
            yield lease

    def _bound(self, sql: object, params: object) -> BoundStatement:
        bound = bind(sql, params, dialect="postgres")
        return BoundStatement(bound.sql, tuple(parameter(value) for value in bound.values))

    def _read(self, connection: Connection, statement: BoundStatement) -> EncodedJSON:
        # `stream` uses the extended protocol even without values, and bounds memory.
        cursor = RawCursor(connection)
        rows = cast(
            "Generator[tuple[Any, ...]]",
            cursor.stream(statement.sql.encode(), statement.values, size=CHUNK_ROWS),
        )
        with contextlib.closing(rows):
            return self._encoded(cursor, rows)

    def _run(
        self, connection: Connection, statement: BoundStatement
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        first = next(iter(significant(tokenize(statement.sql, "postgres"))), None)
        if first is not None and first.keyword == "copy":
            raise StatementRefusedError(
                "COPY is not available", hint="Use INSERT … SELECT, or load the rows as a table."
            )
        cursor = RawCursor(connection)
        # A pipeline uses the extended protocol even without values: one statement, no more.
        with connection.pipeline():
            cursor.execute(statement.sql.encode(), statement.values)
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            raise StatementRefusedError(
                "A transaction cannot span calls: every call is one of its own",
                hint="Write what belongs together as one statement, for example WITH … INSERT.",
            )
        return cursor

    def _encoded(self, cursor: psycopg.Cursor[Any], rows: Iterator[tuple[Any, ...]]) -> EncodedJSON:
        encoder = None
        for block in chunks(rows):
            if encoder is None:
                names = [column.name for column in cursor.description or ()]
                encoder = RowEncoder(names, max_bytes=self._config.max_result_bytes)
            encoder.add(block)
        return encoder.text() if encoder else EncodedJSON("[]")

    def _batches(
        self,
        lease: Lease[Connection],
        cursor: RawServerCursor[tuple[Any, ...]],
        shape: ArrowShape,
        batch_rows: int,
    ) -> Iterator[pa.RecordBatch]:
        while rows := self._next_rows(lease, cursor, batch_rows):
            yield shape.batch(rows)

    def _next_rows(
        self, lease: Lease[Connection], cursor: RawServerCursor[tuple[Any, ...]], count: int
    ) -> list[tuple[Any, ...]]:
        with self._sessions.translated(lease):
            return cursor.fetchmany(count)
