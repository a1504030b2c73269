"""Envelopes: a call as it is sent, an answer as it came, and the error that a fault is."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from zeep.wsse.username import UsernameToken as ZeepToken

from analysis_sandbox.datasources.http.messages import HTTPAnswer
from analysis_sandbox.datasources.soap.config import UsernameToken
from analysis_sandbox.datasources.soap.parsing import (
    Node,
    XMLProblem,
    child,
    inner_text,
    local_name,
    parsed,
    xml,
)
from analysis_sandbox.datasources.soap.reading import Reader
from analysis_sandbox.datasources.soap.schema import TEXT_KEY, Schema
from analysis_sandbox.datasources.soap.service import SOAPOperation
from analysis_sandbox.datasources.soap.writing import Writer
from analysis_sandbox.errors import QueryError, ValidationFailedError

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_XML_TYPE = re.compile(r"(application|text)/([a-z0-9.!#$&^_-]+\+)?xml")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a service says instead of an answer; `detail` is its XML as data."""

    code: str
    reason: str
    subcodes: tuple[str, ...] = ()
    actor: str = ""
    detail: object = None


def call_envelope(
    operation: SOAPOperation,
    params: object,
    *,
    schema: Schema,
    address: str,
    token: UsernameToken | None = None,
) -> tuple[bytes, dict[str, str]]:
    """Return a call as XML, and the headers it is sent with.

    Raises:
        ValidationFailedError: the parameters do not fit; every problem is named.
    """
    namespace = SOAP_12 if operation.is_12 else SOAP_11
    envelope = xml.Element(f"{{{namespace}}}Envelope", nsmap={"soap": namespace})
    if operation.addressing_action or token is not None:
        header = xml.SubElement(envelope, f"{{{namespace}}}Header")
        if operation.addressing_action:
            _address(header, operation.addressing_action, address)
    _write_body(envelope, operation, params, schema=schema, namespace=namespace)
    if token is not None:
        cast("Any", ZeepToken)(
            token.username,
            token.password.get_secret_value(),
            use_digest=token.digest,
            zulu_timestamp=True,
        ).apply(envelope, {})
    if operation.is_12:
        action = f'; action="{operation.action}"' if operation.action else ""
        headers = {"content-type": f"application/soap+xml; charset=utf-8{action}"}
    else:
        headers = {"content-type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation.action}"'}
    return cast("bytes", xml.tostring(envelope, xml_declaration=True, encoding="utf-8")), headers


def answer_body(answer: HTTPAnswer) -> Node:
    """Return the body of the envelope that an answer is.

    Raises:
        XMLProblem: it is none.
    """
    kind = answer.content_type
    if kind.startswith("multipart/"):
        raise XMLProblem("has attachments (MTOM), which are not read; ask the service for none")
    if kind and not _XML_TYPE.fullmatch(kind):
        raise XMLProblem(f"is {kind[:80]}, and not XML")
    root = parsed(answer.body)
    found = child(root, "Body") if local_name(root) == "Envelope" else None
    if found is None or xml.QName(root).namespace not in (SOAP_11, SOAP_12):
        raise XMLProblem(f"is XML, and not a SOAP envelope (its root is {local_name(root)[:80]!r})")
    return found


def answer_value(body: Node, operation: SOAPOperation, *, schema: Schema, name: str) -> object:
    """Return what an answer holds; the wrapper of a single result is left out.

    Raises:
        QueryError, LimitExceededError: as `Reader.value`.
    """
    reader = Reader(schema, body, name=name)
    first = next(iter(body), None)
    if operation.answer is None or first is None:
        return None
    element = operation.answer.element
    if element is None:
        return reader.as_it_stands(first)
    found = reader.value(body if operation.answer.whole else first, element.type)
    structure = schema.structure(element.type)
    if structure is None or structure.attributes or not isinstance(found, dict):
        return found
    members = cast("dict[str, object]", found)
    if not members:
        return None
    if len(structure.fields) == 1 and members.keys() == structure.fields.keys():
        return next(iter(members.values()))
    return members


def fault_of(body: Node, *, schema: Schema, name: str, shown: Callable[[str], str]) -> Fault | None:
    """Return the fault that an envelope's body is; None if it is none. `shown` masks texts."""
    node = child(body, "Fault")
    if node is None:
        return None
    code = child(node, "Code")
    detail = next((found for found in node if local_name(found).lower() == "detail"), None)
    subcodes: list[str] = []
    subcode = child(code, "Subcode") if code is not None else None
    while subcode is not None:
        subcodes.append(shown(inner_text(child(subcode, "Value"))))
        subcode = child(subcode, "Subcode")
    stated = child(code, "Value") if code is not None else child(node, "faultcode")
    reason = child(node, "Reason")
    told = child(reason, "Text") if reason is not None else child(node, "faultstring")
    data = None
    if detail is not None and (len(detail) or inner_text(detail)):
        data = _masked(Reader(schema, body, name=name).as_it_stands(detail), shown)
    return Fault(
        code=shown(inner_text(stated)) or "unknown",
        reason=shown(inner_text(told)),
        subcodes=tuple(subcodes),
        actor=shown(inner_text(child(node, "faultactor" if reason is None else "Role"))),
        detail=data,
    )


def fault_error(fault: Fault, operation: str, *, name: str) -> QueryError:
    """Return the error that a fault is."""
    codes = ", ".join(_bare(code) for code in (fault.code, *fault.subcodes))
    facts: dict[str, object] = {
        "datasource": name,
        "operation": operation,
        "fault_code": fault.code,
        "fault_subcodes": list(fault.subcodes),
        "fault_actor": fault.actor,
        "fault_detail": fault.detail,
    }
    return QueryError(
        f"Datasource {name!r}: {operation} failed with the fault {codes}"
        + (f": {fault.reason}" if fault.reason else ""),
        details={key: fact for key, fact in facts.items() if fact not in (None, "", [])},
    )


def _write_body(
    envelope: Node, operation: SOAPOperation, params: object, *, schema: Schema, namespace: str
) -> None:
    body = xml.SubElement(envelope, f"{{{namespace}}}Body")
    element = operation.call.element
    if element is None:
        if params:
            raise ValidationFailedError(f"{operation.name} takes no parameters")
        return
    writer = Writer(schema)
    is_simple = schema.structure(element.type) is None
    given: object = {} if params is None and not is_simple else params
    if is_simple and isinstance(params, dict):
        given = cast("dict[str, object]", params).get(TEXT_KEY)
    if operation.call.whole:
        writer.content(body, element.type, given)
    else:
        writer.element(body, element, given)
    if writer.problems:
        told = "; ".join(f"{path} {text}" for path, text in writer.problems.items())
        raise ValidationFailedError(f"{operation.name}: {told}", fields=writer.problems)


def _address(header: Node, action: str, address: str) -> None:
    texts = {"Action": action, "MessageID": f"urn:uuid:{uuid.uuid4()}", "To": address}
    for name, text in texts.items():
        node = xml.SubElement(header, f"{{{_ADDRESSING}}}{name}", nsmap={"wsa": _ADDRESSING})
        node.text = text


def _bare(code: str) -> str:
    return code.rpartition(":")[2]


def _masked(value: object, shown: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return [_masked(item, shown) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {key: _masked(item, shown) for key, item in members.items()}
    return value
