"""What happens to a MySQL datasource when the server, the network or a caller fails."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pymysql
import pytest

from analysis_sandbox.datasources.mysql.config import MySQLConfig
from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from analysis_sandbox.errors import (
    CancelledError,
    LimitExceededError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    UnavailableError,
    WriteConflictError,
)
from tests.datasources.mysql.conftest import Open
from tests.datasources.mysql.server import USER, MariaDB


def ours(mariadb: MariaDB, condition: str = "true") -> list[int]:
    """Return the connections of what is tested."""
    return [
        number
        for (number,) in mariadb.run(
            f"select id from information_schema.processlist where user = '{USER}' and ({condition})"
        )
    ]


def wait_for(mariadb: MariaDB, condition: str = "true", *, count: int = 1) -> list[int]:
    """Wait until so many of our connections fulfil a condition; the test's time bounds it."""
    while len(found := ours(mariadb, condition)) != count:
        pass
    return found


SLEEPING = "info like '%sleep(600)%'"


def test_a_connection_lost_in_the_middle_is_transient(open_: Open, mariadb: MariaDB) -> None:
    datasource = open_()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(datasource.query, "select sleep(600)")
        (number,) = wait_for(mariadb, SLEEPING)
        mariadb.run(f"kill connection {number}")
        error = running.exception()

    assert isinstance(error, UnavailableError)
    assert error.transient
    assert datasource.query("select 1 as one") == '[{"one":1}]'


def test_warm_connections_that_died_are_replaced_unseen(open_: Open, mariadb: MariaDB) -> None:
    datasource = open_(pool_size=3)
    with datasource.read_arrow("select 1") as one, datasource.read_arrow("select 1") as two:
        datasource.query("select 1")
        assert one.read_all().num_rows == two.read_all().num_rows == 1
    assert len(ours(mariadb)) == 3

    mariadb.run(f"kill user {USER}")
    wait_for(mariadb, count=0)

    assert datasource.query("select 1 as one") == '[{"one":1}]'
    assert len(ours(mariadb)) == 1


def test_a_connection_with_an_error_is_not_reused(open_: Open) -> None:
    datasource = open_()
    before = datasource.query("select connection_id() as c")
    assert datasource.query("select connection_id() as c") == before
    with pytest.raises(QueryError):
        datasource.query("select nonsense")

    assert datasource.query("select connection_id() as c") != before


def test_a_timeout_ends_the_statement_at_the_server(open_: Open, mariadb: MariaDB) -> None:
    datasource = open_(query_timeout_seconds=0.2)
    with pytest.raises(LimitExceededError, match=r"ran longer than 0\.2 s") as caught:
        datasource.query("select sleep(600)")

    assert not caught.value.transient
    assert wait_for(mariadb, SLEEPING, count=0) == []


def test_a_stream_whose_next_batch_does_not_come_ends_at_the_server(
    open_: Open, mariadb: MariaDB
) -> None:
    datasource = open_(query_timeout_seconds=0.3)
    # The server has no limit for a stream: the client's must end it.
    sql = "select if(seq < 5000, repeat('x', 100), sleep(600)) as x from seq_1_to_9000"
    stream = datasource.stream(sql, None, 100)
    next(stream)
    with pytest.raises(LimitExceededError, match=r"longer than 0\.3 s"):
        list(stream)

    assert wait_for(mariadb, count=0) == []


def test_a_statement_that_writes_has_the_timeout_too(open_: Open, mariadb: MariaDB) -> None:
    mariadb.run("create or replace table slow (i int)")
    with pytest.raises(LimitExceededError):
        open_(access="read_write", query_timeout_seconds=0.2).execute(
            "insert into slow select sleep(600)"
        )

    assert mariadb.run("select * from slow") == []


def test_every_batch_of_a_stream_has_the_timeout_for_itself(open_: Open) -> None:
    datasource = open_(query_timeout_seconds=0.3)
    # The rows together take longer, and the server sends them in pieces of 16 KiB.
    sql = "select sleep(0.04) as s, repeat('x', 17000) as x from seq_1_to_12"

    with datasource.read_arrow(sql, batch_rows=2) as reader:
        assert reader.read_all().num_rows == 12


def test_one_cancel_is_enough(open_: Open, mariadb: MariaDB) -> None:
    datasource = open_()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(datasource.query, "select sleep(600)")
        wait_for(mariadb, SLEEPING)
        datasource.cancel()
        error = running.exception()

    assert isinstance(error, CancelledError)
    assert wait_for(mariadb, SLEEPING, count=0) == []


def test_leaving_a_stream_ends_it_at_the_server(open_: Open, mariadb: MariaDB) -> None:
    datasource = open_()
    stream = datasource.stream("select repeat('x', 1000) as x from seq_1_to_1000000", None, 10)
    next(stream)
    stream.close()

    assert wait_for(mariadb, count=0) == []
    assert datasource.query("select 1 as one") == '[{"one":1}]'


