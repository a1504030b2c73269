"""SQLite files.

A read-only datasource is guarded in layers: the gate of `sql.read_only`; the file opened with
mode=ro, and query_only; an authorizer that allows nothing but reading, so that no statement reaches
another file or a setting. Values larger than 64 MiB are refused.
"""

# pyarrow has no type information.
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false

import contextlib
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self, cast

import pyarrow as pa
from pydantic import Field, ValidationInfo, field_validator

from analysis_sandbox.datasources.base import (
    ArrowReader,
    DatasourceConfig,
    Operation,
    SQLDatasourceConfig,
    read_only_error,
)
from analysis_sandbox.datasources.gate import check_loadable, check_statement
from analysis_sandbox.datasources.pool import Lease, Pool
from analysis_sandbox.datasources.rows import RowEncoder, chunks
from analysis_sandbox.datasources.sqlite_sessions import Session, Sessions
from analysis_sandbox.datasources.sqlite_values import (
    ArrowShape,
    Stored,
    contents_from,
    contents_of,
    contents_query,
    names_of,
    parameter,
    plain,
)
from analysis_sandbox.errors import StatementRefusedError
from analysis_sandbox.sql.placeholders import BoundStatement, bind
from analysis_sandbox.values import EncodedJSON, JSONObject


class SQLiteConfig(SQLDatasourceConfig):
    """Where the file is; a relative path is relative to the directory of datasources.yaml."""

    path: Path = Field(description="An existing file.")

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: Path, info: ValidationInfo) -> Path:
        context = cast("Mapping[str, Path]", info.context or {})
        return context.get("directory", Path()) / path.expanduser()


class SQLiteDatasource:
    """One SQLite file."""

    type_name: ClassVar[str] = "sqlite"
    config_model: ClassVar[type[DatasourceConfig]] = SQLiteConfig
    write_operations: ClassVar[tuple[str, ...]] = ("execute",)

    def __init__(self, config: SQLiteConfig, *, name: str) -> None:
        self._name = name
        self._config = config
        self._sessions = Sessions(
            config.path,
            name=name,
            read_only=config.access == "read_only",
            query_timeout_seconds=config.query_timeout_seconds,
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
        """Return the datasource; the first statement opens the file."""
        assert isinstance(config, SQLiteConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        offered: dict[str, Operation] = {"query": self.query, "execute": self.execute}
        return {name: offered[name] for name in self.operation_names(self._config)}

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
        if self._config.access == "read_only":
            raise read_only_error(self._name, "execute writes")
        statement = self._bound(sql, params)
        with self._session() as lease:
            cursor = lease.connection.connection.execute(statement.sql, statement.values)
            cursor.fetchall()
            return {"rowCount": max(0, cursor.rowcount)}

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

    def cancel(self) -> None:
        """Stop every running statement."""
        self._pool.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._pool.close()

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
            lease.connection.allow(self._config.query_timeout_seconds)
            with self._sessions.translated(lease):
                rows = cursor.fetchmany(batch_rows)
