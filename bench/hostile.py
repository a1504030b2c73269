"""Scripts that do not want to end: how long after their time, or after a stop, they are gone."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.values import JSONObject
from bench.measure import Figure, Samples

_ROUNDS = 5
_TIMEOUT_MS = 300
_BAR_MS = 1000
_BEFORE_STOP_S = 0.1


@dataclass(frozen=True, slots=True)
class _Hostile:
    """One script, by what keeps it going."""

    what: str
    body: str


_SCRIPTS = (
    _Hostile("loop", "for (;;) {}"),
    _Hostile("loop of host calls", "for (;;) await ctx.duckdb.tables();"),
    _Hostile("loop of synchronous host calls", "for (;;) ctx.metadata.has('key');"),
    _Hostile("host call that hangs", "await ctx.duckdb.exec('hang');"),
    _Hostile("pattern that explodes", "return { x: /(x+x+)+y/.test('x'.repeat(60)) };"),
    _Hostile("one giant builtin", "return { x: new Array(1e9) + '' };"),
    _Hostile(
        "promise that never settles", "setInterval(() => {}, 9); await new Promise(() => {});"
    ),
    _Hostile("swallowed interrupt", "for (;;) { try { for (;;); } catch {} finally {} }"),
    _Hostile("storm of microtasks", "const f = () => Promise.resolve().then(f); await f();"),
    _Hostile("storm of timers", "setInterval(() => {}, 0); await new Promise(() => {});"),
    _Hostile("getter in the result", "return { get x() { for (;;); } };"),
)


def figures() -> list[Figure]:
    """Measure on this machine."""
    over = threading.Event()

    def hang(_sql: object) -> None:
        over.wait(60)

    host = HostFunctions(
        asynchronous={"duckdb.tables": _nothing, "duckdb.exec": hang},
        synchronous={"metadata.has": _nothing},
        log=lambda _level, _message: None,
    )
    with Sandbox() as sandbox:
        sandbox.prepare()
        late = [_late(sandbox, host, script) for script in _SCRIPTS]
        stopped = [_stopped(sandbox, host, script) for script in _SCRIPTS]
        over.set()
    return [
        *map(_over_the_limit, _SCRIPTS, late),
        _worst("any of these, from a stop to its end", stopped),
    ]


def _late(sandbox: Sandbox, host: HostFunctions, script: _Hostile) -> Samples:
    def once() -> float:
        start = time.perf_counter()
        outcome = sandbox.run(_call(script, timeout_ms=_TIMEOUT_MS), host)
        _expect(outcome.error, "TIME_LIMIT_EXCEEDED", script)
        return (time.perf_counter() - start) * 1000 - _TIMEOUT_MS

    return _samples(once)


def _stopped(sandbox: Sandbox, host: HostFunctions, script: _Hostile) -> Samples:
    def once() -> float:
        running = sandbox.start(_call(script, timeout_ms=60_000), host)
        time.sleep(_BEFORE_STOP_S)
        start = time.perf_counter()
        running.stop()
        outcome = running.wait()
        _expect(outcome.error, "CANCELLED", script)
        return (time.perf_counter() - start) * 1000

    return _samples(once)


def _samples(once: Callable[[], float]) -> Samples:
    once()
    return Samples([once() for _ in range(_ROUNDS)])


def _expect(error: AnalysisSandboxError | None, code: str, script: _Hostile) -> None:
    if error is None or error.code != code:
        raise RuntimeError(f"{script.what}: ended with {error!r} instead of {code}")


def _over_the_limit(script: _Hostile, samples: Samples) -> Figure:
    return _figure(f"{script.what}, over its limit of {_TIMEOUT_MS} ms", samples)


def _worst(what: str, all_samples: Sequence[Samples]) -> Figure:
    together = [each for samples in all_samples for each in samples.milliseconds]
    return _figure(what, Samples(together))


def _figure(what: str, samples: Samples) -> Figure:
    longest = max(samples.milliseconds)
    return Figure(what, f"{samples}, at most {longest:.0f} ms", "≤ 1 s", longest <= _BAR_MS)


def _call(script: _Hostile, *, timeout_ms: int) -> ScriptCall:
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
        code=f"export default {{ run: async (ctx) => {{ {script.body} }} }};",
        filename="bench.js",
        entry="run",
        parameters={},
        context=facts,
        limits=Limits(timeout_ms=timeout_ms),
    )


def _nothing(*_arguments: object) -> None:
    """Answer at once."""
