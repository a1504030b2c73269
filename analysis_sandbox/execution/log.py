"""The log of one run: numbered lines, bounded, written in groups while the run goes on."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from analysis_sandbox.catalogue.records import LogLine
from analysis_sandbox.errors import TransientError

_FLUSH_SECONDS = 0.25


class RunLog:
    """Collects lines from any thread; a flusher stores them so that a reader sees them soon.

    Most runs end before the first flush: their lines go to the catalogue with the run's end, in
    its transaction.
    """

    def __init__(
        self,
        store: Callable[[Sequence[LogLine]], None],
        forward: Callable[[str, str], None] | None = None,
    ) -> None:
        self._store = store
        self._forward = forward
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._pending: list[LogLine] = []
        self._timer: threading.Timer | None = None
        self._closed = False

    def write(self, level: str, message: str) -> None:
        """Add one line; `level` is debug, info, warning or error."""
        with self._lock:
            if self._closed:
                return
            self._pending.append(LogLine(level=level, message=message, logged_at=datetime.now(UTC)))
            if self._timer is None:
                self._timer = threading.Timer(_FLUSH_SECONDS, self._flush)
                self._timer.daemon = True
                self._timer.start()
        if self._forward is not None:
            self._forward(level, message)

    def close(self) -> list[LogLine]:
        """Take no more lines and return those not stored yet."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
        # A flush under way stores earlier lines: they must be there before the later ones.
        with self._storing, self._lock:
            lines, self._pending = self._pending, []
            return lines

    def _flush(self) -> None:
        with self._storing:
            with self._lock:
                self._timer = None
                if self._closed:
                    return
                lines, self._pending = self._pending, []
            try:
                self._store(lines)
            except TransientError:
                # The catalogue is away for the moment: they go with the next flush or the end.
                with self._lock:
                    self._pending[:0] = lines
