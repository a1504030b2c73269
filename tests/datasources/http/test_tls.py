"""TLS to a pinned address: the name is proved, sent and asked for, whatever address was dialled."""

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.datasources.rest.datasource import RESTConfig, RESTDatasource
from analysis_sandbox.errors import (
    ConfigurationError,
    StatementRefusedError,
    UnavailableError,
)
from tests.datasources.http.server import always, answering, http_answer

HOST = "api.example"


@dataclass
class TLSServer:
    """A server with a certificate for `api.example`, signed by an authority of its own."""

    port: int
    ca_file: Path
    answer: bytes = field(default_factory=lambda: http_answer(b"ok"))
    names: list[str | None] = field(default_factory=list[str | None])
    requests: list[bytes] = field(default_factory=list[bytes])


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, *, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    is_authority = name == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TLSServer]:
    authority, own = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    ca_file, chain = tmp_path / "ca.pem", tmp_path / "server.pem"
    root = certificate("Test authority", authority, issuer="Test authority", signer=authority)
    leaf = certificate(HOST, own, issuer="Test authority", signer=authority)
    ca_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + pem(own))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with serving_tls(context, ca_file) as found:
        yield found


@contextlib.contextmanager
def serving_tls(context: ssl.SSLContext, ca_file: Path) -> Generator[TLSServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = TLSServer(listener.getsockname()[1], ca_file)

    def note(_connection: object, name: str | None, _context: object) -> None:
        server.names.append(name)

    context.sni_callback = note

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(20)
                with context.wrap_socket(connection, server_side=True) as secured:
                    server.requests.append(secured.recv(65536))
                    secured.sendall(server.answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)


@contextlib.contextmanager
def datasource(server: TLSServer, host: str = HOST, **fields: object) -> Generator[RESTDatasource]:
    url = f"https://{host}:{server.port}"
    config = RESTConfig.model_validate(
        {
            "base_url": url,
            "allow_private_addresses": True,
            "ca_file": server.ca_file,
            "retries": 0,
            **fields,
        }
    )
    client = HTTPClient(config, name="api", home=parse_url(url), resolve=always(["127.0.0.1"]))
    with contextlib.closing(RESTDatasource(config, name="api", client=client)) as found:
        yield found


def test_the_name_is_proved_while_the_checked_address_is_dialled(server: TLSServer) -> None:
    with datasource(server) as found:
        assert found.get("/") == "ok"

    assert server.names == [HOST]
    assert f"Host: {HOST}:{server.port}".encode() in server.requests[0]


def test_a_certificate_of_an_unknown_authority_is_refused(server: TLSServer) -> None:
    with (
        datasource(server, ca_file=None) as found,
        pytest.raises(ConfigurationError, match="certificate") as caught,
    ):
        found.get("/")

    assert "ca_file" in str(caught.value.hint)
    assert server.requests == []


def test_a_certificate_of_another_name_is_refused(server: TLSServer) -> None:
    with (
        datasource(server, host="other.example") as found,
        pytest.raises(ConfigurationError, match=r"other\.example"),
    ):
        found.get("/")

    assert server.requests == []


def test_a_file_that_holds_no_certificates_is_named(server: TLSServer, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing", encoding="utf-8")
    with (
        datasource(server, ca_file=tmp_path / "empty.pem") as found,
        pytest.raises(ConfigurationError, match="ca_file"),
    ):
        found.get("/")


def test_a_redirect_from_https_to_http_is_refused(server: TLSServer) -> None:
    with answering(http_answer(b"plain")) as plain:
        server.answer = http_answer(status="302 Found", headers={"Location": plain.url})
        with (
            datasource(server) as found,
            pytest.raises(StatementRefusedError, match="from https to http"),
        ):
            found.get("/")

    assert plain.connections == 0


def test_a_server_that_speaks_no_tls_is_unavailable(server: TLSServer) -> None:
    with answering(http_answer(b"plain")) as plain:
        server.port = plain.port
        with (
            datasource(server, connect_timeout_seconds=0.3) as found,
            pytest.raises(UnavailableError),
        ):
            found.get("/")
