"""The catalogue's tables as SQLAlchemy sees them.

The migrations make them; a test compares both. Rows of history (versions, runs, logs, crashes, the
audit log) outlive what they speak of: no deletion cascades.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from analysis_sandbox.catalogue.records import FinalStatus, Language, Role, RunStatus, TriggerType

Key = Annotated[UUID, mapped_column(primary_key=True, server_default=sa.text("gen_random_uuid()"))]
Now = Annotated[datetime, mapped_column(server_default=sa.func.now())]
AnalysisKey = Annotated[UUID, mapped_column(sa.ForeignKey("analyses.id"))]
RunKey = Annotated[UUID, mapped_column(sa.ForeignKey("analysis_runs.id"))]
EMPTY_OBJECT = sa.text("'{}'")


class Table(DeclarativeBase):
    """Base of every table, with the column type of each Python type."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        str: sa.Text(),
        bytes: BYTEA(),
        datetime: sa.DateTime(timezone=True),
        list[str]: ARRAY(sa.Text()),
        dict[str, Any]: JSONB(none_as_null=True),
        RunStatus: sa.Text(),
        FinalStatus: sa.Text(),
        TriggerType: sa.Text(),
        Role: sa.Text(),
        Language: sa.Text(),
    }


class AnalysisRow(Table):
    """The named thing, with a copy of its current version's script and definition."""

    __tablename__ = "analyses"
    __table_args__ = (
        sa.UniqueConstraint("project", "name", name="analyses_project_name_key"),
        sa.Index("idx_analyses_name", "name", postgresql_where=sa.text("is_active")),
        sa.Index(
            "idx_analyses_datasources",
            sa.text("((metadata -> 'dependencies'::text) -> 'datasources'::text)"),
            postgresql_using="gin",
        ),
        sa.Index(
            "idx_analyses_analyses",
            sa.text("((metadata -> 'dependencies'::text) -> 'analyses'::text)"),
            postgresql_using="gin",
        ),
    )

    id: Mapped[Key]
    project: Mapped[str]
    name: Mapped[str] = mapped_column(sa.String(255))
    title: Mapped[str]
    script: Mapped[str]
    definition: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=EMPTY_OBJECT)
    version: Mapped[int] = mapped_column(server_default=sa.text("1"))
    description: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[list[str]] = mapped_column(server_default=EMPTY_OBJECT)
    owners: Mapped[list[str]] = mapped_column(server_default=EMPTY_OBJECT)
    limits: Mapped[dict[str, Any] | None]
    retry: Mapped[dict[str, Any] | None]
    packages: Mapped[list[str]] = mapped_column(server_default=EMPTY_OBJECT)
    is_active: Mapped[bool] = mapped_column(server_default=sa.true())
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    created_by: Mapped[str] = mapped_column(server_default="mcp")
    last_run: Mapped[datetime | None]


class VersionRow(Table):
    """One stored script. A trigger refuses every change."""

    __tablename__ = "analysis_versions"
    __table_args__ = (
        sa.UniqueConstraint("analysis_id", "version", name="analysis_versions_version_key"),
        sa.Index("idx_analysis_versions_newest", "analysis_id", sa.text("version DESC")),
    )

    id: Mapped[Key]
    project: Mapped[str]
    analysis_id: Mapped[AnalysisKey]
    version: Mapped[int]
    title: Mapped[str]
    script: Mapped[str]
    compiled: Mapped[str]
    language: Mapped[Language] = mapped_column(server_default="javascript")
    definition: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=EMPTY_OBJECT)
    change_description: Mapped[str] = mapped_column(server_default="")
    created_by: Mapped[str] = mapped_column(server_default="mcp")
    created_at: Mapped[Now]
    restored_from: Mapped[int | None]
    modules: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)


