"""A real SOAP service, in both versions of the protocol, made with spyne."""

import contextlib
import datetime as dt
import importlib.util
import io
import socketserver
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from decimal import Decimal as Number
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from analysis_sandbox.datasources.soap.parsing import xml

with warnings.catch_warnings():
    # spyne brings an old copy of six, which importlib warns about.
    warnings.simplefilter("ignore")
    import spyne
    from spyne.protocol.soap import Soap11, Soap12
    from spyne.server.wsgi import WsgiApplication


def _mend_six() -> None:
    """Give spyne's copy of six what importlib asks for, or every later import is a warning."""
    for finder in sys.meta_path:
        kind: Any = type(finder)
        if kind.__name__ != "_SixMetaPathImporter" or hasattr(kind, "find_spec"):
            continue

        def find_spec(self: Any, name: str, path: object = None, target: object = None) -> Any:
            return (
                importlib.util.spec_from_loader(name, self) if name in self.known_modules else None
            )

        def create_module(self: Any, spec: Any) -> Any:
            return self.load_module(spec.name)

        def exec_module(self: Any, module: Any) -> None:
            """The module is executed when it is made."""

        kind.find_spec = find_spec
        kind.create_module = create_module
        kind.exec_module = exec_module


_mend_six()
TYPES = "urn:billing:types"
_spyne: Any = spyne
_rpc: Any = _spyne.rpc
_Model: Any = _spyne.ComplexModel


def _required(kind: Any) -> Any:
    return kind.customize(min_occurs=1, nillable=False)


class Customer(_Model):
    __namespace__ = TYPES
    Id = _required(_spyne.Unicode)
    Name = _spyne.Unicode


class Item(_Model):
    __namespace__ = TYPES
    ProductId = _required(_spyne.Unicode)
    Quantity = _required(_spyne.Integer)
    Price = _spyne.Decimal
    Codes = _spyne.Unicode.customize(max_occurs="unbounded")


class Order(_Model):
    __namespace__ = TYPES
    lang = _spyne.XmlAttribute(_spyne.Unicode)
    Customer = _required(Customer)
    Items = _spyne.Array(Item)
    Parent = _spyne.SelfReference


class Everything(_Model):
    __namespace__ = TYPES
    text = _spyne.Unicode
    flag = _spyne.Boolean
    small = _spyne.Integer
    large = _spyne.Integer64
    price = _spyne.Decimal
    exact = _spyne.Decimal
    ratio = _spyne.Double
    day = _spyne.Date
    moment = _spyne.DateTime(timezone=False)
    instant = _spyne.DateTime
    clock = _spyne.Time
    span = _spyne.Duration
    data = _spyne.ByteArray
    missing = _spyne.Unicode
    numbers = _spyne.Integer.customize(max_occurs="unbounded")
    names = _spyne.Array(_spyne.Unicode)


EVERYTHING: dict[str, Any] = {
    "text": " a < b & ü\n",
    "flag": True,
    "small": 42,
    "large": 9007199254740993,
    "price": Number("1.10"),
    "exact": Number("12345678901234567.89"),
    "ratio": 0.5,
    "day": dt.date(2024, 2, 29),
    "moment": dt.datetime(2024, 2, 29, 12, 30, 15, 250000),  # as it is declared
    "instant": dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "clock": dt.time(9, 30),
    "span": dt.timedelta(days=1, hours=2),
    "data": [b"\x00\xff"],
    "numbers": [1, 2, 3],
    "names": ["x", "y"],
}


class Billing(_spyne.ServiceBase):
    @_rpc(_required(_spyne.Unicode), _spyne.Boolean, _returns=Order)
    def GetInvoice(ctx: Any, InvoiceId: str, IncludeItems: bool) -> Any:
        if InvoiceId == "none":
            raise _spyne.Fault("Client.NotFound", f"no invoice {InvoiceId}", detail={"id": "none"})
        if InvoiceId == "crash":
            raise ZeroDivisionError
        items = [Item(ProductId="ABC", Quantity=5, Price=Number("1.50"), Codes=["r", "g"])]
        return Order(
            lang="en",
            Customer=Customer(Id=InvoiceId, Name="ACME"),
            Items=items if IncludeItems else None,
        )

    @_rpc(Order, _returns=_spyne.Unicode)
    def CreateOrder(ctx: Any, Order: Any) -> str:
        given: list[Any] = Order.Items or []
        items = [f"{i.ProductId}x{i.Quantity}:{i.Price}:{i.Codes}" for i in given]
        parent = Order.Parent.Customer.Id if Order.Parent else None
        who = f"{Order.Customer.Id}/{Order.Customer.Name}"
        return f"{Order.lang} {who} {' '.join(items)} {parent}"

    @_rpc(_returns=Everything)
    def GetEverything(ctx: Any) -> Any:
        return Everything(**EVERYTHING)

    @_rpc(Everything, _returns=Everything)
    def Echo(ctx: Any, value: Any) -> Any:
        return value

    @_rpc(_returns=_spyne.Array(Customer))
    def ListCustomers(ctx: Any) -> Any:
        return [Customer(Id="1", Name="A"), Customer(Id="2")]

    @_rpc(_returns=_spyne.AnyXml)
    def GetAny(ctx: Any) -> Any:
        return xml.fromstring("<r a='1'><x>1</x><x>2</x><y><z>text</z></y></r>")

    @_rpc(_spyne.Unicode, _spyne.Integer, _returns=(_spyne.Unicode, _spyne.Integer))
    def Two(ctx: Any, a: str, b: int) -> Any:
        return a, b

    @_rpc()
    def Ping(ctx: Any) -> None: ...


