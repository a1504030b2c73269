"""SOAP services, against a real one: operations, values, faults, access and credentials."""

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from analysis_sandbox.datasources import base
from analysis_sandbox.datasources.base import find_operation
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.datasources.soap.config import SOAPConfig
from analysis_sandbox.datasources.soap.datasource import SOAPDatasource
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.values import decode, encode
from tests.datasources.http.server import answering, http_answer, raw_server
from tests.datasources.soap.service import (
    Documents,
    Recorded,
    Scripted,
    application,
    envelope,
    serving_wsgi,
    shop_documents,
)

READ_ONLY = "Datasource 'billing' is read-only; ask an administrator to set access: read_write"
SECRET = "canary7secret"
Open = Callable[..., SOAPDatasource]


@pytest.fixture(scope="module", params=["1.1", "1.2"])
def service(request: pytest.FixtureRequest) -> Iterator[tuple[str, Recorded]]:
    """The service in one version of the protocol, and what it was asked."""
    app = Recorded(application(is_12=request.param == "1.2"))
    with serving_wsgi(app) as url:
        yield url, app


@pytest.fixture
def open_service(service: tuple[str, Recorded]) -> Iterator[Open]:
    opened: list[SOAPDatasource] = []

    def open_one(**fields: Any) -> SOAPDatasource:
        given = {
            "wsdl": f"{service[0]}/?wsdl",
            "allow_private_addresses": True,
            "retries": 0,
            **fields,
        }
        opened.append(SOAPDatasource.open(SOAPConfig.model_validate(given), name="billing"))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def billing(open_service: Open) -> SOAPDatasource:
    return open_service(access="read_write")


def test_the_type_is_installed() -> None:
    assert load_type("soap") is SOAPDatasource


def test_an_answer_is_plain_data_with_arrays_where_elements_repeat(
    billing: SOAPDatasource,
) -> None:
    answer = billing.call("GetInvoice", {"InvoiceId": "12345", "IncludeItems": True})

    assert decode(encode(answer)) == {
        "lang": "en",
        "Customer": {"Id": "12345", "Name": "ACME"},
        "Items": [{"ProductId": "ABC", "Quantity": 5, "Price": 1.5, "Codes": ["r", "g"]}],
        "Parent": None,
    }


def test_nested_types_and_arrays_are_sent(billing: SOAPDatasource) -> None:
    order: dict[str, Any] = {
        "lang": "de",
        "Customer": {"Id": "123", "Name": "ACME Corp"},
        "Items": [
            {"ProductId": "ABC", "Quantity": 5, "Codes": ["r", "g"]},
            {"ProductId": "XYZ", "Quantity": "3", "Price": 2.5},
        ],
        "Parent": {"Customer": {"Id": "7"}},
    }

    told = "de 123/ACME Corp ABCx5:None:['r', 'g'] XYZx3:2.5:None 7"
    assert billing.call("CreateOrder", {"Order": order}) == told
    # The name of the items may be written too.
    order["Items"] = {"Item": order["Items"]}
    assert billing.call("CreateOrder", {"Order": order}) == told


def test_every_simple_type_crosses_both_ways_unchanged(billing: SOAPDatasource) -> None:
    answer = decode(encode(billing.call("GetEverything")))

    assert answer == {
        "text": " a < b & ü\n",
        "flag": True,
        "small": 42,
        "large": "9007199254740993",
        "price": 1.1,
        "exact": "12345678901234567.89",
        "ratio": 0.5,
        "day": "2024-02-29",
        "moment": "2024-02-29T12:30:15.250000",
        "instant": "2024-02-29T10:30:00Z",
        "clock": "09:30:00",
        "span": {"months": 0, "days": 1, "micros": 7_200_000_000},
        "data": b"\x00\xff",
        "missing": None,
        "numbers": [1, 2, 3],
        "names": ["x", "y"],
    }
    assert decode(encode(billing.call("Echo", {"value": answer}))) == answer


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("ListCustomers", None, [{"Id": "1", "Name": "A"}, {"Id": "2", "Name": None}]),
        ("GetAny", {}, {"r": {"@a": "1", "x": ["1", "2"], "y": {"z": "text"}}}),
        ("Two", {"a": "x", "b": 1}, {"TwoResult0": "x", "TwoResult1": 1}),
        ("Two", {"a": "x", "b": None}, {"TwoResult0": "x", "TwoResult1": None}),
        ("Ping", None, None),
    ],
)
def test_answers_of_other_shapes(
    billing: SOAPDatasource, operation: str, params: object, expected: object
) -> None:
    assert billing.call(operation, params) == expected


