"""What a PostgreSQL database holds, and what keeps a read-only datasource from writing to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from analysis_sandbox.datasources.base import Check
from analysis_sandbox.datasources.tables import name_parts, quoted, table_not_found
from analysis_sandbox.values import JSONObject

# Runs a statement of ours and returns its rows.
Fetch: TypeAlias = Callable[[str, Sequence[object]], Sequence[Sequence[Any]]]

_KINDS: Mapping[str, str] = {"r": "table", "p": "table", "f": "table", "v": "view", "m": "view"}
_OURS = """
    c.relkind = any('{r,p,f,v,m}') and n.nspname <> 'information_schema'
    and n.nspname !~ '^pg_'
"""
_TABLES = f"""
    select n.nspname::text, c.relname::text, c.relkind::text,
           pg_catalog.pg_table_is_visible(c.oid),
           pg_catalog.obj_description(c.oid, 'pg_class')
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where {_OURS} and pg_catalog.has_schema_privilege(n.oid, 'usage')
      and pg_catalog.has_any_column_privilege(c.oid, 'select')
    order by not pg_catalog.pg_table_is_visible(c.oid), 1, 2
"""
_TABLE = """
    select n.nspname::text, c.relname::text, c.relkind::text,
           pg_catalog.obj_description(c.oid, 'pg_class'), c.oid::pg_catalog.int8
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = pg_catalog.to_regclass($1) and c.relkind = any('{r,p,f,v,m}')
"""
_COLUMNS = """
    select a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), not a.attnotnull,
           coalesce(a.attnum = any(i.indkey), false),
           pg_catalog.col_description(a.attrelid, a.attnum)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = $1::pg_catalog.oid and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
_ROLE = f"""
    select current_user::text,
           (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
           array(select pg_catalog.format('%I.%I', n.nspname, c.relname)
                 from pg_catalog.pg_class c
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                 where {_OURS}
                   and (pg_catalog.has_any_column_privilege(c.oid, 'insert, update')
                        or pg_catalog.has_table_privilege(c.oid, 'delete, truncate'))
                 order by 1 limit 4),
           array(select nspname::text from pg_catalog.pg_namespace
                 where nspname !~ '^pg_' and pg_catalog.has_schema_privilege(oid, 'create')
                 order by 1 limit 4),
           array(select rolname::text from pg_catalog.pg_roles
                 where rolname = any('{{pg_write_all_data,pg_write_server_files,
                                        pg_execute_server_program,pg_read_server_files}}')
                   and pg_catalog.pg_has_role(oid, 'member')
                 order by 1),
           pg_catalog.current_setting('transaction_read_only'),
           coalesce((select setting from pg_catalog.pg_settings
                     where name = 'default_transaction_read_only'), 'off')
"""


def tables(fetch: Fetch) -> list[JSONObject]:
    """Return the tables and views that the role may read, those on its path first."""
    return [
        {
            "name": name if visible else f"{schema}.{name}",
            "kind": _KINDS[kind],
            "schema": schema,
            **({"comment": comment} if comment else {}),
        }
        for schema, name, kind, visible, comment in fetch(_TABLES, ())
    ]


def table(fetch: Fetch, name: str, *, datasource: str) -> JSONObject:
    """Return a table or view with its columns.

    Raises:
        NotFoundError: there is none of this name; the message has the nearest.
    """
    found = fetch(_TABLE, (quoted(name_parts(name, dialect="postgres")),))
    if not found:
        known = [str(entry["name"]) for entry in tables(fetch)]
        raise table_not_found(name, known, datasource=datasource)
    schema, own_name, kind, comment, oid = found[0]
    columns: list[JSONObject] = [
        {
            "name": column,
            "type": type_,
            "nullable": nullable,
            **({"primary_key": True} if is_key else {}),
            **({"comment": about} if about else {}),
        }
        for column, type_, nullable, is_key, about in fetch(_COLUMNS, (oid,))
    ]
    return {
        "name": own_name,
        "schema": schema,
        "kind": _KINDS[kind],
        "columns": [*columns],
        **({"comment": comment} if comment else {}),
    }


def layers(fetch: Fetch) -> list[Check]:
    """Return what the session and the role do against writing."""
    ((role, is_superuser, writable, schemas, roles, session, default),) = fetch(_ROLE, ())
    problems: list[str] = []
    if is_superuser:
        problems.append("is a superuser, whom no right is denied")
    if writable:
        problems.append(f"may write to {', '.join(writable)}")
    if schemas:
        problems.append(f"may create in schema {', '.join(schemas)}")
    if roles:
        problems.append(f"is a member of {', '.join(roles)}")
    advice = "give the datasource a role with SELECT only"
    said = "; ".join(problems)
    return [
        Check(
            "session",
            session == "on",
            "Every statement runs in a READ ONLY transaction that is rolled back",
        ),
        Check(
            "role",
            not problems,
            f"Role {role!r} {said}: {advice}" if problems else f"Role {role!r} cannot write",
        ),
        Check(
            "role default",
            default == "on",
            "default_transaction_read_only is on"
            if default == "on"
            else f"default_transaction_read_only is off for role {role!r}: "
            f"ALTER ROLE {quoted((role,))} SET default_transaction_read_only = on",
        ),
    ]
