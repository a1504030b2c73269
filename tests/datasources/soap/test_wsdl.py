"""Where a WSDL comes from: its imports, its cache, and what it may never make us reach."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.datasources.soap.config import SOAPConfig
from analysis_sandbox.datasources.soap.datasource import SOAPDatasource
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConfigurationError,
    LimitExceededError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
)
from tests.datasources.http.server import (
    Canary,
    FakeClock,
    always,
    answering,
    canary,
    http_answer,
)
from tests.datasources.soap.service import (
    MESSAGES,
    SHOP,
    SHOP_TYPES,
    Documents,
    Recorded,
    Scripted,
    application,
    envelope,
    serving_wsgi,
    shop_documents,
)

WSDL = '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:x"'
XSD = "http://www.w3.org/2001/XMLSchema"


@pytest.fixture
def trap() -> Iterator[Canary]:
    with canary() as found:
        yield found
    assert found.connections == 0


def opened(wsdl: object, **fields: Any) -> SOAPDatasource:
    given = {"wsdl": str(wsdl), "allow_private_addresses": True, "retries": 0, **fields}
    return SOAPDatasource.open(SOAPConfig.model_validate(given), name="shop")


def importing(kind: str, location: str) -> Mapping[str, str]:
    """Return documents whose WSDL leads to a place, in one of the ways there are."""
    schema = f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:x">{{}}</xs:schema>'
    types = f"{WSDL}><wsdl:types>{schema}</wsdl:types></wsdl:definitions>"
    places = {
        "wsdl:import": f'{WSDL}><wsdl:import namespace="urn:y" location="{location}"/>'
        "</wsdl:definitions>",
        "xsd:import": types.format(f'<xs:import namespace="urn:y" schemaLocation="{location}"/>'),
        "xsd:include": types.format(f'<xs:include schemaLocation="{location}"/>'),
        "second": types.format('<xs:import namespace="urn:y" schemaLocation="/second.xsd"/>'),
    }
    second = f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:y"><xs:include schemaLocation='
    return {"/x.wsdl": places[kind], "/second.xsd": f'{second}"{location}"/></xs:schema>'}


FORBIDDEN = [
    "http://127.0.0.1:{port}/x.xsd",
    "//127.0.0.1:{port}/x.xsd",
    "http://localhost:{port}/x.xsd",
    "http://2130706433:{port}/x.xsd",
    "http://0x7f.1:{port}/x.xsd",
    "http://[::1]:{port}/x.xsd",
    "http://[::ffff:127.0.0.1]:{port}/x.xsd",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/latest/meta-data",
    "http://10.0.0.1/x.xsd",
    "http://user:password@127.0.0.1:{port}/x.xsd",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "FILE:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "ftp://127.0.0.1:{port}/x.xsd",
    "data:text/xml,&lt;a/&gt;",
]


@pytest.mark.parametrize("kind", ["wsdl:import", "xsd:import", "xsd:include", "second"])
@pytest.mark.parametrize("form", FORBIDDEN)
def test_an_import_reaches_no_forbidden_place(form: str, kind: str, trap: Canary) -> None:
    documents = Recorded(Documents(importing(kind, form.format(port=trap.port))))

    with serving_wsgi(documents) as url, pytest.raises(StatementRefusedError):
        opened(f"{url}/x.wsdl").catalog()

    assert {path for _, path, *_ in documents.requests} <= {"/x.wsdl?", "/second.xsd?"}


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"]])
def test_an_import_from_a_name_of_a_forbidden_address_is_refused(
    addresses: list[str], trap: Canary
) -> None:
    location = f"http://intranet.example:{trap.port}/x.xsd"
    with serving_wsgi(Documents(importing("xsd:import", location))) as url:
        config = SOAPConfig.model_validate(
            {"wsdl": f"{url}/x.wsdl", "allow_private_addresses": True, "retries": 0}
        )
        client = HTTPClient(
            config, name="shop", home=parse_url(config.wsdl), resolve=always(addresses)
        )
        with pytest.raises(StatementRefusedError, match=r"intranet\.example"):
            SOAPDatasource(config, name="shop", client=client).catalog()
        client.close()


def test_a_redirect_of_an_import_reaches_no_forbidden_place(trap: Canary) -> None:
    redirect = http_answer(
        status="302 Found", headers={"Location": f"http://127.0.0.1:{trap.port}/x.xsd"}
    )
    with answering(redirect) as server, pytest.raises(StatementRefusedError, match="loopback"):
        opened(f"{server.url}/x.wsdl").catalog()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/",
        "http://169.254.169.254/",
        "http://localhost:{port}/",
        "https://evil.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "http://u:p@127.0.0.1:{port}/",
        "",
    ],
)
def test_the_address_in_a_wsdl_leads_nowhere_else(address: str, trap: Canary) -> None:
    documents = Documents(shop_documents(address.format(port=trap.port)))
    with serving_wsgi(documents) as url:
        shop = opened(
            f"{url}/shop.wsdl", access="read_write", auth={"type": "bearer", "token": "t"}
        )
        with pytest.raises(ConfigurationError, match="set endpoint"):
            shop.call("Tell", "hello")


@pytest.mark.parametrize("address", ["http://169.254.169.254/", "http://[fd00:ec2::254]/"])
def test_a_forbidden_address_is_refused_wherever_it_is_configured(
    tmp_path: Path, address: str
) -> None:
    write(tmp_path, shop_documents(address))

    for shop in (
        opened(tmp_path / "shop.wsdl", access="read_write"),
        opened(tmp_path / "shop.wsdl", access="read_write", endpoint=address),
        opened(f"{address}x.wsdl", access="read_write"),
    ):
        with pytest.raises(StatementRefusedError, match="metadata"):
            shop.call("Tell", "hello")


DTDS = [
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/x.dtd">',
    '<!DOCTYPE a PUBLIC "x" "http://127.0.0.1:{port}/x.dtd">',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/x.dtd"> %p;]>',
    '<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;">]>',
    "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]>",
]


@pytest.mark.parametrize("where", ["/shop.wsdl", "/messages.wsdl", "/xsd/types.xsd"])
@pytest.mark.parametrize("dtd", DTDS)
def test_a_wsdl_with_a_dtd_is_refused(dtd: str, where: str, trap: Canary) -> None:
    documents = Documents({}, None)
    with serving_wsgi(documents) as url:
        documents.documents = shop_documents(url)
        documents.documents[where] = dtd.format(port=trap.port) + str(documents.documents[where])
        with pytest.raises(ConfigurationError, match="has a DTD, which is not read"):
            opened(f"{url}/shop.wsdl").catalog()


def test_a_bomb_in_a_wsdl_is_refused_in_another_encoding_too() -> None:
    lines = ["<!DOCTYPE a [<!ENTITY a0 'lol'>"]
    lines += [f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)]
    bomb = "".join([*lines, "]><a>&a11;</a>"])
    for data in (bomb.encode("utf-16"), f'<?xml version="1.0" encoding="latin-1"?>{bomb}'.encode()):
        with (
            serving_wsgi(Documents({"/x.wsdl": data})) as url,
            pytest.raises(ConfigurationError, match="DTD"),
        ):
            opened(f"{url}/x.wsdl").catalog()


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("<html/>", "no SOAP operation"),
        ("", "is not XML"),
        ("{}", "is not XML"),
        ("<a>", "cannot be understood"),
        (f"{WSDL}/>", "no SOAP operation"),
        ("<a>" * 400 + "</a>" * 400, "cannot be understood"),
        (SHOP.replace("w:Shop", "w:Missing"), "cannot be understood|no SOAP operation"),
        ('<?xml version="1.0" encoding="utf-7"?><a/>', "is not XML"),
    ],
)
def test_what_is_no_wsdl_is_refused(document: str, told: str) -> None:
    documents = {"/x.wsdl": document, "/messages.wsdl": f"{WSDL}/>"}
    with (
        serving_wsgi(Documents(documents)) as url,
        pytest.raises(ConfigurationError, match=told),
    ):
        opened(f"{url}/x.wsdl").catalog()


def test_a_wsdl_that_imports_without_end_is_cut() -> None:
    class Endless(Documents):
        def __call__(self, environ: dict[str, Any], start: Any) -> Any:
            number = int(environ["QUERY_STRING"] or 0) + 1
            include = f'<xs:include schemaLocation="/x?{number}"/>'
            schema = f'<xs:schema xmlns:xs="{XSD}" targetNamespace="urn:x">{include}</xs:schema>'
            first = f"{WSDL}><wsdl:types>{schema}</wsdl:types></wsdl:definitions>"
            self.documents = {environ["PATH_INFO"]: first if number == 1 else schema}
            return super().__call__(environ, start)

    with (
        serving_wsgi(Endless({})) as url,
        pytest.raises(LimitExceededError, match="more than 200 documents"),
    ):
        opened(f"{url}/x.wsdl").catalog()


def write(directory: Path, documents: Mapping[str, bytes | str]) -> None:
    for name, text in documents.items():
        path = directory / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text), encoding="utf-8")


def test_a_wsdl_in_a_file_imports_what_is_beside_it(tmp_path: Path) -> None:
    script = Scripted(envelope(""))
    with serving_wsgi(script) as url:
        write(tmp_path, shop_documents(url))
        context = {"directory": tmp_path}
        config = SOAPConfig.model_validate(
            {"wsdl": "shop.wsdl", "allow_private_addresses": True, "access": "read_write"},
            context=context,
        )
        shop = SOAPDatasource.open(config, name="shop")

        assert shop.call("Tell", "hello") is None
        assert b"hello" in script.sent
        script.status = "500 No GET here"
        assert shop.test()[0].ok
        shop.close()


@pytest.mark.parametrize(
    "location",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "../secret.xsd",
        "xsd/../../secret.xsd",
        "link.xsd",
        "http://127.0.0.1:{port}/x.xsd",
        "http://example.com/x.xsd",
        "ftp://127.0.0.1:{port}/x.xsd",
        "//127.0.0.1:{port}/x.xsd",
    ],
)
def test_a_wsdl_in_a_file_reaches_nothing_else(tmp_path: Path, location: str, trap: Canary) -> None:
    directory = tmp_path / "wsdl"
    (tmp_path / "secret.xsd").write_text(SHOP_TYPES, encoding="utf-8")
    write(directory, importing("xsd:include", location.format(port=trap.port)))
    (directory / "link.xsd").symlink_to(tmp_path / "secret.xsd")

    with pytest.raises((StatementRefusedError, ConfigurationError)) as caught:
        opened(directory / "x.wsdl").catalog()

    assert "imports from" in caught.value.message or "cannot be read" in caught.value.message


@pytest.mark.parametrize("wsdl", ["missing.wsdl", "directory"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, wsdl: str) -> None:
    (tmp_path / "directory").mkdir()

    with pytest.raises(ConfigurationError, match=f"the file {wsdl} of its WSDL cannot be read"):
        opened(tmp_path / wsdl).catalog()


def test_the_schemas_of_standards_are_not_asked_of_anybody() -> None:
    encoding = "http://schemas.xmlsoap.org/soap/encoding/"
    types = SHOP_TYPES.replace(
        '<xs:element name="Note" type="xs:string"/>',
        '<xs:element name="Note" type="xs:string"/>'
        f'<xs:import namespace="{encoding}"/>'
        f'<xs:complexType name="Numbers" xmlns:e="{encoding}" '
        'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"><xs:complexContent>'
        '<xs:restriction base="e:Array"><xs:attribute ref="e:arrayType" '
        'wsdl:arrayType="xs:int[]"/></xs:restriction></xs:complexContent></xs:complexType>',
    )
    messages = MESSAGES.replace(
        '<wsdl:part name="sum" type="xs:int"/>', '<wsdl:part name="sum" type="t:Numbers"/>'
    )
    script = Scripted(envelope("<w:R><sum><item>1</item><item>2</item></sum></w:R>"))
    documents = Documents({}, script)
    with serving_wsgi(documents) as url:
        documents.documents = {
            **shop_documents(url),
            "/xsd/types.xsd": types,
            "/messages.wsdl": messages,
        }
        shop = opened(f"{url}/shop.wsdl", access="read_write")

        params = {"a": 1, "shape": {"$type": "Circle", "radius": 1}}
        assert shop.call("Old", params) == {"sum": [1, 2], "point": None}
        shop.close()


def test_a_wsdl_is_kept_and_asked_for_again_when_it_is_old() -> None:
    clock = FakeClock()
    app = Recorded(application())
    with serving_wsgi(app) as url:
        config = SOAPConfig.model_validate(
            {
                "wsdl": f"{url}/?wsdl",
                "allow_private_addresses": True,
                "wsdl_ttl_seconds": 60,
                "retries": 0,
            }
        )
        billing = SOAPDatasource(config, name="billing", timing=clock.timing)
        for _ in range(3):
            billing.catalog()
        assert app.wsdl_requests == 1
        clock.time += 61
        billing.catalog()
        billing.catalog()
        assert app.wsdl_requests == 2
        clock.time += 61
    # The server is gone: what is known is better than nothing.
    assert len(billing.catalog()) == 8
    billing.close()


def test_a_wsdl_that_was_never_had_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        opened("http://127.0.0.1:1/x.wsdl").catalog()


def test_opening_connects_to_nothing(trap: Canary) -> None:
    shop = opened(f"http://127.0.0.1:{trap.port}/x.wsdl")
    assert list(shop.operations()) == ["call"]
    shop.close()
    with pytest.raises(UnavailableError, match="was closed"):
        shop.catalog()


def test_services_and_ports_can_be_chosen() -> None:
    documents = Documents({})
    with serving_wsgi(documents) as url:
        documents.documents = shop_documents(url)
        assert len(opened(f"{url}/shop.wsdl", service="Shop", port="Main").catalog()) == 3
        for fields in ({"port": "Plain"}, {"service": "Other"}):
            with pytest.raises(ConfigurationError, match="no SOAP operation") as caught:
                opened(f"{url}/shop.wsdl", **fields).catalog()
            assert "Shop/Main" in str(caught.value.hint)


def test_credentials_go_to_the_service_and_not_to_a_foreign_wsdl() -> None:
    script = Recorded(Scripted(envelope("")))
    with serving_wsgi(script) as service:
        documents = Recorded(Documents(shop_documents("http://elsewhere.example/")))
        with serving_wsgi(documents) as url:
            shop = opened(
                f"{url}/shop.wsdl",
                access="read_write",
                endpoint=service,
                auth={"type": "bearer", "token": "canary7secret"},
            )
            shop.call("Tell", "hello")
            shop.close()

    assert all("HTTP_AUTHORIZATION" not in headers for _, _, headers, _ in documents.requests)
    assert script.requests[0][2]["HTTP_AUTHORIZATION"] == "Bearer canary7secret"


@pytest.mark.parametrize(
    "fields",
    [
        {"wsdl": "ftp://x/y"},
        {"wsdl": "http://user:canary7secret@h/x.wsdl"},
        {"endpoint": "canary7secret"},
        {"ws_security": {"username": "", "password": "canary7secret"}},
        {"ws_security": {"username": "u", "password": "canary7secret", "more": 1}},
        {"operations": "canary7secret"},
        {"wsdl_ttl_seconds": "canary7secret"},
    ],
)
def test_a_wrong_configuration_is_refused_without_repeating_it(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        SOAPConfig.model_validate({"wsdl": "http://127.0.0.1/x.wsdl", **fields})

    assert "canary7secret" not in str(caught.value)


def test_an_error_of_the_wsdl_server_keeps_its_reason() -> None:
    with (
        answering(http_answer(b"nothing here", status="404 Not Found")) as server,
        pytest.raises(QueryError, match=r"answered 404 .*nothing here"),
    ):
        opened(f"{server.url}/x.wsdl").catalog()


@pytest.mark.filterwarnings("ignore:The wsdl:UserWarning", "ignore:The operation:UserWarning")
def test_every_error_of_a_hostile_wsdl_is_one_of_ours() -> None:
    """Whatever is cut out of a WSDL, what is left is read or refused."""
    documents = Documents({})
    with serving_wsgi(documents) as url:
        whole = shop_documents(url)
        for name, text in whole.items():
            lines = str(text).splitlines()
            for number in range(1, len(lines) - 1, 2):
                cut = "\n".join(lines[:number] + lines[number + 1 :])
                documents.documents = {**whole, name: cut}
                # Anything else than an error of ours ends the test.
                with contextlib.suppress(AnalysisSandboxError):
                    opened(f"{url}/shop.wsdl").catalog()
