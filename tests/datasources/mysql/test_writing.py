"""Rows and tables written to MariaDB."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from analysis_sandbox.errors import (
    ConflictError,
    LimitExceededError,
    QueryError,
    ReadOnlyError,
    ValidationFailedError,
)
from tests.datasources.harnesses import rows_of
from tests.datasources.mysql.server import MariaDB

DIGITS = "1.12345678901234567890"
# What Arrow has, a value, the column that is made, and the same value as a script sees it.
TYPES: list[tuple[pa.DataType, Any, str, Any]] = [
    (pa.bool_(), True, "tinyint(1)", 1),
    (pa.int8(), -128, "tinyint(4)", -128),
    (pa.uint16(), 65535, "smallint(5) unsigned", 65535),
    (pa.int32(), -1, "int(11)", -1),
    (pa.int64(), 2**63 - 1, "bigint(20)", str(2**63 - 1)),
    (pa.uint64(), 2**64 - 1, "bigint(20) unsigned", str(2**64 - 1)),
    (pa.float32(), 1.5, "float", 1.5),
    (pa.float64(), 0.1, "double", 0.1),
    (pa.float64(), float("nan"), "double", None),
    (pa.decimal128(38, 20), Decimal(DIGITS), "decimal(38,20)", DIGITS),
    (pa.decimal256(60, 2), Decimal("1.50"), "decimal(60,2)", 1.5),
    (pa.decimal128(5, -2), Decimal("12300"), "decimal(7,0)", 12300),
    (pa.string(), "it's \\ 😀", "longtext", "it's \\ 😀"),
    (pa.string(), "2024-02-29T01:02:03.000Z", "longtext", "2024-02-29T01:02:03.000Z"),
    (pa.large_string(), "", "longtext", ""),
    (pa.dictionary(pa.int8(), pa.string()), "a", "longtext", "a"),
    (pa.binary(), b"\x00'\xff", "longblob", b"\x00'\xff"),
    (pa.date32(), date(2024, 2, 29), "date", "2024-02-29"),
    (
        pa.timestamp("us"),
        datetime(2024, 2, 29, 1, 2, 3, 4),
        "datetime(6)",
        "2024-02-29T01:02:03.000004",
    ),
    (pa.timestamp("ns"), 1_709_168_523_000_000_999, "datetime(6)", "2024-02-29T01:02:03"),
    (
        pa.timestamp("s", tz="Europe/Berlin"),
        datetime(2040, 2, 29, 1, 2, 3, tzinfo=UTC),
        "datetime(6)",
        "2040-02-29T01:02:03",
    ),
    (pa.time64("us"), time(1, 2, 3, 4), "time(6)", "01:02:03.000004"),
    (pa.duration("ms"), timedelta(days=-1), "bigint(20)", -86_400_000_000),
    (pa.list_(pa.int32()), [1, None], "json", [1, None]),
    (pa.struct([("a", pa.string())]), {"a": "ü"}, "json", {"a": "ü"}),
    (pa.null(), None, "longtext", None),
]


@pytest.fixture(autouse=True)
def nothing_written(mariadb: MariaDB) -> Iterator[None]:
    mariadb.run("drop table if exists written")
    yield
    # Nothing that was put aside stays.
    assert mariadb.run("show tables like 'analysis\\_sandbox%'") == []


def reader_of(table: pa.Table, batch_rows: int = 1000) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(batch_rows))


def broken_reader() -> pa.RecordBatchReader:
    schema = pa.schema([("i", pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([7, 8], pa.int64())], schema=schema)
        raise LimitExceededError("The source broke")

    return pa.RecordBatchReader.from_batches(schema, batches())


@pytest.mark.parametrize("case", TYPES, ids=lambda case: f"{case[0]} {case[1]}")
def test_a_new_table_holds_every_type(
    writable: MySQLDatasource, case: tuple[pa.DataType, Any, str, Any]
) -> None:
    type_, value, declared, read = case
    table = pa.table({"x": pa.array([value, None], type_)})

    assert writable.write_arrow("written", reader_of(table)) == 2

    columns: Any = writable.describe("written")["columns"]
    assert columns == [{"name": "x", "type": declared, "nullable": True}]
    assert rows_of(writable, "select x from written") == [{"x": read}, {"x": None}]


def test_a_type_the_database_does_not_have_is_refused(writable: MySQLDatasource) -> None:
    table = pa.table({"x": pa.array([], pa.decimal256(76, 40))})

    with pytest.raises(ValidationFailedError, match="column 'x'"):
        writable.write_arrow("written", reader_of(table))


def test_many_rows_go_in_few_statements(writable: MySQLDatasource, mariadb: MariaDB) -> None:
    count = 30_000
    table = pa.table({"i": range(count), "t": [f"{i:0100}" for i in range(count)]})

    assert writable.write_arrow("written", reader_of(table)) == count

    assert mariadb.run("select count(*), sum(i), min(length(t)) from written") == [
        (count, sum(range(count)), 100)
    ]


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_reader_that_breaks_leaves_everything_as_it_was(
    writable: MySQLDatasource, mariadb: MariaDB, mode: Any, exists: bool
) -> None:
    if exists:
        mariadb.run("create table written (i bigint) engine = innodb")
        mariadb.run("insert into written values (1)")

    with pytest.raises(LimitExceededError, match="The source broke"):
        writable.write_arrow("written", broken_reader(), mode=mode)

    if exists:
        assert mariadb.run("select * from written") == [(1,)]
    else:
        assert mariadb.run("show tables like 'written'") == []


def test_a_view_is_not_replaced(writable: MySQLDatasource, mariadb: MariaDB) -> None:
    mariadb.run("create or replace view shown as select 1 as i")
    for mode in ("append", "replace", "error"):
        with pytest.raises(ConflictError, match="View 'shown' exists"):
            writable.write_arrow("shown", reader_of(pa.table({"i": [1]})), mode=mode)
    mariadb.run("drop view shown")


def test_names_are_quoted(writable: MySQLDatasource, mariadb: MariaDB) -> None:
    name = "we`ird; drop table written -- x"
    mariadb.run("drop database if exists `other-place`")
    mariadb.run("create database `other-place`")
    table = pa.table({"se`lect": [1], "a.b": [2], "é": [3]})

    assert writable.write_arrow("`other-place`.written", reader_of(table)) == 1
    assert writable.insert("`other-place`.written", [{"se`lect": 4}]) == {"rowCount": 1}
    assert writable.write_arrow(name, reader_of(table)) == 1

    assert mariadb.run("select * from `we``ird; drop table written -- x`") == [(1, 2, 3)]
    mariadb.run("drop table `we``ird; drop table written -- x`")
    assert mariadb.run("select * from `other-place`.written") == [(1, 2, 3), (4, None, None)]
    assert [entry["name"] for entry in writable.catalog()][-1] == "other-place.written"
    mariadb.run("drop database `other-place`")


def test_rows_are_inserted_all_or_none(writable: MySQLDatasource, mariadb: MariaDB) -> None:
    mariadb.run("create table written (i int primary key, t text, d datetime(3)) engine = innodb")
    rows = [{"i": number, "t": "x" * 1000} for number in range(3000)]

    with pytest.raises(QueryError, match="Duplicate"):
        writable.insert("written", [*rows, {"i": 0}])
    assert mariadb.run("select count(*) from written") == [(0,)]

    assert writable.insert("written", rows) == {"rowCount": 3000}
    assert writable.insert("written", [{"i": -1, "d": "2024-02-29T01:02:03.004Z"}]) == {
        "rowCount": 1
    }
    assert rows_of(writable, "select * from written where i = -1") == [
        {"i": -1, "t": None, "d": "2024-02-29T01:02:03.004000"}
    ]


def test_a_value_that_does_not_fit_is_an_error_not_a_guess(
    writable: MySQLDatasource, mariadb: MariaDB
) -> None:
    mariadb.run("create table written (i tinyint, t varchar(3), d date)")

    for row in ({"i": 1000}, {"t": "long"}, {"d": "2024-02-30"}, {"i": "x"}):
        with pytest.raises(QueryError):
            writable.insert("written", [row])
    assert mariadb.run("select * from written") == []


def test_a_read_only_datasource_writes_nothing(
    read_only: MySQLDatasource, mariadb: MariaDB
) -> None:
    table = pa.table({"i": [1]})
    for write in (
        lambda: read_only.write_arrow("written", reader_of(table)),
        lambda: read_only.insert("written", [{"i": 1}]),
        lambda: read_only.execute("create table written (i int)"),
    ):
        with pytest.raises(ReadOnlyError):
            write()

    assert mariadb.run("show tables like 'written'") == []


def test_what_is_read_can_be_written_again(writable: MySQLDatasource, mariadb: MariaDB) -> None:
    mariadb.run("create or replace table source (i int, d decimal(30, 10), t text, b blob, j json)")
    mariadb.run(
        "insert into source values (1, 1.5, 'x', x'00', '[1]'), (null, null, null, '', null)"
    )

    with writable.read_arrow("select * from source") as reader:
        assert writable.write_arrow("written", reader) == 2

    assert mariadb.run("select * from written") == mariadb.run("select * from source")
