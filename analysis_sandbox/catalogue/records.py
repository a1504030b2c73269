"""What the catalogue takes and gives: frozen records of analyses, versions, runs and schedules.

Plain data without a database, so that every floor above may speak of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from analysis_sandbox.values import JSONObject, JSONValue

RunStatus = Literal["pending", "running", "completed", "failed", "cancelled", "crashed"]
FinalStatus = Literal["completed", "failed", "cancelled", "crashed"]
TriggerType = Literal[
    "manual", "scheduled", "api", "mcp", "retry", "backfill", "analysis", "resume"
]
Role = Literal["viewer", "runner", "manager", "admin"]
Language = Literal["javascript", "typescript"]


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A script to append to the history of an analysis.

    `metadata` is the stored form of its definition, `modules` the text of what it imports by import
    specifier. With `based_on` the write is refused when the analysis has moved past that version
    since.
    """

    title: str
    source: str
    compiled: str
    language: Language = "javascript"
    metadata: JSONObject = field(default_factory=dict[str, JSONValue])
    change_description: str = ""
    created_by: str = "mcp"
    restored_from: int | None = None
    based_on: int | None = None
    modules: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class NewAnalysis:
    """An analysis to create, with its first version."""

    project: str
    name: str
    version: NewVersion
    description: str = ""
    tags: Sequence[str] = ()
    owners: Sequence[str] = ()
    limits: JSONObject | None = None
    retry: JSONObject | None = None
    packages: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AnalysisRecord:
    """An analysis as it is now. `limits` and `retry` hold only what somebody set for it.

    `packages` are the npm packages that its scripts may import beside those of the installation.
    """

    id: UUID
    project: str
    name: str
    title: str
    version: int
    description: str
    tags: tuple[str, ...]
    owners: tuple[str, ...]
    limits: JSONObject | None
    is_active: bool
    created_at: datetime
    updated_at: datetime
    created_by: str
    last_run: datetime | None
    retry: JSONObject | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One stored script. Never changes once written."""

    analysis_id: UUID
    project: str
    name: str
    title: str
    version: int
    source: str
    compiled: str
    language: Language
    metadata: JSONObject
    change_description: str
    created_by: str
    created_at: datetime
    restored_from: int | None
    modules: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log. `number` is its place in the catalogue, 0 before it is stored."""

    level: str
    message: str
    logged_at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to record before it is launched.

    `given` are the parameters as the caller sent them; with the analysis they decide whether a
    repeated `idempotency_key` is the same request. Absent means `parameters`.
    """

    run_id: str
    project: str
    analysis_id: UUID
    analysis_version: int
    parameters: JSONObject
    trigger_type: TriggerType = "manual"
    executed_by: str = "unknown"
    idempotency_key: str | None = None
    given: JSONObject | None = None
    parent_run_id: str | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class RunStart:
    """An attempt of a run that begins now; the run may have no row yet.

    `limits` are the ones that hold for it.
    """

    run_id: str
    project: str
    analysis_id: UUID
    analysis_version: int
    parameters: JSONObject
    trigger_type: TriggerType = "manual"
    executed_by: str = "unknown"
    parent_run_id: str | None = None
    attempt: int = 1
    limits: JSONObject | None = None


@dataclass(frozen=True, slots=True)
class RunFinish:
    """How a run ended, with the log lines that were not stored before.

    `usage` belongs to every end, `display` are the hints of a result: its tables and charts.
    """

    run_id: str
    status: FinalStatus
    result_path: str | None = None
    result_size_bytes: int | None = None
    result_preview: JSONValue = None
    skipped: bool = False
    error: str | None = None
    error_detail: JSONObject | None = None
    usage: JSONObject | None = None
    execution_time_ms: int | None = None
    log: Sequence[LogLine] = ()
    display: JSONObject | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is now. `metadata` is the analysis' key-value store when the run ended.

    `progress` is what the script said last, `{"fraction": 0.5, "message": "..." | null}`; `limits`
    are those that held for it.
    """

    id: UUID
    project: str
    analysis_id: UUID
    analysis_name: str
    analysis_version: int
    status: RunStatus
    parameters: JSONObject
    trigger_type: TriggerType
    result_path: str | None
    result_size_bytes: int | None
    result_preview: JSONValue
    metadata: JSONObject | None
    usage: JSONObject | None
    skipped: bool
    error: str | None
    error_detail: JSONObject | None
    started_at: datetime | None
    completed_at: datetime | None
    execution_time_ms: int | None
    executed_by: str
    parent_run_id: UUID | None
    attempt: int
    created_at: datetime
    progress: JSONObject | None = None
    display: JSONObject | None = None
    limits: JSONObject | None = None

    @property
    def is_final(self) -> bool:
        """Tell whether nothing about this run will change any more."""
        return self.status not in ("pending", "running")


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """When an analysis shall run by itself."""

    project: str
    analysis_id: UUID
    cron_expression: str
    timezone: str = "UTC"
    enabled: bool = True
    retry_on_failure: bool = False
    max_retries: int = 3
    retry_delay_seconds: int = 300


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """The schedule of an analysis and what came of its last run."""

    analysis_id: UUID
    project: str
    analysis_name: str
    cron_expression: str
    timezone: str
    enabled: bool
    retry_on_failure: bool
    max_retries: int
    retry_delay_seconds: int
    last_run_at: datetime | None
    last_run_id: UUID | None
    last_status: RunStatus | None
    next_run_at: datetime | None
    consecutive_failures: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """An API token without its secret, which is stored only as a hash."""

    id: UUID
    project: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class DatasourceFields:
    """What a datasource is configured with: what may be shown, and what must be encrypted."""

    access: str
    config: JSONObject
    secrets: JSONObject = field(default_factory=dict[str, JSONValue], repr=False)
    secret_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NewDatasource:
    """A datasource to store."""

    project: str
    name: str
    type: str
    fields: DatasourceFields
    created_by: str


@dataclass(frozen=True, slots=True)
class DatasourceChange:
    """What replaces the fields of a datasource; made to `based_on`, where that matters."""

    fields: DatasourceFields
    changed_by: str
    based_on: int | None = None


@dataclass(frozen=True, slots=True)
class DatasourceRecord:
    """A stored datasource; its secrets are encrypted here."""

    id: UUID
    project: str
    name: str
    type: str
    access: str
    config: JSONObject
    secrets: bytes | None = field(repr=False)
    secret_names: Sequence[str]
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class StoredDatasource:
    """A stored datasource with its secrets, or with the reason why they cannot be read."""

    project: str
    name: str
    type: str
    config: JSONObject
    secrets: JSONObject = field(repr=False)
    problem: str | None = None
