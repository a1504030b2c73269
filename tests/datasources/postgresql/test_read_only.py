"""Nothing gets past a read-only PostgreSQL datasource, not even with a superuser's rights.

Every attempt goes through `query` and `read_arrow`; then the data, the server's state and its disk
are looked at. A second list goes around the gate: what the session alone must stop.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from psycopg import RawCursor

from analysis_sandbox.datasources.pool import Pool
from analysis_sandbox.datasources.postgresql.datasource import (
    PostgreSQLConfig,
    PostgreSQLDatasource,
)
from analysis_sandbox.datasources.postgresql.sessions import Sessions, SessionSettings
from analysis_sandbox.errors import (
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    ValidationFailedError,
)
from tests.datasources.conftest import Server

SETUP = """
    drop schema if exists bypass cascade; create schema bypass; set search_path = bypass;
    create table victim (i int); insert into victim values (1);
    create sequence counter;
    create function evil() returns int language plpgsql as
        $$ begin delete from bypass.victim; return 1; end $$;
    create function sneaky() returns int language plpgsql as
        $$ begin perform set_config('transaction_read_only', 'off', false);
           perform set_config('default_transaction_read_only', 'off', false);
           delete from bypass.victim; return 1; end $$;
    create function lingering() returns text language sql as
        $$ select set_config('search_path', 'lingering', false) $$;
    create function locking() returns text language sql as
        $$ select pg_advisory_lock(77)::text $$;
    create procedure evil_procedure() language plpgsql as
        $$ begin delete from bypass.victim; commit; end $$;
    create view evil_view as select bypass.evil();
    create type pair as (a int, b int);
