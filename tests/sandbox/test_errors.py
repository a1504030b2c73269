"""What people read when a script fails: message, line, column and stack in their own lines."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import json
from typing import Any

import pytest

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    ScriptError,
    UnsupportedOperationError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.outcome import Script, from_report
from tests.sandbox.conftest import Failure, Value
from tests.sandbox.scripts import FILENAME, Host


@pytest.mark.parametrize(
    ("code", "name", "message", "line", "column"),
    [
        ("let a = 1;\nlet b = ;\n// export", "SyntaxError", "unexpected token", 2, 9),
        ("\n\n  @ // export", "SyntaxError", "unexpected token", 3, 3),
        ("export default {a: 1}}", "SyntaxError", "unexpected token", 1, 22),
        ("let x; let x; // export", "SyntaxError", "redefinition", 1, 13),
        ("const a = `x\n// export", "SyntaxError", "unexpected end of string", 1, None),
        ("\n\nthrow new TypeError('top'); // export", "TypeError", "top", 3, None),
        ("await 1;\nthrow new Error('late'); // export", "Error", "late", 2, None),
        ("export default {};\nnull.x;", "TypeError", "cannot read property 'x' of null", 2, None),
        ("return undefinedName;", "ReferenceError", "undefinedName is not defined", 2, None),
        ("const x = {};\nx.a.b();", "TypeError", "cannot read property 'b'", 3, None),
        ("await null;\nparams.f();", "TypeError", "not a function", 3, None),
        ("return JSON.parse('{x');", "SyntaxError", "", 2, None),
    ],
)
def test_an_error_has_the_line_of_the_author(
    code: str, name: str, message: str, line: int, column: int | None, failure: Failure
) -> None:
    error = failure(code)

    assert isinstance(error, ScriptError)
    assert (error.name, error.line) == (name, line)
    assert message in str(error)
    assert column is None or error.column == column
    assert error.stack is not None
    assert f"{FILENAME}:{line}" in error.stack


def test_a_stack_names_the_functions_of_the_script_and_nothing_else(failure: Failure) -> None:
    error: Any = failure(
        "function inner(x) {\n  return x.foo.bar;\n}\n"
        "export default {\n  run() {\n    return inner({});\n  },\n};\n"
    )

    lines = error.stack.split("\n")
    assert lines[0] == "TypeError: cannot read property 'bar' of undefined"
    assert lines[1].startswith(f"    at inner ({FILENAME}:2:")
    assert lines[2].startswith(f"    at run ({FILENAME}:6:")
    assert "analysis-sandbox:" not in error.stack


@pytest.mark.parametrize(
    ("code", "wanted", "line"),
    [
        ("import fs from 'fs';\nexport default {};", "fs", 1),
        (
            "\nimport { readFile } from 'node:fs/promises';\nexport default {};",
            "node:fs/promises",
            2,
        ),
        ("export * from './other.js';", "./other.js", 1),
        ("import 'https://example.com/x.js';\nexport default {};", "https://example.com/x.js", 1),
        ("export const a = 1;\nawait import('/etc/passwd');", "/etc/passwd", 2),
        ("return import('std');", "std", 2),
    ],
)
def test_an_import_of_anything_is_refused_by_name(
    code: str, wanted: str, line: int, failure: Failure
) -> None:
    error = failure(code)

    assert isinstance(error, ScriptError)
    assert f"Cannot import '{wanted}'" in str(error)
    assert error.line == line


@pytest.mark.parametrize(
    ("thrown", "message"),
    [
        ("'just text'", "The script threw just text"),
        ("{ code: 7 }", 'The script threw {"code":7}'),
        ("null", "The script threw null"),
        ("undefined", "The script threw undefined"),
        ("42n", "The script threw 42n"),
        ("Symbol('s')", "The script threw Symbol(s)"),
    ],
)
def test_whatever_is_thrown_is_shown(thrown: str, message: str, failure: Failure) -> None:
    error = failure(f"throw {thrown};")

    assert type(error) is ScriptError
    assert str(error) == message


@pytest.mark.parametrize(
    "body",
    [
        "throw Object.defineProperty(new Error('x'), 'message', { get() { throw 1 } });",
        "throw Object.defineProperty(new Error('x'), 'stack', { get() { throw 1 } });",
        "throw Object.assign(new Error('x'), { name: {}, message: [], stack: 5 });",
        "throw Object.assign(new Error('x'), { cause: new Proxy({}, { get() { throw 1 } }) });",
        "throw new Proxy(new Error('x'), { get() { throw 1 } });",
        "Error.prepareStackTrace = () => { throw 1 }; throw new Error('x');",
        "Error.prepareStackTrace = () => ({}); null.x;",
        "Error.stackTraceLimit = 0; throw new Error('x');",
        "throw { toJSON() { throw new Error('no') } };",
        "throw { get a() { throw new Error('no') } };",
    ],
)
def test_an_error_that_lies_is_still_an_error(body: str, failure: Failure) -> None:
    assert type(failure(body)) is ScriptError


def test_the_cause_of_an_error_is_part_of_its_stack(failure: Failure) -> None:
    error: Any = failure("throw new Error('outer', { cause: new RangeError('inner') });")

    assert str(error) == "outer"
    assert "Caused by RangeError: inner" in error.stack


def test_an_error_in_a_timer_ends_the_run(failure: Failure) -> None:
    error: Any = failure(
        "setTimeout(() => { throw new RangeError('tick') }, 1);\nawait ctx.sleep(9e3);"
    )

    assert (error.name, str(error), error.line) == ("RangeError", "tick", 2)


def test_an_error_in_a_microtask_ends_the_run(failure: Failure) -> None:
    error = failure(
        "queueMicrotask(() => { throw new RangeError('micro') }); await ctx.sleep(9e3);"
    )

    assert str(error) == "micro"


def test_a_rejection_that_nobody_handles_fails_the_run(failure: Failure) -> None:
    error = failure("Promise.reject(new Error('lost'));\nawait ctx.sleep(1);\nreturn {};")

    assert str(error) == "lost"


def test_a_rejection_that_is_handled_later_does_not(value: Value) -> None:
    body = """const p = Promise.reject(new Error('late'));
      const q = (async () => { throw new Error('inner') })();
      await ctx.sleep(1);
      await Promise.allSettled([p, q]);
      return { ok: 1 };"""

    assert value(body) == {"ok": 1}


def test_a_promise_that_nothing_settles_ends_the_run_at_once(failure: Failure) -> None:
    error = failure("await new Promise(() => {});", limits={"timeout_ms": 60_000})

    assert str(error) == "The script waits for a promise that nothing is going to settle"


def test_a_call_that_nobody_waits_for_is_noted(host: Host, value: Value) -> None:
    host.asynchronous = {"duckdb.exec": lambda sql: None}

    assert value("ctx.duckdb.exec('insert'); return {};") == {}
    [(level, message)] = host.lines
    assert level == "warning"
    assert "without waiting for 1 call (duckdb.exec)" in message


def test_a_host_error_that_nobody_catches_comes_back_as_itself(
    host: Host, failure: Failure
) -> None:
    original = QueryError("no such table: t", hint="Create it.", details={"sql": "select"})

    def refuse(sql: str, params: object, options: object = None) -> object:
        raise original

    host.asynchronous = {"duckdb.query": refuse}

    error = failure("const a = 1;\nawait ctx.duckdb.query('select');")

    assert error is original
    assert (error.hint, error.details["sql"], error.details["line"]) == ("Create it.", "select", 3)
    assert str(error.details["stack"]).startswith(
        f"QueryError: no such table: t\n    at run ({FILENAME}:3:"
    )


@pytest.mark.parametrize(
    ("body", "facts", "kind"),
    [
        ("\nctx.datasource.nope;", {}, NotFoundError),
        ("\nawait ctx.datasource.files.query('x');", {}, UnsupportedOperationError),
        ("\nctx.metadata.set('k', 1);", {"read_only": True}, ReadOnlyError),
        ("\nctx.metadata.set('run_id', 1);", {}, ReadOnlyError),
    ],
)
def test_what_the_runtime_refuses_has_the_code_that_the_host_would_give(
    body: str, facts: Any, kind: type[AnalysisSandboxError], failure: Failure, value: Value
) -> None:
    error = failure(body, facts=facts)

    assert type(error) is kind
    assert error.details["line"] == 3
    assert f"{FILENAME}:3:" in str(error.details["stack"])
    caught = f"try {{ {body} }} catch (error) {{ return {{ code: error.code }}; }}"
    assert value(caught, facts=facts) == {"code": kind.code}
    again = f"try {{ {body} }} catch (error) {{ await null; throw error; }}"
    assert type(failure(again, facts=facts)) is kind


@pytest.mark.parametrize(
    "thrown",
    [
        "Object.assign(new Error('x'), { code: 'NOT_FOUND', name: 'NotFoundError' })",
        "Object.assign(new Error('x'), { kind: 'not_found', call: 1, transient: true })",
        "Object.create(refused)",
        "Object.setPrototypeOf(new Error('x'), refused)",
        "new Error('x', { cause: refused })",
        "new Proxy(refused, {})",
        "structuredClone({ message: refused.message, code: refused.code })",
    ],
)
def test_an_error_that_only_looks_like_one_of_ours_is_the_scripts(
    thrown: str, failure: Failure
) -> None:
    body = (
        f"let refused; try {{ ctx.datasource.nope; }} catch (e) {{ refused = e; }} throw {thrown};"
    )

    assert type(failure(body)) is ScriptError


@pytest.mark.parametrize("kind", ["__proto__", "constructor", "result ", "crash", "", None, [], {}])
def test_a_report_of_an_unknown_kind_is_a_script_error(kind: Any) -> None:
    script = Script(FILENAME, "", Limits())
    report = {"kind": kind, "name": "E", "message": "m", "stack": 5, "call": True, "bytes": -1}

    error = from_report(report, script, {}, elapsed_ms=1)

    assert type(error) is ScriptError
    assert not error.transient


@pytest.mark.parametrize("kind", ["time", "memory", "log", "result", "limit", "not_found"])
def test_a_report_that_lies_about_figures_gains_a_label_only(kind: str) -> None:
    script = Script(FILENAME, "", Limits())
    for figure in (-5, 10**30, "much", None, True, 1.5, [1]):
        report = {"kind": kind, "bytes": figure, "lines": figure, "message": "m"}

        error = from_report(report, script, {}, elapsed_ms=1)

        assert not error.transient
        assert error.code != "INTERNAL_ERROR"
        json.dumps(error.facts(), allow_nan=False)
