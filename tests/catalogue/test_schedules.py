from datetime import UTC, datetime
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import (
    NewAnalysis,
    NewSchedule,
    RunFinish,
    ScheduleRecord,
    VersionRecord,
)
from analysis_sandbox.errors import NotFoundError
from tests.catalogue.making import new_version, run_start

NEXT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def _schedule(catalogue: Catalogue, analysis: VersionRecord) -> ScheduleRecord:
    schedule = catalogue.schedules.get(analysis.analysis_id)
    assert schedule is not None
    return schedule


def test_a_new_schedule_has_the_defaults(catalogue: Catalogue, analysis: VersionRecord) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * 1-5"))

    schedule = _schedule(catalogue, analysis)
    assert (schedule.cron_expression, schedule.timezone, schedule.enabled) == (
        "0 9 * * 1-5",
        "UTC",
        True,
    )
    assert (schedule.retry_on_failure, schedule.max_retries, schedule.retry_delay_seconds) == (
        False,
        3,
        300,
    )
    assert (schedule.last_run_at, schedule.last_status, schedule.consecutive_failures) == (
        None,
        None,
        0,
    )
    assert schedule.analysis_name == "monthly_report"


def test_an_analysis_has_one_schedule_whose_standing_is_kept(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * *"))
    catalogue.schedules.set_next_run(analysis.analysis_id, next_run_at=NEXT)
    assert _schedule(catalogue, analysis).next_run_at == NEXT
    run = catalogue.runs.start(run_start(analysis, trigger_type="scheduled"))
    catalogue.runs.finish(RunFinish(run_id=str(run.id), status="failed"))

    catalogue.schedules.set(
        NewSchedule(analysis.project, analysis.analysis_id, "*/5 * * * *", timezone="Europe/Berlin")
    )

    schedule = _schedule(catalogue, analysis)
    assert (schedule.cron_expression, schedule.timezone) == ("*/5 * * * *", "Europe/Berlin")
    assert (schedule.last_status, schedule.consecutive_failures) == ("failed", 1)
    assert schedule.next_run_at is None


def test_switching_on_forgives_failures(catalogue: Catalogue, analysis: VersionRecord) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * *"))
    run = catalogue.runs.start(run_start(analysis, trigger_type="scheduled"))
    catalogue.runs.finish(RunFinish(run_id=str(run.id), status="crashed"))

    catalogue.schedules.set_enabled(analysis.analysis_id, enabled=False)
    off = _schedule(catalogue, analysis)
    catalogue.schedules.set_enabled(analysis.analysis_id, enabled=True)
    on = _schedule(catalogue, analysis)

    assert (off.enabled, off.consecutive_failures) == (False, 1)
    assert (on.enabled, on.consecutive_failures) == (True, 0)


def test_schedules_are_listed_by_project(catalogue: Catalogue, analysis: VersionRecord) -> None:
    other = catalogue.analyses.create(NewAnalysis(f"{analysis.project}_b", "other", new_version()))
    for version in (analysis, other):
        catalogue.schedules.set(NewSchedule(version.project, version.analysis_id, "0 9 * * *"))

    listed = catalogue.schedules.list(analysis.project)
    everywhere = {one.analysis_id for one in catalogue.schedules.list()}

    assert [one.analysis_id for one in listed] == [analysis.analysis_id]
    assert {analysis.analysis_id, other.analysis_id} <= everywhere


def test_a_removed_schedule_is_gone(catalogue: Catalogue, analysis: VersionRecord) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * *"))

    assert catalogue.schedules.delete(analysis.analysis_id)
    assert not catalogue.schedules.delete(analysis.analysis_id)
    assert catalogue.schedules.get(analysis.analysis_id) is None
    with pytest.raises(NotFoundError, match="no schedule"):
        catalogue.schedules.set_enabled(analysis.analysis_id, enabled=True)


def test_an_unknown_analysis_gets_no_schedule(catalogue: Catalogue, project: str) -> None:
    with pytest.raises(NotFoundError):
        catalogue.schedules.set(NewSchedule(project, uuid4(), "0 9 * * *"))
