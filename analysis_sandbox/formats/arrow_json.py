"""Arrow record batches to the JSON text of row objects, by the table of `values`.

Works column by column with Arrow's own kernels: each column becomes an array of JSON texts, and the
columns are joined into rows there as well, so that no Python object is made per value.
"""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from analysis_sandbox.errors import ResultTooLargeError, ValidationFailedError
from analysis_sandbox.formats.arrow_extensions import extension_texts
from analysis_sandbox.formats.arrow_scalars import scalar_texts, string_texts
from analysis_sandbox.values import TAG, EncodedJSON, encode

_MEBIBYTE = 1 << 20
_SLICE_BYTES = 4 * _MEBIBYTE


def encode_rows(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, max_bytes: int | None = None
) -> EncodedJSON:
    """Return the JSON array of all rows as objects; stops reading `batches` at the limit.

    Columns of one name are told apart by a suffix: `total`, `total_1`.

    Raises:
        ResultTooLargeError: the text would have more than `max_bytes` bytes.
        ValidationFailedError: a column has a type that cannot cross; the message names it.
    """
    names = unique_names(schema.names)
    heads = [f"{'{' if index == 0 else ','}{_key(name)}:" for index, name in enumerate(names)]
    pieces: list[bytes] = []
    size = 2
    for batch in batches:
        for part in _slices(batch):
            if max_bytes is not None and (least := size + _least_size(part)) > max_bytes:
                raise result_too_large(least, max_bytes)
            piece = _row_texts(schema, part, heads)
            pieces.append(piece)
            size += len(piece)
            # The last row's comma becomes the closing bracket.
            if max_bytes is not None and size - 1 > max_bytes:
                raise result_too_large(size - 1, max_bytes)
    text = b"".join(pieces).decode("ascii")
    return EncodedJSON(f"[{text[:-1]}]")


