"""MySQL and MariaDB.

A read-only datasource is guarded in layers: the gate of `sql.read_only`; a connection that takes
one statement at a time and no local file; a session that is READ ONLY, and a READ ONLY transaction
per statement; the session is reset after each, and a connection that had an error is never used
again. The last wall is the role: files (FILE) and the server (SUPER) are beyond any transaction, so
give it a user that has SELECT only.

Where the two differ: MariaDB ends every statement that takes too long (max_statement_time), MySQL
only SELECT (max_execution_time) and the client the others; MySQL has a type for json, MariaDB keeps
it as text with a check; only MariaDB has RETURNING and sequences. Tests run against MariaDB.
"""

# pyarrow has no type information.
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import contextlib
from collections.abc import Generator, Sequence
from typing import ClassVar, Self

import pyarrow as pa

from analysis_sandbox.datasources import tables
from analysis_sandbox.datasources.base import (
    ArrowReader,
    Check,
    DatasourceConfig,
    Stream,
    WriteMode,
)
from analysis_sandbox.datasources.gate import check_loadable, check_statement
from analysis_sandbox.datasources.mysql.arrow import ArrowShape
from analysis_sandbox.datasources.mysql.checks import checks
from analysis_sandbox.datasources.mysql.config import MySQLConfig
from analysis_sandbox.datasources.mysql.discovery import described, entries, find, sample_query
from analysis_sandbox.datasources.mysql.documents import Documents
from analysis_sandbox.datasources.mysql.sessions import Rows, Session, Sessions
from analysis_sandbox.datasources.mysql.statements import Statement, statement_of
from analysis_sandbox.datasources.mysql.writing import Target, insert_rows, write_table
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.datasources.rows import RowEncoder, chunks
from analysis_sandbox.datasources.sql import SQLDatasource
from analysis_sandbox.datasources.streams import CancellableStream
from analysis_sandbox.errors import AnalysisSandboxError, ReadOnlyError
from analysis_sandbox.sql.tokens import Dialect
from analysis_sandbox.values import EncodedJSON, JSONObject


