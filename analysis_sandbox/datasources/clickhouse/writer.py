"""Puts rows and tables into ClickHouse: what is made anew is there when it is complete.

ClickHouse has no transactions. An INSERT is taken as a whole up to the server's block of rows
(about a million), and beyond that block by block: an error leaves the blocks before it in an
existing table. A table that is made anew is filled under another name and renamed at the end.
"""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import cast

from analysis_sandbox.datasources.base import ArrowReader, WriteMode
from analysis_sandbox.datasources.clickhouse.discovery import Discovery
from analysis_sandbox.datasources.clickhouse.sessions import Request, Session, Sessions
from analysis_sandbox.datasources.clickhouse.writing import (
    ARROW_INSERT_SETTINGS,
    INSERT_SETTINGS,
    arrow_pieces,
    create_statement,
    insert_statement,
    row_pieces,
)
from analysis_sandbox.datasources.pool import Pool
from analysis_sandbox.datasources.tables import insert_rows, name_parts, quoted
from analysis_sandbox.errors import AnalysisSandboxError, ConflictError, ValidationFailedError
from analysis_sandbox.values import JSONObject

_WAIT = {"wait_end_of_query": "1"}


class Writer:
    """Writes to one server."""

    def __init__(self, sessions: Sessions, pool: Pool[Session], discovery: Discovery) -> None:
        self._sessions = sessions
        self._pool = pool
        self._discovery = discovery

    def insert(self, table: str, rows: object) -> int:
        """Insert objects and return their number.

        Raises:
            ValidationFailedError: no list of objects, or a null where there is none.
        """
        target = quoted(name_parts(table, dialect="clickhouse"), "`")
        given = insert_rows(rows)
        if not given.rows:
            return 0
        items = cast("Sequence[Mapping[str, object]]", rows)
        self._check_nulls(table, items)
        sql = insert_statement(target, given.columns, as_format="JSONEachRow")
        # Built beforehand: a value that has no form must not end a statement half sent.
        data = list(row_pieces(items))
        self._send(
            Request(
                sql,
                guarded=False,
                seconds=self._sessions.seconds,
                settings=INSERT_SETTINGS,
                data=data,
            )
        )
        return len(items)

    def write(self, target: str, reader: ArrowReader, mode: WriteMode) -> int:
        """Write the rows of a reader to a table and return their number.

        Raises:
            ConflictError: the table is there, and `mode` is "error".
            ValidationFailedError: a column's type has no counterpart.
        """
        parts = name_parts(target, dialect="clickhouse")
        table = quoted(parts, "`")
        exists = self._discovery.exists(table)
        if exists and mode == "error":
            raise ConflictError(f"A table {target!r} exists already")
        if exists and mode == "append":
            return self._fill(table, reader)
        aside = _aside(parts)
        self._command(create_statement(aside, reader.schema))
        try:
            count = self._fill(aside, reader)
            self._put_in_place(aside, parts, replaces=exists)
        except BaseException:
            with contextlib.suppress(AnalysisSandboxError):
                self._command(f"DROP TABLE IF EXISTS {aside}")
            raise
        return count

    def _check_nulls(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Refuse a null for a column that has none: the server would take it for 0."""
        nulls = {name for row in rows for name, value in row.items() if value is None}
        if not nulls:
            return
        columns = cast("list[JSONObject]", self._discovery.describe(table)["columns"])
        strict = [str(column["name"]) for column in columns if not column["nullable"]]
        if refused := sorted(nulls.intersection(strict)):
            raise ValidationFailedError(
                f"Columns of {table} that are not Nullable were given a null: "
                f"{', '.join(refused)}. Leave the member out to get the column's default.",
                fields=dict.fromkeys(refused, "is not Nullable"),
            )

    def _fill(self, table: str, reader: ArrowReader) -> int:
        """Insert all batches; the run bounds how long it takes, each batch our time limit."""
        written = 0
        sql = insert_statement(table, reader.schema.names, as_format="ArrowStream")
        with self._sessions.lease(self._pool) as lease:

            def count(rows: int) -> None:
                nonlocal written
                written += rows
                self._sessions.waiting(lease)

            data = arrow_pieces(reader, count)
            request = Request(sql, guarded=False, settings=ARROW_INSERT_SETTINGS, data=data)
            with self._sessions.run(lease, request) as answer:
                answer.finish()
        return written

    def _put_in_place(self, filled: str, parts: Sequence[str], *, replaces: bool) -> None:
        table = quoted(parts, "`")
        if not replaces:
            self._command(f"RENAME TABLE {filled} TO {table}")
            return
        former = _aside(parts)
        self._command(f"RENAME TABLE {table} TO {former}, {filled} TO {table}")
        self._command(f"DROP TABLE {former}")

    def _command(self, sql: str) -> None:
        """Run a statement of our own that returns nothing."""
        self._send(Request(sql, guarded=False, seconds=self._sessions.seconds, settings=_WAIT))

    def _send(self, request: Request) -> None:
        with (
            self._sessions.lease(self._pool) as lease,
            self._sessions.run(lease, request) as answer,
        ):
            answer.finish()


def _aside(parts: Sequence[str]) -> str:
    """Return a name nobody uses, quoted, in the same database."""
    return quoted([*parts[:-1], f"analysis_sandbox_{secrets.token_hex(8)}"], "`")
