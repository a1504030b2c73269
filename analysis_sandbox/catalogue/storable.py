"""Text and JSON in the form that PostgreSQL can store.

PostgreSQL stores no U+0000 and no lone surrogate, and JSON has no NaN. What a program stores on
purpose is refused when it has one; what only reports (a log line, an error, a preview) is stored
with a visible replacement instead, because losing the report would be worse.
"""

import json
import math
from typing import Any, cast

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import MAX_SAFE_INTEGER, JSONValue

_NUL_ESCAPE = "\\u0000"
_REPLACEMENT = "\ufffd"
_SAFE_DIGITS = 15


def json_text(value: JSONValue, *, what: str) -> str:
    """Return `value` as JSON text that PostgreSQL stores without any change.

    Raises:
        ValidationFailedError: the value holds what PostgreSQL cannot store; the message names
            `what` was to be stored.
    """
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationFailedError(f"{what} cannot be stored as JSON: {error}") from error
    if _NUL_ESCAPE in text and _has_nul(value):
        raise ValidationFailedError(f"{what} cannot be stored: it has text with a U+0000 character")
    return text


def json_value(text: str | bytes) -> Any:
    """Parse stored JSON. Numbers are JavaScript's: beyond its safe integers they are floats.

    PostgreSQL keeps 3.4e+16 as 34000000000000000, which must not become an integer here.
    """
    return json.loads(text, parse_int=_number)


def report_json_text(value: JSONValue) -> str | None:
    """Return `value` as JSON text with replacements where PostgreSQL could not store it."""
    if value is None:
        return None
    try:
        return json_text(value, what="A report")
    except ValidationFailedError:
        return json_text(_replaced(value), what="A report")


def report_text(text: str) -> str:
    """Return `text` with U+FFFD in place of what PostgreSQL cannot store."""
    if text.isascii() and "\0" not in text:
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _REPLACEMENT)


def _number(text: str) -> int | float:
    if len(text) <= _SAFE_DIGITS:
        return int(text)
    number = float(text)
    return int(text) if abs(number) <= MAX_SAFE_INTEGER else number


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return any("\0" in key or _has_nul(item) for key, item in items.items())
    if isinstance(value, list | tuple):
        return any(_has_nul(item) for item in cast("list[Any]", value))
    return False


def _replaced(value: Any) -> JSONValue:
    if isinstance(value, str):
        return report_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return {report_text(key): _replaced(item) for key, item in items.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item) for item in cast("list[Any]", value)]
    return value
