"""How our processes live and die together: owner's lock, subreaper, death with the parent.

`up` holds an exclusive lock on `<home>/up.lock` for as long as it lives. A process that is nobody's
child (the warehouse, started on demand by whoever needs it first) waits for that lock in a thread:
when the kernel grants it, the owner is gone.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from analysis_sandbox.errors import ConfigurationError

_PR_SET_PDEATHSIG = 1
_LOCK_ATTEMPTS = 10
_LOCK_PAUSE_SECONDS = 0.05
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def become_subreaper() -> None:
    """Adopt orphaned descendants, so that none outlives this process unseen (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(known: set[int]) -> list[int]:
    """Collect ended children that are not in `known` and return their pids."""
    reaped: list[int] = []
    for pid in _ended_children():
        if pid not in known:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
                reaped.append(pid)
    return reaped


def _ended_children() -> list[int]:
    ended: list[int] = []
    task = Path("/proc/self/task")
    for children in task.glob("*/children"):
        for text in children.read_text(encoding="ascii").split():
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{text}/stat").read_text(encoding="utf-8", errors="replace")
                if stat.rpartition(")")[2].split()[0] == "Z":
                    ended.append(int(text))
    return ended


class OwnerLock:
    """The lock that makes one `up` the owner of a home. Released by the kernel at any death."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock or raise `ConfigurationError` naming the process that has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked_soon(descriptor):
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise ConfigurationError(
                f"analysis-sandbox is already running on {self._path.parent} (pid {holder})",
                hint="Stop it first, or use another --home.",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked_soon(descriptor: int) -> bool:
    """Take the lock; `has_owner` of another process may hold it for a moment."""
    for _ in range(_LOCK_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def has_owner(path: Path) -> bool:
    """Tell whether an `up` holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def call_when_owner_ends(path: Path, action: Callable[[], None]) -> bool:
    """Call `action` from a thread once the owner of `path` is gone.

    Returns False, and watches nothing, when there is no owner now.
    """
    if not has_owner(path):
        return False

    def watch() -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)
        action()

    threading.Thread(target=watch, name="owner-watch", daemon=True).start()
    return True
