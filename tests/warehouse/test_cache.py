"""Queries that may be answered with what they gave before."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false

import json
from collections.abc import Callable

import pyarrow as pa
import pytest

from analysis_sandbox.warehouse.client import WarehouseSession
from tests.warehouse.conftest import Home

# A new number with every real execution.
COUNTED = "SELECT nextval('executions') AS n, (SELECT count(*) FROM cached_t) AS t"


@pytest.fixture
def counted(session: WarehouseSession) -> Callable[[], tuple[int, int]]:
    session.execute(
        "CREATE OR REPLACE SEQUENCE executions; CREATE OR REPLACE TABLE cached_t (id INTEGER)"
    )

    def ask() -> tuple[int, int]:
        (row,) = json.loads(session.query(COUNTED, max_bytes=1000, cached=True))
        return row["n"], row["t"]

    return ask


def test_the_same_query_is_not_executed_again(counted: Callable[[], tuple[int, int]]) -> None:
    assert [counted(), counted(), counted()] == [(1, 0)] * 3


def test_parameters_and_the_wish_to_be_fresh_are_told_apart(session: WarehouseSession) -> None:
    sql = "SELECT $1 AS a"
    answers = [session.query(sql, [value], max_bytes=100, cached=True) for value in (1, 2, 1)]
    assert answers == ['[{"a":1}]', '[{"a":2}]', '[{"a":1}]']


CHANGES: dict[str, Callable[[WarehouseSession], object]] = {
    "insert": lambda session: session.execute("INSERT INTO cached_t VALUES (1)"),
    "returning": lambda session: session.query(
        "INSERT INTO cached_t VALUES (1) RETURNING id", max_bytes=99
    ),
    "transaction": lambda session: session.execute(
        "BEGIN; INSERT INTO cached_t VALUES (1); COMMIT"
    ),
    "append": lambda session: session.load("cached_t", one_row(), mode="append"),
    "replace": lambda session: session.load("cached_t", one_row()),
}


def one_row() -> pa.RecordBatchReader:
    return pa.table({"id": [1]}).to_reader()


@pytest.mark.parametrize("change", CHANGES)
def test_whoever_changed_something_sees_it(
    shared: Home, counted: Callable[[], tuple[int, int]], change: str
) -> None:
    assert counted() == (1, 0)
    with shared.session() as other:
        CHANGES[change](other)

    assert counted() == (2, 1)


def test_a_change_that_is_rolled_back_changes_nothing(
    session: WarehouseSession, counted: Callable[[], tuple[int, int]]
) -> None:
    counted()
    session.execute("BEGIN; INSERT INTO cached_t VALUES (1)")
    assert counted()[1] == 1
    session.execute("ROLLBACK")

    assert counted() == (1, 0)


def test_temporary_tables_are_never_remembered(shared: Home) -> None:
    answers: list[str] = []
    for value in (1, 2):
        with shared.session() as session:
            session.execute(f"CREATE TEMP TABLE mine AS SELECT {value} AS a")
            answers.append(session.query("SELECT a FROM mine", max_bytes=100, cached=True))

    assert answers == ['[{"a":1}]', '[{"a":2}]']


def test_a_long_result_is_remembered_whole(session: WarehouseSession) -> None:
    sql = "SELECT range AS a, hash(range)::VARCHAR AS h FROM range(200_000)"

    first = session.query(sql, max_bytes=20_000_000, cached=True)

    assert session.query(sql, max_bytes=20_000_000, cached=True) == first
