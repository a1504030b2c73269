"""Cuts SQL text into tokens the way the database itself does; knows no grammar.

The rules that matter for safety are the ones on which databases differ: nested comments, backslash
and dollar quotes, strings continued on the next line, brackets as identifier quotes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Dialect = Literal["postgres", "sqlite"]


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
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokenize(sql: str, dialect: Dialect) -> Iterator[Token]:
    """Yield the tokens of `sql`; an unterminated string or comment is one last BROKEN token."""
    pattern = _POSTGRES if dialect == "postgres" else _SQLITE
    position = 0
    while position < len(sql):
        if dialect == "postgres" and sql.startswith("/*", position):
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
    return "".join(token.text for token in tokens)


def _nested_comment_end(sql: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return 0
