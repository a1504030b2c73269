"""The tables of a warehouse, asked of DuckDB's catalogue."""

from typing import Any

import duckdb

from analysis_sandbox.errors import NotFoundError
from analysis_sandbox.warehouse.model import ColumnInfo, TableInfo

_TABLES = """
SELECT table_name FROM duckdb_tables()
WHERE schema_name = 'main' AND database_name = current_database() AND NOT internal AND NOT temporary
UNION ALL
SELECT view_name FROM duckdb_views()
WHERE schema_name = 'main' AND database_name = current_database() AND NOT internal AND NOT temporary
ORDER BY 1
"""
_COLUMNS = """
SELECT column_name, data_type, is_nullable FROM duckdb_columns()
WHERE schema_name = 'main' AND database_name = current_database() AND table_name = ?
ORDER BY column_index
"""
_IS_TABLE = """
SELECT count(*) FROM duckdb_tables()
WHERE schema_name = 'main' AND database_name = current_database() AND table_name = ?
"""
_BLOCK_BYTES = 262_144
_VALUE_BYTES = 16
_SIZE = f"""
SELECT
    {_BLOCK_BYTES} * (
        SELECT count(DISTINCT block) FROM (
            SELECT unnest(list_append(additional_block_ids, block_id)) AS block
            FROM pragma_storage_info($name) WHERE persistent
        ) WHERE block >= 0
    ) + {_VALUE_BYTES} * (
        SELECT coalesce(sum(count), 0) FROM pragma_storage_info($name)
        WHERE NOT persistent AND segment_type <> 'VALIDITY'
    )
"""


def quoted(name: str) -> str:
    """Return a name as SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def table_names(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the persistent tables and views of schema main, sorted."""
    return [str(row[0]) for row in _rows(cursor, _TABLES)]


def table_info(cursor: duckdb.DuckDBPyConnection, name: str) -> TableInfo:
    """Describe one table or view.

    Raises:
        NotFoundError: there is none of this name; the message lists what there is.
    """
    _require(cursor, name)
    columns = tuple(
        ColumnInfo(name=str(column), type=str(kind), nullable=bool(nullable))
        for column, kind, nullable in _rows(cursor, _COLUMNS, [name])
    )
    row_count = _number(cursor, f"SELECT count(*) FROM main.{quoted(name)}")
    is_table = _number(cursor, _IS_TABLE, [name]) > 0
    size = _number(cursor, _SIZE, {"name": f"main.{quoted(name)}"}) if is_table else 0
    return TableInfo(name, columns, row_count, size)


def drop(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    """Drop one table or view.

    Raises:
        NotFoundError: there is none of this name; the message lists what there is.
    """
    _require(cursor, name)
    kind = "TABLE" if _number(cursor, _IS_TABLE, [name]) else "VIEW"
    cursor.execute(f"DROP {kind} main.{quoted(name)}").fetchall()


def _require(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    if name not in (names := table_names(cursor)):
        known = ", ".join(names[:20]) or "no tables yet"
        raise NotFoundError(f"The warehouse has no table '{name}'. It has: {known}")


def _rows(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: object = None
) -> list[tuple[Any, ...]]:
    return cursor.execute(sql, parameters).fetchall()


def _number(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: object = None) -> int:
    return int(_rows(cursor, sql, parameters)[0][0])
