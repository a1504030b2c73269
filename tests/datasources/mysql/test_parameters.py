"""No value of a script ever becomes anything but a value, whatever it holds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from analysis_sandbox.datasources.mysql.literals import identifier, literal
from analysis_sandbox.errors import QueryError, ValidationFailedError
from tests.datasources.harnesses import rows_of
from tests.datasources.mysql.conftest import Open
from tests.datasources.mysql.server import MariaDB

INJECTIONS = [
    "' or 1=1 -- ",
    "\\' or 1=1 -- ",
    "\\\\' or 1=1 -- ",
    '" or 1=1 -- ',
    "`",
    "*/ or 1=1 /*",
    "'; delete from injected; -- ",
    "\x00",
    "\x1a",
    "\n\r\t\b",
    "%s %d %% %(a)s",
    "? $1 :a",
    # The first byte of a two-byte character of GBK, Big5 or Shift-JIS, before a quote.
    "\u00bf' or 1=1 -- ",
    "\u7e97' or 1=1 -- ",
    "表' or 1=1 -- ",
    "\u2019 or 1=1",
    "\uff07 or 1=1",
    "😀\\",
    "_utf8mb4 0x41",
]
PLACES = [
    "select ? as x",
    "select $1 as x",
    "select (?) as x -- it's ' here",
    "select ? as x # it's ' here",
    "select ? as x /* it's ' here */",
    "select '\\'' 'a' as y, ? as x",
    'select "it\'s" as y, ? as x',
    "select 'it''s' as y, ? as x",
    "select '\\\\' as y, ? as x",
    "select 1 as `it's`, ? as x",
    "select 5 % 3 as y, '%s' as z, ? as x",
]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_a_text_comes_back_as_it_went(read_only: MySQLDatasource, place: str, value: str) -> None:
    (row,) = rows_of(read_only, place, [value])

    assert row["x"] == value


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"])
@pytest.mark.parametrize("charset", ["utf8mb4", "gbk", "sjis", "big5", "latin1"])
def test_no_setting_of_the_server_opens_a_way(
    mariadb: MariaDB, open_: Open, mode: str, charset: str
) -> None:
    mariadb.run(f"set global sql_mode = '{mode}'")
    mariadb.run(f"set global character_set_client = {charset}")
    try:
        datasource = open_()
        for value in INJECTIONS:
            assert rows_of(datasource, "select ? as x", [value]) == [{"x": value}]
    finally:
        mariadb.run("set global sql_mode = default")
        mariadb.run("set global character_set_client = default")


def test_what_a_script_sets_itself_opens_no_way_to_the_next(mariadb: MariaDB, open_: Open) -> None:
    mariadb.run("create or replace table injected (i int)")
    datasource = open_(access="read_write", pool_size=1)
    for statement in (
        "set names gbk",
        "set sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
        "set character_set_client = sjis",
    ):
        datasource.execute(statement)
        for value in INJECTIONS:
            assert rows_of(datasource, "select ? as x", [value]) == [{"x": value}]


def test_a_value_inside_a_comment_that_is_code_stays_a_value(open_: Open) -> None:
    datasource = open_(access="read_write")

    with pytest.raises((QueryError, ValidationFailedError)):
        datasource.query("select 1 /*! , ? */", ["1 */ , 2 /* "])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8))
def test_any_texts_and_their_bytes_come_back(read_only: MySQLDatasource, texts: list[str]) -> None:
    names = [f"c{index}" for index in range(len(texts))]
    sql = "select " + ", ".join(f"? as {name}" for name in names)
    data = [text.encode() for text in texts]

    assert list(rows_of(read_only, sql, texts)[0].values()) == texts
    assert list(rows_of(read_only, sql, data)[0].values()) == data


@pytest.mark.parametrize(
    ("value", "comparison"),
    [
        (0.1, "0.1 = ?"),
        (-0.1, "-0.1 = ?"),
        (1e300, "1e300 = ?"),
        (5e-10, "5e-10 = ?"),
        (2**64 - 1, "18446744073709551615 = ?"),
        (-(2**63), "-9223372036854775808 = ?"),
        (-1, "5-? = 6"),
        (Decimal("12345678901234567890.12"), "12345678901234567890.12 = ?"),
        (True, "? is true"),
        (None, "? is null"),
        ("5", "5 = ?"),
        ("2024-02-29T01:02:03.250Z", "timestamp '2024-02-29 01:02:03.25' = ?"),
        (datetime(2024, 2, 29, 2, tzinfo=UTC), "timestamp '2024-02-29 02:00:00' = ?"),
        ("2024-02-29T01:02:03", "timestamp '2024-02-29 01:02:03' = ?"),
        (timedelta(hours=-100, seconds=1), "time '-99:59:59' = ?"),
        ({"a": [1, "ü"]}, "json_value(?, '$.a[1]') = 'ü'"),
        ([1, 2], "json_length(?) = 2"),
        (b"\x00'", "x'0027' = ?"),
        (bytearray(b""), "length(?) = 0"),
    ],
)
def test_a_value_means_what_it_says(
    read_only: MySQLDatasource, value: Any, comparison: str
) -> None:
    assert rows_of(read_only, f"select {comparison} as same", [value]) == [{"same": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "select seq as x from seq_1_to_9 where seq > 2 limit ?",
        "select seq as x from seq_1_to_9 limit ? offset 2",
        "select seq as x from seq_1_to_9 where seq in (? + 2) or seq = ? + 3 order by 1 limit 1",
    ],
)
def test_a_number_stands_where_only_numbers_may(read_only: MySQLDatasource, sql: str) -> None:
    assert rows_of(read_only, sql, [1] * sql.count("?")) == [{"x": 3}]


def test_a_text_finds_the_index_of_a_column_in_another_character_set(
    mariadb: MariaDB, read_only: MySQLDatasource
) -> None:
    mariadb.run("create or replace table indexed (t varchar(20) charset latin1, key (t))")
    mariadb.run("insert into indexed select concat('grüße', seq) from seq_1_to_1000")

    (plan,) = rows_of(read_only, "explain select t from indexed where t = ?", ["grüße5"])
    assert (plan["type"], plan["key"]) == ("ref", "t")
    assert rows_of(read_only, "select t from indexed where t = ?", ["grüße5"]) == [{"t": "grüße5"}]


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, float("nan"), float("inf"), Decimal("NaN"), "\ud800", object()]
)
def test_a_value_without_a_form_is_refused(value: object) -> None:
    with pytest.raises(ValidationFailedError):
        literal(value)


@pytest.mark.parametrize("name", ["", "a\x00", "a ", "😀"])
def test_a_name_no_table_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValidationFailedError):
        identifier(name)
