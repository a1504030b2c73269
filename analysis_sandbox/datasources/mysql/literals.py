"""How a script's values become part of a statement.

The driver sends no values apart from the text, so they are written into it, in forms that mean the
same in every place, SQL mode and character set: texts and bytes in hexadecimal, without quotes or
backslashes, numbers in digits. Nothing in a value can end its literal.

Numbers are exact (DECIMAL) as long as they are written in full; lists and objects are JSON text.
A text that is a point in time in UTC (`2024-02-29T01:02:03.000Z`, what a JavaScript Date arrives
as) is sent as `2024-02-29 01:02:03.000`: the databases understand no zone named Z, and every
session is in UTC.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import UnionType
from typing import Any

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import to_json

_POINT_IN_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z")
# What DECIMAL can hold of a number written in full; others are written as DOUBLE.
_SMALLEST_EXACT = 1e-9
_LARGEST_EXACT = 1e25
_LARGEST_INTEGER = 2**64 - 1
_SMALLEST_INTEGER = -(2**63)


def literal(value: object) -> str:
    """Return the value as SQL.

    Raises:
        ValidationFailedError: the database has no form for it.
    """
    if value is None:
        return "NULL"
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    converted = to_json(value)
    return text_literal(converted if isinstance(converted, str) else json.dumps(converted))


def text_literal(text: str) -> str:
    """Return a text as SQL.

    Raises:
        ValidationFailedError: it is not valid Unicode.
    """
    try:
        return f"_utf8mb4 0x{text.encode().hex()}" if text else "''"
    except UnicodeEncodeError as error:
        raise ValidationFailedError(f"A text is not valid Unicode ({error.reason})") from error


def bytes_literal(data: bytes) -> str:
    """Return bytes as SQL."""
    return f"_binary 0x{data.hex()}" if data else "_binary ''"


def identifier(name: str) -> str:
    """Return a name as SQL: quoted.

    Raises:
        ValidationFailedError: no table or column can have this name.
    """
    if not name or "\x00" in name or name.endswith(" ") or any(c > "\uffff" for c in name):
        raise ValidationFailedError(f"{name!r} cannot be the name of a table or a column")
    return f"`{name.replace('`', '``')}`"


def _integer(value: int) -> str:
    if not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
        raise ValidationFailedError(f"MySQL has no integers as large as {value}; send it as text")
    return str(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValidationFailedError(f"MySQL has no number {value}")
    if value == 0 or _SMALLEST_EXACT <= abs(value) < _LARGEST_EXACT:
        return format(Decimal(repr(value)), "f")
    return f"{value!r}e0" if "e" not in repr(value) else repr(value)


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValidationFailedError(f"MySQL has no number {value}")
    return format(value, "f")


def _text(value: str) -> str:
    moment = _POINT_IN_TIME.fullmatch(value)
    return text_literal(" ".join(moment.groups()) if moment else value)


def _document(value: Mapping[str, object] | Sequence[object]) -> str:
    return text_literal(json.dumps(to_json(value), ensure_ascii=False))


def _datetime(value: datetime) -> str:
    local = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return text_literal(local.isoformat(" "))


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta() else ""
    minutes, seconds = divmod(abs(value), timedelta(minutes=1))
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds.seconds:02}"
    return text_literal(f"{sign}{clock}.{seconds.microseconds:06}")


# The first that fits: bool is an int, datetime is a date, and str is a sequence.
_WRITERS: Sequence[tuple[type | UnionType | tuple[type, ...], Callable[[Any], str]]] = (
    (bool, lambda value: "TRUE" if value else "FALSE"),
    (int, _integer),
    (float, _float),
    (str, _text),
    (bytes | bytearray | memoryview, lambda value: bytes_literal(bytes(value))),
    (Decimal, _decimal),
    (datetime, _datetime),
    (date | time, lambda value: text_literal(value.isoformat())),
    (timedelta, _duration),
    ((Mapping, Sequence), _document),
)
