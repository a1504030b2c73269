"""Kill any process at any time: what was acknowledged is there, the rest leaves nothing."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import json
import resource
import signal
from collections.abc import Iterator

import pyarrow as pa
import pytest

from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.warehouse.client import WarehouseSession
from analysis_sandbox.warehouse.protocol import VERSION, Channel
from analysis_sandbox.warehouse.starter import connect
from tests.warehouse.conftest import Home


@pytest.fixture
def counter(home: Home) -> Iterator[WarehouseSession]:
    with home.session() as session:
        session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        session.execute("INSERT INTO t VALUES (1, 0)")
        yield session


def content(session: WarehouseSession) -> list[dict[str, int]]:
    return json.loads(session.query("SELECT * FROM t ORDER BY id", max_bytes=1000))


@pytest.mark.parametrize("action", ["hold_transaction", "hold_statement"])
def test_a_killed_client_leaves_nothing_behind(
    home: Home, counter: WarehouseSession, action: str
) -> None:
    client = home.client(action)
    assert client.stdout is not None
    assert client.stdout.readline() == "changed\n"
    assert content(counter) == [{"id": 1, "n": 0}]

    client.kill()

    # The row is free again once the server has noticed: until then the change collides.
    counter.execute("UPDATE t SET n = n + 1 WHERE id = 1")
    assert content(counter) == [{"id": 1, "n": 1}]
    assert "ERROR" not in home.log()


def test_every_acknowledged_row_survives_kills_of_the_server(home: Home) -> None:
    with home.session() as session:
        session.execute("CREATE TABLE numbers (n INTEGER)")
    client = home.client("insert")
    assert client.stdout is not None
    stored: list[int] = []
    unknown: list[int] = []
    for _ in range(5):
        for line in client.stdout:
            word, number = line.split()
            (stored if word == "stored" else unknown).append(int(number))
            if word == "stored" and len(stored) % 40 == 39:
                break
        home.kill(signal.SIGKILL)
        home.wait_for_end()
    client.kill()
    for line in client.stdout:
        word, number = line.split()
        (stored if word == "stored" else unknown).append(int(number))

    with home.session() as session:
        text = session.query("SELECT n FROM numbers ORDER BY n", max_bytes=1 << 20)
    present = [row["n"] for row in json.loads(text)]
    in_flight = max(stored + unknown) + 1
    assert len(stored) >= 5 * 39
    assert 1 <= len(unknown) <= 5
    assert set(stored) <= set(present) <= {*stored, *unknown, in_flight}
    assert len(present) == len(set(present))


def test_a_call_in_flight_at_a_kill_says_that_its_outcome_is_unknown(
    home: Home, counter: WarehouseSession
) -> None:
    pid = home.pid()
    schema = pa.schema([("a", pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1])], schema=schema)
        home.kill(signal.SIGKILL)
        home.wait_for_end()
        yield pa.record_batch([pa.array([2])], schema=schema)

    with pytest.raises(UnavailableError, match="whether the call took effect is unknown"):
        counter.load("loaded", pa.RecordBatchReader.from_batches(schema, batches()))

    assert counter.tables() == ["t"]
    assert home.pid() != pid


def test_an_idle_session_goes_on_after_a_kill(home: Home, counter: WarehouseSession) -> None:
    home.kill(signal.SIGKILL)
    home.wait_for_end()

    assert content(counter) == [{"id": 1, "n": 0}]


def test_a_transaction_lost_between_calls_is_an_error(
    home: Home, counter: WarehouseSession
) -> None:
    counter.execute("BEGIN; UPDATE t SET n = 5")
    home.kill(signal.SIGKILL)
    home.wait_for_end()

    with pytest.raises(UnavailableError, match="open transaction rolled back") as caught:
        counter.execute("UPDATE t SET n = n + 1")

    assert caught.value.transient
    assert content(counter) == [{"id": 1, "n": 0}]


def test_lost_temporary_tables_are_an_error_and_not_a_missing_table(
    home: Home, counter: WarehouseSession
) -> None:
    counter.execute("CREATE TEMP TABLE scratch AS SELECT 1 AS a")
    home.kill(signal.SIGKILL)
    home.wait_for_end()

    with pytest.raises(UnavailableError, match="temporary tables"):
        counter.query("SELECT * FROM scratch", max_bytes=100)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1 a) TO '{wal}' (FORMAT csv, USE_TMP_FILE false)",
        "WITH x AS (COPY (SELECT 1 a) TO '{wal}' (FORMAT csv, USE_TMP_FILE false)) SELECT 1",
        "WITH x AS MATERIALIZED (\n-- \ncOpY (SELECT 1) TO '{wal}' (FORMAT csv)) SELECT * FROM x",
        "EXPLAIN ANALYZE COPY (SELECT 1 a) TO '{wal}' (FORMAT csv, USE_TMP_FILE false)",
        "EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1 a) TO '{wal}' (FORMAT csv)",
        "EXPORT DATABASE '{directory}/tmp/e'",
        "ATTACH '{wal}' AS w",
        "ATTACH '{directory}/tmp/w.duckdb'",
        "SELECT * FROM read_blob('{wal}')",
    ],
)
def test_nobody_reaches_the_log_of_what_is_committed(home: Home, sql: str) -> None:
    directory = home.settings.warehouse_directory("default")
    wal = directory / "default.duckdb.wal"
    with home.session() as session:
        session.execute("CREATE TABLE t AS SELECT 7 AS a")
    text = sql.format(wal=wal, directory=directory)
    # Past the client's gate, as a script that owns its run worker would.
    for operation in ("execute", "query"):
        with Channel(connect(home.settings, "default")) as channel:
            hello = {"op": "hello", "protocol": VERSION, "memory_mb": 64, "timeout_ms": None}
            channel.send({**hello, "scratch": False, "read_only": False})
            channel.receive()
            request = {"op": operation, "call": 1, "sql": text, "statements": 1, "params": None}
            channel.send({**request, "materialise": False, "cached": False})
            assert channel.receive().header["error"]["code"] == "STATEMENT_REFUSED"
    home.kill(signal.SIGKILL)
    home.wait_for_end()

    with home.session() as session:
        assert session.query("FROM t", max_bytes=100) == '[{"a":7}]'
    assert not list((directory / "tmp").iterdir())


def test_a_disk_that_cannot_be_written_replaces_the_process_and_loses_nothing(
    home: Home, counter: WarehouseSession
) -> None:
    pid = home.pid()
    wal = home.settings.warehouse_directory("default") / "default.duckdb.wal"
    size = wal.stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 100, size + 100))

    with pytest.raises(UnavailableError, match="disk is full"):
        counter.execute("INSERT INTO t SELECT range + 10, 0 FROM range(1000)")
    home.wait_for_end()

    assert content(counter) == [{"id": 1, "n": 0}]
    assert home.pid() != pid
    counter.execute("INSERT INTO t VALUES (2, 2)")
    assert len(content(counter)) == 2
