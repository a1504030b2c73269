"""What the services answer: the shapes that REST, MCP and the CLI show as they are."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

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
    usage: dict[str, Any] | None = None


class Stopped(Answer):
    """What stopping a job did."""

    success: bool
    job_id: str
    status: RunState
    message: str


class Options(Answer):
    """The choices of one parameter: plain `{value, label}` or grouped `{label, options}`."""

    options: list[dict[str, Any]]
