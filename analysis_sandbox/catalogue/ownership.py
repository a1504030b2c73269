"""Which process runs a home's embedded PostgreSQL: a lock file, and taking over from a keeper."""

import contextlib
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Literal

from analysis_sandbox.catalogue.server import command_line, lock_within
from analysis_sandbox.errors import ConfigurationError

Kind = Literal["up", "keeper"]

KEEPER_MODULE = "analysis_sandbox.catalogue.keeper"
_TAKEOVER_SECONDS = 30.0
# A new owner writes its name a moment after it has the lock; until then the old one stands there.
_SETTLED_SECONDS = 0.5
_POLL_SECONDS = 0.02


class OwnedElsewhereError(ConfigurationError):
    """Another process runs this home's server."""


def owner_lock(home: Path) -> Path:
    """Return the file that the owner of a home's server holds locked."""
    return home / "postgresql-owner.lock"


@contextlib.contextmanager
def ownership(home: Path, kind: Kind) -> Generator[None]:
    """Hold the right to run the home's server; `up` asks a keeper that has it to end.

    Raises:
        OwnedElsewhereError: another process has it and keeps it.
    """
    descriptor = _opened(owner_lock(home))
    try:
        _take(descriptor, home, kind)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{kind} {os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_file(path: Path, *, seconds: float) -> Generator[bool]:
    """Hold a lock among processes; yields False when it was not to be had in that time."""
    descriptor = _opened(path)
    try:
        yield lock_within(descriptor, seconds)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The home {path.parent} cannot be written: {error}",
            hint="It must belong to the user that runs this.",
        ) from error


def _take(descriptor: int, home: Path, kind: Kind) -> None:
    deadline = time.monotonic() + (_TAKEOVER_SECONDS if kind == "up" else _SETTLED_SECONDS)
    asked = 0
    while not lock_within(descriptor, _SETTLED_SECONDS if asked == 0 else _POLL_SECONDS):
        holder, _, number = os.pread(descriptor, 64, 0).decode("ascii", "replace").partition(" ")
        pid = int(number) if number.strip().isdigit() else 0
        if holder == "up" or time.monotonic() >= deadline:
            raise OwnedElsewhereError(
                f"The PostgreSQL of {home} is run by another process ({holder} {pid})",
                hint="Stop that one first, or use another --home.",
            )
        if pid != asked and KEEPER_MODULE in command_line(pid):
            asked = pid
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
