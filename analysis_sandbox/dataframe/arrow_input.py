"""Arrow batches of a database as a frame, in the types that frames keep; no value changes.

Narrow integers become 64 bits wide and 32-bit floats the double that prints the same, so that
arithmetic on them is what a script expects.
"""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from analysis_sandbox.dataframe.refusals import translated
from analysis_sandbox.dataframe.table import uniform
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.arrow_extensions import extension_texts
from analysis_sandbox.formats.arrow_json import unique_names

_INT64_LAST = 2**63 - 1
_DAY_NANOSECONDS = 86_400 * 10**9
_INTERVAL = pa.struct([("months", pa.int64()), ("days", pa.int64()), ("micros", pa.int64())])


def frame_of_batches(
    reader: pa.RecordBatchReader, *, check: Callable[[int, int], None]
) -> pl.DataFrame:
    """Return all rows of a reader; `check` is told rows and bytes so far, and may raise.

    Columns of one name are told apart by a suffix, as in the rows of a query.

    Raises:
        ValidationFailedError: a column has a type that frames do not have; the message names it.
    """
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        rows += batch.num_rows
        size += batch.nbytes + _decoded_bytes(batch)
        check(rows, size)
        batches.append(batch)
    table = pa.Table.from_batches(batches, reader.schema)
    names = unique_names(reader.schema.names)
    columns = [
        _plain(field, column) for field, column in zip(table.schema, table.columns, strict=True)
    ]
    with translated("frame"):
        data = pl.from_arrow(pa.Table.from_arrays(columns, names=names), rechunk=True)
        assert isinstance(data, pl.DataFrame)
        return uniform(data.lazy(), data.schema).plan.collect(engine="in-memory")


def _decoded_bytes(batch: pa.RecordBatch) -> int:
    """Return what texts take once each stands for itself: an ENUM holds each of them once."""
    total = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            values = column.dictionary
            if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
                lengths = pc.take(pc.binary_length(values).cast(pa.int64()), column.indices)
                total += pc.sum(lengths).as_py() or 0
    return total


def _plain(field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column without extension types and those that Polars reads otherwise."""
    kind = column.type
    for is_type, convert in _CONVERSIONS:
        if is_type(kind):
            try:
                return pa.chunked_array(
                    [convert(chunk) for chunk in column.chunks] or [_empty(field, convert)]
                )
            except (pa.ArrowException, ValueError) as error:
                raise ValidationFailedError(
                    f"The column {field.name} of the type {kind} does not fit a frame: {error}; "
                    "cast it in the SQL"
                ) from error
    if pa.types.is_uint64(kind) or _is_extension(kind, "hugeint"):
        return _integers(column)
    return column


def _empty(field: pa.Field, convert: Callable[[pa.Array], pa.Array]) -> pa.Array:
    kind = field.type
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    array = pa.array([], storage)
    if isinstance(kind, pa.BaseExtensionType):
        array = pa.ExtensionArray.from_storage(kind, array)
    return convert(array)


def _is_extension(kind: pa.DataType, name: str) -> bool:
    if isinstance(kind, pa.OpaqueType):
        return kind.type_name == name
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == name


def _integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """64 bits where they suffice, else a decimal of scale 0."""
    if not pa.types.is_uint64(column.type):
        kind = pa.decimal128(38, 0)
        chunks = [
            pa.Array.from_buffers(
                kind, len(chunk), chunk.storage.buffers(), offset=chunk.storage.offset
            )
            for chunk in column.chunks
        ]
        column = pa.chunked_array(chunks, kind)
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.decimal128(38, 0))


def _single(array: pa.Array) -> pa.Array:
    """Return the double that has the same shortest text: 0.1 stays 0.1."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    return array.cast(pa.string()).cast(pa.float64())


def _storage_text(array: pa.Array) -> pa.Array:
    return array.storage.cast(pa.large_string())


def _extension(array: pa.Array) -> pa.Array:
    """Return an extension column as text, or as what its storage is."""
    name = (
        array.type.type_name if isinstance(array.type, pa.OpaqueType) else array.type.extension_name
    )
    if name == "arrow.json":
        return _storage_text(array)
    if name == "arrow.bool8":
        return array.storage.cast(pa.bool_())
    texts = extension_texts(array)
    if texts is None:
        return array.storage
    return pa.array([_text(text) for text in texts.to_pylist()], pa.large_string())


def _text(text: str | None) -> str | None:
    value: Any = None if text is None else json.loads(text)
    return value if value is None or isinstance(value, str) else str(value)


def _interval(array: pa.Array) -> pa.Array:
    values = [
        None
        if value is None
        else {"months": value.months, "days": value.days, "micros": value.nanoseconds // 1_000}
        for value in array.to_pylist()
    ]
    return pa.array(values, _INTERVAL)


def _wide_decimal(array: pa.Array) -> pa.Array:
    return array.cast(pa.decimal128(38, array.type.scale))


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode()


def _seconds(array: pa.Array) -> pa.Array:
    return array.cast(pa.timestamp("us", array.type.tz))


def _time(array: pa.Array) -> pa.Array:
    """24:00:00 is a time of day in SQL, and in no frame."""
    ticks = array.cast(pa.time64("ns")).view(pa.int64())
    if pc.any(pc.greater_equal(ticks, _DAY_NANOSECONDS)).as_py():
        raise ValueError("it holds 24:00:00")
    return array


def _refused(array: pa.Array) -> pa.Array:
    raise ValueError(f"frames have no values of the type {array.type}")


def _is_single(kind: pa.DataType) -> bool:
    return pa.types.is_float16(kind) or pa.types.is_float32(kind)


def _is_other_extension(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and not _is_extension(kind, "hugeint")


def _is_seconds(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.unit == "s"


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (_is_single, _single),
    (_is_other_extension, _extension),
    (pa.types.is_interval, _interval),
    (pa.types.is_decimal256, _wide_decimal),
    (pa.types.is_dictionary, _decoded),
    (_is_seconds, _seconds),
    (pa.types.is_time, _time),
    (pa.types.is_union, _refused),
)
