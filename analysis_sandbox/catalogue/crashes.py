"""Crashes, what was tried after them, and limits that runs reached."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text

from analysis_sandbox.catalogue.engine import Database
from analysis_sandbox.catalogue.incident_records import (
    CrashRecord,
    Exhaustion,
    ExhaustionRecord,
    RecoveryRecord,
    RecoveryStatus,
    RecoveryStrategy,
)
from analysis_sandbox.catalogue.storable import report_json_text, report_text
from analysis_sandbox.errors import NotFoundError
from analysis_sandbox.values import JSONObject

_CRASH = """
    id, project, analysis_id, analysis_version, run_id, attempt, reason, stack_trace, details,
    metadata, created_at
"""
_RECOVERY = """
    id, project, crash_id, strategy, retry_run_id, limits, status, detail, created_at, completed_at
"""
_EXHAUSTION = "id, project, analysis_id, run_id, resource, used, allowed, details, created_at"
_RECORD = text("""
    INSERT INTO analysis_crashes (
        project, analysis_id, analysis_version, run_id, attempt, reason, stack_trace, details,
        metadata)
    SELECT project, analysis_id, analysis_version, id, attempt, :reason, :stack_trace,
           CAST(:details AS jsonb), coalesce(metadata, (
               SELECT jsonb_object_agg(key, value) FROM analysis_metadata AS kept
                WHERE kept.project = run.project AND kept.analysis_id = run.analysis_id), '{}')
      FROM analysis_runs AS run WHERE id = CAST(:run_id AS uuid)
    ON CONFLICT DO NOTHING
""")
_RECORDED = text("""
    SELECT crash.id FROM analysis_crashes AS crash
      JOIN analysis_runs AS run ON run.id = crash.run_id AND run.attempt = crash.attempt
     WHERE run.id = CAST(:run_id AS uuid)
""")
_LIST = f"""
    SELECT {_CRASH} FROM analysis_crashes WHERE project = :project%s
     ORDER BY created_at DESC LIMIT :limit
"""
_RATE = text("""
    SELECT count(*) FROM analysis_crashes
     WHERE analysis_id = CAST(:analysis_id AS uuid) AND created_at >= :since
""")
_TRY = text("""
    INSERT INTO crash_recovery_attempts (id, project, crash_id, strategy, retry_run_id, limits)
    SELECT CAST(:id AS uuid), project, id, :strategy, CAST(:retry_run_id AS uuid),
           CAST(:limits AS jsonb)
      FROM analysis_crashes WHERE id = CAST(:crash_id AS uuid)
    ON CONFLICT (id) DO UPDATE SET id = excluded.id
    RETURNING id
""")
_TRIED = text("""
    UPDATE crash_recovery_attempts
       SET status = :status, detail = :detail, completed_at = now()
     WHERE id = CAST(:id AS uuid)
""")
_TRIES = text(f"""
    SELECT {_RECOVERY} FROM crash_recovery_attempts WHERE crash_id = CAST(:crash_id AS uuid)
     ORDER BY created_at
""")
_EXHAUSTED = text("""
    INSERT INTO resource_exhaustion_events (
        id, project, analysis_id, run_id, resource, used, allowed, details)
    SELECT CAST(:id AS uuid), project, analysis_id, id, :resource,
           CAST(:used AS double precision), CAST(:allowed AS double precision),
           CAST(:details AS jsonb)
      FROM analysis_runs WHERE id = CAST(:run_id AS uuid)
    ON CONFLICT DO NOTHING
""")
_EXHAUSTIONS = text(f"""
    SELECT {_EXHAUSTION} FROM resource_exhaustion_events WHERE project = :project
     ORDER BY created_at DESC LIMIT :limit
""")


class CrashRepository:
    """What went wrong, kept for people to look into."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run_id: str, report: JSONObject) -> UUID:
        """Record why a run's process died; one record per attempt, the first one stays.

        `report["reason"]` and `report["traceback"]` become columns, the whole is kept as details.

        Raises:
            NotFoundError: no such run.
        """
        values = {
            "run_id": _uuid(run_id),
            "reason": report_text(str(report.get("reason") or "unknown")),
            "stack_trace": report_text(str(report.get("traceback") or "")),
            "details": report_json_text(report),
        }
        self._database.execute(_RECORD, values)
        rows = self._database.rows(_RECORDED, values)
        if not rows:
            raise NotFoundError(f"Run '{run_id}' not found")
        return rows[0][0]

    def list(
        self, project: str, *, analysis_id: UUID | None = None, limit: int = 100
    ) -> Sequence[CrashRecord]:
        """Return the newest crashes of a project, or of one analysis."""
        wanted = "" if analysis_id is None else " AND analysis_id = CAST(:analysis_id AS uuid)"
        values = {"project": project, "analysis_id": analysis_id, "limit": limit}
        return [CrashRecord(*row) for row in self._database.rows(text(_LIST % wanted), values)]

    def count(self, analysis_id: UUID, *, since: datetime) -> int:
        """Return how often an analysis has crashed since then."""
        return int(self._database.rows(_RATE, {"analysis_id": analysis_id, "since": since})[0][0])

    def begin_recovery(
        self,
        crash_id: UUID,
        strategy: RecoveryStrategy,
        *,
        retry_run_id: str | None = None,
        limits: JSONObject | None = None,
    ) -> UUID:
        """Record that something is tried after a crash; raises `NotFoundError`."""
        values = {
            "id": uuid4(),
            "crash_id": crash_id,
            "strategy": strategy,
            "retry_run_id": None if retry_run_id is None else _uuid(retry_run_id),
            "limits": report_json_text(limits),
        }
        rows = self._database.rows(_TRY, values)
        if not rows:
            raise NotFoundError(f"Crash {crash_id} not found")
        return rows[0][0]

    def end_recovery(self, recovery_id: UUID, status: RecoveryStatus, *, detail: str = "") -> None:
        """Record what came of it."""
        values = {"id": recovery_id, "status": status, "detail": report_text(detail)}
        self._database.execute(_TRIED, values)

    def recoveries(self, crash_id: UUID) -> Sequence[RecoveryRecord]:
        """Return what was tried after a crash, in order."""
        return [RecoveryRecord(*row) for row in self._database.rows(_TRIES, {"crash_id": crash_id})]

    def record_exhaustion(self, run_id: str, exhaustion: Exhaustion) -> None:
        """Record that a run reached a limit; an unknown run is ignored."""
        values = {
            "id": uuid4(),
            "run_id": _uuid(run_id),
            "resource": exhaustion.resource,
            "used": exhaustion.used,
            "allowed": exhaustion.allowed,
            "details": report_json_text(exhaustion.details),
        }
        self._database.execute(_EXHAUSTED, values)

    def exhaustions(self, project: str, *, limit: int = 100) -> Sequence[ExhaustionRecord]:
        """Return the newest limits that runs of a project reached."""
        values = {"project": project, "limit": limit}
        return [ExhaustionRecord(*row) for row in self._database.rows(_EXHAUSTIONS, values)]


def _uuid(run_id: str) -> UUID:
    try:
        return UUID(run_id)
    except ValueError:
        raise NotFoundError(f"Run '{run_id}' not found") from None
