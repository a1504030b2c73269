"""Which nodes of a script are column expressions for certain, and which the script calculated."""

from collections import Counter

from tree_sitter import Node

from analysis_sandbox.script.operators.flow import ABSORBING, ExpressionFlow
from analysis_sandbox.script.operators.scopes import Binding, Scopes
from analysis_sandbox.script.tree import ScriptTree, bare, is_function, operands

# What each operator is called where it calculates with columns.
BINARY = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "%": "mod",
    "**": "pow",
    "<": "lt",
    "<=": "lte",
    ">": "gt",
    ">=": "gte",
    "==": "equal",
    "===": "eq",
    "!=": "unequal",
    "!==": "neq",
    "&": "and",
    "|": "or",
    "^": "xor",
}
UNARY = {"-": "neg", "~": "invert", "!": "not"}
EQUALITY = frozenset({"==", "===", "!=", "!=="})
_NAMESPACES = frozenset({"str", "dt", "list"})
# Methods of expressions that nothing else has: nobody asks by them whether there is something.
_METHODS = frozenset(
    {
        *("sub", "mul", "div", "floorDiv", "mod", "pow", "neg"),
        *("eq", "neq", "lt", "lte", "gt", "gte", "and", "or", "xor", "not"),
        *("sum", "mean", "avg", "median", "std", "var", "nUnique", "quantile"),
        *("alias", "over", "cast", "fillNull", "fillNan", "between", "isIn"),
        *("isNull", "isNotNull", "isNan", "isFinite", "abs", "round", "sqrt", "clip"),
        *("cumSum", "cumMin", "cumMax", "cumCount", "shift", "diff", "pctChange", "rank"),
        *("rollingMean", "rollingSum", "rollingMin", "rollingMax"),
    }
)
_DEEPEST = 100


