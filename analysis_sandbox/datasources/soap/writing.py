"""Makes the XML of a call of a script's values, by the types of the WSDL.

Every value is checked first, so that all that is wrong is told at once.
"""

import difflib
from collections.abc import Mapping
from typing import cast

from analysis_sandbox.datasources.soap.parsing import (
    XSI_NIL,
    XSI_TYPE,
    Node,
    XMLProblem,
    parsed,
    xml,
)
from analysis_sandbox.datasources.soap.schema import (
    ANY_KEY,
    TEXT_KEY,
    TYPE_KEY,
    Element,
    Group,
    Schema,
    Structure,
    Wildcard,
    XSDType,
    is_any,
)
from analysis_sandbox.datasources.soap.simple import write_simple

_XSD = "http://www.w3.org/2001/XMLSchema"
_DEEPEST = 100
_ANY_TYPES = ((bool, "boolean"), (int, "integer"), (float, "double"), (str, "string"))
Values = Mapping[str, object]


class Writer:
    """Writes one call; `problems` has what is wrong, by the path of the value."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.problems: dict[str, str] = {}

    def element(self, parent: Node, element: Element, value: object, path: str = "") -> None:
        """Append an element with a value to a node."""
        if path.count(".") > _DEEPEST:
            self.problems[path[:100]] = "is nested too deeply"
            return
        if value is None:
            self._nothing(parent, element, path)
            return
        xsd_type, stated = self._stated_type(element.type, value, path)
        node = xml.SubElement(parent, element.tag)
        if stated is not None:
            node.set(XSI_TYPE, stated)
        self.content(node, xsd_type, value, path)

    def content(self, node: Node, xsd_type: XSDType, value: object, path: str = "") -> None:
        """Write a value of a type into a node."""
        structure = self._schema.structure(xsd_type)
        if structure is not None:
            self._complex(node, structure, value, path)
        elif is_any(xsd_type):
            self._any_value(node, value, path)
        else:
            self._simple(node, xsd_type, value, path)

    def _nothing(self, parent: Node, element: Element, path: str) -> None:
        if element.nillable and element.required:
            xml.SubElement(parent, element.tag).set(XSI_NIL, "true")
        elif element.required:
            self.problems[path or element.name] = "is required"

    def _stated_type(self, xsd_type: XSDType, value: object, path: str) -> tuple[XSDType, object]:
        """Return the type of a value: the element's, or the one that the value states itself."""
        stated = cast("Values", value).get(TYPE_KEY) if isinstance(value, Mapping) else None
        if stated is None:
            return xsd_type, None
        found = self._schema.type_named(str(stated))
        if found is None:
            nearest = _nearest(str(stated), self._schema.type_names())
            self.problems[f"{path}.{TYPE_KEY}".lstrip(".")] = f"is no type of the WSDL{nearest}"
            return xsd_type, None
        return found, found.qname

    def _simple(self, node: Node, xsd_type: XSDType, value: object, path: str) -> None:
        try:
            node.text = write_simple(xsd_type, value)
        except ValueError as error:
            self.problems[path or "value"] = str(error)

    def _complex(self, node: Node, structure: Structure, value: object, path: str) -> None:
        if structure.item is not None:
            self._encoded_array(node, structure.item, value, path)
            return
        only = structure.only_array
        if only is not None and isinstance(value, list):
            for number, item in enumerate(cast("list[object]", value)):
                self.element(node, only, item, f"{path}[{number}]")
            return
        if structure.text is not None and not isinstance(value, Mapping):
            value = {TEXT_KEY: value}
        if not isinstance(value, Mapping):
            wanted = "an array" if only else "an object"
            self.problems[path or "params"] = f"must be {wanted}"
            return
        values = {k: v for k, v in cast("Values", value).items() if v is not None and k != TYPE_KEY}
        self._check_names(structure, values, path)
        self._attributes(node, structure, values, path)
        if structure.text is not None:
            self._simple(node, structure.text, values.get(TEXT_KEY, ""), path)
        # An explicit null stays: it becomes xsi:nil where that is allowed.
        self._group(node, structure.content, cast("Values", value), path)

    def _check_names(self, structure: Structure, values: Values, path: str) -> None:
        known = [*structure.fields, *(attribute.name for attribute in structure.attributes)]
        known += [ANY_KEY] if structure.has_wildcard else []
        known += [TEXT_KEY] if structure.text is not None else []
        for name in values:
            if name in known or (structure.any_attribute and name.startswith("@")):
                continue
            takes = f"; it takes {', '.join(known)}" if known else "; it takes nothing"
            self.problems[_under(path, name)] = "is not a field" + (_nearest(name, known) or takes)

    def _attributes(self, node: Node, structure: Structure, values: Values, path: str) -> None:
        for attribute in structure.attributes:
            value = values.get(attribute.name)
            if value is None:
                if attribute.required:
                    self.problems[_under(path, attribute.name)] = "is required"
                continue
            try:
                node.set(attribute.tag, write_simple(attribute.type, value))
            except ValueError as error:
                self.problems[_under(path, attribute.name)] = str(error)
        declared = {attribute.name for attribute in structure.attributes}
        for name, value in values.items():
            if structure.any_attribute and name.startswith("@") and name not in declared:
                try:
                    node.set(name[1:], str(value))
                except ValueError:
                    self.problems[_under(path, name)] = "is not an attribute"

    def _group(
        self, node: Node, group: Group, values: Values, path: str, index: int | None = None
    ) -> None:
        """Write a group; within a repeated one, the values that stand at `index`."""
        if group.repeated and index is None:
            for number in range(_longest(group, values)):
                self._group(node, group, values, path, number)
            return
        children = self._chosen(group, values, path, index) if group.is_choice else group.children
        for child in children:
            if isinstance(child, Wildcard):
                self._wildcard(node, values.get(ANY_KEY), path)
            elif isinstance(child, Element):
                self._field(node, child, values, path, index)
            elif not child.required and not _has_any(child, values, index):
                continue
            else:
                self._group(node, child, values, path, index)

    def _chosen(
        self, group: Group, values: Values, path: str, index: int | None
    ) -> list["Element | Wildcard | Group"]:
        given = [child for child in group.children if _has_any(child, values, index)]
        if len(given) > 1 and index is None:
            self.problems[path or "params"] = f"takes only one of {', '.join(_names(group))}"
        return given

    def _field(
        self, node: Node, field: Element, values: Values, path: str, index: int | None
    ) -> None:
        path = _under(path, field.name)
        value = values.get(field.name)
        if index is not None:
            items = cast("list[object]", value) if isinstance(value, list) else [value]
            if index < len(items) and items[index] is not None:
                self.element(node, field, items[index], f"{path}[{index}]")
        elif field.repeated:
            items = cast("list[object]", value) if isinstance(value, list) else [value]
            items = [] if value is None else items
            if not items and field.required and not field.nillable:
                self.problems[path] = "is required"
            for number, item in enumerate(items):
                self.element(node, field, item, f"{path}[{number}]")
        elif value is None and field.name in values and field.nillable:
            xml.SubElement(node, field.tag).set(XSI_NIL, "true")
        else:
            self.element(node, field, value, path)

    def _wildcard(self, node: Node, value: object, path: str) -> None:
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        for item in items:
            if item is None:
                continue
            try:
                node.append(parsed(item.encode() if isinstance(item, str) else b"?"))
            except XMLProblem:
                self.problems[_under(path, ANY_KEY)] = "must be the text of an XML element"

    def _any_value(self, node: Node, value: object, path: str) -> None:
        if path.count(".") > _DEEPEST:
            self.problems[path[:100]] = "is nested too deeply"
            return
        if isinstance(value, Mapping):
            for name, item in cast("Values", value).items():
                items = cast("list[object]", item) if isinstance(item, list) else [item]
                for one in items:
                    self._any_child(node, name, one, _under(path, name))
            return
        kind = next((kind for known, kind in _ANY_TYPES if isinstance(value, known)), None)
        if kind is None:
            self.problems[path or "value"] = "must be text, a number, a boolean or an object"
            return
        node.set(XSI_TYPE, xml.QName(_XSD, kind))
        node.text = _plain(value)

    def _any_child(self, node: Node, name: str, value: object, path: str) -> None:
        if name == TYPE_KEY or value is None:
            return
        try:
            child = xml.SubElement(node, name)
        except ValueError:
            self.problems[path] = "is not the name of an element"
            return
        self._any_value(child, value, path)

    def _encoded_array(self, node: Node, item: XSDType, value: object, path: str) -> None:
        if not isinstance(value, list):
            self.problems[path or "params"] = "must be an array"
            return
        items = cast("list[object]", value)
        element = Element("item", "item", item, nillable=True)
        for number, one in enumerate(items):
            self.element(node, element, one, f"{path}[{number}]")


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _nearest(name: str, known: list[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _names(particle: "Element | Wildcard | Group") -> list[str]:
    if isinstance(particle, Wildcard):
        return [ANY_KEY]
    if isinstance(particle, Element):
        return [particle.name]
    return [name for child in particle.children for name in _names(child)]


def _has_any(particle: "Element | Wildcard | Group", values: Values, index: int | None) -> bool:
    for name in _names(particle):
        value = values.get(name)
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        if index is None and value is not None:
            return True
        if index is not None and index < len(items) and items[index] is not None:
            return True
    return False


def _longest(group: Group, values: Values) -> int:
    found = [values.get(name) for name in _names(group)]
    return max(
        (
            len(cast("list[object]", v)) if isinstance(v, list) else int(v is not None)
            for v in found
        ),
        default=0,
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
