"""Whatever a script sends ends in rows or in an error of ours, never in one of Polars or Python."""

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_sandbox.dataframe.data_steps import DATA_STEPS
from analysis_sandbox.dataframe.expressions import METHODS
from analysis_sandbox.dataframe.steps import STEPS
from analysis_sandbox.errors import TerminalError
from tests.dataframe.conftest import Row, Script, call, col

ROWS: list[Row] = [
    {"n": 1, "x": 0.5, "s": "2024-01-01", "b": True, "l": [1, 2], "o": {"k": 1}, "y": b"a"},
    {"n": None, "x": -1.5, "s": None, "b": None, "l": None, "o": None, "y": None},
    {"n": 7, "x": None, "s": "ä;x", "b": False, "l": [], "o": {"k": None}, "y": b""},
]
NAMES = st.sampled_from([*ROWS[0], "day", "none", "missing", "^n$", "*", ""])
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.floats(-10, 10),
    st.text(max_size=3),
    NAMES,
    st.sampled_from(
        ["1d", "1mo", "int", "date", "datetime", "dense", "sum", "sum:n", "%Y", "2024"]
    ),
)
OPTION_NAMES = (
    "how on index values aggregate strategy limit descending orderBy method keep n fraction "
    "separator regex leftOn rightOn suffix minSamples center columns seed x s"
)
OPTIONS = st.dictionaries(
    st.sampled_from(OPTION_NAMES.split()),
    st.one_of(PLAIN, st.lists(PLAIN, max_size=2)),
    max_size=3,
)


def regex(source: str, flags: str) -> Any:
    return {"$regex": [source, flags]}


def called_with(method: str, receiver: Any, given: list[Any]) -> Any:
    return call(method, receiver, *given)


def conditional_on(branches: list[Any], otherwise: Any) -> Any:
    return call("when", None, branches, otherwise)


def lit(value: Any) -> Any:
    return call("lit", None, value)


REGEX = st.builds(
    regex,
    st.text(max_size=4),
    st.sampled_from(["", "i", "g", "x"]),
)


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def extended(nodes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    argument = st.one_of(nodes, PLAIN, OPTIONS, REGEX, st.lists(nodes, max_size=2))
    arguments = st.lists(argument, max_size=3)
    called = st.builds(
        called_with,
        st.sampled_from(sorted(METHODS)),
        st.one_of(nodes, st.none()),
        arguments,
    )
    branches = st.lists(st.lists(nodes, min_size=2, max_size=2), min_size=1, max_size=2)
    conditional = st.builds(conditional_on, branches, nodes)
    return st.one_of(called, called, conditional)


LEAVES = st.one_of(st.builds(col, NAMES), st.builds(lit, PLAIN))
EXPRESSIONS = st.recursive(LEAVES, extended, max_leaves=6)
FRAME = st.just({"$frame": 2})
ARGUMENTS = st.lists(
    st.one_of(
        PLAIN,
        NAMES,
        OPTIONS,
        EXPRESSIONS,
        FRAME,
        st.lists(st.one_of(NAMES, EXPRESSIONS), max_size=3),
        st.dictionaries(NAMES, st.one_of(EXPRESSIONS, PLAIN), max_size=2),
    ),
    max_size=3,
)


def prepared() -> Script:
    script = Script()
    first = script.create(ROWS)
    days = call("cast", call("str.slice", col("s"), 0, 10), "date", False)
    script.apply(first, "withColumns", {"day": days, "none": None})
    return script


@settings(max_examples=400, deadline=None, suppress_health_check=SLOW)
@given(EXPRESSIONS)
def test_any_expression_gives_rows_or_an_error_of_ours(expression: Any) -> None:
    script = prepared()

    with contextlib.suppress(TerminalError):
        script.collect(script.apply(2, "withColumn", "result", expression))


@settings(max_examples=400, deadline=None, suppress_health_check=SLOW)
@given(st.sampled_from(sorted({*STEPS, *DATA_STEPS})), ARGUMENTS)
def test_any_step_gives_rows_or_an_error_of_ours(step: str, arguments: list[Any]) -> None:
    script = prepared()

    with contextlib.suppress(TerminalError):
        script.collect(script.apply(2, step, *arguments))


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(
    st.recursive(
        PLAIN,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)
        ),
    )
)
def test_any_value_given_for_rows_makes_a_frame_or_an_error_of_ours(value: Any) -> None:
    script = Script()

    for rows in (value, [value], [{"a": value}], [{"a": value}, {"a": 1}]):
        with contextlib.suppress(TerminalError):
            script.collect(script.ask("frame.create", rows))


@settings(max_examples=150, deadline=None)
@given(st.lists(EXPRESSIONS, max_size=3))
def test_any_aggregation_gives_rows_or_an_error_of_ours(forms: list[Any]) -> None:
    script = prepared()
    results = {f"r{number}": form for number, form in enumerate(forms)}

    with contextlib.suppress(TerminalError):
        script.collect(script.apply(2, "aggregate", ["b"], results))
