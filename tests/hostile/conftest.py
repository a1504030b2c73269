"""What hostile scripts run in: a real sandbox with real DataFrames, and a real installation."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.execution.host import pure_host
from analysis_sandbox.sandbox.supervisor import CallOutcome, HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.values import EncodedJSON
from bench.installation import Installation, installation
from tests.sandbox.scripts import Metadata

Lines = list[tuple[str, str]]
Run = Callable[[ScriptCall], tuple[CallOutcome, Lines]]

_MANY_ROWS = EncodedJSON("[" + ",".join(f'{{"id":{i},"name":"row"}}' for i in range(500_000)) + "]")


def _query(*arguments: object) -> object:
    """Answer with the question, so that a script sees what arrived."""
    sql = arguments[0] if arguments else None
    return _MANY_ROWS if sql == "many rows" else [{"a": sql}]


def _nothing(*_arguments: object) -> None:
    """Answer at once."""


def host(call: ScriptCall, frames: Frames, lines: Lines) -> HostFunctions:
    """Return what a script can reach here: all that needs no database, and one query."""
    pure = pure_host(call.limits, log=lambda level, message: lines.append((level, message)))
    return HostFunctions(
        asynchronous={"duckdb.query": _query, "datasource.call": _nothing},
        synchronous={**pure.synchronous, **frames.synchronous(), **Metadata().functions},
        log=pure.log,
    )


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One for all scripts: what one of them does to it, the next would feel."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """Runs a script to its end; returns how it ended and what it logged."""

    def run(call: ScriptCall) -> tuple[CallOutcome, Lines]:
        lines: Lines = []
        with closing(Frames(call.limits)) as frames:
            return sandbox.run(call, host(call, frames, lines)), lines

    return run


@pytest.fixture(scope="session")
def hostile_up() -> Iterator[Installation]:
    """A running installation."""
    with installation() as running:
        yield running
