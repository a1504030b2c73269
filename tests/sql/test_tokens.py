"""Tokens are cut the way each database cuts them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis_sandbox.sql.tokens import (
    Dialect,
    Kind,
    significant,
    tokenize,
    without_terminator,
)

DIALECTS: tuple[Dialect, ...] = ("postgres", "sqlite", "mysql", "clickhouse")
FRAGMENTS = st.sampled_from(
    [
        *(
            "'",
            '"',
            "`",
            "[",
            "]",
            "$",
            "$$",
            "$a$",
            "--",
            "/*",
            "*/",
            "\n",
            "\\",
            "?",
            "??",
            "$1",
            ":a",
        ),
        *(
            ":",
            "::",
            ":=",
            "@",
            "@?",
            "|",
            "&",
            ";",
            "(",
            ")",
            ",",
            " ",
            "e'",
            "E'",
            "U&'",
            'u&"',
            "x'",
        ),
        *("a", "select", "1", "1.5", "é", "\u00a0", "\U0001f600", "\x00", "%"),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=30).map("".join) | st.text(max_size=40)


@given(sql=TEXTS, dialect=st.sampled_from(DIALECTS))
def test_the_tokens_together_are_the_statement(sql: str, dialect: Dialect) -> None:
    tokens = list(tokenize(sql, dialect))

    assert "".join(token.text for token in tokens) == sql
    assert all(token.text for token in tokens)
    assert all(token.kind is not Kind.BROKEN for token in tokens[:-1])


@given(sql=TEXTS, dialect=st.sampled_from(DIALECTS))
@example(sql="----", dialect="mysql")
def test_what_ends_a_statement_is_taken_off_once_and_for_all(sql: str, dialect: Dialect) -> None:
    shorter = without_terminator(sql, dialect)

    assert sql.startswith(shorter)
    assert without_terminator(shorter, dialect) == shorter


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("'a''b'", "STRING"),
        ("'a\\'", "STRING"),
        ("e'a\\'b'", "STRING"),
        ("e'a\\\\' x", "STRING WORD"),
        ("ee'a'", "WORD STRING"),
        ("'a'\n 'b'", "STRING"),
        ("'a' 'b'", "STRING STRING"),
        ("e'a'\n'\\''", "STRING"),
        ("e'a' -- c\n'\\''", "STRING BROKEN"),
        ("U&'\\00e9'", "STRING"),
        ("$$ ' $$", "STRING"),
        ("$a$ $b$ $a$", "STRING"),
        ("$a$ $A$", "BROKEN"),
        ("a$b$c$b$", "WORD"),
        ("1$a$ ; $a$", "NUMBER STRING"),
        ('"a""b"', "QUOTED"),
        ('u&"a"', "QUOTED"),
        ("/* /* */ ; */ a", "WORD"),
        ("/* /* */ ;", "BROKEN"),
        ("-- a\n; -- b", "SYMBOL"),
        ("a::b", "WORD SYMBOL WORD"),
        (":a", "NAMED"),
        ("$a", "NAMED"),
        ("a := b", "WORD SYMBOL WORD"),
        ("$1 ? ?2", "POSITIONAL POSITIONAL POSITIONAL"),
        ("a ?| b ?& c @? d ?? e", "WORD SYMBOL WORD SYMBOL WORD SYMBOL WORD SYMBOL WORD"),
        ("?||a", "POSITIONAL SYMBOL SYMBOL WORD"),
        ("?&&a", "POSITIONAL SYMBOL SYMBOL WORD"),
        ("1.5e10", "NUMBER"),
        ("größe\u00a0x", "WORD"),
        ("'a", "BROKEN"),
        ('"a', "BROKEN"),
    ],
)
def test_postgresql_is_cut_like_postgresql(sql: str, kinds: str) -> None:
    tokens = significant(tokenize(sql, "postgres"))

    assert " ".join(token.kind.name for token in tokens) == kinds


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("'a''b' 'a\\'", "STRING STRING"),
        ("x'00' X'ff'", "STRING STRING"),
        ('"a""b" `a``b` [a;b]', "QUOTED QUOTED QUOTED"),
        ("/* /* */ ;", "SYMBOL"),
        ("-- a\r; b", ""),
        (":a @b $c ?1 ?", "NAMED NAMED NAMED POSITIONAL POSITIONAL"),
        ("$$a$$", "SYMBOL NAMED SYMBOL SYMBOL"),
        ("[a", "BROKEN"),
        ("/* a", "BROKEN"),
    ],
)
def test_sqlite_is_cut_like_sqlite(sql: str, kinds: str) -> None:
    tokens = significant(tokenize(sql, "sqlite"))

    assert " ".join(token.kind.name for token in tokens) == kinds


def test_identifiers_are_named_without_their_quotes() -> None:
    tokens = significant(tokenize('Abc "X""y" `Q` [R]', "sqlite"))

    assert [token.identifier for token in tokens] == ["abc", 'x"y', "q", "r"]


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("'a\\'b' 'a''b'", "STRING STRING"),
        ("'a\\\\' x", "STRING WORD"),
        ('"a\\"b" "c;"', "STRING STRING"),
        ("`a``b;` `c", "QUOTED BROKEN"),
        ("x'00' n'a' b'1'", "STRING STRING STRING"),
        ("5--3", "NUMBER SYMBOL SYMBOL NUMBER"),
        ("5-- 3", "NUMBER"),
        ("1 # ; x\n2", "NUMBER NUMBER"),
        ("/* /* */ ;", "SYMBOL"),
        ("/* a", "BROKEN"),
        ("@x := 1", "SYMBOL WORD SYMBOL NUMBER"),
        (":a $b $1 ?", "NAMED NAMED POSITIONAL POSITIONAL"),
        ("a->>'$.b'", "WORD SYMBOL SYMBOL SYMBOL STRING"),
        ("'a", "BROKEN"),
    ],
)
def test_mysql_is_cut_like_mysql(sql: str, kinds: str) -> None:
    tokens = significant(tokenize(sql, "mysql"))

    assert " ".join(token.kind.name for token in tokens) == kinds


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("'a\\'b' 'a''b'", "STRING STRING"),
        ('"a\\"b" `c\\`d`', "QUOTED QUOTED"),
        ("5--3\n4", "NUMBER NUMBER"),
        ("1 // x\n2", "NUMBER NUMBER"),
        ("1 # x\n2 #! y", "NUMBER NUMBER"),
        ("1 #x", "NUMBER SYMBOL WORD"),
        ("/* /* */ ; */ a", "WORD"),
        ("/* /* */ ;", "BROKEN"),
        ("$a$ ; $a$", "STRING"),
        ("\u2018a; b\u2019 \u201cc d\u201d", "STRING QUOTED"),
        ("\u2018a", "BROKEN"),
        ("into\u00a0outfile\u3000x", "WORD WORD WORD"),
        ("a::Int8 b.:Int8", "WORD SYMBOL WORD WORD SYMBOL WORD"),
        (":a $1 ?", "NAMED POSITIONAL POSITIONAL"),
        ("größe", "WORD"),
    ],
)
def test_clickhouse_is_cut_like_clickhouse(sql: str, kinds: str) -> None:
    tokens = significant(tokenize(sql, "clickhouse"))

    assert " ".join(token.kind.name for token in tokens) == kinds
