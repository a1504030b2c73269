"""The commands about limits."""

import os
import pty
import subprocess
import sys

import pytest

from tests.api.twin import WAITING_SCRIPT, Installation
from tests.cli.conftest import Call


@pytest.mark.usefixtures("running")
def test_limits_are_shown_with_their_source(call: Call) -> None:
    call("limits", "set", "monthly_report", "memory_mb=512")

    text = call("limits", "show", "monthly_report")
    data = call("limits", "show", "monthly_report", "--json")

    assert text.code == data.code == 0
    (memory,) = [line.split() for line in text.out.splitlines() if line.startswith("memory_mb")]
    assert memory == ["memory_mb", "512", "stored", "2048"]
    assert data.json["stored"] == {"memory_mb": 512}


def test_limits_are_set_and_given_back(call: Call, running: Installation) -> None:
    assert call("limits", "set", "monthly_report", "memory_mb=64", "result_size_mb=0.5").code == 0
    assert call("limits", "set", "monthly_report", "memory_mb=").code == 0
    assert running.limits.stored == {"monthly_report": {"result_size_mb": 0.5}}

    assert call("limits", "reset", "monthly_report").code == 0

    assert running.limits.stored == {}


@pytest.mark.usefixtures("running")
def test_a_limit_above_the_maximum_is_an_error_with_both_figures(call: Call) -> None:
    outcome = call("limits", "set", "monthly_report", "timeout_ms=9999999")

    assert outcome.code == 1
    assert "timeout_ms is 9999999 ms; the maximum is 1800000 ms" in outcome.err


@pytest.mark.parametrize("change", ["memory_mb", "=5", "memory_mb=many"])
def test_what_is_no_change_is_a_usage_error(call: Call, change: str) -> None:
    outcome = call("limits", "set", "monthly_report", change)

    assert outcome.code == 2
    assert change in outcome.err


@pytest.mark.usefixtures("running")
def test_maximums_and_usage_are_shown(call: Call) -> None:
    maximums, usage = call("limits", "maximums"), call("limits", "usage")

    assert "1800000" in maximums.out
    assert "12.5 (25%)" in usage.out
    assert call("limits", "maximums", "--json").json["units"]["frame_mb"] == "MB"
    assert call("limits", "usage", "--json").json[0]["analysis_id"] == "monthly_report"


def test_a_terminal_shows_the_scripts_own_progress(running: Installation) -> None:
    running.store("endless", WAITING_SCRIPT)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "analysis_sandbox.cli.main", "run", "endless"]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**os.environ}) as process:
        os.close(theirs)
        seen = b""
        while b"40%" not in seen and (data := os.read(ours, 4096)):
            seen += data
            for job_id, job in list(running.runs.jobs.items()):
                if job.progress is None:
                    running.runs.progress(job_id, 0.4, "reading the cities")
        for job_id in running.runs.jobs:
            running.runs.finish(job_id, {"done": True})
        while b'"done": true' not in seen and (data := os.read(ours, 4096)):
            seen += data
        assert process.wait(30) == 0
    os.close(ours)
    assert b"reading the cities" in seen
