"""What a script can import: the modules that came with it, and nothing else."""

from typing import Any

import pytest

from analysis_sandbox.errors import (
    MemoryLimitError,
    ScriptError,
    TimeLimitError,
    ValidationFailedError,
)
from analysis_sandbox.sandbox.protocol import MAX_JOB_BYTES
from tests.sandbox.conftest import Failure, Value
from tests.sandbox.scripts import FILENAME

MATHS = "export const twice = (n) => 2 * n;\nexport default { half: (n) => n / 2 };\n"
USE = "import { twice } from 'maths';\nexport default { run: () => ({ n: twice(4) }) };"


def test_a_script_imports_what_came_with_it(value: Value) -> None:
    code = """import maths, { twice } from "maths";
      import * as all from "@scope/maths/sub";
      export default { run: () => ({ four: twice(2), one: maths.half(2), six: all.twice(3) }) };"""

    got = value(code, modules={"maths": MATHS, "@scope/maths/sub": MATHS})

    assert got == {"four": 4, "one": 1, "six": 6}


def test_a_dynamic_import_serves_them_too(value: Value) -> None:
    body = "const { twice } = await import('maths'); return { n: twice(21) };"

    assert value(body, modules={"maths": MATHS}) == {"n": 42}


def test_the_definition_may_depend_on_an_import(value: Value) -> None:
    code = "import { twice } from 'maths'; export default { title: `t${twice(1)}`, run() {} };"

    got = value(code, entry="describe", modules={"maths": MATHS})

    assert got["value"]["title"] == "t2"


def test_a_module_is_evaluated_once_and_shared(value: Value) -> None:
    modules = {
        "counter": "export let n = 0; export const add = () => ++n;",
        "user": "import { add } from 'counter'; add();",
    }
    code = """import "user"; import { n, add } from "counter";
      export default { run() { add(); return { n }; } };"""

    assert value(code, modules=modules) == {"n": 2}


def test_modules_may_import_each_other_in_a_circle(value: Value) -> None:
    modules = {
        "even": "import { odd } from 'odd'; export const even = (n) => n === 0 || odd(n - 1);",
        "odd": "import { even } from 'even'; export const odd = (n) => n !== 0 && even(n - 1);",
    }
    code = "import { even } from 'even'; export default { run: () => ({ is: even(10) }) };"

    assert value(code, modules=modules) == {"is": True}


def test_what_is_not_imported_is_not_compiled(value: Value) -> None:
    body = "return { ok: 1 };"

    assert value(body, modules={"broken": "this is no JavaScript"}) == {"ok": 1}


@pytest.mark.parametrize(
    "specifier",
    [
        "./maths",
        "../maths",
        "/maths",
        "maths/",
        "Maths",
        "npm:maths",
        FILENAME,
        "analysis-sandbox:",
    ],
)
def test_only_the_exact_specifier_is_served(specifier: str, failure: Failure) -> None:
    code = f"export const a = 1;\nimport x from '{specifier}';\nexport default {{ run() {{}} }};"

    error: Any = failure(code, modules={"maths": MATHS})

    assert isinstance(error, ScriptError)
    assert error.name == "ReferenceError"
    assert error.line == 2
    assert str(error) == (
        f"Cannot import '{specifier}': only maths was stored with this version of the analysis"
    )


@pytest.mark.parametrize("specifier", ["node:fs", "./inner.js", FILENAME, "npm:maths"])
def test_a_module_reaches_the_given_ones_only(specifier: str, failure: Failure) -> None:
    modules = {"maths": f"import '{specifier}';\n{MATHS}", "inner.js": ""}

    error: Any = failure(USE, modules=modules)

    assert error.name == "ReferenceError"
    assert str(error).startswith(f"Cannot import '{specifier}' in maths: only maths, inner.js was")


def test_a_module_may_have_the_name_of_the_script(failure: Failure, value: Value) -> None:
    code = f"import {{ twice }} from '{FILENAME}';\nexport default {{ run: () => twice.x.y }};"

    error: Any = failure(code, modules={FILENAME: MATHS})

    assert error.line == 2
    code = code.replace("twice.x.y", "({ n: twice(1) })")
    assert value(code, modules={FILENAME: MATHS}) == {"n": 2}


def test_a_missing_export_is_named(failure: Failure) -> None:
    error: Any = failure(USE.replace("twice", "thrice"), modules={"maths": MATHS})

    assert error.name == "SyntaxError"
    assert "thrice" in str(error)


def test_a_stack_names_the_specifier_and_the_line_of_the_script(failure: Failure) -> None:
    modules = {"maths": "export function twice(n) {\n  return n.no.no;\n}"}

    error: Any = failure(USE.replace("twice(4)", "\n  twice(4)"), modules=modules)

    assert "at twice (npm:maths:2:" in (error.stack or "")
    assert error.line == 3


def test_a_module_that_throws_says_where(failure: Failure) -> None:
    error: Any = failure(USE, modules={"maths": MATHS + "throw new TypeError('no way');"})

    assert error.name == "TypeError"
    assert str(error) == "no way"
    assert "(npm:maths:3:" in (error.stack or "")


def test_a_module_that_does_not_parse_is_a_syntax_error_with_its_place(failure: Failure) -> None:
    error: Any = failure(USE, modules={"maths": "export const a = 1;\nexport const = 2;"})

    assert type(error) is ScriptError
    assert error.name == "SyntaxError"
    assert "npm:maths:2:" in (error.stack or "")


def test_a_failed_import_can_be_caught(value: Value) -> None:
    body = """const caught = [];
      for (const name of ['broken', 'absent', './maths']) {
        try { await import(name); } catch (error) { caught.push(error.name); }
      }
      const { twice } = await import('maths');
      return { caught, n: twice(1) };"""

    got = value(body, modules={"broken": "}", "maths": MATHS})

    assert got == {"caught": ["SyntaxError", "ReferenceError", "ReferenceError"], "n": 2}


def test_the_time_limit_holds_while_a_module_is_evaluated(failure: Failure) -> None:
    modules = {"maths": MATHS + "for (;;) {}"}

    error: Any = failure(USE, modules=modules, limits={"timeout_ms": 250})

    assert type(error) is TimeLimitError
    assert "npm:maths" in (error.stack or "")


def test_the_memory_limit_holds_while_a_module_is_evaluated(failure: Failure) -> None:
    modules = {"maths": MATHS + "const a = []; for (;;) a.push({});"}

    error = failure(USE, modules=modules, limits={"memory_mb": 16})

    assert type(error) is MemoryLimitError


def test_a_module_with_surrogates_and_zero_bytes_is_only_text(value: Value) -> None:
    modules = {"maths": MATHS.replace("2 * n", "'ü\\ud83d\\u0000'.length") + "// \udc80 \0"}

    assert value(USE, modules=modules) == {"n": 3}


def test_modules_beyond_what_a_job_may_carry_are_refused(failure: Failure) -> None:
    with pytest.raises(ValidationFailedError, match="Script, packages and parameters have"):
        failure(USE, modules={"maths": "x" * MAX_JOB_BYTES})
