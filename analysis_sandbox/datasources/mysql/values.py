"""How the values of MySQL and MariaDB become JSON data.

Results arrive as text. By `analysis_sandbox.values`, with these additions:

- bigint unsigned: a string beyond 2**53, like every integer; boolean is tinyint(1) and stays 0 or 1
- bit(n): the number its bits are; year: a number
- date, datetime: as they stand, "0000-00-00" and days that no calendar has among them
- timestamp: in UTC with Z, whatever zone the server is in
- time: "HH:MM:SS" within a day; what is negative or longer: {months: 0, days: 0, micros}
- json: parsed; a number that neither a safe integer nor a double holds exactly: its text. MariaDB
  keeps json as text with a check: columns that have it are parsed, what a function makes is text
- set: text with commas; geometry: MySQL's bytes (the SRID, then WKB); everything else: text
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

from pymysql.constants import FIELD_TYPE, FLAG

from analysis_sandbox.values import MAX_SAFE_INTEGER, JSONValue, to_json

Raw: TypeAlias = bytes | None
Kind = Literal[
    "integer",
    "float",
    "decimal",
    "date",
    "datetime",
    "timestamp",
    "time",
    "bit",
    "json",
    "text",
    "bytes",
]
_BINARY = 63
_LONGTEXT = 2**32 - 1
_SAFE_DIGITS = 15
_DAY_MICROS = 86_400_000_000
_TIME = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_KINDS: dict[int, Kind] = {
    FIELD_TYPE.TINY: "integer",
    FIELD_TYPE.SHORT: "integer",
    FIELD_TYPE.INT24: "integer",
    FIELD_TYPE.LONG: "integer",
    FIELD_TYPE.LONGLONG: "integer",
    FIELD_TYPE.YEAR: "integer",
    FIELD_TYPE.FLOAT: "float",
    FIELD_TYPE.DOUBLE: "float",
    FIELD_TYPE.DECIMAL: "decimal",
    FIELD_TYPE.NEWDECIMAL: "decimal",
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.DATETIME: "datetime",
    FIELD_TYPE.TIMESTAMP: "timestamp",
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.BIT: "bit",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "bytes",
    FIELD_TYPE.NULL: "text",
}


class FieldPacket(Protocol):
    """The server's description of a column, as the driver hands it out."""

    name: str
    type_code: int
    charsetnr: int
    flags: int
    length: int
    scale: int
    db: bytes
    org_table: str
    org_name: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result, as the server describes it."""

    name: str
    kind: Kind
    type_code: int
    unsigned: bool
    length: int
    scale: int
    # Where it comes from: (schema, table, column); empty for an expression.
    origin: tuple[str, str, str]

    @property
    def may_be_json(self) -> bool:
        """Tell whether MariaDB describes a json column like this."""
        return self.kind == "text" and self.length == _LONGTEXT and all(self.origin)


def column_of(field: FieldPacket) -> Column:
    """Return the column that the server's packet describes."""
    kind = _KINDS.get(field.type_code)
    if kind is None:
        kind = "bytes" if field.charsetnr == _BINARY else "text"
    if kind == "bytes" and field.flags & (FLAG.ENUM | FLAG.SET):
        kind = "text"
    return Column(
        name=field.name,
        kind=kind,
        type_code=field.type_code,
        unsigned=bool(field.flags & FLAG.UNSIGNED),
        length=field.length,
        scale=field.scale,
        origin=(field.db.decode(), field.org_table, field.org_name),
    )


def decoder(column: Column) -> Callable[[bytes], JSONValue]:
    """Return what makes JSON data of the column's values."""
    return _DECODERS[column.kind]


def time_micros(text: str) -> int:
    """Return the microseconds of a TIME, which may be negative or longer than a day."""
    match = _TIME.fullmatch(text)
    assert match is not None
    sign, hours, minutes, seconds, fraction = match.groups()
    micros = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000
    micros += int(f"{fraction or '':0<6}")
    return -micros if sign else micros


def _integer(data: bytes) -> JSONValue:
    number = int(data)
    return number if -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER else data.decode()


def _decimal(data: bytes) -> JSONValue:
    if len(data) > _SAFE_DIGITS:
        return to_json(Decimal(data.decode()))
    number = float(data)
    return int(number) if number.is_integer() else number


def _text(data: bytes) -> JSONValue:
    return data.decode("utf-8", "replace")


def _datetime(data: bytes) -> JSONValue:
    return _padded(data.decode().replace(" ", "T"))


def _timestamp(data: bytes) -> JSONValue:
    text = _padded(data.decode().replace(" ", "T"))
    return text if text.startswith("0000") else f"{text}Z"


def _time(data: bytes) -> JSONValue:
    text = data.decode()
    micros = time_micros(text)
    if 0 <= micros < _DAY_MICROS:
        return _padded(text)
    return {"months": 0, "days": 0, "micros": micros}


def _bit(data: bytes) -> JSONValue:
    return to_json(int.from_bytes(data, "big"))


def _json(data: bytes) -> JSONValue:
    text = data.decode("utf-8", "replace")
    try:
        return to_json(json.loads(text, parse_int=_json_integer, parse_float=_json_number))
    except (ValueError, RecursionError):
        # A check can be switched off while rows are written.
        return text


def _padded(text: str) -> str:
    seconds, _, fraction = text.partition(".")
    return f"{seconds}.{fraction:0<6}" if fraction.strip("0") else seconds


def _json_integer(text: str) -> int | str:
    # Longer ones may exceed what int() accepts, and none of them is safe.
    return int(text) if len(text) <= 17 else text


def _json_number(text: str) -> float | str:
    number = float(text)
    exact = number not in (float("inf"), float("-inf")) and Decimal(repr(number)) == Decimal(text)
    return number if exact else text


_DECODERS: dict[Kind, Callable[[bytes], JSONValue]] = {
    "integer": _integer,
    "float": float,
    "decimal": _decimal,
    "date": _text,
    "datetime": _datetime,
    "timestamp": _timestamp,
    "time": _time,
    "bit": _bit,
    "json": _json,
    "text": _text,
    "bytes": to_json,
}
