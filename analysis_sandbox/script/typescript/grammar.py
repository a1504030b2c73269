"""Where the grammar of TypeScript reads a text differently from its compilers."""

import re

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree

CASTS = ("as_expression", "satisfies_expression")
# Each may show the next name of a type that is read as something else.
_MOST_ROUNDS = 5
_OPERAND_TYPES = frozenset({"union_type", "intersection_type"})
_SIGNS = frozenset({b"&", b"|"})
_LONGEST_TYPE = 1000
_FURTHER_NAMES = re.compile(rb"(?:\.[A-Za-z_$\x80-\xff][\w$\x80-\xff]*)+")
_NAME_BYTES = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$." + bytes(range(128, 256))
)


def parse_typescript(source: str) -> ScriptTree:
    """Parse TypeScript; in the tree, a type such as a.b.C may have one name of the same length.

    Behind a cast the grammar takes the last name for a property of the whole.

    Raises:
        LimitExceededError: the script is too complex to be read.
    """
    text = source.encode("utf-8")
    for _ in range(_MOST_ROUNDS):
        tree = ScriptTree(text.decode("utf-8"), is_typescript=True)
        joined = bytearray(text)
        for cast in tree.nodes(*CASTS):
            start = end = cast.end_byte
            while text[start - 1] in _NAME_BYTES:
                start -= 1
            names = _FURTHER_NAMES.match(text, end) if start < end else None
            if names is not None:
                joined[start : names.end()] = joined[start : names.end()].replace(b".", b"_")
        if bytes(joined) == text:
            return tree
        text = bytes(joined)
    return ScriptTree(text.decode("utf-8"), is_typescript=True)


def find_misread(tree: ScriptTree, source: bytes) -> tuple[set[int], list[Node]]:
    """Return where types begin that are none, and types that no compiler lets pass.

    `a < b.c && d > (e)` is not a call, although `&&` could be two signs of types; and a property
    cannot follow a cast.
    """
    comparisons: set[int] = set()
    misread: list[Node] = []
    for node in tree.nodes("union_type", "intersection_type"):
        start = node.start_byte
        sign = source[start : start + 1]
        if sign not in _SIGNS or source[start - 1 : start] != sign:
            continue
        outer: Node | None = node
        while outer is not None and outer.type in _OPERAND_TYPES:
            outer = tree.parent(outer)
        if outer is not None and outer.type == "type_arguments":
            comparisons.add(outer.start_byte)
        else:
            misread.append(node)
    for node in tree.nodes("member_expression", "subscript_expression"):
        owner = node.child_by_field_name("object")
        if owner is not None and owner.type in CASTS:
            misread.append(node)
    return comparisons, misread


def is_type(text: bytes) -> bool:
    """Tell whether a text is a type, or several with commas between them."""
    if len(text) > _LONGEST_TYPE:
        return False
    source = f"let x: [{text.decode('utf-8')}]"
    return not ScriptTree(source, is_typescript=True).root.has_error
