"""Which language a script is written in, and what is compiled of it."""

import pytest

from analysis_sandbox.script.compilation import compile_script
from tests.script.conftest import Inspect
from tests.script.sources import running


@pytest.mark.parametrize(
    "source",
    [
        'const x: string = "a";',
        "interface A { a: 1 }",
        "export type A = string;",
        "enum A { B }",
        "const k = { a: 1 } as const",
        "let z = x!.y",
        "class A { private x = 1 }",
        "const f = <T>(x) => x;",
        "function f(x?) {}",
        "const m = new Map<string, number>()",
        "return_<Row>(sql)",
    ],
)
def test_what_only_typescript_explains_is_typescript(source: str) -> None:
    assert compile_script(source, filename="report.js").language == "typescript"


@pytest.mark.parametrize(
    "source",
    [
        "const a = b < c, d = e > (f)",
        "const a = 1, b = 2, c = 3; a<b>(c)",
        "let type = 1; type = 2; const o = { as: 1, type }",
        'export default { title: "x" parameters: {} }',
        "schedule: {\n  cron: 1,\n  timezone: 2\n}",
        "foo(1 2)",
        "x = y as",
        "if (a < b) > c {}",
    ],
)
def test_everything_else_is_javascript(source: str) -> None:
    assert compile_script(source, filename="report.js").language == "javascript"


def test_a_file_of_typescript_is_never_javascript() -> None:
    found = compile_script("const a = 1", filename="report.ts")
    assert (found.language, found.code, found.errors) == ("typescript", "const a = 1", [])


def test_errors_without_an_engine_have_a_place_too() -> None:
    found = compile_script("const a = f(1 2)", filename="report.js")
    assert found.errors == ["Syntax error at line 1: unexpected token (column 15, at '2')"]


def test_operators_are_rewritten_once_the_types_are_gone(inspect: Inspect) -> None:
    source = running('const a = (col("x") as ColumnExpr) * 2;\nreturn { a };')
    found = inspect(source)
    assert (found.errors, found.language) == ([], "typescript")
    assert found.compiled is not None
    assert "*" not in found.compiled
    assert found.compiled.count("\n") == source.count("\n")


def test_javascript_without_column_expressions_is_compiled_to_itself(inspect: Inspect) -> None:
    source = running("return { a: params.a * 2 };")
    assert inspect(source).compiled == source


def test_imports_that_are_used_as_types_need_no_package(inspect: Inspect) -> None:
    source = (
        'import { Options } from "csv-parse/sync";\nimport type { Row } from "./rows";\n'
        'export default { title: "x", run(ctx, options: Options & Row) { return {} } }'
    )
    found = inspect(source)
    assert (found.errors, found.packages, found.modules) == ([], [], {})


def test_imports_that_are_not_allowed_leave_the_rest_to_be_checked(inspect: Inspect) -> None:
    source = (
        'import { parse } from "csv-parse/sync";\nconst first: number = parse("a");\n'
        'export default { title: "x", parameters: { a: { type: "strin" } }, run() {} }'
    )
    errors = inspect(source).errors
    assert len(errors) == 1
    assert errors[0].startswith("Line 1: import of 'csv-parse/sync' is not possible: ")
