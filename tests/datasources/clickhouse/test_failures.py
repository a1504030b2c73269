"""What happens when the server, or the way to it, fails; and that nothing else is ever reached."""

import contextlib
import datetime
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig, parse_url
from analysis_sandbox.datasources.clickhouse.datasource import ClickHouseDatasource
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    LimitExceededError,
    QueryError,
    UnavailableError,
)
from tests.datasources.clickhouse.conftest import Opener
from tests.datasources.clickhouse.process import ClickHouse, hang_up, running_clickhouse

BREAKS = "select throwIf(number = 500000, 'broken in the middle') as x from numbers(1000000)"
ENDLESS = "select count() from system.numbers where not ignore(sipHash64(number))"


def drain_query(datasource: ClickHouseDatasource, sql: str) -> None:
    datasource.query(sql)


def drain_stream(datasource: ClickHouseDatasource, sql: str) -> None:
    for _ in datasource.stream(sql):
        pass


def drain_arrow(datasource: ClickHouseDatasource, sql: str) -> None:
    with datasource.read_arrow(sql) as reader:
        for _ in reader:
            pass


WAYS = [drain_query, drain_stream, drain_arrow]


def running(server: ClickHouse) -> bool:
    ((count,),) = server.run(
        "select toInt32(count()) from system.processes where query not like '%system.processes%'"
    )
    return count > 0


@contextlib.contextmanager
def answering(reply: Callable[[socket.socket], object]) -> Generator[int]:
    """A server that handles each connection after its first bytes; its port."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with contextlib.closing(connection):
                        connection.settimeout(10)
                        connection.recv(1 << 16)
                        reply(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Closing alone does not wake who accepts.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def opened_at(port: int, **fields: object) -> ClickHouseDatasource:
    values = {"url": f"clickhouse://u:s3cr3t-Passw0rd@127.0.0.1:{port}/default", **fields}
    return ClickHouseDatasource.open(ClickHouseConfig.model_validate(values), name="db")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A server that ends broken answers as older ones do."""
    with running_clickhouse("--plain-exceptions") as server:
        yield server


@pytest.mark.parametrize("drain", WAYS)
@pytest.mark.parametrize("compression", [False, True])
def test_an_error_in_the_middle_of_an_answer_is_never_silent(
    opened: Opener, drain: Callable[..., None], *, compression: bool
) -> None:
    datasource = opened(compression=compression)

    with pytest.raises(QueryError, match="broken in the middle"):
        drain(datasource, BREAKS)
    assert json.loads(datasource.query("select 1 as x")) == [{"x": 1}]


@pytest.mark.parametrize("drain", WAYS)
def test_an_older_server_s_error_in_the_middle_is_found(
    plain: ClickHouse, drain: Callable[..., None]
) -> None:
    with contextlib.closing(opened_at(plain.port, url=plain.url)) as datasource:
        with pytest.raises(QueryError, match="broken in the middle"):
            drain(datasource, BREAKS)
        assert json.loads(datasource.query("select 1 as x")) == [{"x": 1}]


def test_data_that_reads_like_an_error_is_data(opened: Opener) -> None:
    text = "Code: 60. DB::Exception: not really"
    for compression in (False, True):
        datasource = opened(compression=compression)
        assert json.loads(datasource.query("select ? as x", [text])) == [{"x": text}]


def test_a_connection_ended_while_idle_is_replaced(
    clickhouse: ClickHouse, reading: ClickHouseDatasource
) -> None:
    for number in range(3):
        assert json.loads(reading.query("select ? as x", [number])) == [{"x": number}]
        hang_up(clickhouse.port)


def test_wrong_credentials_are_told_without_them(clickhouse: ClickHouse, opened: Opener) -> None:
    datasource = opened(url=clickhouse.url_of("tester", "wr0ng-s3cret"))

    with pytest.raises(UnavailableError, match="Authentication failed") as caught:
        datasource.query("select 1")
    assert "wr0ng" not in f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert [check.ok for check in datasource.test()] == [False]


def test_a_profile_without_settings_is_bounded_by_us(
    clickhouse: ClickHouse, opened: Opener
) -> None:
    datasource = opened("reader", query_timeout_seconds=0.2)

    with pytest.raises(LimitExceededError, match=r"longer than 0\.2 s"):
        datasource.query(ENDLESS)
    # It was killed by its name before the error was raised.
    while running(clickhouse):
        pass


