"""An installation in memory: the services' own signatures, with as much behaviour as faces show.

A script decides by its words how its runs go: `waits` goes on until `runs.finish`, `throws` fails,
anything else completes with the parameters it was given.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConflictError,
    NotFoundError,
    ScriptInvalidError,
    UnauthenticatedError,
    ValidationFailedError,
)
from analysis_sandbox.execution.model import Trigger
from analysis_sandbox.limits import MAXIMUM_LIMITS, UNITS, Limits
from analysis_sandbox.services.access import AccessService, Principal, Role
from analysis_sandbox.services.analyses import AnalysisService, Authoring
from analysis_sandbox.services.bundle import Services
from analysis_sandbox.services.limits import LimitService, checked_changes
from analysis_sandbox.services.models import (
    AnalysisDetail,
    AnalysisLimits,
    AnalysisSource,
    AnalysisSummary,
    Deleted,
    ErrorDetail,
    JobStatus,
    LimitValue,
    Options,
    Progress,
    ResourceFigure,
    ResourceMaximums,
    ResourceUsage,
    Saved,
    Started,
    Stopped,
    Validation,
)
from analysis_sandbox.services.options import OptionsService
from analysis_sandbox.services.runs import RunService
from tests.api.datasource_twin import MemoryDatasources, MemoryDiscovery
from tests.api.warehouse_twin import MemoryWarehouse

NOW = datetime(2024, 1, 1, tzinfo=UTC)
TOKENS = {role.name.lower(): f"as_{role.name.lower()}_token" for role in Role}
SCRIPT = "export default { title: 'Report', async run(ctx, params) { return params; } };"
WAITING_SCRIPT = "export default { title: 'Waits', async run() { /* waits */ } };"
THROWING_SCRIPT = "export default { title: 'Throws', async run() { /* throws */ } };"
PARAMETERS = {
    "month": {"type": "date", "required": True, "description": "Report month"},
    "city": {
        "type": "select",
        "required": False,
        "has_dynamic_options": True,
        "depends_on": ["country"],
        "description": "Filter by city",
    },
}


class MemoryAccess(AccessService):
    """One token per role, and tokens that a test adds."""

    def __init__(self) -> None:
        self.principals = {
            TOKENS[role.name.lower()]: Principal(name=role.name.lower(), role=role) for role in Role
        }

    def authenticate(self, token: str | None) -> Principal:
        if token not in self.principals:
            raise UnauthenticatedError("The token is not valid", hint="Ask for a new one.")
        return self.principals[token]


class MemoryAnalyses(AnalysisService):
    """Analyses in a dictionary. `problem` is raised by the next listing."""

    def __init__(self) -> None:
        self.stored: dict[str, AnalysisSource] = {}
        self.problem: Exception | None = None
        self.authored: Authoring | None = None

    def summaries(self, caller: Principal) -> list[AnalysisSummary]:
        if self.problem is not None:
            raise self.problem
        return [
            AnalysisSummary(
                id=source.id,
                title=source.title,
                created_at=source.created_at,
                last_run=source.last_run,
                uuid=source.uuid,
                version=source.version,
            )
            for source in self.stored.values()
        ]

    def detail(self, caller: Principal, analysis_id: str) -> AnalysisDetail:
        source = self.source(caller, analysis_id)
        return AnalysisDetail.model_validate(source.model_dump(exclude={"script", "metadata"}))

    def source(self, caller: Principal, analysis_id: str) -> AnalysisSource:
        if analysis_id not in self.stored:
            raise NotFoundError(f"Analysis '{analysis_id}' not found", hint="List the analyses.")
        return self.stored[analysis_id]

    def validate(
        self, caller: Principal, script_content: str, authoring: Authoring | None = None
    ) -> Validation:
        self.authored = authoring
        errors = _script_errors(script_content)
        if errors:
            return Validation(valid=False, errors=errors)
        return Validation(
            valid=True,
            metadata={"title": "Report", "datasources": [], "analyses": [], "parameters": []},
        )

    def create(
        self,
        caller: Principal,
        script_content: str,
        metadata: Mapping[str, object] | None = None,
    ) -> Saved:
        caller.require(Role.MANAGER)
        if errors := _script_errors(script_content):
            raise ScriptInvalidError(errors)
        name = str((metadata or {}).get("name") or "report")
        if name in self.stored:
            raise ConflictError(f"The name '{name}' is taken", hint="Choose another name.")
        return self._save(name, script_content, version=1)

    def update(
        self,
        caller: Principal,
        analysis_id: str,
        script_content: str,
        *,
        change_description: str = "",
        authoring: Authoring | None = None,
    ) -> Saved:
        caller.require(Role.MANAGER)
        self.authored = authoring
        version = self.source(caller, analysis_id).version + 1
        if errors := _script_errors(script_content):
            raise ScriptInvalidError(errors)
        return self._save(analysis_id, script_content, version=version)

    def delete(self, caller: Principal, analysis_id: str) -> Deleted:
        caller.require(Role.MANAGER)
        return Deleted(analysis_id=self.stored.pop(self.source(caller, analysis_id).id).id)

    def _save(self, name: str, script: str, *, version: int) -> Saved:
        identity = str(uuid5(NAMESPACE_URL, name))
        self.stored[name] = AnalysisSource(
            id=name,
            title=name.replace("_", " ").title(),
            parameters=PARAMETERS,
            uuid=identity,
            version=version,
            created_at=NOW,
            updated_at=NOW,
            script=script,
            metadata={},
        )
        return Saved(
            analysis_id=name, uuid=identity, version=version, title=self.stored[name].title
        )


class MemoryRuns(RunService):
    """Jobs in a dictionary. `results` replaces what completed jobs of an analysis return."""

    def __init__(self, analyses: MemoryAnalyses) -> None:
        self._analyses = analyses
        self._changed = threading.Condition()
        self.jobs: dict[str, JobStatus] = {}
        self.keys: dict[str, str] = {}
        self.results: dict[str, object] = {}
        self.waits = 0

    def execute(
        self,
        caller: Principal,
        analysis_id: str,
        given: Mapping[str, object],
        *,
        idempotency_key: str | None = None,
        trigger: Trigger = "api",
    ) -> Started:
        caller.require(Role.RUNNER)
        source = self._analyses.source(caller, analysis_id)
        if "limit" in given and not isinstance(given["limit"], int):
            raise ValidationFailedError(
                "limit: must be a number", fields={"limit": "must be a number"}
            )
        if idempotency_key in self.keys:
            return Started(job_id=self.keys[idempotency_key])
        job_id = str(uuid4())
        job = JobStatus(
            status="running",
            job_id=job_id,
            analysis_id=analysis_id,
            analysis_version=source.version,
            parameters=dict(given),
            trigger_type=trigger,
            executed_by=caller.name,
            logs=["started"],
            created_at=NOW,
            started_at=NOW,
        )
        with self._changed:
            self.jobs[job_id] = job
            if idempotency_key is not None:
                self.keys[idempotency_key] = job_id
        if "throws" in source.script:
            self.fail(job_id)
        elif "waits" not in source.script:
            self.finish(job_id, self.results.get(analysis_id, {"parameters": dict(given)}))
        return Started(job_id=job_id)

    def finish(self, job_id: str, result: object, *, size: int = 20) -> None:
        """Let a job complete."""
        self._update(
            job_id, status="completed", result=result, result_size_bytes=size, completed_at=NOW
        )

    def fail(self, job_id: str) -> None:
        """Let a job fail in its script."""
        detail = ErrorDetail(code="SCRIPT_ERROR", line=3, column=7, stack="at run (report.js:3:7)")
        self._update(
            job_id, status="failed", error="TypeError: x is not a function", error_detail=detail
        )

    def progress(self, job_id: str, fraction: float, message: str | None = None) -> None:
        """Let a job say how far it is."""
        self._update(job_id, progress=Progress(fraction=fraction, message=message))

    def log(self, job_id: str, line: str) -> None:
        """Let a job write to its log."""
        self._update(job_id, logs=[*self.jobs[job_id].logs, line])

    def status(self, caller: Principal, job_id: str, *, include_result: bool = True) -> JobStatus:
        if job_id not in self.jobs:
            raise NotFoundError(f"Job '{job_id}' not found")
        job = self.jobs[job_id]
        return job if include_result else job.model_copy(update={"result": None})

    def wait(
        self,
        caller: Principal,
        job_id: str,
        *,
        timeout_seconds: float,
        on_progress: Callable[[JobStatus], None] | None = None,
    ) -> JobStatus:
        self.waits += 1
        if on_progress is not None and self.status(caller, job_id).status == "running":
            on_progress(self.jobs[job_id])
        with self._changed:
            self._changed.wait_for(
                lambda: self.jobs[job_id].status != "running", timeout=timeout_seconds
            )
        return self.status(caller, job_id)

    def stop(self, caller: Principal, job_id: str) -> Stopped:
        caller.require(Role.RUNNER)
        if self.status(caller, job_id).status != "running":
            return Stopped(success=False, job_id=job_id, status="completed", message="Had ended")
        self._update(job_id, status="cancelled", error="The run was stopped")
        return Stopped(success=True, job_id=job_id, status="cancelled", message="Stopped")

    def _update(self, job_id: str, **changes: object) -> None:
        with self._changed:
            self.jobs[job_id] = self.jobs[job_id].model_copy(update=changes)
            self._changed.notify_all()


class MemoryLimits(LimitService):
    """What is set for each analysis; nothing has run yet but `monthly_report`, once."""

    def __init__(self, analyses: MemoryAnalyses) -> None:
        self._analyses = analyses
        self.stored: dict[str, dict[str, Any]] = {}

    def get_analysis_limits(self, caller: Principal, analysis_id: str) -> AnalysisLimits:
        self._analyses.source(caller, analysis_id)
        stored = self.stored.get(analysis_id, {})
        values = Limits().model_dump() | stored
        return AnalysisLimits(
            analysis_id=analysis_id,
            limits={
                name: LimitValue(
                    value=value,
                    source="stored" if name in stored else "default",
                    maximum=getattr(MAXIMUM_LIMITS, name),
                )
                for name, value in values.items()
            },
            stored=stored,
        )

    def set_analysis_limits(
        self, caller: Principal, analysis_id: str, limits: Mapping[str, object]
    ) -> AnalysisLimits:
        caller.require(Role.MANAGER)
        self._analyses.source(caller, analysis_id)
        changed = self.stored.get(analysis_id, {}) | checked_changes(limits, MAXIMUM_LIMITS)
        self.stored[analysis_id] = {
            name: value for name, value in changed.items() if value is not None
        }
        return self.get_analysis_limits(caller, analysis_id)

    def reset_analysis_limits(self, caller: Principal, analysis_id: str) -> AnalysisLimits:
        caller.require(Role.MANAGER)
        self._analyses.source(caller, analysis_id)
        self.stored.pop(analysis_id, None)
        return self.get_analysis_limits(caller, analysis_id)

    def get_system_resource_maximums(self, caller: Principal) -> ResourceMaximums:
        return ResourceMaximums(
            maximums=MAXIMUM_LIMITS.model_dump(), defaults=Limits().model_dump(), units=dict(UNITS)
        )

    def list_analysis_resource_usage(self, caller: Principal) -> list[ResourceUsage]:
        figure = ResourceFigure(last=12.5, average=12.5, maximum=12.5, limit=50, share=0.25)
        nothing = ResourceFigure(last=None, average=None, maximum=None)
        return [
            ResourceUsage(
                analysis_id=name,
                runs=1 if name == "monthly_report" else 0,
                failures=0,
                last_run=None,
                memory_mb=figure if name == "monthly_report" else nothing,
                duration_ms=nothing,
                result_mb=nothing,
                cpu_ms=nothing,
                host_calls=nothing,
            )
            for name in self._analyses.stored
        ]


class MemoryOptions(OptionsService):
    """Cities of the country that was chosen."""

    def __init__(self, analyses: MemoryAnalyses) -> None:
        self._analyses = analyses
        self.asked: list[tuple[str, dict[str, object], bool]] = []
        self.problem: AnalysisSandboxError | None = None

    def options(
        self,
        caller: Principal,
        analysis_id: str,
        parameter: str,
        current_params: Mapping[str, object],
        *,
        refresh: bool = False,
    ) -> Options:
        self._analyses.source(caller, analysis_id)
        self.asked.append((parameter, dict(current_params), refresh))
        if self.problem is not None:
            raise self.problem
        if current_params.get("country") == "USA":
            group = {"label": "Premium", "options": [{"value": "nyc", "label": "New York City"}]}
            return Options(options=[group])
        return Options(options=[{"value": "", "label": "Select country first"}])


@dataclass
class Installation:
    """Everything in memory, with its parts at hand."""

    access: MemoryAccess = field(default_factory=MemoryAccess)
    analyses: MemoryAnalyses = field(default_factory=MemoryAnalyses)
    warehouse: MemoryWarehouse = field(default_factory=MemoryWarehouse)
    parts: dict[str, str | None] = field(default_factory=lambda: {"catalogue": None, "pool": None})
    closed: bool = False

    def __post_init__(self) -> None:
        self.runs = MemoryRuns(self.analyses)
        self.options = MemoryOptions(self.analyses)
        self.limits = MemoryLimits(self.analyses)
        self.datasources = MemoryDatasources()
        self.discovery = MemoryDiscovery(self.datasources)

    @property
    def services(self) -> Services:
        return Services(
            access=self.access,
            analyses=self.analyses,
            runs=self.runs,
            options=self.options,
            limits=self.limits,
            datasources=self.datasources,
            discovery=self.discovery,
            warehouse=self.warehouse,
            readiness=lambda: self.parts,
            close=self._close,
        )

    @property
    def manager(self) -> Principal:
        return self.access.authenticate(TOKENS["manager"])

    def store(self, name: str, script: str = SCRIPT) -> None:
        self.analyses.create(self.manager, script, {"name": name})

    def _close(self) -> None:
        self.closed = True


def _script_errors(script: str) -> list[str]:
    errors: list[str] = []
    if "run" not in script:
        errors.append("Missing required 'run' function")
    if "unknown_db" in script:
        errors.append("Datasource 'unknown_db' not found")
    return errors
