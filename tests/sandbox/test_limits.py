"""Time, memory, stack, result, log: each limit ends a script with an error that names it."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import json
import os
import re
import signal
import threading
from typing import Any

import pytest

from analysis_sandbox.errors import (
    CrashError,
    LimitExceededError,
    MemoryLimitError,
    ResultTooLargeError,
    ScriptError,
    TimeLimitError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.launcher import Ending
from analysis_sandbox.sandbox.outcome import Script, from_ending
from analysis_sandbox.sandbox.protocol import EXIT_BROKEN, EXIT_NO_MEMORY
from tests.sandbox.conftest import Failure, Run, Value
from tests.sandbox.scripts import FILENAME, Host, Metadata, call

SHORT = {"timeout_ms": 250}


# Inside a call the engine knows the line; between the turns of a loop it is the last one before it.
@pytest.mark.parametrize(
    ("body", "first", "last"),
    [
        ("while (true) {}", 1, 2),
        ("function spin() {\n  for (;;) {}\n}\nspin();", 2, 3),
        ("function spin() {\n  for (;;)\n    Math.abs(1);\n}\nspin();", 2, 4),
        ("await ctx.sleep(1);\nfor (;;) Math.abs(1);", 2, 3),
        ("Promise.resolve().then(() => {\n  for (;;) {}\n});\nawait ctx.sleep(60e3);", 2, 3),
        ("for (;;) ctx.metadata.get('k');", 1, 2),
        ("for (;;) await ctx.duckdb.describe('t');", 1, 2),
        ("return /(x+x+)+y/.test('x'.repeat(60));", 2, 2),
        ("[2, 1].sort(() => {\n  for (;;) {}\n});", 2, 3),
        ("return { get a() {\n  for (;;) {}\n} };", 2, 3),
        ("return new Proxy({}, { ownKeys() {\n  for (;;) {}\n} });", 2, 3),
        ("await ctx.sleep(60e3);", 2, 2),
        ("const a = 1;\nawait ctx.duckdb.tables();", 3, 3),
        ("for (;;) { try { await ctx.sleep(60e3); } catch {} }", 2, 2),
        ("for (;;) { try { for (;;) {} } catch {} finally {} }", 1, 2),
    ],
)
def test_the_time_limit_has_the_stack_of_what_was_running(
    body: str, first: int, last: int, host: Host, failure: Failure, hanging: Any
) -> None:
    host.asynchronous = {"duckdb.describe": lambda table: 1, "duckdb.tables": hanging}
    host.synchronous = Metadata().functions

    error: Any = failure(body, limits=SHORT)

    assert isinstance(error, TimeLimitError)
    assert str(error).startswith("The script ran longer than its limit of 0.25 s: it was ended")
    assert error.details["allowed"] == 250
    assert int(str(error.details["used"])) >= 250
    assert error.line is not None
    assert error.stack is not None
    assert first <= error.line <= last
    assert f"{FILENAME}:{error.line}" in error.stack
    assert "spin" not in body or "at spin" in error.stack


@pytest.mark.parametrize(
    "body",
    [
        "while (true) await null;",
        "const again = () => Promise.resolve().then(again); await again();",
        "setInterval(() => {}, 0); await new Promise(() => {});",
        "for (;;) new Promise(() => { for (;;); });",
        "const s = 'x'.repeat(3e7); for (;;) s.indexOf('y') + s.lastIndexOf('z');",
        "return new Array(1e9) + '';",
        "ctx.metadata.set('k', 1);",
        "queueMicrotask(function f() { queueMicrotask(f); }); await ctx.sleep(60e3);",
        "Error.prepareStackTrace = () => { for (;;); }; null.x;",
        "return { toJSON() { for (;;); } };",
        "throw { toString() { for (;;); }, toJSON() { for (;;); } };",
        "throw Object.defineProperty(new Error(), 'message', { get() { for (;;); } });",
    ],
)
def test_nothing_outlives_the_time_limit(
    body: str, host: Host, failure: Failure, hanging: Any
) -> None:
    host.synchronous = {"metadata.set": hanging}

    assert type(failure(body, limits=SHORT)) is TimeLimitError


def test_top_level_code_is_under_the_time_limit(failure: Failure) -> None:
    error: Any = failure("let i = 0;\nwhile (true) i++;\nexport default {};", limits=SHORT)

    assert isinstance(error, TimeLimitError)
    assert f"({FILENAME}:1:1)" in (error.stack or "")


@pytest.mark.parametrize("entry", ["describe", "options", "shouldRun"])
def test_every_entry_is_under_the_time_limit(entry: str, failure: Failure) -> None:
    code = """export default {
      get title() { for (;;); },
      schedule: { shouldRun() { for (;;); } },
      parameters: { p: { options() { for (;;); } } },
    };"""

    assert type(failure(code, entry=entry, argument="p", limits=SHORT)) is TimeLimitError


@pytest.mark.parametrize(
    "body",
    [
        "const a = []; for (;;) a.push(new Array(1000).fill(1));",
        "const a = []; for (;;) a.push('x'.repeat(1e6) + a.length);",
        "return { n: new ArrayBuffer(5e8).byteLength };",
        "const o = {}; for (let i = 0; ; i++) o['k' + i] = { i };",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, [i]);",
        "const p = []; for (;;) p.push(Promise.resolve([1, 2, 3]));",
        "return { a: await ctx.duckdb.tables() };",
        "const fs = []; for (;;) fs.push(() => fs);",
    ],
)
def test_the_memory_limit_is_an_error_of_its_own(body: str, host: Host, failure: Failure) -> None:
    rows = [{"id": i, "name": f"customer {i}"} for i in range(100_000)]
    host.asynchronous = {"duckdb.tables": lambda: rows}

    error = failure(body, limits={"memory_mb": 24})

    assert type(error) is MemoryLimitError


def test_top_level_code_is_under_the_memory_limit(failure: Failure) -> None:
    code = "const a = [];\nfor (;;) a.push({});\nexport default {};"

    error = failure(code, limits={"memory_mb": 16})

    assert type(error) is MemoryLimitError
    assert re.fullmatch(
        r"The script needed more memory than its limit of 16 MB: "
        r"it had used \d+\.\d MB when it asked for more than was left",
        str(error),
    )
    assert 8 << 20 < int(str(error.details["used_bytes"])) <= 16 << 20
    assert error.details["allowed_bytes"] == 16 << 20


def test_one_request_that_is_too_large_is_told_from_a_full_memory(failure: Failure) -> None:
    error = failure("return { n: new ArrayBuffer(5e8).byteLength };", limits={"memory_mb": 64})

    assert type(error) is MemoryLimitError
    assert int(str(error.details["used_bytes"])) < 8 << 20


def test_a_script_may_survive_its_memory_limit(value: Value) -> None:
    body = """let a = [];
      try { for (;;) a.push("x".repeat(1e6) + a.length); } catch { a = null; }
      return { survived: true };"""

    assert value(body, limits={"memory_mb": 32}) == {"survived": True}


@pytest.mark.parametrize(
    "body",
    [
        "function f() { return f() + 1; } return f();",
        "let deep = []; for (let i = 0; i < 1e6; i++) deep = [deep]; return { deep };",
        "return JSON.parse('['.repeat(1e6) + ']'.repeat(1e6));",
        "const o = { toJSON() { return { o }; } }; return o;",
        "return { x: new Proxy({}, { get(t, k, r) { return r[k]; } }).a };",
    ],
)
def test_a_stack_that_overflows_is_a_range_error(body: str, failure: Failure) -> None:
    error = failure(body)

    assert type(error) is ScriptError
    assert error.name in ("RangeError", "SyntaxError", "InternalError")


def test_a_stack_overflow_can_be_caught(value: Value) -> None:
    body = """function f() { return f() + 1; }
      try { f(); } catch (e) { return { caught: e.name }; }"""

    assert value(body) == {"caught": "RangeError"}


@pytest.mark.parametrize("depth", [190, 500, 3000])
def test_a_result_may_be_nested_two_hundred_levels(depth: int, run: Run) -> None:
    outcome = run(
        "let d = 1; for (let i = 0; i < params.n; i++) d = [d]; return { d };",
        parameters={"n": depth},
    )

    if depth < 200:
        assert outcome.error is None
    else:
        assert str(outcome.error) == "The result is nested deeper than 200 levels"


def test_a_result_over_the_limit_is_refused_with_its_size(failure: Failure) -> None:
    error = failure("return { text: 'x'.repeat(3 * 2 ** 20) };", limits={"result_size_mb": 2})

    assert type(error) is ResultTooLargeError
    assert str(error) == "Result size 3.0MB exceeds 2MB limit. Use DuckDB for large datasets."
    assert error.details == {"bytes": 3 * 2**20 + len('{"text":""}'), "limit_bytes": 2 << 20}


def test_a_result_counts_in_bytes_not_in_characters(run: Run) -> None:
    limits = {"result_size_mb": 1}

    assert run("return { t: 'x'.repeat(700_000) };", limits=limits).error is None
    assert run("return { t: 'ß'.repeat(700_000) };", limits=limits).error is not None


def test_a_log_line_too_many_ends_the_run_with_its_line(host: Host, failure: Failure) -> None:
    body = "for (let i = 0; i < 25; i++)\n  ctx.log('line', i);\nreturn {};"

    error = failure(body, limits={"log_lines": 10})

    assert type(error) is LimitExceededError
    assert str(error) == "The script wrote 11 log lines; 10 are allowed"
    assert "raise log_lines" in str(error.hint)
    assert error.details["limit"] == "log_lines"
    assert (error.details["used"], error.details["allowed"]) == (11, 10)
    assert error.details["line"] == 3
    assert said(host) == [f"line {i}" for i in range(10)]


@pytest.mark.parametrize(
    "body",
    [
        "for (;;) { try { ctx.log('x'); } catch {} }",
        "for (;;) console.log('x');",
        "try { for (;;) ctx.log('x'); } catch { return { ok: 1 }; }",
        "try { for (;;) ctx.log('x'); } catch {} await ctx.sleep(60e3);",
        "try { for (;;) ctx.log('x'); } finally { for (;;); }",
        "Promise.reject = null; setInterval(() => ctx.log('x'), 0); await ctx.sleep(60e3);",
        "for (;;) { ctx.log('x'); await null; }",
    ],
)
def test_no_script_survives_a_log_line_too_many(body: str, host: Host, failure: Failure) -> None:
    error = failure(body, limits={"log_lines": 10, "timeout_ms": 5_000})

    assert type(error) is LimitExceededError
    assert str(error) == "The script wrote 11 log lines; 10 are allowed"
    assert said(host) == ["x"] * 10


def test_a_million_log_lines_end_in_the_right_error(host: Host, failure: Failure) -> None:
    error = failure("for (let i = 0; i < 1e6; i++) console.log(i); return {};")

    assert str(error) == "The script wrote 10001 log lines; 10000 are allowed"
    assert said(host) == [str(i) for i in range(10_000)]


def test_log_bytes_are_those_of_the_text_in_utf8(host: Host, failure: Failure) -> None:
    body = "ctx.log('x'.repeat(400)); ctx.log('ß'.repeat(300)); ctx.log('y'); return {};"

    error = failure(body, limits={"log_bytes": 1000})

    assert type(error) is LimitExceededError
    assert str(error) == "The script wrote 1001 bytes of log; 1000 are allowed"
    assert [line[0] for line in said(host)] == ["x", "ß"]


def test_the_log_limits_allow_what_they_say(host: Host, value: Value) -> None:
    body = "for (let i = 0; i < 10; i++) ctx.log('0123456789'); return {};"

    assert value(body, limits={"log_lines": 10, "log_bytes": 100}) == {}
    assert said(host) == ["0123456789"] * 10


@pytest.mark.parametrize(
    ("body", "limits", "warning"),
    [
        (
            "for (let i = 0; i < 9; i++) ctx.log(i); return {};",
            {"log_lines": 10},
            "The script has written 8 log lines: at least 80% of the limit of 10",
        ),
        (
            "ctx.log('x'.repeat(90)); ctx.log('y'); return {};",
            {"log_bytes": 100},
            "The script has logged 90 bytes: at least 80% of the limit of 100 bytes",
        ),
        (
            "return { t: 'x'.repeat(0.9 * 2 ** 20) };",
            {"result_size_mb": 1},
            "The result has 0.9 MB: at least 80% of the limit of 1 MB",
        ),
        (
            "await ctx.sleep(1650); return {};",
            {"timeout_ms": 2000},
            r"The script has run for 1\.\d s: at least 80% of the limit of 2 s",
        ),
        (
            "for (const end = Date.now() + 1650; Date.now() < end;); return {};",
            {"timeout_ms": 2000},
            r"The script has run for 1\.\d s: at least 80% of the limit of 2 s",
        ),
        (
            "await Promise.all([1, 2, 3, 4, 5].map(() => ctx.duckdb.tables())); return {};",
            {"host_calls_in_flight": 5},
            (
                "4 host calls are under way at once, more wait for their turn: "
                "at least 80% of the limit of 5"
            ),
        ),
    ],
)
def test_a_limit_that_is_near_is_told_once(
    body: str, limits: dict[str, Any], warning: str, host: Host, value: Value
) -> None:
    both = threading.Barrier(5)
    host.asynchronous = {"duckdb.tables": lambda: both.wait(20) and None}

    value(body, limits=limits)

    [message] = [message for level, message in host.lines if level == "warning"]
    assert re.fullmatch(warning, message)


def test_memory_that_is_nearly_used_up_is_told_once(host: Host, value: Value) -> None:
    body = """const a = []; for (let i = 0; i < 18; i++) a.push(new Uint8Array(1 << 20));
      await ctx.sleep(1); a.push(new Uint8Array(1 << 20)); await ctx.sleep(1); return {};"""

    value(body, limits={"memory_mb": 22})

    [(level, message)] = host.lines
    assert level == "warning"
    assert re.fullmatch(
        r"The script uses 18\.\d MB of memory: at least 80% of the limit of 22 MB", message
    )


def test_a_script_far_from_its_limits_is_told_nothing(host: Host, value: Value) -> None:
    body = """for (let i = 0; i < 7; i++) ctx.log("123456789");
      const a = new Uint8Array(12 << 20); await ctx.sleep(1);
      return { t: "x".repeat(0.7 * 2 ** 20), a: a.length };"""

    limits = {"log_lines": 10, "log_bytes": 100, "memory_mb": 24, "result_size_mb": 1}
    value(body, limits=limits)

    assert len(host.lines) == 7


def test_usage_tells_the_peak_of_the_scripts_own_memory(run: Run) -> None:
    body = """let a = new Uint8Array(20 << 20).fill(1); await ctx.sleep(1); a = null;
      await ctx.sleep(1); return { ok: 1 };"""

    usage = run(body).usage

    assert 20 << 20 <= usage.peak_heap_bytes < 23 << 20
    assert usage.peak_memory_bytes > 30 << 20


def test_usage_is_known_of_runs_that_fail(host: Host, run: Run, hanging: Any) -> None:
    host.synchronous = {"metadata.has": lambda key: True}
    fill = "ctx.metadata.has('k'); const a = new Uint8Array(20 << 20).fill(1); await ctx.sleep(1);"

    for rest, name in (
        ("throw new Error('no');", "ScriptError"),
        ("for (;;) a.push(0);", "ScriptError"),
        ("for (;;);", "TimeLimitError"),
        ("return new Array(1e9) + '';", "TimeLimitError"),
        ("const b = []; for (;;) b.push({});", "MemoryLimitError"),
    ):
        outcome = run(f"{fill} {rest}", limits={"memory_mb": 48, "timeout_ms": 700})

        usage = outcome.usage
        assert type(outcome.error).__name__ == name
        assert usage.host_calls == 1
        assert usage.cpu_ms > 1
        assert usage.wall_ms >= 1
        assert usage.peak_memory_bytes > 30 << 20
        assert usage.bytes_in > 100
        assert usage.bytes_out > 20
        is_killed = rest.startswith("return")
        assert (usage.peak_heap_bytes == 0) if is_killed else (usage.peak_heap_bytes >= 20 << 20)


def said(host: Host) -> list[str]:
    """What the script logged, without the warnings about its limits."""
    return [message for level, message in host.lines if level != "warning"]


@pytest.mark.parametrize("number", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_process_that_dies_is_a_transient_crash(number: str, sandbox: Any, host: Host) -> None:
    running = sandbox.start(call("await ctx.sleep(60e3); return {};"), host.functions)
    os.kill(running.pid, signal.Signals[number])
    error = running.wait().error

    assert type(error) is CrashError
    assert error.transient
    assert number in str(error)


@pytest.mark.parametrize(
    ("status", "peak_mb", "expected"),
    [
        (signal.SIGSEGV, 20, CrashError),
        (signal.SIGSEGV, 60, MemoryLimitError),
        (signal.SIGABRT, 60, MemoryLimitError),
        (signal.SIGKILL, 20, CrashError),
        (signal.SIGKILL, 60, MemoryLimitError),
        (signal.SIGXCPU, 20, TimeLimitError),
        (EXIT_NO_MEMORY << 8, 20, MemoryLimitError),
        (EXIT_BROKEN << 8, 20, CrashError),
        (0, 20, CrashError),
    ],
)
def test_a_death_is_filed_by_what_it_looks_like(
    status: int, peak_mb: int, expected: type[Exception]
) -> None:
    script = Script(FILENAME, "", Limits(memory_mb=32))
    ending = Ending(status=status, peak_bytes=peak_mb << 20)

    error = from_ending(ending, script, is_stopped=False, elapsed_ms=5000)
    assert type(error) is expected
    if expected is MemoryLimitError:
        assert int(str(error.details["used_bytes"])) == min(peak_mb - 16, 32) << 20


def test_a_small_script_fits_into_the_smallest_memory(value: Value) -> None:
    assert value("return { ok: 1 };", limits={"memory_mb": 8}) == {"ok": 1}


def test_numbers_and_text_keep_their_exact_form_in_the_result(run: Run) -> None:
    text = run("return { a: 0.1 + 0.2, b: -0, c: 1e21, d: 'é\\n', e: [1,,2] };").value

    assert text == '{"a":0.30000000000000004,"b":0,"c":1e+21,"d":"é\\n","e":[1,null,2]}'
    assert json.loads(text or "")["e"] == [1, None, 2]
