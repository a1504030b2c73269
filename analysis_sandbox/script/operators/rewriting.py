"""Operators on column expressions: rewrites them into calls, and tells where none can stand.

JavaScript has no operators of one's own: `col("a") * 2` would be NaN. Where an operand may be a
column expression the operator becomes a call of a function of the runtime, which calculates with
expressions and is exactly the operator for every other value. Lines never move.
"""

import re
from dataclasses import dataclass, field

from tree_sitter import Node

from analysis_sandbox.script.operators.certainty import BINARY, EQUALITY, UNARY, Certainty
from analysis_sandbox.script.operators.edits import Edit, TextEdits, apply_edits
from analysis_sandbox.script.operators.flow import CONDITIONS, ExpressionFlow
from analysis_sandbox.script.operators.scopes import Scopes
from analysis_sandbox.script.tree import ScriptTree, bare, line, operands

Message = tuple[int, str]

# The names under which the runtime offers its operators.
HELPERS = ("$column", *(f"$column{number}" for number in range(1, 10)))
_MAKER = re.compile(r"\b(?:col|lit|when|coalesce|concatStr|len|pl)\b")
_FRAME_HABIT = re.compile(r"\.\s*(?:sort|height)\s*\(")
# Deeper calls are more than the engine's stack has room for.
_DEEPEST = 150
_CALLS = frozenset({"call_expression", "member_expression", "subscript_expression"})
_UPDATE = re.compile(rb"(?:\+\+|--)((?:\s|//[^\n]*|/\*.*?\*/)*)(?:[(\[`/.]|$)", re.DOTALL)
_LOOKED_AT_BYTES = 4000
_REMEDIES = {
    "&&": "&& cannot combine column expressions: write & with each condition in parentheses, "
    'as in (col("a") > 1) & (col("b") < 2), or .and()',
    "||": "|| cannot combine column expressions: write | with each condition in parentheses, "
    'as in (col("a") > 1) | (col("b") < 2), or .or(); for missing values .fillNull() or coalesce()',
    "?:": "?: cannot choose by a column expression, which has a value for each row: "
    "write when(condition).then(a).otherwise(b)",
}
_NO_CONDITION = (
    "{} cannot decide by a column expression, which has a value for each row: "
    "write df.filter(condition), or when(condition).then(a).otherwise(b)"
)
_NEVER_NULL = (
    "A column expression is never null itself: write .isNull() or .isNotNull() to find "
    "missing values"
)
_ASCENDING = (
    ".sort(column, true) is ascending, so that the smallest come first: "
    "write false or { descending: true } for the largest"
)
_UNREADABLE = (
    "Operators on column expressions are not available in this script, because its syntax "
    "cannot be read here: use .add(), .mul(), .gt() and their like"
)
_TOO_DEEP = (
    f"More than {_DEEPEST} operators in one expression: on column expressions they are not "
    "available; build it in several steps"
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A script whose operators work on column expressions; messages have their line."""

    code: str
    errors: list[Message] = field(default_factory=list[Message])
    warnings: list[Message] = field(default_factory=list[Message])
    edits: tuple[Edit, ...] = ()

    def apply_to(self, text: str) -> str:
        """Make the same edits in a text that has the same characters wherever they are made."""
        return apply_edits(text, self.edits)


def rewrite_operators(code: str, *, everywhere: bool = False) -> Rewritten:
    """Rewrite the operators of a script that the engine accepts.

    `everywhere` rewrites each of them, whatever its operands may be.

    Raises:
        LimitExceededError: the script is too complex.
    """
    if not (everywhere or _MAKER.search(code) or _FRAME_HABIT.search(code)):
        return Rewritten(code)
    helper = next((name for name in HELPERS if name not in code), None)
    if helper is None:
        return Rewritten(code, errors=[(1, f"The names {HELPERS[0]} … are reserved: rename yours")])
    tree = ScriptTree(code)
    if tree.root.has_error:
        broken = (tree.nodes("ERROR", "missing") or [tree.root])[0]
        return Rewritten(code, warnings=[(line(broken), _UNREADABLE)])
    return _Rewriter(tree, code, helper, everywhere=everywhere).rewrite()


class _Rewriter:
    def __init__(self, tree: ScriptTree, code: str, helper: str, *, everywhere: bool) -> None:
        self._tree = tree
        self._code = code
        self._source = code.encode("utf-8")
        self._helper = helper
        self._everywhere = everywhere
        self._scopes = Scopes(tree)
        self._flow = ExpressionFlow(tree, self._scopes)
        self._certainty = Certainty(tree, self._scopes, self._flow)
        self._edits = TextEdits(self._source)
        self._errors: list[Message] = []
        self._warnings: list[Message] = []
        # Negations that only ask whether there is something.
        self._asking: set[int] = set()
        self._around: list[int] = []
        # `a++` and a bracket on the next line, which the tree takes for a call of `a++`.
        self._misread = [
            node.end_byte
            for node in tree.nodes("update_expression")
            if (parent := node.parent) is not None
            and parent.type in _CALLS
            and parent.start_byte == node.start_byte
        ]

    def rewrite(self) -> Rewritten:
        for node in self._tree.nodes(*CONDITIONS):
            self._read_condition(node)
        rewritings = {
            "binary_expression": self._rewrite_binary,
            "unary_expression": self._rewrite_unary,
            "augmented_assignment_expression": self._rewrite_assignment,
        }
        for node in self._tree.nodes(*rewritings):
            rewritings[node.type](node)
        for call in self._tree.nodes("call_expression"):
            self._read_call(call)
        edits = self._edits.ordered()
        return Rewritten(
            apply_edits(self._code, edits) if edits else self._code,
            errors=sorted(set(self._errors)),
            warnings=sorted(set(self._warnings)),
            edits=edits,
        )

    def _may(self, *nodes: Node) -> bool:
        return self._everywhere or any(self._flow.may(node) for node in nodes)

    # Conditions

    def _read_condition(self, node: Node) -> None:
        condition = node.child_by_field_name(CONDITIONS[node.type])
        if condition is None:
            return
        is_choice = node.type == "ternary_expression"
        keyword = node.type.partition("_")[0]
        self._ask(condition, _REMEDIES["?:"] if is_choice else _NO_CONDITION.format(keyword))

    def _ask(self, node: Node, remedy: str, *, depth: int = 0) -> None:
        """Look at what JavaScript itself takes for true or false."""
        if depth > _DEEPEST:
            return
        while node.type == "parenthesized_expression" and len(operands(node)) == 1:
            node = operands(node)[0]
        operator = self._certainty.operator(node)
        if node.type == "binary_expression" and operator in {"&&", "||"}:
            right = node.child_by_field_name("right")
            if right is not None:
                self._ask(right, remedy, depth=depth + 1)
        elif self._certainty.is_expression(node):
            self._errors.append((line(node), remedy))
        elif self._may(node) and self._certainty.is_calculated(node):
            self._edits.begin(node.start_byte, f"{self._helper}.test(")
            self._edits.end(node.end_byte)
        elif node.type == "unary_expression" and operator == "!":
            self._asking.add(node.id)
            argument = node.child_by_field_name("argument")
            if argument is not None:
                self._ask(argument, remedy, depth=depth + 1)

    # Operators

    def _rewrite_binary(self, node: Node) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        token = node.child_by_field_name("operator")
        if left is None or right is None or token is None:
            return
        operator = self._tree.text(token)
        if operator in {"&&", "||"}:
            self._ask(left, _REMEDIES[operator])
        if operator not in BINARY or not self._may(left, right):
            return
        if operator in EQUALITY:
            for one, other in ((left, right), (right, left)):
                if self._certainty.is_expression(one) and self._certainty.is_nothing(other):
                    self._errors.append((line(node), _NEVER_NULL))
        if self._is_safe(node):
            self._edits.begin(node.start_byte, f"{self._helper}.{BINARY[operator]}(")
            self._edits.replace(token, ",")
            self._edits.end(node.end_byte)

    def _rewrite_unary(self, node: Node) -> None:
        token, argument = (node.child_by_field_name(name) for name in ("operator", "argument"))
        if token is None or argument is None or node.id in self._asking:
            return
        name = UNARY.get(self._tree.text(token))
        if name is None or not self._may(argument) or not self._is_safe(node):
            return
        if name == "not" and not (self._everywhere or self._certainty.is_calculated(node)):
            inner = bare(argument)
            if self._certainty.operator(inner) == "!":
                # `!!value`: is there one?
                self._asking.add(inner.id)
                return
            name = "notSure"
        self._edits.begin(node.start_byte, f"{self._helper}.{name}(", removed=1)
        self._edits.end(node.end_byte)

    def _rewrite_assignment(self, node: Node) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        token = node.child_by_field_name("operator")
        if left is None or right is None or token is None:
            return
        name = BINARY.get(self._tree.text(token)[:-1])
        if name is None or not self._may(left, right) or not self._is_safe(node):
            return
        if self._is_simple(left):
            self._edits.replace(token, f"= {self._helper}.{name}({self._tree.text(left)},")
        elif self._refer(left):
            self._edits.replace(token, f".{name}(")
        else:
            return
        self._edits.end(node.end_byte)

    def _is_simple(self, target: Node) -> bool:
        """Tell whether a target may be written twice, because reading it has no other effect."""
        inner = target
        if inner.type == "member_expression":
            base = inner.child_by_field_name("object")
            inner = base if base is not None and base.type in {"this", "super"} else target
            if inner.type == "member_expression" and base is not None:
                inner = base if base.type == "identifier" else inner
        elif inner.type == "parenthesized_expression":
            inner = bare(inner)
        is_plain = inner.type in {"identifier", "this", "super"}
        return is_plain and "\n" not in (text := self._tree.text(target)) and "/" not in text

    def _refer(self, target: Node) -> bool:
        """Make a member into a reference, whose object and key are evaluated once."""
        base = target.child_by_field_name("object")
        if target.type not in {"member_expression", "subscript_expression"} or base is None:
            return False
        tokens = [child for child in target.children if child.type in {".", "[", "]"}]
        name = target.child_by_field_name("property")
        if base.type == "super" or (name is not None and name.type != "property_identifier"):
            return False
        if name is not None:
            if "\\" in self._tree.text(name):
                return False
            self._edits.begin(target.start_byte, f"{self._helper}.at(")
            self._edits.replace(tokens[0], ",")
            self._edits.replace(name, f'"{self._tree.text(name)}")')
            return True
        index = target.child_by_field_name("index")
        is_sequence = index is not None and index.type == "sequence_expression"
        self._edits.begin(target.start_byte, f"{self._helper}.at(")
        self._edits.replace(tokens[0], ",(" if is_sequence else ",")
        self._edits.replace(tokens[-1], "))" if is_sequence else ")")
        return True

    def _is_safe(self, node: Node) -> bool:
        """Tell whether a call can stand in the place of a node."""
        while self._around and self._around[-1] <= node.start_byte:
            self._around.pop()
        self._around.append(node.end_byte)
        if len(self._around) > _DEEPEST:
            if self._flow.may(node):
                self._warnings.append((line(node), _TOO_DEEP))
            return False
        if any(node.start_byte < place < node.end_byte for place in self._misread):
            return False
        # `a + b++` and a bracket on the next line: after `++` the statement ends there, after the
        # parenthesis of a call it would go on.
        end = node.end_byte
        found = _UPDATE.match(self._source[max(end - 2, 0) : end + _LOOKED_AT_BYTES])
        return found is None or b"\n" not in found.group(1)

    # Habits that mislead

    def _read_call(self, call: Node) -> None:
        callee = call.child_by_field_name("function")
        if callee is None or callee.type != "member_expression":
            return
        name, base = self._tree.key(callee), callee.child_by_field_name("object")
        given = operands(call.child_by_field_name("arguments"))
        place = line(callee.child_by_field_name("property") or callee)
        if name in {"head", "limit"} and base is not None and self._sorts_ascending(base):
            self._warnings.append((place, _ASCENDING))
        if name == "height" and not given:
            self._warnings.append((place, "height is a property of a DataFrame: df.height"))

    def _sorts_ascending(self, node: Node) -> bool:
        node = bare(node)
        if node.type == "identifier":
            binding = self._scopes.resolve(node)
            value = binding.value if binding is not None else None
            return value is not None and value.type == "call_expression" and self._is_sort(value)
        return self._is_sort(node)

    def _is_sort(self, node: Node) -> bool:
        callee = node.child_by_field_name("function")
        given = operands(node.child_by_field_name("arguments"))
        is_sort = callee is not None and self._tree.key(callee) == "sort"
        return is_sort and len(given) > 1 and given[-1].type == "true"
