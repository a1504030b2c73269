"""What people may give as parameters, and what scripts get for it."""

import math
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.definition import OptionGroup, ParameterSpec, SelectOption
from analysis_sandbox.script.parameters.resolution import describe_parameters, resolve
from analysis_sandbox.script.parameters.special_values import SPECIAL_NAMES
from analysis_sandbox.values import JSONObject

# A Thursday.
NOW = datetime(2024, 3, 14, 15, 9, tzinfo=UTC)
MODES = [
    {"value": "full", "label": "Full"},
    {"value": "incremental", "label": "Incremental"},
    {
        "label": "Years",
        "options": [{"value": 2023, "label": "2023"}, {"value": 2024, "label": "2024"}],
    },
]
MISSING = object()


def resolved(value: object, **fields: object) -> object:
    """Resolve one parameter; MISSING gives and returns nothing."""
    specs = {"x": ParameterSpec.model_validate(fields)}
    found = resolve(specs, {} if value is MISSING else {"x": value}, now=NOW)
    return found.get("x", MISSING)


def problem(value: object, **fields: object) -> str:
    """Return what is wrong with a value for one parameter."""
    with pytest.raises(ValidationFailedError) as caught:
        resolved(value, **fields)
    assert list(caught.value.fields) == ["x"]
    return caught.value.fields["x"]


