"""Stopping a script: politely, then by interrupt, then by force."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from analysis_sandbox.errors import CancelledError
from analysis_sandbox.sandbox.supervisor import Sandbox, SandboxCall
from tests.sandbox.scripts import Host, Metadata, call


@pytest.fixture
def begun(host: Host, hanging: Any) -> threading.Event:
    """Set when the script calls duckdb.exec."""
    begun = threading.Event()
    host.asynchronous = {"duckdb.exec": lambda sql: begun.set(), "duckdb.tables": hanging}
    host.synchronous = Metadata().functions | {"metadata.list": hanging}
    return begun


@pytest.fixture
def stopped(sandbox: Sandbox, host: Host, begun: threading.Event) -> Callable[[str], Any]:
    """Runs a body, stops it once it says that it has begun, and returns value or error."""

    def stopped(body: str) -> Any:
        code = f"await ctx.duckdb.exec('begin');\n{body}"
        running = sandbox.start(call(code, limits={"timeout_ms": 60_000}), host.functions)
        assert begun.wait(20)
        asked = time.monotonic()
        running.stop()
        outcome = running.wait()
        stopped.seconds = time.monotonic() - asked  # pyright: ignore[reportFunctionMemberAccess]
        return outcome.error or outcome.value

    return stopped


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("function spin() {\n  for (;;);\n}\nspin();", 3),
        ("await ctx.duckdb.tables();", 3),
    ],
)
def test_a_stopped_script_is_cancelled_with_its_stack(
    body: str, line: int, stopped: Callable[[str], Any]
) -> None:
    error = stopped(body)

    assert type(error) is CancelledError
    assert str(error) == "The run was stopped"
    assert error.line == line


@pytest.mark.parametrize(
    "body",
    [
        "for (;;) await null;",
        "for (;;) { try { for (;;) Math.abs(1); } catch {} }",
        "for (;;) await ctx.sleep(60e3);",
        "for (;;) { try { await ctx.duckdb.tables(); } catch {} }",
        "await new Promise((resolve) => setTimeout(resolve, 60e3));",
        "const s = 'x'.repeat(3e7); for (;;) s.indexOf('y') + s.lastIndexOf('z');",
        "return new Array(1e9) + '';",
        "return { all: ctx.metadata.list() };",
        "for (;;) new Promise(() => { for (;;); });",
    ],
)
def test_whatever_a_script_does_stop_ends_it(body: str, stopped: Callable[[str], Any]) -> None:
    assert type(stopped(body)) is CancelledError


def test_a_script_can_ask_whether_to_stop(stopped: Callable[[str], Any]) -> None:
    assert stopped("while (!ctx.shouldStop()); return { done: true };") == '{"done":true}'


def test_sleeps_end_at_once(stopped: Callable[[str], Any]) -> None:
    body = """await ctx.sleep(60e3);
      await ctx.sleep(60e3);
      return { stopping: ctx.shouldStop() };"""

    assert stopped(body) == '{"stopping":true}'


def test_calls_under_way_and_new_ones_are_given_up(stopped: Callable[[str], Any]) -> None:
    body = """const seen = [];
      const both = Promise.all([ctx.duckdb.tables(), ctx.sleep(60e3)]);
      try { await both; } catch (e) { seen.push(e.name, e.code); }
      try { await ctx.duckdb.exec("more"); } catch (e) { seen.push(e.message); }
      return { seen };"""

    assert stopped(body) == (
        '{"seen":["CancelledError","CANCELLED",'
        '"duckdb.exec was given up because the run is being stopped"]}'
    )


def test_a_script_that_cleans_up_can_still_write_metadata(
    stopped: Callable[[str], Any], host: Host
) -> None:
    body = """try { await ctx.duckdb.tables(); }
      finally { ctx.metadata.set("cursor", 7); }"""

    error = stopped(body)

    assert isinstance(error, CancelledError)
    assert host.synchronous["metadata.get"]("cursor") == 7


def test_a_stop_before_the_script_has_begun_is_enough(sandbox: Sandbox, host: Host) -> None:
    running = sandbox.start(call("for (;;);", limits={"timeout_ms": 60_000}), host.functions)
    running.stop()
    running.stop()

    assert type(running.wait().error) is CancelledError


def test_a_stop_after_the_end_changes_nothing(sandbox: Sandbox, host: Host) -> None:
    running = sandbox.start(call("return { ok: 1 };"), host.functions)
    outcome = running.wait()
    running.stop()

    assert running.wait() is outcome
    assert outcome.value == '{"ok":1}'


def test_one_script_is_stopped_and_not_its_neighbours(
    sandbox: Sandbox, host: Host, begun: threading.Event
) -> None:
    waiting = "while (!ctx.shouldStop()) await ctx.sleep(5); return { stopped: true };"
    first, second = (
        sandbox.start(call(waiting, limits={"timeout_ms": 60_000}), host.functions)
        for _ in range(2)
    )
    first.stop()

    assert first.wait().value == '{"stopped":true}'
    with pytest.raises(TimeoutError):
        _wait_shortly(second)
    second.stop()
    assert second.wait().value == '{"stopped":true}'


def _wait_shortly(running: SandboxCall) -> None:
    over = threading.Event()
    threading.Thread(target=lambda: (running.wait(), over.set()), daemon=True).start()
    if not over.wait(0.3):
        raise TimeoutError
