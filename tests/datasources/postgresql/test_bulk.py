"""The bulk path has the values of the row path, for every type; and what it does when it fails."""

# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false
# pyright: reportUnknownArgumentType=false

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import psycopg
import pyarrow as pa
import pytest

from analysis_sandbox.datasources.postgresql import bulk
from analysis_sandbox.datasources.postgresql.datasource import (
    PostgreSQLConfig,
    PostgreSQLDatasource,
)
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    ReadOnlyError,
    UnavailableError,
)
from tests.datasources.conftest import Server

Open = Callable[..., PostgreSQLDatasource]
APPLICATION = "datasource_bulk"

# Every expression becomes a column of its own; each has a null, and what is special about it.
COLUMNS: dict[str, str] = {
    "int2": "(n % 100)::int2",
    "int4": "(n * 1000)::int4",
    "int8": "9007199254740993::int8 + n",
    "oid": "(4294967290 + n % 5)::oid",
    "float4": "case n % 4 when 0 then 'NaN' when 1 then '-Infinity' else n / 7.0 end::float4",
    "float8": "case n % 4 when 0 then 'NaN' when 1 then 'Infinity' else n / 7.0 end::float8",
    "numeric": "(n * 0.0010203)::numeric * 10 ^ (n % 40 - 20)",
    "numeric_odd": "case n % 3 when 0 then 'NaN' when 1 then 'Infinity' else '-1.50' end::numeric",
    "numeric_9_2": "(n * 7.013)::numeric(9,2)",
    "numeric_nan": "case n % 3 when 0 then 'NaN' else '1.5' end::numeric(9,2)",
    "numeric_38_20": "('1.12345678901234567890'::numeric + n)::numeric(38,20)",
    "numeric_50_3": "('12345678901234567890123456789012345678901234'::numeric + n)::numeric(50,3)",
    "numeric_tens": "(select tens from bulk_test.rounded) + 0 * n",
    "numeric_rounded": "(select tens from bulk_test.rounded)",
    "numeric_small": "(n * 0.00001)::numeric(3,5)",
    "money": "(n::numeric / 7)::money",
    "bool": "n % 2 = 0",
    "date": "date '2000-01-01' + n",
    "date_odd": "case n % 3 when 0 then 'infinity' when 1 then '-infinity' "
    "else '1969-12-31' end::date",
    "date_bc": "case n % 3 when 0 then '4713-01-01 BC' when 1 then '5874897-12-31' "
    "else '1-1-1' end::date",
    "timestamp": "timestamp '1999-12-31 23:59:59.999999' + n * interval '1 microsecond'",
    "timestamp_odd": "case n % 3 when 0 then 'infinity' when 1 then '-infinity' "
    "else '0044-03-15 01:02:03.4 BC' end::timestamp",
    "timestamp_late": "timestamp '200000-01-01' + n * interval '1 day'",
    "timestamptz": "timestamptz '2024-03-31 01:30:00.5+02' + n * interval '7 hours'",
    "timestamptz_odd": "case n % 3 when 0 then 'infinity' when 1 then '-infinity' "
    "else '2024-01-01 00:00:00-11' end::timestamptz",
    "time": "case n % 3 when 0 then '24:00' else '12:34:56.789' end::time",
    "timetz": "'12:34:56+02'::timetz",
    "interval": "n * interval '1 month 2 days 3.5 seconds'",
    "interval_odd": "case n % 2 when 0 then 'infinity' else '-100000 years' end::interval",
    "text": "'grüße 😀 ' || n",
    "text_lines": "E'a\\tb\\nc\\\\d' || n",
    "varchar": "('v' || n)::varchar(3)",
    "char": "('c' || n % 9)::char(5)",
    "one_char": "'x'::\"char\"",
    "name": "('n' || n)::name",
    "bytea": "decode(lpad(to_hex(n), 8, '0'), 'hex')",
    "uuid": "('61f0c404-5cb3-11e7-907b-' || lpad(n::text, 12, '0'))::uuid",
    "json": '(\'{"a": [\' || n || \', 1.50, null],  "b": "x"}\')::json',
    "jsonb": '(\'{"b": [\' || n || \', 1.50, null],  "a": "x"}\')::jsonb',
    "int_array": "array[n, null, 3]",
    "int_array_2d": "array[[n, 2], [3, 4]]",
    "int_array_from_0": "'[0:1]={1,2}'::int[]",
    "empty_array": "'{}'::int[]",
    "text_array": "array['a,b', '\"', null, 'NULL', n::text]",
    "numeric_array": "array[n * 1.10, 'NaN'::numeric]",
    "bool_array": "array[true, n % 2 = 0]",
    "float_array": "array[n / 3.0, 0.1]::float8[]",
    "date_array": "array[date '2024-01-01' + n]",
    "interval_array": "array['1 mon'::interval]",
    "bytea_array": "array['\\x00ff'::bytea]",
    "jsonb_array": "array['{\"a\": 1}'::jsonb]",
    "uuid_array": "array['61f0c404-5cb3-11e7-907b-a6006ad3dba0'::uuid]",
    "enum": "case n % 2 when 0 then 'ok' else 'sad' end::bulk_test.mood",
    "enum_array": "array['ok']::bulk_test.mood[]",
    "domain": "(n + 1)::bulk_test.positive",
    "domain_numeric": "(n * 1.25)::bulk_test.price",
    "domain_array": "array[7]::bulk_test.positive[]",
    "record": "row(n, 'x y')",
    "composite": "row(n, 2)::bulk_test.pair",
    "composite_array": "array[row(n, 2)::bulk_test.pair]",
    "range": "int4range(n, n + 5)",
    "multirange": "'{[1,5)}'::int4multirange",
    "range_array": "array['[1,5)'::int4range]",
    "inet": "'10.0.0.1/8'::inet + n",
    "cidr": "'10.0.0.0/8'::cidr",
    "macaddr": "'08:00:2b:01:02:03'::macaddr",
    "point": "point(n, 2.5)",
    "bit": "B'101'",
    "varbit": "B'101'::varbit",
    "tsvector": "to_tsvector('simple', 'a b')",
    "regclass": "'pg_class'::regclass",
    "lsn": "'16/B374D848'::pg_lsn",
    "jsonpath": "'$.a'::jsonpath",
    "unknown": "'text'",
}
SETUP = """
    drop schema if exists bulk_test cascade; create schema bulk_test;
    create type bulk_test.mood as enum ('ok', 'sad');
    create domain bulk_test.positive as int check (value > 0);
    create domain bulk_test.price as numeric(9, 2);
    create type bulk_test.pair as (a int, b int);
    create table bulk_test.rounded (tens numeric(3, -2));
    insert into bulk_test.rounded values (12345);
"""


