"""One MySQL or MariaDB connection at a time: opened, made ready for one statement, tidied up.

Every statement begins in a session of the same settings, and ends with the session reset: what it
set, locked or left open is gone. The SQL mode is pinned to what MySQL and MariaDB have in common,
so that quotes and backslashes mean what the gate takes them for. The driver's errors become ours
here. What the server does not stop in time, the client does: it closes the connection and kills
what runs on it through another one.
"""

import contextlib
import time
from collections.abc import Generator, Iterator, Mapping
from functools import cached_property
from typing import Any

import pymysql

from analysis_sandbox.datasources.mysql.config import MySQLConfig, connection_arguments, parse_url
from analysis_sandbox.datasources.mysql.driver import Rows, Session
from analysis_sandbox.datasources.mysql.failures import Failures
from analysis_sandbox.datasources.mysql.values import Raw
from analysis_sandbox.datasources.pool import Lease
from analysis_sandbox.errors import StatementRefusedError, ValidationFailedError

SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
# The server's own limit comes first; the client's is for a server that has none, or is stuck.
_GRACE_SECONDS = 2.0
_KILL_SECONDS = 5
# A stream may wait that long for whoever reads it.
_PATIENCE_SECONDS = 3600
_LONGEST_GROUP_CONCAT = 1 << 20


class Sessions:
    """How a pool opens, prepares and ends connections to one server."""

    def __init__(self, config: MySQLConfig, *, name: str) -> None:
        self._config = config
        self._read_only = config.access == "read_only"
        self._timeout = config.query_timeout_seconds
        password = parse_url(config.url.get_secret_value()).password
        self._failures = Failures(name, timeout_seconds=self._timeout, secret=password)

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What the driver raises for a connection that is gone."""
        return (pymysql.err.OperationalError, pymysql.err.InterfaceError)

    def connect(self) -> Session:
        """Open a connection.

        Raises:
            UnavailableError: the server cannot be reached or does not let us in.
        """
        try:
            return self._open(self._config.connect_timeout_seconds)
        except (pymysql.err.Error, OSError, RuntimeError) as error:
            raise self._failures.unreachable(error) from error

    def prepare(self, connection: Session) -> None:
        """Apply the settings and begin the transaction."""
        connection.allow(self._timeout + _GRACE_SECONDS)
        connection.query(f"SET NAMES utf8mb4, {self._settings(connection)}")
        if self._read_only:
            connection.query("START TRANSACTION READ ONLY")

    def finish(self, connection: Session) -> bool:
        """Reset the session; tell whether it worked."""
        if connection.is_busy:
            return False
        try:
            connection.reset()
        except (pymysql.err.Error, OSError):
            return False
        return True

    def interrupt(self, connection: Session) -> None:
        """Kill what runs at the server, through a connection of its own.

        And the connection with it, which is not used again: KILL QUERY would be lost on a
        connection whose statement is still on its way.
        """
        with contextlib.suppress(pymysql.err.Error, OSError, RuntimeError):
            killer = self._open(_KILL_SECONDS)
            try:
                killer.query(f"KILL CONNECTION {connection.thread_id()}")
            finally:
                killer.close()

    def close(self, connection: Session) -> None:
        """Close the connection; the server rolls back what is open, and ends what still runs."""
        if connection.is_busy:
            self.interrupt(connection)
        with contextlib.suppress(pymysql.err.Error, OSError):
            connection.close()

    def run(self, connection: Session, sql: str) -> Rows:
        """Run one statement; its rows are still at the server."""
        rows = connection.cursor(Rows)
        try:
            rows.execute(sql)
        except RuntimeError as error:
            # The server asked for a file of ours, which it never gets.
            connection.close()
            raise StatementRefusedError("The server asked for a local file") from error
        return rows

    def settle(self, connection: Session, rows: Rows) -> None:
        """Read what a procedure returned beyond its first rows.

        Raises:
            StatementRefusedError: the statement left a transaction open.
        """
        while rows.nextset():
            for _ in iter(rows.fetchone, None):
                pass
        if not self._read_only and connection.in_transaction:
            raise StatementRefusedError(
                "A transaction cannot span calls: every call is one of its own",
                hint="Rows that belong together go with one insert(table, rows).",
            )

    def batches(
        self, lease: Lease[Session], rows: Rows, size: int
    ) -> Iterator[list[tuple[Raw, ...]]]:
        """Yield the rows in lists of at most `size`, each of them within the time limit."""
        while True:
            with self.translated(lease):
                batch = self._batch(lease.connection, rows, size)
            if not batch:
                return
            yield batch

    def unbound(self, connection: Session) -> None:
        """Take the server's time limit off: a stream has the client's, batch by batch."""
        variable = "max_statement_time" if connection.is_mariadb else "max_execution_time"
        connection.query(f"SET @@session.{variable} = 0")
        connection.allow(self._timeout)

    @contextlib.contextmanager
    def translated(self, lease: Lease[Session] | None = None) -> Generator[None]:
        """Turn the driver's errors into ours; the lease tells who stopped the statement."""
        self.check(lease)
        try:
            yield
        except pymysql.err.Error as error:
            if lease is not None and lease.interrupted:
                raise self._failures.cancelled() from error
            if isinstance(error.__context__, TimeoutError) and lease is not None:
                self.interrupt(lease.connection)
                raise self._failures.late() from error
            raise self._failures.translate(error) from error
        except UnicodeError as error:
            raise ValidationFailedError(
                f"Datasource {self._failures.name!r}: a text is not valid Unicode"
            ) from error

    def check(self, lease: Lease[Session] | None) -> None:
        """Raise when somebody cancelled: MySQL lets some statements end as if they were done.

        Raises:
            CancelledError: the lease was interrupted.
        """
        if lease is not None and lease.interrupted:
            raise self._failures.cancelled()

    @cached_property
    def _arguments(self) -> Mapping[str, Any]:
        return connection_arguments(self._config)

    def _open(self, timeout_seconds: int) -> Session:
        arguments: dict[str, Any] = {
            **self._arguments,
            "connect_timeout": timeout_seconds,
            "read_timeout": timeout_seconds,
            "write_timeout": timeout_seconds,
            # Rows stay bytes: only their column knows what they are.
            "use_unicode": False,
            "conv": {},
        }
        return Session(**arguments)

    def _settings(self, connection: Session) -> str:
        seconds = self._timeout
        if connection.is_mariadb:
            own = {"tx_read_only": str(int(self._read_only)), "max_statement_time": f"{seconds:f}"}
        else:
            own = {
                "transaction_read_only": str(int(self._read_only)),
                "max_execution_time": str(max(1, round(seconds * 1000))),
            }
        settings = {
            "sql_mode": f"'{SQL_MODE}'",
            "time_zone": "'+00:00'",
            "autocommit": "1",
            "group_concat_max_len": str(_LONGEST_GROUP_CONCAT),
            "net_write_timeout": str(_PATIENCE_SECONDS),
            **own,
        }
        return ", ".join(f"@@session.{name} = {value}" for name, value in settings.items())

    def _batch(self, connection: Session, rows: Rows, size: int) -> list[tuple[Raw, ...]]:
        started = told = time.monotonic()
        connection.allow(self._timeout)
        batch: list[tuple[Raw, ...]] = []
        while len(batch) < size and (row := rows.fetchone()) is not None:
            batch.append(row)
            now = time.monotonic()
            if now - started > self._timeout:
                raise self._failures.late()
            # Telling the socket costs more than a row; a tenth of the limit is close enough.
            if now - told > self._timeout / 10:
                connection.allow(self._timeout - (now - started))
                told = now
        return batch
