"""The commands about the warehouse."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis_sandbox.settings import load_settings
from analysis_sandbox.warehouse.client import Warehouse
from tests.api.twin import Installation
from tests.cli.conftest import Call


@pytest.mark.usefixtures("running")
def test_tables_are_listed_described_and_dropped(call: Call) -> None:
    tables, about = call("warehouse", "tables"), call("warehouse", "describe", "sales")
    assert tables.out.splitlines()[1].split() == ["sales", "table", "2", "1"]
    assert "VARCHAR" in about.out
    assert "1 rows" in about.err

    assert call("warehouse", "drop", "sales", "--yes").code == 0
    gone = call("warehouse", "drop", "sales", "--yes")
    assert gone.code == 1
    assert "no table 'sales'" in gone.err


@pytest.mark.usefixtures("running")
def test_a_drop_asks_first(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert call("warehouse", "drop", "sales").code == 1
    assert call("warehouse", "describe", "sales").code == 0


def test_sql_is_run_with_values(call: Call, running: Installation) -> None:
    rows = call("warehouse", "query", "FROM sales WHERE n = ? AND c = ?", "--param", "5",
                "--param", "Oslo")  # fmt: skip
    assert rows.out.splitlines()[0].split() == ["city", "total"]
    assert rows.out.splitlines()[1].split() == ["Oslo", "12.5"]
    assert running.warehouse.asked[0]["params"] == [5, "Oslo"]

    data = call("warehouse", "query", "FROM sales", "--json", "--timeout-ms", "100")
    assert data.json["row_count"] == 1
    assert call("warehouse", "exec", "VACUUM").code == 0
    assert [item["timeout_ms"] for item in running.warehouse.asked] == [None, 100, None]


@pytest.mark.usefixtures("running")
def test_the_shell_answers_statements_and_commands_of_a_pipe(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ".tables\n.describe sales\nFROM\n  sales;\nSELECT 1 AS rest\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    outcome = call("warehouse", "shell")

    assert outcome.code == 0
    assert "VARCHAR" in outcome.out
    assert "SELECT 1 AS rest" in outcome.out


@pytest.mark.usefixtures("running")
def test_the_shell_goes_on_after_an_error_and_tells_a_pipe(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("DROP TABLE sales;\n.nothing\nFROM sales;\n"))
    outcome = call("warehouse", "shell")

    assert outcome.code == 1
    assert "Only queries are allowed here" in outcome.err
    assert "Oslo" in outcome.out


@pytest.fixture
def filled(home: Path) -> Iterator[Warehouse]:
    """A warehouse of the home with one table, whose process ends with the test."""
    settings = load_settings(home)
    warehouse = Warehouse(settings, "default")
    with warehouse.session(memory_mb=256) as session:
        session.execute("CREATE TABLE t AS SELECT range AS n FROM range(1000)")
    yield warehouse
    with warehouse.session(memory_mb=256):
        owner = settings.warehouse_directory("default") / "default.lock"
        os.kill(int(owner.read_text(encoding="ascii")), signal.SIGTERM)


def test_a_warehouse_is_backed_up_restored_and_compacted(
    call: Call, filled: Warehouse, tmp_path: Path
) -> None:
    file = tmp_path / "copy.duckdb"
    assert call("warehouse", "backup", str(file)).code == 0
    assert call("warehouse", "backup", str(file)).code == 1
    with filled.session(memory_mb=256) as session:
        session.execute("DELETE FROM t")

    kept = call("warehouse", "restore", str(file), "--json").json["kept"]

    assert Path(kept).is_file()
    with filled.session(memory_mb=256) as session:
        assert session.query("SELECT count(*) AS n FROM t", max_bytes=100) == '[{"n":1000}]'
    assert set(call("warehouse", "compact", "--json").json) == {"before_bytes", "after_bytes"}
    missing = call("warehouse", "compact", "--project", "other")
    assert "has no warehouse yet" in missing.err
