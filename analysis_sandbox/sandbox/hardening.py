"""The layers between a script that owns its process and everything else. Stdlib only.

`enter_namespaces` is applied once, to the fork server, and inherited; `confine` is applied to each
child before it reads its job, and `limit` when it knows what its call may use. Every layer is
reported as "ok", "ok (detail)" or the reason why it is missing: seccomp alone stops everything but
memory size, the others each stop most of it again.
"""

import contextlib
import ctypes
import errno
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from analysis_sandbox.sandbox import seccomp

if sys.platform != "win32":
    import resource

IS_LINUX = sys.platform == "linux"

# Numbers that no distribution gives to a person or a service (systemd: "unused").
_FIRST_UID, _UIDS = 60_578, 606
# Of the fork server: enough for its own and for those on their way to children.
_MOST_DESCRIPTORS = 256

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWNS, _CLONE_NEWCGROUP, _CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446

Layers = dict[str, str]

_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None


def enter_namespaces() -> Layers:
    """Leave this machine's network, file tree and IPC, as far as the kernel lets us."""
    layers: Layers = {}
    if not IS_LINUX:
        return {"namespaces": _foreign(), "files": _foreign()}
    flags = _CLONE_NEWNS | _CLONE_NEWCGROUP | _CLONE_NEWUTS | _CLONE_NEWIPC | _CLONE_NEWNET
    if os.geteuid() != 0:
        flags |= _CLONE_NEWUSER
    _apply(layers, "namespaces", lambda: _check(_c().unshare(flags)))
    if layers["namespaces"] == "ok":
        _apply(layers, "files", _empty_root)
    else:
        layers["files"] = "needs namespaces"
    return layers


def protect_fork_server() -> None:
    """Keep other processes of this user out of this process' memory; keep its descriptors few."""
    if IS_LINUX:
        _c().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_DESCRIPTORS, _MOST_DESCRIPTORS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def prepare() -> bytes | None:
    """Return the system call filter for `confine`, or None where there is none."""
    if not IS_LINUX:
        return None
    with contextlib.suppress(OSError):
        return seccomp.build()
    return None


def confine(program: bytes | None, *, parent: int) -> Layers:
    """Lock the calling process down for good and report each layer.

    `parent` is the process to die with. The order matters: privileges go before no_new_privs,
    landlock needs a descriptor and goes before the rlimits, and after seccomp limits can only
    shrink.
    """
    layers: Layers = {}
    if IS_LINUX:
        _apply(layers, "parent_death", lambda: _die_with(parent))
        if os.geteuid() == 0:
            _apply(layers, "setuid", _drop_identity)
        else:
            layers["setuid"] = "needs root: the child keeps the user of its supervisor"
        # A change of identity clears it.
        _c().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _apply(layers, "capabilities", _drop_capabilities)
        _apply(layers, "no_new_privs", _give_up_privileges)
        _apply(layers, "landlock", _deny_files)
    else:
        for name in ("parent_death", "setuid", "capabilities", "no_new_privs", "landlock"):
            layers[name] = _foreign()
    _apply(layers, "rlimits", _forbid_growth)
    if program is None:
        layers["seccomp"] = _foreign() if not IS_LINUX else "no system call table for this machine"
    else:
        _apply(layers, "seccomp", lambda: seccomp.install(program))
    return layers


def limit(*, address_space: int, cpu_seconds: int) -> None:
    """Bound the calling process' memory and processor time, in a confined process too.

    Raises:
        OSError: the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    if IS_LINUX:
        # Not dependable on macOS.
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))


def close_descriptors(*, keep: int) -> None:
    """Close every descriptor but `keep`."""
    # closerange(0, 0) would close every descriptor in CPython 3.11.
    if keep > 0:
        os.closerange(0, keep)
    os.closerange(keep + 1, _MOST_DESCRIPTORS)


def address_space_in_use() -> int:
    """Return the bytes of address space this process has mapped (0 where unknown)."""
    if not IS_LINUX:
        return 0
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGESIZE")


def _c() -> ctypes.CDLL:
    assert _libc is not None
    return _libc


def _foreign() -> str:
    return f"not available on {sys.platform}: for development only"


def _apply(layers: Layers, name: str, step: Callable[[], str | None]) -> None:
    try:
        detail = step()
    except (OSError, ValueError) as error:
        layers[name] = f"{type(error).__name__}: {error}"
    else:
        layers[name] = f"ok ({detail})" if detail else "ok"


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _syscall(numbers: dict[str, int], *arguments: object) -> None:
    number = numbers.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"unknown system call number on {os.uname().machine}")
    _check(_c().syscall(number, *arguments))


def _empty_root() -> None:
    """Make an empty read-only tmpfs the root; what is not open already does not exist."""
    libc = _c()
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _check(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
    _check(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", flags | 1, b"size=4k,nr_inodes=2,mode=0555"))
    os.chdir("/tmp")  # noqa: S108 - our own mount
    _syscall(_PIVOT_ROOT, b".", b".")
    _check(libc.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def _die_with(parent: int) -> None:
    _check(_c().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        # It died a moment before.
        os._exit(0)


def _drop_identity() -> str:
    # Neighbours in time get different users, so that they cannot touch each other.
    uid = _FIRST_UID + os.getpid() % _UIDS
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    return f"uid {uid}"


def _drop_capabilities() -> None:
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _syscall(_CAPSET, header, bytes(24))


def _give_up_privileges() -> None:
    _check(_c().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(_c().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def _deny_files() -> str:
    """Deny every file, TCP and signal right that this kernel's landlock knows."""
    abi: int = _c().syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    _check(abi)
    files = (1 << 13) - 1
    for since, right in ((2, 13), (3, 14), (5, 15)):
        files |= (abi >= since) << right
    network = 0b11 if abi >= 4 else 0
    scoped = 0b11 if abi >= 6 else 0
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    rules = struct.pack("QQQ", files, network, scoped)
    descriptor: int = _c().syscall(_LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(size), 0)
    _check(descriptor)
    try:
        _check(_c().syscall(_LANDLOCK_RESTRICT_SELF, descriptor, 0))
    finally:
        os.close(descriptor)
    return f"ABI {abi}"


def _forbid_growth() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
