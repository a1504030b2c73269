"""Limits, retries, credentials and cancelling, against servers that behave as no server should."""

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, cast

import brotli
import pytest
import zstandard

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.datasources.rest.datasource import RESTConfig, RESTDatasource
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    ConfigurationError,
    LimitExceededError,
    QueryError,
    UnavailableError,
    ValidationFailedError,
)
from tests.datasources.http.server import FakeClock, answering, http_answer, raw_server, rest
from tests.datasources.test_secrets import everything_said

TEXT = {"Content-Type": "text/plain"}
CANARY = "canary7secret"
MEGABYTE = b"0" * (1 << 20)


def timed(url: str, clock: FakeClock, **fields: Any) -> RESTDatasource:
    """Return a datasource whose time passes by waiting only."""
    config = RESTConfig.model_validate({"base_url": url, "allow_private_addresses": True, **fields})
    client = HTTPClient(config, name="api", home=parse_url(url), timing=clock.timing)
    return RESTDatasource(config, name="api", client=client)


def deflated(data: bytes) -> bytes:
    return zlib.compress(data, 9)


def raw_deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def brotlied(data: bytes) -> bytes:
    return cast("bytes", brotli.compress(data))


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", deflated),
    ("deflate", raw_deflated),
    ("br", brotlied),
    ("zstd", zstandard.compress),
    ("gzip, br", lambda data: brotlied(gzip.compress(data))),
    ("identity", lambda data: data),
]


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_every_encoding_that_is_asked_for_is_decoded(
    encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    text = "Grüße " * 50_000
    body = http_answer(pack(text.encode()), headers={"Content-Encoding": encoding, **TEXT})

    with answering(body) as server:
        assert rest(server.url).get("/") == text


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_a_bomb_is_cut_with_both_figures(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(MEGABYTE * 40)
    body = http_answer(packed, headers={"Content-Encoding": encoding, **TEXT})

    with answering(body) as server, pytest.raises(LimitExceededError, match="2 MB") as caught:
        rest(server.url, max_response_mb=2).get("/")

    assert caught.value.details["max_bytes"] == 2 << 20
    received = caught.value.details["received_bytes"]
    assert isinstance(received, int)
    # What was over the limit was not read, still less unpacked.
    assert 0 < received <= (2 << 20) + 65_536
    assert len(packed) <= 1 << 16 or received < len(packed)


def test_two_members_of_gzip_are_one_answer() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0\0"
    body = http_answer(packed, headers={"Content-Encoding": "gzip", **TEXT})

    with answering(body) as server:
        assert rest(server.url).get("/") == "one two"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", b"not gzip at all"),
        ("gzip", gzip.compress(b"cut short" * 100)[:-20]),
        ("deflate", deflated(b"cut short" * 1000)[:-8]),
        ("br", brotlied(b"cut short" * 100)[:-4]),
        ("br", b"\xff\xff\xff\xff"),
        ("zstd", b"not zstd"),
        ("zstd", zstandard.compress(b"cut short" * 100)[:-4]),
        ("compress", b"old"),
        ("gzip, gzip, gzip", b""),
    ],
)
def test_an_answer_that_cannot_be_decoded_says_so(encoding: str, data: bytes) -> None:
    body = http_answer(data, headers={"Content-Encoding": encoding, **TEXT})

    with answering(body) as server, pytest.raises(QueryError, match="enco"):
        rest(server.url, retries=0).get("/")


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_a_server_that_drips_is_left_when_the_time_is_over(begin: bytes) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(begin)
        while not over.wait(0.02):
            connection.sendall(b"H")

    with raw_server(drip) as server:
        try:
            with pytest.raises(LimitExceededError, match=r"longer than 0\.4 s") as caught:
                rest(server.url, query_timeout_seconds=0.4).get("/slow")
        finally:
            over.set()

    assert caught.value.details["query_timeout_seconds"] == 0.4


