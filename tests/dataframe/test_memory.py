"""No step takes more memory than a run has, and none is refused that needs less."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false

import multiprocessing
from typing import Any

import polars as pl
import pytest

from analysis_sandbox.dataframe.bounds import BOUNDED_STEPS, Source, bound_of
from analysis_sandbox.dataframe.expressions import METHODS
from analysis_sandbox.dataframe.extent import measured, size_of
from analysis_sandbox.dataframe.growth import RULES
from analysis_sandbox.dataframe.steps import STEPS
from analysis_sandbox.errors import LimitExceededError
from analysis_sandbox.limits import Limits
from tests.dataframe import hungry
from tests.dataframe.conftest import Script, call, col
from tests.dataframe.hungry import CASES, HARMLESS, MEMORY_MB

# What threads and allocators keep beside the rows, however many there are.
_BESIDE_MB = 48
_SECONDS = 120
T = col("t")


def _ended(case: str) -> dict[str, Any]:
    """Run a case in a process of its own, forked from one where everything is imported."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.dataframe.hungry"])
    receiving, sending = forks.Pipe(duplex=False)
    with receiving:
        process = forks.Process(target=hungry.run, args=(case, sending), daemon=True)
        process.start()
        sending.close()
        assert receiving.poll(_SECONDS), "the case does not end"
        ended = receiving.recv()
        process.join()
        process.close()
    return ended


@pytest.mark.parametrize("case", CASES)
def test_a_step_that_grows_ends_before_the_memory_does(case: str) -> None:
    ended = _ended(case)

    assert ended["risen_mb"] < 2 * MEMORY_MB + _BESIDE_MB
    if case in HARMLESS:
        assert ended["error"] is None
        return
    assert ended["error"] is not None
    assert "dataframe_memory_mb" in f"{ended['error']} {ended['hint']}"
    details = ended["details"]
    used, allowed = list(details.values())[-2:]
    assert used + details.get("held_bytes", 0) > 0.9 * allowed > 0
    assert "MB" in ended["error"] or "values" in ended["error"]


def test_every_step_and_every_method_has_a_bound() -> None:
    assert STEPS.keys() == BOUNDED_STEPS
    assert METHODS.keys() - {"col", "lit"} == RULES.keys()


_DATES = call("str.toDate", "2024-02-29")
_GROWING = {
    "upper case": call("str.toUpperCase", T),
    "lower case": call("str.toLowerCase", T),
    "padding": call("str.padStart", T, 50, "\N{GRINNING FACE}"),
    "padding at the end": call("str.padEnd", call("str.padEnd", T, 9), 20, "é"),
    "replacement": call("str.replaceAll", T, "a", "long text"),
    "replacement of nothing": call("str.replaceAll", T, "", "long text"),
    "replacement at bounds": call("str.replaceAll", T, {"$regex": ["\\b", ""]}, "long text"),
    "replacement at lines": call("str.replaceAll", T, {"$regex": ["^|$", "m"]}, "long"),
    "replacement of runs": call("str.replaceAll", T, {"$regex": ["[a-z]+", "i"]}, "<$&$&$1$$>"),
    "replacement of empty runs": call("str.replaceAll", T, {"$regex": ["(a*)", ""]}, "<$1$1>"),
    "replacement of words": call("str.replaceAll", T, {"$regex": ["\\w\\w", ""]}, "12345"),
    "one replacement": call("str.replace", T, {"$regex": [".*", ""]}, "$&$&$&$&"),
    "dollars": call("str.replaceAll", T, "a", "$$$$$$"),
    "concatenation": call("concatStr", None, "t", "n", "f", "b", "o", {"separator": "--é--"}),
    "sum": call("add", call("add", T, T), "more"),
    "characters": call("str.split", T, ""),
    "words": call("str.split", T, " "),
    "joined characters": call("list.join", call("str.split", T, ""), "----------"),
    "joined numbers": call("list.join", col("l"), "---------------------"),
    "numbers as text": call("cast", col("f"), "string"),
    "objects as text": call("cast", col("o"), "string"),
    "formats": call("dt.format", _DATES, "%A%B%%%Y%F%D"),
    "formats of moments": call("dt.format", call("cast", col("n"), "datetime"), "%c%+%+%A"),
    "first in every row": call("when", None, [[col("b"), call("max", T)]], "other"),
    "shifted with a filling": call("shift", T, 2, "a long filling of what is missing"),
    "filled forward": call("fillNull", T, None, {"strategy": "forward"}),
    "filled": call("fillNull", T, "a long filling of what is missing"),
    "over groups": call("over", call("first", T), "b"),
    "coalesced": call("coalesce", None, "t", call("lit", None, "otherwise something long")),
}


