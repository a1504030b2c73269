"""Executes one Dagster run in the calling thread, which must be the main one to be stoppable."""

import logging
import os
import sys

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from dagster._utils.error import serializable_error_info_from_exc_info

from analysis_sandbox.orchestration.internals import EngineEventData
from analysis_sandbox.orchestration.reconstruct import job_of_run

_log = logging.getLogger(__name__)

_Status = dg.DagsterRunStatus
_MAY_BEGIN = (_Status.NOT_STARTED, _Status.STARTING)
_LAST = {
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
}
WORKER_MESSAGE = "Run worker of the pool took the run"


def execute_run(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Execute a run that waits to begin; tell whether its end is recorded.

    Must be called inside `capture_interrupts`. A run that somebody else has, or that has ended, is
    left alone.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return True
    if run.status == _Status.CANCELING:
        instance.report_run_canceled(run)
        return True
    if run.status not in _MAY_BEGIN:
        _log.warning("Run %s is %s already: not executed again", run_id, run.status.value)
        return True
    try:
        job = InMemoryJob(job_of_run(run))
    except Exception:  # noqa: BLE001 - the worker's loop: whatever it is belongs to this run
        _fail(instance, run, "The job of this run cannot be loaded")
        return True
    try:
        return _execute(instance, run, job)
    except Exception:  # noqa: BLE001 - the worker's loop: whatever it is belongs to this run
        _fail(instance, run, "The run failed outside its script")
        return True


def _execute(instance: dg.DagsterInstance, run: dg.DagsterRun, job: InMemoryJob) -> bool:
    instance.report_engine_event(WORKER_MESSAGE, run, EngineEventData.in_process(os.getpid()))
    ended = False
    for event in execute_run_iterator(job, run, instance):
        ended = ended or event.event_type in _LAST
    return ended


def _fail(instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    """Record a failure with the error being handled. Raises when the storage is away."""
    _log.exception("Run %s: %s", run.run_id, message)
    error = serializable_error_info_from_exc_info(sys.exc_info())
    instance.report_engine_event(message, run, EngineEventData.engine_error(error))
    current = instance.get_run_by_id(run.run_id)
    if current is not None and not current.is_finished:
        instance.report_run_failed(current, message)
