"""Behaviour every SQL datasource type shares. One test, every type."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from analysis_sandbox.datasources.base import ArrowReadable, Datasource, find_operation
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from tests.datasources.harnesses import ROWS, Harness, rows_of

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
    assert find_operation(writable, "execute", name="db")("delete from n", None) == {"rowCount": 3}


@pytest.mark.parametrize("sql", ["delete from n", "insert into n values (4, 'four')"])
def test_a_read_only_datasource_refuses_writes(
    harness: Harness, datasource: Datasource, sql: str
) -> None:
    with pytest.raises(ReadOnlyError) as caught:
        rows_of(datasource, sql)

    assert caught.value.message == READ_ONLY
    assert harness.rows() == ROWS


def test_query_may_write_where_it_is_allowed(harness: Harness, writable: Datasource) -> None:
    upsert = (
        "insert into n values ($1, $2) on conflict (i) do update set t = excluded.t returning *"
    )

    assert rows_of(writable, upsert, [3, "drei"]) == [{"i": 3, "t": "drei"}]
    assert harness.rows()[-1] == (3, "drei")


def test_execute_tells_how_many_rows_it_touched(harness: Harness, writable: Datasource) -> None:
    execute = writable.operations()["execute"]

    assert execute("update n set t = ? where i > ?", ["x", 1]) == {"rowCount": 2}
    assert harness.rows() == [(1, "one"), (2, "x"), (3, "x")]


@pytest.mark.parametrize("access", ["read_only", "read_write"])
def test_more_than_one_statement_is_refused(harness: Harness, access: str) -> None:
    datasource = harness.open(access=access)

    with pytest.raises((StatementRefusedError, QueryError)):
        rows_of(datasource, "select 1; delete from n")

    assert harness.rows() == ROWS


def test_a_transaction_cannot_span_calls(harness: Harness, writable: Datasource) -> None:
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


def test_columns_of_the_same_name_stay_apart(datasource: Datasource) -> None:
    assert rows_of(datasource, "select 1 as a, 2 as a, 3 as a_2, 4 as a") == [
        {"a": 1, "a_2": 3, "a_3": 2, "a_4": 4}
    ]


def test_a_name_that_looks_like_a_tag_is_data(datasource: Datasource) -> None:
    assert rows_of(datasource, "select 'x' as \"\ue000bytes\"") == [{"\ue000bytes": "x"}]


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
    delete = "delete from n returning i"
    with pytest.raises(ReadOnlyError), arrow(datasource).read_arrow(delete):
        pass
    with pytest.raises(StatementRefusedError), arrow(writable).read_arrow(delete):
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
