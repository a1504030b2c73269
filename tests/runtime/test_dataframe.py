"""DataFrames and column expressions as scripts use them: real sandbox, real frames."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.errors import AnalysisSandboxError, ScriptError, ValidationFailedError
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import CallOutcome, HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.script.operators.rewriting import rewrite_operators

ROWS = """
const rows = [
  { id: 1, city: "Oslo", amount: 150, days: 3 },
  { id: 2, city: "Bergen", amount: 50, days: 1 },
  { id: 3, city: "Oslo", amount: 300, days: 9 },
];
const df = ctx.DataFrame(rows);
"""
# Where the code of a test begins.
FIRST_LINE = 8


@dataclass
class Desk:
    """Runs scripts whose DataFrames are real, and keeps what they logged."""

    sandbox: Sandbox
    frames: Frames
    lines: list[str] = field(default_factory=list[str])

    def run(self, body: str) -> CallOutcome:
        code = f'export default {{ title: "t", async run(ctx) {{{ROWS}{body}\n}} }};'
        rewritten = rewrite_operators(code)
        assert rewritten.errors == []
        call = ScriptCall(
            code=rewritten.code,
            filename="report.js",
            entry="run",
            parameters={},
            context={"datasources": {}},
        )
        host = HostFunctions(asynchronous={}, synchronous=self.frames.synchronous(), log=self._log)
        return self.sandbox.run(call, host)

    def _log(self, _level: str, line: str) -> None:
        self.lines.append(line)


Value = Callable[[str], Any]
Failure = Callable[[str], AnalysisSandboxError]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def desk(sandbox: Sandbox) -> Iterator[Desk]:
    frames = Frames(Limits())
    yield Desk(sandbox, frames)
    frames.close()


@pytest.fixture
def value(desk: Desk) -> Value:
    """Returns what an expression of JavaScript gives."""

    def value(expression: str) -> Any:
        outcome = desk.run(f"return {{ value: {expression} }};")
        if outcome.error is not None:
            raise outcome.error
        assert outcome.value is not None
        return json.loads(outcome.value)["value"]

    return value


@pytest.fixture
def failure(desk: Desk) -> Failure:
    """Returns the error with which code ends."""

    def failure(body: str) -> AnalysisSandboxError:
        error = desk.run(f"{body}\nreturn {{}};").error
        assert error is not None
        return error

    return failure


def test_the_score_of_weighted_columns_is_a_number(value: Value) -> None:
    scored = value("""df.groupBy("city").agg({
        total_spent: col("amount").sum(),
        transaction_count: col("amount").count(),
        days_active: col("days").nUnique(),
      }).withColumn("score",
        col("total_spent") * 0.4 +
        col("transaction_count") * 0.3 +
        col("days_active") * 0.3
      ).sort("score", false)""")

    assert scored == [
        {
            "city": "Oslo",
            "total_spent": 450,
            "transaction_count": 2,
            "days_active": 2,
            "score": pytest.approx(181.2),
        },
        {
            "city": "Bergen",
            "total_spent": 50,
            "transaction_count": 1,
            "days_active": 1,
            "score": pytest.approx(20.6),
        },
    ]


STEPS = Path(__file__).with_name("dataframe_steps.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", STEPS.split("// ---\n")[1:])
def test_a_step_gives_what_it_says(value: Value, case: str) -> None:
    expression, _, expected = case.partition("// = ")
    assert value(expression) == json.loads(expected)


def test_a_callback_sees_every_row_of_a_large_frame_once(value: Value) -> None:
    large = "ctx.DataFrame(Array.from({ length: 25_001 }, (_, i) => ({ i })))"
    assert value(
        f"{large}.filter((row, n) => row.i === n && n % 10_000 === 0).map((r) => r.i)"
    ) == [
        0,
        10_000,
        20_000,
    ]
    assert value(f"{large}.withColumn('x', (row) => -row.i).tail(1)") == [
        {"i": 25_000, "x": -25_000}
    ]
    assert (
        value(f"(() => {{ let s = 0; for (const r of {large}) s += r.i; return s; }})()")
        == 312_512_500
    )


def test_rows_come_in_batches_only_when_they_are_asked_for(desk: Desk) -> None:
    outcome = desk.run("df.filter(col('id') > 1).withColumn('x', col('id') * 2); return {};")
    assert outcome.error is None
    # create, filter, withColumn
    assert outcome.usage.host_calls == 3


def test_frames_that_a_script_has_dropped_are_forgotten(desk: Desk) -> None:
    outcome = desk.run("""const kept = df.filter(col("id") > 1);
    let frame = null, sum = 0;
    for (let i = 0; i < 300; i++) {
      frame = ctx.DataFrame([{ i }]).withColumn("j", col("i") * 2);
      for (const row of frame.filter(col("j") >= 0)) { await null; sum += row.j; }
    }
    return { sum, kept, frame };""")

    assert outcome.error is None
    assert outcome.value is not None
    rows = json.loads(outcome.value)
    assert rows["sum"] == 89_700
    assert [row["id"] for row in rows["kept"]] == [2, 3]
    assert rows["frame"] == [{"i": 299, "j": 598}]
    # Most of the 900 are gone; those that the script still had are there.
    newest = desk.frames.create([{"a": 1}])
    assert newest > 900
    assert _known(desk.frames, newest) < 100


def _known(frames: Frames, newest: int) -> int:
    known = 0
    for handle in range(1, newest + 1):
        try:
            frames.height(handle)
        except AnalysisSandboxError:
            continue
        known += 1
    return known


def test_a_column_may_be_called_like_a_method_of_rows(value: Value) -> None:
    assert value(
        "ctx.DataFrame([{ get: 1, then: 2, constructor: 3 }]).map((r) => [r.get, r.then])"
    ) == [[1, 2]]


def test_a_name_that_means_something_to_the_language_is_a_column_like_any_other(
    value: Value,
) -> None:
    frame = 'ctx.DataFrame([JSON.parse(\'{"__proto__": 5, "a": 1}\')])'
    assert value(f"{frame}.withColumn('b', (r) => r.a).columns") == ["__proto__", "a", "b"]
    assert value(f"{frame}.withColumn('__proto__', (r) => r.a * 3).map((r) => r.__proto__)") == [3]


def test_a_frame_in_a_log_is_a_short_text(desk: Desk) -> None:
    outcome = desk.run("ctx.log(df.head(1), { df: df.head(0) }); ctx.log(col('a') * 2); return {};")
    assert outcome.error is None
    row = '{"id":1,"city":"Oslo","amount":150,"days":3}'
    columns = "[id: int, city: string, amount: int, days: int]"
    assert desk.lines == [
        f'DataFrame {columns}\n  {row} {{"df":"DataFrame {columns}"}}',
        'col("a").mul(2)',
    ]


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("df.select('amout');", "Did you mean 'amount'?"),
        ("df.withColumn('x', col('amout') * 2);", "Did you mean 'amount'?"),
        ("df.groupBy('city').agg({ x: col('amout').sum() });", "Did you mean 'amount'?"),
    ],
)
def test_a_wrong_column_is_an_error_of_that_line(failure: Failure, body: str, advice: str) -> None:
    error = failure(f"const fine = df.head();\n{body}\nfine.collect();")
    assert isinstance(error, ValidationFailedError)
    assert advice in error.message
    assert error.details["line"] == FIRST_LINE + 1


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("df.filtr(col('id').gt(1));", "Did you mean 'filter'?"),
        ("df.length;", "df.height"),
        ("df[0];", "df.collect()[0]"),
        ("df.reduce((a, b) => a);", "df.collect().reduce("),
        ("df.where(1);", ".filter(condition)"),
        ("df.agg({});", ".groupBy()"),
        ("df.filter(true);", "JavaScript itself compared here"),
        ("df.filter('amount > 100');", "needs a condition on columns"),
        ("df.filter();", "needs a condition"),
        ("df.filter(async (row) => row.id > 1);", "not async"),
        ("df.filter((row) => col('id').gt(1));", "got a row and must return true or false"),
        ("df.filter((row) => row.amout > 1);", "Did you mean 'amount'?"),
        ("df.filter((row) => row.get('amout') > 1);", "Did you mean 'amount'?"),
        ("df.map((row) => row.get('zzzzz'));", "There are: id, city, amount, days"),
        ("df.withColumn('x');", "takes a name and an expression"),
        ("df.withColumn(col('x'), 1);", "name of the new column first"),
        ("df.withColumn('x', undefined);", "got undefined"),
        ("df.withColumn('x', async (row) => 1);", "must not be async"),
        ("df.withColumn('x', (row) => col('id'));", "got a row and must return its value"),
        ("df.withColumns('x', 1);", "takes one object"),
        ("df.sort((a, b) => a.id - b.id);", "takes columns, not a function"),
        ("df.sort();", "sort() takes columns"),
        ("df.join(rows, 'id');", "needs a DataFrame first, not an array"),
        ("df.select(() => 1);", "got a function"),
        ("df.limit();", "takes 1 or more"),
        ("df.groupBy('city').filter(1);", ".agg({...}) or .count() first"),
        ("df.groupBy('city').sun('id');", "Did you mean 'sum'?"),
        ("df.groupBy('city').sum();", "names of columns"),
        ("df.groupBy('city').agg();", "needs what to calculate"),
        ("JSON.stringify(df.groupBy('city'));", "no rows yet"),
        ("ctx.DataFrame();", "needs an array of row objects, not undefined"),
        ("ctx.DataFrame(Promise.resolve(rows));", "await the rows first"),
        ("ctx.DataFrame({ a: [1], b: [1, 2] });", "different lengths"),
        ("ctx.DataFrame.concat([rows]);", "A DataFrame is needed here, not an array"),
        ("df - 1;", "no value to calculate with"),
        ("col('a').sumn();", "Did you mean 'sum'?"),
        ("col('a').contains('x');", "Use .str.contains"),
        ("col('a').str.upper();", ".str has no 'upper'"),
        ("col('a').gt();", "takes 1 argument, not 0"),
        ("col('a').gt(rows[0].amout);", "got undefined"),
        ("col();", "needs the name of a column"),
        ("col('a', 'b');", "the name of one column"),
        ("when(true);", "needs a condition on columns"),
        ("col('a').add(when(col('b')));", "without .then(value)"),
        ("lit(new Date('x'));", "invalid Date"),
        ("lit(new Map());", "got Map"),
        ("ctx.metadata.set('k', col('a'));", "a column expression"),
        ("let e = lit(1); for (let i = 0; i < 1100; i++) e = e + 1;", "too many steps"),
        ("let e = col('a'); for (let i = 0; i < 110; i++) e = 1 + e;", "too many steps"),
    ],
)
def test_misuse_says_what_to_do(failure: Failure, body: str, advice: str) -> None:
    error = failure(body)
    assert isinstance(error, ScriptError)
    assert advice in error.message
    assert error.line == FIRST_LINE


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("await when(col('b'));", "lacks .then(value)"),
        ("return { e: col('a') };", "The result contains a column expression"),
        ("return { rows: [{ e: col('a') * 2 }] };", "The result contains a column expression"),
    ],
)
def test_misuse_that_has_no_line_says_what_to_do(failure: Failure, body: str, advice: str) -> None:
    assert advice in failure(body).message


def test_an_expression_never_changes(value: Value) -> None:
    assert value("""(() => {
      const list = ["Oslo"], e = col("city").isIn(list), before = JSON.stringify(e);
      list.push("Bergen");
      const more = e & (col("id") > 1);
      return [before === JSON.stringify(e), df.filter(e).height, df.filter(more).height];
    })()""") == [True, 2, 1]


def test_a_script_that_patches_the_language_only_hurts_itself(value: Value) -> None:
    assert (
        value("""(() => {
      const { prototype } = Array, { map, push } = prototype;
      prototype.map = prototype.push = prototype[Symbol.iterator] = null;
      Object.prototype.toJSON = undefined;
      String.prototype.split = RegExp.prototype.exec = Date.prototype.toISOString = null;
      const height = df.filter((row) => row.id > 1).filter(col("id") < 3)
        .withColumn("x", lit(new Date(0))).height;
      delete Object.prototype.toJSON;
      return height;
    })()""")
        == 1
    )
