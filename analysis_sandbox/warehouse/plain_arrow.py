"""Tables as others take them: without DuckDB's own types, which Arrow carries as extensions."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

from collections.abc import Iterator

import pyarrow as pa

from analysis_sandbox.warehouse.model import TableInfo
from analysis_sandbox.warehouse.tables import quoted

# Nothing outside of DuckDB knows these; as text every value of them stays what it is.
_AS_TEXT = ("BIGNUM", "BIT", "ENUM(", "INTERVAL", "JSON", "TIME WITH TIME ZONE", "UNION(", "UUID")
_AS_DECIMAL = ("HUGEINT", "UHUGEINT")


def plain_query(table: TableInfo) -> str:
    """Return the query that reads a whole table in types that every database has."""
    columns = ", ".join(_column(column.name, column.type) for column in table.columns)
    return f"SELECT {columns} FROM main.{quoted(table.name)}"


def plain_rows(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Return the rows of a reader without extension types."""
    empty = [_plain(pa.nulls(0, field.type)) for field in reader.schema]
    schema = pa.schema(
        [
            pa.field(field.name, column.type, field.nullable)
            for field, column in zip(reader.schema, empty, strict=True)
        ]
    )

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            yield pa.RecordBatch.from_arrays([_plain(column) for column in batch], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _column(name: str, kind: str) -> str:
    column = quoted(name)
    if kind.endswith("]"):
        return column
    if kind in _AS_DECIMAL:
        return f"CAST({column} AS DECIMAL(38, 0)) AS {column}"
    if kind.startswith(_AS_TEXT):
        return f"CAST({column} AS VARCHAR) AS {column}"
    return column


def _plain(array: pa.Array) -> pa.Array:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            texts = [None if value is None else str(value) for value in array.to_pylist()]
            return pa.array(texts, pa.string())
        is_boolean = kind.extension_name == "arrow.bool8"
        return array.storage.cast(pa.bool_()) if is_boolean else _plain(array.storage)
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(
            array.offsets, _plain(array.values), mask=array.is_null() if array.null_count else None
        )
    if pa.types.is_struct(kind):
        return pa.StructArray.from_arrays(
            [_plain(array.field(index)) for index in range(kind.num_fields)],
            names=[kind.field(index).name for index in range(kind.num_fields)],
            mask=array.is_null() if array.null_count else None,
        )
    return array
