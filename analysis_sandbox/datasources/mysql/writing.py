"""Rows and tables written to MySQL or MariaDB: many rows per statement, all or nothing.

A new table is filled under another name and renamed when it is complete: CREATE TABLE ends a
transaction, so that nothing else would take it back. Rows of a table whose engine has no
transactions (MyISAM, Aria) stay where they are after an error.
"""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownLambdaType=false

import contextlib
import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pymysql
from pyarrow import types

from analysis_sandbox.datasources.base import ArrowReader, WriteMode
from analysis_sandbox.datasources.mysql.literals import identifier, literal, text_literal
from analysis_sandbox.datasources.mysql.sessions import Session
from analysis_sandbox.datasources.tables import InsertRows, name_parts
from analysis_sandbox.errors import ConflictError, ValidationFailedError

# Far below the smallest max_allowed_packet that servers come with (16 MiB).
_STATEMENT_CHARACTERS = 1 << 20
_MOST_DIGITS = 65
_MOST_SCALE = 30
_KIND = (
    "SELECT table_type FROM information_schema.tables WHERE table_schema = {} AND table_name = {}"
)


class Target:
    """A table by its name, `table` or `schema.table`."""

    def __init__(self, name: object) -> None:
        parts = name_parts(name, dialect="mysql")
        if len(parts) > 2:
            raise ValidationFailedError(f"{name!r} is not the name of a table: [schema.]table")
        *schema, table = list(parts)
        self._table = table
        self.name = ".".join(parts)
        self.sql = ".".join(identifier(part) for part in parts)
        self._schema = text_literal(schema[0]) if schema else "DATABASE()"
        self._prefix = f"{identifier(schema[0])}." if schema else ""

    def kind(self, connection: Session) -> str | None:
        """Return "BASE TABLE", "VIEW" or whatever else it is, None when it is not there."""
        sql = _KIND.format(self._schema, text_literal(self._table))
        with connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0].decode() if row else None

    def aside(self) -> str:
        """Return a name nobody uses, quoted, in the same schema."""
        return f"{self._prefix}{identifier(f'analysis_sandbox_{secrets.token_hex(8)}')}"


def insert_rows(connection: Session, target: Target, given: InsertRows) -> int:
    """Insert the rows in one transaction; return their number.

    Raises:
        ValidationFailedError: a name or a value that the database has no form for.
    """
    texts = (f"({','.join(map(literal, row))})" for row in given.rows)
    connection.query("START TRANSACTION")
    for statement in _inserts(target.sql, given.columns, texts):
        connection.query(statement)
    connection.commit()
    return len(given.rows)


def write_table(connection: Session, target: Target, reader: ArrowReader, mode: WriteMode) -> int:
    """Write all batches of a reader to a table; return the number of rows.

    Raises:
        ConflictError: the table is there, and `mode` is "error"; or it is a view.
        ValidationFailedError: a column whose type the database does not have.
    """
    kind = target.kind(connection)
    if kind is not None and (mode == "error" or kind == "VIEW"):
        what = "View" if kind == "VIEW" else "Table"
        raise ConflictError(
            f"{what} {target.name!r} exists already",
            hint=None if kind == "VIEW" else "Use mode append or replace to write to it.",
        )
    if kind is not None and mode == "append":
        connection.query("START TRANSACTION")
        count = _fill(connection, target.sql, reader)
        connection.commit()
        return count
    filled = target.aside()
    columns = ", ".join(f"{identifier(f.name)} {_declared(f)}" for f in reader.schema)
    connection.query(f"CREATE TABLE {filled} ({columns}) DEFAULT CHARSET utf8mb4")
    try:
        connection.query("START TRANSACTION")
        count = _fill(connection, filled, reader)
        connection.commit()
        _put_in_place(connection, filled, target, replaces=kind is not None)
    except BaseException:
        with contextlib.suppress(pymysql.err.Error, OSError):
            connection.query(f"DROP TABLE {filled}")
        raise
    return count


def _put_in_place(connection: Session, filled: str, target: Target, *, replaces: bool) -> None:
    if not replaces:
        connection.query(f"RENAME TABLE {filled} TO {target.sql}")
        return
    former = target.aside()
    connection.query(f"RENAME TABLE {target.sql} TO {former}, {filled} TO {target.sql}")
    connection.query(f"DROP TABLE {former}")


def _fill(connection: Session, table: str, reader: ArrowReader) -> int:
    names = [field.name for field in reader.schema]
    writers = [_writer(field) for field in reader.schema]
    count = 0
    for batch in reader:
        columns = [write(column) for write, column in zip(writers, batch.columns, strict=True)]
        texts = (f"({','.join(row)})" for row in zip(*columns, strict=True))
        for statement in _inserts(table, names, texts):
            connection.query(statement)
        count += batch.num_rows
    return count


