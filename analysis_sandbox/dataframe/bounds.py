"""How large the rows after a step can be, before it is taken."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.extent import (
    ITEM_BYTES,
    NOTHING,
    Extent,
    Size,
    capped,
    is_variable,
)
from analysis_sandbox.dataframe.growth import Growth, Value
from analysis_sandbox.dataframe.table import Arguments, argument, as_list

_DEFAULT_ROWS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of one input of a step."""

    schema: pl.Schema
    extent: Extent

    @property
    def together(self) -> Size:
        """What all of its texts and arrays take, and the longest row of them."""
        sizes = [self.extent.sizes.get(name, NOTHING) for name in self.schema]
        return _summed(sizes)


@dataclass(slots=True)
class Bound:
    """What a step makes of its inputs at most: `rows`, columns by name, `rest` for all others.

    `work` is what it takes beside its result. A step `is_by_row` when parts of the rows can be
    taken one after the other. It `is_streaming` when it holds no more than what passes through it,
    however many rows that are. It `is_growing` when more can come out than goes in.
    """

    rows: int
    sizes: dict[str, Size] = field(default_factory=dict[str, Size])
    rest: Size = NOTHING
    work: int = 0
    is_by_row: bool = False
    is_streaming: bool = False
    is_growing: bool = False

    def extent(self, schema: pl.Schema) -> Extent:
        """Return the extent of the result, whose schema is known once the step is planned."""
        sizes = {
            name: self.sizes.get(name, self.rest)
            for name, dtype in schema.items()
            if is_variable(dtype)
        }
        return Extent(self.rows, sizes)

    def size_bytes(self, schema: pl.Schema) -> int:
        """Return what the result, or making it, takes at most."""
        return max(self.extent(schema).size_bytes(schema), self.work)

    @property
    def least_bytes(self) -> int:
        """What texts and arrays take, which is known before the schema is."""
        return max(capped(sum(size.total for size in (*self.sizes.values(), self.rest))), self.work)

    def add(self, name: str | None, value: Value) -> None:
        """Take a column in; None when its name is not known."""
        size = value.over(self.rows)
        if name is None:
            self.rest = _summed([self.rest, size])
        else:
            self.sizes[name] = size
        self.work = capped(self.work + value.work)


def bound_of(step: str, given: Arguments, sources: Sequence[Source]) -> Bound:
    """Return the bound of a step; the first source is the frame, others are in the arguments."""
    source = sources[0]
    if step in _COMBINING:
        return _COMBINING[step](given, sources)
    growth = Growth(source.schema, source.extent)
    bound = _STEPS[step](source, given, growth)
    # A selection of totals or of plain values only has one row.
    is_by_row = growth.is_by_row and bound.rows >= source.extent.rows
    bound.is_by_row = is_by_row and step in _BY_ROW
    bound.is_streaming = growth.is_streaming if step in _GROUPING else bound.is_by_row
    if step == "explode":
        bound.is_streaming, bound.is_growing = False, True
    elif step in _PASSING:
        bound.is_streaming = True
    bound.is_growing |= growth.is_growing
    return bound


def _unchanged(source: Source, rows: int | None = None) -> Bound:
    extent = source.extent if rows is None else source.extent.part(rows)
    return Bound(extent.rows, dict(extent.sizes))


def _keeping(source: Source, given: Arguments, growth: Growth) -> Bound:
    """Rows are left out, or in another order; expressions only say which."""
    bound = _unchanged(source)
    bound.work = capped(sum(growth.of(node, names_columns=True).work for node in given))
    return bound


def _ordering(source: Source, given: Arguments, growth: Growth) -> Bound:
    """Rows are compared by some columns, which are copied for that."""
    bound = _unchanged(source)
    nodes = [node for node in given if not arguments.is_object(node)] or source.schema.names()
    keys = [growth.of(node, names_columns=True) for node in nodes]
    bound.work = capped(sum(key.work + key.size.total for key in keys))
    return bound


def _first(source: Source, given: Arguments, _growth: Growth) -> Bound:
    return _unchanged(source, _count(argument(given, 0), default=_DEFAULT_ROWS))


def _sliced(source: Source, given: Arguments, _growth: Growth) -> Bound:
    return _unchanged(source, _count(argument(given, 1), default=source.extent.rows))


