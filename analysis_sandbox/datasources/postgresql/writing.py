"""Rows into PostgreSQL's tables: objects by INSERT, Arrow by the bulk driver's COPY.

Arrow goes into a temporary table first and from there, cast to the types of the target, into it:
one transaction, and a column need not have the very type that Arrow has.
"""

# pyarrow and the driver have no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
# pyright: reportUnknownLambdaType=false

import json
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import RawCursor

from analysis_sandbox.datasources.base import ArrowReader, WriteMode
from analysis_sandbox.datasources.postgresql.bulk import BulkSession
from analysis_sandbox.datasources.postgresql.sessions import Connection
from analysis_sandbox.datasources.postgresql.values import parameter
from analysis_sandbox.datasources.tables import InsertRows, quoted
from analysis_sandbox.errors import ConflictError, QueryError, ValidationFailedError
from analysis_sandbox.values import to_json

_JSON_TYPES = ("json", "jsonb")
_COLUMN_TYPES = """
    select attname::text, pg_catalog.format_type(atttypid, atttypmod)
    from pg_catalog.pg_attribute
    where attrelid = $1::pg_catalog.regclass and attnum > 0 and not attisdropped
"""
_STAGED = "analysis_sandbox_rows"
_BATCH_ROWS = 1000
_SIMPLE = {
    pa.int8(): (pa.int16(), "smallint"),
    pa.uint8(): (pa.int16(), "smallint"),
    pa.int16(): (pa.int16(), "smallint"),
    pa.uint16(): (pa.int32(), "integer"),
    pa.int32(): (pa.int32(), "integer"),
    pa.uint32(): (pa.int64(), "bigint"),
    pa.int64(): (pa.int64(), "bigint"),
    pa.float16(): (pa.float32(), "real"),
    pa.float32(): (pa.float32(), "real"),
    pa.float64(): (pa.float64(), "double precision"),
    pa.bool_(): (pa.bool_(), "boolean"),
    pa.date32(): (pa.date32(), "date"),
    pa.date64(): (pa.date32(), "date"),
    # The driver's integers end where bigint does.
    pa.uint64(): (pa.string(), "numeric(20, 0)"),
}
_KINDS = (
    (pa.types.is_timestamp, (pa.timestamp("us"), "timestamp")),
    (pa.types.is_time, (pa.time64("us"), "time")),
    (pa.types.is_binary, (pa.binary(), "bytea")),
    (pa.types.is_large_binary, (pa.binary(), "bytea")),
    (pa.types.is_fixed_size_binary, (pa.binary(), "bytea")),
    (pa.types.is_duration, (None, "interval")),
    (pa.types.is_interval, (None, "interval")),
    (pa.types.is_string, (pa.string(), "text")),
    (pa.types.is_large_string, (pa.string(), "text")),
    (pa.types.is_string_view, (pa.string(), "text")),
    (pa.types.is_null, (pa.string(), "text")),
)


def insert(connection: Connection, target: Sequence[str], rows: InsertRows) -> int:
    """Insert rows in one transaction; return how many there are."""
    names = ", ".join(quoted((column,)) for column in rows.columns)
    marks = ", ".join(f"${number}" for number in range(1, len(rows.columns) + 1))
    table = quoted(target)
    with connection.transaction():
        cursor = RawCursor(connection)
        types = dict(cursor.execute(_COLUMN_TYPES.encode(), (table,)).fetchall())
        convert = [_converter(types.get(column, "")) for column in rows.columns]
        inserted = 0
        for start in range(0, len(rows.rows), _BATCH_ROWS):
            block = rows.rows[start : start + _BATCH_ROWS]
            cursor.executemany(
                f"insert into {table} ({names}) values ({marks})".encode(),
                [
                    tuple(make(value) for make, value in zip(convert, row, strict=True))
                    for row in block
                ],
            )
            inserted += max(0, cursor.rowcount)
    return inserted


