"""How long the texts that an expression makes can be, before it is computed.

Every method is in one of the tables here. Bounds are never too low; where they are too high, the
step is computed in parts, and the rows that are there decide.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.extent import ITEM_BYTES, NOTHING, Extent, Size, capped, width
from analysis_sandbox.dataframe.patterns import replaced_growth

_CASE_GROWTH = 3
_CHARACTER_BYTES = 4
_SHOWN_PER_BYTE = 8
_SHOWN_GROWTH = 4
_NUMBER_BYTES = 64
# `%+` writes forty characters for two.
_FORMATTED_PER_CHARACTER = 40
_TEXTS = frozenset({"string", "str", "text"})


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression gives: texts or arrays of this size, and what computing them takes.

    `rows` is how many values there are: one when it is the same for every row. `shown` is what each
    takes as text beside its texts and arrays; nothing when it is text. It `is_picked` when it is
    the value of one row, so that those of all groups take no more than the rows they are of.
    """

    size: Size
    rows: int
    work: int = 0
    shown: int = _NUMBER_BYTES
    is_picked: bool = False

    def over(self, rows: int) -> Size:
        """Return the size when there is a value for each of so many rows."""
        if self.rows >= rows:
            return self.size
        return Size(capped(self.size.longest * rows), self.size.longest)

    def as_text(self) -> "Value":
        """Return the bound of its cast to text."""
        if not self.shown:
            return self
        size = self.size
        total = capped(size.total * _SHOWN_GROWTH + self.rows * self.shown)
        longest = capped(size.longest * _SHOWN_GROWTH + self.shown)
        return Value(Size(total, longest), self.rows, self.work, shown=0)


@dataclass(frozen=True, slots=True)
class Operands:
    """What a method is called with: its receiver, and its arguments as they are and as values."""

    receiver: Value
    given: Sequence[object]
    values: Sequence[Value]
    rows: int

    @property
    def all(self) -> list[Value]:
        """The receiver and the arguments."""
        return [self.receiver, *self.values]

    @property
    def height(self) -> int:
        """How many values come out where each row has its own."""
        return max((value.rows for value in self.all), default=1)

    def text_bytes(self, index: int, default: int = 0) -> int:
        """Return how many bytes a text among the arguments has."""
        text = self.given[index] if index < len(self.given) else None
        return _bytes(text) if isinstance(text, str) else default

    def grown(self, factor: int, more: int) -> Size:
        """Return the receiver's size when each text becomes `factor` as long, and `more`."""
        size = self.receiver.size
        return Size(
            capped(size.total * factor + self.receiver.rows * more),
            capped(size.longest * factor + more),
        )


Rule = Callable[[Operands], Size]


def _none(_call: Operands) -> Size:
    return NOTHING


def _same(call: Operands) -> Size:
    return call.receiver.size


def _sum(call: Operands) -> Size:
    """As long as all that goes in together."""
    sizes = [value.over(call.height) for value in call.all]
    return Size(
        capped(sum(size.total for size in sizes)), capped(sum(size.longest for size in sizes))
    )


def _either(call: Operands) -> Size:
    """One of what goes in, for each row."""
    sizes = [value.over(call.height) for value in call.all]
    longest = max((size.longest for size in sizes), default=0)
    total = min(sum(size.total for size in sizes), longest * call.height)
    return Size(capped(total), longest)


def _any_row(call: Operands) -> Size:
    """The value of any row, for each row."""
    longest = _either(call).longest
    return Size(capped(longest * max(call.rows, call.height)), longest)


def _filled(call: Operands) -> Size:
    given = call.given[0] if call.given else None
    has_strategy = any(arguments.is_object(item) for item in call.given) or given is None
    return _any_row(call) if has_strategy else _either(call)


def _over(call: Operands) -> Size:
    return _any_row(call) if call.receiver.rows < call.rows else call.receiver.size


def _concat(call: Operands) -> Size:
    options = call.given[-1] if call.given else None
    separator = options.get("separator") if arguments.is_object(options) else None
    between = len(call.values) * _bytes(separator) if isinstance(separator, str) else 0
    texts = [value.as_text().over(call.height) for value in call.values]
    return Size(
        capped(sum(text.total for text in texts) + between * call.height),
        capped(sum(text.longest for text in texts) + between),
    )


def _replaced(call: Operands) -> Size:
    factor, more = _replacement(call, every=True)
    return call.grown(factor, more)


def _replaced_once(call: Operands) -> Size:
    factor, more = _replacement(call, every=False)
    return call.grown(factor, more)


