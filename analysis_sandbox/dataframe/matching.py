"""How many rows a join makes: counted by key, exactly, before any of them is made."""

from collections.abc import Sequence

import polars as pl

from analysis_sandbox.dataframe.bounds import Bound, set_joined_sizes
from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.extent import Extent, Size, capped, measured, weight_of
from analysis_sandbox.dataframe.joining_steps import Joining
from analysis_sandbox.dataframe.refusals import translated

_KEEPING_LEFT = frozenset({"left", "full"})
_KEEPING_RIGHT = frozenset({"right", "full"})
_OUTER = {"left": "left", "right": "right", "full": "full"}


def single_bound(asked: Joining, left: Extent, right: pl.DataFrame) -> Bound | None:
    """Return the bound of a join whose right keys are all different, else None: sooner found."""
    keys = right.select(exact_column(name) for name in asked.right)
    if not asked.right or right.height > left.rows or keys.unique().height < right.height:
        return None
    bound = Bound(left.rows + right.height, is_streaming=True, is_growing=True)
    repeated = {
        name: Size(capped(size.longest * bound.rows), size.longest)
        for name, size in measured(right).sizes.items()
    }
    keys_of_both = {*asked.left, *asked.right}
    set_joined_sizes(bound, left.sizes, repeated, suffix=asked.suffix, keys=keys_of_both)
    return bound


def joined_bound(asked: Joining, left: pl.DataFrame, right: pl.DataFrame) -> Bound:
    """Return how many rows a join of two frames makes, and what their texts take."""
    with translated("join"):
        totals = _totals(asked, left, right)
    bound = Bound(capped(totals.pop("rows")), is_streaming=True, is_growing=True)
    sizes: list[dict[str, Size]] = []
    for side, data in (("l", left), ("r", right)):
        known = measured(data).sizes
        columns = {
            name: Size(capped(totals[f"{side}{data.columns.index(name)}"]), size.longest)
            for name, size in known.items()
        }
        sizes.append(columns)
    set_joined_sizes(bound, *sizes, suffix=asked.suffix, keys={*asked.left, *asked.right})
    return bound


def _totals(asked: Joining, left: pl.DataFrame, right: pl.DataFrame) -> dict[str, int]:
    """Sum over the keys what each row takes times how often it comes."""
    lefts, rights = _by_key("l", left, asked.left), _by_key("r", right, asked.right)
    if asked.left:
        keys = [f"k{index}" for index in range(len(asked.left))]
        how = _OUTER.get(asked.how, "inner")
        pairs = lefts.join(rights, on=keys, how=how, coalesce=True)  # pyright: ignore[reportArgumentType]
    else:
        pairs = lefts.join(rights, how="cross")
    n_left, n_right = pl.col("l"), pl.col("r")
    # What meets nothing stays once where its side is kept, else it is not among the pairs.
    times_left, times_right = n_right.fill_null(1), n_left.fill_null(1)
    figures = [(n_left.fill_null(1) * n_right.fill_null(1)).sum().alias("rows")]
    for side, data, times in (("l", left, times_left), ("r", right, times_right)):
        for index, dtype in enumerate(data.dtypes):
            if weight_of(pl.element(), dtype) is not None:
                name = f"{side}{index}"
                figures.append((pl.col(name).fill_null(0) * times).sum().alias(name))
    found = pairs.select(figures).collect(engine="streaming").row(0, named=True)
    return {name: int(value) for name, value in found.items()}


def _by_key(side: str, data: pl.DataFrame, keys: Sequence[str]) -> pl.LazyFrame:
    """Return for each key how many rows it has, and what their texts and arrays take."""
    weights = [
        weight.cast(pl.Float64).sum().alias(f"{side}{index}")
        for index, (name, dtype) in enumerate(data.schema.items())
        if (weight := weight_of(exact_column(name), dtype)) is not None
    ]
    count = pl.len().cast(pl.Float64).alias(side)
    named = [exact_column(key).alias(f"k{index}") for index, key in enumerate(keys)]
    plan = data.lazy()
    return plan.group_by(named).agg(count, *weights) if keys else plan.select(count, *weights)
