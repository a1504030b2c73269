"""One PostgreSQL connection at a time: opened, made ready for one statement, tidied up after it.

Nothing depends on what a connection went through before: each statement of a read-only datasource
gets a transaction of its own with its own settings, so that a pooler in transaction mode may stand
in between. psycopg's errors become ours here.
"""

import contextlib
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from analysis_sandbox.datasources.base import read_only_error
from analysis_sandbox.datasources.pool import Lease
from analysis_sandbox.datasources.postgresql.values import register_loaders, register_user_arrays
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    UnavailableError,
    ValidationFailedError,
    WriteConflictError,
)

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
BEGIN_READ_ONLY = "begin read only"
# The names by which SQLSTATE says that the server, not the statement, is the trouble.
_AWAY = ("08", "53", "57P", "58")
_CONFLICTS = ("40001", "40P01")
_CANCELLED = "57014"
_READ_ONLY = "25006"
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the sessions of one datasource have in common."""

    name: str
    url: str
    read_only: bool
    query_timeout_seconds: float
    connect_timeout_seconds: int

    @property
    def prologue(self) -> str:
        """Settings the results depend on. A query, after which READ ONLY is final."""
        timeout = max(1, round(self.query_timeout_seconds * 1000))
        calls = self.local_settings(timeout_ms=timeout, local=self.read_only)
        return f"{BEGIN_READ_ONLY}; select {calls}" if self.read_only else f"select {calls}"

    def local_settings(self, *, timeout_ms: int, local: bool = True) -> str:
        """Return the calls that set what the results depend on; the columns of a query."""
        settings = {
            "statement_timeout": str(timeout_ms),
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
            "IntervalStyle": "iso_8601",
            "extra_float_digits": "1",
            "bytea_output": "hex",
            "standard_conforming_strings": "on",
        }
        return ", ".join(
            f"pg_catalog.set_config('{setting}', '{value}', {str(local).lower()})"
            for setting, value in settings.items()
        )

    @property
    def epilogue(self) -> str:
        """Forgets the statement: session locks outlive a transaction."""
        if self.read_only:
            return "rollback; select pg_catalog.pg_advisory_unlock_all()"
        return "discard all"


class Sessions:
    """How a pool opens, prepares and ends connections to one server."""

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._prologue = settings.prologue.encode()
        self._epilogue = settings.epilogue.encode()

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What psycopg raises for a connection that is gone."""
        return (psycopg.OperationalError, psycopg.InterfaceError)

    def connect(self) -> Connection:
        """Open a connection.

        Raises:
            UnavailableError: the server cannot be reached or does not let us in.
        """
        settings = self._settings
        try:
            # Statements prepared by name would break when a table they use changes.
            connection = psycopg.connect(
                settings.url,
                autocommit=True,
                prepare_threshold=None,
                connect_timeout=settings.connect_timeout_seconds,
                client_encoding="UTF8",
                fallback_application_name="analysis-sandbox",
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
                tcp_user_timeout=30_000,
            )
        except psycopg.Error as error:
            raise UnavailableError(
                f"Cannot connect to datasource {settings.name!r}: "
                f"{_without_password(_one_line(str(error)), settings.url)}",
                hint="Check that the database is up and what datasources.yaml says of it.",
                details={"datasource": settings.name},
            ) from error
        register_loaders(connection)
        try:
            register_user_arrays(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def prepare(self, connection: Connection) -> None:
        """Begin the transaction, or reset the session, and apply the settings."""
        connection.execute(self._prologue)

    def finish(self, connection: Connection) -> bool:
        """Roll back, or reset the session; tell whether it worked."""
        try:
            connection.execute(self._epilogue)
        except psycopg.Error:
            return False
        return True

    def interrupt(self, connection: Connection) -> None:
        """Cancel the running statement at the server."""
        with contextlib.suppress(psycopg.Error, OSError):
            connection.cancel_safe(timeout=5)

    def close(self, connection: Connection) -> None:
        """Close the connection; the server rolls back what is open."""
        with contextlib.suppress(psycopg.Error, OSError):
            connection.close()

    @contextlib.contextmanager
    def translated(self, lease: Lease[Connection] | None = None) -> Generator[None]:
        """Turn psycopg's errors into ours; the lease tells who stopped the statement."""
        if lease is not None and lease.interrupted:
            raise self.cancelled()
        started = time.monotonic()
        try:
            yield
        except psycopg.Error as error:
            if lease is not None and lease.interrupted:
                raise self.cancelled() from error
            elapsed = time.monotonic() - started
            gone = lease is None or lease.connection.closed
            raise self._translate(error, gone=gone, elapsed=elapsed) from error
        except UnicodeError as error:
            raise ValidationFailedError(
                f"Datasource {self._settings.name!r}: a text is not valid Unicode"
            ) from error

    def cancelled(self) -> CancelledError:
        """Return the error for a statement that somebody stopped."""
        return CancelledError(f"The statement on datasource {self._settings.name!r} was cancelled")

    def timed_out(self) -> LimitExceededError:
        """Return the error for a statement that ran too long."""
        name, seconds = self._settings.name, f"{self._settings.query_timeout_seconds:g}"
        return LimitExceededError(
            f"The statement on datasource {name!r} ran longer than {seconds} s",
            hint="Make it faster, or raise query_timeout_seconds in datasources.yaml.",
            details={"datasource": name, "query_timeout_seconds": float(seconds)},
        )

    def foreign(self, text: str, *, state: str) -> AnalysisSandboxError:
        """Return the error for what another driver said, by its SQLSTATE."""
        message = _without_password(_one_line(text), self._settings.url)
        details = {"datasource": self._settings.name, "sqlstate": state}
        return self._filed(message, state=state, gone=not state, details=details)

    def _translate(
        self, error: psycopg.Error, *, gone: bool, elapsed: float
    ) -> AnalysisSandboxError:
        state = error.sqlstate or ""
        if state == _CANCELLED and elapsed >= self._settings.query_timeout_seconds * 0.9:
            return self.timed_out()
        message = _one_line(error.diag.message_primary or str(error))
        details = {"datasource": self._settings.name, "sqlstate": state}
        if error.diag.statement_position:
            details["position"] = error.diag.statement_position
        hint = error.diag.message_hint
        return self._filed(message, state=state, gone=gone, details=details, hint=hint)

    def _filed(
        self,
        message: str,
        *,
        state: str,
        gone: bool,
        details: Mapping[str, str],
        hint: str | None = None,
    ) -> AnalysisSandboxError:
        name = self._settings.name
        if state == _READ_ONLY:
            return read_only_error(name, message)
        if state in _CONFLICTS:
            return WriteConflictError(f"Datasource {name!r}: {message}", details=details)
        if state.startswith(_AWAY) or (gone and not state):
            return UnavailableError(
                f"Datasource {name!r} went away: {message}",
                hint="Try again when the database is back.",
                details=details,
            )
        return QueryError(f"Datasource {name!r}: {message}", hint=hint, details=details)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def _without_password(text: str, url: str) -> str:
    for secret in (url, str(conninfo_to_dict(url).get("password") or "")):
        if secret:
            text = text.replace(secret, "***")
    return text
