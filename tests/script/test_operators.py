"""Operators on column expressions: what they become, what stays, what is refused."""

import time

import pytest

from analysis_sandbox.script.operators.rewriting import HELPERS, rewrite_operators
from tests.script.rewriting import Evaluate, cases, program, results, rewritten_results


def _same(evaluate: Evaluate, body: str, methods: str) -> None:
    built = f"out.push(({methods}));"
    expected = results(evaluate, program(f"const built = {methods};\nout.push(built);"))
    assert '"$expr"' in expected[0], built
    assert rewritten_results(evaluate, body) == expected


@pytest.mark.parametrize(
    ("expression", "methods"),
    [
        ('col("a") + 1', 'col("a").add(1)'),
        ('1 + col("a")', 'lit(1).add(col("a"))'),
        ('col("a") - col("b") - 1', 'col("a").sub(col("b")).sub(1)'),
        ('col("a") - (col("b") - 1)', 'col("a").sub(col("b").sub(1))'),
        (
            'col("spent") * 0.4 +\ncol("bought") * 0.3 +\ncol("days") * 0.3',
            'col("spent").mul(0.4).add(col("bought").mul(0.3)).add(col("days").mul(0.3))',
        ),
        ('col("a") / col("b") % 7', 'col("a").div(col("b")).mod(7)'),
        ('2 ** col("a") ** 3', 'lit(2).pow(col("a").pow(3))'),
        ('col("a") ** -1', 'col("a").pow(-1)'),
        ('(-col("a")) ** 2', 'col("a").neg().pow(2)'),
        ('-(-col("a"))', 'col("a").neg().neg()'),
        ('- -col("a")', 'col("a").neg().neg()'),
        ('~col("a")', 'col("a").not()'),
        ('!col("a")', 'col("a").not()'),
        ('!(col("a") > 1)', 'col("a").gt(1).not()'),
        ('col("a") > 1', 'col("a").gt(1)'),
        ('1 < col("a")', 'lit(1).lt(col("a"))'),
        ('col("a") <= 1', 'col("a").lte(1)'),
        ('col("a") >= "x"', 'col("a").gte("x")'),
        ('col("a") == 1', 'col("a").eq(1)'),
        ('col("a") === "b"', 'col("a").eq("b")'),
        ('col("a") != 1', 'col("a").neq(1)'),
        ('"b" !== col("a")', 'lit("b").neq(col("a"))'),
        ('col("a") > 1 === true', 'col("a").gt(1).eq(true)'),
        ('(col("a") > 1) & (col("b") < 2)', 'col("a").gt(1).and(col("b").lt(2))'),
        (
            '(col("a") > 1) & (col("b") < 2) | !col("c")',
            'col("a").gt(1).and(col("b").lt(2)).or(col("c").not())',
        ),
        ('col("a") ^ col("b")', 'col("a").xor(col("b"))'),
        ('col("a") + "-" + col("b")', 'col("a").add("-").add(col("b"))'),
        ('pl.col("a") * pl.lit(2)', 'col("a").mul(lit(2))'),
        ('col("a").sum() / col("a").count()', 'col("a").sum().div(col("a").count())'),
        ('col("a") / col("a").sum().over("g")', 'col("a").div(col("a").sum().over("g"))'),
        ('col("name").str.length() > 3', 'col("name").str.length().gt(3)'),
        ('col("day").dt.year() === 2024', 'col("day").dt.year().eq(2024)'),
        ('(col("a") + 1).round(2) * 2', 'col("a").add(1).round(2).mul(2)'),
        ("len() * 2", "len().mul(2)"),
        ('coalesce("a", "b") + 1', 'coalesce("a", "b").add(1)'),
        (
            'when(col("a") > 1).then(col("b") * 2).otherwise(0) + 1',
            'when(col("a").gt(1)).then(col("b").mul(2)).otherwise(0).add(1)',
        ),
        ('when(col("a") > 1).then(1) - 1', 'when(col("a").gt(1)).then(1).sub(1)'),
        ('(1, col("a") + 2)', 'col("a").add(2)'),
        ('true ? col("a") + 1 : col("b") - 1', 'col("a").add(1)'),
        ('false ? 1 : col("b") - 1', 'col("b").sub(1)'),
        ('(null ?? col("a")) * 2', 'col("a").mul(2)'),
        ('(0 || col("a")) * 2', 'col("a").mul(2)'),
        ('(1 && col("a")) * 2', 'col("a").mul(2)'),
        ('(await col("a")) * 2', 'col("a").mul(2)'),
        ('[col("a"), col("b")][1] * 2', 'col("b").mul(2)'),
        ('({ x: col("a") }).x * 2', 'col("a").mul(2)'),
        ('({ x: { y: col("a") } })?.x?.y * 2', 'col("a").mul(2)'),
        ('col("a") /* + col("x") */ + // -\n1', 'col("a").add(1)'),
        ('col("a") > new Date(0)', 'col("a").gt(new Date(0))'),
    ],
)
def test_an_operator_builds_the_same_as_its_method(
    evaluate: Evaluate, expression: str, methods: str
) -> None:
    _same(evaluate, f"out.push({expression});", methods)