class RunRow(Table):
    """A run. `finish_id` tells a repeated finish from a second one."""

    __tablename__ = "analysis_runs"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["analysis_id", "analysis_version"],
            ["analysis_versions.analysis_id", "analysis_versions.version"],
            name="analysis_runs_version_fkey",
        ),
        sa.Index("idx_analysis_runs_started", "analysis_id", sa.text("started_at DESC")),
        sa.Index("idx_analysis_runs_created", "analysis_id", sa.text("created_at DESC")),
        sa.Index("idx_analysis_runs_project", "project", sa.text("created_at DESC")),
        sa.Index(
            "idx_analysis_runs_unfinished",
            "status",
            postgresql_where=sa.text("status IN ('pending', 'running')"),
        ),
        sa.Index(
            "idx_analysis_runs_idempotency",
            "project",
            "idempotency_key",
            unique=True,
            postgresql_where=sa.text("idempotency_key IS NOT NULL"),
        ),
        sa.Index(
            "idx_analysis_runs_parent",
            "parent_run_id",
            postgresql_where=sa.text("parent_run_id IS NOT NULL"),
        ),
    )

    id: Mapped[Key]
    project: Mapped[str]
    analysis_id: Mapped[AnalysisKey]
    analysis_name: Mapped[str]
    analysis_version: Mapped[int]
    status: Mapped[RunStatus] = mapped_column(server_default="pending")
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    trigger_type: Mapped[TriggerType] = mapped_column(server_default="manual")
    result_path: Mapped[str | None]
    result_size_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)
    result_preview: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    snapshot: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    usage: Mapped[dict[str, Any] | None]
    skipped: Mapped[bool] = mapped_column(server_default=sa.false())
    error: Mapped[str | None]
    error_detail: Mapped[dict[str, Any] | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    execution_time_ms: Mapped[int | None] = mapped_column(sa.BigInteger)
    executed_by: Mapped[str] = mapped_column(server_default="unknown")
    parent_run_id: Mapped[UUID | None]
    attempt: Mapped[int] = mapped_column(server_default=sa.text("1"))
    idempotency_key: Mapped[str | None]
    request_hash: Mapped[bytes | None]
    finish_id: Mapped[UUID | None]
    created_at: Mapped[Now]
    progress: Mapped[dict[str, Any] | None]
    display: Mapped[dict[str, Any] | None]
    limits: Mapped[dict[str, Any] | None]


class LogRow(Table):
    """One line of a run's log. `batch_id` tells a repeated write from a second one."""

    __tablename__ = "analysis_run_logs"
    __table_args__ = (sa.Index("idx_analysis_run_logs_run", "run_id", "id"),)

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    project: Mapped[str]
    run_id: Mapped[RunKey]
    batch_id: Mapped[UUID]
    level: Mapped[str]
    message: Mapped[str]
    logged_at: Mapped[datetime]


class ScheduleRow(Table):
    """When an analysis runs by itself, and what came of the last time."""

    __tablename__ = "analysis_schedules"

    id: Mapped[Key]
    project: Mapped[str]
    analysis_id: Mapped[AnalysisKey] = mapped_column(unique=True)
    cron_expression: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    enabled: Mapped[bool] = mapped_column(server_default=sa.true())
    retry_on_failure: Mapped[bool] = mapped_column(server_default=sa.false())
    max_retries: Mapped[int] = mapped_column(server_default=sa.text("3"))
    retry_delay_seconds: Mapped[int] = mapped_column(server_default=sa.text("300"))
    last_run_at: Mapped[datetime | None]
    last_run_id: Mapped[UUID | None]
    last_status: Mapped[FinalStatus | None]
    next_run_at: Mapped[datetime | None]
    consecutive_failures: Mapped[int] = mapped_column(server_default=sa.text("0"))
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class MetadataRow(Table):
    """One value that a script keeps between its runs."""

    __tablename__ = "analysis_metadata"
    __table_args__ = (
        sa.Index("idx_analysis_metadata_key", "project", "key", sa.text("updated_at DESC")),
    )

    project: Mapped[str] = mapped_column(primary_key=True)
    analysis_id: Mapped[AnalysisKey] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    size_bytes: Mapped[int]
    updated_at: Mapped[Now]


class TokenRow(Table):
    """An API token; only the hash of its secret is here."""

    __tablename__ = "api_tokens"
    __table_args__ = (sa.Index("idx_api_tokens_project", "project"),)

    id: Mapped[Key]
    project: Mapped[str]
    name: Mapped[str]
    role: Mapped[Role]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[Now]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RevisionRow(Table):
    """How often the definitions of a project have changed; triggers count."""

    __tablename__ = "catalogue_revisions"

    project: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(sa.BigInteger)


class DatasourceRow(Table):
    """A datasource that was added over an interface; what is secret of it is encrypted.

    `change_id` tells a repeated change from a second one.
    """

    __tablename__ = "datasources"
    __table_args__ = (sa.UniqueConstraint("project", "name", name="datasources_project_name_key"),)

    id: Mapped[Key]
    project: Mapped[str]
    name: Mapped[str]
    type: Mapped[str]
    access: Mapped[str] = mapped_column(server_default="read_only")
    config: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    secrets: Mapped[bytes | None]
    secret_names: Mapped[list[str]] = mapped_column(server_default=EMPTY_OBJECT)
    version: Mapped[int] = mapped_column(server_default=sa.text("1"))
    change_id: Mapped[UUID]
    created_at: Mapped[Now]
    created_by: Mapped[str]
    updated_at: Mapped[Now]
    updated_by: Mapped[str]


class DatasourceRevisionRow(Table):
    """How often the stored datasources of a project have changed; a trigger counts."""

    __tablename__ = "datasource_revisions"

    project: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(sa.BigInteger)
