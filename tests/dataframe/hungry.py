"""Steps that want more memory than there is. Run in a process, one at a time, to see its peak."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from analysis_sandbox.errors import LimitExceededError
from analysis_sandbox.limits import Limits
from tests.dataframe.conftest import Script, call, col

MEMORY_MB = 128
_KIBIBYTE = 1 << 10
TEXT = "x" * 1_000


def texts(script: Script, rows: int = 1_000, *, length: int = 1_000) -> int:
    """A frame of numbers, keys that are all the same, and texts."""
    data = pl.DataFrame({"n": range(rows)}).with_columns(
        k=pl.lit(1), t=pl.lit("x" * length) + pl.col("n").cast(pl.String)
    )
    return script.frames.read(data.to_arrow().to_reader())


def uneven(script: Script) -> int:
    """A frame of 10,000 rows, one of which has a long text."""
    return script.create([{"k": 1, "t": TEXT * 1_000}, *[{"k": 1, "t": "x"}] * 9_999])


def computed(script: Script, handle: int, step: str, *arguments: Any) -> None:
    """Take a step and compute it."""
    script.ask("frame.materialise", script.apply(handle, step, *arguments))


def again(script: Script, handle: int, step: str, *arguments: Any) -> None:
    """Take a step forty times, each time on the result."""
    for _ in range(40):
        handle = script.apply(handle, step, *arguments)
    script.ask("frame.materialise", handle)


def chained(method: str, *arguments: Any, times: int = 40) -> dict[str, Any]:
    """An expression with a method many times."""
    return {"$expr": ["chain", col("t"), *[[method, *arguments]] * times]}


def of_itself(script: Script, rows: int, step: str, *arguments: Any) -> int:
    """A step that takes the frame itself as its argument."""
    frame = texts(script, rows, length=1)
    return script.apply(frame, step, {"$frame": frame}, *arguments)


def concatenated(script: Script) -> None:
    frame = texts(script)
    for _ in range(40):
        frame = script.apply(frame, "concat", {"$frame": frame})
    script.ask("frame.materialise", frame)


def exploded(script: Script) -> None:
    rows = [{"items": list(range(1_000)), "t": TEXT * 10}] * 100
    computed(script, script.create(rows), "explode", "items")


def enumerated(script: Script) -> None:
    indices = pa.array([0] * 100_000, pa.int32())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 100_000]))
    script.frames.read(pa.table({"e": column}).to_reader())


def wide(script: Script) -> None:
    columns = {f"c{index}": call("add", col("n"), index) for index in range(2_000)}
    computed(script, texts(script, 100_000, length=1), "withColumns", columns)


def pivoted(script: Script) -> None:
    data = pl.DataFrame({"n": range(100_000)}).with_columns(k=pl.col("n") % 900)
    frame = script.frames.read(data.to_arrow().to_reader())
    computed(script, frame, "pivot", {"on": "k", "index": "n", "values": "n"})


def unpivoted(script: Script) -> None:
    columns = {f"c{index}": col("n") for index in range(50)}
    frame = script.apply(texts(script, 1_000, length=10_000), "withColumns", columns)
    computed(script, frame, "unpivot", {"index": "t", "on": [*columns]})


def with_format(script: Script) -> None:
    dates = call("cast", call("cast", col("n"), "datetime"), "date")
    expression = call("dt.format", dates, "%A" * 10_000)
    computed(script, texts(script, 100_000, length=1), "withColumn", "d", expression)


CASES: dict[str, Callable[[Script], object]] = {
    "replacement after replacement": lambda s: again(
        s, texts(s), "withColumn", "t", call("str.replaceAll", col("t"), "x", "xx")
    ),
    "replacements in one expression": lambda s: computed(
        s, texts(s), "withColumn", "t", chained("str.replaceAll", "x", "xx")
    ),
    "long replacement of every character": lambda s: computed(
        s,
        s.create([{"t": TEXT * 1_000}]),
        "withColumn",
        "t",
        call("str.replaceAll", col("t"), "", TEXT * 1_000),
    ),
    "references in a replacement": lambda s: computed(
        s,
        texts(s),
        "withColumn",
        "t",
        call("str.replaceAll", col("t"), {"$regex": [".+", ""]}, "$&" * 10_000),
    ),
    "texts put together": lambda s: again(
        s, texts(s), "withColumn", "t", call("concatStr", None, "t", "t")
    ),
    "texts added": lambda s: again(s, texts(s), "withColumn", "t", call("add", col("t"), col("t"))),
    "padding of many rows": lambda s: computed(
        s, texts(s, 100_000, length=1), "select", call("str.padStart", col("t"), 10_000)
    ),
    "plain text that grows without rows": lambda s: computed(
        s,
        s.create([]),
        "select",
        {"x": call("str.replaceAll", call("alias", TEXT * 1_000, "x"), "x", TEXT * 1_000)},
    ),
    "long text in every row": lambda s: computed(
        s, texts(s, 100_000, length=1), "withColumn", "x", call("lit", None, TEXT * 1_000)
    ),
    "long text of one row in every row": lambda s: computed(
        s, uneven(s), "withColumn", "x", call("first", col("t"))
    ),
    "long text in every row of its group": lambda s: computed(
        s,
        texts(s, 500, length=60_000),
        "withColumn",
        "x",
        call("over", call("concatStr", None, call("first", col("t")), "t", "t"), "k"),
    ),
    "characters as arrays": lambda s: computed(
        s, texts(s, 10, length=1_000_000), "select", call("str.split", col("t"), "")
    ),
    "arrays of groups": lambda s: computed(
        s,
        texts(s, 100_000, length=1),
        "aggregate",
        ["k"],
        [call("str.padEnd", col("t"), 10_000)],
    ),
    "long formats": with_format,
    "cross join": lambda s: s.ask(
        "frame.materialise", of_itself(s, 100_000, "join", None, "cross")
    ),
    "cross join in order": lambda s: s.apply(
        of_itself(s, 100_000, "join", None, "cross"), "sort", "n_right"
    ),
    "cross join of long texts": lambda s: s.ask(
        "frame.materialise",
        s.apply(texts(s, 300, length=10_000), "join", {"$frame": texts(s, 1_000)}, None, "cross"),
    ),
    "inner join on one key": lambda s: s.ask(
        "frame.materialise", of_itself(s, 100_000, "join", "k")
    ),
    "full join on one key": lambda s: s.apply(
        of_itself(s, 100_000, "join", "k", "full"), "unique", "n", "n_right"
    ),
    "frame below itself": concatenated,
    "exploded arrays beside long texts": exploded,
    "pivot": pivoted,
    "unpivot": unpivoted,
    "drawn again and again": lambda s: computed(
        s, texts(s), "sample", {"n": 2**31, "withReplacement": True}
    ),
    "one row kept again and again": lambda s: s.ask("frame.keep", texts(s), [0] * 200_000),
    "many columns": wide,
    "keys that rows lack": lambda s: s.create([{f"k{index}": 1} for index in range(9_000)]),
    "values of an enumeration": enumerated,
    # These do not grow at their ends.
    "rows chosen by long texts": lambda s: computed(
        s,
        texts(s, 100_000, length=1),
        "filter",
        call("eq", call("str.padEnd", col("t"), 5_000), "x"),
    ),
    "lengths of long texts": lambda s: computed(
        s,
        texts(s, 100_000, length=1),
        "select",
        call("str.length", call("str.padEnd", col("t"), 5_000)),
    ),
    "rows of a cross join counted": lambda s: computed(
        s, of_itself(s, 10_000, "join", None, "cross"), "aggregate", [], {"n": "sum:n"}
    ),
}
HARMLESS = ("rows chosen by long texts", "lengths of long texts", "rows of a cross join counted")


def resident_mb(kind: str) -> float:
    """The resident memory of this process: `VmRSS` now, `VmHWM` at its peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(f"{kind}:"))
    return int(line.split()[1]) / _KIBIBYTE


def run(name: str, told: Connection) -> None:
    """Take the steps of a case; tell how they ended and how far the memory rose."""
    # What is loaded at first use is no memory of rows.
    warm = Script()
    small = warm.create([{"k": 1, "t": "x"}])
    warm.collect(warm.apply(warm.apply(small, "join", {"$frame": small}, "k"), "sort", "k"))
    script = Script(Limits(dataframe_memory_mb=MEMORY_MB))
    before = resident_mb("VmRSS")
    ended: dict[str, Any] = {"error": None}
    try:
        CASES[name](script)
    except LimitExceededError as error:
        ended = {"error": error.message, "hint": error.hint, "details": error.details}
    # `ru_maxrss` would count what the parent had when it started this process.
    told.send({**ended, "risen_mb": resident_mb("VmHWM") - before})
