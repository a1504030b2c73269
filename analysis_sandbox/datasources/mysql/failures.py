"""Which of our errors an error of the driver is."""

from collections.abc import Mapping
from types import MappingProxyType

import pymysql
from pymysql.constants import CR, ER

from analysis_sandbox.datasources.base import read_only_error
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    UnavailableError,
    WriteConflictError,
)

_LONGEST_MESSAGE = 1000
_LATE = frozenset({1969, 3024})
_READ_ONLY = 1792
_CONFLICTS = frozenset({ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, ER.CHECKREAD})
# The server, not the statement, is the trouble. 1927 is MariaDB's "connection was killed", 4031
# MySQL's "disconnected for inactivity".
_AWAY = frozenset(
    {
        ER.CON_COUNT_ERROR,
        ER.SERVER_SHUTDOWN,
        ER.NORMAL_SHUTDOWN,
        ER.TOO_MANY_USER_CONNECTIONS,
        ER.USER_LIMIT_REACHED,
        ER.OUT_OF_RESOURCES,
        ER.OUTOFMEMORY,
        ER.DISK_FULL,
        ER.NET_READ_ERROR,
        ER.NET_READ_INTERRUPTED,
        ER.NET_ERROR_ON_WRITE,
        ER.NET_WRITE_INTERRUPTED,
        CR.CR_SERVER_LOST,
        CR.CR_SERVER_GONE_ERROR,
        CR.CR_CONN_HOST_ERROR,
        1927,
        4031,
    }
)
_HINTS: Mapping[int, str] = MappingProxyType(
    {
        ER.NET_PACKET_TOO_LARGE: "A value is larger than the server's max_allowed_packet.",
        1290: "The server itself is started in a mode that does not allow this.",
    }
)


class Failures:
    """The errors of one datasource; no message has its password."""

    def __init__(self, name: str, *, timeout_seconds: float, secret: str) -> None:
        self.name = name
        self._timeout = timeout_seconds
        self._secret = secret

    def unreachable(self, error: Exception) -> UnavailableError:
        """Return the error for a connection that cannot be opened."""
        return UnavailableError(
            f"Cannot connect to datasource {self.name!r}: {self._message(error)}",
            hint="Check that the database is up and what datasources.yaml says of it.",
            details={"datasource": self.name},
        )

    def cancelled(self) -> CancelledError:
        """Return the error for a statement that somebody stopped."""
        return CancelledError(f"The statement on datasource {self.name!r} was cancelled")

    def late(self) -> LimitExceededError:
        """Return the error for a statement, or a batch of its rows, that took too long."""
        return LimitExceededError(
            f"The statement on datasource {self.name!r} ran longer than {self._timeout:g} s",
            hint="Make it faster, or raise query_timeout_seconds in datasources.yaml.",
            details={"datasource": self.name, "query_timeout_seconds": self._timeout},
        )

    def translate(self, error: pymysql.err.Error) -> AnalysisSandboxError:
        """Return ours for an error of the driver."""
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        message = self._message(error)
        state = str(getattr(error, "sqlstate", None) or "")
        details = {"datasource": self.name, "errno": number, "sqlstate": state}
        if number in _LATE:
            return self.late()
        if number == _READ_ONLY:
            return read_only_error(self.name, message)
        if number in _CONFLICTS:
            return WriteConflictError(f"Datasource {self.name!r}: {message}", details=details)
        # Without a number it is the driver that does not understand what came.
        if number in _AWAY or not number:
            return UnavailableError(
                f"Datasource {self.name!r} went away: {message}",
                hint="Try again when the database is back.",
                details=details,
            )
        return QueryError(
            f"Datasource {self.name!r}: {message}", hint=_HINTS.get(number), details=details
        )

    def _message(self, error: Exception) -> str:
        text = str(error.args[-1] if error.args else error)
        text = text.replace(self._secret, "***") if self._secret else text
        return " ".join(text.split())[:_LONGEST_MESSAGE]
