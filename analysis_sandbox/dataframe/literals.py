"""Values that stand in an expression, read by the type of the column they meet.

A script has no date values beside columns: text in ISO 8601 and JavaScript Dates become dates where
they meet a date, datetime or time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TypeAlias, cast

import polars as pl

from analysis_sandbox.dataframe.arguments import described, is_array, is_expression
from analysis_sandbox.dataframe.column_types import family, type_name
from analysis_sandbox.dataframe.refusals import refusal, translated

Plain: TypeAlias = "bool | int | float | str | bytes | date | time | None"

_INT64_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Text:
    """A literal text; `is_instant` when it is a JavaScript Date."""

    value: str
    is_instant: bool = False


def text_of(node: object) -> Text | None:
    """Return the text that a node stands for, None when it is anything else."""
    if isinstance(node, str):
        return Text(node)
    parts = _parts(node)
    if len(parts) != 3:
        return None
    method, receiver, argument = parts
    if method == "lit" and receiver is None and isinstance(argument, str):
        return Text(argument)
    if method == "cast" and argument == "datetime":
        inner = text_of(receiver)
        return None if inner is None else Text(inner.value, is_instant=True)
    return None


def literal(step: str, value: object, dtype: pl.DataType | None = None) -> pl.Expr:
    """Return a plain value, or a `Text`, as an expression that fits a column of type `dtype`.

    Raises:
        ValidationFailedError: it can never stand beside a value of that type.
    """
    fitted = _fitted(step, value, dtype)
    if isinstance(fitted, bool) or fitted is None:
        return pl.lit(fitted)
    if isinstance(fitted, int):
        return pl.lit(fitted, dtype=pl.Int64)
    if isinstance(fitted, float):
        return pl.lit(fitted, dtype=pl.Float64)
    if isinstance(fitted, datetime):
        return pl.lit(fitted, dtype=pl.Datetime("us", "UTC" if fitted.tzinfo else None))
    return pl.lit(fitted)


def values_like(step: str, values: Sequence[object], dtype: pl.DataType | None) -> pl.Series:
    """Return plain values as a series of one type that fits a column of `dtype`."""
    fitted = [_fitted(step, text_of(value) or value, dtype) for value in values]
    kinds = {type(value) for value in fitted}
    if kinds == {int, float}:
        fitted = [float(cast("float", value)) for value in fitted]
    elif kinds == {date, datetime}:
        days = (value for value in fitted if isinstance(value, date))
        fitted = [v if isinstance(v, datetime) else datetime.combine(v, time()) for v in days]
    with translated(step):
        return pl.Series(fitted, dtype=None if fitted else dtype, strict=True)


def clean(text: str) -> str:
    """Return text without lone surrogates, which no column can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parts(node: object) -> list[object]:
    if not is_expression(node):
        return []
    parts = node["$expr"]
    return parts if is_array(parts) else []


def _fitted(step: str, value: object, dtype: pl.DataType | None) -> Plain:
    """Return the Python value that stands for `value` beside a column of type `dtype`."""
    if value is None:
        return None
    if isinstance(value, str | Text):
        return _fitted_text(step, Text(value) if isinstance(value, str) else value, dtype)
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, int | float):
        kind = "number"
        if isinstance(value, int) and not -_INT64_LAST <= value <= _INT64_LAST:
            raise refusal(step, f"{value} has more than 64 bits; give it as a string")
    elif isinstance(value, bytes):
        kind = "binary"
    else:
        shown = described(value)
        raise refusal(step, f"{shown} cannot stand here; give a string, a number or a column")
    if dtype is not None and family(dtype) not in {kind, "null"}:
        raise refusal(step, _mismatch(described(value), dtype))
    return value


def _fitted_text(step: str, given: Text, dtype: pl.DataType | None) -> Plain:
    if isinstance(dtype, pl.Date):
        moment = _moment(step, given.value)
        return moment.date() if moment.time() == time() else moment
    if isinstance(dtype, pl.Datetime):
        moment = _moment(step, given.value)
        return moment if dtype.time_zone is None else moment.replace(tzinfo=UTC)
    if isinstance(dtype, pl.Time) and not given.is_instant:
        try:
            return time.fromisoformat(given.value)
        except ValueError:
            shown = described(given.value)
            raise refusal(step, f"{shown} is not a time; write HH:MM:SS") from None
    if given.is_instant:
        return _instant(step, given.value, dtype)
    if dtype is None or family(dtype) in {"string", "null"}:
        return clean(given.value)
    raise refusal(step, _mismatch(described(given.value), dtype))


def _instant(step: str, text: str, dtype: pl.DataType | None) -> datetime:
    if dtype is not None and family(dtype) == "string":
        raise refusal(
            step,
            "a Date meets a column of type string; make that dates first, with .str.toDatetime()",
        )
    if dtype is not None and family(dtype) != "null":
        raise refusal(step, _mismatch("a Date", dtype))
    return _moment(step, text).replace(tzinfo=UTC)


def _moment(step: str, text: str) -> datetime:
    """Read ISO 8601 text; in UTC, without a zone."""
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        shown = described(text)
        raise refusal(
            step, f"{shown} is not a date; write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS"
        ) from None


def _mismatch(shown: str, dtype: pl.DataType) -> str:
    return f"{shown} does not fit a column of type {type_name(dtype)}; cast one of them"