class Certainty:
    """Answers for certain; `False` means that it cannot be told."""

    def __init__(self, tree: ScriptTree, scopes: Scopes, flow: ExpressionFlow) -> None:
        self._tree = tree
        self._scopes = scopes
        self._flow = flow
        self._known: dict[int, bool] = {}
        self._depth = 0
        self._returns: dict[int, list[Node]] | None = None
        self._calls: dict[Binding, list[Node]] | None = None
        self._uses: Counter[Binding] = Counter()
        self._decisions = {
            "assignment_expression": self._is_last_certain,
            "await_expression": self._is_last_certain,
            "binary_expression": self._is_certain_operation,
            "call_expression": self._is_certain_call,
            "identifier": self._is_certain_name,
            "parenthesized_expression": self._is_last_certain,
            "sequence_expression": self._is_last_certain,
            "ternary_expression": self._is_certain_choice,
            "unary_expression": self._is_certain_sign,
        }

    def is_expression(self, node: Node | None) -> bool:
        """Tell whether a node is a column expression whenever it is reached."""
        if node is None or not self._flow.may(node):
            return False
        if node.id not in self._known:
            if self._depth > _DEEPEST:
                return False
            # Set first: a name may lead to itself.
            self._known[node.id] = False
            self._depth += 1
            self._known[node.id] = self._decide(node)
            self._depth -= 1
        return self._known[node.id]

    def is_calculated(self, node: Node, *, depth: int = 0) -> bool:
        """Tell whether a node is what an operator or a method of expressions gave.

        As a condition it cannot be meant to ask whether there is an expression.
        """
        if depth > _DEEPEST:
            return False
        node = bare(node)
        if node.type == "identifier":
            binding = self._scopes.resolve(node)
            value = binding.value if binding is not None else None
            return value is not None and self.is_calculated(value, depth=depth + 1)
        if node.type == "binary_expression":
            return self.operator(node) in BINARY
        if node.type == "unary_expression":
            operator, inner = self.operator(node), node.child_by_field_name("argument")
            return operator in {"-", "~"} or (
                operator == "!"
                and inner is not None
                and (self.is_expression(inner) or self.is_calculated(inner, depth=depth + 1))
            )
        if node.type == "call_expression":
            callee = node.child_by_field_name("function")
            return callee is not None and self._tree.key(callee) in _METHODS
        return False

    def operator(self, node: Node) -> str:
        """Return the operator of an expression."""
        found = node.child_by_field_name("operator")
        return "" if found is None else self._tree.text(found)

    def is_nothing(self, node: Node | None) -> bool:
        """Tell whether a node is `null` or `undefined`."""
        if node is None:
            return False
        node = bare(node)
        return node.type in {"null", "undefined"} or (
            node.type == "identifier" and self._tree.text(node) == "undefined"
        )

    def _decide(self, node: Node) -> bool:
        decide = self._decisions.get(node.type)
        return decide is not None and decide(node)

    def _is_last_certain(self, node: Node) -> bool:
        inner = operands(node)
        return bool(inner) and self.is_expression(inner[-1])

    def _is_certain_choice(self, node: Node) -> bool:
        return all(self.is_expression(branch) for branch in operands(node)[1:])

    def _is_certain_sign(self, node: Node) -> bool:
        argument = node.child_by_field_name("argument")
        return self.operator(node) in UNARY and self.is_expression(argument)

    def _is_certain_name(self, node: Node) -> bool:
        binding = self._scopes.resolve(node)
        if binding is None or not binding.is_fixed:
            return False
        if binding.parameter is not None:
            return self._is_certain_parameter(*binding.parameter)
        return self.is_expression(binding.value)

    def _is_certain_operation(self, node: Node) -> bool:
        operator = self.operator(node)
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator not in BINARY:
            return False
        if operator in EQUALITY and (self.is_nothing(left) or self.is_nothing(right)):
            return False
        return self.is_expression(left) or self.is_expression(right)

    def _is_certain_call(self, node: Node) -> bool:
        callee = bare(node.child_by_field_name("function") or node)
        if self._flow.is_maker(callee):
            return True
        if callee.type == "member_expression":
            base = callee.child_by_field_name("object")
            if base is None or self._tree.key(callee) in ABSORBING:
                return False
            if base.type == "member_expression" and self._tree.key(base) in _NAMESPACES:
                base = base.child_by_field_name("object")
            return self.is_expression(base)
        function = self._only_function(callee)
        if function is None or function.type.startswith("generator"):
            return False
        results = self._results(function)
        return bool(results) and all(self.is_expression(result) for result in results)

    def _only_function(self, callee: Node) -> Node | None:
        if callee.type != "identifier":
            return None
        binding = self._scopes.resolve(callee)
        value = binding.value if binding is not None else None
        return value if is_function(value) else None

    def _results(self, function: Node) -> list[Node]:
        body = function.child_by_field_name("body")
        if body is not None and body.type != "statement_block":
            return [body]
        if self._returns is None:
            self._returns = {}
            for node in self._tree.nodes("return_statement"):
                owner = self._scopes.function(node.start_byte)
                if owner is not None:
                    self._returns.setdefault(owner.id, []).append(node)
        returned = [operands(node) for node in self._returns.get(function.id, [])]
        return [values[0] for values in returned] if all(returned) else []

    def _is_certain_parameter(self, function: Node, position: int) -> bool:
        """Tell whether a function is only called by its name, and gets an expression each time."""
        if self._calls is None:
            self._count_uses()
            assert self._calls is not None
        binding = next((name for name in self._calls if name.value == function), None)
        # One use for each call: otherwise somebody else may call it too.
        if binding is None or self._uses[binding] != len(self._calls[binding]):
            return False
        calls = self._calls[binding]
        given = [operands(call.child_by_field_name("arguments")) for call in calls]
        return all(
            position < len(arguments)
            and not any(node.type == "spread_element" for node in arguments)
            and self.is_expression(arguments[position])
            for arguments in given
        )

    def _count_uses(self) -> None:
        self._calls = {}
        for call in self._tree.nodes("call_expression"):
            callee = call.child_by_field_name("function")
            if callee is not None and self._only_function(callee) is not None:
                binding = self._scopes.resolve(callee)
                assert binding is not None
                self._calls.setdefault(binding, []).append(call)
        names = {binding.name for binding in self._calls}
        exported = self._tree.nodes("export_specifier", "shorthand_property_identifier")
        for node in self._tree.nodes("identifier") + exported:
            if self._tree.text(node) in names:
                binding = self._scopes.resolve(node)
                if binding is not None:
                    self._uses[binding] += 1
        for binding in self._calls:
            # Its declaration is an identifier too.
            self._uses[binding] -= 1
