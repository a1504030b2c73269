"""Use cases about runs: execute, status, wait, stop, and settling what crashed."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import NewRun, RunFinish, RunRecord
from analysis_sandbox.errors import AnalysisSandboxError, NotFoundError
from analysis_sandbox.execution.model import Trigger
from analysis_sandbox.execution.versions import VersionCache
from analysis_sandbox.limits import Limits, SystemLimits
from analysis_sandbox.results.store import ResultStore
from analysis_sandbox.script.parameters import resolution
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.limits import limits_of
from analysis_sandbox.services.models import ErrorDetail, JobStatus, Progress, Started, Stopped
from analysis_sandbox.services.ports import Launch, RunGateway, RunState
from analysis_sandbox.values import EncodedJSON, plain, to_json

_FIRST_POLL_SECONDS = 0.01
_LONGEST_POLL_SECONDS = 0.5
# How long a run may be recorded here and unknown to the orchestrator before it counts as lost.
LAUNCH_GRACE = timedelta(seconds=60)


class RunService:
    """Runs of the caller's project."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        versions: VersionCache,
        results: ResultStore,
        gateway: RunGateway,
        system: SystemLimits,
    ) -> None:
        self._system = system
        self._catalogue = catalogue
        self._versions = versions
        self._results = results
        self._gateway = gateway

    def execute(
        self,
        caller: Principal,
        analysis_id: str,
        given: Mapping[str, object],
        *,
        idempotency_key: str | None = None,
        trigger: Trigger = "api",
    ) -> Started:
        """Check the parameters, record the run and submit it; returns before it begins.

        The same `idempotency_key` with the same request answers with the same job. Once this
        returns, the run is on disk.

        Raises:
            NotFoundError: no such analysis.
            ValidationFailedError: parameters are wrong; names each one.
            ConflictError: the key was used for another request.
            UnavailableError: the run could not be submitted; asking again with the same key is
                safe.
        """
        caller.require(Role.RUNNER)
        analysis = self._catalogue.analyses.get(caller.project, analysis_id)
        version = self._versions.get(analysis.id, analysis.version)
        schedule = version.definition.schedule
        zone = ZoneInfo(schedule.timezone if schedule else "UTC")
        resolved = resolution.resolve(version.definition.parameters, given, now=datetime.now(zone))
        run, created = self._catalogue.runs.insert(
            NewRun(
                run_id=str(uuid4()),
                project=caller.project,
                analysis_id=version.record.analysis_id,
                analysis_version=version.record.version,
                parameters=resolved,
                given=to_json(given),  # pyright: ignore[reportArgumentType]
                trigger_type=trigger,
                executed_by=caller.name,
                idempotency_key=idempotency_key,
            )
        )
        if created or run.status == "pending":
            self._launch(run, limits_of(self._system, analysis, version).limits)
        return Started(job_id=str(run.id))

    def status(self, caller: Principal, job_id: str, *, include_result: bool = True) -> JobStatus:
        """Return a job as it stands, with its log; raises `NotFoundError`."""
        return self._status(self._get(caller, job_id), include_result=include_result)

    def wait(
        self,
        caller: Principal,
        job_id: str,
        *,
        timeout_seconds: float,
        on_progress: Callable[[JobStatus], None] | None = None,
    ) -> JobStatus:
        """Return the job once it ended, or as it stands after `timeout_seconds`."""
        deadline = time.monotonic() + timeout_seconds
        pause = _FIRST_POLL_SECONDS
        while True:
            run = self._get(caller, job_id)
            remaining = deadline - time.monotonic()
            if run.is_final or remaining <= 0:
                return self._status(run, include_result=True)
            if on_progress is not None:
                on_progress(self._status(run, include_result=False))
            time.sleep(min(pause, remaining))
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)

    def stop(self, caller: Principal, job_id: str) -> Stopped:
        """Stop a job that waits or runs; raises `NotFoundError`."""
        caller.require(Role.RUNNER)
        run = self._settled(self._get(caller, job_id))
        run_id = str(run.id)
        if run.is_final:
            return Stopped(
                success=False,
                job_id=run_id,
                status=run.status,
                message=f"The job had already ended: {run.status}",
            )
        if run.parent_run_id is not None:
            return Stopped(
                success=False,
                job_id=run_id,
                status=run.status,
                message=f"The job is part of job {run.parent_run_id}: stop that one",
            )
        stopped = self._gateway.stop(run_id)
        # One that never reached the orchestrator is stopped by being closed here.
        if run.status == "pending" and (stopped or self._gateway.state(run_id) is None):
            self._finish(run, "cancelled", "The job was stopped before it began")
            stopped = True
        run = self._settled(self._get(caller, run_id))
        return Stopped(
            success=stopped,
            job_id=run_id,
            status=run.status,
            message=f"The job is {run.status}" if run.is_final else _stopping(stopped=stopped),
        )

    def settle(self) -> int:
        """Settle every run whose process died before it could say so; returns how many."""
        open_runs = self._catalogue.runs.unfinished()
        return sum(self._settled(run).is_final for run in open_runs)

    def _launch(self, run: RunRecord, limits: Limits) -> None:
        version = self._versions.get(run.analysis_id, run.analysis_version)
        self._gateway.launch(
            Launch(
                run_id=str(run.id),
                version=version.record,
                parameters=run.parameters,
                trigger=run.trigger_type,
                executed_by=run.executed_by,
                max_concurrent_runs=limits.max_concurrent_runs,
            )
        )

    def _get(self, caller: Principal, job_id: str) -> RunRecord:
        try:
            UUID(job_id)
        except ValueError:
            raise NotFoundError(f"Job '{job_id}' not found") from None
        return self._catalogue.runs.get(caller.project, job_id)

    def _settled(self, run: RunRecord) -> RunRecord:
        """Return the run, closed here when the orchestrator knows that it ended without a word."""
        if run.is_final or run.parent_run_id is not None:
            return run
        state = self._gateway.state(str(run.id))
        if state in ("pending", "running"):
            return run
        if state is None:
            is_recent = run.created_at > datetime.now(UTC) - LAUNCH_GRACE
            if is_recent:
                return run
            return self._finish(run, "crashed", "The run was recorded but never submitted")
        # The worker writes here before it tells the orchestrator: only the first finish counts.
        if state == "cancelled":
            return self._finish(run, "cancelled", "The run was stopped")
        return self._finish(run, "crashed", "The run's process ended without a result")

    def _finish(self, run: RunRecord, status: Any, message: str) -> RunRecord:
        self._catalogue.runs.finish(
            RunFinish(
                run_id=str(run.id),
                status=status,
                error=message,
                error_detail={"code": "CANCELLED" if status == "cancelled" else "CRASHED"},
            )
        )
        return self._catalogue.runs.get(run.project, str(run.id))

    def _status(self, run: RunRecord, *, include_result: bool) -> JobStatus:
        result: EncodedJSON | None = None
        error, detail = run.error, run.error_detail
        if run.status == "completed" and include_result and run.result_path:
            try:
                result = EncodedJSON(plain(self._results.read(run.result_path)))
            except AnalysisSandboxError as problem:
                error, detail = problem.message, {"code": problem.code, "hint": problem.hint}
        status: RunState = run.status
        return JobStatus(
            status=status,
            result=result,
            error=error,
            error_detail=ErrorDetail.model_validate(_without_none(detail)) if detail else None,
            logs=[line.message for line in self._catalogue.runs.logs(str(run.id))],
            job_id=str(run.id),
            analysis_id=run.analysis_name,
            analysis_version=run.analysis_version,
            parameters=run.parameters,
            trigger_type=run.trigger_type,
            executed_by=run.executed_by,
            parent_run_id=str(run.parent_run_id) if run.parent_run_id else None,
            skipped=run.skipped,
            result_size_bytes=run.result_size_bytes,
            result_preview=run.result_preview,
            created_at=run.created_at,
            started_at=run.started_at,
            completed_at=run.completed_at,
            execution_time_ms=run.execution_time_ms,
            progress=Progress.model_validate(run.progress) if run.progress else None,
            display=run.display,
            usage=run.usage,
            limits=run.limits,
        )


def _stopping(*, stopped: bool) -> str:
    if stopped:
        return "The job is being stopped"
    return "The orchestrator cannot stop the job now; ask for its status, then try again"


def _without_none(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if value is not None}
