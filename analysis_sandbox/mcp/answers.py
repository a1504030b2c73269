"""What the tools answer where a service's own answer does not fit one call of an agent."""

import json
from typing import Any, Self

from pydantic import Field

from analysis_sandbox.services.models import (
    AnalysisSummary,
    Answer,
    ErrorDetail,
    JobStatus,
    Progress,
    ResourceUsage,
)
from analysis_sandbox.services.ports import RunState
from analysis_sandbox.values import EncodedJSON

# Enough to fill an agent's context; and well below what clients take as one event of a stream.
INLINE_RESULT_BYTES = 64 * 1024


class AnalysisList(Answer):
    """The analyses of the project."""

    analyses: list[AnalysisSummary]


class UsageList(Answer):
    """What the runs of the project's analyses use."""

    analyses: list[ResourceUsage]


class Execution(Answer):
    """A started run, and what came of it when it ended while the call waited."""

    job_id: str
    status: RunState
    finished: bool = Field(description="False when the run goes on: ask get_job_status later.")
    result: Any = Field(default=None, description="What run() returned, once completed.")
    result_preview: Any = Field(default=None, description="In place of a result left out.")
    result_size_bytes: int | None = None
    error: str | None = None
    error_detail: ErrorDetail | None = Field(
        default=None, description="Code, line and column in the script's own lines, hint."
    )
    logs: list[str] = Field(default_factory=list[str])
    progress: Progress | None = Field(
        default=None, description="How far the script says it is, from 0 to 1."
    )
    display: dict[str, Any] | None = Field(
        default=None, description="The tables and charts of the result, as the script wants them."
    )
    usage: dict[str, Any] | None = None
    execution_time_ms: int | None = None
    note: str | None = Field(default=None, description="What to do next.")

    @classmethod
    def of(cls, status: JobStatus) -> Self:
        """Return what one call answers about a job; a large result gives way to its preview."""
        finished = is_finished(status)
        size = status.result_size_bytes or 0
        too_large = size > INLINE_RESULT_BYTES
        note = None
        if not finished:
            note = f"Still {status.status}. Ask get_job_status('{status.job_id}') for the result."
        elif too_large:
            note = (
                f"The result has {size:,} bytes and is left out (more than "
                f"{INLINE_RESULT_BYTES:,}). get_job_status('{status.job_id}') returns all of it."
            )
        elif (status.display or {}).get("references"):
            note = (
                "The result names tables of the warehouse and has their first rows; all rows are "
                f"at GET /api/jobs/{status.job_id}/rows?key=…&offset=…&limit=…"
            )
        return cls(
            job_id=status.job_id,
            status=status.status,
            finished=finished,
            result=None if too_large else plain_result(status),
            result_preview=status.result_preview if too_large else None,
            result_size_bytes=status.result_size_bytes,
            error=status.error,
            error_detail=status.error_detail,
            logs=status.logs,
            progress=status.progress,
            display=status.display,
            usage=status.usage,
            execution_time_ms=status.execution_time_ms,
            note=note,
        )


def is_finished(status: JobStatus) -> bool:
    """Tell whether a job has ended."""
    return status.status not in ("pending", "running")


def plain_result(status: JobStatus) -> Any:
    """Return the result as JSON data, also where the services hand it as text."""
    result = status.result
    return json.loads(result) if isinstance(result, EncodedJSON) else result
