r"""Brings the placeholders of a statement into the form its database understands.

A script may write `$1`, `?` or `:name` whatever the database: the text is rewritten outside
strings, comments and quoted identifiers, to `$1` for PostgreSQL, `?` for SQLite, `%s` for MySQL
(with every other `%` doubled, as its driver wants it) and `{p1:Type}` for ClickHouse. The values
are never put into the text.

- A sequence of values goes with `$1 … $n` (or `?1 … ?n`), each used at least once, or with one `?`
  per value. A mapping goes with `:name` or `$name` (SQLite: also `@name`).
- Without values the statement is left as it is.
- PostgreSQL has operators with a question mark. In a statement that uses `$1` or names every `?`
  is an operator. In one that uses `?`, the operators `?|`, `?&` and `@?` are told apart, and the
  plain jsonb operator `?` is written `??`. Where the count of `?` does not match the count of
  values, the statement is refused. The same holds for ClickHouse's `a ? b : c`.
- Inside an array subscript (`a[i:j]`) a `:j` that is not a given name is left as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.sql.tokens import Dialect, Kind, Token, tokenize

Parameters: TypeAlias = Sequence[object] | Mapping[str, object] | None

Placeholder: TypeAlias = Callable[[int, object], str]


@dataclass(frozen=True, slots=True)
class BoundStatement:
    """A statement with native placeholders, and the values in their order."""

    sql: str
    values: tuple[object, ...] = ()


def bind(
    sql: object,
    params: object = None,
    *,
    dialect: Dialect,
    placeholder: Placeholder | None = None,
) -> BoundStatement:
    """Return `sql` with native placeholders and the values they stand for.

    `placeholder` makes the native one of a value's number (from 1) and the value, for a dialect
    whose placeholders name a type.

    Raises:
        ValidationFailedError: not text, not a list or object of values, or the placeholders and
            the values do not match.
    """
    if not isinstance(sql, str) or not sql.strip():
        raise ValidationFailedError("The first argument must be an SQL statement as text")
    if params is None:
        return BoundStatement(sql)
    if isinstance(params, Mapping):
        return _bind_names(sql, cast("Mapping[str, object]", params), _Writer(dialect, placeholder))
    if not isinstance(params, Sequence) or isinstance(params, str | bytes | bytearray):
        raise ValidationFailedError(
            "The values of a statement must be a list (for $1 or ?) or an object (for :name)"
        )
    values = tuple(cast("Sequence[object]", params))
    if not values:
        return BoundStatement(sql)
    return _bind_positions(sql, values, _Writer(dialect, placeholder))


class _Writer:
    """Puts a statement together; remembers which value each placeholder stands for."""

    def __init__(self, dialect: Dialect, placeholder: Placeholder | None) -> None:
        self.dialect: Dialect = dialect
        self._native = placeholder or _NATIVE[dialect]
        self._numbered = dialect in ("postgres", "clickhouse")
        self._pieces: list[str] = []
        self._order: list[int] = []

    def text(self, text: str) -> None:
        """Append text that stays as it is."""
        self._pieces.append(text.replace("%", "%%") if self.dialect == "mysql" else text)

    def placeholder(self, index: int, value: object, *, instead_of: str) -> None:
        """Append the placeholder for the value at `index`."""
        native = self._native(index + 1, value)
        # Apart from the words around it: `limit?` is fine as it stands, `limit$1` is one word.
        self._pieces.append(native if native == instead_of else f" {native} ")
        self._order.append(index)

    def statement(self, values: Sequence[object]) -> BoundStatement:
        """Return what was written with the values in native order."""
        ordered = values if self._numbered else [values[index] for index in self._order]
        return BoundStatement("".join(self._pieces), tuple(ordered))


def _bind_names(sql: str, values: Mapping[str, object], writer: _Writer) -> BoundStatement:
    used: dict[str, int] = {}
    missing: list[str] = []
    depth = 0
    for token in tokenize(sql, writer.dialect):
        name = token.text[1:]
        depth += {"[": 1, "]": -1}.get(token.text, 0)
        if token.kind is not Kind.NAMED or (name not in values and depth > 0):
            writer.text(token.text)
        elif name not in values:
            missing.append(token.text)
        else:
            index = used.setdefault(name, len(used))
            writer.placeholder(index, values[name], instead_of=token.text)
    if missing:
        raise ValidationFailedError(f"The statement has no value for {', '.join(missing)}")
    unused = [name for name in values if name not in used]
    if unused:
        raise ValidationFailedError(
            f"The statement does not use the values {', '.join(unused)}; write them as :name"
        )
    return writer.statement([values[name] for name in used])


def _bind_positions(sql: str, values: tuple[object, ...], writer: _Writer) -> BoundStatement:
    tokens = list(tokenize(sql, writer.dialect))
    if any(_is_numbered(token) for token in tokens):
        return _bind_numbers(tokens, values, writer)
    count = 0
    for token in tokens:
        if token.kind is Kind.POSITIONAL:
            writer.placeholder(
                count, values[count] if count < len(values) else None, instead_of=token.text
            )
            count += 1
        else:
            writer.text("?" if token.text == "??" else token.text)
    if count != len(values):
        message = f"The statement has {count} placeholders, but {len(values)} values were given"
        if writer.dialect in _ASKING and count > len(values):
            message += f"; {_ASKING[writer.dialect]}, or use $1 for the values"
        raise ValidationFailedError(message)
    return writer.statement(values)


def _bind_numbers(
    tokens: list[Token], values: tuple[object, ...], writer: _Writer
) -> BoundStatement:
    used: set[int] = set()
    for token in tokens:
        if not _is_numbered(token):
            if token.text == "?" and writer.dialect not in _ASKING:
                raise ValidationFailedError("The statement mixes ? with numbered placeholders")
            writer.text(token.text)
            continue
        number = int(token.text[1:])
        if not 1 <= number <= len(values):
            raise ValidationFailedError(
                f"The statement uses {token.text}, but {len(values)} values were given"
            )
        used.add(number)
        writer.placeholder(number - 1, values[number - 1], instead_of=token.text)
    unused = [f"${number}" for number in range(1, len(values) + 1) if number not in used]
    if unused:
        raise ValidationFailedError(
            f"{len(values)} values were given, but the statement does not use {', '.join(unused)}"
        )
    return writer.statement(values)


def _is_numbered(token: Token) -> bool:
    return token.kind is Kind.POSITIONAL and len(token.text) > 1


_NATIVE: Mapping[Dialect, Placeholder] = {
    "postgres": lambda number, _: f"${number}",
    "sqlite": lambda _number, _value: "?",
    "mysql": lambda _number, _value: "%s",
    "clickhouse": lambda number, _: f"{{p{number}:String}}",
}
# Where a question mark is an operator as well, and how that is written beside `?` for values.
_ASKING: Mapping[Dialect, str] = {
    "postgres": "write the jsonb operator ? as ??",
    "clickhouse": "write if(a, b, c) for a ? b : c",
}