def test_endless_headers_are_refused() -> None:
    def chatter(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 1000))

    with raw_server(chatter) as server, pytest.raises(UnavailableError):
        rest(server.url, retries=0).get("/")


BUSY = http_answer(b"busy", status="503 Service Unavailable")
FINE = http_answer(b"fine", headers=TEXT)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "502 Bad Gateway", "504 Timeout"])
def test_a_reading_request_is_repeated_with_growing_pauses(status: str) -> None:
    clock = FakeClock()
    with answering(http_answer(status=status), BUSY, BUSY, FINE) as server:
        assert timed(server.url, clock).get("/") == "fine"

    assert clock.waits == [0.25, 0.5, 1.0]


def test_a_server_that_stays_busy_is_unavailable_in_the_end() -> None:
    clock = FakeClock()
    with answering(BUSY) as server, pytest.raises(UnavailableError) as caught:
        timed(server.url, clock, retries=2).get("/x")

    assert server.connections == 3
    assert caught.value.transient
    assert caught.value.details["status"] == 503
    assert "GET /x answered 503 Service Unavailable: busy" in caught.value.message


@pytest.mark.parametrize("asked", ["7", "date"])
def test_retry_after_is_honoured_in_both_forms(asked: str) -> None:
    clock = FakeClock()
    when = formatdate(clock.time + 7, usegmt=True) if asked == "date" else asked
    limited = http_answer(status="429 Too Many Requests", headers={"Retry-After": when})

    with answering(limited, FINE) as server:
        assert timed(server.url, clock).get("/") == "fine"

    assert clock.waits == [7.0]


@pytest.mark.parametrize("asked", ["25", "61", "86400", "999999999999"])
def test_who_must_wait_too_long_is_told_at_once(asked: str) -> None:
    clock = FakeClock()
    limited = http_answer(status="429 Too Many Requests", headers={"Retry-After": asked})

    with answering(limited) as server, pytest.raises(UnavailableError) as caught:
        timed(server.url, clock, query_timeout_seconds=20).get("/")

    assert clock.waits == []
    assert caught.value.details["retry_after_seconds"] == float(asked[:9])