"""

REFUSED = [
    # data
    "delete from bypass.victim",
    "update bypass.victim set i = 2",
    "insert into bypass.victim values (2)",
    "truncate bypass.victim",
    "merge into bypass.victim v using (select 1) s on true when matched then delete",
    "with d as (delete from bypass.victim returning *) select * from d",
    "with d as (insert into bypass.victim values (2) returning *) select * from d",
    "with d as materialized (update bypass.victim set i = 2 returning *) select * from d",
    "select * from (with d as (delete from bypass.victim returning *) select * from d) x",
    "with a as (select 1) delete from bypass.victim",
    "explain analyze delete from bypass.victim",
    "explain (analyze, verbose) update bypass.victim set i = 2",
    "explain analyze with d as (delete from bypass.victim returning *) select * from d",
    "explain (analyze) create table bypass.made as select 1",
    # more than one statement
    "select 1; delete from bypass.victim",
    "select 1; commit; delete from bypass.victim",
    "commit; delete from bypass.victim",
    "begin read write; delete from bypass.victim",
    "select 1;;delete from bypass.victim;",
    "select ';'; delete from bypass.victim",
    "select 1 /* /* */ */; delete from bypass.victim",
    "select $$ ; $$; delete from bypass.victim",
    "select $a$ $b$ $a$; delete from bypass.victim; --$b$",
    "select e'\\''; delete from bypass.victim; --'",
    "select '\\'; delete from bypass.victim; --'",
    "select e'a'\n'\\''; delete from bypass.victim; --'",
    'select 1 as "a;"; delete from bypass.victim',
    "select 1\u00a0; delete from bypass.victim",
    # making things
    "select * into bypass.made from bypass.victim",
    "create table bypass.made as select 1",
    "create temp table made (i int)",
    "create function bypass.made() returns int language sql as 'select 1'",
    "drop table bypass.victim",
    "alter table bypass.victim add column j int",
    "grant all on bypass.victim to public",
    "comment on table bypass.victim is 'x'",
    "refresh materialized view bypass.evil_view",
    "vacuum bypass.victim",
    "reindex table bypass.victim",
    "select * from bypass.victim for update",
    "select * from bypass.victim for no key update nowait",
    "lock table bypass.victim",
    # running things
    "do $$ begin delete from bypass.victim; end $$",
    "call bypass.evil_procedure()",
    "select bypass.evil()",
    "select * from bypass.evil_view",
    "select bypass.sneaky()",
    "values (bypass.evil())",
    "prepare p as delete from bypass.victim",
    "execute p",
    "declare c cursor with hold for select 1",
    # session and server
    "set transaction read write",
    "set transaction_read_only = off",
    "set session characteristics as transaction read write",
    "reset all",
    "discard all",
    "listen x",
    "notify x",
    "savepoint x",
    "rollback",
    "commit",
    "alter system set work_mem = '1GB'",
    "checkpoint",
    "load 'plpgsql'",
    "select set_config('transaction_read_only', 'off', false)",
    "select set_config('default_transaction_read_only', 'off', false)",
    "select pg_catalog.set_config('role', 'none', false)",
    "select nextval('bypass.counter')",
    "select setval('bypass.counter', 100)",
    "select pg_notify('a', 'b')",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_advisory_xact_lock_shared(1)",
    "select pg_terminate_backend(pid) from pg_stat_activity",
    "select pg_cancel_backend(0)",
    "select pg_reload_conf()",
    "select pg_rotate_logfile()",
    "select pg_switch_wal()",
    "select pg_create_restore_point('x')",
    "select pg_logical_emit_message(false, 'a', 'b')",
    "select pg_stat_reset()",
    "select txid_current()",
    "select pg_export_snapshot()",
    # files and other servers
    "copy bypass.victim to '{file}'",
    "copy (select 1) to '{file}'",
    "copy bypass.victim to program 'touch {file}'",
    "copy bypass.victim from program 'echo 2'",
    "select lo_import('/etc/hostname')",
    "select lo_from_bytea(0, 'x')",
    "select lo_export(lo_from_bytea(0, 'x'), '{file}')",
    "select pg_read_file('/etc/hostname')",
    "select pg_read_binary_file('/etc/hostname')",
    "select pg_ls_dir('/etc')",
    "select (pg_stat_file('/etc/hostname')).size",
    "select * from pg_hba_file_rules",
    "select dblink_exec('dbname=postgres', 'delete from bypass.victim')",
    # the same names in disguise
    "select PG_READ_FILE ('/etc/hostname')",
    "select \"pg_read_file\"('/etc/hostname')",
    "select pg_catalog . pg_read_file /* x */ ('/etc/hostname')",
    "select ('/etc/hostname'::text).pg_read_file",
    "select (x).pg_read_file from (values ('/etc/hostname'::text)) t (x)",
    "select U&\"pg\\005fread_file\"('/etc/hostname')",
    "select u&\"pg!005fread_file\" uescape '!' ('/etc/hostname')",
    "select * from pg_read_file('/etc/hostname')",
    "select 1 where pg_read_file('/etc/hostname') <> ''",
    # statements held in text
    "select query_to_xml('delete from bypass.victim returning 1', true, true, '')",
    "select query_to_xml('select pg_read_file(''/etc/hostname'')', true, true, '')",
    "select * from ts_stat('select pg_read_file(''/etc/hostname'')::tsvector')",
    "select ts_rewrite('a'::tsquery, 'select pg_read_file(''/etc/hostname'')::tsquery, null')",
    # not understood
    "",
    "-- nothing",
    "selec 1",
    "select (",
    "select 'x",
    "select 1 /* x",
    "select $a$ x",
    "\\copy bypass.victim to '{file}'",
]

REFUSALS = (ReadOnlyError, StatementRefusedError, QueryError, ValidationFailedError)

AROUND_THE_GATE = [
    "delete from bypass.victim",
    "with d as (delete from bypass.victim returning *) select * from d",
    "select bypass.evil()",
    "select bypass.sneaky()",
    "select 1; delete from bypass.victim",
    "select 1; commit; delete from bypass.victim",
    "commit; delete from bypass.victim",
    "rollback; delete from bypass.victim",
    "set transaction_read_only = off",
    "set transaction read write",
    "explain analyze delete from bypass.victim",
    "do $$ begin delete from bypass.victim; end $$",
    "call bypass.evil_procedure()",
    "select nextval('bypass.counter')",
    "create table bypass.made as select 1",
    "select lo_from_bytea(0, 'x')",
]

ALLOWED = [
    ("select i from bypass.victim;", [{"i": 1}]),
    ("table bypass.victim", [{"i": 1}]),
    ("values (1)", [{"column1": 1}]),
    ("(select 1 as a) union all (select 2)", [{"a": 1}, {"a": 2}]),
    ("with recursive t (n) as (select 1) select n from t -- done", [{"n": 1}]),
    (
        "select 'delete from x; --' as \"insert\", $$drop;$$ as d",
        [{"insert": "delete from x; --", "d": "drop;"}],
    ),
    ("select count(*) filter (where i > 0) as c from bypass.victim", [{"c": 1}]),
    ("show transaction_read_only", [{"transaction_read_only": "on"}]),
    ("explain (costs off) select 1", [{"QUERY PLAN": "Result"}]),
    ("/* a /* b */ */ select 1 as a", [{"a": 1}]),
    ("select 1 as a /* /* */ ; delete from bypass.victim -- */", [{"a": 1}]),
]


@pytest.fixture(autouse=True)
def victim(admin: psycopg.Connection) -> Iterator[None]:
    admin.execute(SETUP.encode())
    yield
    admin.execute("drop schema if exists bypass cascade")


@pytest.fixture
def read_only(postgres: Server) -> Iterator[PostgreSQLDatasource]:
    config = PostgreSQLConfig(url=cast("Any", postgres.url))
    datasource = PostgreSQLDatasource.open(config, name="db")
    yield datasource
    datasource.close()


@pytest.fixture
def target(postgres: Server) -> Iterator[Path]:
    """A file that the server could write."""
    path = postgres.directory / "stolen.txt"
    yield path
    path.unlink(missing_ok=True)


def fingerprint(admin: psycopg.Connection) -> list[object]:
    """Return everything an attempt could have changed."""
    queries = (
        "select array_agg(i) from bypass.victim",
        "select array_agg(relname order by relname) from pg_class where oid >= 16384",
        "select array_agg(proname order by proname) from pg_proc where oid >= 16384",
        "select last_value, is_called from bypass.counter",
        "select count(*) from pg_largeobject_metadata",
        "select count(*) from pg_locks where locktype = 'advisory'",
        "select relacl from pg_class where oid = 'bypass.victim'::regclass",
        "select obj_description('bypass.victim'::regclass)",
        "select array_agg(name) from pg_settings where pending_restart",
        "select setting from pg_settings where name = 'work_mem'",
        "select array_agg(attname) from pg_attribute where attrelid = 'bypass.victim'::regclass",
        "select stats_reset from pg_stat_database where datname = current_database()",
        "select count(*) from pg_replication_slots",
    )
    return [admin.execute(query.encode()).fetchall() for query in queries]


@pytest.mark.parametrize("sql", REFUSED)
def test_an_attempt_to_do_more_than_read_changes_nothing(
    read_only: PostgreSQLDatasource, admin: psycopg.Connection, target: Path, sql: str
) -> None:
    before = fingerprint(admin)
    sql = sql.replace("{file}", str(target))

    for attempt in (sql, f"{sql};", f"-- x\n{sql}", f"/* x */{sql}"):
        with pytest.raises(REFUSALS):
            read_only.query(attempt)
    with pytest.raises(REFUSALS), read_only.read_arrow(sql) as reader:
        reader.read_all()

    assert fingerprint(admin) == before
    assert not target.exists()
    assert read_only.query("select 1 as one") == '[{"one":1}]'


@pytest.mark.parametrize("sql", AROUND_THE_GATE)
def test_the_session_alone_keeps_the_data(
    postgres: Server, admin: psycopg.Connection, sql: str
) -> None:
    settings = SessionSettings(
        name="db",
        url=postgres.url,
        read_only=True,
        query_timeout_seconds=5,
        connect_timeout_seconds=5,
    )
    pool = Pool(Sessions(settings), size=1, wait_seconds=5, name="db")
    before = fingerprint(admin)

    for attempt in (sql, "delete from bypass.victim", "select bypass.sneaky()"):
        with contextlib.suppress(psycopg.Error), pool.lease() as lease:
            list(RawCursor(lease.connection).stream(attempt.encode(), ()))
    pool.close()

    assert fingerprint(admin) == before


def test_what_a_function_sets_ends_with_its_statement(read_only: PostgreSQLDatasource) -> None:
    before = read_only.query("show search_path")
    read_only.query("select bypass.lingering()")

    assert read_only.query("show search_path") == before


def test_a_lock_that_a_function_takes_ends_with_its_statement(
    read_only: PostgreSQLDatasource, admin: psycopg.Connection
) -> None:
    read_only.query("select bypass.locking()")

    held = admin.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone()
    assert held == (0,)


@pytest.mark.parametrize(("sql", "rows"), ALLOWED)
def test_what_only_reads_runs(
    read_only: PostgreSQLDatasource, sql: str, rows: list[dict[str, object]]
) -> None:
    assert json.loads(read_only.query(sql)) == rows
