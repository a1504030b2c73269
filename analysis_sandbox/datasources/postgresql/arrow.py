"""PostgreSQL's rows as Arrow batches under the one schema that the cursor's description fixes.

| PostgreSQL                      | Arrow                                                      |
|---------------------------------|------------------------------------------------------------|
| smallint, integer, bigint, oid  | int16, int32, int64, int64                                 |
| real, double precision, boolean | float, double (NaN and infinities kept), bool              |
| numeric(p, s) up to 38 digits   | decimal128(p, s); NaN is null                              |
| any other numeric               | string: sums and averages have no fixed scale; write       |
|                                 | `sum(x)::numeric(20,2)` or `::float8` for a number         |
| date, timestamp, timestamptz    | date32, timestamp[us], timestamp[us, UTC]; "infinity" is   |
|                                 | the largest value, which DuckDB reads as infinity again    |
| time, bytea                     | time64[us], binary                                         |
| interval                        | string that DuckDB casts: "14 months 3 days 5 microseconds"|
| arrays                          | string: JSON, elements of other types than numbers and     |
|                                 | booleans as text                                           |
| json, uuid and everything else  | string: PostgreSQL's text                                  |
"""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
# pyright: reportUnknownLambdaType=false

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import Column
from psycopg.pq import Format
from psycopg.types.string import TextLoader

from analysis_sandbox.datasources.postgresql.values import parse_interval
from analysis_sandbox.datasources.rows import unique_names
from analysis_sandbox.errors import QueryError

