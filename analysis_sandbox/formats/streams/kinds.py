"""What the columns of a text hold, seen over all of its rows, and the Arrow types that fit.

A column is numbers, dates or booleans only where all of its values are, and where nothing is lost:
`007` and a number of twenty digits stay text.
"""
# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportAttributeAccessIssue=false

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Kind: TypeAlias = Literal[
    "boolean", "integer", "long", "number", "date", "timestamp", "moment", "text", "json"
]
Array: TypeAlias = Any

_INTEGER = r"^-?(?:0|[1-9]\d{0,17})$"
_NUMBER = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$"
_NO_DIGITS_OF_ITS_OWN = r"[eE].*$|[^0-9]|^-?0(?:\.0*)?"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})$"
_EXACT_DIGITS = 15
_EXACT = 10**_EXACT_DIGITS
_LARGEST = 2**63 - 1
_TYPES: dict[Kind, Any] = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "moment": pa.timestamp("us", "UTC"),
    "text": pa.string(),
}


@dataclass(slots=True)
class Columns:
    """The kinds of values that were seen, by column in the order of their appearance."""

    seen: dict[str, set[Kind]] = field(default_factory=dict[str, set[Kind]])

    def see_texts(self, name: str, texts: Array) -> None:
        """Look at some texts of a column, which may stand for numbers."""
        self.seen.setdefault(name, set()).update(_kinds_of_texts(texts, numbers=True))

    def see_rows(self, rows: Sequence[dict[str, Any]]) -> None:
        """Look at some rows of values."""
        for name in dict.fromkeys(name for row in rows for name in row):
            kinds = self.seen.setdefault(name, set())
            texts: list[str] = []
            for row in rows:
                value = row.get(name)
                if isinstance(value, str):
                    texts.append(value)
                elif value is not None:
                    kinds.add(_kind_of(value))
            if texts and "text" not in kinds:
                kinds.update(_kinds_of_texts(pa.array(texts, pa.string()), numbers=False))

    def schema(self) -> Any:
        """Return the Arrow schema that holds every value seen."""
        return pa.schema([(name, _TYPES[_resolved(kinds)]) for name, kinds in self.seen.items()])


def batch_of_rows(schema: Any, rows: Sequence[dict[str, Any]]) -> Any:
    """Return rows of values as a record batch."""
    arrays = [_array([row.get(entry.name) for row in rows], entry.type) for entry in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def batch_of_texts(schema: Any, batch: Any) -> Any:
    """Return a record batch of texts with the types of a schema."""
    arrays = [
        column if entry.type == pa.string() else _cast(column, entry.type)
        for entry, column in zip(schema, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _resolved(kinds: set[Kind]) -> Kind:
    if kinds <= {"integer", "long"}:
        return "integer" if kinds else "text"
    if kinds <= {"integer", "number"}:
        return "number"
    if kinds <= {"date", "timestamp"}:
        return "timestamp" if "timestamp" in kinds else "date"
    (single, *others) = kinds
    return single if not others and single in _TYPES else "text"


def _kind_of(value: object) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        exact = abs(value) < _EXACT
        return "integer" if exact else "long" if abs(value) <= _LARGEST else "text"
    return "number" if isinstance(value, float) else "json"


def _kinds_of_texts(texts: Array, *, numbers: bool) -> set[Kind]:
    texts = texts.drop_null()
    if len(texts) == 0:
        return set()
    if numbers:
        if _all(pc.match_substring_regex(texts, _INTEGER)):
            is_long = pc.max(pc.utf8_length(texts)).as_py() > _EXACT_DIGITS
            return {"long" if is_long else "integer"}
        if _all(pc.match_substring_regex(texts, _NUMBER)):
            digits = pc.replace_substring_regex(texts, _NO_DIGITS_OF_ITS_OWN, "")
            exact = pc.max(pc.utf8_length(digits)).as_py() <= _EXACT_DIGITS
            return {"number"} if exact else {"text"}
        if _all(pc.is_in(texts, pa.array(["true", "false"]))):
            return {"boolean"}
    candidates: tuple[tuple[str, Kind], ...] = (
        (_DATE, "date"),
        (_TIMESTAMP, "timestamp"),
        (_MOMENT, "moment"),
    )
    for pattern, kind in candidates:
        if _all(pc.match_substring_regex(texts, pattern)):
            return {kind} if _can_be_cast(texts, _TYPES[kind]) else {"text"}
    return {"text"}


def _all(matches: Array) -> bool:
    return bool(pc.all(matches).as_py())


def _can_be_cast(texts: Array, wanted: Any) -> bool:
    try:
        _cast(texts, wanted)
    except pa.ArrowInvalid:
        return False
    return True


def _cast(texts: Array, wanted: Any) -> Array:
    return texts.cast(wanted)


def _array(values: list[Any], wanted: Any) -> Array:
    if wanted == pa.string():
        return pa.array([_text(value) for value in values], wanted)
    if pa.types.is_temporal(wanted):
        return _cast(pa.array(values, pa.string()), wanted)
    if wanted == pa.float64():
        return pa.array([None if value is None else float(value) for value in values], wanted)
    return pa.array(values, wanted)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
