"""What things are called in Dagster: jobs, ops, schedules, the code location and run tags."""

import keyword
import re

from analysis_sandbox.catalogue.records import VersionRecord

LOCATION = "analysis_sandbox"
REPOSITORY = "__repository__"
DEFAULT_PROJECT = "default"

TAG_PROJECT = "analysis_sandbox/project"
TAG_ANALYSIS = "analysis_sandbox/analysis"
TAG_VERSION = "analysis_sandbox/version"
TAG_TRIGGER = "analysis_sandbox/trigger"
TAG_EXECUTED_BY = "analysis_sandbox/executed_by"
# Runs with the same value are one group; see `concurrency`. Under a coordinator that is not ours
# they never overlap: a limit in dagster.yaml says so.
TAG_EXCLUSIVE = "analysis_sandbox/exclusive"
# How many runs of the group may go on at once; one when the tag is missing.
TAG_MAX_CONCURRENT = "analysis_sandbox/max_concurrent_runs"
# The tick that a scheduled run was made for.
TAG_SCHEDULED_TIME = "analysis_sandbox/scheduled_time"
# The process of a run that was started while no run pool was listening.
TAG_PROCESS = "analysis_sandbox/process"

# Python keywords, built-in types and words that Dagster keeps for itself.
_RESERVED = frozenset(keyword.kwlist) | {
    *("arg_dict", "bool", "conf", "config", "context", "dict", "float", "input", "input_arg_dict"),
    *("int", "meta", "output", "output_arg_dict", "str", "type"),
}
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")


def job_name(project: str, name: str) -> str:
    """Return the name of an analysis' job.

    It is the analysis' name, behind `<project>__` outside the default project. A name that Dagster
    refuses starts with an underscore, which no analysis' own name does.
    """
    if project != DEFAULT_PROJECT:
        return _NOT_IN_A_NAME.sub("_", f"{project}__{name}")
    return f"_{name}" if name in _RESERVED else _NOT_IN_A_NAME.sub("_", name)


def job_name_of(version: VersionRecord) -> str:
    """Return the name of the job that runs a version's analysis."""
    return job_name(version.project, version.name)


def op_name(job: str) -> str:
    """Return the name of a job's one op."""
    return f"run_{job}"


def schedule_name(job: str) -> str:
    """Return the name of a job's schedule."""
    return f"{job}_schedule"


def possible_analyses(job: str) -> list[tuple[str, str]]:
    """Return every (project, analysis) that a job's name may stand for, likeliest first."""
    plain = job.removeprefix("_")
    found = [(DEFAULT_PROJECT, plain)]
    for match in re.finditer("__", plain):
        project, name = plain[: match.start()], plain[match.end() :]
        if project and name:
            found.append((project, name))
    return found
