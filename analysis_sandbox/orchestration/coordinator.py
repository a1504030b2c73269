"""The run coordinator that dagster.yaml names: launches at once what no limit holds back."""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from analysis_sandbox.orchestration.concurrency import with_group_limits
from analysis_sandbox.orchestration.internals import (
    ACTIVE_RUN_STATUSES,
    DagsterUserCodeUnreachableError,
    LaunchRunContext,
    QueuedRunCoordinator,
    RunQueueConfig,
    SubmitRunContext,
    TagConcurrencyLimitsCounter,
)
from analysis_sandbox.orchestration.launcher import WarmPoolRunLauncher
from analysis_sandbox.orchestration.names import TAG_EXCLUSIVE
from analysis_sandbox.orchestration.storage import PooledRunStorage

_log = logging.getLogger(__name__)

_Status = dg.DagsterRunStatus
_AHEAD = [_Status.QUEUED, *ACTIVE_RUN_STATUSES]


class DirectRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue with a fast lane.

    Every run is queued first. One that no limit holds back, and that no waiting run could claim
    the place of, is launched here and now; the rest is left to the daemon, which applies the same
    limits. Both take a run by a compare-and-set of its status, so only one launches it.
    """

    _admission = threading.Lock()

    def get_run_queue_config(self) -> RunQueueConfig:
        """Return what dagster.yaml says, with the limits that the runs of today carry.

        The daemon asks before each look at its queue.
        """
        config = super().get_run_queue_config()
        runs = self._instance.get_runs(dg.RunsFilter(statuses=_AHEAD))
        limits = with_group_limits(config.tag_concurrency_limits, runs)
        return config._replace(tag_concurrency_limits=limits)

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Queue the run, then launch it if it need not wait. A run that began is left alone."""
        run = context.dagster_run
        if run.status == _Status.NOT_STARTED:
            self._instance.report_dagster_event(dg.DagsterEvent.job_enqueue(run), run.run_id)
            run = run.with_status(_Status.QUEUED)
        if run.status != _Status.QUEUED or not self._can_launch():
            return run
        with self._admission:
            if self._must_wait(run) or not self._claim(run.run_id, _Status.STARTING):
                return run
        return self._launch(run, context)

    def cancel_run(self, run_id: str) -> bool:
        """Take a run out of the queue, or have its launcher stop it; False when it had ended."""
        if isinstance(self._instance.run_storage, PooledRunStorage):
            run = self._instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                return False
            if run.status == _Status.NOT_STARTED or self._claim(run_id, _Status.CANCELING):
                self._instance.report_run_canceling(run, message="Canceling run from the queue.")
                self._instance.report_run_canceled(run)
                return True
            return self._instance.run_launcher.terminate(run_id)
        return super().cancel_run(run_id)

    def _can_launch(self) -> bool:
        """Tell whether launcher and storage are ours; others keep Dagster's plain queue."""
        instance = self._instance
        return isinstance(instance.run_launcher, WarmPoolRunLauncher) and isinstance(
            instance.run_storage, PooledRunStorage
        )

    def _must_wait(self, run: dg.DagsterRun) -> bool:
        settings = self._instance.get_settings("concurrency")
        limits = super().get_run_queue_config().with_concurrency_settings(settings)
        if run.run_op_concurrency:
            # Counting the slots of pools is the daemon's work.
            return True
        others = self._instance.get_runs_count(dg.RunsFilter(statuses=_AHEAD)) - 1
        if limits.max_concurrent_runs != -1 and others >= limits.max_concurrent_runs:
            return True
        return _is_blocked(self._instance, run, limits.tag_concurrency_limits)

    def _launch(self, run: dg.DagsterRun, context: SubmitRunContext) -> dg.DagsterRun:
        instance = self._instance
        starting = dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.RUN_STARTING.value, job_name=run.job_name
        )
        instance.report_dagster_event(starting, run_id=run.run_id)
        run = run.with_status(_Status.STARTING)
        try:
            instance.run_launcher.launch_run(LaunchRunContext(run, context.workspace))
        except DagsterUserCodeUnreachableError as error:
            _log.warning("Run %s goes back to the queue: %s", run.run_id, error)
            instance.report_dagster_event(dg.DagsterEvent.job_enqueue(run), run_id=run.run_id)
            return run.with_status(_Status.QUEUED)
        return run

    def _claim(self, run_id: str, status: _Status) -> bool:
        storage = self._instance.run_storage
        assert isinstance(storage, PooledRunStorage)
        return storage.change_status(run_id, _Status.QUEUED, status)


def _is_blocked(
    instance: dg.DagsterInstance, run: dg.DagsterRun, limits: Sequence[Mapping[str, Any]]
) -> bool:
    """Tell whether a limit on one of the run's tags is reached, by runs before it in the queue."""
    limited = {TAG_EXCLUSIVE, *(str(limit["key"]) for limit in limits)}
    if not limited & set(run.tags):
        return False
    ahead = [
        other
        for other in instance.get_runs(dg.RunsFilter(statuses=_AHEAD))
        if other.run_id != run.run_id
    ]
    with_groups = with_group_limits(limits, [run, *ahead])
    return TagConcurrencyLimitsCounter(with_groups, ahead).is_blocked(run)
