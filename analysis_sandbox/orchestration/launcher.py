"""The run launcher that dagster.yaml names: hands runs to the warm pool, or starts a process."""

import logging
import subprocess
from collections.abc import Mapping
from typing import Any, Self

import dagster as dg

from analysis_sandbox.orchestration.concurrency import concurrency_of
from analysis_sandbox.orchestration.instance import instance_settings
from analysis_sandbox.orchestration.internals import (
    CheckRunHealthResult,
    ConfigurableClass,
    ConfigurableClassData,
    DagsterUserCodeUnreachableError,
    ExecuteRunArgs,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from analysis_sandbox.orchestration.names import LOCATION, TAG_PROCESS
from analysis_sandbox.orchestration.pool_client import PoolAwayError, PoolClient
from analysis_sandbox.orchestration.run_process import RunProcess
from analysis_sandbox.processes import has_owner

_log = logging.getLogger(__name__)

_PRIORITY_TAG = "dagster/priority"


class PoolUnreachableError(DagsterUserCodeUnreachableError):
    """The pool is restarting. Dagster's daemon queues the run again on errors of this class."""


class WarmPoolRunLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Launches runs in the warm pool; where no `up` is running, as a process of their own."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data
        self._settings = instance_settings()
        self._pool = PoolClient(self._settings.pool_socket)
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run without waiting for it.

        Raises:
            PoolUnreachableError: `up` is running and its pool does not take runs now.
        """
        run = context.dagster_run
        if run.is_finished:
            # Cancelled between the queue and here.
            return
        if not _is_ours(run):
            # Another code location: its code is not in the pool, nor perhaps in this environment.
            self._start_process(run)
            return
        try:
            together = concurrency_of(run.tags)
            self._pool.launch(
                run.run_id,
                exclusive=together.group,
                limit=together.limit,
                priority=_priority(run),
            )
        except PoolAwayError as error:
            if has_owner(self._settings.owner_lock):
                raise PoolUnreachableError(error.message) from error
            self._start_process(run)

    def terminate(self, run_id: str) -> bool:
        """Stop a run that was launched; False when nothing of it was left to stop."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        process = RunProcess.parse(run.tags.get(TAG_PROCESS))
        if process is not None:
            return process.interrupt() or self._canceled(run_id)
        try:
            was = self._pool.stop(run_id)
        except PoolAwayError as error:
            if has_owner(self._settings.owner_lock):
                raise PoolUnreachableError(error.message) from error
            was = "unknown"
        return was == "running" or self._canceled(run_id)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Tell Dagster's monitoring whether the run still has a process."""
        process = RunProcess.parse(run.tags.get(TAG_PROCESS))
        if process is not None:
            alive = process.is_alive()
        else:
            try:
                alive = self._pool.holds(run.run_id)
            except PoolAwayError:
                # A pool that starts again reports the runs it lost; without `up` nobody else does.
                alive = has_owner(self._settings.owner_lock)
        if alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run's process is gone")

    def _canceled(self, run_id: str) -> bool:
        """Record the end of a run that no process will record."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceled(run)
        return True

    def _start_process(self, run: dg.DagsterRun) -> None:
        origin = run.job_code_origin
        if origin is None:
            raise dg.DagsterInvariantViolationError(f"Run {run.run_id} does not say what to run")
        arguments = ExecuteRunArgs(origin, run.run_id, self._instance.get_ref())
        # "dagster" may not be on the path of whoever asks for the run.
        command = [origin.executable_path, "-m", "dagster", *arguments.get_command_args()[-3:]]
        self._settings.logs_directory.mkdir(parents=True, exist_ok=True)
        log = self._settings.logs_directory / f"run-{run.run_id}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._settings.child_environment(),
                start_new_session=True,
            )
        self._children = [child for child in self._children if child.poll() is None] + [process]
        self._instance.add_run_tags(run.run_id, {TAG_PROCESS: RunProcess.of(process.pid).text})
        _log.info("Run %s runs in process %s; its output is in %s", run.run_id, process.pid, log)

    def dispose(self) -> None:
        """Let go of the processes started here: they outlive this one on purpose."""
        for child in self._children:
            if child.poll() is None:
                child.returncode = 0


def _is_ours(run: dg.DagsterRun) -> bool:
    return run.remote_job_origin is not None and run.remote_job_origin.location_name == LOCATION


def _priority(run: dg.DagsterRun) -> int:
    try:
        return int(run.tags.get(_PRIORITY_TAG, "0"))
    except ValueError:
        return 0
