"""Rows of a script become columns and come back as they were."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.values import decode, encode
from tests.dataframe.conftest import Row, Script

SAFE = 2**53 - 1
TEXTS = st.text(max_size=8)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
# A column of each kind: broken and whole numbers mixed, but none that a float would round.
NUMBERS = st.one_of(
    st.integers(-SAFE, SAFE), st.floats(allow_nan=False, allow_infinity=False, width=32)
)
KINDS: list[st.SearchStrategy[Any]] = [
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    NUMBERS,
    TEXTS,
    st.binary(max_size=8),
    st.lists(st.integers(-SAFE, SAFE), max_size=3),
    st.lists(st.one_of(st.none(), TEXTS), max_size=3),
    st.fixed_dictionaries({"x": st.integers(-5, 5), "y": st.lists(TEXTS, max_size=2)}),
    st.lists(st.fixed_dictionaries({"k": st.booleans()}), max_size=2),
    st.none(),
]


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Rows whose columns have one kind each; keys may be missing, values null."""
    kinds = draw(st.dictionaries(NAMES, st.sampled_from(KINDS), max_size=4))
    columns = {name: st.one_of(st.none(), kind) for name, kind in kinds.items()}
    row = st.fixed_dictionaries({}, optional=columns)
    return draw(st.lists(row, max_size=6))


@settings(max_examples=300, deadline=None)
@given(tables())
def test_rows_come_back_as_the_table_of_values_says(rows: list[Row]) -> None:
    script = Script()
    names = list(dict.fromkeys(name for row in rows for name in row))
    expected = [{name: decode(encode(row.get(name))) for name in names} for row in rows]

    assert script.collect(script.create(rows)) == expected


@settings(max_examples=100, deadline=None)
@given(tables(), st.lists(st.integers(0, 5)))
def test_kept_rows_are_those_with_the_given_numbers(rows: list[Row], numbers: list[int]) -> None:
    script = Script()
    frame = script.create(rows)
    chosen = [number for number in numbers if number < len(rows)]
    everything = script.collect(frame)

    assert script.collect(script.ask("frame.keep", frame, chosen)) == [
        everything[n] for n in chosen
    ]


def test_columns_stand_in_the_order_of_their_first_appearance(script: Script) -> None:
    rows = script.collect(script.create([{"b": 1}, {"a": 2, "b": 3}, {"c": None}]))

    assert [list(row) for row in rows] == [["b", "a", "c"]] * 3


def test_a_type_that_shows_late_is_seen(script: Script) -> None:
    rows = [{"n": 1}] * 5_000 + [{"n": 0.5, "late": "x"}]

    assert script.collect(script.create(rows))[-1] == {"n": 0.5, "late": "x"}


def test_dates_in_text_stay_text(script: Script) -> None:
    frame = script.create([{"d": "2024-01-01", "t": "2024-01-01T00:00:00.000Z"}])

    assert [column["type"] for column in script.ask("frame.schema", frame)] == ["string", "string"]


def test_no_rows_make_an_empty_frame(script: Script) -> None:
    assert script.collect(script.create([])) == []
    assert script.collect(script.create([{}, {}])) == [{}, {}]
    assert script.ask("frame.height", script.create([])) == 0


def test_lone_surrogates_become_replacement_characters(script: Script) -> None:
    assert script.collect(script.create([{"\ud800": "\udfffx"}])) == [{"�": "�x"}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"a": 1}, "takes an array of objects, not an object"),
        ("text", "takes an array of objects, not 'text'"),
        ([{"a": 1}, 2], "the row at index 1 is 2"),
        ([None], "the row at index 0 is null"),
        ([{"a": 1}, {"a": "x"}], "mixes numbers and strings (first: 'x' at index 1)"),
        ([{"a": 1}, {"a": True}], "mixes booleans and numbers (first: true at index 1)"),
        ([{"a": [1]}, {"a": "x"}], "mixes arrays and strings"),
        ([{"a": [1, "x"]}], "Column 'a[]' mixes numbers and strings"),
        ([{"a": {"b": 1}}, {"a": {"b": "x"}}], "Column 'a.b' mixes"),
        ([{"a": 2**63}], "9223372036854775808 has more than 64 bits; give it as a string"),
        ([{"a": [2**70]}], "Column 'a[]': 1180591620717411303424 has more than 64 bits"),
        ([{"a\0": 1}], "cannot be named 'a\\0': it has a NUL character"),
        ([{"a": {"\0": 1}}], "it has a NUL character"),
        ([{"a": 2**53 + 1}, {"a": 0.5}], "9007199254740993 stands among broken numbers"),
        ([{"a": {"x": 10**400}}, {"a": {"x": 0.5}}], "Column 'a.x': 1000"),
    ],
)
def test_rows_that_do_not_make_columns_are_refused(script: Script, rows: Any, message: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        script.create(rows)

    assert message in caught.value.message


def test_keys_that_are_data_are_refused_before_they_fill_the_memory(script: Script) -> None:
    with pytest.raises(LimitExceededError, match="more than 10000 different keys"):
        script.create([{f"k{number}": 1} for number in range(20_000)])


def test_attached_values_stand_in_the_order_of_the_rows(script: Script) -> None:
    frame = script.create([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    attached = script.ask("frame.attach", frame, {"a": [None, 0.5], "c": ["u", "v"]})

    assert script.collect(attached) == [
        {"a": None, "b": "x", "c": "u"},
        {"a": 0.5, "b": "y", "c": "v"},
    ]
    with pytest.raises(ValidationFailedError, match="'a' has 1 values for 2 rows"):
        script.ask("frame.attach", frame, {"a": [1]})


def test_what_a_frame_gives_is_plain_json(script: Script) -> None:
    handle = script.create([{"a": 1.0, "b": b"\x00\xff", "c": 2**60}])
    text = str(script.frames.collect(handle))

    assert json.loads(text) == [{"a": 1, "b": {"\ue000bytes": "AP8="}, "c": "1152921504606846976"}]
