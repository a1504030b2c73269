"""A warehouse in memory: tables of rows, and statements that are remembered and echoed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis_sandbox.errors import NotFoundError, StatementRefusedError
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.warehouse import WarehouseService
from analysis_sandbox.services.warehouse_models import (
    ResultRows,
    WarehouseColumn,
    WarehouseDone,
    WarehouseEntry,
    WarehouseRows,
    WarehouseTable,
    WarehouseTables,
)
from analysis_sandbox.values import EncodedJSON


class MemoryWarehouse(WarehouseService):
    """One table, `sales`; `FROM sales` reads it, anything else answers with itself."""

    def __init__(self) -> None:
        self.stored: dict[str, list[dict[str, Any]]] = {"sales": [{"city": "Oslo", "total": 12.5}]}
        self.asked: list[dict[str, object]] = []

    def tables(self, caller: Principal) -> WarehouseTables:
        return WarehouseTables(
            tables=[
                WarehouseEntry(name=name, kind="table", columns=2, row_count=len(rows))
                for name, rows in self.stored.items()
            ]
        )

    def describe(self, caller: Principal, table: str) -> WarehouseTable:
        if table not in self.stored:
            raise NotFoundError(f"The warehouse has no table '{table}'")
        columns = [
            WarehouseColumn(name="city", type="VARCHAR", nullable=True),
            WarehouseColumn(name="total", type="DOUBLE", nullable=True),
        ]
        return WarehouseTable(
            name=table, columns=columns, row_count=len(self.stored[table]), size_bytes=32
        )

    def drop(self, caller: Principal, table: str) -> WarehouseDone:
        caller.require(Role.MANAGER)
        self.stored.pop(self.describe(caller, table).name)
        return WarehouseDone()

    def query(
        self,
        caller: Principal,
        sql: str,
        params: Sequence[object] | Mapping[str, object] | None = None,
        *,
        timeout_ms: int | None = None,
        read_only: bool = False,
    ) -> WarehouseRows:
        caller.require(Role.MANAGER)
        self.asked.append({"sql": sql, "params": params, "timeout_ms": timeout_ms})
        if read_only and "DROP" in sql:
            raise StatementRefusedError("Only queries are allowed here")
        rows = self.stored["sales"] if "FROM sales" in sql else [{"sql": sql}]
        return WarehouseRows(
            columns=list(rows[0]), row_count=len(rows), rows=EncodedJSON(json.dumps(rows))
        )

    def execute(
        self,
        caller: Principal,
        sql: str,
        params: Sequence[object] | Mapping[str, object] | None = None,
        *,
        timeout_ms: int | None = None,
    ) -> WarehouseDone:
        caller.require(Role.MANAGER)
        self.asked.append({"sql": sql, "params": params, "timeout_ms": timeout_ms})
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
        if key not in (None, "sales"):
            raise NotFoundError(f"The result names no table as '{key}'")
        rows = self.stored["sales"]
        return ResultRows(
            job_id=job_id,
            key=key,
            table="sales",
            offset=offset,
            limit=limit,
            next_offset=offset + limit if offset + limit < len(rows) else None,
            row_count=len(rows),
            row_count_of_result=len(rows),
            columns=self.describe(caller, "sales").columns,
            rows=EncodedJSON(json.dumps(rows[offset : offset + limit])),
        )