def result_too_large(size: int, max_bytes: int) -> ResultTooLargeError:
    """Return the error for a result of at least `size` bytes where `max_bytes` are allowed."""
    # Rounded up, so that the figure is never the limit itself.
    shown = math.ceil(size / _MEBIBYTE * 10) / 10
    return ResultTooLargeError(
        f"Result size {shown:.1f}MB exceeds {max_bytes / _MEBIBYTE:g}MB limit. "
        "Use DuckDB to save large results to a datasource.",
        hint="Select fewer rows or columns, aggregate, or keep the result as a table.",
        details={"size_bytes_at_least": size, "limit_bytes": max_bytes},
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with a suffix `_1`, `_2` … on each one that came before."""
    taken = set(names)
    if len(taken) == len(names):
        return list(names)
    seen: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, number = name, 0
        while candidate in seen or (number and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        seen.add(candidate)
        unique.append(candidate)
    return unique


def value_texts(array: pa.Array, field: pa.Field) -> pa.Array:
    """Return a string array with the JSON text of every value, `null` for nulls."""
    texts = _texts(array, field)
    return texts if texts.null_count == 0 else pc.fill_null(texts, "null")


def _texts(array: pa.Array, field: pa.Field) -> pa.Array:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        texts = extension_texts(array)
        return texts if texts is not None else _texts(array.storage, field)
    if pa.types.is_dictionary(kind):
        values = _texts(array.dictionary, field)
        return values.take(array.indices)
    if _is_variant(field):
        raise ValidationFailedError(
            f"The column {field.name} is a VARIANT; write {field.name}::JSON in the SQL"
        )
    if pa.types.is_struct(kind):
        return _struct_texts(array)
    if pa.types.is_map(kind):
        return _map_texts(array)
    if pa.types.is_nested(kind):
        return _union_texts(array) if pa.types.is_union(kind) else _list_texts(array)
    return scalar_texts(array)


def _is_variant(field: pa.Field) -> bool:
    metadata = field.metadata or {}
    return metadata.get(b"ARROW:extension:name") == b"arrow.parquet.variant"


def _struct_texts(array: pa.Array) -> pa.Array:
    pieces: list[pa.Array | str] = []
    for index in range(array.type.num_fields):
        field = array.type.field(index)
        pieces += [f"{',' if index else '{'}{_key(field.name)}:"]
        pieces += [value_texts(array.field(index), field)]
    if not pieces:
        return _masked(array, pa.repeat("{}", len(array)))
    return _masked(array, pc.binary_join_element_wise(*pieces, "}", ""))


def _list_texts(array: pa.Array) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    items = value_texts(pc.list_flatten(array), array.type.value_field)
    return _masked(array, _joined(lengths, items, "[", "]"))


def _map_texts(array: pa.Array) -> pa.Array:
    """Objects when the keys are strings, else arrays of pairs."""
    starts = array.offsets
    first, last = starts[0].as_py(), starts[-1].as_py()
    keys = array.keys.slice(first, last - first)
    values = value_texts(array.items.slice(first, last - first), array.type.item_field)
    lengths = pc.subtract(starts.slice(1), starts.slice(0, len(array)))
    if _is_text(keys.type):
        pairs = pc.binary_join_element_wise(_key_texts(keys), values, ":")
        return _masked(array, _joined(lengths, pairs, "{", "}"))
    pair_keys = value_texts(keys, array.type.key_field)
    pairs = pc.binary_join_element_wise("[", pair_keys, ",", values, "]", "")
    return _masked(array, _joined(lengths, pairs, "[", "]"))


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(value) or pa.types.is_large_string(value)


def _key_texts(keys: pa.Array) -> pa.Array:
    plain = keys.cast(pa.string())
    tagged = pc.starts_with(plain, TAG)
    return string_texts(
        pc.if_else(tagged, pc.binary_join_element_wise(TAG, plain, ""), plain)
        if pc.any(tagged).as_py()
        else plain
    )


def _union_texts(array: pa.Array) -> pa.Array:
    """The value of the member each row holds."""
    if array.type.mode != "sparse":
        raise ValidationFailedError(f"A column of the type {array.type} cannot cross to a script")
    # `array.type_codes` would forget where a slice begins.
    codes = pa.Array.from_buffers(
        pa.int8(), len(array), [None, array.buffers()[1]], offset=array.offset
    )
    texts = pa.nulls(len(array), pa.string())
    for index, code in enumerate(array.type.type_codes):
        member = _texts(array.field(index), array.type.field(index))
        texts = pc.if_else(pc.equal(codes, pa.scalar(code, pa.int8())), member, texts)
    return texts


def _joined(lengths: pa.Array, items: pa.Array, start: str, end: str) -> pa.Array:
    ends = pc.cumulative_sum(lengths).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    return pc.binary_join_element_wise(start, joined, end, "")


def _masked(array: pa.Array, texts: pa.Array) -> pa.Array:
    return texts if array.null_count == 0 else pc.if_else(array.is_valid(), texts, None)


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    return encode({name: 0}).removeprefix("{").removesuffix(":0}")


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch so that the texts of one part stay small, however wide its rows are."""
    size = batch.nbytes
    if size <= _SLICE_BYTES:
        if batch.num_rows:
            yield batch
        return
    rows = max(1, batch.num_rows * _SLICE_BYTES // size)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _least_size(batch: pa.RecordBatch) -> int:
    """Return a size that the text of a part reaches for certain: that of its longest text."""
    return max(
        (
            column.nbytes - 5 * len(column)
            for column in batch.columns
            if pa.types.is_string(column.type)
        ),
        default=0,
    )


def _row_texts(schema: pa.Schema, batch: pa.RecordBatch, heads: Sequence[str]) -> bytes:
    pieces: list[pa.Array | str] = []
    for field, column, head in zip(schema, batch.columns, heads, strict=True):
        pieces += [head, value_texts(column, field)]
    rows = pc.binary_join_element_wise(*pieces, "},", "")
    _, offsets, data = rows.buffers()
    ends = memoryview(offsets).cast("i")
    return bytes(memoryview(data)[ends[rows.offset] : ends[rows.offset + len(rows)]])
