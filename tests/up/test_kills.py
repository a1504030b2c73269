"""Each process killed in the middle of runs that write: nothing acknowledged is ever lost."""

import signal
import uuid
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from bench.installation import TRIVIAL, Installation, until
from tests.up.processes import Parts

# Each row is acknowledged to the script before the counter that says so is stored.
WRITER = """export default {
  title: "Writer",
  parameters: {
    mode: {
      type: "select",
      options: [{ value: "write", label: "write" }, { value: "check", label: "check" }],
      default: "write",
    },
  },
  run: async (ctx, params) => {
    const table = ctx.metadata.get("analysis_id") + "_rows";
    if (params.mode === "check") {
      const [row] = await ctx.duckdb.query(`SELECT count(*) AS rows FROM ${table}`);
      return { rows: row.rows, acknowledged: ctx.metadata.get("acknowledged") ?? 0 };
    }
    await ctx.duckdb.exec(`CREATE TABLE IF NOT EXISTS ${table} (n INTEGER)`);
    for (let n = 1; !ctx.shouldStop(); n++) {
      await ctx.duckdb.exec(`INSERT INTO ${table} VALUES (${n})`);
      ctx.metadata.set("acknowledged", n);
    }
    return { stopped: true };
  },
};"""


def _worker(parts: Parts) -> psutil.Process:
    return until(parts.busy_workers, what="a worker is busy", seconds=30)[0]


def _fork_server(parts: Parts) -> psutil.Process:
    return until(lambda: parts.busy_fork_servers(_worker(parts)), what="it forked", seconds=30)[0]


VICTIMS: dict[str, Callable[[Parts], psutil.Process]] = {
    "worker": _worker,
    "fork_server": _fork_server,
    "warehouse": Parts.warehouse,
    "pool": Parts.pool,
    "postgresql": Parts.postmaster,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_kill_in_the_middle_of_writing_runs_loses_nothing(
    shared_up: Installation, victim: str
) -> None:
    up, parts = shared_up, Parts(shared_up)
    names = [f"writer_{victim}_{uuid.uuid4().hex[:6]}" for _ in range(2)]
    for name in names:
        up.create(name, WRITER)
    jobs = [up.execute(name) for name in names]
    up.create(trivial := f"after_{victim}_{uuid.uuid4().hex[:6]}", TRIVIAL)
    for job in jobs:
        until(lambda job=job: up.job(job)["status"] == "running", what="it runs", seconds=60)
    until(lambda: len(parts.busy_workers()) >= 2, what="both write", seconds=60)
    _wait_for_progress(up, names)

    VICTIMS[victim](parts).send_signal(signal.SIGKILL)

    ended = [_ended(up, job) for job in jobs]
    assert {job["status"] for job in ended} <= {"crashed", "completed", "failed", "cancelled"}
    hit = [job for job in ended if job["status"] != "cancelled"]
    # Runs wait for PostgreSQL to come back; every other death must have been felt.
    assert hit or victim == "postgresql"
    assert all(job["error"] for job in hit if job["status"] != "completed")
    assert _run_again(up, trivial)["result"] == {"ok": 1}
    for name in names:
        check = _run_again(up, name, mode="check")["result"]
        assert check["acknowledged"] > 0
        assert check["rows"] >= check["acknowledged"]


def test_the_job_of_a_killed_worker_is_reported_as_crashed(shared_up: Installation) -> None:
    up, parts = shared_up, Parts(shared_up)
    up.create(
        name := f"endless_{uuid.uuid4().hex[:6]}",
        "export default { title: 'Endless', "
        "run: async (ctx) => { for (;;) await ctx.sleep(20); } };",
    )
    job = up.execute(name)
    worker = _worker(parts)

    worker.send_signal(signal.SIGKILL)

    status = up.finished(job, seconds=30)
    assert status["status"] == "crashed"
    assert "SIGKILL" in status["error"]


def _wait_for_progress(up: Installation, names: list[str]) -> None:
    check = """export default { title: "Look", run: async (ctx) => {
      const tables = await ctx.duckdb.tables(); return { tables }; } };"""
    up.create(look := f"look_{uuid.uuid4().hex[:6]}", check)
    until(
        lambda: {f"{name}_rows" for name in names} <= set(up.run(look)["result"]["tables"]),
        what="both have their table",
        seconds=60,
    )


def _ended(up: Installation, job: str) -> dict[str, Any]:
    """Return how a job ended; a writer that no kill reached is stopped, as a person would."""

    def look() -> dict[str, Any] | None:
        status = up.job(job)
        return status if status["status"] not in ("pending", "running") else None

    try:
        return until(look, what="the job ends by itself", seconds=8)
    except TimeoutError:
        # What a kill took away may be on its way back: then the answer is to try again.
        until(
            lambda: up.api.delete(f"/api/analysis/jobs/{job}").is_success,
            what="the job is stopped",
            seconds=60,
        )
        return until(look, what="the stopped job ends", seconds=60)


def _run_again(up: Installation, name: str, **parameters: object) -> dict[str, Any]:
    """Run until it completes: what was killed may need a moment to come back."""

    def attempt() -> dict[str, Any] | None:
        try:
            return up.run(name, **parameters)
        except RuntimeError:
            return None

    return until(attempt, what=f"{name} completes", seconds=60)
