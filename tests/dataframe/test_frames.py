"""A run's frames: lazy, bounded, stoppable."""
# pyarrow ships no type information.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import threading
import time
from typing import Any

import polars as pl
import pytest

from analysis_sandbox.errors import CancelledError, LimitExceededError, ValidationFailedError
from analysis_sandbox.limits import Limits
from tests.dataframe.conftest import Script, call, col

N = col("n")
# So much of the processors' time shows that a query is on its way.
_BUSY_SECONDS = 0.1


def numbers(count: int) -> pl.LazyFrame:
    return pl.LazyFrame({"n": range(count)})


class Counting:
    """A plan that counts how often it is computed."""

    def __init__(self) -> None:
        self.batches = 0

    def plan(self) -> pl.LazyFrame:
        return pl.LazyFrame({"n": [1, 2, 3]}).map_batches(self._count, streamable=False)

    def _count(self, batch: pl.DataFrame) -> pl.DataFrame:
        # Polars tries the function without rows when it is asked for the schema.
        self.batches += 1 if batch.height else 0
        return batch


def test_nothing_is_computed_before_it_is_asked_for(script: Script) -> None:
    counting = Counting()
    frame = script.frames.add(counting.plan())
    script.apply(script.apply(frame, "withColumn", "m", call("mul", N, 2)), "sort", "m")
    script.ask("frame.schema", frame)

    assert counting.batches == 0


def test_a_frame_is_computed_once_however_often_it_is_asked(script: Script) -> None:
    counting = Counting()
    frame = script.apply(script.frames.add(counting.plan()), "filter", call("gt", N, 1))

    assert script.ask("frame.height", frame) == 2
    assert script.collect(frame) == script.collect(frame) == [{"n": 2}, {"n": 3}]
    assert script.collect(script.apply(frame, "head", 1)) == [{"n": 2}]
    assert counting.batches == 1


def test_rows_are_given_in_parts_with_the_columns_asked_for(script: Script) -> None:
    frame = script.create([{"a": n, "b": n * 2, "c": "x"} for n in range(10)])
    whole = script.ask("frame.materialise", frame)

    assert whole == {"handle": frame, "height": 10}
    assert script.ask("frame.rows", frame, 8, 5, ["b", "a"]) == [
        {"b": 16, "a": 8},
        {"b": 18, "a": 9},
    ]
    assert script.ask("frame.rows", frame, 20, 5, None) == []


def test_rows_too_many_for_a_script_are_refused_with_both_figures() -> None:
    script = Script(Limits(frame_mb=1))
    frame = script.frames.add(numbers(1_000_000))

    with pytest.raises(
        LimitExceededError, match=r"1000000 rows take about 1\d\.\d MB as JSON; .* 1\.0 MB"
    ) as caught:
        script.collect(frame)

    assert "saveDataFrame" in (caught.value.hint or "")
    assert script.ask("frame.height", frame) == 1_000_000
    assert len(script.collect(script.apply(frame, "head", 10))) == 10


def test_rows_just_over_the_limit_are_refused_too() -> None:
    script = Script(Limits(frame_mb=1))
    rows = [{"s": "x" * 100}] * 9_700
    fits = script.collect(script.create(rows[:9_000]))

    assert len(fits) == 9_000
    with pytest.raises(LimitExceededError, match="9700 rows take about"):
        script.collect(script.create(rows))


def test_a_frame_that_does_not_fit_into_memory_is_refused_but_counted() -> None:
    script = Script(Limits(dataframe_memory_mb=16))
    big = script.apply(
        script.frames.add(numbers(2_000)),
        "join",
        {"$frame": script.frames.add(numbers(2_000).rename({"n": "m"}))},
        None,
        "cross",
    )

    with pytest.raises(
        LimitExceededError,
        match=r"more than \d+\.\d MB after \d+ rows; the run's frames may take 16\.0 MB",
    ) as caught:
        script.collect(big)
    assert "dataframe_memory_mb" in (caught.value.hint or "")
    assert script.ask("frame.height", big) == 4_000_000
    total = script.apply(big, "aggregate", [], {"total": "sum:m"})
    assert script.collect(total) == [{"total": 2_000 * sum(range(2_000))}]


def test_a_join_that_multiplies_rows_ends_before_it_fills_the_memory() -> None:
    script = Script(Limits(dataframe_memory_mb=16))
    same = script.frames.add(pl.LazyFrame({"k": [1] * 30_000, "n": range(30_000)}))
    joined = script.apply(same, "join", {"$frame": same}, "k")

    with pytest.raises(
        LimitExceededError, match=r"more than 16\.\d MB after \d+ rows; the run's frames may take"
    ):
        script.apply(joined, "sort", "n_right")
    groups = script.apply(joined, "aggregate", ["n", "n_right"], {"rows": "count"})
    with pytest.raises(
        LimitExceededError, match=r"needs more than .* MB of memory; 32 MB are allowed"
    ):
        script.collect(groups)


