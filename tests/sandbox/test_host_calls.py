"""How a script calls the host, and what it gets back."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import json
import threading
from typing import Any

import pytest

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    LimitExceededError,
    QueryError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.values import EncodedJSON
from tests.sandbox.conftest import Failure, Run, Value
from tests.sandbox.scripts import Host, Metadata, call


def test_arguments_and_answers_cross_in_order(host: Host, value: Value) -> None:
    calls: list[tuple[object, ...]] = []

    def answer(*arguments: object) -> object:
        calls.append(arguments)
        return [{"a": 1}]

    host.asynchronous = {"datasource.call": answer}

    rows = value("return { rows: await ctx.datasource.postgres_main.query('select', [1, 'x']) };")

    assert rows == {"rows": [{"a": 1}]}
    assert calls == [("postgres_main", "query", ["select", [1, "x"]])]


def test_query_results_carry_rows_columns_and_row_count_unseen(host: Host, value: Value) -> None:
    host.asynchronous = {
        "datasource.call": lambda name, operation, arguments: [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
        "duckdb.query": lambda sql, params: [],
    }

    got = value(
        """const rows = await ctx.datasource.postgres_main.query("s");
        const none = await ctx.duckdb.query("s");
        return { same: rows.rows === rows, columns: rows.columns, count: rows.rowCount, rows,
                 keys: Object.keys(rows), none: [none.columns, none.rowCount, none.rows] };"""
    )

    assert got == {
        "same": True,
        "columns": ["a", "b"],
        "count": 2,
        "rows": [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
        "keys": ["0", "1"],
        "none": [[], 0, []],
    }


def test_calls_of_promise_all_run_at_the_same_time(host: Host, value: Value) -> None:
    together = threading.Barrier(8, timeout=20)
    host.asynchronous = {"duckdb.describe": lambda table: together.wait() * 0 + int(table)}

    got = value(
        """const tables = Array.from({ length: 8 }, (_, i) => String(i));
        return { got: await Promise.all(tables.map((t) => ctx.duckdb.describe(t))) };"""
    )

    assert got == {"got": list(range(8))}


def test_a_call_begins_while_the_script_still_calculates(host: Host, value: Value) -> None:
    begun = threading.Event()
    host.asynchronous = {"duckdb.tables": begun.set}
    host.synchronous = {"metadata.get": lambda key: begun.wait(20)}

    got = value(
        """const tables = ctx.duckdb.tables();
        for (let i = 0; i < 1e6; i++) {}
        const begun = ctx.metadata.get("begun");
        await tables;
        return { begun };"""
    )

    assert got == {"begun": True}


def test_more_calls_than_the_limit_wait_for_their_turn(host: Host, value: Value) -> None:
    lock = threading.Lock()
    under_way = 0
    most = 0

    def work(table: str) -> str:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        threading.Event().wait(0.002)
        with lock:
            under_way -= 1
        return table

    host.asynchronous = {"duckdb.describe": work}

    got = value(
        """const names = Array.from({ length: 60 }, (_, i) => "t" + i);
        const all = await Promise.all(names.map((name) => ctx.duckdb.describe(name)));
        return { same: all.join() === names.join() };""",
        limits={"host_calls_in_flight": 4},
    )

    assert got == {"same": True}
    assert 1 <= most <= 4


def test_bytes_bigints_dates_and_reserved_keys_cross_both_ways(host: Host, value: Value) -> None:
    seen: list[Any] = []

    def keep(sql: str, params: Any, options: Any = None) -> object:
        seen.append(params)
        return params

    host.asynchronous = {"duckdb.query": keep}

    got = value(
        """const back = await ctx.duckdb.query("s", [new Uint8Array([1, 255]), 2n ** 70n,
          new Date(0), undefined, NaN, { "\\ue000x": 1, d: new Float32Array([1.5]) }]);
        return { bytes: back[0] instanceof Uint8Array && [...back[0]], text: back[1], date: back[2],
                 rest: [back[3], back[4]], key: Object.keys(back[5])[0].charCodeAt(0),
                 d: back[5].d };"""
    )

    assert seen == [
        [b"\x01\xff", 2**70, "1970-01-01T00:00:00.000Z", None, None, {"\ue000x": 1, "d": [1.5]}]
    ]
    assert got == {
        "bytes": [1, 255],
        "text": str(2**70),
        "date": "1970-01-01T00:00:00.000Z",
        "rest": [None, None],
        "key": 0xE000,
        "d": [1.5],
    }


def test_text_that_is_already_json_passes_as_it_is(host: Host, value: Value) -> None:
    host.asynchronous = {"duckdb.query": lambda sql, params: EncodedJSON('[{"ü":"ß\\u20ac"}]')}

    assert value("return { rows: await ctx.duckdb.query('s') };") == {"rows": [{"ü": "ß€"}]}


def test_strings_survive_whatever_is_in_them(host: Host, value: Value) -> None:
    host.asynchronous = {"duckdb.describe": lambda text: text}
    text = '\x00"\\\n\u2028 \ue000bytes 😀 ' + "x" * 100

    got = value(
        "return { back: await ctx.duckdb.describe(params.text) };", parameters={"text": text}
    )

    assert got == {"back": text}


def test_lone_surrogates_are_replaced_on_every_way(host: Host, value: Value) -> None:
    seen: list[str] = []
    host.asynchronous = {"duckdb.describe": seen.append}

    got = value(
        r"""const lone = "a\ud800b\\ud800c😀";
        ctx.log(lone);
        await ctx.duckdb.describe(lone);
        return { lone, ["k\udfff"]: 1 };"""
    )

    assert seen == ["a\ufffdb\\ud800c😀"]
    assert got == {"lone": "a\ufffdb\\ud800c😀", "k\ufffd": 1}
    assert host.lines == [("info", "a\ufffdb\\ud800c😀")]


def test_a_failed_call_can_be_caught_with_its_facts(host: Host, value: Value) -> None:
    def refuse(sql: str) -> object:
        raise QueryError("duplicate key", hint="Use ON CONFLICT.", details={"constraint": "pk"})

    host.asynchronous = {"duckdb.exec": refuse}

    got = value(
        """try { await ctx.duckdb.exec("insert"); } catch (e) {
          return { is: e instanceof Error, name: e.name, message: e.message, code: e.code,
                   hint: e.hint, details: e.details, at: e.stack.includes("monthly_report.js:2") };
        }"""
    )

    assert got == {
        "is": True,
        "name": "QueryError",
        "message": "duplicate key",
        "code": "QUERY_FAILED",
        "hint": "Use ON CONFLICT.",
        "details": {"constraint": "pk"},
        "at": True,
    }


def test_a_transaction_can_roll_back_and_rethrow(host: Host, failure: Failure) -> None:
    statements: list[str] = []

    def execute(sql: str) -> None:
        statements.append(sql)
        if sql == "bad":
            raise QueryError("refused")

    host.asynchronous = {"duckdb.exec": execute}

    error = failure(
        """await ctx.duckdb.exec("begin");
        try { await ctx.duckdb.exec("bad"); }
        catch (error) { await ctx.duckdb.exec("rollback"); throw error; }"""
    )

    assert isinstance(error, QueryError)
    assert statements == ["begin", "bad", "rollback"]


@pytest.mark.parametrize("body", ["await ctx.duckdb.tables()", "ctx.metadata.list()"])
def test_what_a_host_function_did_not_foresee_stays_inside(
    body: str, host: Host, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> object:
        raise RuntimeError("postgresql://user:secret@host")

    host.asynchronous = {"duckdb.tables": fail}
    host.synchronous = {"metadata.list": fail}

    error = failure(body)

    assert type(error) is AnalysisSandboxError
    assert "secret" not in str(error)
    assert isinstance(error.__cause__, RuntimeError)
    assert "Host function" in caplog.text


@pytest.mark.parametrize("body", ["await ctx.runAnalysis('x')", "ctx.metadata.get('x')"])
def test_a_function_that_the_host_does_not_offer_is_refused(body: str, failure: Failure) -> None:
    assert isinstance(failure(body), UnsupportedOperationError)


def test_an_answer_that_cannot_cross_is_an_error(host: Host, failure: Failure) -> None:
    host.asynchronous = {"duckdb.tables": object}

    assert isinstance(failure("await ctx.duckdb.tables()"), ValidationFailedError)


def test_an_argument_nested_too_deeply_is_an_error_the_script_can_catch(
    host: Host, value: Value
) -> None:
    host.asynchronous = {"duckdb.describe": lambda deep: "fine"}

    got = value(
        """const messages = [];
        for (const depth of [100, 300, 2000]) {
          let deep = 1;
          for (let i = 0; i < depth; i++) deep = [deep];
          messages.push(await ctx.duckdb.describe(deep).catch((e) => e.name));
        }
        return { messages };"""
    )

    assert got == {"messages": ["fine", "ValidationFailedError", "ValidationFailedError"]}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("new Map()", "An argument of duckdb.describe contains a Map, which has no JSON form"),
        ("{ a: new Set() }", "An argument of duckdb.describe contains a Set"),
        ("params.self", "An argument of duckdb.describe refers to itself"),
        ("{ get x() { throw new Error('getter') } }", "getter"),
    ],
)
def test_an_argument_without_a_json_form_is_an_error(
    argument: str, message: str, host: Host, failure: Failure
) -> None:
    host.asynchronous = {"duckdb.describe": lambda table: None}

    error = failure(f"params.self = params; await ctx.duckdb.describe({argument});")

    assert message in str(error)


def test_a_call_larger_than_a_frame_is_an_error_the_script_can_catch(
    host: Host, value: Value
) -> None:
    host.asynchronous = {"duckdb.describe": len}
    host.synchronous = {"metadata.get": len}

    got = value(
        """const seen = [];
        const large = "x".repeat(1.5 * 2 ** 20);
        try { await ctx.duckdb.describe(large); } catch (e) { seen.push(e.code, e.message); }
        try { ctx.metadata.get(large); } catch (e) { seen.push(e.name); }
        return { seen, small: await ctx.duckdb.describe("x".repeat(2 ** 19)) };""",
        limits={"frame_mb": 1},
    )

    assert got["seen"][0] == "LIMIT_EXCEEDED"
    assert "duckdb.describe may carry 1 MB at once, not 1.5 MB" in got["seen"][1]
    assert got["seen"][2] == "LimitExceededError"
    assert got["small"] == 2**19


def test_an_answer_larger_than_a_frame_is_a_limit_error(host: Host, failure: Failure) -> None:
    host.asynchronous = {"duckdb.tables": lambda: "x" * (2 << 20)}

    error = failure("await ctx.duckdb.tables()", limits={"frame_mb": 1})

    assert isinstance(error, LimitExceededError)
    assert "2.0 MB; 1 MB can cross at once" in str(error)


def test_an_answer_of_many_megabytes_arrives_whole(host: Host, value: Value) -> None:
    rows = [{"id": i, "name": f"customer {i}", "amount": i * 1.25} for i in range(60_000)]
    text = EncodedJSON(json.dumps(rows))
    host.asynchronous = {"duckdb.query": lambda sql, params: text}

    got = value(
        """const rows = await ctx.duckdb.query("s");
        const sum = rows.reduce((all, row) => all + row.amount, 0);
        return { n: rows.length, sum, last: rows.at(-1) };"""
    )

    assert got["n"] == 60_000
    assert got["sum"] == sum(i * 1.25 for i in range(60_000))
    assert got["last"] == rows[-1]


def test_metadata_is_synchronous(host: Host, value: Value) -> None:
    metadata = Metadata()
    host.synchronous = metadata.functions

    got = value(
        """ctx.metadata.set("cursor", { last: [1, 2] });
        const has = [ctx.metadata.has("cursor"), ctx.metadata.has("nope")];
        const read = [ctx.metadata.get("cursor"), ctx.metadata.get("nope")];
        ctx.metadata.set("flag", true);
        const list = ctx.metadata.list();
        ctx.metadata.delete("flag");
        return { has, read, list };"""
    )

    assert got == {
        "has": [True, False],
        "read": [{"last": [1, 2]}, None],
        "list": ["cursor", "flag"],
    }
    assert metadata.values == {"cursor": {"last": [1, 2]}}


@pytest.mark.parametrize(
    "given",
    ["undefined", "() => 1", "Symbol('s')", "10n", "new Map()", "new Uint8Array(1)", "{ f() {} }"],
)
def test_metadata_takes_nothing_but_json(given: str, host: Host, failure: Failure) -> None:
    host.synchronous = Metadata().functions

    error: Any = failure(f"ctx.metadata.set('k', {given});")

    assert error.name == "TypeError"
    assert "The value of metadata 'k'" in str(error)


def test_calls_and_questions_mix_without_losing_an_answer(host: Host, value: Value) -> None:
    metadata = Metadata()
    host.synchronous = metadata.functions
    host.asynchronous = {"duckdb.describe": lambda table: table * 2}

    got = value(
        """const work = Array.from({ length: 200 }, async (_, i) => {
          ctx.metadata.set("k" + i, i);
          const twice = await ctx.duckdb.describe("t" + i);
          return twice === `t${i}t${i}` && ctx.metadata.get("k" + i) === i;
        });
        return { right: (await Promise.all(work)).every((x) => x) };"""
    )

    assert got == {"right": True}
    assert len(metadata.values) == 200


def test_the_host_functions_of_a_call_may_run_another_script(
    sandbox: Sandbox, host: Host, value: Value
) -> None:
    def nested(name: str, parameters: dict[str, Any]) -> object:
        depth = parameters["depth"]
        if depth == 0:
            return {"depth": 0}
        inner = Host(asynchronous={"runAnalysis": nested})
        outcome = sandbox.run(
            call(
                "return ctx.runAnalysis('x', { depth: params.depth - 1 });", parameters=parameters
            ),
            inner.functions,
        )
        assert outcome.value is not None
        return {"inner": json.loads(outcome.value)}

    host.asynchronous = {"runAnalysis": nested}

    assert value("return ctx.runAnalysis('x', { depth: 3 });") == {
        "inner": {"inner": {"inner": {"depth": 0}}}
    }


def test_usage_counts_what_a_call_used(host: Host, run: Run) -> None:
    host.asynchronous = {"duckdb.describe": lambda table: "x" * 50_000}

    usage = run(
        """for (let i = 0; i < 3; i++) await ctx.duckdb.describe("t");
        const memory = new Uint8Array(50 * 2 ** 20).fill(1);
        return { text: "y".repeat(70_000), n: memory.length };"""
    ).usage

    assert usage.host_calls == 3
    assert usage.bytes_in > 150_000
    assert usage.bytes_out > 70_000
    assert usage.peak_memory_bytes > 50 << 20
    assert usage.cpu_ms > 0
    assert usage.wall_ms > 0