@pytest.mark.parametrize(
    ("fields", "value", "expected"),
    [
        ({"type": "string"}, "a b", "a b"),
        ({"type": "text"}, "", ""),
        ({"type": "string"}, "today", "today"),
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, "AB", "AB"),
        ({"type": "number"}, 5, 5),
        ({"type": "number"}, 1.5, 1.5),
        ({"type": "number"}, "5", 5),
        ({"type": "number"}, " -1.5e3 ", -1500),
        ({"type": "number"}, "007", 7),
        ({"type": "number"}, ".5", 0.5),
        ({"type": "number", "min": 1, "max": 3}, 3, 3),
        ({"type": "boolean"}, False, False),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "false", False),
        ({"type": "date"}, "2024-02-29", "2024-02-29"),
        ({"type": "date"}, "2024-02", "2024-02"),
        ({"type": "date"}, "2024-02-29T09:30", "2024-02-29T09:30"),
        ({"type": "date"}, "2024-02-29 09:30:15.123Z", "2024-02-29 09:30:15.123Z"),
        ({"type": "date"}, "2024-02-29T09:30+02:00", "2024-02-29T09:30+02:00"),
        ({"type": "date"}, "yesterday", "2024-03-13"),
        ({"type": "date"}, date(2024, 1, 2), "2024-01-02"),
        ({"type": "date"}, datetime(2024, 1, 2, 3, tzinfo=UTC), "2024-01-02T03:00:00Z"),
        ({"type": "select", "options": MODES}, "full", "full"),
        ({"type": "select", "options": MODES}, 2023, 2023),
        ({"type": "select", "options": MODES}, "2023", 2023),
        ({"type": "select", "options": MODES}, 2023.0, 2023),
        ({"type": "select", "has_dynamic_options": True}, "anything", "anything"),
        ({"type": "select", "has_dynamic_options": True}, 7, 7),
        ({"type": "multiselect", "options": MODES}, ["full", "2024"], ["full", 2024]),
        ({"type": "multiselect", "options": MODES}, [], []),
        ({"type": "object"}, {"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"type": "object"}, '{"a": "today"}', {"a": "2024-03-14"}),
        (
            {"type": "object"},
            {"range": {"from": "week_start"}, "n": ["today"]},
            {"range": {"from": "2024-03-11"}, "n": ["2024-03-14"]},
        ),
    ],
)
def test_a_value_that_fits_is_handed_on(
    fields: dict[str, Any], value: object, expected: object
) -> None:
    found = resolved(value, **fields)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("fields", "value", "expected"),
    [
        ({"type": "string"}, 5, "must be text, not 5"),
        ({"type": "text"}, ["a"], "must be text, not a list"),
        ({"type": "string"}, "a\0b", "holds the character '\\x00'; remove it"),
        ({"type": "string"}, "\ud800", "holds the character '\\ud800'; remove it"),
        (
            {"type": "string", "pattern": "^[A-Z]{2}$"},
            "abc",
            "'abc' does not match the pattern ^[A-Z]{2}$",
        ),
        ({"type": "number"}, "five", "must be a number, not 'five'"),
        ({"type": "number"}, "0x10", "must be a number, not '0x10'"),
        ({"type": "number"}, "1_000", "must be a number, not '1_000'"),
        ({"type": "number"}, "٣", "must be a number, not '٣'"),
        ({"type": "number"}, "nan", "must be a number, not 'nan'"),
        ({"type": "number"}, "1e999", "must be a number, not '1e999'"),
        ({"type": "number"}, True, "must be a number, not true"),
        ({"type": "number"}, math.nan, "must be a finite number, not nan"),
        ({"type": "number"}, math.inf, "must be a finite number, not inf"),
        ({"type": "number"}, 2**53, "9007199254740992 is outside ±9007199254740991"),
        ({"type": "number", "min": 1}, 0.5, "0.5 is less than the minimum 1"),
        ({"type": "number", "max": 12}, "13", "13 is more than the maximum 12"),
        ({"type": "boolean"}, 1, "must be true or false, not 1"),
        ({"type": "boolean"}, "yes", "must be true or false, not 'yes'"),
        ({"type": "boolean"}, [], "must be true or false, not a list"),
        ({"type": "date"}, "2024-02-30", "'2024-02-30' is not a date that exists"),
        ({"type": "date"}, "2024-13", "'2024-13' is not a date that exists"),
        ({"type": "date"}, "0000-01-01", "'0000-01-01' is not a date that exists"),
        ({"type": "date"}, "31.12.2024", "must be a date (2024-01-31, 2024-01"),
        ({"type": "date"}, "20240131", "must be a date"),
        ({"type": "date"}, "2024-1-1", "must be a date"),
        ({"type": "date"}, "yesterdy", "did you mean 'yesterday'?"),
        ({"type": "date"}, 20240131, "must be a date"),
        (
            {"type": "select", "options": MODES},
            "fll",
            (
                "'fll' is not among the options ('full', 'incremental', 2023, 2024); "
                "did you mean 'full'?"
            ),
        ),
        ({"type": "select", "options": MODES}, True, "must be one of the options, not true"),
        ({"type": "select", "options": [{"value": 1, "label": "1"}]}, True, "not true"),
        ({"type": "select", "has_dynamic_options": True}, {}, "not an object"),
        ({"type": "multiselect", "options": MODES}, "full", "must be a list of options"),
        ({"type": "multiselect", "options": MODES}, ["full", "x"], "'x' is not among"),
        ({"type": "multiselect", "options": MODES, "required": True}, [], "choose at least one"),
        ({"type": "object"}, [1], "must be an object, not a list"),
        ({"type": "object"}, "[1]", "must be an object, not '[1]'"),
        ({"type": "object"}, "{", "must be an object, not '{'"),
        ({"type": "object"}, {"a": math.nan}, "must be a finite number"),
        ({"type": "object"}, {"a": b"x"}, "must be JSON, not a bytes"),
        ({"type": "object"}, '{"a": NaN}', "must be a finite number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(
    fields: dict[str, Any], value: object, expected: str
) -> None:
    assert expected in problem(value, **fields)


def test_nesting_has_a_limit() -> None:
    nested: Any = 1
    for _ in range(300):
        nested = [nested]
    assert "deeper than 200 levels" in problem({"a": nested}, type="object")
    assert "must be an object" in problem('{"a":' + "[" * 100_000, type="object")


@pytest.mark.parametrize("nothing", [MISSING, None])
def test_what_is_not_given_gets_its_default_or_is_left_out(nothing: object) -> None:
    assert resolved(nothing, type="number", default=3) == 3
    assert resolved(nothing, type="number") is MISSING
    assert resolved(nothing, type="boolean", default=False) is False
    assert problem(nothing, type="number", required=True) == "is required"


def test_an_empty_field_of_a_form_is_nothing() -> None:
    assert resolved("", type="number") is MISSING
    assert resolved("", type="date", default="today") == "2024-03-14"
    assert resolved("", type="select", has_dynamic_options=True) is MISSING
    assert problem("", type="select", options=MODES, required=True) == "is required"
    assert problem("", type="string", required=True) == "is required"


def test_an_empty_choice_can_be_chosen() -> None:
    options = [{"value": "", "label": "All"}, {"value": "a", "label": "A"}]
    assert resolved("", type="select", options=options, required=True) == ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "date", "default": "last_week"}, "2024-03-07"),
        ({"type": "string", "default": "today"}, "2024-03-14"),
        ({"type": "string", "default": "tomorrow"}, "tomorrow"),
        (
            {"type": "object", "default": {"start": "week_start", "end": "week_end"}},
            {"start": "2024-03-11", "end": "2024-03-17"},
        ),
        ({"type": "select", "has_dynamic_options": True, "default": "today"}, "2024-03-14"),
        (
            {
                "type": "select",
                "default": "today",
                "options": [{"value": "today", "label": "Today"}],
            },
            "today",
        ),
    ],
)
def test_special_words_in_defaults_become_dates_unless_they_are_choices(
    fields: dict[str, Any], expected: object
) -> None:
    assert resolved(MISSING, **fields) == expected


def test_defaults_follow_the_zone_of_now() -> None:
    specs = {"day": ParameterSpec(type="date", default="today")}
    late = datetime(2024, 3, 14, 23, 30, tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))
    assert resolve(specs, {}, now=late) == {"day": "2024-03-15"}


