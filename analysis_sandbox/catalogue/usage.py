"""What the newest runs of each analysis used: read from their rows, nothing is kept beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from analysis_sandbox.catalogue.engine import Database

_FIGURES = {
    # 0: the process ended without telling what its heap was.
    "memory_bytes": "coalesce(nullif(CAST(usage -> 'peak_heap_bytes' AS double precision), 0), "
    "CAST(usage -> 'peak_memory_bytes' AS double precision))",
    "cpu_ms": "CAST(usage -> 'cpu_ms' AS double precision)",
    "duration_ms": "CAST(execution_time_ms AS double precision)",
    "result_bytes": "CAST(result_size_bytes AS double precision)",
    "host_calls": "CAST(usage -> 'host_calls' AS double precision)",
}
_SELECTED = ", ".join(f"{expression} AS {name}" for name, expression in _FIGURES.items())
_AGGREGATED = ", ".join(
    f"(array_agg({name} ORDER BY run.created_at DESC) FILTER (WHERE {name} IS NOT NULL))[1], "
    f"avg({name}), max({name})"
    for name in _FIGURES
)
_USAGE = text(f"""
    SELECT analysis.id, analysis.name, count(run.id),
           count(*) FILTER (WHERE run.status IN ('failed', 'crashed')), max(run.created_at),
           {_AGGREGATED}
      FROM analyses AS analysis
      LEFT JOIN LATERAL (
           SELECT id, status, created_at, {_SELECTED}
             FROM analysis_runs
            WHERE analysis_id = analysis.id
              AND status IN ('completed', 'failed', 'cancelled', 'crashed')
            ORDER BY created_at DESC LIMIT :newest) AS run ON true
     WHERE analysis.project = :project AND analysis.is_active
     GROUP BY analysis.id, analysis.name
     ORDER BY analysis.name
""")


@dataclass(frozen=True, slots=True)
class UsageFigure:
    """One figure over several runs: the newest run's, the average, the largest; None: not known."""

    last: float | None
    average: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What the newest ended runs of one analysis used; `runs` is how many they are.

    `memory` is the peak in bytes.
    """

    analysis_id: UUID
    name: str
    runs: int
    failures: int
    last_run: datetime | None
    memory: UsageFigure
    cpu_ms: UsageFigure
    duration_ms: UsageFigure
    result_bytes: UsageFigure
    host_calls: UsageFigure


class UsageRepository:
    """The use of resources in all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_analysis(self, project: str, *, newest: int = 100) -> Sequence[UsageRecord]:
        """Return what the `newest` ended runs of each analysis used, by the analysis' name."""
        rows = self._database.rows(_USAGE, {"project": project, "newest": newest})
        return [
            UsageRecord(
                *row[:5],
                *(UsageFigure(*row[start : start + 3]) for start in range(5, len(row), 3)),
            )
            for row in rows
        ]
