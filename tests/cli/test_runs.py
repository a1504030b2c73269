"""Commands about runs."""

from pathlib import Path

import pytest

from analysis_sandbox.errors import UnavailableError
from tests.api.twin import SCRIPT, THROWING_SCRIPT, WAITING_SCRIPT, Installation
from tests.cli.conftest import Call


def test_run_waits_and_prints_the_result(call: Call, running: Installation) -> None:
    outcome = call("run", "monthly_report", "-p", "month=2024-01", "-p", "limit:=5")

    assert outcome.code == 0
    assert outcome.json == {"parameters": {"month": "2024-01", "limit": 5}}
    (job,) = running.runs.jobs.values()
    assert job.executed_by == "admin"


@pytest.mark.usefixtures("running")
def test_parameters_win_over_the_json_of_params(call: Call) -> None:
    outcome = call("run", "monthly_report", "--params", '{"a": 1, "b": 2}', "-p", "b=x")

    assert outcome.json["parameters"] == {"a": 1, "b": "x"}


@pytest.mark.usefixtures("running")
def test_a_value_may_hold_an_equals_sign(call: Call) -> None:
    outcome = call("run", "monthly_report", "-p", "where=a=b", "-p", 'list:=["x=y"]')

    assert outcome.json["parameters"] == {"where": "a=b", "list": ["x=y"]}


@pytest.mark.usefixtures("running")
def test_the_log_of_a_run_is_shown_apart_from_its_result(call: Call) -> None:
    outcome = call("run", "monthly_report")

    assert "started" in outcome.err
    assert "started" not in outcome.out


@pytest.mark.usefixtures("running")
def test_run_answers_with_the_whole_job_in_json(call: Call) -> None:
    outcome = call("run", "monthly_report", "--json")

    assert outcome.json["status"] == "completed"
    assert outcome.json["result"] == {"parameters": {}}


def test_run_does_not_wait_when_told_so(call: Call, running: Installation) -> None:
    running.store("endless", WAITING_SCRIPT)

    outcome = call("run", "endless", "--no-wait")

    (job_id,) = running.runs.jobs
    assert outcome.out == f"{job_id}\n"


def test_a_failed_run_exits_with_1_and_says_where(call: Call, running: Installation) -> None:
    running.store("broken", THROWING_SCRIPT)

    text = call("run", "broken")
    data = call("run", "broken", "--json")

    assert text.code == data.code == 1
    assert text.out == ""
    assert "error: failed: TypeError: x is not a function" in text.err
    assert "report.js:3:7" in text.err
    assert data.json["error_detail"]["line"] == 3


@pytest.mark.usefixtures("running")
def test_wrong_parameters_are_named(call: Call) -> None:
    outcome = call("run", "monthly_report", "-p", "limit=many")

    assert outcome.code == 1
    assert "limit: must be a number" in outcome.err


@pytest.mark.usefixtures("running")
def test_a_file_is_run_only_when_it_is_stored(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "report.js"
    path.write_text(SCRIPT, encoding="utf-8")

    refused = call("run", str(path))
    saved = call("run", str(path), "--save", "-p", "a=b")
    again = call("run", str(path), "--save")

    assert refused.code == 2
    assert "--save" in refused.err
    assert saved.code == 0
    assert "stored report version 1" in saved.out
    assert again.code == 1
    assert "analysis-sandbox update NAME FILE" in again.err


def test_a_saved_file_answers_in_one_json_value(
    call: Call, tmp_path: Path, running: Installation
) -> None:
    path = tmp_path / "report.js"
    path.write_text(SCRIPT, encoding="utf-8")

    assert call("run", str(path), "--save", "--json").json["analysis_id"] == "report"
    assert running.analyses.stored["report"].version == 1


def test_job_status_logs_and_result_of_a_completed_job(call: Call, running: Installation) -> None:
    call("run", "monthly_report")
    (job_id,) = running.runs.jobs

    status = call("job", "status", job_id)

    assert "completed" in status.out
    assert "monthly_report" in status.out
    assert call("job", "logs", job_id).out == "started\n"
    assert call("job", "logs", job_id, "--json").json == ["started"]
    assert call("job", "logs", job_id, "--follow").out == "started\n"
    assert call("job", "result", job_id).json == {"parameters": {}}


def test_a_job_without_a_result_says_why(call: Call, running: Installation) -> None:
    running.store("endless", WAITING_SCRIPT)
    running.store("broken", THROWING_SCRIPT)
    going_on = call("run", "endless", "--no-wait").out.strip()
    failed = call("run", "broken", "--no-wait").out.strip()

    waiting = call("job", "result", going_on)
    broken = call("job", "result", failed)

    assert waiting.code == broken.code == 1
    assert "it has no result yet" in waiting.err
    assert "TypeError" in broken.err


def test_a_job_is_stopped_once(call: Call, running: Installation) -> None:
    running.store("endless", WAITING_SCRIPT)
    job_id = call("run", "endless", "--no-wait").out.strip()

    first = call("job", "stop", job_id)
    second = call("job", "stop", job_id)

    assert (first.code, first.out) == (0, "Stopped\n")
    assert (second.code, second.out) == (1, "Had ended\n")


def test_the_log_is_followed_until_the_job_ends(
    call: Call, running: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.store("endless", WAITING_SCRIPT)
    job_id = call("run", "endless", "--no-wait").out.strip()
    pauses: list[float] = []

    def work(seconds: float) -> None:
        pauses.append(seconds)
        running.runs.log(job_id, f"step {len(pauses)}")
        if len(pauses) == 3:
            running.runs.finish(job_id, {})

    monkeypatch.setattr("analysis_sandbox.cli.runs.time.sleep", work)

    assert call("job", "logs", job_id, "-f").out == "started\nstep 1\nstep 2\nstep 3\n"
    assert pauses == sorted(pauses)


def test_a_server_that_goes_away_meanwhile_leaves_the_job_to_look_at(
    call: Call, running: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.store("endless", WAITING_SCRIPT)

    def restart(_: float) -> None:
        monkeypatch.setattr(running.runs, "status", away)

    def away(*_: object, **__: object) -> None:
        raise UnavailableError("The catalogue cannot be reached")

    monkeypatch.setattr("analysis_sandbox.cli.runs.time.sleep", restart)
    outcome = call("run", "endless")

    (job_id,) = running.runs.jobs
    assert outcome.code == 1
    assert f"analysis-sandbox job status {job_id}" in outcome.err


def test_ctrl_c_ends_the_wait_and_not_the_run(
    call: Call, running: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.store("endless", WAITING_SCRIPT)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis_sandbox.cli.runs.time.sleep", interrupt)
    outcome = call("run", "endless")

    (job_id,) = running.runs.jobs
    assert outcome.code == 130
    assert f"analysis-sandbox job stop {job_id}" in outcome.err
    assert running.runs.jobs[job_id].status == "running"
