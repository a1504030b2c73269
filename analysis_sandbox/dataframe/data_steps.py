"""Steps whose columns or checks depend on the rows: they work on data, not on a plan."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.column_types import one_family
from analysis_sandbox.dataframe.extent import NOTHING, longest_row, measured, row_width, width
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
_MEBIBYTE = 1 << 20


def pivot(data: pl.DataFrame, given: Arguments, max_bytes: int) -> pl.DataFrame:
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
    named = (*on, *(index or ()), *(values or ()))
    others = [name for name in data.columns if name not in named]
    by, spread = index or ([] if index is not None else others), values or others
    _check_room("pivot", *_pivoted(data, by, spread, found=found), max_bytes=max_bytes)
    function = "len" if aggregate == "count" else aggregate
    return data.pivot(
        on,
        index=index,
        values=values,
        aggregate_function=cast("pl._typing.PivotAgg", function),  # pyright: ignore
        maintain_order=True,
    )


def _pivoted(
    data: pl.DataFrame, index: Sequence[str], values: Sequence[str], *, found: int
) -> tuple[int, int]:
    """Return how many rows a pivot makes, and what they take: a cell for each value found."""
    keys = _columns(data, index)
    rows = keys.unique().height if index else min(data.height, 1)
    cells = found * row_width(_columns(data, values).schema)
    texts = sum(size.total for size in measured(data).sizes.values())
    return rows, rows * (cells + row_width(keys.schema)) + texts


def _columns(data: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return data.select(exact_column(name) for name in names)


def describe(data: pl.DataFrame, given: Arguments, _max_bytes: int) -> pl.DataFrame:
    """Return count, nulls, mean, spread and quartiles of each column."""
    check_count("describe", given, 0)
    if not data.width:
        raise refusal("describe", "the frame has no columns")
    return data.describe()


def sample(data: pl.DataFrame, given: Arguments, max_bytes: int) -> pl.DataFrame:
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
    if again:
        # The longest row may be drawn each time.
        _check_room("sample", count, count * longest_row(data), max_bytes=max_bytes)
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


def unpivot(data: pl.DataFrame, given: Arguments, max_bytes: int) -> pl.DataFrame:
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
    variable, value = (
        new_name("unpivot", what, options.get(what, default))
        for what, default in (("variableName", "variable"), ("valueName", "value"))
    )
    _check_room("unpivot", *_unpivoted(data, on, index), max_bytes=max_bytes)
    # A plan would give the rows in an order that changes from run to run.
    return data.unpivot(on, index=index, variable_name=variable, value_name=value)


def _unpivoted(data: pl.DataFrame, on: Sequence[str], index: Sequence[str]) -> tuple[int, int]:
    """Return how many rows come out, and what they take: the index, a name and a value each."""
    sizes, rows = measured(data).sizes, data.height * len(on)
    repeated = sum(sizes.get(name, NOTHING).total for name in index) * len(on)
    values = sum(sizes.get(name, NOTHING).total for name in on)
    names = data.height * sum(len(name.encode()) for name in on)
    value = max(width(data.schema[name]) for name in on)
    fixed = row_width(_columns(data, index).schema) + value + width(pl.String())
    return rows, rows * fixed + repeated + values + names


def _check_room(step: str, rows: int, size: int, *, max_bytes: int) -> None:
    """Refuse what has no room before memory is taken for it."""
    if size > max_bytes:
        raise LimitExceededError(
            f"{step} would make {rows} rows of up to {size / _MEBIBYTE:.1f} MB; there is room for "
            f"{max_bytes / _MEBIBYTE:.1f} MB of the run's execution.dataframe_memory_mb",
            hint="Select fewer columns or rows before, or release frames that are not needed.",
            details={"rows": rows, "size_bytes": size, "limit_bytes": max_bytes},
        )


DATA_STEPS: Mapping[str, Callable[[pl.DataFrame, Arguments, int], pl.DataFrame]] = {
    "pivot": pivot,
    "describe": describe,
    "sample": sample,
    "unpivot": unpivot,
}
