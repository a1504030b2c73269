"""How much rows take at most: their number, and the bytes of their texts and arrays by column.

Bytes are counted as if nothing were shared: Polars lets equal texts share memory until a step
copies them, and then each of them takes its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.refusals import translated

BEYOND_MEASURE = 1 << 62
"""No bound is higher: what reaches it cannot be computed anywhere."""

ITEM_BYTES = 16
"""What an item of an array counts at least, so that bytes tell how many items there can be."""

# Rows as few and small as these are not worth a query about their texts.
_FEW_ROWS = 200
_LITTLE_BYTES = 1 << 20
_FIXED: Mapping[type[pl.DataType], int] = {pl.Boolean: 1, pl.Null: 1, pl.Date: 4}


@dataclass(frozen=True, slots=True)
class Size:
    """What texts or arrays take at most: all rows together, and the longest."""

    total: int = 0
    longest: int = 0


NOTHING = Size()


@dataclass(frozen=True, slots=True)
class Extent:
    """An upper bound of rows. Columns that are not in `sizes` are of fixed width."""

    rows: int
    sizes: Mapping[str, Size]

    def size_bytes(self, schema: pl.Schema) -> int:
        """Return what rows of this schema take at most."""
        variable = sum(self.sizes.get(name, NOTHING).total for name in schema)
        return capped(self.rows * row_width(schema) + variable)

    def part(self, rows: int) -> "Extent":
        """Return a bound of any `rows` of the rows."""
        if rows >= self.rows:
            return self
        sizes = {
            name: Size(min(size.total, capped(size.longest * rows)), size.longest)
            for name, size in self.sizes.items()
        }
        return Extent(rows, sizes)


def capped(size: int) -> int:
    """Return a bound that stays a number Python can work with fast."""
    return min(size, BEYOND_MEASURE)


def row_width(schema: pl.Schema) -> int:
    """Return what one row takes beside the bytes of its texts and arrays."""
    return sum(width(dtype) for dtype in schema.dtypes())


def width(dtype: object) -> int:
    """Return what a value of a type takes beside the bytes of texts and arrays."""
    if isinstance(dtype, pl.Struct):
        return sum(width(field.dtype) for field in dtype.fields)
    if isinstance(dtype, pl.String | pl.Binary | pl.List | pl.Decimal | pl.Int128):
        return 16
    return _FIXED.get(type(dtype), 8) if isinstance(dtype, pl.DataType) else 16


def is_variable(dtype: object) -> bool:
    """Whether values of a type hold texts or arrays."""
    if isinstance(dtype, pl.Struct):
        return any(is_variable(field.dtype) for field in dtype.fields)
    return isinstance(dtype, pl.String | pl.Binary | pl.List)


def measured(data: pl.DataFrame) -> Extent:
    """Return the extent of rows that are there, exactly."""
    weights = {
        name: weight
        for name, dtype in data.schema.items()
        if (weight := weight_of(exact_column(name), dtype)) is not None
    }
    if not weights or not data.height:
        return Extent(data.height, dict.fromkeys(weights, NOTHING))
    figures = [
        figure.alias(f"{kind}{index}")
        for index, weight in enumerate(weights.values())
        for kind, figure in (("total", weight.sum()), ("longest", weight.max()))
    ]
    with translated("DataFrame"):
        found = data.select(figures).row(0)
    pairs = zip(found[::2], found[1::2], strict=True)
    sizes = (Size(int(total), int(longest or 0)) for total, longest in pairs)
    return Extent(data.height, dict(zip(weights, sizes, strict=True)))


def longest_row(data: pl.DataFrame) -> int:
    """Return what a row of these takes at most."""
    sizes = measured(data).sizes.values()
    return row_width(data.schema) + sum(size.longest for size in sizes)


def size_of(data: pl.DataFrame) -> int:
    """Return what rows take in memory, equal texts as if each had its own."""
    if data.height <= _FEW_ROWS and not any(dtype.is_nested() for dtype in data.dtypes):
        # No text is longer than what Polars counts for all.
        shared = int(data.estimated_size())
        if shared * data.height <= _LITTLE_BYTES:
            return shared
    return data.height * row_width(data.schema) + text_bytes(data)


def text_bytes(data: pl.DataFrame, *, item_bytes: int | None = None) -> int:
    """Return what texts and arrays take; an item of an array `item_bytes` when given."""
    weights = [
        weight.sum().alias(str(index))
        for index, (name, dtype) in enumerate(data.schema.items())
        if (weight := weight_of(exact_column(name), dtype, item_bytes=item_bytes)) is not None
    ]
    if not weights or not data.height:
        return 0
    with translated("DataFrame"):
        return sum(data.select_seq(weights).row(0))


def weight_of(value: pl.Expr, dtype: object, *, item_bytes: int | None = None) -> pl.Expr | None:
    """Return the bytes of each text or array, null for null; None for types of fixed width.

    An item of an array counts what its type takes unless `item_bytes` says otherwise.
    """
    if isinstance(dtype, pl.String):
        weight = value.str.len_bytes()
    elif isinstance(dtype, pl.Binary):
        weight = value.bin.size()
    elif isinstance(dtype, pl.List):
        each = max(ITEM_BYTES, width(dtype.inner)) if item_bytes is None else item_bytes
        weight = value.list.len().cast(pl.Int64) * each
        inner = weight_of(pl.element(), dtype.inner, item_bytes=item_bytes)
        if inner is not None:
            weight = weight + value.list.eval(inner).list.sum()
    elif isinstance(dtype, pl.Struct):
        parts = [
            part.fill_null(0)
            for field in dtype.fields
            if (
                part := weight_of(
                    value.struct.field(field.name), field.dtype, item_bytes=item_bytes
                )
            )
            is not None
        ]
        if not parts:
            return None
        weight = sum(parts[1:], start=parts[0])
    else:
        return None
    # Lengths have 32 bits, and their sum would too.
    return weight.cast(pl.Int64)
