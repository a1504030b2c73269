"""The table of every step of a frame, and the one way to take a step."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from analysis_sandbox.dataframe import column_steps, group_steps, joining_steps, row_steps
from analysis_sandbox.dataframe.arguments import is_array
from analysis_sandbox.dataframe.data_steps import DATA_STEPS
from analysis_sandbox.dataframe.refusals import did_you_mean, refusal, translated
from analysis_sandbox.dataframe.table import Arguments, Table, uniform

STEPS: Mapping[str, Callable[[Table, Arguments], pl.LazyFrame]] = {
    "select": column_steps.select,
    "drop": column_steps.drop,
    "withColumn": column_steps.with_column,
    "withColumns": column_steps.with_columns,
    "rename": column_steps.rename,
    "cast": column_steps.cast_columns,
    "fillNull": column_steps.fill_null,
    "filter": row_steps.filter_rows,
    "sort": row_steps.sort,
    "head": row_steps.head,
    "limit": row_steps.limit,
    "tail": row_steps.tail,
    "slice": row_steps.slice_rows,
    "unique": row_steps.unique,
    "reverse": row_steps.reverse,
    "dropNulls": row_steps.drop_nulls,
    "explode": row_steps.explode,
    "withRowIndex": row_steps.with_row_index,
    "aggregate": group_steps.aggregate,
    "count": group_steps.count,
    "join": joining_steps.join,
    "concat": joining_steps.concat,
}
MULTIPLYING_STEPS = frozenset({"join", "explode"})
"""Steps after which there may be more rows than all their inputs have."""

GROUPING_STEPS = frozenset({"aggregate", "count"})
"""Steps after which each row is a group."""


def apply_step(step: str, table: Table, arguments: Arguments) -> Table:
    """Return the table after a step. The step is tried without rows, so that it fails here.

    How deep its expressions nest, and what plain values make, must have been checked before.

    Raises:
        ValidationFailedError: there is no such step, or it cannot be taken on this table.
    """
    if step not in STEPS:
        near = did_you_mean(step, {**STEPS, **DATA_STEPS})
        raise refusal("frame.apply", f"there is no step '{step[:100]}'.{near}")
    # A column of nulls is asked for with null.
    given = arguments if step == "withColumn" else _without_trailing_nulls(arguments)
    take = STEPS[step]
    with translated(step, schema=table.schema):
        if step in GROUPING_STEPS:
            # They check their expressions themselves, in less time than grouping no rows takes.
            plan = take(table, given)
            schema = plan.collect_schema()
        else:
            tried = take(table.emptied(), _emptied(given))
            schema = tried.collect(engine="in-memory").schema
            plan = take(table, given)
    return uniform(plan, schema)


def apply_data_step(
    step: str, data: pl.DataFrame, arguments: Arguments, *, max_bytes: int
) -> pl.DataFrame:
    """Return the rows after a step that needs rows to work on.

    Raises:
        LimitExceededError: they would take more than `max_bytes`.
    """
    given = _without_trailing_nulls(arguments)
    with translated(step, schema=data.schema):
        result = DATA_STEPS[step](data, given, max_bytes)
        plan = uniform(result.lazy(), result.schema).plan
        return plan.collect(engine="in-memory")


def _emptied(arguments: Arguments) -> list[object]:
    return [_empty(argument) for argument in arguments]


def _empty(argument: object) -> object:
    if isinstance(argument, Table):
        return argument.emptied()
    if is_array(argument):
        return [item.emptied() if isinstance(item, Table) else item for item in argument]
    return argument


def _without_trailing_nulls(arguments: Arguments) -> Sequence[object]:
    """An argument left out in JavaScript may cross as null."""
    end = len(arguments)
    while end and arguments[end - 1] is None:
        end -= 1
    return arguments[:end]
