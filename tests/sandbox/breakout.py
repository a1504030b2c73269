"""What code that owns a sandbox child tries first. Run as a program: breakout.py UID LAYERS.

Forks a child, confines it as a sandbox child is confined (LAYERS = "all", or "no-seccomp" to see
what the other layers stop), makes every attempt through libc and prints which ones were refused.
UID 0 keeps the user, any other number is changed to first.
"""

import ctypes
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Callable

from analysis_sandbox.sandbox import hardening

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_PAGE = 4096
_READ_WRITE, _EXECUTE, _ANONYMOUS = 3, 4, 0x22
_WITHOUT_WAITING = 0x40
_ADDRESS = ctypes.create_string_buffer(b"\x01\x00\x00breakout", 256)


class _Span(ctypes.Structure):
    _fields_ = (("address", ctypes.c_void_p), ("size", ctypes.c_size_t))


def attempts(parent: int, memory: int, spare: int) -> dict[str, Callable[[], int]]:
    """Return every attempt; each returns -1 when it is refused."""
    c = _libc
    here = _Span(ctypes.addressof(_ADDRESS), 8)
    there = _Span(memory, 8)
    return {
        "open a file": lambda: c.open(b"/etc/passwd", os.O_RDONLY),
        "open memory of the parent": lambda: c.open(b"/proc/%d/mem" % parent, os.O_RDONLY),
        "write a file": lambda: c.open(b"/tmp/breakout", os.O_CREAT | os.O_RDWR, 0o600),
        "list a directory": lambda: c.open(b"/", os.O_RDONLY | os.O_DIRECTORY),
        "make a directory": lambda: c.mkdir(b"/tmp/breakout.d", 0o700),
        "connect over the network": lambda: c.socket(socket.AF_INET, socket.SOCK_STREAM, 0),
        "make a unix socket": lambda: c.socket(socket.AF_UNIX, socket.SOCK_DGRAM, 0),
        "make a netlink socket": lambda: c.socket(16, socket.SOCK_RAW, 0),
        "send to another address": lambda: c.sendto(spare, b"x", 1, 0, _ADDRESS, 16),
        "receive a descriptor": lambda: c.recvmsg(spare, _ADDRESS, _WITHOUT_WAITING),
        "fork": c.fork,
        "execute a program": lambda: c.execve(b"/bin/true", None, None),
        "trace the parent": lambda: c.ptrace(16, parent, None, None),
        "read memory of the parent": lambda: c.process_vm_readv(
            parent, ctypes.byref(here), 1, ctypes.byref(there), 1, 0
        ),
        "kill the parent": lambda: c.kill(parent, signal.SIGUSR2),
        "kill everybody": lambda: c.kill(-1, signal.SIGUSR2),
        "map executable memory": lambda: _mapped(
            c.mmap(None, _PAGE, _READ_WRITE | _EXECUTE, _ANONYMOUS, -1, 0)
        ),
        "make memory executable": lambda: c.mprotect(ctypes.c_void_p(memory), _PAGE, _EXECUTE | 1),
        "make an anonymous file": lambda: c.memfd_create(b"x", 0),
        "become root": lambda: c.setuid(0),
        "enter namespaces": lambda: c.unshare(0x10000000),
        "mount": lambda: c.mount(b"none", b"/", b"tmpfs", 0, None),
        "raise limits of the parent": lambda: c.prlimit(parent, 7, _ADDRESS, None),
        "change a process attribute": lambda: c.prctl(4, 1, 0, 0, 0),
        "share memory": lambda: c.shmget(0, _PAGE, 0o1600),
        "use keys": lambda: c.syscall(248, b"user", b"x", b"y", 1, -3),
        "use io_uring": lambda: c.syscall(425, 1, _ADDRESS),
        "load a BPF program": lambda: c.syscall(321, 5, _ADDRESS, 16),
        "watch performance": lambda: c.syscall(298, _ADDRESS, 0, -1, -1, 0),
        "handle page faults": lambda: c.syscall(323, 0),
        "open by another call": lambda: c.syscall(437, -100, b"/etc/passwd", _ADDRESS, 24),
        "take a descriptor of the parent": lambda: c.syscall(434, parent, 0),
    }


def _mapped(address: int | None) -> int:
    return -1 if address == ctypes.c_void_p(-1).value else 0


def _try(attempt: Callable[[], int]) -> str:
    ctypes.set_errno(0)
    if attempt() != -1:
        return "done"
    number = ctypes.get_errno()
    return errno.errorcode.get(number, str(number))


def main() -> None:
    """Fork, confine, try, report."""
    user, layers = int(sys.argv[1]), sys.argv[2]
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    parent = os.getpid()
    signal.signal(signal.SIGUSR2, lambda _number, _frame: os._exit(3))
    program = hardening.prepare() if layers == "all" else None
    entered = hardening.enter_namespaces()
    reader, writer = os.pipe()
    spare, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    memory = _libc.mmap(None, _PAGE, _READ_WRITE, _ANONYMOUS, -1, 0)
    todo = attempts(parent, memory, spare.fileno())
    if program is None:
        # Not worth the risk to whoever else has the child's user.
        del todo["kill everybody"]
    child = os.fork()
    if child == 0:
        confined = entered | hardening.confine(program, parent=parent)
        answers = {}
        for name, attempt in todo.items():
            pid = os.getpid()
            answers[name] = _try(attempt)
            if os.getpid() != pid:
                os._exit(0)
        os.write(writer, json.dumps([confined, answers]).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        sys.stdout.write(file.read())
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
