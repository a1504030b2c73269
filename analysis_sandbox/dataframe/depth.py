"""How deep expressions may nest: Polars descends them by recursion, and a stack has an end."""

from collections.abc import Sequence

from analysis_sandbox.dataframe.arguments import is_array, is_expression, is_object
from analysis_sandbox.dataframe.refusals import refusal

_MOST = 400
# Two operands are combined with less of the stack than functions take.
_OPERATORS = frozenset(
    "add sub mul div floorDiv mod eq neq lt lte gt gte and or xor".split()  # noqa: SIM905 - shorter
)
_FUNCTION_COST = 2


def check_depth(step: str, arguments: Sequence[object]) -> None:
    """Refuse expressions that are nested too deep, or chained too long, to be computed."""
    if _deepest(arguments) > _MOST:
        raise refusal(
            step,
            f"an expression has more than {_MOST} operators, or {_MOST // _FUNCTION_COST} other "
            "methods, one after the other; make part of it a column first, with withColumn()",
        )


def _deepest(values: Sequence[object]) -> int:
    return max((_depth(value) for value in values), default=0)


def _depth(value: object) -> int:
    if is_array(value):
        return _deepest(value)
    if is_object(value):
        return _deepest(list(value.values()))
    if not is_expression(value):
        return 0
    parts = value["$expr"]
    if not is_array(parts) or not parts:
        return 0
    if parts[0] != "chain":
        return _deepest(parts[1:]) + _cost(parts[0], parts[2:])
    depth = 0
    for part in parts[1:]:
        if is_array(part) and part:
            depth = max(depth, _deepest(part[1:])) + _cost(part[0], part[1:])
        else:
            depth = max(depth, _depth(part))
    return depth


def _cost(method: object, arguments: Sequence[object]) -> int:
    """Several conditions, and several branches, are nested into each other."""
    if method == "when" and arguments and is_array(arguments[0]):
        return _FUNCTION_COST * len(arguments[0])
    if isinstance(method, str) and method in _OPERATORS:
        return max(1, len(arguments))
    return _FUNCTION_COST
