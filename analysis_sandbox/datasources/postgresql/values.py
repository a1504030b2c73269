"""How PostgreSQL's values become JSON data, and how a script's values become parameters.

Results arrive as text, the one format every type has. By `values.py`, with these additions:

- interval: {months, days, micros}, nothing converted into anything else
- infinite dates, timestamps and intervals: "infinity", "-infinity"; dates before year 1: as
  PostgreSQL writes them ("0044-03-15 BC")
- json, jsonb: parsed; a number that neither a safe integer nor a double holds exactly: its text
- arrays: arrays of converted elements; ranges, composites, money, enums, network addresses and
  every other type: PostgreSQL's text

Parameters: numbers are sent as integers or numeric (exact), text without a type, so that the
statement decides ("2024-01-01" is a date where a date is compared); a list is an array, an object
or a list that contains one is JSON.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo
from psycopg.types.multirange import MultirangeInfo
from psycopg.types.range import RangeInfo
from psycopg.types.string import TextLoader

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import MAX_SAFE_INTEGER, JSONValue, timestamp_text, to_json

_SAFE_DIGITS = 15
_INTERVAL = re.compile(
    r"P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?[\d.]+)S)?)?"
)
_TEXT_TYPES = ("uuid", "inet", "cidr", "record", "date", "timetz")
# Arrays of types that users or extensions defined. Every table has a composite type with an array
# of its own: those stay text.
_USER_ARRAYS = """
    select e.typname, e.oid::int8, e.typarray::int8, e.typdelim, e.typbasetype::int8
    from pg_catalog.pg_type e
    where e.oid >= 16384 and e.typarray <> 0 and e.typtype in ('b', 'd', 'e')
"""


class _ValueLoader(Loader):
    """Loads a value from its text."""

    def load(self, data: Buffer) -> JSONValue:
        return self.convert(bytes(data).decode("utf-8"))

    def convert(self, text: str) -> JSONValue:
        raise NotImplementedError


class _IntegerLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        number = int(text)
        return number if -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER else text


class _FloatLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        return None if text in ("NaN", "Infinity", "-Infinity") else float(text)


class _NumericLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        if len(text) > _SAFE_DIGITS or not text[-1].isdigit():
            return to_json(Decimal(text))
        return float(text) if "." in text else int(text)


class _TimeLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        return _padded(text)


class _TimestampLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        return text if text.endswith(" BC") else _padded(text.replace(" ", "T"))


class _TimestampTZLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        if text.endswith("+00"):
            return _padded(text[:-3].replace(" ", "T")) + "Z"
        if text.endswith((" BC", "infinity")):
            return text
        # A function called by the statement set another zone.
        return timestamp_text(datetime.fromisoformat(text))


class _IntervalLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        parts = parse_interval(text)
        if parts is None:
            return text
        months, days, micros = parts
        return {"months": months, "days": days, "micros": cast("int | str", to_json(micros))}


class _BytesLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        return to_json(bytes.fromhex(text[2:]))


class _JSONLoader(_ValueLoader):
    def convert(self, text: str) -> JSONValue:
        return to_json(json.loads(text, parse_int=_json_integer, parse_float=_json_number))


_LOADERS: Mapping[str, type[Loader]] = {
    "int8": _IntegerLoader,
    "oid": _IntegerLoader,
    "float4": _FloatLoader,
    "float8": _FloatLoader,
    "numeric": _NumericLoader,
    "time": _TimeLoader,
    "timestamp": _TimestampLoader,
    "timestamptz": _TimestampTZLoader,
    "interval": _IntervalLoader,
    "bytea": _BytesLoader,
    "json": _JSONLoader,
    "jsonb": _JSONLoader,
}


def register_loaders(context: AdaptContext) -> None:
    """Make results of this connection or cursor plain JSON data."""
    adapters = context.adapters
    for name in _TEXT_TYPES:
        adapters.register_loader(name, TextLoader)
    for info in adapters.types:
        if isinstance(info, RangeInfo | MultirangeInfo):
            adapters.register_loader(info.oid, TextLoader)
    for name, loader in _LOADERS.items():
        adapters.register_loader(name, loader)


def register_user_arrays(connection: psycopg.Connection[Any]) -> None:
    """Make arrays of enums, domains and extension types arrays. Types made later arrive as text."""
    rows = connection.execute(_USER_ARRAYS).fetchall()
    for name, oid, array_oid, delimiter, base_oid in rows:
        TypeInfo(name, int(oid), int(array_oid), delimiter=delimiter).register(connection)
        loader = connection.adapters.get_loader(int(base_oid), Format.TEXT)
        if loader is not None:
            connection.adapters.register_loader(int(oid), loader)


def parameter(value: object) -> object:
    """Return a script's value in the form in which the driver sends it."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, bytearray | memoryview):
        return bytes(cast("bytes", value))
    if isinstance(value, Mapping):
        return _json_text(cast("object", value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = cast("Sequence[object]", value)
        return _json_text(items) if _contains_mapping(items) else _array(items)
    return value


def parse_interval(text: str) -> tuple[int, int, int] | None:
    """Return months, days and microseconds of an ISO 8601 duration, None when it is infinite."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        return None
    years, months, days, hours, minutes = (int(part or 0) for part in match.groups()[:5])
    micros = int(Decimal(match.group(6) or 0) * 1_000_000)
    return years * 12 + months, days, (hours * 60 + minutes) * 60_000_000 + micros


def _padded(text: str) -> str:
    seconds, point, fraction = text.partition(".")
    return f"{seconds}.{fraction:0<6}" if point else text


def _json_integer(text: str) -> int | str:
    # Longer ones may exceed what int() accepts, and none of them is safe.
    return int(text) if len(text) <= 17 else text


def _json_number(text: str) -> float | str:
    number = float(text)
    exact = number not in (float("inf"), float("-inf")) and Decimal(repr(number)) == Decimal(text)
    return number if exact else text


def _json_text(value: object) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)


def _contains_mapping(items: Sequence[object]) -> bool:
    return any(
        isinstance(item, Mapping)
        or (isinstance(item, list | tuple) and _contains_mapping(cast("Sequence[object]", item)))
        for item in items
    )


def _array(items: Sequence[object]) -> list[object]:
    """Return the items as a list of one type: all numeric, or all text when they are mixed."""
    converted = [parameter(item) for item in items]
    kinds = {type(item) for item in converted if item is not None}
    if len(kinds) <= 1:
        return converted
    if kinds == {int, Decimal}:
        return [Decimal(item) if isinstance(item, int) else item for item in converted]
    return [item if item is None else _element_text(item) for item in converted]


def _element_text(item: object) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, bytes | list):
        raise ValidationFailedError("A list of values mixes bytes or lists with other types")
    return str(item)
