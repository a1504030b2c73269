"""No secret of an installation is in the memory of the processes that scripts can own."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import psutil

from bench.installation import Installation, until
from tests.up.processes import Parts

SLEEPER = """export default {
  title: "Sleeper",
  dependencies: { datasources: ["shop", "notes"] },
  run: async (ctx) => {
    await ctx.datasource.notes.query("SELECT 1 AS one");
    await ctx.datasource.shop.query("SELECT 1 AS one").catch((error) => ctx.log(error.message));
    for (;;) await ctx.sleep(50);
  },
};"""


def _contains(process: psutil.Process, needles: list[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8").splitlines()
    with Path(f"/proc/{process.pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            bounds, rights, *_ = line.split()
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            memory.seek(start)
            try:
                content = memory.read(end - start)
            except OSError:
                continue
            found |= {needle for needle in needles if needle in content}
    return found


def test_no_secret_of_any_configured_place_is_in_a_sandbox_process(
    fresh_home: Installation,
) -> None:
    secrets = {name: f"canary{uuid.uuid4().hex}" for name in ("environment", "inline", "token")}
    fresh_home.environment |= {
        "SHOP_PASSWORD": secrets["environment"],
        "ANALYSIS_SANDBOX_ADMIN_TOKEN": secrets["token"],
    }
    (fresh_home.home / "datasources.yaml").write_text(
        f"""
projects:
  default:
    shop: {{type: postgresql, url: "postgresql://shop:${{SHOP_PASSWORD}}@127.0.0.1:1/shop"}}
    other: {{type: postgresql, url: "postgresql://o:{secrets["inline"]}@127.0.0.1:1/other"}}
    notes: {{type: sqlite, path: ./notes.db, access: read_write}}
""",
        encoding="utf-8",
    )
    with closing(sqlite3.connect(fresh_home.home / "notes.db")) as notes:
        notes.execute("CREATE TABLE note (text TEXT)")
    up = fresh_home.start(token=secrets["token"])
    up.create("sleeper", SLEEPER)
    job = up.execute("sleeper")
    state = until(
        lambda: found if (found := up.job(job))["logs"] or found["error"] else None,
        what="both datasources were asked",
        seconds=60,
    )
    assert state["status"] == "running", state
    parts = Parts(up)
    (worker,) = parts.busy_workers()
    servers = [s for parent in (worker, parts.api()) for s in parts.fork_servers(parent)]
    sandboxed = [p for server in servers for p in (server, *server.children())]
    needles = [secret.encode() for secret in secrets.values()]

    assert len(sandboxed) >= 3
    assert {p.pid: _contains(p, needles) for p in sandboxed} == {p.pid: set() for p in sandboxed}
    # The search itself works: the worker, which opens connections, knows the password.
    assert secrets["environment"].encode() in _contains(worker, needles)