@pytest.mark.parametrize("expression", _GROWING.values(), ids=_GROWING)
@pytest.mark.parametrize("step", ["select", "withColumn", "aggregate"])
def test_no_text_is_longer_than_its_bound(
    script: Script, expression: dict[str, Any], step: str
) -> None:
    words = ["a", "", None, "ŉΐßİ ﬃ", "abc def", "aaaa\naaaa", "é" * 30, "x y " * 20]
    rows = [
        {
            "t": word,
            "n": 8_640_000_000_000,
            "f": -1.7976931348623157e308,
            "b": index % 2 == 0,
            "o": {"a": -1.2345678901234567e-300, "b": "text", "c": True},
            "l": [-1.2345678901234567e-300] * index,
        }
        for index, word in enumerate(words)
    ]
    data = script.frames.get(script.create(rows)).collect()
    given: list[Any] = {
        "select": [{"result": expression}],
        "withColumn": ["result", expression],
        "aggregate": [["b"], {"result": expression}],
    }[step]
    handle = script.frames.add(data.lazy())

    result = script.frames.get(script.apply(handle, step, *given)).collect()

    bound = bound_of(step, given, [Source(data.schema, measured(data))])
    assert size_of(result) <= bound.size_bytes(result.schema)
    most = bound.extent(result.schema).sizes
    for name, size in measured(result).sizes.items():
        assert size.total <= most[name].total
        assert size.longest <= most[name].longest


@pytest.mark.parametrize("how", ["inner", "left", "right", "full"])
def test_a_join_is_refused_by_what_it_really_makes(how: str) -> None:
    keys = [None, 0, 1, 1, 2, 2, 2] * 1_000
    left = pl.DataFrame({"k": keys, "t": ["x" * 200] * 7_000})
    right = pl.DataFrame({"k": [0, 1, 3, None] * 3, "u": ["y" * 100] * 12})
    script = Script(Limits(dataframe_memory_mb=16))
    handles = [script.frames.read(data.to_arrow().to_reader()) for data in (left, right)]

    joined = script.apply(handles[0], "join", {"$frame": handles[1]}, "k", how)

    expected = left.join(right, on="k", how=how, coalesce=True)  # pyright: ignore[reportArgumentType]
    assert script.ask("frame.height", joined) == expected.height
    assert script.ask("frame.height", script.apply(joined, "sort", "k")) == expected.height


@pytest.mark.parametrize("how", ["inner", "left", "right", "full"])
def test_a_join_on_keys_that_are_unique_is_not_refused(how: str) -> None:
    left = pl.DataFrame({"k": range(50_000)}).with_columns(k=pl.col("k") % 1_000, n=pl.col("k"))
    right = pl.DataFrame({"k": range(500, 1_500), "t": ["x" * 50] * 1_000})
    script = Script(Limits(dataframe_memory_mb=16))
    handles = [script.frames.read(data.to_arrow().to_reader()) for data in (left, right)]

    joined = script.apply(handles[0], "join", {"$frame": handles[1]}, "k", how)

    expected = left.join(right, on="k", how=how, coalesce=True)  # pyright: ignore[reportArgumentType]
    ordered = script.ask("frame.materialise", script.apply(joined, "sort", ["k", "n"]))
    found = script.frames.get(ordered["handle"]).collect()
    assert found.equals(expected.sort("k", "n", nulls_last=True).select(found.columns))


