"""The warm run pool with real workers: what happens to runs, whatever happens to processes."""

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.installation import Journal
from tests.orchestration.processes import PoolProcess, eventually, is_alive
from tests.orchestration.runs import Runs


@pytest.fixture(autouse=True)
def running(pool: PoolProcess) -> None:
    pool.ensure_running()


@pytest.fixture
def gate(settings: Settings) -> Iterator[Path]:
    """A file that runs wait for; made at the end of the test at the latest."""
    path = settings.home / f"gate-{uuid4().hex}"
    yield path
    path.touch()


def held(gate: Path) -> JSONObject:
    return {"hold": gate.name}


def test_a_launched_run_succeeds_in_a_worker_of_the_pool(
    runs: Runs, pool: PoolProcess, journal: Journal
) -> None:
    run_id = runs.plan("simple", {"result": {"n": 1}})

    assert runs.ended(run_id) == "SUCCESS"
    assert journal.read("began", run=run_id)[0]["executed_by"] == "alice"
    assert journal.read("began", run=run_id)[0]["pid"] not in (os.getpid(), pool.pid)


def test_workers_are_reused(runs: Runs, journal: Journal, settings: Settings) -> None:
    version = runs.versions.save("reused")
    ids = [runs.start(version) for _ in range(8)]

    assert {runs.ended(run_id) for run_id in ids} == {"SUCCESS"}
    pids = {entry["pid"] for entry in journal.read("began") if entry["run"] in ids}
    assert len(pids) <= settings.run_workers


def test_a_run_that_is_handed_over_again_is_executed_once(
    runs: Runs, pool: PoolProcess, journal: Journal, gate: Path
) -> None:
    run_id = runs.plan("twice", held(gate))
    runs.began(run_id)

    pool.client.launch(run_id)
    gate.touch()
    assert runs.ended(run_id) == "SUCCESS"
    pool.client.launch(run_id)
    after = runs.plan("afterwards", {})

    assert runs.ended(after) == "SUCCESS"
    assert len(journal.read("began", run=run_id)) == 1


def test_runs_beyond_the_workers_wait_and_then_run(
    runs: Runs, pool: PoolProcess, gate: Path, settings: Settings
) -> None:
    ids = [runs.plan("many", held(gate)) for _ in range(settings.run_workers + 2)]
    eventually(lambda: (status := pool.status()) and status.busy == settings.run_workers)
    status = pool.status()
    assert status is not None
    assert status.queued == 2

    gate.touch()

    assert {runs.ended(run_id) for run_id in ids} == {"SUCCESS"}


def test_dagsters_monitoring_learns_whether_a_run_has_a_worker(runs: Runs, gate: Path) -> None:
    run_id = runs.plan("healthy", held(gate))
    runs.began(run_id)
    run = runs.instance.get_run_by_id(run_id)
    assert run is not None
    launcher = runs.instance.run_launcher

    assert launcher.check_run_worker_health(run).status.value == "RUNNING"
    gate.touch()
    runs.ended(run_id)
    eventually(lambda: launcher.check_run_worker_health(run).status.value == "NOT_FOUND")


def test_a_killed_worker_fails_its_run_with_a_report(runs: Runs, gate: Path) -> None:
    run_id = runs.plan("killed", {**held(gate), "log": [["info", "halfway"]]})
    pid = runs.began(run_id)["pid"]
    eventually(lambda: "halfway" in [one.message for one in runs.instance.all_logs(run_id)])

    os.kill(pid, signal.SIGKILL)

    report = runs.crash(run_id, seconds=2)
    assert runs.ended(run_id, seconds=2) == "FAILURE"
    assert (report["signal"], report["pid"]) == ("SIGKILL", pid)
    assert "was killed by SIGKILL" in report["reason"]
    assert report["peak_memory_bytes"] > 1 << 20
    assert not report["stop_requested"]
    assert "halfway" in report["last_log"]


def test_what_a_killed_workers_run_started_ends_with_it(
    runs: Runs, journal: Journal, gate: Path
) -> None:
    run_id = runs.plan("killed_parent", {**held(gate), "child": True})
    pid = runs.began(run_id)["pid"]
    (child,) = eventually(lambda: journal.read("child", run=run_id))

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: not is_alive(child["child"]), seconds=5)