def test_frames_that_are_held_count_together(script: Script) -> None:
    script = Script(Limits(dataframe_memory_mb=16))
    first = script.ask("frame.materialise", script.frames.add(numbers(1_500_000)))["handle"]
    second = script.frames.add(numbers(1_000_000))

    with pytest.raises(LimitExceededError, match=r"11\.4 MB of it taken by other frames"):
        script.ask("frame.materialise", second)
    script.ask("frame.release", first)
    assert script.ask("frame.materialise", second)["height"] == 1_000_000


def test_results_of_a_loop_are_not_kept_until_the_memory_is_full() -> None:
    script = Script(Limits(dataframe_memory_mb=16))
    source = script.frames.add(numbers(100_000))
    for start in range(60):
        part = script.apply(source, "withColumn", "m", call("add", N, start))
        assert script.ask("frame.height", part) == 100_000


def test_handles_are_limited(script: Script) -> None:
    plan = script.frames.get(script.create([{"n": 1}]))
    for _ in range(9_999):
        script.frames.add(plan)

    with pytest.raises(LimitExceededError, match="at most 10000"):
        script.frames.add(plan)


@pytest.mark.parametrize("handle", [99, -1, 1.5, "1", None, True, {"$frame": "x"}, [1]])
def test_a_handle_that_is_none_is_refused(script: Script, handle: Any) -> None:
    script.create([{"n": 1}])

    with pytest.raises(ValidationFailedError, match="DataFrame"):
        script.ask("frame.collect", handle)


def test_a_released_frame_is_gone_and_its_descendants_stay(script: Script) -> None:
    frame = script.create([{"n": 1}])
    after = script.apply(frame, "withColumn", "m", 2)
    script.ask("frame.release", frame)
    script.ask("frame.release", frame)

    assert script.collect(after) == [{"n": 1, "m": 2}]
    with pytest.raises(ValidationFailedError, match="it was released"):
        script.collect(frame)


def test_plans_may_double_and_grow_without_end(script: Script) -> None:
    frame = script.create([{"n": 1}])
    for _ in range(300):
        frame = script.apply(frame, "withColumn", "n", call("add", N, 1))
    for _ in range(12):
        frame = script.apply(frame, "concat", {"$frame": frame})

    assert script.ask("frame.height", frame) == 4_096
    assert script.collect(script.apply(frame, "head", 1)) == [{"n": 301}]


@pytest.mark.parametrize("numbers", [[3], [-1], ["x"], [1.5], [None], "x", [2**63]])
def test_row_numbers_that_are_none_are_refused(script: Script, numbers: Any) -> None:
    frame = script.create([{"n": 1}, {"n": 2}, {"n": 3}])

    with pytest.raises(ValidationFailedError):
        script.ask("frame.keep", frame, numbers)


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("aggregate", [["k"], {"n": "sum:n"}]),
        ("sort", ["n_right"]),
        ("withColumn", ["x", call("over", call("sum", N), "k")]),
    ],
)
def test_closing_ends_a_long_computation(step: str, arguments: list[Any]) -> None:
    # Without an end this would take 4 * 10**10 rows.
    script = Script(Limits(dataframe_memory_mb=8192))
    frame = script.frames.add(pl.LazyFrame({"k": [1] * 200_000, "n": range(200_000)}))
    joined = script.apply(frame, "join", {"$frame": frame}, "k")
    caught: list[BaseException] = []

    def compute() -> None:
        try:
            script.frames.height(script.apply(joined, step, *arguments))
        except BaseException as error:  # noqa: BLE001 - looked at below
            caught.append(error)

    started = time.process_time()
    thread = threading.Thread(target=compute)
    thread.start()
    while thread.is_alive() and time.process_time() - started < _BUSY_SECONDS:
        thread.join(0.01)
    script.frames.close()
    thread.join(30)

    assert not thread.is_alive()
    assert isinstance(caught[0], CancelledError)
    with pytest.raises(CancelledError):
        script.create([{"n": 1}])
    with pytest.raises(CancelledError):
        script.collect(frame)


def test_the_same_steps_give_the_same_rows_in_every_run() -> None:
    def rows() -> list[dict[str, Any]]:
        script = Script()
        frame = script.frames.add(
            pl.LazyFrame({"n": range(300_000)}).with_columns(k=pl.col("n") % 1_000)
        )
        grouped = script.apply(frame, "aggregate", ["k"], {"n": "sum:n"})
        joined = script.apply(frame, "join", {"$frame": grouped}, "k")
        ranked = script.apply(
            joined, "withColumn", "r", call("over", call("rank", N, "dense"), "k")
        )
        long = script.apply(
            script.apply(ranked, "tail", 500), "unpivot", {"index": "k", "on": ["n", "r"]}
        )
        return script.collect(long)

    first = rows()

    assert all(rows() == first for _ in range(3))


def test_texts_that_a_condition_chooses_stand_in_the_order_of_the_rows() -> None:
    script = Script()
    frame = script.frames.add(pl.DataFrame({"n": range(400_000)}).lazy())
    chosen = call("when", None, [[call("gt", N, 200_000), "high"]], "low")
    expected = ["low"] * 200_001 + ["high"] * 199_999

    for _ in range(30):
        handle = script.apply(frame, "select", {"r": chosen})
        with script.frames.batches(handle) as reader:
            assert reader.read_all()["r"].to_pylist() == expected
        script.ask("frame.release", handle)
