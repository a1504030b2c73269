"""A lazy plan together with the schema it is known to have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import Scope, exact_column
from analysis_sandbox.dataframe.column_types import widened
from analysis_sandbox.dataframe.expressions import scope_of
from analysis_sandbox.dataframe.refusals import check_names, refusal, translated

Arguments: TypeAlias = Sequence[object]


@dataclass(frozen=True, slots=True)
class Table:
    """A plan and what expressions can refer to in it. Nothing is computed."""

    plan: pl.LazyFrame
    scope: Scope

    @property
    def schema(self) -> pl.Schema:
        """Name and type of each column."""
        return self.scope.schema

    @property
    def names(self) -> list[str]:
        """The columns in order."""
        return self.schema.names()

    def emptied(self) -> "Table":
        """Return a table of the same columns without rows, to try a step on."""
        return Table(self.scope.nothing, self.scope)


def of_data(data: pl.DataFrame) -> Table:
    """Return the table of rows that are there."""
    return Table(data.lazy(), scope_of(data.schema))


def of_plan(step: str, plan: pl.LazyFrame) -> Table:
    """Return the table of a plan whose schema Polars has to find out."""
    with translated(step):
        schema = plan.collect_schema()
    return uniform(plan, schema)


def uniform(plan: pl.LazyFrame, schema: pl.Schema) -> Table:
    """Return the table with every column in the type that frames keep for its values."""
    check_names(schema.names())
    changed = {
        name: wanted for name, dtype in schema.items() if (wanted := widened(dtype)) != dtype
    }
    if not changed:
        return Table(plan, scope_of(schema))
    casts = [exact_column(name).cast(dtype) for name, dtype in changed.items()]
    return Table(plan.with_columns(casts), scope_of(pl.Schema({**schema, **changed})))


def column_names(step: str, table: Table, given: Arguments) -> list[str]:
    """Return the columns that are given one by one or as one array; each must exist."""
    values = arguments.flattened(given)
    if not values:
        raise refusal(step, "name at least one column")
    return table.scope.columns(step, "a column name", values)


def new_name(step: str, what: str, value: object) -> str:
    """Return a name for a column."""
    name = arguments.text(step, what, value)
    if not name.isascii() and any("\ud800" <= character <= "\udfff" for character in name):
        raise refusal(step, f"{what} has a lone surrogate")
    return name


def argument(given: Arguments, index: int) -> object:
    """Return an argument, None when there are fewer."""
    return given[index] if index < len(given) else None


def check_count(step: str, given: Arguments, most: int) -> None:
    """Refuse more arguments than a step takes."""
    if len(given) > most:
        raise refusal(step, f"takes at most {most} arguments, not {len(given)}")


def as_list(value: object) -> list[object]:
    """Return an array as it is, anything else as the only item of one."""
    return value if arguments.is_array(value) else [value]
