"""How far a run is, as its script tells: stored soon, but never more than twice a second."""

import logging
import threading
import time
from collections.abc import Callable

from analysis_sandbox.errors import AnalysisSandboxError, ValidationFailedError

_PAUSE_SECONDS = 0.5
_MAX_MESSAGE = 1000
_log = logging.getLogger(__name__)


class Progress:
    """Takes what the script tells, in its thread, and stores the newest of it in another."""

    def __init__(self, store: Callable[[float, str | None], object]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._pending: tuple[float, str | None] | None = None
        self._timer: threading.Timer | None = None
        self._stored_at = -_PAUSE_SECONDS
        self._closed = False

    def tell(self, fraction: object, message: object = None) -> None:
        """Note how far the run is, from 0 to 1. Returns at once.

        Raises:
            ValidationFailedError: not a number from 0 to 1.
        """
        if (
            isinstance(fraction, bool)
            or not isinstance(fraction, int | float)
            or not 0 <= fraction <= 1
        ):
            raise ValidationFailedError("ctx.progress needs a fraction from 0 to 1")
        text = None if message is None else _shortened(str(message))
        with self._lock:
            if self._closed:
                return
            self._pending = (float(fraction), text)
            if self._timer is None:
                wait = max(0.0, self._stored_at + _PAUSE_SECONDS - time.monotonic())
                self._timer = threading.Timer(wait, self._flush)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Store what is not stored yet and take no more."""
        with self._lock:
            self._closed = True
            timer = self._timer
        if timer is not None:
            timer.cancel()
            self._flush()

    def _flush(self) -> None:
        with self._storing:
            with self._lock:
                self._timer = None
                told, self._pending = self._pending, None
                self._stored_at = time.monotonic()
            if told is None:
                return
            try:
                self._store(*told)
            except AnalysisSandboxError as error:
                # The catalogue is away for the moment; the next one says more than this one did.
                _log.warning("The progress of a run could not be stored: %s", error)


def _shortened(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[: _MAX_MESSAGE - 1]}…"