class MySQLDatasource(SQLDatasource):
    """One MySQL or MariaDB server, and the database its URL names."""

    type_name: ClassVar[str] = "mysql"
    config_model: ClassVar[type[DatasourceConfig]] = MySQLConfig
    dialect: ClassVar[Dialect] = "mysql"

    def __init__(self, config: MySQLConfig, *, name: str) -> None:
        self._config = config
        self._sessions = Sessions(config, name=name)
        self._documents = Documents(self._sessions)
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
        assert isinstance(config, MySQLConfig)
        return cls(config, name=name)

    def query(self, sql: str, params: object = None) -> EncodedJSON:
        """Run one statement and return its rows as a JSON array of objects.

        Of what a procedure returns, these are the first rows.

        Raises:
            ReadOnlyError, StatementRefusedError: the statement may not run here.
            QueryError: the database refused it.
            LimitExceededError: it took too long, or its result is too large.
            UnavailableError: the database cannot be reached, or went away.
        """
        statement, reads = self._checked(sql, params)
        with self._session() as lease:
            rows = self._sessions.run(lease.connection, statement.sql)
            answer = self._encoded(lease.connection, rows)
            self._sessions.settle(lease.connection, rows)
            if reads:
                self._sessions.check(lease)
            return answer

    def execute(self, sql: str, params: object = None) -> JSONObject:
        """Run one statement that writes and return the number of rows it changed.

        Raises:
            ReadOnlyError: the datasource is read-only.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("execute")
        statement, _ = self._checked(sql, params)
        with self._session() as lease:
            rows = self._sessions.run(lease.connection, statement.sql)
            count = 0 if rows.columns else rows.rowcount
            for _ in iter(rows.fetchone, None) if rows.columns else ():
                count += 1
            self._sessions.settle(lease.connection, rows)
            return {"rowCount": count}

    def insert(self, table: str, rows: object) -> JSONObject:
        """Insert objects as rows, all of them or none, and return their number.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ValidationFailedError: not a list of objects.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("insert")
        target = Target(table)
        checked = tables.insert_rows(rows)
        if not checked.rows:
            return {"rowCount": 0}
        with self._session() as lease:
            return {"rowCount": insert_rows(lease.connection, target, checked)}

    def stream(self, sql: str, params: object = None, batch_size: object = None) -> Stream:
        """Return the rows of one reading statement as JSON arrays of `batch_size` rows.

        Every batch, not the whole statement, has `query_timeout_seconds`.

        Raises:
            As `query`; also while it is read.
        """
        params, size = tables.stream_arguments(params, batch_size)
        statement = self._loadable(sql, params)
        leases: list[Lease[Session]] = []
        return CancellableStream(
            self._chunks(statement, size, leases), cancel=lambda: self._pool.interrupt(leases)
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
        statement = self._loadable(sql, params)
        with self._reading(statement) as (lease, rows):
            shape = ArrowShape(rows.columns)
            batches = map(shape.batch, self._sessions.batches(lease, rows, batch_rows))
            yield pa.RecordBatchReader.from_batches(shape.schema, batches)

    def write_arrow(self, target: str, reader: ArrowReader, *, mode: WriteMode = "append") -> int:
        """Write the rows of a reader to a table, all of them or none; return their number.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ConflictError: the table is there, and `mode` is "error"; or it is a view.
            QueryError, LimitExceededError, UnavailableError: as for `query`.
        """
        self._check_writable("write_arrow")
        table = Target(target)
        with self._session() as lease:
            return write_table(lease.connection, table, reader, mode)

    def catalog(self) -> Sequence[JSONObject]:
        """Return the tables and views the user may see."""
        with self._session() as lease:
            return entries(lease.connection)

    def describe(self, name: str) -> JSONObject:
        """Return a table or view with its columns.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self._session() as lease:
            return described(lease.connection, name, datasource=self._name)

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Return the first rows of a table or view.

        Raises:
            NotFoundError: there is none of this name.
            ValidationFailedError: `limit` is no number from 1 to 1000.
        """
        rows = tables.sample_size(limit)
        with self._session() as lease:
            entry = find(lease.connection, name, datasource=self._name)
            sql = sample_query(entry, rows)
            return self._encoded(lease.connection, self._sessions.run(lease.connection, sql))

    def test(self) -> Sequence[Check]:
        """Connect and look at each layer that keeps the datasource read-only."""
        read_only = self._config.access == "read_only"
        try:
            with self._session() as lease:
                found = list(checks(lease.connection, read_only=read_only))
        except AnalysisSandboxError as error:
            return [Check("connection", ok=False, detail=error.message)]
        return [*found, self._gate()] if read_only else found

    @contextlib.contextmanager
    def _session(self) -> Generator[Lease[Session]]:
        with (
            self._sessions.translated(),
            self._pool.lease() as lease,
            self._sessions.translated(lease),
        ):
            yield lease

    @contextlib.contextmanager
    def _reading(
        self, statement: Statement, leases: list[Lease[Session]] | None = None
    ) -> Generator[tuple[Lease[Session], Rows]]:
        """Run a statement that may take long; `leases` is where others find it to stop it."""
        with self._session() as lease:
            if leases is not None:
                leases.append(lease)
            self._sessions.unbound(lease.connection)
            if self._config.access == "read_write":
                lease.connection.query("START TRANSACTION READ ONLY")
            with contextlib.closing(self._sessions.run(lease.connection, statement.sql)) as rows:
                yield lease, rows

    def _chunks(
        self, statement: Statement, size: int, leases: list[Lease[Session]]
    ) -> Generator[EncodedJSON]:
        with self._reading(statement, leases) as (lease, rows):
            columns = rows.columns
            decode = self._documents.decoder(lease.connection, columns)
            names = [column.name for column in columns]
            for batch in self._sessions.batches(lease, rows, size):
                decoded = [decode(row) for row in batch]
                yield tables.chunk(names, decoded, max_bytes=self._config.max_result_bytes)

    def _checked(self, sql: str, params: object) -> tuple[Statement, bool]:
        """Return the statement, and whether it only reads."""
        statement = statement_of(sql, params)
        reads = check_statement(
            statement.shape, dialect="mysql", access=self._config.access, name=self._name
        )
        return statement, reads

    def _loadable(self, sql: str, params: object) -> Statement:
        statement = statement_of(sql, params)
        check_loadable(
            statement.shape, dialect="mysql", access=self._config.access, name=self._name
        )
        return statement

    def _gate(self) -> Check:
        try:
            self._checked("DELETE FROM mysql.user", None)
        except ReadOnlyError:
            return Check("gate", ok=True, detail="Statements that write are not sent")
        return Check("gate", ok=False, detail="A statement that writes would be sent")

    def _encoded(self, connection: Session, rows: Rows) -> EncodedJSON:
        columns = rows.columns
        if not columns:
            return EncodedJSON("[]")
        decode = self._documents.decoder(connection, columns)
        names = [column.name for column in columns]
        encoder = RowEncoder(names, max_bytes=self._config.max_result_bytes)
        for chunk in chunks(iter(rows.fetchone, None)):
            encoder.add(map(decode, chunk))
        return encoder.text()
