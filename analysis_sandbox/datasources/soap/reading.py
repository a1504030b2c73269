"""Makes JSON data of the XML of an answer, by the types of the WSDL.

No element and no text is lost: what the types do not tell of is read as it stands, its attributes
as `@name`.
"""

import math
from collections.abc import Iterable
from typing import cast

from analysis_sandbox.datasources.soap.parsing import (
    XSI,
    XSI_NIL,
    Node,
    inner_text,
    local_name,
    xml,
)
from analysis_sandbox.datasources.soap.schema import (
    TEXT_KEY,
    Element,
    Schema,
    Structure,
    XSDType,
    is_any,
)
from analysis_sandbox.datasources.soap.simple import read_simple
from analysis_sandbox.errors import LimitExceededError, QueryError

_DEEPEST = 180
# Elements that refer to each other can stand for any number of them.
_MOST_REPEATED = 200_000
_TRUE = ("true", "1")


class Reader:
    """Reads one answer. `root` is where the targets of references are."""

    def __init__(self, schema: Schema, root: Node, *, name: str) -> None:
        self._schema = schema
        self._root = root
        self._name = name
        self._left = math.inf
        self._targets: dict[str, Node] | None = None

    def value(self, node: Node, xsd_type: XSDType, *, depth: int = 0) -> object:
        """Return what an element of a type holds.

        Raises:
            LimitExceededError: its references repeat too many elements.
            QueryError: they are nested too deeply.
        """
        self._count(depth)
        # Most have no attributes: that is asked once.
        if node.items():
            node = self._target(node)
            if node.get(XSI_NIL) in _TRUE:
                return None
            found = self._schema.stated_type(node)
            xsd_type = xsd_type if found is None else found
        structure = self._schema.structure(xsd_type)
        if structure is not None:
            return self._complex(node, structure, depth)
        if is_any(xsd_type) or len(node):
            return self.as_it_stands(node, depth=depth)
        return self._schema.reader(xsd_type)(node.text)

    def as_it_stands(self, node: Node, *, depth: int = 0) -> object:
        """Return what an element holds that no type tells of: text, or an object."""
        self._count(depth)
        members: dict[str, object] = {}
        if node.items():
            node = self._target(node)
            if node.get(XSI_NIL) in _TRUE:
                return None
            members = _attributes(node)
        if not len(node) and not members:
            return node.text or ""
        for name, nodes in _by_name(node).items():
            values = [self._untyped(child, depth + 1) for child in nodes]
            members[name] = values if len(values) > 1 else values[0]
        text = _own_text(node)
        return {**members, TEXT_KEY: text} if text else members

    def _untyped(self, node: Node, depth: int) -> object:
        found = self._schema.stated_type(node)
        if found is None:
            return self.as_it_stands(node, depth=depth)
        return self.value(node, found, depth=depth)

    def _complex(self, node: Node, structure: Structure, depth: int) -> object:
        if structure.item is not None:
            return [self.value(child, structure.item, depth=depth + 1) for child in node]
        result: dict[str, object] = {}
        for attribute in structure.attributes:
            text = node.get(attribute.tag)
            result[attribute.name] = None if text is None else read_simple(attribute.type, text)
        if structure.any_attribute:
            declared = {attribute.tag for attribute in structure.attributes}
            result |= _attributes(node, without=declared)
        if structure.text is not None:
            value = read_simple(structure.text, inner_text(node) if len(node) else node.text)
            return {TEXT_KEY: value, **result} if result else value
        groups = _by_name(node)
        for field in structure.fields.values():
            result[field.name] = self._field(groups.pop(field.name, []), field, depth)
        text = _own_text(node)
        only = structure.only_array
        if only is not None and not groups and not text:
            return result[only.name]
        for name, nodes in groups.items():
            values = [self._undeclared(child, depth + 1) for child in nodes]
            result[name] = values if len(values) > 1 else values[0]
        return {**result, TEXT_KEY: text} if text else result

    def _field(self, nodes: list[Node], field: Element, depth: int) -> object:
        values = [self.value(node, field.type, depth=depth + 1) for node in nodes]
        if field.repeated or len(values) > 1:
            return values
        if values:
            return values[0]
        return None

    def _undeclared(self, node: Node, depth: int) -> object:
        found = self._schema.global_type(cast("str", node.tag))
        if found is None:
            return self._untyped(node, depth)
        return self.value(node, found, depth=depth)

    def _target(self, node: Node) -> Node:
        """Return the element that a node refers to, in the encoding of old services; or itself."""
        reference = node.get("href") or ""
        if not reference.startswith("#"):
            return node
        if self._targets is None:
            every = list(self._root.iter())
            self._left = len(every) + _MOST_REPEATED
            self._targets = {found.get("id"): found for found in every if "id" in found.attrib}
        return self._targets.get(reference[1:], node)

    def _count(self, depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceededError(
                f"Datasource {self._name!r}: the references in the answer repeat more than "
                f"{_MOST_REPEATED} elements",
                hint="Ask for less.",
                details={"datasource": self._name},
            )
        if depth > _DEEPEST:
            raise QueryError(
                f"Datasource {self._name!r}: the answer is nested deeper than {_DEEPEST} levels",
                details={"datasource": self._name},
            )


def _own_text(node: Node) -> str:
    return "".join([node.text or "", *(child.tail or "" for child in node)]).strip()


def _by_name(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(local_name(node), []).append(node)
    return found


def _attributes(node: Node, *, without: Iterable[str] = ()) -> dict[str, object]:
    """Return an element's attributes but those of XSI, which are about its type."""
    return {
        f"@{xml.QName(tag).localname}": text
        for tag, text in node.attrib.items()
        if not tag.startswith(f"{{{XSI}}}") and tag not in without
    }
