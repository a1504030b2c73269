"""Methods of expressions: aggregations, windows, names, casts and functions of numbers."""

import math
from collections.abc import Callable
from typing import Literal, cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import Call, Method, Methods
from analysis_sandbox.dataframe.column_types import cast_type, family, type_name
from analysis_sandbox.dataframe.date_methods import iso_date, iso_datetime
from analysis_sandbox.dataframe.refusals import refusal

_RANKS = ("average", "min", "max", "dense", "ordinal")
_INTERPOLATIONS = ("linear", "nearest", "lower", "higher", "midpoint")
_Interpolation = Literal["linear", "nearest", "lower", "higher", "midpoint"]
_Rank = Literal["average", "min", "max", "dense", "ordinal"]
_MOST_DIGITS = 100


def total(expression: pl.Expr, dtype: pl.DataType | None) -> pl.Expr:
    """Return the sum; true counts as 1."""
    if isinstance(dtype, pl.Boolean):
        return expression.cast(pl.Int64).sum()
    return expression.sum()


def _sum(call: Call) -> pl.Expr:
    return total(call.receiver, call.type)


def _mean(call: Call) -> pl.Expr:
    return _averaged(call).mean()


def _median(call: Call) -> pl.Expr:
    return _averaged(call).median()


def _averaged(call: Call) -> pl.Expr:
    """Dates and booleans have a middle too."""
    dtype = call.type
    is_other = dtype is not None and (dtype.is_temporal() or isinstance(dtype, pl.Boolean))
    return call.receiver if is_other else _numeric(call)


def _numeric(call: Call) -> pl.Expr:
    """Return the receiver if it holds numbers: some of Polars' methods make nulls of others."""
    dtype = call.type
    if dtype is not None and family(dtype) not in {"number", "null", "duration"}:
        raise refusal(call.method, f"needs numbers, not a column of type {type_name(dtype)}")
    # A column of nulls has no type of its own.
    return call.receiver.cast(pl.Float64) if isinstance(dtype, pl.Null) else call.receiver


def _spread(compute: Callable[[pl.Expr, int], pl.Expr]) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        return compute(_numeric(call), call.whole(0, "ddof", default=1, least=0, most=255))

    return build


def _quantile(call: Call) -> pl.Expr:
    quantile = arguments.number(call.method, "the quantile", call.arguments[0])
    if not 0 <= quantile <= 1:
        raise refusal(call.method, f"the quantile must be between 0 and 1, not {quantile:g}")
    how = "linear"
    if call.has(1):
        how = arguments.choice(call.method, "interpolation", call.arguments[1], _INTERPOLATIONS)
    return _numeric(call).quantile(quantile, cast("_Interpolation", how))


def _alias(call: Call) -> pl.Expr:
    return call.receiver.alias(call.text(0, "the new name"))


def _over(call: Call) -> pl.Expr:
    given = list(call.arguments)
    options: dict[str, object] = {}
    if arguments.is_object(given[-1]):
        options = arguments.options(call.method, given.pop(), ("orderBy", "descending"))
    nodes = [node for item in given for node in arguments.flattened([item])]
    keys = [call.scope.named(node, step=call.method) for node in nodes]
    order = options.get("orderBy")
    descending = arguments.flag(call.method, "descending", options.get("descending", False))
    if order is None:
        if not keys:
            raise refusal(call.method, "needs the columns to group by, as in over('country')")
        return call.receiver.over(keys)
    by = order if arguments.is_array(order) else [order]
    columns = [call.scope.named(key, step=call.method) for key in by]
    return call.receiver.over(keys or None, order_by=columns, descending=descending)


def _cast(call: Call) -> pl.Expr:
    name = call.text(0, "the type")
    return converted(
        call.method,
        call.receiver,
        source=call.type,
        target=name,
        strict=call.flag(1, "strict", default=True),
    )


def converted(
    step: str, expression: pl.Expr, *, source: pl.DataType | None, target: str, strict: bool = True
) -> pl.Expr:
    """Return an expression cast to a type by its name; dates and times are read as ISO 8601."""
    dtype = cast_type(step, target)
    if isinstance(source, pl.String) and isinstance(dtype, pl.Date):
        return iso_date(expression, strict=strict)
    if isinstance(source, pl.String) and isinstance(dtype, pl.Datetime):
        return iso_datetime(expression, strict=strict)
    if isinstance(source, pl.String) and isinstance(dtype, pl.Int64 | pl.Float64):
        return expression.str.strip_chars().cast(dtype, strict=strict)
    if isinstance(dtype, pl.Datetime) and source is not None:
        return _to_datetime(expression, source, dtype, strict=strict)
    is_number = source is not None and family(source) == "number"
    if is_number and isinstance(dtype, pl.Date | pl.Time):
        raise refusal(
            step, f"numbers are not {target}s; cast to 'datetime', which takes milliseconds"
        )
    return expression.cast(dtype, strict=strict)


def _to_datetime(
    expression: pl.Expr, source: pl.DataType, dtype: pl.Datetime, *, strict: bool
) -> pl.Expr:
    if isinstance(source, pl.Datetime):
        return expression
    if family(source) == "number":
        # JavaScript counts milliseconds.
        whole = expression.cast(pl.Int64, strict=strict)
        return whole.cast(pl.Datetime("ms", "UTC"), strict=strict).cast(dtype)
    if isinstance(source, pl.Date):
        return expression.cast(pl.Datetime("us"), strict=strict)
    return expression.cast(dtype, strict=strict)


def _round(call: Call) -> pl.Expr:
    digits = call.whole(0, "the number of digits", default=0, least=0, most=_MOST_DIGITS)
    return _numeric(call).round(digits, mode="half_away_from_zero")


