"""One sandbox for the session, and the shortest way to inspect a script in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from analysis_sandbox.sandbox.supervisor import CallOutcome, HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.script.inspection import Inspection, inspect_script
from tests.tooling.esbuild import VERSION as ESBUILD_VERSION
from tests.tooling.esbuild import Esbuild

Inspect = Callable[..., Inspection]
Evaluate = Callable[[ScriptCall], CallOutcome]


@pytest.fixture(scope="session")
def evaluate() -> Iterator[Evaluate]:
    """Runs a call in a real sandbox whose host offers nothing."""

    def ignore(_level: str, _message: str) -> None:
        pass

    with Sandbox() as sandbox:
        host = HostFunctions(asynchronous={}, synchronous={}, log=ignore)
        yield lambda call: sandbox.run(call, host)


@pytest.fixture
def inspect(evaluate: Evaluate) -> Inspect:
    """Inspects a script that is called report.js unless stated otherwise."""

    def inspect(source: str, *, filename: str = "report.js", **options: Any) -> Inspection:
        return inspect_script(source, filename=filename, evaluate=evaluate, **options)

    return inspect


@pytest.fixture(scope="session")
def esbuild(request: pytest.FixtureRequest) -> Esbuild:
    """A compiler to compare with; fetched from npm by the first session that needs it."""
    return Esbuild(request.config.cache.mkdir(f"esbuild-{ESBUILD_VERSION}"))
