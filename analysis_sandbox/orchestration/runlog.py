"""A script's log lines on their way into the log of its Dagster run, written in small groups."""

import logging
import threading
import time

import dagster as dg

from analysis_sandbox.limits import DEFAULT_LIMITS
from analysis_sandbox.orchestration.storage import store_log_entries

_log = logging.getLogger(__name__)

_GROUP_SECONDS = 0.05
_MAX_LINE_CHARACTERS = 10_000
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class RunLogWriter:
    """Takes lines from any thread and stores them in order, with their levels and times.

    A background thread writes every line at most about 50 ms after it was said. Beyond
    `max_lines` only a note is written: the analysis' own log has the rest.
    """

    def __init__(
        self,
        context: dg.OpExecutionContext,
        *,
        max_lines: int = DEFAULT_LIMITS.log_lines,
    ) -> None:
        self._instance = context.instance
        self._run_id = context.run_id
        self._job_name = context.job_name
        self._step_key = str(context.op_handle)
        self._max_lines = max_lines
        self._condition = threading.Condition()
        self._waiting: list[dg.EventLogEntry] = []
        self._taken = 0
        self._dropped = 0
        self._lost = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    def write(self, level: str, message: str) -> None:
        """Take one line; returns at once."""
        with self._condition:
            if self._taken >= self._max_lines:
                self._dropped += 1
                return
            self._taken += 1
            self._add(level, _shortened(message))
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="run-log", daemon=True)
                self._thread.start()
            elif len(self._waiting) == 1:
                self._condition.notify()

    def close(self) -> None:
        """Write what is left, with a note on every line that is missing."""
        with self._condition:
            if self._dropped:
                self._add(
                    "warning",
                    f"{self._dropped} more log lines are not shown here: a run's log in Dagster "
                    f"holds at most {self._max_lines}",
                )
            thread, self._closed = self._thread, True
            self._condition.notify()
        if thread is not None:
            thread.join()
        if self._lost:
            _log.warning("%s log lines of run %s were lost", self._lost, self._run_id)
            with self._condition:
                self._add("warning", f"{self._lost} log lines could not be stored")
        self._flush()

    def _add(self, level: str, message: str) -> None:
        self._waiting.append(
            dg.EventLogEntry(
                error_info=None,
                level=_LEVELS.get(level, logging.INFO),
                user_message=message,
                run_id=self._run_id,
                timestamp=time.time(),
                step_key=self._step_key,
                job_name=self._job_name,
            )
        )

    def _write(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._closed)
                if not self._closed:
                    # Lines come in bursts: gather one before writing.
                    self._condition.wait_for(lambda: self._closed, timeout=_GROUP_SECONDS)
                closed = self._closed
            self._flush()
            if closed:
                return

    def _flush(self) -> None:
        with self._condition:
            entries, self._waiting = self._waiting, []
        if not entries:
            return
        try:
            store_log_entries(self._instance, entries)
        except Exception:  # noqa: BLE001 - the thread's loop: the script goes on without its log
            _log.warning("Log lines of run %s were not stored", self._run_id, exc_info=True)
            self._lost += len(entries)


def _shortened(message: str) -> str:
    if len(message) <= _MAX_LINE_CHARACTERS:
        return message
    more = len(message) - _MAX_LINE_CHARACTERS
    return f"{message[:_MAX_LINE_CHARACTERS]}… ({more} more characters)"
