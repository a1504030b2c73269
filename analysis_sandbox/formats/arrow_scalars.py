"""JSON texts of an Arrow column of a flat type, by the table of `values`; null stays null.

Done with Arrow's kernels for whole columns. Values that need care (control characters, integers
that JavaScript would round, years before 1 or after 9999) and rare types are written one by one.
"""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import MAX_SAFE_INTEGER, encode

# Everything that cannot stand as it is between the quotes of an ASCII JSON string.
_NEEDS_ESCAPE = r"[^\x20\x21\x23-\x5b\x5d-\x7e]"
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, from 1970
_DAYS_IN_400_YEARS = 146_097
_DAY_SECONDS = 86_400
_EXACT_DIGITS = 15
_INFINITE_DAY = 2**31 - 1
_INFINITE_TICK = 2**63 - 1


def scalar_texts(array: pa.Array) -> pa.Array:
    """Return a string array with the JSON text of each value; nulls stay null.

    Raises:
        ValidationFailedError: the table has no place for values of this type.
    """
    for is_type, texts in _ENCODERS:
        if is_type(array.type):
            return texts(array)
    raise ValidationFailedError(
        f"A column of the type {array.type} cannot cross to a script; cast it to text in the SQL"
    )


def string_texts(array: pa.Array) -> pa.Array:
    """Return the JSON strings of a text column: ASCII, escaped."""
    array = array.cast(pa.string())
    special = pc.match_substring_regex(array, _NEEDS_ESCAPE)
    if not pc.any(special).as_py():
        return quote(array)
    escaped = [encode_basestring_ascii(text) for text in array.filter(special).to_pylist()]
    return _replaced(quote(array), special, escaped)


def integer_texts(array: pa.Array) -> pa.Array:
    """Return integers as numbers where JavaScript keeps them exactly, else as strings.

    Also takes decimals of scale 0, the form in which 128-bit integers are read.
    """
    texts = array.cast(pa.string())
    kind = array.type
    if pa.types.is_integer(kind) and kind.bit_width < 64:
        return texts
    extremes = pc.min_max(array).as_py()
    if extremes["min"] is None:
        return texts
    if extremes["min"] >= -MAX_SAFE_INTEGER and extremes["max"] <= MAX_SAFE_INTEGER:
        return texts
    unsafe = pc.greater(array, pa.scalar(MAX_SAFE_INTEGER, kind))
    if not pa.types.is_unsigned_integer(kind):
        unsafe = pc.or_(unsafe, pc.less(array, pa.scalar(-MAX_SAFE_INTEGER, kind)))
    return pc.if_else(unsafe, quote(texts), texts)


def quote(texts: pa.Array) -> pa.Array:
    """Put double quotes around texts that need no escaping."""
    return pc.binary_join_element_wise('"', texts, '"', "")


def each(array: pa.Array, write: Callable[[Any], str]) -> pa.Array:
    """Write one value at a time: for types that no kernel formats."""
    texts = [None if value is None else write(value) for value in array.to_pylist()]
    return pa.array(texts, pa.string())


def _replaced(texts: pa.Array, mask: pa.Array, replacements: list[str]) -> pa.Array:
    """Return `texts` with the values where `mask` is true replaced, in order."""
    mask = pc.fill_null(mask, fill_value=False)
    return pc.replace_with_mask(texts, mask, pa.array(replacements, pa.string()))


def _null_texts(array: pa.Array) -> pa.Array:
    return pa.nulls(len(array), pa.string())


def _boolean_texts(array: pa.Array) -> pa.Array:
    return array.cast(pa.string())


def _float_texts(array: pa.Array) -> pa.Array:
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    texts = array.cast(pa.string())
    finite = pc.is_finite(array)
    return texts if pc.all(finite).as_py() else pc.if_else(finite, texts, None)


def _decimal_texts(array: pa.Array) -> pa.Array:
    """Numbers up to 15 digits, which a double keeps exactly; the others are decided one by one."""
    kind = array.type
    if not pa.types.is_decimal128(kind):
        return each(array, encode)
    texts = array.cast(pa.string())
    if kind.precision <= _EXACT_DIGITS:
        return texts
    bound = Decimal(10) ** (_EXACT_DIGITS - kind.scale)
    large = pc.greater_equal(pc.abs(array), pa.scalar(bound))
    if not pc.any(large).as_py():
        return texts
    return _replaced(texts, large, [encode(value) for value in array.filter(large).to_pylist()])


def _encoded_each(array: pa.Array) -> pa.Array:
    return each(array, encode)


