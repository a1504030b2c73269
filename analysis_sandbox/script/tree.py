"""A parsed script: its syntax tree, and the plain questions that are asked of its nodes."""

import contextlib
import itertools
import re
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser, Point, Tree

from analysis_sandbox.errors import LimitExceededError

PARSE_SECONDS = 1.0
READ_SECONDS = 3.0
MOST_NODES = 400_000
DEEPEST = 10_000
_JAVASCRIPT = Language(tree_sitter_javascript.language())
_TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())
# The parser recurses on some texts: on one of a megabyte it needs less than 64 MB of stack, and
# a thread of the usual 8 MB is enough for short ones.
_SHORT_TEXT = 64 << 10
_STACK_BYTES = 256 << 20
_STACK_SIZE_LOCK = threading.Lock()
_CHUNK = 1 << 16
_QUESTIONS_PER_LOOK = 1000
_LONGEST_TEXT = 1000
_ESCAPE = re.compile(r"\\(u\{[0-9A-Fa-f]{1,5}\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|\r\n|.)", re.DOTALL)
_SIMPLE_ESCAPES = dict(zip("nrtbfv0", "\n\r\t\b\f\v\0", strict=True)) | {"\n": "", "\r\n": ""}
_FUNCTION_TYPES = frozenset(
    {
        "arrow_function",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)


class ScriptTree:
    """The syntax tree of one script; lines and columns count from 1.

    Parsing and reading are bounded in size and processor time, so that no text can keep its
    reader busy. (tree-sitter's own queries are not: on deep or broken trees they never end.) A text
    that no engine has accepted is parsed where there is stack enough for any.
    """

    def __init__(self, source: str, *, is_typescript: bool = False) -> None:
        """Parse the source, whatever is wrong with it.

        Raises:
            LimitExceededError: parsing takes too long, or the tree is too large or too deep.
        """
        self._bytes = source.encode("utf-8")
        self._deadline = time.thread_time() + READ_SECONDS
        self._questions = 0
        tree = _parse(self._bytes, _TYPESCRIPT if is_typescript else _JAVASCRIPT)
        self.root = tree.root_node
        if (count := self.root.descendant_count) > MOST_NODES:
            raise _too_complex(f"it has {count} syntax nodes; the limit is {MOST_NODES}")
        # Asked of a node itself, these take as long as it has siblings.
        self._parents: dict[int, Node] = {}
        self._before: dict[int, Node] = {}
        self._nodes = self._by_type(tree, keep_relatives=is_typescript)

    def nodes(self, *types: str, within: Node | None = None) -> list[Node]:
        """Return the nodes of these types in the order of the text, an outer one first."""
        lists = [self._nodes.get(name, []) for name in types]
        if within is not None:
            start, end = within.start_byte, within.end_byte
            lists = [
                found[bisect_left(found, start, key=_start) : bisect_left(found, end, key=_start)]
                for found in lists
            ]
            self._spend(sum(map(len, lists)))
        return sorted(itertools.chain(*lists), key=_start) if len(lists) > 1 else lists[0]

    def _by_type(self, tree: Tree, *, keep_relatives: bool) -> dict[str, list[Node]]:
        found: defaultdict[str, list[Node]] = defaultdict(list)
        cursor = tree.walk()
        ancestors: list[Node] = []
        before: Node | None = None
        while True:
            node = cursor.node
            assert node is not None
            found["missing" if node.is_missing else node.type].append(node)
            if keep_relatives:
                self._keep_relatives(node, ancestors, before)
            if cursor.goto_first_child():
                ancestors.append(node)
                before = None
                if len(ancestors) > DEEPEST:
                    raise _too_complex(f"it is nested more than {DEEPEST} levels deep")
                continue
            before = before if node.type == "comment" else node
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return found
                before = ancestors.pop()

    def _keep_relatives(self, node: Node, ancestors: list[Node], before: Node | None) -> None:
        if ancestors:
            self._parents[node.id] = ancestors[-1]
        if before is not None:
            self._before[node.id] = before

    def _spend(self, questions: int = 1) -> None:
        self._questions += questions
        if self._questions < _QUESTIONS_PER_LOOK:
            return
        self._questions = 0
        if time.thread_time() > self._deadline:
            raise _too_complex(f"reading it takes more than {READ_SECONDS:g} s")

    def parent(self, node: Node) -> Node | None:
        """Return what a node of TypeScript is part of."""
        return self._parents.get(node.id)

    def before(self, node: Node) -> Node | None:
        """Return the sibling before a node of TypeScript, other than a comment."""
        return self._before.get(node.id)

    def text(self, node: Node) -> str:
        """Return the source of a node; of a long one only the beginning."""
        self._spend()
        end = min(node.end_byte, node.start_byte + _LONGEST_TEXT)
        return self._bytes[node.start_byte : end].decode("utf-8", "replace")

    def column(self, node: Node) -> int:
        """Return the column of a node in characters."""
        start = node.start_byte
        line_start = start - node.start_point[1]
        return len(self._bytes[line_start:start].decode("utf-8", "replace")) + 1

    def without(self, nodes: list[Node]) -> str:
        """Return the source with these nodes blanked; every other place keeps line and column."""
        source = bytearray(self._bytes)
        for node in nodes:
            start, end = node.start_byte, node.end_byte
            source[start:end] = re.sub(rb"[^\r\n]", b" ", source[start:end])
        return source.decode("utf-8")

    def literal(self, node: Node | None) -> str | None:
        """Return the value of a string, or of a template without substitutions."""
        if node is None or node.type not in {"string", "template_string"}:
            return None
        if any(child.type == "template_substitution" for child in node.named_children):
            return None
        return _ESCAPE.sub(_unescaped, self.text(node)[1:-1])

    def key(self, node: Node) -> str | None:
        """Return the name of a property that a pair, a method or an access spells out."""
        if node.type == "member_expression":
            found = node.child_by_field_name("property")
        elif node.type == "subscript_expression":
            return self.literal(node.child_by_field_name("index"))
        else:
            found = node.child_by_field_name("key") or node.child_by_field_name("name")
        if found is None or found.type == "computed_property_name":
            return None
        return self.literal(found) if found.type == "string" else self.text(found)


def line(node: Node) -> int:
    """Return the line at which a node begins."""
    return node.start_point[0] + 1


def is_function(node: Node | None) -> bool:
    """Tell whether a node is a function of any form."""
    return node is not None and node.type in _FUNCTION_TYPES


def bare(node: Node) -> Node:
    """Return what stands inside parentheses and behind `await`."""
    while node.type in {"parenthesized_expression", "await_expression"}:
        inner = operands(node)
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def operands(node: Node | None) -> list[Node]:
    """Return the named children of a node without comments: arguments, parameters, entries."""
    if node is None:
        return []
    return [child for child in node.named_children if child.type != "comment"]


def parameters(function: Node) -> list[Node]:
    """Return the parameters of a function, without their default values."""
    single = function.child_by_field_name("parameter")
    found = [single] if single else operands(function.child_by_field_name("parameters"))
    return [without_default(node) for node in found]


def without_default(node: Node) -> Node:
    """Return the pattern of `pattern = default`, any other node as it is."""
    if node.type in {"assignment_pattern", "object_assignment_pattern"}:
        return node.child_by_field_name("left") or node
    return node


class _Feed:
    """What the parser reads from, until its time is up. Not part of the tree: the tree keeps it."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._given: list[bytearray] = []
        self._deadline = time.thread_time() + PARSE_SECONDS

    def read(self, offset: int, _point: Point) -> bytearray:
        chunk = bytearray(self._source[offset : offset + _CHUNK])
        self._given.append(chunk)
        return chunk

    def is_late(self, _offset: int, _has_error: bool) -> bool:  # noqa: FBT001
        return time.thread_time() > self._deadline

    def close(self) -> None:
        # The parser never releases what it was given: nothing may be left in it.
        for chunk in self._given:
            chunk.clear()
        self._source = b""


def _parse(source: bytes, language: Language) -> Tree:
    found: list[Tree] = []

    def parse() -> None:
        feed = _Feed(source)
        # What it raises says that its time was up.
        with contextlib.suppress(ValueError):
            found.append(Parser(language).parse(feed.read, progress_callback=feed.is_late))
        feed.close()

    if len(source) <= _SHORT_TEXT:
        parse()
    else:
        _run_with_deep_stack(parse)
    if not found:
        raise _too_complex(f"parsing it takes more than {PARSE_SECONDS:g} s")
    return found[0]


def _run_with_deep_stack(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work, name="parse-script")
    with _STACK_SIZE_LOCK:
        usual = threading.stack_size(_STACK_BYTES)
        try:
            thread.start()
        finally:
            threading.stack_size(usual)
    thread.join()


def _too_complex(reason: str) -> LimitExceededError:
    return LimitExceededError(f"The script is too complex: {reason}")


def _start(node: Node) -> int:
    return node.start_byte


def _unescaped(match: re.Match[str]) -> str:
    body = match.group(1)
    if len(body) > 1 and body[0] in "ux":
        return chr(int(body.strip("ux{}"), 16))
    return _SIMPLE_ESCAPES.get(body, body)
