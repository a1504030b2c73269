"""Behaviour every SQL datasource type shares. One test, every type."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from analysis_sandbox.datasources import base
from analysis_sandbox.datasources.base import (
    ArrowReadable,
    ArrowWritable,
    Datasource,
    Describable,
    Stream,
    Streaming,
    find_operation,
    find_stream,
)
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    ConflictError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.values import decode, encode
from tests.datasources.harnesses import (
    PARAMETERS,
    ROWS,
    SECRET,
    VALUES,
    Harness,
    rows_of,
)

READ_ONLY = "Datasource 'db' is read-only; ask an administrator to set access: read_write"


def arrow(datasource: Datasource) -> ArrowReadable:
    assert isinstance(datasource, ArrowReadable)
    return datasource


def raised_in_thread(action: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Run an action that will be stopped in a thread of its own."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except AnalysisSandboxError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def test_the_harness_is_of_the_installed_type(harness: Harness) -> None:
    assert load_type(harness.type_name) is harness.type


def test_query_returns_one_object_per_row(datasource: Datasource) -> None:
    assert rows_of(datasource, "select i, t from n order by i") == [
        {"i": 1, "t": "one"},
        {"i": 2, "t": "two"},
        {"i": 3, "t": "three"},
    ]


def test_no_rows_are_an_empty_array(datasource: Datasource) -> None:
    assert rows_of(datasource, "select i from n where i > 100") == []


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("select t from n where i = $2 or i = $1 order by i", [1, 2]),
        ("select t from n where i = ? or i = ? order by i", [1, 2]),
        ("select t from n where i = :b or i = :a order by i", {"a": 1, "b": 2}),
        ("select t from n where i = $b or i = $a order by i", {"a": 1, "b": 2}),
        ("select t from n where (i = $1 or i = 2) and i < $1 + 2 order by i", [1]),
    ],
)
def test_every_style_of_placeholders_works(
    datasource: Datasource, sql: str, params: object
) -> None:
    assert rows_of(datasource, sql, params) == [{"t": "one"}, {"t": "two"}]


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("select ?, ?", [1]),
        ("select $1, $2", [1]),
        ("select $1", [1, 2]),
        ("select :a", {"b": 1}),
        ("select :a", {"a": 1, "b": 1}),
        ("select 1", "text"),
        ("", None),
        (None, None),
    ],
)
def test_placeholders_that_do_not_match_the_values_are_refused(
    datasource: Datasource, sql: str, params: object
) -> None:
    with pytest.raises(ValidationFailedError):
        datasource.operations()["query"](sql, params)


@pytest.mark.parametrize("access", ["read_only", "read_write"])
def test_a_script_reaches_exactly_the_declared_operations(harness: Harness, access: str) -> None:
    datasource = harness.open(access=access)

    assert set(datasource.operations()) == harness.operations[access]
    assert set(harness.type.operation_names(harness.config(access=access))) == set(
        datasource.operations()
    )


def test_an_operation_the_type_does_not_have_names_those_it_has(datasource: Datasource) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"has no operation 'list'.*query"):
        find_operation(datasource, "list", name="db")


def test_an_operation_that_writes_says_how_to_allow_it(datasource: Datasource) -> None:
    with pytest.raises(ReadOnlyError) as caught:
        find_operation(datasource, "execute", name="db")

    assert caught.value.message == READ_ONLY


def test_operations_are_found_by_name(writable: Datasource) -> None:
    assert find_operation(writable, "execute", name="db") == writable.operations()["execute"]


def test_a_read_only_datasource_refuses_writes(harness: Harness, datasource: Datasource) -> None:
    for sql in harness.writes:
        with pytest.raises(ReadOnlyError) as caught:
            rows_of(datasource, sql)
        assert caught.value.message == READ_ONLY

    assert harness.rows() == ROWS


def test_query_may_write_where_it_is_allowed(harness: Harness, writable: Datasource) -> None:
    if harness.upsert is None:
        pytest.skip("no statement of this database writes and has rows")

    found = rows_of(writable, harness.upsert.sql, list(harness.upsert.params))

    assert found == list(harness.upsert.rows)
    assert harness.rows()[-1] == (3, "drei")


def test_execute_tells_how_many_rows_it_touched(harness: Harness, writable: Datasource) -> None:
    touched = writable.operations()["execute"](harness.update, ["x", 1])

    assert touched == {"rowCount": 2} or not harness.counts
    assert harness.rows() == [(1, "one"), (2, "x"), (3, "x")]


@pytest.mark.parametrize("access", ["read_only", "read_write"])
def test_more_than_one_statement_is_refused(harness: Harness, access: str) -> None:
    datasource = harness.open(access=access)

    with pytest.raises((StatementRefusedError, QueryError)):
        rows_of(datasource, "select 1; delete from n")

    assert harness.rows() == ROWS


def test_a_transaction_cannot_span_calls(harness: Harness, writable: Datasource) -> None:
    if not harness.has_transactions:
        pytest.skip("the database has no transactions")
    with pytest.raises(StatementRefusedError):
        rows_of(writable, "begin")

    rows_of(writable, "delete from n where i = 1")
    assert len(harness.rows()) == 2


def test_a_refused_statement_is_a_query_error(datasource: Datasource) -> None:
    with pytest.raises(QueryError, match="nowhere") as caught:
        rows_of(datasource, "select nonsense from nowhere")

    assert caught.value.code == "QUERY_FAILED"
    assert caught.value.details["datasource"] == "db"
    assert rows_of(datasource, "select count(*) as c from n") == [{"c": 3}]


def test_columns_of_the_same_name_stay_apart(harness: Harness, datasource: Datasource) -> None:
    assert rows_of(datasource, harness.same_names.sql) == list(harness.same_names.rows)


def test_a_name_that_looks_like_a_tag_is_data(harness: Harness, datasource: Datasource) -> None:
    sql = f"select 'x' as {harness.quote}\ue000bytes{harness.quote}"

    assert rows_of(datasource, sql) == [{"\ue000bytes": "x"}]


def test_a_result_that_is_too_large_is_refused(harness: Harness) -> None:
    datasource = harness.open(max_result_mb=0.0001)

    with pytest.raises(LimitExceededError, match=r"larger than 0\.0 MB"):
        rows_of(datasource, "select a.t, b.t, c.t from n a, n b, n c")

    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_a_statement_that_takes_too_long_is_stopped(harness: Harness) -> None:
    datasource = harness.open(query_timeout_seconds=0.2)

    with pytest.raises(LimitExceededError, match=r"longer than 0\.2 s"):
        rows_of(datasource, harness.endless)

    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_cancel_stops_what_runs_and_nothing_else(harness: Harness, datasource: Datasource) -> None:
    thread, errors = raised_in_thread(lambda: rows_of(datasource, harness.endless))

    # Until the statement has begun there is nothing to cancel.
    while thread.is_alive():
        datasource.cancel()
        thread.join(0.02)

    assert [type(error) for error in errors] == [CancelledError]
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_an_unreachable_datasource_is_a_transient_error(harness: Harness) -> None:
    datasource = harness.type.open(harness.unreachable(), name="db")

    with pytest.raises(UnavailableError, match="'db'") as caught:
        rows_of(datasource, "select 1")

    assert caught.value.transient


def test_a_closed_datasource_is_a_transient_error(datasource: Datasource) -> None:
    datasource.close()
    datasource.close()

    with pytest.raises(UnavailableError, match="closed or reconfigured"):
        rows_of(datasource, "select 1")


def test_closing_lets_a_running_statement_end(datasource: Datasource) -> None:
    with arrow(datasource).read_arrow("select i from n order by i", batch_rows=1) as reader:
        datasource.close()
        assert [batch.to_pylist() for batch in reader] == [[{"i": 1}], [{"i": 2}], [{"i": 3}]]


def test_parallel_queries_get_their_own_rows(datasource: Datasource) -> None:
    def ask(number: int) -> int:
        return rows_of(datasource, "select ? + i as x from n where i = 1", [number])[0]["x"]

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(ask, range(200))) == [number + 1 for number in range(200)]


def test_a_caller_does_not_wait_for_ever_for_a_connection(harness: Harness) -> None:
    datasource = harness.open(pool_size=2, query_timeout_seconds=0.2)

    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(arrow(datasource).read_arrow("select i from n"))
        with pytest.raises(UnavailableError, match="all 2 connections stayed busy"):
            rows_of(datasource, "select 1")

    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_rows_are_streamed_as_batches_of_one_schema(datasource: Datasource) -> None:
    sql = "select i, t from n where i >= ? order by i"
    with arrow(datasource).read_arrow(sql, [1], batch_rows=2) as reader:
        batches = list(reader)

    assert [batch.num_rows for batch in batches] == [2, 1]
    assert reader.schema.names == ["i", "t"]
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {"i": number, "t": text} for number, text in ROWS
    ]


def test_a_table_is_loaded_from_reading_statements_only(
    harness: Harness, datasource: Datasource, writable: Datasource
) -> None:
    writing = harness.not_loadable
    with pytest.raises(ReadOnlyError), arrow(datasource).read_arrow(writing):
        pass
    with pytest.raises(StatementRefusedError), arrow(writable).read_arrow(writing):
        pass

    assert harness.rows() == ROWS


def test_a_writable_datasource_is_loaded_as_well(harness: Harness, writable: Datasource) -> None:
    with arrow(writable).read_arrow("select i from n order by i") as reader:
        assert reader.read_all().to_pylist() == [{"i": 1}, {"i": 2}, {"i": 3}]
    rows_of(writable, "delete from n where i = 1")

    assert len(harness.rows()) == 2


def test_an_abandoned_reader_frees_its_connection(harness: Harness) -> None:
    datasource = harness.open(pool_size=1)

    with arrow(datasource).read_arrow("select i from n", batch_rows=1) as reader:
        reader.read_next_batch()
    with pytest.raises(RuntimeError), arrow(datasource).read_arrow("select i from n"):
        raise RuntimeError

    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_cancel_stops_a_stream(datasource: Datasource) -> None:
    many = "select a.i from n a, n b, n c, n d, n e, n f, n g, n h"

    def stop_after_the_first_batch() -> None:
        with arrow(datasource).read_arrow(many, batch_rows=100) as reader:
            reader.read_next_batch()
            datasource.cancel()
            reader.read_next_batch()

    with pytest.raises(CancelledError):
        stop_after_the_first_batch()
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_a_text_that_holds_no_unicode_is_refused(datasource: Datasource) -> None:
    with pytest.raises(ValidationFailedError):
        rows_of(datasource, "select ? as x", ["\ud800"])


# ---- Values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_arrives_by_the_table_that_all_share(
    harness: Harness, datasource: Datasource, kind: str
) -> None:
    if kind not in harness.values:
        pytest.skip(f"{harness.type_name} has no such value")
    sql = f"select {harness.values[kind]} as x"

    (row,) = rows_of(datasource, sql)
    assert row == {"x": VALUES[kind]}
    assert isinstance(row["x"], bytes) == isinstance(VALUES[kind], bytes)
    # A stream's rows are those of a query.
    with closing(stream(datasource, sql)) as chunks:
        assert [row for chunk in chunks for row in rows_in(chunk)] == [row]


@pytest.mark.parametrize("kind", PARAMETERS)
def test_a_parameter_means_what_was_given(
    harness: Harness, datasource: Datasource, kind: str
) -> None:
    if kind not in harness.echoes:
        pytest.skip(f"{harness.type_name} has no such value")
    given, expected = PARAMETERS[kind]
    expression = harness.echoes[kind]

    assert rows_of(datasource, f"select {expression} as x", [given]) == [{"x": expected}]
    named = expression.replace("?", ":value")
    assert rows_of(datasource, f"select {named} as x", {"value": given}) == [{"x": expected}]


# ---- Streams ---------------------------------------------------------------------------------


def stream(datasource: Datasource, sql: str, *arguments: object) -> Stream:
    return find_stream(datasource, "stream", name="db")(sql, *arguments)


def rows_in(chunk: object) -> list[dict[str, Any]]:
    """Return the rows of a chunk as a script would see them."""
    return decode(encode(chunk))


def peak_bytes() -> int:
    """Return the most memory this process has had since `reset_peak`."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) << 10


