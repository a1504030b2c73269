"""What the services answer: the shapes that REST, MCP and the CLI show as they are."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from analysis_sandbox.limits import LimitSource
from analysis_sandbox.services.ports import RunState


class Answer(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(frozen=True)


class AnalysisSummary(Answer):
    """One line of the list of analyses."""

    id: str = Field(description="The analysis' name, unique in its project.")
    title: str
    created_at: datetime
    last_run: datetime | None
    uuid: str
    version: int
    description: str | None = None
    tags: list[str] = Field(default_factory=list[str])


class AnalysisDetail(Answer):
    """An analysis with what a form needs to run it."""

    id: str
    title: str
    parameters: dict[str, dict[str, Any]] = Field(
        description="Per parameter: type, required, description, default, options, depends_on …"
    )
    uuid: str
    version: int
    description: str | None = None
    tags: list[str] = Field(default_factory=list[str])
    owners: list[str] = Field(default_factory=list[str])
    schedule: dict[str, Any] | None = None
    dependencies: dict[str, Any] = Field(default_factory=dict[str, Any])
    limits: dict[str, Any] = Field(default_factory=dict[str, Any])
    language: str = "javascript"
    packages: list[str] = Field(
        default_factory=list[str], description="npm packages that its scripts may import."
    )
    pinned_packages: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]],
        description="What this version really imports: name, version, integrity, specifiers.",
    )
    created_at: datetime
    updated_at: datetime
    last_run: datetime | None = None
    permissive_parameters: bool = Field(
        default=False, description="True when the script declares none: any JSON object is taken."
    )


class AnalysisSource(AnalysisDetail):
    """An analysis with the text of its current version."""

    script: str
    metadata: dict[str, Any]


class Validation(Answer):
    """What was found in a script; `errors` holds everything wrong, not only the first."""

    valid: bool
    errors: list[str] = Field(default_factory=list[str])
    warnings: list[str] = Field(default_factory=list[str])
    metadata: dict[str, Any] | None = Field(
        default=None, description="title, datasources, analyses and parameters of a valid script"
    )


class Saved(Answer):
    """A stored version."""

    success: bool = True
    analysis_id: str
    uuid: str
    version: int
    title: str
    warnings: list[str] = Field(default_factory=list[str])


class Deleted(Answer):
    """A soft-deleted analysis."""

    success: bool = True
    analysis_id: str
    stopped_jobs: list[str] = Field(default_factory=list[str])


class Started(Answer):
    """A run that was accepted: it survives a power cut from here on."""

    job_id: str


class ErrorDetail(Answer):
    """Why a job did not complete; lines and columns are the script's own, from 1."""

    code: str
    line: int | None = None
    column: int | None = None
    stack: str | None = None
    hint: str | None = None
    details: dict[str, Any] = Field(default_factory=dict[str, Any])


class Progress(Answer):
    """How far a job is, in its script's own words."""

    fraction: float = Field(ge=0, le=1)
    message: str | None = None


class JobStatus(Answer):
    """A job as it stands."""

    status: RunState
    result: Any = Field(
        default=None,
        description="The run's result, once completed. Inside the program it may be JSON text "
        "(`EncodedJSON`), which the faces pass on undecoded.",
    )
    error: str | None = None
    error_detail: ErrorDetail | None = None
    logs: list[str] = Field(default_factory=list[str])
    job_id: str
    analysis_id: str
    analysis_version: int
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    trigger_type: str
    executed_by: str | None = None
    parent_run_id: str | None = None
    skipped: bool = False
    result_size_bytes: int | None = None
    result_preview: Any = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    execution_time_ms: int | None = None
    progress: Progress | None = Field(
        default=None, description="What the script said last with ctx.progress."
    )
    display: dict[str, Any] | None = Field(
        default=None,
        description="How the result wants to be shown: `tables` and `charts`, each naming the key "
        "of the result that holds its rows.",
    )
    usage: dict[str, Any] | None = Field(
        default=None, description="Peak memory, processor time, host calls, bytes."
    )
    limits: dict[str, Any] | None = Field(
        default=None, description="The limits that hold for this run."
    )


class LimitValue(Answer):
    """One limit that holds, and who stated it."""

    value: int | float | None = Field(description="null: not limited.")
    source: LimitSource = Field(
        description="default: built in; system: the installation; script: its `execution`; "
        "stored: set for the analysis."
    )
    maximum: int | float | None = Field(description="What it can be set to at most.")


class AnalysisLimits(Answer):
    """The limits of the next run of an analysis."""

    analysis_id: str
    limits: dict[str, LimitValue]
    stored: dict[str, int | float] = Field(description="What is set for the analysis.")
    warnings: list[str] = Field(default_factory=list[str])


class ResourceMaximums(Answer):
    """What an installation allows, by the limit's name."""

    maximums: dict[str, int | float | None]
    defaults: dict[str, int | float | None]
    units: dict[str, str]


class ResourceFigure(Answer):
    """One figure over an analysis' newest runs; null where no run told it."""

    last: float | None
    average: float | None
    maximum: float | None
    limit: float | None = None
    share: float | None = Field(
        default=None, description="The maximum as a share of the limit that holds now: 1 is all."
    )


class ResourceUsage(Answer):
    """What the newest ended runs of an analysis used, 100 at most."""

    analysis_id: str
    runs: int
    failures: int
    last_run: datetime | None
    memory_mb: ResourceFigure
    duration_ms: ResourceFigure
    result_mb: ResourceFigure
    cpu_ms: ResourceFigure
    host_calls: ResourceFigure


class Stopped(Answer):
    """What stopping a job did."""

    success: bool
    job_id: str
    status: RunState
    message: str


class Options(Answer):
    """The choices of one parameter: plain `{value, label}` or grouped `{label, options}`."""

    options: list[dict[str, Any]]
