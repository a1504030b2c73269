"""One method call inside a column expression: its receiver, its arguments, and what is around it.

An expression crosses as `{"$expr": [method, receiver, ...arguments]}`, a long chain of calls as
`{"$expr": ["chain", first, [method, ...arguments], …]}`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.column_types import family, one_family, type_name
from analysis_sandbox.dataframe.literals import Text, literal, text_of
from analysis_sandbox.dataframe.refusals import did_you_mean, refusal, unknown_column


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is built, and how many arguments it takes; `most` None means any number."""

    build: "Callable[[Call], pl.Expr]"
    least: int = 0
    most: int | None = 0
    has_receiver: bool = True


Methods: TypeAlias = Mapping[str, Method]


class Scope:
    """What an expression can refer to: the columns of one frame, and the methods there are."""

    def __init__(self, schema: pl.Schema, methods: Methods) -> None:
        self.schema = schema
        self._methods = methods
        # By identity, as expressions cannot be compared. Each is kept, and with it its id.
        self._types: dict[int, tuple[pl.Expr, pl.DataType | None]] = {}
        self._nothing: pl.LazyFrame | None = None

    @property
    def nothing(self) -> pl.LazyFrame:
        """The columns without rows."""
        if self._nothing is None:
            self._nothing = pl.LazyFrame(schema=self.schema)
        return self._nothing

    def column(self, name: str) -> pl.Expr:
        """Return the column of exactly this name.

        Raises:
            ValidationFailedError: the frame does not have it.
        """
        if name not in self.schema:
            raise unknown_column(name, self.schema.names())
        column = exact_column(name)
        self.note(column, self.schema[name])
        return column

    def columns(self, step: str, what: str, value: object) -> list[str]:
        """Return names of columns that the frame has: of one name, or of an array."""
        given = value if arguments.is_array(value) else [value]
        names = [arguments.text(step, what, name) for name in given]
        for name in names:
            self.column(name)
        return names

    def expression(self, node: object, *, step: str) -> pl.Expr:
        """Return the expression for a node: a column expression, or a plain value."""
        if not arguments.is_expression(node):
            return literal(step, node)
        parts = node["$expr"]
        if not arguments.is_array(parts) or not parts:
            raise refusal(step, "this is not a column expression")
        method, *rest = parts
        if method == "chain":
            return self._chain(rest, step)
        receiver = rest[0] if rest else None
        given = Receiver(None) if receiver is None else Receiver(receiver, text_of(receiver))
        if receiver is not None and given.text is None:
            given = Receiver(receiver, None, self.expression(receiver, step=step))
        return self._call(method, given, rest[1:])

    def named(self, node: object, *, step: str) -> pl.Expr:
        """Return the expression for a node where a plain string is a column's name."""
        if isinstance(node, str):
            return self.column(node)
        if not arguments.is_expression(node):
            shown = arguments.described(node)
            raise refusal(step, f"give column names or column expressions, not {shown}")
        return self.expression(node, step=step)

    def type_of(self, expression: pl.Expr) -> pl.DataType | None:
        """Return the type of an expression's values, None when it is not known before it runs."""
        known = self._types.get(id(expression))
        if known is not None:
            return known[1]
        try:
            dtype = self.nothing.select(expression).collect_schema().dtypes()[0]
        except (pl.exceptions.PolarsError, IndexError):
            # Whatever is wrong with it is said when the step is tried.
            dtype = None
        return self.note(expression, dtype)

    def note(self, expression: pl.Expr, dtype: pl.DataType | None) -> pl.DataType | None:
        """Remember a type: to find it out takes time that grows with the square of a chain."""
        self._types[id(expression)] = (expression, dtype)
        return dtype

    def check(self, expressions: Sequence[pl.Expr]) -> None:
        """Evaluate expressions without rows: more goes wrong there than types tell."""
        # Not in parallel: waking threads takes longer than the rest.
        self.nothing.select_seq(expressions).collect(engine="in-memory")

    def _chain(self, parts: Sequence[object], step: str) -> pl.Expr:
        if not parts:
            raise refusal(step, "this is not a column expression")
        expression = self.expression(parts[0], step=step)
        for part in parts[1:]:
            if not arguments.is_array(part) or not part:
                raise refusal(step, "this is not a column expression")
            method, *rest = part
            expression = self._call(method, Receiver(part, None, expression), rest)
        return expression

    def _call(self, name: object, receiver: "Receiver", given: Sequence[object]) -> pl.Expr:
        if not isinstance(name, str) or name not in self._methods:
            raise _unknown_method(name, self._methods)
        method = self._methods[name]
        given = _without_trailing_nulls(given, method.least)
        _check_count(name, method, len(given))
        if method.has_receiver == (receiver.node is None):
            wanted = "needs a column before it" if method.has_receiver else "stands by itself"
            raise refusal(name, f"{wanted}, as in {_example(name, method)}")
        return method.build(Call(name, receiver, given, self))


