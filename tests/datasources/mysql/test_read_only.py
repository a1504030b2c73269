"""Nothing gets past a read-only MySQL datasource, not even with every right on the server.

Every attempt goes through `query`, `stream` and `read_arrow`; then the data, the server's state and
its disk are looked at. A second list goes around the gate: what the session alone must stop.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, cast

import pymysql
import pytest

from analysis_sandbox.datasources.mysql.config import MySQLConfig
from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from analysis_sandbox.datasources.mysql.sessions import Sessions
from analysis_sandbox.datasources.pool import Pool
from analysis_sandbox.errors import (
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    ValidationFailedError,
)
from tests.datasources.harnesses import rows_of
from tests.datasources.mysql.server import MariaDB

SETUP = (
    "drop database if exists bypass",
    "create database bypass",
    "create table bypass.victim (i int primary key, t text)",
    "insert into bypass.victim values (1, 'one')",
    "create table bypass.mortal (i int) engine = myisam",
    "insert into bypass.mortal values (1)",
    "create sequence bypass.counter",
    """create function bypass.evil() returns int modifies sql data
       begin delete from bypass.victim; return 1; end""",
    """create function bypass.sneaky() returns int modifies sql data
       begin
         set session tx_read_only = 0;
         set session sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES';
         delete from bypass.victim; return 1;
       end""",
    """create function bypass.locking() returns int
       begin return get_lock('analysis', 0); end""",
    """create procedure bypass.evil_procedure()
       begin delete from bypass.victim; commit; end""",
    "create view bypass.evil_view as select bypass.evil() as e",
)

REFUSED = [
    # data
    "delete from bypass.victim",
    "update bypass.victim set i = 2",
    "insert into bypass.victim values (2, 'two')",
    "replace into bypass.victim values (1, 'two')",
    "truncate bypass.victim",
    "insert into bypass.victim values (2, 'x') returning i",
    "with d as (select 1) delete from bypass.victim",
    "explain delete from bypass.victim",
    "analyze delete from bypass.victim",
    "analyze format=json update bypass.victim set i = 2",
    "explain analyze delete from bypass.victim",
    "handler bypass.victim open",
    "load data infile '/etc/hostname' into table bypass.victim",
    "load data local infile '/etc/hostname' into table bypass.victim",
    "load xml infile '/etc/hostname' into table bypass.victim",
    # more than one statement
    "select 1; delete from bypass.victim",
    "select 1; commit; delete from bypass.victim",
    "delimiter //\ndelete from bypass.victim//",
    "select ';'; delete from bypass.victim",
    "select '\\\\'; delete from bypass.victim; -- '",
    "select 1 # \n; delete from bypass.victim",
    "select 1 -- \n; delete from bypass.victim",
    "select 1 /* /* */; delete from bypass.victim",
    "select 1 as `a;`; delete from bypass.victim",
    # comments that are code
    "select 1 /*!50000 into outfile '{file}' */",
    "select 1 /*M!100000 into outfile '{file}' */",
    "select 1 /*m! into outfile '{file}' */",
    "/*! delete from bypass.victim */",
    "/*!99999 select */ delete from bypass.victim",
    "select /*!load_file*/('/etc/hostname')",
    "select 1 /*! ; delete from bypass.victim */",
    "select 1 /*!*/ into outfile '{file}'",
    # files
    "select 'x' into outfile '{file}'",
    "select 'x' into dumpfile '{file}'",
    "select * from bypass.victim into outfile '{file}'",
    "(select 'x') union (select 'y' into outfile '{file}')",
    "select 'x' into @a",
    "values (1) into outfile '{file}'",
    # A comment needs a space or any control character.
    "select 1 --\x7f '\n into outfile '{file}' -- '",
    # A number needs no space after it.
    "select 1.into outfile '{file}'",
    "select 1e1into outfile '{file}'",
    "select .5into dumpfile '{file}'",
    "select 1.e1into outfile '{file}'",
    "select 1.into@a",
    "select * from bypass.victim where i=1.for update",
    "select 1.e",
    "select load_file('/etc/hostname')",
    "select LOAD_FILE ('/etc/hostname')",
    "select `load_file`('/etc/hostname')",
    "select/**/load_file/**/('/etc/hostname')",
    "select 1.load_file('/etc/hostname')",
    "select 1.e(load_file('/etc/hostname'))",
    "select 1e5load_file('/etc/hostname')",
    "select * from (select load_file('/etc/hostname')) x",
    "show tables where load_file('/etc/hostname')",
    # functions
    "select bypass.evil()",
    "select * from bypass.evil_view",
    "select bypass.sneaky()",
    "select get_lock('analysis', 0)",
    "select GET_LOCK('analysis', 0)",
    "select release_lock('analysis')",
    "select nextval(bypass.counter)",
    "select next value for bypass.counter",
    "select NEXT /**/ VALUE FOR bypass.counter",
    "select setval(bypass.counter, 100)",
    "select master_pos_wait('x', 1, 1)",
    "select sys_exec('touch {file}')",
    "select spider_direct_sql('select 1', '', 'host \"127.0.0.1\"')",
    "do release_all_locks()",
    # locks
    "select * from bypass.victim for update",
    "select * from bypass.victim for update skip locked",
    "select * from bypass.victim lock in share mode",
    "select * from bypass.victim for share",
    "lock tables bypass.victim write",
    "flush tables with read lock",
    # making things
    "create table bypass.made as select 1",
    "create temporary table made (i int)",
    "create or replace view bypass.made as select 1",
    "drop table bypass.victim",
    "alter table bypass.victim add column j int",
    "rename table bypass.victim to bypass.other",
    "optimize table bypass.victim",
    "analyze table bypass.victim",
    "create user made",
    "grant all on *.* to analyst",
    "set password = password('x')",
    "install soname 'ha_connect'",
    # running things
    "call bypass.evil_procedure()",
    "prepare p from 'delete from bypass.victim'",
    "execute immediate 'delete from bypass.victim'",
    "begin not atomic delete from bypass.victim; end",
    "set statement max_statement_time = 0 for select 1",
    # session and server
    "set session transaction read write",
    "set @@session.tx_read_only = 0",
    "set global max_connections = 5",
    "set sql_mode = 'ANSI_QUOTES'",
    "set names gbk",
    "start transaction read write",
    "commit",
    "rollback",
    "savepoint x",
    "xa start 'x'",
    "kill 1",
    "shutdown",
    "flush status",
    "reset query cache",
    "use mysql",
    "change master to master_host = 'x'",
    "purge binary logs before now()",
    "binlog 'x'",
    "help 'select'",
    # not understood
    "",
    "-- nothing",
    "# nothing",
    "selec 1",
    "select (",
    "select 'x",
    'select "x',
    "select `x",
    "select 1 /* x",
    "select 'x\\'",
]

REFUSALS = (ReadOnlyError, StatementRefusedError, QueryError, ValidationFailedError)

AROUND_THE_GATE = [
    "delete from bypass.victim",
    "delete from bypass.mortal",
    "truncate bypass.victim",
    "insert into bypass.victim values (2, 'x') returning i",
    "select bypass.evil()",
    "select bypass.sneaky()",
    "select 1; delete from bypass.victim",
    "commit",
    "set session transaction read write",
    "set @@session.tx_read_only = 0, @@session.sql_mode = 'ANSI_QUOTES'",
    "analyze delete from bypass.victim",
    "call bypass.evil_procedure()",
    "select next value for bypass.counter",
    "create table bypass.made as select 1",
    "drop table bypass.victim",
    "execute immediate 'delete from bypass.victim'",
    "load data local infile '/etc/hostname' into table bypass.victim",
    "select get_lock('analysis', 0)",
]

ALLOWED: list[tuple[str, list[dict[str, Any]]]] = [
    ("select i from bypass.victim;", [{"i": 1}]),
    ("select '\\'; delete from x; -- ' as a", [{"a": "'; delete from x; -- "}]),
    ('select "\\"; delete from x; -- " as a', [{"a": '"; delete from x; -- '}]),
    ("(select 1 as a) union all (select 2)", [{"a": 1}, {"a": 2}]),
    ("with recursive t (n) as (select 1) select n from t -- done", [{"n": 1}]),
    ("select 'delete; -- # /*! */' as `insert`", [{"insert": "delete; -- # /*! */"}]),
    ('select "it\'s \\" `x`" as a', [{"a": "it's \" `x`"}]),
    ("select 1 as a # done", [{"a": 1}]),
    ("select 5--1 as a", [{"a": 6}]),
    ("select 1e1 as a, .5 as b, 0x41 as c, 1. as d", [{"a": 10, "b": 0.5, "c": b"A", "d": 1}]),
    ("select count(*) as c from bypass.victim where t like '%ne'", [{"c": 1}]),
    ("show tables in bypass like 'victim'", [{"Tables_in_bypass (victim)": "victim"}]),
    ("show variables like 'tx_read_only'", [{"Variable_name": "tx_read_only", "Value": "ON"}]),
    ("select 1e+1 as a, 1e1b, 2.c, .5e1 as d", [{"a": 10, "b": 10, "c": 2, "d": 5}]),
    ("select `1a` as x, 1a as y from (select 1 as 1a) t", [{"x": 1, "y": 1}]),
    ("select @@tx_read_only as r", [{"r": 1}]),
]


@pytest.fixture(scope="module", autouse=True)
def victim(mariadb: MariaDB) -> Iterator[None]:
    for statement in SETUP:
        mariadb.run(statement)
    yield
    mariadb.run("drop database bypass")


def fingerprint(mariadb: MariaDB) -> list[object]:
    """Return everything an attempt could have changed."""
    queries = (
        "select * from bypass.victim",
        "select * from bypass.mortal",
        "select next_not_cached_value from bypass.counter",
        "select table_name from information_schema.tables where table_schema = 'bypass' order by 1",
        "select column_name from information_schema.columns where table_schema = 'bypass'",
        "select user, host, authentication_string from mysql.user order by 1, 2",
        "select @@global.sql_mode, @@global.max_connections, @@global.tx_read_only",
        "select is_used_lock('analysis')",
        "select count(*) from mysql.plugin",
    )
    files = sorted(path.name for path in (mariadb.directory / "files").iterdir())
    return [files, *(mariadb.run(query) for query in queries)]


@pytest.mark.parametrize("sql", REFUSED)
def test_an_attempt_to_do_more_than_read_changes_nothing(
    read_only: MySQLDatasource, mariadb: MariaDB, sql: str
) -> None:
    before = fingerprint(mariadb)
    sql = sql.replace("{file}", str(mariadb.directory / "files" / "stolen.txt"))

    for attempt in (sql, f"{sql};", f"-- x\n{sql}", f"/* x */{sql}"):
        with pytest.raises(REFUSALS):
            read_only.query(attempt)
    with pytest.raises(REFUSALS):
        list(read_only.stream(sql))
    with pytest.raises(REFUSALS), read_only.read_arrow(sql) as reader:
        reader.read_all()

    assert fingerprint(mariadb) == before
    assert read_only.query("select 1 as one") == '[{"one":1}]'


@pytest.mark.parametrize("sql", AROUND_THE_GATE)
def test_the_session_alone_keeps_the_data(mariadb: MariaDB, sql: str) -> None:
    config = MySQLConfig(url=cast("Any", mariadb.url), query_timeout_seconds=5)
    sessions = Sessions(config, name="db")
    pool = Pool(sessions, size=1, wait_seconds=5, name="db")
    before = fingerprint(mariadb)

    for attempt in (sql, "delete from bypass.victim", "select bypass.sneaky()"):
        with contextlib.suppress(pymysql.err.Error), pool.lease() as lease:
            list(iter(sessions.run(lease.connection, attempt).fetchone, None))
    pool.close()

    assert fingerprint(mariadb) == before


def test_a_lock_that_a_function_takes_ends_with_its_statement(
    read_only: MySQLDatasource, mariadb: MariaDB
) -> None:
    assert json.loads(read_only.query("select bypass.locking() as l")) == [{"l": 1}]

    assert mariadb.run("select is_used_lock('analysis')") == [(None,)]


def test_what_a_statement_sets_the_next_does_not_see(read_only: MySQLDatasource) -> None:
    assert json.loads(read_only.query("select @a := 5 as a")) == [{"a": 5}]
    with contextlib.suppress(ReadOnlyError, QueryError):
        read_only.query("select bypass.sneaky()")

    assert json.loads(read_only.query("select @a as a, @@tx_read_only as r")) == [
        {"a": None, "r": 1}
    ]


@pytest.mark.parametrize(("sql", "rows"), ALLOWED)
def test_what_only_reads_runs(
    read_only: MySQLDatasource, sql: str, rows: list[dict[str, Any]]
) -> None:
    assert rows_of(read_only, sql) == rows
