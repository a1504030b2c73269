"""What a session does: statements, transactions across calls, parameters, tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from analysis_sandbox.errors import (
    NotFoundError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.warehouse.client import WarehouseSession
from analysis_sandbox.warehouse.model import ColumnInfo
from tests.warehouse.conftest import Home

LIMIT = 1 << 20
EVENTS = (Path(__file__).parent / "events.sql").read_text(encoding="utf-8")


def rows(
    session: WarehouseSession,
    sql: str,
    params: Sequence[object] | Mapping[str, object] | None = None,
) -> list[dict[str, object]]:
    return json.loads(session.query(sql, params, max_bytes=LIMIT))


@pytest.mark.usefixtures("session")
def test_tables_outlive_the_session_that_made_them(shared: Home) -> None:
    with shared.session() as first:
        first.execute("CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a + 1 AS b FROM t")

    with shared.session() as second:
        assert rows(second, "SELECT * FROM v") == [{"b": 2}]


def test_a_script_of_an_analysis_runs_as_it_is_written(session: WarehouseSession) -> None:
    for statement in EVENTS.split("-- next\n"):
        session.execute(statement)

    assert rows(session, "SELECT count(*) AS n FROM events_clean") == [{"n": 3}]
    assert rows(
        session, "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY event_count) AS m FROM latest"
    ) == [{"m": 1}]
    assert rows(session, "SELECT payload->>'$.a' AS a, created_at < NOW() AS past FROM queue") == [
        {"a": "it's", "past": True}
    ]


def test_a_transaction_holds_across_calls(shared: Home, session: WarehouseSession) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.execute("BEGIN TRANSACTION")
    session.execute("INSERT INTO t VALUES (1)")

    with shared.session() as other:
        assert rows(other, "SELECT * FROM t") == []
        session.execute("COMMIT")
        assert rows(other, "SELECT * FROM t") == [{"a": 1}]


def test_rollback_undoes_every_call_since_begin(session: WarehouseSession) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.execute("BEGIN")
    session.execute("INSERT INTO t VALUES (1)")
    session.execute("CREATE TABLE u AS SELECT * FROM t")
    session.execute("ROLLBACK")

    assert session.tables() == ["t"]
    assert rows(session, "SELECT * FROM t") == []


@pytest.mark.usefixtures("session")
def test_closing_a_session_rolls_its_transaction_back(shared: Home) -> None:
    with shared.session() as first:
        first.execute("CREATE TABLE t (a INTEGER)")
        first.execute("BEGIN; INSERT INTO t VALUES (1)")

    with shared.session() as second:
        assert rows(second, "SELECT * FROM t") == []


def test_commit_after_a_failed_statement_is_an_error_that_says_nothing_is_stored(
    session: WarehouseSession,
) -> None:
    session.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    session.execute("BEGIN; INSERT INTO t VALUES (1)")
    with pytest.raises(QueryError):
        session.execute("INSERT INTO t VALUES (1)")

    with pytest.raises(QueryError, match="nothing of it is stored") as caught:
        session.execute("COMMIT")

    assert "duplicate key" in caught.value.message
    assert rows(session, "SELECT * FROM t") == []
    session.execute("BEGIN; INSERT INTO t VALUES (2); COMMIT")
    assert rows(session, "SELECT * FROM t") == [{"a": 2}]


def test_begin_within_a_transaction_leaves_the_transaction_as_it_is(
    session: WarehouseSession,
) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.execute("BEGIN; INSERT INTO t VALUES (1)")
    with pytest.raises(QueryError, match="open already"):
        session.execute("BEGIN")

    session.execute("COMMIT")

    assert rows(session, "SELECT * FROM t") == [{"a": 1}]


def test_an_error_says_which_of_several_statements_failed(session: WarehouseSession) -> None:
    with pytest.raises(QueryError, match=r"Statement 2 of 3: .*nowhere does not exist"):
        session.execute("CREATE TABLE t (a INT); INSERT INTO nowhere VALUES (1); DROP TABLE t")

    assert session.tables() == ["t"]


def test_a_query_is_one_statement(session: WarehouseSession) -> None:
    with pytest.raises(StatementRefusedError, match="this text has 2"):
        session.query("SELECT 1; SELECT 2", max_bytes=LIMIT)


def test_a_query_without_rows_says_how_many_it_touched(session: WarehouseSession) -> None:
    assert rows(session, "CREATE TABLE t (a INT)") == []
    answer = session.query("INSERT INTO t VALUES (?), (?)", [1, 2], max_bytes=LIMIT)
    assert answer == '[{"Count":2}]'
    assert rows(session, "UPDATE t SET a = 3") == [{"Count": 2}]


def test_a_transaction_may_be_begun_and_ended_by_queries(
    shared: Home, session: WarehouseSession
) -> None:
    session.execute("CREATE TABLE t (a INT)")
    assert rows(session, "BEGIN TRANSACTION") == []
    assert rows(session, "INSERT INTO t VALUES (1)") == [{"Count": 1}]
    with pytest.raises(QueryError, match="open already"):
        session.execute("BEGIN")
    assert rows(session, "ROLLBACK") == []

    assert rows(session, "SELECT * FROM t") == []


def test_a_change_with_returning_is_stored_with_its_rows(
    shared: Home, session: WarehouseSession
) -> None:
    session.execute("CREATE TABLE t (a INTEGER, b VARCHAR DEFAULT 'x')")

    assert rows(session, "INSERT INTO t(a) VALUES (1), (2) RETURNING a, b") == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "x"},
    ]
    moved = "WITH gone AS (DELETE FROM t WHERE a = 1 RETURNING a) SELECT * FROM gone"
    assert rows(session, moved) == [{"a": 1}]
    with shared.session() as other:
        assert rows(other, "SELECT a FROM t") == [{"a": 2}]


@pytest.mark.parametrize(
    ("sql", "params", "value"),
    [
        ("SELECT $1 + $2 AS v", [1, 2.5], 3.5),
        ("SELECT ? AS v", [None], None),
        ("SELECT $a || $b AS v", {"a": "x", "b": "y"}, "xy"),
        ("SELECT DATE '2024-01-05' >= ? AS v", ["2024-01-04"], True),
        ("SELECT TIMESTAMP '2024-01-05 10:00:00' = ? AS v", ["2024-01-05T10:00:00.000Z"], True),
        ("SELECT TIMESTAMPTZ '2024-01-05 10:00:00Z' = ? AS v", ["2024-01-05T12:00:00+02:00"], True),
        ("SELECT ? = 9223372036854775807 AS v", [2**63 - 1], True),
        ("SELECT ? = 170141183460469231731687303715884105727::HUGEINT AS v", [2**127 - 1], True),
        ("SELECT list_contains($1, 3) AS v", [[1, 2, 3]], True),
        ("SELECT ($1).a.b AS v", [{"a": {"b": 7}}], 7),
        ("SELECT octet_length($1) AS v", [b"\x00\x01\xff"], 3),
        ("SELECT length($1) AS v", ["\ue000bytes ünïcode"], 14),
        ("SELECT $1 IS NULL AS v", [float("nan")], True),
    ],
)
def test_parameters_arrive_as_what_they_are(
    session: WarehouseSession, sql: str, params: list[object] | dict[str, object], value: object
) -> None:
    assert rows(session, sql, params) == [{"v": value}]


def test_wrong_parameters_are_query_errors(session: WarehouseSession) -> None:
    with pytest.raises(QueryError, match="Values were not provided"):
        rows(session, "SELECT ?, ?", [1])
    with pytest.raises(QueryError, match="excess parameters"):
        rows(session, "SELECT $a", {"a": 1, "b": 2})


def test_describe_tells_columns_rows_and_size(session: WarehouseSession) -> None:
    session.execute(
        'CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, "a b" DECIMAL(10,2), l VARCHAR[]);'
        'INSERT INTO "odd ""name" SELECT range, range, [] FROM range(1000)'
    )

    info = session.describe('odd "name')

    assert info.columns == (
        ColumnInfo("id", "INTEGER", nullable=False),
        ColumnInfo("a b", "DECIMAL(10,2)", nullable=True),
        ColumnInfo("l", "VARCHAR[]", nullable=True),
    )
    assert info.row_count == 1000
    assert info.size_bytes > 10_000
    assert info.for_script()["rowCount"] == 1000


def test_describe_speaks_of_views_too(session: WarehouseSession) -> None:
    session.execute("CREATE VIEW v AS SELECT * FROM range(7) t(i)")

    info = session.describe("v")

    assert (info.row_count, info.size_bytes) == (7, 0)
    assert info.columns == (ColumnInfo("i", "BIGINT", nullable=True),)


def test_describing_an_unknown_table_names_the_known_ones(session: WarehouseSession) -> None:
    session.execute("CREATE TABLE orders (a INT); CREATE TEMP TABLE scratch (a INT)")

    with pytest.raises(NotFoundError, match=r"no table 'order'\. It has: orders$"):
        session.describe("order")


def test_temporary_tables_are_the_session_s_own(shared: Home, session: WarehouseSession) -> None:
    session.execute("CREATE TEMP TABLE scratch AS SELECT 1 AS a")

    assert rows(session, "SELECT * FROM scratch") == [{"a": 1}]
    assert session.tables() == []
    with shared.session() as other, pytest.raises(QueryError, match="does not exist"):
        rows(other, "SELECT * FROM scratch")


def test_a_closed_session_says_so_and_may_be_closed_again(session: WarehouseSession) -> None:
    session.close()
    session.close()

    with pytest.raises(UnavailableError, match="closed"):
        session.execute("SELECT 1")


def test_the_name_of_a_project_cannot_be_a_path(shared: Home) -> None:
    with pytest.raises(ValidationFailedError, match="cannot be the name of a project"):
        shared.session("../other")
