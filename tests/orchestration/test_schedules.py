"""What a schedule does at its tick, and how it is switched."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.orchestration.origins import repository_origin
from analysis_sandbox.orchestration.schedules import build_schedule
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.runs import Runs
from tests.orchestration.test_config import stored


def tick(metadata: JSONObject, at: datetime) -> dg.RunRequest:
    """Return what the schedule of a script with this metadata asks for at a time."""
    version = stored(metadata)
    schedule = build_schedule(version)
    assert schedule is not None
    repository = dg.Definitions(jobs=[build_job(version)], schedules=[schedule])
    context = dg.build_schedule_context(
        scheduled_execution_time=at, repository_def=repository.get_repository_def()
    )
    requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    (request,) = requests
    return request


def config(request: dg.RunRequest) -> Any:
    return request.run_config["ops"]["run_report"]["config"]


def test_a_script_without_a_schedule_has_none() -> None:
    assert build_schedule(stored()) is None


def test_defaults_are_resolved_in_the_schedules_zone_at_the_time_of_the_tick() -> None:
    """03:10 UTC is still the evening before in New York."""
    metadata: JSONObject = {
        "schedule": {"cron": "10 22 * * *", "timezone": "America/New_York"},
        "parameters": {
            "day": {"type": "date", "default": "yesterday"},
            "limit": {"type": "number", "default": 5},
            "note": {"type": "string"},
        },
    }
    at = datetime(2026, 11, 21, 3, 10, tzinfo=UTC)

    given = config(tick(metadata, at))

    assert given == {"day": "2026-11-19", "limit": 5}


def test_a_scheduled_run_says_that_it_is_one() -> None:
    request = tick({"schedule": {"cron": "0 6 * * *"}}, datetime(2026, 1, 1, 6, tzinfo=UTC))

    assert request.tags["analysis_sandbox/trigger"] == "scheduled"
    assert request.tags["analysis_sandbox/executed_by"] == "scheduler"


def test_a_parameter_without_a_value_fails_the_tick_with_its_name() -> None:
    metadata: JSONObject = {
        "schedule": {"cron": "0 6 * * *"},
        "parameters": {"customer": {"type": "string", "required": True}},
    }

    with pytest.raises(Exception, match="customer"):
        tick(metadata, datetime(2026, 1, 1, 6, tzinfo=UTC))


def test_a_schedule_that_dagster_refuses_leaves_the_job(caplog: pytest.LogCaptureFixture) -> None:
    version = stored({"schedule": {"cron": "0 0 30 2 *"}})

    assert build_schedule(version) is None
    assert build_job(version).name == "report"
    assert "cannot be loaded" in caplog.text


def started_at(runs: Runs, settings: Settings, schedule: str) -> float:
    origin = repository_origin(settings).get_instigator_origin(schedule)
    state = runs.instance.get_instigator_state(origin.get_id(), origin.get_selector().get_id())
    assert state is not None
    data: Any = state.instigator_data
    return data.start_timestamp


def test_switching_on_what_is_on_loses_no_tick(runs: Runs, settings: Settings) -> None:
    version = runs.versions.save("kept_on", metadata={"schedule": {"cron": "0 6 * * *"}})
    runs.gateway.switch_schedule(version, enabled=True)
    since = started_at(runs, settings, "kept_on_schedule")

    runs.gateway.switch_schedule(version, enabled=True)

    assert started_at(runs, settings, "kept_on_schedule") == since


def test_another_cron_expression_counts_from_now(runs: Runs, settings: Settings) -> None:
    """A tick of the new expression that lies in the past must not run."""
    version = runs.versions.save("recounted", metadata={"schedule": {"cron": "0 6 * * *"}})
    runs.gateway.switch_schedule(version, enabled=True)
    since = started_at(runs, settings, "recounted_schedule")
    later = runs.versions.save("recounted", metadata={"schedule": {"cron": "0 7 * * *"}})

    runs.gateway.switch_schedule(later, enabled=True)

    assert started_at(runs, settings, "recounted_schedule") > since


def test_a_version_without_its_schedule_is_switched_off(runs: Runs) -> None:
    version = runs.versions.save("unplanned", metadata={"schedule": {"cron": "0 6 * * *"}})
    runs.gateway.switch_schedule(version, enabled=True)
    later = runs.versions.save("unplanned")

    runs.gateway.switch_schedule(later, enabled=True)

    assert not runs.gateway.is_schedule_running(later)
