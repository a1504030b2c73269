"""What every SQL type offers scripts, by which names; a type adds how each is done."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from analysis_sandbox.datasources.base import (
    DatasourceConfig,
    Operation,
    SQLDatasourceConfig,
    Stream,
    StreamOpener,
    read_only_error,
)
from analysis_sandbox.datasources.pool import Pool
from analysis_sandbox.sql.tokens import Dialect
from analysis_sandbox.values import EncodedJSON, JSONObject


class SQLDatasource(ABC):
    """One database, behind a pool of warm sessions."""

    dialect: ClassVar[Dialect]
    write_operations: ClassVar[tuple[str, ...]] = ("execute", "insert")

    def __init__(self, config: SQLDatasourceConfig, pool: Pool[Any], *, name: str) -> None:
        self._name = name
        self._is_writable = config.access == "read_write"
        self._pool = pool

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `query`, and what writes where writing is allowed."""
        return ("query",) if config.access == "read_only" else ("query", *cls.write_operations)

    @classmethod
    def stream_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `stream`."""
        del config
        return ("stream",)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        if not self._is_writable:
            return {"query": self.query}
        return {"query": self.query, "execute": self.execute, "insert": self.insert}

    def streams(self) -> Mapping[str, StreamOpener]:
        """Return what a script may read chunk by chunk."""
        return {"stream": self.stream}

    @abstractmethod
    def query(self, sql: str, params: object = None) -> EncodedJSON:
        """Run one statement and return its rows as a JSON array of objects.

        Raises:
            ReadOnlyError, StatementRefusedError: the statement may not run here.
            QueryError: the database refused it.
            LimitExceededError: it took too long, or its result is too large.
            UnavailableError: the database cannot be reached, or went away.
        """

    @abstractmethod
    def execute(self, sql: str, params: object = None) -> JSONObject:
        """Run one statement that writes and return the number of rows it touched."""

    @abstractmethod
    def insert(self, table: str, rows: object) -> JSONObject:
        """Insert objects, a member for each column, and return their number."""

    @abstractmethod
    def stream(self, sql: str, params: object = None, batch_size: object = None) -> Stream:
        """Return the rows of one reading statement as JSON arrays of `batch_size` rows."""

    def cancel(self) -> None:
        """Stop every running statement at the server."""
        self._pool.interrupt()

    def close(self) -> None:
        """Close the connections, those in use when they are done."""
        self._pool.close()

    def _check_writable(self, operation: str) -> None:
        if not self._is_writable:
            raise read_only_error(self._name, f"{operation} writes")
