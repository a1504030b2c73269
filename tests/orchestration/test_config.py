"""What people see of a script's parameters in Dagster."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.orchestration.config import run_config
from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.orchestration.names import job_name, op_name, possible_analyses
from analysis_sandbox.values import JSONObject

PARAMETERS: JSONObject = {
    "month": {"type": "date", "required": True, "default": "current_month", "description": "Of."},
    "customer": {"type": "string", "required": True},
    "note": {"type": "text"},
    "limit": {"type": "number", "default": 100, "min": 1, "max": 500},
    "archived": {"type": "boolean", "default": False},
    "category": {
        "type": "select",
        "default": "all",
        "options": [{"value": "all", "label": "All"}, {"value": "books", "label": "Books"}],
    },
    "city": {"type": "select", "has_dynamic_options": True, "depends_on": ["customer"]},
    "tags": {
        "type": "multiselect",
        "default": ["a"],
        "options": [{"label": "G", "options": [{"value": "a", "label": "A"}]}],
    },
    "top": {
        "type": "select",
        "options": [{"value": 5, "label": "5"}, {"value": 10, "label": "10"}],
    },
    "period": {
        "type": "select",
        "default": "last_month",
        "options": [{"value": "x", "label": "X"}],
    },
    "code": {"type": "string", "pattern": "^[A-Z]+$"},
    "range": {"type": "object", "default": {"start": "week_start", "end": "week_end"}},
}


def stored(
    metadata: JSONObject | None = None, *, name: str = "report", project: str = "default"
) -> VersionRecord:
    return VersionRecord(
        analysis_id=uuid4(),
        project=project,
        name=name,
        title="Monthly report",
        version=3,
        source="export default { run() { return `x`; } }",
        compiled="",
        language="javascript",
        metadata=metadata or {},
        change_description="",
        created_by="test",
        created_at=datetime.now(UTC),
        restored_from=None,
    )


def fields(version: VersionRecord) -> dict[str, dg.Field]:
    schema: Any = build_job(version).graph.node_defs[0]
    return schema.config_schema.config_type.fields


def is_valid(version: VersionRecord, parameters: JSONObject) -> bool:
    job = build_job(version)
    try:
        dg.validate_run_config(job, run_config(job.name, parameters))
    except dg.DagsterInvalidConfigError:
        return False
    return True


def test_every_parameter_has_its_name_type_and_default_in_the_launchpad() -> None:
    shown = {
        name: (
            str(field.config_type.given_name or field.config_type.kind.value),
            field.is_required,
            field.default_value if field.default_provided else None,
        )
        for name, field in fields(stored({"parameters": PARAMETERS})).items()
    }

    assert shown == {
        "month": ("String", False, "current_month"),
        "customer": ("String", True, None),
        "note": ("String", False, None),
        "limit": ("Float", False, 100),
        "archived": ("Bool", False, False),
        "category": ("report_category", False, "all"),
        "city": ("Any", False, None),
        "tags": ("ARRAY", False, ["a"]),
        "top": ("Float", False, None),
        "period": ("String", False, "last_month"),
        "code": ("String", False, None),
        "range": ("PERMISSIVE_SHAPE", False, {"start": "week_start", "end": "week_end"}),
    }


def test_what_the_type_cannot_say_is_in_the_description() -> None:
    shown = {
        name: field.description
        for name, field in fields(stored({"parameters": PARAMETERS})).items()
    }

    assert shown["month"] == (
        "Of. A date as YYYY-MM-DD, or one of: yesterday, today, last_week, last_month, "
        "current_month, week_start, week_end."
    )
    assert shown["limit"] == "At least 1. At most 500."
    assert shown["city"] == "The choices depend on customer."
    assert shown["top"] == "One of: 5, 10."
    assert shown["period"] == "One of: x."
    assert shown["code"] == "Matches ^[A-Z]+$."
    assert not shown["note"]


def test_a_value_outside_the_static_choices_is_refused_before_the_run() -> None:
    version = stored({"parameters": PARAMETERS})

    assert is_valid(version, {"customer": "c", "category": "books", "tags": ["a"]})
    assert not is_valid(version, {"customer": "c", "category": "toys"})
    assert not is_valid(version, {"customer": "c", "tags": ["b"]})


@pytest.mark.parametrize("wrong", [{}, {"customer": 1}, {"customer": "c", "unknown": 1}])
def test_a_missing_a_wrong_and_an_unknown_parameter_are_refused(wrong: JSONObject) -> None:
    assert not is_valid(stored({"parameters": PARAMETERS}), wrong)


def test_a_script_without_declared_parameters_takes_any() -> None:
    assert is_valid(stored(), {"anything": {"goes": [1, "two"]}})


def test_a_null_means_not_given() -> None:
    assert run_config("report", {"a": 1, "b": None}) == {
        "ops": {"run_report": {"config": {"a": 1}}}
    }


def test_a_whole_number_fits_where_a_number_is_declared() -> None:
    assert is_valid(stored({"parameters": PARAMETERS}), {"customer": "c", "limit": 7})


@pytest.mark.parametrize(
    "parameter",
    [{"type": "number", "default": "many"}, {"type": "multiselect", "default": [None]}],
)
def test_a_default_that_contradicts_its_type_costs_the_checks_and_not_the_job(
    parameter: JSONObject,
) -> None:
    version = stored({"parameters": {"limit": parameter}})

    assert "does not check this job's parameters" in (build_job(version).description or "")
    assert is_valid(version, {"limit": "many"})


def test_metadata_that_cannot_be_read_leaves_a_job_that_says_so() -> None:
    version = stored({"parameters": {"x": {"type": "colour"}}})

    assert "cannot be read" in (build_job(version).description or "")


def test_a_job_shows_title_version_and_source() -> None:
    job = build_job(stored())

    assert job.metadata["title"].value == "Monthly report"
    assert job.metadata["version"].value == 3
    assert "export default" in str(job.metadata["source"].value)
    assert job.description == "Monthly report"


def test_source_that_holds_a_fence_stays_one_block_of_code() -> None:
    version = stored()
    object.__setattr__(version, "source", "// ```\nrun()")

    assert str(build_job(version).metadata["source"].value).startswith("````javascript\n")


def test_runs_carry_project_analysis_and_version() -> None:
    assert build_job(stored(name="r", project="sales")).tags == {
        "analysis_sandbox/project": "sales",
        "analysis_sandbox/analysis": "r",
        "analysis_sandbox/version": "3",
    }


def test_runs_of_an_analysis_with_a_limit_are_a_group() -> None:
    tags = build_job(stored(), 3).tags

    assert tags["analysis_sandbox/exclusive"] == "report"
    assert tags["analysis_sandbox/max_concurrent_runs"] == "3"


@pytest.mark.parametrize("name", ["config", "context", "class", "type", "in", "out", "ops", "run"])
def test_every_name_that_an_analysis_may_have_makes_a_job(name: str) -> None:
    assert build_job(stored(name=name)).name.removeprefix("_") == name


def test_the_longest_name_makes_a_job_with_tags() -> None:
    name = "a" * 255

    assert build_job(stored({"schedule": {"cron": "0 6 * * *"}}, name=name)).name == name


@pytest.mark.parametrize(
    ("project", "name", "job"),
    [
        ("default", "report", "report"),
        ("default", "config", "_config"),
        ("sales", "report", "sales__report"),
        ("north-west", "report", "north_west__report"),
    ],
)
def test_a_job_is_named_after_its_analysis(project: str, name: str, job: str) -> None:
    assert job_name(project, name) == job
    assert op_name(job) == f"run_{job}"
    if "-" not in project:
        assert (project, name) in possible_analyses(job)


def test_jobs_whose_names_resemble_each_others_parts_live_side_by_side() -> None:
    """A job, its graph, its op and its schedule share a name space only within their own kind."""
    names = ["x", "run_x", "run_run_x", "x_schedule", "run_x_schedule"]
    jobs = [build_job(stored(name=name)) for name in names]

    defined = dg.Definitions(jobs=jobs).get_repository_def()

    assert set(names) <= set(defined.job_names)
