"""The schedule that a script declares, as Dagster's schedule of its job."""

import logging
from zoneinfo import ZoneInfo

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.orchestration.config import run_config
from analysis_sandbox.orchestration.internals import CheckError
from analysis_sandbox.orchestration.names import (
    TAG_EXECUTED_BY,
    TAG_TRIGGER,
    job_name_of,
    schedule_name,
)
from analysis_sandbox.script.definition import Definition, ScheduleSpec
from analysis_sandbox.script.parameters import resolve

_log = logging.getLogger(__name__)


def schedule_spec(version: VersionRecord) -> ScheduleSpec | None:
    """Return the schedule that a version declares, None when there is none to be read."""
    try:
        return Definition.from_metadata(version.metadata).schedule
    except ValidationFailedError:
        return None


def build_schedule(version: VersionRecord) -> dg.ScheduleDefinition | None:
    """Return the schedule of a version that declares one, stopped until somebody starts it.

    A stopped default is what lets the first tick after a start count: Dagster lets one pass where
    a schedule runs by default.
    """
    spec = schedule_spec(version)
    if spec is None:
        return None
    job = job_name_of(version)

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        definition = Definition.from_metadata(version.metadata)
        # What "yesterday" is counted from: the time of the tick, wherever the schedule lives.
        now = context.scheduled_execution_time.astimezone(ZoneInfo(spec.timezone))
        given = resolve(definition.parameters, {}, now=now)
        return dg.RunRequest(
            run_config=run_config(job, given),
            tags={TAG_TRIGGER: "scheduled", TAG_EXECUTED_BY: "scheduler"},
        )

    try:
        return dg.ScheduleDefinition(
            name=schedule_name(job),
            job_name=job,
            cron_schedule=spec.cron,
            execution_timezone=spec.timezone,
            execution_fn=evaluate,
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description=version.title,
        )
    except (dg.DagsterError, CheckError):
        # One schedule that Dagster refuses must not take every job of the location with it.
        _log.exception("The schedule of %s/%s cannot be loaded", version.project, version.name)
        return None
