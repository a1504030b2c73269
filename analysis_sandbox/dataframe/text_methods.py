"""Methods of expressions on texts and lists."""

from collections.abc import Callable

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import Call, Method, Methods
from analysis_sandbox.dataframe.column_types import family, type_name
from analysis_sandbox.dataframe.date_methods import iso_date, iso_datetime
from analysis_sandbox.dataframe.literals import clean
from analysis_sandbox.dataframe.patterns import Pattern, pattern
from analysis_sandbox.dataframe.refusals import refusal

_MOST_PADDING = 10_000
_MOST_GROUP = 100


def _texts(call: Call) -> pl.Expr:
    dtype = call.type
    if dtype is not None and family(dtype) not in {"string", "null"}:
        raise refusal(
            call.method,
            f"needs text, not a column of type {type_name(dtype)}; write .cast('string') before it",
        )
    return call.receiver if isinstance(dtype, pl.String) else call.receiver.cast(pl.String)


def _lists(call: Call) -> pl.Expr:
    dtype = call.type
    if dtype is not None and family(dtype) not in {"list", "null"}:
        raise refusal(call.method, f"needs arrays, not a column of type {type_name(dtype)}")
    # A column of nulls has no type of its own.
    return call.receiver.cast(pl.List(pl.Null)) if isinstance(dtype, pl.Null) else call.receiver


def _pattern(call: Call, options_at: int) -> Pattern:
    options = call.options(options_at, ("regex",))
    is_regex = arguments.flag(call.method, "regex", options.get("regex", False))
    return pattern(call.method, call.arguments[0], is_regex=is_regex)


def _contains(call: Call) -> pl.Expr:
    if arguments.is_expression(call.arguments[0]):
        return _texts(call).str.contains(call.fitting(call.arguments[0], pl.String()), literal=True)
    sought = _pattern(call, 1)
    return _texts(call).str.contains(sought.text, literal=sought.is_literal)


def _replace(call: Call) -> pl.Expr:
    sought = _pattern(call, 2)
    value = sought.replacement(clean(call.text(1, "the replacement")))
    if call.method == "str.replaceAll":
        return _texts(call).str.replace_all(sought.text, value, literal=sought.is_literal)
    return _texts(call).str.replace(sought.text, value, literal=sought.is_literal)


def _slice(call: Call) -> pl.Expr:
    """As in JavaScript: from `start` up to before `end`, negative ones counted from the end."""
    texts = _texts(call)
    start = call.whole(0, "start", default=0)
    end = call.whole(1, "end", default=0) if call.has(1) else None
    if end is not None and end >= 0:
        if start < 0:
            raise refusal(
                call.method, "an end counted from the front needs a start counted from there too"
            )
        return texts.str.slice(start, max(end - start, 0))
    # The texts stand once only in the expression: a chain of slices would grow without bounds.
    rest = texts if end is None else texts.str.head(end)
    if start >= 0:
        return rest.str.slice(start)
    if end is None:
        return rest.str.tail(-start)
    return texts.str.tail(-start).str.head(end)


def _split(call: Call) -> pl.Expr:
    separator = pattern(call.method, call.arguments[0])
    return _texts(call).str.split(separator.text, literal=separator.is_literal)


def _extract(call: Call) -> pl.Expr:
    sought = pattern(call.method, call.arguments[0], is_regex=True)
    group = call.whole(1, "the group", default=1, least=0, most=_MOST_GROUP)
    return _texts(call).str.extract(sought.text, group)


def _padded(pad: Callable[[pl.Expr, int, str], pl.Expr]) -> Callable[[Call], pl.Expr]:
    def build(call: Call) -> pl.Expr:
        length = call.whole(0, "the length", default=0, least=0, most=_MOST_PADDING)
        fill = call.text(1, "the fill", default=" ")
        if len(fill) != 1:
            raise refusal(call.method, f"the fill must be one character, not '{fill[:60]}'")
        return pad(_texts(call), length, fill)

    return build


def _to_date(call: Call) -> pl.Expr:
    if not call.has(0):
        return iso_date(_texts(call))
    return _texts(call).str.to_date(call.text(0, "the format"))


def _to_datetime(call: Call) -> pl.Expr:
    if not call.has(0):
        return iso_datetime(_texts(call))
    layout = call.text(0, "the format")
    return _texts(call).str.to_datetime(layout, time_unit="us")


def _to_number(call: Call) -> pl.Expr:
    return _texts(call).str.strip_chars().cast(pl.Float64)


def _starts_with(call: Call) -> pl.Expr:
    return _texts(call).str.starts_with(call.fitting(call.arguments[0], pl.String()))


def _ends_with(call: Call) -> pl.Expr:
    return _texts(call).str.ends_with(call.fitting(call.arguments[0], pl.String()))


def _list_get(call: Call) -> pl.Expr:
    return _lists(call).list.get(call.whole(0, "the index", default=0), null_on_oob=True)


def _list_join(call: Call) -> pl.Expr:
    separator = call.text(0, "the separator", default=",")
    return _lists(call).list.eval(pl.element().cast(pl.String)).list.join(separator)


def _list_contains(call: Call) -> pl.Expr:
    dtype = call.type
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    kind = inner if inner is None or isinstance(inner, pl.DataType) else inner()
    return _lists(call).list.contains(call.fitting(call.arguments[0], kind))


TEXT_METHODS: Methods = {
    "str.contains": Method(_contains, 1, 2),
    "str.startsWith": Method(_starts_with, 1, 1),
    "str.endsWith": Method(_ends_with, 1, 1),
    "str.toLowerCase": Method(lambda call: _texts(call).str.to_lowercase()),
    "str.toUpperCase": Method(lambda call: _texts(call).str.to_uppercase()),
    "str.trim": Method(lambda call: _texts(call).str.strip_chars()),
    "str.trimStart": Method(lambda call: _texts(call).str.strip_chars_start()),
    "str.trimEnd": Method(lambda call: _texts(call).str.strip_chars_end()),
    "str.length": Method(lambda call: _texts(call).str.len_chars().cast(pl.Int64)),
    "str.replace": Method(_replace, 2, 3),
    "str.replaceAll": Method(_replace, 2, 3),
    "str.slice": Method(_slice, 1, 2),
    "str.split": Method(_split, 1, 1),
    "str.extract": Method(_extract, 1, 2),
    "str.padStart": Method(_padded(lambda e, n, fill: e.str.pad_start(n, fill)), 1, 2),
    "str.padEnd": Method(_padded(lambda e, n, fill: e.str.pad_end(n, fill)), 1, 2),
    "str.toDate": Method(_to_date, 0, 1),
    "str.toDatetime": Method(_to_datetime, 0, 1),
    "str.toNumber": Method(_to_number),
    "list.length": Method(lambda call: _lists(call).list.len().cast(pl.Int64)),
    "list.get": Method(_list_get, 1, 1),
    "list.join": Method(_list_join, 0, 1),
    "list.contains": Method(_list_contains, 1, 1),
}