def test_a_lost_connection_is_tried_again_for_reading() -> None:
    clock = FakeClock()
    with answering(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", FINE) as server:
        assert timed(server.url, clock).get("/") == "fine"

    assert server.connections == 3


@pytest.mark.parametrize("method", ["post", "patch"])
@pytest.mark.parametrize("answer", [b"", BUSY])
def test_what_may_have_been_written_is_not_sent_again(method: str, answer: bytes) -> None:
    with answering(answer, FINE) as server, pytest.raises(UnavailableError):
        rest(server.url, access="read_write").operations()[method]("/x", {"a": 1})

    assert server.connections == 1


def test_what_never_arrived_is_sent_again() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        clock = FakeClock()
        datasource = timed(
            f"http://127.0.0.1:{reserved.getsockname()[1]}", clock, access="read_write", retries=2
        )
        with pytest.raises(UnavailableError, match="cannot be reached"):
            datasource.operations()["post"]("/x", {})

    assert clock.waits == [0.25, 0.5]


def test_an_unknown_host_is_unavailable() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    url = "http://nowhere.example"
    config = RESTConfig(base_url=url, retries=0)
    client = HTTPClient(config, name="api", home=parse_url(url), resolve=resolve)
    with pytest.raises(UnavailableError, match=r"nowhere\.example cannot be resolved"):
        RESTDatasource(config, name="api", client=client).get("/")


def test_a_rate_limit_spreads_requests_over_time() -> None:
    clock = FakeClock()
    with answering(FINE) as server:
        datasource = timed(server.url, clock, rate_limit={"requests": 2, "per_seconds": 10})
        for _ in range(5):
            datasource.get("/")
        clock.time += 100
        for _ in range(3):
            datasource.get("/")

    assert clock.waits == [5.0, 5.0, 5.0, 5.0]


def test_a_turn_that_comes_too_late_is_an_error() -> None:
    clock = FakeClock()
    with answering(FINE) as server:
        datasource = timed(
            server.url,
            clock,
            rate_limit={"requests": 1, "per_seconds": 60},
            query_timeout_seconds=30,
        )
        datasource.get("/")
        with pytest.raises(LimitExceededError, match="rate_limit"):
            datasource.get("/")

    assert server.connections == 1


def started(action: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except AnalysisSandboxError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def cancelled(datasource: RESTDatasource, begun: threading.Event) -> list[BaseException]:
    thread, errors = started(lambda: datasource.get("/"))
    assert begun.wait(20)
    datasource.cancel()
    thread.join(20)
    assert not thread.is_alive()
    return errors


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc"])
def test_cancel_ends_a_request_that_waits_for_its_answer(begin: bytes) -> None:
    begun, over = threading.Event(), threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.sendall(begin)
        begun.set()
        over.wait(20)

    with raw_server(hang) as server:
        try:
            errors = cancelled(rest(server.url), begun)
        finally:
            over.set()

    assert [type(error) for error in errors] == [CancelledError]


def test_cancel_ends_a_pause_between_attempts() -> None:
    begun = threading.Event()

    def busy(connection: socket.socket) -> None:
        answer = http_answer(status="503 Busy", headers={"Retry-After": "25"})
        connection.sendall(answer)
        begun.set()

    with raw_server(busy) as server:
        errors = cancelled(rest(server.url), begun)

    assert [type(error) for error in errors] == [CancelledError]
    assert server.connections == 1


def test_cancel_ends_connecting() -> None:
    # A full backlog: the kernel neither accepts nor refuses.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        begun = threading.Event()
        url = f"http://full.example:{address[1]}"
        config = RESTConfig.model_validate({"base_url": url, "allow_private_addresses": True})

        def resolve(_host: str, _port: int) -> list[str]:
            begun.set()
            return ["127.0.0.1"]

        client = HTTPClient(config, name="api", home=parse_url(url), resolve=resolve)
        try:
            errors = cancelled(RESTDatasource(config, name="api", client=client), begun)
        finally:
            for one in waiting:
                one.close()

    assert [type(error) for error in errors] == [CancelledError]


def test_a_datasource_works_after_a_cancel() -> None:
    with answering(FINE) as server:
        datasource = rest(server.url)
        datasource.cancel()

        assert datasource.get("/") == "fine"


def test_a_closed_datasource_is_not_used_again() -> None:
    with answering(FINE) as server:
        datasource = rest(server.url)
        datasource.get("/")
        datasource.close()
        datasource.close()
        with pytest.raises(UnavailableError, match="closed or reconfigured"):
            datasource.get("/")


def test_a_running_request_survives_the_closing() -> None:
    begun, go_on = threading.Event(), threading.Event()
    answers: list[object] = []

    def answer(connection: socket.socket) -> None:
        begun.set()
        go_on.wait(20)
        connection.sendall(FINE)

    with raw_server(answer) as server:
        datasource = rest(server.url)
        thread = threading.Thread(target=lambda: answers.append(datasource.get("/")))
        thread.start()
        assert begun.wait(20)
        datasource.close()
        go_on.set()
        thread.join(20)

    assert answers == ["fine"]


def test_connections_are_kept_warm() -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(http_answer(b"1", headers={"Connection": "keep-alive"}))
            if not connection.recv(65536):
                return

    with raw_server(serve) as server:
        datasource = rest(server.url)
        for _ in range(3):
            datasource.get("/")
        datasource.close()

    assert server.connections == 1


AUTHS: list[tuple[dict[str, Any], bytes]] = [
    ({"type": "bearer", "token": CANARY}, f"Authorization: Bearer {CANARY}".encode()),
    (
        {"type": "basic", "username": "me", "password": CANARY},
        b"Authorization: Basic bWU6Y2FuYXJ5N3NlY3JldA==",
    ),
    ({"type": "api_key", "name": "X-Key", "value": CANARY}, f"X-Key: {CANARY}".encode()),
    (
        {"type": "api_key", "name": "key", "value": CANARY, "in": "query"},
        f"GET /x?a=1&key={CANARY} ".encode(),
    ),
]


@pytest.mark.parametrize(("auth", "expected"), AUTHS)
def test_credentials_are_sent(auth: dict[str, Any], expected: bytes) -> None:
    with answering(FINE) as server:
        rest(server.url, auth=auth).get("/x", {"a": 1})

    assert expected in server.requests[0]


@pytest.mark.parametrize("auth", [auth for auth, _ in AUTHS])
@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "500 Oops", "302 Found"])
def test_a_server_that_repeats_credentials_does_not_show_them(
    auth: dict[str, Any], status: str, caplog: pytest.LogCaptureFixture
) -> None:
    def echo(connection: socket.socket) -> None:
        headers = {"Location": f"http://10.0.0.1/?k={CANARY}", **TEXT}
        connection.sendall(http_answer(server.requests[-1], status=status, headers=headers))

    said: list[str] = []
    with caplog.at_level("DEBUG"), raw_server(echo) as server:
        datasource = rest(server.url, auth=auth, retries=0)
        try:
            said.append(str(datasource.get("/x")))
        except AnalysisSandboxError as error:
            said.append(everything_said(error))
        said += [repr(vars(datasource)), repr(datasource._config), caplog.text]  # pyright: ignore[reportPrivateUsage]

    assert CANARY not in "\n".join(said)
    assert "bWU6Y2FuYXJ5N3NlY3JldA==" not in "\n".join(said)


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "Cookie"])
def test_configured_headers_are_sent_and_not_shown(name: str) -> None:
    def echo(connection: socket.socket) -> None:
        connection.sendall(http_answer(server.requests[-1], headers=TEXT))

    with raw_server(echo) as server:
        datasource = rest(server.url, headers={name: f"Bearer {CANARY}"})
        answer = str(datasource.get("/"))

    assert f"{name}: Bearer {CANARY}".encode() in server.requests[0]
    assert CANARY not in answer


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"Host": "evil"}},
        {"headers": {"X": "a\r\nB: c"}},
        {"headers": {"Bad Name": "x"}},
        {"headers": {"authorization": "x"}, "auth": {"type": "bearer", "token": "t"}},
        {"auth": {"type": "digest"}},
        {"auth": {"type": "oauth2", "token_url": "ftp://x", "client_id": "a"}},
        {"rate_limit": {"requests": 0}},
        {"base_url": f"http://u:{CANARY}@h/"},
        {"base_url": f"http://h/?key={CANARY}"},
        {"base_url": "http://h/a/%2e%2e/b"},
        {"unknown": CANARY},
    ],
)
def test_a_wrong_configuration_is_refused_without_repeating_it(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        RESTConfig.model_validate({"base_url": "http://h", **fields})

    assert CANARY not in str(caught.value)


class TokenServer:
    """Gives tokens t1, t2 … and an API that accepts the ones listed."""

    def __init__(self, **token: object) -> None:
        self.token = token
        self.given = 0
        self.accepted: set[str] = set()
        self.refusal: bytes | None = None
        self.requests: list[bytes] = []

    def answer(self, connection: socket.socket, request: bytes) -> None:
        self.requests.append(request)
        if request.startswith(b"POST /token"):
            self.given += 1
            fields = {"access_token": f"token-number-{self.given}", **self.token}
            text = json.dumps(fields).encode()
            connection.sendall(self.refusal or http_answer(text))
            return
        header = next(
            (line for line in request.split(b"\r\n") if line.startswith(b"Authorization")), b""
        )
        is_good = header.decode().partition("Bearer ")[2] in self.accepted
        connection.sendall(FINE if is_good else http_answer(status="401 Unauthorized"))


def oauth(
    tokens: TokenServer, clock: FakeClock, *, act: Callable[[RESTDatasource], object], **auth: Any
) -> object:
    """Do something with a datasource of which the server is a `TokenServer`."""
    with raw_server(lambda c: tokens.answer(c, server.requests[-1])) as server:
        datasource = timed(
            server.url,
            clock,
            auth={
                "type": "oauth2",
                "token_url": f"{server.url}/token",
                "client_id": "me",
                "client_secret": CANARY,
                **auth,
            },
        )
        return act(datasource)


def test_a_token_is_fetched_once_and_renewed_before_its_end() -> None:
    tokens, clock = TokenServer(expires_in=3600), FakeClock()
    tokens.accepted = {"token-number-1", "token-number-2"}

    def act(datasource: RESTDatasource) -> None:
        for _ in range(3):
            datasource.get("/")
        assert tokens.given == 1
        clock.time += 3_571
        datasource.get("/")

    oauth(tokens, clock, act=act, scope="read all")

    assert tokens.given == 2
    assert b"uthorization: Basic bWU6Y2FuYXJ5N3NlY3JldA==" in tokens.requests[0]
    assert b"grant_type=client_credentials&scope=read+all" in tokens.requests[0]


def test_a_refused_token_is_renewed_once() -> None:
    tokens = TokenServer(expires_in=3600)
    tokens.accepted = {"token-number-2"}

    assert oauth(tokens, FakeClock(), act=lambda api: api.get("/")) == "fine"
    assert tokens.given == 2


def test_credentials_that_stay_refused_are_an_error() -> None:
    tokens = TokenServer(expires_in="3600")
    with pytest.raises(QueryError, match="401"):
        oauth(tokens, FakeClock(), act=lambda api: api.get("/"))

    assert tokens.given == 2


def test_the_secret_can_be_sent_in_the_body() -> None:
    tokens = TokenServer()
    tokens.accepted = {"token-number-1"}
    oauth(tokens, FakeClock(), act=lambda api: api.get("/"), send_as="body")

    assert f"client_id=me&client_secret={CANARY}".encode() in tokens.requests[0]


@pytest.mark.parametrize(
    ("refusal", "kind", "told"),
    [
        (http_answer(b'{"error": "invalid_client"}', status="401 No"), ConfigurationError, "401 "),
        (http_answer(b"{}"), ConfigurationError, "no token"),
        (http_answer(b"<html>" + CANARY.encode()), ConfigurationError, "no token"),
        (http_answer(CANARY.encode(), status="400 Bad"), ConfigurationError, "400"),
        (http_answer(status="500 Oops"), UnavailableError, "500"),
    ],
)
def test_a_token_server_that_refuses_is_told_apart(
    refusal: bytes, kind: type[AnalysisSandboxError], told: str
) -> None:
    tokens = TokenServer()
    tokens.refusal = refusal
    with pytest.raises(kind, match=told) as caught:
        oauth(tokens, FakeClock(), act=lambda api: api.get("/"))

    assert CANARY not in everything_said(caught.value)


def test_threads_share_one_token() -> None:
    tokens = TokenServer(expires_in=3600)
    tokens.accepted = {"token-number-1"}

    def act(datasource: RESTDatasource) -> None:
        running = [started(lambda: datasource.get("/")) for _ in range(8)]
        for thread, errors in running:
            thread.join(20)
            assert errors == []

    oauth(tokens, FakeClock(), act=act)

    assert tokens.given == 1


def test_a_header_that_cannot_be_sent_is_refused() -> None:
    with answering(FINE) as server, pytest.raises(ValidationFailedError):
        rest(server.url).get("/", {"a": b"bytes"})