def test_a_join_that_makes_too_much_names_the_exact_figures() -> None:
    data = pl.DataFrame({"k": [1] * 10_000, "t": ["x" * 2_000] * 10_000})
    script = Script(Limits(dataframe_memory_mb=64))
    frame = script.frames.read(data.to_arrow().to_reader())

    with pytest.raises(LimitExceededError, match=r"for 100000000 rows; .* 64\.0 MB") as caught:
        script.apply(frame, "join", {"$frame": frame}, "k")

    assert caught.value.details["rows"] == 10_000**2
    assert caught.value.details["size_bytes"] == 10_000**2 * (8 + 2 * 2_016)


def test_what_fits_is_not_refused() -> None:
    script = Script(Limits(dataframe_memory_mb=16))
    numbers = script.create([{"n": n} for n in range(100)])
    others = script.create([{"m": m} for m in range(100)])
    crossed = script.apply(numbers, "join", {"$frame": others}, None, "cross")
    text = "The Café -- Déjà vu, & more"
    texts = script.create([{"t": text}] * 1_000)
    replaced = texts
    for sought, value in (
        (" -- ", " – "),
        ("&", "&amp;"),
        (",", ";"),
        ("é", "e"),
        ("more", "less"),
    ):
        replaced = script.apply(
            replaced, "withColumn", "t", call("str.replaceAll", T, sought, value)
        )

    assert script.collect(script.apply(crossed, "sort", ["m", "n"]))[101] == {"n": 1, "m": 1}
    assert script.collect(replaced) == [{"t": "The Cafe – Dejà vu; &amp; less"}] * 1_000
    repeated = script.create([{"k": k % 3, "n": k} for k in range(30)])
    joined = script.apply(repeated, "join", {"$frame": repeated}, "k")
    assert script.ask("frame.height", joined) == 300
    together = script.apply(numbers, "concat", *[{"$frame": numbers}] * 9)
    assert script.collect(script.apply(together, "aggregate", [], {"n": "sum:n"})) == [
        {"n": 10 * sum(range(100))}
    ]


def test_rows_that_are_computed_in_parts_are_the_same() -> None:
    """The bound of a replacement is far above what it makes here, so that parts are taken."""
    data = pl.DataFrame({"n": range(20_000)}).with_columns(
        t=pl.lit("some words, and ") + pl.col("n").cast(pl.String)
    )
    small, large = (Script(Limits(dataframe_memory_mb=size)) for size in (16, 1_024))
    expression = {"$expr": ["chain", T, *[["str.replaceAll", "9", "nine 9"]] * 4]}
    expected, found = (
        script.frames.get(
            script.apply(
                script.frames.read(data.to_arrow().to_reader()), "withColumn", "t", expression
            )
        ).collect()
        for script in (large, small)
    )

    assert found.equals(expected)


def test_a_large_frame_goes_on_without_being_held() -> None:
    script = Script(Limits(dataframe_memory_mb=16))
    frame = script.frames.read(pl.DataFrame({"n": range(1_500_000)}).to_arrow().to_reader())
    for name in ("a", "b", "c"):
        frame = script.apply(frame, "withColumn", name, call("mul", col("n"), 2))
    frame = script.apply(frame, "filter", call("lt", col("a"), 10))

    assert script.collect(script.apply(frame, "sort", "c", False))[0] == {
        "n": 4,
        "a": 8,
        "b": 8,
        "c": 8,
    }


def test_rows_that_share_a_long_text_are_not_written_out_for_a_script() -> None:
    script = Script(Limits(frame_mb=1))
    rows = script.create([{"n": n} for n in range(2_000)])
    long = script.apply(rows, "withColumn", "t", call("lit", None, "x" * 100_000))

    with pytest.raises(LimitExceededError, match=r"2000 rows take about 190\.7 MB as JSON"):
        script.collect(long)
