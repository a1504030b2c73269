"""Sends an HTTP datasource's requests: credentials, redirects, retries, limits and errors.

Redirects are followed here, hop by hop: credentials and configured headers go to the configured
origin only, every hop's address is checked, https never becomes http. Nothing is sent again that a
server may already have acted upon, unless the request may be repeated.
"""

import contextlib
import re
import threading
from collections.abc import Generator, Mapping
from dataclasses import replace

import httpcore
import httpx

from analysis_sandbox.datasources.http.addresses import AddressGuard, Resolver, system_resolver
from analysis_sandbox.datasources.http.auth import (
    ClientCredentials,
    Credentials,
    OAuth2Auth,
    TokenAnswer,
    static_credentials,
)
from analysis_sandbox.datasources.http.body import ACCEPT_ENCODING, read_body
from analysis_sandbox.datasources.http.config import (
    HTTPDatasourceConfig,
    certain_secrets,
    possible_secrets,
    tls_context,
)
from analysis_sandbox.datasources.http.messages import (
    REDIRECTS,
    HTTPAnswer,
    HTTPRequest,
    redirected,
    same_site,
    status_error,
)
from analysis_sandbox.datasources.http.network import (
    GuardedTransport,
    Operation,
    current_operation,
    running_operation,
)
from analysis_sandbox.datasources.http.secrets import Redactor
from analysis_sandbox.datasources.http.timing import (
    LONGEST_RETRY_AFTER_SECONDS,
    SYSTEM_TIMING,
    RateLimiter,
    Timing,
    backoff_seconds,
    retry_after_seconds,
)
from analysis_sandbox.datasources.http.urls import (
    Origin,
    origin_of,
    parse_url,
    shown,
    with_params,
)
from analysis_sandbox.errors import (
    LimitExceededError,
    QueryError,
    UnavailableError,
    ValidationFailedError,
)

MOST_REDIRECTS = 5
_RETRIED_STATUSES = frozenset({429, 502, 503, 504})
_WITHOUT_BODY = frozenset({204, 304})
_TOKEN_HEADERS = frozenset({"accept", "authorization", "content-type"})
_EXCERPT_CHARACTERS = 300
_LOOKED_AT_FOR_EXCERPT = 1 << 16
# In data a short secret may be an ordinary word; in a message nothing is lost by masking it.
_SHORTEST_IN_DATA = 10
_SHORTEST_IN_TEXT = 4


