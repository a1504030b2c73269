"""The tables of what went wrong and of who did what, as SQLAlchemy sees them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from analysis_sandbox.catalogue.models import EMPTY_OBJECT, AnalysisKey, Key, Now, RunKey, Table


class CrashRow(Table):
    """A run whose process died; one row per attempt."""

    __tablename__ = "analysis_crashes"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "attempt", name="analysis_crashes_attempt_key"),
        sa.Index("idx_analysis_crashes_newest", "analysis_id", sa.text("created_at DESC")),
        sa.Index("idx_analysis_crashes_project", "project", sa.text("created_at DESC")),
    )

    id: Mapped[Key]
    project: Mapped[str]
    analysis_id: Mapped[AnalysisKey]
    analysis_version: Mapped[int]
    run_id: Mapped[RunKey]
    attempt: Mapped[int]
    reason: Mapped[str]
    stack_trace: Mapped[str] = mapped_column(server_default="")
    details: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    last_state: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=EMPTY_OBJECT)
    created_at: Mapped[Now]


class RecoveryRow(Table):
    """What was tried after a crash."""

    __tablename__ = "crash_recovery_attempts"
    __table_args__ = (sa.Index("idx_crash_recovery_attempts_crash", "crash_id"),)

    id: Mapped[Key]
    project: Mapped[str]
    crash_id: Mapped[UUID] = mapped_column(sa.ForeignKey("analysis_crashes.id"))
    strategy: Mapped[str]
    retry_run_id: Mapped[UUID | None]
    limits: Mapped[dict[str, Any] | None]
    status: Mapped[str] = mapped_column(server_default="started")
    detail: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[Now]
    completed_at: Mapped[datetime | None]


class ExhaustionRow(Table):
    """A run that reached one of its limits."""

    __tablename__ = "resource_exhaustion_events"
    __table_args__ = (
        sa.Index(
            "idx_resource_exhaustion_events_newest", "analysis_id", sa.text("created_at DESC")
        ),
        sa.Index("idx_resource_exhaustion_events_project", "project", sa.text("created_at DESC")),
    )

    id: Mapped[Key]
    project: Mapped[str]
    analysis_id: Mapped[AnalysisKey]
    run_id: Mapped[RunKey]
    resource: Mapped[str]
    used: Mapped[float | None]
    allowed: Mapped[float | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    created_at: Mapped[Now]


class AuditRow(Table):
    """Who did what, when. A trigger refuses every change."""

    __tablename__ = "audit_log"
    __table_args__ = (sa.Index("idx_audit_log_newest", "project", sa.text("created_at DESC")),)

    id: Mapped[Key]
    project: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    outcome: Mapped[str] = mapped_column(server_default="ok")
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=EMPTY_OBJECT)
    created_at: Mapped[Now]
