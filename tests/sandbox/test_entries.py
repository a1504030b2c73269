"""What is called in a script, how, and what it may return."""

import json
from typing import Any

import pytest

from analysis_sandbox.errors import ScriptError
from tests.sandbox.conftest import Failure, Run, Value


def test_run_gets_its_parameters_and_its_object_comes_back(value: Value) -> None:
    parameters = {"city": "Köln", "n": [1, 2.5, None, {"a": True}]}

    assert value("return { got: params };", parameters=parameters) == {"got": parameters}


def test_run_is_called_as_a_method_of_the_export(value: Value) -> None:
    code = "export default { title: 'Report', run() { return { title: this.title }; } };"

    assert value(code) == {"title": "Report"}


@pytest.mark.parametrize(
    "code",
    [
        "const analysis = { run: () => ({ ok: 1 }) }; export default analysis;",
        "const analysis = { run: () => ({ ok: 1 }) }; export { analysis as default };",
        "export default { async run() { return { ok: 1 }; } };",
        "export const helper = 1; export default { run: async () => ({ ok: helper }) };",
        "const ok = await Promise.resolve(1); export default { run: () => ({ ok }) };",
        "export default new (class { run() { return { ok: 1 }; } })();",
        "function one() { return 1; }\nexport default { run() { return { ok: one() }; } };",
    ],
)
def test_every_way_to_write_the_default_export_works(code: str, value: Value) -> None:
    assert value(code) == {"ok": 1}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("export const a = 1;", "The script has no default export"),
        ("const x = 1; // export", "The script has no default export"),
        ("export default null;", "must be an object, not null"),
        ("export default [1];", "must be an object, not array"),
        ("export default function () {}", "must be an object, not function"),
        ("export default class { run() {} }", "must be an object, not function"),
        ("export default { title: 'x' };", "has no run function"),
        ("export default { run: 1 };", "has no run function"),
    ],
)
def test_an_export_without_a_run_function_is_named(
    code: str, message: str, failure: Failure
) -> None:
    error = failure(code)

    assert isinstance(error, ScriptError)
    assert message in str(error)


@pytest.mark.parametrize(
    "result",
    [
        "[1]",
        "null",
        "undefined",
        "1",
        "'x'",
        "true",
        "() => 1",
        "Symbol('x')",
        "10n",
        "new Date(0)",
        "new Map()",
        "new Set()",
        "new Uint8Array(2)",
        "new ArrayBuffer(2)",
        "{ toJSON: () => [1] }",
        "{ toJSON: () => undefined }",
    ],
)
def test_a_result_must_be_an_object(result: str, failure: Failure) -> None:
    error = failure(f"return {result};")

    assert isinstance(error, ScriptError)
    assert str(error) == "Analysis must return an object"


def test_describe_returns_the_definition_with_its_functions_marked(run: Run) -> None:
    outcome = run(
        """export default {
          title: "Report", schedule: { cron: "0 9 * * 1", shouldRun: async () => true },
          parameters: { city: { type: "select", options: (ctx, params) => [] },
                        code: { type: "string", pattern: /^[A-Z]+$/ } },
          async run() {} };""",
        entry="describe",
    )

    assert json.loads(outcome.value or "") == {
        "export": "object",
        "value": {
            "title": "Report",
            "schedule": {"cron": "0 9 * * 1", "shouldRun": "\ue000function"},
            "parameters": {
                "city": {"type": "select", "options": "\ue000function"},
                "code": {"type": "string", "pattern": "^[A-Z]+$"},
            },
            "run": "\ue000function",
        },
    }


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("export const a = 1;", "missing"),
        ("export default null;", "null"),
        ("export default [1];", "array"),
        ("export default class { run() {} }", "function"),
        ("export default 'text';", "string"),
    ],
)
def test_describe_tells_what_else_is_exported(code: str, kind: str, value: Value) -> None:
    assert value(code, entry="describe") == {"export": kind, "value": None}


def test_describe_does_not_run_the_script(value: Value, run: Run) -> None:
    code = "export default { run() { throw new Error('ran'); } };"

    assert value(code, entry="describe")["export"] == "object"
    assert run(code).error is not None


def test_options_are_called_on_their_parameter_with_ctx_and_params(value: Value) -> None:
    code = """export default { parameters: { city: { extra: "Bonn",
      async options(ctx, params) {
        return [{ value: 1, label: params.country + ctx.metadata.get("run_id") + this.extra }];
      } } }, run() {} };"""

    options = value(code, entry="options", argument="city", parameters={"country": "de "})

    assert options == [{"value": 1, "label": "de 0d4f2cBonn"}]


@pytest.mark.parametrize("argument", ["nope", "static"])
def test_a_parameter_without_an_options_function_is_named(argument: str, failure: Failure) -> None:
    code = "export default { parameters: { static: { options: [] } }, run() {} };"

    error = failure(code, entry="options", argument=argument)

    assert str(error) == f"Parameter '{argument}' has no options function"


@pytest.mark.parametrize(("answer", "expected"), [("true", True), ("0", False), ("[1]", True)])
def test_should_run_answers_yes_or_no(answer: str, expected: bool, value: Value) -> None:
    code = f"export default {{ schedule: {{ shouldRun: async () => {answer} }}, run() {{}} }};"

    assert value(code, entry="shouldRun") is expected


def test_a_schedule_without_should_run_is_named(failure: Failure) -> None:
    assert "no shouldRun function" in str(failure("export default {};", entry="shouldRun"))


@pytest.mark.parametrize(
    "body",
    [
        "ctx.metadata.set('a', 1)",
        "ctx.metadata.delete('a')",
        "await ctx.duckdb.exec('drop table t')",
        "await ctx.duckdb.load('postgres_main', 'select 1', 't')",
        "await ctx.runAnalysis('other')",
    ],
)
def test_a_read_only_context_refuses_to_write(body: str, failure: Failure) -> None:
    error: Any = failure(body, facts={"read_only": True})

    assert error.code == "READ_ONLY"
    assert body.removeprefix("await ").partition("(")[0] in str(error)


@pytest.mark.parametrize("reason", ["", "undefined", "null", "0"])
def test_a_rejection_that_nobody_handles_is_an_error_whatever_it_says(
    failure: Failure, reason: str
) -> None:
    error = failure(f"Promise.reject({reason}); return {{ ok: 1 }};")

    assert f"threw {reason or 'undefined'}" in error.message


def test_a_rejection_that_is_handled_later_is_none(value: Value) -> None:
    code = "const lost = Promise.reject(); await null; await lost.catch(() => 0); return { ok: 1 };"

    assert value(code) == {"ok": 1}


def test_a_promise_inside_a_result_asks_to_be_awaited(failure: Failure) -> None:
    error = failure("return { rows: Promise.resolve([]) };")

    assert "a Promise, which has no JSON form: await it" in error.message
