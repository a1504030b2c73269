"""What ctx looks like to a script."""

from typing import Any

import pytest

from tests.sandbox.conftest import Failure, Value
from tests.sandbox.scripts import Host, Metadata


def test_an_unknown_datasource_is_named_beside_the_declared_ones(failure: Failure) -> None:
    error: Any = failure("const a = 1;\nreturn ctx.datasource.unknown_db.query('x');")

    assert str(error) == "Datasource 'unknown_db' not found. Declared: postgres_main, files"
    assert (error.code, error.details["line"]) == ("NOT_FOUND", 3)


def test_without_datasources_the_error_says_so(failure: Failure) -> None:
    error = failure("ctx.datasource.x", facts={"datasources": {}})

    assert str(error) == "Datasource 'x' not found. None is declared"


def test_an_unknown_operation_is_named_beside_the_offered_ones(failure: Failure) -> None:
    error: Any = failure("await ctx.datasource.postgres_main.upload('x');")

    assert str(error) == (
        "Datasource 'postgres_main' (postgresql) has no operation 'upload'. "
        "It offers: query, execute"
    )
    assert error.code == "UNSUPPORTED_OPERATION"


def test_datasources_can_be_looked_at_without_an_error(value: Value) -> None:
    got = value(
        """const source = await ctx.datasource.files;
        ctx.log(ctx.datasource, source);
        return { names: Object.keys(ctx.datasource), has: ["files" in ctx.datasource,
                 "nope" in ctx.datasource], text: JSON.stringify(ctx.datasource) };"""
    )

    assert got == {
        "names": ["postgres_main", "files"],
        "has": [True, False],
        "text": '{"postgres_main":{},"files":{}}',
    }


@pytest.mark.parametrize(
    "body",
    [
        "ctx.extra = 1",
        "ctx.log = 1",
        "delete ctx.log",
        "ctx.datasource.x = 1",
        "ctx.datasource.files.get = 1",
        "ctx.duckdb.query = 1",
        "ctx.metadata.get = 1",
        "ctx.schedule.cron = 1",
        "ctx.schedule.more.deep = 1",
    ],
)
def test_ctx_is_frozen(body: str, failure: Failure) -> None:
    schedule = {"cron": "0 9 * * 1", "next_run": "2026-01-05T09:00:00Z", "more": {"deep": 0}}

    error: Any = failure(f"'use strict'; {body};", facts={"schedule": schedule})

    assert error.name == "TypeError"


def test_the_schedule_is_readable(value: Value) -> None:
    schedule = {"cron": "0 9 * * 1", "next_run": "2026-01-05T09:00:00Z"}

    body = "return { schedule: ctx.schedule };"

    assert value(body, facts={"schedule": schedule}) == {"schedule": schedule}
    assert value(body) == {"schedule": None}


def test_the_facts_of_the_run_are_metadata_that_cannot_change(host: Host, value: Value) -> None:
    host.synchronous = Metadata().functions

    got = value(
        """const keys = ["run_id", "analysis_id", "version", "attempt"];
        const refused = [];
        for (const key of keys) {
          try { ctx.metadata.set(key, 1); } catch (e) { refused.push(e.message); }
          try { ctx.metadata.delete(key); } catch (e) { refused.push(e.name); }
        }
        return { values: keys.map((k) => ctx.metadata.get(k)), has: ctx.metadata.has("run_id"),
                 refused };"""
    )

    assert got["values"] == ["0d4f2c", "monthly_report", 3, 1]
    assert got["has"] is True
    assert got["refused"][:2] == ["metadata 'run_id' is read-only", "ReadOnlyError"]
    assert len(got["refused"]) == 8


@pytest.mark.parametrize("key", ["", 5, None, {}])
def test_metadata_keys_are_text(key: object, failure: Failure) -> None:
    error = failure("ctx.metadata.get(params.key);", parameters={"key": key})

    assert "must be a string" in str(error)


def test_log_shows_whatever_it_is_given(host: Host, value: Value) -> None:
    value(
        """const cycle = { n: "x" }; cycle.self = cycle; const map = new Map([["m", cycle]]);
        map.set("map", map);
        ctx.log("text", 1, 2n, null, undefined, true, Symbol("s"), () => 1, function named() {});
        ctx.log({ a: [1, { b: null }], d: new Date(0), u: undefined, n: NaN, big: 5n });
        ctx.log(cycle, [cycle], map, new Set([1]));
        ctx.log(new Uint8Array(3), /x/g);
        ctx.log(new RangeError("bad"), { e: new Error("in") });
        ctx.log({ get x() { throw new Error("getter") } }, Object.create(null));
        ctx.log();
        ctx.error("wrong", { code: 1 });
        return {};"""
    )

    cycle = '{"n":"x","self":"[Circular]"}'
    assert host.lines == [
        ("info", "text 1 2n null undefined true Symbol(s) [Function: anonymous] [Function: named]"),
        (
            "info",
            '{"a":[1,{"b":null}],"d":"1970-01-01T00:00:00.000Z","n":null,"big":"5n"}',
        ),
        (
            "info",
            f'{cycle} [{cycle}] {{"[Map]":[["m",{cycle}],["map","[Circular]"]]}} {{"[Set]":[1]}}',
        ),
        ("info", '"[Uint8Array of 3 bytes]" "/x/g"'),
        ("info", 'RangeError: bad {"e":"Error: in"}'),
        ("info", "[cannot be shown: getter] {}"),
        ("info", ""),
        ("error", 'wrong {"code":1}'),
    ]


TABLE = """\
┌─────────┬───┐
│ (index) │ a │
├─────────┼───┤
│ 0       │ 1 │
└─────────┴───┘"""


def test_console_logs_at_its_levels(host: Host, value: Value) -> None:
    value(
        """console.log("%s has %d rows, %i%% %j %o %x", "t", "3", 4.7, { a: 1 }, [1], "more");
        console.info("i"); console.warn("w", 1); console.error("e"); console.debug("d");
        console.group("group"); console.log("inside"); console.groupEnd(); console.log("outside");
        console.assert(1 === 1, "right"); console.assert(false, "wrong");
        console.count(); console.count(); console.table([{ a: 1 }]); console.dir({ b: 2 });
        return {};"""
    )

    assert host.lines == [
        ("info", 't has 3 rows, 4% {"a":1} [1] %x more'),
        ("info", "i"),
        ("warning", "w 1"),
        ("error", "e"),
        ("debug", "d"),
        ("info", "group"),
        ("info", "  inside"),
        ("info", "outside"),
        ("error", "Assertion failed: wrong"),
        ("info", "default: 1"),
        ("info", "default: 2"),
        ("info", TABLE),
        ("info", '{"b":2}'),
    ]


def test_a_log_that_cannot_be_written_does_not_end_the_run(
    value: Value, sandbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from analysis_sandbox.sandbox.supervisor import HostFunctions
    from tests.sandbox.scripts import call

    def fail(level: str, message: str) -> None:
        raise OSError("disk full")

    functions = HostFunctions(asynchronous={}, synchronous={}, log=fail)

    outcome = sandbox.run(call("ctx.log('x'); return { ok: 1 };"), functions)

    assert outcome.value == '{"ok":1}'
    assert "could not be written" in caplog.text


@pytest.mark.parametrize("given", ["'abc'", "NaN", "-1", "{}", "undefined"])
def test_sleep_needs_milliseconds(given: str, failure: Failure) -> None:
    assert "ctx.sleep needs milliseconds" in str(failure(f"await ctx.sleep({given});"))