def reset_peak() -> None:
    Path(f"/proc/{os.getpid()}/clear_refs").write_text("5", encoding="ascii")


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after a bounded time."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "not in 20 s"
        threading.Event().wait(0.01)


@pytest.mark.parametrize("access", ["read_only", "read_write"])
def test_a_stream_gives_the_rows_in_chunks(harness: Harness, access: str) -> None:
    datasource = harness.open(access=access)

    with closing(stream(datasource, harness.numbers.format(count=25), None, 10)) as chunks:
        numbers = [[row["i"] for row in rows_in(chunk)] for chunk in chunks]

    assert numbers == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]
    assert isinstance(datasource, Streaming)
    assert list(harness.type.stream_names(harness.config())) == list(datasource.streams())  # type: ignore[attr-defined]


def test_a_stream_has_a_thousand_rows_per_chunk_unless_told(
    harness: Harness, datasource: Datasource
) -> None:
    with closing(stream(datasource, harness.numbers.format(count=1500))) as chunks:
        assert [len(rows_in(chunk)) for chunk in chunks] == [1000, 500]


@pytest.mark.parametrize(
    ("params", "more"),
    [([2], []), ([2], [1]), ([2], [{"batchSize": 1}]), ({"params": [2], "batchSize": 1}, [])],
)
def test_a_stream_takes_parameters_and_options(
    datasource: Datasource, params: object, more: list[object]
) -> None:
    sql = "select i, t from n where i >= ? order by i"

    with closing(stream(datasource, sql, params, *more)) as chunks:
        assert [row for chunk in chunks for row in rows_in(chunk)] == [
            {"i": 2, "t": "two"},
            {"i": 3, "t": "three"},
        ]


