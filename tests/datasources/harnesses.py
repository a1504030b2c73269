"""How to stand up each datasource type for the shared tests.

A new type adds one harness here and gets every test in test_conformance.py. Every harness has a
table `n` with the rows (1, 'one'), (2, 'two'), (3, 'three').
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import psycopg
import pymysql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from analysis_sandbox.datasources.base import Datasource, SQLDatasourceConfig
from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig
from analysis_sandbox.datasources.clickhouse.config import parse_url as parse_clickhouse_url
from analysis_sandbox.datasources.clickhouse.datasource import ClickHouseDatasource
from analysis_sandbox.datasources.mysql.config import MySQLConfig, parse_url
from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from analysis_sandbox.datasources.postgresql.datasource import (
    PostgreSQLConfig,
    PostgreSQLDatasource,
)
from analysis_sandbox.datasources.sqlite.datasource import SQLiteConfig, SQLiteDatasource
from analysis_sandbox.values import decode
from tests.datasources.clickhouse.process import hang_up
from tests.datasources.clickhouse.process import run as run_clickhouse

TABLE = (
    "drop table if exists n",
    "create table n (i integer primary key, t text)",
    "insert into n values (1, 'one'), (2, 'two'), (3, 'three')",
)
ROWS = [(1, "one"), (2, "two"), (3, "three")]
# In every configuration that has a password, and never in anything that is shown.
SECRET = "s3cr3t-Passw0rd"

# What each kind of value is for a script. A harness says how its database writes it.
VALUES: Mapping[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": -42,
    "large integer": "9007199254740993",
    "float": 0.1,
    "not a number": None,
    "decimal": 1.5,
    "long decimal": "0.1234567890123456789",
    "text": "grüße 😀",
    "empty text": "",
    "bytes": b"\x00\xff",
    "date": "2024-02-29",
    "timestamp": "2024-02-29T01:02:03",
    "timestamp with micros": "2024-02-29T01:02:03.500000",
    "timestamp with zone": "2024-03-30T23:30:00Z",
    "time": "12:34:56",
    "document": {"a": [1, 2.5, "x", None]},
    "array": [1, None, 3],
    "uuid": "61f0c404-5cb3-11e7-907b-a6006ad3dba0",
}
# What a script gives, and what comes back from the harness' expression with one `?`.
PARAMETERS: Mapping[str, tuple[Any, Any]] = {
    "null": (None, None),
    "boolean": (True, True),
    "integer": (-42, -42),
    "large integer": (2**53 + 1, "9007199254740993"),
    "float": (0.1, 0.1),
    "text": ("grüße 😀", "grüße 😀"),
    "text with quotes": (
        "it's \"a\" `b` \\ \\' %s %% ? $1 :x {y:Int8} --",
        "it's \"a\" `b` \\ \\' %s %% ? $1 :x {y:Int8} --",
    ),
    "text with lines": ("a\n\r\tb", "a\n\r\tb"),
    "bytes": (b"\x00'\\\xff", b"\x00'\\\xff"),
    # Compared with a column's value in the database: true.
    "date": ("2024-02-29", True),
    "timestamp": ("2024-02-29T01:02:03.000Z", True),
    "array": ([1, 2, 3], True),
}


@dataclass(frozen=True)
class Change:
    """A statement that writes, its values, and the rows it returns."""

    sql: str
    params: tuple[Any, ...]
    rows: tuple[dict[str, Any], ...]


class Harness:
    """One type: its class, a working and an unreachable configuration, a look at the data.

    What differs between databases is said here; the tests themselves are the same for all.
    """

    type_name: ClassVar[str]
    type: ClassVar[type[Datasource]]
    operations: ClassVar[dict[str, set[str]]] = {
        "read_only": {"query"},
        "read_write": {"query", "execute", "insert"},
    }
    # How the database quotes a name.
    quote: ClassVar[str] = '"'
    # Runs until it is stopped.
    endless: ClassVar[str]
    # One row per number from 1 in order, as column i; {count} of them.
    numbers: ClassVar[str]
    # Refused on a read-only datasource.
    writes: ClassVar[tuple[str, ...]] = ("delete from n", "insert into n values (4, 'four')")
    # Changes row 3 to 'drei', and returns it; None where no statement does both.
    upsert: ClassVar[Change | None] = Change(
        "insert into n values ($1, $2) on conflict (i) do update set t = excluded.t returning *",
        (3, "drei"),
        ({"i": 3, "t": "drei"},),
    )
    # Columns of the same name, and what becomes of them.
    same_names: ClassVar[Change] = Change(
        "select 1 as a, 2 as a, 3 as a_2, 4 as a", (), ({"a": 1, "a_2": 3, "a_3": 2, "a_4": 4},)
    )
    # Writes, so that it cannot be loaded as a table.
    not_loadable: ClassVar[str] = "delete from n returning i"
    # Sets t of the rows after $2 to $1; `counts` tells whether the database says how many.
    update: ClassVar[str] = "update n set t = ? where i > ?"
    counts: ClassVar[bool] = True
    # `begin` is a statement, which must not span calls.
    has_transactions: ClassVar[bool] = True
    # A table with what it takes to insert and to write tables: i integer primary key, t text.
    empty_table: ClassVar[str] = "create table {table} (i integer primary key, t text)"
    # How each value of VALUES is written; what is not here the database does not have.
    values: ClassVar[Mapping[str, str]]
    # How each parameter of PARAMETERS comes back.
    echoes: ClassVar[Mapping[str, str]]

    def __init__(self, *, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url
        self._opened: list[Datasource] = []
        self.prepare()

    def prepare(self) -> None:
        """Make the table."""
        raise NotImplementedError

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        """Return the configuration of the prepared database."""
        raise NotImplementedError

    def unreachable(self) -> SQLDatasourceConfig:
        """Return the configuration, with SECRET as its password, of a database not there."""
        raise NotImplementedError

    def bad_credentials(self) -> SQLDatasourceConfig | None:
        """Return the configuration with SECRET, which is wrong; None where there are none."""
        return None

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement without what is tested, as somebody who may do everything."""
        raise NotImplementedError

    def lose_connections(self) -> bool:
        """End, at the server, every connection of what is tested; False where there is none."""
        return False

    def running(self) -> int:
        """Return how many statements or cursors of what is tested are open at the server."""
        return 0

    def rows(self, table: str = "n") -> list[tuple[Any, ...]]:
        """Return what is in a table now, read without what is tested."""
        return self.run(f"select * from {table} order by i")

    def open(self, **fields: Any) -> Datasource:
        """Open the prepared database; `close` closes it."""
        self._opened.append(self.type.open(self.config(**fields), name="db"))
        return self._opened[-1]

    def close(self) -> None:
        """Close everything that was opened."""
        for datasource in self._opened:
            datasource.close()


