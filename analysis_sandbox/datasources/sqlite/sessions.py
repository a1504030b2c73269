"""One SQLite connection at a time: what it may do, how long, and its errors as ours."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Generator
from pathlib import Path

from analysis_sandbox.datasources.base import read_only_error
from analysis_sandbox.datasources.pool import Lease
from analysis_sandbox.datasources.sqlite.values import lenient_text
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
    ValidationFailedError,
)

_STEPS_BETWEEN_CHECKS = 10_000
_BUSY_SECONDS = 5.0
_LARGEST_VALUE = 64 << 20
_RECURSIVE = 33
_READS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, _RECURSIVE}
)
_SAVEPOINT = 32
# Other files, other settings, and transactions that would outlive the call.
_NEVER = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_TRANSACTION,
        _SAVEPOINT,
    }
)
_PRAGMAS = frozenset(
    {
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "data_version",  # asked for by full-text search itself
    }
)
_FUNCTIONS_OFF = frozenset({"load_extension", "fts3_tokenizer"})
_AWAY = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
)


class Session:
    """A connection and the time its statement has."""

    def __init__(self, connection: sqlite3.Connection, allow: Callable[..., int]) -> None:
        self.connection = connection
        self._allow = allow
        self.expired = False
        self._deadline = 0.0
        connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_CHECKS)

    def allow(self, seconds: float) -> None:
        """Let what runs next run for so long."""
        self.expired = False
        self._deadline = time.monotonic() + seconds

    def guard(self) -> None:
        """Let only what the datasource allows be prepared."""
        self.connection.set_authorizer(self._allow)

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Make what is done inside one transaction, which statements themselves may not begin."""
        self._control("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._control("ROLLBACK")
            raise
        self._control("COMMIT")

    @contextlib.contextmanager
    def describing(self) -> Generator[None]:
        """Let the schema be read and tables be made inside."""
        self.connection.set_authorizer(None)
        try:
            yield
        finally:
            self.guard()

    def _control(self, statement: str) -> None:
        with self.describing():
            self.connection.execute(statement)

    def _is_late(self) -> bool:
        self.expired = time.monotonic() > self._deadline
        return self.expired


class Sessions:
    """How a pool opens, prepares and ends connections to one file."""

    def __init__(
        self, path: Path, *, name: str, read_only: bool, query_timeout_seconds: float
    ) -> None:
        self._path = path
        self._name = name
        self._read_only = read_only
        self._timeout = query_timeout_seconds

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """A file does not go away: nothing is lost."""
        return ()

    def connect(self) -> Session:
        """Open the file.

        Raises:
            UnavailableError: there is no such file, or it cannot be opened.
        """
        mode = "ro" if self._read_only else "rw"
        try:
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=min(_BUSY_SECONDS, self._timeout),
            )
        except sqlite3.Error as error:
            raise UnavailableError(
                f"Cannot open datasource {self._name!r}: {error}",
                hint="Check the path in datasources.yaml; the file must exist.",
                details={"datasource": self._name, "path": str(self._path)},
            ) from error
        connection.text_factory = lenient_text
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA trusted_schema = OFF")
        if self._read_only:
            connection.execute("PRAGMA query_only = ON")
        session = Session(connection, _allow_reads if self._read_only else _allow_writes)
        session.guard()
        return session

    def prepare(self, connection: Session) -> None:
        """Start the clock."""
        connection.allow(self._timeout)

    def finish(self, connection: Session) -> bool:
        """Tell whether it can be used again: there is nothing to undo."""
        return not connection.connection.in_transaction

    def interrupt(self, connection: Session) -> None:
        """Stop the running statement."""
        with contextlib.suppress(sqlite3.Error):
            connection.connection.interrupt()

    def close(self, connection: Session) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            connection.connection.close()

    @contextlib.contextmanager
    def translated(self, lease: Lease[Session]) -> Generator[None]:
        """Turn SQLite's errors into ours; the lease tells who stopped the statement."""
        if lease.interrupted:
            raise self._cancelled()
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._translate(error, lease) from error
        except (UnicodeError, OverflowError) as error:
            raise ValidationFailedError(
                f"Datasource {self._name!r}: a value cannot be sent ({error})"
            ) from error

    def _cancelled(self) -> CancelledError:
        return CancelledError(f"The statement on datasource {self._name!r} was cancelled")

    def _translate(
        self, error: sqlite3.Error | sqlite3.Warning, lease: Lease[Session]
    ) -> AnalysisSandboxError:
        if lease.interrupted:
            return self._cancelled()
        if lease.connection.expired:
            return LimitExceededError(
                f"The statement on datasource {self._name!r} ran longer than {self._timeout:g} s",
                hint="Make it faster, or raise query_timeout_seconds in datasources.yaml.",
                details={"datasource": self._name, "query_timeout_seconds": self._timeout},
            )
        # Extended codes carry the plain one in their lowest byte.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind: type[AnalysisSandboxError] = QueryError
        if code in (sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY):
            if self._read_only:
                return read_only_error(self._name, str(error))
            kind = StatementRefusedError
        elif code in _AWAY:
            kind = UnavailableError
        elif code == sqlite3.SQLITE_TOOBIG:
            kind = LimitExceededError
        details = {"datasource": self._name, "sqlite": getattr(error, "sqlite_errorname", "")}
        return kind(f"Datasource {self._name!r}: {error}", details=details)


def _allow_reads(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    # Virtual tables (json_each, pragma_table_info) declare themselves by what looks like a change
    # of the schema table. A real one needs writable_schema, and a writable file.
    declares = action == sqlite3.SQLITE_UPDATE and first == "sqlite_master"
    describes = action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS
    allowed = action in _READS or declares or describes
    return sqlite3.SQLITE_OK if allowed and second not in _FUNCTIONS_OFF else sqlite3.SQLITE_DENY


def _allow_writes(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    denied = action in _NEVER or (action == sqlite3.SQLITE_PRAGMA and first not in _PRAGMAS)
    return sqlite3.SQLITE_DENY if denied or second in _FUNCTIONS_OFF else sqlite3.SQLITE_OK
