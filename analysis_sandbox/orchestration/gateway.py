"""The services' way to Dagster: create and submit runs, ask for their state, stop them."""

import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import dagster as dg
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import UnavailableError, ValidationFailedError
from analysis_sandbox.orchestration.concurrency import lifting_tags
from analysis_sandbox.orchestration.config import run_config
from analysis_sandbox.orchestration.instance import open_instance
from analysis_sandbox.orchestration.internals import (
    FINISHED_STATUSES,
    DagsterRunAlreadyExists,
    DagsterUserCodeUnreachableError,
    JobPythonOrigin,
    SubmitRunContext,
)
from analysis_sandbox.orchestration.jobs import build_job, run_tags
from analysis_sandbox.orchestration.names import (
    TAG_ANALYSIS,
    TAG_EXECUTED_BY,
    TAG_PROJECT,
    TAG_TRIGGER,
    job_name_of,
)
from analysis_sandbox.orchestration.origins import repository_origin
from analysis_sandbox.orchestration.reconstruct import origin_of
from analysis_sandbox.orchestration.refresher import CodeServerRefresher
from analysis_sandbox.orchestration.switches import ScheduleSwitches
from analysis_sandbox.services.ports import Launch, RunState
from analysis_sandbox.settings import Settings

_Status = dg.DagsterRunStatus
_STATES: dict[dg.DagsterRunStatus, RunState] = {
    _Status.NOT_STARTED: "pending",
    _Status.QUEUED: "pending",
    _Status.STARTING: "pending",
    _Status.MANAGED: "pending",
    _Status.STARTED: "running",
    _Status.SUSPENDED: "running",
    _Status.CANCELING: "running",
    _Status.SUCCESS: "completed",
    _Status.FAILURE: "failed",
    _Status.CANCELED: "cancelled",
}
_UNFINISHED = [status for status in _STATES if status not in FINISHED_STATUSES]
_REMEMBERED_JOBS = 512


class DagsterGateway:
    """Runs and schedules of one installation in Dagster. Thread-safe; close it at the end.

    Every method but `refresh` raises `UnavailableError` while Dagster's storage is away.
    """

    def __init__(self, settings: Settings) -> None:
        with _translated():
            self._instance = open_instance(settings)
        self._origin = repository_origin(settings)
        self._jobs = _Jobs()
        self._refresher = CodeServerRefresher(settings)
        self._switches = ScheduleSwitches(self._instance, self._origin)

    def launch(self, launch: Launch) -> None:
        """Record the run under its id and submit it.

        A run that exists is submitted if it never was, and left alone otherwise.

        Raises:
            ValidationFailedError: Dagster refuses the parameters.
            UnavailableError: Dagster's storage cannot be reached; launching again is safe.
        """
        with _translated():
            try:
                run = self._create(launch)
            except DagsterRunAlreadyExists:
                run = self._instance.get_run_by_id(launch.run_id)
                assert run is not None
            # Our launcher needs no workspace, and the daemon brings its own.
            workspace: Any = None
            self._instance.run_coordinator.submit_run(SubmitRunContext(run, workspace))

    def state(self, run_id: str) -> RunState | None:
        """Return Dagster's state of the run, None when it has no such run."""
        with _translated():
            run = self._instance.get_run_by_id(run_id)
        return None if run is None else _STATES[run.status]

    def stop(self, run_id: str) -> bool:
        """Ask a run to end that waits or runs; False when there was nothing to stop."""
        with _translated():
            return self._instance.run_coordinator.cancel_run(run_id)

    def refresh(self) -> None:
        """Have the code server take in what was saved, soon and without waiting for it."""
        self._refresher.request()

    def limit_concurrency(self, version: VersionRecord, limit: int | None) -> None:
        """Have the runs of an analysis that wait or run keep to another limit."""
        tags = lifting_tags(job_name_of(version), limit)
        ours = {TAG_PROJECT: version.project, TAG_ANALYSIS: version.name}
        with _translated():
            for run in self._instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED, tags=ours)):
                self._instance.add_run_tags(run.run_id, tags)

    def switch_schedule(self, version: VersionRecord, *, enabled: bool) -> None:
        """Start or stop the schedule of an analysis; one without a schedule is stopped."""
        with _translated():
            self._switches.switch(version, enabled=enabled)

    def is_schedule_running(self, version: VersionRecord) -> bool:
        """Tell whether an analysis' schedule is on, whoever switched it."""
        with _translated():
            return self._switches.is_running(version)

    def ping(self) -> None:
        """Return when Dagster's storage answers."""
        with _translated():
            self._instance.get_run_by_id("00000000-0000-0000-0000-000000000000")

    def close(self) -> None:
        """Close every connection."""
        self._refresher.close()
        self._instance.dispose()

    def _create(self, launch: Launch) -> dg.DagsterRun:
        job, origin = self._jobs.get(launch.version)
        tags = {
            **run_tags(launch.version, launch.max_concurrent_runs),
            TAG_TRIGGER: launch.trigger,
            TAG_EXECUTED_BY: launch.executed_by,
        }
        try:
            return self._instance.create_run_for_job(
                job,
                run_id=launch.run_id,
                run_config=run_config(job.name, launch.parameters),
                tags=tags,
                status=_Status.NOT_STARTED,
                remote_job_origin=self._origin.get_job_origin(job.name),
                job_code_origin=origin,
            )
        except dg.DagsterInvalidConfigError as error:
            problems = "; ".join(problem.message for problem in error.errors)
            raise ValidationFailedError(f"Dagster refuses the parameters: {problems}") from error


class _Jobs:
    """Jobs with their origins by version. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[UUID, int], tuple[dg.JobDefinition, JobPythonOrigin]] = (
            OrderedDict()
        )

    def get(self, version: VersionRecord) -> tuple[dg.JobDefinition, JobPythonOrigin]:
        key = (version.analysis_id, version.version)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        made = (build_job(version), origin_of(version))
        with self._lock:
            self._known[key] = made
            while len(self._known) > _REMEMBERED_JOBS:
                self._known.popitem(last=False)
        return made


@contextmanager
def _translated() -> Generator[None]:
    """Turn what the storage and the pool raise while they are away into our error."""
    try:
        yield
    except (SQLAlchemyError, DagsterPostgresException) as error:
        raise UnavailableError(
            "Dagster's storage cannot be reached", hint="Is PostgreSQL running?"
        ) from error
    except DagsterUserCodeUnreachableError as error:
        raise UnavailableError(f"Dagster cannot reach the run: {error}") from error
