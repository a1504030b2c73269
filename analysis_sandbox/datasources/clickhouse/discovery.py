"""What a ClickHouse server holds, and what keeps a read-only datasource read-only there."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from analysis_sandbox.datasources.base import Check
from analysis_sandbox.datasources.tables import name_parts, quoted, table_not_found
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.values import EncodedJSON, JSONObject

# `query` of the datasource: a statement, its values by position, and rows as JSON.
Ask: TypeAlias = Callable[[str, Sequence[object]], EncodedJSON]

_TABLES = """
    SELECT database, name, engine, database = currentDatabase() AS current FROM system.tables
    WHERE database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA')
    AND NOT is_temporary AND NOT startsWith(name, '.inner') ORDER BY current DESC, database, name
"""
_COLUMNS = """
    SELECT database, name, type, comment, is_in_primary_key FROM system.columns
    WHERE database = if(? = '', currentDatabase(), ?) AND table = ? ORDER BY position
"""
_GRANT = re.compile(r"GRANT (.+) ON .+ TO .+", re.DOTALL)
_READING = re.compile(r"(?:SELECT|SHOW(?: [A-Z ]+)?|dictGet|USAGE|CHECK)(?:\(.*\))?", re.DOTALL)
_NULLABLE = ("Nullable(", "LowCardinality(Nullable(", "Dynamic", "Variant(", "Nothing")


class Discovery:
    """Tables, columns and rights, asked of the server anew each time."""

    def __init__(self, ask: Ask, *, name: str) -> None:
        self._ask = ask
        self._name = name

    def catalog(self) -> list[JSONObject]:
        """Return every table and view; those of other databases as `database.table`."""
        return [
            {
                "name": row["name"] if row["current"] else f"{row['database']}.{row['name']}",
                "kind": "view" if row["engine"].endswith("View") else "table",
                "schema": row["database"],
            }
            for row in self._rows(_TABLES)
        ]

    def describe(self, name: str) -> JSONObject:
        """Return a table or view with its columns.

        Raises:
            NotFoundError: there is none of this name; the message has the nearest.
        """
        *schema, table = name_parts(name, dialect="clickhouse")
        database = ".".join(schema)
        columns = self._rows(_COLUMNS, [database, database, table])
        known = self.catalog()
        if not columns:
            names = [str(entry["name"]) for entry in known]
            raise table_not_found(name, names, datasource=self._name)
        spelled = {table, f"{columns[0]['database']}.{table}"}
        kinds = [entry["kind"] for entry in known if entry["name"] in spelled]
        return {
            "name": name,
            "kind": kinds[0] if kinds else "table",
            "schema": columns[0]["database"],
            "columns": [
                {
                    "name": column["name"],
                    "type": column["type"],
                    "nullable": column["type"].startswith(_NULLABLE),
                    "comment": column["comment"],
                    "primary_key": bool(column["is_in_primary_key"]),
                }
                for column in columns
            ],
        }

    def sample(self, name: str, limit: int) -> EncodedJSON:
        """Return the first rows of a table or view.

        Raises:
            NotFoundError: there is none of this name.
        """
        self.describe(name)
        table = quoted(name_parts(name, dialect="clickhouse"), "`")
        return self._ask(f"SELECT * FROM {table} LIMIT {limit}", ())

    def exists(self, table: str) -> bool:
        """Tell whether there is a table; its name is quoted."""
        return any(row["result"] for row in self._rows(f"EXISTS TABLE {table}"))

    def checks(self, *, read_only: bool, level: Callable[[], int]) -> list[Check]:
        """Return whether the server answers, and which layers hold."""
        try:
            (facts,) = self._rows("SELECT version() AS version, currentUser() AS user")
        except AnalysisSandboxError as error:
            return [Check("connection", ok=False, detail=error.message)]
        told = f"ClickHouse {facts['version']} answers {facts['user']!r}."
        connected = Check("connection", ok=True, detail=told)
        if not read_only:
            return [connected, Check("access", ok=True, detail="Writing is allowed (read_write).")]
        gate = Check("gate", ok=True, detail="Only one statement that reads is sent.")
        return [connected, gate, self._session_check(level()), self._role_check()]

    def _session_check(self, level: int) -> Check:
        (row,) = self._rows("SELECT toInt64(getSetting('readonly')) AS level")
        found = row["level"]
        told = {
            0: "Every statement is sent with readonly=1.",
            1: (
                "The user's profile has readonly=1, so that nothing can be set: time limits hold "
                "at our end only. Let the profile have max_execution_time."
            ),
            2: (
                "The user's profile has readonly=2: the server refuses writes, and changes of "
                "settings are left to the gate. With readonly=0 each statement would get 1."
            ),
        }
        holds = found in (1, 2)
        detail = told.get(level, "") if holds else f"The server runs it with readonly={found}."
        return Check("session", ok=holds, detail=detail)

    def _role_check(self) -> Check:
        try:
            grants = self._grants()
        except AnalysisSandboxError as error:
            return Check("role", ok=False, detail=f"Its rights cannot be seen: {error.message}")
        risky = sorted(
            {
                privilege
                for grant in grants
                if (found := _GRANT.fullmatch(grant))
                for privilege in _privileges(found[1])
                if not _READING.fullmatch(privilege)
            }
        )
        if not risky:
            return Check("role", ok=True, detail="The user has no rights but to read.")
        shown = ", ".join(risky[:8]) + (" …" if len(risky) > 8 else "")
        return Check(
            "role",
            ok=False,
            detail=f"The user may do more than read: {shown}. Give it a role with SELECT only; "
            "without SOURCES (READ, FILE, URL, REMOTE …) it cannot reach files or other servers.",
        )

    def _grants(self) -> list[str]:
        try:
            # With what comes through roles; older servers do not know FINAL.
            rows = self._rows("SHOW GRANTS FINAL")
        except AnalysisSandboxError:
            rows = self._rows("SHOW GRANTS")
        return [str(next(iter(row.values()))) for row in rows]

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[Mapping[str, Any]]:
        return json.loads(self._ask(sql, values))


def _privileges(text: str) -> list[str]:
    """Return the privileges of a grant, each with its columns."""
    pieces = re.split(r", (?![^(]*\))", text)
    return [piece.strip() for piece in pieces]
