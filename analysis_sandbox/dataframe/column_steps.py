"""Steps that choose, make and change columns."""

from collections.abc import Iterable
from typing import cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.basic_methods import fill_strategy
from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.column_types import family, one_family, type_name
from analysis_sandbox.dataframe.literals import literal, text_of
from analysis_sandbox.dataframe.number_methods import converted
from analysis_sandbox.dataframe.refusals import refusal
from analysis_sandbox.dataframe.table import (
    Arguments,
    Table,
    argument,
    check_count,
    column_names,
    new_name,
)


def select(table: Table, given: Arguments) -> pl.LazyFrame:
    """Keep these columns or expressions, in this order."""
    items = arguments.flattened(given)
    if len(items) == 1 and arguments.is_object(items[0]):
        members = arguments.mapping("select", "the columns", items[0]).items()
        columns = [
            table.scope.named(node, step="select").alias(new_name("select", "a column name", name))
            for name, node in members
        ]
    else:
        columns = [table.scope.named(item, step="select") for item in items]
    if not columns:
        raise refusal("select", "name at least one column")
    return table.plan.select(columns)


def drop(table: Table, given: Arguments) -> pl.LazyFrame:
    """Leave these columns out."""
    dropped = set(column_names("drop", table, given))
    kept = [exact_column(name) for name in table.names if name not in dropped]
    if not kept:
        raise refusal("drop", "would leave no column")
    return table.plan.select(kept)


def with_column(table: Table, given: Arguments) -> pl.LazyFrame:
    """Add or replace one column."""
    check_count("withColumn", given, 2)
    name = new_name("withColumn", "the column name", argument(given, 0))
    if len(given) < 2:
        raise refusal("withColumn", "needs a value, as in withColumn('total', col('a').add(1))")
    return table.plan.with_columns(_value(table, "withColumn", given[1]).alias(name))


def with_columns(table: Table, given: Arguments) -> pl.LazyFrame:
    """Add or replace several columns: an object of them, or aliased expressions."""
    items = arguments.flattened(given)
    columns: list[pl.Expr] = []
    for item in items:
        if arguments.is_expression(item):
            columns.append(table.scope.expression(item, step="withColumns"))
            continue
        for name, node in arguments.mapping("withColumns", "the columns", item).items():
            column = _value(table, "withColumns", node)
            columns.append(column.alias(new_name("withColumns", "a column name", name)))
    if not columns:
        raise refusal("withColumns", "give at least one column, as in {total: col('a').add(1)}")
    return table.plan.with_columns(columns)


def _value(table: Table, step: str, node: object) -> pl.Expr:
    text = text_of(node)
    return table.scope.expression(node, step=step) if text is None else literal(step, text)


def rename(table: Table, given: Arguments) -> pl.LazyFrame:
    """Give columns other names; the others and the order stay."""
    check_count("rename", given, 2)
    if isinstance(argument(given, 0), str):
        names = {cast("str", given[0]): argument(given, 1)}
    else:
        names = dict(arguments.mapping("rename", "the new names", argument(given, 0)))
    renamed = {old: new_name("rename", "the new name", new) for old, new in names.items()}
    table.scope.columns("rename", "the old name", list(renamed))
    result = [renamed.get(name, name) for name in table.names]
    twice = _first_repeated(result)
    if twice is not None:
        raise refusal("rename", f"two columns would be named '{twice}'")
    return table.plan.rename(renamed)


def _first_repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def cast_columns(table: Table, given: Arguments) -> pl.LazyFrame:
    """Change the types of columns, each by the name of its type."""
    check_count("cast", given, 2)
    if isinstance(argument(given, 0), str):
        types = {cast("str", given[0]): argument(given, 1)}
    else:
        types = dict(arguments.mapping("cast", "the types", argument(given, 0)))
    table.scope.columns("cast", "the column name", list(types))
    return table.plan.with_columns(
        converted(
            "cast",
            exact_column(name),
            source=table.schema[name],
            target=arguments.text("cast", f"the type of '{name}'", target),
        )
        for name, target in types.items()
    )


def fill_null(table: Table, given: Arguments) -> pl.LazyFrame:
    """Replace missing values: by a value, by values per column, or by a strategy."""
    check_count("fillNull", given, 2)
    value = argument(given, 0)
    options = argument(given, 1)
    if options is None and _is_strategy(table, value):
        value, options = None, value
    if options is not None:
        if value is not None:
            raise refusal("fillNull", "takes either a value or a strategy, not both")
        return _fill_by_strategy(table, options)
    if arguments.is_object(value):
        members = arguments.mapping("fillNull", "the values", value)
        table.scope.columns("fillNull", "the column name", list(members))
        return table.plan.with_columns(
            exact_column(name).fill_null(_filling(table, name, node))
            for name, node in members.items()
        )
    return _fill_all(table, value)


def _is_strategy(table: Table, value: object) -> bool:
    return (
        arguments.is_object(value)
        and "strategy" in value
        and not arguments.is_expression(value)
        and "strategy" not in table.schema
    )


def _fill_by_strategy(table: Table, given: object) -> pl.LazyFrame:
    options = arguments.options("fillNull", given, ("strategy", "limit", "columns"))
    names = table.names
    if "columns" in options:
        names = table.scope.columns("fillNull", "a column name", options["columns"])
    return table.plan.with_columns(
        fill_strategy("fillNull", exact_column(name), options) for name in names
    )


def _filling(table: Table, name: str, node: object) -> pl.Expr:
    dtype = table.schema[name]
    text = text_of(node)
    if text is not None or not arguments.is_expression(node):
        return literal("fillNull", text or node, dtype)
    expression = table.scope.expression(node, step="fillNull")
    other = table.scope.type_of(expression)
    if not one_family((dtype, other)) and other is not None:
        raise refusal(
            "fillNull",
            f"the column '{name}' is {type_name(dtype)}, its filling {type_name(other)}",
        )
    return expression


def _fill_all(table: Table, value: object) -> pl.LazyFrame:
    """Fill the columns whose type the value has; the others keep their nulls."""
    if value is None:
        raise refusal("fillNull", "needs a value, as in fillNull(0) or fillNull({amount: 0})")
    filling = _value(table, "fillNull", value)
    dtype = table.scope.type_of(filling)
    kinds = {"null"} if dtype is None else {"null", family(dtype)}
    names = [name for name, column in table.schema.items() if family(column) in kinds]
    if not names:
        shown = "this" if dtype is None else type_name(dtype)
        raise refusal("fillNull", f"no column has the type of the value ({shown})")
    return table.plan.with_columns(exact_column(name).fill_null(filling) for name in names)
