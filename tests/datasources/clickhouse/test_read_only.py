"""Nothing gets past a read-only ClickHouse datasource; data, disk and a listener are looked at.

A second list goes around the gate: what `readonly=1` alone must stop.
"""

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig
from analysis_sandbox.datasources.clickhouse.datasource import ClickHouseDatasource
from analysis_sandbox.datasources.clickhouse.sessions import Request, Sessions
from analysis_sandbox.datasources.pool import Pool
from analysis_sandbox.errors import (
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    ValidationFailedError,
)
from tests.datasources.clickhouse.conftest import Opener
from tests.datasources.clickhouse.process import ClickHouse

# Refused by the gate: nothing is sent.
REFUSED = (ReadOnlyError, StatementRefusedError, ValidationFailedError)
STATEMENTS = [
    "insert into victim values (2)",
    "insert into victim select 2",
    "INSERT INTO FUNCTION file('{file}', 'CSV', 'i Int32') SELECT 1",
    "insert into function url('http://127.0.0.1:{port}/', 'CSV', 'i Int32') select 1",
    "with 1 as x insert into victim select x",
    "alter table victim delete where 1",
    "alter table victim update i = 2 where 1",
    "delete from victim where 1",
    "update victim set i = 2 where 1",
    "truncate table victim",
    "drop table victim",
    "detach table victim",
    "attach table victim",
    "rename table victim to other",
    "exchange tables victim and victim",
    "create table made (i Int32) engine = Memory",
    "create table made engine = Memory as select 1",
    "create temporary table made (i Int32)",
    "create view made as select 1",
    "create function made as (x) -> x",
    "create user made",
    "grant all on *.* to tester",
    "optimize table victim final",
    "system drop mark cache",
    "system shutdown",
    "kill query where 1",
    "set readonly = 0",
    "set max_execution_time = 0",
    "use system",
    "begin transaction",
    "backup table victim to File('{file}')",
    "explain insert into victim values (2)",
    "select 1; drop table victim",
    "select 1;; truncate table victim",
    "select 1 settings readonly = 0",
    "select 1 SETTINGS max_execution_time = 0, readonly = 0",
    "select * from (select 1 settings readonly = 0)",
    "select * from victim into outfile '{file}'",
    "select * from victim INTO/**/OUTFILE '{file}' format CSV",
    "select * from victim into -- x\noutfile '{file}'",
    "select 1 union all select 2 into outfile '{file}' truncate",
    "select * from file('{secret}', 'LineAsString')",
    "select * from `file`('{secret}', 'LineAsString')",
    "select * from \"file\"('{secret}', 'LineAsString')",
    "select * from FILE ('{secret}', 'LineAsString')",
    "select * from file/**/('{secret}', 'LineAsString')",
    "select file('{secret}')",
    "select (select x from file('{secret}', 'LineAsString', 'x String') limit 1)",
    "select 1 where 1 in (select 1 from file('{secret}', 'LineAsString'))",
    "with x as (select * from file('{secret}', 'LineAsString')) select * from x",
    "explain select * from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "describe table url('http://127.0.0.1:{port}/', 'CSV')",
    "describe file('{secret}')",
    "describe (select * from file('{secret}', 'LineAsString'))",
    "select * from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select * from urlCluster('x', 'http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select * from s3('http://127.0.0.1:{port}/b/k', 'CSV', 'i Int32')",
    "select * from gcs('http://127.0.0.1:{port}/b/k', 'CSV', 'i Int32')",
    "select * from azureBlobStorage('http://127.0.0.1:{port}/', 'c', 'b', 'a', 'k')",
    "select * from hdfs('hdfs://127.0.0.1:{port}/x', 'CSV', 'i Int32')",
    "select * from iceberg('http://127.0.0.1:{port}/b/')",
    "select * from deltaLake('http://127.0.0.1:{port}/b/')",
    "select * from remote('127.0.0.1:{port}', system.one)",
    "select * from remote('127.0.0.1:{port}', 'system', 'one')",
    "select * from remoteSecure('127.0.0.1:{port}', system.one)",
    "select * from cluster('default', system.one)",
    "select * from mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "select * from postgresql('127.0.0.1:{port}', 'd', 't', 'u', 'p')",
    "select * from mongodb('127.0.0.1:{port}', 'd', 't', 'u', 'p', 'i Int32')",
    "select * from redis('127.0.0.1:{port}', 'k', 'k String, v String')",
    "select * from sqlite('{file}', 't')",
    "select * from odbc('DSN=x', 'd', 't')",
    "select * from jdbc('jdbc:mysql://127.0.0.1:{port}/', 'd', 't')",
    "select * from executable('id', 'TSV', 'x String')",
    "select * from python('x')",
    "select * from `u\\x72l`('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select * from \u201curl\u201d('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select 'it\\'s' from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select $x$ ' $x$ from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select 1 # '\n from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select 1 // '\n from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select /* /* */ ' */ 1 from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32') -- '",
    "from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32') select *",
    "",
    "nonsense",
]
# What the session refuses by itself, without the gate before it.
PAST_THE_GATE = [
    "insert into victim values (2)",
    "insert into victim select 2",
    "insert into function file('{file}', 'CSV', 'i Int32') select 1",
    "alter table victim delete where 1",
    "truncate table victim",
    "drop table victim",
    "create table made (i Int32) engine = Memory",
    "set readonly = 0",
    "select 1 settings readonly = 0",
    "select 1 settings max_execution_time = 99",
    "select * from file('{secret}', 'LineAsString')",
    "select * from url('http://127.0.0.1:{port}/', 'CSV', 'i Int32')",
    "select * from remote('127.0.0.1:{port}', system.one)",
]


