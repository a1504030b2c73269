from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import (
    FinalStatus,
    LogLine,
    NewAnalysis,
    NewSchedule,
    RunFinish,
    RunRecord,
    VersionRecord,
)
from analysis_sandbox.errors import ConflictError, NotFoundError, ValidationFailedError
from tests.catalogue.making import new_run, new_version, run_start


def _line(message: str, level: str = "info") -> LogLine:
    return LogLine(level, message, datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC))


def _finish(run: RunRecord, status: FinalStatus = "completed", **values: Any) -> RunFinish:
    return RunFinish(run_id=str(run.id), status=status, **values)


@pytest.fixture
def run(catalogue: Catalogue, analysis: VersionRecord) -> RunRecord:
    return catalogue.runs.insert(new_run(analysis))[0]


def test_an_inserted_run_is_pending(catalogue: Catalogue, analysis: VersionRecord) -> None:
    new = new_run(analysis, trigger_type="api", executed_by="ada", attempt=2)

    run, created = catalogue.runs.insert(new)

    assert created
    assert (str(run.id), run.status, run.analysis_name) == (new.run_id, "pending", "monthly_report")
    assert (run.parameters, run.trigger_type, run.executed_by, run.attempt) == (
        {"month": "2026-10"},
        "api",
        "ada",
        2,
    )
    assert (run.started_at, run.completed_at, run.is_final) == (None, None, False)
    assert catalogue.runs.get(analysis.project, new.run_id) == run


def test_a_run_of_another_project_is_not_found(catalogue: Catalogue, run: RunRecord) -> None:
    for project, run_id in (("another", str(run.id)), (run.project, str(uuid4())), ("p", "x")):
        with pytest.raises(NotFoundError):
            catalogue.runs.get(project, run_id)


