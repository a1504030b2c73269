"""Example answers for the description of the API."""

from typing import Any

ANALYSES: list[dict[str, Any]] = [
    {
        "id": "monthly_report",
        "title": "Monthly Sales Report",
        "created_at": "2024-01-01T00:00:00Z",
        "last_run": "2024-01-15T10:30:00Z",
        "uuid": "5b2f8f4e-0f5a-4c6e-9f0e-0d9a3c1b7e21",
        "version": 3,
        "description": "Revenue by category",
        "tags": ["sales"],
    }
]
ANALYSIS: dict[str, Any] = {
    **ANALYSES[0],
    "parameters": {
        "month": {"type": "date", "required": True, "description": "Report month"},
        "category": {
            "type": "select",
            "required": True,
            "has_dynamic_options": True,
            "description": "Product category",
        },
        "city": {
            "type": "select",
            "required": False,
            "has_dynamic_options": True,
            "depends_on": ["country"],
            "description": "Filter by city",
        },
    },
    "owners": ["ann@example.org"],
    "schedule": {"cron": "0 6 1 * *", "timezone": "UTC", "enabled": True},
    "dependencies": {"datasources": ["postgres_main"], "analyses": []},
    "limits": {"memory_mb": 256, "timeout_ms": 30_000, "result_size_mb": 10},
    "updated_at": "2024-01-14T09:00:00Z",
    "permissive_parameters": False,
}
VALIDATION: dict[str, Any] = {
    "valid": True,
    "errors": [],
    "warnings": [],
    "metadata": {
        "title": "Sales Report",
        "datasources": ["postgres_main"],
        "analyses": ["customer_metrics"],
        "parameters": ["month", "category"],
    },
}
OPTIONS: dict[str, Any] = {
    "options": [
        {
            "label": "Premium Cities",
            "options": [
                {"value": "nyc", "label": "New York City"},
                {"value": "sf", "label": "San Francisco"},
            ],
        }
    ]
}
STARTED: dict[str, Any] = {"job_id": "0d9a3c1b-7e21-4c6e-9f0e-5b2f8f4e0f5a"}
JOB: dict[str, Any] = {
    **STARTED,
    "status": "completed",
    "result": {"revenue": 1250.5, "orders": 17},
    "error": None,
    "error_detail": None,
    "logs": ["Processing batch 1000"],
    "analysis_id": "monthly_report",
    "analysis_version": 3,
    "parameters": {"month": "2024-01"},
    "trigger_type": "api",
    "executed_by": "ann",
    "result_size_bytes": 34,
    "created_at": "2024-01-15T10:30:00Z",
    "started_at": "2024-01-15T10:30:00.02Z",
    "completed_at": "2024-01-15T10:30:00.05Z",
    "execution_time_ms": 30,
    "progress": {"fraction": 1, "message": "done"},
    "display": {
        "tables": [{"key": "rows", "columns": [{"name": "revenue", "format": "currency"}]}],
        "charts": [{"type": "bar", "data": "rows", "x": "month", "y": ["revenue"]}],
    },
    "usage": {"peak_memory_bytes": 9_000_000, "cpu_ms": 4.5, "host_calls": 2},
    "limits": {"memory_mb": 256, "timeout_ms": 30_000, "result_size_mb": 10},
}


