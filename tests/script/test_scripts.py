"""Whole scripts as people write them are inspected without false errors."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import ConfigurationError, CrashError
from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall, Usage
from analysis_sandbox.script.definition import Definition
from analysis_sandbox.script.inspection import Inspection, inspect_script
from tests.script.conftest import Inspect

HERE = Path(__file__).parent / "scripts"
SHIPPED = Path(__file__).parents[2] / "examples"
ANALYSES = sorted((HERE / "analyses").iterdir())
# What stands in the body of `run`, and what stands among the entries of the default export.
FRAGMENTS = sorted((HERE / "fragments").iterdir())
ENTRIES = sorted((HERE / "entries").iterdir())
BROKEN = sorted((HERE / "broken").iterdir())
UNTITLED = "title: is missing; the analysis is shown by its name"


@dataclass(frozen=True, slots=True)
class Expected:
    """What an inspection finds in one file."""

    datasources: list[str] = field(default_factory=list[str])
    analyses: list[str] = field(default_factory=list[str])
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    title: str | None = "x"
    cron: str | None = None
    is_declared: bool = False
    remarks: list[str] = field(default_factory=list[str])

    @property
    def warnings(self) -> list[str]:
        """The warnings that follow from what the file leaves out."""
        lists = {"datasources": self.datasources, "analyses": self.analyses}
        used = ", ".join(f"{kind}: {names}" for kind, names in lists.items() if names)
        inferred = f"dependencies: are not declared; taken from the code: {{ {used} }}"
        return [
            *self.remarks,
            *([UNTITLED] if self.title is None else []),
            *([inferred] if used and not self.is_declared else []),
        ]

    def assert_found(self, found: Inspection) -> None:
        """The inspection found this and nothing else."""
        assert found.errors == []
        assert found.warnings == self.warnings
        assert (found.datasources, found.analyses) == (self.datasources, self.analyses)
        definition = found.definition
        assert definition is not None
        assert Definition.from_metadata(found.metadata) == definition
        assert definition.title == self.title
        schedule, dependencies = definition.schedule, definition.dependencies
        assert (schedule.cron if schedule else None) == self.cron
        specs = definition.parameters or {}
        assert {name: spec.type for name, spec in specs.items()} == self.parameters
        uses = bool(self.datasources or self.analyses)
        assert (dependencies is not None) == (self.is_declared or uses)
        assert dependencies is None or dependencies.inferred != self.is_declared


WHOLE = {
    "branch_week.js": Expected(
        ["lib_loans", "door_counters"],
        ["overdue_items", "holds_waiting"],
        {"week_from": "date", "branch": "select"},
        title="A library branch's week",
        cron="45 5 * * 1",
        is_declared=True,
    ),
    "catalogue_rebuild.js": Expected(
        ["card_index"], title="Rebuild the catalogue", is_declared=True
    ),
    "depot_wall.js": Expected(
        ["depot_db", "scan_events", "camera_bucket", "belt_api", "ticket_graph"],
        title="Depot wall",
        cron="*/10 5-22 * * *",
        is_declared=True,
    ),
    "feeder_load.ts": Expected(["meter_archive"], title=None),
    "frost_watch.js": Expected(["weather_mast"], title=None, cron="20 */2 * * *"),
    "handheld_dumps.js": Expected(
        ["handheld_bucket", "depot_db"],
        parameters={"night": "string"},
        title="Intake of the handhelds' nightly dumps",
        is_declared=True,
    ),
    "invoice_run.js": Expected(analyses=["reading_import"], title="Invoice run"),
    "label_printing.js": Expected(["printer_api"], title="Print waiting labels", is_declared=True),
    "loans_against_footfall.js": Expected(
        ["lib_loans", "door_counters", "rota_sheet"], title="Loans against footfall"
    ),
    "outage_ledger.js": Expected(["scada_log"], title="Outages: from switch events to a ledger"),
    "parcel_tracking_pull.js": Expected(
        ["carrier_api", "depot_db"], title="Parcel tracking pull", is_declared=True
    ),
    "postage_of_month.js": Expected(["franking_db"], title="Postage of one month"),
    "route_reliability.js": Expected(
        ["fleet_db"],
        title="How reliable are the van routes?",
        remarks=[
            (
                "Line 32: .sort(column, true) is ascending, so that the smallest come first: "
                "write false or { descending: true } for the largest"
            )
        ],
    ),
    "tariff_refresh.js": Expected(
        ["tariff_db", "billing_db"],
        parameters={"valid_on": "date", "scope": "select"},
        title="Tariffs of the day",
        cron="35 3 * * *",
        is_declared=True,
    ),
}
PARTS = {
    "cursor.js": Expected(["meter_archive"]),
    "described_service.js": Expected(["meter_openapi"]),
    "frames.js": Expected(),
    "graph_calls.js": Expected(["reader_graph"]),
    "outside_service.js": Expected(),
    "soap_calls.js": Expected(["customs_soap"]),
    "sources_by_name.js": Expected(["east_db", "west_db"]),
    "stored_contract.js": Expected(),
    "wait_for_analysis.js": Expected(analyses=["stock_count"]),
    "wait_for_flags.js": Expected(),
    "dependent_options.js": Expected(["depot_db"], parameters={"hub": "select", "gate": "select"}),
    "object_defaults.js": Expected(parameters={"read_on": "date", "window": "object"}),
    "plain_parameters.js": Expected(
        parameters={"lent_after": "date", "shelves": "number", "withLost": "boolean"}
    ),
    "point_in_time.js": Expected(["ledger_pg", "ledger_my"]),
    "result_by_reference.js": Expected(),
    "rolled_back.js": Expected(),
    "schedule_daily_in_perth.js": Expected(cron="15 7 * * *"),
    "schedule_every_six_hours.js": Expected(cron="0 */6 * * *"),
    "schedule_monthly.js": Expected(cron="5 0 1 * *"),
    "schedule_weekly.js": Expected(cron="40 6 * * 3"),
    "schedule_working_days.js": Expected(cron="30 8 * * 1-5"),
}
# The lines of lists of calls with `params?` for an optional argument, and of a misplaced label.
BROKEN_LINES = {
    "schedule_in_a_function.js": [6],
    "signatures_context.js": [7],
    "signatures_rest.ts": [5, 6],
    "signatures_sql.js": [5, 7, 9],
    "signatures_storage.js": [6, 7, 12],
}


@pytest.mark.parametrize("path", ANALYSES, ids=lambda path: path.name)
def test_whole_analyses_are_valid(inspect: Inspect, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    found = inspect(source, filename=path.name)
    WHOLE[path.name].assert_found(found)
    assert found.compiled is not None
    assert found.compiled.count("\n") == source.count("\n")
    assert found.language == ("typescript" if path.suffix == ".ts" else "javascript")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.[jt]s")), ids=lambda path: path.name)
def test_shipped_examples_are_valid_and_without_warnings(inspect: Inspect, path: Path) -> None:
    found = inspect(path.read_text(encoding="utf-8"), filename=path.name)
    assert (found.errors, found.warnings) == ([], [])


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_parts_of_a_run_are_valid(inspect: Inspect, path: Path) -> None:
    body = path.read_text(encoding="utf-8")
    source = f'export default {{ title: "x", async run(ctx, params) {{\n{body}\n}} }}'
    PARTS[path.name].assert_found(inspect(source))


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.name)
def test_entries_of_the_default_export_are_valid(inspect: Inspect, path: Path) -> None:
    # A later entry wins: a file with a `run` of its own replaces this one.
    text = path.read_text(encoding="utf-8")
    found = inspect(f'export default {{ title: "x", run() {{}},\n{text}\n}}')
    PARTS[path.name].assert_found(found)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name)
def test_what_is_no_javascript_is_reported_with_its_lines(inspect: Inspect, path: Path) -> None:
    found = inspect(path.read_text(encoding="utf-8"), filename=path.name)
    lines = BROKEN_LINES[path.name]
    assert len(found.errors) == len(lines)
    for error, line in zip(found.errors, lines, strict=True):
        assert error.startswith(f"Syntax error at line {line}: ")
    assert (found.compiled, found.definition, found.metadata) == (None, None, {})


def test_every_file_is_in_a_table_and_every_table_has_its_files() -> None:
    assert {path.name for path in ANALYSES} == set(WHOLE)
    assert {path.name for path in FRAGMENTS + ENTRIES} == set(PARTS)
    assert {path.name for path in BROKEN} == set(BROKEN_LINES)


def test_parameters_that_read_others_depend_on_them(inspect: Inspect) -> None:
    text = (HERE / "entries" / "dependent_options.js").read_text(encoding="utf-8")
    found = inspect(f'export default {{ title: "x", run() {{}}, {text} }}')
    assert found.metadata["parameters"] == {
        "hub": {"type": "select", "required": True, "has_dynamic_options": True},
        "gate": {
            "type": "select",
            "required": True,
            "has_dynamic_options": True,
            "depends_on": ["hub"],
        },
    }


def test_defaults_of_object_parameters_are_kept_as_written(inspect: Inspect) -> None:
    text = (HERE / "entries" / "object_defaults.js").read_text(encoding="utf-8")
    found = inspect(f'export default {{ title: "x", run() {{}}, {text} }}')
    assert found.definition is not None
    assert found.definition.parameters is not None
    assert found.definition.parameters["read_on"].default == "today"
    assert found.definition.parameters["window"].default == {
        "from": "week_start",
        "until": "week_end",
        "zones": ["north"],
    }


@pytest.mark.parametrize(
    ("name", "timezone", "enabled"),
    [
        ("daily_in_perth", "Australia/Perth", True),
        ("every_six_hours", "UTC", True),
        ("monthly", "UTC", False),
        ("weekly", "UTC", True),
        ("working_days", "America/Lima", True),
    ],
)
def test_schedules_are_read_as_written(
    inspect: Inspect, name: str, timezone: str, *, enabled: bool
) -> None:
    text = (HERE / "entries" / f"schedule_{name}.js").read_text(encoding="utf-8")
    found = inspect(f'export default {{ title: "x", run() {{}},\n{text}\n}}')
    assert found.definition is not None
    schedule = found.definition.schedule
    assert schedule is not None
    assert (schedule.timezone, schedule.enabled) == (timezone, enabled)


def test_a_scheduled_sync_is_read_as_a_whole(inspect: Inspect) -> None:
    path = HERE / "analyses" / "tariff_refresh.js"
    found = inspect(path.read_text(encoding="utf-8"))
    assert found.warnings == []
    assert found.metadata == {
        "title": "Tariffs of the day",
        "dependencies": {"datasources": ["tariff_db", "billing_db"], "analyses": []},
        "parameters": {
            "valid_on": {"type": "date", "required": True, "default": "yesterday"},
            "scope": {
                "type": "select",
                "required": True,
                "default": "changed",
                "options": [
                    {"value": "changed", "label": "Only tariffs that changed"},
                    {"value": "all", "label": "All tariffs, from nothing"},
                    {"value": "none", "label": "Only look"},
                ],
            },
        },
        "schedule": {
            "cron": "35 3 * * *",
            "timezone": "Asia/Kolkata",
            "enabled": False,
            "retry_on_failure": True,
            "max_retries": 6,
            "has_should_run": False,
            "with_dependencies": False,
        },
    }


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
    path = HERE / "analyses" / "branch_week.js"
    found = inspect(path.read_text(encoding="utf-8"))
    assert found.warnings == []
    assert found.datasources == ["lib_loans", "door_counters"]
    assert found.analyses == ["overdue_items", "holds_waiting"]
    assert found.metadata == {
        "title": "A library branch's week",
        "dependencies": {
            "datasources": ["lib_loans", "door_counters"],
            "analyses": ["overdue_items", "holds_waiting"],
        },
        "parameters": {
            "week_from": {"type": "date", "required": True, "default": "last_week"},
            "branch": {
                "type": "select",
                "required": True,
                "default": "*",
                "has_dynamic_options": True,
            },
        },
        "schedule": {
            "cron": "45 5 * * 1",
            "timezone": "Europe/Oslo",
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
