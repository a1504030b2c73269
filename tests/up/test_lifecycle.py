"""Starting, stopping and starting again."""

import contextlib
import os
import signal
import socket
import subprocess

import psutil

from bench.installation import CLI, TRIVIAL, Installation, free_port, read_state, until
from tests.up.processes import Parts

KEEPER = """export default {
  title: "Keeper",
  run: async (ctx) => {
    await ctx.duckdb.exec("CREATE TABLE IF NOT EXISTS kept (n INTEGER)");
    await ctx.duckdb.exec("INSERT INTO kept VALUES (1)");
    const [row] = await ctx.duckdb.query("SELECT count(*) AS rows FROM kept");
    return { rows: row.rows };
  },
};"""


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_what_was_stored_is_there_after_a_kill_and_a_second_start(fresh_home: Installation) -> None:
    up = fresh_home.start()
    up.create("keeper", KEEPER)
    first = up.run("keeper")
    assert first["result"] == {"rows": 1}
    everything = Parts(up).everything()

    up.stop(signal.SIGKILL)

    until(lambda: _gone(everything), what="nothing outlives `up`", seconds=20)
    up.start()
    assert up.run("keeper")["result"] == {"rows": 2}
    assert up.job(first["job_id"])["result"] == {"rows": 1}
    everything = Parts(up).everything()

    assert up.stop() == 0

    until(lambda: _gone(everything), what="every process of `up` is gone", seconds=10)
    assert not list((up.home / "run").glob("*.sock"))
    assert not (up.home / "up.json").exists()


def test_a_second_up_on_the_same_home_says_that_one_is_running(shared_up: Installation) -> None:
    second = subprocess.run(
        [*CLI, "up", "--home", shared_up.home, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode != 0
    assert "already running" in second.stderr
    assert str(shared_up.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert shared_up.api.get("/readyz").status_code == 200


def test_a_taken_port_is_one_clear_line_and_a_non_zero_exit(fresh_home: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        fresh_home.port = taken.getsockname()[1]
        process = fresh_home.spawn()
        output, _ = process.communicate(timeout=60)

    assert process.returncode != 0
    assert str(fresh_home.port) in output
    assert "--port" in output
    assert "Traceback" not in output


def test_an_unreachable_database_is_one_clear_line_and_a_non_zero_exit(
    fresh_home: Installation,
) -> None:
    url = f"postgresql://nobody:secret-word@127.0.0.1:{free_port()}/nowhere"
    fresh_home.environment["DATABASE_URL"] = url
    process = fresh_home.spawn()
    output, _ = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "database" in output.lower()
    assert "Traceback" not in output
    assert "secret-word" not in output


def test_up_tells_programs_where_it_listens(shared_up: Installation) -> None:
    state = read_state(shared_up.home)

    assert state["pid"] == shared_up.pid
    assert state["url"] == f"http://127.0.0.1:{shared_up.port}"
    assert state["dagster_url"] == shared_up.dagster_url


def test_orphans_of_a_killed_process_are_reaped(shared_up: Installation) -> None:
    shared_up.create("orphan_maker", TRIVIAL)
    parts = Parts(shared_up)
    worker = next(worker for worker in parts.workers() if parts.fork_servers(worker))
    servers = [p for server in parts.fork_servers(worker) for p in (server, *server.children())]
    assert len(servers) >= 2

    os.kill(worker.pid, signal.SIGKILL)

    until(lambda: not any(s.is_running() for s in servers), what="orphans are gone", seconds=20)
    until(lambda: not any(map(_is_zombie, parts.everything())), what="no zombies", seconds=20)
    assert shared_up.run("orphan_maker")["result"] == {"ok": 1}


def _is_zombie(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return False