def _date_texts(array: pa.Array) -> pa.Array:
    days = array.cast(pa.date32()).view(pa.int32())
    ordinary = pc.and_(pc.greater_equal(days, _FIRST_DAY), pc.less_equal(days, _LAST_DAY))
    dates = pc.if_else(ordinary, days, None).view(pa.date32())
    texts = quote(dates.cast(pa.string()))
    if pc.all(ordinary).as_py():
        return texts
    return pc.coalesce(texts, each(days, _unusual_date))


def _unusual_date(days: int) -> str:
    if abs(days) == _INFINITE_DAY:
        return _infinity(days)
    return f'"{_expanded_date(days)}"'


def _infinity(value: int) -> str:
    return '"infinity"' if value > 0 else '"-infinity"'


def _expanded_date(days: int) -> str:
    """Return an ISO 8601 date; years outside 0 to 9999 have a sign, as JavaScript reads them."""
    cycles, day = divmod(days - _FIRST_DAY, _DAYS_IN_400_YEARS)
    within = date.fromordinal(day + 1)
    year = within.year + cycles * 400
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+07d}"
    return f"{shown}-{within.month:02d}-{within.day:02d}"


def _timestamp_texts(array: pa.Array) -> pa.Array:
    kind = array.type
    per_second = _PER_SECOND[kind.unit]
    end = '"' if kind.tz is None else 'Z"'
    ticks = array.view(pa.int64())
    lowest = max(_FIRST_DAY * _DAY_SECONDS * per_second, 1 - _INFINITE_TICK)
    highest = min((_LAST_DAY + 1) * _DAY_SECONDS * per_second - 1, _INFINITE_TICK - 1)
    ordinary = pc.and_(pc.greater_equal(ticks, lowest), pc.less_equal(ticks, highest))
    usual = pc.if_else(ordinary, ticks, None).view(pa.timestamp(kind.unit))
    clock = _without_zero_fraction(usual, pa.timestamp("s"))
    clock = pc.replace_substring(clock, " ", "T", max_replacements=1)
    texts = pc.binary_join_element_wise('"', clock, end, "")
    if pc.all(ordinary).as_py():
        return texts
    unusual = each(ticks, lambda value: _unusual_timestamp(value, per_second, end))
    return pc.coalesce(texts, unusual)


def _unusual_timestamp(ticks: int, per_second: int, end: str) -> str:
    if abs(ticks) == _INFINITE_TICK:
        return _infinity(ticks)
    days, rest = divmod(ticks, _DAY_SECONDS * per_second)
    return f'"{_expanded_date(days)}T{time_of_day(rest, per_second)}{end}'


def time_of_day(ticks: int, per_second: int) -> str:
    """Return `HH:MM:SS` with the fraction when there is one; 24:00:00 is a time of day too."""
    seconds, fraction = divmod(ticks, per_second)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    shown = f".{fraction:0{len(str(per_second)) - 1}d}" if fraction else ""
    return f"{hour:02d}:{minute:02d}:{second:02d}{shown}"


def _time_texts(array: pa.Array) -> pa.Array:
    per_second = _PER_SECOND[array.type.unit]
    ticks = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    if pc.any(pc.greater_equal(ticks, _DAY_SECONDS * per_second)).as_py():
        return each(ticks, lambda value: f'"{time_of_day(value, per_second)}"')
    return quote(_without_zero_fraction(array, pa.time32("s")))


def _without_zero_fraction(array: pa.Array, whole_seconds: pa.DataType) -> pa.Array:
    try:
        return array.cast(whole_seconds).cast(pa.string())
    except pa.ArrowInvalid:
        return pc.replace_substring_regex(array.cast(pa.string()), r"\.0+$", "")


def _duration_texts(array: pa.Array) -> pa.Array:
    return each(array.cast(pa.duration("us"), safe=False), encode)


def _interval_texts(array: pa.Array) -> pa.Array:
    return each(array, _interval)


def _interval(value: Any) -> str:
    micros = value.nanoseconds // 1_000
    return encode({"months": value.months, "days": value.days, "micros": micros})


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


_ENCODERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (_is_text, string_texts),
    (pa.types.is_integer, integer_texts),
    (pa.types.is_floating, _float_texts),
    (pa.types.is_boolean, _boolean_texts),
    (pa.types.is_decimal, _decimal_texts),
    (pa.types.is_date, _date_texts),
    (pa.types.is_timestamp, _timestamp_texts),
    (pa.types.is_time, _time_texts),
    (_is_bytes, _encoded_each),
    (pa.types.is_null, _null_texts),
    (pa.types.is_duration, _duration_texts),
    (pa.types.is_interval, _interval_texts),
)
