"""Enums written as the objects that they are at run time, each member on its own line."""

from collections import defaultdict
from dataclasses import dataclass, field

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree, is_function, line, operands
from analysis_sandbox.script.typescript.edits import Edits
from analysis_sandbox.script.wording import shown

_WRAPPERS = frozenset(
    {
        *("parenthesized_expression", "as_expression", "satisfies_expression"),
        *("non_null_expression", "type_assertion"),
    }
)
_LITERALS = frozenset({"string", "template_string"})


@dataclass(slots=True)
class _Known:
    """What enums of one name in one block have in common."""

    members: set[str] = field(default_factory=set[str])


class _Writer:
    def __init__(self, tree: ScriptTree, edits: Edits) -> None:
        self._tree = tree
        self._edits = edits
        self._known: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        # Members whose values are texts, by enum: they have no way back from value to name.
        self._texts: defaultdict[str, set[str]] = defaultdict(set)
        self.refused: list[tuple[int, str]] = []

    def write(self, node: Node) -> None:
        tree, edits = self._tree, self._edits
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None or body.child_count < 2:
            return
        enum, block = tree.text(name), self._block(node)
        members = operands(body)
        names = [self._name(member) for member in members]
        is_new = (block.id, enum) not in self._known
        self._known[block.id, enum].update(names)
        edits.blank(node.start_byte, body.start_byte + 1)
        if is_new:
            kind = "var" if self._is_whole_scope(block) else "let"
            edits.insert(node.start_byte, f"{kind} {enum}; (function ({enum}) {{")
        else:
            self._blank_export(node)
            edits.insert(node.start_byte, f"; (function ({enum}) {{")
        self._write_members(enum, list(zip(members, names, strict=True)), block)
        for child in body.children:
            if child.type == ",":
                edits.place(child.start_byte, ";")
        edits.insert(body.end_byte, f")({enum} || ({enum} = {{}}));")

    def _write_members(self, enum: str, members: list[tuple[Node, str]], block: Node) -> None:
        # What a member without a value gets: one more than the one before it.
        last, step = "", 0
        for member, name in members:
            target = f"{enum}[{name}]"
            value = member.child_by_field_name("value")
            if value is None and last in self._texts[enum]:
                self.refused.append((line(member), _without_value(member, name, last)))
                continue
            if value is None:
                number = f"{enum}[{last}] + {step}" if last else str(step)
                self._edits.blank(member.start_byte, member.end_byte)
                self._edits.insert(member.start_byte, f"{enum}[{target} = {number}] = {name}")
                step += 1
                continue
            self._write_value(enum, member, name, block)
            last, step = name, 1

    def _write_value(self, enum: str, member: Node, name: str, block: Node) -> None:
        edits, target = self._edits, f"{enum}[{name}]"
        key, value = member.child_by_field_name("name"), member.child_by_field_name("value")
        assert key is not None
        assert value is not None
        for used in self._tree.nodes("identifier", within=value):
            if f'"{self._tree.text(used)}"' in self._known[block.id, enum]:
                edits.insert(used.start_byte, f"{enum}.")
        edits.blank(key.start_byte, key.end_byte)
        if self._is_text(value, enum):
            self._texts[enum].add(name)
            edits.insert(key.start_byte, target)
        else:
            edits.insert(key.start_byte, f"{enum}[{target}")
            edits.insert(value.end_byte, f"] = {name}")

    def _name(self, member: Node) -> str:
        """Return the name of a member as a text literal."""
        key = member.child_by_field_name("name") if member.type == "enum_assignment" else member
        key = key or member
        if key.type == "computed_property_name":
            key = (operands(key) or [key])[0]
        literal = self._tree.literal(key)
        text = self._tree.text(key) if literal is None else literal
        return f'"{text}"' if text.isidentifier() else self._tree.text(key)

    def _is_text(self, value: Node, enum: str) -> bool:
        """Tell whether a value is a text, as far as it can be told without running it."""
        while value.type in _WRAPPERS:
            inner = operands(value)
            value = inner[-1] if value.type == "type_assertion" else inner[0]
        if value.type in _LITERALS:
            return True
        if value.type == "identifier":
            return f'"{self._tree.text(value)}"' in self._texts[enum]
        if value.type == "member_expression":
            owner = value.child_by_field_name("object")
            texts = self._texts.get(self._tree.text(owner) if owner else "", set())
            return f'"{self._tree.key(value)}"' in texts
        operator = value.child_by_field_name("operator")
        if value.type == "binary_expression" and operator is not None and operator.type == "+":
            sides = (value.child_by_field_name(side) for side in ("left", "right"))
            return any(self._is_text(side, enum) for side in sides if side is not None)
        return False

    def _block(self, node: Node) -> Node:
        parent = self._tree.parent(node)
        if parent is not None and parent.type == "export_statement":
            parent = self._tree.parent(parent)
        return parent or self._tree.root

    def _is_whole_scope(self, block: Node) -> bool:
        return block.type == "program" or is_function(self._tree.parent(block))

    def _blank_export(self, node: Node) -> None:
        parent = self._tree.parent(node)
        if parent is not None and parent.type == "export_statement":
            self._edits.blank(parent.start_byte, node.start_byte)


def write_enums(tree: ScriptTree, edits: Edits) -> list[tuple[int, str]]:
    """Write all enums as JavaScript; return a line and a message for each that cannot be."""
    writer = _Writer(tree, edits)
    for node in tree.nodes("enum_declaration"):
        if not edits.is_blank(node.start_byte):
            writer.write(node)
    return writer.refused


def _without_value(member: Node, name: str, last: str) -> str:
    return (
        f"Line {line(member)}: enum member {shown(name.strip(chr(34)))} needs a value, "
        f"because {shown(last.strip(chr(34)))} before it is a text"
    )