def test_a_worker_that_crashes_says_where(runs: Runs) -> None:
    report = runs.crash(runs.plan("segfault", {"crash": True}))

    assert report["signal"] == "SIGSEGV"
    assert "Segmentation fault" in report["traceback"]
    assert "installation.py" in report["traceback"]


def test_a_crash_leaves_the_pool_whole(runs: Runs, pool: PoolProcess, settings: Settings) -> None:
    runs.crash(runs.plan("dies", {"die": True}))

    assert runs.ended(runs.plan("lives", {})) == "SUCCESS"
    eventually(lambda: (status := pool.status()) and status.ready == settings.run_workers)


def test_stopping_a_running_run_interrupts_its_script(
    runs: Runs, journal: Journal, gate: Path
) -> None:
    run_id = runs.plan("stopped", {**held(gate), "child": True})
    runs.began(run_id)
    (child,) = eventually(lambda: journal.read("child", run=run_id))

    assert runs.gateway.stop(run_id)

    assert runs.ended(run_id, seconds=2) == "CANCELED"
    assert journal.read("raised", run=run_id)[0]["error"] == "DagsterExecutionInterruptedError"
    assert not is_alive(child["child"])
    assert not journal.read("crashed", run=run_id)


def test_a_stopped_run_leaves_its_worker_for_the_next(
    runs: Runs, pool: PoolProcess, gate: Path
) -> None:
    run_id = runs.plan("stopped_again", held(gate))
    pid = runs.began(run_id)["pid"]
    runs.gateway.stop(run_id)
    runs.ended(run_id)

    version = runs.versions.save("next")
    later = [runs.start(version) for _ in range(6)]

    assert {runs.ended(one) for one in later} == {"SUCCESS"}
    assert is_alive(pid)


def test_a_run_stopped_at_the_very_start_never_hangs(runs: Runs, journal: Journal) -> None:
    """The interrupt may come before the worker listens, in its script, or after its end."""
    version = runs.versions.save("hasty")
    for _ in range(20):
        run_id = runs.start(version)
        runs.gateway.stop(run_id)
        assert runs.ended(run_id, seconds=5) in ("CANCELED", "SUCCESS")


def test_a_run_that_waits_in_the_pool_can_be_stopped(
    runs: Runs, journal: Journal, gate: Path, settings: Settings
) -> None:
    busy = [runs.plan("busy", held(gate)) for _ in range(settings.run_workers)]
    for run_id in busy:
        runs.began(run_id)
    waiting = runs.plan("waiting", {})

    assert runs.gateway.stop(waiting)

    assert runs.ended(waiting) == "CANCELED"
    gate.touch()
    assert {runs.ended(run_id) for run_id in busy} == {"SUCCESS"}
    assert not journal.read("began", run=waiting)


def test_stopping_a_run_that_ended_does_nothing(runs: Runs) -> None:
    run_id = runs.plan("ended", {})
    runs.ended(run_id)

    assert not runs.gateway.stop(run_id)
    assert runs.status(run_id) == "SUCCESS"


def test_exclusive_runs_do_not_overlap_in_the_pool(
    runs: Runs, pool: PoolProcess, journal: Journal, gate: Path
) -> None:
    """The pool keeps them apart even when two are handed over at once."""
    metadata: JSONObject = {"schedule": {"cron": "0 6 * * *"}}
    version = runs.versions.save("etl", held(gate), metadata=metadata)
    first = runs.start(version)
    runs.began(first)
    second = runs.start(version)
    assert runs.storage.change_status(
        second, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING
    )
    pool.client.launch(second, exclusive="etl")
    other = runs.plan("not_etl", {})

    assert runs.ended(other) == "SUCCESS"
    assert not journal.read("began", run=second)
    gate.touch()
    assert runs.ended(first) == "SUCCESS"
    assert runs.ended(second) == "SUCCESS"


