"""Jobs rebuilt from what a run says of itself: the analysis and the version it was created with."""

import sys
from functools import lru_cache
from uuid import UUID

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import NotFoundError
from analysis_sandbox.orchestration.environment import environment
from analysis_sandbox.orchestration.internals import (
    CustomPointer,
    JobPythonOrigin,
    ModuleCodePointer,
    ReconstructableRepository,
)
from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.orchestration.names import TAG_VERSION, job_name_of, possible_analyses

_REMEMBERED_JOBS = 512


@lru_cache(maxsize=_REMEMBERED_JOBS)
def job_of(analysis_id: str, version: int) -> dg.JobDefinition:
    """Return the job of one version. Dagster calls it by the origin that a run carries.

    Raises:
        NotFoundError: there is no such version.
    """
    return build_job(environment().versions.version(UUID(analysis_id), version))


def origin_of(version: VersionRecord) -> JobPythonOrigin:
    """Return how any process with this package installed finds a version's job again."""
    pointer = CustomPointer(
        ModuleCodePointer(__name__, job_of.__name__, working_directory=None),
        [str(version.analysis_id), version.version],
        [],
    )
    repository = ReconstructableRepository(pointer, executable_path=sys.executable)
    return JobPythonOrigin(job_name_of(version), repository.get_python_origin())


def current_version(job: str) -> VersionRecord:
    """Return the version that a job with this name runs now; raises `NotFoundError`."""
    versions = environment().versions
    for project, name in possible_analyses(job):
        try:
            version = versions.current(project, name)
        except NotFoundError:
            continue
        if job_name_of(version) == job:
            return version
    for version in versions.active_versions():
        if job_name_of(version) == job:
            return version
    raise NotFoundError(f"No analysis has the job '{job}'")


def job_of_run(run: dg.DagsterRun) -> dg.JobDefinition:
    """Return the job that a run was created with, whoever created it.

    Raises:
        NotFoundError: its analysis or version is gone.
    """
    pointer = run.job_code_origin and run.job_code_origin.repository_origin.code_pointer
    if isinstance(pointer, CustomPointer) and pointer.reconstructor_pointer.module == __name__:
        analysis_id, version = pointer.reconstructable_args
        return job_of(str(analysis_id), int(str(version)))
    current = current_version(run.job_name)
    return job_of(str(current.analysis_id), int(run.tags.get(TAG_VERSION, current.version)))
