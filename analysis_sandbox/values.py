"""How values cross between Python and JavaScript: one table, in both directions.

| Python                                   | JavaScript                                          |
|------------------------------------------|-----------------------------------------------------|
| None, NaN, infinities                    | null                                                |
| bool, str                                | boolean, string (lone surrogates become U+FFFD)     |
| int within ±(2**53 - 1), else            | number, else string                                 |
| float                                    | number                                              |
| Decimal, exact in 15 digits, else        | number, else string                                 |
| date, datetime (naive / aware), time     | "YYYY-MM-DD", ISO 8601 without zone / in UTC with Z |
| timedelta                                | {"months": 0, "days": d, "micros": u}               |
| bytes, bytearray, memoryview             | Uint8Array                                          |
| UUID, Enum                               | string                                              |
| Mapping (keys become strings), sequences | object, array                                       |

A JavaScript Date arrives as ISO 8601 text with Z, a BigInt as int, a Uint8Array as bytes.

Uint8Array and BigInt have no JSON form: they travel as an object with one reserved key that starts
with U+E000, and a real key that starts with it is escaped by doubling it, so no data can be taken
for a tag.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias, cast
from uuid import UUID

from analysis_sandbox.errors import ValidationFailedError

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"
JSONObject: TypeAlias = dict[str, JSONValue]

MAX_SAFE_INTEGER = 2**53 - 1
TAG = "\ue000"
BYTES_TAG = TAG + "bytes"
BIGINT_TAG = TAG + "bigint"
MAX_DEPTH = 200
# Made once: json.dumps makes one for every call. What to_json returns is new, so never circular.
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


class EncodedJSON(str):
    """JSON text that is already encoded by this module's table; `encode` passes it through."""

    __slots__ = ()


def encode(value: object) -> str:
    """Return JSON text (ASCII only) that the script side decodes by the table above.

    Raises:
        ValidationFailedError: the value is nested deeper than `MAX_DEPTH`, or of a type that the
            table does not have.
    """
    if isinstance(value, EncodedJSON):
        return str(value)
    return "null" if value is None else _dumps(to_json(value))


def decode(text: str | bytes) -> Any:
    """Parse JSON text from the script side; tagged values become bytes and int.

    Raises:
        ValidationFailedError: not JSON, or nested deeper than `MAX_DEPTH`.
    """
    try:
        return from_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ValidationFailedError(f"Not a value that can cross: {error}") from None


def to_json(value: object, *, depth: int = 0) -> JSONValue:
    """Return `value` as plain JSON data, tagged where JSON has no form for it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | int | float):
        return _primitive(value)
    if depth >= MAX_DEPTH:
        raise ValidationFailedError(f"A value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, bytes | bytearray | memoryview):
        return {BYTES_TAG: base64.b64encode(bytes(cast("bytes", value))).decode("ascii")}
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {_key(str(key)): to_json(item, depth=depth + 1) for key, item in items.items()}
    if isinstance(value, Sequence | Set):
        return [to_json(item, depth=depth + 1) for item in cast("Sequence[object]", value)]
    return _scalar(value)


def plain(text: str) -> str:
    """Return stored JSON text for readers that know no tags: bytes as Base64, integers as text.

    Text without tags comes back as it is, undecoded.
    """
    if TAG not in text and "\\ue000" not in text.lower():
        return text
    return json.dumps(_untagged(decode(text)), separators=(",", ":"))


def from_json(value: Any, *, depth: int = 0) -> Any:
    """Return plain JSON data with every tag replaced by the Python value it stands for."""
    if depth > MAX_DEPTH:
        raise ValidationFailedError(f"A value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return [from_json(item, depth=depth + 1) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    items = cast("dict[str, Any]", value)
    if len(items) == 1:
        (key, item) = next(iter(items.items()))
        if key == BYTES_TAG and isinstance(item, str):
            return base64.b64decode(item, validate=True)
        if key == BIGINT_TAG and isinstance(item, str):
            return int(item)
    return {
        key[1:] if key.startswith(TAG) else key: from_json(item, depth=depth + 1)
        for key, item in items.items()
    }


def _untagged(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list):
        return [_untagged(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _untagged(item) for key, item in cast("dict[str, Any]", value).items()}
    return to_json(value)


def _primitive(value: str | float) -> JSONValue:
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(int(value))
    return float(value) if math.isfinite(value) else None


def _scalar(value: object) -> JSONValue:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        micros = value.seconds * 1_000_000 + value.microseconds
        return {"months": 0, "days": value.days, "micros": micros}
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return to_json(value.value)
    raise ValidationFailedError(f"A value of type {type(value).__name__} cannot cross to a script")


def timestamp_text(value: datetime) -> str:
    """Return ISO 8601 text: in UTC with `Z` when the datetime has a zone, else without one."""
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _decimal(value: Decimal) -> JSONValue:
    if not value.is_finite():
        return None
    number = float(value)
    if len(value.normalize().as_tuple().digits) <= 15 and Decimal(repr(number)) == value:
        return int(value) if value == value.to_integral_value() else number
    return format(value, "f")


def _text(value: str) -> str:
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _key(key: str) -> str:
    text = _text(key)
    return TAG + text if text.startswith(TAG) else text
