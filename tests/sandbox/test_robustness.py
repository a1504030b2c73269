"""Deaths, interrupts, threads and many runs: what the supervisor survives and what it leaves."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.errors import (
    CrashError,
    LimitExceededError,
    ScriptError,
    ValidationFailedError,
)
from analysis_sandbox.sandbox.protocol import HEADER
from analysis_sandbox.sandbox.supervisor import Sandbox, SandboxCall, ScriptCall
from tests.sandbox.scripts import FACTS, Host, call

SLEEP = "await ctx.duckdb.exec('begin'); await ctx.sleep(60e3); return {};"


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox of the test's own, to do damage to."""
    with Sandbox() as sandbox:
        yield sandbox


def start_sleeping(sandbox: Sandbox, count: int = 1) -> list[SandboxCall]:
    """Start scripts and return when all of them have begun."""
    begun = threading.Semaphore(0)
    host = Host(asynchronous={"duckdb.exec": lambda sql: begun.release()})
    limits = {"timeout_ms": 60_000}
    running = [sandbox.start(call(SLEEP, limits=limits), host.functions) for _ in range(count)]
    for _ in running:
        assert begun.acquire(timeout=20)
    return running


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    return False


def until(condition: Callable[[], bool]) -> bool:
    """Wait, bounded, until the condition holds."""
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.005)
    return True


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def test_a_killed_fork_server_ends_every_call_and_is_replaced(own: Sandbox) -> None:
    running = start_sleeping(own, count=3)
    server = parent_of(running[0].pid)

    os.kill(server, signal.SIGKILL)
    errors = [each.wait().error for each in running]

    assert all(isinstance(error, CrashError) and error.transient for error in errors)
    assert str(errors[0]) == "The sandbox's fork server died under the run"
    assert until(lambda: not any(is_alive(each.pid) for each in running))
    again = own.start(call("return { ok: 1 };"), Host().functions)
    assert again.wait().value == '{"ok":1}'
    assert until(lambda: not is_alive(server))


def test_a_fork_server_killed_while_idle_goes_unnoticed(own: Sandbox) -> None:
    [running] = start_sleeping(own)
    server = parent_of(running.pid)
    running.stop()
    running.wait()

    os.kill(server, signal.SIGKILL)

    outcomes = [own.run(call("return { ok: 1 };"), Host().functions) for _ in range(5)]
    assert [each.value for each in outcomes][1:] == ['{"ok":1}'] * 4
    assert outcomes[0].value == '{"ok":1}' or isinstance(outcomes[0].error, CrashError)


def test_a_fork_server_that_no_longer_answers_is_killed(own: Sandbox) -> None:
    [running] = start_sleeping(own)
    server = parent_of(running.pid)
    running.stop()
    running.wait()
    quick = own.start(call("for (;;);", limits={"timeout_ms": 300}), Host().functions)
    assert quick.pid

    os.kill(server, signal.SIGSTOP)
    outcome = quick.wait()

    assert outcome.error is not None
    assert until(lambda: not is_alive(server))
    assert own.run(call("return { ok: 1 };"), Host().functions).value == '{"ok":1}'


def test_a_killed_child_takes_nobody_along(own: Sandbox) -> None:
    first, second = start_sleeping(own, count=2)

    os.kill(first.pid, signal.SIGKILL)

    assert isinstance(first.wait().error, CrashError)
    assert is_alive(second.pid)
    second.stop()
    second.wait()


def test_a_killed_idle_child_is_replaced(own: Sandbox) -> None:
    [running] = start_sleeping(own)
    server = parent_of(running.pid)
    others = {
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and is_alive(int(path.name)) and parent_of(int(path.name)) == server
    } - {running.pid}
    for pid in others:
        os.kill(pid, signal.SIGKILL)
    assert until(lambda: not any(is_alive(pid) for pid in others))
    running.stop()
    running.wait()

    assert own.run(call("return { ok: 1 };"), Host().functions).value == '{"ok":1}'


def test_closing_ends_what_runs_and_refuses_more() -> None:
    sandbox = Sandbox()
    [running] = start_sleeping(sandbox)
    pid, server = running.pid, parent_of(running.pid)

    sandbox.close()
    sandbox.close()

    assert isinstance(running.wait().error, CrashError)
    assert until(lambda: not is_alive(pid) and not is_alive(server))
    with pytest.raises(CrashError, match="closed"):
        sandbox.run(call("return {};"), Host().functions)


def test_fork_server_and_children_die_with_their_supervisor(tmp_path: Path) -> None:
    read, write = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        try:
            sandbox = Sandbox()
            [running] = start_sleeping(sandbox)
            os.write(write, json.dumps([running.pid, parent_of(running.pid)]).encode())
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb", buffering=0) as file:
        pids: list[int] = json.loads(file.read(100))
    assert all(is_alive(pid) for pid in pids)

    os.kill(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)

    assert until(lambda: not any(is_alive(pid) for pid in pids))


