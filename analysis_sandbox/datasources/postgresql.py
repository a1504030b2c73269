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
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import psycopg
import pyarrow as pa
from psycopg import RawCursor, RawServerCursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from pydantic import Field, SecretStr, field_validator

from analysis_sandbox.datasources.base import (
    ArrowReader,
    DatasourceConfig,
    Operation,
    SQLDatasourceConfig,
    read_only_error,
)
from analysis_sandbox.datasources.gate import check_loadable, check_statement
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.datasources.postgresql_arrow import ArrowShape, register_arrow_loaders
from analysis_sandbox.datasources.postgresql_sessions import (
    BEGIN_READ_ONLY,
    Connection,
    Sessions,
    SessionSettings,
)
from analysis_sandbox.datasources.postgresql_values import parameter
from analysis_sandbox.datasources.rows import CHUNK_ROWS, RowEncoder, chunks
from analysis_sandbox.errors import StatementRefusedError
from analysis_sandbox.sql.placeholders import BoundStatement, bind
from analysis_sandbox.sql.tokens import significant, tokenize
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


class PostgreSQLDatasource:
    """One PostgreSQL database."""

    type_name: ClassVar[str] = "postgresql"
    config_model: ClassVar[type[DatasourceConfig]] = PostgreSQLConfig
    write_operations: ClassVar[tuple[str, ...]] = ("execute",)

    def __init__(self, config: PostgreSQLConfig, *, name: str) -> None:
        self._name = name
        self._config = config
        self._sessions = Sessions(
            SessionSettings(
                name=name,
                url=config.url.get_secret_value(),
                read_only=config.access == "read_only",
                query_timeout_seconds=config.query_timeout_seconds,
                connect_timeout_seconds=config.connect_timeout_seconds,
            )
        )
        self._pool = Pool(
            self._sessions,
            size=config.pool_size,
            wait_seconds=config.query_timeout_seconds,
            name=name,
        )

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `query`, and `execute` where writing is allowed."""
        return ("query",) if config.access == "read_only" else ("query", *cls.write_operations)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first statement connects."""
        assert isinstance(config, PostgreSQLConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        offered: dict[str, Operation] = {"query": self.query, "execute": self.execute}
        return {name: offered[name] for name in self.operation_names(self._config)}

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
        if self._config.access == "read_only":
            raise read_only_error(self._name, "execute writes")
        statement = self._bound(sql, params)
        with self._session() as lease:
            return {"rowCount": max(0, self._run(lease.connection, statement).rowcount)}

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
        check_loadable(
            statement.sql, dialect="postgres", access=self._config.access, name=self._name
        )
        with self._session() as lease:
            connection = lease.connection
            if self._config.access == "read_write":
                connection.execute(BEGIN_READ_ONLY)
            # All rows will be fetched: the plan must not favour the first ones.
            connection.execute("set local cursor_tuple_fraction = 1")
            with contextlib.closing(RawServerCursor(connection, "rows")) as cursor:
                register_arrow_loaders(cursor)
                cursor.execute(statement.sql.encode(), statement.values)
                shape = ArrowShape(cursor)
                batches = self._batches(lease, cursor, shape, batch_rows)
                yield pa.RecordBatchReader.from_batches(shape.schema, batches)
            if self._config.access == "read_write":
                connection.rollback()

    def cancel(self) -> None:
        """Stop every running statement at the server."""
        self._pool.interrupt()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

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
        for chunk in chunks(rows):
            if encoder is None:
                names = [column.name for column in cursor.description or ()]
                encoder = RowEncoder(names, max_bytes=self._config.max_result_bytes)
            encoder.add(chunk)
        return encoder.text() if encoder else EncodedJSON("[]")

    def _batches(
        self,
        lease: Lease[Connection],
        cursor: RawServerCursor[tuple[Any, ...]],
        shape: ArrowShape,
        batch_rows: int,
    ) -> Iterator[pa.RecordBatch]:
        while True:
            with self._sessions.translated(lease):
                rows = cursor.fetchmany(batch_rows)
            if not rows:
                return
            yield shape.batch(rows)
