"""What code that owns a sandbox child tries first. Run as a program: breakout.py UID LAYERS.

Forks a child, confines it as a sandbox child is confined (LAYERS = "all", or "no-seccomp" to see
what the other layers stop), makes every attempt through libc and prints which ones were refused.
What may cost the child its life is tried in a child of its own. UID 0 keeps the user, any other
number is changed to first.
"""

import ctypes
import encodings.ascii
import errno
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from analysis_sandbox.sandbox import hardening

# Named here, because behind the walls nothing can be imported.
_ASCII = encodings.ascii
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.sbrk.argtypes = [ctypes.c_long]
_PAGE = 4096
_READ_WRITE, _EXECUTE, _ANONYMOUS = 3, 4, 0x22
_WITHOUT_WAITING = 0x40
_ADDRESS = ctypes.create_string_buffer(b"\x01\x00\x00breakout", 256)
_X32 = 0x4000_0000
# mov eax, 20 (getpid of i386); int 0x80; ret
_I386 = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
# What a call may still map, as the supervisor allows it when it knows the job.
_ROOM = 64 << 20
_HUGE = 1 << 30

_MACHINE = os.uname().machine
# For whoever else has the child's user, and for this program, where nothing refuses it.
_TOO_RISKY = ("kill everybody", "fork and wait", "be traced")

Attempts = dict[str, Callable[[], int]]


class _Span(ctypes.Structure):
    _fields_ = (("address", ctypes.c_void_p), ("size", ctypes.c_size_t))


def attempts(parent: int, memory: int, spare: int) -> Attempts:
    """Return every attempt; each returns -1 when it is refused."""
    return {
        **_files(parent),
        **_network(spare),
        **_processes(parent),
        **_memory(parent, memory),
        **_kernel(),
    }


def _files(parent: int) -> Attempts:
    c = _libc
    return {
        "open a file": lambda: c.open(b"/etc/passwd", os.O_RDONLY),
        "open memory of the parent": lambda: c.open(b"/proc/%d/mem" % parent, os.O_RDONLY),
        "open its own memory": lambda: c.open(b"/proc/self/mem", os.O_RDWR),
        "open its own limits": lambda: c.open(b"/proc/self/oom_score_adj", os.O_WRONLY),
        "write a file": lambda: c.open(b"/tmp/breakout", os.O_CREAT | os.O_RDWR, 0o600),
        "list a directory": lambda: c.open(b"/", os.O_RDONLY | os.O_DIRECTORY),
        "open by another call": lambda: c.syscall(437, -100, b"/etc/passwd", _ADDRESS, 24),
        "make a directory": lambda: c.mkdir(b"/tmp/breakout.d", 0o700),
        "make a link": lambda: c.symlink(b"/etc/passwd", b"/tmp/breakout.l"),
        "delete a file": lambda: c.unlink(b"/tmp/breakout.no"),
        "change the root": lambda: c.chroot(b"/"),
        "mount": lambda: c.mount(b"none", b"/", b"tmpfs", 0, None),
        "make an anonymous file": lambda: c.memfd_create(b"x", 0),
        "duplicate a descriptor": lambda: c.dup(0),
        "watch files": c.inotify_init,
    }


def _network(spare: int) -> Attempts:
    c = _libc
    return {
        "connect over the network": lambda: c.socket(socket.AF_INET, socket.SOCK_STREAM, 0),
        "send over the network": lambda: c.socket(socket.AF_INET6, socket.SOCK_DGRAM, 0),
        "make a unix socket": lambda: c.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0),
        "make a netlink socket": lambda: c.socket(16, socket.SOCK_RAW, 0),
        "make a packet socket": lambda: c.socket(17, socket.SOCK_RAW, 0),
        "make two sockets": lambda: c.socketpair(socket.AF_UNIX, 1, 0, _ADDRESS),
        "connect what it has": lambda: c.connect(spare, _ADDRESS, 16),
        "bind what it has": lambda: c.bind(spare, _ADDRESS, 16),
        "send to another address": lambda: c.sendto(spare, b"x", 1, 0, _ADDRESS, 16),
        "send a descriptor": lambda: c.sendmsg(spare, _ADDRESS, _WITHOUT_WAITING),
        "receive a descriptor": lambda: c.recvmsg(spare, _ADDRESS, _WITHOUT_WAITING),
        "change its socket": lambda: c.setsockopt(spare, 1, 7, _ADDRESS, 4),
    }


