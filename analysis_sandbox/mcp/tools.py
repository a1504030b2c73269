"""The tools: each is one service call in a thread; `execute_analysis` also waits."""

import time
from functools import partial
from typing import Annotated, Any

import anyio
import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver import Context
from pydantic import Field

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.mcp.answers import AnalysisList, Execution, is_finished, plain_result
from analysis_sandbox.mcp.callers import Callers
from analysis_sandbox.services.access import Principal
from analysis_sandbox.services.analyses import Authoring, Language
from analysis_sandbox.services.bundle import Services
from analysis_sandbox.services.models import (
    AnalysisSource,
    Deleted,
    JobStatus,
    Saved,
    Stopped,
    Validation,
)

AnalysisId = Annotated[str, Field(description="The analysis' name (its id), or its uuid.")]
JobId = Annotated[str, Field(description="The job_id that execute_analysis answered.")]
Script = Annotated[
    str,
    Field(
        description="JavaScript or TypeScript: `export default {title, dependencies, parameters, "
        "async run(ctx, params) {…}}`. The resource types://analysis.d.ts has every type."
    ),
]

Parameters = Annotated[
    dict[str, Any] | None,
    Field(description="Values by parameter name; defaults fill what is missing."),
]
IdempotencyKey = Annotated[
    str | None,
    Field(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Calling again with the same key answers with the same job.",
    ),
]
WaitSeconds = Annotated[
    float, Field(ge=0, le=600, description="How long to wait for the result; 0 answers at once.")
]
Packages = Annotated[
    list[str] | None,
    Field(description="npm packages that the script may import, as name or name@range."),
]
ScriptLanguage = Annotated[
    Language | None, Field(description="Found out from the text when it is not given.")
]

# A waiting thread notices that its caller left at the end of a slice.
_SLICE_SECONDS = 1.0
_PROGRESS_SECONDS = 0.25
# Every message about progress has to say more than the one before.
_STEP = 0.001
# Waits have threads of their own, so that they take none from the requests.
_MOST_WAITS = 200