@dataclass(frozen=True, slots=True)
class Receiver:
    """What stands before a method: nothing, a literal text, or an expression."""

    node: object
    text: Text | None = None
    expression: pl.Expr | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method; reads its arguments one by one."""

    method: str
    given: Receiver
    arguments: Sequence[object]
    scope: Scope

    @property
    def receiver(self) -> pl.Expr:
        """What stands before the method."""
        if self.given.expression is not None:
            return self.given.expression
        return literal(self.method, self.given.text)

    @property
    def type(self) -> pl.DataType | None:
        """The type of what stands before the method."""
        return self.scope.type_of(self.receiver)

    def has(self, index: int) -> bool:
        """Whether an argument was given, and is not null."""
        return index < len(self.arguments) and self.arguments[index] is not None

    def expression(self, index: int) -> pl.Expr:
        """Return an argument that may be an expression or a plain value."""
        return self.scope.expression(self.arguments[index], step=self.method)

    def fitting(self, node: object, dtype: pl.DataType | None) -> pl.Expr:
        """Return a value that must fit a column of type `dtype`, as an expression."""
        text = text_of(node)
        if text is not None or not arguments.is_expression(node):
            return literal(self.method, text or node, dtype)
        expression = self.scope.expression(node, step=self.method)
        other = self.scope.type_of(expression)
        if not one_family((dtype, other)) and dtype is not None and other is not None:
            raise refusal(
                self.method,
                f"{type_name(other)} does not fit a column of type {type_name(dtype)}; "
                "cast one of them",
            )
        return expression

    def pair(self, index: int = 0) -> tuple[pl.Expr, pl.Expr]:
        """Return the receiver and an argument, where texts are read as the other side's type."""
        node = self.arguments[index]
        if self.given.text is not None and text_of(node) is None:
            other = self.scope.expression(node, step=self.method)
            dtype = self.scope.type_of(other)
            return literal(self.method, self.given.text, dtype), other
        return self.receiver, self.fitting(node, self.type)

    def condition(self, node: object) -> pl.Expr:
        """Return an expression that is true or false."""
        expression = self.scope.expression(node, step=self.method)
        return self.checked_condition(expression)

    def checked_condition(self, expression: pl.Expr) -> pl.Expr:
        """Return the expression if it is a condition: Polars would work on the bits of numbers."""
        dtype = self.scope.type_of(expression)
        if dtype is not None and family(dtype) not in {"boolean", "null"}:
            raise refusal(
                self.method,
                f"needs a condition, not a column of type {type_name(dtype)}; "
                "compare it, as in col('a').gt(0)",
            )
        # A column of nulls has no type of its own.
        return expression.cast(pl.Boolean) if isinstance(dtype, pl.Null) else expression

    def text(self, index: int, what: str, default: str | None = None) -> str:
        """Return an argument that is a string."""
        if not self.has(index) and default is not None:
            return default
        return arguments.text(self.method, what, self.arguments[index])

    def whole(
        self, index: int, what: str, *, default: int, least: int | None = None, most: int = 2**31
    ) -> int:
        """Return an argument that is a whole number."""
        if not self.has(index):
            return default
        floor = -(2**31) if least is None else least
        value = self.arguments[index]
        return arguments.whole(self.method, what, value, least=floor, most=most)

    def flag(self, index: int, what: str, *, default: bool) -> bool:
        """Return an argument that is true or false."""
        if not self.has(index):
            return default
        return arguments.flag(self.method, what, self.arguments[index])

    def options(self, index: int, known: Sequence[str]) -> dict[str, object]:
        """Return an argument that is an options object."""
        given = self.arguments[index] if self.has(index) else None
        return arguments.options(self.method, given, known)


def exact_column(name: str) -> pl.Expr:
    """Return a column that is known to exist, by exactly this name."""
    # Polars reads such names as patterns.
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        return pl.selectors.by_name(name).as_expr()
    return pl.col(name)


def _without_trailing_nulls(given: Sequence[object], least: int) -> Sequence[object]:
    """An argument left out in JavaScript may cross as null."""
    end = len(given)
    while end > least and given[end - 1] is None:
        end -= 1
    return given[:end]


def _check_count(name: str, method: Method, count: int) -> None:
    if count >= method.least and (method.most is None or count <= method.most):
        return
    if method.most is None:
        wanted = f"at least {method.least}"
    elif method.least == method.most:
        wanted = str(method.least) if method.most else "no"
    else:
        wanted = f"{method.least} to {method.most}"
    noun = "argument" if wanted.endswith("1") else "arguments"
    raise refusal(name, f"takes {wanted} {noun}, not {count}")


def _unknown_method(name: object, methods: Methods) -> Exception:
    shown = name if isinstance(name, str) else arguments.described(name)
    near = did_you_mean(shown, methods)
    return refusal("column expression", f"there is no method '{shown[:100]}'.{near}")


def _example(name: str, method: Method) -> str:
    inside = "…" if method.least else ""
    return f"col('a').{name}({inside})" if method.has_receiver else f"{name}({inside})"