def test_a_fault_is_an_error_with_its_code_and_detail(
    billing: SOAPDatasource, service: tuple[str, Recorded]
) -> None:
    with pytest.raises(QueryError, match=r"GetInvoice failed with the fault .*NotFound: no") as e:
        billing.call("GetInvoice", {"InvoiceId": "none"})

    details: Any = e.value.details
    assert "NotFound" in " ".join([details["fault_code"], *details.get("fault_subcodes", [])])
    assert details["fault_detail"] == {"id": "none"}
    assert details["operation"] == "GetInvoice"
    with pytest.raises(QueryError, match=r"fault (Server|Receiver): Internal Error"):
        billing.call("GetInvoice", {"InvoiceId": "crash"})


@pytest.mark.parametrize(
    ("operation", "params", "problems"),
    [
        ("GetInvoice", {}, {"InvoiceId": "is required"}),
        (
            "GetInvoice",
            {"InvoiceID": "1"},
            {
                "InvoiceID": "is not a field; did you mean InvoiceId?",
                "InvoiceId": "is required",
            },
        ),
        (
            "GetInvoice",
            {"InvoiceId": "1", "IncludeItems": "maybe"},
            {"IncludeItems": "must be true or false"},
        ),
        ("GetInvoice", {"InvoiceId": {"a": 1}}, {"InvoiceId": "must be text, not an object"}),
        ("GetInvoice", {"InvoiceId": ["1"]}, {"InvoiceId": "must be text, not an array"}),
        (
            "GetInvoice",
            {"InvoiceId": "a\x00b"},
            {"InvoiceId": "has a character that XML cannot hold"},
        ),
        ("GetInvoice", [1], {"params": "must be an object"}),
        ("Ping", {"zzz": 1}, {"zzz": "is not a field; it takes nothing"}),
        (
            "CreateOrder",
            {"Order": {"Custmer": {}, "Items": [{"ProductId": "A", "Quantity": 1.5}, {}]}},
            {
                "Order.Custmer": "is not a field; did you mean Customer?",
                "Order.Customer": "is required",
                "Order.Items[0].Quantity": "must be a whole number",
                "Order.Items[1].ProductId": "is required",
                "Order.Items[1].Quantity": "is required",
            },
        ),
        (
            "Echo",
            {
                "value": {
                    "price": "x",
                    "ratio": None,
                    "day": "31.1.2024",
                    "instant": "soon",
                    "clock": "9",
                    "span": "1 day",
                    "data": "%",
                    "numbers": [1, "two"],
                    "names": "x",
                }
            },
            {
                "value.price": "must be a number",
                "value.day": "must be a date, such as 2024-01-31",
                "value.instant": "must be a Date, or text such as 2024-01-31T09:30:00Z",
                "value.clock": "must be a time, such as 09:30:00",
                "value.span": "must be a duration, such as P1DT2H or "
                "{months: 0, days: 1, micros: 0}",
                "value.data": "must be a Uint8Array, or Base64 text",
                "value.numbers[1]": "must be a whole number",
                "value.names": "must be an array",
            },
        ),
    ],
)
def test_parameters_are_checked_before_anything_is_sent(
    billing: SOAPDatasource,
    service: tuple[str, Recorded],
    operation: str,
    params: object,
    problems: dict[str, str],
) -> None:
    billing.catalog()
    before = len(service[1].requests)

    with pytest.raises(ValidationFailedError) as caught:
        billing.call(operation, params)

    assert caught.value.fields == problems
    assert len(service[1].requests) == before