def _inserts(table: str, names: Sequence[str], rows: Iterable[str]) -> Iterator[str]:
    """Yield statements of about the same length that insert all rows."""
    head = f"INSERT INTO {table} ({', '.join(identifier(name) for name in names)}) VALUES "
    pieces: list[str] = []
    length = 0
    for row in rows:
        pieces.append(row)
        length += len(row)
        if length > _STATEMENT_CHARACTERS:
            yield head + ",".join(pieces)
            pieces, length = [], 0
    if pieces:
        yield head + ",".join(pieces)


def _declared(field: pa.Field) -> str:
    """Return the type of a new column."""
    type_ = _stored(field.type)
    for is_it, declared in _DECLARED:
        if is_it(type_):
            return declared
    if types.is_decimal(type_):
        digits, scale = type_.precision, type_.scale
        if scale < 0:
            digits, scale = digits - scale, 0
        if digits <= _MOST_DIGITS and scale <= _MOST_SCALE:
            return f"DECIMAL({digits}, {scale})"
    raise ValidationFailedError(
        f"MySQL has no type for column {field.name!r} ({field.type}); cast it in the query"
    )


def _writer(field: pa.Field) -> Callable[[pa.Array], list[str]]:
    """Return what makes SQL of the column's values."""
    type_ = _stored(field.type)
    # Nanoseconds are cut off: the databases have none.
    coarse = next((make(type_) for is_it, make in _COARSE if is_it(type_)), type_)
    write = next((write for is_it, write in _WRITERS if is_it(type_)), _literals)
    return lambda column: write(column.cast(type_).cast(coarse, safe=False))


def _digits(column: pa.Array) -> list[str]:
    return column.cast(pa.string()).fill_null("NULL").to_pylist()


def _literals(column: pa.Array) -> list[str]:
    return [literal(value) for value in column.to_pylist()]


def _floats(column: pa.Array) -> list[str]:
    return [
        literal(value) if value is not None and math.isfinite(value) else "NULL"
        for value in column.to_pylist()
    ]


def _texts(column: pa.Array) -> list[str]:
    # As they stand: what looks like a point in time is a text here.
    return ["NULL" if value is None else text_literal(value) for value in column.to_pylist()]


def _micros(column: pa.Array) -> list[str]:
    return _digits(column.cast(pa.int64()))


def _stored(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if types.is_dictionary(type_) else type_


def _is_text(type_: pa.DataType) -> bool:
    return any(
        (types.is_string(type_), types.is_large_string(type_), types.is_string_view(type_))
    ) or types.is_null(type_)


def _is_bytes(type_: pa.DataType) -> bool:
    return any(
        (
            types.is_binary(type_),
            types.is_large_binary(type_),
            types.is_binary_view(type_),
            types.is_fixed_size_binary(type_),
        )
    )


# TIMESTAMP ends in 2038: points in time are DATETIME, in UTC.
_DECLARED: Sequence[tuple[Callable[[pa.DataType], bool], str]] = (
    (types.is_boolean, "BOOLEAN"),
    (types.is_int8, "TINYINT"),
    (types.is_int16, "SMALLINT"),
    (types.is_int32, "INT"),
    (types.is_int64, "BIGINT"),
    (types.is_uint8, "TINYINT UNSIGNED"),
    (types.is_uint16, "SMALLINT UNSIGNED"),
    (types.is_uint32, "INT UNSIGNED"),
    (types.is_uint64, "BIGINT UNSIGNED"),
    (types.is_float64, "DOUBLE"),
    (types.is_floating, "FLOAT"),
    (_is_text, "LONGTEXT"),
    (_is_bytes, "LONGBLOB"),
    (types.is_date, "DATE"),
    (types.is_timestamp, "DATETIME(6)"),
    (types.is_time, "TIME(6)"),
    (types.is_duration, "BIGINT"),
    (types.is_nested, "JSON"),
)
_COARSE: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[Any], pa.DataType]]] = (
    (types.is_timestamp, lambda type_: pa.timestamp("us", tz=type_.tz)),
    (types.is_time, lambda _: pa.time64("us")),
    (types.is_duration, lambda _: pa.duration("us")),
)
_WRITERS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[str]]]] = (
    (types.is_boolean, _digits),
    (types.is_integer, _digits),
    (types.is_decimal, _digits),
    (types.is_floating, _floats),
    (types.is_duration, _micros),
    (_is_text, _texts),
)