class HTTPClient:
    """The connections of one datasource. Every method may be called from any thread.

    `home` is the URL whose origin the credentials are for; `named` are further URLs of the
    configuration, which may have private addresses where those are allowed.
    """

    def __init__(
        self,
        config: HTTPDatasourceConfig,
        *,
        name: str,
        home: httpx.URL,
        named: tuple[httpx.URL, ...] = (),
        resolve: Resolver = system_resolver,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self.name = name
        self._config = config
        self._home = origin_of(home)
        self._timing = timing
        self._secrets = Redactor(certain_secrets(config), shortest=_SHORTEST_IN_DATA)
        self._shown = Redactor(possible_secrets(config), shortest=_SHORTEST_IN_TEXT)
        self._headers = {k: v.get_secret_value() for k, v in config.headers.items()}
        self._credentials = self._credentials_of(config)
        self._limiter = _limiter(config, timing)
        private = _private_origins(config, (home, *named))
        self._guard = AddressGuard(name=name, private_origins=private, resolve=resolve)
        self._lock = threading.Lock()
        self._operations: set[Operation] = set()
        self._transport: GuardedTransport | None = None
        self._closed = False

    def send(self, request: HTTPRequest) -> HTTPAnswer:
        """Send a request and return its answer; within `query_timeout_seconds`, all included.

        Raises:
            StatementRefusedError: it leads to an address or a scheme that is not allowed.
            QueryError: the server refused it, or answered what cannot be used.
            UnavailableError: the server cannot be reached or is overloaded, after retries.
            LimitExceededError: it takes too long, or its answer is too large.
            CancelledError: `cancel` was called.
        """
        with self.operation() as operation:
            operation.allow(self._config.query_timeout_seconds)
            answer = self._sent(request, operation, credentials=self._credentials)
        # A server that repeats what it was sent does not hand the secret to a script.
        answer = replace(answer, body=self._secrets.data(answer.body))
        is_error = answer.status >= 400 or answer.status == 304
        if is_error and answer.status not in request.accepted:
            asked = retry_after_seconds(answer.headers.get("retry-after"), now=self._timing.now())
            excerpt = self.excerpt(answer.body)
            raise status_error(request, answer, name=self.name, excerpt=excerpt, retry_after=asked)
        return answer

    @contextlib.contextmanager
    def operation(self) -> Generator[Operation]:
        """Make several requests one thing to cancel; within one of this client, it is that one."""
        outer = running_operation()
        with self._lock:
            if outer is not None and outer not in self._operations:
                outer = None
        if outer is not None:
            yield outer
            return
        operation = Operation(name=self.name, clock=self._timing.monotonic)
        with self._lock:
            if self._closed:
                raise UnavailableError(f"Datasource {self.name!r} was closed or reconfigured")
            self._operations.add(operation)
        try:
            with current_operation(operation):
                yield operation
        finally:
            with self._lock:
                self._operations.discard(operation)
                is_last = self._closed and not self._operations
            if is_last:
                self._close_connections()

    def cancel(self) -> None:
        """End every request that runs now."""
        with self._lock:
            running = list(self._operations)
        for operation in running:
            operation.cancel()

    def close(self) -> None:
        """Close the connections now, or when the last running request ends."""
        with self._lock:
            self._closed = True
            busy = bool(self._operations)
        if not busy:
            self._close_connections()

    def excerpt(self, body: bytes) -> str:
        """Return the beginning of a body for a message, without secrets."""
        text = self._shown.text(body[:_LOOKED_AT_FOR_EXCERPT].decode("utf-8", "replace"))
        text = re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
        return text if len(text) <= _EXCERPT_CHARACTERS else f"{text[:_EXCERPT_CHARACTERS]}…"

    def _sent(
        self, request: HTTPRequest, operation: Operation, *, credentials: Credentials | None
    ) -> HTTPAnswer:
        """Send it as often as it takes, and is allowed."""
        failures, renewed = 0, False
        while True:
            visit = _Visit(self._home, self._headers, credentials)
            lost = None
            try:
                answer = self._followed(request, operation, visit)
            except _LostError as error:
                answer, lost = None, error
            if answer and answer.status == 401 and not renewed and visit.renew():
                renewed = True
                continue
            may_repeat = request.may_repeat or (lost is not None and not lost.may_have_arrived)
            is_passing = answer is None or answer.status in _RETRIED_STATUSES
            again = is_passing and may_repeat and failures < self._config.retries
            if not (again and self._paused(answer, failures, operation)):
                if lost is not None:
                    raise lost.error from lost
                assert answer is not None
                return answer
            failures += 1

    def _paused(self, answer: HTTPAnswer | None, failures: int, operation: Operation) -> bool:
        """Wait before the next attempt; False if there is no time for it."""
        header = answer.headers.get("retry-after") if answer else None
        asked = retry_after_seconds(header, now=self._timing.now()) or 0.0
        seconds = max(asked, backoff_seconds(failures, chance=self._timing.chance()))
        if asked > LONGEST_RETRY_AFTER_SECONDS or seconds >= operation.remaining():
            return False
        self._timing.wait(operation.cancelled, seconds)
        operation.check()
        return True

    def _followed(self, request: HTTPRequest, operation: Operation, visit: "_Visit") -> HTTPAnswer:
        """Send it once, and follow where it is redirected."""
        for _ in range(MOST_REDIRECTS + 1):
            self._await_turn(operation)
            answer = self._hop(request, operation, visit)
            further = redirected(request, answer, name=self.name)
            if further is None:
                return answer
            request = further
        raise QueryError(
            f"Datasource {self.name!r}: redirected more than {MOST_REDIRECTS} times",
            details={"datasource": self.name},
        )

    def _hop(self, request: HTTPRequest, operation: Operation, visit: "_Visit") -> HTTPAnswer:
        url, headers = visit.dressed(request)
        sent = httpx.Request(request.method, url, headers=headers, content=request.content or None)
        with self._translated(request, operation):
            answer = self._open_transport().handle_request(sent)
            with contextlib.closing(answer):
                is_redirect = answer.status_code in REDIRECTS and "location" in answer.headers
                is_empty = request.method == "HEAD" or answer.status_code in _WITHOUT_BODY
                body = b"" if is_redirect or is_empty else self._body(answer)
        return HTTPAnswer(answer.status_code, answer.headers, body, request.url)

    def _body(self, answer: httpx.Response) -> bytes:
        assert isinstance(answer.stream, httpx.SyncByteStream)
        return read_body(
            answer.stream,
            answer.headers.get("content-encoding", ""),
            max_bytes=self._config.max_response_bytes,
            name=self.name,
        )

    def _await_turn(self, operation: Operation) -> None:
        operation.check()
        wait = self._limiter.reserve(at_most=operation.remaining()) if self._limiter else 0.0
        if wait is None:
            raise LimitExceededError(
                f"Datasource {self.name!r}: its rate_limit leaves no turn within "
                f"{self._config.query_timeout_seconds:g} s",
                hint="Send fewer requests at once, or raise rate_limit.",
                details={"datasource": self.name},
            )
        if wait:
            self._timing.wait(operation.cancelled, wait)
            operation.check()

    @contextlib.contextmanager
    def _translated(self, request: HTTPRequest, operation: Operation) -> Generator[None]:
        where = f"{request.method} {shown(request.url)}"
        details = {"datasource": self.name, "url": shown(request.url)}
        try:
            yield
        except httpcore.PoolTimeout as error:
            operation.check()
            raise UnavailableError(
                f"Datasource {self.name!r}: all {self._config.pool_size} connections stayed busy",
                hint="Send fewer requests at once, or raise pool_size.",
                details=details,
            ) from error
        except (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.RemoteProtocolError,
        ) as error:
            operation.check()
            if operation.remaining() > 0:
                raise self._lost(error, where, details) from error
            allowed = self._config.query_timeout_seconds
            raise LimitExceededError(
                f"Datasource {self.name!r}: {where} took longer than {allowed:g} s",
                hint="Ask for less, or raise query_timeout_seconds.",
                details={**details, "query_timeout_seconds": allowed},
            ) from error
        except httpcore.LocalProtocolError as error:
            raise ValidationFailedError(f"{where} cannot be sent: {error}") from error
        except UnavailableError as error:
            # The host's addresses could not be had.
            raise _LostError(error, may_have_arrived=False) from error

    def _lost(self, error: Exception, where: str, details: Mapping[str, object]) -> "_LostError":
        unsent = isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout)
        what = "cannot be reached" if unsent else "ended the connection without a whole answer"
        reason = self._shown.text(str(error)) or type(error).__name__
        return _LostError(
            UnavailableError(
                f"Datasource {self.name!r}: the server {what} ({where}): {reason}",
                hint="Check that the service is up, its host and its port." if unsent else None,
                details=details,
            ),
            may_have_arrived=not unsent,
        )

    def _credentials_of(self, config: HTTPDatasourceConfig) -> Credentials:
        if not isinstance(config.auth, OAuth2Auth):
            return static_credentials(config.auth)
        return ClientCredentials(
            config.auth,
            name=self.name,
            fetch=self._fetch_token,
            clock=self._timing.monotonic,
            learn=self._learn,
        )

    def _fetch_token(self, request: httpx.Request) -> TokenAnswer:
        headers = {k: v for k, v in request.headers.items() if k.lower() in _TOKEN_HEADERS}
        # A token server that is asked twice makes a second token, and that is all.
        wanted = HTTPRequest("POST", request.url, headers, request.read(), idempotent=True)
        with self.operation() as operation:
            answer = self._sent(wanted, operation, credentials=None)
        return TokenAnswer(answer.status, answer.body)

    def _learn(self, secret: str) -> None:
        self._secrets.add(secret)
        self._shown.add(secret)

    def _open_transport(self) -> GuardedTransport:
        with self._lock:
            if self._transport is None:
                self._transport = GuardedTransport(
                    self._guard,
                    tls=tls_context(self._config, name=self.name),
                    connections=self._config.pool_size,
                    connect_seconds=self._config.connect_timeout_seconds,
                )
            return self._transport

    def _close_connections(self) -> None:
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


