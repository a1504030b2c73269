"""How a script's values become parameters that the server itself puts into a statement.

| value                                | type                                                   |
|--------------------------------------|--------------------------------------------------------|
| null, boolean, number                | Nullable(Nothing), Bool, Int64 (larger: UInt64 … Int256)|
|                                      | or Float64                                             |
| text                                 | String, which ClickHouse compares with dates and times;|
|                                      | an instant with Z ("2024-01-01T00:00:00.000Z", what a  |
|                                      | JavaScript Date is) is DateTime64 in UTC               |
| bytes                                | String                                                 |
| array of one type, also with nulls   | Array; of different types: Array(String)               |
| object, array that contains one      | String: JSON                                           |
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias, cast
from uuid import UUID

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import to_json

Items: TypeAlias = Sequence[object]

_INTEGERS = (
    ("Int64", -(2**63), 2**63 - 1),
    ("UInt64", 0, 2**64 - 1),
    ("Int128", -(2**127), 2**127 - 1),
    ("UInt128", 0, 2**128 - 1),
    ("Int256", -(2**255), 2**255 - 1),
    ("UInt256", 0, 2**256 - 1),
)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?Z")
_MOST_DIGITS = 76
_YEARS = range(1900, 2299)
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
_ESCAPED = re.compile(r"[\\'\t\n\r\0\b\f]")


def placeholder(number: int, value: object) -> str:
    """Return what stands for the value in the statement."""
    return f"{{p{number}:{_type(value)}}}"


def parameters(values: Sequence[object]) -> dict[str, str]:
    """Return the values as what goes with a statement, by name.

    Raises:
        ValidationFailedError: a value has no form in ClickHouse.
    """
    return {f"param_p{number}": _text(value) for number, value in enumerate(values, 1)}


def _type(value: object) -> str:
    if value is None:
        return "Nullable(Nothing)"
    if _is_list(value):
        items = cast("Items", value)
        return "String" if _contains_object(items) else f"Array({_element_type(items)})"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name if isinstance(name, str) else name(value)
    return "String"


def _element_type(items: Items) -> str:
    found = [item for item in items if item is not None]
    nullable = len(found) < len(items)
    if found and all(_is_list(item) for item in found):
        # An array is never null: the server says so when it is given one.
        inner = [element for item in found for element in cast("Items", item)]
        return f"Array({_element_type(inner)})"
    kinds = {_type(item) for item in found}
    if not kinds:
        return "Nullable(Nothing)" if nullable else "Nothing"
    if all(isinstance(item, int) and not isinstance(item, bool) for item in found):
        kind = _integer_type(cast("Sequence[int]", found))
    elif all(isinstance(item, int | float) and not isinstance(item, bool) for item in found):
        kind = "Float64"
    elif all(kind.startswith("DateTime64") for kind in kinds):
        kind = max(kinds)
    else:
        kind = kinds.pop() if len(kinds) == 1 else "String"
    return f"Nullable({kind})" if nullable else kind


def _integer_type(numbers: Sequence[int]) -> str:
    for name, lowest, highest in _INTEGERS:
        if lowest <= min(numbers) and max(numbers) <= highest:
            return name
    raise ValidationFailedError("ClickHouse has no integers of more than 256 bits")


def _instant_type(text: str) -> str | None:
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    try:
        known = datetime.fromisoformat(f"{found[1]}T{found[2]}").year in _YEARS
    except ValueError:
        return None
    digits = len(found[3] or "") - 1
    return f"DateTime64({3 if digits <= 3 else 6 if digits <= 6 else 9}, 'UTC')" if known else None


def _decimal_type(value: Decimal) -> str:
    if not value.is_finite():
        return "Nullable(Nothing)"
    _, digits, exponent = value.as_tuple()
    scale = max(0, -cast("int", exponent))
    precision = max(len(digits) + max(0, cast("int", exponent)), scale, 1)
    return f"Decimal({precision}, {scale})" if precision <= _MOST_DIGITS else "String"


def _text(value: object) -> str:
    """Return a value as the server reads it after `param_p1=`."""
    if value is None or (isinstance(value, Decimal) and not value.is_finite()):
        return "\\N"
    if isinstance(value, bytes | bytearray | memoryview):
        return "".join(f"\\x{byte:02x}" for byte in cast("bytes", value))
    if _is_list(value) and not _contains_object(cast("Items", value)):
        items = cast("Items", value)
        return _literal(items, as_text=_element_type(_flat(items)).endswith(("String", "String)")))
    return _ESCAPED.sub(_escape, _plain(value))


def _literal(value: object, *, as_text: bool) -> str:
    """Return a value as a literal within an array."""
    if value is None:
        return "NULL"
    if _is_list(value):
        inner = (_literal(item, as_text=as_text) for item in cast("Items", value))
        return f"[{','.join(inner)}]"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"'{_text(cast('bytes', value))}'"
    text = _plain(value)
    if as_text or not isinstance(value, bool | int | float | Decimal):
        return f"'{_ESCAPED.sub(_escape, text)}'"
    return text


def _plain(value: object) -> str:
    """Return a value that is neither null, bytes nor an array, unescaped."""
    for kind, write in _TEXTS:
        if isinstance(value, kind):
            return write(value)
    converted = to_json(value)
    return converted if isinstance(converted, str) else json.dumps(converted, ensure_ascii=False)


def _moment(value: datetime) -> str:
    moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return moment.isoformat(" ", "microseconds")


def _string(value: str) -> str:
    found = _INSTANT.fullmatch(value)
    if found and _instant_type(value):
        return f"{found[1]} {found[2]}{found[3] or ''}"
    return _unicode(value)


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationFailedError("A text is not valid Unicode") from None
    return text


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\x{ord(found[0]):02x}"


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(
        value, str | bytes | bytearray | memoryview
    )


def _flat(items: Items) -> list[object]:
    flat: list[object] = []
    for item in items:
        flat += _flat(cast("Items", item)) if _is_list(item) else [item]
    return flat


def _contains_object(items: Items) -> bool:
    return any(
        isinstance(item, Mapping) or (_is_list(item) and _contains_object(cast("Items", item)))
        for item in items
    )


_TYPES: Sequence[tuple[type, str | Callable[[Any], str]]] = (
    (bool, "Bool"),
    (int, lambda value: _integer_type([value])),
    (float, "Float64"),
    (str, lambda value: _instant_type(value) or "String"),
    (Decimal, _decimal_type),
    (datetime, lambda value: "DateTime64(6, 'UTC')" if value.tzinfo else "DateTime64(6)"),
    (date, "Date32"),
    (UUID, "UUID"),
)
_TEXTS: Sequence[tuple[type, Callable[[Any], str]]] = (
    (bool, lambda value: "true" if value else "false"),
    (float, repr),
    (Decimal, lambda value: format(value, "f")),
    (datetime, _moment),
    (str, _string),
    (int, str),
    (date, str),
    (UUID, str),
)
