"""A stored version as a Dagster job: one op that runs its script."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import AnalysisSandboxError, ValidationFailedError
from analysis_sandbox.execution.model import RunOutcome, RunRequest, Trigger
from analysis_sandbox.orchestration.concurrency import concurrency_tags
from analysis_sandbox.orchestration.config import config_schema
from analysis_sandbox.orchestration.environment import environment
from analysis_sandbox.orchestration.failures import (
    failure_of,
    internal_failure,
    retries_left,
    retry_of,
)
from analysis_sandbox.orchestration.internals import CheckError
from analysis_sandbox.orchestration.names import (
    TAG_ANALYSIS,
    TAG_EXECUTED_BY,
    TAG_PROJECT,
    TAG_SCHEDULED_TIME,
    TAG_TRIGGER,
    TAG_VERSION,
    job_name_of,
    op_name,
)
from analysis_sandbox.orchestration.outputs import code_block, output_metadata
from analysis_sandbox.orchestration.runlog import RunLogWriter
from analysis_sandbox.script.definition import Definition

_log = logging.getLogger(__name__)

_TRIGGERS: Mapping[str, Trigger] = {
    "manual": "manual",
    "scheduled": "scheduled",
    "api": "api",
    "mcp": "mcp",
    "retry": "retry",
    "backfill": "backfill",
    "resume": "resume",
}
_MAX_SOURCE_CHARACTERS = 100_000


def build_job(version: VersionRecord, max_concurrent_runs: int | None = None) -> dg.JobDefinition:
    """Return the job of a version. Never raises for what is stored.

    Its runs carry `max_concurrent_runs`. Parameters that Dagster cannot express leave the job
    without a schema; its description says so.
    """
    definition, problem = _definition(version)
    tags = run_tags(version, max_concurrent_runs)
    try:
        return _job(version, definition, problem, tags=tags)
    except (dg.DagsterError, CheckError) as error:
        problem = f"Dagster does not check this job's parameters: {error}"
        definition = definition.model_copy(update={"parameters": None})
        return _job(version, definition, problem, tags=tags)


def run_tags(version: VersionRecord, max_concurrent_runs: int | None = None) -> dict[str, str]:
    """Return the tags that every run of a version carries."""
    return {
        TAG_PROJECT: version.project,
        TAG_ANALYSIS: version.name,
        TAG_VERSION: str(version.version),
        **concurrency_tags(job_name_of(version), max_concurrent_runs),
    }


def _definition(version: VersionRecord) -> tuple[Definition, str | None]:
    try:
        return Definition.from_metadata(version.metadata), None
    except ValidationFailedError as error:
        return Definition(), f"The stored definition cannot be read: {error.message}"


def _job(
    version: VersionRecord,
    definition: Definition,
    problem: str | None,
    *,
    tags: Mapping[str, str],
) -> dg.JobDefinition:
    name = job_name_of(version)
    description = "\n\n".join(filter(None, [version.title, problem]))

    def compute(context: dg.OpExecutionContext) -> None:
        _run(context, version, definition)

    op = dg.op(
        name=op_name(name),
        description=description,
        config_schema=config_schema(definition.parameters, job=name),
        out=dg.Out(dg.Nothing),
        tags={"dagster/compute_kind": version.language},
    )(compute)
    graph = dg.GraphDefinition(name=name, description=description, node_defs=[op])
    return graph.to_job(
        name=name,
        description=description,
        resource_defs={"io_manager": dg.mem_io_manager},
        executor_def=dg.in_process_executor,
        tags=tags,
        metadata=_metadata(version),
    )


def _metadata(version: VersionRecord) -> dict[str, dg.MetadataValue]:
    source = version.source
    if len(source) > _MAX_SOURCE_CHARACTERS:
        more = len(source) - _MAX_SOURCE_CHARACTERS
        source = f"{source[:_MAX_SOURCE_CHARACTERS]}\n// … {more} more characters"
    return {
        "title": dg.MetadataValue.text(version.title),
        "version": dg.MetadataValue.int(version.version),
        "source": code_block(source, version.language),
    }


def _run(context: dg.OpExecutionContext, version: VersionRecord, definition: Definition) -> None:
    request = _request(context, version, definition)
    problem: BaseException
    try:
        outcome = _execute(context, request)
    except AnalysisSandboxError as error:
        problem = retry_of(error, request, definition.schedule) or failure_of(error)
    except Exception:  # noqa: BLE001 - the op's edge: what it was stays in our own log
        _log.exception("Run %s failed with an unexpected error", request.run_id)
        problem = internal_failure(request.run_id)
    else:
        context.add_output_metadata(output_metadata(outcome))
        return
    # Raised out here, so that Dagster shows the script's error and not our frames.
    raise problem


def _execute(context: dg.OpExecutionContext, request: RunRequest) -> RunOutcome:
    log = RunLogWriter(context)
    try:
        return environment().execute(request, on_log=log.write)
    finally:
        log.close()


def _request(
    context: dg.OpExecutionContext, version: VersionRecord, definition: Definition
) -> RunRequest:
    tags = context.run.tags
    # Job name and version are of the run's creation, whatever was saved since.
    config: Mapping[str, Any] = context.op_config or {}
    again = context.run.parent_run_id is not None
    trigger = _trigger(tags, again=again)
    attempt = context.retry_number + 1 + int(tags.get("dagster/retry_number", "0"))
    return RunRequest(
        run_id=context.run_id,
        project=version.project,
        analysis_id=version.analysis_id,
        version=int(tags.get(TAG_VERSION, version.version)),
        parameters=dict(config),
        trigger=trigger,
        executed_by="dagster" if again else tags.get(TAG_EXECUTED_BY, "dagster"),
        attempt=attempt,
        retries_transient=retries_left(trigger, attempt, definition.schedule),
        scheduled_time=_scheduled_time(tags),
    )


def _scheduled_time(tags: Mapping[str, str]) -> datetime | None:
    try:
        return datetime.fromisoformat(tags[TAG_SCHEDULED_TIME])
    except (KeyError, ValueError):
        return None


def _trigger(tags: Mapping[str, str], *, again: bool) -> Trigger:
    if "dagster/retry_number" in tags:
        return "retry"
    if "dagster/backfill" in tags:
        return "backfill"
    # A run that somebody started again carries the tags of the first one.
    return "manual" if again else _TRIGGERS.get(tags.get(TAG_TRIGGER, ""), "manual")
