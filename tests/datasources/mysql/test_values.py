"""MariaDB's values in a script, and in Arrow."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from tests.datasources.harnesses import rows_of
from tests.datasources.mysql.conftest import Open
from tests.datasources.mysql.server import MariaDB

UUID = "61f0c404-5cb3-11e7-907b-a6006ad3dba0"
POINT = bytes.fromhex("000000000101000000000000000000f03f0000000000000040")
# The declared type, the value as it is written, the same for a script, its Arrow type and value.
COLUMNS: list[tuple[str, str, Any, pa.DataType, Any]] = [
    ("boolean", "true", 1, pa.int8(), 1),
    ("tinyint unsigned", "255", 255, pa.uint8(), 255),
    ("smallint", "-32768", -32768, pa.int16(), -32768),
    ("mediumint", "-8388608", -8388608, pa.int32(), -8388608),
    ("int unsigned zerofill", "42", 42, pa.uint32(), 42),
    ("bigint", "-9007199254740993", "-9007199254740993", pa.int64(), -9007199254740993),
    ("bigint unsigned", "18446744073709551615", str(2**64 - 1), pa.uint64(), 2**64 - 1),
    ("year", "2024", 2024, pa.uint16(), 2024),
    ("bit(1)", "b'1'", 1, pa.uint64(), 1),
    ("bit(64)", "0xffffffffffffffff", str(2**64 - 1), pa.uint64(), 2**64 - 1),
    ("float", "1.5", 1.5, pa.float32(), 1.5),
    ("double", "0.1", 0.1, pa.float64(), 0.1),
    ("double", "1e300", 1e300, pa.float64(), 1e300),
    ("decimal(10, 2)", "-1.50", -1.5, pa.decimal128(10, 2), Decimal("-1.50")),
    ("decimal(10, 0)", "12", 12, pa.decimal128(10, 0), Decimal(12)),
    ("decimal(10, 2) unsigned", "1.50", 1.5, pa.decimal128(10, 2), Decimal("1.50")),
    ("decimal(4, 4)", "0.1234", 0.1234, pa.decimal128(4, 4), Decimal("0.1234")),
    (
        "decimal(38, 20)",
        "1.12345678901234567890",
        "1.12345678901234567890",
        pa.decimal128(38, 20),
        Decimal("1.12345678901234567890"),
    ),
    ("decimal(65, 30)", "1.5", 1.5, pa.string(), "1.500000000000000000000000000000"),
    ("date", "'2024-02-29'", "2024-02-29", pa.date32(), date(2024, 2, 29)),
    ("date", "'0000-00-00'", "0000-00-00", pa.date32(), None),
    ("date", "'2024-02-00'", "2024-02-00", pa.date32(), None),
    ("date", "'9999-12-31'", "9999-12-31", pa.date32(), date(9999, 12, 31)),
    (
        "datetime",
        "'2024-02-29 01:02:03'",
        "2024-02-29T01:02:03",
        pa.timestamp("us"),
        datetime(2024, 2, 29, 1, 2, 3),
    ),
    (
        "datetime(3)",
        "'2024-02-29 01:02:03.5'",
        "2024-02-29T01:02:03.500000",
        pa.timestamp("us"),
        datetime(2024, 2, 29, 1, 2, 3, 500_000),
    ),
    ("datetime", "'0000-00-00 00:00:00'", "0000-00-00T00:00:00", pa.timestamp("us"), None),
    (
        "timestamp(6) null",
        "'2024-02-29 01:02:03.000001'",
        "2024-02-29T01:02:03.000001Z",
        pa.timestamp("us", tz="UTC"),
        datetime(2024, 2, 29, 1, 2, 3, 1, tzinfo=UTC),
    ),
    ("time", "'12:34:56'", "12:34:56", pa.string(), "12:34:56"),
    ("time(3)", "'12:34:56.5'", "12:34:56.500000", pa.string(), "12:34:56.500"),
    (
        "time",
        "'-838:59:59'",
        {"months": 0, "days": 0, "micros": -3020399000000},
        pa.string(),
        "-838:59:59",
    ),
    (
        "time",
        "'24:00:00'",
        {"months": 0, "days": 0, "micros": 86_400_000_000},
        pa.string(),
        "24:00:00",
    ),
    ("char(3)", "'a'", "a", pa.string(), "a"),
    ("varchar(9) charset latin1", "'grüße'", "grüße", pa.string(), "grüße"),
    ("text charset utf8mb4", "'grüße 😀'", "grüße 😀", pa.string(), "grüße 😀"),
    ("varbinary(9)", "x'00ff27'", b"\x00\xff'", pa.binary(), b"\x00\xff'"),
    ("binary(2)", "'a'", b"a\x00", pa.binary(), b"a\x00"),
    ("longblob", "''", b"", pa.binary(), b""),
    ("enum('a', 'b')", "'b'", "b", pa.string(), "b"),
    ("set('x', 'y')", "'x,y'", "x,y", pa.string(), "x,y"),
    ("uuid", f"'{UUID}'", UUID, pa.string(), UUID),
    ("inet6", "'::1'", "::1", pa.string(), "::1"),
    ("point", "point(1, 2)", POINT, pa.binary(), POINT),
    (
        "json",
        """'{"a": [1, 2.50, "x", null]}'""",
        {"a": [1, 2.5, "x", None]},
        pa.string(),
        '{"a": [1, 2.50, "x", null]}',
    ),
    ("json", "'9007199254740993'", "9007199254740993", pa.string(), "9007199254740993"),
    # Described as json is, but without the check.
    ("longtext collate utf8mb4_bin", "'[1]'", "[1]", pa.string(), "[1]"),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: f"{column[0]} {column[1]}")
def test_a_value_arrives_as_its_column_says(
    mariadb: MariaDB,
    read_only: MySQLDatasource,
    column: tuple[str, str, Any, pa.DataType, Any],
) -> None:
    declared, written, value, type_, stored = column
    mariadb.run(f"create or replace table typed (x {declared})")
    mariadb.run(f"insert into typed values ({written}), (null)")

    assert rows_of(read_only, "select x from typed") == [{"x": value}, {"x": None}]
    with read_only.read_arrow("select x from typed") as reader:
        table = reader.read_all()
    assert table.schema.field("x").type == type_
    assert table.column("x").to_pylist() == [stored, None]


def test_expressions_have_the_types_the_server_gives_them(read_only: MySQLDatasource) -> None:
    sql = """select sum(x) as s, avg(x) as a, count(*) as c, max(null) as n, 1 = 1 as b,
        json_object('a', 1) as j from (select cast(1.25 as decimal(10, 2)) as x) t"""

    with read_only.read_arrow(sql) as reader:
        schema = reader.schema
        (row,) = reader.read_all().to_pylist()

    assert schema.field("s").type == pa.decimal128(32, 2)
    assert row == {
        "s": Decimal("1.25"),
        "a": Decimal("1.250000"),
        "c": 1,
        "n": None,
        "b": 1,
        "j": '{"a": 1}',
    }


def test_every_batch_has_the_schema_of_the_first(read_only: MySQLDatasource) -> None:
    sql = "select cast(pow(10, seq) / 7 as decimal(20, 6)) as d from seq_1_to_10"

    with read_only.read_arrow(sql, batch_rows=1) as reader:
        batches = list(reader)

    assert len(batches) == 10
    assert {batch.schema for batch in batches} == {pa.schema([("d", pa.decimal128(20, 6))])}


def test_a_text_that_is_not_utf8_keeps_what_can_be_read(read_only: MySQLDatasource) -> None:
    sql = "select convert(x'6162' using ucs2) as x"

    assert rows_of(read_only, sql) == [{"x": "慢"}]


def test_a_timestamp_is_in_utc_whatever_the_servers_zone(mariadb: MariaDB, open_: Open) -> None:
    mariadb.run("create or replace table moments (x timestamp null)")
    writable = open_(access="read_write")
    mariadb.run("set global time_zone = '+05:00'")
    try:
        writable.insert("moments", [{"x": "2024-02-29T01:02:03.000Z"}])
        assert rows_of(open_(), "select x, now() - utc_timestamp() as d from moments") == [
            {"x": "2024-02-29T01:02:03Z", "d": 0}
        ]
    finally:
        mariadb.run("set global time_zone = 'SYSTEM'")


def test_the_servers_sql_mode_changes_nothing(mariadb: MariaDB, open_: Open) -> None:
    mariadb.run("set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,ORACLE'")
    try:
        assert rows_of(open_(), "select \"a\" as a, '\\'' as b, 1 || 0 as c, ? as d", ["\\'"]) == [
            {"a": "a", "b": "'", "c": 1, "d": "\\'"}
        ]
    finally:
        mariadb.run("set global sql_mode = default")


def test_json_columns_of_a_join_are_told_apart(
    mariadb: MariaDB, read_only: MySQLDatasource
) -> None:
    mariadb.run("create or replace table documents (i int, body json)")
    mariadb.run("create or replace table notes (i int, body longtext)")
    mariadb.run("insert into documents values (1, '[1]')")
    mariadb.run("insert into notes values (1, '[1]')")
    sql = "select d.body, n.body as note from documents d join notes n using (i)"

    assert rows_of(read_only, sql) == [{"body": [1], "note": "[1]"}]
    (chunk,) = read_only.stream(sql)
    assert chunk == '[{"body":[1],"note":"[1]"}]'
