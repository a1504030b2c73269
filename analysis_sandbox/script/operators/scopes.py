"""Which declaration a name in a script refers to."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from analysis_sandbox.script.tree import ScriptTree, is_function, operands

FUNCTIONS = (
    "arrow_function",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
)
_BLOCKS = (
    "program",
    "statement_block",
    "for_statement",
    "for_in_statement",
    "catch_clause",
    "switch_body",
    "class_static_block",
)


@dataclass(eq=False, slots=True)
class Binding:
    """One declared name: every value that it gets by name, and whether it gets only one.

    `parameter` is the function and the position for a parameter that is a plain name.
    """

    name: str
    values: list[Node] = field(default_factory=list[Node])
    is_fixed: bool = True
    parameter: tuple[Node, int] | None = None

    @property
    def value(self) -> Node | None:
        """The only value that it ever has; None where that cannot be told."""
        return self.values[0] if self.is_fixed and len(self.values) == 1 else None

    @property
    def functions(self) -> list[Node]:
        """The functions among its values."""
        return [node for node in self.values if is_function(node)]


class Scopes:
    """The names of a script and where they are valid."""

    def __init__(self, tree: ScriptTree) -> None:
        self._tree = tree
        nodes = tree.nodes(*_BLOCKS, *FUNCTIONS)
        self._starts = [node.start_byte for node in nodes]
        self._ends = [node.end_byte for node in nodes]
        self._nodes = nodes
        self._places = {node.id: place for place, node in enumerate(nodes)}
        self._parents = self._outer_scopes()
        self._bindings: dict[tuple[int, str], Binding] = {}
        self._declare_all()

    def resolve(self, node: Node) -> Binding | None:
        """Return what an identifier refers to; None for a global of the runtime."""
        name = self._tree.text(node)
        place = self._place(node.start_byte)
        while place >= 0:
            found = self._bindings.get((place, name))
            if found is not None:
                return found
            place = self._parents[place]
        return None

    def function(self, position: int) -> Node | None:
        """Return the innermost function around a byte of the text."""
        place = self._place(position)
        while place >= 0 and not is_function(self._nodes[place]):
            place = self._parents[place]
        return self._nodes[place] if place >= 0 else None

    def _outer_scopes(self) -> list[int]:
        parents: list[int] = []
        around: list[int] = []
        for place, start in enumerate(self._starts):
            while around and self._ends[around[-1]] <= start:
                around.pop()
            parents.append(around[-1] if around else -1)
            around.append(place)
        return parents

    def _place(self, position: int) -> int:
        place = bisect_right(self._starts, position) - 1
        while place >= 0 and self._ends[place] <= position:
            place = self._parents[place]
        return place

    def _declare_all(self) -> None:
        for node in self._tree.nodes(*FUNCTIONS):
            self._declare_function(node)
        self._declare_variables()
        self._declare_others()
        for node in self._tree.nodes("assignment_expression", "augmented_assignment_expression"):
            self._assign(node)
        for node in self._tree.nodes("update_expression"):
            self._spoil(node.child_by_field_name("argument"))

    def _declare_variables(self) -> None:
        for node in self._tree.nodes("lexical_declaration", "variable_declaration"):
            place = self._place(node.start_byte)
            place = place if node.type == "lexical_declaration" else self._function_place(place)
            for declarator in operands(node):
                name = declarator.child_by_field_name("name")
                self._declare(name, place, value=declarator.child_by_field_name("value"))
        for node in self._tree.nodes("for_in_statement"):
            if (kind := node.child_by_field_name("kind")) is not None:
                place = self._places[node.id]
                place = self._function_place(place) if kind.type == "var" else place
                self._declare(node.child_by_field_name("left"), place)

    def _declare_others(self) -> None:
        for node in self._tree.nodes("class_declaration"):
            self._declare(node.child_by_field_name("name"), self._place(node.start_byte))
        for node in self._tree.nodes("catch_clause"):
            self._declare(node.child_by_field_name("parameter"), self._places[node.id])
        for node in self._tree.nodes("import_clause", "namespace_import"):
            for name in operands(node):
                self._declare(name, 0)
        for node in self._tree.nodes("import_specifier"):
            # Of `name as alias` the last.
            self._declare(operands(node)[-1], 0)

    def _declare_function(self, node: Node) -> None:
        place = self._places[node.id]
        name = node.child_by_field_name("name")
        if name is not None and node.type != "method_definition":
            is_declaration = node.type.endswith("declaration")
            self._declare(name, self._parents[place] if is_declaration else place, value=node)
        for position, parameter in enumerate(function_parameters(node)):
            self._declare(parameter, place)
            if parameter.type == "identifier":
                self._bindings[place, self._tree.text(parameter)].parameter = (node, position)

    def _declare(self, pattern: Node | None, place: int, *, value: Node | None = None) -> None:
        for name in pattern_names(pattern):
            key = (place, self._tree.text(name))
            binding = self._bindings.get(key)
            if binding is None:
                binding = self._bindings[key] = Binding(key[1])
            else:
                binding.is_fixed = False
            if name != pattern:
                binding.is_fixed = False
            elif value is not None:
                binding.values.append(value)

    def _assign(self, node: Node) -> None:
        left = node.child_by_field_name("left")
        right = node.child_by_field_name("right")
        for name in pattern_names(left):
            binding = self.resolve(name)
            if binding is None:
                continue
            binding.is_fixed = False
            if name == left and right is not None and node.type == "assignment_expression":
                binding.values.append(right)

    def _spoil(self, target: Node | None) -> None:
        if target is not None and target.type == "identifier":
            binding = self.resolve(target)
            if binding is not None:
                binding.is_fixed = False

    def _function_place(self, place: int) -> int:
        while place > 0 and not is_function(self._nodes[place]):
            place = self._parents[place]
        return place


def function_parameters(function: Node) -> list[Node]:
    """Return the parameters of a function, with their default values."""
    single = function.child_by_field_name("parameter")
    return [single] if single is not None else operands(function.child_by_field_name("parameters"))


def pattern_names(pattern: Node | None) -> Iterator[Node]:
    """Return every name that a pattern binds: `a`, `[a, b = 1]`, `{ a, b: { c }, ...d }`."""
    waiting = [pattern]
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        if node.type in {"identifier", "shorthand_property_identifier_pattern"}:
            yield node
        elif node.type in {"assignment_pattern", "object_assignment_pattern"}:
            waiting.append(node.child_by_field_name("left"))
        elif node.type == "pair_pattern":
            waiting.append(node.child_by_field_name("value"))
        elif node.type in {
            "object_pattern",
            "array_pattern",
            "rest_pattern",
            "parenthesized_expression",
        }:
            waiting += reversed(operands(node))


def pattern_defaults(pattern: Node | None) -> Iterator[tuple[Node, Node]]:
    """Return each default value inside a pattern with the pattern that gets it."""
    waiting = [pattern]
    while waiting:
        node = waiting.pop()
        if node is None or node.type in {"identifier", "member_expression", "subscript_expression"}:
            continue
        if node.type in {"assignment_pattern", "object_assignment_pattern"}:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None:
                yield left, right
            waiting.append(left)
        elif node.type == "pair_pattern":
            waiting.append(node.child_by_field_name("value"))
        else:
            waiting += operands(node)
