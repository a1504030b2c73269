"""What a SQLite file holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from analysis_sandbox.datasources.tables import name_parts, table_not_found
from analysis_sandbox.values import JSONObject

# Runs a statement of ours and returns its rows.
Fetch: TypeAlias = Callable[[str, Sequence[object]], Sequence[Sequence[Any]]]

_KINDS: Mapping[str, str] = {"table": "table", "virtual": "table", "view": "view"}
_TABLES = """
    select name, type from pragma_table_list
    where schema = 'main' and type in ('table', 'virtual', 'view') and name not like 'sqlite\\_%'
    escape '\\'
    order by name
"""
_COLUMNS = 'select name, type, "notnull", pk from pragma_table_xinfo(?) where hidden <> 1'


def tables(fetch: Fetch) -> list[JSONObject]:
    """Return the tables and views."""
    return [
        {"name": name, "kind": _KINDS[kind], "schema": "main"} for name, kind in fetch(_TABLES, ())
    ]


def table(fetch: Fetch, name: str, *, datasource: str) -> JSONObject:
    """Return a table or view with its columns; SQLite compares names without case.

    Raises:
        NotFoundError: there is none of this name; the message has the nearest.
    """
    wanted = name_parts(name, dialect="sqlite")
    known = {str(entry["name"]): entry for entry in tables(fetch)}
    is_main = len(wanted) == 1 or (len(wanted) == 2 and wanted[0].lower() == "main")
    own_name = next((key for key in known if key.lower() == wanted[-1].lower()), None)
    if own_name is None or not is_main:
        raise table_not_found(name, known, datasource=datasource)
    columns: list[JSONObject] = [
        {
            "name": column,
            "type": type_ or "any",
            "nullable": not not_null,
            **({"primary_key": True} if key else {}),
        }
        for column, type_, not_null, key in fetch(_COLUMNS, (own_name,))
    ]
    return {**known[own_name], "columns": [*columns]}