def test_an_unknown_operation_names_the_nearest(billing: SOAPDatasource) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"'GetInvoce'; did you mean GetInvoice\?"):
        billing.call("GetInvoce")
    with pytest.raises(UnsupportedOperationError):
        billing.call(cast("str", 5))


def test_a_read_only_datasource_calls_what_is_listed_as_reading(open_service: Open) -> None:
    billing = open_service(operations=["GetInvoice"])

    assert find_operation(billing, "call", name="billing")("GetInvoice", {"InvoiceId": "1"})
    with pytest.raises(ReadOnlyError, match=READ_ONLY) as caught:
        billing.call("CreateOrder", {"Order": None})
    assert "not among the operations" in str(caught.value.hint)
    with pytest.raises(UnsupportedOperationError):
        billing.call("GetInvoce")


def test_reading_can_be_asked_of_a_writable_datasource(open_service: Open) -> None:
    billing = open_service(access="read_write", operations=["GetInvoice"])

    billing.check_reads("call", ["GetInvoice", {}])
    for arguments in (["CreateOrder"], [], [None], [["GetInvoice"]]):
        with pytest.raises(ReadOnlyError):
            billing.check_reads("call", arguments)


def test_the_operations_of_a_service_are_described(open_service: Open) -> None:
    billing = open_service(operations=["GetInvoice"])
    assert isinstance(billing, base.Describable)

    found = {str(entry["name"]): entry for entry in billing.catalog()}
    assert {name for name, entry in found.items() if not entry["writes"]} == {"GetInvoice"}
    assert len(found) == 8
    described: Any = billing.describe("CreateOrder")
    (order,) = described["parameters"]
    fields = {field["name"]: field for field in order["fields"]}
    assert (order["name"], order["type"], order["required"]) == ("Order", "Order", False)
    assert fields["Customer"]["required"] is True
    assert fields["Customer"]["fields"][0] == {"name": "Id", "type": "text", "required": True}
    assert (fields["Items"]["type"], fields["Items"]["repeated"]) == ("Item", True)
    assert fields["lang"]["attribute"] is True
    # A type within itself is named, not repeated without end.
    assert fields["Parent"] == {"name": "Parent", "type": "Order", "required": False}
    assert described["answer"][0]["type"] == "text"
    with pytest.raises(NotFoundError, match=r"did you mean GetInvoice\?"):
        billing.describe("GetInvoce")
    with pytest.raises(UnsupportedOperationError, match="no sample rows"):
        billing.sample("GetInvoice")


def test_a_datasource_can_be_tested(open_service: Open) -> None:
    billing = open_service(operations=["GetInvoice", "GetMissing"])
    assert isinstance(billing, base.Testable)

    checks = {check.name: check for check in billing.test()}
    assert {name: check.ok for name, check in checks.items()} == {
        "connection": True,
        "read_only": True,
        "operations": False,
    }
    assert "has no GetMissing" in checks["operations"].detail
    with answering(http_answer(b"<html>")) as server:
        broken = open_service(wsdl=server.url).test()
    assert [(check.name, check.ok) for check in broken] == [
        ("connection", False),
        ("read_only", True),
    ]


def test_several_threads_call_at_once(billing: SOAPDatasource) -> None:
    answers: dict[int, object] = {}

    def call(number: int) -> None:
        answers[number] = billing.call("Two", {"a": str(number), "b": number})

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert answers == {n: {"TwoResult0": str(n), "TwoResult1": n} for n in range(8)}


@pytest.mark.parametrize("digest", [False, True])
def test_a_username_token_is_sent_and_not_shown(
    open_service: Open, service: tuple[str, Recorded], digest: bool
) -> None:
    billing = open_service(
        access="read_write",
        auth={"type": "basic", "username": "web", "password": "basic7secret"},
        ws_security={"username": "scott", "password": SECRET, "digest": digest},
    )
    billing.call("Ping")

    method, _, headers, body = service[1].requests[-1]
    text = body.decode()
    assert method == "POST"
    assert headers["HTTP_AUTHORIZATION"] == (
        "Basic " + base64.b64encode(b"web:basic7secret").decode()
    )
    assert "Username>scott<" in text
    if digest:
        found = [re.search(rf"{name}[^>]*>([^<]+)<", text) for name in ("Nonce", "Created")]
        nonce, created = (match.group(1) for match in found if match)
        raw = base64.b64decode(nonce) + created.encode() + SECRET.encode()
        assert base64.b64encode(hashlib.sha1(raw).digest()).decode() in text
        assert SECRET not in text
    else:
        assert f">{SECRET}<" in text
    assert SECRET not in repr(vars(billing)) + repr(billing)


