"""Threads that are there when needed: as many as there is work, reused, gone when idle.

Not an executor of a fixed size: a host call may start a run whose own host calls need threads, and
with a bound that nesting could wait for itself. Daemons, so that a call that hangs in a database
does not keep the process from ending.
"""

import logging
import queue
import threading
from collections.abc import Callable

_IDLE_SECONDS = 10.0
_log = logging.getLogger(__name__)

Task = Callable[[], object]


class Workers:
    """Runs tasks at once, each in a thread of its own for as long as it takes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._idle = 0
        self._is_closed = False

    def submit(self, task: Task) -> None:
        """Run `task` in a thread. It reports its own failures."""
        with self._lock:
            has_idle = self._idle > 0
            if has_idle:
                self._idle -= 1
        if not has_idle:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        self._tasks.put(task)

    def close(self) -> None:
        """Let the idle threads end now. Those at work end after it."""
        with self._lock:
            self._is_closed = True
            count, self._idle = self._idle, 0
        for _ in range(count):
            self._tasks.put(None)

    def _work(self) -> None:
        # Every thread here is either counted as idle or claimed by exactly one task in the queue.
        while True:
            try:
                task = self._tasks.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._leave():
                    return
                continue
            if task is None:
                return
            try:
                task()
            except Exception:  # noqa: BLE001 - a main loop
                _log.exception("A task of %s failed", self._name)
            del task
            with self._lock:
                if self._is_closed:
                    return
                self._idle += 1

    def _leave(self) -> bool:
        with self._lock:
            if self._idle == 0:
                return False
            self._idle -= 1
            return True
