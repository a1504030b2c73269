"""The project's warehouse: its tables, SQL for outside services, and the rows behind a result."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel

from analysis_sandbox.services.warehouse import MOST_ROWS
from analysis_sandbox.services.warehouse_models import (
    ResultRows,
    WarehouseDone,
    WarehouseRows,
    WarehouseTable,
    WarehouseTables,
)
from analysis_sandbox.values import EncodedJSON
from api import examples
from api.dependencies import Caller, JobId, JSONRoute, Use, errors
from api.examples import answers
from api.schemas import WarehouseExecuteRequest, WarehouseQueryRequest

router = APIRouter(prefix="/api", tags=["warehouse"], route_class=JSONRoute)

TableName = Annotated[
    str,
    Path(
        description="A table or view of the project's warehouse.",
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        examples=["sales"],
    ),
]


@router.get(
    "/warehouse/tables",
    operation_id="list_warehouse_tables",
    summary="List the tables of the warehouse",
    responses={**answers(examples.WAREHOUSE_TABLES), **errors()},
)
def list_warehouse_tables(services: Use, caller: Caller) -> WarehouseTables:
    """Return every table and view with the number of its columns and about how many rows."""
    return services.warehouse.tables(caller)


@router.get(
    "/warehouse/tables/{table}",
    operation_id="describe_warehouse_table",
    summary="Describe a table of the warehouse",
    responses={**answers(examples.WAREHOUSE_TABLE), **errors(404)},
)
def describe_warehouse_table(table: TableName, services: Use, caller: Caller) -> WarehouseTable:
    """Return columns, number of rows and size of a table or view."""
    return services.warehouse.describe(caller, table)


@router.delete(
    "/warehouse/tables/{table}",
    operation_id="drop_warehouse_table",
    summary="Drop a table of the warehouse",
    responses=errors(404),
)
def drop_warehouse_table(table: TableName, services: Use, caller: Caller) -> WarehouseDone:
    """Drop a table or view with all its rows. Needs the role manager."""
    return services.warehouse.drop(caller, table)


@router.post(
    "/warehouse/query",
    operation_id="query_warehouse",
    summary="Run one statement and read its rows",
    response_model=WarehouseRows,
    responses={**answers(examples.WAREHOUSE_ROWS), **errors(404, 409, 413, 415)},
)
def query_warehouse(
    services: Use, caller: Caller, body: Annotated[WarehouseQueryRequest, Body()]
) -> Response:
    """Run one statement in a session of its own. Needs the role manager.

    A change that collides with another is tried again; one that still collides answers 503.
    """
    return _with_rows(
        services.warehouse.query(
            caller,
            body.sql,
            body.params,
            timeout_ms=body.timeout_ms,
            read_only=body.read_only,
        )
    )


@router.post(
    "/warehouse/exec",
    operation_id="execute_in_warehouse",
    summary="Run statements without rows",
    responses=errors(404, 409, 413, 415),
)
def execute_in_warehouse(
    services: Use, caller: Caller, body: Annotated[WarehouseExecuteRequest, Body()]
) -> WarehouseDone:
    """Run one or more statements in a session of its own. Needs the role manager.

    Outside BEGIN … COMMIT each statement is a transaction by itself. None goes on in another call.
    """
    return services.warehouse.execute(caller, body.sql, body.params, timeout_ms=body.timeout_ms)


@router.get(
    "/jobs/{job_id}/rows",
    operation_id="read_result_rows",
    summary="Page through the table of a result",
    response_model=ResultRows,
    responses={**answers(examples.RESULT_ROWS), **errors(404)},
)
def read_result_rows(
    job_id: JobId,
    services: Use,
    caller: Caller,
    *,
    key: Annotated[
        str | None,
        Query(description="The member of the result, where it names several tables."),
    ] = None,
    offset: Annotated[int, Query(ge=0, le=2**53, description="How many rows to skip.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="How many rows to read.")] = 1000,
) -> Response:
    """Return some rows of the table that a job's result names (`ctx.duckdb.result`).

    They are the rows that the table has now; `next_offset` leads through all of them.
    """
    return _with_rows(
        services.warehouse.result_rows(caller, job_id, key=key, offset=offset, limit=limit)
    )


def _with_rows(answer: WarehouseRows | ResultRows) -> Response:
    """Return the answer as JSON; rows that are JSON text already are not decoded for it."""
    return Response(_text(answer, answer.rows), media_type="application/json")


def _text(answer: BaseModel, rows: object) -> str:
    if not isinstance(rows, EncodedJSON):
        return answer.model_dump_json()
    return f'{answer.model_dump_json(exclude={"rows"})[:-1]},"rows":{rows}}}'