@pytest.mark.parametrize("case", cases("operators_followed.js"))
def test_expressions_are_followed_to_where_they_are_used(evaluate: Evaluate, case: str) -> None:
    body, _, methods = case.partition("// = ")
    _same(evaluate, body, methods)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("const e = col('a'); out.push(e == null, e === undefined, null !== e);", "FFT"),
        ("let e = null; if (out.length) e = col('a'); out.push(e ? 1 : 2, !e, e == null);", "2TT"),
        ("let e = null; if (!e) e = col('a'); out.push(e && 1);", "1"),
        ("let e = null; if (!e) e = col('a'); out.push(!!e, !!null);", "TF"),
        ("const m = new Map([[1, col('a')]]); if (!m.get(2)) out.push(m.get(1) ? 1 : 2);", "1"),
        ("const e = out.length ? 1 : col('a'); out.push(typeof e, e instanceof Object);", "oT"),
    ],
)
def test_asking_whether_there_is_an_expression_stays_what_it_is(
    evaluate: Evaluate, body: str, expected: str
) -> None:
    given = rewritten_results(evaluate, body)
    letters = {"boolean true": "T", "boolean false": "F", "string object": "o"}
    assert "".join(letters.get(text) or text for text in given) == expected
    assert given == results(evaluate, program(body))


@pytest.mark.parametrize(
    "body",
    [
        'const w = `${col("a")} ${1 + 2}`; out.push(w);',
        'const i = "k" in { k: col("a") }; out.push(i);',
        'out.push(String(col("a")), [col("a")].join());',
        'const r = /col("a") + 1/.source; out.push(r);',
        'out.push("col(1) + 2".length + 1);',
        'const t = (s, ...v) => s.raw.length + v.length; out.push(t`a ${col("a")} b`);',
    ],
)
def test_what_is_not_calculated_stays_what_it_is(evaluate: Evaluate, body: str) -> None:
    assert rewritten_results(evaluate, body) == results(evaluate, program(body))


def _rewritten(code: str) -> str:
    rewritten = rewrite_operators(code)
    assert rewritten.errors == []
    return rewritten.code


@pytest.mark.parametrize(
    "code",
    [
        "const x = 1 + 2;",
        'const f = (col) => col("x") + 1;',
        'import { col } from "x";\nconst y = col("a") + 1;',
        'const c = col("a"); let s = 0; for (let i = 0; i < 10; i++) s += i * 2;',
        "let s = 0; for (const row of df.filter(col('a').gt(1)).collect()) s += row.a * 2;",
        "const d = df.withColumn('x', col('a')); const n = d.height * 2 + 1;",
        "df.filter(col('a').gt(1)).filter((row) => row.a > 1);",
        "function f(col) { return col * 2; } const e = col('a').mul(2);",
    ],
)
def test_operators_on_plain_values_are_left_alone(code: str) -> None:
    assert _rewritten(code) == code


def test_a_script_without_expressions_is_not_even_parsed() -> None:
    broken = "const x = = 1 + ;"
    assert _rewritten(broken) == broken


