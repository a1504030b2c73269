"""Rewritten operators on plain values: every program gives what it gave before."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.script.rewriting import Evaluate, cases, program, results, rewritten_results

PROGRAMS = cases("operators_programs.js")


@pytest.mark.parametrize("body", PROGRAMS)
def test_a_program_does_the_same_with_every_operator_rewritten(
    evaluate: Evaluate, body: str
) -> None:
    original = results(evaluate, program(body))
    assert original != []
    assert rewritten_results(evaluate, body, everywhere=True) == original


_BINARY = [
    "+", "-", "*", "/", "%", "**", "==", "===", "!=", "!==", "<", "<=", ">", ">=", "&", "|", "^",
    "&&", "||", "??", "<<", ",", "in",
]  # fmt: skip
_ASSIGN = [
    "+=", "-=", "*=", "/=", "%=", "**=", "&=", "|=", "^=", "=", "??=", "||=", "&&=", "<<=",
]  # fmt: skip
_LITERALS = [
    "0", "1", "-1", "2.5", "NaN", "''", "'3'", "'ab'", "null", "undefined", "true", "false", "[]",
    "[2]", "({})", "3n", "-0", "({ valueOf: () => 7 })", "Symbol.iterator", "(() => 4)", "/x/g",
]  # fmt: skip
_NAMES = ["a", "b", "o.p", "o[k]", "o['p']", "l[0]", "f().p", "l[(0, 1)]"]


def _parenthesised(text: str) -> str:
    return f"({text})"


def _binary(parts: tuple[str, str, str, str]) -> str:
    left, operator, gap, right = parts
    return f"({left}){gap}{operator}{gap}({right})"


def _bare_binary(parts: tuple[str, str, str, str]) -> str:
    left, operator, gap, right = parts
    return f"{left}{gap}{operator}{gap}{right}"


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    gap = st.sampled_from([" ", "\n", " /* + */ ", " // -\n"])
    name = st.sampled_from(_NAMES)
    return st.one_of(
        st.tuples(inner, st.sampled_from(_BINARY), gap, inner).map(_binary),
        st.tuples(inner, st.sampled_from(_BINARY), gap, inner).map(_bare_binary),
        st.tuples(st.sampled_from(["-", "!", "~", "typeof "]), inner).map("".join),
        st.tuples(st.sampled_from(["-", "!", "~", "typeof ", "void ", "+"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        st.tuples(name, st.sampled_from(_ASSIGN), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda p: f"(({p[0]}) ? {p[1]} : {p[2]})"),
        inner.map(lambda text: f"((x) => {_parenthesised(text)})(a)"),
        inner.map(lambda text: f"`${{{text}}}`"),
        inner.map(lambda text: f"log({text})"),
        inner.map(lambda text: f"[{text}, a].length"),
        st.tuples(name, st.sampled_from(["++", "--"])).map(lambda p: f"({p[0]}{p[1]})"),
    )


_EXPRESSIONS = st.recursive(
    st.sampled_from([*_LITERALS, *_NAMES, "a + b * 2", "-a - b", "a < b === !a", "2 ** 3 ** 0"]),
    _nested,
    max_leaves=12,
)
_STATEMENT = st.one_of(
    _EXPRESSIONS.map(lambda text: f"out.push({_parenthesised(text)})\n"),
    _EXPRESSIONS.map(
        lambda text: f"try {{ out.push(({text})) }} catch (e) {{ out.push(e.name) }}\n"
    ),
    _EXPRESSIONS.map(lambda text: f"if ({text}) a = 1; else b += 'x'\n"),
    st.tuples(_EXPRESSIONS, _EXPRESSIONS).map(
        lambda parts: f"for (let i = 0; i < 2 && ({parts[0]}); i += 1) log({parts[1]})\n"
    ),
    _EXPRESSIONS.map(lambda text: f"b = a\n+ ({text})\n"),
)
_START = (
    "let a = 1, b = '2', k = 'p'; const l = [1, 2], o = { p: 3 };\n"
    "const log = (v) => (out.push(v), v), f = () => (out.push('f'), o);\n"
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(statements=st.lists(_STATEMENT, min_size=1, max_size=5))
def test_any_program_does_the_same_with_every_operator_rewritten(
    evaluate: Evaluate, statements: list[str]
) -> None:
    body = _START + "".join(statements)
    original = results(evaluate, program(body))
    # `-a ** 2`, `a ?? b || c` and `--1` are no programs.
    assume(not isinstance(original, str))
    assert rewritten_results(evaluate, body, everywhere=True) == original


# Columns: the tree as operators, and as methods. Constants stand on one side only.
_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "**": "pow", "==": "eq",
    "===": "eq", "!=": "neq", "!==": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte",
    "&": "and", "|": "or", "^": "xor",
}  # fmt: skip
_COLUMNS = st.sampled_from(["a", "b", "total"]).map(lambda name: (f'col("{name}")',) * 2)
_CONSTANTS = st.sampled_from(["1", "-2.5", '"x"', "true"]).map(lambda text: (text, text))
Both = tuple[str, str]


def _operation(parts: tuple[Both, str, Both]) -> Both:
    (left, left_methods), operator, (right, right_methods) = parts
    operators = f"({left}) {operator} ({right})"
    return operators, f"{left_methods}.{_OPERATORS[operator]}({right_methods})"


def _trees(inner: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    operator = st.sampled_from(sorted(_OPERATORS))
    return st.one_of(
        st.tuples(inner, operator, st.one_of(inner, _CONSTANTS)).map(_operation),
        inner.map(lambda both: (f"-({both[0]})", f"{both[1]}.neg()")),
        inner.map(lambda both: (f"!({both[0]})", f"{both[1]}.not()")),
        inner.map(lambda both: (f"({both[0]}).sum()", f"{both[1]}.sum()")),
        inner.map(lambda both: (f"((x) => x)({both[0]}).abs()", f"{both[1]}.abs()")),
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(trees=st.lists(st.recursive(_COLUMNS, _trees, max_leaves=8), min_size=1, max_size=4))
def test_any_calculation_on_columns_is_what_its_methods_build(
    evaluate: Evaluate, trees: list[Both]
) -> None:
    operators = rewritten_results(evaluate, "".join(f"out.push({tree[0]});\n" for tree in trees))
    methods = results(evaluate, program("".join(f"out.push({tree[1]});\n" for tree in trees)))
    assert operators == methods