@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect", "302 Found"])
def test_a_redirect_is_not_followed(status: str) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as trap:
        trap.setblocking(False)
        target = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        answer = f"HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        with (
            answering(lambda connection: connection.sendall(answer)) as port,
            contextlib.closing(opened_at(port)) as datasource,
            pytest.raises(UnavailableError),
        ):
            datasource.query("select 1")
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_a_proxy_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch, reading: ClickHouseDatasource
) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as trap:
        trap.setblocking(False)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{trap.getsockname()[1]}")
        assert json.loads(reading.query("select 1 as x")) == [{"x": 1}]
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\x01\x01",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n\x01\x01\x01x",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
def test_what_is_no_answer_is_a_transient_error(answer: bytes) -> None:
    with (
        answering(lambda connection: connection.sendall(answer)) as port,
        contextlib.closing(opened_at(port)) as datasource,
        pytest.raises(UnavailableError) as caught,
    ):
        datasource.query("select 1")
    assert "s3cr3t" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up() -> None:
    ended = threading.Event()
    with (
        answering(lambda _: ended.wait(30)) as port,
        contextlib.closing(opened_at(port, connect_timeout_seconds=0.3)) as datasource,
    ):
        with pytest.raises(AnalysisSandboxError):
            datasource.query("select 1")
        ended.set()


def certificate(directory: Path) -> Path:
    """Make a certificate for 127.0.0.1 that signs itself; return the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clickhouse")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_tls_asks_for_the_certificate_unless_told_not_to(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    with running_clickhouse("--certificate", str(path)) as server:
        url = server.url.replace("clickhouse://", "clickhouses://")
        trusted = opened_at(server.port, url=url, tls_ca=path)
        unverified = opened_at(server.port, url=url, tls_verify=False)
        strict = opened_at(server.port, url=url)
        elsewhere = opened_at(server.port, url=url.replace("127.0.0.1", "localhost"), tls_ca=path)
        missing = opened_at(server.port, url=url, tls_ca=tmp_path / "missing.pem")
        with contextlib.ExitStack() as closing:
            for datasource in (trusted, unverified, strict, elsewhere, missing):
                closing.callback(datasource.close)
            for datasource in (trusted, unverified):
                assert json.loads(datasource.query("select 1 as x")) == [{"x": 1}]
            for datasource in (strict, elsewhere):
                with pytest.raises(UnavailableError, match="certificate"):
                    datasource.query("select 1")
            with pytest.raises(UnavailableError):
                missing.query("select 1")
            chunks = trusted.stream("select number from system.numbers")
            next(chunks)
            trusted.cancel()
            with pytest.raises(AnalysisSandboxError, match="cancelled"):
                for _ in chunks:
                    pass


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "mysql://u:s3cr3t@h/d"},
        {"url": "clickhouse://u:s3cr3t#x@h/d"},
        {"url": "clickhouse://u:s3/cr3t@h/d"},
        {"url": "clickhouse://u:s3cr3t@h/d?x=1"},
        {"url": "clickhouse://u:s3cr3t@h/d/e"},
        {"url": "clickhouse:///d"},
        {"url": "clickhouse://u:s3cr3t@h/d", "tls_verify": False},
        {"url": "clickhouses://u:s3cr3t@h/d", "tls_key": "/k"},
        {"url": "clickhouses://u:s3cr3t@h/d", "tls_verify": False, "tls_ca": "/c"},
        {"url": "clickhouse://u:s3cr3t@h/d", "unknown": 1},
    ],
)
def test_a_wrong_configuration_is_refused_without_its_password(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        ClickHouseConfig.model_validate(fields)
    assert "s3" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("clickhouse://u:a@b@h", ("h", 8123, False, "u", "a@b", None)),
        ("clickhouse://u:p%40w@h", ("h", 8123, False, "u", "p@w", None)),
        ("clickhouses://u:p@h/d", ("h", 8443, True, "u", "p", "d")),
        ("https://h:443/d/", ("h", 443, True, "default", "", "d")),
        ("http://[::1]:1/", ("::1", 1, False, "default", "", None)),
    ],
)
def test_a_url_says_where_and_as_whom(url: str, place: tuple[object, ...]) -> None:
    found = parse_url(url)
    assert (
        found.host,
        found.port,
        found.secure,
        found.user,
        found.password,
        found.database,
    ) == place
    assert f"{found.password!r}" not in repr(found) or not found.password
