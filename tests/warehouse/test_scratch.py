"""Scratch sessions: a private database in memory beside the project's tables."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
import signal
from collections.abc import Iterator

import pyarrow as pa
import pytest

from analysis_sandbox.errors import QueryError, StatementRefusedError, UnavailableError
from analysis_sandbox.warehouse.client import WarehouseSession
from tests.warehouse.conftest import Eventually, Home


@pytest.fixture
def scratch(shared: Home) -> Iterator[WarehouseSession]:
    with shared.warehouse().session(memory_mb=256, timeout_ms=60_000, scratch=True) as session:
        yield session


def rows(session: WarehouseSession, sql: str) -> list[dict[str, object]]:
    return json.loads(session.query(sql, max_bytes=100_000))


def test_tables_made_in_a_scratch_session_are_its_own(
    shared: Home, session: WarehouseSession, scratch: WarehouseSession
) -> None:
    scratch.execute("CREATE TABLE users (id INTEGER, name VARCHAR)")
    assert rows(scratch, "INSERT INTO users VALUES (1, 'Alice') RETURNING id") == [{"id": 1}]
    scratch.execute("CREATE VIEW names AS SELECT name FROM users")

    assert scratch.tables() == ["names", "users"]
    assert scratch.describe("users").row_count == 1
    assert "users" not in session.tables()
    with shared.warehouse().session(memory_mb=256, scratch=True) as other:
        assert other.tables() == []


def test_a_scratch_session_ends_without_a_trace(
    shared: Home, session: WarehouseSession, eventually: Eventually
) -> None:
    foreign = "SELECT * FROM duckdb_tables() WHERE database_name <> current_database()"
    with shared.warehouse().session(memory_mb=256, scratch=True) as scratch:
        scratch.load("loaded", pa.table({"a": [1]}).to_reader())
        scratch.execute("BEGIN; CREATE TABLE gone AS SELECT 1 AS a")
        assert len(rows(session, foreign)) == 1

    eventually(lambda: rows(session, foreign) == [])


def test_it_reads_the_projects_tables_by_name(
    session: WarehouseSession, scratch: WarehouseSession
) -> None:
    session.execute("CREATE OR REPLACE TABLE sales AS SELECT range AS id FROM range(10)")

    scratch.execute("CREATE TABLE few AS SELECT * FROM project.sales WHERE id < 3")

    assert rows(scratch, "SELECT count(*) AS n FROM few JOIN project.main.sales USING (id)") == [
        {"n": 3}
    ]
    assert rows(session, "SELECT count(*) AS n FROM project.sales") == [{"n": 10}]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO project.sales VALUES (1)",
        "UPDATE project.sales SET id = 1",
        "DELETE FROM project.main.sales",
        "CREATE OR REPLACE TABLE project.sales AS SELECT 1 AS id",
        'CREATE TABLE "PROJECT".other (a INTEGER)',
        "CREATE VIEW project.v AS SELECT 1",
        "CREATE INDEX i ON project.sales (id)",
        "DROP TABLE project.sales",
        "DROP TABLE IF EXISTS project . main . sales",
        "ALTER TABLE project.sales ADD COLUMN b INTEGER",
        "TRUNCATE project.sales",
        "WITH gone AS (SELECT 1) DELETE FROM project.sales USING gone",
        "MERGE INTO project.sales AS s USING few ON s.id = few.id WHEN MATCHED THEN DELETE",
        "COMMENT ON TABLE project.sales IS 'x'",
        "EXPLAIN ANALYZE INSERT INTO project.sales VALUES (1)",
        "SELECT 1; INSERT INTO project.sales VALUES (1)",
    ],
)
def test_the_projects_tables_cannot_be_changed_from_it(scratch: WarehouseSession, sql: str) -> None:
    with pytest.raises(StatementRefusedError, match="can only be read here"):
        scratch.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO few SELECT * FROM project.sales",
        "UPDATE few SET id = s.id FROM project.sales AS s WHERE few.id = s.id",
        "DELETE FROM few USING project.sales AS s WHERE few.id = s.id",
        "CREATE TABLE copied AS SELECT * FROM project.sales",
    ],
)
def test_changes_of_its_own_tables_may_read_the_projects(
    session: WarehouseSession, scratch: WarehouseSession, sql: str
) -> None:
    session.execute("CREATE OR REPLACE TABLE sales AS SELECT range AS id FROM range(10)")
    scratch.execute("CREATE TABLE few AS SELECT 1::BIGINT AS id")

    scratch.execute(sql)


def test_nobody_names_the_scratch_database_of_another(
    session: WarehouseSession, scratch: WarehouseSession
) -> None:
    scratch.execute("CREATE TABLE secret AS SELECT 42 AS answer")
    (found,) = rows(
        session, "SELECT database_name AS d FROM duckdb_tables() WHERE table_name = 'secret'"
    )

    with pytest.raises(StatementRefusedError):
        session.query(f'SELECT * FROM "{found["d"]}".main.secret', max_bytes=100)
    with pytest.raises(StatementRefusedError):
        session.query(f"SELECT * FROM {found['d']}.secret", max_bytes=100)


def test_a_lost_scratch_session_says_what_was_lost(home: Home) -> None:
    with home.warehouse().session(memory_mb=256, timeout_ms=60_000, scratch=True) as scratch:
        scratch.execute("CREATE TABLE users AS SELECT 1 AS id")
        home.kill(signal.SIGKILL)
        home.wait_for_end()

        with pytest.raises(UnavailableError):
            scratch.query("SELECT * FROM users", max_bytes=100)
        with pytest.raises(QueryError, match="users"):
            scratch.query("SELECT * FROM users", max_bytes=100)


def test_a_stream_of_rows_can_be_read_as_arrow(session: WarehouseSession) -> None:
    with session.read_arrow("SELECT range AS id FROM range(?)", [100_000]) as reader:
        table = reader.read_all()

    assert table.num_rows == 100_000
    assert table.column("id")[99_999].as_py() == 99_999


def test_a_stream_that_is_left_early_frees_the_session(session: WarehouseSession) -> None:
    with session.read_arrow("SELECT range AS id FROM range(1_000_000)") as reader:
        assert reader.read_next_batch().num_rows > 0

    assert rows(session, "SELECT 1 AS one") == [{"one": 1}]