def test_a_server_that_does_not_answer_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql://x:y@127.0.0.1:{silent.getsockname()[1]}/z"
        config = MySQLConfig(url=cast("Any", url), connect_timeout_seconds=1)
        datasource = MySQLDatasource.open(config, name="db")
        with pytest.raises(UnavailableError, match="Cannot connect to datasource 'db'"):
            datasource.query("select 1")


def test_a_server_that_talks_nonsense_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as web, ThreadPoolExecutor(1) as thread:

        def answer() -> None:
            connection, _ = web.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        answering = thread.submit(answer)
        url = f"mysql://x:y@127.0.0.1:{web.getsockname()[1]}/z"
        datasource = MySQLDatasource.open(MySQLConfig(url=cast("Any", url)), name="db")
        with pytest.raises(UnavailableError, match="Cannot connect to datasource 'db'"):
            datasource.query("select 1")
        answering.result()


def test_a_server_without_free_connections_is_transient(mariadb: MariaDB) -> None:
    mariadb.run("create or replace user crowded@'%' with max_user_connections 1")
    config = MySQLConfig(url=cast("Any", mariadb.url_of("crowded")))
    datasource = MySQLDatasource.open(config, name="db")
    with (
        pymysql.connect(host="127.0.0.1", port=mariadb.port, user="crowded"),
        pytest.raises(UnavailableError, match="max_user_connections"),
    ):
        datasource.query("select 1")


def test_a_row_that_somebody_else_holds_is_transient(open_: Open, mariadb: MariaDB) -> None:
    mariadb.run("create or replace table held (i int primary key) engine = innodb")
    mariadb.run("insert into held values (1)")
    mariadb.run("set global innodb_lock_wait_timeout = 1")
    try:
        with pymysql.connect(unix_socket=str(mariadb.socket), user="root") as connection:
            connection.query("select * from test.held for update")
            with pytest.raises(WriteConflictError) as caught:
                open_(access="read_write").execute("update held set i = 2")
    finally:
        mariadb.run("set global innodb_lock_wait_timeout = default")

    assert caught.value.transient
    assert caught.value.details["errno"] == 1205


def test_the_user_without_rights_is_a_query_error(mariadb: MariaDB) -> None:
    mariadb.run("create or replace table hidden (i int)")
    mariadb.run("create or replace user outsider@'%'")
    mariadb.run("create or replace table seen (i int)")
    mariadb.run("grant select on test.seen to outsider@'%'")
    config = MySQLConfig(url=cast("Any", mariadb.url_of("outsider")))
    datasource = MySQLDatasource.open(config, name="db")

    with pytest.raises(QueryError, match="denied"):
        datasource.query("select * from hidden")
    assert datasource.query("select * from seen") == "[]"
    datasource.close()


def test_a_query_error_says_what_and_why(open_: Open) -> None:
    with pytest.raises(QueryError, match="lenght") as caught:
        open_().query("select lenght('x')")

    assert caught.value.details["errno"] == 1305
    assert caught.value.details["datasource"] == "db"


def test_a_function_that_writes_is_refused_by_the_transaction(
    open_: Open, mariadb: MariaDB
) -> None:
    mariadb.run("create or replace table touched (i int)")
    mariadb.run(
        "create or replace function touch() returns int "
        "begin insert into touched values (1); return 1; end"
    )

    with pytest.raises(ReadOnlyError) as caught:
        open_().query("select touch()")

    assert "READ ONLY transaction" in str(caught.value.details["reason"])


def test_what_one_call_sets_the_next_does_not_see(open_: Open, mariadb: MariaDB) -> None:
    datasource = open_(access="read_write", pool_size=1)
    datasource.execute("set @a = 1, max_statement_time = 0")
    datasource.execute("create temporary table leftover (i int)")
    datasource.query("select get_lock('left', 0)")

    assert json.loads(datasource.query("select @a as a, @@max_statement_time as t")) == [
        {"a": None, "t": 30}
    ]
    with pytest.raises(QueryError, match="leftover"):
        datasource.query("select * from leftover")
    assert mariadb.run("select is_used_lock('left')") == [(None,)]


@pytest.mark.parametrize(
    "sql", ["begin", "start transaction", "set autocommit = 0", "start transaction read only"]
)
def test_a_transaction_cannot_span_calls(open_: Open, sql: str) -> None:
    datasource = open_(access="read_write", pool_size=1)
    with pytest.raises(StatementRefusedError, match="cannot span calls"):
        datasource.execute(sql)

    assert datasource.query("select @@in_transaction as t") == '[{"t":0}]'


def test_the_first_rows_of_a_procedure_are_its_answer(open_: Open, mariadb: MariaDB) -> None:
    mariadb.run("create or replace procedure several() begin select 1 as a; select 2 as b; end")
    datasource = open_(access="read_write", pool_size=1)

    assert datasource.query("call several()") == '[{"a":1}]'
    assert datasource.query("select 3 as c") == '[{"c":3}]'


def test_a_local_file_is_never_sent(open_: Open, mariadb: MariaDB) -> None:
    mariadb.run("create or replace table files (line text)")
    with pytest.raises((QueryError, StatementRefusedError)):
        open_(access="read_write").execute(
            "load data local infile '/etc/hostname' into table files"
        )

    assert mariadb.run("select * from files") == []
