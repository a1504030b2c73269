"""SQLite's values in a script, a script's values in SQLite, and both in Arrow."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest

from analysis_sandbox.datasources.sqlite.datasource import SQLiteConfig, SQLiteDatasource
from analysis_sandbox.errors import (
    LimitExceededError,
    QueryError,
    UnavailableError,
    ValidationFailedError,
)
from tests.datasources.harnesses import rows_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.db"


@pytest.fixture
def database(path: Path) -> Iterator[SQLiteDatasource]:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table declared (d date, t timestamp, b boolean, n decimal(10, 2));"
            "insert into declared values ('2024-01-01', '2024-01-01 10:00:00', 1, 12.5);"
        )
    datasource = SQLiteDatasource.open(SQLiteConfig(path=path), name="db")
    yield datasource
    datasource.close()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1", 1),
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775807 - 1", "-9223372036854775808"),
        ("1.5", 1.5),
        ("9e999", None),
        ("'grüße 😀'", "grüße 😀"),
        ("x'00ff'", b"\x00\xff"),
        ("x''", b""),
        ("null", None),
        ("cast(x'61ff62' as text)", "a\ufffdb"),
        ("1 = 1", 1),
    ],
)
def test_a_value_arrives_by_the_table(
    database: SQLiteDatasource, expression: str, expected: object
) -> None:
    assert rows_of(database, f"select {expression} as x") == [{"x": expected}]


def test_declared_types_leave_values_as_they_are_stored(database: SQLiteDatasource) -> None:
    assert rows_of(database, "select * from declared") == [
        {"d": "2024-01-01", "t": "2024-01-01 10:00:00", "b": 1, "n": 12.5}
    ]


@pytest.mark.parametrize(
    ("given", "stored", "kind"),
    [
        (5, 5, "integer"),
        (2**62, str(2**62), "integer"),
        (1.5, 1.5, "real"),
        (True, 1, "integer"),
        (None, None, "null"),
        ("x'; drop", "x'; drop", "text"),
        (b"\x00\xff", b"\x00\xff", "blob"),
        ([1, "a", None], '[1, "a", null]', "text"),
        ({"a": "é"}, '{"a": "é"}', "text"),
        (date(2024, 1, 1), "2024-01-01", "text"),
        (datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00Z", "text"),
        (Decimal("1.5"), 1.5, "real"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001", "text"),
    ],
)
def test_a_parameter_means_what_the_script_gave(
    database: SQLiteDatasource, given: object, stored: object, kind: str
) -> None:
    rows = rows_of(database, "select $1 as x, typeof($1) as k", [given])

    assert rows == [{"x": stored, "k": kind}]


@pytest.mark.parametrize("given", [2**63, -(2**63) - 1, "\ud800"])
def test_a_parameter_that_cannot_be_sent_is_an_error(
    database: SQLiteDatasource, given: object
) -> None:
    with pytest.raises(ValidationFailedError):
        database.query("select ?", [given])


def test_a_value_that_is_too_large_is_refused(database: SQLiteDatasource) -> None:
    with pytest.raises(LimitExceededError):
        database.query("select length(zeroblob(100000000))")


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database " * 1000, encoding="utf-8")
    datasource = SQLiteDatasource.open(SQLiteConfig(path=tmp_path / "text.db"), name="db")

    with pytest.raises(QueryError, match="not a database"):
        datasource.query("select * from sqlite_master")
    datasource.close()


def test_a_locked_file_is_a_transient_error(database: SQLiteDatasource, path: Path) -> None:
    config = SQLiteConfig(path=path, access="read_write", query_timeout_seconds=0.1)
    writable = SQLiteDatasource.open(config, name="db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(UnavailableError, match="locked"):
            writable.execute("delete from declared")
        other.execute("rollback")

    assert writable.execute("delete from declared") == {"rowCount": 1}
    writable.close()


COLUMNS: list[tuple[list[str], pa.DataType, list[object]]] = [
    (["1", "null", "2"], pa.int64(), [1, None, 2]),
    (["9223372036854775807", "1"], pa.int64(), [2**63 - 1, 1]),
    (["1.5", "2.5"], pa.float64(), [1.5, 2.5]),
    (["1", "2.5"], pa.float64(), [1.0, 2.5]),
    (["9007199254740993", "2.5"], pa.string(), ["9007199254740993", "2.5"]),
    (["'a'", "null"], pa.string(), ["a", None]),
    (["x'00ff'", "null"], pa.binary(), [b"\x00\xff", None]),
    (["1", "'a'"], pa.string(), ["1", "a"]),
    (["1.5", "'a'", "x'00ff'"], pa.string(), ["1.5", "a", "X'00FF'"]),
    (["null", "null"], pa.string(), [None, None]),
]


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
@pytest.mark.parametrize(("stored", "type_", "expected"), COLUMNS)
def test_a_column_has_the_type_that_loses_nothing(
    database: SQLiteDatasource,
    stored: list[str],
    type_: pa.DataType,
    expected: list[object],
    batch_rows: int,
) -> None:
    sql = f"select column1 as x from (values {', '.join(f'({value})' for value in stored)}); -- end"
    with database.read_arrow(sql, batch_rows=batch_rows) as reader:
        table = reader.read_all()

    assert table.schema == pa.schema([("x", type_)])
    assert table.column("x").to_pylist() == expected


def test_parameters_work_when_the_result_is_read_twice(database: SQLiteDatasource) -> None:
    sql = (
        "with recursive t (x) as (select :a union all select x + 1 from t limit :n) select x from t"
    )
    with database.read_arrow(sql, {"a": 5, "n": 10}, batch_rows=3) as reader:
        batches = list(reader)

    assert [batch.num_rows for batch in batches] == [3, 3, 3, 1]
    assert pa.Table.from_batches(batches).column("x").to_pylist() == list(range(5, 15))


def test_a_writer_in_between_does_not_disturb_a_stream(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("pragma journal_mode = wal")
        other.execute("create table n (i)")
        other.executemany("insert into n values (?)", [(number,) for number in range(10)])
        datasource = SQLiteDatasource.open(SQLiteConfig(path=path), name="db")
        with datasource.read_arrow("select i from n", batch_rows=4) as reader:
            other.execute("insert into n values ('text')")
            values = reader.read_all().column("i").to_pylist()
        datasource.close()

    assert values == list(range(10))


def read_until_it_differs(database: SQLiteDatasource) -> None:
    """Load a result that is all integers or all text by chance, each time it is read."""
    sql = (
        "select case (select abs(random()) % 2) when 1 then 'text' else 1 end as x "
        "from (values (1), (2), (3))"
    )
    for _ in range(500):
        with database.read_arrow(sql, batch_rows=1) as reader:
            reader.read_all()


def test_a_query_that_changes_its_types_is_an_error(database: SQLiteDatasource) -> None:
    with pytest.raises(QueryError, match="changed its type"):
        read_until_it_differs(database)