@pytest.mark.parametrize("size", [0, -1, 1.5, "10", True, 1_000_000])
def test_a_wrong_batch_size_is_refused(datasource: Datasource, size: object) -> None:
    with pytest.raises(ValidationFailedError, match="batchSize"):
        stream(datasource, "select i from n", None, size)


def test_an_empty_stream_has_no_chunks(datasource: Datasource) -> None:
    with closing(stream(datasource, "select i from n where i > 100")) as chunks:
        assert list(chunks) == []


def test_a_stream_only_reads(harness: Harness, datasource: Datasource) -> None:
    writable = harness.open(access="read_write")

    with pytest.raises(ReadOnlyError):
        stream(datasource, harness.writes[0])
    with pytest.raises(StatementRefusedError):
        stream(writable, harness.writes[0])
    assert harness.rows() == ROWS


def test_a_long_stream_holds_one_chunk(harness: Harness, datasource: Datasource) -> None:
    sql = f"select i, 'a text of some length, for memory to be seen' as t from (\
{harness.numbers.format(count=200_000)}) as numbers"
    with closing(stream(datasource, sql)) as chunks:
        next(chunks)
        reset_peak()
        before = peak_bytes()
        count = 1000 + sum(len(json.loads(str(chunk))) for chunk in chunks)
        grown = peak_bytes() - before

    assert count == 200_000
    # All rows at once are more than 60 MB as objects.
    assert grown < 24 << 20


