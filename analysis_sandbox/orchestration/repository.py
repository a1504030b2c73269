"""All active analyses as Dagster's definitions, built when somebody asks, and only what changed."""

import logging
import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import NotFoundError
from analysis_sandbox.orchestration.concurrency import allowed_at_once
from analysis_sandbox.orchestration.environment import environment
from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.orchestration.names import REPOSITORY
from analysis_sandbox.orchestration.reconstruct import current_version
from analysis_sandbox.orchestration.schedules import build_schedule

_log = logging.getLogger(__name__)


_Key = tuple[UUID, int, int | None]
_Built = tuple[dg.JobDefinition, dg.ScheduleDefinition | None]


@dataclass(frozen=True, slots=True)
class _Loaded:
    jobs: Mapping[str, dg.JobDefinition]
    schedules: Mapping[str, dg.ScheduleDefinition]


class BuiltDefinitions:
    """Jobs and schedules by version and limit, kept from one load to the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._built: dict[_Key, _Built] = {}

    def load(
        self, versions: Sequence[VersionRecord], allowed: Mapping[UUID, int | None]
    ) -> _Loaded:
        """Return the definitions of these versions, building those that are new.

        `allowed` is how many runs of each analysis may go on at once.
        """
        jobs: dict[str, dg.JobDefinition] = {}
        schedules: dict[str, dg.ScheduleDefinition] = {}
        with self._lock:
            built: dict[_Key, _Built] = {}
            for version in versions:
                limit = allowed.get(version.analysis_id)
                key = (version.analysis_id, version.version, limit)
                built[key] = self._built.get(key) or (
                    build_job(version, limit),
                    build_schedule(version),
                )
                job, schedule = built[key]
                if job.name in jobs:
                    # Two projects whose names differ only in what Dagster does not allow.
                    _log.error("%s is left out: another job has its name", job.name)
                    continue
                jobs[job.name] = job
                if schedule is not None:
                    schedules[schedule.name] = schedule
            self._built = built
        return _Loaded(jobs, schedules)


class AnalysisRepositoryData(dg.RepositoryData):
    """Definitions as the catalogue has them: one job by its name, or all of them, read once."""

    def __init__(self, built: BuiltDefinitions) -> None:
        self._built = built
        self._lock = threading.Lock()
        self._all: _Loaded | None = None

    def get_all_jobs(self) -> Sequence[dg.JobDefinition]:
        return list(self._load().jobs.values())

    def get_job_names(self) -> Sequence[str]:
        return list(self._load().jobs)

    def has_job(self, job_name: str) -> bool:
        if self._all is not None:
            return job_name in self._all.jobs
        try:
            current_version(job_name)
        except NotFoundError:
            return False
        return True

    def get_job(self, job_name: str) -> dg.JobDefinition:
        if self._all is not None:
            try:
                return self._all.jobs[job_name]
            except KeyError:
                raise dg.DagsterInvariantViolationError(f"Could not find job {job_name}") from None
        version = current_version(job_name)
        return build_job(version, _allowed([version])[version.analysis_id])

    def get_all_schedules(self) -> Sequence[dg.ScheduleDefinition]:
        return list(self._load().schedules.values())

    def get_top_level_resources(self) -> Mapping[str, dg.ResourceDefinition]:
        return {}

    def get_env_vars_by_top_level_resource(self) -> Mapping[str, AbstractSet[str]]:
        return {}

    def _load(self) -> _Loaded:
        with self._lock:
            if self._all is None:
                versions = environment().versions.active_versions()
                self._all = self._built.load(versions, _allowed(versions))
            return self._all


def _allowed(versions: Sequence[VersionRecord]) -> Mapping[UUID, int | None]:
    """Return how many runs of each analysis may go on at once."""
    here = environment()
    stored, system = here.versions.stored_limits(), here.settings.system_limits
    return {
        version.analysis_id: allowed_at_once(
            version, stored.get(version.analysis_id), system=system
        )
        for version in versions
    }


# A version never changes, so what this process has built of it serves every later load.
_BUILT = BuiltDefinitions()


def definitions() -> dg.RepositoryDefinition:
    """Return all definitions, read from the catalogue as it is when somebody asks for them.

    Dagster calls this by name, so it takes no argument.
    """
    return dg.RepositoryDefinition(name=REPOSITORY, repository_data=AnalysisRepositoryData(_BUILT))
