"""Whatever style a script writes, the database gets its own, and every value stays a value."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.sql.placeholders import bind
from analysis_sandbox.sql.tokens import Dialect

# Pieces that look like placeholders and are none, with what they evaluate to in SQLite.
CONSTANTS = [
    ("'?'", "?"),
    ("'$1 :a ?'", "$1 :a ?"),
    ("'it''s ?'", "it's ?"),
    ("'-- ?'", "-- ?"),
    ("'/* ?'", "/* ?"),
    ("'\\'", "\\"),
    ("/* ? $1 :a */ 1", 1),
    ("1 -- ? $1 :a\n", 1),
    ('(select 5 as "?:a$1")', 5),
    ("(select 6 as [?:a$1])", 6),
    ("(select 7 as `?:a$1`)", 7),
    ("x'3f'", b"?"),
    ("2.5", 2.5),
]
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()
Piece = tuple[str, object] | None
PIECES = st.lists(st.sampled_from([*CONSTANTS, None]), min_size=1, max_size=12)


def written(pieces: Sequence[Piece], names: Sequence[str]) -> str:
    """Return a SELECT of the constants, with the names where a value goes."""
    remaining = iter(names)
    return "select " + ", ".join(piece[0] if piece else next(remaining) for piece in pieces)


@given(pieces=PIECES, data=st.data(), style=st.sampled_from(["?", "$", ":", "@"]))
def test_values_and_constants_come_back_as_they_were(
    pieces: list[Piece], data: st.DataObject, style: str
) -> None:
    text = VALUES.filter(lambda value: not isinstance(value, str) or value.isascii())
    values = [data.draw(text) for piece in pieces if piece is None]
    order = data.draw(st.permutations(range(len(values))))
    names = {
        "?": ["?"] * len(values),
        "$": [f"${index + 1}" for index in order],
        ":": [f":v{index}" for index in order],
        "@": [f"@v{index}" for index in order],
    }[style]
    params: object = {f"v{i}": v for i, v in enumerate(values)} if style in ":@" else values
    expected = values if style == "?" else [values[index] for index in order]

    bound = bind(written(pieces, names), params, dialect="sqlite")
    with closing(sqlite3.connect(":memory:")) as connection:
        row = connection.execute(bound.sql, bound.values).fetchone()

    remaining = iter(expected)
    assert list(row) == [piece[1] if piece else next(remaining) for piece in pieces]


@given(pieces=PIECES)
def test_a_statement_in_the_native_style_is_left_as_it_is(pieces: list[Piece]) -> None:
    count = sum(piece is None for piece in pieces)
    values = list(range(count))
    postgres = written(
        [piece for piece in pieces if piece is None or "[" not in piece[0]],
        [f"${n + 1}" for n in values],
    )
    sqlite = written(pieces, ["?"] * count)

    assert bind(postgres, values, dialect="postgres").sql == postgres
    assert bind(sqlite, values, dialect="sqlite").sql == sqlite


@pytest.mark.parametrize(
    ("sql", "params", "expected", "values"),
    [
        ("select ?, ?", [1, 2], "select $1, $2", (1, 2)),
        ("select $2, $1", [1, 2], "select $2, $1", (1, 2)),
        ("select ?2, ?1", [1, 2], "select $2, $1", (1, 2)),
        ("select :b, :a, :b", {"a": 1, "b": 2}, "select $1, $2, $1", (2, 1)),
        ("select $b, $a", {"a": 1, "b": 2}, "select $1, $2", (2, 1)),
        ("select :a::int", {"a": 1}, "select $1 ::int", (1,)),
        ("select a ?| b, ?", [1], "select a ?| b, $1", (1,)),
        ("select a ?& b, ?", [1], "select a ?& b, $1", (1,)),
        ("select a @? b, ?", [1], "select a @? b, $1", (1,)),
        ("select a ?? ?", [1], "select a ? $1", (1,)),
        ("select a ??| ?", [1], "select a ?| $1", (1,)),
        ("select a ? $1", [1], "select a ? $1", (1,)),
        ("select a ? :k", {"k": 1}, "select a ? $1", (1,)),
        ("select ?||?", [1, 2], "select $1 || $2", (1, 2)),
        ("select a>=?", [1], "select a>= $1", (1,)),
        ("select a[1:n], :a", {"a": 1}, "select a[1:n], $1", (1,)),
        ("select a[:i]", {"i": 1}, "select a[ $1 ]", (1,)),
        ("select $$ ? :a $1 $$, ?", [1], "select $$ ? :a $1 $$, $1", (1,)),
        ("select e'\\'?', ?", [1], "select e'\\'?', $1", (1,)),
        ("select foo$1, $1", [1], "select foo$1, $1", (1,)),
        ("select a ? 'b'", None, "select a ? 'b'", ()),
        ("select a ? 'b'", [], "select a ? 'b'", ()),
    ],
)
def test_every_style_becomes_postgresql_s(
    sql: str, params: object, expected: str, values: tuple[object, ...]
) -> None:
    bound = bind(sql, params, dialect="postgres")

    assert "".join(bound.sql.split()) == "".join(expected.split())
    assert bound.values == values


def test_a_placeholder_stays_apart_from_the_words_around_it() -> None:
    assert bind("limit?and", [1], dialect="postgres").sql == "limit $1 and"


@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
@pytest.mark.parametrize(
    ("sql", "params", "problem"),
    [
        ("select ?", [1, 2], "has 1 placeholders, but 2 values"),
        ("select ?, ?", [1], "has 2 placeholders, but 1 values"),
        ("select 1", [1], "has 0 placeholders, but 1 values"),
        ("select $3", [1, 2], r"uses \$3, but 2 values"),
        ("select $0", [1], r"uses \$0, but 1 values"),
        ("select $1, $3", [1, 2, 3], r"does not use \$2"),
        ("select :a, :b", {"a": 1}, "no value for :b"),
        ("select :a", {"a": 1, "b": 2, "c": 3}, "does not use the values b, c"),
        ("select ?", {"a": 1}, "does not use the values a"),
        ("select ?", 5, "list .* or an object"),
        ("select ?", "a", "list .* or an object"),
        ("select ?", b"a", "list .* or an object"),
        (5, [1], "must be an SQL statement as text"),
        ("  ", None, "must be an SQL statement as text"),
    ],
)
def test_what_does_not_match_is_refused(
    dialect: Dialect, sql: object, params: object, problem: str
) -> None:
    with pytest.raises(ValidationFailedError, match=problem):
        bind(sql, params, dialect=dialect)


def test_the_jsonb_operator_that_is_taken_for_a_value_is_explained() -> None:
    with pytest.raises(ValidationFailedError, match=r"write the jsonb operator \? as \?\?"):
        bind("select * from t where data ? 'key' and id = ?", [5], dialect="postgres")


def test_sqlite_has_no_operator_to_mix_with_numbers() -> None:
    with pytest.raises(ValidationFailedError, match="mixes"):
        bind("select ?, $1", [1], dialect="sqlite")


@pytest.mark.parametrize(
    ("sql", "params", "bound", "values"),
    [
        ("select $2, $1, $2", ["a", "b"], "select  %s ,  %s ,  %s ", ("b", "a", "b")),
        ("select ? like 'a%'", [1], "select  %s  like 'a%%'", (1,)),
        ("select :x % 2, `%s`", {"x": 1}, "select  %s  %% 2, `%%s`", (1,)),
        ("select '?', '%' -- ?\n, ?", [1], "select '?', '%%' -- ?\n,  %s ", (1,)),
        ("select 'a%'", None, "select 'a%'", ()),
        ("select 'it\\'s ?', ?", [1], "select 'it\\'s ?',  %s ", (1,)),
    ],
)
def test_mysql_gets_what_its_driver_wants(
    sql: str, params: object, bound: str, values: tuple[object, ...]
) -> None:
    statement = bind(sql, params, dialect="mysql")

    assert (statement.sql, statement.values) == (bound, values)


@pytest.mark.parametrize(
    ("sql", "params", "bound", "values"),
    [
        ("select $2, $1, $2", [1, "b"], "select  {p2:str} ,  {p1:int} ,  {p2:str} ", (1, "b")),
        ("select ?, ?::Int8", [1, 2], "select  {p1:int} ,  {p2:int} ::Int8", (1, 2)),
        (
            "select :x, :y, :x",
            {"y": 1, "x": ""},
            "select  {p1:str} ,  {p2:int} ,  {p1:str} ",
            ("", 1),
        ),
    ],
)
def test_clickhouse_gets_the_type_of_each_value(
    sql: str, params: object, bound: str, values: tuple[object, ...]
) -> None:
    def placeholder(number: int, value: object) -> str:
        return f"{{p{number}:{type(value).__name__}}}"

    statement = bind(sql, params, dialect="clickhouse", placeholder=placeholder)

    assert (statement.sql, statement.values) == (bound, values)


def test_the_question_mark_of_clickhouse_that_is_taken_for_a_value_is_explained() -> None:
    with pytest.raises(ValidationFailedError, match=r"write if\(a, b, c\)"):
        bind("select a ? b : c from t where d = ?", [5], dialect="clickhouse")
