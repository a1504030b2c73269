"""What a storage service, its configuration and the environment cannot make a datasource do."""

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import ValidationError

from analysis_sandbox.datasources.objects.config import AzureConfig, GCSConfig, S3Config
from analysis_sandbox.datasources.objects.datasource import (
    AzureDatasource,
    GCSDatasource,
    ObjectStorageDatasource,
    S3Datasource,
)
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    UnavailableError,
)
from tests.datasources.objects.harnesses import SECRET, service_account_key
from tests.datasources.objects.servers import Recorder, recorder

AZURE = {"account": "account", "container": "data"}
KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="


def opened(kind: str, url: str, **fields: Any) -> ObjectStorageDatasource:
    common = {"endpoint": url, "retries": 0, "query_timeout_seconds": 10, **fields}
    if kind == "s3":
        given = {"bucket": "data", "access_key_id": "AKID", "secret_access_key": SECRET}
        return S3Datasource.open(S3Config.model_validate({**given, **common}), name="files")
    if kind == "gcs":
        config = GCSConfig.model_validate({"bucket": "data", "token": SECRET, **common})
        return GCSDatasource.open(config, name="files")
    config = AzureConfig.model_validate({**AZURE, "account_key": KEY, **common})
    return AzureDatasource.open(config, name="files")


def answering(
    status: int, body: bytes = b"", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("content-length", 0)))
        handler.send_response(status)
        given = {"etag": '"1"', "last-modified": "Tue, 01 Jan 2030 00:00:00 GMT", **headers}
        for name, value in {"content-length": str(len(body)), **given}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body if handler.command != "HEAD" else b"")

    return answer


@contextmanager
def silent_server() -> Generator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and says nothing."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                taken.append(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", taken
        finally:
            for connection in taken:
                connection.close()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(kind: str, status: int) -> None:
    with recorder(answering(200, b"stolen")) as other:
        # The same address under another name: what tells hosts apart is the name.
        elsewhere = f"http://localhost:{other.server_port}/latest/meta-data"
        with recorder(answering(status, location=elsewhere)) as service:
            datasource = opened(kind, service.url)
            for read in (
                lambda: datasource.get("k"),
                datasource.list_objects,
                lambda: next(datasource.stream("k")),
            ):
                with pytest.raises((QueryError, UnavailableError)):
                    read()
            datasource.close()

        assert service.requests
        assert other.requests == []


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_proxies_of_the_environment_are_not_used(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorder(answering(200, b"read")) as service, recorder(answering(502)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        datasource = opened(kind, service.url)

        assert datasource.get("k") == b"read"
        datasource.close()

        assert proxy.requests == []


def test_nothing_of_the_environment_reaches_an_s3_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder(answering(200, b"read")) as service, recorder(answering(200)) as other:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "AKIDENV",
            "AWS_SECRET_ACCESS_KEY": "envsecret",
            "AWS_SESSION_TOKEN": "envtoken",
            "AWS_ENDPOINT_URL_S3": other.url,
            "AWS_ENDPOINT_URL": other.url,
            "AWS_ENDPOINT": other.url,
            "AWS_SKIP_SIGNATURE": "true",
            "AWS_REGION": "eu-west-9",
            "AWS_S3_EXPRESS": "true",
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
            "AWS_METADATA_ENDPOINT": other.url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": other.url,
        }.items():
            monkeypatch.setenv(name, value)
        for fields in ({}, {"anonymous": True, "access_key_id": None, "secret_access_key": None}):
            datasource = opened("s3", service.url, **fields)
            assert datasource.get("k") == b"read"
            datasource.close()

        signed, anonymous = (headers for _, _, headers in service.requests)
        assert "AKID/" in signed["authorization"]
        assert "us-east-1" in signed["authorization"]
        assert "authorization" not in anonymous
        assert not [text for text in signed.values() if "envtoken" in text]
        assert other.requests == []


def test_nothing_of_the_environment_reaches_a_gcs_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder(answering(200, b"read")) as service, recorder(answering(200)) as other:
        monkeypatch.setenv("GOOGLE_BASE_URL", other.url)
        monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "envtoken")
        monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
        monkeypatch.setenv("GCE_METADATA_HOST", other.url.removeprefix("http://"))
        for fields in ({}, {"anonymous": True, "token": None}):
            datasource = opened("gcs", service.url, **fields)
            assert datasource.get("k") == b"read"
            datasource.close()

        signed, anonymous = (headers for _, _, headers in service.requests)
        assert signed["authorization"] == f"Bearer {SECRET}"
        assert "authorization" not in anonymous
        assert other.requests == []


