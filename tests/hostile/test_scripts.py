"""Every hostile script ends as it must, and the one that follows never notices."""

import json
import re

import pytest

from tests.hostile.cases import Case, cases
from tests.hostile.conftest import Run
from tests.sandbox.scripts import call

CASES = cases()
BENIGN = call(
    """const rows = await ctx.duckdb.query("SELECT 1");
    ctx.metadata.set("seen", { rows });
    ctx.log("benign", rows.length);
    let sum = 0;
    for (let i = 1; i <= 1000; i++) sum += i;
    const frame = ctx.DataFrame([{ a: 1 }, { a: 2 }]).filter(col("a").gt(1));
    return { sum, kept: ctx.metadata.get("seen"), text: [1, 2].map(String).join(), h: frame.height,
             clean: typeof globalThis.left + typeof {}.polluted };""",
    limits={"timeout_ms": 60_000},
)
BENIGN_VALUE = (
    '{"sum":500500,"kept":{"rows":[{"a":"SELECT 1"}]},"text":"1,2","h":1,'
    '"clean":"undefinedundefined"}'
)


def _exact(value: object) -> str:
    """JSON text of a value: unlike `==`, it tells 1 from true."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.threat}-{case.name}")
def test_a_hostile_script_ends_as_it_must_and_the_next_gives_its_exact_result(
    case: Case, run: Run
) -> None:
    outcome, lines = run(case.call())

    if case.code is None:
        assert outcome.error is None, (outcome.error.code, outcome.error.message)
        assert outcome.value is not None
        assert _exact(json.loads(outcome.value)) == _exact(case.value)
    else:
        assert outcome.value is None
        assert outcome.error is not None
        assert outcome.error.code == case.code, outcome.error.message
        assert re.search(case.pattern, outcome.error.message), outcome.error.message
    assert case.lines is None or lines == case.lines

    after, logged = run(BENIGN)
    assert after.error is None
    assert after.value == BENIGN_VALUE
    assert logged == [("info", "benign 1")]


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": "x" * 5_000_000},
        {"list": [[i] for i in range(200_000)]},
        {f"key{i}": i for i in range(100_000)},
    ],
    ids=["five megabytes", "200,000 lists", "100,000 keys"],
)
def test_large_parameters_arrive_whole(parameters: dict[str, object], run: Run) -> None:
    code = "return { n: params.text?.length ?? params.list?.length ?? Object.keys(params).length };"
    given = call(code, parameters=parameters, limits={"timeout_ms": 60_000})

    outcome, _ = run(given)

    (only, *others) = parameters.values()
    expected = len(parameters) if others else len(only)  # pyright: ignore[reportArgumentType]
    assert outcome.value == f'{{"n":{expected}}}'


def test_the_scripts_that_end_for_want_of_time_end_in_no_other_way(run: Run) -> None:
    """A limit that is far away must not be what ends them: the code says which one it was."""
    timely = [case for case in CASES if case.code == "TIME_LIMIT_EXCEEDED"]
    assert len(timely) > 50
    outcome, _ = run(timely[0].call())
    assert outcome.error is not None
    assert outcome.error.details["allowed"] == timely[0].limits["timeout_ms"]
