"""The system call filter of a sandbox child: which calls it may make, as a BPF program.

Everything that is not listed is refused with EPERM; a call of a foreign architecture kills. Memory
never becomes executable, and what is sent goes to the other end of the socket the child has.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator

# What CPython and QuickJS need once everything is imported: memory, the socket, the clock, the end.
_X86_64 = {
    "read": 0,
    "write": 1,
    "close": 3,
    "poll": 7,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "sendto": 44,
    "recvfrom": 45,
    "exit": 60,
    "getrusage": 98,
    "futex": 202,
    "restart_syscall": 219,
    "clock_gettime": 228,
    "exit_group": 231,
    "ppoll": 271,
    "prlimit64": 302,
    "getrandom": 318,
    "rseq": 334,
}
_AARCH64 = {
    "read": 63,
    "write": 64,
    "close": 57,
    "ppoll": 73,
    "exit": 93,
    "exit_group": 94,
    "futex": 98,
    "clock_gettime": 113,
    "sched_yield": 124,
    "restart_syscall": 128,
    "rt_sigprocmask": 135,
    "rt_sigreturn": 139,
    "getrusage": 165,
    "sendto": 206,
    "recvfrom": 207,
    "brk": 214,
    "munmap": 215,
    "mremap": 216,
    "mmap": 222,
    "mprotect": 226,
    "madvise": 233,
    "prlimit64": 261,
    "getrandom": 278,
    "rseq": 293,
}
_ARCHITECTURES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}
# x86-64 serves a second table of calls, x32, to numbers from here on.
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_NUMBER, _ARCHITECTURE = 0, 4
_PROT_EXEC = 4
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2

_Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def build() -> bytes:
    """Return the program for this machine.

    Raises:
        OSError: there is no table for this architecture.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call table for {machine}")
    identity, calls = _ARCHITECTURES[machine]
    return b"".join(struct.pack("HBBI", *each) for each in _instructions(identity, calls))


def install(program: bytes) -> None:
    """Confine this thread to `program`, for good. Needs no_new_privs or CAP_SYS_ADMIN.

    Raises:
        OSError: the kernel refuses, for example because it has no seccomp.
    """
    code = ctypes.create_string_buffer(program, len(program))
    prepared = _Program(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(prepared), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _instructions(identity: int, calls: dict[str, int]) -> Iterator[_Instruction]:
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield _EQUAL, 1, 0, identity
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _KILL
    for name, number in calls.items():
        if name in ("mmap", "mprotect"):
            yield _EQUAL, 0, 4, number
            yield _LOAD, 0, 0, _argument(2)
            yield _ANY_BIT, 0, 1, _PROT_EXEC
            yield _RETURN, 0, 0, _REFUSE
            yield _RETURN, 0, 0, _ALLOW
        elif name == "sendto":
            # With an address it could reach other sockets than its peer.
            yield _EQUAL, 0, 6, number
            yield _LOAD, 0, 0, _argument(4)
            yield _EQUAL, 0, 3, 0
            yield _LOAD, 0, 0, _argument(4) + 4
            yield _EQUAL, 0, 1, 0
            yield _RETURN, 0, 0, _ALLOW
            yield _RETURN, 0, 0, _REFUSE
        elif name == "prlimit64":
            # Its own limits it may lower: a child is locked in before it knows those of its call.
            yield _EQUAL, 0, 4, number
            yield _LOAD, 0, 0, _argument(0)
            yield _EQUAL, 0, 1, 0
            yield _RETURN, 0, 0, _ALLOW
            yield _RETURN, 0, 0, _REFUSE
        else:
            yield _EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE


def _argument(index: int) -> int:
    return 16 + 8 * index
