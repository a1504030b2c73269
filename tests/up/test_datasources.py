"""Stored datasources on a running installation: every process learns of them by itself."""

import os
import sqlite3
import subprocess
import uuid
from contextlib import closing
from pathlib import Path

from bench.installation import CLI, Installation, until

CANARY = f"canary{uuid.uuid4().hex}"
SCRIPT = """export default {
  title: "Cities",
  dependencies: { datasources: ["%s"] },
  run: async (ctx) => ({ rows: await ctx.datasource["%s"].query("SELECT name FROM cities") }),
};"""
WAITING = """export default {
  title: "Waits",
  dependencies: { datasources: ["%s"] },
  run: async (ctx) => {
    for (;;) {
      const [row] = await ctx.datasource["%s"].query("SELECT name FROM cities");
      if (row.name !== "Graz") return { city: row.name };
      await ctx.sleep(20);
    }
  },
};"""


def city(directory: Path, name: str) -> Path:
    """A database with one city."""
    file = directory / f"{name}.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE cities (name TEXT)")
        connection.execute("INSERT INTO cities VALUES (?)", (name,))
    return file


def put(shared_up: Installation, name: str, file: Path) -> None:
    body = {"config": {"path": str(file)}}
    shared_up.api.put(f"/api/datasources/{name}", json=body).raise_for_status()


def test_runs_see_what_was_stored_changed_and_removed(
    shared_up: Installation, tmp_path: Path
) -> None:
    name = f"cities_{uuid.uuid4().hex[:8]}"
    refused = shared_up.api.post(
        "/api/analysis",
        json={"script_content": SCRIPT % (name, name), "metadata": {"name": name}},
    )
    assert f"Datasource '{name}' not found" in refused.text
    body = {"name": name, "type": "sqlite", "config": {"path": str(city(tmp_path, "Graz"))}}
    shared_up.api.post("/api/datasources", json=body).raise_for_status()
    shared_up.create(name, SCRIPT % (name, name))

    # As often as there are workers, and more: each of them has to know.
    for _ in range(8):
        assert shared_up.run(name)["result"] == {"rows": [{"name": "Graz"}]}
    put(shared_up, name, city(tmp_path, "Linz"))
    for _ in range(8):
        assert shared_up.run(name)["result"] == {"rows": [{"name": "Linz"}]}

    assert shared_up.api.delete(f"/api/datasources/{name}").status_code == 409
    removed = shared_up.api.delete(f"/api/datasources/{name}?force=true")
    assert removed.json()["used_by"] == [name]
    for _ in range(8):
        job = shared_up.finished(shared_up.execute(name))
        assert (job["status"], job["error_detail"]["code"]) == ("failed", "NOT_FOUND")


def test_a_run_that_goes_on_uses_the_new_configuration_soon(
    shared_up: Installation, tmp_path: Path
) -> None:
    name = f"waits_{uuid.uuid4().hex[:8]}"
    body = {"name": name, "type": "sqlite", "config": {"path": str(city(tmp_path, "Graz"))}}
    shared_up.api.post("/api/datasources", json=body).raise_for_status()
    shared_up.create(name, WAITING % (name, name))
    job = shared_up.execute(name)
    until(
        lambda: shared_up.job(job)["status"] == "running" or None, what="the run begins", seconds=30
    )

    put(shared_up, name, city(tmp_path, "Linz"))

    assert shared_up.finished(job, seconds=20)["result"] == {"city": "Linz"}


def test_a_secret_goes_in_by_the_command_line_and_comes_out_nowhere(
    shared_up: Installation,
) -> None:
    name = f"away_{uuid.uuid4().hex[:8]}"
    url = f"postgresql://ann:{CANARY}@127.0.0.1:1/shop"

    def call(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [*CLI, "datasource", *arguments, "--home", str(shared_up.home)]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, env={**os.environ}, check=False
        )

    added = call("add", name, "--type", "postgresql", "--set", "pool_size=2", given=f"{url}\n")
    assert added.returncode == 0, added.stderr
    shared_up.create(name, SCRIPT % (name, name))
    job = shared_up.finished(shared_up.execute(name))
    rotated = call("rotate-key")
    tested = call("test", name)
    answers = [
        shared_up.api.get(f"/api/datasources/{name}").text,
        shared_up.api.get("/api/datasources").text,
        *(outcome.stdout + outcome.stderr for outcome in (added, rotated, tested)),
        str(job),
        str(shared_up.finished(shared_up.execute(name))),
    ]

    assert job["status"] == "failed"
    assert tested.returncode == 1
    assert rotated.returncode == 0, rotated.stderr
    assert CANARY not in "".join(answers)
    key = shared_up.home / "secret-key"
    assert key.stat().st_mode & 0o777 == 0o600
    written = [path for path in shared_up.home.rglob("*") if path.is_file()]
    # The database is where the secret would be, were it not encrypted.
    assert [path for path in written if CANARY.encode() in _content(path)] == []


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
