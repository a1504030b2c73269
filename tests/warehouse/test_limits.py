"""Time, memory and size of calls, and ending them from outside."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import contextlib
import json
import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from analysis_sandbox.errors import (
    CancelledError,
    LimitExceededError,
    QueryError,
    ResultTooLargeError,
    UnavailableError,
)
from analysis_sandbox.warehouse.client import WarehouseSession
from tests.warehouse.client_process import ENDLESS
from tests.warehouse.conftest import Home

ENDLESS_ROWS = "SELECT i, repeat('x', 100) AS text FROM range(1000000000000) t(i)"


@pytest.fixture
def hurried(shared: Home, session: WarehouseSession) -> Iterator[WarehouseSession]:
    session.close()
    with shared.session(timeout_ms=300) as hurried:
        yield hurried


@pytest.mark.parametrize(
    "sql", [ENDLESS, "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT 1 FROM r) FROM r"]
)
def test_a_call_past_its_time_ends_with_the_figure(hurried: WarehouseSession, sql: str) -> None:
    with pytest.raises(LimitExceededError, match="longer than the 300 ms allowed") as caught:
        hurried.query(sql, max_bytes=1 << 30)

    assert caught.value.details == {"limit": "timeout_ms", "allowed": 300}
    assert hurried.query("SELECT 1 AS a", max_bytes=100) == '[{"a":1}]'


def test_a_statement_past_its_time_leaves_no_table(hurried: WarehouseSession) -> None:
    with pytest.raises(LimitExceededError):
        hurried.execute(f"CREATE TABLE t AS {ENDLESS}")

    assert hurried.tables() == []


def test_the_transaction_of_an_overdue_statement_stores_nothing(hurried: WarehouseSession) -> None:
    hurried.execute("CREATE TABLE t (a INT)")
    hurried.execute("BEGIN; INSERT INTO t VALUES (1)")
    with pytest.raises(LimitExceededError):
        hurried.query(ENDLESS, max_bytes=100)

    hurried.execute("ROLLBACK")

    assert hurried.query("SELECT * FROM t", max_bytes=100) == "[]"


def test_a_load_from_a_source_without_end_ends_in_time(hurried: WarehouseSession) -> None:
    schema = pa.schema([("a", pa.int64())])
    pause = threading.Event()

    def slow() -> Iterator[pa.RecordBatch]:
        while not pause.wait(0.01):
            yield pa.record_batch([pa.array([1])], schema=schema)

    with pytest.raises(LimitExceededError, match="300 ms"):
        hurried.load("t", pa.RecordBatchReader.from_batches(schema, slow()))

    assert hurried.tables() == []


@pytest.mark.parametrize("sql", [ENDLESS, ENDLESS_ROWS])
def test_another_thread_can_interrupt_a_call(session: WarehouseSession, sql: str) -> None:
    errors: list[Exception] = []

    def work() -> None:
        try:
            session.query(sql, max_bytes=1 << 40)
        except CancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        session.interrupt()
        thread.join(0.02)

    assert [error.args for error in errors] == [
        ("The call to the warehouse was interrupted and rolled back",)
    ]
    assert session.query("SELECT 1 AS a", max_bytes=100) == '[{"a":1}]'


def test_an_interrupt_of_nothing_does_nothing(session: WarehouseSession) -> None:
    session.interrupt()
    session.execute("CREATE TABLE t (a INT)")
    session.interrupt()

    assert session.tables() == ["t"]


def test_closing_a_session_ends_the_call_another_thread_has_in_progress(shared: Home) -> None:
    session = shared.session()
    errors: list[Exception] = []

    def work() -> None:
        try:
            session.query(ENDLESS, max_bytes=1000)
        except UnavailableError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    session.close()
    thread.join(30)

    (error,) = errors
    assert "closed" in str(error)


def test_an_interrupted_commit_leaves_no_transaction_open(session: WarehouseSession) -> None:
    session.execute("CREATE TABLE t (a INT)")
    for _ in range(20):
        session.execute("BEGIN; INSERT INTO t SELECT range FROM range(10000)")
        stop = threading.Event()

        def press(stop: threading.Event = stop) -> None:
            while not stop.is_set():
                session.interrupt()

        thread = threading.Thread(target=press)
        thread.start()
        try:
            session.execute("COMMIT")
        except CancelledError:
            pass
        finally:
            stop.set()
            thread.join()
        # Whether it was committed or not: the session is outside a transaction, or says it is in.
        with contextlib.suppress(QueryError):
            session.execute("ROLLBACK")
        session.execute("BEGIN; COMMIT")


def test_calls_of_one_session_wait_for_each_other(session: WarehouseSession) -> None:
    session.execute("CREATE TABLE t (a INT)")

    def work(number: int) -> None:
        for _ in range(10):
            session.execute(f"INSERT INTO t VALUES ({number})")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert session.query("SELECT count(*) AS n FROM t", max_bytes=100) == '[{"n":40}]'


def test_the_size_of_a_result_is_bounded_exactly(session: WarehouseSession) -> None:
    sql = "SELECT i, 'ünïcode \"quoted\"' AS t FROM range(100000) t(i)"
    text = session.query(sql, max_bytes=50 << 20)
    assert len(json.loads(text)) == 100_000

    assert session.query(sql, max_bytes=len(text)) == text
    with pytest.raises(ResultTooLargeError):
        session.query(sql, max_bytes=len(text) - 1)


def test_a_result_that_is_too_large_says_how_large_and_what_to_do(
    session: WarehouseSession,
) -> None:
    with pytest.raises(ResultTooLargeError) as caught:
        session.query("SELECT repeat('x', 13 << 20) AS t", max_bytes=10 << 20)

    assert caught.value.message == (
        "Result size 13.1MB exceeds 10MB limit. Use DuckDB to save large results to a datasource."
    )


def test_the_server_stops_producing_once_the_result_is_too_large(
    session: WarehouseSession,
) -> None:
    with pytest.raises(ResultTooLargeError):
        session.query(ENDLESS_ROWS, max_bytes=1 << 20)

    assert session.query("SELECT 1 AS a", max_bytes=100) == '[{"a":1}]'


def test_a_result_too_large_within_a_transaction_keeps_the_transaction(
    session: WarehouseSession,
) -> None:
    session.execute("CREATE TABLE t (a INT); BEGIN; INSERT INTO t VALUES (1)")
    with pytest.raises(ResultTooLargeError):
        session.query(ENDLESS_ROWS, max_bytes=1 << 20)

    session.execute("COMMIT")

    assert session.query("SELECT * FROM t", max_bytes=100) == '[{"a":1}]'


def test_a_statement_beyond_the_memory_is_a_limit_error_and_harms_nobody(home: Home) -> None:
    home.configure(warehouse_memory_mb=100)
    with home.session() as session:
        with pytest.raises(LimitExceededError, match="needs more memory") as caught:
            session.query("SELECT len(list(range)) AS n FROM range(100000000)", max_bytes=1000)

        assert caught.value.details == {"limit": "duckdb_memory_mb"}
        assert session.query("SELECT 1 AS a", max_bytes=100) == '[{"a":1}]'
