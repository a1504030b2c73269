"""Methods of expressions: columns, literals, arithmetic, comparisons, conditions, nulls."""

from collections.abc import Callable, Sequence
from typing import Literal, cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import Call, Method, Methods
from analysis_sandbox.dataframe.column_types import one_family, type_name
from analysis_sandbox.dataframe.literals import literal, values_like
from analysis_sandbox.dataframe.refusals import refusal

Closed = Literal["both", "left", "right", "none"]
Pair = Callable[[pl.Expr, pl.Expr], pl.Expr]
_FILL_STRATEGIES = ("forward", "backward", "min", "max", "mean", "zero", "one")


def fill_strategy(step: str, expression: pl.Expr, options: dict[str, object]) -> pl.Expr:
    """Return an expression whose nulls are filled by `{strategy, limit}`."""
    strategy = arguments.choice(step, "strategy", options.get("strategy"), _FILL_STRATEGIES)
    given = options.get("limit")
    limit = None if given is None else arguments.whole(step, "limit", given, least=0)
    if limit is not None and strategy not in {"forward", "backward"}:
        raise refusal(step, "limit goes with the strategies forward and backward only")
    # Polars types the strategies one by one.
    return expression.fill_null(strategy=cast("pl._typing.FillNullStrategy", strategy), limit=limit)  # pyright: ignore


def _column(call: Call) -> pl.Expr:
    name = call.text(0, "the column name")
    return pl.all() if name == "*" and "*" not in call.scope.schema else call.scope.column(name)


def _literal(call: Call) -> pl.Expr:
    return literal(call.method, call.arguments[0])


def _length(_call: Call) -> pl.Expr:
    return pl.len().cast(pl.Int64)


def _arithmetic(combine: Pair) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        left, right = (_countable(call, side) for side in (call.receiver, call.expression(0)))
        return _noted(call, combine(left, right), left, right)

    return build


def _scaled(combine: Pair) -> Callable[[Call], pl.Expr]:
    """Products and quotients of two decimals: their own scale would cut off digits."""

    def build(call: Call) -> pl.Expr:
        left, right = (_countable(call, side) for side in (call.receiver, call.expression(0)))
        sides = [call.scope.type_of(side) for side in (left, right)]
        decimals = [isinstance(side, pl.Decimal) for side in sides]
        is_exact = call.method == "mul" and any(isinstance(side, pl.Int64) for side in sides)
        if any(decimals) and not is_exact:
            left, right = (
                side.cast(pl.Float64) if is_decimal else side
                for side, is_decimal in zip((left, right), decimals, strict=True)
            )
        return _noted(call, combine(left, right), left, right)

    return build


