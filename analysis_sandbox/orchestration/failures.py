"""Our errors as Dagster shows them: failures with code, place and next step, and retries."""

import dagster as dg

from analysis_sandbox.errors import AnalysisSandboxError, ScriptError
from analysis_sandbox.execution.model import RunRequest, Trigger
from analysis_sandbox.orchestration.outputs import code_block
from analysis_sandbox.script.definition import ScheduleSpec
from analysis_sandbox.values import to_json

_RETRY_DELAY_SECONDS = 300


def failure_of(error: AnalysisSandboxError) -> dg.Failure:
    """Return the failure that shows an error. Only a transient one may be retried."""
    details = dict(error.details)
    line, column = details.pop("line", None), details.pop("column", None)
    stack = details.pop("stack", None)
    if isinstance(error, ScriptError):
        line, column, stack = error.line, error.column, error.stack
    metadata: dict[str, dg.MetadataValue] = {"code": dg.MetadataValue.text(error.code)}
    if isinstance(line, int):
        metadata["line"] = dg.MetadataValue.int(line)
    if isinstance(column, int):
        metadata["column"] = dg.MetadataValue.int(column)
    if stack:
        metadata["stack"] = code_block(str(stack), "text")
    if error.hint:
        metadata["hint"] = dg.MetadataValue.text(error.hint)
    if details:
        metadata["details"] = dg.MetadataValue.json(
            {name: to_json(value) for name, value in details.items()}
        )
    return dg.Failure(description=error.message, metadata=metadata, allow_retries=error.transient)


def internal_failure(run_id: str) -> dg.Failure:
    """Return the failure that shows an error nobody foresaw, without its text."""
    return dg.Failure(
        description=f"internal error {run_id}",
        metadata={
            "code": dg.MetadataValue.text("INTERNAL_ERROR"),
            "hint": dg.MetadataValue.text("The log of the run workers has the details."),
        },
        allow_retries=False,
    )


def retries_left(trigger: Trigger, attempt: int, schedule: ScheduleSpec | None) -> bool:
    """Tell whether a scheduled run is tried again when this attempt fails for a passing reason."""
    return (
        trigger == "scheduled"
        and schedule is not None
        and schedule.retry_on_failure
        and attempt <= schedule.max_retries
    )


def retry_of(
    error: AnalysisSandboxError, request: RunRequest, schedule: ScheduleSpec | None
) -> dg.RetryRequested | None:
    """Return the retry that a run asks for after a transient error, if it has one."""
    if schedule is None or not (error.transient and request.retries_transient):
        return None
    return dg.RetryRequested(max_retries=schedule.max_retries, seconds_to_wait=_RETRY_DELAY_SECONDS)
