"""The walls around a script: what its process holds, and what it could reach if it owned it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.sandbox.supervisor import Sandbox, SandboxCall
from tests.sandbox.scripts import Host, call

ROOT = Path(__file__).parents[2]
REFUSED = {"EPERM", "EACCES"}
LAYERS = {
    "namespaces",
    "files",
    "parent_death",
    "setuid",
    "capabilities",
    "no_new_privs",
    "landlock",
    "rlimits",
    "seccomp",
}
# What seccomp alone stands against is not asked of the other layers.
ONLY_SECCOMP = {
    "add a filter",
    "be traced",
    "become dumpable",
    "change its socket",
    "connect over the network",
    "duplicate a descriptor",
    "enter namespaces",
    "handle page faults",
    "have signals sent by a descriptor",
    "leave its session",
    "lock memory",
    "make a message queue",
    "make a netlink socket",
    "make a unix socket",
    "make an anonymous file",
    "make memory executable",
    "make memory executable by key",
    "make readable memory executable",
    "make semaphores",
    "make two sockets",
    "map executable memory",
    "open the parent",
    "outlive its parent",
    "read keys",
    "receive a descriptor",
    "send over the network",
    "send to another address",
    "set a timer",
    "share memory",
    "use io_uring",
    "use keys",
    "watch files",
    "watch performance",
}
# Every system call of x86-64 that a child can make, by number: read, write, close, mmap, mprotect,
# munmap, brk, rt_sigprocmask, sched_yield, mremap, madvise, sendto, recvfrom, getrusage,
# restart_syscall, clock_gettime, getrandom. (The end, poll, futex, prlimit64 of itself, rseq and
# rt_sigreturn are there too, but nothing to try without arguments.)
PASSING = {0, 1, 3, 9, 10, 11, 12, 14, 24, 25, 28, 44, 45, 98, 219, 228, 318}
# Memory within the limit of the call is granted, beyond it there is none.
BEYOND_MEMORY = {"map a gigabyte": "ENOMEM", "grow the heap": "ENOMEM"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux'")
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def program(name: str, *arguments: str) -> Any:
    """Run a program of this package and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.sandbox.{name}", *arguments],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@linux
@pytest.mark.parametrize("user", ["0", pytest.param("12345", marks=root)])
def test_a_child_that_belongs_to_its_script_reaches_nothing(user: str) -> None:
    report = program("breakout", user, "all")

    assert report["layers"]["seccomp"] == "ok"
    answers = report["answers"]
    assert len(answers) > 80
    done = {name: answer for name, answer in answers.items() if answer not in REFUSED}
    assert done == BEYOND_MEMORY
    # It holds no descriptor but its socket.
    assert report["written"] == []


@linux
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
def test_no_system_call_passes_but_the_listed_ones() -> None:
    report = program("breakout", "0", "all")

    assert set(report["passing"]) == PASSING
    assert set(report["deaths"].values()) == {signal.SIGSYS}
    assert len(report["deaths"]) == 3


@linux
def test_the_attempts_are_real() -> None:
    """Unconfined, what this test program tries does succeed, as far as its user may."""
    from tests.sandbox.breakout import attempts

    todo = attempts(os.getpid(), 0, 0)

    descriptors = [todo[name]() for name in ("open a file", "list a directory")]
    descriptors += [todo["make a unix socket"](), todo["make an anonymous file"]()]
    assert min(descriptors) > 2
    for descriptor in descriptors:
        os.close(descriptor)
    assert todo["map executable memory"]() == 0


@linux
@root
def test_the_other_layers_stand_without_seccomp() -> None:
    report = program("breakout", "0", "no-seccomp")

    assert report["layers"]["seccomp"] != "ok"
    holes = {name for name, answer in report["answers"].items() if answer == "done"}
    assert holes <= ONLY_SECCOMP


@linux
def test_the_layers_are_reported_with_every_call(sandbox: Sandbox, host: Host) -> None:
    layers = sandbox.run(call("return {};"), host.functions).layers

    assert set(layers) == LAYERS
    assert layers["seccomp"] == "ok"
    assert layers["no_new_privs"] == "ok"
    assert layers["rlimits"] == "ok"
    if os.geteuid() == 0:
        assert re.fullmatch(r"ok \(uid 6\d{4}\)", layers["setuid"])
        assert "65534" not in layers["setuid"]


