"""Definitions and their stored form."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.limits import LimitOverrides
from analysis_sandbox.script.definition import (
    Definition,
    Dependencies,
    ParameterSpec,
    ScheduleSpec,
)
from tests.script.test_parameters import SPECS

NAME_LISTS = st.lists(st.text(max_size=5), max_size=3)
DEFINITIONS = st.builds(
    Definition,
    title=st.one_of(st.none(), st.text(min_size=1)),
    schedule=st.one_of(
        st.none(),
        st.builds(
            ScheduleSpec,
            cron=st.just("0 9 * * 1-5"),
            timezone=st.sampled_from(["UTC", "Asia/Tokyo"]),
            enabled=st.booleans(),
            retry_on_failure=st.booleans(),
            max_retries=st.integers(0, 20),
            has_should_run=st.booleans(),
            with_dependencies=st.booleans(),
        ),
    ),
    dependencies=st.one_of(
        st.none(),
        st.builds(
            Dependencies, datasources=NAME_LISTS, analyses=NAME_LISTS, inferred=st.booleans()
        ),
    ),
    parameters=st.one_of(st.none(), st.dictionaries(st.text(max_size=5), SPECS, max_size=3)),
    execution=st.one_of(
        st.none(),
        st.builds(
            LimitOverrides,
            memory_limit_mb=st.one_of(st.none(), st.integers(8, 2048)),
            timeout_ms=st.one_of(st.none(), st.integers(1, 1_800_000)),
            result_size_mb=st.one_of(st.none(), st.floats(0.1, 50)),
        ),
    ),
)


@settings(max_examples=200, deadline=None)
@given(DEFINITIONS)
def test_a_definition_survives_being_stored(definition: Definition) -> None:
    stored = json.loads(json.dumps(definition.to_metadata()))
    assert Definition.from_metadata(stored) == definition
    assert Definition.from_metadata(stored).to_metadata() == stored


def test_the_stored_form_holds_only_what_is_stated() -> None:
    assert Definition().to_metadata() == {}
    definition = Definition(
        dependencies=Dependencies(datasources=["depot_db"]),
        parameters={"month": ParameterSpec(type="date", required=True)},
        execution=LimitOverrides(timeout_ms=300_000, memory_mb=512),
    )
    assert definition.to_metadata() == {
        "dependencies": {"datasources": ["depot_db"], "analyses": []},
        "parameters": {"month": {"type": "date", "required": True}},
        "execution": {"timeout_ms": 300_000, "memory_limit_mb": 512},
    }


def test_no_declaration_and_an_empty_one_are_told_apart() -> None:
    assert Definition.from_metadata({}).parameters is None
    assert Definition.from_metadata({"parameters": {}}).parameters == {}


def test_keys_of_other_versions_are_passed_over() -> None:
    stored: Any = {"title": "x", "colour": "red", "dependencies": {"packages": ["csv-parse"]}}
    assert Definition.from_metadata(stored) == Definition(title="x", dependencies=Dependencies())


def test_metadata_of_another_form_is_refused() -> None:
    with pytest.raises(ValidationFailedError) as caught:
        Definition.from_metadata({"schedule": {"timezone": "UTC"}})
    assert caught.value.fields == {"schedule.cron": "Field required"}
