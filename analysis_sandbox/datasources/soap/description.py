"""Tells readers what an operation takes and answers, by the types of the WSDL."""

from analysis_sandbox.datasources.soap.schema import (
    ANY_KEY,
    TEXT_KEY,
    Element,
    Schema,
    Structure,
    XSDType,
    is_any,
)
from analysis_sandbox.datasources.soap.service import Message
from analysis_sandbox.datasources.soap.simple import kind_of
from analysis_sandbox.values import JSONObject, JSONValue

_DEEPEST = 8
_MOST_FIELDS = 1_000


def described(message: Message | None, schema: Schema) -> list[JSONValue]:
    """Return the fields of a message, each with name, type, and the fields within it."""
    if message is None or message.element is None:
        return []
    describer = _Describer(schema)
    structure = schema.structure(message.element.type)
    if structure is not None:
        return describer.members(structure, ())
    return [describer.field(message.element, ())]


class _Describer:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._left = _MOST_FIELDS

    def members(self, structure: Structure, above: tuple[int, ...]) -> list[JSONValue]:
        found: list[JSONValue] = [self.field(f, above) for f in structure.fields.values()]
        for a in structure.attributes:
            kind = kind_of(a.type)
            found.append({"name": a.name, "type": kind, "required": a.required, "attribute": True})
        if structure.text is not None:
            found.append({"name": TEXT_KEY, "type": kind_of(structure.text), "required": True})
        if structure.has_wildcard:
            found.append({"name": ANY_KEY, "type": "xml", "required": False})
        return found

    def field(self, element: Element, above: tuple[int, ...]) -> JSONObject:
        self._left -= 1
        entry: JSONObject = {
            "name": element.name,
            "type": self._named(element.type),
            "required": element.required,
        }
        if element.repeated:
            entry["repeated"] = True
        inner = self._schema.structure(element.type)
        only = inner.only_array if inner is not None else None
        if only is not None:
            # It is an array itself; its items are described in its place.
            entry |= {"type": self._named(only.type), "repeated": True}
            element, inner = only, self._schema.structure(only.type)
        if inner is None:
            return entry
        # What is within itself, or too deep, is named only.
        if id(element.type) in above or len(above) >= _DEEPEST or self._left < 0:
            return entry
        return {**entry, "fields": self.members(inner, (*above, id(element.type)))}

    def _named(self, xsd_type: XSDType) -> str:
        if is_any(xsd_type):
            return "any"
        if self._schema.structure(xsd_type) is None:
            return kind_of(xsd_type)
        return str(xsd_type.name) if xsd_type.qname is not None else "object"