def application(*, is_12: bool = False) -> Any:
    """Return the service as a WSGI application."""
    protocol: Any = Soap12 if is_12 else Soap11
    wsgi: Any = WsgiApplication
    app = _spyne.Application(
        [Billing],
        tns="urn:billing",
        name="Billing",
        in_protocol=protocol(validator="lxml"),
        out_protocol=protocol(),
    )
    return wsgi(app)


class Recorded:
    """A WSGI application that notes what it is asked; `answers` are given instead of its own."""

    def __init__(self, app: Any) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._app = app

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Note the request and pass it on."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {k: str(v) for k, v in environ.items() if k.startswith(("HTTP_", "CONTENT_"))}
        path = environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
        self.requests.append((environ["REQUEST_METHOD"], path, headers, body))
        return self._app({**environ, "wsgi.input": io.BytesIO(body)}, start)

    @property
    def wsdl_requests(self) -> int:
        """How often the WSDL was asked for."""
        return sum(1 for method, *_ in self.requests if method == "GET")


class Documents:
    """A WSGI application of documents by path; what it has not goes to another."""

    def __init__(self, documents: Mapping[str, bytes | str], rest: Any = None) -> None:
        self.documents: dict[str, bytes | str] = dict(documents)
        self._rest = rest

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer GET with the document of the path."""
        found = self.documents.get(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] != "GET" or found is None:
            if self._rest is not None:
                return self._rest(environ, start)
            start("404 Not Found", [("Content-Length", "0")])
            return [b""]
        data = found.encode() if isinstance(found, str) else found
        start("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(data)))])
        return [data]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def serving_wsgi(app: Any) -> Generator[str]:
    """Serve a WSGI application on a free port and yield its URL."""
    server = make_server("127.0.0.1", 0, app, _Server, _Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


class Scripted:
    """A WSGI application that gives one answer to every POST, and notes the body it was sent."""

    def __init__(self, answer: bytes = b"", *, status: str = "200 OK", kind: str = "text/xml"):
        self.answer = answer
        self.status = status
        self.kind = kind
        self.sent = b""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with what is scripted."""
        self.sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        length = str(len(self.answer))
        start(self.status, [("Content-Type", self.kind), ("Content-Length", length)])
        return [self.answer]


