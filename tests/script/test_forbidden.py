"""What a script must not contain, and what only looks like it."""

import pytest

from tests.script.conftest import Inspect
from tests.script.sources import running


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("eval('1')", "eval() is not allowed"),
        ("(0, eval)('1')", "eval() is not allowed"),
        ("const e = eval; e('1')", "eval() is not allowed"),
        ("globalThis.eval('1')", "globalThis.eval is not allowed"),
        ("globalThis['eval']('1')", "globalThis.eval is not allowed"),
        ("const s = `${eval('1')}`", "eval() is not allowed"),
        ("new Function('return 1')()", "the Function constructor is not allowed"),
        ("Function('return 1')()", "the Function constructor is not allowed"),
        ("new globalThis.Function('1')", "globalThis.Function is not allowed"),
        ("(() => {}).constructor('return 1')()", ".constructor() is not allowed"),
        ("(async function () {})['constructor']('return 1')", ".constructor() is not allowed"),
        ("new (function* () {}).constructor('yield 1')", ".constructor() is not allowed"),
        ("[].constructor.constructor('return 1')()", ".constructor"),
        ("const C = ctx.run.constructor.constructor", ".constructor.constructor is not allowed"),
        ("await import('fs')", "import() is not allowed"),
        ("const m = import(params.name)", "import() is not allowed"),
        ("const fs = require('fs')", "require('fs') is not possible: a script has no files"),
        ("await fetch('http://x')", "fetch is not available: scripts reach data only through"),
        ("new XMLHttpRequest()", "XMLHttpRequest is not available"),
        ("new WebSocket('ws://x')", "WebSocket is not available"),
        ("const key = process.env.KEY", "process is not available"),
        ("Deno.readTextFile('x')", "Deno is not available"),
        ("require('lodash')", "require('lodash') is not possible: nothing is loaded while"),
        ("require('pg')", "require('pg') is not possible: the host connects to databases"),
        ("require(params.x)", "require('') is not possible: nothing is loaded while"),
    ],
)
def test_it_is_an_error_with_its_line(inspect: Inspect, body: str, error: str) -> None:
    found = inspect(running(f"const x = 1;\n{body};"))
    assert found.errors
    assert found.errors[0].startswith(f"Line 3: {error}")
    assert found.compiled is None


@pytest.mark.parametrize(
    "body",
    [
        "// eval('1') and import x from 'fs'",
        "/* new Function('1'); require('fs') */",
        "const s = \"eval('1')\";",
        "const sql = `SELECT eval(x), import FROM t -- require('fs')`;",
        "const r = /eval\\(|import/.test(params.x);",
        "const evaluate = (x) => x; evaluate(1);",
        "const parser = { eval: (x) => x }; parser.eval('1');",
        "const o = { constructor: 1, import: 2, eval: 3 }; o.constructor; o.import;",
        "if (ctx.run instanceof Function) {}",
        "const isFunction = typeof ctx.run === 'function';",
        "class A { copy() { return new this.constructor(1) } constructor(x) { this.x = x } }",
        "class B extends Array { constructor() { super() } }",
        "const require = (x) => x; require('fs');",
        "function fetch(x) { return x } fetch(1);",
        "const process = (x) => x; process(1);",
        "const kind = typeof process === 'undefined' ? 'sandbox' : process.version;",
        "const name = ctx.constructor.name;",
        "const url = import.meta;",
    ],
)
def test_what_only_looks_like_it_is_no_error(inspect: Inspect, body: str) -> None:
    assert inspect(running(body)).errors == []


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ('import { parse } from "csv-parse/sync";', "is not among the allowed packages"),
        ('import * as x from "@scope/package/deep";', "is not among the allowed packages"),
        ('import fs from "node:fs";', "a script has no files, network or processes"),
        ('import { join } from "path";', "a script has no files, network or processes"),
        ('import postgres from "postgres";', "use ctx.datasource or ctx.duckdb"),
        ('import { S3Client } from "@aws-sdk/client-s3";', "use ctx.datasource or ctx.duckdb"),
        ('import x from "./helpers.js";', "a script is one file"),
        ('import "side-effect";', "is not among the allowed packages"),
        ('export { x } from "other";', "is not among the allowed packages"),
        ('export * from "other";', "is not among the allowed packages"),
    ],
)
def test_imports_are_refused_with_what_to_do_instead(
    inspect: Inspect, statement: str, advice: str
) -> None:
    source = statement.split('"')[1]
    found = inspect(f"// first line\n{statement}\n{running('return {};')}")
    assert len(found.errors) == 1
    assert found.errors[0].startswith(f"Line 2: import of '{source}' is not possible: ")
    assert advice in found.errors[0]


def test_the_rest_of_a_script_with_imports_is_checked_all_the_same(inspect: Inspect) -> None:
    found = inspect(
        'import fs from "fs";\n'
        'import {\n  parse,\n} from "csv-parse/sync";\n'
        "export default {\n"
        '  title: "x",\n'
        '  schedule: { cron: "61 * * * *" },\n'
        '  parameters: { month: { type: "dat" } },\n'
        "  async run(ctx) { eval('1'); return parse(fs.read()); }\n"
        "}"
    )
    assert [error.partition(":")[0] for error in found.errors] == [
        "Line 1",
        "Line 2",
        "Line 9",
        "schedule.cron",
        "parameters.month.type",
    ]


def test_code_made_from_text_at_the_top_level_is_told_once(inspect: Inspect) -> None:
    found = inspect("const x = eval('1');\n" + running("return { x };"))
    assert len(found.errors) == 1
    assert found.errors[0].startswith("Line 1: eval() is not allowed")
