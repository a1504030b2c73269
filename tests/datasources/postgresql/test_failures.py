"""What happens to a PostgreSQL datasource when the server, the network or a caller fails."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
import pytest

from analysis_sandbox.datasources import pool
from analysis_sandbox.datasources.postgresql.datasource import (
    PostgreSQLConfig,
    PostgreSQLDatasource,
)
from analysis_sandbox.errors import (
    LimitExceededError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    UnavailableError,
    WriteConflictError,
)
from tests.datasources.conftest import Server

Open = Callable[..., PostgreSQLDatasource]
APPLICATION = "datasource_failures"


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


def ours(admin: psycopg.Connection, condition: str = "true") -> list[int]:
    """Return the server processes of what is tested."""
    rows = admin.execute(
        f"select pid from pg_stat_activity where application_name = %s and {condition}".encode(),
        [APPLICATION],
    ).fetchall()
    return [pid for (pid,) in rows]


def wait_for(admin: psycopg.Connection, condition: str, *, count: int = 1) -> list[int]:
    """Wait until so many of our server processes fulfil a condition; the test's time bounds it."""
    while len(pids := ours(admin, condition)) != count:
        pass
    return pids


def test_a_connection_lost_in_the_middle_is_transient(
    open_: Open, admin: psycopg.Connection
) -> None:
    datasource = open_()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(datasource.query, "select pg_sleep(600)")
        (pid,) = wait_for(admin, "position('pg_sleep' in query) > 0 and state = 'active'")
        admin.execute("select pg_terminate_backend(%s)", [pid])
        error = running.exception()

    assert isinstance(error, UnavailableError)
    assert error.transient
    assert datasource.query("select 1 as one") == '[{"one":1}]'


