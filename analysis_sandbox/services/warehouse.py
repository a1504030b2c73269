"""Use cases about a project's warehouse: its tables, SQL from outside, the rows behind a result."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.errors import NotFoundError, ResultTooLargeError, ValidationFailedError
from analysis_sandbox.limits import SystemLimits
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.warehouse_models import (
    ResultRows,
    WarehouseColumn,
    WarehouseDone,
    WarehouseEntry,
    WarehouseRows,
    WarehouseTable,
    WarehouseTables,
)
from analysis_sandbox.values import EncodedJSON, JSONObject, plain
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession
from analysis_sandbox.warehouse.model import TableInfo
from analysis_sandbox.warehouse.tables import quoted

MOST_ROWS = 10_000
Parameters = Sequence[object] | Mapping[str, object] | None
_ENTRIES_BYTES = 10 << 20
_ENTRIES = """
SELECT table_name AS name, 'table' AS kind, column_count AS columns, estimated_size AS row_count
FROM duckdb_tables()
WHERE schema_name = 'main' AND database_name = current_database() AND NOT internal AND NOT temporary
UNION ALL
SELECT view_name, 'view', column_count, NULL
FROM duckdb_views()
WHERE schema_name = 'main' AND database_name = current_database() AND NOT internal AND NOT temporary
ORDER BY 1
"""


class WarehouseService:
    """The warehouse of the caller's project. Every call has a session of its own."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        warehouse: Callable[[str], Warehouse],
        system: SystemLimits,
    ) -> None:
        self._catalogue = catalogue
        self._warehouse = warehouse
        self._system = system

    def tables(self, caller: Principal) -> WarehouseTables:
        """Return all tables and views."""
        caller.require(Role.VIEWER)
        with self._session(caller, read_only=True) as session:
            found: list[Any] = json.loads(session.query(_ENTRIES, max_bytes=_ENTRIES_BYTES))
        return WarehouseTables(tables=[WarehouseEntry.model_validate(entry) for entry in found])

    def describe(self, caller: Principal, table: str) -> WarehouseTable:
        """Return columns, rows and size of a table; raises `NotFoundError`."""
        caller.require(Role.VIEWER)
        with self._session(caller, read_only=True) as session:
            info = session.describe(table)
        return WarehouseTable(
            name=info.name,
            columns=_columns(info),
            row_count=info.row_count,
            size_bytes=info.size_bytes,
        )

    def drop(self, caller: Principal, table: str) -> WarehouseDone:
        """Drop a table or view; raises `NotFoundError`."""
        caller.require(Role.MANAGER)
        with self._session(caller) as session:
            session.drop(table)
        return WarehouseDone()

    def query(
        self,
        caller: Principal,
        sql: str,
        params: Parameters = None,
        *,
        timeout_ms: int | None = None,
        read_only: bool = False,
    ) -> WarehouseRows:
        """Run one statement and return its rows; a `read_only` one can change nothing.

        Raises:
            StatementRefusedError: the statement is not allowed, or not understood.
            QueryError: DuckDB refused it.
            ResultTooLargeError: the rows are more than a result may have.
            LimitExceededError: it took too long, or needed too much memory.
        """
        caller.require(Role.MANAGER)
        with self._session(caller, read_only=read_only, timeout_ms=timeout_ms) as session:
            found = session.rows(sql, params, max_bytes=self._system.default.result_bytes)
            self._require_end(session)
        return WarehouseRows(
            columns=list(found.columns),
            row_count=found.count,
            rows=EncodedJSON(plain(found.text)),
        )

    def execute(
        self,
        caller: Principal,
        sql: str,
        params: Parameters = None,
        *,
        timeout_ms: int | None = None,
    ) -> WarehouseDone:
        """Run one or more statements, one with `params`. A transaction ends within the text.

        Raises:
            ValidationFailedError: the text leaves a transaction open, which is rolled back.
            and what `query` raises.
        """
        caller.require(Role.MANAGER)
        with self._session(caller, timeout_ms=timeout_ms) as session:
            if params is None:
                session.execute(sql)
            else:
                session.query(sql, params, max_bytes=self._system.default.result_bytes)
            self._require_end(session)
        return WarehouseDone()

    def result_rows(
        self,
        caller: Principal,
        job_id: str,
        *,
        key: str | None = None,
        offset: int = 0,
        limit: int = 1000,
    ) -> ResultRows:
        """Return some rows of the table that a job's result names.

        Raises:
            NotFoundError: no such job, its result names no table, or the table is gone.
            ValidationFailedError: the result names several tables, and no `key` says which.
            ResultTooLargeError: that many rows are more than one answer may have.
        """
        caller.require(Role.VIEWER)
        reference = self._reference(caller, job_id, key)
        table = str(reference["table"])
        with self._session(caller, read_only=True) as session:
            info = session.describe(table)
            sql = f"SELECT * FROM main.{quoted(table)} LIMIT {limit:d} OFFSET {offset:d}"
            try:
                rows = session.query(sql, max_bytes=self._system.default.result_bytes)
            except ResultTooLargeError as error:
                error.hint = "Ask for fewer rows at once."
                raise
        end = offset + limit
        return ResultRows(
            job_id=job_id,
            key=cast("str | None", reference["key"]),
            table=table,
            offset=offset,
            limit=limit,
            next_offset=end if end < info.row_count else None,
            row_count=info.row_count,
            row_count_of_result=cast("int", reference["rowCount"]),
            columns=_columns(info),
            rows=EncodedJSON(plain(rows)),
        )

    def _session(
        self, caller: Principal, *, read_only: bool = False, timeout_ms: int | None = None
    ) -> WarehouseSession:
        limits = self._system.default
        longest = self._system.maximum.timeout_ms
        if timeout_ms is not None and timeout_ms > longest:
            raise ValidationFailedError(
                f"timeout_ms is {timeout_ms}; the maximum is {longest}",
                fields={"timeout_ms": f"must be at most {longest}"},
            )
        return self._warehouse(caller.project).session(
            memory_mb=limits.duckdb_memory_mb,
            timeout_ms=timeout_ms or limits.timeout_ms,
            read_only=read_only,
        )

    def _require_end(self, session: WarehouseSession) -> None:
        if session.has_transaction:
            raise ValidationFailedError(
                "The text leaves a transaction open, which is rolled back: nothing of it is "
                "stored. End it with COMMIT in the same text"
            )

    def _reference(self, caller: Principal, job_id: str, key: str | None) -> JSONObject:
        try:
            UUID(job_id)
        except ValueError:
            raise NotFoundError(f"Job '{job_id}' not found") from None
        display = self._catalogue.runs.get(caller.project, job_id).display or {}
        known = cast("list[JSONObject]", display.get("references") or [])
        if not known:
            raise NotFoundError(
                f"The result of job '{job_id}' names no table",
                hint="A script returns ctx.duckdb.result(table) for that, once it has completed.",
            )
        if key is None and len(known) == 1:
            return known[0]
        for reference in known:
            if reference["key"] == key:
                return reference
        names = ", ".join(str(reference["key"]) for reference in known)
        if key is None:
            raise ValidationFailedError(
                f"The result names several tables; say which with key: {names}",
                fields={"key": f"must be one of {names}"},
            )
        raise NotFoundError(f"The result names no table as '{key}'. It has: {names}")


def _columns(info: TableInfo) -> list[WarehouseColumn]:
    return [
        WarehouseColumn(name=column.name, type=column.type, nullable=column.nullable)
        for column in info.columns
    ]