class AnalysisTools:
    """What agents can do with analyses and jobs, in the project of their token."""

    def __init__(self, services: Services, callers: Callers) -> None:
        self._services = services
        self._callers = callers
        self._waits = anyio.CapacityLimiter(_MOST_WAITS)

    def list_analyses(self, *, ctx: Context[Any, Any]) -> AnalysisList:
        """List the stored analyses: id, title, version, description, tags, time of the last run."""
        return AnalysisList(analyses=self._services.analyses.summaries(self._caller(ctx)))

    def get_analysis(self, analysis_id: AnalysisId, *, ctx: Context[Any, Any]) -> AnalysisSource:
        """Read one analysis: its script, parameters, schedule, dependencies and limits."""
        return self._services.analyses.source(self._caller(ctx), analysis_id)

    def validate_analysis(
        self,
        script_content: Script,
        *,
        ctx: Context[Any, Any],
        packages: Packages = None,
        language: ScriptLanguage = None,
    ) -> Validation:
        """Check a script without storing it; call this until `valid` is true, then save.

        Answers every error at once: syntax with its line, structure, parameters, datasources and
        analyses that do not exist, forbidden code. A valid script answers with what it declares.
        """
        authoring = Authoring(language, packages)
        return self._services.analyses.validate(self._caller(ctx), script_content, authoring)

    def create_analysis(
        self,
        script_content: Script,
        *,
        ctx: Context[Any, Any],
        metadata: Annotated[
            dict[str, Any] | None,
            Field(
                description="name (the id, [a-z][a-z0-9_]*; else derived from the title), "
                "description, tags, owners, limits (memory_mb, timeout_ms …), packages (npm "
                "packages the script may import, as name or name@range), language."
            ),
        ] = None,
    ) -> Saved:
        """Store a new analysis as its version 1. A script with errors is refused with all of them.

        A name that is taken is a CONFLICT: use update_analysis. The name of a deleted analysis
        continues that one's versions.
        """
        return self._services.analyses.create(self._caller(ctx), script_content, metadata)

    def update_analysis(
        self,
        analysis_id: AnalysisId,
        script_content: Script,
        *,
        ctx: Context[Any, Any],
        change_description: Annotated[
            str, Field(description="What changed and why, for the version history.")
        ] = "",
        packages: Packages = None,
        language: ScriptLanguage = None,
    ) -> Saved:
        """Store a new version of an analysis. Runs that are going on keep their version.

        Without `packages` the analysis keeps those it may import.
        """
        return self._services.analyses.update(
            self._caller(ctx),
            analysis_id,
            script_content,
            change_description=change_description,
            authoring=Authoring(language, packages),
        )

    def delete_analysis(self, analysis_id: AnalysisId, *, ctx: Context[Any, Any]) -> Deleted:
        """Delete an analysis: its schedule goes off, its jobs are stopped, its history stays."""
        return self._services.analyses.delete(self._caller(ctx), analysis_id)

    async def execute_analysis(
        self,
        analysis_id: AnalysisId,
        *,
        ctx: Context[Any, Any],
        parameters: Parameters = None,
        idempotency_key: IdempotencyKey = None,
        wait_seconds: WaitSeconds = 30,
    ) -> Execution:
        """Run an analysis and return its result when it ends within `wait_seconds`.

        Otherwise the answer has `finished: false` and the job_id for get_job_status. A run that
        failed answers with status `failed` and `error_detail`: code, and line and column of the
        script. Cancelling this call ends the wait, not the run: use stop_job.
        """
        caller = self._caller(ctx)
        start = partial(
            self._services.runs.execute,
            caller,
            analysis_id,
            parameters or {},
            idempotency_key=idempotency_key,
            trigger="mcp",
        )
        started = await anyio.to_thread.run_sync(start)
        try:
            status = await self._wait(caller, started.job_id, ctx, seconds=wait_seconds)
        except AnalysisSandboxError as error:
            # The run goes on all the same: without its id the agent could not find it again.
            error.details = {**error.details, "job_id": started.job_id}
            raise
        return Execution.of(status)

    def get_job_status(
        self,
        job_id: JobId,
        *,
        ctx: Context[Any, Any],
        include_result: Annotated[
            bool, Field(description="False leaves a large result out.")
        ] = True,
    ) -> JobStatus:
        """Read a job: its status, log and result.

        The status is one of pending, running, completed, failed, cancelled, crashed.
        """
        status = self._services.runs.status(
            self._caller(ctx), job_id, include_result=include_result
        )
        return status.model_copy(update={"result": plain_result(status)})

    def stop_job(self, job_id: JobId, *, ctx: Context[Any, Any]) -> Stopped:
        """Stop a job that waits or runs."""
        return self._services.runs.stop(self._caller(ctx), job_id)

    def _caller(self, ctx: Context[Any, Any]) -> Principal:
        return self._callers.of(ctx.request_context)

    async def _wait(
        self, caller: Principal, job_id: str, ctx: Context[Any, Any], *, seconds: float
    ) -> JobStatus:
        started = time.monotonic()
        progress = _Progress(ctx, total=seconds)
        while True:
            remaining = started + seconds - time.monotonic()
            wait = partial(
                self._services.runs.wait,
                caller,
                job_id,
                timeout_seconds=max(0.0, min(_SLICE_SECONDS, remaining)),
                on_progress=progress.report,
            )
            # Abandoned when the client cancels: the thread ends with its slice, the run goes on.
            status = await anyio.to_thread.run_sync(
                wait, abandon_on_cancel=True, limiter=self._waits
            )
            if is_finished(status) or remaining <= _SLICE_SECONDS:
                return status


class _Progress:
    """Tells a waiting client how its run does, from the thread that waits.

    The measure is the time to wait, until the script says how far it is: then it is that fraction
    of the same total. What was told never goes back.
    """

    def __init__(self, ctx: Context[Any, Any], *, total: float) -> None:
        self._ctx = ctx
        self._total = total
        self._started = time.monotonic()
        self._last: tuple[float, str] | None = None
        self._told = -_STEP

    def report(self, status: JobStatus) -> None:
        anyio.from_thread.check_cancelled()
        elapsed = time.monotonic() - self._started
        message = _message(status)
        if self._last is not None:
            reported, said = self._last
            if elapsed - reported < (_PROGRESS_SECONDS if message != said else _SLICE_SECONDS):
                return
        self._last = (elapsed, message)
        done = elapsed
        if status.progress is not None:
            done = status.progress.fraction * (self._total or 1)
        self._told = max(done, self._told + _STEP)
        anyio.from_thread.run(
            self._ctx.report_progress, round(self._told, 3), self._total or None, message
        )


def _message(status: JobStatus) -> str:
    progress = status.progress
    said = status.logs[-1] if status.logs else None
    if progress is not None:
        said = f"{progress.fraction:.0%}" + (f" {progress.message}" if progress.message else "")
    return f"{status.status}: {said}" if said else status.status