def test_a_stream_lost_in_the_middle_is_transient(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_()

    def lose_it_after_the_first_batch() -> None:
        sql = "select i from generate_series(1, 10000) i"
        with datasource.read_arrow(sql, batch_rows=10) as reader:
            reader.read_next_batch()
            for pid in ours(admin):
                admin.execute("select pg_terminate_backend(%s)", [pid])
            wait_for(admin, "true", count=0)
            reader.read_all()

    with pytest.raises(UnavailableError):
        lose_it_after_the_first_batch()
    assert datasource.query("select 1 as one") == '[{"one":1}]'


def test_warm_connections_that_died_are_replaced_unseen(
    open_: Open, admin: psycopg.Connection
) -> None:
    datasource = open_(pool_size=3)
    with datasource.read_arrow("select 1"), datasource.read_arrow("select 1"):
        datasource.query("select 1")
    assert len(ours(admin)) == 3

    for pid in ours(admin):
        admin.execute("select pg_terminate_backend(%s)", [pid])
    wait_for(admin, "true", count=0)

    assert datasource.query("select 1 as one") == '[{"one":1}]'
    assert len(ours(admin)) == 1


def test_a_warm_connection_is_reused(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_()
    pids = {json.loads(datasource.query("select pg_backend_pid() as p"))[0]["p"] for _ in range(5)}

    assert len(pids) == 1
    assert ours(admin) == list(pids)


def test_a_cancel_that_comes_too_late_hits_no_later_statement(
    open_: Open, admin: psycopg.Connection
) -> None:
    datasource = open_()
    with datasource.read_arrow("select 1") as reader:
        reader.read_all()
        (before,) = ours(admin)
        datasource.cancel()
    datasource.query("select 1")

    assert before not in ours(admin)


def test_a_connection_that_was_idle_for_long_is_closed(
    open_: Open, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
    open_().query("select 1")

    assert wait_for(admin, "true", count=0) == []


def test_a_connection_with_an_error_is_not_reused(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_()
    before = json.loads(datasource.query("select pg_backend_pid() as p"))
    with pytest.raises(QueryError):
        datasource.query("select 1 / 0")

    assert json.loads(datasource.query("select pg_backend_pid() as p")) != before


def test_closing_leaves_no_connection_behind(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_()
    datasource.query("select 1")
    datasource.close()

    assert wait_for(admin, "true", count=0) == []


def test_a_timeout_ends_the_statement_at_the_server(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_(query_timeout_seconds=0.2)
    with pytest.raises(LimitExceededError, match=r"ran longer than 0\.2 s") as caught:
        datasource.query("select pg_sleep(600)")

    assert not caught.value.transient
    assert wait_for(admin, "state = 'active'", count=0) == []


def test_a_cancel_from_elsewhere_is_no_timeout(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(datasource.query, "select pg_sleep(600)")
        (pid,) = wait_for(admin, "position('pg_sleep' in query) > 0 and state = 'active'")
        admin.execute("select pg_cancel_backend(%s)", [pid])
        error = running.exception()

    assert isinstance(error, QueryError)
    assert error.details["sqlstate"] == "57014"


def test_every_batch_of_a_stream_has_the_timeout(open_: Open) -> None:
    datasource = open_(query_timeout_seconds=0.2)
    with datasource.read_arrow(
        "select i, pg_sleep(0.03)::text from generate_series(1, 12) i", batch_rows=2
    ) as reader:
        assert reader.read_all().num_rows == 12


def test_a_server_that_does_not_answer_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://x:y@127.0.0.1:{silent.getsockname()[1]}/z"
        config = PostgreSQLConfig(url=cast("Any", url), connect_timeout_seconds=2)
        datasource = PostgreSQLDatasource.open(config, name="db")
        with pytest.raises(UnavailableError, match="Cannot connect to datasource 'db'"):
            datasource.query("select 1")


def test_a_server_without_free_connections_is_transient(
    open_: Open, admin: psycopg.Connection, postgres: Server
) -> None:
    admin.execute("drop role if exists crowded")
    admin.execute("create role crowded login connection limit 1")
    url = postgres.url.replace("postgres:@", "crowded:@")
    config = PostgreSQLConfig(url=cast("Any", url))
    datasource = PostgreSQLDatasource.open(config, name="db")

    with psycopg.connect(url), pytest.raises(UnavailableError, match="too many connections"):
        datasource.query("select 1")


def test_a_serialization_conflict_is_transient(open_: Open, admin: psycopg.Connection) -> None:
    datasource = open_(access="read_write")
    admin.execute("drop table if exists conflict; create table conflict (i int)")
    raising = (
        "create or replace function conflicting() returns int language plpgsql as "
        "$$ begin raise exception 'could not serialize' using errcode = '40001'; end $$"
    )
    admin.execute(raising)

    with pytest.raises(WriteConflictError) as caught:
        datasource.query("insert into conflict values (conflicting())")

    assert caught.value.details["sqlstate"] == "40001"


def test_a_query_error_says_where(open_: Open) -> None:
    with pytest.raises(QueryError) as caught:
        open_().query("select lenght('x')")

    assert caught.value.details == {"datasource": "db", "sqlstate": "42883", "position": "8"}
    assert "lenght" in caught.value.message
    assert caught.value.hint


def test_the_role_without_rights_is_a_query_error(
    admin: psycopg.Connection, postgres: Server
) -> None:
    admin.execute("drop table if exists hidden; create table hidden (i int)")
    admin.execute("drop role if exists outsider")
    admin.execute("create role outsider login")
    url = postgres.url.replace("postgres:@", "outsider:@")
    datasource = PostgreSQLDatasource.open(PostgreSQLConfig(url=cast("Any", url)), name="db")

    with pytest.raises(QueryError, match="permission denied") as caught:
        datasource.query("select * from hidden")
    datasource.close()

    assert caught.value.details["sqlstate"] == "42501"


def test_what_one_call_sets_the_next_does_not_see(open_: Open) -> None:
    datasource = open_(access="read_write", pool_size=1)
    datasource.query("set search_path = nowhere")
    datasource.query("create temp table leftover (i int)")
    datasource.query("select pg_advisory_lock(99)")
    datasource.query("prepare p as select 1")

    assert "nowhere" not in datasource.query("show search_path")
    assert json.loads(
        datasource.query(
            "select (select count(*) from pg_class where relname = 'leftover') as tables,"
            " (select count(*) from pg_locks where locktype = 'advisory') as locks,"
            " (select count(*) from pg_prepared_statements) as prepared"
        )
    ) == [{"tables": 0, "locks": 0, "prepared": 0}]


def test_statements_that_allow_no_transaction_block_run(open_: Open) -> None:
    datasource = open_(access="read_write")
    datasource.query("create table if not exists dusty (i int)")

    assert datasource.query("vacuum dusty") == "[]"


@pytest.mark.parametrize(
    "sql", ["copy dusty to stdout", "copy dusty from stdin", "/* x */ COPY a TO b"]
)
def test_copy_is_refused(open_: Open, sql: str) -> None:
    with pytest.raises(StatementRefusedError, match="COPY"):
        open_(access="read_write").query(sql)


def test_a_changed_table_does_not_break_a_warm_connection(
    open_: Open, admin: psycopg.Connection
) -> None:
    datasource = open_(pool_size=1)
    admin.execute("drop table if exists changing; create table changing (a int)")
    for _ in range(10):
        assert datasource.query("select * from changing") == "[]"

    admin.execute("alter table changing add column b int; insert into changing values (1, 2)")

    assert datasource.query("select * from changing") == '[{"a":1,"b":2}]'


def test_a_writing_function_is_refused_by_the_transaction(
    open_: Open, admin: psycopg.Connection
) -> None:
    admin.execute("drop table if exists touched; create table touched (i int)")
    admin.execute(
        "create or replace function touch() returns int language sql as "
        "$$ insert into touched values (1) returning i $$"
    )

    with pytest.raises(ReadOnlyError) as caught:
        open_().query("select touch()")

    assert "read-only transaction" in str(caught.value.details["reason"])


def test_queries_of_many_threads_share_few_connections(
    open_: Open, admin: psycopg.Connection
) -> None:
    datasource = open_(pool_size=3)
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, len(ours(admin)))

    def ask(number: int) -> int:
        return json.loads(datasource.query("select $1::int as n", [number]))[0]["n"]

    with ThreadPoolExecutor(17) as threads:
        watching = threads.submit(watch)
        answers = list(threads.map(ask, range(300)))
        done.set()
        watching.result()

    assert answers == list(range(300))
    assert 1 <= most <= 3
