"""No URL, redirect, name or proxy makes a datasource reach an address that it may not reach."""

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from analysis_sandbox.datasources.http.addresses import Resolver, classify, ip_address
from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.messages import HTTPRequest
from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.datasources.rest.datasource import RESTConfig, RESTDatasource
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    StatementRefusedError,
    UnavailableError,
    ValidationFailedError,
)
from tests.datasources.http.server import (
    Canary,
    always,
    answering,
    canary,
    http_answer,
    raw_server,
    rest,
)

# Ways to write the canary's address, or another that is none of ours.
FORMS = [
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f.0x0.0x0.0x1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://00000177.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://api.localhost:{port}/",
    "http://localhost.localdomain:{port}/",
    "http://ip6-localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::80ff:fffe]:{port}/",
    "http://[2a00::5efe:7f00:1]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://[fe80::1%25eth0]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd00:ec2::254]/latest/meta-data",
    "http://[ff02::1]:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://\uff4cocalhost:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\t/",
    "http://127.0.0.1 .example.com:{port}/",
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/latest/meta-data",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "data:text/plain,hello",
    "javascript:alert(1)",
]
REFUSED = (ValidationError, StatementRefusedError, ValidationFailedError)


@pytest.fixture
def trap() -> Iterator[Canary]:
    with canary() as found:
        yield found
    assert found.connections == 0


@pytest.fixture
def trap6() -> Iterator[Canary]:
    with canary("::1") as found:
        yield found
    assert found.connections == 0


def fetch(url: str, *, resolve: Resolver, **fields: object) -> object:
    """Read a URL as a datasource that is configured for it."""
    config = RESTConfig.model_validate({"base_url": url, "retries": 0, **fields})
    client = HTTPClient(config, name="api", home=parse_url(url), resolve=resolve)
    try:
        return RESTDatasource(config, name="api", client=client).get("")
    finally:
        client.close()


def test_a_canary_notices_who_connects() -> None:
    with canary() as found:
        socket.create_connection(("127.0.0.1", found.port)).close()
        with pytest.raises(UnavailableError):
            rest(f"http://127.0.0.1:{found.port}", retries=0).get("/")

    assert found.connections == 2


def no_names(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("form", FORMS)
def test_a_forbidden_address_is_refused_however_it_is_written(form: str, trap: Canary) -> None:
    with pytest.raises(REFUSED):
        fetch(form.format(port=trap.port), resolve=no_names)


@pytest.mark.parametrize("form", [form for form in FORMS if "[" in form])
def test_a_forbidden_ipv6_address_is_refused_however_it_is_written(
    form: str, trap6: Canary
) -> None:
    with pytest.raises(REFUSED):
        fetch(form.format(port=trap6.port), resolve=no_names)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%eth0"],
        ["0.0.0.0"],
        # Every address counts, not the first alone.
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["2606:2800:220:1::1", "::1"],
    ],
)
def test_a_name_of_a_forbidden_address_is_refused(addresses: Sequence[str], trap: Canary) -> None:
    with pytest.raises(StatementRefusedError, match=r"intranet\.example"):
        fetch(f"http://intranet.example:{trap.port}/", resolve=always(addresses))


def test_an_international_name_is_looked_up_in_its_ascii_form(trap: Canary) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with pytest.raises(StatementRefusedError):
        fetch(f"http://bücher.example:{trap.port}/", resolve=resolve)

    assert asked == ["xn--bcher-kva.example"]


@pytest.mark.parametrize("form", ["http://169.254.169.254/", "http://[fd00:ec2::254]/"])
def test_metadata_is_never_reached_even_where_private_addresses_are_allowed(form: str) -> None:
    with pytest.raises(StatementRefusedError, match="metadata"):
        fetch(form, resolve=no_names, allow_private_addresses=True)


def test_a_private_address_is_reached_where_it_is_allowed() -> None:
    with answering(http_answer(b'{"ok": true}', headers={"Content-Type": "text/json"})) as server:
        assert rest(server.url).get("/") == {"ok": True}
        with pytest.raises(StatementRefusedError) as caught:
            fetch(server.url, resolve=no_names)

    assert "allow_private_addresses" in str(caught.value.hint)
    assert server.connections == 1


def test_a_private_ipv6_address_is_reached_where_it_is_allowed() -> None:
    body = http_answer(b"six", headers={"Content-Type": "text/plain"})
    with raw_server(lambda connection: connection.sendall(body), host="::1") as server:
        assert rest(f"http://[::1]:{server.port}/base").get("/x") == "six"

    assert server.requests[0].startswith(b"GET /base/x HTTP/1.1\r\n")
    assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "//127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://169.254.169.254/latest/meta-data",
        "http://user:password@127.0.0.1:{port}/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_x",
        "ftp://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@example.com/",
        "http://127.0.0.1:{port}/ x",
        "http://[::1",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_reaches_no_forbidden_address(status: int, location: str, trap: Canary) -> None:
    target = location.format(port=trap.port)
    redirect = http_answer(status=f"{status} Moved", headers={"Location": target})

    with answering(redirect) as server, pytest.raises(StatementRefusedError):
        rest(server.url, retries=0).get("/")

    assert server.connections == 1


def test_allowed_private_addresses_hold_for_the_configured_port_only(trap: Canary) -> None:
    redirect = http_answer(
        status="302 Found", headers={"Location": f"http://127.0.0.1:{trap.port}/"}
    )

    with answering(redirect) as server, pytest.raises(StatementRefusedError, match="loopback"):
        rest(server.url).get("/")


