"""Rows of a script as columns: every value is looked at, none is guessed, cut or rounded."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import polars as pl

from analysis_sandbox.dataframe.arguments import described
from analysis_sandbox.dataframe.literals import clean
from analysis_sandbox.dataframe.refusals import check_names, refusal, translated
from analysis_sandbox.errors import LimitExceededError, ValidationFailedError

_INT64_LAST = 2**63 - 1
_MOST_COLUMNS = 10_000
_MOST_CELLS = 100_000_000
_CELL_BYTES = 8
_SCALARS: Mapping[type, pl.DataType] = {
    bool: pl.Boolean(),
    int: pl.Int64(),
    float: pl.Float64(),
    str: pl.String(),
    bytes: pl.Binary(),
}
_WORDS: Mapping[type, str] = {
    bool: "booleans",
    int: "numbers",
    float: "numbers",
    str: "strings",
    bytes: "bytes",
    list: "arrays",
    dict: "objects",
}


def frame_of_rows(rows: object, *, max_bytes: int | None = None) -> pl.DataFrame:
    """Return an array of row objects as a frame; a key that a row lacks is null there.

    Columns stand in the order in which they first appear. Whole and broken numbers make a column of
    floats; objects become structs of all their keys. Text stays text, dates in it too.

    Raises:
        ValidationFailedError: a row is no object, or a column mixes types; the message names it.
        LimitExceededError: there are more columns or values than a frame takes, or they take more
            than `max_bytes` even where a row lacks them.
    """
    if not isinstance(rows, list):
        raise refusal("DataFrame", f"takes an array of objects, not {described(rows)}")
    given = cast("list[object]", rows)
    names: dict[str, None] = {}
    for index, row in enumerate(given):
        if not isinstance(row, dict):
            raise refusal(
                "DataFrame",
                f"takes an array of objects; the row at index {index} is {described(row)}",
            )
        names.update(dict.fromkeys(cast("dict[str, Any]", row)))
        if len(names) > _MOST_COLUMNS:
            raise LimitExceededError(
                f"The rows have more than {_MOST_COLUMNS} different keys; a DataFrame has at most "
                f"{_MOST_COLUMNS} columns",
                hint="Put keys that are data into a column of their own.",
            )
    check_names(names)
    _check_cells(len(given), len(names), max_bytes)
    objects = cast("list[dict[str, Any]]", given)
    columns = [series_of_values(name, [row.get(name) for row in objects]) for name in names]
    with translated("DataFrame"):
        # A list of series would get other names where these are empty.
        named = {column.name: column for column in columns}
        if len(named) < len(columns):
            raise refusal("DataFrame", "two keys differ in lone surrogates only")
        return pl.DataFrame(named) if named else pl.DataFrame(height=len(given))


def series_of_values(name: str, values: Sequence[object]) -> pl.Series:
    """Return the values of one column, in the one type that all of them have.

    Raises:
        ValidationFailedError: they mix types, or one does not fit its type.
    """
    check_names([name])
    dtype = _type_of(name, values)
    with translated(f"column '{name}'"):
        return pl.Series(clean(name), _converted(name, values, dtype), dtype=dtype, strict=True)


def _check_cells(height: int, width: int, max_bytes: int | None = None) -> None:
    most = _MOST_CELLS if max_bytes is None else min(_MOST_CELLS, max_bytes // _CELL_BYTES)
    if height * width > most:
        raise LimitExceededError(
            f"{height} rows of {width} columns are {height * width} values; a DataFrame made of "
            f"rows takes {most}",
            hint="Read the rows with frame(sql) instead, so that they never pass through a script, "
            "or raise execution.dataframe_memory_mb.",
            details={"cells": height * width, "limit": most},
        )


def _type_of(path: str, values: Sequence[object]) -> pl.DataType:
    kinds = {type(value) for value in values}
    kinds.discard(type(None))
    if kinds == {int, float}:
        return pl.Float64()
    if len(kinds) > 1:
        raise _mixed(path, kinds, values)
    if not kinds:
        return pl.Null()
    (kind,) = kinds
    if kind is list:
        items = [item for value in values if value is not None for item in cast("list[Any]", value)]
        return pl.List(_type_of(f"{path}[]", items))
    if kind is dict:
        return _struct_type(path, [cast("dict[str, Any]", v) for v in values if v is not None])
    if kind not in _SCALARS:
        raise ValidationFailedError(
            f"Column '{path}': values of the type {kind.__name__} cannot be in a DataFrame"
        )
    return _SCALARS[kind]


def _struct_type(path: str, values: Sequence[Mapping[str, object]]) -> pl.DataType:
    names: dict[str, None] = {}
    for value in values:
        names.update(dict.fromkeys(value))
        if len(names) > _MOST_COLUMNS:
            raise LimitExceededError(
                f"The objects in column '{path}' have more than {_MOST_COLUMNS} different keys",
                hint="Keep them as text with JSON.stringify, or make rows of the keys.",
            )
    check_names(names)
    _check_cells(len(values), len(names))
    fields = {
        clean(name): _type_of(f"{path}.{name}", [value.get(name) for value in values])
        for name in names
    }
    return pl.Struct(fields)


def _mixed(path: str, kinds: set[type], values: Sequence[object]) -> ValidationFailedError:
    words = sorted({_WORDS.get(kind, kind.__name__) for kind in kinds})
    first = next(value for value in values if value is not None)
    known = _WORDS.get(type(first))
    index, other = next(
        (index, value)
        for index, value in enumerate(values)
        if value is not None and _WORDS.get(type(value)) != known
    )
    place = "" if path.endswith("]") else f" (first: {described(other)} at index {index})"
    return ValidationFailedError(
        f"Column '{path}' mixes {' and '.join(words)}{place}; make all of its values one type"
    )


def _converted(path: str, values: Sequence[object], dtype: pl.DataType) -> list[Any]:
    """Return the values as Polars takes them without losing anything."""
    if isinstance(dtype, pl.Int64):
        return _checked_integers(path, values)
    if isinstance(dtype, pl.Float64):
        return [None if value is None else _exact_float(path, value) for value in values]
    if isinstance(dtype, pl.String):
        return [clean(value) if isinstance(value, str) else None for value in values]
    if isinstance(dtype, pl.List):
        return _converted_lists(path, values, cast("pl.DataType", dtype.inner))
    if isinstance(dtype, pl.Struct):
        return _converted_structs(path, values, dtype)
    return list(values)


def _checked_integers(path: str, values: Sequence[object]) -> list[Any]:
    for value in values:
        if isinstance(value, int) and not -_INT64_LAST - 1 <= value <= _INT64_LAST:
            raise ValidationFailedError(
                f"Column '{path}': {value} has more than 64 bits; give it as a string"
            )
    return list(values)


def _exact_float(path: str, value: object) -> float:
    number = cast("int | float", value)
    try:
        result = float(number)
    except OverflowError:
        result = None
    if result is None or (isinstance(number, int) and int(result) != number):
        raise ValidationFailedError(
            f"Column '{path}': {number} stands among broken numbers and would be rounded; "
            "give the column as strings"
        )
    return result


def _converted_lists(path: str, values: Sequence[object], inner: pl.DataType) -> list[Any]:
    return [
        None if value is None else _converted(f"{path}[]", cast("list[object]", value), inner)
        for value in values
    ]


def _converted_structs(path: str, values: Sequence[object], dtype: pl.Struct) -> list[Any]:
    objects = [cast("dict[str, object] | None", value) for value in values]
    cleaned = [
        None if item is None else {clean(name): value for name, value in item.items()}
        for item in objects
    ]
    columns = {
        field.name: _converted(
            f"{path}.{field.name}",
            [None if item is None else item.get(field.name) for item in cleaned],
            cast("pl.DataType", field.dtype),
        )
        for field in dtype.fields
    }
    return [
        None if item is None else {name: column[index] for name, column in columns.items()}
        for index, item in enumerate(cleaned)
    ]
