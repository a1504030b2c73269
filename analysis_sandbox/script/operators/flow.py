"""Where column expressions may get to in a script: which nodes may have one as their value.

An approximation that errs on the side of `yes`: a value that comes out of something which an
expression went into may be one. Names of properties count wherever they appear.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tree_sitter import Node

from analysis_sandbox.script.operators.scopes import (
    FUNCTIONS,
    Binding,
    Scopes,
    function_parameters,
    pattern_defaults,
    pattern_names,
)
from analysis_sandbox.script.tree import ScriptTree, bare, is_function, operands

# The globals that make expressions.
MAKERS = frozenset({"col", "lit", "when", "coalesce", "concatStr", "len"})
NAMESPACE = "pl"
# Methods of frames and logs: what they give is no expression, whatever they are given.
ABSORBING = frozenset(
    {
        "agg",
        "collect",
        "debug",
        "describe",
        "drop",
        "dropNulls",
        "error",
        "explode",
        "groupBy",
        "head",
        "info",
        "join",
        "limit",
        "log",
        "pivot",
        "rename",
        "sample",
        "saveDataFrame",
        "select",
        "tail",
        "toJSON",
        "toString",
        "unpivot",
        "warn",
        "withColumn",
        "withColumns",
        "withRowIndex",
    }
)
# What these give comes from their object, not from what they are given.
_SELECTING = frozenset({"filter", "sort", "toSorted", "slice", "find", "findLast", "every", "some"})
_STORING = frozenset({"add", "fill", "push", "set", "splice", "unshift"})
_INDIRECT = frozenset({"apply", "bind", "call"})
# Where JavaScript decides by a value: the field of the node that has it.
CONDITIONS = {
    "if_statement": "condition",
    "while_statement": "condition",
    "do_statement": "condition",
    "for_statement": "condition",
    "ternary_expression": "condition",
    "switch_statement": "value",
}
_WITHOUT_VALUE = frozenset({"in", "instanceof", "typeof", "void", "delete"})
# Nodes that have the value of one of their children, or contain it.
_THROUGH = frozenset(
    {
        "parenthesized_expression",
        "await_expression",
        "yield_expression",
        "spread_element",
        "array",
        "arguments",
    }
)


@dataclass(frozen=True, slots=True)
class _Result:
    """What calls of a function give."""

    function: int


@dataclass(frozen=True, slots=True)
class _Parameter:
    function: int
    position: int


@dataclass(frozen=True, slots=True)
class _Property:
    name: str


@dataclass(frozen=True, slots=True)
class _Named:
    """Every function that is a member of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class _Slot:
    """What is given to an owner of functions at a position; -1 is any."""

    owner: "_Owner"
    position: int


@dataclass(frozen=True, slots=True)
class _Callbacks:
    """What the functions among some arguments are called with."""

    arguments: int


# A column expression from nowhere, and what is given to functions that nobody can name.
_EXPRESSION, _ANYTHING = _Result(-1), _Result(-2)
_Owner = int | Binding | _Named
_Key = int | Binding | _Result | _Parameter | _Property | _Slot | _Callbacks
_LAST_SLOT = 15
_MOST_CALLBACKS = 20


