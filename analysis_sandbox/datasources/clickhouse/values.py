"""How ClickHouse's values become JSON data.

By `values.py`, with these additions:

- Int64 and larger: number while JavaScript holds it exactly, else text; Float32: the shortest
  number that is the same; Decimal: number when exact in 15 digits, else text
- String, FixedString: text where the bytes are UTF-8 (FixedString without the zeros at its end),
  else bytes
- DateTime, DateTime64: an instant, in UTC with Z, whatever zone the column is shown in; up to
  nanoseconds; Time, Time64: text as ClickHouse writes it, which may be negative or beyond a day
- Interval…: {months, days, micros}
- Array: array; Tuple: object when its elements have names, else array; Map: object, whose keys
  become text; Nested: array of objects
- UUID, IPv4, IPv6, Enum: text; JSON, Dynamic, Variant: what they hold, by the same rules
"""

# The driver's types are only partly known to the type checker.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address
from math import isfinite
from typing import Any, TypeAlias, cast

from clickhouse_connect.datatypes.base import ClickHouseType

from analysis_sandbox.values import MAX_SAFE_INTEGER, TAG, JSONValue, to_json

Converter: TypeAlias = Callable[[Any], JSONValue]

# What the driver gives for each type, so that nothing is lost on the way.
EXACT_FORMATS: Mapping[str, str] = {
    "String": "bytes",
    "Date*": "int",
    "Time*": "int",
    "UUID": "string",
    "IPv*": "string",
    "Tuple": "tuple",
    "Map": "pairs",
}
# Values whose type is known only with each of them come as Python has them.
_LOOSE_TYPE = re.compile(
    r"(?<![\w'])(?:JSON|Dynamic|Variant|Object|Geometry|Point|Ring|Polygon|LineString"
    r"|MultiLineString|MultiPoint|MultiPolygon|QBit)(?![\w'])"
)
_SAFE_DIGITS = 15
_EPOCH = datetime(1970, 1, 1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_INTERVALS: Mapping[str, tuple[str, int]] = {
    "IntervalMicrosecond": ("micros", 1),
    "IntervalMillisecond": ("micros", 1_000),
    "IntervalSecond": ("micros", 1_000_000),
    "IntervalMinute": ("micros", 60_000_000),
    "IntervalHour": ("micros", 3_600_000_000),
    "IntervalDay": ("days", 1),
    "IntervalWeek": ("days", 7),
    "IntervalMonth": ("months", 1),
    "IntervalQuarter": ("months", 3),
    "IntervalYear": ("months", 12),
}


def is_loose(type_name: str) -> bool:
    """Tell whether a column holds values that each have a type of their own."""
    return _LOOSE_TYPE.search(type_name) is not None


def converter(kind: ClickHouseType, *, loose: bool = False) -> Converter | None:
    """Return what makes JSON data of a column's values; None where they are such data already."""
    if loose:
        return _loose
    convert = _converter(kind)
    if convert is None or not kind.nullable:
        return convert
    return partial(_unless_null, convert)


def _converter(kind: ClickHouseType) -> Converter | None:
    name = kind.base_type or ""
    if name in _INTERVALS:
        unit, factor = _INTERVALS[name]
        return partial(_interval, unit=unit, factor=factor)
    if name == "DateTime64":
        return partial(_moment, scale=cast("Any", kind).scale)
    if name == "Time64":
        return partial(_clock, scale=cast("Any", kind).scale)
    if name in _SCALARS:
        return _SCALARS[name]
    return _CONTAINERS.get(name, lambda _: _loose)(kind)


def _unless_null(convert: Converter, value: Any) -> JSONValue:
    return None if value is None else convert(value)


def _integer(value: int) -> JSONValue:
    return value if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(value)


def _float(value: float) -> JSONValue:
    return value if isfinite(value) else None


def _float32(value: float) -> JSONValue:
    """Return the shortest number that is the same in 32 bits: 0.1, not 0.10000000149011612."""
    if not isfinite(value):
        return None
    packed = struct.pack("f", value)
    for digits in (6, 7, 8):
        short = float(f"{value:.{digits}g}")
        if _packed(short) == packed:
            return short
    return float(f"{value:.9g}")


def _packed(value: float) -> bytes:
    try:
        return struct.pack("f", value)
    except OverflowError:
        return b""


def _string(value: bytes) -> JSONValue:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return to_json(value)


def _fixed_string(value: bytes) -> JSONValue:
    try:
        return value.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return to_json(value)


@lru_cache(maxsize=4096)
def _day(value: int) -> JSONValue:
    return date.fromordinal(_EPOCH_DAY + value).isoformat()


def _moment(value: int, *, scale: int = 0) -> JSONValue:
    seconds, fraction = divmod(value, 10**scale)
    whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    return f"{whole}{_fraction(fraction, scale)}Z"


def _clock(value: int, *, scale: int = 0) -> JSONValue:
    seconds, fraction = divmod(abs(value), 10**scale)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if value < 0 else ""
    return f"{sign}{hours:02}:{minutes:02}:{seconds:02}{_fraction(fraction, scale)}"


def _fraction(fraction: int, scale: int) -> str:
    return f".{f'{fraction:0{scale}}':0<6}" if fraction else ""


def _interval(value: int, *, unit: str, factor: int) -> JSONValue:
    parts: dict[str, JSONValue] = {"months": 0, "days": 0, "micros": 0}
    parts[unit] = _integer(value * factor)
    return parts


def _nanoseconds(value: int) -> JSONValue:
    return {"months": 0, "days": 0, "micros": _integer(value // 1000)}


def _array(kind: Any) -> Converter | None:
    element = converter(kind.element_type)
    return list if element is None else (lambda value: [element(item) for item in value])


def _tuple(kind: Any) -> Converter:
    elements = [converter(element) or _same for element in kind.element_types]
    if not kind.element_names:
        return lambda value: [convert(item) for convert, item in zip(elements, value, strict=True)]
    keys = [_key(name) for name in kind.element_names]
    return lambda value: {
        key: convert(item) for key, convert, item in zip(keys, elements, value, strict=True)
    }


def _map(kind: Any) -> Converter:
    key = converter(kind.key_type) or _same
    element = converter(kind.value_type) or _same
    return lambda value: {_key(_written(key(name))): element(item) for name, item in value}


def _nested(kind: Any) -> Converter:
    names = kind.element_names
    elements = [converter(element) or _same for element in kind.element_types]
    return lambda value: [
        {_key(name): convert(row[name]) for name, convert in zip(names, elements, strict=True)}
        for row in value
    ]


def _aggregate(kind: Any) -> Converter | None:
    return converter(kind.element_type)


def _loose(value: Any) -> JSONValue:
    """Return a value as Python has it as JSON data."""
    if isinstance(value, bytes | bytearray):
        return _string(bytes(value))
    if isinstance(value, datetime):
        return _moment_of(value)
    if isinstance(value, IPv4Address | IPv6Address):
        return str(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_key(_written(_loose(name))): _loose(item) for name, item in items}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_loose(item) for item in cast("Sequence[object]", value)]
    return to_json(value)


def _moment_of(value: datetime) -> JSONValue:
    return to_json(value if value.tzinfo else value.replace(tzinfo=UTC))


def _written(key: JSONValue) -> str:
    if isinstance(key, str):
        return key
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def _key(name: str) -> str:
    return TAG + name if name.startswith(TAG) else name


def _same(value: Any) -> JSONValue:
    return value


def _decimal(value: Decimal) -> JSONValue:
    text = str(value)
    # So short that it is exact.
    return float(text) if len(text) <= _SAFE_DIGITS else to_json(value)


_SCALARS: Mapping[str, Converter | None] = {
    **dict.fromkeys(("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"), None),
    **dict.fromkeys(("Int64", "Int128", "Int256", "UInt64", "UInt128", "UInt256"), _integer),
    **dict.fromkeys(("Bool", "Boolean", "Nothing", "UUID", "IPv4", "IPv6"), None),
    **dict.fromkeys(("Enum", "Enum8", "Enum16"), None),
    **dict.fromkeys(("Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256"), _decimal),
    "Float32": _float32,
    "BFloat16": _float32,
    "Float64": _float,
    "String": _string,
    "FixedString": _fixed_string,
    "Date": _day,
    "Date32": _day,
    "DateTime": _moment,
    "Time": _clock,
    "IntervalNanosecond": _nanoseconds,
}
_CONTAINERS: Mapping[str, Callable[[Any], Converter | None]] = {
    "Array": _array,
    "Tuple": _tuple,
    "Map": _map,
    "Nested": _nested,
    "SimpleAggregateFunction": _aggregate,
}