def test_an_interrupt_in_the_waiting_thread_stops_the_script(own: Sandbox) -> None:
    pids: list[int] = []
    begun = threading.Event()

    def interrupt() -> None:
        assert begun.wait(20)
        server = parent_of_any(own)
        pids.extend(children_of(server))
        os.kill(os.getpid(), signal.SIGINT)

    host = Host(asynchronous={"duckdb.exec": lambda sql: begun.set()})
    thread = threading.Thread(target=interrupt)
    # Background jobs of a shell begin with SIGINT ignored.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            own.run(call(SLEEP, limits={"timeout_ms": 60_000}), host.functions)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, previous)

    busy = pids[0]
    assert until(lambda: not is_alive(busy))
    assert own.run(call("return { ok: 1 };"), host.functions).value == '{"ok":1}'


def parent_of_any(sandbox: Sandbox) -> int:
    server = sandbox._server  # pyright: ignore[reportPrivateUsage]
    assert server is not None
    return server.pid


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(each) for each in text.split()]


def test_many_threads_use_one_sandbox(sandbox: Sandbox) -> None:
    def one(number: int) -> Any:
        host = Host(asynchronous={"duckdb.describe": lambda table: table * 2})
        code = "return { got: await ctx.duckdb.describe(params.n), n: params.n };"
        outcome = sandbox.run(call(code, parameters={"n": number}), host.functions)
        return json.loads(outcome.value or "null")

    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(one, range(80)))

    assert got == [{"got": n * 2, "n": n} for n in range(80)]


def test_a_thousand_runs_leave_nothing_behind(own: Sandbox) -> None:
    host = Host(
        asynchronous={"duckdb.describe": lambda table: [table]},
        synchronous={"metadata.get": lambda key: key},
    )
    bodies = [
        "return { a: await ctx.duckdb.describe('t') };",
        "ctx.metadata.get('k'); throw new Error('x');",
        "ctx.log('x'); await Promise.all([ctx.duckdb.describe('t'), ctx.duckdb.describe('u')]);",
        "let a = 1; let b = ;",
    ]

    def several(count: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(
                    lambda n: own.run(call(bodies[n % len(bodies)]), host.functions), range(count)
                )
            )

    several(20)
    descriptors, threads = count_descriptors(), threading.active_count()
    several(1000)

    assert until(lambda: count_descriptors() <= descriptors)
    # Workers stay for a while to be used again, one per call and host call at the same time.
    assert threading.active_count() <= threads + 12
    assert len(children_of(parent_of_any(own))) <= 2
    states = [
        Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        for pid in children_of(os.getpid())
    ]
    assert "Z" not in states


def count_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_after_closing_no_descriptor_and_no_thread_is_left() -> None:
    with Sandbox() as first:
        first.run(call("return {};"), Host().functions)
    descriptors = count_descriptors()
    names = {thread.name for thread in threading.enumerate()}

    for _ in range(3):
        with Sandbox() as sandbox:
            sandbox.run(call("ctx.log(1); return {};"), Host().functions)

    assert until(lambda: count_descriptors() <= descriptors)
    assert until(lambda: {thread.name for thread in threading.enumerate()} <= names)


@pytest.mark.parametrize("parameters", [{"x": float("nan")}, {"x": object()}])
def test_parameters_that_are_not_json_are_refused_at_once(
    parameters: Any, sandbox: Sandbox
) -> None:
    with pytest.raises(ValidationFailedError):
        sandbox.run(call("return {};", parameters=parameters), Host().functions)


def test_a_script_of_many_megabytes_runs(sandbox: Sandbox) -> None:
    text = "x" * 5_000_000
    code = f"const text = '{text}';\nexport default {{ run: () => ({{ n: text.length }}) }};"

    assert sandbox.run(call(code), Host().functions).value == '{"n":5000000}'


def test_a_script_larger_than_a_job_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValidationFailedError, match="64 MB are allowed"):
        sandbox.run(call("x" * (65 << 20) + "export"), Host().functions)


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("../../etc/report.js", "report.js"),
        ("./a b(c).js", "a_b_c_.js"),
        ("", "script.js"),
        ("...", "script.js"),
        ("C:\\x\\report.js", "report.js"),
        ("analysis-sandbox:bridge.js", "analysis-sandbox_bridge.js"),
    ],
)
def test_any_file_name_gives_a_name_for_stacks(filename: str, shown: str, sandbox: Sandbox) -> None:
    given = ScriptCall(
        code="\nthrow new Error('x');", filename=filename, entry="run", parameters={}, context=FACTS
    )

    error = sandbox.run(given, Host().functions).error

    assert isinstance(error, ScriptError)
    assert f"({shown}:2:" in (error.stack or "")


# A child that its script owns sends what it likes: here the test does, through the child's socket.