def test_a_stream_closed_early_ends_at_the_server(harness: Harness) -> None:
    datasource = harness.open(pool_size=1)
    chunks = stream(datasource, harness.numbers.format(count=200_000))
    next(chunks)

    chunks.close()
    chunks.close()

    until(lambda: harness.running() == 0)
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_a_stream_that_nobody_reads_takes_no_connection(harness: Harness) -> None:
    datasource = harness.open(pool_size=1)
    chunks = stream(datasource, "select i from n")

    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]
    chunks.close()


def test_rows_come_as_they_are_asked_for(harness: Harness) -> None:
    """A reader that waits holds the server back: it does not time out, nothing piles up."""
    datasource = harness.open(query_timeout_seconds=0.5)
    with closing(stream(datasource, harness.numbers.format(count=3000))) as chunks:
        found = len(rows_in(next(chunks)))
        threading.Event().wait(0.8)
        found += sum(len(rows_in(chunk)) for chunk in chunks)

    assert found == 3000


def test_a_chunk_that_takes_too_long_is_stopped(harness: Harness) -> None:
    datasource = harness.open(query_timeout_seconds=0.3)

    with (
        closing(stream(datasource, harness.endless)) as chunks,
        pytest.raises(LimitExceededError, match=r"longer than 0\.3 s"),
    ):
        next(chunks)
    until(lambda: harness.running() == 0)
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_one_stream_can_be_cancelled_from_another_thread(
    harness: Harness, datasource: Datasource
) -> None:
    chunks: Any = stream(datasource, harness.endless)
    thread, errors = raised_in_thread(lambda: next(chunks))
    with closing(stream(datasource, harness.numbers.format(count=3000))) as other:
        next(other)
        while thread.is_alive():
            chunks.cancel()
            thread.join(0.02)
        assert sum(len(rows_in(chunk)) for chunk in other) == 2000

    assert [type(error) for error in errors] == [CancelledError]
    until(lambda: harness.running() == 0)


