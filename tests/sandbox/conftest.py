"""One sandbox for the session, and the shortest way to run a script in it."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.sandbox.supervisor import CallOutcome, Sandbox, SandboxCall
from tests.sandbox.scripts import Host, call

Run = Callable[..., CallOutcome]
Value = Callable[..., Any]
Failure = Callable[..., AnalysisSandboxError]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def sleeping(sandbox: Sandbox, host: Host) -> Iterator[SandboxCall]:
    """A script that has begun and sleeps."""
    begun = threading.Event()

    def begin(_sql: str) -> None:
        begun.set()

    host.asynchronous = {"duckdb.exec": begin}
    code = "await ctx.duckdb.exec('begin'); await ctx.sleep(60e3); return {};"
    running = sandbox.start(call(code, limits={"timeout_ms": 60_000}), host.functions)
    assert begun.wait(20)
    yield running
    running.stop()
    running.wait()


@pytest.fixture
def run(sandbox: Sandbox, host: Host) -> Run:
    def run(code: str, **changes: Any) -> CallOutcome:
        return sandbox.run(call(code, **changes), host.functions)

    return run


@pytest.fixture
def value(run: Run) -> Value:
    """Runs a script and returns its parsed value; an error is raised."""

    def value(code: str, **changes: Any) -> Any:
        outcome = run(code, **changes)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.value is not None
        return json.loads(outcome.value)

    return value


@pytest.fixture
def failure(run: Run) -> Failure:
    """Runs a script that must fail and returns the error."""

    def failure(code: str, **changes: Any) -> AnalysisSandboxError:
        outcome = run(code, **changes)
        assert outcome.value is None
        assert outcome.error is not None
        return outcome.error

    return failure


@pytest.fixture
def hanging() -> Iterator[Callable[..., None]]:
    """A host function that does not return before the test is over."""
    over = threading.Event()

    def hang(*arguments: object) -> None:
        over.wait(60)

    yield hang
    over.set()
