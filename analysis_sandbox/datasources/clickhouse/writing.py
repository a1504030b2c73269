"""Rows and Arrow batches in the form that ClickHouse reads, and a table for such batches."""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import pyarrow as pa
from pyarrow import types

from analysis_sandbox.datasources.base import ArrowReader
from analysis_sandbox.datasources.tables import quoted
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import to_json

# Nothing is dropped or made up on the way: an unknown column and a null where there is none are
# errors. Dates may be written as JavaScript writes them.
INSERT_SETTINGS = {
    "input_format_skip_unknown_fields": "0",
    "input_format_null_as_default": "0",
    "date_time_input_format": "best_effort",
    "wait_end_of_query": "1",
}
ARROW_INSERT_SETTINGS = {
    "input_format_null_as_default": "0",
    "input_format_arrow_import_nested": "0",
    "wait_end_of_query": "1",
}
_PIECE_BYTES = 1 << 18


def insert_statement(table: str, columns: Sequence[str], *, as_format: str) -> str:
    """Return the statement that inserts what follows it; `table` is quoted."""
    names = ", ".join(quoted([_bytes_free(name)], "`") for name in columns)
    return f"INSERT INTO {table} ({names}) FORMAT {as_format}"


def row_pieces(rows: Sequence[Mapping[str, object]]) -> Iterator[bytes]:
    """Yield rows as JSONEachRow: a member that a row does not have gets the column's default.

    Raises:
        ValidationFailedError: a value has no form.
    """
    piece = bytearray()
    for row in rows:
        piece += _line(row)
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def arrow_pieces(reader: ArrowReader, count: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the batches of a reader as an Arrow stream; `count` gets the rows of each."""
    schema = pa.schema([pa.field(field.name, _sent(field.type)) for field in reader.schema])
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, schema) as writer:
        for batch in reader:
            arrays = [
                _cast(column, field) for column, field in zip(batch.columns, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count(batch.num_rows)
            yield _taken(buffer)
    yield _taken(buffer)


def create_statement(table: str, schema: pa.Schema) -> str:
    """Return the statement that makes a table for such rows; `table` is quoted.

    Raises:
        ValidationFailedError: a column's type has no counterpart.
    """
    columns = ", ".join(
        f"{quoted([field.name], '`')} {_nullable(field.type, field.name)}" for field in schema
    )
    return f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY tuple()"


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise ValidationFailedError(
            f"A value of column {field.name!r} does not fit {field.type}"
        ) from error


def _taken(buffer: io.BytesIO) -> bytes:
    piece = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _line(row: Mapping[str, object]) -> bytes:
    text = json.dumps(_sendable(dict(row)), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape") + b"\n"


def _sendable(value: object) -> object:
    """Return a value as JSON data; bytes as they are, which ClickHouse's JSON may hold."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(cast("bytes", value)).decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        return _bytes_free(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_bytes_free(str(name)): _sendable(item) for name, item in items}
    if isinstance(value, Sequence):
        return [_sendable(item) for item in cast("Sequence[object]", value)]
    return to_json(value)


def _bytes_free(text: str) -> str:
    """Refuse text with surrogates: they stand for bytes here."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationFailedError("A text is not valid Unicode") from None
    return text


def _nullable(type_: pa.DataType, name: str) -> str:
    declared = _declared(type_, name)
    if declared.startswith(("Array(", "Tuple(", "Map(")):
        return declared
    return f"Nullable({declared})"


def _declared(type_: pa.DataType, name: str) -> str:
    sent = _sent(type_)
    for is_it, declared in _DECLARED:
        if is_it(sent):
            return declared
    if types.is_decimal(sent):
        return f"Decimal({sent.precision}, {sent.scale})"
    if types.is_timestamp(sent):
        return f"DateTime64({ {'s': 0, 'ms': 3, 'us': 6, 'ns': 9}[sent.unit] }, 'UTC')"
    if types.is_map(sent):
        value = _nullable(sent.item_type, name)
        return f"Map({_declared(sent.key_type, name)}, {value})"
    if types.is_list(sent) or types.is_large_list(sent) or types.is_fixed_size_list(sent):
        return f"Array({_nullable(sent.value_type, name)})"
    if types.is_struct(sent):
        fields = [sent.field(index) for index in range(sent.num_fields)]
        inner = ", ".join(f"{quoted([f.name], '`')} {_nullable(f.type, name)}" for f in fields)
        return f"Tuple({inner})"
    raise ValidationFailedError(
        f"ClickHouse has no type for column {name!r} ({type_}); cast it in the query"
    )


def _sent(type_: pa.DataType) -> pa.DataType:
    """Return the type as which a column is sent: what the server does not read becomes text."""
    if types.is_dictionary(type_):
        return _sent(type_.value_type)
    if types.is_decimal(type_) and type_.scale < 0:
        return pa.decimal256(min(76, type_.precision - type_.scale), 0)
    if types.is_timestamp(type_):
        return pa.timestamp(type_.unit, tz="UTC")
    return next((sent for is_it, sent in _SENT if is_it(type_)), type_)


def _is_text(type_: pa.DataType) -> bool:
    return any(
        is_it(type_)
        for is_it in (
            *(types.is_string, types.is_large_string, types.is_binary, types.is_large_binary),
            types.is_fixed_size_binary,
        )
    )


_SENT: Sequence[tuple[Callable[[pa.DataType], bool], pa.DataType]] = (
    (types.is_time, pa.string()),
    (types.is_null, pa.string()),
    (types.is_string_view, pa.string()),
    (types.is_binary_view, pa.binary()),
    (types.is_duration, pa.int64()),
    (types.is_date64, pa.date32()),
    (types.is_float16, pa.float32()),
)
_DECLARED: Sequence[tuple[Callable[[pa.DataType], bool], str]] = (
    (types.is_boolean, "Bool"),
    (types.is_int8, "Int8"),
    (types.is_int16, "Int16"),
    (types.is_int32, "Int32"),
    (types.is_int64, "Int64"),
    (types.is_uint8, "UInt8"),
    (types.is_uint16, "UInt16"),
    (types.is_uint32, "UInt32"),
    (types.is_uint64, "UInt64"),
    (types.is_float32, "Float32"),
    (types.is_float64, "Float64"),
    (types.is_date32, "Date32"),
    (_is_text, "String"),
)
