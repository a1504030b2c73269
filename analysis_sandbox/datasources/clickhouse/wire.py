"""One HTTP connection to one server: requests with a deadline, answers as they come in.

`http.client` goes where it is told and nowhere else: it knows no proxies, no redirects, no second
attempts. Another thread may cut the connection.
"""

import contextlib
import http.client
import select
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Generator, Iterable, Mapping
from typing import IO, cast
from urllib.parse import urlencode
from uuid import uuid4

import zstandard

from analysis_sandbox.datasources.clickhouse.config import Place

_PIECE_BYTES = 1 << 18
_TAIL_BYTES = 1 << 15
_LONGEST_ADDRESS = 8_000
# What the way to the server raises; `ConnectionLost` is ours.
WIRE_ERRORS = (OSError, http.client.HTTPException, zstandard.ZstdError)


class ConnectionLost(OSError):
    """The connection ended before the answer did."""


class Answer:
    """What the server answers; its body is read piece by piece."""

    def __init__(self, connection: "Connection", response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.exception_tag = response.headers.get("X-ClickHouse-Exception-Tag")
        self.tail = b""
        self.complete = False
        self.gen = self._pieces()
        self._connection = connection
        self._response = response

    def read(self, limit: int) -> bytes:
        """Return the body, at most `limit` bytes of it."""
        taken = bytearray()
        for piece in self.gen:
            taken += piece
            if len(taken) >= limit:
                break
        return bytes(taken[:limit])

    def finish(self) -> None:
        """Read what is left of the body, and forget it."""
        for _ in self.gen:
            """Nothing of it is of interest."""

    def close(self) -> None:
        """Do nothing: who asked decides what becomes of an answer not read to its end."""

    def _pieces(self) -> Generator[bytes]:
        source = _Source(self._connection, self._response)
        encoding = self.headers.get("Content-Encoding", "")
        if encoding not in ("", "identity", "zstd"):
            raise ConnectionLost(f"the answer has the encoding {encoding}")
        reader = (
            # Bounds what one piece unfolds to.
            zstandard.ZstdDecompressor().stream_reader(
                cast("IO[bytes]", source), read_across_frames=True
            )
            if encoding == "zstd"
            else source
        )
        while piece := reader.read(_PIECE_BYTES):
            self.tail = (self.tail + piece)[-_TAIL_BYTES:]
            yield piece
        self.complete = True


class _Source:
    """The bytes of a response, each read within the deadline of its connection."""

    def __init__(self, connection: "Connection", response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response

    def read(self, size: int) -> bytes:
        self._connection.keep_to_deadline()
        piece = self._response.read1(size)
        if not piece and self._response.length:
            raise ConnectionLost("the connection ended before the answer did")
        if not piece:
            # Tells the connection that the next request may come.
            self._response.read()
        return piece


class Connection:
    """A connection that is kept alive between requests."""

    def __init__(self, place: Place, *, tls: ssl.SSLContext | None, timeout: float) -> None:
        if tls is not None:
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                place.host, place.port, timeout=timeout, context=tls
            )
        else:
            self._http = http.client.HTTPConnection(place.host, place.port, timeout=timeout)
        self._headers = {
            "Authorization": "Basic "
            + b64encode(f"{place.user}:{place.password}".encode()).decode(),
            "User-Agent": "analysis-sandbox",
        }
        self._http.connect()
        # Once lost, it stays lost: whoever has it must be told.
        self._http.auto_open = 0
        self._socket: socket.socket = self._http.sock
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._deadline = time.monotonic() + timeout

    def allow(self, seconds: float) -> None:
        """Let what is waited for next take so long."""
        self._deadline = time.monotonic() + seconds

    def keep_to_deadline(self) -> None:
        """Make the next wait end at the deadline.

        Raises:
            TimeoutError: it has passed.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._socket.settimeout(left)

    def is_gone(self) -> bool:
        """Tell whether the server ended the connection while nobody used it."""
        if self._http.sock is None:
            # It said that it would, with its last answer.
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))

    def post(
        self,
        sql: str,
        parameters: Mapping[str, str],
        *,
        data: Iterable[bytes] | None = None,
        compressed: bool = False,
    ) -> Answer:
        """Send a statement and return the answer when it begins.

        With `data`, that is the body, and the statement goes before it.
        """
        headers = dict(self._headers)
        if compressed:
            headers["Accept-Encoding"] = "zstd"
        address = urlencode(parameters)
        body: bytes | Iterable[bytes]
        if data is not None:
            address = urlencode({**parameters, "query": sql})
            headers["Transfer-Encoding"] = "chunked"
            body = self._within_deadline(data)
        elif len(address) > _LONGEST_ADDRESS:
            address = urlencode({k: v for k, v in parameters.items() if not _is_value(k)})
            values = {k: v for k, v in parameters.items() if _is_value(k)}
            body, headers["Content-Type"] = _form({"query": sql, **values})
        else:
            body = sql.encode()
            headers["Content-Type"] = "text/plain; charset=utf-8"
        self.keep_to_deadline()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # A server that refuses the rest of a body says so before it hangs up.
            self._http.request("POST", f"/?{address}", body, headers, encode_chunked=True)
        self.keep_to_deadline()
        return Answer(self, self._http.getresponse())

    def cut(self) -> None:
        """End the connection at once, from any thread: who waits on it gets an error."""
        with contextlib.suppress(OSError):
            # Not the shutdown of TLS: it would wait for the other side.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it. Never raises."""
        with contextlib.suppress(OSError):
            self._http.close()

    def _within_deadline(self, data: Iterable[bytes]) -> Generator[bytes]:
        for piece in data:
            if piece:
                self.keep_to_deadline()
                yield piece


def _is_value(name: str) -> bool:
    return name.startswith("param_")


def _form(fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the fields as a form, for values too long for an address, and its content type."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode(), (
        f"multipart/form-data; boundary={boundary}"
    )
