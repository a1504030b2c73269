"""The types of a WSDL as readers and writers of messages need them, over zeep's model of XSD.

In JSON an element is a member by its local name, and so is an attribute. One that may repeat is an
array, and so is a type that holds nothing but one repeating element.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from zeep.exceptions import LookupError as UnknownName
from zeep.exceptions import NamespaceError
from zeep.xsd import elements as xsd_elements
from zeep.xsd import types as xsd_types

from analysis_sandbox.datasources.soap.parsing import XSI_TYPE, Node, xml
from analysis_sandbox.datasources.soap.simple import SimpleReader, simple_reader

# A type of zeep's; its classes are told apart here and in `simple` only.
XSDType: TypeAlias = Any

TYPE_KEY = "$type"
TEXT_KEY = "$value"
ANY_KEY = "$any"


@dataclass(frozen=True, slots=True)
class Element:
    """An element where it may stand; `tag` has its namespace."""

    name: str
    tag: str
    type: XSDType
    required: bool = True
    repeated: bool = False
    nillable: bool = False


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A place for any elements."""

    required: bool = False
    repeated: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence of particles, or a choice among them."""

    children: "tuple[Particle, ...]"
    is_choice: bool = False
    required: bool = True
    repeated: bool = False


Particle: TypeAlias = Element | Wildcard | Group


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute, and the member of an object that it is."""

    name: str
    tag: str
    type: XSDType
    required: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """What a complex type holds.

    `fields` are the elements of `content`, each as often as all that surrounds it lets it be.
    `text` is the type of a text with attributes, `item` that of an encoded array's items.
    """

    content: Group
    fields: dict[str, Element]
    attributes: tuple[Attribute, ...] = ()
    any_attribute: bool = False
    has_wildcard: bool = False
    text: XSDType | None = None
    item: XSDType | None = None

    @property
    def only_array(self) -> Element | None:
        """The one repeating element that the type holds, if it holds nothing else."""
        others = self.attributes or self.has_wildcard or self.text is not None
        if others or len(self.fields) != 1:
            return None
        (field,) = self.fields.values()
        return field if field.repeated else None


class Schema:
    """The types and the global elements of one WSDL. Thread-safe once the WSDL is read."""

    def __init__(self, types: Any) -> None:
        self._types = types
        self._structures: dict[int, Structure | None] = {}
        self._readers: dict[int, SimpleReader] = {}

    def structure(self, xsd_type: XSDType) -> Structure | None:
        """Return what a complex type holds; None for a simple one, and for `xsd:anyType`."""
        # The document keeps every type alive, so that no two have the same id.
        key = id(xsd_type)
        if key not in self._structures:
            is_complex = isinstance(xsd_type, xsd_types.ComplexType)
            self._structures[key] = _structure(xsd_type) if is_complex else None
        return self._structures[key]

    def reader(self, xsd_type: XSDType) -> SimpleReader:
        """Return what reads the texts of a simple type."""
        found = self._readers.get(id(xsd_type))
        if found is None:
            found = self._readers[id(xsd_type)] = simple_reader(xsd_type)
        return found

    def type_named(self, name: str) -> XSDType | None:
        """Return a global type by its local name, or by `{namespace}name`."""
        for found in self._types.types:
            qname = found.qname
            if qname is not None and name in (qname.localname, qname.text):
                return found
        return None

    def type_names(self) -> list[str]:
        """Return the local names of the types that the WSDL itself defines."""
        found = (found.qname for found in self._types.types if found.qname is not None)
        return [q.localname for q in found if q.namespace != "http://www.w3.org/2001/XMLSchema"]

    def stated_type(self, node: Node) -> XSDType | None:
        """Return the type that a node states itself by `xsi:type`; None if it is not known."""
        stated = node.get(XSI_TYPE)
        if not stated:
            return None
        prefix, _, name = stated.strip().rpartition(":")
        try:
            return self._types.get_type(xml.QName(node.nsmap.get(prefix or None), name))
        except (NamespaceError, UnknownName, ValueError):
            return None

    def global_type(self, tag: str) -> XSDType | None:
        """Return the type of a global element; None if there is none of this tag."""
        try:
            return self._types.get_element(xml.QName(tag)).type
        except (NamespaceError, UnknownName, ValueError):
            return None


