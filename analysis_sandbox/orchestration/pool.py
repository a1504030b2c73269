"""The warm run pool: a process that forks run workers and hands them runs. Started by `up`.

It imports everything, opens no connection and starts no thread, so that what it forks begins warm
and whole. It listens on a Unix socket; `pool_client` speaks the other side.
"""

import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Any

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.orchestration import reporter, worker
from analysis_sandbox.orchestration.children import Child, fork, reap
from analysis_sandbox.orchestration.pool_server import PoolServer
from analysis_sandbox.orchestration.run_queue import RunQueue, WaitingRun
from analysis_sandbox.orchestration.warm_up import warm_up
from analysis_sandbox.orchestration.workers import Backoff, Workers
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.values import JSONObject

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_LAST_WORDS_SECONDS = 5.0


class Pool:
    """The runs of one installation, from being accepted to their worker's last word."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._selector = selectors.DefaultSelector()
        self._server = PoolServer(settings.pool_socket, self._selector, self._answer)
        self._queue = RunQueue()
        self._workers = Workers(settings, self._selector, self._queue, on_lost=self._lose)
        self._reporter: Child | None = None
        self._reporter_backoff = Backoff()
        self._unsettled: dict[str, JSONObject] = {}
        self._wakeup: tuple[socket.socket, socket.socket] | None = None
        self._drain_until: float | None = None

    def serve(self) -> None:
        """Run until SIGTERM or SIGINT, and until the runs of that moment have ended.

        Raises:
            ConfigurationError: another pool serves this installation.
        """
        with self._signals():
            self._server.listen()
            _log.info("The run pool listens on %s", self._settings.pool_socket)
            while self._drain_until is None:
                self._turn()
                self._workers.refill(partial(worker.work, self._settings), release=self._release)
                self._workers.assign()
            # What was accepted and not begun is for the next pool.
            self._queue.clear()
            _log.info("The run pool takes no more runs; %s still run", len(self._workers.busy))
            self._drain(self._drain_until)
            self._end_reporter()
        self._server.close()
        self._selector.close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(_TICK_SECONDS):
            key.data()
        self._server.drop_silent_clients()
        self._workers.watch()
        self._tend_reporter()

    def _drain(self, deadline: float) -> None:
        """Wait for the runs until the deadline, then have them stopped, by force if need be."""
        while self._workers.busy and time.monotonic() < deadline:
            self._turn()
        for child in self._workers.busy:
            _log.warning("Run %s is interrupted: the pool stops", child.run and child.run.run_id)
            child.interrupt()
        while self._workers.children():
            # Workers without a run end by themselves; `watch` kills what does not.
            self._workers.retire_all()
            self._turn()

    def _answer(self, request: dict[str, Any]) -> JSONObject:
        match request["op"]:
            case "launch":
                return {"accepted": self._launch(request)}
            case "stop":
                return {"was": self._stop(request["run_id"])}
            case "holds":
                return {"holds": self._holds(request["run_id"])}
            case _:
                return self._status()

    def _launch(self, request: dict[str, Any]) -> bool:
        if self._drain_until is not None:
            return False
        run = WaitingRun(
            request["run_id"],
            request.get("exclusive"),
            request.get("priority", 0),
            request.get("limit", 1),
        )
        # Handed over twice, by whoever was not sure of the first time: it is executed once.
        if not self._holds(run.run_id):
            self._queue.add(run)
            self._workers.assign()
        return True

    def _stop(self, run_id: str) -> str:
        if self._queue.remove(run_id):
            return "queued"
        child = self._workers.with_run(run_id)
        if child is None:
            return "unknown"
        child.interrupt()
        return "running"

    def _holds(self, run_id: str) -> bool:
        running = self._workers.with_run(run_id) is not None
        return running or run_id in self._unsettled or self._queue.holds(run_id)

    def _status(self) -> JSONObject:
        return {
            "pid": os.getpid(),
            "workers": self._workers.count,
            "ready": self._workers.ready,
            "busy": len(self._workers.busy),
            "queued": len(self._queue),
            "draining": self._drain_until is not None,
        }

    def _lose(self, run_id: str, report: JSONObject) -> None:
        """Have a run settled whose end nobody recorded."""
        _log.error("Run %s: %s", run_id, report["reason"])
        report = {**report, "detected_at": datetime.now(UTC).isoformat()}
        self._unsettled[run_id] = {"run_id": run_id, "report": report}
        if self._reporter is not None:
            self._reporter.channel.send(self._unsettled[run_id])

    def _tend_reporter(self) -> None:
        if self._reporter is not None and (ended := reap([self._reporter])):
            _log.error("The reporter %s", ended[0].how)
            self._selector.unregister(self._reporter.channel)
            self._reporter.close()
            self._reporter = None
            self._reporter_backoff.grow()
        if self._reporter is None and self._reporter_backoff.is_over():
            try:
                child = fork(partial(reporter.report, self._settings), release=self._release)
            except OSError:
                _log.exception("The reporter cannot be started")
                self._reporter_backoff.grow()
                return
            self._reporter = child
            self._selector.register(
                child.channel, selectors.EVENT_READ, partial(self._hear_reporter, child)
            )
            for message in self._unsettled.values():
                child.channel.send(message)

    def _hear_reporter(self, child: Child) -> None:
        for message in child.channel.receive() or []:
            self._unsettled.pop(message["settled"], None)
            self._reporter_backoff.reset()

    def _end_reporter(self) -> None:
        child, self._reporter = self._reporter, None
        if child is None:
            return
        # It settles what it knows of and ends.
        child.channel.half_close()
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        while not reap([child]):
            if time.monotonic() > deadline:
                child.kill()
            self._selector.select(_TICK_SECONDS)
        child.close()

    @contextmanager
    def _signals(self) -> Generator[None]:
        """Have SIGTERM and SIGINT begin the drain, and every signal wake the loop."""
        ours, theirs = self._wakeup = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(0)

        def stop(_number: int, _frame: FrameType | None) -> None:
            if self._drain_until is None:
                self._drain_until = time.monotonic() + self._settings.drain_seconds

        def wake() -> None:
            with suppress(BlockingIOError):
                ours.recv(4096)

        self._selector.register(ours, selectors.EVENT_READ, wake)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            ours.close()
            theirs.close()

    def _release(self) -> None:
        """Close what belongs to the pool in a process that it has just forked."""
        self._server.release()
        self._selector.close()
        for end in self._wakeup or ():
            end.close()
        for child in [*self._workers.children(), *filter(None, [self._reporter])]:
            child.close()


def main() -> int:
    """Run the pool of the installation that the settings name."""
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(process)d %(levelname)s %(message)s"
    )
    try:
        warm_up(settings)
        Pool(settings).serve()
    except AnalysisSandboxError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
