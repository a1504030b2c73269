"""Reads analysis.d.ts: its declarations, their members and what is said about them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Language, Node, Parser
from tree_sitter_typescript import language_typescript

_PARSER = Parser(Language(language_typescript()))
_SECTION = re.compile(r"// ---- (?P<title>.+?) -+$", re.MULTILINE)
_MEMBERS = {
    "call_signature",
    "construct_signature",
    "index_signature",
    "method_signature",
    "property_signature",
    "public_field_definition",
}


@dataclass(frozen=True)
class Doc:
    """A JSDoc comment: what it says and the code of its examples."""

    text: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """One member; the name of a signature, of a symbol and of what is static is empty."""

    name: str
    text: str
    doc: Doc


@dataclass(frozen=True)
class Declaration:
    """One interface, class, type, function or constant; `kind` is as tree-sitter says."""

    kind: str
    name: str
    section: str
    text: str
    doc: Doc
    members: tuple[Member, ...] = field(default=())

    def names(self) -> list[str]:
        """Return the names of the members, overloads once."""
        return list(dict.fromkeys(member.name for member in self.members if member.name))

    def member(self, name: str) -> Member:
        """Return a member, the first of its overloads."""
        return next(member for member in self.members if member.name == name)


def declarations(source: str) -> list[Declaration]:
    """Return everything that the definitions declare, in order."""
    tree = _PARSER.parse(source.encode())
    assert not tree.root_node.has_error
    found: list[Declaration] = []
    section = ""
    for node, comments in _with_comments(tree.root_node):
        for comment in comments:
            title = _SECTION.match(comment)
            section = title["title"] if title else section
        found.append(_declaration(node, _doc(comments), section))
    return found


def strings_of(text: str) -> set[str]:
    """Return the string literals of a type, as in `"a" | "b"`."""
    return set(re.findall(r'"([^"]*)"', text))


def _declaration(node: Node, doc: Doc, section: str) -> Declaration:
    inner = node
    if node.type == "ambient_declaration":
        inner = node.named_children[0]
    named = inner.named_children[0] if inner.type == "lexical_declaration" else inner
    name = named.child_by_field_name("name")
    body = named.child_by_field_name("body") or _object_type(named)
    members = tuple(_members(body)) if body is not None else ()
    return Declaration(inner.type, _text(name), section, _text(node), doc, members)


def _object_type(node: Node) -> Node | None:
    annotation = node.child_by_field_name("type")
    if annotation is None or not annotation.named_children:
        return None
    first = annotation.named_children[0]
    return first if first.type == "object_type" else None


def _members(body: Node) -> Iterator[Member]:
    for node, comments in _with_comments(body):
        if node.type in _MEMBERS:
            name = node.child_by_field_name("name")
            written = _text(node)
            text = "" if node.type == "index_signature" else _text(name).strip('"')
            if text.startswith("[") or text == "constructor" or written.startswith("static "):
                text = ""
            yield Member(text, written, _doc(comments))


def _with_comments(parent: Node) -> Iterator[tuple[Node, list[str]]]:
    comments: list[str] = []
    for node in parent.named_children:
        if node.type == "comment":
            comments.append(_text(node))
        else:
            yield node, comments
            comments = []


def _doc(comments: list[str]) -> Doc:
    if not comments or not comments[-1].startswith("/**"):
        return Doc()
    body = comments[-1].removeprefix("/**").removesuffix("*/")
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.strip().splitlines()]
    text, *examples = "\n".join(lines).split("@example")
    return Doc(text.strip(), tuple(example.strip() for example in examples))


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode()