def _processes(parent: int) -> Attempts:
    c = _libc
    return {
        "fork": c.fork,
        "fork as a thread": lambda: c.syscall(56, 0x11, 0, 0, 0, 0),
        "fork and wait": lambda: c.syscall(58),
        "fork by another call": lambda: c.syscall(435, _ADDRESS, 64),
        "execute a program": lambda: c.execve(b"/bin/true", None, None),
        "execute a descriptor": lambda: c.syscall(322, 0, b"", None, None, 0x1000),
        "trace the parent": lambda: c.ptrace(16, parent, None, None),
        "be traced": lambda: c.ptrace(0, 0, None, None),
        "kill the parent": lambda: c.kill(parent, signal.SIGUSR2),
        "kill a thread of the parent": lambda: c.syscall(234, parent, parent, signal.SIGUSR2),
        "kill everybody": lambda: c.kill(-1, signal.SIGUSR2),
        "queue a signal for the parent": lambda: c.syscall(129, parent, signal.SIGUSR2, _ADDRESS),
        "have signals sent by a descriptor": lambda: c.fcntl(0, 8, parent),
        "open the parent": lambda: c.syscall(434, parent, 0),
        "take a descriptor of the parent": lambda: c.syscall(438, 0, 0, 0),
        "signal through a descriptor": lambda: c.syscall(424, 0, signal.SIGUSR2, 0, 0),
        "become root": lambda: c.setuid(0),
        "leave its session": c.setsid,
        "raise its priority": lambda: c.setpriority(0, 0, -20),
        "move to another processor": lambda: c.sched_setaffinity(parent, 8, _ADDRESS),
        "raise limits of the parent": lambda: c.prlimit(parent, 7, _ADDRESS, None),
        "read limits of the parent": lambda: c.prlimit(parent, 7, None, _ADDRESS),
        "raise its own processes": lambda: _raised(resource.RLIMIT_NPROC),
        "raise its own descriptors": lambda: _raised(resource.RLIMIT_NOFILE),
        "raise its own memory": lambda: _raised(resource.RLIMIT_AS),
        "raise its own time": lambda: _raised(resource.RLIMIT_CPU),
        "become dumpable": lambda: c.prctl(4, 1, 0, 0, 0),
        "outlive its parent": lambda: c.prctl(1, 0, 0, 0, 0),
        "take on more capabilities": lambda: c.prctl(47, 2, 21, 0, 0),
    }