def test_a_host_is_looked_up_once_per_connection_and_checked_anew_for_the_next() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    body = http_answer(b"1", headers={"Content-Type": "application/json"})
    with answering(body) as server:
        url = f"http://rebinding.example:{server.port}"
        config = RESTConfig.model_validate({"base_url": url, "allow_private_addresses": True})

        def resolve(_host: str, _port: int) -> list[str]:
            return answers.pop(0)

        client = HTTPClient(config, name="api", home=parse_url(url), resolve=resolve)
        datasource = RESTDatasource(config, name="api", client=client)

        assert datasource.get("/") == 1
        assert answers == [["169.254.169.254"]]
        with pytest.raises(StatementRefusedError, match="metadata"):
            datasource.get("/")
        datasource.close()

    assert server.connections == 1
    assert f"Host: rebinding.example:{server.port}".encode() in server.requests[0]


def test_the_other_addresses_are_dialled_when_the_first_does_not_answer() -> None:
    body = http_answer(b"1", headers={"Content-Type": "application/json"})
    with answering(body) as server:
        url = f"http://several.example:{server.port}"

        # Nobody listens on the second loopback address.
        assert (
            fetch(url, resolve=always(["127.0.0.2", "127.0.0.1"]), allow_private_addresses=True)
            == 1
        )


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Put a proxy and a netrc file into the environment."""

    def put(port: int) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))

    return put


def test_proxies_and_passwords_of_the_environment_are_not_used(
    proxied: Callable[[int], None], trap: Canary
) -> None:
    proxied(trap.port)

    with answering(http_answer(b"direct", headers={"Content-Type": "text/plain"})) as server:
        assert rest(server.url).get("/") == "direct"
    with pytest.raises(StatementRefusedError):
        fetch("http://127.0.0.1/", resolve=no_names)

    assert b"authorization" not in server.requests[0].lower()


ENDPOINTS = [
    "http://127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "https://example.com/",
    "//127.0.0.1:{port}/x",
    "../../etc",
    "/a/../../b",
    "/%2e%2e/b",
    "/a/%2E%2e/b",
    "/a/..%2fb",
    "/a/%252e%252e/b",
    "/a\\..\\b",
    "/a#@evil",
    "/a b",
    "/a\nHost: evil",
    "http://user@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "/./a",
    ".",
    "",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_never_leaves_the_base_url(endpoint: str, trap: Canary) -> None:
    with answering(http_answer(b"1")) as server:
        datasource = rest(f"{server.url}/tenants/a")
        if endpoint:
            with pytest.raises((StatementRefusedError, ValidationFailedError)):
                datasource.get(endpoint.format(port=trap.port))
        else:
            datasource.get(endpoint)

    assert [request.split()[1] for request in server.requests] == (
        [] if endpoint else [b"/tenants/a"]
    )


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:{port}/tenants/b/x", "http://127.0.0.1:{port}/tenants/ab"]
)
def test_an_absolute_endpoint_stays_below_the_base_path(endpoint: str) -> None:
    with answering(http_answer(b"1")) as server:
        with pytest.raises(StatementRefusedError, match="outside"):
            rest(f"{server.url}/tenants/a").get(endpoint.format(port=server.port))
        rest(f"{server.url}/tenants/a").get(f"{server.url}/tenants/a/x?y=1")

    assert server.requests[0].startswith(b"GET /tenants/a/x?y=1 HTTP/1.1\r\n")


def test_redirects_are_counted() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(http_answer(status="302 Found", headers={"Location": "/again"}))

    with raw_server(answer) as server, pytest.raises(AnalysisSandboxError, match="more than 5"):
        rest(server.url, retries=0).get("/")

    assert server.connections == 6


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("8.8.8.8", "global"),
        ("1.1.1.1", "global"),
        ("172.15.255.255", "global"),
        ("172.32.0.1", "global"),
        ("100.63.255.255", "global"),
        ("100.128.0.1", "global"),
        ("2606:4700::1", "global"),
        ("2a00:1450::1", "global"),
        ("127.0.0.1", "private"),
        ("10.255.255.255", "private"),
        ("fd12::1", "private"),
        ("::1", "private"),
        ("169.254.1.1", "never"),
        ("192.0.0.8", "never"),
        ("192.88.99.1", "never"),
        ("240.0.0.1", "never"),
        ("255.255.255.255", "never"),
        ("::ffff:8.8.8.8", "never"),
        ("64:ff9b::808:808", "never"),
        ("2001:db8::1", "never"),
        ("3fff::1", "never"),
        ("4000::1", "never"),
        ("100::1", "never"),
        ("5f00::1", "never"),
        ("ff0e::1", "never"),
    ],
)
def test_addresses_are_told_apart(address: str, reach: str) -> None:
    assert classify(ip_address(address))[0] == reach


def test_a_redirected_request_takes_no_credentials_to_another_origin() -> None:
    """Seen at the level of the client: the other origin is named by the configuration too."""
    with answering(http_answer(b"1")) as other:
        redirect = http_answer(status="302 Found", headers={"Location": f"{other.url}/x"})
        with answering(redirect) as server:
            config = RESTConfig.model_validate(
                {
                    "base_url": server.url,
                    "allow_private_addresses": True,
                    "headers": {"X-Tenant": "blue"},
                    "auth": {"type": "bearer", "token": "canary7secret"},
                }
            )
            client = HTTPClient(
                config, name="api", home=parse_url(server.url), named=(parse_url(other.url),)
            )
            client.send(HTTPRequest("GET", parse_url(server.url), headers={"X-Mine": "private"}))
            client.close()

    assert b"Bearer canary7secret" in server.requests[0]
    assert b"X-Tenant: blue" in server.requests[0]
    sent = other.requests[0].lower()
    assert b"authorization" not in sent
    assert b"x-tenant" not in sent
    assert b"x-mine" not in sent
