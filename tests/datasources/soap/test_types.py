"""The types of XSD that spyne does not make: choices, inheritance, texts with attributes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from analysis_sandbox.datasources.soap.config import SOAPConfig
from analysis_sandbox.datasources.soap.datasource import SOAPDatasource
from analysis_sandbox.datasources.soap.parsing import xml
from analysis_sandbox.datasources.soap.simple import read_simple, write_simple
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import decode, encode
from tests.datasources.soap.service import (
    Documents,
    Scripted,
    envelope,
    serving_wsgi,
    shop_documents,
)

BASE = {"id": 1, "email": "a@b", "left": 3}
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Scripted, SOAPDatasource]]:
    script = Scripted()
    documents = Documents({}, script)
    with serving_wsgi(documents) as url:
        documents.documents = shop_documents(f"{url}/call")
        given = {
            "wsdl": f"{url}/shop.wsdl",
            "allow_private_addresses": True,
            "access": "read_write",
        }
        datasource = SOAPDatasource.open(SOAPConfig.model_validate(given), name="shop")
        yield script, datasource
        datasource.close()


def sent(shop: tuple[Scripted, SOAPDatasource], operation: str, params: object) -> list[Any]:
    """Call and return the elements that were sent: tag, text and attributes."""
    script, datasource = shop
    script.answer = envelope("")
    datasource.call(operation, params)
    (element,) = xml.fromstring(script.sent)[-1]
    return [
        (xml.QName(node).localname, node.text, *sorted(node.attrib.values()))
        for node in element.iterchildren()
    ]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, []),
        ({"price": 5}, [("price", "5")]),
        ({"price": {"$value": "1.50", "currency": "EUR"}}, [("price", "1.50", "EUR")]),
        (
            {"key": ["a", "b"], "val": [1, 2]},
            [("key", "a"), ("val", "1"), ("key", "b"), ("val", "2")],
        ),
        ({"red": [1, 2]}, [("red", "1"), ("red", "2")]),
        ({"tags": [1, 2]}, [("tags", "1 2")]),
        ({"when": "2024"}, [("when", "2024")]),
        ({"free": 5}, [("free", "5", "xs:integer")]),
        ({"code": b"\x01\xff"}, [("code", "01FF")]),
        ({"year": 2024}, [("year", "2024")]),
        ({"shape": {"$type": "Circle", "name": "n", "radius": 2}}, [("shape", None, "ns0:Circle")]),
        ({"$any": "<u>x</u>"}, [("u", "x")]),
    ],
)
def test_values_are_written_as_their_types_say(
    shop: tuple[Scripted, SOAPDatasource], params: Mapping[str, object], expected: list[Any]
) -> None:
    found = sent(shop, "Send", {**BASE, **params})

    assert found[0] == ("email", "a@b")
    rest = found[1:]
    rest.remove(("left", "3"))
    assert rest == expected


def test_the_elements_of_a_sequence_are_in_its_order(
    shop: tuple[Scripted, SOAPDatasource],
) -> None:
    found = sent(shop, "Send", {"left": None, "city": "c", "id": 1, "street": "s"})

    assert [entry[0] for entry in found] == ["street", "city", "left"]
    assert found[-1] == ("left", None, "true")


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({"phone": "1"}, {"params": "takes only one of email, phone, street, city"}),
        ({"email": None, "street": "s"}, {"city": "is required"}),
        ({"id": None}, {"id": "is required"}),
        ({"id": "x"}, {"id": "must be a whole number"}),
        ({"tags": "1 2"}, {"tags": "must be an array"}),
        ({"tags": [1, "x"]}, {"tags": "must be a whole number"}),
        (
            {"price": {"$value": 1, "currncy": "EUR"}},
            {"price.currncy": "is not a field; did you mean currency?"},
        ),
        (
            {"shape": [{"$type": "Cirle"}]},
            {"shape[0].$type": "is no type of the WSDL; did you mean Circle?"},
        ),
        (
            {"shape": {"$type": "Circle"}},
            {"shape[0].radius": "is required"},
        ),
        ({"$any": "<u>"}, {"$any": "must be the text of an XML element"}),
        (
            {"$any": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"},
            {"$any": "must be the text of an XML element"},
        ),
        ({"free": {"a b": 1}}, {"free.a b": "is not the name of an element"}),
        ({"@x y": "1"}, {"@x y": "is not an attribute"}),
    ],
)
def test_values_that_do_not_fit_are_named(
    shop: tuple[Scripted, SOAPDatasource],
    params: Mapping[str, object],
    problems: Mapping[str, str],
) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        shop[1].call("Send", {**BASE, **params})

    assert caught.value.fields == problems


def test_an_object_within_itself_is_refused(shop: tuple[Scripted, SOAPDatasource]) -> None:
    value: dict[str, Any] = {}
    for _ in range(150):
        value = {"a": value}

    with pytest.raises(ValidationFailedError, match="nested too deeply"):
        shop[1].call("Send", {**BASE, "free": value})


def test_an_answer_of_every_shape_is_read(shop: tuple[Scripted, SOAPDatasource]) -> None:
    script, datasource = shop
    script.answer = envelope(
        '<t:Sent id="7" other="o"><t:city>c</t:city><t:price currency="EUR">1.50</t:price>'
        "<t:key>a</t:key><t:val>1</t:val><t:key>b</t:key><t:val>nope</t:val><t:blue>3</t:blue>"
        '<t:shape xsi:type="t:Circle"><t:name>n</t:name><t:radius>2</t:radius></t:shape>'
        "<t:tags>1 2</t:tags><t:when>2024-01-01</t:when>"
        '<t:free xsi:type="t:Circle"><t:radius>INF</t:radius></t:free><t:left xsi:nil="true"/>'
        '<t:code>01FF</t:code><t:year>2024</t:year><t:Extra><t:n>5</t:n></t:Extra><u a="1">x</u>'
        "stray</t:Sent>"
    )

    assert decode(encode(datasource.call("Send", BASE))) == {
        "id": 7,
        "@other": "o",
        "email": None,
        "phone": None,
        "street": None,
        "city": "c",
        "price": {"$value": 1.5, "currency": "EUR"},
        "key": ["a", "b"],
        # What is not of its type stays text.
        "val": [1, "nope"],
        "red": [],
        "blue": [3],
        "shape": [{"name": "n", "radius": 2.0}],
        "tags": [1, 2],
        "when": "2024-01-01",
        "free": {"name": None, "radius": None},
        "left": None,
        "code": b"\x01\xff",
        "year": "2024",
        "Extra": {"n": 5},
        "u": {"@a": "1", "$value": "x"},
        "$value": "stray",
    }


def test_the_older_style_is_called_and_read(shop: tuple[Scripted, SOAPDatasource]) -> None:
    script, datasource = shop
    script.answer = envelope(
        '<w:OldResponse><sum href="#a"/><point href="#b"/></w:OldResponse>'
        '<multiRef id="a">5</multiRef>'
        '<multiRef id="b" xsi:type="t:Circle"><t:name>p</t:name><t:radius>1</t:radius></multiRef>'
    )
    params = {"a": 1, "shape": {"$type": "Circle", "radius": 1.5}}

    assert datasource.call("Old", params) == {"sum": 5, "point": {"name": "p", "radius": 1.0}}
    (element,) = xml.fromstring(script.sent)[-1]
    assert element.tag == "{urn:shop}Old"
    assert [child.tag for child in element] == ["a", "shape"]


def test_a_call_without_an_answer_returns_null(shop: tuple[Scripted, SOAPDatasource]) -> None:
    script, datasource = shop
    script.answer, script.status = b"", "202 Accepted"

    assert datasource.call("Tell", "hello") is None
    assert datasource.call("Tell", {"$value": "hello"}) is None
    assert b">hello</" in script.sent
    script.status = "200 OK"


def simple(name: str) -> Any:
    from zeep.xsd.types import builtins

    return getattr(builtins, name)()


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("Boolean", " 1 ", True),
        ("Boolean", "yes", "yes"),
        ("Integer", "+12", 12),
        ("Integer", "12.5", "12.5"),
        ("Int", None, None),
        ("Decimal", "1e5", "1e5"),
        ("Decimal", ".5", 0.5),
        ("Double", "-INF", None),
        ("Double", "1_0", "1_0"),
        ("DateTime", "2024-01-31T24:00:00", "2024-01-31T24:00:00"),
        ("DateTime", "12024-01-31T10:00:00Z", "12024-01-31T10:00:00Z"),
        ("DateTime", "2024-01-31T10:00:00.1234567Z", "2024-01-31T10:00:00.123456Z"),
        ("Date", "2024-01-31+02:00", "2024-01-31"),
        ("Date", "soon", "soon"),
        ("Duration", "-P1Y2M3DT4H5M6.5S", {"months": -14, "days": -3, "micros": -14_706_500_000}),
        ("Duration", "P", "P"),
        ("Base64Binary", "AP 8=", b"\x00\xff"),
        ("Base64Binary", "%", "%"),
        ("HexBinary", "00ff", b"\x00\xff"),
        ("String", "", ""),
        ("String", " a ", " a "),
        ("Token", " a  b ", "a b"),
        ("gYear", "2024", "2024"),
    ],
)
def test_a_text_becomes_the_value_of_its_type_or_stays(
    kind: str, text: str | None, expected: object
) -> None:
    assert decode(encode(read_simple(simple(kind), text))) == expected


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("Boolean", "0", "false"),
        ("Integer", 5.0, "5"),
        ("Integer", 2**70, str(2**70)),
        ("Decimal", 1e-7, "0.0000001"),
        ("Decimal", "12345678901234567.89", "12345678901234567.89"),
        ("Double", "INF", "INF"),
        ("Double", 1e300, "1e+300"),
        ("DateTime", "2024-01-31", "2024-01-31T00:00:00"),
        ("DateTime", "2024-01-31 09:30", "2024-01-31T09:30:00"),
        ("DateTime", "2024-01-31T09:30:00.000Z", "2024-01-31T09:30:00.000Z"),
        ("Date", "2024-01-31T00:00:00.000Z", "2024-01-31"),
        ("Time", "09:30Z", "09:30:00Z"),
        ("Duration", {"months": 14, "days": 0, "micros": 1_500_000}, "P14M0DT1.5S"),
        ("Duration", {"days": -1}, "-P0M1DT0S"),
        ("Base64Binary", b"\x00\xff", "AP8="),
        ("HexBinary", "00ff", "00FF"),
        ("String", True, "true"),
        ("String", 5.0, "5"),
    ],
)
def test_a_value_becomes_the_text_of_its_type(kind: str, value: object, text: str) -> None:
    assert write_simple(simple(kind), value) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Boolean", 2),
        ("Integer", True),
        ("Integer", "1e3"),
        ("Decimal", float("nan")),
        ("Decimal", "1e99999"),
        ("Double", float("inf")),
        ("Double", "1e999"),
        ("DateTime", 5),
        ("Duration", {"days": 1, "micros": -1}),
        ("Duration", {"weeks": 1}),
        ("HexBinary", "0"),
        ("String", "\x0b"),
        ("String", "\ud800"),
        ("String", b"x"),
    ],
)
def test_a_value_that_its_type_does_not_have_is_refused(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"must be|is too large|cannot hold"):
        write_simple(simple(kind), value)