def _memory(parent: int, memory: int) -> Attempts:
    c = _libc
    here = _Span(ctypes.addressof(_ADDRESS), 8)
    there = _Span(memory, 8)
    spans = (ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    page = ctypes.c_void_p(memory)
    return {
        "read memory of the parent": lambda: c.process_vm_readv(parent, *spans),
        "write memory of the parent": lambda: c.process_vm_writev(parent, *spans),
        "map executable memory": lambda: _mapped(
            c.mmap(None, _PAGE, _READ_WRITE | _EXECUTE, _ANONYMOUS, -1, 0)
        ),
        "make memory executable": lambda: c.mprotect(page, _PAGE, _EXECUTE | 1),
        "make memory executable by key": lambda: c.syscall(329, page, _PAGE, _EXECUTE | 1, -1),
        "make readable memory executable": lambda: c.personality(0x0400000),
        "map a gigabyte": lambda: _mapped(c.mmap(None, _HUGE, _READ_WRITE, _ANONYMOUS, -1, 0)),
        "grow the heap": lambda: -1 if c.sbrk(_HUGE) == -1 else 0,
        "lock memory": lambda: c.mlock(page, _PAGE),
        "share memory": lambda: c.shmget(0, _PAGE, 0o1600),
        "handle page faults": lambda: c.syscall(323, 0),
    }


def _kernel() -> Attempts:
    c = _libc
    return {
        "enter namespaces": lambda: c.unshare(0x10000000),
        "join a namespace": lambda: c.setns(0, 0),
        "use keys": lambda: c.syscall(248, b"user", b"x", b"y", 1, -3),
        "read keys": lambda: c.syscall(250, 0, -3, 0, 0, 0),
        "use io_uring": lambda: c.syscall(425, 1, _ADDRESS),
        "load a BPF program": lambda: c.syscall(321, 5, _ADDRESS, 16),
        "watch performance": lambda: c.syscall(298, _ADDRESS, 0, -1, -1, 0),
        "make semaphores": lambda: c.semget(0, 1, 0o1600),
        "make a message queue": lambda: c.msgget(0, 0o1600),
        "open a message queue": lambda: c.syscall(240, b"breakout", 0o102, 0o600, None),
        "add a filter": lambda: c.syscall(317, 1, 8, _ADDRESS),
        "load a module": lambda: c.syscall(175, _ADDRESS, 8, b""),
        "set the clock": lambda: c.syscall(227, 0, _ADDRESS),
        "set a timer": lambda: c.syscall(222, 0, None, _ADDRESS),
        "rename the machine": lambda: c.sethostname(b"breakout", 8),
        "use ports": lambda: c.syscall(172, 3),
        "read the kernel's log": lambda: c.syscall(103, 3, _ADDRESS, 10),
    }


def deadly(code: int) -> Attempts:
    """Return what is answered by the death of who tries it; `code` is machine code of i386."""
    foreign = ctypes.CFUNCTYPE(ctypes.c_int)(code)
    return {
        "call as x32": lambda: _libc.syscall(_X32 | 39),
        "open a file as x32": lambda: _libc.syscall(_X32 | 2, b"/etc/passwd", 0),
        "call as i386": foreign,
    }


def _raised(kind: int) -> int:
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        # The module turns EPERM into "not allowed to raise maximum limit".
        ctypes.set_errno(errno.EPERM)
        return -1
    return 0


def _mapped(address: int | None) -> int:
    return -1 if address == ctypes.c_void_p(-1).value else 0


def _try(attempt: Callable[[], int]) -> str:
    ctypes.set_errno(0)
    pid = os.getpid()
    result = attempt()
    if os.getpid() != pid:
        os._exit(0)
    if result != -1:
        return "done"
    number = ctypes.get_errno()
    return errno.errorcode.get(number, str(number))


def _confined(
    attempts_of: Callable[[int], Attempts], program: bytes | None, in_use: int
) -> list[Any] | int:
    """Try all in one confined child; return what it found, or the signal that ended it.

    `attempts_of` takes the one descriptor that the child keeps.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = theirs.fileno()
    child = os.fork()
    if child == 0:
        try:
            os.write(kept, json.dumps(_found(attempts_of(kept), program, kept, in_use)).encode())
        except BaseException:  # noqa: BLE001 - nothing but the socket is left to tell it
            os.write(kept, json.dumps(traceback.format_exc()).encode())
        os._exit(0)
    theirs.close()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    # Where an attempt to send succeeds, what it sent comes first.
    while not (message := ours.recv(1 << 16)).startswith((b"[", b'"')):
        assert message, "the child said nothing"
    found: list[Any] | str = json.loads(message)
    assert isinstance(found, list), found
    return found


def _found(todo: Attempts, program: bytes | None, kept: int, in_use: int) -> list[Any]:
    hardening.close_descriptors(keep=kept)
    layers = hardening.confine(program, parent=os.getppid())
    hardening.limit(address_space=in_use + _ROOM, cpu_seconds=5)
    written = [fd for fd in range(256) if fd != kept and _libc.write(fd, b"", 0) == 0]
    passing = _calls_that_pass() if program is not None else []
    return [layers, {name: _try(attempt) for name, attempt in todo.items()}, passing, written]


def _calls_that_pass() -> list[int]:
    """Return every system call that is answered otherwise than by EPERM, but the two that end."""
    # On every address a null pointer, so that nothing happens when one is let through.
    ending = {60, 231} if _MACHINE == "x86_64" else {93, 94}
    passing: list[int] = []
    for number in [*range(600), 1 << 20, 0x3FFF_FFFF]:
        if number in ending | _FATAL:
            continue
        ctypes.set_errno(0)
        if _libc.syscall(number, -1, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
            passing.append(number)
    return passing


# Allowed, and without proper arguments they crash (rt_sigreturn, rseq) or wait for ever (futex,
# poll); uretprobe and uprobe, which kernels keep out of filters, kill who calls them himself.
_FATAL = {15, 334, 202, 7, 271, 335, 336} if _MACHINE == "x86_64" else {139, 293, 98, 73}


def _with_code() -> int:
    """Return the address of executable code, mapped while that is still allowed."""
    address = _libc.mmap(None, _PAGE, _READ_WRITE | _EXECUTE, _ANONYMOUS, -1, 0)
    ctypes.memmove(address, _I386, len(_I386))
    return int(address)


def main() -> None:
    """Do as the arguments say."""
    user, layers = int(sys.argv[1]), sys.argv[2]
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    parent = os.getpid()
    signal.signal(signal.SIGUSR2, lambda _number, _frame: os._exit(3))
    program = hardening.prepare() if layers == "all" else None
    in_use = hardening.address_space_in_use()
    memory = _libc.mmap(None, _PAGE, _READ_WRITE, _ANONYMOUS, -1, 0)
    code = _with_code()
    entered = hardening.enter_namespaces()

    def todo(kept: int) -> Attempts:
        found = attempts(parent, memory, kept)
        if program is None:
            for name in _TOO_RISKY:
                del found[name]
        return found

    found = _confined(todo, program, in_use)
    assert isinstance(found, list), f"the child was ended by signal {found}"
    confined, answers, passing, written = found
    deaths: dict[str, object] = {}
    if _MACHINE == "x86_64":
        for name, attempt in deadly(code).items():
            ended = _confined(lambda _kept, each=(name, attempt): dict([each]), program, in_use)
            deaths[name] = ended if isinstance(ended, int) else ended[1][name]
    report = {
        "layers": entered | confined,
        "answers": answers,
        "passing": passing,
        "written": written,
        "deaths": deaths,
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
