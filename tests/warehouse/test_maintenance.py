"""Backup beside running work; restore and compact with the file alone."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.errors import (
    ConfigurationError,
    ConflictError,
    NotFoundError,
    TransientError,
)
from analysis_sandbox.warehouse.client import WarehouseSession
from analysis_sandbox.warehouse.maintenance import backup, compact, restore
from tests.warehouse.conftest import Home


def rows(session: WarehouseSession, sql: str) -> list[dict[str, Any]]:
    return json.loads(session.query(sql, max_bytes=100_000))


def fill(home: Home, sql: str = "CREATE TABLE t AS SELECT range AS id FROM range(1000)") -> None:
    with home.session() as session:
        session.execute(sql)


def count(home: Home) -> int:
    with home.session() as session:
        return rows(session, "SELECT count(*) AS n FROM t")[0]["n"]


def test_a_backup_holds_everything_as_of_one_moment(home: Home, tmp_path: Path) -> None:
    fill(
        home,
        "CREATE TABLE t AS SELECT range AS id FROM range(1000); CREATE VIEW v AS SELECT * FROM t;"
        "CREATE SEQUENCE ids START 7; CREATE INDEX i ON t (id); CREATE SCHEMA other;"
        "CREATE TABLE other.u (a INTEGER DEFAULT nextval('ids'))",
    )
    with home.session() as session:
        session.execute("BEGIN; DELETE FROM t")
        size = backup(home.settings, "default", tmp_path / "copies" / "one.duckdb")
        session.execute("ROLLBACK")
    assert size == (tmp_path / "copies" / "one.duckdb").stat().st_size > 0
    fill(home, "DROP VIEW v; DELETE FROM t")

    restore(home.settings, "default", tmp_path / "copies" / "one.duckdb")

    assert count(home) == 1000
    with home.session() as session:
        assert session.tables() == ["t", "v"]
        assert rows(session, "INSERT INTO other.u DEFAULT VALUES RETURNING a") == [{"a": 7}]


def test_work_goes_on_during_a_backup(home: Home, tmp_path: Path) -> None:
    fill(home, "CREATE TABLE t AS SELECT range AS id FROM range(2_000_000)")
    done = threading.Event()
    taken = threading.Thread(
        target=lambda: (backup(home.settings, "default", tmp_path / "b.duckdb"), done.set())
    )
    written = 0
    with home.session() as session:
        taken.start()
        while not done.is_set():
            session.execute("INSERT INTO t VALUES (-1)")
            written += 1
        taken.join()

    assert count(home) == 2_000_000 + written
    restore(home.settings, "default", tmp_path / "b.duckdb")
    assert 2_000_000 <= count(home) <= 2_000_000 + written


def test_a_backup_never_replaces_a_file(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious", encoding="utf-8")

    with pytest.raises(ConflictError, match="exists already"):
        backup(home.settings, "default", tmp_path / "mine")


def test_what_a_restore_replaces_is_kept(home: Home, tmp_path: Path) -> None:
    fill(home)
    backup(home.settings, "default", tmp_path / "b.duckdb")
    fill(home, "INSERT INTO t VALUES (1000)")

    kept = restore(home.settings, "default", tmp_path / "b.duckdb")
    assert count(home) == 1000
    assert kept is not None
    restore(home.settings, "default", kept)

    assert count(home) == 1001


def test_a_file_that_is_no_database_changes_nothing(home: Home, tmp_path: Path) -> None:
    fill(home)
    (tmp_path / "bad").write_text("garbage" * 1000, encoding="utf-8")

    with pytest.raises(ConfigurationError):
        restore(home.settings, "default", tmp_path / "bad")
    with pytest.raises(NotFoundError):
        restore(home.settings, "default", tmp_path / "missing")

    assert count(home) == 1000


def test_open_sessions_are_in_the_way_unless_forced(home: Home, tmp_path: Path) -> None:
    fill(home)
    backup(home.settings, "default", tmp_path / "b.duckdb")
    with home.session() as session:
        # A session that was never used may give way to the next process unseen.
        assert rows(session, "SELECT count(*) AS n FROM t") == [{"n": 1000}]
        with pytest.raises(ConflictError, match="1 sessions are open"):
            compact(home.settings, "default")
        assert rows(session, "SELECT count(*) AS n FROM t") == [{"n": 1000}]
        session.execute("BEGIN; DELETE FROM t")

        restore(home.settings, "default", tmp_path / "b.duckdb", force=True)

        with pytest.raises(TransientError):
            session.execute("COMMIT")
        assert rows(session, "SELECT count(*) AS n FROM t") == [{"n": 1000}]


def test_compacting_gives_the_space_of_deleted_rows_back(home: Home) -> None:
    fill(home, "CREATE TABLE t AS SELECT range AS id, hash(range) AS h FROM range(1_000_000)")
    fill(home, "CREATE OR REPLACE TABLE t AS SELECT * FROM t WHERE id < 10")

    sizes = compact(home.settings, "default")

    assert sizes.after < sizes.before / 2
    assert count(home) == 10


def test_a_project_without_a_warehouse_cannot_be_compacted(home: Home) -> None:
    with pytest.raises(NotFoundError, match="no warehouse yet"):
        compact(home.settings, "nobody")


def test_a_table_and_a_view_are_dropped_by_name(session: WarehouseSession) -> None:
    session.execute('CREATE OR REPLACE TABLE "od""d" AS SELECT 1 AS a')
    session.execute("CREATE OR REPLACE VIEW seen AS SELECT 1 AS a")

    session.drop("seen")
    session.drop('od"d')

    assert {"seen", 'od"d'}.isdisjoint(session.tables())
    with pytest.raises(NotFoundError, match="no table 'seen'"):
        session.drop("seen")
