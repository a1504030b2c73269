"""The supervisor's handle on one child: its socket, its start, its end."""

import contextlib
import socket
import threading
from collections.abc import Callable

from analysis_sandbox.sandbox.launcher import Ending, ForkServer, Listener


class Process:
    """One child, forked ahead of its call. Idle until `begin`."""

    def __init__(self, server: ForkServer) -> None:
        """Fork it.

        Raises:
            CrashError: the fork server is dead.
        """
        self.server = server
        self.has_ended = threading.Event()
        self.ending = Ending(status=None)
        self._lock = threading.Lock()
        self._is_known = threading.Event()
        self._pid = 0
        self._when_ended: Callable[[], None] | None = None
        self.socket, theirs = socket.socketpair()
        try:
            listener = Listener(started=self._on_started, ended=self._on_ended)
            self._number = server.start(theirs, listener)
        except BaseException:
            self.socket.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The process id; 0 if the fork failed. Waits until it is known."""
        self._is_known.wait()
        return self._pid

    def begin(self, *, kill_at: float, when_ended: Callable[[], None]) -> None:
        """Give it its call: kill it at `kill_at`, and call `when_ended` once it is gone."""
        with self._lock:
            self._when_ended = when_ended
            is_over = self.has_ended.is_set()
        if is_over:
            when_ended()
        self.server.begin(self._number, kill_at=kill_at)

    def stop(self, *, kill_at: float) -> None:
        """Ask it to stop; kill it at `kill_at`."""
        self.server.stop(self._number, kill_at=kill_at)

    def kill(self) -> None:
        """Kill it now."""
        self.server.kill(self._number)

    def discard(self) -> None:
        """Let go of a child that never got a call: without its socket it ends by itself."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def _on_started(self, pid: int) -> None:
        self._pid = pid
        self._is_known.set()

    def _on_ended(self, ending: Ending) -> None:
        with self._lock:
            self.ending = ending
            self._is_known.set()
            self.has_ended.set()
            when_ended = self._when_ended
        if when_ended is not None:
            when_ended()
