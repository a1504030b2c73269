"""Rows into SQLite's tables: objects and Arrow batches, all of them or none."""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

from collections.abc import Callable, Sequence

import pyarrow as pa

from analysis_sandbox.datasources.base import ArrowReader, WriteMode
from analysis_sandbox.datasources.sqlite.sessions import Session
from analysis_sandbox.datasources.sqlite.values import Stored, parameter
from analysis_sandbox.datasources.tables import InsertRows, quoted
from analysis_sandbox.errors import ConflictError, ValidationFailedError

_BATCH_ROWS = 1000
_TYPES: Sequence[tuple[Callable[[pa.DataType], bool], str]] = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_integer, "INTEGER"),
    (pa.types.is_floating, "REAL"),
    (pa.types.is_binary, "BLOB"),
    (pa.types.is_large_binary, "BLOB"),
    (pa.types.is_fixed_size_binary, "BLOB"),
)


def insert(session: Session, target: Sequence[str], rows: InsertRows, *, seconds: float) -> int:
    """Insert rows in one transaction; return how many there are."""
    statement = _insert(target, rows.columns)
    with session.transaction():
        for start in range(0, len(rows.rows), _BATCH_ROWS):
            session.allow(seconds)
            block = rows.rows[start : start + _BATCH_ROWS]
            session.connection.executemany(
                statement, [tuple(parameter(value) for value in row) for row in block]
            )
    return len(rows.rows)


def write(
    session: Session,
    target: Sequence[str],
    reader: ArrowReader,
    *,
    mode: WriteMode,
    seconds: float,
) -> int:
    """Write the rows of a reader in one transaction; return how many there are."""
    names = list(reader.schema.names)
    if len({name.lower() for name in names}) != len(names):
        raise ValidationFailedError("Two columns have the same name; rename one of them")
    statement, written = _insert(target, names), 0
    with session.transaction():
        _prepare(session, target, reader.schema, mode=mode)
        for batch in reader:
            columns = [_stored(column) for column in batch.columns]
            session.allow(seconds)
            session.connection.executemany(statement, zip(*columns, strict=True))
            written += batch.num_rows
    return written


def _prepare(
    session: Session, target: Sequence[str], schema: pa.Schema, *, mode: WriteMode
) -> None:
    """Make the table where there is none, or make it anew."""
    table = quoted(target)
    with session.describing():
        exists = session.connection.execute(
            "select count(*) from main.sqlite_schema where type in ('table', 'view') "
            "and lower(name) = lower(?)",
            (target[-1],),
        ).fetchone()[0]
        if exists and mode == "error":
            raise ConflictError(
                f"Table {table} exists already",
                hint="Use mode append or replace to write to it.",
            )
        if exists and mode == "replace":
            session.connection.execute(f"drop table {table}")
        if not exists or mode == "replace":
            columns = ", ".join(f"{quoted((field.name,))} {_type(field.type)}" for field in schema)
            session.connection.execute(f"create table {table} ({columns})")


def _type(given: pa.DataType) -> str:
    return next((name for is_kind, name in _TYPES if is_kind(given)), "TEXT")


def _stored(values: pa.Array) -> list[Stored]:
    if pa.types.is_uint64(values.type):
        return [None if value is None else _integer(value) for value in values.to_pylist()]
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return values.to_pylist()
    if pa.types.is_decimal(values.type):
        # Not as a number: a double would not hold it.
        return values.cast(pa.string()).to_pylist()
    return [parameter(value) for value in values.to_pylist()]


def _integer(value: int) -> Stored:
    return value if value < 2**63 else str(value)


def _insert(target: Sequence[str], columns: Sequence[str]) -> str:
    names = ", ".join(quoted((column,)) for column in columns)
    return f"insert into {quoted(target)} ({names}) values ({', '.join('?' * len(columns))})"
