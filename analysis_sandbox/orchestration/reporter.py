"""Tells Dagster and the catalogue about runs that lost their process; a child of the run pool.

It is a process of its own because the pool forks, and so may hold no connection. What cannot be
recorded now, because the database is away, is tried again until it can.
"""

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from analysis_sandbox.orchestration.channel import PoolChannel
from analysis_sandbox.orchestration.concurrency import concurrency_of
from analysis_sandbox.orchestration.environment import CrashReport, environment
from analysis_sandbox.orchestration.instance import open_instance
from analysis_sandbox.orchestration.internals import (
    ACTIVE_RUN_STATUSES,
    JobFailureData,
    RunFailureReason,
)
from analysis_sandbox.orchestration.launcher import WarmPoolRunLauncher
from analysis_sandbox.orchestration.names import LOCATION, TAG_PROCESS
from analysis_sandbox.orchestration.pool_client import PoolAwayError, PoolClient
from analysis_sandbox.orchestration.run_execution import WORKER_MESSAGE
from analysis_sandbox.orchestration.run_process import RunProcess
from analysis_sandbox.settings import Settings

_log = logging.getLogger(__name__)

_Status = dg.DagsterRunStatus
_SCAN_SECONDS = 15.0
_FIRST_RETRY_SECONDS = 0.2
_LONGEST_RETRY_SECONDS = 5.0
_LAST_LOG_LINES = 20
# A run that Dagster's own launcher has given to a code server.
_GRPC_TAG = ".dagster/grpc_info"
_POOL_ENDED = "The run pool ended under the run"


@dataclass(slots=True)
class _Lost:
    run_id: str
    report: CrashReport


class Reporter:
    """Settles lost runs, and looks for runs that nobody holds any more."""

    def __init__(self, instance: dg.DagsterInstance, pool: PoolClient) -> None:
        self._instance = instance
        self._pool = pool

    def settle(self, run_id: str, report: CrashReport) -> None:
        """Record how a run ended without a word. A run whose end is known is left alone."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        stopped = report.stop_requested or run.status == _Status.CANCELING
        report = replace(report, stop_requested=stopped, last_log=self._last_log(run_id))
        # First our own record: who sees Dagster's finds the reason there.
        environment().crashed(run_id, report)
        if stopped:
            self._instance.report_run_canceled(run, report.reason)
            return
        self._instance.report_run_failed(
            run,
            report.reason,
            JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION),
        )

    def scan(self) -> None:
        """Give runs that were to start to the pool, and settle those that nobody runs.

        Such runs are left by a pool, an API process or a machine that was killed. Under another
        launcher they are not ours to judge.
        """
        if not isinstance(self._instance.run_launcher, WarmPoolRunLauncher):
            return
        for run in self._instance.get_runs(dg.RunsFilter(statuses=ACTIVE_RUN_STATUSES)):
            if _is_ours(run) and not self._is_held(run):
                # It may have ended since the list was read.
                current = self._instance.get_run_by_id(run.run_id)
                if current is not None and current.status == run.status:
                    self._take_care_of(current)

    def _is_held(self, run: dg.DagsterRun) -> bool:
        process = RunProcess.parse(run.tags.get(TAG_PROCESS))
        return process.is_alive() if process is not None else self._pool.holds(run.run_id)

    def _take_care_of(self, run: dg.DagsterRun) -> None:
        if run.status == _Status.STARTING and TAG_PROCESS not in run.tags:
            _log.info("Run %s was accepted and not begun: taken up again", run.run_id)
            together = concurrency_of(run.tags)
            self._pool.launch(run.run_id, exclusive=together.group, limit=together.limit)
        elif TAG_PROCESS in run.tags or self._was_in_a_pool(run) or run.status != _Status.STARTED:
            _log.warning("Run %s is %s and nobody runs it", run.run_id, run.status.value)
            self.settle(run.run_id, CrashReport(_POOL_ENDED, datetime.now(UTC)))

    def _was_in_a_pool(self, run: dg.DagsterRun) -> bool:
        """Tell whether a worker had it; a run of another launcher is not ours to judge."""
        records = self._instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=10
        ).records
        return any(record.event_log_entry.message == WORKER_MESSAGE for record in records)

    def _last_log(self, run_id: str) -> list[str]:
        records = self._instance.get_records_for_run(
            run_id, limit=_LAST_LOG_LINES, ascending=False
        ).records
        messages = [record.event_log_entry.message for record in reversed(records)]
        return [message for message in messages if message]


def report(settings: Settings, channel: PoolChannel) -> None:
    """Be the reporter until the pool closes the channel and everything it said is settled."""
    with open_instance(settings) as instance:
        _Loop(Reporter(instance, PoolClient(settings.pool_socket)), channel).run()


class _Loop:
    def __init__(self, reporter: Reporter, channel: PoolChannel) -> None:
        self._reporter = reporter
        self._channel = channel
        self._lost: list[_Lost] = []
        self._retry_seconds = 0.0
        self._next_scan = time.monotonic()
        self._open = True

    def run(self) -> None:
        while self._open or self._lost:
            self._receive()
            self._settle()
            if self._open and time.monotonic() >= self._next_scan:
                self._scan()

    def _receive(self) -> None:
        wait = self._retry_seconds if self._lost else self._next_scan - time.monotonic()
        if not self._open:
            time.sleep(self._retry_seconds)
        elif self._channel.is_readable(timeout_seconds=max(0.0, wait)):
            messages = self._channel.receive()
            self._open = messages is not None
            self._lost += [_lost(message) for message in messages or []]

    def _settle(self) -> None:
        left: list[_Lost] = []
        for lost in self._lost:
            try:
                self._reporter.settle(lost.run_id, lost.report)
            except Exception:  # noqa: BLE001 - the main loop: tried again until it works
                _log.warning("Run %s could not be settled", lost.run_id, exc_info=True)
                left.append(lost)
            else:
                self._channel.send({"settled": lost.run_id})
        longer = min(_LONGEST_RETRY_SECONDS, self._retry_seconds * 2 or _FIRST_RETRY_SECONDS)
        self._lost, self._retry_seconds = left, longer if left else 0.0

    def _scan(self) -> None:
        try:
            self._reporter.scan()
        except PoolAwayError:
            _log.info("The pool is stopping: nothing to scan for")
        except Exception:  # noqa: BLE001 - the main loop: the next scan may find the database
            _log.warning("Looking for lost runs failed", exc_info=True)
        self._next_scan = time.monotonic() + _SCAN_SECONDS


def _lost(message: dict[str, Any]) -> _Lost:
    report = dict(message["report"])
    report["detected_at"] = datetime.fromisoformat(report["detected_at"])
    return _Lost(message["run_id"], CrashReport(**report))


def _is_ours(run: dg.DagsterRun) -> bool:
    origin = run.remote_job_origin
    return origin is not None and origin.location_name == LOCATION and _GRPC_TAG not in run.tags
