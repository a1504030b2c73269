"""The driver's connection and cursor, with what it keeps to itself.

That is how long to wait, a reset of the session, and rows that can be left unread.
"""

# These parts of the driver are private, and its type information leaves them out.
# pyright: reportAttributeAccessIssue=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import ssl
from functools import cache
from typing import TYPE_CHECKING

from pymysql.connections import Connection
from pymysql.constants import SERVER_STATUS
from pymysql.cursors import Cursor, SSCursor

from analysis_sandbox.datasources.mysql.values import Column, column_of

if TYPE_CHECKING:
    DriverConnection = Connection[Cursor]
else:
    DriverConnection = Connection

_COM_RESET_CONNECTION = 0x1F


class Session(DriverConnection):
    """A connection that can be told how long to wait, and to forget everything."""

    server_status: int
    server_version: str
    abandoned: bool = False

    def _create_ssl_ctx(self, sslp: ssl.SSLContext | dict[str, object]) -> ssl.SSLContext:
        # Without a context of ours TLS is taken where it is offered. The driver would read all
        # certificates of the system for each connection, and then check none.
        return sslp if isinstance(sslp, ssl.SSLContext) else _unverified()

    def allow(self, seconds: float) -> None:
        """Let every wait for the server take so long."""
        self._read_timeout = seconds
        self._write_timeout = seconds

    def reset(self) -> None:
        """Bring the session back to where it was when it began; the server rolls back."""
        self._execute_command(_COM_RESET_CONNECTION, b"")
        self._read_ok_packet()

    @property
    def is_mariadb(self) -> bool:
        """Tell which of the two it is."""
        return "mariadb" in self.server_version.lower()

    @property
    def in_transaction(self) -> bool:
        """Tell whether the last statement left a transaction open, or opens one with the next."""
        status = self.server_status
        opened = status & SERVER_STATUS.SERVER_STATUS_IN_TRANS
        return bool(opened) or not status & SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT

    @property
    def is_busy(self) -> bool:
        """Tell whether the server still has rows of the last statement."""
        return self.abandoned or (self._result is not None and self._result.unbuffered_active)


class Rows(SSCursor):
    """The rows of one statement, not more of them in memory than were asked for."""

    @property
    def columns(self) -> list[Column]:
        """Return the columns; none when the statement gives no rows."""
        return [column_of(field) for field in self._result.fields] if self.description else []

    def close(self) -> None:
        """Leave what was not read: the driver would read all of it."""
        if self._result is not None and self._result.unbuffered_active:
            self._result.unbuffered_active = False
            self.connection.abandoned = True
        self.connection = None

    __del__ = close


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
