"""How DuckDB is opened, and what its errors become."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    LimitExceededError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
    WriteConflictError,
)
from analysis_sandbox.warehouse.engine import Engine, first_word, run, written_table


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with contextlib.closing(Engine.open(tmp_path, "p", memory_mb=300)) as engine:
        yield engine


@pytest.fixture
def cursor(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(engine.cursor(64)) as cursor:
        yield cursor


def setting(cursor: duckdb.DuckDBPyConnection, name: str) -> object:
    row = cursor.execute("SELECT current_setting(?)", [name]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lock_configuration", True),
        ("enable_external_access", False),
        ("autoinstall_known_extensions", False),
        ("autoload_known_extensions", False),
        ("python_enable_replacements", False),
        ("preserve_insertion_order", True),
        ("TimeZone", "UTC"),
        ("checkpoint_threshold", "1.0 GiB"),
        ("memory_limit", "300.0 MiB"),
        ("operator_memory_limit", "64.0 MiB"),
        ("threads", min(8, os.cpu_count() or 1)),
    ],
)
def test_the_configuration_is_fixed(
    cursor: duckdb.DuckDBPyConnection, name: str, value: object
) -> None:
    assert setting(cursor, name) == value


def test_the_time_zone_is_utc_wherever_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with (
            contextlib.closing(Engine.open(tmp_path, "tokyo")) as engine,
            contextlib.closing(engine.cursor(64)) as cursor,
        ):
            assert setting(cursor, "TimeZone") == "UTC"
            row = cursor.execute("SELECT TIMESTAMPTZ '2024-01-01 00:00:00'::VARCHAR").fetchone()
            assert row == ("2024-01-01 00:00:00+00",)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_each_session_has_a_memory_limit_of_its_own(engine: Engine) -> None:
    with (
        contextlib.closing(engine.cursor(16)) as small,
        contextlib.closing(engine.cursor(128)) as large,
    ):
        assert setting(small, "operator_memory_limit") == "16.0 MiB"
        assert setting(large, "operator_memory_limit") == "128.0 MiB"


def test_a_sort_beyond_its_memory_goes_to_the_warehouse_s_own_directory(
    engine: Engine, cursor: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    directory = setting(cursor, "temp_directory")
    sorting = "SELECT hash(i) AS h, repeat('x', 50) AS t FROM range(1000000) t(i) ORDER BY h"

    (count,) = cursor.execute(f"SELECT count(*) FROM ({sorting} LIMIT 999999)").fetchone() or (0,)

    assert count == 999_999
    assert directory == str(tmp_path / "tmp")


@pytest.mark.parametrize("name", ["memory_limit", "allowed_configs", "threads", "temp_directory"])
def test_nothing_else_can_be_set(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        run(cursor, f"RESET {name}")


def test_without_a_setting_the_memory_is_a_share_of_the_machine_s(tmp_path: Path) -> None:
    with (
        contextlib.closing(Engine.open(tmp_path, "q")) as engine,
        contextlib.closing(engine.cursor(64)) as cursor,
    ):
        text = str(setting(cursor, "memory_limit"))

    amount, unit = text.split()
    mebibytes = float(amount) * {"MiB": 1, "GiB": 1024}[unit]
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    assert mebibytes <= min(8192, machine * 0.7) + 1


NO_SPACE = 'Failed to commit: Could not write file "x.wal": No space left on device'
DUPLICATE = 'Failed to commit: PRIMARY KEY or UNIQUE constraint violation: duplicate key "1"'


@pytest.mark.parametrize(
    ("text", "kind", "breaks"),
    [
        ("TransactionContext Error: Conflict on update!", WriteConflictError, False),
        ("TransactionContext Error: Catalog write-write conflict", WriteConflictError, False),
        (f"TransactionContext Error: {DUPLICATE}", WriteConflictError, False),
        ("TransactionContext Error: no transaction is active", QueryError, False),
        (f"TransactionContext Error: {NO_SPACE}", UnavailableError, True),
        ("FATAL Error: fsync failed!", UnavailableError, True),
        ("INTERNAL Error: an assertion", QueryError, False),
        ("Out of Memory Error: failed to allocate data", LimitExceededError, False),
        ('Permission Error: Cannot access file "x"', StatementRefusedError, False),
        ("Conversion Error: Could not convert 'could not write'", QueryError, False),
        ("Invalid Input Error: boom", QueryError, False),
        ("anything else", QueryError, False),
    ],
)
def test_an_error_of_duckdb_becomes_one_of_ours(
    engine: Engine, text: str, kind: type[AnalysisSandboxError], breaks: bool
) -> None:
    error = engine.translate(OSError(text))

    assert type(error) is kind
    assert engine.is_broken == breaks


def test_errors_do_not_tell_where_the_files_are(engine: Engine, tmp_path: Path) -> None:
    error = engine.translate(duckdb.IOException(f'IO Error: Cannot open "{tmp_path}/p.duckdb"'))

    assert str(tmp_path) not in error.message


@pytest.mark.parametrize(
    ("sql", "word", "table"),
    [
        ("UPDATE t SET a = 1", "UPDATE", "t"),
        ("/* c */ -- d\n update T set a = 1", "UPDATE", "t"),
        ("INSERT OR REPLACE INTO t VALUES (1)", "INSERT", "t"),
        ("DELETE FROM t", "DELETE", "t"),
        ("CREATE OR REPLACE TABLE t AS SELECT 1", "CREATE", "t"),
        ("CREATE INDEX i ON t(a)", "CREATE", "create"),
        ("ROLLBACK", "ROLLBACK", "rollback"),
    ],
)
def test_a_statement_s_first_word_and_table_are_found(
    cursor: duckdb.DuckDBPyConnection, sql: str, word: str, table: str
) -> None:
    (statement,) = cursor.extract_statements(sql)

    assert (first_word(statement), written_table(statement)) == (word, table)
