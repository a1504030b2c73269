"""What the names in a script stand for, as far as its text tells: functions, texts, `ctx`."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tree_sitter import Node

from analysis_sandbox.script.tree import (
    ScriptTree,
    bare,
    is_function,
    operands,
    parameters,
    without_default,
)

Path = tuple[str | None, ...]

# Where names are bound: in a field of a node, or in any of its children.
_BINDING_FIELDS = {
    "variable_declarator": "name",
    "function_declaration": "name",
    "generator_function_declaration": "name",
    "class_declaration": "name",
    "arrow_function": "parameter",
    "catch_clause": "parameter",
    "for_in_statement": "left",
    "assignment_pattern": "left",
    "assignment_expression": "left",
    "augmented_assignment_expression": "left",
    "pair_pattern": "value",
    "import_specifier": "name",
}
_BINDING_LISTS = (
    "formal_parameters",
    "array_pattern",
    "rest_pattern",
    "import_clause",
    "namespace_import",
)
# These functions of a definition get `ctx` first, whatever they call it.
_CONTEXT_FUNCTIONS = frozenset({"run", "options", "shouldRun"})
_LONGEST_PATH = 3
_MOST_ROUNDS = 10
_MOST_TEXTS = 100


class Bindings:
    """Names and what they stand for.

    Scopes are not told apart, so a name that is bound more than once stands for nothing, except
    that whatever may be `ctx` is taken for it.
    """

    def __init__(self, tree: ScriptTree) -> None:
        self._tree = tree
        self.calls = tree.nodes("call_expression")
        self.declared = _bound_names(tree)
        self._variables = tree.nodes("variable_declarator")
        self._values = self._known_values()
        self._sources = self._known_sources()
        self._texts: dict[str, list[str]] = {}
        self._paths: dict[str, Path] = {"ctx": ()}
        self.destructured: dict[int, tuple[str, Node]] = {}
        self._follow_context()

    def value(self, node: Node | None) -> Node | None:
        """Return the expression that a name stands for, any other node as it is."""
        for _ in range(_MOST_ROUNDS):
            if node is None:
                return None
            node = bare(node)
            if node.type not in {"identifier", "shorthand_property_identifier"}:
                return node
            node = self._values.get(self._tree.text(node))
        return None

    def function(self, node: Node | None) -> Node | None:
        """Return the function that a node is or names."""
        found = self.value(node)
        return found if is_function(found) else None

    def path(self, node: Node | None, *, depth: int = _LONGEST_PATH) -> Path | None:
        """Return how a node is reached from `ctx`: `("duckdb", "load")`, None when it is not.

        A step whose name is computed is None.
        """
        if node is None:
            return None
        node = bare(node)
        if node.type == "identifier":
            return self._paths.get(self._tree.text(node))
        if node.type not in {"member_expression", "subscript_expression"} or depth == 0:
            return None
        path = self.path(node.child_by_field_name("object"), depth=depth - 1)
        if path is None or len(path) >= _LONGEST_PATH:
            return None
        return (*path, self._tree.key(node))

    def texts(self, node: Node | None, *, depth: int = 4) -> list[str]:
        """Return every text that a node may be; empty when that cannot be told."""
        if node is None or depth == 0:
            return []
        node = bare(node)
        if (literal := self._tree.literal(node)) is not None:
            return [literal]
        if node.type == "ternary_expression":
            branches = [node.child_by_field_name(name) for name in ("consequence", "alternative")]
            return self._texts_of(branches, depth=depth - 1)
        if node.type != "identifier":
            return []
        name = self._tree.text(node)
        if name not in self._texts:
            # Set first: a name may be handed on to itself.
            self._texts[name] = []
            known = self._values.get(name)
            sources = [known] if known is not None else self._sources.get(name, [])
            self._texts[name] = self._texts_of(sources, depth=depth - 1)
        return self._texts[name]

    def _texts_of(self, nodes: Sequence[Node | None], *, depth: int) -> list[str]:
        found: dict[str, None] = {}
        for node in nodes[: _MOST_TEXTS + 1]:
            texts = self.texts(node, depth=depth)
            found.update(dict.fromkeys(texts))
            if not texts or len(found) > _MOST_TEXTS:
                return []
        return list(found) if len(nodes) <= _MOST_TEXTS else []

    def _known_values(self) -> dict[str, Node]:
        known: dict[str, Node] = {}
        functions = self._tree.nodes("function_declaration", "generator_function_declaration")
        for node in self._variables + functions:
            name = node.child_by_field_name("name")
            value = node if is_function(node) else node.child_by_field_name("value")
            if name is None or value is None or name.type != "identifier":
                continue
            if self.declared[self._tree.text(name)] == 1:
                known[self._tree.text(name)] = value
        return known

    def _known_sources(self) -> dict[str, list[Node | None]]:
        """Return for loop variables and parameters every node that is put into them."""
        sources: defaultdict[str, list[Node | None]] = defaultdict(list)
        for loop in self._tree.nodes("for_in_statement"):
            target, items = loop.child_by_field_name("left"), self._loop_items(loop)
            if target is not None and self._is_single(target):
                sources[self._tree.text(target)] += items or [None]
        for call in self.calls:
            function = self.function(call.child_by_field_name("function"))
            if function is None:
                continue
            arguments = operands(call.child_by_field_name("arguments"))
            for position, parameter in enumerate(parameters(function)):
                if self._is_single(parameter):
                    given = arguments[position] if position < len(arguments) else None
                    sources[self._tree.text(parameter)].append(given)
        return sources

    def _loop_items(self, loop: Node) -> list[Node | None]:
        items = self.value(loop.child_by_field_name("right"))
        return [*operands(items)] if items is not None and items.type == "array" else []

    def _is_single(self, node: Node) -> bool:
        return node.type == "identifier" and self.declared[self._tree.text(node)] == 1

    def _follow_context(self) -> None:
        for member in self._tree.nodes("pair", "method_definition"):
            if self._tree.key(member) in _CONTEXT_FUNCTIONS:
                value = member.child_by_field_name("value")
                function = member if value is None else self.function(value)
                if function is not None and (given := parameters(function)):
                    self._assign(given[0], ())
        for _ in range(_MOST_ROUNDS):
            known = len(self._paths)
            self._follow_once()
            if len(self._paths) == known:
                break

    def _follow_once(self) -> None:
        for variable in self._variables:
            path = self.path(variable.child_by_field_name("value"))
            name = variable.child_by_field_name("name")
            if path is not None and name is not None:
                self._assign(name, path)
        for call in self.calls:
            arguments = operands(call.child_by_field_name("arguments"))
            paths = [self.path(argument) for argument in arguments]
            if not any(path is not None for path in paths):
                continue
            function = self.function(call.child_by_field_name("function"))
            targets = parameters(function) if function else []
            for parameter, path in zip(targets, paths, strict=False):
                if path is not None:
                    self._assign(parameter, path)

    def _assign(self, pattern: Node, path: Path) -> None:
        if pattern.type in {"identifier", "shorthand_property_identifier_pattern"}:
            name = self._tree.text(pattern)
            if not path or self.declared[name] == 1:
                self._paths.setdefault(name, path)
        elif pattern.type == "object_pattern" and len(path) < _LONGEST_PATH:
            for entry in map(without_default, operands(pattern)):
                if entry.type == "shorthand_property_identifier_pattern":
                    key, target = self._tree.text(entry), entry
                elif entry.type == "pair_pattern":
                    key, value = self._tree.key(entry), entry.child_by_field_name("value")
                    target = without_default(value) if value is not None else entry
                else:
                    continue
                if path == ("datasource",) and key is not None:
                    self.destructured[entry.start_byte] = (key, entry)
                self._assign(target, (*path, key))


def _bound_names(tree: ScriptTree) -> Counter[str]:
    bound = tree.nodes("shorthand_property_identifier_pattern")[:]
    for kind, name in _BINDING_FIELDS.items():
        found = [node.child_by_field_name(name) for node in tree.nodes(kind)]
        bound += [node for node in found if node is not None and node.type == "identifier"]
    for node in tree.nodes(*_BINDING_LISTS):
        bound += [child for child in node.named_children if child.type == "identifier"]
    return Counter(tree.text(node) for node in bound)
