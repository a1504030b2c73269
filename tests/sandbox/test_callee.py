"""The name of what is not a function."""

import pytest

from analysis_sandbox.errors import ScriptError
from analysis_sandbox.sandbox.callee import called_at
from analysis_sandbox.sandbox.supervisor import HostFunctions, Sandbox
from tests.sandbox.scripts import call

HOST = HostFunctions({}, {}, lambda _level, _message: None)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("const o = {}; o.total(1)", "o.total"),
        ("const o = {a: {}}; o.a.total()", "o.a.total"),
        ("let f = 5; f()", "f"),
        ("[1, 2].mapp(x => x)", "(…).mapp"),
        ("const o = {}; o['total'](1)", "o['total']"),
        ("const o = {};\n  o\n    .total()", "(…).total"),
        ("const o = {x() { return 1; }}; o.x().then2(4)", "(…).then2"),
        ("const o = {}; if (o.total(1)) { }", "o.total"),
        ("const o = {}; return [{\n a: 1,\n b: o.total(1) }]", "o.total"),
        ("const o = {}; [1].forEach((x) => {\n  o.total(x);\n})", "o.total"),
        ("const o = {}; const p = new o.Total(1)", "o.Total"),
        ("class A { constructor() { this.q(); } }\n new A()", "this.q"),
    ],
)
def test_an_error_names_what_is_not_a_function(sandbox: Sandbox, body: str, name: str) -> None:
    outcome = sandbox.run(call(f"export default {{ run() {{\n  {body}\n}} }};"), HOST)

    assert isinstance(outcome.error, ScriptError)
    assert outcome.error.message == f"{name} is not a function"
    assert f"{name} is not a function" in (outcome.error.stack or "")


@pytest.mark.parametrize(
    "body",
    [
        "const o = {}; o.total(Math.abs(1))",
        "const o = {}; Math.abs(o.total(1))",
        "const o = {}; Math.abs(1,\n  o.total(1))",
        "const o = {}, k = 'z'; o[k](1)",
        "[1].map(5)",
        "(() => {})()()",
        "const o = {}, k = 1; o.total(k + k)",
        "const o = {}; Math.abs({ a: o.total(1) })",
        "const o = {}; o.total({ a: Math.abs(1) })",
        "const o = {}; o.total(\n  1,\n  Math.abs(1),\n)",
    ],
)
def test_nothing_is_named_that_may_be_the_wrong_thing(sandbox: Sandbox, body: str) -> None:
    outcome = sandbox.run(call(f"export default {{ run() {{\n  {body}\n}} }};"), HOST)

    assert isinstance(outcome.error, ScriptError)
    assert outcome.error.message == "not a function"


@pytest.mark.parametrize(("line", "column"), [(None, None), (1, None), (9, 1), (1, 100), (1, 1)])
def test_a_place_that_shows_nothing_gives_nothing(line: int | None, column: int | None) -> None:
    assert called_at("(() => 1)()", line, column) is None


@pytest.mark.parametrize("unit", ["a", "a.", "(", "[", "a[b", "{", ")", "a?.", '"', "\n", "a("])
def test_no_script_makes_the_search_slow(unit: str) -> None:
    code = unit * 200_000
    line = code.count("\n") + 1

    for column in (1, 5, len(code) // 2, len(code), len(code) + 9):
        called_at(code, line, column)
