"""Kill the warehouse again and again while runs write: nothing acknowledged is lost."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.execution.runner import Environment, Runner
from analysis_sandbox.warehouse.client import Warehouse
from tests.execution.workshop import Workshop, bounded, script
from tests.warehouse.conftest import Home, opened_home

RUNS = 8
ROUNDS = 25
# Begins where the last attempt got to: what a repetition of a failed run should look like.
BODY = """const [{next}] = await ctx.duckdb.query(
        "SELECT coalesce(max(n) + 1, 0) AS next FROM acks WHERE id = ?", [params.id]);
    for (let n = next; n < params.rounds; n++) {
      await ctx.duckdb.exec(`BEGIN; INSERT INTO acks VALUES (${params.id}, ${n});
        UPDATE sums SET total = total + 1 WHERE id = ${params.id}; COMMIT`);
      console.log(`acknowledged ${params.id} ${n}`);
      await ctx.duckdb.exec("UPDATE shared SET total = total + 1");
      console.log("counted");
    }
    return {rounds: params.rounds};"""


@dataclass
class Ledger:
    """What all runs were told, as they were told it."""

    acknowledged: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    counted: int = 0
    completed: int = 0
    failures: list[AnalysisSandboxError] = field(default_factory=list[AnalysisSandboxError])
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def fatal(self) -> list[str]:
        """The codes of failures that no retry heals."""
        return [error.code for error in self.failures if not error.transient]

    def hear(self, _level: str, message: str) -> None:
        with self.lock:
            if message == "counted":
                self.counted += 1
            elif message.startswith("acknowledged"):
                _, run, number = message.split()
                self.acknowledged.add((int(run), int(number)))


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory) as home:
        yield home


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.soak)])
def test_every_acknowledged_commit_of_runs_survives_kills_of_the_warehouse(
    shop: Workshop, home: Home, kills: int
) -> None:
    with home.session() as session:
        session.execute("CREATE TABLE acks (id INTEGER, n INTEGER, PRIMARY KEY (id, n))")
        session.execute("CREATE TABLE sums AS SELECT range AS id, 0 AS total FROM range(10000)")
        session.execute("CREATE TABLE shared AS SELECT 0 AS total")
    warehouse = home.warehouse()
    environment = replace(shop.environment, warehouse=_always(warehouse))
    version, ledger, ended = shop.save(script(BODY)), Ledger(), threading.Event()
    threads = [
        threading.Thread(target=_work, args=(shop, environment, version, lane, ledger, ended))
        for lane in range(RUNS)
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(kills):
            heard = len(ledger.acknowledged)
            bounded(
                lambda heard=heard: ledger.fatal or len(ledger.acknowledged) >= heard + 40,
                "40 more commits",
            )
            home.kill(signal.SIGKILL)
            home.wait_for_end()
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)

    assert not any(thread.is_alive() for thread in threads)
    with home.session() as session:
        stored = json.loads(session.query("SELECT id, n FROM acks", max_bytes=50 << 20))
        sums = json.loads(session.query("SELECT sum(total) AS n FROM sums", max_bytes=100))
        shared = json.loads(session.query("SELECT total AS n FROM shared", max_bytes=100))
    present = {(row["id"], row["n"]) for row in stored}
    assert ledger.acknowledged <= present
    assert sums == [{"n": len(present)}], "each transaction is whole or not there"
    assert shared[0]["n"] >= ledger.counted
    assert len(ledger.failures) >= kills
    assert ledger.fatal == []
    assert ledger.completed >= RUNS


def _always(warehouse: Warehouse) -> Callable[[str], Warehouse]:
    return lambda _: warehouse


def _work(
    shop: Workshop,
    environment: Environment,
    version: VersionRecord,
    lane: int,
    ledger: Ledger,
    ended: threading.Event,
) -> None:
    """Run one analysis after the other, each until it has completed."""
    runner = Runner(environment)
    for number in range(lane, 10_000, RUNS):
        parameters = {"id": number, "rounds": ROUNDS}
        while True:
            request = shop.request(version, parameters=parameters)
            try:
                runner.execute(request, on_log=ledger.hear)
            except AnalysisSandboxError as error:
                with ledger.lock:
                    ledger.failures.append(error)
                if not error.transient:
                    return
            else:
                ledger.completed += 1
                break
        if ended.is_set():
            return
