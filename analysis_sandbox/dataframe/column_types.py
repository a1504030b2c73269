"""Names of column types as scripts see them, and the types that a frame's columns have.

A frame has one integer type (64 bits, signed) and one float type (64 bits): a smaller integer would
wrap around silently where a script multiplies or sums it.
"""

from collections.abc import Iterable, Mapping

import polars as pl
from polars.datatypes import DataTypeClass

from analysis_sandbox.dataframe.refusals import did_you_mean, refusal

_CAST_TYPES: Mapping[str, pl.DataType] = {
    "int": pl.Int64(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "number": pl.Float64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "str": pl.String(),
    "text": pl.String(),
    "boolean": pl.Boolean(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us", "UTC"),
    "time": pl.Time(),
    "decimal": pl.Decimal(38, 2),
}
_NAMES: Mapping[DataTypeClass, str] = {
    pl.Int8: "int",
    pl.Int16: "int",
    pl.Int32: "int",
    pl.Int64: "int",
    pl.Int128: "int",
    pl.UInt8: "int",
    pl.UInt16: "int",
    pl.UInt32: "int",
    pl.UInt64: "int",
    pl.Float32: "float",
    pl.Float64: "float",
    pl.Decimal: "decimal",
    pl.String: "string",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime: "datetime",
    pl.Time: "time",
    pl.Duration: "duration",
    pl.Binary: "binary",
    pl.List: "list",
    pl.Array: "list",
    pl.Struct: "struct",
    pl.Null: "null",
}
_NARROW = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32})
_MAX_SCALE = 37


def type_name(dtype: pl.DataType) -> str:
    """Return what a script calls a type."""
    return _NAMES.get(dtype.base_type(), "string")


def family(dtype: pl.DataType) -> str:
    """Return a name that types share whose values can stand in one column."""
    name = type_name(dtype)
    return {"int": "number", "float": "number", "decimal": "number", "datetime": "date"}.get(
        name, name
    )


def one_family(dtypes: Iterable[pl.DataType | None]) -> bool:
    """Whether values of these types can stand in one column; unknown types and nulls always can."""
    known = {family(dtype) for dtype in dtypes if dtype is not None}
    return len(known - {"null"}) <= 1


def cast_type(step: str, name: str) -> pl.DataType:
    """Return the type that a script casts to, by a name such as `int` or `decimal:4`."""
    kind, _, scale = name.partition(":")
    if kind == "decimal" and scale.isdecimal() and int(scale) <= _MAX_SCALE:
        return pl.Decimal(38, int(scale))
    if name not in _CAST_TYPES:
        offered = "int, float, string, boolean, date, datetime, time, decimal, decimal:SCALE"
        near = did_you_mean(name, _CAST_TYPES)
        raise refusal(step, f"'{name}' is not a type.{near} The types are: {offered}")
    return _CAST_TYPES[name]


def widened(dtype: pl.DataType) -> pl.DataType:
    """Return the type that a frame keeps for values of this type."""
    if dtype.base_type() in _NARROW:
        return pl.Int64()
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String()
    if isinstance(dtype, pl.Datetime) and dtype.time_zone not in {None, "UTC"}:
        return pl.Datetime(dtype.time_unit, "UTC")
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(widened(_instance(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: widened(_instance(field.dtype)) for field in dtype.fields})
    return dtype


def _instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