def envelope(body: str, *, namespace: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    """Return an answer with this in its body."""
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    return (
        f'<s:Envelope xmlns:s="{namespace}" xmlns:xsi="{xsi}" xmlns:t="urn:shop:types" '
        f'xmlns:w="urn:shop"><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def shop_documents(address: str) -> dict[str, bytes | str]:
    """Return a WSDL in four documents, with what spyne's have not, for a service at `address`."""
    return {
        "/shop.wsdl": SHOP.replace("{address}", address),
        "/messages.wsdl": MESSAGES,
        "/xsd/types.xsd": SHOP_TYPES,
        "/xsd/parts/base.xsd": BASE,
    }


SHOP = """<wsdl:definitions name="Shop" targetNamespace="urn:shop" xmlns:w="urn:shop"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:http="http://schemas.xmlsoap.org/wsdl/http/">
 <wsdl:import namespace="urn:shop" location="messages.wsdl"/>
 <wsdl:binding name="Plain" type="w:Shop"><http:binding verb="GET"/></wsdl:binding>
 <wsdl:binding name="Shop" type="w:Shop">
  <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Send"><soap:operation soapAction="urn:shop/Send"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input>
   <wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
  <wsdl:operation name="Old"><soap:operation soapAction="" style="rpc"/>
   <wsdl:input><soap:body use="literal" namespace="urn:shop"/></wsdl:input>
   <wsdl:output><soap:body use="literal" namespace="urn:shop"/></wsdl:output></wsdl:operation>
  <wsdl:operation name="Tell"><soap:operation soapAction="urn:tell"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation>
 </wsdl:binding>
 <wsdl:service name="Shop">
  <wsdl:port name="Plain" binding="w:Plain"><http:address location="{address}"/></wsdl:port>
  <wsdl:port name="Main" binding="w:Shop"><soap:address location="{address}"/></wsdl:port>
 </wsdl:service>
</wsdl:definitions>"""
MESSAGES = """<wsdl:definitions targetNamespace="urn:shop" xmlns:w="urn:shop"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:shop:types"
  xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <wsdl:types><xs:schema targetNamespace="urn:shop">
  <xs:import namespace="urn:shop:types" schemaLocation="xsd/types.xsd"/>
 </xs:schema></wsdl:types>
 <wsdl:message name="Send"><wsdl:part name="p" element="t:Send"/></wsdl:message>
 <wsdl:message name="Sent"><wsdl:part name="p" element="t:Sent"/></wsdl:message>
 <wsdl:message name="Old"><wsdl:part name="a" type="xs:int"/>
  <wsdl:part name="shape" type="t:Shape"/></wsdl:message>
 <wsdl:message name="OldAnswer"><wsdl:part name="sum" type="xs:int"/>
  <wsdl:part name="point" type="t:Circle"/></wsdl:message>
 <wsdl:message name="Tell"><wsdl:part name="p" element="t:Note"/></wsdl:message>
 <wsdl:portType name="Shop">
  <wsdl:operation name="Send"><wsdl:input message="w:Send"/><wsdl:output message="w:Sent"/>
  </wsdl:operation>
  <wsdl:operation name="Old"><wsdl:input message="w:Old"/><wsdl:output message="w:OldAnswer"/>
  </wsdl:operation>
  <wsdl:operation name="Tell"><wsdl:input message="w:Tell"/></wsdl:operation>
 </wsdl:portType>
</wsdl:definitions>"""
SHOP_TYPES = """<xs:schema targetNamespace="urn:shop:types" xmlns:t="urn:shop:types"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
 <xs:include schemaLocation="parts/base.xsd"/>
 <xs:import namespace="http://www.w3.org/XML/1998/namespace"/>
 <xs:element name="Note" type="xs:string"/>
 <xs:element name="Extra"><xs:complexType><xs:sequence>
  <xs:element name="n" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
 <xs:element name="Send" type="t:Parcel"/>
 <xs:element name="Sent" type="t:Parcel"/>
 <xs:complexType name="Parcel"><xs:sequence>
  <xs:choice><xs:element name="email" type="xs:string"/><xs:element name="phone" type="xs:string"/>
   <xs:sequence><xs:element name="street" type="xs:string"/>
    <xs:element name="city" type="xs:string"/></xs:sequence></xs:choice>
  <xs:element name="price" type="t:Money" minOccurs="0"/>
  <xs:sequence minOccurs="0" maxOccurs="unbounded">
   <xs:element name="key" type="xs:string"/><xs:element name="val" type="xs:int"/></xs:sequence>
  <xs:choice minOccurs="0" maxOccurs="unbounded">
   <xs:element name="red" type="xs:int"/><xs:element name="blue" type="xs:int"/></xs:choice>
  <xs:element name="shape" type="t:Shape" minOccurs="0" maxOccurs="2"/>
  <xs:element name="tags" type="t:Tags" minOccurs="0"/>
  <xs:element name="when" type="t:When" minOccurs="0"/>
  <xs:element name="free" type="xs:anyType" minOccurs="0"/>
  <xs:element name="left" type="xs:int" nillable="true"/>
  <xs:element name="code" type="xs:hexBinary" minOccurs="0"/>
  <xs:element name="year" type="xs:gYear" minOccurs="0"/>
  <xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
 </xs:sequence><xs:attribute name="id" type="xs:int" use="required"/>
 <xs:anyAttribute processContents="lax"/></xs:complexType>
</xs:schema>"""
BASE = """<xs:schema targetNamespace="urn:shop:types" xmlns:t="urn:shop:types"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
 <xs:complexType name="Money"><xs:simpleContent><xs:extension base="xs:decimal">
  <xs:attribute name="currency" type="xs:string"/></xs:extension></xs:simpleContent>
 </xs:complexType>
 <xs:complexType name="Shape" abstract="true"><xs:sequence>
  <xs:element name="name" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType>
 <xs:complexType name="Circle"><xs:complexContent><xs:extension base="t:Shape"><xs:sequence>
  <xs:element name="radius" type="xs:double"/></xs:sequence></xs:extension></xs:complexContent>
 </xs:complexType>
 <xs:simpleType name="Tags"><xs:list itemType="xs:int"/></xs:simpleType>
 <xs:simpleType name="When"><xs:union memberTypes="xs:date xs:gYear"/></xs:simpleType>
</xs:schema>"""