class SQLiteHarness(Harness):
    type_name = "sqlite"
    type = SQLiteDatasource
    endless = (
        "with recursive t (x) as (select 1 union all select x + 1 from t) select count(*) from t"
    )
    numbers = (
        "with recursive t (i) as (select 1 union all select i + 1 from t where i < {count}) "
        "select i from t"
    )
    values: ClassVar[Mapping[str, str]] = {
        "null": "null",
        "boolean": "true",
        "integer": "-42",
        "large integer": "9007199254740993",
        "float": "0.1",
        "not a number": "9e999 - 9e999",
        "decimal": "1.50",
        "text": "'grüße 😀'",
        "empty text": "''",
        "bytes": "x'00ff'",
        "date": "date('2024-02-29')",
    }
    echoes: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                "null",
                "boolean",
                "integer",
                "large integer",
                "float",
                "text",
                "text with quotes",
                "text with lines",
                "bytes",
            ),
            "?",
        ),
        "date": "date('2024-02-29') = ?",
        "timestamp": "datetime('2024-02-29 01:02:03') = datetime(?)",
        "array": "json_array(1, 2, 3) = json(?)",
    }

    @property
    def path(self) -> Path:
        return self.directory / "data.db"

    def prepare(self) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(";".join(TABLE))

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        return SQLiteConfig(path=self.path, **fields)

    def unreachable(self) -> SQLDatasourceConfig:
        return SQLiteConfig(path=self.directory / "missing.db")

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(sql).fetchall()