def write(
    session: BulkSession, target: Sequence[str], reader: ArrowReader, *, mode: WriteMode
) -> int:
    """Write the rows of a reader; the caller commits."""
    if len(reader.schema.names) != len(set(reader.schema.names)):
        raise ValidationFailedError("Two columns have the same name; rename one of them")
    table = quoted(target)
    existing = _existing(session, table)
    if mode == "error" and existing is not None:
        raise ConflictError(
            f"Table {table} exists already", hint="Use mode append or replace to write to it."
        )
    columns = [_column(field) for field in reader.schema]
    if mode == "replace" or existing is None:
        session.execute(f"drop table if exists {table}")
        made = ", ".join(f"{quoted((column.name,))} {column.sql}" for column in columns)
        session.execute(f"create table {table} ({made})")
        existing = {column.name: column.sql for column in columns}
    missing = [column.name for column in columns if column.name not in existing]
    if missing:
        raise QueryError(f"Table {table} has no column {', '.join(missing)}")
    schema = pa.schema([(column.name, column.type) for column in columns])
    staged = pa.RecordBatchReader.from_batches(schema, _staged(reader, columns, schema))
    session.execute(f"drop table if exists pg_temp.{_STAGED}")
    with session.connection.cursor() as cursor:
        session.cursor = cursor
        cursor.adbc_ingest(_STAGED, staged, mode="create", temporary=True)
    names = ", ".join(quoted((column.name,)) for column in columns)
    casts = ", ".join(f"{quoted((c.name,))}::{existing[c.name]}" for c in columns)
    with session.connection.cursor() as cursor:
        session.cursor = cursor
        cursor.execute(f"insert into {table} ({names}) select {casts} from pg_temp.{_STAGED}")
        cursor.execute(f"select count(*) from pg_temp.{_STAGED}")
        row = cursor.fetchone()
    session.execute(f"drop table pg_temp.{_STAGED}")
    return int(row[0]) if row else 0


class _Column:
    """A column on its way: the Arrow type that is sent, and PostgreSQL's type for it."""

    def __init__(
        self, name: str, type_: pa.DataType, sql: str, *, convert: Callable[[pa.Array], pa.Array]
    ) -> None:
        self.name = name
        self.type = type_
        self.sql = sql
        self.convert = convert


def _column(field: pa.Field) -> _Column:
    type_, sql = _plain(field.type)
    if type_ is None:
        return _Column(field.name, pa.string(), "jsonb", convert=_json_texts)
    if type_ == field.type:
        return _Column(field.name, type_, sql, convert=lambda values: values)
    return _Column(field.name, type_, sql, convert=lambda values: pc.cast(values, type_))


def _plain(given: pa.DataType) -> tuple[pa.DataType | None, str]:
    """Return what is sent for an Arrow type and PostgreSQL's name of it, None for a document."""
    kinds = pa.types
    if kinds.is_dictionary(given):
        return _plain(given.value_type)
    if given in _SIMPLE:
        return _SIMPLE[given]
    if kinds.is_decimal(given):
        return pa.string(), f"numeric({given.precision}, {given.scale})"
    if kinds.is_timestamp(given) and given.tz:
        return pa.timestamp("us", "UTC"), "timestamptz"
    found = next((sent for is_kind, sent in _KINDS if is_kind(given)), (None, "jsonb"))
    return (given, "interval") if found[1] == "interval" else found


def _staged(
    reader: ArrowReader, columns: Sequence[_Column], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        arrays = [
            column.convert(batch.column(index)).cast(column.type)
            for index, column in enumerate(columns)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _json_texts(values: pa.Array) -> pa.Array:
    return pa.array(
        [
            None if value is None else json.dumps(to_json(value), ensure_ascii=False)
            for value in values.to_pylist()
        ],
        pa.string(),
    )


def _existing(session: BulkSession, table: str) -> dict[str, str] | None:
    """Return the types of a table's columns by name, None when there is no such table."""
    with session.connection.cursor() as cursor:
        cursor.execute("select pg_catalog.to_regclass($1) is not null", parameters=(table,))
        row = cursor.fetchone()
        if not row or not row[0]:
            return None
        cursor.execute(_COLUMN_TYPES.replace("$1::", "pg_catalog.to_regclass($1)::"), (table,))
        return {str(name): str(type_) for name, type_ in cursor.fetchall()}


def _converter(column_type: str) -> Callable[[object], object]:
    if column_type not in _JSON_TYPES:
        return parameter

    def document(value: object) -> object:
        # Text is JSON already, as it is for a parameter.
        return value if value is None or isinstance(value, str) else _document(value)

    return document


def _document(value: object) -> str:
    return json.dumps(to_json(value), ensure_ascii=False)
