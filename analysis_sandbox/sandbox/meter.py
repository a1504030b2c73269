"""What a call has used of its limits, counted in its child. Stdlib only.

The child counts to end the script where it stands, with a line number; the supervisor counts what
it can see again, because a script may own the child.
"""

import json
import resource
from collections.abc import Callable, Mapping
from typing import Any

from analysis_sandbox.sandbox.protocol import WARN_AT

FOREVER = float("inf")
_KIB = 1024


class Meter:
    """The memory, time and log of one call."""

    def __init__(self, heap: Callable[[], int]) -> None:
        """Count for a call that is still to come; `heap` tells the bytes of the script's heap."""
        self.deadline = FOREVER
        # The time or the heap that is worth a warning; beyond reach when it was given.
        self.warn_time = self._warn_heap = FOREVER
        self.peak_heap = 0
        self._heap = heap
        self._limits: Mapping[str, int] = {}
        self._started = 0.0
        self._resident_before = 0
        self._log_lines = self._log_bytes = 0

    def begin(self, limits: Mapping[str, int], *, deadline: float) -> None:
        """Start counting."""
        self._limits = limits
        seconds = limits["timeout_ms"] / 1000
        self.deadline, self._started = deadline, deadline - seconds
        self.warn_time = self._started + WARN_AT * seconds
        self._warn_heap = WARN_AT * limits["memory_bytes"]
        self._resident_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def warnings(self, now: float) -> list[bytes]:
        """Look at heap and clock; return the frames that tell of a limit which is near."""
        frames: list[bytes] = []
        used = self._heap()
        if used > self.peak_heap:
            self.peak_heap = used
            if used >= self._warn_heap:
                self._warn_heap = FOREVER
                frames.append(_near("memory", used))
        if now >= self.warn_time:
            self.warn_time = FOREVER
            # A call that slept past its deadline is told of that instead.
            if now < self.deadline:
                frames.append(_near("time", int((now - self._started) * 1000)))
        return frames

    def memory_used(self) -> int:
        """Return how many bytes the script has needed at most, as well as can be known afterwards.

        When an allocation fails the heap shrinks before anybody can look; what became resident does
        not.
        """
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._resident_before
        self.peak_heap = max(self.peak_heap, self._heap())
        return min(max(self.peak_heap, resident * _KIB), self._limits["memory_bytes"])

    def has_grown_large(self) -> bool:
        """Tell whether the script has come so near its memory that it may have run out of it."""
        return self.memory_used() > self._limits["memory_bytes"] // 2

    def log(self, size: int) -> dict[str, Any] | None:
        """Count a log line; return the report of a limit that it is beyond."""
        self._log_lines += 1
        self._log_bytes += size
        limits = self._limits
        if self._log_lines <= limits["log_lines"] and self._log_bytes <= limits["log_bytes"]:
            return None
        return {"lines": self._log_lines, "bytes": self._log_bytes}


def _near(limit: str, used: int) -> bytes:
    return json.dumps(["near", limit, used]).encode("ascii")
