"""Rows of MySQL and MariaDB as Arrow batches under the one schema that the server's answer fixes.

| MySQL                          | Arrow                                                     |
|--------------------------------|-----------------------------------------------------------|
| tinyint … bigint, unsigned too | int8 … int64, uint8 … uint64                              |
| year, bit(n)                   | uint16, uint64                                            |
| float, double                  | float, double                                             |
| decimal(p, s) up to 38 digits  | decimal128(p, s); with more digits: string                |
| date                           | date32; "0000-00-00" and days no calendar has are null    |
| datetime, timestamp            | timestamp[us], timestamp[us, UTC]; as date                |
| time                           | string: it may be negative, or longer than a day          |
| binary, blob, geometry         | binary                                                    |
| json, enum, set, text and else | string                                                    |
"""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownLambdaType=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from pymysql.constants import FIELD_TYPE

from analysis_sandbox.datasources.mysql.values import Column, Raw
from analysis_sandbox.datasources.rows import unique_names
from analysis_sandbox.errors import QueryError

_MOST_DIGITS = 38
# Signed, unsigned.
_INTEGERS = {
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8()),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16()),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64()),
    FIELD_TYPE.YEAR: (pa.uint16(), pa.uint16()),
}
_TYPES = {
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "bit": pa.uint64(),
    "bytes": pa.binary(),
}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: pa.DataType
    build: Callable[[Sequence[Raw]], pa.Array]


class ArrowShape:
    """The schema of a result, and batches of its rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        names = unique_names([column.name for column in columns])
        self._fields = [_field(name, column) for name, column in zip(names, columns, strict=True)]
        self.schema = pa.schema([(field.name, field.type) for field in self._fields])

    def batch(self, rows: Sequence[Sequence[Raw]]) -> pa.RecordBatch:
        """Return the rows, which must not be none.

        Raises:
            QueryError: a value has no place in its column's type.
        """
        arrays = [
            self._array(field, values)
            for field, values in zip(self._fields, zip(*rows, strict=True), strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, field: _Field, values: Sequence[Raw]) -> pa.Array:
        try:
            return field.build(values)
        except (pa.ArrowException, OverflowError, ValueError) as error:
            raise QueryError(
                f"A value of column {field.name!r} does not fit {field.type}",
                hint=f"Cast it in the query, for example CAST({field.name} AS CHAR).",
            ) from error


def _field(name: str, column: Column) -> _Field:
    type_ = _arrow_type(column)
    if column.kind == "bytes":
        return _Field(name, type_, lambda values: pa.array(values, type_))
    if column.kind == "bit":
        return _Field(name, type_, _bits)
    if column.kind in ("date", "datetime", "timestamp"):
        return _Field(name, type_, lambda values: _moments(values, type_))
    if type_ == pa.string():
        return _Field(name, type_, _texts)
    return _Field(name, type_, lambda values: _texts(values).cast(type_))


def _arrow_type(column: Column) -> pa.DataType:
    if column.kind == "integer":
        return _INTEGERS[column.type_code][column.unsigned]
    if column.kind == "float":
        return pa.float32() if column.type_code == FIELD_TYPE.FLOAT else pa.float64()
    if column.kind == "decimal":
        # The length counts the characters: digits, the point, the sign.
        digits = column.length - bool(column.scale) - (not column.unsigned)
        digits = max(digits, column.scale, 1)
        return pa.decimal128(digits, column.scale) if digits <= _MOST_DIGITS else pa.string()
    return _TYPES.get(column.kind, pa.string())


def _texts(values: Sequence[Raw]) -> pa.Array:
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        # What is not UTF-8 becomes U+FFFD, as for every text that crosses.
        return pa.array([value and value.decode("utf-8", "replace") for value in values])


def _bits(values: Sequence[Raw]) -> pa.Array:
    numbers = [None if value is None else int.from_bytes(value, "big") for value in values]
    return pa.array(numbers, pa.uint64())


def _moments(values: Sequence[Raw], type_: pa.DataType) -> pa.Array:
    plain = pa.date32() if pa.types.is_date(type_) else pa.timestamp("us")
    texts = pa.array(values, pa.binary()).cast(pa.string())
    try:
        return texts.cast(plain).cast(type_)
    except pa.ArrowInvalid:
        possible = [value if value is not None and _is_a_day(value) else None for value in values]
        return pa.array(possible, pa.binary()).cast(pa.string()).cast(plain).cast(type_)


def _is_a_day(value: bytes) -> bool:
    try:
        date.fromisoformat(value[:10].decode())
    except ValueError:
        return False
    return True