# A service whose every answer a test decides.


@pytest.fixture
def scripted() -> Iterator[tuple[Scripted, Callable[..., SOAPDatasource]]]:
    script = Scripted()
    documents = Documents({}, script)
    opened: list[SOAPDatasource] = []
    with serving_wsgi(documents) as url:
        documents.documents = shop_documents(f"{url}/call")

        def open_one(**fields: Any) -> SOAPDatasource:
            given = {
                "wsdl": f"{url}/shop.wsdl",
                "allow_private_addresses": True,
                "access": "read_write",
                "retries": 0,
                **fields,
            }
            opened.append(SOAPDatasource.open(SOAPConfig.model_validate(given), name="shop"))
            return opened[-1]

        yield script, open_one
        for one in opened:
            one.close()


@pytest.mark.parametrize(
    ("status", "kind", "body", "kind_of_error", "told"),
    [
        ("200 OK", "text/html", b"<p>", QueryError, "is text/html, and not XML: <p>"),
        ("200 OK", "text/xml", b"<a/>", QueryError, r"not a SOAP envelope \(its root is 'a'\)"),
        ("200 OK", "text/xml", b"<a", QueryError, "is not XML"),
        ("200 OK", "multipart/related", b"x", QueryError, "has attachments"),
        ("500 Oops", "text/html", b"<h1>Down</h1>", UnavailableError, "answered 500 .*Down"),
        ("500 Oops", "text/xml", b"", UnavailableError, "answered 500"),
        ("400 Bad", "text/plain", b"no", QueryError, "answered 400 .*no"),
        ("401 No", "text/plain", b"", QueryError, "answered 401"),
        ("503 Busy", "text/plain", b"", UnavailableError, "answered 503"),
        (
            "200 OK",
            "text/xml",
            envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring/></s:Fault>"),
            QueryError,
            "fault Server$",
        ),
    ],
)
def test_an_answer_that_is_none_says_what_came(
    scripted: tuple[Scripted, Open],
    status: str,
    kind: str,
    body: bytes,
    kind_of_error: type[AnalysisSandboxError],
    told: str,
) -> None:
    script, open_one = scripted
    script.status, script.kind, script.answer = status, kind, body

    with pytest.raises(kind_of_error, match=told):
        open_one().call("Tell", "hello")


BOMBS = [
    b'<!DOCTYPE a [<!ENTITY b "c">]><s:Envelope xmlns:s="x"><s:Body>&b;</s:Body></s:Envelope>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]><a/>',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "0123456789">'
    + b"".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'.encode() for n in range(1, 12))
    + b"]><a>&a11;</a>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode("utf-16"),
]


@pytest.mark.parametrize("body", BOMBS)
def test_an_answer_with_a_dtd_is_refused(scripted: tuple[Scripted, Open], body: bytes) -> None:
    script, open_one = scripted
    script.answer = body

    with pytest.raises(QueryError, match="has a DTD, which is not read"):
        open_one().call("Tell", "hello")


def test_an_answer_that_is_too_large_is_cut(scripted: tuple[Scripted, Open]) -> None:
    script, open_one = scripted
    script.answer = envelope(f"<x>{'y' * 100_000}</x>")

    with pytest.raises(LimitExceededError, match=r"larger than 0\.0625 MB"):
        open_one(max_response_mb=0.0625).call("Tell", "hello")


@pytest.mark.parametrize(("depth", "told"), [(170, ""), (200, "deeper than 180"), (400, "not XML")])
def test_an_answer_that_is_nested_deeply_is_refused(
    scripted: tuple[Scripted, Open], depth: int, told: str
) -> None:
    script, open_one = scripted
    script.answer = envelope("<x>" * depth + "</x>" * depth)
    shop = open_one()

    if told:
        with pytest.raises(QueryError, match=told):
            shop.call("Old", {"a": 1, "shape": {"$type": "Circle", "radius": 1}})
    else:
        assert encode(shop.call("Old", {"a": 1, "shape": {"$type": "Circle", "radius": 1}}))


