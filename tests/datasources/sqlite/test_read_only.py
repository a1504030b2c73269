"""Nothing gets past a read-only SQLite datasource; the data and the disk are looked at.

A second list goes around the gate: what the session alone must stop.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis_sandbox.datasources.pool import Pool
from analysis_sandbox.datasources.sqlite.datasource import SQLiteConfig, SQLiteDatasource
from analysis_sandbox.datasources.sqlite.sessions import Sessions
from analysis_sandbox.errors import (
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    ValidationFailedError,
)

REFUSALS = (ReadOnlyError, StatementRefusedError, QueryError, ValidationFailedError)
REFUSED = [
    "delete from victim",
    "update victim set i = 2",
    "insert into victim values (2)",
    "replace into victim values (2)",
    "insert into victim values (2) returning i",
    "with a as (select 1) delete from victim",
    "with a as (select 1) insert into victim select * from a",
    "explain delete from victim",
    "explain query plan delete from victim",
    "update sqlite_master set sql = ''",
    "delete from sqlite_master",
    "create table made (i)",
    "create table made as select 1",
    "create temp table made (i)",
    "create view made as select 1",
    "create trigger made after insert on victim begin select 1; end",
    "create virtual table made using fts5(a)",
    "drop table victim",
    "alter table victim add column j",
    "analyze",
    "reindex",
    "vacuum",
    "vacuum into '{file}'",
    "attach '{file}' as other",
    "attach ':memory:' as other",
    "detach main",
    "begin",
    "begin immediate",
    "commit",
    "rollback",
    "savepoint x",
    "release x",
    "pragma query_only = off",
    "pragma writable_schema = on",
    "pragma journal_mode = wal",
    "pragma user_version = 7",
    "pragma temp_store_directory = '/tmp'",
    "pragma database_list",
    "select * from pragma_database_list",
    "select * from pragma_user_version(7)",
    "select * from pragma_journal_mode('wal')",
    "select 1; delete from victim",
    "select 1;;delete from victim",
    "select ';'; delete from victim",
    "select [;]; delete from victim",
    "select `;`; delete from victim",
    "select 1 /* /* */; delete from victim --*/",
    "select '\\'; delete from victim --'",
    "select load_extension('x')",
    "select LOAD_EXTENSION ('x')",
    "select \"load_extension\"('x')",
    "select [load_extension]('x')",
    "select `load_extension`('x')",
    "select fts3_tokenizer('simple')",
    "select writefile('{file}', 'x')",
    "select readfile('/etc/hostname')",
    "select edit('x')",
    "",
    "-- nothing",
    "selec 1",
    "select 'x",
    "select [x",
    "select 1 /* x",
]
AROUND_THE_GATE = [
    "delete from victim",
    "insert into victim values (2) returning i",
    "with a as (select 1) delete from victim",
    "update sqlite_master set sql = ''",
    "create temp table made (i)",
    "create virtual table made using fts5(a)",
    "attach '{file}' as other",
    "vacuum into '{file}'",
    "pragma query_only = off",
    "pragma writable_schema = on",
    "pragma journal_mode = wal",
    "pragma user_version = 7",
    "begin immediate",
    "select load_extension('x')",
    "select 1; delete from victim",
]
ALLOWED = [
    ("select i from victim;", [{"i": 1}]),
    ("values (1)", [{"column1": 1}]),
    ("with recursive t (n) as (select 1) select n from t -- done", [{"n": 1}]),
    (
        "select 'delete from x' as \"insert\", ';' as [a;b]",
        [{"insert": "delete from x", "a;b": ";"}],
    ),
    ("select value from json_each('[1, 2]')", [{"value": 1}, {"value": 2}]),
    ("select name from pragma_table_info('victim')", [{"name": "i"}]),
    ("select count(*) as c from sqlite_master where name = 'victim'", [{"c": 1}]),
    ("select a from words where words match 'hello'", [{"a": "hello world"}]),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "victim.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "create table victim (i int); insert into victim values (1);"
            "create virtual table words using fts5(a); insert into words values ('hello world');"
        )
    return path


@pytest.fixture
def read_only(file: Path) -> Iterator[SQLiteDatasource]:
    datasource = SQLiteDatasource.open(SQLiteConfig(path=file), name="db")
    yield datasource
    datasource.close()


def disk(directory: Path) -> dict[str, str]:
    """Return every file with a digest of its contents."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("sql", REFUSED)
def test_an_attempt_to_do_more_than_read_changes_nothing(
    read_only: SQLiteDatasource, tmp_path: Path, sql: str
) -> None:
    before = disk(tmp_path)
    sql = sql.replace("{file}", str(tmp_path / "made.db"))

    for attempt in (sql, f"{sql};", f"-- x\n{sql}", f"/* x */{sql}"):
        with pytest.raises(REFUSALS):
            read_only.query(attempt)
    with pytest.raises(REFUSALS), read_only.read_arrow(sql) as reader:
        reader.read_all()

    assert disk(tmp_path) == before
    assert read_only.query("select i from victim") == '[{"i":1}]'


@pytest.mark.parametrize("sql", AROUND_THE_GATE)
def test_the_session_alone_keeps_the_data(file: Path, tmp_path: Path, sql: str) -> None:
    sessions = Sessions(file, name="db", read_only=True, query_timeout_seconds=5)
    pool = Pool(sessions, size=1, wait_seconds=5, name="db")
    before = disk(tmp_path)
    sql = sql.replace("{file}", str(tmp_path / "made.db"))

    for attempt in (sql, "delete from victim"):
        with pytest.raises((sqlite3.Error, sqlite3.Warning)), pool.lease() as lease:
            lease.connection.connection.execute(attempt).fetchall()
    pool.close()

    assert disk(tmp_path) == before


@pytest.mark.parametrize(
    "sql",
    [
        "attach '{file}' as other",
        "vacuum into '{file}'",
        "pragma journal_mode = wal",
        "select load_extension('x')",
        "begin",
        "savepoint x",
    ],
)
def test_a_writable_datasource_reaches_no_other_file_or_setting(
    file: Path, tmp_path: Path, sql: str
) -> None:
    datasource = SQLiteDatasource.open(SQLiteConfig(path=file, access="read_write"), name="db")
    before = disk(tmp_path)

    with pytest.raises((StatementRefusedError, QueryError)):
        datasource.query(sql.replace("{file}", str(tmp_path / "made.db")))

    assert disk(tmp_path) == before
    datasource.close()


@pytest.mark.parametrize(("sql", "rows"), ALLOWED)
def test_what_only_reads_runs(
    read_only: SQLiteDatasource, sql: str, rows: list[dict[str, object]]
) -> None:
    assert json.loads(read_only.query(sql)) == rows
