"""Values of XSD's simple types: text into values, and a script's values into text.

A text that is not what its type says stays text: it is shown, not lost.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, cast

from zeep.xsd import types as xsd_types
from zeep.xsd.types import builtins

_ZONE = r"(Z|[+-]\d\d:\d\d)?"
_DATE = re.compile(r"(-?\d{4,}-\d\d-\d\d)" + _ZONE)
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?" + _ZONE)
_DATETIME = re.compile(r"(-?\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?" + _ZONE)
_DURATION = re.compile(
    r"(-?)P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?"
    r"(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_INTEGER = re.compile(r"[+-]?\d{1,4000}")
_NUMBER = re.compile(r"[+-]?(\d{1,4000}\.?\d*|\.\d+)")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_INTERVAL = frozenset({"months", "days", "micros"})
_MICROS = 1_000_000

SimpleReader: TypeAlias = Callable[[str | None], object]

# Subclasses before their base: an integer is a decimal to zeep.
_KINDS: tuple[tuple[Any, str], ...] = (
    (builtins.Boolean, "boolean"),
    (builtins.Integer, "integer"),
    (builtins.Decimal, "decimal"),
    (builtins.Float, "number"),
    (builtins.Double, "number"),
    (builtins.Duration, "duration"),
    (builtins.DateTime, "dateTime"),
    (builtins.Date, "date"),
    (builtins.Time, "time"),
    (builtins.Base64Binary, "base64"),
    (builtins.HexBinary, "hex"),
)
_KEPT_AS_IT_IS = (builtins.String,)
_COLLAPSED = (builtins.Token,)


def kind_of(xsd_type: Any) -> str:
    """Return a simple type's kind in one word for people; `text` for all that is none of its own.

    A list of values is `array`.
    """
    if isinstance(xsd_type, xsd_types.ListType):
        return "array"
    if isinstance(xsd_type, xsd_types.UnionType):
        kinds = {kind_of(item) for item in cast("list[Any]", xsd_type.item_types)}
        return kinds.pop() if len(kinds) == 1 else "text"
    return next((kind for known, kind in _KINDS if isinstance(xsd_type, known)), "text")


def read_simple(xsd_type: Any, text: str | None) -> object:
    """Return the value that a text of a type is; None for no text, but of a string it is empty."""
    return simple_reader(xsd_type)(text)


def simple_reader(xsd_type: Any) -> SimpleReader:
    """Return what reads the texts of a type, for many of them; see `read_simple`."""
    if isinstance(xsd_type, _KEPT_AS_IT_IS) and not isinstance(xsd_type, _COLLAPSED):
        return lambda text: text or ""
    if isinstance(xsd_type, xsd_types.ListType):
        read_item = simple_reader(cast("Any", xsd_type).item_type)
        return lambda text: [read_item(item) for item in (text or "").split()]
    kind = kind_of(xsd_type)
    read = _READERS.get(kind, str)

    def value(text: str | None) -> object:
        found = " ".join((text or "").split())
        if not found:
            return "" if kind == "text" else None
        try:
            return read(found)
        except (ValueError, ArithmeticError):
            return found

    return value


def write_simple(xsd_type: Any, value: object) -> str:
    """Return a script's value as the text of a type.

    Raises:
        ValueError: it has none; the message says what it must be.
    """
    if isinstance(xsd_type, xsd_types.ListType):
        if not isinstance(value, list):
            raise ValueError("must be an array")  # noqa: TRY004  # as every misfit
        item_type = cast("Any", xsd_type).item_type
        return " ".join(write_simple(item_type, item) for item in cast("list[object]", value))
    kind = kind_of(xsd_type)
    text = _WRITERS.get(kind, _text)(value)
    if _NOT_XML.search(text):
        raise ValueError("has a character that XML cannot hold")
    return text


def _read_boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text]


def _read_decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return Decimal(text)


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _read_number(text: str) -> float:
    if "_" in text:
        raise ValueError
    return float(text)


def _read_datetime(text: str) -> object:
    match = _DATETIME.fullmatch(text)
    if not match:
        raise ValueError
    # What Python's calendar does not have, such as the year 12024 or 24:00, stays text.
    return datetime.fromisoformat(text)


def _read_date(text: str) -> str:
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError
    return match.group(1)


def _read_duration(text: str) -> dict[str, int]:
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError
    sign = -1 if match.group(1) else 1
    years, months, days, hours, minutes = (int(match.group(n) or 0) for n in range(2, 7))
    seconds = Decimal(match.group(7) or 0) + 60 * (minutes + 60 * hours)
    return {
        "months": sign * (12 * years + months),
        "days": sign * days,
        "micros": sign * int(seconds * _MICROS),
    }


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_READERS: Mapping[str, Callable[[str], object]] = {
    "boolean": _read_boolean,
    "integer": _read_integer,
    "decimal": _read_decimal,
    "number": _read_number,
    "duration": _read_duration,
    "dateTime": _read_datetime,
    "date": _read_date,
    "base64": lambda text: base64.b64decode(text.replace(" ", ""), validate=True),
    "hex": bytes.fromhex,
}


def _boolean(value: object) -> str:
    found = value if isinstance(value, bool) else _BOOLEANS.get(str(value))
    if found is None:
        raise ValueError("must be true or false")
    return "true" if found else "false"


def _whole(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | str) or not _INTEGER.fullmatch(text):
        raise ValueError("must be a whole number")
    return text


def _decimal(value: object) -> str:
    text = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        number = Decimal(text if isinstance(value, int | float | str) else "?")
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 4_000:
        raise ValueError("must be a number")
    return format(number, "f")


def _number(value: object) -> str:
    if isinstance(value, str) and value.strip() in ("INF", "-INF", "NaN"):
        return value.strip()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a number; write infinities as the text INF or -INF")
    number = float(_decimal(value))
    if not math.isfinite(number):
        raise ValueError("is too large for a number")
    return repr(number)


def _datetime(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if _DATE.fullmatch(text) and text[-1].isdigit() and ":" not in text:
        return f"{text}T00:00:00"
    match = _DATETIME.fullmatch(text)
    if not match:
        raise ValueError("must be a Date, or text such as 2024-01-31T09:30:00Z")
    day, minute, second, zone = match.groups()
    return f"{day}T{minute}{second or ':00'}{zone or ''}"


def _date(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    match = _DATETIME.fullmatch(text)
    if match:
        return match.group(1)
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date, such as 2024-01-31")
    return text


def _time(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not _TIME.fullmatch(text):
        raise ValueError("must be a time, such as 09:30:00")
    return text if text.count(":") > 1 else f"{text[:5]}:00{text[5:]}"


def _duration(value: object) -> str:
    if isinstance(value, str) and _DURATION.fullmatch(value.strip()):
        return value.strip()
    parts = cast("dict[str, object]", value if isinstance(value, Mapping) else {})
    numbers = {key: part for key, part in parts.items() if isinstance(part, int)}
    if not numbers or len(numbers) != len(parts) or not numbers.keys() <= _INTERVAL:
        raise ValueError("must be a duration, such as P1DT2H or {months: 0, days: 1, micros: 0}")
    if min(numbers.values()) < 0 < max(numbers.values()):
        raise ValueError("must be a duration whose parts have one sign")
    sign = "-" if min(numbers.values()) < 0 else ""
    months, days, micros = (abs(numbers.get(key, 0)) for key in ("months", "days", "micros"))
    return f"{sign}P{months}M{days}DT{format(Decimal(micros) / _MICROS, 'f')}S"


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    try:
        text = "".join(value.split()) if isinstance(value, str) else "?"
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be a Uint8Array, or Base64 text") from None
    return text


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex().upper()
    try:
        return bytes.fromhex(value if isinstance(value, str) else "?").hex().upper()
    except ValueError:
        raise ValueError("must be a Uint8Array, or hexadecimal text") from None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value) if value.is_integer() and abs(value) < 1e21 else value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value
    raise ValueError(f"must be text, not {_called(value)}")


def _called(value: object) -> str:
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, Mapping) else "bytes"


_WRITERS: Mapping[str, Callable[[object], str]] = {
    "boolean": _boolean,
    "integer": _whole,
    "decimal": _decimal,
    "number": _number,
    "duration": _duration,
    "dateTime": _datetime,
    "date": _date,
    "time": _time,
    "base64": _base64,
    "hex": _hex,
}
