"""Types are checked against those of `ctx` by the real compiler, which reads nothing else."""

from pathlib import Path

import pytest

from analysis_sandbox.errors import MissingDependencyError, UnavailableError
from analysis_sandbox.script.typescript.type_check import DenoTypeChecker
from tests.script.conftest import Inspect
from tests.script.sources import analysis, running

SHIPPED = sorted((Path(__file__).parents[2] / "examples").rglob("*.ts"))


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> DenoTypeChecker:
    """One with a cache of its own."""
    return DenoTypeChecker(tmp_path_factory.mktemp("deno"))


class Absent:
    """A checker that is not installed."""

    def check(self, source: str) -> list[str]:
        raise MissingDependencyError("The extra is missing", hint="install it")


class Late:
    """A checker that does not finish."""

    def check(self, source: str) -> list[str]:
        raise UnavailableError("It took too long")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_typescript_has_the_right_types(
    inspect: Inspect, checker: DenoTypeChecker, path: Path
) -> None:
    found = inspect(path.read_text(encoding="utf-8"), type_checker=checker)
    assert (found.errors, found.warnings, found.language) == ([], [], "typescript")


def test_there_is_shipped_typescript() -> None:
    assert SHIPPED


def test_type_errors_have_line_column_and_number(
    inspect: Inspect, checker: DenoTypeChecker
) -> None:
    source = (
        "interface Row { a: number }\n"
        'const wide = "😀", row: Row = { a: "1" };\n'
        'export default { title: "x", run(ctx) { ctx.nope(); return { row, wide } } }'
    )
    found = inspect(source, type_checker=checker)
    assert found.errors == [
        (
            "Type error at line 2, column 32: Type 'string' is not assignable to type 'number' "
            "(TS2322)"
        ),
        (
            "Type error at line 3, column 45: Property 'nope' does not exist on type 'Context' "
            "(TS2339)"
        ),
    ]
    assert found.compiled is None


@pytest.mark.parametrize(
    "source",
    [
        "export default { title: 'x', run(ctx) { return ctx.nope } }",
        "const report = { title: 'x', run(ctx) { return ctx.nope } };\nexport default report",
        "export default { title: 'x', run(ctx) { return ctx.nope } } satisfies Analysis",
        (
            "const report: Analysis = { title: 'x', run(ctx) { return ctx.nope } };\n"
            "export default report"
        ),
    ],
)
def test_ctx_has_its_type_without_being_told(checker: DenoTypeChecker, source: str) -> None:
    [error] = checker.check(source)
    assert "Property 'nope' does not exist on type 'Context' (TS2339)" in error


def test_parts_of_a_definition_are_checked_where_they_stand(checker: DenoTypeChecker) -> None:
    [error] = checker.check(
        'export default {\n  title: "x",\n  parameters: { a: { type: "strin" } },\n'
        "  run: () => ({}),\n}"
    )
    assert error.startswith("Type error at line 3, column 22: Type '\"strin\"' is not assignable")


def test_rows_have_the_type_that_is_said(checker: DenoTypeChecker) -> None:
    kind = "{ city: string; amount: number }"
    source = running(
        f"const rows = await ctx.duckdb.query<{kind}>('FROM sales');\n"
        f"const more = await ctx.datasource.shop.query<{kind}>('SELECT 1');\n"
        "const total: number = rows[0].amount + more.rows[0].amount;\n"
        "return { total, city: rows[0].town };"
    )
    [error] = checker.check(source)
    assert "Property 'town' does not exist on type" in error


def test_plain_javascript_has_no_type_errors(checker: DenoTypeChecker) -> None:
    source = running(
        "const rows = await ctx.datasource.db.query('SELECT 1');\n"
        "for (const row of rows) ctx.log(row.any.thing);\n"
        "try { params.x() } catch (error) { ctx.error(error.message) }\n"
        "return { rows: rows.map((row) => ({ ...row, extra: col('a').sum() })) };"
    )
    assert checker.check(source) == []
    assert checker.check('export default { run() { return {} }, note: "mine" }') == []


def test_packages_are_of_any_type(checker: DenoTypeChecker) -> None:
    source = (
        'import { parse, type Options } from "csv-parse/sync";\n'
        'import { chunk, Dictionary } from "lodash-es";\n'
        "const options: Options = { columns: true }, known: Dictionary<string> = {};\n"
        + running("return { a: chunk(parse(params.text, options)), known };")
    )
    assert checker.check(source) == []


def test_comments_to_the_compiler_are_heard(checker: DenoTypeChecker) -> None:
    source = (
        "// @ts-ignore: known\nconst a: string = 1;\n"
        "/* @ts-expect-error */\nconst b: string = 1;\n" + analysis("a, b")
    )
    assert checker.check(source) == []


def test_no_other_file_is_read(checker: DenoTypeChecker, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ts"
    secret.write_text("export const secret = 1 as const; declare global { const leaked: 'key' }")
    source = (
        f'/// <reference path="{secret}" />\n'
        f'import {{ secret }} from "{secret}";\n'
        f'import type * as All from "file://{secret}";\n'
        f'// @ts-types="{secret}"\n'
        'import { x } from "package";\n'
        f'export * from "{secret}";\n'
        f'const a: import("{secret}").Type = secret, b: All.Type = x;\n'
        f'type Q = typeof import("{secret}");\n'
        'const c: number = "text", d: string = secret, e: { never: 1 } = {} as Q["secret"];\n'
        "export default { run() { return { a, b, c, d, e } } }"
    )
    assert checker.check(source) == [
        "Type error at line 9, column 7: Type 'string' is not assignable to type 'number' (TS2322)"
    ]


def test_syntax_in_types_is_checked_too(checker: DenoTypeChecker) -> None:
    assert checker.check("type A = { a b c };\nexport default {}") == [
        "Syntax error at line 1, column 14: Expected ';', got 'b'"
    ]


def test_javascript_is_not_checked(inspect: Inspect) -> None:
    assert inspect(running("return {};"), type_checker=Absent()).warnings == []


@pytest.mark.parametrize(
    ("checker", "warning"),
    [
        (Absent(), "Types were not checked. The extra is missing: install it"),
        (Late(), "Types were not checked. It took too long"),
    ],
)
def test_types_that_could_not_be_checked_are_told(
    inspect: Inspect, checker: Absent | Late, warning: str
) -> None:
    found = inspect(running("return {} as object;"), type_checker=checker)
    assert (found.errors, found.warnings) == ([], [warning])


def test_types_are_not_checked_in_a_script_with_other_errors(inspect: Inspect) -> None:
    found = inspect("export default { title: 1 as number }", type_checker=Absent())
    assert found.errors
    assert found.warnings == []