@pytest.fixture(scope="module", autouse=True)
def types(postgres: Server) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(SETUP)


@pytest.fixture
def open_(postgres: Server) -> Iterator[Open]:
    opened: list[PostgreSQLDatasource] = []

    def open_datasource(**fields: Any) -> PostgreSQLDatasource:
        url = f"{postgres.url}&application_name={APPLICATION}"
        config = PostgreSQLConfig(url=cast("Any", url), **fields)
        opened.append(PostgreSQLDatasource.open(config, name="db"))
        return opened[-1]

    yield open_datasource
    for datasource in opened:
        datasource.close()


@pytest.fixture
def database(open_: Open) -> PostgreSQLDatasource:
    return open_()


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Take the bulk path for every statement, or for none."""

    def choose(every: bool) -> None:
        monkeypatch.setattr(bulk, "BULK_ROWS", 0 if every else 1 << 60)

    choose(True)
    return choose


def read(database: PostgreSQLDatasource, sql: str, batch_rows: int = 65_536) -> pa.Table:
    with database.read_arrow(sql, batch_rows=batch_rows) as reader:
        return reader.read_all()


def bits(table: pa.Table) -> list[object]:
    """Return the values of the only column so that NaN is itself and no time is too late."""
    column = table.column(0)
    if pa.types.is_floating(column.type):
        return [None if value is None else repr(value) for value in column.to_pylist()]
    if pa.types.is_temporal(column.type):
        wide = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
        return [value for part in column.chunks for value in part.view(wide).to_pylist()]
    return column.to_pylist()


@pytest.mark.parametrize("kind", COLUMNS)
def test_both_paths_have_the_same_values(
    database: PostgreSQLDatasource, always: Callable[[bool], None], kind: str
) -> None:
    value = f"case when n % 11 = 10 then null else {COLUMNS[kind]} end"
    sql = f"select {value} as x from generate_series(0, 99) as s (n) order by n"

    by_columns = read(database, sql)
    always(False)
    by_rows = read(database, sql)

    assert by_columns.schema == by_rows.schema
    assert bits(by_columns) == bits(by_rows)
    assert by_columns.column(0).null_count >= 9


def test_all_types_at_once_are_the_same(
    database: PostgreSQLDatasource, always: Callable[[bool], None]
) -> None:
    columns = ", ".join(f"{expression} as {kind}_" for kind, expression in COLUMNS.items())
    sql = f"select {columns} from generate_series(1, 50) as s (n) order by n"

    by_columns = read(database, sql, batch_rows=7)
    always(False)
    by_rows = read(database, sql)

    for name in by_rows.schema.names:
        assert bits(by_columns.select([name])) == bits(by_rows.select([name])), name


def test_the_bulk_path_is_taken_for_many_rows_only(
    database: PostgreSQLDatasource, admin: psycopg.Connection
) -> None:
    def connections() -> int:
        rows = admin.execute(
            "select count(*) from pg_stat_activity where application_name = %s", [APPLICATION]
        )
        return (rows.fetchone() or (0,))[0]

    read(database, "select 1 as x")
    assert connections() == 1
    assert read(database, "select * from generate_series(1, 60000) as s (n)").num_rows == 60_000
    assert connections() == 2
    read(database, "select * from generate_series(1, 60000) as s (n)")
    assert connections() == 2


@pytest.mark.parametrize(
    "sql",
    [
        "select n as a, n + 1 as a, n as b from generate_series(1, 5) as s (n) -- the end",
        "with t as (select 1 as n) select n, n as n from t;",
        "values (1, 'a'), (2, 'b') ;; /* done */",
        "(select 1 as x) union all (select 2) order by 1",
        'select 1 as "q", 2 as "c0", 3 as "C 1", 4 as "%"',
        "table pg_catalog.pg_am",
        "select",
        "select from generate_series(1, 3)",
        "select pg_sleep(0)",
        "show timezone",
        "select 1 as x limit 0",
        "select n from generate_series(1, 9) as s (n) order by n desc",
    ],
)
def test_any_statement_has_the_same_rows(
    database: PostgreSQLDatasource, always: Callable[[bool], None], sql: str
) -> None:
    def outcome() -> object:
        try:
            table = read(database, sql)
        except AnalysisSandboxError as error:
            return type(error)
        return (table.schema, table.num_rows, table.to_pylist())

    by_columns = outcome()
    always(False)

    assert by_columns == outcome()


@pytest.mark.usefixtures("always")
def test_a_time_that_no_arrow_type_holds_is_an_error(database: PostgreSQLDatasource) -> None:
    with pytest.raises(QueryError, match="does not fit"):
        read(database, "select '294276-12-31'::timestamp as x")


@pytest.mark.usefixtures("always")
def test_parameters_take_the_row_path(database: PostgreSQLDatasource) -> None:
    with database.read_arrow("select $1::int as x", [5]) as reader:
        assert reader.read_all().to_pylist() == [{"x": 5}]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("access", ["read_only", "read_write"])
def test_a_function_that_writes_is_refused_by_the_transaction(
    open_: Open, admin: psycopg.Connection, access: str
) -> None:
    admin.execute("create table if not exists bulk_test.victim (i int)")
    admin.execute(
        "create or replace function bulk_test.evil() returns int language plpgsql as "
        "$$ begin insert into bulk_test.victim values (1); return 1; end $$"
    )
    with pytest.raises(ReadOnlyError):
        read(open_(access=access), "select bulk_test.evil() as x")

    assert admin.execute("select count(*) from bulk_test.victim").fetchone() == (0,)


@pytest.mark.usefixtures("always")
def test_an_error_in_the_middle_is_a_query_error(database: PostgreSQLDatasource) -> None:
    with pytest.raises(QueryError, match="division by zero") as caught:
        read(database, "select 1 / (500000 - n) as x from generate_series(1, 600000) as s (n)")

    assert caught.value.details["sqlstate"] == "22012"
    assert read(database, "select 1 as x").num_rows == 1


@pytest.mark.usefixtures("always")
def test_every_batch_has_the_time_limit(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_(query_timeout_seconds=0.3)
    with pytest.raises(LimitExceededError, match=r"longer than 0\.3 s"):
        read(datasource, "select pg_sleep(600)::text as x")

    busy = admin.execute(
        "select count(*) from pg_stat_activity where application_name = %s and state = 'active'",
        [APPLICATION],
    )
    assert busy.fetchone() == (0,)
    assert read(datasource, "select 1 as x").num_rows == 1


@pytest.mark.usefixtures("always")
def test_a_reader_that_waits_is_not_out_of_time(open_: Open) -> None:
    datasource = open_(query_timeout_seconds=0.4)
    with datasource.read_arrow("select n from generate_series(1, 2000000) as s (n)") as reader:
        count = reader.read_next_batch().num_rows
        threading.Event().wait(0.8)
        count += sum(batch.num_rows for batch in reader)

    assert count == 2_000_000


@pytest.mark.usefixtures("always")
def test_cancel_stops_a_load(database: PostgreSQLDatasource) -> None:
    def stop_after_the_first_batch() -> None:
        with database.read_arrow("select n from generate_series(1, 50000000) as s (n)") as reader:
            reader.read_next_batch()
            database.cancel()
            for _ in reader:
                pass

    with pytest.raises(CancelledError):
        stop_after_the_first_batch()
    assert read(database, "select 1 as x").num_rows == 1


@pytest.mark.usefixtures("always")
def test_a_load_whose_connection_is_lost_is_transient(
    database: PostgreSQLDatasource, admin: psycopg.Connection
) -> None:
    def lose_it_after_the_first_batch() -> None:
        with database.read_arrow("select n from generate_series(1, 5000000) as s (n)") as reader:
            reader.read_next_batch()
            admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where application_name = %s",
                [APPLICATION],
            )
            reader.read_all()

    with pytest.raises(UnavailableError):
        lose_it_after_the_first_batch()
    assert read(database, "select 1 as x").num_rows == 1


@pytest.mark.usefixtures("always")
def test_an_abandoned_load_frees_both_connections(open_: Open) -> None:
    datasource = open_(pool_size=1)
    for _ in range(3):
        with datasource.read_arrow("select n from generate_series(1, 5000000) as s (n)") as reader:
            reader.read_next_batch()

    assert read(datasource, "select 1 as x").num_rows == 1