@linux
def test_an_ordinary_user_gets_the_required_layers() -> None:
    value, layers, error = program("unprivileged")

    assert value == '{"ok":1}'
    assert set(layers) == LAYERS
    assert layers["seccomp"] == "ok"
    assert layers["setuid"].startswith("needs root")
    assert error.startswith("No process can be started for the script: [Errno 11]")


@linux
def test_without_seccomp_no_script_runs() -> None:
    message, hint = program("without_seccomp", "0")

    assert message.startswith("This machine cannot confine scripts: PermissionError")
    assert "allow_weak_sandbox" in hint


@linux
def test_a_weak_sandbox_has_to_be_asked_for_and_says_what_is_missing() -> None:
    value, seccomp = program("without_seccomp", "1")

    assert value == '{"ok":1}'
    assert seccomp.startswith("PermissionError")


@linux
@root
def test_parent_secrets_reach_neither_fork_server_nor_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Built at run time, so that no source text or constant holds them whole.
    in_environment, in_memory = (f"canary-{kind}-{os.urandom(8).hex()}" for kind in ("env", "mem"))
    monkeypatch.setenv("CANARY", in_environment)
    with Sandbox() as sandbox:
        running = sandbox.start(call("await ctx.sleep(60e3); return {};"), Host().functions)
        child = running.pid
        server = _parent_of(child)
        held = {pid: _memory(pid) for pid in (server, child, os.getpid())}
        for pid in (server, child):
            assert Path(f"/proc/{pid}/environ").read_bytes() == b""
            assert in_environment.encode() not in held[pid]
            assert in_memory.encode() not in held[pid]
            assert b"analysis-sandbox:bridge.js" in held[pid]
        # The search itself works.
        assert in_environment.encode() in held[os.getpid()]
        assert in_memory.encode() in held[os.getpid()]
        running.stop()
        running.wait()


@linux
@root
def test_the_child_holds_its_socket_and_its_wake_up_pipe_only(sleeping: SandboxCall) -> None:
    links = [os.readlink(entry) for entry in Path(f"/proc/{sleeping.pid}/fd").iterdir()]

    assert sorted(link.partition(":")[0] for link in links) == ["pipe", "pipe", "socket"]


@linux
def test_the_fork_server_has_a_session_of_its_own_and_clean_arguments(
    sleeping: SandboxCall,
) -> None:
    server = _parent_of(sleeping.pid)
    arguments = Path(f"/proc/{server}/cmdline").read_bytes().split(b"\0")

    assert os.getsid(server) != os.getsid(0)
    assert arguments[1:5] == [b"-I", b"-S", b"-B", b"-c"]
    assert all(b"=" not in argument for argument in arguments[6:])


def test_the_public_face_imports_where_there_is_no_posix() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('resource', 'fcntl', 'pwd', 'grp')));"
        "import analysis_sandbox.sandbox.supervisor"
    )

    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_without_fork_the_error_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")

    with Sandbox() as sandbox, pytest.raises(ConfigurationError) as caught:
        sandbox.prepare()

    assert "WSL" in str(caught.value.hint)


def test_the_child_side_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.path += sys.argv[1:]; import analysis_sandbox.sandbox.forkserver; "
        "print([n for n in sys.modules if n.split('.')[0] in "
        "('pydantic', 'concurrent', 'asyncio', 'subprocess', 'threading', 'quickjs', 'ssl')])"
    )
    import _quickjs  # pyright: ignore[reportMissingImports]

    paths = [str(ROOT), str(Path(str(_quickjs.__file__)).parent)]  # pyright: ignore
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *paths], capture_output=True, check=True
    )

    assert done.stdout.decode().strip() == "[]"


def _parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def _memory(pid: int) -> bytes:
    """Return everything that is readable and writable in the process."""
    found: list[bytes] = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
            span, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in span.split("-"))
            if not rights.startswith("r") or "[v" in line or end - begin > 1 << 30:
                continue
            memory.seek(begin)
            try:
                found.append(memory.read(end - begin))
            except OSError:
                continue
    return b"\n".join(found)
