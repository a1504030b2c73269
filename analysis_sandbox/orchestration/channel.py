"""How the run pool and its children talk: JSON lines over a socket pair."""

import contextlib
import json
import select
import socket
from typing import Any

from analysis_sandbox.values import JSONObject

_RECEIVE_BYTES = 1 << 16


class PoolChannel:
    """JSON lines over a socket between the pool and one of its children."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, message: JSONObject) -> None:
        """Send one message; the other end being gone is not an error here."""
        with contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the messages that are there, waiting for the first bytes; None at the end."""
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def is_readable(self, *, timeout_seconds: float = 0) -> bool:
        """Tell whether `receive` would return at once."""
        return bool(select.select([self._connection], [], [], timeout_seconds)[0])

    def half_close(self) -> None:
        """Say that nothing more will be sent from here."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end."""
        self._connection.close()
