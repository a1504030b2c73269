"""One run of a job in this process, with Dagster's real storage."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.orchestration.config import run_config
from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.values import JSONObject, JSONValue
from tests.orchestration.installation import Journal, Versions

pytestmark = pytest.mark.usefixtures("settings")

Result = dg.ExecuteInProcessResult


def run(
    instance: dg.DagsterInstance,
    version: VersionRecord,
    parameters: JSONObject | None = None,
    tags: Mapping[str, str] | None = None,
) -> Result:
    job = build_job(version)
    return job.execute_in_process(
        run_config=run_config(job.name, parameters or {}),
        instance=instance,
        tags=tags,
        raise_on_error=False,
    )


def failure(result: Result) -> tuple[str | None, dict[str, Any]]:
    """Return what a failed step shows: description and metadata."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return data.description, {name: value.value for name, value in data.metadata.items()}


def log_lines(instance: dg.DagsterInstance, run_id: str) -> list[tuple[int, str]]:
    return [
        (int(entry.level), str(entry.user_message))
        for entry in instance.all_logs(run_id)
        if not entry.is_dagster_event
    ]


def test_a_run_passes_on_its_version_parameters_and_origin(
    instance: dg.DagsterInstance, versions: Versions, journal: Journal
) -> None:
    version = versions.save("passes_on", project="sales")

    result = run(instance, version, {"month": "today", "n": 1})

    (began,) = journal.read("began", run=result.run_id)
    assert result.success
    assert began["parameters"] == {"month": "today", "n": 1}
    assert (began["version"], began["project"], began["attempt"]) == (1, "sales", 1)
    assert (began["trigger"], began["executed_by"]) == ("manual", "dagster")


def test_a_run_executes_the_version_in_its_tag_whatever_job_it_was_started_with(
    instance: dg.DagsterInstance, versions: Versions, journal: Journal
) -> None:
    versions.save("moved_on")
    newer = versions.save("moved_on")

    result = run(instance, newer, tags={"analysis_sandbox/version": "1"})

    assert journal.read("began", run=result.run_id)[0]["version"] == 1


@pytest.mark.parametrize(
    ("tags", "trigger"),
    [
        ({"analysis_sandbox/trigger": "mcp"}, "mcp"),
        ({"analysis_sandbox/trigger": "nonsense"}, "manual"),
        ({"dagster/backfill": "b1"}, "backfill"),
        ({"dagster/retry_number": "1"}, "retry"),
    ],
)
def test_a_run_knows_what_started_it(
    instance: dg.DagsterInstance,
    versions: Versions,
    journal: Journal,
    tags: dict[str, str],
    trigger: str,
) -> None:
    result = run(instance, versions.save("started_by"), tags=tags)

    assert journal.read("began", run=result.run_id)[0]["trigger"] == trigger


def test_the_output_shows_result_preview_and_usage(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    rows: list[JSONValue] = [{"city": "Berlin", "n": 1, "tags": ["a"]}, {"city": None, "n": 2.5}]

    result = run(instance, versions.save("shows", {"result": rows}))

    (event,) = [event for event in result.all_events if event.is_successful_output]
    shown = event.step_output_data.metadata
    assert shown["status"].value == "completed"
    assert shown["result"].value == f"2026/01/01/{result.run_id}.json.zst"
    assert isinstance(shown["preview"], dg.TableMetadataValue)
    assert [record.data for record in shown["preview"].records] == [
        {"city": "Berlin", "n": 1, "tags": "['a']"},
        {"city": "", "n": 2.5, "tags": ""},
    ]
    assert shown["peak_memory_bytes"].value == 1024
    assert shown["host_calls"].value == 3
    assert shown["sandbox_layers"].value == {"seccomp": "ok"}
    assert shown["execution_time_ms"].value == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [({"a": [1]}, {"a": [1]}), (["x"], ["x"]), (7, {"value": 7}), ("x", {"value": "x"})],
)
def test_a_result_that_is_no_table_is_shown_as_json(
    instance: dg.DagsterInstance, versions: Versions, value: Any, shown: Any
) -> None:
    result = run(instance, versions.save("no_table", {"result": value}))

    (event,) = [event for event in result.all_events if event.is_successful_output]
    assert event.step_output_data.metadata["preview"].value == shown


