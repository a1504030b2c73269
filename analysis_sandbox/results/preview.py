"""The head of a result: small enough for a list, and honest about what it leaves out."""

import json
from typing import Any, NamedTuple, cast

from analysis_sandbox.values import JSONValue

MAX_PREVIEW_BYTES = 4096
_MORE = "…"


class _Extent(NamedTuple):
    """How much of a value is shown."""

    rows: int
    keys: int
    characters: int
    depth: int


# From generous to sparing: the first that fits is taken.
_EXTENTS = (
    _Extent(rows=20, keys=50, characters=500, depth=8),
    _Extent(rows=10, keys=40, characters=200, depth=6),
    _Extent(rows=5, keys=25, characters=100, depth=5),
    _Extent(rows=3, keys=15, characters=60, depth=4),
    _Extent(rows=2, keys=8, characters=40, depth=3),
    _Extent(rows=1, keys=5, characters=20, depth=2),
)


def preview_of(text: str) -> JSONValue:
    """Return the result in `text` itself when it is small, else its first rows and keys.

    Whatever is left out is counted where it is missing: an array ends with "… 997 more rows", an
    object has the key "…", a long text ends with "… (12345 more characters)".
    """
    value = json.loads(text)
    # An escape of six characters stands for at least two bytes: longer texts need no measuring.
    if len(text) <= 4 * MAX_PREVIEW_BYTES and _size(value) <= MAX_PREVIEW_BYTES:
        return value
    for extent in _EXTENTS:
        shown = _shown(value, extent, 0)
        if _size(shown) <= MAX_PREVIEW_BYTES:
            return shown
    return _named(value)


def _shown(value: Any, extent: _Extent, depth: int) -> JSONValue:
    if isinstance(value, str):
        return _shortened(value, extent.characters)
    if not isinstance(value, dict | list):
        return value
    if depth == extent.depth:
        return _named(value)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        rows = [_shown(item, extent, depth + 1) for item in items[: extent.rows]]
        left = len(items) - len(rows)
        return [*rows, f"{_MORE} {left} more row{'s' if left > 1 else ''}"] if left else rows
    entries = cast("dict[str, Any]", value)
    kept = list(entries)[: extent.keys]
    shown = {
        _shortened(key, extent.characters): _shown(entries[key], extent, depth + 1) for key in kept
    }
    left = len(entries) - len(kept)
    if left:
        shown[_MORE] = f"{left} more key{'s' if left > 1 else ''}"
    return shown


def _shortened(text: str, characters: int) -> str:
    left = len(text) - characters
    return text if left <= 0 else f"{text[:characters]}{_MORE} ({left} more characters)"


def _named(value: Any) -> str:
    if isinstance(value, list):
        return f"{_MORE} an array of {len(cast('list[Any]', value))}"
    if isinstance(value, dict):
        return f"{_MORE} an object with {len(cast('dict[str, Any]', value))} keys"
    return _shortened(str(value), _EXTENTS[-1].characters)


def _size(value: JSONValue) -> int:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))