def test_a_run_of_an_unknown_analysis_or_version_is_refused(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    with pytest.raises(NotFoundError, match="Analysis"):
        catalogue.runs.insert(new_run(analysis, analysis_id=uuid4()))
    with pytest.raises(NotFoundError, match="Analysis"):
        catalogue.runs.insert(new_run(analysis, project="another"))
    with pytest.raises(NotFoundError, match="no version 9"):
        catalogue.runs.insert(new_run(analysis, analysis_version=9))
    with pytest.raises(NotFoundError, match="no version 9"):
        catalogue.runs.start(run_start(analysis, analysis_version=9))


def test_parameters_that_cannot_be_stored_are_refused(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    with pytest.raises(ValidationFailedError, match="parameters"):
        catalogue.runs.insert(new_run(analysis, parameters={"x": "\0"}))
    with pytest.raises(ValidationFailedError, match="parameters"):
        catalogue.runs.insert(new_run(analysis, parameters={"x": float("nan")}))


def test_the_same_key_and_request_give_the_first_run(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    first, _ = catalogue.runs.insert(new_run(analysis, idempotency_key="k"))

    again, created = catalogue.runs.insert(new_run(analysis, idempotency_key="k"))

    assert not created
    assert again == first


def test_what_was_given_decides_not_what_it_resolved_to(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    given = {"day": "yesterday"}
    first, _ = catalogue.runs.insert(
        new_run(analysis, parameters={"day": "2026-11-20"}, given=given, idempotency_key="k")
    )
    newer = catalogue.analyses.add_version(analysis.project, analysis.name, new_version())

    again, created = catalogue.runs.insert(
        new_run(newer, parameters={"day": "2026-11-21"}, given=given, idempotency_key="k")
    )

    assert (again.id, created) == (first.id, False)


def test_the_same_key_for_another_request_is_a_conflict(
    catalogue: Catalogue, analysis: VersionRecord, project: str
) -> None:
    catalogue.runs.insert(new_run(analysis, idempotency_key="k"))
    other = catalogue.analyses.create(NewAnalysis(project, "other", new_version()))

    with pytest.raises(ConflictError, match="'k' was used for another request"):
        catalogue.runs.insert(new_run(analysis, parameters={"a": 1}, idempotency_key="k"))
    with pytest.raises(ConflictError, match="'k' was used for another request"):
        catalogue.runs.insert(new_run(other, idempotency_key="k"))


def test_the_same_key_in_another_project_is_another_run(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.runs.insert(new_run(analysis, idempotency_key="k"))
    twin = catalogue.analyses.create(NewAnalysis(f"{analysis.project}_b", "twin", new_version()))

    assert catalogue.runs.insert(new_run(twin, idempotency_key="k"))[1]


def test_the_same_key_at_the_same_moment_makes_one_run(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    with ThreadPoolExecutor(8) as pool:
        requests = [new_run(analysis, idempotency_key="race") for _ in range(24)]
        outcomes = list(pool.map(catalogue.runs.insert, requests))

    assert len({run.id for run, _ in outcomes}) == 1
    assert sum(created for _, created in outcomes) == 1
    assert len(catalogue.runs.list(analysis.project)) == 1


def test_a_run_id_belongs_to_one_request(catalogue: Catalogue, analysis: VersionRecord) -> None:
    new = new_run(analysis)
    first, _ = catalogue.runs.insert(new)

    assert catalogue.runs.insert(new) == (first, True)
    with pytest.raises(ConflictError, match="in use"):
        catalogue.runs.insert(new_run(analysis, run_id=new.run_id, parameters={"other": 1}))


def test_a_started_run_is_running(
    catalogue: Catalogue, analysis: VersionRecord, run: RunRecord
) -> None:
    started = catalogue.runs.start(run_start(analysis, run_id=str(run.id), parameters={"a": 1}))

    assert (started.status, started.parameters) == ("running", {"a": 1})
    assert started.started_at is not None
    assert (started.trigger_type, started.created_at) == (run.trigger_type, run.created_at)


def test_a_run_that_nobody_recorded_is_recorded_by_its_start(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    start = run_start(analysis, trigger_type="backfill", executed_by="dagster")

    started = catalogue.runs.start(start)

    assert (str(started.id), started.status) == (start.run_id, "running")
    assert (started.trigger_type, started.executed_by) == ("backfill", "dagster")


def test_another_attempt_keeps_the_first_start(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    start = run_start(analysis)
    first = catalogue.runs.start(start)

    second = catalogue.runs.start(run_start(analysis, run_id=start.run_id, attempt=2))

    assert (second.started_at, second.attempt) == (first.started_at, 2)


def test_a_run_that_ended_does_not_start(
    catalogue: Catalogue, analysis: VersionRecord, run: RunRecord
) -> None:
    catalogue.runs.finish(_finish(run, "cancelled", error="stopped while it waited"))

    started = catalogue.runs.start(run_start(analysis, run_id=str(run.id)))

    assert (started.status, started.is_final, started.started_at) == ("cancelled", True, None)


def test_a_finish_records_everything_at_once(catalogue: Catalogue, analysis: VersionRecord) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * *"))
    run = catalogue.runs.start(run_start(analysis, trigger_type="scheduled"))
    catalogue.metadata.set(analysis.project, analysis.analysis_id, "last_id", 7)

    first = catalogue.runs.finish(
        _finish(
            run,
            result_path="2026/11/21/x.json.zst",
            result_size_bytes=1234,
            result_preview={"rows": [1]},
            skipped=True,
            usage={"peak_memory_bytes": 1},
            execution_time_ms=17,
            log=[_line("done")],
        )
    )

    assert first
    ended = catalogue.runs.get(run.project, str(run.id))
    assert (ended.status, ended.is_final, ended.skipped) == ("completed", True, True)
    assert (ended.result_path, ended.result_size_bytes) == ("2026/11/21/x.json.zst", 1234)
    assert (ended.result_preview, ended.usage) == ({"rows": [1]}, {"peak_memory_bytes": 1})
    assert (ended.metadata, ended.execution_time_ms) == ({"last_id": 7}, 17)
    assert [line.message for line in catalogue.runs.logs(str(run.id))] == ["done"]
    record = catalogue.analyses.get(run.project, analysis.name)
    assert record.last_run == ended.completed_at
    schedule = catalogue.schedules.get(analysis.analysis_id)
    assert schedule is not None
    assert (schedule.last_run_id, schedule.last_status) == (run.id, "completed")
    assert schedule.last_run_at == ended.started_at


def test_only_the_first_finish_counts(catalogue: Catalogue, run: RunRecord) -> None:
    assert catalogue.runs.finish(_finish(run, "crashed", error="worker died", log=[_line("a")]))
    assert not catalogue.runs.finish(_finish(run, result_path="x", log=[_line("b")]))

    ended = catalogue.runs.get(run.project, str(run.id))
    assert (ended.status, ended.error, ended.result_path) == ("crashed", "worker died", None)
    assert [line.message for line in catalogue.runs.logs(str(run.id))] == ["a"]


def test_of_finishes_at_the_same_moment_one_counts(catalogue: Catalogue, run: RunRecord) -> None:
    statuses: tuple[FinalStatus, ...] = ("completed", "failed", "cancelled", "crashed")

    def finish(status: FinalStatus) -> FinalStatus | None:
        return status if catalogue.runs.finish(_finish(run, status)) else None

    with ThreadPoolExecutor(8) as pool:
        won = [status for status in pool.map(finish, statuses * 4) if status]

    assert [catalogue.runs.get(run.project, str(run.id)).status] == won


def test_finishing_an_unknown_run_changes_nothing(catalogue: Catalogue) -> None:
    assert not catalogue.runs.finish(RunFinish(run_id=str(uuid4()), status="failed"))


def test_an_ended_run_cannot_be_given_another_status(
    catalogue: Catalogue, run: RunRecord, plain_url: str
) -> None:
    catalogue.runs.finish(_finish(run))

    with (
        psycopg.connect(plain_url) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute("UPDATE analysis_runs SET status = 'failed' WHERE id = %s", [run.id])


def test_failures_of_scheduled_runs_are_counted(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * *"))
    counts: list[int] = []
    for status in ("failed", "crashed", "cancelled", "completed", "failed"):
        run = catalogue.runs.start(run_start(analysis, trigger_type="scheduled"))
        catalogue.runs.finish(RunFinish(run_id=str(run.id), status=status))
        schedule = catalogue.schedules.get(analysis.analysis_id)
        assert schedule is not None
        counts.append(schedule.consecutive_failures)
    manual = catalogue.runs.start(run_start(analysis))
    catalogue.runs.finish(_finish(manual, "failed"))

    schedule = catalogue.schedules.get(analysis.analysis_id)
    assert schedule is not None
    assert counts == [1, 2, 2, 0, 1]
    assert (schedule.consecutive_failures, schedule.last_run_id == manual.id) == (1, False)


def test_the_time_is_taken_from_the_start_when_nobody_measured_it(
    catalogue: Catalogue, analysis: VersionRecord, run: RunRecord
) -> None:
    started = catalogue.runs.start(run_start(analysis))
    catalogue.runs.finish(_finish(started))
    catalogue.runs.finish(_finish(run, "cancelled"))

    measured = catalogue.runs.get(run.project, str(started.id)).execution_time_ms
    assert measured is not None
    assert measured >= 0
    assert catalogue.runs.get(run.project, str(run.id)).execution_time_ms is None


def test_a_large_metadata_snapshot_says_what_it_leaves_out(
    catalogue: Catalogue, analysis: VersionRecord, run: RunRecord
) -> None:
    for number in range(6):
        value = "x" * 200_000
        catalogue.metadata.set(analysis.project, analysis.analysis_id, f"key_{number}", value)

    catalogue.runs.finish(_finish(run))

    snapshot = catalogue.runs.get(run.project, str(run.id)).metadata
    assert snapshot is not None
    assert set(snapshot) == {"key_1", "key_2", "key_3", "key_4", "key_5", "(left out)"}
    assert snapshot["(left out)"] == "1 older entries"


def test_reports_are_stored_with_replacements_rather_than_lost(
    catalogue: Catalogue, run: RunRecord
) -> None:
    catalogue.runs.finish(
        _finish(
            run,
            "failed",
            error="bad \0 text \ud800",
            error_detail={"stack": "at \0", "ratio": float("nan")},
            log=[_line("nul \0 here")],
        )
    )

    ended = catalogue.runs.get(run.project, str(run.id))
    assert ended.error == "bad \ufffd text \ufffd"
    assert ended.error_detail == {"stack": "at \ufffd", "ratio": None}
    assert catalogue.runs.logs(str(run.id))[0].message == "nul \ufffd here"


def test_a_log_keeps_its_order_and_can_be_followed(catalogue: Catalogue, run: RunRecord) -> None:
    run_id = str(run.id)
    catalogue.runs.append_log(run_id, [_line("one"), _line("two", "warning")])
    catalogue.runs.append_log(run_id, [])
    before = catalogue.runs.logs(run_id)
    catalogue.runs.append_log(run_id, [_line("three")])

    assert [(line.level, line.message) for line in catalogue.runs.logs(run_id)] == [
        ("info", "one"),
        ("warning", "two"),
        ("info", "three"),
    ]
    assert before[0].logged_at == _line("").logged_at
    after = catalogue.runs.logs(run_id, after=before[-1].number)
    assert [line.message for line in after] == ["three"]


def test_unfinished_runs_are_found_in_all_projects(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    waiting, _ = catalogue.runs.insert(new_run(analysis))
    running = catalogue.runs.start(run_start(analysis))
    ended = catalogue.runs.start(run_start(analysis))
    catalogue.runs.finish(_finish(ended))

    mine = [run for run in catalogue.runs.unfinished() if run.project == analysis.project]

    assert [run.id for run in mine] == [waiting.id, running.id]


def test_runs_are_listed_newest_first_and_by_kind(
    catalogue: Catalogue, analysis: VersionRecord, project: str
) -> None:
    other = catalogue.analyses.create(NewAnalysis(project, "other", new_version()))
    first = catalogue.runs.start(run_start(analysis))
    second = catalogue.runs.start(run_start(analysis, trigger_type="scheduled"))
    third = catalogue.runs.start(run_start(other))
    catalogue.runs.finish(_finish(third, "failed"))

    def listed(*arguments: Any, **values: Any) -> list[UUID]:
        return [run.id for run in catalogue.runs.list(project, *arguments, **values)]

    assert listed() == [third.id, second.id, first.id]
    assert listed(limit=2) == [third.id, second.id]
    assert listed("monthly_report") == [second.id, first.id]
    assert listed(str(other.analysis_id)) == [third.id]
    assert listed(status="failed") == [third.id]
    assert listed("monthly_report", trigger_type="scheduled") == [second.id]
    assert listed("nothing") == []


def test_a_run_knows_the_runs_it_started(catalogue: Catalogue, analysis: VersionRecord) -> None:
    parent = catalogue.runs.start(run_start(analysis))
    children = [
        catalogue.runs.start(
            run_start(analysis, trigger_type="analysis", parent_run_id=str(parent.id))
        )
        for _ in range(2)
    ]

    found = catalogue.runs.children(analysis.project, str(parent.id))

    assert [run.id for run in found] == [run.id for run in children]
    assert found[0].parent_run_id == parent.id


def test_progress_is_kept_until_the_run_ends(catalogue: Catalogue, run: RunRecord) -> None:
    assert catalogue.runs.report_progress(str(run.id), 0.25, "reading")
    assert catalogue.runs.report_progress(str(run.id), 0.5)
    assert catalogue.runs.get(run.project, str(run.id)).progress == {
        "fraction": 0.5,
        "message": None,
    }

    catalogue.runs.finish(_finish(run))

    assert not catalogue.runs.report_progress(str(run.id), 0.9, "too late")
    ended = catalogue.runs.get(run.project, str(run.id))
    assert ended.progress == {"fraction": 0.5, "message": None}
    with pytest.raises(NotFoundError):
        catalogue.runs.report_progress("x", 0.5)


def test_another_attempt_begins_without_progress_and_with_its_own_limits(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    first = run_start(analysis, limits={"memory_mb": 256})
    catalogue.runs.start(first)
    catalogue.runs.report_progress(first.run_id, 0.75, "nearly")

    again = catalogue.runs.start(
        run_start(analysis, run_id=first.run_id, attempt=2, limits={"memory_mb": 128})
    )

    assert (again.progress, again.limits) == (None, {"memory_mb": 128})


def test_display_hints_and_the_usage_of_a_failure_are_kept(
    catalogue: Catalogue, run: RunRecord, analysis: VersionRecord
) -> None:
    display: dict[str, Any] = {"tables": [{"key": "rows"}], "charts": []}
    catalogue.runs.finish(_finish(run, display=display))
    failed = catalogue.runs.insert(new_run(analysis))[0]
    catalogue.runs.finish(_finish(failed, "failed", error="x", usage={"cpu_ms": 3.5}))

    assert catalogue.runs.get(run.project, str(run.id)).display == display
    assert catalogue.runs.get(run.project, str(failed.id)).usage == {"cpu_ms": 3.5}
