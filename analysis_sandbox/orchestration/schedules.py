"""The schedule that a script declares, as Dagster's schedule of its job."""

import logging
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import AnalysisSandboxError, ValidationFailedError
from analysis_sandbox.orchestration.config import run_config
from analysis_sandbox.orchestration.environment import environment
from analysis_sandbox.orchestration.internals import CheckError
from analysis_sandbox.orchestration.names import (
    TAG_EXECUTED_BY,
    TAG_SCHEDULED_TIME,
    TAG_TRIGGER,
    job_name_of,
    schedule_name,
)
from analysis_sandbox.script.definition import Definition, ScheduleSpec
from analysis_sandbox.script.parameters.resolution import resolve
from analysis_sandbox.values import JSONObject

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

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        definition = Definition.from_metadata(version.metadata)
        # What "yesterday" is counted from: the time of the tick, wherever the schedule lives.
        now = context.scheduled_execution_time.astimezone(ZoneInfo(spec.timezone))
        given = resolve(definition.parameters, {}, now=now)
        if spec.has_should_run and not _should_run(version, given, now):
            return dg.SkipReason(f"shouldRun of {version.name} says that there is nothing to do")
        return dg.RunRequest(
            run_config=run_config(job, given),
            tags={
                TAG_TRIGGER: "scheduled",
                TAG_EXECUTED_BY: "scheduler",
                TAG_SCHEDULED_TIME: now.isoformat(),
            },
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


def _should_run(version: VersionRecord, given: JSONObject, now: datetime) -> bool:
    """Ask the script; a failure becomes that of the tick, with the reason and its line."""
    try:
        return environment().should_run(version, given, now)
    except AnalysisSandboxError as error:
        line = getattr(error, "line", None)
        place = "" if line is None else f" (line {line})"
        problem = f"shouldRun of {version.name} failed: {error.message}{place}"
    # Raised out here, so that Dagster shows the script's error and not our frames.
    raise dg.DagsterError(problem)
