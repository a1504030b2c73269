"""Texts that are no scripts: syntax errors with their place, hostile input."""

import time
import weakref

import pytest

from analysis_sandbox.script.tree import PARSE_SECONDS, READ_SECONDS, ScriptTree
from tests.script.conftest import Inspect
from tests.script.sources import running


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        (
            "export default {\n run() { let a = ; }\n}",
            ["Syntax error at line 2: unexpected token ';' (column 18)"],
        ),
        (
            "export default {\n run() { foo(1 2) }\n}",
            ["Syntax error at line 2: unexpected number (column 16, at '2')"],
        ),
        (
            'export default { title: "x" run() {} }',
            ["Syntax error at line 1: unexpected identifier 'run' (column 29)"],
        ),
        (
            "export default {\n  run: async (ctx) => {\n    const x = 1;\n}\n",
            ["Syntax error at line 5: unexpected end of the script (column 1)"],
        ),
        ("x = 1 +", ["Syntax error at line 1: unexpected end of the script (column 8)"]),
        ("}", ["Syntax error at line 1: unexpected token '}' (column 1)"]),
        (
            'let y = "é" + ü +;',
            ["Syntax error at line 1: unexpected token ';' (column 18)"],
        ),
        (
            "const a = 1;\r\nconst b = {x: 1 y: 2}",
            ["Syntax error at line 2: unexpected identifier 'y' (column 17)"],
        ),
        (
            "const a = 1;\nlet a = 2;",
            [
                (
                    "Syntax error at line 2: invalid redefinition of global identifier "
                    "(column 7, at '=')"
                )
            ],
        ),
        (
            "function f() { await g() }",
            ["Syntax error at line 1: unexpected 'await' keyword (column 16)"],
        ),
        ("x = /(/", ["Syntax error: expecting ')'"]),
        (
            '"abc\ndef"',
            ["Syntax error at line 1: unexpected end of a line inside a text (column 1, at '\"')"],
        ),
        # As many as can be told for certain.
        (
            running("if (ctx.a {\n}\nconst q = [1, 2;"),
            [
                "Syntax error at line 2: unexpected token '{' (column 11)",
                "Syntax error at line 4: missing ']' (column 16)",
            ],
        ),
        (
            running("const a = 1 +* 2;\nconst b = 3;\nconst c = f(4 5);"),
            [
                "Syntax error at line 2: unexpected token '*' (column 14)",
                "Syntax error at line 4: unexpected token near '5' (column 15)",
            ],
        ),
        # A forgotten comma is not TypeScript.
        (
            'export default {\n  title: "x"\n  parameters: { a: 1 },\n}',
            ["Syntax error at line 3: unexpected identifier 'parameters' (column 3)"],
        ),
        (
            'schedule: {\n  cron: "0 9 * * *",\n  timezone: "UTC"\n}',
            ["Syntax error at line 3: expecting ';' (column 11, at ':')"],
        ),
    ],
)
def test_syntax_errors_say_where_and_what(inspect: Inspect, source: str, errors: list[str]) -> None:
    found = inspect(source)
    assert found.errors == errors
    assert (found.definition, found.compiled, found.metadata) == (None, None, {})


MEGABYTE = 1 << 20
HOSTILE = {
    "opening brackets": "(" * MEGABYTE,
    "closing brackets": ")" * MEGABYTE,
    "nested lists": "x = " + "[" * 10_000 + "]" * 10_000,
    "nested objects": "x = " + "{a:" * 5_000 + "1" + "}" * 5_000,
    "nested patterns": "a b" + "{a:" * 100_000,
    "nested arrows": "(a, " * 250_000,
    "templates": "`${" * 300_000,
    "regular expressions": "/[" * 500_000,
    "a chain of members": "ctx" + ".a" * 500_000,
    "a chain of operators": "a" + "+a" * 500_000,
    "questions": "a?b:" * 250_000 + "c",
    "empty statements": ";" * MEGABYTE,
    "calls": "f(a);" * 200_000,
    "comments": "-}/*" * 8_000,
    "question marks": "(" + "\n+??" * 8_000,
    "null characters": "\0" * MEGABYTE,
    "half characters": 'x = "\ud800"',
    "too much": "x" * (5 * MEGABYTE),
    "blanks": " \n" * 100_000,
    "nothing": "",
    "awaits": "await " * 170_000 + "x",
    "types in types": "let x: " + "A<" * 300_000,
    "arrays of arrays": "let x: A" + "[]" * 500_000,
    "casts": "x = " + "<a>" * 340_000 + "b",
    "casts behind": "x" + " as a" * 200_000,
    "certainties": "x" + "!" * MEGABYTE,
    "arrows with types": "a?(b):c=>" * 110_000,
    "an enum": "enum A {" + "a=b," * 30_000 + "}",
    "aliases": "type A=B;" * 40_000,
    "imports of types": "import {" + "type A," * 50_000 + '} from "x"',
    "fields": "class A {" + "private a: b;" * 25_000 + "}",
    "declarations": "declare " * 130_000,
    "handed on": "".join(f"function f{i}(a{i}) {{ f{i + 1}(a{i}) }}" for i in range(12_000)),
}


@pytest.mark.parametrize("filename", ["report.js", "report.ts"])
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_refused_with_a_reason_and_within_its_time(
    inspect: Inspect, source: str, filename: str
) -> None:
    began = time.thread_time()
    found = inspect(source, filename=filename)
    assert 1 <= len(found.errors) <= 101
    assert all(len(error) < 400 for error in found.errors)
    # Processor time of this thread: what the sandbox needs is bounded by its own limits.
    assert time.thread_time() - began < PARSE_SECONDS + READ_SECONDS + 3


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "x" * (MEGABYTE + 1),
            (
                "The script has 1048577 bytes; the limit is 1048576 (1 MB). "
                "Keep data in a datasource, not in the script"
            ),
        ),
        ("a\n\0", "Line 2 holds a null character; remove it"),
        (
            "a\n\n'\udc00'",
            "Line 3 holds half of a surrogate pair; save the script as UTF-8",
        ),
        (
            "(" * 1001,
            "The script's brackets are nested 1001 levels deep; the limit is 1000",
        ),
        (
            ";" * 500_000,
            "The script is too complex: it has 1000001 syntax nodes; the limit is 400000",
        ),
    ],
)
def test_limits_are_told_with_both_figures(inspect: Inspect, source: str, error: str) -> None:
    assert inspect(source).errors == [error]


def test_a_script_of_nearly_one_megabyte_is_accepted(inspect: Inspect) -> None:
    padding = "\n".join(f"// {'x' * 96}" for _ in range(10_400))
    source = f"{padding}\n{running('return { rows: 1 };')}"
    assert len(source) > 1_040_000
    assert inspect(source).errors == []


def test_brackets_in_texts_that_nobody_closes_do_not_count_as_deep(inspect: Inspect) -> None:
    assert inspect(running('return { sad: ":(((((", re: /[(]/, sql: `((` };')).errors == []


def test_a_byte_order_mark_is_no_error(inspect: Inspect) -> None:
    found = inspect("\ufeff" + running("return {};"))
    assert found.errors == []
    assert found.compiled == running("return {};")


def test_a_tree_is_freed_with_its_last_user() -> None:
    tree = ScriptTree(running("return { a: 1 };"))
    freed = weakref.ref(tree)
    del tree
    assert freed() is None
