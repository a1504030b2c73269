"""DataFrames: what the way through a run's host functions costs beside plain Polars."""

# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false

import json

import polars as pl

from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.limits import DEFAULT_LIMITS
from analysis_sandbox.values import decode, encode
from bench.measure import Figure, Samples, alternate

_ROWS = 1_000_000
_GROUPS = 100
_ROUNDS = 60
_KEYS = ["city"]
_RESULTS = {
    "total": {"$expr": ["sum", {"$expr": ["col", None, "amount"]}]},
    "average": "mean:quantity",
    "orders": "count",
}


def figures() -> list[Figure]:
    """Measure on this machine, on rows that the host holds already."""
    data = _rows()
    frames = Frames(DEFAULT_LIMITS)
    functions = frames.synchronous()
    handle = frames.read(data.to_arrow().to_reader())

    def ask(name: str, *arguments: object) -> str:
        """Call as the sandbox does: arguments and answers are JSON text."""
        return encode(functions[name](*decode(json.dumps(arguments))))

    def grouped() -> None:
        result = json.loads(ask("frame.apply", handle, "aggregate", [_KEYS, _RESULTS]))
        ask("frame.collect", result)
        ask("frame.release", result)

    ours, polars = alternate(grouped, lambda: _plain(data, is_ordered=True), rounds=_ROUNDS)
    again, unordered = alternate(grouped, lambda: _plain(data, is_ordered=False), rounds=_ROUNDS)
    frames.close()
    ratio, beside_unordered = ours.p50 / polars.p50, again.p50 / unordered.p50
    what = f"`groupBy` over {_ROWS:,} host-side rows, {_GROUPS:,} groups to the script"
    return [
        Figure(what, str(ours), "–"),
        Figure("the same rows in the same order in plain Polars", str(polars), "–"),
        Figure("frame / plain Polars, medians", f"{ratio:.2f} ×", "≤ 1.2 ×", ratio <= 1.2),
        Figure("frame / Polars without an order of groups", f"{beside_unordered:.2f} ×", "–"),
        _step_figure(),
    ]


def _step_figure() -> Figure:
    """The price of a step that is tried and noted, nothing computed."""
    frames = Frames(DEFAULT_LIMITS)
    handle = frames.create([{"a": 1, "b": "x"}])
    expression = {"$expr": ["mul", {"$expr": ["col", None, "a"]}, 2]}

    def step() -> None:
        frames.release(frames.apply(handle, "withColumn", ["c", expression]))

    def nothing() -> None:
        frames.schema(handle)

    samples: Samples = alternate(step, nothing, rounds=200)[0]
    frames.close()
    return Figure("one lazy step, its schema checked", f"{samples.p50 * 1000:.0f} µs", "–")


def _plain(data: pl.DataFrame, *, is_ordered: bool) -> list[dict[str, object]]:
    groups = data.lazy().group_by(_KEYS, maintain_order=is_ordered)
    results = groups.agg(
        pl.col("amount").sum().alias("total"),
        pl.col("quantity").mean().alias("average"),
        pl.len().alias("orders"),
    )
    return results.collect().to_dicts()


def _rows() -> pl.DataFrame:
    numbers = pl.int_range(_ROWS, eager=True)
    return pl.DataFrame(
        {
            "city": "city-" + (numbers * 7919 % _GROUPS).cast(pl.String),
            "amount": (numbers * 31 % 10_007).cast(pl.Float64) / 100,
            "quantity": numbers * 17 % 97,
        }
    )
