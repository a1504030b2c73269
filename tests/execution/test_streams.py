"""Streams of datasources through the real sandbox."""

import json
import os
import re
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    ScriptError,
    TimeLimitError,
    ValidationFailedError,
)
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.execution.streams import MOST_OPEN, Streams
from tests.execution.workshop import Workshop, bounded, script, uses

NUMBERS = (
    "WITH RECURSIVE t (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < {count}) "
    "SELECT i, 'a text of some length, for memory to be seen' AS t FROM t"
)
ENDLESS = "WITH RECURSIVE t (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t"


def streaming(body: str, sql: str = NUMBERS.format(count=2500), more: str = "") -> str:
    """A script whose `stream` reads a statement of the shop."""
    opened = f"const stream = ctx.datasource.shop.stream({json.dumps(sql)}{more});"
    return script(f"{opened}\n{body}", uses("shop"))


def test_a_stream_is_read_by_a_loop(shop: Workshop) -> None:
    body = """const sizes = []; let sum = 0;
        for await (const rows of stream) {
            sizes.push(rows.length);
            for (const row of rows) sum += row.i;
        }
        return {sizes, sum}"""

    assert shop.value(streaming(body)) == {"sizes": [1000, 1000, 500], "sum": 2500 * 2501 // 2}


def test_a_stream_is_read_by_for_each(shop: Workshop) -> None:
    body = """const sizes = []; let running = 0;
        await stream.forEach(async (rows, index) => {
            running += 1; await ctx.sleep(5);
            if (running !== 1) throw new Error("two at once");
            sizes.push([index, rows.length, rows.columns.join()]); running -= 1;
        });
        return {sizes}"""

    assert shop.value(streaming(body, more=", null, 2000")) == {
        "sizes": [[0, 2000, "i,t"], [1, 500, "i,t"]]
    }


def test_a_stream_with_on_chunk_is_the_promise_of_its_end(shop: Workshop) -> None:
    body = f"""const sizes = [];
        const onChunk = async (rows) => {{ await ctx.sleep(1); sizes.push(rows.length) }};
        const sql = {json.dumps(NUMBERS.format(count=250))};
        const ended = await ctx.datasource.shop.stream(sql, {{batchSize: 100, onChunk}});
        await ctx.datasource.shop.stream(sql + " WHERE i > ?", [200], {{onChunk}});
        await ctx.datasource.shop.stream(sql, {{onChunk}});
        return {{sizes, ended: ended === undefined}}"""

    assert shop.value(script(body, uses("shop"))) == {
        "sizes": [100, 100, 50, 50, 250],
        "ended": True,
    }


def test_a_stream_is_read_by_next_like_any_iterator(shop: Workshop) -> None:
    body = """const it = stream[Symbol.asyncIterator]();
        const first = await it.next(); const last = await it.return("kept");
        return {first: first.value.length, done: first.done, last, after: await it.next()}"""

    assert shop.value(streaming(body)) == {
        "first": 1000,
        "done": False,
        "last": {"done": True, "value": "kept"},
        "after": {"done": True},
    }


def test_leaving_a_loop_frees_the_connection(shop: Workshop) -> None:
    """The pool has four connections: forty abandoned streams would take more."""
    body = f"""const sql = {json.dumps(NUMBERS.format(count=100_000))}; let n = 0;
        for (let i = 0; i < 40; i++) {{
            for await (const rows of ctx.datasource.shop.stream(sql)) {{ n += rows.length; break }}
        }}
        const [row] = await ctx.datasource.shop.query("SELECT count(*) AS n FROM sales");
        return {{n, sales: row.n}}"""

    assert shop.value(script(body, uses("shop"))) == {"n": 40_000, "sales": 3}


def test_an_error_in_a_loop_closes_the_stream_and_is_the_runs(shop: Workshop) -> None:
    body = """try { await stream.forEach((rows) => { throw new TypeError("mine") }) }
        catch ({name, message}) { return {name, message, after: await stream.next()} }"""

    assert shop.value(streaming(body, NUMBERS.format(count=100_000))) == {
        "name": "TypeError",
        "message": "mine",
        "after": {"done": True},
    }


def test_an_error_of_the_database_in_the_middle_is_raised_with_its_line(shop: Workshop) -> None:
    sql = NUMBERS.format(count=5000).replace("'a text", "abs(CASE i WHEN 3000 THEN '-9' END), '")
    broken = sql.replace(
        "abs(CASE i WHEN 3000 THEN '-9' END)", "json(CASE i WHEN 3000 THEN '{' END)"
    )
    body = "let n = 0;\nawait stream.forEach((rows) => { n += rows.length });\nreturn {n}"

    error, row = shop.fail(shop.save(streaming(body, broken)))

    assert isinstance(error, QueryError)
    assert "JSON" in error.message
    assert row.error_detail is not None
    assert row.error_detail["line"] == 4


def test_errors_of_a_stream_can_be_caught(shop: Workshop) -> None:
    body = """const codes = [];
        for (const open of [
            () => ctx.datasource.shop.stream("SELECT * FROM missing"),
            () => ctx.datasource.shop.stream("DELETE FROM sales"),
            () => ctx.datasource.shop.stream("SELECT 1", null, 0),
            () => ctx.datasource.shop.stream(),
            () => ctx.datasource.shop.stream(7),
            () => ctx.datasource.shop.stream("SELECT 1", [], 1, 2, 3),
        ]) {
            try { for await (const rows of open()) codes.push("none") }
            catch (error) { codes.push(error.code) }
        }
        return {codes}"""

    assert shop.value(script(body, uses("shop"))) == {
        "codes": [
            "QUERY_FAILED",
            "READ_ONLY",
            "VALIDATION_ERROR",
            "VALIDATION_ERROR",
            "VALIDATION_ERROR",
            "VALIDATION_ERROR",
        ]
    }


@pytest.mark.parametrize("callback", ["undefined", "5", "{}"])
def test_for_each_needs_a_function(shop: Workshop, callback: str) -> None:
    error, _ = shop.fail(shop.save(streaming(f"await stream.forEach({callback}); return {{}}")))

    assert isinstance(error, ScriptError)
    assert "needs a function" in error.message


def test_only_so_many_streams_are_open_at_once(shop: Workshop) -> None:
    body = f"""const sql = "SELECT 1 AS a"; const streams = [];
        try {{
            for (let i = 0; i < {MOST_OPEN + 1}; i++) {{
                streams.push(ctx.datasource.shop.stream(sql));
                // Its connection is given back with its only row; it is not read to its end.
                await streams[i].next();
            }}
        }} catch ({{code, message}}) {{ return {{code, message, n: streams.length}} }}"""

    assert shop.value(script(body, uses("shop"))) == {
        "code": "LIMIT_EXCEEDED",
        "message": f"The run has {MOST_OPEN} streams open; {MOST_OPEN} are allowed",
        "n": MOST_OPEN + 1,
    }


def test_two_chunks_of_one_stream_at_once_are_refused(shop: Workshop) -> None:
    body = """const both = await Promise.allSettled([stream.next(), stream.next()]);
        return {kinds: both.map((one) => one.status).sort(),
            code: both.find((one) => one.reason)?.reason.code}"""

    assert shop.value(streaming(body, NUMBERS.format(count=100_000), ", null, 50000")) == {
        "kinds": ["fulfilled", "rejected"],
        "code": "VALIDATION_ERROR",
    }


def test_a_script_that_breaks_the_prototypes_only_hurts_itself(shop: Workshop) -> None:
    body = """Array.prototype[Symbol.iterator] = null; Object.prototype.onChunk = undefined;
        let n = 0;
        Array.prototype.push = JSON.stringify = JSON.parse = Object.keys = Object.freeze = null;
        Object.getPrototypeOf = Array.isArray = Reflect.apply = null;
        await stream.forEach((rows) => { n += rows.length });
        return {n}"""

    assert shop.value(streaming(body)) == {"n": 2500}


def test_the_streams_of_a_run_that_ends_are_closed(shop: Workshop) -> None:
    body = """await stream.next(); await ctx.datasource.shop.stream("SELECT 1 AS a").next();
        return {}"""
    version = shop.save(streaming(body, NUMBERS.format(count=100_000)))
    # Four connections: a fifth run would wait for one.
    for _ in range(5):
        assert shop.run(version)[0] == {}


def test_a_run_out_of_time_stops_what_its_stream_waits_for(
    shop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    version = shop.save(
        streaming("await stream.next(); return {}", ENDLESS), limits={"timeout_ms": 300}
    )
    error, _ = shop.fail(version)

    assert isinstance(error, TimeLimitError)
    # Were it still running, so would be the thread that waits for it.
    datasource: Any = shop.environment.connections.get(shop.project, "shop")
    bounded(lambda: not datasource._pool._leases, "the statement of the stream has ended")
    assert not caplog.records


def test_an_options_function_may_stream_and_not_write(shop: Workshop) -> None:
    entries = (
        uses("till")
        + """parameters: {pick: {type: "select", options: async (ctx) => {
        const found = [];
        for await (const rows of ctx.datasource.till.stream("SELECT shop FROM sales ORDER BY id"))
            for (const row of rows) found.push(row.shop);
        return found;
    }}},"""
    )

    assert [option["value"] for option in shop.options(entries)] == ["north", "south", "north"]


def test_an_options_function_may_not_insert(shop: Workshop) -> None:
    entries = (
        uses("till")
        + """parameters: {pick: {type: "select", options: async (ctx) => {
        await ctx.datasource.till.insert("sales", [{id: 9}]); return [];
    }}},"""
    )

    with pytest.raises(ReadOnlyError):
        shop.options(entries)


def test_a_script_inserts_rows(shop: Workshop, tmp_path: Path) -> None:
    body = """return await ctx.datasource.till.insert("sales",
        [{id: 4, shop: "east", amount: 1.5}, {id: 5, shop: "west"}])"""

    assert shop.value(script(body, uses("till"))) == {"rowCount": 2}
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        rows = connection.execute("SELECT * FROM sales WHERE id > 3 ORDER BY id").fetchall()
    assert rows == [(4, "east", 1.5), (5, "west", None)]


def test_a_stream_that_nobody_reads_is_no_error(shop: Workshop) -> None:
    assert shop.value(streaming("return {}", ENDLESS)) == {}


def test_two_hundred_thousand_rows_hold_little_memory(shop: Workshop) -> None:
    body = """let n = 0, sum = 0;
        await stream.forEach((rows) => { n += rows.length; for (const row of rows) sum += row.i });
        return {n, sum}"""
    version = shop.save(streaming(body, NUMBERS.format(count=200_000)), limits={"memory_mb": 24})
    few = shop.save(streaming(body, NUMBERS.format(count=2000)), "few")
    shop.run(few)
    _reset_peak()
    before = _peak_bytes()

    result, row = shop.run(version)

    # As text the rows are 15 MB, as objects of either side far more.
    assert result == {"n": 200_000, "sum": 200_000 * 200_001 // 2}
    assert _peak_bytes() - before < 24 << 20
    assert row.usage is not None
    assert cast("int", row.usage["peak_memory_bytes"]) < 24 << 20


# ---- Streams without a sandbox ------------------------------------------------------------------


class _Source:
    """Stands for a run's datasources: streams that a test opens and ends."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.waiting = threading.Event()
        self.released = threading.Event()

    def stream(self, name: str, stream: str, arguments: object) -> Generator[object, None, None]:
        return getattr(self, stream)(*cast("list[Any]", arguments))

    def endless(self, *_: object) -> Generator[object, None, None]:
        try:
            while True:
                yield {"bytes": b"\x00"}
        finally:
            self.closed.append("endless")

    def slow(self, *_: object) -> Generator[object, None, None]:
        try:
            self.waiting.set()
            self.released.wait(20)
            yield 1
        finally:
            self.closed.append("slow")


def _streams(source: _Source) -> Streams:
    return Streams(cast("DatasourceAccess", source))


def test_any_value_is_a_chunk() -> None:
    streams = _streams(_Source())
    number = streams.open("x", "endless", [])["stream"]

    assert json.loads(streams.next(number))["value"] == {"bytes": {"\ue000bytes": "AA=="}}


def test_a_stream_that_was_closed_is_not_open() -> None:
    source = _Source()
    streams = _streams(source)
    number = streams.open("x", "endless", [])["stream"]
    streams.next(number)
    streams.end(number)
    streams.end(number)

    with pytest.raises(NotFoundError):
        streams.next(number)
    assert source.closed == ["endless"]


@pytest.mark.parametrize("number", [0, 99, -1, None, "1", {}, 1.5, True])
def test_a_number_that_is_no_stream_is_not_found(number: object) -> None:
    streams = _streams(_Source())

    with pytest.raises(NotFoundError):
        streams.next(number)
    streams.end(number)


@pytest.mark.parametrize("given", [(None, "a", []), ("a", 5, []), ("a", "endless", "text")])
def test_a_stream_is_opened_by_names(given: tuple[Any, Any, Any]) -> None:
    with pytest.raises(ValidationFailedError):
        _streams(_Source()).open(*given)


def test_ending_closes_every_stream_and_refuses_later_ones() -> None:
    source = _Source()
    streams = _streams(source)
    for _ in range(3):
        streams.next(streams.open("x", "endless", [])["stream"])
    streams.close()

    assert source.closed == ["endless"] * 3
    with pytest.raises(CancelledError):
        streams.open("x", "endless", [])


def test_a_stream_that_is_closed_while_a_chunk_is_awaited_closes_with_it() -> None:
    source = _Source()
    streams = _streams(source)
    number = streams.open("x", "slow", [])["stream"]
    errors: list[AnalysisSandboxError] = []

    def read() -> None:
        try:
            streams.next(number)
        except AnalysisSandboxError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    source.waiting.wait(20)
    ending = threading.Thread(target=streams.close)
    ending.start()
    ending.join(20)
    source.released.set()
    thread.join(20)

    assert source.closed == ["slow"]
    assert [type(error) for error in errors] == [CancelledError]


def test_the_limit_of_open_streams_counts_only_open_ones() -> None:
    streams = Streams(cast("DatasourceAccess", _Source()), most_open=2)
    first = streams.open("x", "endless", [])["stream"]
    streams.open("x", "endless", [])
    with pytest.raises(LimitExceededError, match="2 streams open; 2 are allowed"):
        streams.open("x", "endless", [])
    streams.end(first)
    streams.open("x", "endless", [])


def _peak_bytes() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) << 10


def _reset_peak() -> None:
    Path(f"/proc/{os.getpid()}/clear_refs").write_text("5", encoding="ascii")
