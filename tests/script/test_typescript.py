"""TypeScript becomes JavaScript of the same lines and columns, with the same meaning."""

import re

import pytest

from analysis_sandbox.script.typescript.blanking import erase_types
from tests.language.node import run_module
from tests.script.conftest import Inspect
from tests.script.sources import running
from tests.script.typescript_corpus import CODE, ERASABLE
from tests.tooling.esbuild import Esbuild

_EMPTY = re.compile(r"(^|[;}]);+", re.MULTILINE)
SHOW = "const show = (...values) => console.log(JSON.stringify(values))\n"


def assert_in_place(source: str, code: str) -> None:
    """Every character is a blank, where it was before, or one that ends or groups something."""
    assert len(code) == len(source)
    for place, (before, after) in enumerate(zip(source, code, strict=True)):
        assert after in {before, " "} or after in ";()", (place, before, after)
        assert (after in "\r\n\u2028\u2029") == (before in "\r\n\u2028\u2029")


def assert_same_meaning(esbuild: Esbuild, source: str, code: str) -> None:
    """The code is what esbuild makes of the source, but for lists and statements that are empty."""
    ours, theirs = (esbuild.reprint(*pair) for pair in ((code, "js"), (source, "ts")))
    ours = ours.replace(",{}from", " from")
    assert _EMPTY.sub(r"\1", ours) == _EMPTY.sub(r"\1", theirs)


def outcome(code: str) -> object:
    """What a program shows."""
    return run_module(SHOW + code)


@pytest.mark.parametrize("source", ERASABLE)
def test_types_are_blanked_where_they_stand(esbuild: Esbuild, source: str) -> None:
    erased = erase_types(source)
    assert (erased.refused, erased.torn) == ([], [])
    assert_same_meaning(esbuild, source, erased.code)
    assert erased.code.count("\n") == source.count("\n")
    if not any(erased.edited.is_moved(line) for line in range(1, source.count("\n") + 2)):
        assert_in_place(source, erased.code)


@pytest.mark.parametrize("source", CODE)
def test_enums_and_parameter_properties_work_like_those_of_a_compiler(
    esbuild: Esbuild, source: str
) -> None:
    erased = erase_types(source)
    assert (erased.refused, erased.torn) == ([], [])
    assert erased.code.count("\n") == source.count("\n")
    assert outcome(erased.code) == outcome(esbuild.reprint(source, "ts"))


def test_properties_of_parameters_come_first_like_in_typescript_itself() -> None:
    erased = erase_types("class A { a = 1; constructor(public b: number) {} }\nshow(new A(2))")
    assert outcome(erased.code) == [{"b": 2, "a": 1}]


def test_a_type_of_several_lines_leaves_its_lines() -> None:
    source = "type A = {\r\n  a: 'x\u2028y'\n}\nlet b = 1"
    assert erase_types(source).code == f"{' ' * 10}\r\n{' ' * 7}\u2028{' ' * 2}\n \nlet b = 1"


def test_a_modifier_at_the_end_of_its_line_is_a_field_of_that_name() -> None:
    source = "class A {\n  public\n  a = 1\n  declare\n  b = 2\n}"
    assert erase_types(source).code == source