def test_tables_and_charts_are_shown_as_the_script_wants_them(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    columns: list[JSONValue] = [
        {"name": "city", "label": "City"},
        {"name": "share", "format": "percent"},
        {"name": "revenue", "format": "currency", "currency": "EUR"},
        {"name": "n", "format": "integer"},
    ]
    result: JSONValue = {
        "report": {
            "rows": [
                {"city": "Graz", "share": 0.125, "revenue": 1234.5, "n": 2.4, "hidden": 1},
                {"city": None, "share": None, "revenue": 3, "n": 7},
                "… 98 more rows",
            ]
        }
    }
    chart: JSONObject = {"type": "bar", "data": "report.rows", "x": "city", "y": ["revenue"]}
    tables: list[JSONValue] = [{"key": "report.rows", "title": "Cities", "columns": columns}]
    display: JSONObject = {"tables": tables, "charts": [chart]}

    ended = run(instance, versions.save("displays", {"result": result, "display": display}))

    (event,) = [event for event in ended.all_events if event.is_successful_output]
    shown = event.step_output_data.metadata
    cities = shown["table: Cities"]
    assert isinstance(cities, dg.TableMetadataValue)
    assert [column.name for column in cities.schema.columns] == ["City", "share", "revenue", "n"]
    assert [record.data for record in cities.records] == [
        {"City": "Graz", "share": "12.5 %", "revenue": "1,234.50 EUR", "n": 2},
        {"City": "", "share": "", "revenue": "3.00 EUR", "n": 7},
    ]
    assert shown["rows left out: Cities"].value == "98 more rows: the result has them all"
    assert shown["chart: report.rows"].value == chart


def test_a_scheduled_run_knows_its_tick(
    instance: dg.DagsterInstance, versions: Versions, journal: Journal
) -> None:
    tick = "2026-01-01T06:00:00+01:00"

    result = run(instance, versions.save("ticks"), tags={"analysis_sandbox/scheduled_time": tick})

    assert journal.read("began", run=result.run_id)[0]["scheduled_time"] == tick


def test_a_skipped_run_is_shown_as_skipped(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    result = run(instance, versions.save("skips", {"result": {"skipped": True}}))

    (event,) = [event for event in result.all_events if event.is_successful_output]
    assert event.step_output_data.metadata["status"].value == "skipped"


def test_a_script_error_fails_the_run_with_code_place_and_stack(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    result = run(instance, versions.save("throws", {"error": "ScriptError"}))

    assert not result.success
    description, metadata = failure(result)
    assert description == "boom"
    assert metadata["code"] == "SCRIPT_ERROR"
    assert (metadata["line"], metadata["column"]) == (3, 7)
    assert "at run (a.js:3:7)" in metadata["stack"]


def test_a_failure_names_the_next_step(instance: dg.DagsterInstance, versions: Versions) -> None:
    result = run(instance, versions.save("hints", {"error": "UnavailableError"}))

    assert failure(result)[1]["hint"] == "Try later."


def test_an_error_nobody_foresaw_shows_its_run_and_nothing_of_itself(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    result = run(instance, versions.save("bugs", {"bug": True}))

    everything = " ".join(str(entry) for entry in instance.all_logs(result.run_id))
    assert failure(result)[0] == f"internal error {result.run_id}"
    assert "hunter2" not in everything


def test_a_scheduled_run_is_retried_after_a_transient_error(
    instance: dg.DagsterInstance,
    versions: Versions,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("analysis_sandbox.orchestration.failures._RETRY_DELAY_SECONDS", 0.01)
    schedule: JSONObject = {"cron": "0 6 * * *", "retry_on_failure": True, "max_retries": 3}
    version = versions.save(
        "recovers",
        {"error": "UnavailableError", "until_attempt": 2},
        metadata={"schedule": schedule},
    )

    result = run(instance, version, tags={"analysis_sandbox/trigger": "scheduled"})

    assert result.success
    attempts = [entry["attempt"] for entry in journal.read("began", run=result.run_id)]
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize(
    ("error", "trigger", "retry_on_failure"),
    [
        ("ScriptError", "scheduled", True),
        ("UnavailableError", "api", True),
        ("UnavailableError", "scheduled", False),
    ],
)
def test_nothing_else_is_retried(
    instance: dg.DagsterInstance,
    versions: Versions,
    journal: Journal,
    error: str,
    trigger: str,
    retry_on_failure: bool,
) -> None:
    schedule: JSONObject = {"cron": "0 6 * * *", "retry_on_failure": retry_on_failure}
    version = versions.save("not_retried", {"error": error}, metadata={"schedule": schedule})

    result = run(instance, version, tags={"analysis_sandbox/trigger": trigger})

    assert not result.success
    assert len(journal.read("began", run=result.run_id)) == 1


def test_script_log_lines_reach_the_runs_log_in_order_with_their_levels(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    lines: list[JSONValue] = [
        [("debug", "info", "warning", "error")[n % 4], f"line {n}"] for n in range(500)
    ]

    result = run(instance, versions.save("logs", {"log": lines}))

    assert log_lines(instance, result.run_id) == [
        ((10, 20, 30, 40)[n % 4], f"line {n}") for n in range(500)
    ]


def test_a_failed_run_keeps_what_its_script_said(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    plan: JSONObject = {"log": [["info", "so far so good"]], "error": "ScriptError"}

    result = run(instance, versions.save("logs_and_fails", plan))

    assert log_lines(instance, result.run_id) == [(20, "so far so good")]


def test_lines_beyond_the_bound_are_counted_in_a_note(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    lines: list[JSONValue] = [["info", f"line {n}"] for n in range(10_007)]

    result = run(instance, versions.save("chatters", {"log": lines}))

    shown = log_lines(instance, result.run_id)
    assert len(shown) == 10_001
    assert shown[-1] == (
        30,
        "7 more log lines are not shown here: a run's log in Dagster holds at most 10000",
    )


def test_a_very_long_line_is_cut_with_a_note(
    instance: dg.DagsterInstance, versions: Versions
) -> None:
    plan: JSONObject = {"log": [["info", "x" * 10_005]]}

    result = run(instance, versions.save("long_line", plan))

    ((_, line),) = log_lines(instance, result.run_id)
    assert line.endswith("… (5 more characters)")