def test_a_killed_pools_workers_die_and_its_runs_crash_once_it_is_back(
    runs: Runs, pool: PoolProcess, gate: Path
) -> None:
    run_id = runs.plan("pool_killed", held(gate))
    pid = runs.began(run_id)["pid"]

    pool.kill()
    eventually(lambda: not is_alive(pid), seconds=5)
    pool.start()

    assert runs.ended(run_id, seconds=10) == "FAILURE"
    assert runs.crash(run_id)["reason"] == "The run pool ended under the run"
    assert runs.ended(runs.plan("after_pool", {})) == "SUCCESS"


def test_runs_that_a_killed_pool_had_accepted_are_not_lost(
    runs: Runs, pool: PoolProcess, journal: Journal, gate: Path, settings: Settings
) -> None:
    for run_id in [runs.plan("holds", held(gate)) for _ in range(settings.run_workers)]:
        runs.began(run_id)
    accepted = runs.plan("accepted", {})
    assert runs.status(accepted) == "STARTING"

    pool.kill()
    pool.start()

    assert runs.ended(accepted, seconds=10) == "SUCCESS"
    assert len(journal.read("began", run=accepted)) == 1


def test_a_pool_that_stops_lets_its_runs_finish(runs: Runs, pool: PoolProcess, gate: Path) -> None:
    run_id = runs.plan("drains", held(gate))
    runs.began(run_id)

    pool.terminate()
    eventually(lambda: (status := pool.status()) is None or status.draining)
    gate.touch()

    assert pool.wait() == 0
    assert runs.status(run_id) == "SUCCESS"


def test_a_pool_that_stops_interrupts_what_does_not_finish_in_time(
    runs: Runs, pool: PoolProcess, journal: Journal, gate: Path
) -> None:
    run_id = runs.plan("drains_not", held(gate))
    pid = runs.began(run_id)["pid"]

    assert pool.stop() == 0

    assert runs.status(run_id) in ("FAILURE", "CANCELED")
    assert journal.read("raised", run=run_id)
    assert not is_alive(pid)


def test_a_stopping_pools_processes_are_all_gone(pool: PoolProcess) -> None:
    children = [
        int(pid)
        for task in Path(f"/proc/{pool.pid}/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    assert len(children) >= 2

    assert pool.stop() == 0

    assert not [pid for pid in children if is_alive(pid)]
    assert not pool.settings.pool_socket.exists()


def test_a_second_pool_is_refused(pool: PoolProcess, settings: Settings) -> None:
    second = PoolProcess(settings)

    assert second.run() == 1
    assert "Another run pool listens" in second.log.read_text(encoding="utf-8")
    assert pool.is_ready()


@contextmanager
def pool_with(settings: Settings, pool: PoolProcess, **environment: str) -> Generator[PoolProcess]:
    """The pool, restarted with other settings."""
    pool.stop()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(f"ANALYSIS_SANDBOX_{name}", value)
        pool.start()
    yield pool
    pool.stop()


def test_a_worker_is_replaced_after_its_share_of_runs(
    runs: Runs, pool: PoolProcess, settings: Settings, journal: Journal
) -> None:
    version = runs.versions.save("replaced")
    with pool_with(settings, pool, RUNS_PER_WORKER="2"):
        ids = [runs.start(version) for _ in range(12)]
        assert {runs.ended(run_id) for run_id in ids} == {"SUCCESS"}

    began = [entry["pid"] for entry in journal.read("began") if entry["run"] in ids]
    assert max(began.count(pid) for pid in began) == 2


def test_a_worker_that_grew_too_large_is_replaced(
    runs: Runs, pool: PoolProcess, journal: Journal
) -> None:
    run_id = runs.plan("hoards", {"memory": 1 << 30})
    assert runs.ended(run_id) == "SUCCESS"

    (began,) = journal.read("began", run=run_id)
    eventually(lambda: not is_alive(began["pid"]))
    assert not journal.read("crashed", run=run_id)


def test_workers_that_cannot_start_are_tried_again_with_pauses(
    pool: PoolProcess, settings: Settings
) -> None:
    pool.stop()
    log = pool.log.stat().st_size
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "ANALYSIS_SANDBOX_DAGSTER_ENVIRONMENT", "tests.orchestration.installation:broken"
        )
        pool.start_without_workers()

    def failures() -> int:
        return pool.log.read_bytes()[log:].count(b"before it was ready")

    eventually(lambda: failures() >= 3)
    assert failures() < 12
    assert pool.stop() == 0