class ExpressionFlow:
    """Answers which nodes may be column expressions, or hold them."""

    def __init__(self, tree: ScriptTree, scopes: Scopes) -> None:
        self._tree = tree
        self._scopes = scopes
        self._sinks: defaultdict[_Key, list[_Key]] = defaultdict(list)
        self._seen: set[int] = set()
        self._readers = self._all_readers()
        self._members = self._named_functions()
        self._bound: dict[Binding, list[Node]] = {}
        self._connected: set[_Owner] = set()
        self._read_functions()
        self._read_assignments()
        for call in tree.nodes("call_expression", "new_expression"):
            self._read_call(call)
        self._visit(tree.nodes("binary_expression", "unary_expression", "ternary_expression")[:])
        for node in tree.nodes(*CONDITIONS):
            self._visit(_fields(node, CONDITIONS[node.type]))
        self._reached = self._reach()

    def may(self, node: Node) -> bool:
        """Tell whether a node may be a column expression."""
        return node.id in self._reached

    def is_maker(self, node: Node) -> bool:
        """Tell whether a node is one of the globals that make expressions: `col`, `pl.col`."""
        if node.type == "member_expression":
            base, name = node.child_by_field_name("object"), self._tree.key(node)
            is_namespace = base is not None and self._is_global(base, {NAMESPACE})
            return is_namespace and name in MAKERS
        return self._is_global(node, MAKERS)

    def _is_global(self, node: Node, names: Iterable[str]) -> bool:
        return (
            node.type == "identifier"
            and self._tree.text(node) in names
            and self._scopes.resolve(node) is None
        )

    def _flow(self, source: _Key, sink: _Key) -> None:
        self._sinks[source].append(sink)

    def _reach(self) -> set[_Key]:
        reached: set[_Key] = {_EXPRESSION}
        waiting: list[_Key] = [_EXPRESSION]
        while waiting:
            for sink in self._sinks.get(waiting.pop(), ()):
                if sink not in reached:
                    reached.add(sink)
                    waiting.append(sink)
        return reached

    def _named_functions(self) -> defaultdict[str, list[Node]]:
        found: defaultdict[str, list[Node]] = defaultdict(list)
        for node in self._tree.nodes("pair", "method_definition", "field_definition"):
            function = node if is_function(node) else node.child_by_field_name("value")
            name = self._key(node)
            if function is not None and name is not None and is_function(function):
                found[name].append(function)
        return found

    def _key(self, node: Node) -> str | None:
        if node.type == "field_definition":
            name = node.child_by_field_name("property")
            return None if name is None else self._tree.text(name)
        return self._tree.key(node)

    # What flows by names.

    def _read_functions(self) -> None:
        for function in self._tree.nodes(*FUNCTIONS):
            for position, parameter in enumerate(function_parameters(function)):
                slot = _Parameter(function.id, position)
                self._flow(_ANYTHING, slot)
                self._bind(parameter, slot)
            body = function.child_by_field_name("body")
            if body is not None and body.type != "statement_block":
                self._visit([body])
                self._flow(body.id, _Result(function.id))
            if function.type.endswith("declaration"):
                self._bind(function.child_by_field_name("name"), _Result(function.id))
        for node in self._tree.nodes("return_statement", "yield_expression"):
            owner = self._scopes.function(node.start_byte)
            for value in operands(node):
                self._visit([value])
                if owner is not None:
                    self._flow(value.id, _Result(owner.id))
        for name, functions in self._members.items():
            for function in functions:
                self._flow(_Result(function.id), _Property(name))

    def _read_assignments(self) -> None:
        for node in self._tree.nodes("variable_declarator"):
            self._assign(node.child_by_field_name("name"), node.child_by_field_name("value"))
        for node in self._tree.nodes(
            "assignment_expression", "augmented_assignment_expression", "for_in_statement"
        ):
            self._assign(node.child_by_field_name("left"), node.child_by_field_name("right"))
        for node in self._tree.nodes("augmented_assignment_expression"):
            self._visit(_fields(node, "left"))
        for node in self._tree.nodes("field_definition"):
            value, name = node.child_by_field_name("value"), self._key(node)
            if value is not None and name is not None:
                self._visit([value])
                self._flow(value.id, _Property(name))

    def _assign(self, target: Node | None, value: Node | None) -> None:
        if target is None or value is None:
            return
        self._visit([value])
        self._bind(target, value.id)

    def _bind(self, target: Node | None, source: _Key) -> None:
        """Let what comes from `source` flow into everything that a pattern names."""
        if target is None:
            return
        target = bare(target)
        if target.type in {"member_expression", "subscript_expression"}:
            self._store(target, source)
            return
        for name in pattern_names(target):
            if (binding := self._scopes.resolve(name)) is not None:
                self._flow(source, binding)
        for pattern, default in pattern_defaults(target):
            self._visit([default])
            if pattern != target:
                self._bind(pattern, default.id)

    def _store(self, target: Node, source: _Key) -> None:
        """Something is put into an object: its variable and the property's name may have it."""
        while target.type in {"member_expression", "subscript_expression"}:
            if (name := self._tree.key(target)) is not None:
                self._flow(source, _Property(name))
            inner = target.child_by_field_name("object")
            if inner is None:
                return
            target = bare(inner)
        if target.type == "identifier" and (binding := self._scopes.resolve(target)) is not None:
            self._flow(source, binding)

    # What flows through expressions.

    def _visit(self, nodes: list[Node]) -> None:
        waiting = nodes
        while waiting:
            node = waiting.pop()
            if node.id in self._seen:
                continue
            self._seen.add(node.id)
            for child in self._parts(node):
                self._flow(child.id, node.id)
                waiting.append(child)

    def _parts(self, node: Node) -> list[Node]:
        """Return the children whose value a node may have; other sources are noted."""
        read = self._readers.get(node.type)
        return [] if read is None else read(node)

    def _all_readers(self) -> dict[str, Callable[[Node], list[Node]]]:
        readers: dict[str, Callable[[Node], list[Node]]] = {
            "assignment_expression": lambda node: _fields(node, "right"),
            "augmented_assignment_expression": self._operation_parts,
            "binary_expression": self._operation_parts,
            "call_expression": self._call_parts,
            "identifier": self._name_parts,
            "member_expression": self._member_parts,
            "new_expression": lambda node: _fields(node, "arguments"),
            "object": self._object_parts,
            "sequence_expression": lambda node: operands(node)[-1:],
            "shorthand_property_identifier": self._name_parts,
            "subscript_expression": self._member_parts,
            "ternary_expression": lambda node: operands(node)[1:],
            "unary_expression": self._operation_parts,
        }
        readers |= dict.fromkeys(FUNCTIONS, self._function_parts)
        return readers | dict.fromkeys(_THROUGH, operands)

    def _operation_parts(self, node: Node) -> list[Node]:
        operator = node.child_by_field_name("operator")
        has_value = operator is None or self._tree.text(operator) not in _WITHOUT_VALUE
        return operands(node) if has_value else []

    def _member_parts(self, node: Node) -> list[Node]:
        if (name := self._tree.key(node)) is not None:
            self._flow(_Property(name), node.id)
        return _fields(node, "object")

    def _function_parts(self, node: Node) -> list[Node]:
        self._flow(_Result(node.id), node.id)
        return []

    def _name_parts(self, node: Node) -> list[Node]:
        binding = self._scopes.resolve(node)
        if binding is not None:
            self._flow(binding, node.id)
        elif self._tree.text(node) in MAKERS or self._tree.text(node) == NAMESPACE:
            self._flow(_EXPRESSION, node.id)
        return []

    def _object_parts(self, node: Node) -> list[Node]:
        parts: list[Node] = []
        for entry in operands(node):
            value = entry.child_by_field_name("value") if entry.type == "pair" else entry
            if value is None:
                continue
            parts.append(value)
            if entry.type == "pair" and (name := self._tree.key(entry)) is not None:
                self._flow(value.id, _Property(name))
        return parts

    def _call_parts(self, node: Node) -> list[Node]:
        callee = node.child_by_field_name("function")
        if callee is None:
            return []
        inner = bare(callee)
        if inner.type == "member_expression":
            name = self._tree.key(inner)
            if name in ABSORBING:
                return []
            if name in _SELECTING:
                return [callee]
        elif self._functions(inner):
            return [callee]
        return [callee, *_fields(node, "arguments")]

    # What flows into functions.

    def _functions(self, callee: Node) -> list[Node]:
        """Return the functions that an expression is or names."""
        if is_function(callee):
            return [callee]
        if callee.type != "identifier":
            return []
        binding = self._scopes.resolve(callee)
        if binding is None:
            return []
        if binding not in self._bound:
            self._bound[binding] = binding.functions
        return self._bound[binding]

    def _read_call(self, call: Node) -> None:
        arguments = call.child_by_field_name("arguments")
        if arguments is None:
            return
        self._visit([arguments])
        if call.type == "new_expression":
            self._pass(arguments, _Named("constructor"), self._members["constructor"])
            return
        callee = bare(call.child_by_field_name("function") or call)
        if callee.type == "member_expression":
            self._read_method_call(callee, arguments)
        elif functions := self._functions(callee):
            owner = self._scopes.resolve(callee) if callee.type == "identifier" else None
            self._pass(arguments, owner or callee.id, functions)
        elif callee.type == "identifier" and self._scopes.resolve(callee) is None:
            self._read_callbacks(arguments)
        else:
            self._flow(arguments.id, _ANYTHING)

    def _read_method_call(self, callee: Node, arguments: Node) -> None:
        name, base = self._tree.key(callee), callee.child_by_field_name("object")
        if name in ABSORBING or name is None or base is None:
            return
        if functions := self._members.get(name):
            self._pass(arguments, _Named(name), functions)
        self._visit([base])
        self._flow(base.id, _Callbacks(arguments.id))
        self._read_callbacks(arguments)
        if name in _INDIRECT:
            self._flow(arguments.id, _ANYTHING)
        if name in _STORING:
            self._store(callee, arguments.id)

    def _pass(self, arguments: Node, owner: "_Owner", functions: Iterable[Node]) -> None:
        """Let arguments flow into the parameters of everything that `owner` may stand for."""
        if owner not in self._connected:
            self._connected.add(owner)
            for function in functions:
                self._connect(owner, function)
        for position, argument in enumerate(operands(arguments)):
            is_spread = argument.type == "spread_element"
            self._flow(argument.id, _Slot(owner, -1 if is_spread else min(position, _LAST_SLOT)))

    def _connect(self, owner: "_Owner", function: Node) -> None:
        count = len(function_parameters(function))
        for position in range(count):
            parameter = _Parameter(function.id, position)
            self._flow(_Slot(owner, -1), parameter)
            if position >= _LAST_SLOT:
                self._flow(_Slot(owner, _LAST_SLOT), parameter)
        for position in range(_LAST_SLOT + 1 if count else 0):
            # The last parameter may take the rest.
            self._flow(_Slot(owner, position), _Parameter(function.id, min(position, count - 1)))

    def _read_callbacks(self, arguments: Node) -> None:
        """A callback gets what is given with it, what that is given to, and its own results."""
        given = _Callbacks(arguments.id)
        self._flow(arguments.id, given)
        for argument in operands(arguments):
            inner = bare(argument)
            for function in self._functions(inner)[:_MOST_CALLBACKS]:
                for position in range(len(function_parameters(function))):
                    self._flow(given, _Parameter(function.id, position))


def _fields(node: Node, *names: str) -> list[Node]:
    found = [node.child_by_field_name(name) for name in names]
    return [child for child in found if child is not None]
