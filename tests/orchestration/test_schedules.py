"""What a schedule does at its tick, and how it is switched."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.orchestration.origins import repository_origin
from analysis_sandbox.orchestration.schedules import build_schedule
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.installation import Journal, Versions
from tests.orchestration.runs import Runs
from tests.orchestration.test_config import stored


def evaluated(version: VersionRecord, at: datetime) -> Any:
    """Return what the schedule of a version does at a time."""
    schedule = build_schedule(version)
    assert schedule is not None
    repository = dg.Definitions(jobs=[build_job(version)], schedules=[schedule])
    context = dg.build_schedule_context(
        scheduled_execution_time=at, repository_def=repository.get_repository_def()
    )
    return schedule.evaluate_tick(context)


def tick(metadata: JSONObject, at: datetime) -> dg.RunRequest:
    """Return what the schedule of a script with this metadata asks for at a time."""
    requests = evaluated(stored(metadata), at).run_requests
    assert requests is not None
    (request,) = requests
    return request


def config(request: dg.RunRequest) -> Any:
    return config_of(request, "report")


def config_of(request: dg.RunRequest, name: str) -> Any:
    return request.run_config["ops"][f"run_{name}"]["config"]


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
    assert request.tags["analysis_sandbox/scheduled_time"] == "2026-01-01T06:00:00+00:00"


ASKING: JSONObject = {
    "schedule": {"cron": "0 6 * * *", "timezone": "Europe/Vienna", "has_should_run": True},
    "parameters": {"day": {"type": "date", "default": "today"}},
}
SIX = datetime(2026, 1, 1, 5, tzinfo=UTC)


def test_the_script_decides_whether_a_tick_runs(
    settings: Settings, versions: Versions, journal: Journal
) -> None:
    willing = versions.save("willing", {"should_run": True}, metadata=ASKING)
    idle = versions.save("idle", {"should_run": False}, metadata=ASKING)

    (request,) = evaluated(willing, SIX).run_requests
    skipped = evaluated(idle, SIX)

    assert config_of(request, "willing") == {"day": "2026-01-01"}
    assert skipped.run_requests == []
    assert skipped.skip_message == "shouldRun of idle says that there is nothing to do"
    (asked,) = journal.read("asked", name="idle")
    assert asked["parameters"] == {"day": "2026-01-01"}
    assert asked["scheduled_time"] == "2026-01-01T06:00:00+01:00"


@pytest.mark.parametrize("error", ["ScriptError", "TimeLimitError"])
def test_a_script_that_cannot_decide_fails_the_tick_with_the_reason(
    settings: Settings, versions: Versions, error: str
) -> None:
    version = versions.save("undecided", {"refusal": error}, metadata=ASKING)

    with pytest.raises(Exception, match=r"shouldRun of undecided .*boom \(line 3\)"):
        evaluated(version, SIX)


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