LIMITS: dict[str, Any] = {
    "analysis_id": "monthly_report",
    "limits": {
        "memory_mb": {"value": 512, "source": "stored", "maximum": 2048},
        "timeout_ms": {"value": 120_000, "source": "script", "maximum": 1_800_000},
        "max_concurrent_runs": {"value": None, "source": "default", "maximum": 256},
    },
    "stored": {"memory_mb": 512},
    "warnings": [],
}
MAXIMUMS: dict[str, Any] = {
    "maximums": {"memory_mb": 2048, "timeout_ms": 1_800_000},
    "defaults": {"memory_mb": 256, "timeout_ms": 30_000},
    "units": {"memory_mb": "MB", "timeout_ms": "ms"},
}
_FIGURE: dict[str, Any] = {
    "last": 12.5,
    "average": 10.25,
    "maximum": 64,
    "limit": 256,
    "share": 0.25,
}
USAGE: list[dict[str, Any]] = [
    {
        "analysis_id": "monthly_report",
        "runs": 100,
        "failures": 2,
        "last_run": "2024-01-15T10:30:00Z",
        **dict.fromkeys(("memory_mb", "duration_ms", "result_mb", "cpu_ms", "host_calls"), _FIGURE),
    }
]
DATASOURCES: dict[str, Any] = {
    "datasources": [
        {
            "name": "postgres_main",
            "type": "postgresql",
            "access": "read_only",
            "operations": ["query", "stream"],
            "origin": "stored",
            "problem": None,
            "notes": [],
        }
    ],
    "problem": None,
}
DATASOURCE: dict[str, Any] = {
    **DATASOURCES["datasources"][0],
    "config": {"query_timeout_seconds": 60},
    "secrets": ["url"],
    "version": 2,
    "used_by": ["monthly_report"],
    "created_at": "2024-01-01T00:00:00Z",
    "created_by": "ann",
    "updated_at": "2024-01-14T09:00:00Z",
    "updated_by": "bob",
}
DATASOURCE_TYPES: list[dict[str, Any]] = [
    {
        "type": "postgresql",
        "description": "Where the server is.",
        "config_schema": {
            "type": "object",
            "properties": {"url": {"type": "string", "format": "password", "writeOnly": True}},
            "required": ["url"],
        },
        "secrets": ["url"],
        "problem": None,
    }
]
DATASOURCE_TEST: dict[str, Any] = {
    "name": "postgres_main",
    "type": "postgresql",
    "connected": True,
    "ok": True,
    "checks": [{"name": "connection", "ok": True, "detail": "PostgreSQL 18.1 as reporting"}],
}
DATASOURCE_CATALOG: dict[str, Any] = {
    "name": "postgres_main",
    "entries": [{"name": "orders", "schema": "public", "kind": "table"}],
    "total": 1,
    "truncated": False,
}
DATASOURCE_ENTRY: dict[str, Any] = {
    "name": "orders",
    "schema": "public",
    "kind": "table",
    "columns": [{"name": "id", "type": "bigint", "nullable": False}],
}
DATASOURCE_SAMPLE: dict[str, Any] = {
    "name": "postgres_main",
    "entry": "public.orders",
    "rows": [{"id": 1, "total": 12.5}],
}
WAREHOUSE_TABLES: dict[str, Any] = {
    "tables": [
        {"name": "sales", "kind": "table", "columns": 2, "row_count": 1200},
        {"name": "sales_by_day", "kind": "view", "columns": 2, "row_count": None},
    ]
}
_COLUMNS: list[dict[str, Any]] = [
    {"name": "day", "type": "DATE", "nullable": True},
    {"name": "total", "type": "DOUBLE", "nullable": True},
]
WAREHOUSE_TABLE: dict[str, Any] = {
    "name": "sales",
    "columns": _COLUMNS,
    "row_count": 1200,
    "size_bytes": 262_144,
}
WAREHOUSE_ROWS: dict[str, Any] = {
    "columns": ["day", "total"],
    "row_count": 1,
    "rows": [{"day": "2024-01-15", "total": 1250.5}],
}
RESULT_ROWS: dict[str, Any] = {
    "job_id": "1c6cf4d2-8a51-4b3c-9d7f-2f8f0a4e5b6d",
    "key": "sales",
    "table": "sales",
    "offset": 0,
    "limit": 1,
    "next_offset": 1,
    "row_count": 1200,
    "row_count_of_result": 1200,
    "columns": _COLUMNS,
    "rows": [{"day": "2024-01-15", "total": 1250.5}],
}


def answers(example: object, *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of a route's success, with an example of its body."""
    return {status: {"content": {"application/json": {"example": example}}}}
