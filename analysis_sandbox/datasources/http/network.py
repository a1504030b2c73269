"""Connections to checked addresses, within the time of an operation and ended when it is cancelled.

The transport looks a host up once per connection, checks every address and dials exactly what was
checked; TLS still proves the host's name. It knows no proxies and reads nothing from the
environment.
"""

import contextlib
import logging
import select
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import ContextVar
from ipaddress import IPv6Address
from typing import Any, cast

import httpcore
import httpx

from analysis_sandbox.datasources.http.addresses import Address, AddressGuard
from analysis_sandbox.errors import CancelledError, ConfigurationError

KEEPALIVE_SECONDS = 60.0
# At this package's level DEBUG it tells the headers of answers, which may repeat a secret.
logging.getLogger("httpcore").setLevel(logging.INFO)
_SocketOptions = Iterable[Any]


class Operation:
    """What one thread does over HTTP: it has an end in time, and any thread can cancel it."""

    def __init__(self, *, name: str, clock: Callable[[], float]) -> None:
        self.cancelled = threading.Event()
        self._name = name
        self._clock = clock
        self._deadline = float("inf")
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def allow(self, seconds: float) -> None:
        """Let what comes next take so long."""
        self._deadline = self._clock() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left; not below zero."""
        return max(0.0, self._deadline - self._clock())

    def check(self) -> None:
        """Raise `CancelledError` if somebody has cancelled it."""
        if self.cancelled.is_set():
            raise CancelledError(f"The request to datasource {self._name!r} was cancelled")

    def cancel(self) -> None:
        """End it now, whatever it waits for."""
        self.cancelled.set()
        with self._lock:
            if self._socket is not None:
                _shut_down(self._socket)

    @contextlib.contextmanager
    def using(self, connection: socket.socket) -> Generator[None]:
        """Let `cancel` wake whoever waits for this connection."""
        with self._lock:
            self._socket = connection
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._socket = None
        self.check()


_current: ContextVar[Operation | None] = ContextVar("http_operation", default=None)


@contextlib.contextmanager
def current_operation(operation: Operation) -> Generator[None]:
    """Make an operation the one that this thread's connections work for."""
    token = _current.set(operation)
    try:
        yield
    finally:
        _current.reset(token)


def running_operation() -> Operation | None:
    """Return the operation that this thread works for now."""
    return _current.get()


class GuardedTransport(httpx.BaseTransport):
    """An httpx transport that reaches checked addresses only. Use it within `current_operation`.

    Raises httpcore's errors as they are, and ours for what is refused.
    """

    def __init__(
        self, guard: AddressGuard, *, tls: ssl.SSLContext, connections: int, connect_seconds: float
    ) -> None:
        self._connect_seconds = connect_seconds
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_GuardedBackend(guard),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is read, undecoded, from its stream."""
        seconds = _operation().remaining()
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=url,
                headers=request.headers.raw,
                content=cast("Iterable[bytes]", request.stream),
                extensions={"timeout": {"connect": self._connect_seconds, "pool": seconds}},
            )
        )
        return httpx.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer)
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from cast("Iterable[bytes]", self._answer.stream)

    def close(self) -> None:
        self._answer.close()


class _GuardedBackend(httpcore.NetworkBackend):
    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: _SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        operation = _operation()
        seconds = min(operation.remaining(), timeout or float("inf"))
        addresses = self._guard.addresses(host, port, timeout=seconds)
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            operation.check()
            # The first of several may be silent: it gets its share of the time only.
            try:
                return _Stream(_dial(address, port, seconds / left), self._guard.name)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("the guard returns at least one address")


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait is bounded by the operation that it works for."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._socket = connection
        self._name = name

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _waiting(self._socket, timeout, httpcore.ReadTimeout, httpcore.ReadError):
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            with _waiting(self._socket, timeout, httpcore.WriteTimeout, httpcore.WriteError):
                rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            secured = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            self.close()
            raise httpcore.ConnectError(str(error)) from error
        try:
            with _waiting(secured, timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
                secured.do_handshake()
        except BaseException as error:
            secured.close()
            cause = error.__cause__
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise self._untrusted(server_hostname, cause) from cause
            raise
        return _Stream(secured, self._name)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None

    def _untrusted(
        self, host: str | None, error: ssl.SSLCertVerificationError
    ) -> ConfigurationError:
        return ConfigurationError(
            f"Datasource {self._name!r}: the certificate of {host} is not valid: "
            f"{error.verify_message}",
            hint="Set ca_file to the certificate of the authority that signed it.",
            details={"datasource": self._name, "host": host},
        )


def _operation() -> Operation:
    operation = _current.get()
    assert operation is not None, "a guarded transport is used within current_operation"
    return operation


def _dial(address: Address, port: int, seconds: float) -> socket.socket:
    is_six = isinstance(address, IPv6Address)
    connection = socket.socket(socket.AF_INET6 if is_six else socket.AF_INET, socket.SOCK_STREAM)
    try:
        with _waiting(connection, seconds, httpcore.ConnectTimeout, httpcore.ConnectError):
            connection.connect((str(address), port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _waiting(
    connection: socket.socket,
    timeout: float | None,
    late: type[httpcore.TimeoutException],
    failed: type[httpcore.NetworkError],
) -> Generator[None]:
    operation = _operation()
    seconds = min(operation.remaining(), timeout or float("inf"))
    if seconds <= 0:
        raise late("no time is left")
    try:
        with operation.using(connection):
            connection.settimeout(None if seconds == float("inf") else seconds)
            yield
    except TimeoutError as error:
        operation.check()
        raise late(str(error)) from error
    except OSError as error:
        operation.check()
        raise failed(str(error)) from error


def _shut_down(connection: socket.socket) -> None:
    """Wake whoever waits for the connection."""
    with contextlib.suppress(OSError):
        # Not the method of SSLSocket, which takes the TLS state from under a thread that uses it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _is_readable(connection: socket.socket) -> bool:
    """Tell whether an idle connection was closed, or spoken on, by the server."""
    if connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
