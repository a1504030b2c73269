"""PostgreSQL's values in a script, a script's values in PostgreSQL, and both in Arrow."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, cast

import psycopg
import pyarrow as pa
import pytest

from analysis_sandbox.datasources.postgresql.datasource import (
    PostgreSQLConfig,
    PostgreSQLDatasource,
)
from analysis_sandbox.errors import QueryError, ValidationFailedError
from tests.datasources.conftest import Server
from tests.datasources.harnesses import rows_of

VALUES: list[tuple[str, Any]] = [
    # numbers
    ("1::smallint", 1),
    ("9007199254740991::bigint", 9007199254740991),
    ("9007199254740992::bigint", "9007199254740992"),
    ("-9007199254740993::bigint", "-9007199254740993"),
    ("4294967295::oid", 4294967295),
    ("0.1::float8", 0.1),
    ("1.5::float4", 1.5),
    ("'NaN'::float8", None),
    ("'-Infinity'::float4", None),
    ("1.50::numeric", 1.5),
    ("2.00::numeric(10,2)", 2),
    ("0.1234567890123456789", "0.1234567890123456789"),
    ("123456789012345.678::numeric", "123456789012345.678"),
    ("1e20::numeric", 1e20),
    ("12345678901234567890123::numeric", "12345678901234567890123"),
    ("'NaN'::numeric", None),
    ("'Infinity'::numeric", None),
    ("-0.005::numeric", -0.005),
    ("'$1,234.50'::money", "$1,234.50"),
    # dates and times
    ("'2024-02-29'::date", "2024-02-29"),
    ("'infinity'::date", "infinity"),
    ("'-infinity'::date", "-infinity"),
    ("'0044-03-15 BC'::date", "0044-03-15 BC"),
    ("'2024-02-29 01:02:03'::timestamp", "2024-02-29T01:02:03"),
    ("'2024-02-29 01:02:03.5'::timestamp", "2024-02-29T01:02:03.500000"),
    ("'infinity'::timestamp", "infinity"),
    ("'12345-01-01 00:00:00'::timestamp", "12345-01-01T00:00:00"),
    ("'2024-03-31 01:30:00.123456+02'::timestamptz", "2024-03-30T23:30:00.123456Z"),
    ("'2024-03-31 01:30:00+00'::timestamptz", "2024-03-31T01:30:00Z"),
    ("'-infinity'::timestamptz", "-infinity"),
    ("'12:34:56.789'::time", "12:34:56.789000"),
    ("'12:34:56+02'::timetz", "12:34:56+02"),
    ("'1 mon 2 days'::interval", {"months": 1, "days": 2, "micros": 0}),
    ("'-1 year 3 days -0.5 s'::interval", {"months": -12, "days": 3, "micros": -500000}),
    ("'90 min'::interval", {"months": 0, "days": 0, "micros": 5_400_000_000}),
    ("'0 s'::interval", {"months": 0, "days": 0, "micros": 0}),
    ("'100000000 hours'::interval", {"months": 0, "days": 0, "micros": "360000000000000000"}),
    # text, bytes, identifiers
    ("'grüße 😀'", "grüße 😀"),
    ("'a'::char(3)", "a  "),
    ("'\\x00ff'::bytea", b"\x00\xff"),
    ("''::bytea", b""),
    ("'61f0c404-5cb3-11e7-907b-a6006ad3dba0'::uuid", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"),
    ("true", True),
    ("null", None),
    # documents
    ("""'{"a": [1, 2.50, 1e3, "x", null]}'::jsonb""", {"a": [1, 2.5, 1000, "x", None]}),
    ("'9007199254740993'::json", "9007199254740993"),
    ("'[12345678901234567890.5]'::jsonb", ["12345678901234567890.5"]),
    ("'1e400'::json", "1e400"),
    ("'0.30000000000000004'::json", 0.30000000000000004),
    ("""'{"\\ue000bytes": "AA=="}'::jsonb""", {"\ue000bytes": "AA=="}),
    ("'\"\\ud800\"'::json", "\ufffd"),
    ("'null'::jsonb", None),
    # arrays
    ("'{1,NULL,9007199254740993}'::bigint[]", [1, None, "9007199254740993"]),
    ("'{{1,2},{3,4}}'::int[]", [[1, 2], [3, 4]]),
    ("'[0:1]={1,2}'::int[]", [1, 2]),
    ("'{}'::text[]", []),
    ("array['a,b', '\"', null, 'NULL']", ["a,b", '"', None, "NULL"]),
    ("array['1 mon'::interval]", [{"months": 1, "days": 0, "micros": 0}]),
    ("array['infinity'::timestamptz, '2024-01-01+00']", ["infinity", "2024-01-01T00:00:00Z"]),
    ("array['\\x00'::bytea]", [b"\x00"]),
    ("array['{\"a\": 1}'::jsonb]", [{"a": 1}]),
    ("array[1.5, 'NaN']::numeric[]", [1.5, None]),
    ("array['ok']::values_test.mood[]", ["ok"]),
    ("array[7]::values_test.positive[]", [7]),
    # everything else: PostgreSQL's text
    ("'ok'::values_test.mood", "ok"),
    ("7::values_test.positive", 7),
    ("row(1, 'x y')", '(1,"x y")'),
    ("row(1, 2)::values_test.pair", "(1,2)"),
    ("array[row(1, 2)::values_test.pair]", '{"(1,2)"}'),
    ("'[1,5)'::int4range", "[1,5)"),
    ("'{[1,5)}'::int4multirange", "{[1,5)}"),
    ("array['[1,5)'::int4range]", ["[1,5)"]),
    ("'10.0.0.1/8'::inet", "10.0.0.1/8"),
    ("'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03"),
    ("'(1,2)'::point", "(1,2)"),
    ("B'101'", "101"),
    ("'a b'::tsvector", "'a' 'b'"),
    ("'pg_class'::regclass", "pg_class"),
    ("'16/B374D848'::pg_lsn", "16/B374D848"),
]


@pytest.fixture(scope="module", autouse=True)
def types(postgres: Server) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(
            "drop schema if exists values_test cascade; create schema values_test;"
            "create type values_test.mood as enum ('ok', 'sad');"
            "create domain values_test.positive as int check (value > 0);"
            "create type values_test.pair as (a int, b int);"
            "create table values_test.rounded (n numeric(3, -2));"
            "insert into values_test.rounded values (12345);"
        )


@pytest.fixture
def database(postgres: Server) -> Iterator[PostgreSQLDatasource]:
    config = PostgreSQLConfig(url=cast("Any", postgres.url))
    datasource = PostgreSQLDatasource.open(config, name="db")
    yield datasource
    datasource.close()


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_a_value_arrives_by_the_table(
    database: PostgreSQLDatasource, expression: str, expected: object
) -> None:
    (row,) = rows_of(database, f"select {expression} as x")

    assert row == {"x": expected}
    assert type(row["x"]) is type(expected) or isinstance(expected, int | float)


def test_documents_nested_too_deeply_are_refused(database: PostgreSQLDatasource) -> None:
    with pytest.raises(ValidationFailedError, match="nested"):
        database.query("select (repeat('[', 250) || repeat(']', 250))::json")


@pytest.mark.parametrize(
    ("expression", "given", "expected"),
    [
        ("$1::int", 5, 5),
        ("$1::bigint", 2**53 + 1, "9007199254740993"),
        ("$1::numeric + 0.2", 0.1, 0.3),
        ("round($1, 1)", 1.25, 1.3),
        ("$1::float8", 0.1, 0.1),
        ("$1", 1.5, 1.5),
        ("$1", True, True),
        ("$1::text", None, None),
        ("$1::text", "x'; drop table y; --", "x'; drop table y; --"),
        ("date '2024-01-02' > $1", "2024-01-01", True),
        ("$1::timestamptz", "2024-01-01T10:00:00+02:00", "2024-01-01T08:00:00Z"),
        ("timestamptz '2024-01-01 00:00:00+00' = $1", "2024-01-01T00:00:00.000Z", True),
        ("1 = any($1)", [1, 2], True),
        ("1 = any($1)", [], False),
        ("1.5 = any($1)", [1, 1.5], True),
        ("'b' = any($1)", ["a", "b", None], True),
        ("date '2024-01-01' = any($1)", ["2024-01-01"], True),
        ("$1::int[]", [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ("$1::text[]", [1, "a", True, None], ["1", "a", "true", None]),
        ("$1::jsonb", {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ("$1::jsonb", [{"a": 1}], [{"a": 1}]),
        ("$1::text", {"a": "é"}, '{"a": "é"}'),
        ("$1::bytea", b"\x00\xff", b"\x00\xff"),
        (
            "$1::uuid",
            "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
            "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
        ),
        ("$1::interval", "1 mon", {"months": 1, "days": 0, "micros": 0}),
        ("jsonb_build_object('n', $1::int, 's', $2::text)", [1, "x"], {"n": 1, "s": "x"}),
    ],
)
def test_a_parameter_means_what_the_script_gave(
    database: PostgreSQLDatasource, expression: str, given: object, expected: object
) -> None:
    params = given if "$2" in expression else [given]

    assert rows_of(database, f"select {expression} as x", params) == [{"x": expected}]


@pytest.mark.parametrize(
    ("expression", "given"),
    [("$1::text", "a\x00b"), ("$1::int", "x"), ("$1::int", 2**70), ("$1::text[]", [b"x", 1])],
)
def test_a_parameter_that_cannot_be_sent_is_an_error(
    database: PostgreSQLDatasource, expression: str, given: object
) -> None:
    with pytest.raises((QueryError, ValidationFailedError)):
        database.query(f"select {expression}", [given])

    assert rows_of(database, "select 1 as one") == [{"one": 1}]


def test_the_jsonb_operators_work_beside_every_style(database: PostgreSQLDatasource) -> None:
    document = """'{"a": 1, "b": 2}'::jsonb"""

    assert rows_of(database, f"select {document} ? 'a' as x") == [{"x": True}]
    assert rows_of(database, f"select {document} ? $1 as x", ["a"]) == [{"x": True}]
    assert rows_of(database, f"select {document} ? :key as x", {"key": "c"}) == [{"x": False}]
    assert rows_of(database, f"select {document} ?? ? as x", ["a"]) == [{"x": True}]
    assert rows_of(database, f"select {document} ?| array[?, 'c'] as x", ["b"]) == [{"x": True}]
    assert rows_of(database, f"select {document} @? '$.a' and ? as x", [True]) == [{"x": True}]
    with pytest.raises(ValidationFailedError, match=r"\?\?"):
        database.query(f"select {document} ? ?", ["a"])


@pytest.mark.parametrize(
    "setting",
    [
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'German'",
        "intervalstyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
    ],
)
def test_settings_of_the_role_change_no_value(
    database: PostgreSQLDatasource, postgres: Server, admin: psycopg.Connection, setting: str
) -> None:
    admin.execute(
        "drop role if exists traveller; create role traveller login; "
        f"alter role traveller set {setting}".encode()
    )
    url = postgres.url.replace("postgres:@", "traveller:@")
    config = PostgreSQLConfig(url=cast("Any", url))
    datasource = PostgreSQLDatasource.open(config, name="db")
    sql = (
        "select current_user <> 'postgres' as other, '2024-01-01 00:00:00+00'::timestamptz as z,"
        " '2024-02-01'::date as d, '1 mon'::interval as i, '\\xff'::bytea as b, 0.1::float8 as f"
    )

    (row,) = rows_of(datasource, sql)
    datasource.close()

    assert row == {
        "other": True,
        "z": "2024-01-01T00:00:00Z",
        "d": "2024-02-01",
        "i": {"months": 1, "days": 0, "micros": 0},
        "b": b"\xff",
        "f": 0.1,
    }


ARROW: list[tuple[str, pa.DataType, Any]] = [
    ("1::smallint", pa.int16(), 1),
    ("1::int", pa.int32(), 1),
    ("9007199254740993::bigint", pa.int64(), 9007199254740993),
    ("1.5::float4", pa.float32(), 1.5),
    ("'Infinity'::float8", pa.float64(), float("inf")),
    ("true", pa.bool_(), True),
    ("12.5::numeric(18,4)", pa.decimal128(18, 4), Decimal("12.5000")),
    ("'NaN'::numeric(18,4)", pa.decimal128(18, 4), None),
    ("(select n from values_test.rounded)", pa.decimal128(5, 0), Decimal(12300)),
    ("0.00012::numeric(2,5)", pa.decimal128(5, 5), Decimal("0.00012")),
    ("1.5::numeric(39,2)", pa.string(), "1.50"),
    ("1.12345678901234567890::numeric", pa.string(), "1.12345678901234567890"),
    ("'2024-02-29'::date", pa.date32(), date(2024, 2, 29)),
    ("'12:34:56.789'::time", pa.time64("us"), time(12, 34, 56, 789000)),
    (
        "'2024-02-29 01:02:03.5'::timestamp",
        pa.timestamp("us"),
        datetime(2024, 2, 29, 1, 2, 3, 500000),
    ),
    (
        "'2024-01-01 01:00:00+02'::timestamptz",
        pa.timestamp("us", "UTC"),
        datetime(2023, 12, 31, 23, tzinfo=UTC),
    ),
    ("'1 mon 2 days -0.5 s'::interval", pa.string(), "1 months 2 days -500000 microseconds"),
    ("'\\x00ff'::bytea", pa.binary(), b"\x00\xff"),
    ("'{1,NULL}'::bigint[]", pa.string(), "[1, null]"),
    ("array['a', 'b']", pa.string(), '["a", "b"]'),
    ("array['ok']::values_test.mood[]", pa.string(), '["ok"]'),
    ("array['\\xff'::bytea]", pa.string(), '["\\\\xff"]'),
    (
        """'{"b": 1, "a": 12345678901234567890}'::json""",
        pa.string(),
        '{"b": 1, "a": 12345678901234567890}',
    ),
    (
        "'61f0c404-5cb3-11e7-907b-a6006ad3dba0'::uuid",
        pa.string(),
        "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
    ),
    ("'[1,5)'::int4range", pa.string(), "[1,5)"),
    ("'x'::text", pa.string(), "x"),
]


@pytest.mark.parametrize(("expression", "type_", "expected"), ARROW)
def test_a_column_has_the_arrow_type_of_its_declaration(
    database: PostgreSQLDatasource, expression: str, type_: pa.DataType, expected: object
) -> None:
    # An outer join keeps the declared type, which a union with null would not.
    sql = (
        f"select v.x from (values (1), (2)) g left join (select {expression} as x) v on column1 = 1"
    )
    with database.read_arrow(sql) as reader:
        table = reader.read_all()
    with database.read_arrow(f"select * from ({sql}) q where false") as reader:
        empty = reader.read_all()

    assert table.schema == empty.schema == pa.schema([("x", type_)])
    assert table.column("x").to_pylist() == [expected, None]


@pytest.mark.parametrize(
    "expression",
    [
        "'0044-03-15 12:00:00 BC'::timestamp",
        "'4713-01-01 00:00:00 BC'::timestamptz",
        "'12345-01-01 00:00:00.000001+00'::timestamptz",
        "'294246-12-31 23:59:59.999999'::timestamp",
    ],
)
def test_timestamps_beyond_the_calendar_keep_their_place(
    database: PostgreSQLDatasource, expression: str
) -> None:
    with database.read_arrow(f"select {expression} as x") as reader:
        (value,) = reader.read_all().column("x").cast(pa.int64()).to_pylist()
    (row,) = rows_of(database, f"select extract(epoch from {expression})::text as s")

    assert Decimal(value) / 1_000_000 == Decimal(row["s"])


@pytest.mark.parametrize(
    "text", ["0001-01-01 BC", "4713-01-01 BC", "0005-02-29 BC", "10000-02-29", "5874897-12-31"]
)
def test_dates_beyond_the_calendar_keep_their_place(
    database: PostgreSQLDatasource, text: str
) -> None:
    sql = f"select '{text}'::date as x, '{text}'::date - '1970-01-01'::date as days"
    with database.read_arrow(sql) as reader:
        table = reader.read_all()

    assert table.column("x").cast(pa.int32()).to_pylist() == table.column("days").to_pylist()


@pytest.mark.parametrize(
    ("expression", "storage", "extreme"),
    [
        ("'infinity'::timestamp", pa.int64(), 2**63 - 1),
        ("'-infinity'::timestamptz", pa.int64(), -(2**63) + 1),
        ("'infinity'::date", pa.int32(), 2**31 - 1),
        ("'-infinity'::date", pa.int32(), -(2**31) + 1),
    ],
)
def test_infinity_is_what_duckdb_takes_for_it(
    database: PostgreSQLDatasource, expression: str, storage: pa.DataType, extreme: int
) -> None:
    with database.read_arrow(f"select {expression} as x") as reader:
        assert reader.read_all().column("x").cast(storage).to_pylist() == [extreme]


def test_midnight_at_the_end_of_the_day_stays(database: PostgreSQLDatasource) -> None:
    with database.read_arrow("select '24:00'::time as x") as reader:
        (value,) = reader.read_all().column("x").cast(pa.int64()).to_pylist()
    assert value == 86_400_000_000


def test_a_timestamp_that_arrow_cannot_hold_is_an_error(database: PostgreSQLDatasource) -> None:
    with (
        pytest.raises(QueryError, match="column 'x'"),
        database.read_arrow("select '294276-12-31'::timestamp as x") as reader,
    ):
        reader.read_all()


def test_rows_and_arrow_agree_on_names(database: PostgreSQLDatasource) -> None:
    sql = "select 1 as a, 2 as a"
    with database.read_arrow(sql) as reader:
        names = reader.schema.names
    assert names == list(json.loads(database.query(sql))[0]) == ["a", "a_2"]