def test_what_follows_a_type_keeps_its_column_behind_wide_characters() -> None:
    source = "let a: Größe<'😀'> = b"
    assert erase_types(source).code == f"let a{' ' * (source.index('=') - 5)}= b"


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        (
            "namespace A {\n  export const x = 1\n}",
            [
                (
                    "Line 1: namespaces are not supported; put their contents at the top level of "
                    "the script, or into an object"
                )
            ],
        ),
        (
            "\n@dec class A {\n  @log() m() {} }",
            [
                (
                    f"Line {line}: decorators are not supported; call the function on the class or "
                    "its method instead"
                )
                for line in (2, 3)
            ],
        ),
        (
            'import fs = require("fs")\nimport A = B.C',
            [
                (
                    f"Line {line}: import … = is not supported; write const name = … instead, "
                    "or import … from"
                )
                for line in (1, 2)
            ],
        ),
        ("export = x", ["Line 1: export = is not supported; write export default instead"]),
        (
            "export as namespace X",
            ["Line 1: export as namespace is not supported; remove it"],
        ),
        (
            "class A {\n  accessor x = 1\n  static accessor y: number = 2\n}",
            [
                f"Line {line}: accessor fields are not supported; write a get and a set method"
                for line in (2, 3)
            ],
        ),
        (
            "enum A {\n  X = 'x',\n  Y\n}",
            ["Line 3: enum member 'Y' needs a value, because 'X' before it is a text"],
        ),
        (
            "class A extends B {\n  constructor(private x) { if (x) super() }\n}",
            [
                (
                    "Line 2: a constructor whose parameters are properties must call super() in a "
                    "statement of its own; write one, or set the properties yourself"
                )
            ],
        ),
        (
            "class A {\n  y = this.x * 2\n  constructor(private x: number) {}\n}",
            [
                (
                    "Line 2: this.x is not set yet when the fields are: give this field its value "
                    "in the constructor"
                )
            ],
        ),
        (
            "class A { constructor(private { x }: T) {} }",
            ["Line 1: a parameter that is a property must be a plain name"],
        ),
    ],
)
@pytest.mark.parametrize("filename", ["report.js", "report.ts"])
def test_what_cannot_be_translated_is_refused_with_line_and_remedy(
    inspect: Inspect, source: str, errors: list[str], filename: str
) -> None:
    found = inspect(source, filename=filename)
    assert found.errors == errors
    assert (found.compiled, found.language) == (None, "typescript")


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        ("const x: string = ;", ["Syntax error at line 1: unexpected token ';' (column 19)"]),
        (
            "interface A {\n  a: string\n\nconst x = 5",
            ["Syntax error at line 4: missing '}' (column 6)"],
        ),
        (
            "type A = { a b c }\nexport default {}",
            ["Syntax error at line 1: unexpected token near 'b c' (column 14)"],
        ),
        (
            "const x: Foo<string = 5;",
            ["Syntax error at line 1: missing '>' (column 20)"],
        ),
        (
            running("const a: number = 1 2;\nreturn f(3 4) as any;"),
            [
                "Syntax error at line 2: expecting ';' (column 21, at '2')",
                "Syntax error at line 3: unexpected token near '4' (column 12)",
            ],
        ),
        (
            "function f(a: string b: number) {}",
            ["Syntax error at line 1: unexpected identifier 'b' (column 22)"],
        ),
        (
            "enum A { X Y }",
            ["Syntax error at line 1: unexpected token near 'X' (column 10)"],
        ),
        (
            "enum A { X = 1 + , Y }",
            ["Syntax error at line 1: unexpected token ',' (column 18)"],
        ),
        (
            "enum Länge { X }; let ü: A = 1 2",
            ["Syntax error at line 1: expecting ';' (column 32, at '2')"],
        ),
        (
            "class A { private x: = 1 }",
            ["Syntax error at line 1: expecting ';' (column 20, at ':')"],
        ),
        (
            "let a: A = 1;\nlet a = 2 as B;",
            [
                (
                    "Syntax error at line 2: invalid redefinition of global identifier "
                    "(column 7, at '=')"
                )
            ],
        ),
    ],
)
@pytest.mark.parametrize("filename", ["report.js", "report.ts"])
def test_syntax_errors_in_typescript_say_where_and_what(
    inspect: Inspect, source: str, errors: list[str], filename: str
) -> None:
    found = inspect(source, filename=filename)
    assert found.errors == errors
    assert found.language == "typescript"


def test_a_script_of_typescript_is_stored_as_javascript_of_the_same_lines(
    inspect: Inspect,
) -> None:
    source = (
        "enum Level { Low = 1, High }\n"
        "interface Row { level: Level; note?: string }\n"
        "class Table<T> { constructor(readonly rows: T[]) {} }\n"
        "export default {\n"
        '  title: "Typed",\n'
        "  dependencies: { datasources: ['db'] },\n"
        "  async run(ctx: Context, params: { month: string }): Promise<object> {\n"
        "    const rows = (await ctx.datasource.db.query<Row>('SELECT 1')) as Row[];\n"
        "    return new Table(rows.filter((row): row is Row => row!.level === Level.High));\n"
        "  },\n"
        "} satisfies Analysis;\n"
    )
    found = inspect(source)
    assert (found.errors, found.warnings, found.language) == ([], [], "typescript")
    assert found.compiled is not None
    assert [len(text) for text in found.compiled.split("\n")][3:] == [
        len(text) for text in source.split("\n")
    ][3:]
    assert found.datasources == ["db"]


def test_errors_while_loading_have_the_lines_of_the_author(inspect: Inspect) -> None:
    source = (
        "interface A {\n  a: 1\n}\nenum B {\n  X,\n  Y = (() => { throw new Error('no') })(),\n}"
    )
    assert inspect(source).errors == [
        "Line 6: the script fails when it is loaded: Error: no",
    ]


def test_calls_with_types_are_calls_in_typescript_only(inspect: Inspect) -> None:
    source = running("return { a: parse<Row>(params) };", before="const parse = 1, Row = 2;")
    assert inspect(source, filename="report.js").compiled == source
    assert inspect(source, filename="report.ts").compiled == source.replace("<Row>", "     ")


@pytest.mark.parametrize("call", ["query<Row>(sql)", "query<string>(sql)", "query<Row[]>(sql)"])
def test_a_call_with_a_type_that_nothing_declares_is_typescript(
    inspect: Inspect, call: str
) -> None:
    found = inspect(running(f"return {{ a: ctx.{call} }};", before="const sql = 1;"))
    assert (found.errors, found.language) == ([], "typescript")


def test_a_file_of_typescript_without_types_is_typescript(inspect: Inspect) -> None:
    found = inspect(running("return { ok: params.a < params.b };"), filename="report.ts")
    assert (found.errors, found.language) == ([], "typescript")
    assert inspect(running("return {};")).language == "javascript"
