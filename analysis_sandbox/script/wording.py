"""How values and near misses are named in messages."""

import difflib
import json
from collections.abc import Iterable

_LONGEST_SHOWN = 60
_LONGEST_COMPARED = 100
_SYNONYMS = {
    "array": "multiselect",
    "bool": "boolean",
    "datetime": "date",
    "dropdown": "select",
    "enum": "select",
    "float": "number",
    "int": "number",
    "integer": "number",
    "json": "object",
    "list": "multiselect",
    "str": "string",
    "timestamp": "date",
}


def shown(value: object) -> str:
    """Return a value as a message shows it: quoted when text, never longer than a line."""
    text = repr(value) if isinstance(value, str) else _json(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def kind(value: object) -> str:
    """Return what a value is in words, such as `a list`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, dict) else "something else"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known name, or nothing when none is near."""
    found = nearest(name, known)
    return f"; did you mean '{found}'?" if found else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was most likely meant to be."""
    candidates = {candidate.lower(): candidate for candidate in known}
    text = name[:_LONGEST_COMPARED].lower()
    if text in candidates:
        return candidates[text]
    if (synonym := _SYNONYMS.get(text)) in candidates:
        return candidates[synonym]
    matches = difflib.get_close_matches(text, candidates, n=1, cutoff=0.6)
    return candidates[matches[0]] if matches else None


def listed(values: Iterable[object], *, most: int = 8) -> str:
    """Return the first few values for a message, and how many there are besides."""
    texts = [shown(value) for value in values]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _json(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=kind)
    except (ValueError, TypeError, RecursionError):
        return kind(value)
    # Half of a surrogate pair could not be written to a log or a response.
    return text.encode("utf-8", "replace").decode("utf-8")
