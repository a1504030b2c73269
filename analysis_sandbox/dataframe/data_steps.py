"""Steps whose columns or checks depend on the rows: they work on data, not on a plan."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.column_types import one_family
from analysis_sandbox.dataframe.computing import size_of
from analysis_sandbox.dataframe.refusals import refusal
from analysis_sandbox.dataframe.table import (
    Arguments,
    argument,
    check_count,
    new_name,
    of_data,
)
from analysis_sandbox.errors import LimitExceededError

_AGGREGATES = ("first", "last", "sum", "mean", "min", "max", "median", "count")
_MOST_NEW_COLUMNS = 1_000
_MOST_UNPIVOTED_ROWS = 100_000_000
_MOST_UNPIVOTED_BYTES = 1 << 30


def pivot(data: pl.DataFrame, given: Arguments) -> pl.DataFrame:
    """Make a column of each value in the columns `on`."""
    check_count("pivot", given, 1)
    options = arguments.options("pivot", argument(given, 0), ("on", "index", "values", "aggregate"))
    scope = of_data(data).scope
    on, index, values = (
        scope.columns("pivot", what, options[what]) if what in options else None
        for what in ("on", "index", "values")
    )
    if on is None or (index is None and values is None):
        raise refusal("pivot", "needs {on: column, index: column, values: column}")
    aggregate = arguments.choice(
        "pivot", "aggregate", options.get("aggregate", "first"), _AGGREGATES
    )
    found = data.select([exact_column(name) for name in on]).unique().height
    count = found * (len(values) if values else 1)
    if count > _MOST_NEW_COLUMNS:
        raise refusal(
            "pivot",
            f"would make {count} columns, at most {_MOST_NEW_COLUMNS} can be; "
            "group or filter the values first",
        )
    function = "len" if aggregate == "count" else aggregate
    return data.pivot(
        on,
        index=index,
        values=values,
        aggregate_function=cast("pl._typing.PivotAgg", function),  # pyright: ignore
        maintain_order=True,
    )


def describe(data: pl.DataFrame, given: Arguments) -> pl.DataFrame:
    """Return count, nulls, mean, spread and quartiles of each column."""
    check_count("describe", given, 0)
    if not data.width:
        raise refusal("describe", "the frame has no columns")
    return data.describe()


def sample(data: pl.DataFrame, given: Arguments) -> pl.DataFrame:
    """Draw rows at random; the same rows each time, unless another seed is given."""
    check_count("sample", given, 1)
    first = argument(given, 0)
    options: dict[str, object] = {"n": first}
    if arguments.is_object(first):
        options = arguments.options("sample", first, ("n", "fraction", "seed", "withReplacement"))
    again = arguments.flag("sample", "withReplacement", options.get("withReplacement", False))
    seed = arguments.whole("sample", "seed", options.get("seed", 0), least=0, most=2**53)
    count = _sample_size(data.height, options)
    if count > data.height and not (again and data.height):
        raise refusal(
            "sample",
            f"{count} rows were asked for, the frame has {data.height}; "
            "ask for fewer, or give withReplacement: true",
        )
    return data.sample(count, with_replacement=again, seed=seed, shuffle=True)


def _sample_size(height: int, options: Mapping[str, object]) -> int:
    if "fraction" in options:
        if options.get("n") is not None:
            raise refusal("sample", "takes either n or fraction, not both")
        fraction = arguments.number("sample", "fraction", options["fraction"])
        if not 0 <= fraction <= 100:
            raise refusal("sample", f"fraction must be between 0 and 1, not {fraction:g}")
        return int(height * fraction)
    return arguments.whole("sample", "the number of rows", options.get("n"), least=0, most=2**31)


def unpivot(data: pl.DataFrame, given: Arguments) -> pl.DataFrame:
    """Make a row of each value in the columns `on`, column by column."""
    check_count("unpivot", given, 1)
    known = ("on", "index", "variableName", "valueName")
    options = arguments.options("unpivot", argument(given, 0), known)
    scope = of_data(data).scope
    index = scope.columns("unpivot", "index", options.get("index", []))
    if "on" in options:
        on = scope.columns("unpivot", "on", options["on"])
    else:
        on = [name for name in data.columns if name not in index]
    if not on or not one_family(data.schema[name] for name in on):
        raise refusal(
            "unpivot", "the columns `on` must have one type; name them, or cast some before"
        )
    _check_unpivoted_size(data, len(on), index)
    variable, value = (
        new_name("unpivot", what, options.get(what, default))
        for what, default in (("variableName", "variable"), ("valueName", "value"))
    )
    # A plan would give the rows in an order that changes from run to run.
    return data.unpivot(on, index=index, variable_name=variable, value_name=value)


def _check_unpivoted_size(data: pl.DataFrame, count: int, index: Sequence[str]) -> None:
    """Refuse what cannot be meant before memory is taken: the index is repeated for each column."""
    size = size_of(data.select(exact_column(name) for name in index)) * count
    if data.height * count > _MOST_UNPIVOTED_ROWS or size > _MOST_UNPIVOTED_BYTES:
        raise LimitExceededError(
            f"unpivot would make {data.height * count} rows, whose index takes {size >> 20} MB; "
            f"at most {_MOST_UNPIVOTED_ROWS} rows and {_MOST_UNPIVOTED_BYTES >> 20} MB can be",
            hint="Select fewer columns or rows before.",
        )


DATA_STEPS: Mapping[str, Callable[[pl.DataFrame, Arguments], pl.DataFrame]] = {
    "pivot": pivot,
    "describe": describe,
    "sample": sample,
    "unpivot": unpivot,
}