@pytest.fixture
def possessed(sleeping: SandboxCall) -> Iterator[socket.socket]:
    import ctypes

    if os.geteuid() != 0:
        pytest.skip("taking over another process' socket needs root")
    directory = Path(f"/proc/{sleeping.pid}/fd")
    [number] = [int(entry.name) for entry in directory.iterdir() if "socket" in os.readlink(entry)]
    process = os.pidfd_open(sleeping.pid)
    descriptor = ctypes.CDLL(None, use_errno=True).syscall(438, process, number, 0)
    os.close(process)
    if descriptor < 0:
        pytest.skip("this kernel does not hand out descriptors")
    with socket.socket(fileno=descriptor) as taken:
        yield taken


def frame(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return HEADER.pack(len(data)) + data


@pytest.mark.parametrize(
    "data",
    [
        frame("not json"),
        frame("{}"),
        frame("[]"),
        frame("5"),
        frame("null"),
        frame(b"\xff\xfe"),
        frame('["unknown",1]'),
        frame('["result"]'),
        frame('["result",1,2]'),
        frame('[ "result", {} ]'),
        frame('["error",5]'),
        frame('["call",1,"x"]'),
        frame('["call","1","duckdb.exec",[]]'),
        frame('["call",1,5,[]]'),
        frame('["call",1,"duckdb.exec",{}]'),
        frame('["ask",true,"x",[]]'),
        frame('["log","shout","x"]'),
        frame('["log","info",5]'),
        frame('["log",["info"],"x"]'),
        frame('["facts",5]'),
        frame('["facts",{"dropped":["x",{}]}]')
        + frame('["dropping"]') * 2
        + frame('["facts",{"dropped":["x",{}]}]'),
        frame('[[["call"]]]'),
        frame("[" * 100_000),
    ],
)
def test_a_frame_that_no_honest_child_sends_kills_it(
    data: bytes, possessed: socket.socket, sleeping: SandboxCall
) -> None:
    possessed.sendall(data)
    error = sleeping.wait().error

    assert isinstance(error, CrashError)
    assert not is_alive(sleeping.pid)


@pytest.mark.parametrize("size", [(64 << 20) + (1 << 16) + 1, 0xFFFFFFFF])
def test_a_frame_that_announces_too_much_kills_the_child(
    size: int, possessed: socket.socket, sleeping: SandboxCall
) -> None:
    possessed.sendall(HEADER.pack(size) + b"x" * 1000)
    error = sleeping.wait().error

    assert isinstance(error, LimitExceededError)
    assert "64.1 MB are allowed" in str(error)
    assert not is_alive(sleeping.pid)


def test_more_calls_in_flight_than_allowed_kill_the_child(
    possessed: socket.socket, sleeping: SandboxCall, host: Host, hanging: Any
) -> None:
    host.asynchronous["duckdb.tables"] = hanging  # pyright: ignore[reportIndexIssue]

    for number in range(300):
        with contextlib.suppress(OSError):
            possessed.sendall(frame(f'["call",{number},"duckdb.tables",[]]'))
    error = sleeping.wait().error

    assert isinstance(error, LimitExceededError)
    assert "257 host calls in flight; 256 are allowed" in str(error)


def test_more_log_lines_than_allowed_kill_the_child(
    possessed: socket.socket, sleeping: SandboxCall, host: Host
) -> None:
    line = frame('["log","info","' + "x" * 60_000 + '"]')
    with contextlib.suppress(OSError):
        for _ in range(30):
            possessed.sendall(line)
    error = sleeping.wait().error

    assert isinstance(error, LimitExceededError)
    assert str(error).endswith("bytes of log; 1048576 are allowed")
    assert len([1 for level, _ in host.lines if level == "info"]) == (1 << 20) // 60_000


def test_a_forged_result_is_checked_again(possessed: socket.socket, sleeping: SandboxCall) -> None:
    possessed.sendall(frame(b'["result",{"a":"' + b"x" * (11 << 20) + b'"}]'))
    outcome = sleeping.wait()

    assert outcome.value is None
    assert str(outcome.error).startswith("Result size 11.0MB exceeds 10MB limit.")


def test_a_child_that_reports_and_stays_is_killed(
    possessed: socket.socket, sleeping: SandboxCall
) -> None:
    possessed.sendall(frame('["result",{"forged":1}]'))
    outcome = sleeping.wait()

    assert outcome.value == '{"forged":1}'
    assert not is_alive(sleeping.pid)


def test_a_child_that_does_not_read_its_answers_is_killed_in_time(
    sandbox: Sandbox, host: Host
) -> None:
    # The engine is busy in one builtin, so that nothing empties the socket.
    host.asynchronous = {"duckdb.tables": lambda: "x" * (4 << 20)}
    body = """for (let i = 0; i < 20; i++) ctx.duckdb.tables().catch(() => 0);
      for (let i = 0; i < 1e6; i++) {}
      return new Array(1e9) + "";"""

    error = sandbox.run(call(body, limits={"timeout_ms": 400}), host.functions).error

    assert isinstance(error, ScriptError)
    assert error.code == "TIME_LIMIT_EXCEEDED"
