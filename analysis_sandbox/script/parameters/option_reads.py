"""Which parameters the options function of a parameter reads, found in the script's text."""

from dataclasses import dataclass, field

from tree_sitter import Node

from analysis_sandbox.script.bindings import Bindings
from analysis_sandbox.script.tree import (
    ScriptTree,
    bare,
    is_function,
    line,
    operands,
    parameters,
    without_default,
)

MOST_PARAMETERS = 100
_PARAMS_ARGUMENT = 1
_DEEPEST = 5


@dataclass(slots=True)
class OptionReads:
    """Names that are read; `is_complete` is False when some reads cannot be seen."""

    names: dict[str, None] = field(default_factory=dict[str, None])
    is_complete: bool = True


def read_options(
    tree: ScriptTree, bindings: Bindings
) -> tuple[dict[str, OptionReads], list[tuple[str, str]]]:
    """Return the reads of each options function, and remarks on parameters: path and text."""
    options: dict[str, OptionReads] = {}
    remarks: list[tuple[str, str]] = []
    declared = _property(tree, bindings, _definition(tree, bindings), "parameters")
    for entry in operands(declared)[:MOST_PARAMETERS]:
        name = tree.text(entry) if entry.type.startswith("shorthand") else tree.key(entry)
        spec = bindings.value(entry.child_by_field_name("value") or entry)
        if name is None or spec is None:
            continue
        function = bindings.function(_property(tree, bindings, spec, "options"))
        if function is not None:
            reads = OptionReads()
            _Reader(tree, bindings, reads).follow(function, _PARAMS_ARGUMENT)
            options[name] = reads
        for key, remark in (("default", _clock), ("pattern", _flags)):
            value = _property(tree, bindings, spec, key)
            if value is not None and (text := remark(tree, value)):
                remarks.append((f"parameters.{name}.{key}", text))
    return options, remarks


def _clock(tree: ScriptTree, value: Node) -> str | None:
    if all(tree.text(node) != "Date" for node in tree.nodes("identifier", within=value)):
        return None
    return (
        f"line {line(value)} reads the clock once, when the script is saved; "
        "for a date that moves use a word such as 'today' or 'last_week'"
    )


def _flags(tree: ScriptTree, value: Node) -> str | None:
    flags = value.child_by_field_name("flags") if value.type == "regex" else None
    return f"the flags '{tree.text(flags)}' are not kept; only the expression is" if flags else None


class _Reader:
    """Collects what one options function reads, also through functions it hands `params` to."""

    def __init__(self, tree: ScriptTree, bindings: Bindings, reads: OptionReads) -> None:
        self._tree = tree
        self._bindings = bindings
        self._reads = reads
        self._seen: set[tuple[int, int]] = set()

    def follow(self, function: Node, position: int) -> None:
        if (function.id, position) in self._seen:
            return
        self._seen.add((function.id, position))
        given = parameters(function)
        if position < len(given):
            if given[position].type == "identifier":
                self._body(function, given[position])
            else:
                self._pattern(given[position])

    def _pattern(self, pattern: Node) -> None:
        if pattern.type != "object_pattern":
            self._reads.is_complete = False
            return
        for entry in map(without_default, operands(pattern)):
            if entry.type == "shorthand_property_identifier_pattern":
                self._reads.names[self._tree.text(entry)] = None
            else:
                self._name(self._tree.key(entry) if entry.type == "pair_pattern" else None)

    def _name(self, name: str | None) -> None:
        if name is None:
            self._reads.is_complete = False
        else:
            self._reads.names[name] = None

    def _body(self, function: Node, parameter: Node) -> None:
        name = self._tree.text(parameter)
        explained = {parameter.start_byte}
        for node in self._nodes(function, "member_expression", "subscript_expression"):
            if owner := self._mention(node.child_by_field_name("object"), name):
                explained.add(owner.start_byte)
                self._name(self._tree.key(node))
        for node in self._nodes(function, "variable_declarator"):
            pattern = node.child_by_field_name("name")
            value = self._mention(node.child_by_field_name("value"), name)
            if value is not None and pattern is not None:
                explained.add(value.start_byte)
                self._pattern(pattern)
        for node in self._nodes(function, "call_expression"):
            explained.update(self._handed_on(node, name))
        for node in self._nodes(function, "unary_expression", "binary_expression"):
            # Asking whether there are any parameters reads none of them.
            if tested := self._mention(node, name):
                explained.add(tested.start_byte)
        mentions = self._nodes(function, "identifier", "shorthand_property_identifier")
        if any(
            self._tree.text(one) == name and one.start_byte not in explained for one in mentions
        ):
            self._reads.is_complete = False

    def _handed_on(self, call: Node, name: str) -> list[int]:
        """Follow the parameters into the function that a call hands them to."""
        explained: list[int] = []
        target = self._bindings.function(call.child_by_field_name("function"))
        for position, given in enumerate(operands(call.child_by_field_name("arguments"))):
            argument = self._mention(given, name)
            if target is not None and argument is not None:
                explained.append(argument.start_byte)
                self.follow(target, position)
        return explained

    def _nodes(self, function: Node, *types: str) -> list[Node]:
        return self._tree.nodes(*types, within=function)

    def _mention(self, node: Node | None, name: str) -> Node | None:
        """Return where a node means the parameters: `params`, `params || {}`, `!params`."""
        for _ in range(_DEEPEST):
            if node is None:
                return None
            node = bare(node)
            if node.type == "unary_expression":
                node = node.child_by_field_name("argument")
            elif node.type == "binary_expression":
                operator = node.child_by_field_name("operator")
                is_choice = operator is not None and operator.type in {"||", "&&", "??"}
                node = node.child_by_field_name("left") if is_choice else None
            else:
                is_name = node.type == "identifier" and self._tree.text(node) == name
                return node if is_name else None
        return None


def _definition(tree: ScriptTree, bindings: Bindings) -> Node | None:
    for node in tree.nodes("export_statement"):
        if any(child.type == "default" for child in node.children):
            return bindings.value(node.child_by_field_name("value"))
    for node in tree.nodes("export_specifier"):
        alias = node.child_by_field_name("alias")
        if alias is not None and tree.text(alias) == "default":
            return bindings.value(node.child_by_field_name("name"))
    return None


def _property(
    tree: ScriptTree, bindings: Bindings, owner: Node | None, name: str, *, depth: int = _DEEPEST
) -> Node | None:
    """Return the value of a property that an object literal, or one it spreads, spells out."""
    if owner is not None and owner.type == "call_expression":
        # Object.freeze({…})
        arguments = operands(owner.child_by_field_name("arguments"))
        owner = bindings.value(arguments[0]) if len(arguments) == 1 else None
    if owner is None or owner.type != "object" or depth == 0:
        return None
    for entry in reversed(operands(owner)):
        if entry.type == "spread_element":
            spread = bindings.value(operands(entry)[0]) if operands(entry) else None
            found = _property(tree, bindings, spread, name, depth=depth - 1)
            if found is not None:
                return found
        elif entry.type == "shorthand_property_identifier" and tree.text(entry) == name:
            return bindings.value(entry)
        elif entry.type in {"pair", "method_definition"} and tree.key(entry) == name:
            return (
                entry if is_function(entry) else bindings.value(entry.child_by_field_name("value"))
            )
    return None
