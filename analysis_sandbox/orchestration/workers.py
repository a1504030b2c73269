"""The run workers of the pool: forked, watched, replaced; one run each at a time."""

import logging
import selectors
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from analysis_sandbox.orchestration.children import Body, Child, Ended, fork, reap
from analysis_sandbox.orchestration.run_queue import RunQueue
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject

_log = logging.getLogger(__name__)

_START_SECONDS = 60.0
# How long a worker may take to stop its run, or to end when it is replaced.
_STOP_SECONDS = 10.0
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_MEMORY_BYTES = 1 << 30

OnLost = Callable[[str, JSONObject], None]


class Backoff:
    """When to try again what failed at its start: after 0.5 s, then twice as long each time."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._until = 0.0

    def grow(self) -> None:
        """Note a failure."""
        self._seconds = min(_LONGEST_BACKOFF_SECONDS, self._seconds * 2 or _FIRST_BACKOFF_SECONDS)
        self._until = time.monotonic() + self._seconds

    def reset(self) -> None:
        """Note a success."""
        self._seconds = self._until = 0.0

    def is_over(self) -> bool:
        """Tell whether it is time."""
        return time.monotonic() >= self._until


class Workers:
    """Takes runs from the queue and gives them to workers that are free."""

    def __init__(
        self,
        settings: Settings,
        selector: selectors.BaseSelector,
        queue: RunQueue,
        *,
        on_lost: OnLost,
    ) -> None:
        self._settings = settings
        self._selector = selector
        self._queue = queue
        self._on_lost = on_lost
        self._workers: list[Child] = []
        self._retiring: list[Child] = []
        self._backoff = Backoff()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._workers)

    @property
    def ready(self) -> int:
        """How many have started completely."""
        return sum(child.ready for child in self._workers)

    @property
    def busy(self) -> Collection[Child]:
        """Those that have a run."""
        return [child for child in self._workers if child.run is not None]

    def children(self) -> list[Child]:
        """Return every process, also those about to end."""
        return [*self._workers, *self._retiring]

    def with_run(self, run_id: str) -> Child | None:
        """Return the worker that has a run."""
        return next((one for one in self.busy if one.run and one.run.run_id == run_id), None)

    def refill(self, work: Body, *, release: Callable[[], None]) -> None:
        """Fork what is missing, unless workers have just failed at their start."""
        while len(self._workers) < self._settings.run_workers and self._backoff.is_over():
            try:
                child = fork(work, release=release)
            except OSError:
                _log.exception("No worker can be started")
                self._backoff.grow()
                return
            self._workers.append(child)
            self._selector.register(child.channel, selectors.EVENT_READ, partial(self._hear, child))

    def assign(self) -> None:
        """Give waiting runs to free workers."""
        for child in self._workers:
            if not child.ready or child.run is not None:
                continue
            going = [other.run.exclusive for other in self.busy if other.run]
            run = self._queue.next(running=[name for name in going if name is not None])
            if run is None:
                return
            child.begin(run)

    def watch(self) -> None:
        """Notice workers that ended, and end those that took too long to start or to stop."""
        for ended in reap(self.children()):
            self._forget(ended)
        now = time.monotonic()
        for child in self.children():
            if not child.ready and now - child.forked_at > _START_SECONDS:
                _log.error("Worker %s was not ready in %s s: killed", child.pid, _START_SECONDS)
                child.kill()
            elif child.stop_asked_at and now - child.stop_asked_at > _STOP_SECONDS:
                _log.error("Worker %s did not stop in %s s: killed", child.pid, _STOP_SECONDS)
                child.kill()

    def retire_all(self) -> None:
        """Let every worker end that has no run."""
        for child in [one for one in self._workers if one.run is None]:
            self._retire(child)

    def _hear(self, child: Child) -> None:
        messages = child.channel.receive()
        if messages is None:
            # It has ended or is about to: `watch` tells how.
            self._unregister(child)
            return
        for message in messages:
            if "ready" in message:
                child.ready = True
                self._backoff.reset()
                self.assign()
            elif "done" in message:
                self._done(child, message)

    def _done(self, child: Child, message: dict[str, Any]) -> None:
        child.end_run()
        if not message["finished"]:
            self._on_lost(message["done"], {"reason": "The end of the run could not be recorded"})
        spent = child.runs >= self._settings.runs_per_worker
        if spent or message["memory"] > _MEMORY_BYTES:
            memory = message["memory"] >> 20
            _log.info("Worker %s retires: %s runs, %s MiB", child.pid, child.runs, memory)
            self._retire(child)
        else:
            self.assign()

    def _retire(self, child: Child) -> None:
        self._workers.remove(child)
        self._retiring.append(child)
        self._unregister(child)
        child.channel.close()
        child.stop_asked_at = time.monotonic()

    def _forget(self, ended: Ended) -> None:
        child = ended.child
        if child in self._retiring:
            self._retiring.remove(child)
        else:
            # What it said last still counts.
            while child in self._workers and child.channel.is_readable():
                if (messages := child.channel.receive()) is None:
                    break
                for message in messages:
                    if "done" in message:
                        child.end_run()
            self._unregister(child)
            self._workers.remove(child)
            if not child.ready:
                _log.error("Worker %s %s before it was ready", child.pid, ended.how)
            if child.runs == 0 and child.run is None:
                self._backoff.grow()
        if child.run is not None:
            self._on_lost(child.run.run_id, crash_of(ended))
        child.close()

    def _unregister(self, child: Child) -> None:
        with suppress(KeyError, ValueError):
            self._selector.unregister(child.channel)


def crash_of(ended: Ended) -> JSONObject:
    """Return what is known of a worker that ended in the middle of a run."""
    child = ended.child
    return {
        "reason": f"The run worker (pid {child.pid}) {ended.how}",
        "pid": child.pid,
        "signal": ended.signal_name,
        "exit_code": ended.exit_code if ended.exit_code >= 0 else None,
        "stop_requested": child.stop_asked_at is not None,
        "peak_memory_bytes": ended.peak_memory_bytes,
        "cpu_seconds": round(ended.cpu_seconds, 3),
        "run_seconds": round(time.monotonic() - child.run_since, 3),
        "traceback": ended.last_words(),
    }