def _replacement(call: Operands, *, every: bool) -> tuple[int, int]:
    sought, replacement, options, *_ = (*call.given, None, None, None)
    if not isinstance(replacement, str):
        return 1, 0
    is_regex = arguments.is_object(options) and options.get("regex") is True
    return replaced_growth(sought, replacement, is_regex=is_regex, every=every)


def _padded(call: Operands) -> Size:
    length = call.given[0] if call.given else 0
    return call.grown(1, _CHARACTER_BYTES * length if isinstance(length, int) else 0)


def _split(call: Operands) -> Size:
    separator = call.text_bytes(0)
    size = call.receiver.size
    each = ITEM_BYTES + 1
    return Size(
        capped(size.total + (size.total // max(1, separator) + call.receiver.rows) * each),
        capped(size.longest + (size.longest // max(1, separator) + 1) * each),
    )


def _joined(call: Operands) -> Size:
    separator = call.text_bytes(0, default=1)
    return call.grown(4 + -(-separator // ITEM_BYTES), separator)


def _formatted(call: Operands) -> Size:
    return call.grown(1, call.text_bytes(0) * _FORMATTED_PER_CHARACTER + _NUMBER_BYTES)


def _cast(call: Operands) -> Size:
    return call.receiver.as_text().size if _is_to_text(call) else NOTHING


def _is_to_text(call: Operands) -> bool:
    target = call.given[0] if call.given else None
    return isinstance(target, str) and target in _TEXTS


_BY_ROW: Mapping[str, Rule] = {
    **dict.fromkeys(
        "len sub mul div floorDiv mod pow neg eq neq lt lte gt gte and or xor not "  # noqa: SIM905 - shorter
        "isIn isNull isNotNull isNan isFinite between abs round floor ceil sqrt exp log sign "
        "str.contains str.startsWith str.endsWith str.length str.toDate str.toDatetime "
        "str.toNumber list.length list.contains dt.year dt.quarter dt.month dt.week dt.day "
        "dt.weekday dt.ordinalDay dt.hour dt.minute dt.second dt.date dt.truncate dt.offsetBy "
        "dt.epochMillis".split(),
        _none,
    ),
    **dict.fromkeys(
        "alias str.trim str.trimStart str.trimEnd str.slice str.extract list.get".split(),  # noqa: SIM905 - shorter
        _same,
    ),
    **dict.fromkeys(("when", "coalesce", "clip", "fillNan"), _either),
    "add": _sum,
    "cast": _cast,
    "concatStr": _concat,
    "dt.format": _formatted,
    "fillNull": _filled,
    "list.join": _joined,
    "str.padEnd": _padded,
    "str.padStart": _padded,
    "str.replace": _replaced_once,
    "str.replaceAll": _replaced,
    "str.split": _split,
    "str.toLowerCase": lambda call: call.grown(_CASE_GROWTH, 0),
    "str.toUpperCase": lambda call: call.grown(_CASE_GROWTH, 0),
}
_PICKING = frozenset({"min", "max", "first", "last"})
_AGGREGATES: Mapping[str, Rule] = {
    **dict.fromkeys("sum mean avg count std var any all".split(), _none),  # noqa: SIM905 - shorter
    **dict.fromkeys(_PICKING, _same),
}
_GATHERING_AGGREGATES: Mapping[str, Rule] = dict.fromkeys(("median", "nUnique", "quantile"), _none)
_GATHERING: Mapping[str, Rule] = {
    **dict.fromkeys(
        "cumSum cumCount diff pctChange rank rollingMean rollingSum rollingMin "  # noqa: SIM905 - shorter
        "rollingMax".split(),
        _none,
    ),
    **dict.fromkeys(("cumMin", "cumMax"), _any_row),
    "over": _over,
    "shift": _sum,
}
_SCALAR = frozenset({*_AGGREGATES, *_GATHERING_AGGREGATES, "len"})
# Their texts among the arguments are names of columns.
_NAMING = frozenset({"concatStr", "coalesce", "over"})
_TEXT_MAKING = frozenset(
    {"concatStr", "dt.format", "list.join"}
    | {
        method
        for method, rule in _BY_ROW.items()
        if method.startswith("str.") and rule is not _none
    }
) - {"str.split"}
RULES: Mapping[str, Rule] = {**_BY_ROW, **_AGGREGATES, **_GATHERING_AGGREGATES, **_GATHERING}
"""How large the result of each method is; `col` and `lit` are what they name."""

_KEEPING = frozenset(method for method, rule in RULES.items() if rule in (_none, _same)) | {
    "fillNull",
    "fillNull by strategy",
    "isIn column",
}


class Growth:
    """Bounds of the expressions of one step, over rows of one extent."""

    def __init__(self, schema: pl.Schema, extent: Extent) -> None:
        self._schema = schema
        self._extent = extent
        self.methods: set[str] = set()
        """The methods that were met."""

    @property
    def is_by_row(self) -> bool:
        """Whether each row's result depends on that row alone."""
        return self.methods <= _BY_ROW.keys() - _SCALAR

    @property
    def is_streaming(self) -> bool:
        """Whether groups can be computed without holding their rows."""
        return self.methods <= _BY_ROW.keys() | _AGGREGATES.keys()

    @property
    def is_growing(self) -> bool:
        """Whether texts or arrays are made that can be longer than those there are."""
        return not self.methods <= _KEEPING

    def of(self, node: object, *, names_columns: bool = False) -> Value:
        """Return the bound of a node: a column expression, or a plain value."""
        if isinstance(node, str):
            return self._column(node) if names_columns else _literal(node)
        if isinstance(node, bytes):
            return Value(Size(len(node), len(node)), 1)
        if arguments.is_array(node):
            return self._together([self.of(item, names_columns=names_columns) for item in node])
        if arguments.is_object(node):
            return self._together([self.of(item) for item in node.values()])
        return self._chained(node["$expr"]) if arguments.is_expression(node) else _PLAIN

    def _chained(self, parts: object) -> Value:
        if not arguments.is_array(parts) or not parts:
            return _PLAIN
        method, *rest = parts
        result = self.of(rest[0]) if rest else _PLAIN
        if method != "chain":
            return self._called(method, result, rest[1:])
        for part in rest[1:]:
            if arguments.is_array(part) and part:
                result = self._called(part[0], result, part[1:])
        return result

    def _called(self, method: object, receiver: Value, given: Sequence[object]) -> Value:
        first = given[0] if given else None
        if method == "col":
            return self._column(first) if isinstance(first, str) else _PLAIN
        if method == "lit":
            return self.of(first)
        if not isinstance(method, str) or method not in RULES:
            return receiver
        self.methods.add(_variant(method, first))
        values = [self.of(item, names_columns=method in _NAMING) for item in given]
        call = Operands(receiver, given, values, self._extent.rows)
        rule = RULES[method]
        size = rule(call)
        # What is passed on is not made anew.
        made = 0 if rule in _MAKING_NOTHING else size.total + sum(v.size.total for v in call.all)
        work = max(sum(value.work for value in call.all), made)
        rows, shown = self._height(method, call), _shown(method, rule, call)
        is_picked = (
            receiver.is_picked if method == "alias" else (method in _PICKING and receiver.rows > 1)
        )
        return Value(size, rows, capped(work), shown, is_picked=is_picked)

    def _height(self, method: str, call: Operands) -> int:
        if method in _SCALAR:
            return 1
        return max(call.rows, call.height) if method in _GATHERING else call.height

    def _column(self, name: str) -> Value:
        if name == "*" and name not in self._schema:
            # One expression for each of them.
            columns = [self._column(column) for column in self._schema.names() if column != "*"]
            together = self._together(columns)
            rows = self._extent.rows * len(columns)
            return Value(together.size, max(rows, 1), shown=together.shown)
        size = self._extent.sizes.get(name, NOTHING)
        kind = self._schema.get(name)
        if isinstance(kind, pl.String):
            return Value(size, self._extent.rows, shown=0)
        shown = _NUMBER_BYTES if kind is None else _SHOWN_PER_BYTE * width(kind)
        return Value(size, self._extent.rows, shown=shown)

    def _together(self, values: Sequence[Value]) -> Value:
        rows = max((value.rows for value in values), default=1)
        sizes = [value.over(rows) for value in values]
        return Value(
            Size(
                capped(sum(size.total for size in sizes)),
                capped(sum(size.longest for size in sizes)),
            ),
            rows,
            capped(sum(value.work for value in values)),
            max((value.shown for value in values), default=_NUMBER_BYTES),
        )


_PLAIN = Value(NOTHING, 1)
_MAKING_NOTHING = (_none, _same)


def _variant(method: str, first: object) -> str:
    """Return the method as the tables know it, when more than one row decides."""
    if method == "fillNull" and (first is None or arguments.is_object(first)):
        return "fillNull by strategy"
    if method == "isIn" and arguments.is_expression(first):
        return "isIn column"
    return method


def _shown(method: str, rule: Rule, call: Operands) -> int:
    if rule is _none:
        return _NUMBER_BYTES
    if method in _TEXT_MAKING or (method == "cast" and _is_to_text(call)):
        return 0
    return max((value.shown for value in call.all), default=_NUMBER_BYTES)


def _literal(text: str) -> Value:
    length = _bytes(text)
    return Value(Size(length, length), 1, shown=0)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