class PostgreSQLHarness(Harness):
    type_name = "postgresql"
    type = PostgreSQLDatasource
    endless = "select pg_sleep(600)"
    numbers = "select i from generate_series(1, {count}) as t (i)"
    values: ClassVar[Mapping[str, str]] = {
        "null": "null",
        "boolean": "true",
        "integer": "-42::int4",
        "large integer": "9007199254740993::int8",
        "float": "0.1::float8",
        "not a number": "'NaN'::float8",
        "decimal": "1.50::numeric(9, 2)",
        "long decimal": "0.1234567890123456789::numeric",
        "text": "'grüße 😀'",
        "empty text": "''",
        "bytes": "'\\x00ff'::bytea",
        "date": "date '2024-02-29'",
        "timestamp": "timestamp '2024-02-29 01:02:03'",
        "timestamp with micros": "timestamp '2024-02-29 01:02:03.5'",
        "timestamp with zone": "timestamptz '2024-03-31 01:30:00+02'",
        "time": "time '12:34:56'",
        "document": '\'{"a": [1, 2.5, "x", null]}\'::jsonb',
        "array": "array[1, null, 3]",
        "uuid": "'61f0c404-5cb3-11e7-907b-a6006ad3dba0'::uuid",
    }
    echoes: ClassVar[Mapping[str, str]] = {
        "null": "?::text",
        "boolean": "?::boolean",
        "integer": "?::int8",
        "large integer": "?::int8",
        "float": "?::float8",
        "text": "?::text",
        "text with quotes": "?::text",
        "text with lines": "?::text",
        "bytes": "?::bytea",
        "date": "date '2024-02-29' = ?",
        "timestamp": "timestamptz '2024-02-29 01:02:03+00' = ?",
        "array": "array[1, 2, 3] = ?::int[]",
    }
    APPLICATION: ClassVar[str] = "conformance"

    def prepare(self) -> None:
        for statement in TABLE:
            self.run(statement)

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        url = make_conninfo(self.url, application_name=self.APPLICATION)
        return PostgreSQLConfig(url=cast("Any", url), **fields)

    def unreachable(self) -> SQLDatasourceConfig:
        # Port 1 is reserved: nobody listens there.
        return PostgreSQLConfig(url=cast("Any", f"postgresql://nobody:{SECRET}@127.0.0.1:1/none"))

    def bad_credentials(self) -> SQLDatasourceConfig | None:
        place = conninfo_to_dict(self.url)
        url = make_conninfo("", **{**place, "user": "nobody_at_all", "password": SECRET})
        return PostgreSQLConfig(url=cast("Any", url))

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def lose_connections(self) -> bool:
        self.run(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
            f"where application_name = '{self.APPLICATION}'"
        )
        return True

    def running(self) -> int:
        # A cursor that is still open keeps its transaction.
        ((count,),) = self.run(
            "select count(*) from pg_stat_activity where state <> 'idle' "
            f"and application_name = '{self.APPLICATION}'"
        )
        return count


