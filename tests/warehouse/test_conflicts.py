"""Sessions that write the same rows at once."""

import json
import threading

import pytest

from analysis_sandbox.errors import WriteConflictError
from analysis_sandbox.warehouse.client import WarehouseSession
from tests.warehouse.conftest import Home


def counter(session: WarehouseSession) -> int:
    return json.loads(session.query("SELECT n FROM counter", max_bytes=100))[0]["n"]


@pytest.fixture
def other(shared: Home, session: WarehouseSession) -> WarehouseSession:
    session.execute("CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER)")
    session.execute("INSERT INTO counter VALUES (1, 0)")
    return shared.session()


def together(shared: Home, statement: str, *, sessions: int, times: int) -> list[Exception]:
    barrier = threading.Barrier(sessions)
    errors: list[Exception] = []

    def work() -> None:
        with shared.session() as session:
            barrier.wait()
            for _ in range(times):
                try:
                    session.execute(statement)
                except Exception as error:  # noqa: BLE001
                    errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_no_update_of_a_shared_row_is_lost(shared: Home, other: WarehouseSession) -> None:
    errors = together(shared, "UPDATE counter SET n = n + 1 WHERE id = 1", sessions=8, times=25)

    assert errors == []
    assert counter(other) == 200
    other.close()


def test_everyone_may_replace_the_same_table(shared: Home, other: WarehouseSession) -> None:
    errors = together(
        shared,
        "CREATE OR REPLACE TABLE daily AS SELECT n FROM counter;"
        "CREATE OR REPLACE VIEW latest AS SELECT * FROM daily",
        sessions=6,
        times=8,
    )

    assert errors == []
    assert other.tables() == ["counter", "daily", "latest"]
    other.close()


def test_a_queue_hands_out_every_item_once(shared: Home, other: WarehouseSession) -> None:
    other.execute(
        "CREATE TABLE queue AS SELECT range AS id, NULL::INTEGER AS taken_by FROM range(60)"
    )
    taken: list[int] = []

    def work(worker: int) -> None:
        take = (
            f"UPDATE queue SET taken_by = {worker} WHERE id = "
            "(SELECT min(id) FROM queue WHERE taken_by IS NULL) RETURNING id"
        )
        with shared.session() as session:
            while rows := json.loads(session.query(take, max_bytes=1000)):
                taken.append(rows[0]["id"])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == list(range(60))
    other.close()


def test_a_conflict_within_a_transaction_is_the_caller_s_to_repeat(
    session: WarehouseSession, other: WarehouseSession
) -> None:
    session.execute("BEGIN")
    session.execute("UPDATE counter SET n = 1")
    other.execute("BEGIN")

    with pytest.raises(WriteConflictError, match="Conflict on update") as caught:
        other.execute("UPDATE counter SET n = 2")

    assert caught.value.transient
    session.execute("COMMIT")
    with pytest.raises(WriteConflictError, match="nothing of it is stored"):
        other.execute("COMMIT")
    other.execute("BEGIN; UPDATE counter SET n = n + 10; COMMIT")
    assert counter(other) == 11
    other.close()


def test_a_statement_alone_gives_up_against_a_transaction_that_does_not_end(
    session: WarehouseSession, other: WarehouseSession
) -> None:
    session.execute("BEGIN; UPDATE counter SET n = 1")

    with pytest.raises(WriteConflictError):
        other.execute("UPDATE counter SET n = 2")

    session.execute("ROLLBACK")
    other.execute("UPDATE counter SET n = 3")
    assert counter(other) == 3
    other.close()
