"""The run pool's Unix socket: takes one JSON line from each client and answers with one."""

import json
import logging
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.values import JSONObject

_log = logging.getLogger(__name__)

_BACKLOG = 512
_MAX_REQUEST_BYTES = 1 << 16
_SILENCE_SECONDS = 10.0

Answer = Callable[[dict[str, Any]], JSONObject]


@dataclass(slots=True)
class _Client:
    connection: socket.socket
    buffer: bytes = b""
    since: float = field(default_factory=time.monotonic)


class PoolServer:
    """Serves clients from the pool's one thread: no client makes another one wait."""

    def __init__(self, path: Path, selector: selectors.BaseSelector, answer: Answer) -> None:
        self._path = path
        self._selector = selector
        self._answer = answer
        self._clients: list[_Client] = []
        self._listener: socket.socket | None = None

    def listen(self) -> None:
        """Begin to serve.

        Raises:
            ConfigurationError: another pool listens there.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(self._path))
            raise ConfigurationError(
                f"Another run pool listens on {self._path}", hint="Stop it first."
            )
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._listener.listen(_BACKLOG)
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def drop_silent_clients(self) -> None:
        """Close connections that asked nothing for too long."""
        now = time.monotonic()
        for client in [one for one in self._clients if now - one.since > _SILENCE_SECONDS]:
            self._drop(client)

    def release(self) -> None:
        """Close the descriptors in a forked copy of the pool."""
        for client in self._clients:
            client.connection.close()
        if self._listener is not None:
            self._listener.close()

    def close(self) -> None:
        """Stop serving and remove the socket."""
        self.release()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        assert self._listener is not None
        with suppress(OSError):
            connection, _ = self._listener.accept()
            connection.settimeout(0)
            client = _Client(connection)
            self._clients.append(client)
            self._selector.register(connection, selectors.EVENT_READ, partial(self._read, client))

    def _read(self, client: _Client) -> None:
        data = b""
        with suppress(OSError):
            data = client.connection.recv(_MAX_REQUEST_BYTES)
        client.buffer += data
        if not data or len(client.buffer) > _MAX_REQUEST_BYTES:
            self._drop(client)
        elif client.buffer.endswith(b"\n"):
            self._reply(client)
            self._drop(client)

    def _reply(self, client: _Client) -> None:
        try:
            answer = self._answer(json.loads(client.buffer))
        except (ValueError, KeyError, TypeError):
            _log.warning("Not a request: %.200r", client.buffer)
            return
        with suppress(OSError):
            # Far below what a socket's buffer holds: it never blocks.
            client.connection.sendall(json.dumps(answer).encode() + b"\n")

    def _drop(self, client: _Client) -> None:
        self._clients.remove(client)
        self._selector.unregister(client.connection)
        client.connection.close()
