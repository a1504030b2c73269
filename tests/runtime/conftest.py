"""A sandbox whose scripts have the host functions that need nothing but their arguments."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.execution.host import pure_host
from analysis_sandbox.sandbox.supervisor import CallOutcome, Sandbox
from tests.sandbox.scripts import call

Value = Callable[..., Any]
Failure = Callable[..., AnalysisSandboxError]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def run(sandbox: Sandbox) -> Callable[..., CallOutcome]:
    def run(code: str, **changes: Any) -> CallOutcome:
        made = call(code, **changes)
        return sandbox.run(made, pure_host(made.limits, log=lambda _level, _message: None))

    return run


@pytest.fixture
def value(run: Callable[..., CallOutcome]) -> Value:
    """Runs the body of a run function and returns its parsed value; an error is raised."""

    def value(code: str, **changes: Any) -> Any:
        outcome = run(code, **changes)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.value is not None
        return json.loads(outcome.value)

    return value


@pytest.fixture
def failure(run: Callable[..., CallOutcome]) -> Failure:
    """Runs a script that must fail and returns the error."""

    def failure(code: str, **changes: Any) -> AnalysisSandboxError:
        outcome = run(code, **changes)
        assert outcome.value is None
        assert outcome.error is not None
        return outcome.error

    return failure
