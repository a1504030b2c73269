"""What a run's log is told of a call: the script's lines, and each limit that comes near, once."""

import logging
from collections.abc import Callable

from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.outcome import log_overrun
from analysis_sandbox.sandbox.protocol import WARN_AT, ProtocolError

_log = logging.getLogger(__name__)

_LEVELS = frozenset({"debug", "info", "warning", "error"})
_MIB = 1 << 20


class Journal:
    """Writes lines to a log that may fail, and bounds what a script may write."""

    def __init__(self, limits: Limits, log: Callable[[str, str], None]) -> None:
        self._limits = limits
        self._log = log
        self._lines = self._bytes = 0
        self._warned: set[str] = set()

    def write(self, level: object, message: object) -> None:
        """Write a line of the script's.

        Raises:
            ProtocolError: no honest child sends this.
            LimitExceededError: an honest child ends its script before this line.
        """
        if not isinstance(level, str) or level not in _LEVELS or not isinstance(message, str):
            raise ProtocolError("a log line of the wrong form")
        limits = self._limits
        self._lines += 1
        self._bytes += len(message.encode("utf-8", "replace"))
        if self._lines > limits.log_lines or self._bytes > limits.log_bytes:
            raise log_overrun(self._lines, self._bytes, limits)
        self._write(level, message)
        if self._lines >= WARN_AT * limits.log_lines:
            text = f"The script has written {self._lines} log lines"
            self._warn("log_lines", text, f"{limits.log_lines}")
        if self._bytes >= WARN_AT * limits.log_bytes:
            text = f"The script has logged {self._bytes} bytes"
            self._warn("log_bytes", text, f"{limits.log_bytes} bytes")

    def near(self, limit: object, used: object) -> None:
        """Write what the child says of its memory or time.

        Raises:
            ProtocolError: no honest child says this.
        """
        if type(used) is not int or used < 0:
            raise ProtocolError("a warning of the wrong form")
        if limit == "memory":
            text = f"The script uses {used / _MIB:.1f} MB of memory"
            self._warn("memory", text, f"{self._limits.memory_mb} MB")
        elif limit == "time":
            text = f"The script has run for {used / 1000:.1f} s"
            self._warn("time", text, f"{self._limits.timeout_ms / 1000:g} s")
        else:
            raise ProtocolError("a warning of an unknown limit")

    def note_calls(self, count: int) -> None:
        """Take note of how many host calls are under way at once."""
        allowed = self._limits.host_calls_in_flight
        if count >= WARN_AT * allowed:
            text = f"{count} host calls are under way at once, more wait for their turn"
            self._warn("host_calls_in_flight", text, f"{allowed}")

    def note_result(self, size: int) -> None:
        """Take note of the size of the result, in bytes."""
        allowed = self._limits.result_size_mb
        if size >= WARN_AT * self._limits.result_bytes:
            self._warn("result", f"The result has {size / _MIB:.1f} MB", f"{allowed:g} MB")

    def _warn(self, limit: str, text: str, allowed: str) -> None:
        if limit not in self._warned:
            self._warned.add(limit)
            self._write("warning", f"{text}: at least {WARN_AT:.0%} of the limit of {allowed}")

    def _write(self, level: str, message: str) -> None:
        try:
            self._log(level, message)
        except Exception:  # noqa: BLE001 - a log that cannot be written does not end a run
            _log.exception("A log line could not be written")
