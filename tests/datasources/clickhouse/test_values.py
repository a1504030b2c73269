"""Values of ClickHouse as a script sees them, as Arrow has them, and values of scripts there."""

# pyarrow has no type information.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from analysis_sandbox.datasources.clickhouse.datasource import ClickHouseDatasource
from analysis_sandbox.errors import (
    ConflictError,
    QueryError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.values import decode
from tests.datasources.clickhouse.process import ClickHouse

INSTANT = datetime(2024, 2, 29, 0, 2, 3, 500_000, tzinfo=UTC)
NANOS = "toDateTime64('2024-02-29 01:02:03.123456789', 9, 'UTC')"
# What ClickHouse has, what a script sees, and type and value in Arrow.
VALUES: list[tuple[str, Any, str, Any]] = [
    ("toInt8(-128)", -128, "int8", -128),
    ("toInt64(9007199254740991)", 2**53 - 1, "int64", 2**53 - 1),
    ("toInt64(9007199254740992)", "9007199254740992", "int64", 2**53),
    ("toUInt64('18446744073709551615')", str(2**64 - 1), "uint64", 2**64 - 1),
    ("toInt128('-170141183460469231731687303715884105728')", str(-(2**127)), "string", ...),
    ("bitNot(toUInt256(0))", str(2**256 - 1), "string", ...),
    ("toFloat32(0.1)", 0.1, "float", pytest.approx(0.1)),
    ("toFloat32(16777216)", 16777216.0, "float", 16777216.0),
    ("toFloat64('1e308')", 1e308, "double", 1e308),
    ("toBFloat16(1.5)", 1.5, "float", 1.5),
    ("inf", None, "double", float("inf")),
    ("nan", None, "double", pytest.approx(float("nan"), nan_ok=True)),
    ("toDecimal64('1234.5678', 4)", 1234.5678, "decimal128(18, 4)", Decimal("1234.5678")),
    ("toDecimal32('1.50', 2)", 1.5, "decimal128(9, 2)", Decimal("1.50")),
    ("toDecimal128('12345678901234567.5', 1)", "12345678901234567.5", "decimal128(38, 1)", ...),
    (
        "toDecimal256('0.1234567890123456789', 39)",
        "0.1234567890123456789" + "0" * 20,
        "string",
        None,
    ),
    ("'grüße 😀'", "grüße 😀", "string", ...),
    ("toFixedString('USD', 5)", "USD", "string", ...),
    ("toLowCardinality('x')", "x", "string", ...),
    ("toNullable(toInt32(7))", 7, "int32", 7),
    ("toDate('2149-06-06')", "2149-06-06", "date32[day]", date(2149, 6, 6)),
    ("toDate32('1900-01-01')", "1900-01-01", "date32[day]", date(1900, 1, 1)),
    (
        "toDateTime('2024-03-31 03:30:00', 'Europe/Berlin')",
        "2024-03-31T01:30:00Z",
        "timestamp[us, tz=UTC]",
        datetime(2024, 3, 31, 1, 30, tzinfo=UTC),
    ),
    (
        "toDateTime64('2024-02-29 01:02:03.5', 3, 'Europe/Berlin')",
        "2024-02-29T00:02:03.500000Z",
        "timestamp[us, tz=UTC]",
        INSTANT,
    ),
    (NANOS, "2024-02-29T01:02:03.123456789Z", "timestamp[ns, tz=UTC]", None),
    (
        "toDateTime64('1900-01-01 00:00:00', 3, 'UTC')",
        "1900-01-01T00:00:00Z",
        "timestamp[us, tz=UTC]",
        None,
    ),
    ("CAST('12:34:56' AS Time)", "12:34:56", "string", ...),
    (
        "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')",
        "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
        "string",
        ...,
    ),
    ("toIPv4('127.0.0.1')", "127.0.0.1", "string", ...),
    ("toIPv6('2001:db8::1')", "2001:db8::1", "string", ...),
    ("CAST('a' AS Enum8('a' = 1, 'b' = 2))", "a", "string", ...),
    ("INTERVAL 3 DAY", {"months": 0, "days": 3, "micros": 0}, "string", "3 days"),
    ("INTERVAL 1 YEAR", {"months": 12, "days": 0, "micros": 0}, "string", "1 years"),
    ("INTERVAL 90 SECOND", {"months": 0, "days": 0, "micros": 90_000_000}, "string", "90 seconds"),
    ("[toNullable(1), NULL]", [1, None], "string", "[1,null]"),
    ("[[1], []]", [[1], []], "string", "[[1],[]]"),
    ("tuple(1, 'a')", [1, "a"], "string", '[1,"a"]'),
    ("CAST((1, 'a') AS Tuple(n Int64, s String))", {"n": 1, "s": "a"}, "string", '{"n":1,"s":"a"}'),
    ("map('a', toInt64('9007199254740993'))", {"a": "9007199254740993"}, "string", None),
    ("map(1, 'x', 2, 'y')", {"1": "x", "2": "y"}, "string", None),
    ("map(toDate('2024-01-01'), 1)", {"2024-01-01": 1}, "string", None),
    ("CAST([(1, 'x')] AS Nested(a Int8, b String))", [{"a": 1, "b": "x"}], "string", None),
    ("(1.5, 2.5)::Point", [1.5, 2.5], "string", "[1.5,2.5]"),
    ("1::Variant(Int64, String)", 1, "string", "1"),
    ("toDateTime('2024-01-01 00:00:00', 'UTC')::Dynamic", "2024-01-01T00:00:00Z", "string", None),
    (
        """'{"a": [1, 2.5, "x", null], "n": {"k": 9007199254740993}}'::JSON""",
        {"a": [1, 2.5, "x", None], "n": {"k": "9007199254740993"}},
        "string",
        None,
    ),
    ("CAST(tuple(1) AS Tuple(`\ue000bytes` Int8))", {"\ue000bytes": 1}, "string", None),
    ("NULL", None, "string", None),
    ("CAST(NULL AS LowCardinality(Nullable(String)))", None, "string", None),
    ("true", True, "bool", True),
]


def value_of(datasource: ClickHouseDatasource, sql: str, params: object = None) -> Any:
    (row,) = decode(datasource.query(sql, params))
    return row["x"]


@pytest.mark.parametrize(("sql", "seen", "arrow", "stored"), VALUES, ids=[v[0] for v in VALUES])
def test_every_type_has_its_form(
    reading: ClickHouseDatasource, sql: str, seen: Any, arrow: str, stored: Any
) -> None:
    assert value_of(reading, f"select {sql} as x") == seen

    with reading.read_arrow(f"select {sql} as x") as reader:
        table = reader.read_all()
    assert str(table.schema.field(0).type) == arrow
    if stored is ... and arrow == "string":
        assert table.to_pylist() == [{"x": seen}]
    elif stored is not None and stored is not ...:
        assert table.to_pylist() == [{"x": stored}]


def test_bytes_that_are_no_text_are_bytes(reading: ClickHouseDatasource) -> None:
    assert value_of(reading, "select unhex('00ff') as x") == b"\x00\xff"
    assert value_of(reading, "select toFixedString(unhex('ff00'), 2) as x") == b"\xff\x00"

    with (
        pytest.raises(QueryError, match="'x' does not fit string") as caught,
        reading.read_arrow("select unhex('00ff') as x") as reader,
    ):
        reader.read_all()
    assert "hex(x)" in (caught.value.hint or "")


def test_an_unfinished_aggregate_says_what_to_do(reading: ClickHouseDatasource) -> None:
    with pytest.raises(UnsupportedOperationError, match="AggregateFunction") as caught:
        reading.query("select sumState(number) as x from numbers(3)")
    assert "sumMerge" in (caught.value.hint or "")
    assert value_of(reading, "select 1 as x") == 1


def test_an_empty_result_has_its_schema(reading: ClickHouseDatasource) -> None:
    assert reading.query("select 1 as x where 0") == "[]"
    with reading.read_arrow("select generateUUIDv4() as u, number as n from numbers(0)") as reader:
        table = reader.read_all()
    assert table.num_rows == 0
    assert [str(field.type) for field in table.schema] == ["string", "uint64"]


def test_rows_keep_their_order_when_columns_are_converted(reading: ClickHouseDatasource) -> None:
    sql = "select toDate32(number % 50000) as d from numbers(200000) order by d desc"
    with reading.read_arrow(sql, batch_rows=50_000) as reader:
        first = reader.read_next_batch()
        rest = reader.read_all()

    days = pa.chunked_array([first.column(0), *rest.column(0).chunks]).cast(pa.int32())
    assert first.num_rows == 50_000
    assert len(days) == 200_000
    assert days.to_pylist() == sorted(days.to_pylist(), reverse=True)


PARAMETERS: list[tuple[str, object, Any]] = [
    ("toTypeName(?)", 1, "Int64"),
    ("toTypeName(?)", 2**63, "UInt64"),
    ("toTypeName(?)", -(2**200), "Int256"),
    ("?", -(2**200), str(-(2**200))),
    ("toTypeName(?)", 0.5, "Float64"),
    ("toTypeName(?)", "2024-01-01", "String"),
    ("toTypeName(?)", "2024-01-01T00:00:00.000Z", "DateTime64(3, 'UTC')"),
    ("toTypeName(?)", "2024-13-01T00:00:00.000Z", "String"),
    ("?", "2024-13-01T00:00:00.000Z", "2024-13-01T00:00:00.000Z"),
    ("?", "2024-02-29T01:02:03.5Z", "2024-02-29T01:02:03.500000Z"),
    ("?", INSTANT, "2024-02-29T00:02:03.500000Z"),
    ("?", date(2024, 2, 29), "2024-02-29"),
    ("?", Decimal("1.50"), 1.5),
    ("toTypeName(?)", Decimal("1E+3"), "Decimal(4, 0)"),
    ("?", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ("toTypeName(?)", [1, 2], "Array(Int64)"),
    ("toTypeName(?)", [1, 2.5], "Array(Float64)"),
    ("?", [1, 2.5, None], [1, 2.5, None]),
    ("?", [], []),
    ("?", [[1], [2, 3]], [[1], [2, 3]]),
    ("?", ["it's", "b\\x\ty\n", '"'], ["it's", "b\\x\ty\n", '"']),
    ("?", [1, "a", True], ["1", "a", "true"]),
    ("?", [b"\xff", b"'"], [b"\xff", "'"]),
    ("?", [True, False], [True, False]),
    ("?", ["2024-02-29T01:02:03.000Z"], ["2024-02-29T01:02:03Z"]),
    ("?", {"a": [1, "ü"]}, '{"a": [1, "ü"]}'),
    ("?", [{"a": 1}], '[{"a": 1}]'),
    ("length(?)", "x" * 50_000, 50_000),
    ("?", "{p1:String} \\N \x07", "{p1:String} \\N \x07"),
]


@pytest.mark.parametrize(("sql", "given", "seen"), PARAMETERS)
def test_a_script_s_values_arrive_as_they_are(
    reading: ClickHouseDatasource, sql: str, given: object, seen: Any
) -> None:
    assert value_of(reading, f"select {sql} as x", [given]) == seen


def test_dates_are_compared_with_columns_of_dates(
    clickhouse: ClickHouse, reading: ClickHouseDatasource
) -> None:
    clickhouse.run("drop table if exists days")
    clickhouse.run(
        "create table days (d Date, t DateTime('UTC'), m DateTime64(3, 'UTC')) "
        "engine = MergeTree order by d"
    )
    clickhouse.run(
        "insert into days values ('2024-01-01', '2024-01-01 10:00:00', '2024-01-01 10:00:00.500')"
        ", ('2024-06-01', '2024-06-01 10:00:00', '2024-06-01 10:00:00.500')"
    )
    for column, given in [
        ("d", "2024-03-01"),
        ("d", "2024-03-01T00:00:00.000Z"),
        ("t", "2024-03-01"),
        ("t", "2024-03-01 00:00:00"),
        ("t", "2024-03-01T00:00:00.000Z"),
        ("m", "2024-03-01T00:00:00.000Z"),
    ]:
        sql = f"select toString(d) as x from days where {column} < ?"
        assert value_of(reading, sql, [given]) == "2024-01-01", (column, given)
    sql = "select count() as x from days where t between ? and ? and d in ?"
    assert value_of(reading, sql, ["2024-01-01", "2024-12-31", ["2024-06-01"]]) == 1


def test_what_has_no_form_is_refused_before_it_is_sent(reading: ClickHouseDatasource) -> None:
    for given in (2**256, "\ud800", ["\ud800"]):
        with pytest.raises(ValidationFailedError):
            value_of(reading, "select ? as x", [given])


def test_rows_of_every_kind_are_inserted(
    clickhouse: ClickHouse, writing: ClickHouseDatasource
) -> None:
    clickhouse.run("drop table if exists inserted")
    clickhouse.run(
        "create table inserted (i Int64, s String, d Nullable(Date), t DateTime64(3, 'UTC'), "
        "n Decimal(38, 10), a Array(Nullable(Int32)), m Map(String, Int64), b Bool default true, "
        "u UUID, p Tuple(x Float64, y String)) engine = MergeTree order by i"
    )
    row = {
        "i": "9007199254740993",
        "s": b"\xff\x00",
        "d": None,
        "t": "2024-02-29T01:02:03.500Z",
        "n": "1234567890123456789.5",
        "a": [1, None],
        "m": {"k": 1},
        "u": "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
        "p": {"x": 0.1, "y": "grüße"},
    }

    assert writing.insert("inserted", [row, {"i": 1, "d": "2024-01-01", "b": False}]) == {
        "rowCount": 2
    }

    found = decode(writing.query("select * from inserted order by i desc"))
    assert found[0] == {
        **row,
        "t": "2024-02-29T01:02:03.500000Z",
        "n": "1234567890123456789.5000000000",
        "b": True,
    }
    assert (found[1]["d"], found[1]["b"], found[1]["s"]) == ("2024-01-01", False, "")


def test_nothing_is_dropped_or_made_up_on_insert(
    clickhouse: ClickHouse, writing: ClickHouseDatasource
) -> None:
    clickhouse.run("drop table if exists strict")
    clickhouse.run("create table strict (i Int32) engine = MergeTree order by i")

    with pytest.raises(ValidationFailedError, match="not Nullable were given a null: i"):
        writing.insert("strict", [{"i": 1}, {"i": None}])
    with pytest.raises(QueryError, match="nothere"):
        writing.insert("strict", [{"i": 1, "nothere": 2}])
    with pytest.raises(QueryError):
        writing.insert("strict", [{"i": "one"}])
    assert clickhouse.run("select count() from strict") == [(0,)]


def test_tables_are_written_with_their_types(
    clickhouse: ClickHouse, writing: ClickHouseDatasource
) -> None:
    clickhouse.run("drop table if exists typed")
    columns = {
        "i": pa.array([1, None], pa.int32()),
        "u": pa.array([2**64 - 1, 0], pa.uint64()),
        "d": pa.array([Decimal("1.50"), None], pa.decimal128(20, 2)),
        "s": pa.array(["ü", None], pa.string()),
        "x": pa.array([b"\xff", b""], pa.binary()),
        "day": pa.array([date(1900, 1, 1), None], pa.date32()),
        "at": pa.array([INSTANT, None], pa.timestamp("us", tz="UTC")),
        "l": pa.array([[1, None], []], pa.list_(pa.int64())),
        "o": pa.array([{"a": 1}, {"a": None}], pa.struct([("a", pa.int64())])),
        "e": pa.array(["a", "b"], pa.string()).dictionary_encode(),
        "f": pa.array([1.5, None], pa.float64()),
        "b": pa.array([True, None], pa.bool_()),
    }
    table = pa.table(columns)

    assert writing.write_arrow("typed", table.to_reader()) == 2
    assert decode(writing.query("select * from typed order by i is null")) == [
        {
            "i": 1,
            "u": str(2**64 - 1),
            "d": 1.5,
            "s": "ü",
            "x": b"\xff",
            "day": "1900-01-01",
            "at": "2024-02-29T00:02:03.500000Z",
            "l": [1, None],
            "o": {"a": 1},
            "e": "a",
            "f": 1.5,
            "b": True,
        },
        {
            **dict.fromkeys(["i", "d", "s", "day", "at", "f", "b"]),
            "u": 0,
            "x": "",
            "l": [],
            "o": {"a": None},
            "e": "b",
        },
    ]
    with pytest.raises(ConflictError):
        writing.write_arrow("typed", table.to_reader(), mode="error")


def test_a_replaced_table_stays_when_the_new_one_fails(
    clickhouse: ClickHouse, writing: ClickHouseDatasource
) -> None:
    clickhouse.run("drop table if exists kept")
    assert writing.write_arrow("kept", pa.table({"i": [1]}).to_reader()) == 1
    schema = pa.schema([("i", pa.int64())])

    def failing() -> Any:
        yield pa.record_batch({"i": [2]}, schema=schema)
        raise QueryError("the source went away")

    with pytest.raises(QueryError):
        writing.write_arrow(
            "kept", pa.RecordBatchReader.from_batches(schema, failing()), mode="replace"
        )

    assert clickhouse.run("select i from kept") in ([(1,)], [("1",)])
    assert clickhouse.run("show tables like 'analysis_sandbox%'") == []


def test_the_catalog_names_tables_of_every_database(
    clickhouse: ClickHouse, reading: ClickHouseDatasource
) -> None:
    clickhouse.run("create database if not exists other")
    clickhouse.run("drop table if exists other.`odd name`")
    clickhouse.run("create table other.`odd name` (i Int32) engine = MergeTree order by i")
    clickhouse.run("create or replace view other.seen as select 1 as one")

    found = {entry["name"]: entry["kind"] for entry in reading.catalog()}

    assert found["other.odd name"] == "table"
    assert found["other.seen"] == "view"
    assert reading.describe('other."odd name"')["columns"] == [
        {"name": "i", "type": "Int32", "nullable": False, "comment": "", "primary_key": True}
    ]
    assert json.loads(reading.sample("other.seen", limit=1)) == [{"one": 1}]
    clickhouse.run("drop database other")


def test_changes_are_done_when_execute_returns(
    clickhouse: ClickHouse, writing: ClickHouseDatasource
) -> None:
    clickhouse.run("drop table if exists changed")
    clickhouse.run("create table changed (i Int32, t String) engine = MergeTree order by i")

    assert writing.execute("insert into changed values (?, ?), (2, 'b')", [1, "a"]) == {
        "rowCount": 2
    }
    writing.execute("alter table changed update t = ? where i = ?", ["é", 2])
    writing.execute("delete from changed where i = ?", [1])

    assert clickhouse.run("select i, t from changed") == [(2, "é")]
