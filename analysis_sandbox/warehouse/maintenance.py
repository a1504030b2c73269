"""What is done to a warehouse's file as a whole: backup, restore, compact.

A backup is taken beside running work, as of one moment. Restoring and compacting need the file
alone: the project's process is ended, nobody may start another meanwhile, and the file is exchanged
in one step, so that a failure leaves the old one.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from analysis_sandbox.errors import ConflictError, NotFoundError, UnavailableError
from analysis_sandbox.settings import Settings
from analysis_sandbox.warehouse import engine
from analysis_sandbox.warehouse.client import Warehouse
from analysis_sandbox.warehouse.places import Places, places
from analysis_sandbox.warehouse.protocol import Channel, ConnectionLostError
from analysis_sandbox.warehouse.starter import connect_running

_MEMORY_MB = 1024
_LOCK_SECONDS = 60
_CLOSING_SECONDS = 2
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Compaction:
    """Sizes of the file, in bytes."""

    before: int
    after: int


def backup(settings: Settings, project: str, target: Path) -> int:
    """Write a copy of the project's warehouse as of now; return its size in bytes.

    Work goes on meanwhile. The copy is a DuckDB file and is compact.

    Raises:
        ConflictError: there is a file of this name.
        UnavailableError: the warehouse cannot be started, or the disk is full.
    """
    if target.exists():
        raise ConflictError(f"{target} exists already", hint="Choose another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with Warehouse(settings, project).session(memory_mb=_MEMORY_MB) as session:
        copy = session.copy_file()
    try:
        # Beside the target first: it appears whole or not at all.
        partial = target.with_name(f"{target.name}.partial")
        shutil.move(copy, partial)
        _sync(partial)
        partial.rename(target)
    finally:
        copy.unlink(missing_ok=True)
    return target.stat().st_size


def restore(settings: Settings, project: str, source: Path, *, force: bool = False) -> Path | None:
    """Put a backup in the place of the project's warehouse.

    Returns where the replaced file is kept, None when there was none.

    Raises:
        NotFoundError: there is no such file.
        ConfigurationError: it is no DuckDB file that this version can open.
        ConflictError: sessions are open, and not `force`.
    """
    if not source.is_file():
        raise NotFoundError(f"There is no file {source}")
    with _alone(settings, project, force=force) as place:
        arriving = place.directory / f"{project}.restoring"
        shutil.copyfile(source, arriving)
        try:
            engine.check_file(arriving)
            _sync(arriving)
        except BaseException:
            arriving.unlink(missing_ok=True)
            raise
        kept = _set_aside(place)
        arriving.rename(_file(place))
        _sync(place.directory)
    return kept


def compact(settings: Settings, project: str, *, force: bool = False) -> Compaction:
    """Rewrite the project's file without the space of what was deleted.

    Raises:
        NotFoundError: the project has no warehouse yet.
        ConflictError: sessions are open, and not `force`.
    """
    with _alone(settings, project, force=force) as place:
        file = _file(place)
        if not file.is_file():
            raise NotFoundError(f"The project '{project}' has no warehouse yet")
        before = file.stat().st_size
        rewritten = place.directory / f"{project}.compacting"
        rewritten.unlink(missing_ok=True)
        try:
            engine.copy_file(file, rewritten)
            _sync(rewritten)
            rewritten.replace(file)
        finally:
            rewritten.unlink(missing_ok=True)
        _sync(place.directory)
        return Compaction(before=before, after=file.stat().st_size)


@contextlib.contextmanager
def _alone(settings: Settings, project: str, *, force: bool) -> Generator[Places]:
    """End the project's process, and keep every other from opening the file."""
    place = places(settings, project)
    with _locked(place.start, project):
        _end(settings, project, force=force)
        with _locked(place.owner, project):
            yield place


def _end(settings: Settings, project: str, *, force: bool) -> None:
    # A session that has just been closed is open for its server a moment longer.
    deadline = time.monotonic() + _CLOSING_SECONDS
    while (sessions := _shut_down(settings, project, force=force)) and not force:
        if time.monotonic() >= deadline:
            raise ConflictError(
                f"{sessions} sessions are open on the warehouse of '{project}'",
                hint="Wait for the runs to end, or force it: their calls fail and can be retried.",
            )
        time.sleep(_POLL_SECONDS)


def _shut_down(settings: Settings, project: str, *, force: bool) -> int:
    """Ask the process to end; without `force` it does so only if the answer is 0 sessions."""
    connection = connect_running(settings, project)
    if connection is None:
        return 0
    with Channel(connection) as channel:
        try:
            channel.send({"op": "shutdown", "force": force})
            return int(channel.receive().header["sessions"])
        except ConnectionLostError:
            return 0


@contextlib.contextmanager
def _locked(path: Path, project: str) -> Generator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not _is_locked(descriptor):
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"The warehouse of '{project}' is in use and did not end",
                    hint=f"See who holds {path}.",
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _set_aside(place: Places) -> Path | None:
    file = _file(place)
    if not file.is_file():
        return None
    kept = file.with_name(f"{place.project}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.replaced.duckdb")
    log = file.with_name(f"{file.name}.wal")
    # The log first: beside the restored file it would be taken for that one's.
    if log.exists():
        log.rename(kept.with_name(f"{kept.name}.wal"))
    return file.rename(kept)


def _file(place: Places) -> Path:
    return place.directory / f"{place.project}.duckdb"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