def test_nothing_of_the_environment_reaches_an_azure_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with recorder(answering(200, b"read")) as service, recorder(answering(200)) as other:
        for name, value in {
            "AZURE_STORAGE_ENDPOINT": other.url,
            "AZURE_STORAGE_TOKEN": "envtoken",
            "AZURE_STORAGE_ACCOUNT_NAME": "envaccount",
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURE_SKIP_SIGNATURE": "true",
            "AZURE_MSI_ENDPOINT": other.url,
            "IDENTITY_ENDPOINT": other.url,
        }.items():
            monkeypatch.setenv(name, value)
        for fields in (
            {},
            {"anonymous": True, "account_key": None},
            {"sas_token": "?sv=1&sig=abc", "account_key": None},
        ):
            datasource = opened("azure", service.url, **fields)
            assert datasource.get("k") == b"read"
            datasource.close()

        key, anonymous, sas = service.requests
        assert key[2]["authorization"].startswith("SharedKey account:")
        assert "authorization" not in anonymous[2]
        assert "sig=abc" in sas[1]
        assert other.requests == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254",
        "http://169.254.170.2/x",
        "http://[fd00:ec2::254]",
        "http://100.100.100.200",
        "http://metadata.google.internal",
        "http://0177.0.0.1",
        "http://2130706433",
        "http://0x7f.1",
        "http://[::ffff:169.254.169.254]",
        "http://0.0.0.0:9000",
        "ftp://files.example.com",
        "file:///etc",
        "https://user:password@files.example.com",
        "https://files.example.com/?x=1",
        "http://files.example.com",
        "//files.example.com",
        "nonsense",
    ],
)
def test_an_endpoint_that_must_not_be_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="endpoint"):
        S3Config.model_validate({"bucket": "data", "anonymous": True, "endpoint": endpoint})


@pytest.mark.parametrize(
    "endpoint", ["https://files.example.com", "http://127.0.0.1:9000", "http://10.0.0.7:9000"]
)
def test_an_endpoint_that_may_be_is_taken(endpoint: str) -> None:
    given = {"bucket": "data", "anonymous": True, "endpoint": endpoint}

    assert S3Config.model_validate(given).endpoint == endpoint


@pytest.mark.parametrize(
    ("model", "fields", "match"),
    [
        (S3Config, {"bucket": "data"}, "give either credentials"),
        (S3Config, {"bucket": "data", "anonymous": True, "access_key_id": "x"}, "give either"),
        (S3Config, {"bucket": "data", "access_key_id": "x"}, "belong together"),
        (S3Config, {"bucket": "../x", "anonymous": True}, "bucket"),
        (S3Config, {"bucket": "data", "anonymous": True, "prefix": "a//b"}, "prefix"),
        (S3Config, {"bucket": "data", "anonymous": True, "region": "x.evil.com/"}, "region"),
        (S3Config, {"bucket": "data", "anonymous": True, "acces": "read_write"}, "acces"),
        (GCSConfig, {"bucket": "data", "service_account_key": "{}"}, "client_email"),
        (AzureConfig, {**AZURE, "client_secret": "x"}, "client_id and tenant_id"),
        (AzureConfig, {**AZURE, "account_key": "x", "sas_token": "y"}, "only one"),
        (AzureConfig, {**AZURE, "account": "x.evil.com/", "anonymous": True}, "account"),
    ],
)
def test_a_configuration_that_says_too_little_or_too_much_is_refused(
    model: Any, fields: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValidationError, match=match):
        model.model_validate(fields)


