"""Connects to a project's warehouse, and starts its process when there is none."""

import contextlib
import fcntl
import json
import os
import select
import socket
import subprocess  # noqa: TID251 - the one module that starts the warehouse's process
import sys
import time
from collections.abc import Generator
from pathlib import Path

from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.settings import Settings
from analysis_sandbox.warehouse.places import Places, places
from analysis_sandbox.warehouse.protocol import raise_error

_START_SECONDS = 60
_POLL_SECONDS = 0.01
_LOG_BYTES = 10 << 20
_SERVER = ("-P", "-m", "analysis_sandbox.warehouse.server")
# Run by a small interpreter between us and the server, which so becomes nobody's child.
_LEAVE_PARENT = """
import os, sys
if not os.fork():
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

_BETWEEN = (sys.executable, "-IS", "-c", _LEAVE_PARENT)


def connect(settings: Settings, project: str) -> socket.socket:
    """Return a connected socket; the process behind it may still end before it answers.

    Of many that find no process, one starts it and the others wait.

    Raises:
        UnavailableError: the process did not become ready in time.
        ConfigurationError: the process cannot work as the installation is set up.
    """
    place = places(settings, project)
    deadline = time.monotonic() + _START_SECONDS
    while (connection := _connected(place)) is None:
        with _starting(place) as is_ours:
            if is_ours and (connection := _connected(place)) is not None:
                return connection
            if is_ours:
                _start(settings, place)
                continue
        if time.monotonic() >= deadline:
            raise UnavailableError(
                f"The warehouse of '{project}' was not ready within {_START_SECONDS} s",
                hint=f"See its log: {place.log}",
            )
        time.sleep(_POLL_SECONDS)
    return connection


def connect_running(settings: Settings, project: str) -> socket.socket | None:
    """Return a connected socket, None when there is no process; starts none."""
    return _connected(places(settings, project))


def _connected(place: Places) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(place.socket))
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        connection.close()
        return None
    return connection


@contextlib.contextmanager
def _starting(place: Places) -> Generator[bool, None, None]:
    """Hold the right to start the process, if nobody else has it."""
    descriptor = os.open(place.start, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _start(settings: Settings, place: Places) -> None:
    """Start the process and wait until it listens."""
    _shorten(place.log)
    ready, write_end = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(ready, encoding="utf-8") as answer:
        try:
            with place.log.open("ab") as log:
                child = subprocess.Popen(
                    [*_BETWEEN, *_SERVER, place.project, str(write_end)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[write_end],
                    env=settings.child_environment(),
                    cwd=settings.home,
                    start_new_session=True,
                )
        finally:
            os.close(write_end)
        child.wait()
        is_answered = bool(select.select([answer], [], [], _START_SECONDS)[0])
        text = answer.read() if is_answered else ""
    if not text:
        raise UnavailableError(
            f"The warehouse of '{place.project}' did not become ready",
            hint=f"See its log: {place.log}",
        )
    raise_error(json.loads(text))


def _shorten(log: Path) -> None:
    """Keep one older log when the log has grown large."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