def test_an_error_in_the_middle_of_a_stream_is_raised_once(
    harness: Harness, datasource: Datasource
) -> None:
    chunks = stream(datasource, harness.numbers.format(count=200_000))
    next(chunks)
    datasource.cancel()
    with pytest.raises(CancelledError):
        for _ in chunks:
            pass
    assert list(chunks) == []
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_streams_in_parallel_get_their_own_rows(harness: Harness, datasource: Datasource) -> None:
    def read(count: int) -> int:
        with closing(stream(datasource, harness.numbers.format(count=count), None, 100)) as chunks:
            return sum(row["i"] for chunk in chunks for row in rows_in(chunk))

    with ThreadPoolExecutor(4) as threads:
        sums = list(threads.map(read, [500, 700, 900, 1100]))
    assert sums == [count * (count + 1) // 2 for count in (500, 700, 900, 1100)]


# ---- Failures --------------------------------------------------------------------------------


def test_cancel_ends_the_statement_at_the_server(harness: Harness, datasource: Datasource) -> None:
    thread, _ = raised_in_thread(lambda: rows_of(datasource, harness.endless))
    while thread.is_alive():
        datasource.cancel()
        thread.join(0.02)

    until(lambda: harness.running() == 0)


def test_wrong_credentials_are_told_without_them(harness: Harness) -> None:
    config = harness.bad_credentials()
    if config is None:
        pytest.skip("there are no credentials")
    datasource = harness.type.open(config, name="db")

    with pytest.raises(UnavailableError) as caught:
        rows_of(datasource, "select 1")
    assert SECRET not in shown(caught.value)
    assert isinstance(datasource, base.Testable)
    (check,) = datasource.test()
    assert (check.name, check.ok) == ("connection", False)
    assert SECRET not in check.detail


def test_a_connection_lost_in_the_middle_of_a_query_is_transient(
    harness: Harness, datasource: Datasource
) -> None:
    thread, errors = raised_in_thread(lambda: rows_of(datasource, harness.endless))
    if not harness.lose_connections():
        datasource_cancelled(datasource, thread)
        pytest.skip("there is no connection to lose")
    while thread.is_alive():
        harness.lose_connections()
        thread.join(0.05)

    (error,) = errors
    assert isinstance(error, UnavailableError)
    assert error.transient
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_a_connection_lost_in_the_middle_of_a_stream_is_transient(
    harness: Harness, datasource: Datasource
) -> None:
    # More than any buffer on the way holds.
    sql = f"select i, '{'x' * 200}' as t from ({harness.numbers.format(count=200_000)}) as numbers"
    chunks = stream(datasource, sql)
    next(chunks)
    if not harness.lose_connections():
        chunks.close()
        pytest.skip("there is no connection to lose")

    with pytest.raises(UnavailableError):
        for _ in chunks:
            pass
    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_connections_that_died_while_nobody_used_them_are_replaced_unseen(
    harness: Harness, datasource: Datasource
) -> None:
    rows_of(datasource, "select 1 as one")
    harness.lose_connections()

    assert rows_of(datasource, "select 1 as one") == [{"one": 1}]


def test_secrets_are_never_shown(harness: Harness, datasource: Datasource) -> None:
    config = harness.unreachable()
    away = harness.type.open(config, name="db")
    errors: list[BaseException] = []
    for source, sql in ((away, "select 1"), (datasource, "select nonsense from nowhere")):
        with pytest.raises(AnalysisSandboxError) as caught:
            rows_of(source, sql)
        errors.append(caught.value)
    texts = [shown(error) for error in errors]
    texts += [repr(config), str(config), repr(away), config.model_dump_json(), repr(vars(away))]

    assert not [text for text in texts if SECRET in text]


def shown(error: BaseException) -> str:
    """Return all that is shown of an error, and of what caused it within our own tree."""
    assert isinstance(error, AnalysisSandboxError)
    return f"{error!r} {error.message} {error.hint} {error.facts()}"


def datasource_cancelled(datasource: Datasource, thread: threading.Thread) -> None:
    while thread.is_alive():
        datasource.cancel()
        thread.join(0.02)


# ---- Writing ---------------------------------------------------------------------------------


def test_insert_writes_objects(harness: Harness, writable: Datasource) -> None:
    insert = writable.operations()["insert"]

    assert insert("n", [{"i": 4, "t": "vier"}, {"t": 'it\'s "5" ? $1', "i": 5}, {"i": 6}]) == {
        "rowCount": 3
    }
    assert harness.rows()[3:] == [(4, "vier"), (5, 'it\'s "5" ? $1'), (6, None)]


def test_inserting_nothing_is_nothing(harness: Harness, writable: Datasource) -> None:
    assert writable.operations()["insert"]("n", []) == {"rowCount": 0}
    assert harness.rows() == ROWS


def test_many_rows_are_inserted(harness: Harness, writable: Datasource) -> None:
    rows = [{"i": number, "t": f"row {number}"} for number in range(10, 5010)]

    assert writable.operations()["insert"]("n", rows) == {"rowCount": 5000}
    assert len(harness.rows()) == 5003


def test_an_insert_that_fails_writes_nothing(harness: Harness, writable: Datasource) -> None:
    if not harness.has_transactions:
        pytest.skip("the database has no transactions")
    rows = [{"i": number, "t": "new"} for number in range(4, 2500)] + [{"i": 1, "t": "twice"}]

    with pytest.raises(QueryError):
        writable.operations()["insert"]("n", rows)
    assert harness.rows() == ROWS
    assert rows_of(writable, "select count(*) as c from n") == [{"c": 3}]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("n", None),
        ("n", "rows"),
        ("n", {"i": 4}),
        ("n", [4]),
        ("n", [{}]),
        ("n", [{"i": 4}, None]),
        (None, [{"i": 4}]),
        ("", [{"i": 4}]),
    ],
)
def test_what_is_no_list_of_objects_is_not_inserted(
    harness: Harness, writable: Datasource, table: Any, rows: Any
) -> None:
    with pytest.raises(ValidationFailedError):
        writable.operations()["insert"](table, rows)
    assert harness.rows() == ROWS


