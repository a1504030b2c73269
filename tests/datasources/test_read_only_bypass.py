"""A read-only datasource of any SQL type cannot be talked round.

Each database's account could do everything. What was attempted is looked for where it would show:
in the data and the schema, on the disk, at a port that nobody may connect to, and in the log of
the server, which never sees what the gate refuses.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from analysis_sandbox.datasources.base import ArrowReadable, Datasource, find_stream
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
)
from tests.datasources.harnesses import HARNESSES, ROWS, Harness, rows_of

REFUSALS = (ReadOnlyError, StatementRefusedError)
# Any of them would do: each goes to its server through `query`, `stream` and `read_arrow`.
EVERYWHERE = [
    "delete from n",
    "insert into n values (4, 'four')",
    "update n set t = 'x'",
    "drop table n",
    "create table made (i int)",
    "alter table n add column j int",
    "truncate table n",
    "select 1; delete from n",
    "select ';'; delete from n; --",
    "select 1 /* ; */; drop table n",
    "with a as (select 1) delete from n",
    "with a as (select 1 as i) insert into n select i, 'x' from a",
    "explain analyze delete from n",
    "-- a comment\ndelete from n",
    "/* a comment */ delete from n",
    "(delete from n)",
    "select * from (delete from n) as x",
    "DeLeTe\tFROM n",
    "select 1 union delete from n",
    "create view made as select 1",
    "grant all on n to public",
]
OF_TYPE: Mapping[str, list[str]] = {
    "postgresql": [
        "commit; delete from n",
        "select 1; commit; delete from n",
        "begin read write; delete from n",
        "set transaction_read_only = off",
        "set transaction read write",
        "select set_config('transaction_read_only', 'off', false)",
        "with d as (delete from n returning *) select * from d",
        "select * into made from n",
        "copy n to '{file}'",
        "copy (select 1) to program 'touch {file}'",
        "select lo_export(lo_from_bytea(0, 'x'), '{file}')",
        "select pg_catalog.lo_import('/etc/hostname')",
        "select \"pg_read_file\"('/etc/hostname')",
        "select ('/etc/hostname').pg_read_file",
        "select pg_advisory_lock(1)",
        "select pg_notify('a', 'b')",
        "select pg_terminate_backend(pid) from pg_stat_activity",
        "select dblink_connect('host=127.0.0.1 port={port}')",
        "select * from dblink('host=127.0.0.1 port={port}', 'select 1') as t (a int)",
        "select query_to_xml('delete from n', true, true, '')",
        "do $$ begin delete from n; end $$",
        "select $a$ $b$ $a$; delete from n; --$b$",
        "select e'\\''; delete from n; --'",
        "explain (analyze) create table made as select 1",
        "select * from n for update",
        "create subscription made connection 'host=127.0.0.1 port={port}' publication x",
        "create server made foreign data wrapper postgres_fdw options (host '127.0.0.1')",
    ],
    "sqlite": [
        "attach '{file}' as other",
        "vacuum into '{file}'",
        "pragma query_only = off",
        "pragma writable_schema = on",
        "select * from pragma_database_list",
        "select load_extension('{file}')",
        "select [load_extension]('{file}')",
        "insert into n values (4, 'four') returning i",
        "replace into n values (1, 'x')",
        "explain delete from n",
        "reindex",
        "begin immediate",
        "create temp table made (i int)",
        "select `;`; delete from n",
        "select fts3_tokenizer('simple')",
    ],
    "mysql": [
        "select 1 into outfile '{file}'",
        "select 1 into dumpfile '{file}'",
        "select 1 /*!50000 into outfile '{file}' */",
        "select 1 /*M!100000 into outfile '{file}' */",
        "/*! delete from n */",
        "set global read_only = 0",
        "set session transaction read write",
        "start transaction read write",
        "commit work",
        "select load_file('/etc/hostname')",
        "select `load_file`('/etc/hostname')",
        "load data infile '/etc/hostname' into table n",
        "do sleep(0)",
        "call made()",
        "select get_lock('a', 1)",
        "select * from n for update",
        "select * from n lock in share mode",
        "lock tables n write",
        "handler n open",
        "analyze delete from n",
        "analyze table n",
        "prepare p from 'delete from n'",
        "execute immediate 'delete from n'",
        "change master to master_host = '127.0.0.1', master_port = {port}",
        "create server made foreign data wrapper mysql options (host '127.0.0.1', port {port})",
        "select 1 into @x",
        "select 1 # \n; delete from n",
        "install plugin x soname 'x.so'",
        "flush tables with read lock",
        "kill 1",
    ],
    "clickhouse": [
        "insert into function file('{file}', 'CSV', 'a Int8') select 1",
        "select 1 into outfile '{file}'",
        "select 1\u00a0into\u00a0outfile '{file}'",
        "select * from file('/etc/hostname', 'CSV', 'a String')",
        "select * from `file`('/etc/hostname', 'CSV', 'a String')",
        "select file('/etc/hostname')",
        "select a apply(file) from (select '/etc/hostname' as a)",
        "select * from url('http://127.0.0.1:{port}/', 'CSV', 'a String')",
        "select * from view(select * from url('http://127.0.0.1:{port}/', 'CSV', 'a String'))",
        "select * from n where i in (select a from url('http://127.0.0.1:{port}/', CSV, 'a Int8'))",
        "select * from remote('127.0.0.1:{port}', 'default', 'n')",
        "select * from mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
        "select * from postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
        "select * from s3('http://127.0.0.1:{port}/a/b.csv', 'CSV', 'a String')",
        "describe table url('http://127.0.0.1:{port}/', 'CSV')",
        "select * from executable('touch {file}', 'CSV', 'a String', (select 1))",
        "select * from eval('drop table n')",
        "select 1 settings readonly = 0",
        "set readonly = 0",
        "drop table n sync",
        "optimize table n",
        "alter table n delete where 1",
        "system shutdown",
        "kill query where 1",
        "attach table made from '{file}' (a Int8) engine = Log",
        (
            "create dictionary made (a UInt64) primary key a source(http(url 'http://127.0.0.1:{port}/'"
            " format 'CSV')) layout(flat()) lifetime(1)"
        ),
        "backup table n to File('{file}')",
        "explain insert into n values (4, 'x')",
        "select \u2018a; drop table n",
    ],
}
# What passes the gate, for nobody knows what a function does: the session must stop it.
BY_FUNCTIONS: Mapping[str, tuple[tuple[str, ...], list[str]]] = {
    "postgresql": (
        (
            (
                "create or replace function evil() returns int language plpgsql as "
                "$$ begin delete from n; return 1; end $$"
            ),
            (
                "create or replace function sneaky() returns int language plpgsql as "
                "$$ begin perform set_config('transaction_read_only', 'off', false); "
                "delete from n; return 1; end $$"
            ),
        ),
        ["select evil()", "select sneaky()", "select * from n where i = evil()"],
    ),
    "mysql": (
        (
            (
                "create or replace function evil() returns int modifies sql data "
                "begin delete from n; return 1; end"
            ),
            (
                "create or replace function sneaky() returns int modifies sql data "
                "begin set session tx_read_only = 0; delete from n; return 1; end"
            ),
        ),
        ["select evil()", "select sneaky()", "select * from n where i = evil()"],
    ),
}


@dataclass
class Surroundings:
    """Where what was attempted would show."""

    file: Path
    port: int
    connections: list[object]
    log: Callable[[], str]

    def attempt(self, sql: str) -> str:
        """Return a statement with the file and the port that it must not reach."""
        return sql.replace("{file}", str(self.file)).replace("{port}", str(self.port))


@pytest.fixture
def surroundings(
    harness: Harness, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Surroundings]:
    server = _server(harness, request)
    directory = getattr(server, "directory", tmp_path)
    connections: list[object] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as trap,
        _logging(harness, server) as log,
    ):
        thread = threading.Thread(target=_accept, args=(trap, connections), daemon=True)
        thread.start()
        yield Surroundings(
            file=directory / "written.csv",
            port=trap.getsockname()[1],
            connections=connections,
            log=log,
        )
        # Wakes the thread, which waits for a connection, and ends it.
        with contextlib.suppress(OSError):
            trap.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _accept(trap: socket.socket, connections: list[object]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, address = trap.accept()
            connections.append(address)
            connection.close()


def _server(harness: Harness, request: pytest.FixtureRequest) -> Any:
    fixtures = {"postgresql": "postgres", "mysql": "mariadb", "clickhouse": "clickhouse"}
    fixture = fixtures.get(harness.type_name)
    return request.getfixturevalue(fixture) if fixture else None


@contextlib.contextmanager
def _logging(harness: Harness, server: Any) -> Generator[Callable[[], str]]:
    """Give what reads the statements that the server got; a file has no server."""
    if harness.type_name == "postgresql":
        file = cast("Path", server.directory) / "log"
        harness.run("alter system set log_statement = 'all'")
        harness.run("select pg_reload_conf()")
        start = file.stat().st_size
        try:
            yield lambda: file.read_bytes()[start:].decode("utf-8", "replace")
        finally:
            harness.run("alter system reset log_statement")
            harness.run("select pg_reload_conf()")
    elif harness.type_name == "mysql":
        harness.run("set global log_output = 'TABLE'")
        harness.run("truncate table mysql.general_log")
        harness.run("set global general_log = 1")
        try:
            yield lambda: "\n".join(
                _text(row[0]) for row in harness.run("select argument from mysql.general_log")
            )
        finally:
            harness.run("set global general_log = 0")
    else:
        yield lambda: ""


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def attempts(datasource: Datasource, sql: str) -> Iterator[Callable[[], object]]:
    """Every way in which a statement reaches the database."""
    assert isinstance(datasource, ArrowReadable)
    readable = datasource
    yield lambda: rows_of(datasource, sql)
    yield lambda: list(find_stream(datasource, "stream", name="db")(sql))

    def load() -> None:
        with readable.read_arrow(sql) as reader:
            reader.read_all()

    yield load


def state(harness: Harness, writable: Any) -> object:
    """Return the data, and what else there is."""
    return (harness.rows(), [entry["name"] for entry in writable.catalog()])


def cases(statements: Callable[[str], list[str]]) -> list[Any]:
    """Give each type the statements that mean something to it."""
    return [
        pytest.param(kind, sql, id=f"{kind.type_name}-{number}")
        for kind in HARNESSES
        for number, sql in enumerate(statements(kind.type_name), 1)
    ]


@pytest.mark.parametrize(
    ("harness", "sql"),
    cases(lambda kind: EVERYWHERE + OF_TYPE.get(kind, [])),
    indirect=["harness"],
)
def test_what_writes_never_reaches_the_server(
    harness: Harness, surroundings: Surroundings, sql: str
) -> None:
    attempted = surroundings.attempt(sql)
    before = state(harness, harness.open(access="read_write"))

    for attempt in attempts(harness.open(), attempted):
        with pytest.raises(REFUSALS):
            attempt()

    assert state(harness, harness.open(access="read_write")) == before
    assert harness.rows() == ROWS
    assert not surroundings.file.exists()
    assert surroundings.connections == []
    assert attempted not in surroundings.log()
    assert rows_of(harness.open(), "select count(*) as c from n") == [{"c": 3}]


@pytest.mark.parametrize(
    ("harness", "sql"),
    cases(lambda kind: BY_FUNCTIONS.get(kind, ((), []))[1]),
    indirect=["harness"],
)
def test_functions_that_write_are_stopped_by_the_session(
    harness: Harness, surroundings: Surroundings, sql: str
) -> None:
    for statement in BY_FUNCTIONS[harness.type_name][0]:
        harness.run(statement)

    for attempt in attempts(harness.open(), sql):
        with pytest.raises((ReadOnlyError, QueryError)):
            attempt()

    assert harness.rows() == ROWS
    assert sql in surroundings.log()


def test_a_statement_that_was_refused_changes_nothing_for_the_next_one(harness: Harness) -> None:
    datasource = harness.open(pool_size=1)
    for sql in EVERYWHERE:
        with contextlib.suppress(AnalysisSandboxError):
            rows_of(datasource, sql)
    with pytest.raises(ReadOnlyError):
        rows_of(datasource, "delete from n")

    assert harness.rows() == ROWS
