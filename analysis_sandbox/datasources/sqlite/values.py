"""How SQLite's values become JSON data and Arrow columns, and a script's values parameters.

SQLite stores integers, floats, texts and blobs, whatever a column declares: dates and booleans are
what was stored. In Arrow a column has one type, and the driver does not tell declared types. So the
type comes from the values of the whole result: int64, double (also for integers among floats, while
a double holds each exactly), string or binary; a column of anything else mixed, or of nulls only,
is string, with blobs written as X'00FF'.
"""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import pyarrow as pa

from analysis_sandbox.datasources.rows import unique_names
from analysis_sandbox.errors import QueryError, ValidationFailedError
from analysis_sandbox.sql.tokens import without_terminator
from analysis_sandbox.values import MAX_SAFE_INTEGER, JSONValue, to_json

Stored: TypeAlias = int | float | str | bytes | None
_CLASSES = {int: "integer", float: "real", str: "text", bytes: "blob"}
_ARROW_TYPES = {"integer": pa.int64(), "text": pa.string(), "blob": pa.binary()}
_LARGEST_INTEGER = 2**63 - 1


def plain(value: Stored) -> JSONValue:
    """Return a stored value as JSON data."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return to_json(value)


def parameter(value: object) -> Stored:
    """Return a script's value as SQLite stores it; lists and objects as JSON text.

    Raises:
        ValidationFailedError: an integer of more than 64 bits, or a type that has no form.
    """
    if isinstance(value, int) and not -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER:
        raise ValidationFailedError(f"SQLite has no integers as large as {value}")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(cast("bytes", value))
    if isinstance(value, Mapping | Sequence):
        return json.dumps(to_json(cast("object", value)), ensure_ascii=False)
    # Dates, times, decimals, UUIDs: as in JSON.
    converted = to_json(value)
    return converted if isinstance(converted, str | int | float) else json.dumps(converted)


@dataclass(slots=True)
class ColumnContents:
    """What a column of a whole result holds: storage classes, and the range of its integers."""

    classes: frozenset[str]
    lowest: int = 0
    highest: int = 0

    @property
    def arrow_type(self) -> pa.DataType:
        """The type that holds every value without loss."""
        if self.classes <= {"integer", "real"} and "real" in self.classes:
            exact = -MAX_SAFE_INTEGER <= self.lowest <= self.highest <= MAX_SAFE_INTEGER
            return pa.float64() if exact else pa.string()
        if len(self.classes) == 1:
            return _ARROW_TYPES[next(iter(self.classes))]
        return pa.string()


def contents_of(rows: Sequence[Sequence[Stored]], width: int) -> list[ColumnContents]:
    """Return what the columns of these rows, all there are, hold."""
    columns = list(zip(*rows, strict=True)) or [()] * width
    contents: list[ColumnContents] = []
    for column in columns:
        integers = [value for value in column if isinstance(value, int)]
        contents.append(
            ColumnContents(
                classes=frozenset(_CLASSES[type(value)] for value in column if value is not None),
                lowest=min(integers, default=0),
                highest=max(integers, default=0),
            )
        )
    return contents


def contents_query(sql: str, width: int) -> str:
    """Return the query that tells, in one row, what the columns of `sql` hold."""
    columns = [f"c{index}" for index in range(width)]
    measures = ", ".join(
        f"group_concat(DISTINCT typeof({column})), "
        f"min(CASE typeof({column}) WHEN 'integer' THEN {column} END), "
        f"max(CASE typeof({column}) WHEN 'integer' THEN {column} END)"
        for column in columns
    )
    query = without_terminator(sql, "sqlite")
    return (
        f'WITH "analysis sandbox rows" ({", ".join(columns)}) AS ({query}) '
        f'SELECT {measures} FROM "analysis sandbox rows"'
    )


def contents_from(row: Sequence[Any]) -> list[ColumnContents]:
    """Return what the one row of `contents_query` tells."""
    return [
        ColumnContents(
            classes=frozenset((classes or "").split(",")) - {"", "null"},
            lowest=lowest or 0,
            highest=highest or 0,
        )
        for classes, lowest, highest in zip(row[::3], row[1::3], row[2::3], strict=True)
    ]


class ArrowShape:
    """The schema of a result, and batches of its rows."""

    def __init__(self, names: Sequence[str], contents: Sequence[ColumnContents]) -> None:
        fields = zip(unique_names(names), contents, strict=True)
        self.schema = pa.schema([(name, column.arrow_type) for name, column in fields])

    def batch(self, rows: Sequence[Sequence[Stored]]) -> pa.RecordBatch:
        """Return the rows, which must not be none.

        Raises:
            QueryError: the query returned other values than when its columns were measured.
        """
        arrays: list[pa.Array] = []
        for field, column in zip(self.schema, zip(*rows, strict=True), strict=True):
            values = [_text(value) for value in column] if field.type == pa.string() else column
            try:
                arrays.append(pa.array(values, field.type))
            except (pa.ArrowException, OverflowError, TypeError) as error:
                raise QueryError(
                    f"Column {field.name!r} changed its type while it was read",
                    hint="Give it one in the query, for example CAST(x AS TEXT).",
                ) from error
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def lenient_text(data: bytes) -> str:
    """Decode a stored text; what is not UTF-8 becomes U+FFFD, as for every text that crosses."""
    return data.decode("utf-8", "replace")


def names_of(cursor: sqlite3.Cursor) -> list[str]:
    """Return the names of the result's columns."""
    return [column[0] for column in cursor.description or ()]


def _text(value: Stored) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"X'{value.hex().upper()}'" if isinstance(value, bytes) else repr(value)
