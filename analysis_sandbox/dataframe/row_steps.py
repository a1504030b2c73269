"""Steps that choose, order and multiply rows."""

from typing import cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.column_types import family, type_name
from analysis_sandbox.dataframe.refusals import refusal
from analysis_sandbox.dataframe.table import (
    Arguments,
    Table,
    argument,
    as_list,
    check_count,
    column_names,
    new_name,
)

_KEEP = ("first", "last", "any", "none")
_MOST_ROWS = 2**40


def filter_rows(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep the rows for which every condition holds."""
    conditions = arguments.flattened(given)
    if not conditions:
        raise refusal("filter", "needs a condition, as in filter(col('amount').gt(100))")
    expressions: list[pl.Expr] = []
    for node in conditions:
        if not arguments.is_expression(node):
            shown = arguments.described(node)
            raise refusal("filter", f"takes a condition on columns, not {shown}")
        expression = table.scope.expression(node, step="filter")
        dtype = table.scope.type_of(expression)
        if dtype is not None and family(dtype) not in {"boolean", "null"}:
            raise refusal(
                "filter",
                f"needs a condition, not a column of type {type_name(dtype)}; "
                "compare it, as in col('a').gt(0)",
            )
        expressions.append(expression.cast(pl.Boolean))
    return table.plan.filter(expressions)


def sort(table: Table, given: Arguments) -> pl.LazyFrame:
    """Order the rows; equal ones keep their order, nulls come last unless asked otherwise."""
    check_count("sort", given, 2)
    keys = [table.scope.named(key, step="sort") for key in as_list(argument(given, 0))]
    if not keys:
        raise refusal("sort", "name at least one column")
    descending, nulls_last = _order(argument(given, 1), len(keys))
    return table.plan.sort(keys, descending=descending, nulls_last=nulls_last, maintain_order=True)


def _order(given: object, count: int) -> tuple[list[bool], bool]:
    """Read `ascending` (one or one for each column) or `{descending, nullsLast}`."""
    if given is None:
        return [False] * count, True
    if arguments.is_object(given):
        options = arguments.options("sort", given, ("descending", "nullsLast"))
        last = arguments.flag("sort", "nullsLast", options.get("nullsLast", True))
        return _flags("descending", options.get("descending", False), count), last
    return [not ascending for ascending in _flags("ascending", given, count)], True


def _flags(what: str, given: object, count: int) -> list[bool]:
    flags = [arguments.flag("sort", what, flag) for flag in as_list(given)]
    if arguments.is_array(given) and len(flags) != count:
        raise refusal("sort", f"{what} has {len(flags)} values for {count} columns")
    return flags if arguments.is_array(given) else flags * count


def head(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep the first rows, five when no number is given."""
    check_count("head", given, 1)
    count = argument(given, 0)
    return table.plan.head(5 if count is None else _count("head", count))


def limit(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep at most so many rows."""
    check_count("limit", given, 1)
    return table.plan.head(_count("limit", argument(given, 0)))


def tail(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep the last rows, five when no number is given."""
    check_count("tail", given, 1)
    count = argument(given, 0)
    return table.plan.tail(5 if count is None else _count("tail", count))


def _count(step: str, value: object) -> int:
    return arguments.whole(step, "the number of rows", value, least=0, most=_MOST_ROWS)


def slice_rows(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep `length` rows from `offset` on, counted from the end when it is negative."""
    check_count("slice", given, 2)
    offset = arguments.whole(
        "slice", "the offset", argument(given, 0), least=-_MOST_ROWS, most=_MOST_ROWS
    )
    length = argument(given, 1)
    return table.plan.slice(offset, None if length is None else _count("slice", length))


def unique(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep one row of those that agree in the columns of `subset`, all columns when absent."""
    items = list(given)
    options: dict[str, object] = {}
    if items and arguments.is_object(items[-1]):
        options = arguments.options("unique", items.pop(), ("keep",))
    named = arguments.flattened([item for item in items if item is not None])
    keep = arguments.choice("unique", "keep", options.get("keep", "first"), _KEEP)
    subset = table.scope.columns("unique", "a column name", named) if named else None
    return table.plan.unique(
        None if subset is None else [exact_column(name) for name in subset],
        keep=cast("pl._typing.UniqueKeepStrategy", keep),  # pyright: ignore
        maintain_order=True,
    )


def reverse(table: Table, given: Arguments) -> pl.LazyFrame:
    """Turn the order of the rows around."""
    check_count("reverse", given, 0)
    return table.plan.reverse()


def drop_nulls(table: Table, given: Arguments) -> pl.LazyFrame:
    """Leave out rows with a null in one of these columns, in any column when none is named."""
    named = arguments.flattened([item for item in given if item is not None])
    names = table.scope.columns("dropNulls", "a column name", named) if named else table.names
    return table.plan.filter([exact_column(name).is_not_null() for name in names])


def explode(table: Table, given: Arguments) -> pl.LazyFrame:
    """Make a row of each item of the arrays in these columns."""
    names = column_names("explode", table, given)
    for name in names:
        if family(table.schema[name]) != "list":
            kind = type_name(table.schema[name])
            raise refusal("explode", f"the column '{name}' holds no arrays, it is {kind}")
    return table.plan.explode(pl.selectors.by_name(names))


def with_row_index(table: Table, given: Arguments) -> pl.LazyFrame:
    """Put a column in front that numbers the rows."""
    check_count("withRowIndex", given, 2)
    first = argument(given, 0)
    name = "index" if first is None else new_name("withRowIndex", "the column name", first)
    if name in table.schema:
        raise refusal("withRowIndex", f"there is a column '{name}' already; give another name")
    start = argument(given, 1)
    offset = 0
    if start is not None:
        offset = arguments.whole("withRowIndex", "the offset", start, least=0, most=2**31)
    return table.plan.with_row_index(name, offset)
