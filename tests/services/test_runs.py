"""Runs: accepted once, seen as they stand, stopped, and settled when nobody reports their end."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.records import LogLine, NewRun
from analysis_sandbox.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.services.models import JobStatus
from analysis_sandbox.services.ports import Launch, RunState
from tests.services.conftest import Project

DECLARING = """export default {
  title: "Report",
  parameters: {
    month: { type: "number", required: true, min: 1, max: 12 },
    city: { type: "string", default: "Graz" },
  },
  run(ctx, params) { return params },
};"""
PLAIN = 'export default { title: "Plain", run() { return {} } };'


@pytest.fixture
def report(home: Project) -> str:
    return home.create(DECLARING)


@pytest.fixture
def job(home: Project, report: str) -> str:
    """A run that was accepted and has not begun."""
    return home.execute(report, {"month": 7})


def line(message: str) -> LogLine:
    return LogLine("info", message, datetime.now(UTC))


def complete(home: Project, job_id: str, result: str, **values: Any) -> str:
    """Have a run complete with this JSON text; returns the result's path."""
    stored = home.results.write(job_id, result, max_bytes=1 << 20, when=datetime.now(UTC))
    home.finish(
        job_id,
        result_path=stored.path,
        result_size_bytes=stored.size_bytes,
        result_preview=stored.preview,
        **values,
    )
    return stored.path


def test_parameters_are_resolved_before_the_run_is_launched(home: Project, report: str) -> None:
    job_id = home.execute(report, {"month": "7"}, trigger="mcp")

    launch = home.gateway.launches[job_id]
    assert launch.parameters == {"month": 7, "city": "Graz"} == home.run(job_id).parameters
    assert (launch.trigger, launch.executed_by) == ("mcp", "a_runner")
    assert (launch.version.name, launch.version.version) == (report, 1)


