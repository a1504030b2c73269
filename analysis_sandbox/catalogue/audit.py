"""The audit log: who did what to what. Rows are only ever added."""

from collections.abc import Sequence
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from analysis_sandbox.catalogue.engine import Database
from analysis_sandbox.catalogue.incident_models import AuditRow
from analysis_sandbox.catalogue.incident_records import AuditEntry, AuditRecord
from analysis_sandbox.catalogue.storable import report_text

_COLUMNS = (
    AuditRow.id,
    AuditRow.project,
    AuditRow.actor,
    AuditRow.action,
    AuditRow.subject,
    AuditRow.outcome,
    AuditRow.request_id,
    AuditRow.details,
    AuditRow.created_at,
)


class AuditRepository:
    """The audit log of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, entry: AuditEntry) -> None:
        """Add an entry."""
        statement = insert(AuditRow).values(
            id=uuid4(),
            project=entry.project,
            actor=report_text(entry.actor),
            action=entry.action,
            subject=report_text(entry.subject),
            outcome=entry.outcome,
            request_id=entry.request_id,
            details=entry.details,
        )
        statement = statement.on_conflict_do_nothing(index_elements=[AuditRow.id])
        self._database.execute(statement)

    def list(self, project: str, *, limit: int = 100) -> Sequence[AuditRecord]:
        """Return the newest entries of a project."""
        statement = sa.select(*_COLUMNS).where(AuditRow.project == project)
        statement = statement.order_by(AuditRow.created_at.desc()).limit(limit)
        rows = self._database.rows(statement)
        return [AuditRecord(*row) for row in rows]