class _Visit:
    """One attempt: what it adds to requests to the home origin, and remembers of it."""

    def __init__(
        self, home: Origin, headers: Mapping[str, str], credentials: Credentials | None
    ) -> None:
        self._home = home
        self._headers = headers
        self._credentials = credentials
        self._shown: dict[str, str] = {}

    def dressed(self, request: HTTPRequest) -> tuple[httpx.URL, httpx.Headers]:
        """Return the URL and the headers of a request as they are sent."""
        headers = httpx.Headers({"User-Agent": "analysis-sandbox", "Accept": "*/*"})
        headers.update(request.headers)
        url = request.url
        if self._credentials and same_site(self._home, origin_of(url)):
            self._shown = self._credentials.headers()
            # Whoever made the body knows its type; for the rest the configuration wins.
            configured = httpx.Headers(self._headers)
            if "content-type" in request.headers or not request.content:
                configured.pop("content-type", None)
            headers.update(configured)
            headers.update(self._shown)
            url = with_params(url, self._credentials.params())
        headers["Accept-Encoding"] = ACCEPT_ENCODING
        return url, headers

    def renew(self) -> bool:
        """Tell whether other credentials may do better than those that were refused."""
        return bool(self._credentials and self._shown and self._credentials.renew(self._shown))


class _LostError(Exception):
    """No answer came. `may_have_arrived` tells whether the server may have acted."""

    def __init__(self, error: UnavailableError, *, may_have_arrived: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.may_have_arrived = may_have_arrived


def _limiter(config: HTTPDatasourceConfig, timing: Timing) -> RateLimiter | None:
    limit = config.rate_limit
    if limit is None:
        return None
    return RateLimiter(limit.requests, limit.per_seconds, clock=timing.monotonic)


def _private_origins(
    config: HTTPDatasourceConfig, urls: tuple[httpx.URL, ...]
) -> frozenset[tuple[str, int]]:
    """Return the hosts and ports that may have private addresses: those that are configured."""
    if not config.allow_private_addresses:
        return frozenset()
    if isinstance(config.auth, OAuth2Auth):
        urls = (*urls, parse_url(config.auth.token_url))
    return frozenset(origin_of(url)[1:] for url in urls)
