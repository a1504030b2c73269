"""The processes that the run pool forks: what it knows of each, and what is left when one ends."""

import faulthandler
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from analysis_sandbox.orchestration.channel import PoolChannel
from analysis_sandbox.orchestration.run_queue import WaitingRun
from analysis_sandbox.processes import die_with_parent

_log = logging.getLogger(__name__)

_MAX_LAST_WORDS_BYTES = 1 << 16

Body = Callable[[PoolChannel], None]


@dataclass(slots=True)
class Child:
    """A forked process. Times are of the monotonic clock."""

    pid: int
    channel: PoolChannel
    last_words: IO[bytes]
    forked_at: float = field(default_factory=time.monotonic)
    ready: bool = False
    run: WaitingRun | None = None
    run_since: float = 0.0
    stop_asked_at: float | None = None
    runs: int = 0

    def begin(self, run: WaitingRun) -> None:
        """Assign a run."""
        self.run, self.run_since, self.stop_asked_at = run, time.monotonic(), None
        self.channel.send({"run": run.run_id})

    def end_run(self) -> None:
        """Note that its run is done."""
        self.run, self.stop_asked_at = None, None
        self.runs += 1

    def interrupt(self) -> None:
        """Ask it to stop its run."""
        if self.run is None:
            return
        self.stop_asked_at = self.stop_asked_at or time.monotonic()
        # The message is for a worker that does not yet listen for the signal.
        self.channel.send({"stop": self.run.run_id})
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it by force."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Let go of what the pool holds of it; one that lives sees the end of its channel."""
        self.channel.close()
        self.last_words.close()

    def _signal(self, number: int) -> None:
        # Not reaped yet, so the pid is still its own.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that is no more. `exit_code` is negative for a signal."""

    child: Child
    exit_code: int
    peak_memory_bytes: int
    cpu_seconds: float

    @property
    def signal_name(self) -> str | None:
        """Return the signal that killed it."""
        return signal.Signals(-self.exit_code).name if self.exit_code < 0 else None

    @property
    def how(self) -> str:
        """Return how it ended, in words."""
        name = self.signal_name
        if name is None:
            return f"ended with exit code {self.exit_code}"
        hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"

    def last_words(self) -> str:
        """Return what its interpreter wrote while it crashed."""
        self.child.last_words.seek(0)
        return self.child.last_words.read(_MAX_LAST_WORDS_BYTES).decode("utf-8", "replace")


def fork(body: Body, *, release: Callable[[], None]) -> Child:
    """Fork a child that calls `release`, then `body`, and ends."""
    ours, theirs = socket.socketpair()
    last_words = tempfile.TemporaryFile()  # noqa: SIM115 - the child's life is its context
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _be_child(body, PoolChannel(theirs), last_words, release)
    theirs.close()
    return Child(pid, PoolChannel(ours), last_words)


def reap(children: Iterable[Child]) -> list[Ended]:
    """Return the children that have ended since the last call."""
    ended: list[Ended] = []
    for child in children:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid == 0:
            continue
        # A worker leads a session of its own: what its run left behind ends with it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        ended.append(
            Ended(
                child,
                os.waitstatus_to_exitcode(status),
                usage.ru_maxrss * 1024,
                usage.ru_utime + usage.ru_stime,
            )
        )
    return ended


def _be_child(
    body: Body, channel: PoolChannel, last_words: IO[bytes], release: Callable[[], None]
) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        # A terminal's Ctrl-C is for `up`; and what a worker leaves behind can be ended together.
        os.setsid()
        die_with_parent()
        faulthandler.enable(last_words)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _ignore)
        release()
        body(channel)
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may run on in a forked copy of the pool
        _log.exception("A process of the run pool failed")
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Let a signal pass: the pool says when to end, and no run is there to be interrupted."""
