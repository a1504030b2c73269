"""Whole scripts as people write them are inspected without false errors."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import ConfigurationError, CrashError
from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall, Usage
from analysis_sandbox.script.definition import Definition
from analysis_sandbox.script.inspection import inspect_script
from tests.script.conftest import Inspect

HERE = Path(__file__).parent / "scripts"
SHIPPED = Path(__file__).parents[2] / "examples"
ANALYSES = sorted((HERE / "analyses").iterdir())
FRAGMENTS = sorted((HERE / "fragments").iterdir())
ENTRIES = {
    *("dynamic_select_options.js", "large_result_reference.js", "parameter_defaults.js"),
    *("point_in_time.js", "static_parameters.js", "transaction.js"),
}
# Lists of calls with `params?` for an optional argument: no JavaScript.
SIGNATURES = {"ctx_core.js", "object_storage.js", "rest.js", "sql_datasources.js"}


@pytest.mark.parametrize("path", ANALYSES, ids=lambda path: path.name)
def test_whole_analyses_are_valid(inspect: Inspect, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    found = inspect(source, filename=path.name)
    assert found.errors == []
    assert found.compiled == source
    assert found.definition is not None
    assert Definition.from_metadata(found.metadata) == found.definition


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.js")), ids=lambda path: path.name)
def test_shipped_examples_are_valid_and_without_warnings(inspect: Inspect, path: Path) -> None:
    found = inspect(path.read_text(encoding="utf-8"), filename=path.name)
    assert (found.errors, found.warnings) == ([], [])


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_fragments_are_valid_where_they_are_javascript(inspect: Inspect, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    source = f'export default {{ title: "x", async run(ctx, params) {{\n{text}\n}} }}'
    if path.name in ENTRIES:
        run = "" if "run:" in text else ", run() {}"
        source = f'export default {{ title: "x", {text} {run} }}'
    errors = inspect(source).errors
    if path.name in SIGNATURES | {"schedule_examples.js"}:
        assert errors
        assert all(error.startswith("Syntax error at line ") for error in errors)
    else:
        assert errors == []


def test_each_schedule_of_the_examples_is_valid(inspect: Inspect) -> None:
    text = (HERE / "fragments" / "schedule_examples.js").read_text(encoding="utf-8")
    schedules = [f"schedule: {{{part}" for part in text.split("schedule: {")[1:]]
    assert len(schedules) == 5
    for schedule in schedules:
        assert inspect(f'export default {{ title: "x", run() {{}}, {schedule} }}').errors == []


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(ANALYSES),
    place=st.floats(0, 1),
    cut=st.integers(0, 40),
    inserted=st.one_of(
        st.text(st.characters(), max_size=4),
        st.sampled_from(
            [*"(){}[]`'\"/;,:?=", "${", "=>", "eval(", "import(", "async ", "...", "\\"]
        ),
    ),
)
def test_a_damaged_script_is_either_valid_or_has_errors(
    inspect: Inspect, path: Path, place: float, cut: int, inserted: str
) -> None:
    source = path.read_text(encoding="utf-8")
    start = int(place * len(source))
    found = inspect(source[:start] + inserted + source[start + cut :], filename=path.name)
    assert bool(found.errors) == (found.compiled is None)
    assert found.is_valid == (not found.errors)
    if found.is_valid:
        assert Definition.from_metadata(found.metadata) == found.definition


def test_a_report_is_read_as_a_whole(inspect: Inspect) -> None:
    path = HERE / "analyses" / "intro_monthly_customer_report.js"
    found = inspect(path.read_text(encoding="utf-8"))
    assert found.warnings == []
    assert found.datasources == ["postgres_main", "clickhouse"]
    assert found.analyses == ["customer_metrics", "sales_summary"]
    assert found.metadata == {
        "title": "Monthly customer report",
        "dependencies": {
            "datasources": ["postgres_main", "clickhouse"],
            "analyses": ["customer_metrics", "sales_summary"],
        },
        "parameters": {
            "month": {"type": "date", "required": True, "default": "current_month"},
            "category": {
                "type": "select",
                "required": True,
                "default": "all",
                "has_dynamic_options": True,
            },
        },
        "schedule": {
            "cron": "0 2 * * *",
            "timezone": "UTC",
            "enabled": True,
            "retry_on_failure": False,
            "max_retries": 3,
            "has_should_run": False,
            "with_dependencies": False,
        },
    }


def test_a_sandbox_that_breaks_down_over_a_script_is_an_error_of_the_script() -> None:
    usage = Usage(peak_memory_bytes=0, cpu_ms=0, wall_ms=0, host_calls=0, bytes_in=0, bytes_out=0)

    def crash(_call: ScriptCall) -> CallOutcome:
        error = CrashError("The sandbox process was ended by SIGSEGV")
        return CallOutcome(value=None, error=error, usage=usage, layers={})

    found = inspect_script("export default {}", filename="x.js", evaluate=crash)
    assert found.errors == ["The script cannot be loaded: The sandbox process was ended by SIGSEGV"]


def test_a_sandbox_that_cannot_start_is_not_the_scripts_fault() -> None:
    def refuse(_call: ScriptCall) -> CallOutcome:
        raise ConfigurationError("seccomp is missing")

    with pytest.raises(ConfigurationError):
        inspect_script("export default {}", filename="x.js", evaluate=refuse)


def test_an_answer_that_no_sandbox_gives_is_no_crash() -> None:
    usage = Usage(peak_memory_bytes=0, cpu_ms=0, wall_ms=0, host_calls=0, bytes_in=0, bytes_out=0)

    def answer(_call: ScriptCall) -> CallOutcome:
        return CallOutcome(value="[" * 5000, error=None, usage=usage, layers={})

    found = inspect_script("export default {}", filename="x.js", evaluate=answer)
    assert found.errors[0].startswith("The default export cannot be read: ")