def test_the_name_of_the_helper_is_not_one_of_the_script() -> None:
    assert "$column1.add(" in _rewritten('const $column = 1; const x = col("a") + $column;')
    everything = rewrite_operators(f'const x = col("a") + 1; // {" ".join(HELPERS)}')
    assert everything.errors == [(1, "The names $column … are reserved: rename yours")]


def test_a_script_cannot_replace_the_helper(evaluate: Evaluate) -> None:
    body = """
    for (const change of [
      () => { globalThis.$column = null; },
      () => { delete globalThis.$column; },
      () => { $column.add = () => 1; },
      () => { Object.getPrototypeOf(col("a")).add = () => 1; },
    ]) { try { change(); out.push("done"); } catch (error) { out.push(error.name); } }
    out.push([col("a")].map((x) => x * 2)[0]);"""
    # `$column` is in the text, so the rewriter takes another of its names.
    *refused, expression = rewritten_results(evaluate, body)
    assert refused == ["string TypeError"] * 4
    assert expression == '{"$expr":["mul",{"$expr":["col",null,"a"]},2]}'


def test_the_same_edits_fit_the_text_before_its_types_were_blanked() -> None:
    typed = 'const é: string = "ü"; const x = (col("a") as any) + 1 as number;'
    blank = 'const é         = "ü"; const x = (col("a")       ) + 1          ;'
    assert rewrite_operators(blank).apply_to(typed) == (
        'const é: string = "ü"; const x = $column.add((col("a") as any) , 1) as number;'
    )


@pytest.mark.parametrize(
    ("code", "line", "advice"),
    [
        ('df.filter(\ncol("a") > 1 && col("b") < 2);', 2, "write & with each condition"),
        ('const x = col("a") || lit(0);', 1, "coalesce()"),
        ('const x =\ncol("a").gt(1) ? "x" : "y";', 2, "when(condition).then(a).otherwise(b)"),
        ('const c = col("a");\nif (c > 1) run();', 2, "if cannot decide by"),
        ('while (col("a")) {}', 1, "while cannot decide by"),
        ('do {} while (col("a") > 1)', 1, "do cannot decide by"),
        ('for (;col("a") > 1;) {}', 1, "for cannot decide by"),
        ('switch (col("a")) { case 1: }', 1, "switch cannot decide by"),
        ('if (!(col("a") > 1)) {}', 1, "if cannot decide by"),
        ('if (flag && col("a") > 1) {}', 1, "if cannot decide by"),
        ('const x = (col("a") > 1) && y;', 1, "write & with each condition"),
        ('const x = ((col("a") > 1) & y) || z;', 1, "write | with each condition"),
        ('const big = (c) => c > 1;\nconst x = big(col("a")) && 1;', 2, "write &"),
        ('const f = (c) => c ? 1 : 2;\nf(col("a"));', 1, "when(condition)"),
        ('const f = (c) => { if (c) return 1; };\nf(col("a")); f(col("b"));', 1, "if cannot"),
        ('df.filter(col("a") === null);', 1, ".isNull()"),
        ("df.filter(undefined != col('a'));", 1, ".isNotNull()"),
        ('const c = col("a").str.length();\nconst d = c && 1;', 2, "write &"),
        ('const x = when(col("a")).then(1).otherwise(2) ? 1 : 2;', 1, "when(condition)"),
    ],
)
def test_what_cannot_work_on_expressions_is_an_error(code: str, line: int, advice: str) -> None:
    (error,) = rewrite_operators(code).errors
    assert error[0] == line
    assert advice in error[1]


