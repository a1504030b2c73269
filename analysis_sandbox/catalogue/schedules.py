"""Schedules: when analyses run by themselves, at most one for each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from analysis_sandbox.catalogue.engine import ConstraintError, Database
from analysis_sandbox.catalogue.models import AnalysisRow, ScheduleRow
from analysis_sandbox.catalogue.records import NewSchedule, ScheduleRecord
from analysis_sandbox.errors import NotFoundError

_COLUMNS = (
    ScheduleRow.analysis_id,
    ScheduleRow.project,
    AnalysisRow.name,
    ScheduleRow.cron_expression,
    ScheduleRow.timezone,
    ScheduleRow.enabled,
    ScheduleRow.retry_on_failure,
    ScheduleRow.max_retries,
    ScheduleRow.retry_delay_seconds,
    ScheduleRow.last_run_at,
    ScheduleRow.last_run_id,
    ScheduleRow.last_status,
    ScheduleRow.next_run_at,
    ScheduleRow.consecutive_failures,
    ScheduleRow.updated_at,
)
_SELECT = sa.select(*_COLUMNS).join(AnalysisRow, AnalysisRow.id == ScheduleRow.analysis_id)


class ScheduleRepository:
    """The schedules of all projects. What came of a run is written by `RunRepository.finish`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, analysis_id: UUID) -> ScheduleRecord | None:
        """Return the schedule of an analysis, None when it has none."""
        statement = _SELECT.where(ScheduleRow.analysis_id == analysis_id)
        rows = self._database.rows(statement)
        return ScheduleRecord(*rows[0]) if rows else None

    def list(self, project: str | None = None) -> Sequence[ScheduleRecord]:
        """Return the schedules of a project, or of all, by the analysis' name."""
        statement = _SELECT.where(AnalysisRow.is_active)
        if project is not None:
            statement = statement.where(ScheduleRow.project == project)
        statement = statement.order_by(ScheduleRow.project, AnalysisRow.name)
        rows = self._database.rows(statement)
        return [ScheduleRecord(*row) for row in rows]

    def set(self, new: NewSchedule) -> None:
        """Give an analysis a schedule in place of the one it has; its standing is kept.

        Raises:
            NotFoundError: no such analysis.
        """
        values: dict[str, Any] = {
            "cron_expression": new.cron_expression,
            "timezone": new.timezone,
            "enabled": new.enabled,
            "retry_on_failure": new.retry_on_failure,
            "max_retries": new.max_retries,
            "retry_delay_seconds": new.retry_delay_seconds,
        }
        statement = insert(ScheduleRow).values(
            project=new.project, analysis_id=new.analysis_id, **values
        )
        statement = statement.on_conflict_do_update(
            index_elements=[ScheduleRow.analysis_id],
            set_=values | {"next_run_at": None, "updated_at": sa.func.now()},
        )
        try:
            self._database.execute(statement)
        except ConstraintError as error:
            if error.constraint != "analysis_schedules_analysis_id_fkey":
                raise
            raise NotFoundError(f"Analysis {new.analysis_id} not found") from error

    def set_enabled(self, analysis_id: UUID, *, enabled: bool) -> None:
        """Switch a schedule on or off; on forgives its failures. Raises `NotFoundError`."""
        values: dict[str, Any] = {"enabled": enabled, "next_run_at": None}
        if enabled:
            values["consecutive_failures"] = 0
        self._update(analysis_id, **values)

    def set_next_run(self, analysis_id: UUID, *, next_run_at: datetime | None) -> None:
        """Note when the next run is due; raises `NotFoundError`."""
        self._update(analysis_id, next_run_at=next_run_at)

    def delete(self, analysis_id: UUID) -> bool:
        """Remove the schedule of an analysis; tells whether there was one."""
        statement = sa.delete(ScheduleRow).where(ScheduleRow.analysis_id == analysis_id)
        return self._database.execute(statement) > 0

    def _update(self, analysis_id: UUID, **values: object) -> None:
        statement = (
            sa.update(ScheduleRow)
            .where(ScheduleRow.analysis_id == analysis_id)
            .values(updated_at=sa.func.now(), **values)
        )
        if self._database.execute(statement) == 0:
            raise NotFoundError(f"Analysis {analysis_id} has no schedule")