_MOST_DIGITS = 38
_DATE = r"(\d+)-(\d\d)-(\d\d)"
_TIME = r"(\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
_TIMESTAMP = re.compile(rf"{_DATE} {_TIME}(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?")
_CALENDAR_DATE = re.compile(rf"{_DATE}( BC)?")
_CLOCK_TIME = re.compile(_TIME)
_DAY_MICROS = 86_400_000_000
_AS_TEXT = ("numeric", "date", "time", "timestamp", "timestamptz", "interval", "json", "jsonb")
_NATIVE = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "oid": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "bool": pa.bool_(),
    "bytea": pa.binary(),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its Arrow type, and what makes an array of its loaded values.

    `is_text` says that the loaded values are PostgreSQL's text, and so are the array's.
    """

    name: str
    type: pa.DataType
    build: Callable[[Sequence[Any]], pa.Array]
    is_text: bool = False


class ArrowShape:
    """The schema of a described cursor, and batches of its rows."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        columns = cursor.description or []
        names = unique_names([column.name for column in columns])
        self.fields = [
            _field(name, column, cursor) for name, column in zip(names, columns, strict=True)
        ]
        self.schema = pa.schema([(field.name, field.type) for field in self.fields])

    def batch(self, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
        """Return the rows, which must not be none.

        Raises:
            QueryError: a value has no place in its column's type.
        """
        arrays = [
            self._array(field, values)
            for field, values in zip(self.fields, zip(*rows, strict=True), strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, field: Field, values: Sequence[Any]) -> pa.Array:
        try:
            return field.build(values)
        except (pa.ArrowInvalid, OverflowError, ValueError) as error:
            raise QueryError(
                f"A value of column {field.name!r} does not fit {field.type}",
                hint=f"Cast it in the query, for example {field.name}::text.",
            ) from error


def register_arrow_loaders(cursor: psycopg.Cursor[Any]) -> None:
    """Make the cursor's rows what `ArrowShape` takes; call it before the cursor executes."""
    for name in _AS_TEXT:
        cursor.adapters.register_loader(name, TextLoader)
    for name in _NATIVE:
        oid = psycopg.adapters.types[name].oid
        loader = psycopg.adapters.get_loader(oid, Format.TEXT)
        assert loader is not None
        cursor.adapters.register_loader(oid, loader)


def _field(name: str, column: Column, cursor: psycopg.Cursor[Any]) -> Field:
    info = cursor.adapters.types.get(column.type_code)
    kind = info.name if info is not None else ""
    if info is not None and info.array_oid == column.type_code:
        return Field(name, pa.string(), _json_texts)
    if kind == "numeric":
        type_ = _decimal_type(column.precision, column.scale)
        as_text = type_ == pa.string()
        return Field(
            name, type_, lambda values: _cast(values, type_, _not_a_number), is_text=as_text
        )
    if kind in _PARSED:
        type_, odd = _PARSED[kind]
        return Field(name, type_, lambda values: _cast(values, type_, odd))
    if kind in _TEXT_BUILDERS:
        type_, build = _TEXT_BUILDERS[kind]
        return Field(name, type_, build)
    type_ = _NATIVE.get(kind, pa.string())
    return Field(name, type_, lambda values: pa.array(values, type_), is_text=type_ == pa.string())


def _decimal_type(precision: int | None, scale: int | None) -> pa.DataType:
    if precision is None or scale is None:
        return pa.string()
    # A negative scale rounds before the point; one above the precision only has zeros after it.
    digits = max(precision - min(scale, 0), scale)
    return pa.decimal128(digits, max(scale, 0)) if digits <= _MOST_DIGITS else pa.string()


def _cast(
    values: Sequence[str | None], type_: pa.DataType, odd: Callable[[str], object]
) -> pa.Array:
    """Let Arrow parse the texts; what it cannot parse goes through `odd`, value by value."""
    try:
        return pa.array(values, pa.string()).cast(type_)
    except pa.ArrowInvalid:
        parsed = [None if value is None else odd(value) for value in values]
    if pa.types.is_decimal(type_):
        return pa.array(parsed, pa.string()).cast(type_)
    return pa.array(parsed, pa.int32() if pa.types.is_date(type_) else pa.int64()).cast(type_)


def _json_texts(values: Sequence[object]) -> pa.Array:
    return pa.array(
        [
            None
            if value is None
            else json.dumps(value, ensure_ascii=False, default=lambda item: f"\\x{item.hex()}")
            for value in values
        ],
        pa.string(),
    )


def _intervals(values: Sequence[str | None]) -> pa.Array:
    return pa.array([value and _interval(value) for value in values], pa.string())


def _interval(text: str) -> str:
    parts = parse_interval(text)
    if parts is None:
        return text
    months, days, micros = parts
    return f"{months} months {days} days {micros} microseconds"


def _times(values: Sequence[str | None]) -> pa.Array:
    micros = [value and _clock(_groups(_CLOCK_TIME, value)) for value in values]
    return pa.array(micros, pa.int64()).cast(pa.time64("us"))


def _not_a_number(text: str) -> str | None:
    return None if text == "NaN" else text


def _days(text: str) -> int:
    if text.endswith("infinity"):
        return -(2**31) + 1 if text.startswith("-") else 2**31 - 1
    year, month, day, before = _groups(_CALENDAR_DATE, text)
    return _days_since_1970(int(year), int(month), int(day), before_christ=bool(before))


def _micros(text: str) -> int:
    if text.endswith("infinity"):
        return -(2**63) + 1 if text.startswith("-") else 2**63 - 1
    year, month, day, *rest = _groups(_TIMESTAMP, text)
    sign, hours, minutes, seconds, before = rest[4:]
    days = _days_since_1970(int(year), int(month), int(day), before_christ=bool(before))
    offset = _clock((hours or "0", minutes or "0", seconds or "0", ""))
    return days * _DAY_MICROS + _clock(rest[:4]) + (offset if sign == "-" else -offset)


def _clock(parts: Sequence[str]) -> int:
    hours, minutes, seconds, fraction = parts
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1_000_000 + int(f"{fraction or '':0<6}")


def _days_since_1970(year: int, month: int, day: int, *, before_christ: bool) -> int:
    """Count days in the proleptic Gregorian calendar, which `date` ends at the year 9999."""
    if before_christ:
        year = 1 - year
    # Years begin in March, so that the leap day is the last.
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return (
        era * 146_097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + (day_of_year - 719_468)
    )


def _groups(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(f"not understood: {text}")
    return match.groups("")


# Type, and what parses the texts that Arrow does not.
_PARSED: Mapping[str, tuple[pa.DataType, Callable[[str], object]]] = {
    "date": (pa.date32(), _days),
    "timestamp": (pa.timestamp("us"), _micros),
    "timestamptz": (pa.timestamp("us", tz="UTC"), _micros),
}
_TEXT_BUILDERS: Mapping[str, tuple[pa.DataType, Callable[[Sequence[Any]], pa.Array]]] = {
    "time": (pa.time64("us"), _times),
    "interval": (pa.string(), _intervals),
}