@dataclass
class World:
    """What an attack could change or reach."""

    server: ClickHouse
    file: Path
    secret: Path
    listener: socket.socket

    def written(self, statement: str) -> str:
        """Return the statement with the places it aims at."""
        for name, place in (
            ("{file}", str(self.file)),
            ("{secret}", str(self.secret)),
            ("{port}", str(self.listener.getsockname()[1])),
        ):
            statement = statement.replace(name, place)
        return statement

    def is_untouched(self) -> bool:
        """Tell whether the data is there, nothing was written and nobody called."""
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            called = False
        else:
            called = True
        tables = self.server.run("show tables like 'made'")
        rows = self.server.run("select * from victim")
        return (rows, tables, self.file.exists(), called) == ([(1,)], [], False, False)


@pytest.fixture
def world(clickhouse: ClickHouse, tmp_path: Path) -> Iterator[World]:
    clickhouse.run("drop table if exists victim")
    clickhouse.run("create table victim (i Int32) engine = MergeTree order by i")
    clickhouse.run("insert into victim values (1)")
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret", encoding="utf-8")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.setblocking(False)
        yield World(clickhouse, tmp_path / "out.csv", secret, listener)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_gate_refuses_it(world: World, reading: ClickHouseDatasource, statement: str) -> None:
    with pytest.raises(REFUSED):
        reading.query(world.written(statement))

    assert world.is_untouched()


@pytest.mark.parametrize("statement", PAST_THE_GATE)
@pytest.mark.parametrize("user", ["tester", "reader"])
def test_the_session_refuses_it_by_itself(world: World, user: str, statement: str) -> None:
    config = ClickHouseConfig.model_validate({"url": world.server.url_of(user)})
    sessions = Sessions(config, name="db")
    pool = Pool(sessions, size=1, wait_seconds=5, name="db")
    with (
        contextlib.closing(pool),
        pytest.raises(ReadOnlyError),
        pool.lease() as lease,
        sessions.run(lease, Request(world.written(statement), seconds=5)) as answer,
    ):
        answer.finish()

    assert world.is_untouched()


READS = [
    ("select 1 as x", [{"x": 1}]),
    ("SELECT toInt32(count()) AS x FROM victim PREWHERE i = 1 LIMIT 1 BY x", [{"x": 1}]),
    ("with 5 as k select i + k as x from victim", [{"x": 6}]),
    ("with t as (select 1 as x) select * from t", [{"x": 1}]),
    ("select x from (select 2 as x union all select 2 as x) limit 1", [{"x": 2}]),
    ("select number as x from numbers(1)", [{"x": 0}]),
    ("select 'insert into victim; drop' as x", [{"x": "insert into victim; drop"}]),
    ("select 'it\\'s; url(' as x -- file('x')", [{"x": "it's; url("}]),
    ("select sum(i) filter (where i = 1) as x from victim", [{"x": 1}]),
    ("select tupleElement(tuple(7), 1) as x", [{"x": 7}]),
    ("select arrayMap(a -> a + 1, [1, 2]) as x", [{"x": [2, 3]}]),
    ("select url as x from (select 'a' as url)", [{"x": "a"}]),
    ("exists table victim", [{"result": 1}]),
    ("select 1 as x;", [{"x": 1}]),
]


@pytest.mark.parametrize(("sql", "rows"), READS)
def test_what_only_reads_is_let_through(
    world: World, reading: ClickHouseDatasource, sql: str, rows: list[dict[str, object]]
) -> None:
    assert json.loads(reading.query(sql)) == rows
    assert world.is_untouched()


@pytest.mark.parametrize("user", ["tester", "reader", "careful"])
def test_the_layers_that_hold_are_told(opened: Opener, user: str) -> None:
    checks = {check.name: check for check in opened(user).test()}

    assert list(checks) == ["connection", "gate", "session", "role"]
    assert checks["connection"].ok
    assert checks["session"].ok
    # The engine's only user may do everything.
    assert not checks["role"].ok
    assert "INSERT" in checks["role"].detail or "…" in checks["role"].detail


def test_a_user_with_a_read_only_profile_can_read(opened: Opener) -> None:
    for user in ("reader", "careful"):
        assert json.loads(opened(user).query("select ? as x", ["é"])) == [{"x": "é"}]


def test_a_profile_that_refuses_writes_is_an_error_under_read_write(
    world: World, opened: Opener
) -> None:
    datasource = opened("reader", access="read_write")

    with pytest.raises(QueryError, match="readonly"):
        datasource.execute("insert into victim values (2)")
    assert world.is_untouched()


@pytest.mark.parametrize("sql", ["set max_threads = 1", "use system", "begin transaction"])
def test_what_would_not_outlast_the_call_is_refused(
    writing: ClickHouseDatasource, sql: str
) -> None:
    with pytest.raises(StatementRefusedError, match="does not outlast a call"):
        writing.execute(sql)


def test_the_format_of_the_rows_is_ours(reading: ClickHouseDatasource) -> None:
    with pytest.raises(StatementRefusedError):
        reading.query("select 1 as x format JSON")
    assert json.loads(reading.query("select 1 as x")) == [{"x": 1}]
