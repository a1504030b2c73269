"""The one call that a session is working on: its deadline, and how another thread ends it."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from analysis_sandbox.errors import AnalysisSandboxError, LimitExceededError


@dataclass(slots=True)
class _Call:
    number: int
    deadline: float | None
    in_engine: bool = False
    cancelled: AnalysisSandboxError | None = None


class CurrentCall:
    """At most one call at a time, worked on by one thread and ended early by any other.

    An interrupt that the engine gets just before it begins a statement is lost, so whoever cancels
    repeats it (`press`) until the call has ended.
    """

    def __init__(self, interrupt: Callable[[], None], announce: Callable[[float], None]) -> None:
        """`announce` hears when `press` must be called at the latest."""
        self._interrupt = interrupt
        self._announce = announce
        self._lock = threading.Lock()
        self._call: _Call | None = None
        self._closed: AnalysisSandboxError | None = None
        self._timeout_ms: int | None = None

    @contextmanager
    def begin(self, number: int, timeout_ms: int | None) -> Generator[None, None, None]:
        """Be in a call. Raises nothing of its own."""
        deadline = None if timeout_ms is None else time.monotonic() + timeout_ms / 1000
        self._timeout_ms = timeout_ms
        with self._lock:
            self._call = _Call(number, deadline, cancelled=self._closed)
        if deadline is not None:
            self._announce(deadline)
        try:
            yield
        finally:
            with self._lock:
                self._call = None

    @contextmanager
    def in_engine(self) -> Generator[None, None, None]:
        """Be in the engine: the only time when it is interrupted."""
        with self._lock:
            call = self._call
            if call is not None:
                if call.cancelled is not None:
                    raise call.cancelled
                call.in_engine = True
        try:
            yield
        finally:
            with self._lock:
                if call is not None:
                    call.in_engine = False

    @property
    def deadline(self) -> float | None:
        """When the call will be ended, on the monotonic clock."""
        call = self._call
        return None if call is None or call.cancelled is not None else call.deadline

    @property
    def cancelled(self) -> AnalysisSandboxError | None:
        """Why the call was ended early."""
        call = self._call
        return None if call is None else call.cancelled

    def check(self) -> None:
        """Raise why the call was ended early, if it was."""
        if (error := self.cancelled) is not None:
            raise error

    def cancel(self, error: AnalysisSandboxError, *, number: int | None = None) -> None:
        """End the call (only the one with `number`, if given) with this error."""
        with self._lock:
            call = self._call
            if call is None or (number is not None and call.number != number):
                return
            if call.cancelled is None:
                call.cancelled = error
            if call.in_engine:
                self._interrupt()
        self._announce(0)

    def close(self, error: AnalysisSandboxError) -> None:
        """End the call, and every later one, with this error."""
        with self._lock:
            self._closed = error
        self.cancel(error)

    def press(self, now: float) -> bool:
        """Cancel a call past its deadline, interrupt a cancelled one; True while one is running."""
        with self._lock:
            call = self._call
            if call is None:
                return False
            if call.cancelled is None and call.deadline is not None and call.deadline <= now:
                call.cancelled = LimitExceededError(
                    f"The call to the warehouse took longer than the {self._timeout_ms} ms allowed",
                    hint="Read or write less at once, or raise timeout_ms.",
                    details={"limit": "timeout_ms", "allowed": self._timeout_ms},
                )
            if call.cancelled is None:
                return False
            if call.in_engine:
                self._interrupt()
            return call.in_engine