@pytest.mark.parametrize(
    "code",
    [
        'let c = null; if (flag) c = col("a"); if (c) use(c); const x = c && df.filter(c);',
        'const x = params.low && col("a") > params.low;',
        'const x = params.low ? col("a") > params.low : col("a").isNotNull();',
        'const x = override ?? col("a");',
        'const f = (c) => (c ? c : col("d")); f(null); f(col("a"));',
        "let s = null; for (const n of names) s = s === null ? col(n) : s + col(n);",
        'const col = (n) => n; if (col("a") > 1) {}',
        'const f = (c) => c ? 1 : 2; const g = f; f(col("a"));',
    ],
)
def test_code_that_makes_sense_has_no_errors(code: str) -> None:
    assert rewrite_operators(code).errors == []


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (
            "const f = (c) => c > 1 && c < 5; const g = f; out.push(g(col('a')));",
            "Combine conditions",
        ),
        ("const f = (c) => c > 1 ? 1 : 2; const g = f; out.push(g(col('a')));", "choose with when"),
        ("const f = (c) => { if (!(c > 1)) return 1; }; const g = f; g(col('a'));", "select rows"),
        ("const f = (c) => !c; const g = f; out.push(g(col('a')));", ".not() to negate"),
        ("const f = globalThis['c' + 'ol']; out.push(f('a') * 2);", "cannot calculate with it"),
        ("const f = globalThis['c' + 'ol']; out.push(f('a') < 2);", "cannot calculate with it"),
        ("const f = globalThis['c' + 'ol']; out.push(f('a') == 2);", "cannot calculate with it"),
        ("let e = col('a'); e++;", "cannot calculate with it"),
        ("out.push(+col('a'));", "cannot calculate with it"),
        ("out.push(Math.max(col('a'), 1));", "cannot calculate with it"),
    ],
)
def test_what_the_text_does_not_show_is_loud_when_it_runs(
    evaluate: Evaluate, body: str, advice: str
) -> None:
    (message,) = rewritten_results(evaluate, body)
    assert message.startswith("string TypeError: ")
    assert advice in message


@pytest.mark.parametrize(
    ("code", "line", "advice"),
    [
        ('df.sort("x", true).head(3);', 1, "smallest come first"),
        ('df\n.sort("x", true)\n.limit(3);', 3, "smallest come first"),
        ('const s = df.sort("x", true);\ns.head();', 2, "smallest come first"),
        ("const n = df.height();", 1, "df.height"),
    ],
)
def test_habits_that_mislead_are_warnings(code: str, line: int, advice: str) -> None:
    (warning,) = rewrite_operators(code).warnings
    assert warning[0] == line
    assert advice in warning[1]


def test_sorting_the_other_way_is_no_warning() -> None:
    code = (
        'df.sort("x", false).head(3); df.sort("x").head(); df.sort("x", true).tail(); [1].sort();'
    )
    assert rewrite_operators(code).warnings == []


def test_a_very_long_sum_says_that_it_is_too_long() -> None:
    code = "const x = " + " + ".join(f'col("{number}")' for number in range(400)) + ";"
    rewritten = rewrite_operators(code)
    assert rewritten.warnings[0][0] == 1
    assert "in several steps" in rewritten.warnings[0][1]


def test_a_sum_of_many_columns_works(evaluate: Evaluate) -> None:
    names = [f'col("{number}")' for number in range(140)]
    (text,) = rewritten_results(evaluate, f"out.push({' + '.join(names)});")
    assert text.count('["add"') == 139


@pytest.mark.parametrize(
    "code",
    [
        "const a = !b, b = !a; if (a) col(b);",
        "const a = () => b(), b = () => a(); if (a()) col('x');",
        "col('x'); if (" + "!" * 3000 + "a) {}",
        "col('x'); if (" + "a && (" * 2000 + "b" + ")" * 2000 + ") {}",
        "let f = col; " + "f = (x) => x; f(f(1)); " * 3000,
        "const o = { f(x) { return x; } }; " + "({ f(x) {} }).f(col('x'), col); " * 3000,
        "f(" + "(x) => col(x), " * 3000 + "1);",
        "const x = " + "col('a') + (" * 900 + "1" + ")" * 900,
    ],
    ids=range(8),
)
def test_no_text_keeps_its_reader_busy(code: str) -> None:
    started = time.thread_time()
    rewrite_operators(code)
    assert time.thread_time() - started < 10


def test_a_text_that_cannot_be_read_is_left_alone_with_a_warning() -> None:
    code = 'const x = col("a") + 1;\nconst y = = 2;'
    rewritten = rewrite_operators(code)
    assert rewritten.code == code
    assert rewritten.warnings[0][0] == 2
