"""What the catalogue takes and gives about what went wrong and who did what: frozen records."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from analysis_sandbox.values import JSONObject, JSONValue

RecoveryStrategy = Literal["retry", "retry_reduced", "resume"]
RecoveryStatus = Literal["started", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class CrashRecord:
    """A run whose process died. `metadata` is what the analysis kept at that moment."""

    id: UUID
    project: str
    analysis_id: UUID
    analysis_version: int
    run_id: UUID
    attempt: int
    reason: str
    stack_trace: str
    details: JSONObject
    metadata: JSONObject
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RecoveryRecord:
    """One thing that was tried after a crash."""

    id: UUID
    project: str
    crash_id: UUID
    strategy: RecoveryStrategy
    retry_run_id: UUID | None
    limits: JSONObject | None
    status: RecoveryStatus
    detail: str
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """A limit that a run reached: which, how much was used and how much was allowed."""

    resource: str
    used: float | None = None
    allowed: float | None = None
    details: JSONObject = field(default_factory=dict[str, JSONValue])


@dataclass(frozen=True, slots=True)
class ExhaustionRecord:
    """A limit that a run reached, as it was recorded."""

    id: UUID
    project: str
    analysis_id: UUID
    run_id: UUID
    resource: str
    used: float | None
    allowed: float | None
    details: JSONObject
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what. `details` must hold no secret."""

    project: str
    actor: str
    action: str
    subject: str
    outcome: str = "ok"
    request_id: str | None = None
    details: JSONObject = field(default_factory=dict[str, JSONValue])


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An audit entry as it was recorded."""

    id: UUID
    project: str
    actor: str
    action: str
    subject: str
    outcome: str
    request_id: str | None
    details: JSONObject
    created_at: datetime