def _log(call: Call) -> pl.Expr:
    base = math.e
    if call.has(0):
        base = arguments.number(call.method, "the base", call.arguments[0])
        if base <= 0 or base == 1:
            raise refusal(call.method, f"the base must be positive and not 1, not {base:g}")
    return _numeric(call).log(base)


def _clip(call: Call) -> pl.Expr:
    dtype = call.type
    low, high = (
        call.fitting(call.arguments[index], dtype) if call.has(index) else None for index in (0, 1)
    )
    if low is None and high is None:
        raise refusal(call.method, "needs a lower or an upper bound, as in clip(0, 100)")
    return call.receiver.clip(low, high)


def _cumulative(compute: Callable[[pl.Expr, bool], pl.Expr]) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        receiver = _numeric(call) if call.method == "cumSum" else call.receiver
        return compute(receiver, call.flag(0, "reverse", default=False))

    return build


def _shift(call: Call) -> pl.Expr:
    steps = call.whole(0, "the number of rows", default=1)
    if not call.has(1):
        return call.receiver.shift(steps)
    return call.receiver.shift(steps, fill_value=call.fitting(call.arguments[1], call.type))


def _diff(call: Call) -> pl.Expr:
    return call.receiver.diff(call.whole(0, "the number of rows", default=1))


def _percent_change(call: Call) -> pl.Expr:
    return _numeric(call).pct_change(call.whole(0, "the number of rows", default=1))


def _rank(call: Call) -> pl.Expr:
    method, descending = "average", False
    if call.has(0) and arguments.is_object(call.arguments[0]):
        options = call.options(0, ("method", "descending"))
        method = arguments.choice(call.method, "method", options.get("method", method), _RANKS)
        descending = arguments.flag(
            call.method, "descending", options.get("descending", descending)
        )
    elif call.has(0):
        method = arguments.choice(call.method, "method", call.arguments[0], _RANKS)
    descending = call.flag(1, "descending", default=descending)
    ranked = call.receiver.rank(cast("_Rank", method), descending=descending)
    return ranked if method == "average" else ranked.cast(pl.Int64)


def _rolling(
    compute: Callable[[pl.Expr, int, int, bool], pl.Expr],
) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        window = call.whole(0, "the window", default=0, least=1)
        least, center = window, False
        if call.has(1) and arguments.is_object(call.arguments[1]):
            options = call.options(1, ("minSamples", "center"))
            if "minSamples" in options:
                least = arguments.whole(
                    call.method, "minSamples", options["minSamples"], least=1, most=window
                )
            center = arguments.flag(call.method, "center", options.get("center", False))
        else:
            least = call.whole(1, "minSamples", default=window, least=1, most=window)
        return compute(_numeric(call), window, least, center)

    return build


def _of_numbers(compute: Callable[[pl.Expr], pl.Expr]) -> Method:
    return Method(lambda call: compute(_numeric(call)))


NUMBER_METHODS: Methods = {
    "sum": Method(_sum),
    "mean": Method(_mean),
    "avg": Method(_mean),
    "median": Method(_median),
    "min": Method(lambda call: call.receiver.min()),
    "max": Method(lambda call: call.receiver.max()),
    "std": Method(_spread(lambda e, ddof: e.std(ddof)), 0, 1),
    "var": Method(_spread(lambda e, ddof: e.var(ddof)), 0, 1),
    "count": Method(lambda call: call.receiver.count().cast(pl.Int64)),
    "nUnique": Method(lambda call: call.receiver.n_unique().cast(pl.Int64)),
    "first": Method(lambda call: call.receiver.first()),
    "last": Method(lambda call: call.receiver.last()),
    "quantile": Method(_quantile, 1, 2),
    "any": Method(lambda call: call.checked_condition(call.receiver).any()),
    "all": Method(lambda call: call.checked_condition(call.receiver).all()),
    "alias": Method(_alias, 1, 1),
    "over": Method(_over, 1, None),
    "cast": Method(_cast, 1, 2),
    "abs": _of_numbers(lambda e: e.abs()),
    "round": Method(_round, 0, 1),
    "floor": _of_numbers(lambda e: e.floor()),
    "ceil": _of_numbers(lambda e: e.ceil()),
    "sqrt": _of_numbers(lambda e: e.sqrt()),
    "exp": _of_numbers(lambda e: e.exp()),
    "log": Method(_log, 0, 1),
    "sign": _of_numbers(lambda e: e.sign()),
    "clip": Method(_clip, 1, 2),
    "cumSum": Method(_cumulative(lambda e, back: e.cum_sum(reverse=back)), 0, 1),
    "cumMin": Method(_cumulative(lambda e, back: e.cum_min(reverse=back)), 0, 1),
    "cumMax": Method(_cumulative(lambda e, back: e.cum_max(reverse=back)), 0, 1),
    "cumCount": Method(_cumulative(lambda e, back: e.cum_count(reverse=back).cast(pl.Int64)), 0, 1),
    "shift": Method(_shift, 0, 2),
    "diff": Method(_diff, 0, 1),
    "pctChange": Method(_percent_change, 0, 1),
    "rank": Method(_rank, 0, 2),
    "rollingMean": Method(
        _rolling(lambda e, n, least, mid: e.rolling_mean(n, min_samples=least, center=mid)), 1, 2
    ),
    "rollingSum": Method(
        _rolling(lambda e, n, least, mid: e.rolling_sum(n, min_samples=least, center=mid)), 1, 2
    ),
    "rollingMin": Method(
        _rolling(lambda e, n, least, mid: e.rolling_min(n, min_samples=least, center=mid)), 1, 2
    ),
    "rollingMax": Method(
        _rolling(lambda e, n, least, mid: e.rolling_max(n, min_samples=least, center=mid)), 1, 2
    ),
}