def test_everything_wrong_is_told_at_once() -> None:
    specs = {
        "month": ParameterSpec(type="date", required=True),
        "limit": ParameterSpec(type="number", max=10),
        "fine": ParameterSpec(type="string"),
    }
    with pytest.raises(ValidationFailedError) as caught:
        resolve(specs, {"mnth": "2024-01", "limit": 11, "fine": "x"}, now=NOW)
    assert caught.value.fields == {
        "mnth": "is not a parameter; did you mean 'month'?",
        "month": "is required",
        "limit": "11 is more than the maximum 10",
    }
    assert caught.value.message == (
        "The parameters are not valid: mnth is not a parameter; did you mean 'month'?; "
        "month is required; limit 11 is more than the maximum 10"
    )


def test_a_script_that_declares_none_takes_any_json() -> None:
    given = {"month": "2024-01", "n": {"a": [1, 2.5, None, True]}, "word": "today"}
    assert resolve(None, given, now=NOW) == given


def test_a_script_that_declares_an_empty_set_takes_none() -> None:
    with pytest.raises(ValidationFailedError, match="month is not a parameter"):
        resolve({}, {"month": "2024-01"}, now=NOW)


@pytest.mark.parametrize("value", [math.nan, object(), "\0", {"a": math.inf}])
def test_undeclared_parameters_must_be_json(value: object) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        resolve(None, {"x": value}, now=NOW)
    assert list(caught.value.fields) == ["x"]


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=12),
        st.sampled_from(["", "5", "true", "{}", "2024-01", "2024-01-31", *sorted(SPECIAL_NAMES)]),
        st.dates(),
        st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("America/New_York")])),
        st.binary(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
OPTIONS = st.lists(
    st.builds(
        SelectOption,
        value=st.one_of(st.text(max_size=5), st.integers(-9, 9), st.floats(-9, 9)),
        label=st.text(max_size=5),
    ),
    min_size=1,
    max_size=4,
)
SPECS = st.builds(
    ParameterSpec,
    type=st.sampled_from(
        ["string", "text", "number", "boolean", "date", "select", "multiselect", "object"]
    ),
    required=st.booleans(),
    default=st.one_of(st.none(), st.text(max_size=5), st.integers(), st.sampled_from(["today"])),
    options=st.one_of(
        st.none(),
        OPTIONS,
        OPTIONS.map(lambda options: [OptionGroup(label="all", options=options)]),
    ),
    min=st.one_of(st.none(), st.integers(-5, 5)),
    max=st.one_of(st.none(), st.floats(-5, 5)),
    pattern=st.one_of(st.none(), st.sampled_from(["^a", r"\d+", "^(a+)+$"])),
)
NAMES = st.sampled_from(["a", "b", "c"])


@settings(max_examples=400, deadline=None)
@given(
    specs=st.one_of(st.none(), st.dictionaries(NAMES, SPECS)),
    given_values=st.dictionaries(st.one_of(NAMES, st.text(st.characters(), max_size=5)), JSON),
    now=st.datetimes(
        min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)
    ),
)
def test_resolving_ends_in_json_that_resolves_to_itself_or_in_one_kind_of_error(
    specs: dict[str, ParameterSpec] | None, given_values: dict[str, object], now: datetime
) -> None:
    found = _resolved_or_refused(specs, given_values, now=now)
    if found is not None:
        later = datetime(2091, 5, 5, tzinfo=UTC)
        assert resolve(specs, found, now=later) == found
        assert specs is None or set(found) <= set(specs)


def _resolved_or_refused(
    specs: dict[str, ParameterSpec] | None, given_values: dict[str, object], *, now: datetime
) -> JSONObject | None:
    try:
        return resolve(specs, given_values, now=now)
    except ValidationFailedError as error:
        if error.fields and all(error.fields.values()):
            return None
        raise


def test_parameters_are_described_for_clients_without_functions() -> None:
    specs = {
        "month": ParameterSpec(type="date", required=True, default="current_month"),
        "note": ParameterSpec(type="text", description="A note", pattern="^a"),
        "limit": ParameterSpec(type="number", min=0, max=10, default=0),
        "mode": ParameterSpec.model_validate({"type": "select", "options": MODES}),
        "depot": ParameterSpec(type="select", has_dynamic_options=True, depends_on=["carrier"]),
    }
    assert describe_parameters(specs) == {
        "month": {
            "type": "date",
            "required": True,
            "description": "",
            "default": "current_month",
        },
        "note": {"type": "text", "required": False, "description": "A note", "pattern": "^a"},
        "limit": {
            "type": "number",
            "required": False,
            "description": "",
            "default": 0,
            "min": 0,
            "max": 10,
        },
        "mode": {"type": "select", "required": False, "description": "", "options": MODES},
        "depot": {
            "type": "select",
            "required": False,
            "description": "",
            "has_dynamic_options": True,
            "depends_on": ["carrier"],
        },
    }
    assert describe_parameters(None) == {}