def test_the_row_is_there_before_the_orchestrator_is_asked(
    home: Project, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    launch = home.gateway.launch

    def watch(wanted: Launch) -> None:
        seen.append(home.run(wanted.run_id).status)
        launch(wanted)

    monkeypatch.setattr(home.gateway, "launch", watch)
    home.execute(report, {"month": 7})

    assert seen == ["pending"]


def test_wrong_parameters_are_named_and_leave_no_run(home: Project, report: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        home.execute(report, {"month": 13, "town": "Graz"})

    assert set(refused.value.fields) == {"month", "town"}
    assert home.rows() == []
    assert home.gateway.attempts == []


def test_a_missing_parameter_is_named(home: Project, report: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        home.execute(report)

    assert refused.value.fields == {"month": "is required"}


def test_an_unknown_analysis_is_not_found(home: Project) -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        home.execute("nothing")


def test_a_run_keeps_its_version_while_the_analysis_goes_on(
    home: Project, report: str, job: str
) -> None:
    home.analyses.update(home.manager, report, PLAIN)

    assert home.runs.status(home.viewer, job).analysis_version == 1
    later = home.runs.status(home.viewer, home.execute(report))
    assert (later.analysis_version, later.analysis_id) == (2, report)


def test_running_and_stopping_need_a_runner(home: Project, report: str, job: str) -> None:
    with pytest.raises(ForbiddenError, match="runner"):
        home.runs.execute(home.viewer, report, {"month": 7})
    with pytest.raises(ForbiddenError, match="runner"):
        home.runs.stop(home.viewer, job)

    assert [str(row.id) for row in home.rows()] == [job]
    assert home.runs.status(home.viewer, job).status == "pending"


def test_without_a_key_every_request_is_a_run(home: Project, report: str) -> None:
    assert home.execute(report, {"month": 7}) != home.execute(report, {"month": 7})


def test_the_same_key_is_the_same_job(home: Project, report: str) -> None:
    jobs = {home.execute(report, {"month": 7}, idempotency_key="monthly") for _ in range(3)}

    assert len(jobs) == len(home.rows()) == len(home.gateway.launches) == 1


def test_the_same_key_from_many_threads_is_one_run(home: Project, report: str) -> None:
    def execute(_: int) -> str:
        return home.execute(report, {"month": 7}, idempotency_key="monthly")

    with ThreadPoolExecutor(8) as threads:
        jobs = set(threads.map(execute, range(24)))

    assert jobs == set(home.gateway.launches) == {str(row.id) for row in home.rows()}
    assert len(jobs) == 1


def test_the_same_key_for_another_request_is_a_conflict(home: Project, report: str) -> None:
    home.execute(report, {"month": 7}, idempotency_key="monthly")

    with pytest.raises(ConflictError, match="monthly"):
        home.execute(report, {"month": 8}, idempotency_key="monthly")
    assert len(home.gateway.launches) == 1


def test_a_key_belongs_to_its_project(home: Project, report: str) -> None:
    job_id = home.execute(report, {"month": 7}, idempotency_key="monthly")
    home.analyses.create(home.stranger, DECLARING)

    other = home.runs.execute(home.stranger, report, {"month": 8}, idempotency_key="monthly")
    assert other.job_id != job_id


def test_while_the_orchestrator_is_away_the_run_stays_pending(home: Project, report: str) -> None:
    home.gateway.is_away = True

    with pytest.raises(UnavailableError):
        home.execute(report, {"month": 7})

    [row] = home.rows()
    assert row.status == "pending"


def test_a_key_repeated_after_an_outage_launches_the_recorded_run(
    home: Project, report: str
) -> None:
    home.gateway.is_away = True
    with pytest.raises(UnavailableError):
        home.execute(report, {"month": 7}, idempotency_key="monthly", trigger="mcp")
    home.gateway.is_away = False

    job_id = home.execute(report, {"month": 7}, idempotency_key="monthly")

    assert [row.id for row in home.rows()] == [home.run(job_id).id]
    assert home.gateway.attempts == [job_id, job_id]
    assert home.gateway.launches[job_id].trigger == home.run(job_id).trigger_type == "mcp"


def test_a_key_repeated_after_the_end_launches_nothing(home: Project, report: str) -> None:
    job_id = home.execute(report, {"month": 7}, idempotency_key="monthly")
    home.finish(job_id)

    assert home.execute(report, {"month": 7}, idempotency_key="monthly") == job_id
    assert home.gateway.attempts == [job_id]


def test_a_pending_job_says_what_was_asked(home: Project, report: str, job: str) -> None:
    status = home.runs.status(home.viewer, job)

    assert (status.status, status.job_id, status.analysis_id) == ("pending", job, report)
    assert (status.trigger_type, status.executed_by) == ("api", "a_runner")
    assert status.parameters == {"month": 7, "city": "Graz"}
    assert (status.result, status.error, status.error_detail) == (None, None, None)
    assert (status.started_at, status.completed_at) == (None, None)


def test_a_running_job_shows_its_log_so_far(home: Project, job: str) -> None:
    home.begin(job)
    home.catalogue.runs.append_log(job, [line("one"), line("two")])

    status = home.runs.status(home.viewer, job)

    assert (status.status, status.logs) == ("running", ["one", "two"])
    assert status.started_at is not None
    assert status.completed_at is None


def test_a_completed_job_has_its_result_and_log(home: Project, job: str) -> None:
    home.begin(job)
    complete(home, job, '{"total":3}', log=[line("done")])

    status = home.runs.status(home.viewer, job)

    assert (status.status, status.logs) == ("completed", ["done"])
    assert json.loads(status.result) == {"total": 3}
    assert status.result_size_bytes == 11
    assert status.result_preview == {"total": 3}
    assert status.completed_at is not None


def test_a_result_is_told_without_the_tags_of_storage(home: Project, job: str) -> None:
    complete(home, job, json.dumps({"key": {"\ue000bytes": "AQI="}}))

    assert json.loads(home.runs.status(home.viewer, job).result) == {"key": "AQI="}


def test_a_status_may_leave_the_result_out(home: Project, job: str) -> None:
    complete(home, job, '{"total":3}')

    status = home.runs.status(home.viewer, job, include_result=False)
    assert (status.status, status.result) == ("completed", None)


def test_a_failed_job_says_why_and_where(home: Project, job: str) -> None:
    home.begin(job)
    detail = {"code": "SCRIPT_ERROR", "line": 3, "column": None, "stack": "at run", "other": 1}
    home.finish(job, status="failed", error="boom", error_detail=detail)

    status = home.runs.status(home.viewer, job)

    assert (status.status, status.error, status.result) == ("failed", "boom", None)
    assert status.error_detail is not None
    assert (status.error_detail.code, status.error_detail.line) == ("SCRIPT_ERROR", 3)
    assert (status.error_detail.column, status.error_detail.stack) == (None, "at run")


def test_a_result_that_was_cleaned_up_is_an_error_with_a_way_on(home: Project, job: str) -> None:
    path = complete(home, job, "{}")
    (home.results_directory / path).unlink()

    status = home.runs.status(home.viewer, job)

    assert (status.status, status.result) == ("completed", None)
    assert path in (status.error or "")
    assert status.error_detail is not None
    assert status.error_detail.code == "NOT_FOUND"
    assert "run the analysis again" in (status.error_detail.hint or "")


@pytest.mark.parametrize("job_id", ["", "not-a-job", "../../etc/passwd", "1" * 31, "\0"])
def test_a_malformed_job_id_is_not_found(home: Project, job_id: str) -> None:
    for ask in (home.runs.status, home.runs.stop):
        with pytest.raises(NotFoundError):
            ask(home.runner, job_id)


def test_an_unknown_job_is_not_found(home: Project) -> None:
    with pytest.raises(NotFoundError):
        home.runs.status(home.viewer, str(uuid4()))


def test_a_job_of_another_project_is_not_found(home: Project, job: str) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: home.runs.status(home.stranger, job),
        lambda: home.runs.wait(home.stranger, job, timeout_seconds=0),
        lambda: home.runs.stop(home.stranger, job),
    ]
    for attempt in attempts:
        with pytest.raises(NotFoundError):
            attempt()
    assert home.gateway.states[job] == "pending"


def test_waiting_ends_with_the_run_and_reports_its_way(home: Project, job: str) -> None:
    seen: list[RunState] = []

    def on_progress(status: JobStatus) -> None:
        seen.append(status.status)
        if status.status == "pending":
            home.begin(job)
        else:
            complete(home, job, '{"total":3}')

    status = home.runs.wait(home.viewer, job, timeout_seconds=60, on_progress=on_progress)

    assert seen == ["pending", "running"]
    assert status.status == "completed"
    assert json.loads(status.result) == {"total": 3}


@pytest.mark.parametrize("timeout_seconds", [0, 0.05])
def test_waiting_ends_at_its_timeout_with_the_job_as_it_stands(
    home: Project, job: str, timeout_seconds: float
) -> None:
    home.begin(job)

    status = home.runs.wait(home.viewer, job, timeout_seconds=timeout_seconds)

    assert status.status == "running"


def test_waiting_for_an_ended_job_reports_no_progress(home: Project, job: str) -> None:
    home.finish(job)
    seen: list[JobStatus] = []

    status = home.runs.wait(home.viewer, job, timeout_seconds=60, on_progress=seen.append)

    assert (status.status, seen) == ("completed", [])


def test_a_stopped_pending_job_is_cancelled_at_once(home: Project, job: str) -> None:
    stopped = home.runs.stop(home.runner, job)

    assert (stopped.success, stopped.status, stopped.job_id) == (True, "cancelled", job)
    status = home.runs.status(home.viewer, job)
    assert status.error == "The job was stopped before it began"
    assert status.error_detail is not None
    assert status.error_detail.code == "CANCELLED"


def test_a_running_job_is_asked_to_stop(home: Project, job: str) -> None:
    home.begin(job)

    stopped = home.runs.stop(home.runner, job)

    assert (stopped.success, stopped.status) == (True, "running")
    assert stopped.message == "The job is being stopped"


def test_stopping_an_ended_job_says_that_it_had_ended(home: Project, job: str) -> None:
    home.finish(job)

    stopped = home.runs.stop(home.runner, job)

    assert (stopped.success, stopped.status) == (False, "completed")
    assert "already ended" in stopped.message


def test_a_job_id_in_another_spelling_stops_the_same_run(home: Project, job: str) -> None:
    stopped = home.runs.stop(home.runner, job.upper())

    assert (stopped.success, stopped.status, stopped.job_id) == (True, "cancelled", job)
    assert home.gateway.states[job] == "cancelled"


def test_a_job_that_never_reached_the_orchestrator_can_be_stopped(
    home: Project, report: str
) -> None:
    home.gateway.is_away = True
    with pytest.raises(UnavailableError):
        home.execute(report, {"month": 7}, idempotency_key="monthly")
    home.gateway.is_away = False
    [row] = home.rows()

    stopped = home.runs.stop(home.runner, str(row.id))

    assert (stopped.success, stopped.status) == (True, "cancelled")
    home.execute(report, {"month": 7}, idempotency_key="monthly")
    assert home.gateway.launches == {}


def test_a_run_inside_another_is_not_said_to_be_stopping(
    home: Project, report: str, job: str
) -> None:
    child, _ = home.catalogue.runs.insert(
        NewRun(
            run_id=str(uuid4()),
            project=home.name,
            analysis_id=home.analysis_uuid(report),
            analysis_version=1,
            parameters={"month": 7},
            trigger_type="analysis",
            parent_run_id=job,
        )
    )
    home.begin(str(child.id))
    del home.gateway.states[str(child.id)]

    stopped = home.runs.stop(home.runner, str(child.id))

    assert (stopped.success, stopped.status) == (False, "running")
    assert job in stopped.message


def test_while_the_orchestrator_is_away_a_job_can_not_be_stopped(home: Project, job: str) -> None:
    home.gateway.is_away = True

    with pytest.raises(UnavailableError):
        home.runs.stop(home.runner, job)
    assert home.run(job).status == "pending"


def test_a_run_that_was_never_submitted_is_settled_after_the_grace(home: Project, job: str) -> None:
    del home.gateway.states[job]
    home.runs.settle()
    assert home.run(job).status == "pending"

    home.make_old(job)
    assert home.runs.settle() >= 1

    status = home.runs.status(home.viewer, job)
    assert (status.status, status.error) == (
        "crashed",
        "The run was recorded but never submitted",
    )
    assert status.error_detail is not None
    assert status.error_detail.code == "CRASHED"


@pytest.mark.parametrize(
    ("state", "settled", "code"),
    [
        ("failed", "crashed", "CRASHED"),
        ("completed", "crashed", "CRASHED"),
        ("cancelled", "cancelled", "CANCELLED"),
    ],
)
def test_a_run_that_ended_without_a_word_is_settled(
    home: Project, job: str, state: RunState, settled: str, code: str
) -> None:
    home.begin(job)
    home.gateway.states[job] = state

    assert home.runs.settle() >= 1

    run = home.run(job)
    assert (run.status, run.error_detail) == (settled, {"code": code})
    assert run.completed_at is not None


@pytest.mark.parametrize("state", ["pending", "running"])
def test_a_run_that_goes_on_is_left_alone_however_old(
    home: Project, job: str, state: RunState
) -> None:
    home.make_old(job)
    home.gateway.states[job] = state

    home.runs.settle()

    assert home.run(job).status == "pending"


def test_settling_never_overwrites_what_the_worker_said(home: Project, job: str) -> None:
    complete(home, job, "{}")
    home.gateway.states[job] = "failed"

    home.runs.settle()

    assert home.run(job).status == "completed"


def test_nothing_is_settled_while_the_orchestrator_is_away(home: Project, job: str) -> None:
    home.make_old(job)
    home.gateway.is_away = True

    with pytest.raises(UnavailableError):
        home.runs.settle()
    assert home.run(job).status == "pending"
