"""Cuts SQL text into tokens the way the database itself does; knows no grammar.

The rules that matter for safety are the ones on which databases differ: nested comments, backslash
and dollar quotes, strings continued on the next line, brackets as identifier quotes. For MySQL the
session must be one where a backslash escapes and double quotes hold strings, as is usual.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Dialect = Literal["postgres", "sqlite", "mysql", "clickhouse"]


class Kind(Enum):
    """What a token is."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    QUOTED = "quoted identifier"
    WORD = "word"
    NUMBER = "number"
    POSITIONAL = "positional placeholder"
    NAMED = "named placeholder"
    SYMBOL = "symbol"
    BROKEN = "unterminated"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text. The texts of all tokens, joined, are the statement."""

    kind: Kind
    text: str

    @property
    def keyword(self) -> str:
        """The word in lower case, empty for everything but a word."""
        return self.text.lower() if self.kind is Kind.WORD else ""

    @property
    def identifier(self) -> str:
        """The name in lower case of a word or of a quoted identifier, else empty."""
        if self.kind is Kind.QUOTED:
            mark = self.text[-1]
            return self.text[1:-1].replace(mark * 2, mark).lower()
        return self.keyword


# Databases take every character beyond ASCII for a letter, also those Unicode calls spaces.
_START = r"[A-Za-z_\u0080-\U0010ffff]"
_NAME = _START + r"[A-Za-z0-9_$\u0080-\U0010ffff]*"
_LABEL = _START + r"[A-Za-z0-9_\u0080-\U0010ffff]*+"
_NUMBER = r"\d[A-Za-z0-9_]*(?:\.[A-Za-z0-9_]*)?|\.\d[A-Za-z0-9_]*"
# PostgreSQL joins strings that stand on consecutive lines, and keeps the first one's rules.
_CONTINUED = r"[ \t\f\v]*+[\r\n](?:[ \t\f\v\r\n]|--[^\r\n]*+[\r\n])*+'"
_PLAIN = r"(?:[^']++|'')*+'"
_ESCAPED = r"(?:[^'\\]++|\\.|'')*+'"

_POSTGRES = re.compile(
    rf"""
    (?P<SPACE>[ \t\n\r\f\v]+)
  | (?P<COMMENT>--[^\r\n]*)
  | (?P<STRING>
        [eE]'{_ESCAPED}(?:{_CONTINUED}{_ESCAPED})*+
      | (?:[bBxXnN]|[uU]&)?'{_PLAIN}(?:{_CONTINUED}{_PLAIN})*+
      | (?P<tag>\$(?:{_LABEL})?\$).*?(?P=tag))
  | (?P<QUOTED>(?:[uU]&)?"(?:[^"]++|"")*+")
  | (?P<POSITIONAL>\$\d+|\?(?:\d+|(?=&&)|(?![?&]|\|(?!\|))))
  | (?P<NAMED>:{_LABEL}|\${_LABEL}(?!\$))
  | (?P<BROKEN>(?:[eEbBxXnN]|[uU]&)?'|(?:[uU]&)?"|\$(?:{_LABEL})?\$)
  | (?P<NUMBER>{_NUMBER})
  | (?P<WORD>{_NAME})
  | (?P<SYMBOL>::|:=|\?\?|\?\||\?&|@\?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SQLITE = re.compile(
    rf"""
    (?P<SPACE>[ \t\n\r\f]+)
  | (?P<COMMENT>--[^\n]*|/\*.*?\*/)
  | (?P<STRING>[xX]?'{_PLAIN})
  | (?P<QUOTED>"(?:[^"]++|"")*+"|`(?:[^`]++|``)*+`|\[[^\]]*\])
  | (?P<POSITIONAL>\?\d*|\$\d+)
  | (?P<NAMED>[:@$]{_LABEL})
  | (?P<BROKEN>[xX]?'|"|`|\[|/\*)
  | (?P<NUMBER>{_NUMBER})
  | (?P<WORD>{_NAME})
  | (?P<SYMBOL>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BACKSLASHED = r"(?:[^{mark}\\]++|\\.|{mark}{mark})*+{mark}"
_IN_SINGLE = _BACKSLASHED.format(mark="'")
_IN_DOUBLE = _BACKSLASHED.format(mark='"')
_IN_BACKTICKS = _BACKSLASHED.format(mark="`")
# A number ends where the server ends it: `1.into` and `1e1into` are a number and a word, `1into` is
# a word. After `1.e` the server loses its way, and so might we.
_GOES_ON = r"[A-Za-z0-9_$\u0080-\U0010ffff]"
_FRACTION = r"(?:\d++\.\d*+|\.\d++)"
_MYSQL = re.compile(
    rf"""
    (?P<SPACE>[ \t\n\r\f\v]+)
  | (?P<COMMENT>--(?=[\x00-\x20\x7f]|\Z)[^\n]*|\#[^\n]*|/\*.*?\*/)
  | (?P<STRING>[xXbBnN]?'{_IN_SINGLE}|"{_IN_DOUBLE})
  | (?P<QUOTED>`(?:[^`]++|``)*+`)
  | (?P<POSITIONAL>\?|\$\d+)
  | (?P<NAMED>[:$]{_LABEL})
  | (?P<BROKEN>[xXbBnN]?'|"|`|/\*|{_FRACTION}[eE](?![+-]?\d))
  | (?P<NUMBER>0[xX][0-9A-Fa-f]++(?!{_GOES_ON})|0[bB][01]++(?!{_GOES_ON})
      | \d++[eE][+-]?\d++|{_FRACTION}(?:[eE][+-]?\d++)?|\d++(?!{_GOES_ON}))
  | (?P<WORD>{_NAME}|\d{_GOES_ON}*)
  | (?P<SYMBOL>:=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# ClickHouse skips these as space as well, and takes typographic quotes for quotes.
_WIDE_SPACE = r"\u0085\u00a0\u1680\u180e\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_LETTER = rf"(?:[A-Za-z_]|(?![{_WIDE_SPACE}\u2018-\u201d])[\u0080-\U0010ffff])"
_CLICKHOUSE_NAME = rf"{_LETTER}(?:[0-9$]|{_LETTER})*"
_CLICKHOUSE = re.compile(
    rf"""
    (?P<SPACE>[ \t\n\r\f\v{_WIDE_SPACE}]+)
  | (?P<COMMENT>--[^\n]*|//[^\n]*|\#[\ !][^\n]*)
  | (?P<STRING>'{_IN_SINGLE}|\u2018[^\u2019]*\u2019
      | (?P<tag>\$(?:{_LABEL})?\$).*?(?P=tag))
  | (?P<QUOTED>"{_IN_DOUBLE}|`{_IN_BACKTICKS}|\u201c[^\u201d]*\u201d)
  | (?P<POSITIONAL>\?|\$\d+)
  | (?P<NAMED>[:$]{_LABEL}(?!\$))
  | (?P<BROKEN>'|"|`|/\*|[\u2018\u201c]|\$(?:{_LABEL})?\$)
  | (?P<NUMBER>{_NUMBER})
  | (?P<WORD>{_CLICKHOUSE_NAME})
  | (?P<SYMBOL>::|\.:|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PATTERNS: dict[Dialect, re.Pattern[str]] = {
    "postgres": _POSTGRES,
    "sqlite": _SQLITE,
    "mysql": _MYSQL,
    "clickhouse": _CLICKHOUSE,
}
_NESTING: frozenset[Dialect] = frozenset({"postgres", "clickhouse"})
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokenize(sql: str, dialect: Dialect) -> Iterator[Token]:
    """Yield the tokens of `sql`; an unterminated string or comment is one last BROKEN token."""
    pattern = _PATTERNS[dialect]
    nests = dialect in _NESTING
    position = 0
    while position < len(sql):
        if nests and sql.startswith("/*", position):
            end = _nested_comment_end(sql, position)
            kind = Kind.COMMENT if end else Kind.BROKEN
        else:
            match = pattern.match(sql, position)
            assert match is not None
            kind = Kind[match.lastgroup or ""]
            end = match.end()
        if kind is Kind.BROKEN or not end:
            yield Token(Kind.BROKEN, sql[position:])
            return
        yield Token(kind, sql[position:end])
        position = end


def significant(tokens: Iterable[Token]) -> list[Token]:
    """Return the tokens that are neither space nor comment."""
    return [token for token in tokens if token.kind not in (Kind.SPACE, Kind.COMMENT)]


def without_terminator(sql: str, dialect: Dialect) -> str:
    """Return a statement without the semicolons, and what follows them, at its end."""
    tokens = list(tokenize(sql, dialect))
    while tokens and (tokens[-1].kind in (Kind.SPACE, Kind.COMMENT) or tokens[-1].text == ";"):
        tokens.pop()
    shorter = "".join(token.text for token in tokens)
    # What stood before a comment may be one at the end of a text: MySQL's `----`.
    return shorter if shorter == sql else without_terminator(shorter, dialect)


def _nested_comment_end(sql: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return 0