def _count(value: object, *, default: int) -> int:
    return value if isinstance(value, int) and value >= 0 else default


def _renamed(source: Source, given: Arguments, _growth: Growth) -> Bound:
    first = argument(given, 0)
    names = first if arguments.is_object(first) else {str(first): argument(given, 1)}
    sizes = {str(names.get(name, name)): size for name, size in source.extent.sizes.items()}
    return Bound(source.extent.rows, sizes)


def _select(source: Source, given: Arguments, growth: Growth) -> Bound:
    items = arguments.flattened(given)
    first = items[0] if len(items) == 1 else None
    named = (
        list(first.items())
        if arguments.is_object(first)
        else [(_name(item), item) for item in items]
    )
    values = [(name, growth.of(node, names_columns=True)) for name, node in named]
    has_rows = any(value.rows > 1 for _, value in values)
    bound = Bound(source.extent.rows if has_rows else 1)
    for name, value in values:
        bound.add(name, value)
    return bound


def _with_column(source: Source, given: Arguments, growth: Growth) -> Bound:
    bound = _unchanged(source)
    bound.add(str(argument(given, 0)), growth.of(argument(given, 1)))
    return bound


def _with_columns(source: Source, given: Arguments, growth: Growth) -> Bound:
    bound = _unchanged(source)
    for item in arguments.flattened(given):
        if arguments.is_object(item):
            for name, node in item.items():
                bound.add(name, growth.of(node))
        else:
            value = growth.of(item)
            name = _name(item)
            if name is None:
                # It may replace any column.
                value_size = value.over(bound.rows)
                bound.sizes = {
                    known: _summed([size, value_size]) for known, size in bound.sizes.items()
                }
            bound.add(name, value)
    return bound


def _cast(source: Source, given: Arguments, growth: Growth) -> Bound:
    first = argument(given, 0)
    types = first if arguments.is_object(first) else {str(first): argument(given, 1)}
    bound = _unchanged(source)
    for name, target in types.items():
        bound.add(name, growth.of({"$expr": ["cast", {"$expr": ["col", None, name]}, target]}))
    return bound


def _filled(source: Source, given: Arguments, growth: Growth) -> Bound:
    value = argument(given, 0)
    members = value if arguments.is_object(value) and "strategy" not in value else None
    bound = _unchanged(source)
    for name in source.schema.names():
        filling = value if members is None else members.get(name)
        if members is not None and name not in members:
            continue
        column = {"$expr": ["col", None, name]}
        bound.add(name, growth.of({"$expr": ["fillNull", column, filling]}))
    return bound


def _exploded(source: Source, given: Arguments, _growth: Growth) -> Bound:
    names = [name for name in arguments.flattened(given) if isinstance(name, str)]
    lists = [source.extent.sizes.get(name, NOTHING) for name in names]
    items = min((size.total for size in lists), default=0) // ITEM_BYTES
    rows = source.extent.rows + items
    sizes = {
        name: size if name in names else Size(capped(size.longest * rows), size.longest)
        for name, size in source.extent.sizes.items()
    }
    return Bound(rows, sizes)


def _aggregated(source: Source, given: Arguments, growth: Growth) -> Bound:
    keys = [node for node in as_list(argument(given, 0)) if node is not None]
    bound = Bound(source.extent.rows if keys else 1)
    for node in keys:
        value = growth.of(node, names_columns=True)
        bound.add(_name(node), value)
        bound.work = capped(bound.work + value.size.total)
    results = argument(given, 1)
    forms = (
        list(results.items())
        if arguments.is_object(results)
        else [(_name(node), node) for node in as_list(results)]
    )
    for name, form in forms:
        value = growth.of(_aggregate(name, form))
        total = value.size.total
        if value.rows > 1:
            # Each group gets an array.
            total += value.rows * ITEM_BYTES
        elif not value.is_picked:
            total = value.size.longest * bound.rows
        size = Size(capped(total), max(capped(total), value.size.longest))
        bound.add(name, Value(size, bound.rows, value.work))
    return bound


def _aggregate(name: str | None, form: object) -> object:
    """Return the expression that a short form stands for, as far as its size goes."""
    if arguments.is_expression(form):
        return form
    if arguments.is_array(form) and len(form) == 2:
        column, function = form
    else:
        function, _, column = str(form).partition(":")
        column = column or name
    return {"$expr": [function, {"$expr": ["col", None, column]}]}


