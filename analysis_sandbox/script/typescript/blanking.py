"""From TypeScript to JavaScript: types become blanks, so that lines and columns stay."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree
from analysis_sandbox.script.typescript.edits import Edited, Edits
from analysis_sandbox.script.typescript.elision import drop_unused_imports
from analysis_sandbox.script.typescript.enums import write_enums
from analysis_sandbox.script.typescript.grammar import (
    CASTS,
    find_misread,
    is_type,
    parse_typescript,
)
from analysis_sandbox.script.typescript.parameter_properties import write_parameter_properties
from analysis_sandbox.script.typescript.untranslatable import find_untranslatable, is_only_types

# Nodes that are types and nothing else.
_TYPES = (
    *("type_annotation", "type_arguments", "type_parameters", "asserts_annotation"),
    *("type_predicate_annotation", "implements_clause"),
    *("accessibility_modifier", "override_modifier"),
)
_TYPE_STATEMENTS = frozenset(
    {
        *("interface_declaration", "type_alias_declaration", "ambient_declaration"),
        *("function_signature", "internal_module"),
    }
)
_ENDLESS = (*CASTS, "type_alias_declaration", "type_annotation")
_MEMBER_SIGNATURES = frozenset({"abstract_method_signature", "index_signature", "method_signature"})
_MEMBERS = ("method_definition", "public_field_definition", *sorted(_MEMBER_SIGNATURES))
_MODIFIER_NODES = frozenset({"accessibility_modifier", "override_modifier"})
_WORDS = frozenset({"declare", "abstract", "readonly"})
_MARKS = frozenset({"?", "!"})
# A field of such a name, followed by a method, would become part of it.
_WORDS_BEFORE_METHODS = frozenset({b"get", b"set", b"static", b"async", b"accessor"})
_STATEMENT_WRAPPERS = frozenset({"export_statement", "expression_statement"})
_END = ord(";")
_AFTER_TYPES = frozenset(b"(`")
_NESTED_TYPES = frozenset({"array_type", "lookup_type"})
_NEXT = re.compile(rb"(?:\s|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_LINE_END = re.compile(rb"[\r\n]")
# With these, what stands in the next line would go on with an expression or a field.
_AFTER_CAST = re.compile(rb"[(\[`]")
_AFTER_STATEMENT = re.compile(rb"[(\[`+\-/]")
_AFTER_MEMBER = re.compile(rb"[\[*]|(?:in|instanceof)\b")
_STATEMENT_STARTS = re.compile(rb"\{|(?:function|class|async|let)\b")
_GENERICS = frozenset({"type_parameters", "type_parameter"})
_NAMES_ONLY = re.compile(r"[\w$\s]*")


@dataclass(frozen=True, slots=True)
class Erased:
    """TypeScript without its types.

    `refused` says with their lines what cannot be translated. `broken` are the places in `tree`
    that the parser does not understand, and `torn` those of them that `code` no longer shows to
    the engine, because they are in types. `code` is of use when nothing is refused or torn.
    """

    code: str
    edited: Edited
    tree: ScriptTree
    edits: Edits
    refused: list[str]
    broken: list[Node]
    torn: list[Node]


def erase_types(source: str) -> Erased:
    """Turn TypeScript into JavaScript of the same lines.

    What is only types is blanked; enums and parameter properties become code on their own lines.

    Raises:
        LimitExceededError: the script is too complex to be read.
    """
    eraser = _Eraser(parse_typescript(source), source.encode("utf-8"))
    separated = eraser.separate()
    if separated is not None:
        # What stood behind a type was read as a part of it.
        eraser = _Eraser(parse_typescript(separated), separated.encode("utf-8"))
    return eraser.erase()


class _Eraser:
    def __init__(self, tree: ScriptTree, source: bytes) -> None:
        self._tree = tree
        self._source = source
        self._edits = Edits(source)
        self._excused: set[int] = set()
        # Where something may have ended at a blank, and what would go on with it behind the blank.
        self._ends: list[tuple[int, re.Pattern[bytes]]] = []

        # Where `<` begins no types, and what the grammar lets pass although no compiler would.
        self._comparisons, self._misread = find_misread(tree, source)

    def separate(self) -> str | None:
        """End the types that the grammar continues in the next line; None when there are none."""
        for node in self._tree.nodes(*_ENDLESS):
            end = self._type_end(node)
            if end == node.end_byte or self._is_done(node):
                continue
            start = node.start_byte
            if node.type in CASTS:
                start = node.children[1].start_byte
            parent = self._tree.parent(node)
            if parent is not None and parent.type == "export_statement":
                start = parent.start_byte
            self._edits.blank(start, end)
            self._edits.place(start, ";")
        return None if self._edits.is_empty else self._edits.apply().text

    def erase(self) -> Erased:
        tree, edits = self._tree, self._edits
        handlers: dict[str, Callable[[Node], None]] = {
            **dict.fromkeys(_TYPE_STATEMENTS, self._statement),
            **dict.fromkeys(_MEMBERS, self._member),
            **dict.fromkeys(_TYPES, self._type),
            **dict.fromkeys(CASTS, self._cast),
            **dict.fromkeys(("required_parameter", "optional_parameter"), self._parameter),
            "abstract_class_declaration": self._modifiers,
            "arrow_function": self._arrow_function,
            "binary_expression": self._comparison,
            "export_statement": self._module_statement,
            "import_statement": self._module_statement,
            "export_specifier": self._specifier,
            "import_specifier": self._specifier,
            "non_null_expression": self._non_null,
            "type_assertion": self._assertion,
            "variable_declarator": self._modifiers,
        }
        # In the order of the text, an outer node first: what is inside of a blank is done.
        for node in tree.nodes(*handlers):
            if not self._is_done(node):
                handlers[node.type](node)
        refused = [
            *find_untranslatable(tree, edits),
            *write_enums(tree, edits),
            *write_parameter_properties(tree, edits),
        ]
        drop_unused_imports(
            tree, edits, blank_statement=self._blank_statement, blank_entry=self._blank_item
        )
        self._keep_ends()
        edited = edits.apply()
        messages = [message for _line, message in sorted(refused)]
        broken = list(self._broken())
        torn = [*self._misread, *filter(self._is_torn, broken)]
        broken = [*self._misread, *broken]
        return Erased(edited.text, edited, tree, edits, messages, broken, torn)

    def _broken(self) -> Iterator[Node]:
        for node in self._tree.nodes("ERROR", "missing"):
            parent = self._tree.parent(node)
            # Variance, `in` and `out`, is what the grammar does not know.
            is_variance = parent is not None and parent.type in _GENERICS
            is_variance = is_variance and _NAMES_ONLY.fullmatch(self._tree.text(node)) is not None
            if not is_variance and node.start_byte not in self._excused:
                yield node

    def _is_torn(self, node: Node) -> bool:
        start = node.start_byte
        if not node.is_missing:
            return self._edits.is_blank(start)
        # Where one is missing at a line end, the engine does without.
        is_mild = node.type in {";", ","}
        return not is_mild and any(map(self._edits.is_blank, {max(start - 1, 0), start}))

    def _statement(self, node: Node) -> None:
        if node.type == "internal_module" and not is_only_types(node):
            return
        parent = self._tree.parent(node)
        is_wrapped = parent is not None and parent.type in _STATEMENT_WRAPPERS
        self._blank_statement(parent if is_wrapped and parent else node, self._type_end(node))

    def _blank_statement(self, node: Node, end: int | None = None) -> None:
        self._edits.blank(node.start_byte, end or node.end_byte)
        before = self._tree.before(node)
        if before is None or not before.is_named or self._is_done(before):
            return
        if self._source[before.end_byte - 1] != _END:
            self._ends.append((node.start_byte, _AFTER_STATEMENT))

    def _is_done(self, node: Node) -> bool:
        """Tell whether a node is blanked as a whole."""
        return self._edits.is_blank(node.start_byte) and self._edits.is_blank(node.end_byte - 1)

    def _keep_ends(self) -> None:
        """Write the semicolons that stood for themselves as long as a type followed."""
        left = self._edits.remaining()
        next_end, token = len(left), len(left)
        ends: dict[int, int] = {}
        for offset, continuation in sorted(self._ends, key=lambda end: end[0], reverse=True):
            skipped = _NEXT.match(left, offset, next_end)
            if skipped is not None and skipped.end() < next_end:
                token = skipped.end()
            next_end = offset
            if continuation.match(left, token):
                # Of several blanks before the same token the first one is enough.
                ends[token] = offset
        for offset in ends.values():
            self._edits.place(offset, ";")

    def _module_statement(self, node: Node) -> None:
        first = node.children[1] if len(node.children) > 1 else node
        is_unknown = first.type == "ERROR" and self._tree.text(first) == "type"
        if first.type == "type" or is_unknown:
            self._excused.add(first.start_byte)
            self._blank_statement(node)

    def _specifier(self, node: Node) -> None:
        if node.children[0].type == "type":
            self._blank_item(node)

    def _blank_item(self, node: Node) -> None:
        """Blank an entry of a list with its comma."""
        end = self._next(node.end_byte)
        is_followed = self._source.startswith(b",", end)
        self._edits.blank(node.start_byte, end + 1 if is_followed else node.end_byte)

    def _next(self, offset: int) -> int:
        """Return where the next token begins."""
        skipped = _NEXT.match(self._source, offset)
        assert skipped is not None
        return skipped.end()

    def _type(self, node: Node) -> None:
        is_word = node.type in _MODIFIER_NODES and not self._modifies(node)
        if not is_word and node.start_byte not in self._comparisons:
            self._edits.blank(node.start_byte, self._type_end(node))

    def _modifies(self, word: Node) -> bool:
        """Tell whether a word is a modifier; at the end of a line it is the name of a field."""
        return not self._is_line_end_after(word)

    def _is_line_end_after(self, node: Node) -> bool:
        end = node.end_byte
        return _LINE_END.search(self._source, end, self._next(end)) is not None

    def _type_end(self, node: Node) -> int:
        """Return where a type ends: before a bracket in the next line, which begins something.

        So does a text there, which the grammar takes for the type and what was one for an error.
        """
        end = node.end_byte
        while node.child_count:
            last = node.children[-1]
            before = node.children[-2] if node.child_count > 1 else last
            is_torn = last.type == "template_literal_type" and before.type == "ERROR"
            if is_torn and self._is_line_end_after(before):
                self._excused.add(before.start_byte)
                return before.end_byte
            if node.type in _NESTED_TYPES:
                element = node.children[0]
                if self._is_line_end_after(element):
                    end = element.end_byte
                last = element
            elif last.end_byte != node.end_byte or not last.is_named:
                break
            node = last
        return end

    def _cast(self, node: Node) -> None:
        start, end = node.children[1].start_byte, self._type_end(node)
        self._edits.blank(start, end)
        if _LINE_END.search(self._source, end, self._next(end)):
            self._ends.append((start, _AFTER_CAST))

    def _assertion(self, node: Node) -> None:
        brackets, value = node.children[0], node.children[-1]
        self._edits.blank(brackets.start_byte, brackets.end_byte)
        is_torn = _LINE_END.search(self._source, node.start_byte, value.start_byte)
        if is_torn or self._would_begin_block(node, value.start_byte):
            self._edits.place(node.start_byte, "(")
            self._edits.insert(value.end_byte, ")")

    def _non_null(self, node: Node) -> None:
        self._edits.blank(node.children[-1].start_byte, node.end_byte)

    def _comparison(self, node: Node) -> None:
        """Blank the types of call<(A | B)>(…) and tag<A>`…` that the grammar takes for comparisons.

        In TypeScript they never are, as long as what is between the signs is a type.
        """
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "binary_expression":
            return
        less, more = (side.child_by_field_name("operator") for side in (left, node))
        if less is None or more is None or (less.type, more.type) != ("<", ">"):
            return
        between = self._source[less.end_byte : more.start_byte]
        if self._source[right.start_byte] in _AFTER_TYPES and is_type(between):
            self._edits.blank(less.start_byte, more.end_byte)

    def _modifiers(self, node: Node) -> None:
        for child in node.children:
            is_word = child.type in _WORDS
            if (is_word and self._modifies(child)) or child.type in _MARKS:
                self._edits.blank(child.start_byte, child.end_byte)

    def _parameter(self, node: Node) -> None:
        pattern = node.child_by_field_name("pattern")
        if pattern is not None and pattern.type == "this":
            self._blank_item(node)
        else:
            self._modifiers(node)

    def _arrow_function(self, node: Node) -> None:
        """Keep `async (` and `) =>` on one line, as JavaScript wants them."""
        parameters = node.child_by_field_name("parameters")
        generics = node.child_by_field_name("type_parameters")
        returned = node.child_by_field_name("return_type")
        if parameters is None:
            return
        if generics is not None and node.children[0].type == "async":
            start, end = generics.start_byte, parameters.start_byte
            if _LINE_END.search(self._source, start, end):
                self._edits.blank(start, parameters.start_byte + 1)
                self._edits.place(start, "(")
        if returned is not None:
            start, end = parameters.end_byte - 1, returned.end_byte
            if _LINE_END.search(self._source, start, end):
                self._edits.blank(start, end)
                last = end - 1
                while self._source[last] & 0xC0 == 0x80:
                    last -= 1
                self._edits.place(last, ")")

    def _member(self, node: Node) -> None:
        before = self._tree.before(node)
        is_after_field = before is not None and before.type == "public_field_definition"
        kinds = {child.type for child in node.children if self._modifies(child)}
        if node.type in _MEMBER_SIGNATURES or kinds & {"declare", "abstract"}:
            self._edits.blank(node.start_byte, self._type_end(node))
        elif node.type == "public_field_definition" and self._is_index_signature(node):
            self._edits.blank(node.start_byte, node.end_byte)
        else:
            self._modifiers(node)
            self._keep_word_apart(node)
        first = node.children[0]
        is_modified = first.type in _MODIFIER_NODES and self._modifies(first)
        if is_after_field and (is_modified or self._edits.is_blank(node.start_byte)):
            self._ends.append((node.start_byte, _AFTER_MEMBER))

    def _is_index_signature(self, node: Node) -> bool:
        name = node.child_by_field_name("name")
        broken = name.children[1] if name is not None and name.child_count > 1 else None
        if broken is None or broken.type != "ERROR" or not self._tree.text(broken).endswith(":"):
            return False
        self._excused.add(broken.start_byte)
        return True

    def _keep_word_apart(self, node: Node) -> None:
        name, typed = (node.child_by_field_name(field) for field in ("name", "type"))
        if name is None or typed is None or node.child_by_field_name("value") is not None:
            return
        if self._source[name.start_byte : name.end_byte] in _WORDS_BEFORE_METHODS:
            self._edits.blank(typed.start_byte, self._type_end(typed))
            self._edits.place(typed.start_byte, ";")

    def _would_begin_block(self, node: Node, offset: int) -> bool:
        """Tell whether what stands at `offset` would be a block or a declaration without `node`."""
        if not _STATEMENT_STARTS.match(self._source, offset):
            return False
        start = node.start_byte
        parent = self._tree.parent(node)
        while parent is not None and parent.start_byte == start:
            if parent.type == "expression_statement":
                return True
            parent = self._tree.parent(parent)
        if parent is None or parent.type != "arrow_function":
            return False
        body = parent.child_by_field_name("body")
        is_body = body is not None and body.start_byte == start
        return is_body and self._source[offset] == ord("{")