def element_of(found: Any) -> Element:
    """Return an element of zeep's."""
    return Element(
        name=found.name,
        tag=found.qname.text,
        type=found.type,
        required=not found.is_optional,
        repeated=found.accepts_multiple,
        nillable=bool(found.nillable),
    )


def is_any(xsd_type: XSDType) -> bool:
    """Tell whether a type is `xsd:anyType`: neither simple nor complex."""
    return not isinstance(xsd_type, xsd_types.AnySimpleType | xsd_types.ComplexType)


def _structure(xsd_type: Any) -> Structure:
    attributes, any_attribute, item = _attributes(xsd_type)
    if item is not None:
        return Structure(Group(()), {}, item=item)
    nested = [found for _, found in xsd_type.elements_nested]
    if len(nested) == 1 and isinstance(nested[0], xsd_elements.Element):
        # A text with attributes: zeep keeps it as an element without a name.
        return Structure(Group(()), {}, attributes, any_attribute, text=cast("Any", nested[0]).type)
    content = Group(tuple(_particle(found) for found in nested))
    fields: dict[str, Element] = {}
    wildcard = False
    for field, is_chosen in _fields(content, required=True, repeated=False, chosen=False):
        first = fields.get(field.name) if isinstance(field, Element) else None
        if isinstance(field, Wildcard):
            wildcard = True
        elif first is not None:
            # Twice in one sequence it is there twice; in a choice once of the two.
            many = first.repeated or field.repeated or not is_chosen
            fields[field.name] = _changed(first, required=first.required, repeated=many)
        else:
            fields[field.name] = field
    taken = tuple(a for a in attributes if a.name not in fields)
    renamed = tuple(
        Attribute(f"@{a.name}", a.tag, a.type, a.required) for a in attributes if a.name in fields
    )
    return Structure(content, fields, (*taken, *renamed), any_attribute, wildcard)


def _attributes(xsd_type: Any) -> tuple[tuple[Attribute, ...], bool, XSDType | None]:
    found: list[Attribute] = []
    any_attribute = False
    item = None
    for _, attribute in xsd_type.attributes:
        if isinstance(attribute, xsd_elements.AnyAttribute):
            any_attribute = True
        elif getattr(attribute, "array_type", None) is not None:
            item = attribute.array_type
        else:
            tag = attribute.qname.text
            required = bool(attribute.required)
            found.append(Attribute(attribute.name, tag, attribute.type, required))
    return tuple(found), any_attribute, item


def _particle(found: Any) -> Particle:
    required, repeated = not found.is_optional, cast("bool", found.accepts_multiple)
    if isinstance(found, xsd_elements.Any):
        return Wildcard(required, repeated)
    if isinstance(found, xsd_elements.Element):
        return element_of(found)
    if isinstance(found, xsd_elements.Group):
        return Group((_particle(found.child),), required=required, repeated=repeated)
    is_choice = isinstance(found, xsd_elements.Choice)
    children = tuple(_particle(inner) for inner in found)
    # zeep calls every choice optional.
    required = found.min_occurs != 0
    return Group(children, is_choice=is_choice, required=required, repeated=repeated)


def _fields(
    group: Group, *, required: bool, repeated: bool, chosen: bool
) -> Iterator[tuple[Element | Wildcard, bool]]:
    """Return the elements of a group and of those in it, and whether each is one of a choice."""
    is_chosen = chosen or group.is_choice
    for particle in group.children:
        needed = required and not group.is_choice and particle.required
        many = repeated or particle.repeated
        if isinstance(particle, Group):
            yield from _fields(particle, required=needed, repeated=many, chosen=is_chosen)
        elif isinstance(particle, Wildcard):
            yield particle, is_chosen
        else:
            yield _changed(particle, required=needed, repeated=many), is_chosen


def _changed(element: Element, *, required: bool, repeated: bool) -> Element:
    return Element(
        element.name, element.tag, element.type, required, repeated, nillable=element.nillable
    )