@pytest.mark.parametrize(
    ("table", "column"),
    [("nowhere", "i"), ("n", "nocolumn"), ("n; drop table n", "i"), ("n", 'i") values (9); --')],
)
def test_an_insert_into_what_is_not_there_is_a_query_error(
    harness: Harness, writable: Datasource, table: str, column: str
) -> None:
    with pytest.raises(QueryError):
        writable.operations()["insert"](table, [{column: 9}])
    assert harness.rows() == ROWS


def test_a_read_only_datasource_does_not_insert(harness: Harness, datasource: Datasource) -> None:
    with pytest.raises(ReadOnlyError):
        find_operation(datasource, "insert", name="db")
    with pytest.raises(ReadOnlyError):
        datasource.insert("n", [{"i": 4}])  # type: ignore[attr-defined]
    with pytest.raises(ReadOnlyError):
        arrow_writable(datasource).write_arrow("n", some_rows(1))
    assert harness.rows() == ROWS


def arrow_writable(datasource: Datasource) -> ArrowWritable:
    assert isinstance(datasource, ArrowWritable)
    return datasource


def some_rows(count: int, *, first: int = 1) -> pa.RecordBatchReader:
    """Rows with the columns i and t, in batches of 1000."""
    schema = pa.schema([("i", pa.int64()), ("t", pa.string())])

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(first, first + count, 1000):
            numbers = list(range(start, min(start + 1000, first + count)))
            texts = [None if number % 7 == 0 else f"ü {number}" for number in numbers]
            yield pa.RecordBatch.from_arrays([pa.array(numbers), pa.array(texts)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def expected_rows(count: int, *, first: int = 1) -> list[tuple[Any, ...]]:
    numbers = range(first, first + count)
    return [(number, None if number % 7 == 0 else f"ü {number}") for number in numbers]


def test_tables_are_written_in_each_mode(harness: Harness, writable: Datasource) -> None:
    harness.run("drop table if exists written")
    write = arrow_writable(writable).write_arrow

    assert write("written", some_rows(2500)) == 2500
    assert write("written", some_rows(10, first=2501), mode="append") == 10
    assert harness.rows("written") == expected_rows(2510)
    with pytest.raises(ConflictError, match="exists"):
        write("written", some_rows(1), mode="error")
    assert len(harness.rows("written")) == 2510
    assert write("written", some_rows(3), mode="replace") == 3
    assert harness.rows("written") == expected_rows(3)
    harness.run("drop table written")
    assert write("written", some_rows(2), mode="error") == 2
    assert write("written", some_rows(0), mode="replace") == 0
    assert harness.rows("written") == []
    harness.run("drop table written")


def test_a_table_is_appended_to_by_the_names_of_columns(
    harness: Harness, writable: Datasource
) -> None:
    harness.run("drop table if exists target")
    harness.run(harness.empty_table.format(table="target"))
    reader = some_rows(2).read_all().select(["t", "i"]).to_reader()

    assert arrow_writable(writable).write_arrow("target", reader) == 2
    assert harness.rows("target") == expected_rows(2)
    harness.run("drop table target")


def test_a_table_whose_rows_fail_is_not_written(harness: Harness, writable: Datasource) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield from some_rows(1500, first=10)
        raise QueryError("the source went away")

    reader = pa.RecordBatchReader.from_batches(some_rows(1).schema, failing())
    with pytest.raises(AnalysisSandboxError):
        arrow_writable(writable).write_arrow("n", reader)
    if harness.has_transactions:
        assert harness.rows() == ROWS
    assert rows_of(writable, "select 1 as one") == [{"one": 1}]


# ---- Discovery -------------------------------------------------------------------------------


def describable(datasource: Datasource) -> Describable:
    assert isinstance(datasource, Describable)
    return datasource


def test_the_catalog_lists_tables_and_views(harness: Harness, datasource: Datasource) -> None:
    harness.run("drop view if exists n_view")
    harness.run("create view n_view as select i from n")
    entries = {entry["name"]: entry for entry in describable(datasource).catalog()}
    harness.run("drop view n_view")

    assert entries["n"]["kind"] == "table"
    assert entries["n_view"]["kind"] == "view"
    assert entries["n"]["schema"]


def test_a_table_is_described_with_its_columns(datasource: Datasource) -> None:
    found = describable(datasource).describe("n")
    columns: Any = found["columns"]

    assert (found["name"], found["kind"]) == ("n", "table")
    assert [column["name"] for column in columns] == ["i", "t"]
    assert all(isinstance(column["type"], str) and column["type"] for column in columns)
    assert columns[1]["nullable"] is True


def test_where_nothing_may_be_written_a_writable_datasource_refuses_to(
    harness: Harness, tmp_path: Path
) -> None:
    config: Any = harness.config(access="read_write")
    place = (
        {"path": str(config.path)}
        if harness.type_name == "sqlite"
        else {"url": config.url.get_secret_value()}
    )
    entry = {"type": harness.type_name, "access": "read_write", **place}
    file = tmp_path / "datasources.yaml"
    file.write_text(json.dumps({"projects": {"p": {"db": entry}}}), encoding="utf-8")
    connections = Connections(DatasourceConfigurations(file))
    reading = DatasourceAccess(connections, project="p", declared=["db"], read_only=True)

    for operation, arguments in (
        ("query", ["delete from n where i = 1"]),
        ("execute", ["delete from n where i = 1"]),
        ("insert", ["n", [{"i": 4, "t": "four"}]]),
    ):
        with pytest.raises((ReadOnlyError, StatementRefusedError)):
            reading.call("db", operation, arguments)

    assert decode(str(reading.call("db", "query", ["select count(*) as c from n"]))) == [{"c": 3}]
    connections.close()
    assert harness.rows() == ROWS


def test_every_name_of_the_catalog_is_described_and_sampled(datasource: Datasource) -> None:
    for entry in describable(datasource).catalog():
        found = describable(datasource).describe(str(entry["name"]))
        assert found["kind"] == entry["kind"]
        assert isinstance(decode(describable(datasource).sample(str(entry["name"]))), list)


def test_a_sample_has_the_first_rows(datasource: Datasource) -> None:
    rows = decode(describable(datasource).sample("n", limit=2))

    assert len(rows) == 2
    assert set(rows[0]) == {"i", "t"}


@pytest.mark.parametrize("limit", [0, -1, 1_000_000])
def test_a_sample_is_small(datasource: Datasource, limit: int) -> None:
    with pytest.raises(ValidationFailedError):
        describable(datasource).sample("n", limit=limit)


@pytest.mark.parametrize("name", ["nn", "n; drop table n", "nowhere.n", '"n', "n'"])
def test_what_is_not_there_is_not_found(
    harness: Harness, datasource: Datasource, name: str
) -> None:
    with pytest.raises(NotFoundError, match="has no table or view"):
        describable(datasource).describe(name)
    with pytest.raises(NotFoundError):
        describable(datasource).sample(name)
    assert harness.rows() == ROWS


def test_a_misspelt_table_has_the_nearest_as_a_hint(
    harness: Harness, datasource: Datasource
) -> None:
    harness.run("drop table if exists customers")
    harness.run(harness.empty_table.format(table="customers"))
    with pytest.raises(NotFoundError) as caught:
        describable(datasource).describe("custmers")
    harness.run("drop table customers")

    assert caught.value.hint is not None
    assert "customers" in caught.value.hint


def test_a_datasource_can_be_tested(harness: Harness) -> None:
    for access in ("read_only", "read_write"):
        datasource = harness.open(access=access)
        assert isinstance(datasource, base.Testable)
        checks = datasource.test()
        by_name = {check.name: check for check in checks}
        assert checks[0].name == "connection"
        assert by_name["connection"].ok
        assert all(check.detail for check in checks)
        if access == "read_only":
            assert by_name["gate"].ok
            assert "session" in by_name
            assert "role" in by_name


def test_testing_what_is_away_says_so(harness: Harness) -> None:
    datasource = harness.type.open(harness.unreachable(), name="db")
    assert isinstance(datasource, base.Testable)

    (check,) = datasource.test()

    assert (check.name, check.ok) == ("connection", False)
    assert SECRET not in check.detail
