"""What Arrow's types become in PostgreSQL, and what its layers against writing are said to be."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
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

NOON = datetime(2024, 2, 29, 12, 0, 0, 500000, tzinfo=UTC)
TYPES: list[tuple[pa.DataType, Any, str, Any]] = [
    (pa.int8(), -5, "smallint", -5),
    (pa.uint16(), 65535, "integer", 65535),
    (pa.uint32(), 2**32 - 1, "bigint", 2**32 - 1),
    (pa.uint64(), 2**64 - 1, "numeric(20,0)", Decimal(2**64 - 1)),
    (pa.float32(), 1.5, "real", 1.5),
    (pa.float64(), 0.1, "double precision", 0.1),
    (pa.bool_(), True, "boolean", True),
    (pa.decimal128(38, 20), Decimal("1.12345678901234567890"), "numeric(38,20)", None),
    (pa.decimal256(50, 3), Decimal("12345678901234567890123456789.123"), "numeric(50,3)", None),
    (pa.string(), "grüße 😀", "text", "grüße 😀"),
    (pa.large_string(), "x", "text", "x"),
    (pa.dictionary(pa.int8(), pa.string()), "x", "text", "x"),
    (pa.binary(), b"\x00\xff", "bytea", b"\x00\xff"),
    (pa.binary(2), b"\x00\xff", "bytea", b"\x00\xff"),
    (pa.date32(), date(2024, 2, 29), "date", date(2024, 2, 29)),
    (pa.date64(), date(2024, 2, 29), "date", date(2024, 2, 29)),
    (pa.timestamp("ms"), NOON.replace(tzinfo=None), "timestamp without time zone", None),
    (pa.timestamp("us", "Europe/Berlin"), NOON, "timestamp with time zone", NOON),
    (pa.time32("s"), time(12, 34, 56), "time without time zone", time(12, 34, 56)),
    (pa.duration("us"), timedelta(days=2, seconds=1), "interval", timedelta(days=2, seconds=1)),
    (pa.list_(pa.int32()), [1, None, 3], "jsonb", [1, None, 3]),
    (pa.struct([("a", pa.int32())]), {"a": 1}, "jsonb", {"a": 1}),
    (pa.null(), None, "text", None),
]


@pytest.fixture
def database(postgres: Server, admin: psycopg.Connection) -> Iterator[PostgreSQLDatasource]:
    admin.execute("drop schema if exists writing_test cascade; create schema writing_test")
    config = PostgreSQLConfig(url=cast("Any", postgres.url), access="read_write")
    datasource = PostgreSQLDatasource.open(config, name="db")
    yield datasource
    datasource.close()


def reader_of(type_: pa.DataType, *values: Any) -> pa.RecordBatchReader:
    return pa.table({"x": pa.array(values, type_)}).to_reader()


@pytest.mark.parametrize(("type_", "value", "expected_type", "expected"), TYPES)
def test_a_new_table_has_the_type_that_holds_the_values(
    database: PostgreSQLDatasource,
    admin: psycopg.Connection,
    type_: pa.DataType,
    value: Any,
    expected_type: str,
    expected: Any,
) -> None:
    assert database.write_arrow("writing_test.t", reader_of(type_, value, None)) == 2

    found = admin.execute(
        "select x, pg_typeof(x)::text, "
        "(select format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = 'writing_test.t'::regclass and attname = 'x') "
        "from writing_test.t order by x nulls last"
    ).fetchall()
    assert found[0][2] == expected_type
    assert found[0][0] == (value if expected is None else expected)
    assert found[1][0] is None


@pytest.mark.parametrize(
    ("column", "type_", "value", "text"),
    [
        ("smallint", pa.int64(), 7, "7"),
        ("numeric(9,2)", pa.float64(), 1.5, "1.50"),
        ("text", pa.int64(), 7, "7"),
        ("date", pa.string(), "2024-02-29", "2024-02-29"),
        ("jsonb", pa.list_(pa.int8()), [1, 2], "[1, 2]"),
        ("uuid", pa.string(), "61f0c404-5cb3-11e7-907b-a6006ad3dba0", None),
        ("varchar(5)", pa.string(), "abc", "abc"),
        ("timestamptz", pa.timestamp("ns", "UTC"), NOON, "2024-02-29 12:00:00.5+00"),
    ],
)
def test_an_existing_table_keeps_its_types(
    database: PostgreSQLDatasource,
    admin: psycopg.Connection,
    column: str,
    type_: pa.DataType,
    value: Any,
    text: str | None,
) -> None:
    admin.execute(f"create table writing_test.t (x {column}, other int default 5)".encode())
    admin.execute("set timezone = 'UTC'")

    assert database.write_arrow("writing_test.t", reader_of(type_, value)) == 1
    found = admin.execute("select x::text, other from writing_test.t").fetchone()
    assert found == (value if text is None else text, 5)


def test_a_value_that_does_not_fit_writes_nothing(
    database: PostgreSQLDatasource, admin: psycopg.Connection
) -> None:
    admin.execute("create table writing_test.t (x smallint)")
    with pytest.raises(QueryError, match="out of range"):
        database.write_arrow("writing_test.t", reader_of(pa.int64(), 1, 2, 99_999))

    assert admin.execute("select count(*) from writing_test.t").fetchone() == (0,)
    assert database.write_arrow("writing_test.t", reader_of(pa.int64(), 1)) == 1


def test_a_column_that_the_table_does_not_have_is_named(
    database: PostgreSQLDatasource, admin: psycopg.Connection
) -> None:
    admin.execute("create table writing_test.t (y int)")
    with pytest.raises(QueryError, match="no column x"):
        database.write_arrow("writing_test.t", reader_of(pa.int64(), 1))


def test_two_columns_of_one_name_are_refused(database: PostgreSQLDatasource) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(ValidationFailedError, match="same name"):
        database.write_arrow("writing_test.t", twice.to_reader())


def test_inserted_documents_and_arrays_are_what_the_columns_are(
    database: PostgreSQLDatasource, admin: psycopg.Connection
) -> None:
    admin.execute("create table writing_test.t (id serial, doc jsonb, list int[], at timestamptz)")
    rows = [
        {"doc": {"a": [1, None]}, "list": [1, 2], "at": "2024-01-01T00:00:00.000Z"},
        {"doc": [1, "x"], "list": []},
        {"doc": '{"b": 1}'},
    ]

    assert database.insert("writing_test.t", rows) == {"rowCount": 3}
    assert rows_of(database, "select * from writing_test.t order by id") == [
        {"id": 1, "doc": {"a": [1, None]}, "list": [1, 2], "at": "2024-01-01T00:00:00Z"},
        {"id": 2, "doc": [1, "x"], "list": [], "at": None},
        {"id": 3, "doc": {"b": 1}, "list": None, "at": None},
    ]


def test_the_layers_of_a_role_without_rights_all_hold(
    postgres: Server, admin: psycopg.Connection
) -> None:
    for statement in (
        "drop role if exists only_reads",
        "create role only_reads login",
        "alter role only_reads set default_transaction_read_only = on",
    ):
        admin.execute(statement.encode())
    weak, strong = (
        PostgreSQLDatasource.open(
            PostgreSQLConfig(url=cast("Any", postgres.url.replace("postgres:@", user))), name="db"
        )
        for user in ("postgres:@", "only_reads:@")
    )
    try:
        of_superuser = {check.name: check for check in weak.test()}
        of_role = {check.name: check for check in strong.test()}
    finally:
        weak.close()
        strong.close()
        admin.execute("drop role only_reads")

    assert [name for name, check in of_role.items() if not check.ok] == []
    assert list(of_role) == ["connection", "gate", "session", "role", "role default"]
    assert not of_superuser["role"].ok
    assert "is a superuser" in of_superuser["role"].detail
    assert not of_superuser["role default"].ok
