"""Real HTTP servers for tests: an API, servers that misbehave byte by byte, and a canary."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from analysis_sandbox.datasources.http.timing import Timing
from analysis_sandbox.datasources.rest.datasource import RESTConfig, RESTDatasource


@dataclass
class Canary:
    """A listener that nobody may ever reach."""

    port: int
    connections: int = 0


@contextlib.contextmanager
def canary(host: str = "127.0.0.1") -> Generator[Canary]:
    """Listen on loopback and count who connects."""
    with raw_server(lambda _: None, host=host) as server:
        found = Canary(server.port)
        yield found
        # Connections are accepted in turn: once ours is served, every earlier one was counted.
        with socket.create_connection((host, server.port), timeout=20) as ours:
            ours.sendall(b"\r\n\r\n")
            ours.recv(1)
        found.connections = server.connections - 1


@dataclass
class RawServer:
    """A server whose every byte a test decides."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def raw_server(
    answer: Callable[[socket.socket], object], *, host: str = "127.0.0.1"
) -> Generator[RawServer]:
    """Answer every connection, in a thread of its own, after its first request has come."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.bind((host, 0))
    listener.listen(64)
    server = RawServer(listener.getsockname()[1])
    threads: list[threading.Thread] = []
    opened: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            data = b""
            while not _is_whole(data) and (piece := connection.recv(65536)):
                data += piece
            server.requests.append(data)
            answer(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections += 1
                opened.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(10)
        for connection in opened:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)


def _is_whole(request: bytes) -> bool:
    head, mark, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(mark) and len(body) >= int(length.group(1) if length else 0)


def http_answer(
    body: bytes = b"", *, status: str = "200 OK", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return an answer as it goes over the wire."""
    lines = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@contextlib.contextmanager
def answering(*answers: bytes) -> Generator[RawServer]:
    """Give each connection the next of these answers; the last one again and again."""
    left = list(answers)

    def answer(connection: socket.socket) -> None:
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    with raw_server(answer) as server:
        yield server


class FakeClock:
    """Time that passes by waiting only; it notes how long was waited."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self.waits: list[float] = []

    @property
    def timing(self) -> Timing:
        return Timing(
            monotonic=lambda: self.time,
            now=lambda: datetime.fromtimestamp(self.time, UTC),
            wait=self._wait,
            chance=lambda: 1.0,
        )

    def _wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(round(seconds, 3))
        self.time += seconds
        return event.is_set()


def rest(url: str, **fields: Any) -> RESTDatasource:
    """Return a datasource for a server on loopback."""
    config = RESTConfig.model_validate({"base_url": url, "allow_private_addresses": True, **fields})
    return RESTDatasource.open(config, name="api")


@contextlib.contextmanager
def opening(url: str) -> Generator[Callable[..., RESTDatasource]]:
    """Open datasources for a server on loopback; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def open_one(**fields: Any) -> RESTDatasource:
            return stack.enter_context(contextlib.closing(rest(url, **fields)))

        yield open_one


def always(addresses: Iterable[str]) -> Callable[[str, int], list[str]]:
    """Return a resolver that knows every host by these addresses."""
    known = list(addresses)
    return lambda _host, _port: known