def test_references_that_multiply_are_counted(scripted: tuple[Scripted, Open]) -> None:
    script, open_one = scripted
    links = "".join(
        f'<m id="i{n}"><a href="#i{n + 1}"/><a href="#i{n + 1}"/></m>' for n in range(60)
    )
    script.answer = envelope(f'<w:OldResponse><z href="#i0"/></w:OldResponse>{links}')

    with pytest.raises(LimitExceededError, match="repeat more than 200000 elements"):
        open_one().call("Old", {"a": 1, "shape": {"$type": "Circle", "radius": 1}})


def test_a_server_that_repeats_a_password_does_not_show_it(
    scripted: tuple[Scripted, Open],
) -> None:
    script, open_one = scripted
    password = "pa<ss&word7"
    escaped = "pa&lt;ss&amp;word7"
    shop = open_one(ws_security={"username": "scott", "password": password})
    script.status = "500 Oops"
    script.answer = envelope(
        f"<s:Fault><faultcode>s:Client</faultcode><faultstring>bad {escaped}</faultstring>"
        f"<detail><sent>{escaped}</sent></detail></s:Fault>"
    )

    with pytest.raises(QueryError) as caught:
        shop.call("Tell", "hello")

    assert b"pa&lt;ss&amp;word7" in script.sent
    assert "word7" not in caught.value.message + repr(caught.value.details)


def test_what_only_reads_is_sent_again_and_what_may_write_is_not() -> None:
    documents = shop_documents("")
    wanted = envelope("<w:OldResponse><sum>5</sum></w:OldResponse>")
    busy = http_answer(b"", status="503 Busy")
    names = ("/shop.wsdl", "/messages.wsdl", "/xsd/types.xsd", "/xsd/parts/base.xsd")
    files = [str(documents[name]) for name in names]
    params = {"a": 1, "shape": {"$type": "Circle", "radius": 1}}

    def answers(url: str) -> list[bytes]:
        return [
            http_answer(text.replace('location=""', f'location="{url}"').encode()) for text in files
        ]

    posts: list[bytes] = []
    with raw_server(lambda connection: connection.sendall(posts.pop(0))) as server:
        given = {
            "wsdl": f"{server.url}/shop.wsdl",
            "allow_private_addresses": True,
            "operations": ["Old"],
            "access": "read_write",
            "retries": 1,
        }
        shop = SOAPDatasource.open(SOAPConfig.model_validate(given), name="shop")
        xml_answer = http_answer(wanted, headers={"Content-Type": "text/xml"})
        posts += [*answers(server.url), busy, xml_answer, busy]
        assert shop.call("Old", params) == {"sum": 5, "point": None}
        with pytest.raises(UnavailableError, match="503"):
            shop.call("Tell", "hello")
        shop.close()

    assert not posts


def test_cancel_ends_a_call_that_waits(scripted: tuple[Scripted, Open]) -> None:
    _, open_one = scripted
    begun = threading.Event()

    def silent(connection: Any) -> None:
        begun.set()
        connection.recv(1)

    errors: list[BaseException] = []
    with raw_server(silent) as server:
        shop = open_one(endpoint=server.url)

        def call() -> None:
            try:
                shop.call("Tell", "hello")
            except AnalysisSandboxError as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        assert begun.wait(20)
        shop.cancel()
        thread.join(20)

    assert [type(error) for error in errors] == [CancelledError]


def test_a_silent_service_is_left_when_the_time_is_over(scripted: tuple[Scripted, Open]) -> None:
    _, open_one = scripted
    with raw_server(lambda connection: connection.recv(1)) as server:
        shop = open_one(endpoint=server.url, query_timeout_seconds=0.3)
        with pytest.raises(LimitExceededError, match=r"took longer than 0\.3 s"):
            shop.call("Tell", "hello")