def _counted(source: Source, given: Arguments, growth: Growth) -> Bound:
    return _aggregated(source, [argument(given, 0), {}], growth)


def _joined(given: Arguments, sources: Sequence[Source]) -> Bound:
    left, right = sources[0], sources[-1]
    options = argument(given, 2)
    how = options.get("how", "inner") if arguments.is_object(options) else options
    if how in ("semi", "anti"):
        return _unchanged(left)
    suffix = options.get("suffix") if arguments.is_object(options) else None
    lefts, rights = left.extent.rows, right.extent.rows
    rows = capped(max(lefts, 1) * max(rights, 1) + (lefts + rights if how != "cross" else 0))
    bound = Bound(rows, is_growing=True)
    suffix = suffix if isinstance(suffix, str) else "_right"
    set_joined_sizes(
        bound,
        {name: _times(size, max(rights, 1)) for name, size in left.extent.sizes.items()},
        {name: _times(size, max(lefts, 1)) for name, size in right.extent.sizes.items()},
        suffix=suffix,
    )
    return bound


def set_joined_sizes(
    bound: Bound,
    left: Mapping[str, Size],
    right: Mapping[str, Size],
    *,
    suffix: str,
    keys: Collection[str] | None = None,
) -> None:
    """Give a bound the columns of a join. A key of both sides holds values of either of them.

    Without `keys` each column may be one.
    """
    bound.sizes.update(left)
    for name, size in right.items():
        bound.sizes[name + suffix] = _summed([size, left.get(name + suffix, NOTHING)])
        if name not in left or keys is None or name in keys:
            bound.sizes[name] = _summed([size, left.get(name, NOTHING)])


def _times(size: Size, count: int) -> Size:
    return Size(capped(size.total * count), size.longest)


def _concatenated(_given: Arguments, sources: Sequence[Source]) -> Bound:
    bound = Bound(capped(sum(source.extent.rows for source in sources)), is_growing=True)
    for source in sources:
        for name, size in source.extent.sizes.items():
            known = bound.sizes.get(name, NOTHING)
            total = capped(known.total + size.total)
            bound.sizes[name] = Size(total, max(known.longest, size.longest))
    return bound


def _name(node: object) -> str | None:
    """Return the name of the column that an expression makes, None where that takes more."""
    if isinstance(node, str):
        return node
    parts = node["$expr"] if arguments.is_expression(node) else None
    if not arguments.is_array(parts) or len(parts) < 2:
        return None
    method, last = parts[0], parts[-1]
    if method == "chain" and arguments.is_array(last) and len(last) == 2:
        method, last = last
    if isinstance(last, str) and (method == "alias" or (method == "col" and last != "*")):
        return last
    return None


def _summed(sizes: Sequence[Size]) -> Size:
    total = capped(sum(size.total for size in sizes))
    return Size(total, capped(sum(size.longest for size in sizes)))


_STEPS: Mapping[str, Callable[[Source, Arguments, Growth], Bound]] = {
    **dict.fromkeys(("filter", "drop", "dropNulls", "reverse", "withRowIndex"), _keeping),
    **dict.fromkeys(("sort", "unique"), _ordering),
    **dict.fromkeys(("head", "limit", "tail"), _first),
    "slice": _sliced,
    "rename": _renamed,
    "select": _select,
    "withColumn": _with_column,
    "withColumns": _with_columns,
    "cast": _cast,
    "fillNull": _filled,
    "explode": _exploded,
    "aggregate": _aggregated,
    "count": _counted,
}
_COMBINING: Mapping[str, Callable[[Arguments, Sequence[Source]], Bound]] = {
    "join": _joined,
    "concat": _concatenated,
}
_GROUPING = frozenset({"aggregate", "count"})
_PASSING = frozenset({"drop", "rename", "head", "limit", "dropNulls", "withRowIndex"})
_BY_ROW = _PASSING - {"head", "limit", "withRowIndex"} | {
    "filter",
    "select",
    "withColumn",
    "withColumns",
    "cast",
    "fillNull",
    "explode",
}
BOUNDED_STEPS = _STEPS.keys() | _COMBINING.keys()
"""Every step whose bound is known."""