def _noted(call: Call, result: pl.Expr, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Note the type where the operands say it: sums and products make long chains."""
    sides = {type(call.scope.type_of(side)) for side in (left, right)}
    if sides <= {pl.Int64, pl.Float64}:
        is_whole = sides == {pl.Int64} and call.method != "div"
        call.scope.note(result, pl.Int64() if is_whole else pl.Float64())
    elif sides == {pl.String}:
        call.scope.note(result, pl.String())
    elif sides == {pl.Boolean}:
        call.scope.note(result, pl.Boolean())
    return result


def _countable(call: Call, expression: pl.Expr) -> pl.Expr:
    """Booleans count as 0 and 1, in as many bits as other integers."""
    is_boolean = isinstance(call.scope.type_of(expression), pl.Boolean)
    return expression.cast(pl.Int64) if is_boolean else expression


def _power(call: Call) -> pl.Expr:
    # Integers would wrap around, or fail for a negative exponent.
    return call.receiver.cast(pl.Float64).pow(call.expression(0).cast(pl.Float64))


def _negated(call: Call) -> pl.Expr:
    return -_countable(call, call.receiver)


def _comparison(combine: Pair) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        return combine(*call.pair())

    return build


def _conjunction(combine: Pair) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        result = call.checked_condition(call.receiver)
        for node in call.arguments:
            other = call.condition(node)
            result = _noted(call, combine(result, other), result, other)
        return result

    return build


def _not(call: Call) -> pl.Expr:
    return ~call.checked_condition(call.receiver)


def _when(call: Call) -> pl.Expr:
    branches = call.arguments[0]
    if not arguments.is_array(branches) or not branches:
        raise refusal("when", "write when(condition).then(value).otherwise(value)")
    conditions: list[pl.Expr] = []
    values: list[object] = []
    for branch in branches:
        if not arguments.is_array(branch) or len(branch) != 2:
            raise refusal("when", "each when(condition) needs a then(value)")
        condition, value = branch
        conditions.append(call.condition(condition))
        values.append(value)
    values.append(call.arguments[1] if call.has(1) else None)
    results = _alike(call, values)
    chain = pl.when(conditions[0]).then(results[0])
    for condition, result in zip(conditions[1:], results[1:-1], strict=True):
        chain = chain.when(condition).then(result)
    return chain.otherwise(results[-1])


def _alike(call: Call, nodes: Sequence[object]) -> list[pl.Expr]:
    """Return values of one column: Polars would turn numbers into text to bring them together."""
    results = [call.scope.expression(node, step=call.method) for node in nodes]
    dtypes = [call.scope.type_of(result) for result in results]
    if not one_family(dtypes):
        kinds = sorted({type_name(dtype) for dtype in dtypes if dtype is not None} - {"null"})
        raise refusal(
            call.method, f"the values are of different types ({', '.join(kinds)}); cast some"
        )
    return results


def _coalesce(call: Call) -> pl.Expr:
    nodes = [_named(node) for node in arguments.flattened(call.arguments)]
    return pl.coalesce(_alike(call, nodes))


def _named(node: object) -> object:
    return {"$expr": ["col", None, node]} if isinstance(node, str) else node


def _concat_text(call: Call) -> pl.Expr:
    given = list(call.arguments)
    options: dict[str, object] = {}
    if given and arguments.is_object(given[-1]):
        options = arguments.options(call.method, given.pop(), ("separator", "ignoreNulls"))
    separator = arguments.text(call.method, "separator", options.get("separator", ""))
    ignore = arguments.flag(call.method, "ignoreNulls", options.get("ignoreNulls", False))
    parts = [
        call.scope.expression(_named(node), step=call.method) for node in arguments.flattened(given)
    ]
    if not parts:
        raise refusal(call.method, "needs at least one column")
    texts = [part.cast(pl.String) for part in parts]
    return pl.concat_str(texts, separator=separator, ignore_nulls=ignore)


def _fill_null(call: Call) -> pl.Expr:
    value = call.arguments[0]
    if value is None and call.has(1):
        value = call.arguments[1]
    elif call.has(1):
        raise refusal(call.method, "takes either a value or a strategy, not both")
    if arguments.is_object(value):
        options = arguments.options(call.method, value, ("strategy", "limit"))
        return fill_strategy(call.method, call.receiver, options)
    return call.receiver.fill_null(call.fitting(value, call.type))


def _fill_nan(call: Call) -> pl.Expr:
    return call.receiver.fill_nan(call.fitting(call.arguments[0], call.type))


def _is_in(call: Call) -> pl.Expr:
    receiver, given = call.receiver, call.arguments[0]
    if arguments.is_expression(given):
        other = call.expression(0)
        is_list = isinstance(call.scope.type_of(other), pl.List)
        return receiver.is_in(other if is_list else other.implode())
    if not arguments.is_array(given):
        raise refusal(call.method, f"takes an array of values, not {arguments.described(given)}")
    values = given
    dtype = call.type
    present = [value for value in values if value is not None]
    if isinstance(dtype, pl.Int64):
        # A broken number is in no column of integers.
        present = [v for v in present if not isinstance(v, float) or v.is_integer()]
        present = [int(v) if isinstance(v, float) else v for v in present]
    elif isinstance(dtype, pl.Float64 | pl.Decimal):
        present = [float(v) if type(v) is int else v for v in present]
        receiver = receiver.cast(pl.Float64)
    found = receiver.is_in(values_like(call.method, present, dtype).implode())
    # In JavaScript [null].includes(null) is true.
    return found if None not in values else found.fill_null(value=True)


def _between(call: Call) -> pl.Expr:
    closed = "both"
    if call.has(2):
        closed = arguments.choice(
            call.method, "closed", call.arguments[2], ("both", "left", "right", "none")
        )
    dtype = call.type
    low, high = (call.fitting(node, dtype) for node in call.arguments[:2])
    return call.receiver.is_between(low, high, cast("Closed", closed))


BASIC_METHODS: Methods = {
    "col": Method(_column, 1, 1, has_receiver=False),
    "lit": Method(_literal, 1, 1, has_receiver=False),
    "len": Method(_length, has_receiver=False),
    "when": Method(_when, 1, 2, has_receiver=False),
    "coalesce": Method(_coalesce, 1, None, has_receiver=False),
    "concatStr": Method(_concat_text, 1, None, has_receiver=False),
    "add": Method(_arithmetic(lambda a, b: a + b), 1, 1),
    "sub": Method(_arithmetic(lambda a, b: a - b), 1, 1),
    "mul": Method(_scaled(lambda a, b: a * b), 1, 1),
    "div": Method(_scaled(lambda a, b: a / b), 1, 1),
    "floorDiv": Method(_scaled(lambda a, b: a // b), 1, 1),
    "mod": Method(_scaled(lambda a, b: a % b), 1, 1),
    "pow": Method(_power, 1, 1),
    "neg": Method(_negated),
    "eq": Method(_comparison(lambda a, b: a == b), 1, 1),
    "neq": Method(_comparison(lambda a, b: a != b), 1, 1),
    "lt": Method(_comparison(lambda a, b: a < b), 1, 1),
    "lte": Method(_comparison(lambda a, b: a <= b), 1, 1),
    "gt": Method(_comparison(lambda a, b: a > b), 1, 1),
    "gte": Method(_comparison(lambda a, b: a >= b), 1, 1),
    "and": Method(_conjunction(lambda a, b: a & b), 1, None),
    "or": Method(_conjunction(lambda a, b: a | b), 1, None),
    "xor": Method(_conjunction(lambda a, b: a ^ b), 1, None),
    "not": Method(_not),
    "fillNull": Method(_fill_null, 1, 2),
    "fillNan": Method(_fill_nan, 1, 1),
    "isNull": Method(lambda call: call.receiver.is_null()),
    "isNotNull": Method(lambda call: call.receiver.is_not_null()),
    "isNan": Method(lambda call: call.receiver.is_nan()),
    "isFinite": Method(lambda call: call.receiver.is_finite()),
    "isIn": Method(_is_in, 1, 1),
    "between": Method(_between, 2, 3),
}