class MySQLHarness(Harness):
    type_name = "mysql"
    type = MySQLDatasource
    quote = "`"
    endless = "select sleep(600)"
    numbers = "select seq as i from seq_1_to_{count}"
    upsert = Change(
        "insert into n values ($1, $2) on duplicate key update t = values(t) returning *",
        (3, "drei"),
        ({"i": 3, "t": "drei"},),
    )
    values: ClassVar[Mapping[str, str]] = {
        "null": "null",
        "boolean": "true",
        "integer": "-42",
        "large integer": "9007199254740993",
        "float": "cast(0.1 as double)",
        "decimal": "1.50",
        "long decimal": "0.1234567890123456789",
        "text": "'grüße 😀'",
        "empty text": "''",
        "bytes": "x'00ff'",
        "date": "date '2024-02-29'",
        "timestamp": "timestamp '2024-02-29 01:02:03'",
        "timestamp with micros": "timestamp '2024-02-29 01:02:03.5'",
        "timestamp with zone": "(select moment from moments)",
        "time": "time '12:34:56'",
    }
    echoes: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                "null",
                "boolean",
                "integer",
                "large integer",
                "float",
                "text",
                "text with quotes",
                "text with lines",
                "bytes",
            ),
            "?",
        ),
        "date": "date '2024-02-29' = ?",
        "timestamp": "timestamp '2024-02-29 01:02:03' = ?",
        "array": "'[1, 2, 3]' = ?",
    }

    def prepare(self) -> None:
        for statement in (
            *TABLE,
            "drop table if exists moments",
            "create table moments (moment timestamp null)",
            "insert into moments values ('2024-03-30 23:30:00')",
        ):
            self.run(statement)

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        return MySQLConfig(url=cast("Any", self.url), **fields)

    def unreachable(self) -> SQLDatasourceConfig:
        return MySQLConfig(url=cast("Any", f"mysql://nobody:{SECRET}@127.0.0.1:1/none"))

    def bad_credentials(self) -> SQLDatasourceConfig | None:
        socket = parse_url(self.url).unix_socket
        url = f"mysql://nobody_at_all:{SECRET}@localhost/test?unix_socket={socket}"
        return MySQLConfig(url=cast("Any", url))

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        with (
            pymysql.connect(
                unix_socket=parse_url(self.url).unix_socket,
                user="root",
                database="test",
                autocommit=True,
                ssl_disabled=True,
                init_command="set time_zone = '+00:00'",
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return list(cursor.fetchall())

    def lose_connections(self) -> bool:
        # Again, because one that is just being made survives.
        while self._connections("true"):
            self.run(f"kill user {parse_url(self.url).user}")
        return True

    def running(self) -> int:
        # Whoever sends rows that nobody fetches is not asleep.
        return self._connections("command <> 'Sleep'")

    def _connections(self, condition: str) -> int:
        ((count,),) = self.run(
            "select count(*) from information_schema.processlist "
            f"where user = '{parse_url(self.url).user}' and {condition}"
        )
        return count


class ClickHouseHarness(Harness):
    type_name = "clickhouse"
    type = ClickHouseDatasource
    quote = "`"
    endless = "select count() from system.numbers where not ignore(sipHash64(number))"
    numbers = "select toInt64(number + 1) as i from numbers({count})"
    upsert = None
    same_names = Change(
        "select 1 as a, a, 3 as a_2, a", (), ({"a": 1, "a_2": 3, "a_3": 1, "a_4": 1},)
    )
    not_loadable = "insert into n select 4, 'four'"
    counts = False
    has_transactions = False
    empty_table = "create table {table} (i Int32, t Nullable(String)) engine = MergeTree order by i"
    values: ClassVar[Mapping[str, str]] = {
        "null": "null",
        "boolean": "true",
        "integer": "toInt32(-42)",
        "large integer": "toInt64('9007199254740993')",
        "float": "toFloat64('0.1')",
        "not a number": "nan",
        "decimal": "toDecimal32('1.50', 2)",
        "long decimal": "toDecimal128('0.1234567890123456789', 19)",
        "text": "'grüße 😀'",
        "empty text": "''",
        "bytes": "unhex('00ff')",
        "date": "toDate('2024-02-29')",
        # Every timestamp is an instant here.
        "timestamp with zone": "toDateTime('2024-03-31 00:30:00', 'Europe/Berlin')",
        "array": "[1, null, 3]",
        "uuid": "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')",
    }
    echoes: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            (
                "null",
                "boolean",
                "integer",
                "large integer",
                "float",
                "text",
                "text with quotes",
                "text with lines",
                "bytes",
            ),
            "?",
        ),
        "date": "toBool(toDate('2024-02-29') = ?)",
        "timestamp": "toBool(toDateTime('2024-02-29 01:02:03', 'UTC') = ?)",
        "array": "toBool([1, 2, 3] = ?)",
    }

    @property
    def port(self) -> int:
        return parse_clickhouse_url(self.url).port

    def prepare(self) -> None:
        self.run("drop table if exists n sync")
        # With what UPDATE needs.
        settings = "enable_block_number_column = 1, enable_block_offset_column = 1"
        self.run(f"{self.empty_table.format(table='n')} settings {settings}")
        self.run(TABLE[-1])

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        return ClickHouseConfig(url=cast("Any", self.url), **fields)

    def unreachable(self) -> SQLDatasourceConfig:
        return ClickHouseConfig(url=cast("Any", f"clickhouse://nobody:{SECRET}@127.0.0.1:1/none"))

    def bad_credentials(self) -> SQLDatasourceConfig | None:
        url = f"clickhouse://nobody_at_all:{SECRET}@127.0.0.1:{self.port}/default"
        return ClickHouseConfig(url=cast("Any", url))

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return run_clickhouse(self.port, sql)

    def lose_connections(self) -> bool:
        hang_up(self.port)
        return True

    def running(self) -> int:
        ((count,),) = self.run(
            "select count() from system.processes where query not like '%system.processes%'"
        )
        return int(count)


HARNESSES: Sequence[type[Harness]] = (
    PostgreSQLHarness,
    SQLiteHarness,
    MySQLHarness,
    ClickHouseHarness,
)


def rows_of(datasource: Datasource, sql: str, params: object = None) -> list[dict[str, Any]]:
    """Run `query` as the host does and return the rows as a script would see them."""
    text = datasource.operations()["query"](sql, params)
    assert isinstance(text, str)
    json.loads(text)
    return decode(text)
