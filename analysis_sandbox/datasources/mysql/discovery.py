"""What a MySQL or MariaDB server holds: its tables and views, and their columns."""

from collections.abc import Sequence

from analysis_sandbox.datasources.mysql.literals import identifier, text_literal
from analysis_sandbox.datasources.mysql.sessions import Session
from analysis_sandbox.datasources.tables import table_not_found
from analysis_sandbox.values import JSONObject, JSONValue

_TABLES = """
    SELECT table_schema, table_name, table_type, table_comment, table_rows, DATABASE()
    FROM information_schema.tables
    WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
    ORDER BY table_schema <> COALESCE(DATABASE(), ''), table_schema, table_name
"""
_COLUMNS = """
    SELECT column_name, column_type, is_nullable, column_key, column_comment
    FROM information_schema.columns WHERE table_schema = {} AND table_name = {}
    ORDER BY ordinal_position
"""
# MariaDB's json is a longtext whose column has this check.
_JSON_COLUMNS = """
    SELECT constraint_name FROM information_schema.check_constraints
    WHERE constraint_schema = {} AND table_name = {} AND level = 'Column'
    AND check_clause = CONCAT('json_valid(`', constraint_name, '`)')
"""
_KINDS = {"VIEW": "view", "SYSTEM VIEW": "view", "SEQUENCE": "sequence"}


def entries(connection: Session) -> list[JSONObject]:
    """Return the tables and views the user may see, those of the connection's database first.

    Their names are what a statement may use: with the schema where it is another one.
    """
    found: list[JSONObject] = []
    for schema, table, kind, comment, rows, current in _texts(connection, _TABLES):
        entry: JSONObject = {
            "name": table if schema == current else f"{schema}.{table}",
            "kind": _KINDS.get(kind or "", "table"),
            "schema": schema,
        }
        # A view has no comment, but the word VIEW.
        if comment and comment != "VIEW":
            entry["comment"] = comment
        if rows is not None:
            entry["estimatedRows"] = int(rows)
        found.append(entry)
    return found


def find(connection: Session, name: str, *, datasource: str) -> JSONObject:
    """Return the entry of this name.

    Raises:
        NotFoundError: there is none; the message has the nearest.
    """
    every = {str(entry["name"]): entry for entry in entries(connection)}
    qualified = {f"{entry['schema']}.{key}": entry for key, entry in every.items()}
    if name in every or name in qualified:
        return every.get(name) or qualified[name]
    raise table_not_found(name, every.keys(), datasource=datasource)


def described(connection: Session, name: str, *, datasource: str) -> JSONObject:
    """Return an entry with its columns.

    Raises:
        NotFoundError: as `find`.
    """
    entry = find(connection, name, datasource=datasource)
    schema, table = (str(entry["schema"]), _table(entry))
    documents = json_columns(connection, schema, table)
    columns: list[JSONValue] = []
    for column, type_, nullable, key, comment in _texts(
        connection, _COLUMNS.format(text_literal(schema), text_literal(table))
    ):
        told: JSONObject = {
            "name": column,
            "type": "json" if column in documents else type_,
            "nullable": nullable == "YES",
        }
        if key == "PRI":
            told["primaryKey"] = True
        if comment:
            told["comment"] = comment
        columns.append(told)
    return {**entry, "columns": columns}


def sample_query(entry: JSONObject, limit: int) -> str:
    """Return the query for an entry's first rows."""
    schema, table = identifier(str(entry["schema"])), identifier(_table(entry))
    return f"SELECT * FROM {schema}.{table} LIMIT {limit:d}"


def json_columns(connection: Session, schema: str, table: str) -> frozenset[str]:
    """Return the columns of a table that are json, where only a check says so."""
    if not connection.is_mariadb:
        return frozenset()
    sql = _JSON_COLUMNS.format(text_literal(schema), text_literal(table))
    return frozenset(str(row[0]) for row in _texts(connection, sql))


def _table(entry: JSONObject) -> str:
    return str(entry["name"]).removeprefix(f"{entry['schema']}.")


def _texts(connection: Session, sql: str) -> Sequence[Sequence[str | None]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [
            [None if value is None else value.decode("utf-8", "replace") for value in row]
            for row in cursor.fetchall()
        ]