def test_a_service_account_cannot_move_requests_elsewhere() -> None:
    config = GCSConfig.model_validate(
        {"bucket": "data", "service_account_key": service_account_key()}
    )

    assert config.service_account_key is not None
    assert "169.254" not in config.service_account_key.get_secret_value()
    assert "private" not in repr(config)


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_a_refusal_is_told_without_what_was_signed(kind: str) -> None:
    body = (
        b"<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match</Message>"
        b"<StringToSign>" + SECRET.encode() + b"</StringToSign></Error>"
    )
    with recorder(answering(403, body)) as service:
        datasource = opened(kind, service.url)
        with pytest.raises(QueryError, match="SignatureDoesNotMatch: It does not match") as caught:
            datasource.get("k")
        datasource.close()

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_shared_signature_is_in_no_error() -> None:
    datasource = opened(
        "azure", "http://127.0.0.1:1", account_key=None, sas_token="sv=1&sig=abcdefgh"
    )

    for read in (lambda: datasource.get("k"), datasource.list_objects):
        with pytest.raises(UnavailableError) as caught:
            read()
        assert "abcdefgh" not in f"{caught.value} {caught.value.details} {caught.value.hint}"
    datasource.close()


@pytest.mark.parametrize("status", [500, 503])
def test_a_service_in_trouble_is_asked_again_and_then_a_transient_error(status: int) -> None:
    with recorder(answering(status, b"<Error><Code>SlowDown</Code></Error>")) as service:
        datasource = opened("s3", service.url, retries=2)
        with pytest.raises(UnavailableError, match="SlowDown") as caught:
            datasource.get("k")
        datasource.close()

    assert caught.value.transient
    assert len(service.requests) == 3


def test_a_connection_lost_in_the_middle_is_a_transient_error() -> None:
    def cut_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000000")
        handler.send_header("etag", '"1"')
        handler.send_header("last-modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(b"a\n1\n")
        handler.close_connection = True

    with recorder(cut_off) as service:
        datasource = opened("s3", service.url)
        with pytest.raises(UnavailableError):
            list(datasource.stream("k", {"format": "csv"}))
        datasource.close()


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_a_service_that_does_not_answer_ends_with_the_time_limit(kind: str) -> None:
    with silent_server() as (url, _):
        datasource = opened(kind, url, query_timeout_seconds=0.3)
        with pytest.raises((LimitExceededError, UnavailableError)):
            datasource.get("k")
        datasource.close()


@pytest.mark.parametrize("kind", ["s3", "gcs", "azure"])
def test_cancel_ends_the_request_that_runs(kind: str) -> None:
    with silent_server() as (url, taken):
        datasource = opened(kind, url, query_timeout_seconds=60)
        errors: list[AnalysisSandboxError] = []

        def read() -> None:
            try:
                datasource.get("k")
            except AnalysisSandboxError as error:
                errors.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        asked = threading.Event()
        for _ in range(500):
            if taken:
                break
            asked.wait(0.02)
        datasource.cancel()
        thread.join(10)

        assert not thread.is_alive()
        assert [type(error) for error in errors] == [CancelledError]
        # The request is gone at the server too: all of it, then the end.
        connection = taken[0]
        connection.settimeout(10)
        while connection.recv(65536):
            pass
        datasource.close()


def test_the_data_stops_flowing_when_a_stream_is_closed() -> None:
    ended = threading.Event()

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", str(1 << 40))
        handler.send_header("etag", '"1"')
        handler.send_header("last-modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        handler.end_headers()
        if handler.command == "HEAD":
            return
        try:
            handler.wfile.write(b"a\n")
            while True:
                handler.wfile.write(b"1\n" * 500_000)
        except OSError:
            ended.set()

    with recorder(endless) as service:
        datasource = opened("s3", service.url)
        stream = datasource.stream("k", {"format": "csv"})
        next(stream)
        stream.close()

        assert ended.wait(10)
        datasource.close()


def test_requests_name_the_datasource_only_where_it_is_configured() -> None:
    with recorder(answering(200, b"read")) as service:
        assert isinstance(service, Recorder)
        datasource = opened("s3", service.url, prefix="in")
        datasource.get("k")
        datasource.close()

    assert [path for _, path, _ in service.requests] == ["/data/in/k"]
