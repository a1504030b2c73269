"""Methods of expressions on dates, datetimes and times, and ISO 8601 text as dates."""

import re
from collections.abc import Callable

import polars as pl

from analysis_sandbox.dataframe.calls import Call, Method, Methods
from analysis_sandbox.dataframe.column_types import type_name
from analysis_sandbox.dataframe.refusals import refusal

_DURATION = re.compile(r"-?(?:\d{1,9}(?:ns|us|ms|mo|[smhdwqy]))+")
_WORDS = {
    "second": "1s",
    "minute": "1m",
    "hour": "1h",
    "day": "1d",
    "week": "1w",
    "month": "1mo",
    "quarter": "1q",
    "year": "1y",
}
_ISO = "%Y-%m-%dT%H:%M:%S%.f%#z"


def iso_date(texts: pl.Expr, *, strict: bool = True) -> pl.Expr:
    """Return the days of ISO 8601 texts: the first ten characters."""
    return texts.str.strip_chars().str.head(10).str.to_date("%Y-%m-%d", strict=strict)


def iso_datetime(texts: pl.Expr, *, strict: bool = True) -> pl.Expr:
    """Return the moments of ISO 8601 texts in UTC; a text without a zone is taken to be in UTC."""
    full = (
        texts.str.strip_chars()
        .str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00Z")
        .str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
        .str.replace(r"T(\d{2}:\d{2})(Z|[+-][\d:]+)?$", "T${1}:00${2}")
        .str.replace(r"(T\d{2}:\d{2}:\d{2}(?:\.\d+)?)$", "${1}Z")
        .str.replace(r"Z$", "+00:00")
    )
    return full.str.to_datetime(_ISO, time_unit="us", strict=strict)


def _temporal(call: Call) -> pl.Expr:
    dtype = call.type
    if isinstance(dtype, pl.String):
        raise refusal(
            call.method,
            "the column is text; make it dates first: .str.toDate() or .str.toDatetime()",
        )
    if dtype is not None and not dtype.is_temporal() and not isinstance(dtype, pl.Null):
        raise refusal(call.method, f"needs dates, not a column of type {type_name(dtype)}")
    # A column of nulls has no type of its own.
    return call.receiver.cast(pl.Datetime("us")) if isinstance(dtype, pl.Null) else call.receiver


def _part(read: Callable[[pl.Expr], pl.Expr]) -> Method:
    return Method(lambda call: read(_temporal(call)).cast(pl.Int64))


def _duration(call: Call, what: str) -> str:
    given = call.text(0, what)
    length = _WORDS.get(given.removesuffix("s"), given)
    if not _DURATION.fullmatch(length):
        raise refusal(
            call.method, f"{what} is written as '1d', '2w', '1mo', '1q', '1y', '15m' or '1h30m'"
        )
    return length


def _truncated(call: Call) -> pl.Expr:
    every = _duration(call, "the unit")
    if every.startswith("-") or not re.search(r"[1-9]", every):
        raise refusal(call.method, f"the unit must be longer than nothing, not '{every}'")
    return _temporal(call).dt.truncate(every)


def _moved(call: Call) -> pl.Expr:
    return _temporal(call).dt.offset_by(_duration(call, "the offset"))


def _formatted(call: Call) -> pl.Expr:
    return _temporal(call).dt.strftime(call.text(0, "the format"))


def _epoch_millis(call: Call) -> pl.Expr:
    return _temporal(call).dt.epoch("ms").cast(pl.Int64)


DATE_METHODS: Methods = {
    "dt.year": _part(lambda e: e.dt.year()),
    "dt.quarter": _part(lambda e: e.dt.quarter()),
    "dt.month": _part(lambda e: e.dt.month()),
    "dt.week": _part(lambda e: e.dt.week()),
    "dt.day": _part(lambda e: e.dt.day()),
    "dt.weekday": _part(lambda e: e.dt.weekday()),
    "dt.ordinalDay": _part(lambda e: e.dt.ordinal_day()),
    "dt.hour": _part(lambda e: e.dt.hour()),
    "dt.minute": _part(lambda e: e.dt.minute()),
    "dt.second": _part(lambda e: e.dt.second()),
    "dt.date": Method(lambda call: _temporal(call).dt.date()),
    "dt.truncate": Method(_truncated, 1, 1),
    "dt.format": Method(_formatted, 1, 1),
    "dt.offsetBy": Method(_moved, 1, 1),
    "dt.epochMillis": Method(_epoch_millis),
}
