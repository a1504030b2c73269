"""When an HTTP request may be sent, and when it is sent again."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 20.0
# A server that asks for more than this is left alone instead.
LONGEST_RETRY_AFTER_SECONDS = 60.0


def _wait(event: threading.Event, seconds: float) -> bool:
    return event.wait(seconds)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks that requests are timed by, and chance. `wait` returns early for the event."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now
    wait: Callable[[threading.Event, float], bool] = _wait
    chance: Callable[[], float] = random.random


SYSTEM_TIMING = Timing()


class RateLimiter:
    """Lets `requests` through at once, and as many again in every `per_seconds`. Thread-safe."""

    def __init__(self, requests: int, per_seconds: float, *, clock: Callable[[], float]) -> None:
        self._capacity = float(requests)
        self._rate = requests / per_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = self._capacity
        self._counted_at = clock()

    def reserve(self, *, at_most: float) -> float | None:
        """Return the seconds to wait before sending; None, and nothing reserved, if too many."""
        with self._lock:
            now = self._clock()
            earned = (now - self._counted_at) * self._rate
            self._tokens = min(self._capacity, self._tokens + earned)
            self._counted_at = now
            wait = max(0.0, (1 - self._tokens) / self._rate)
            if wait > at_most:
                return None
            self._tokens -= 1
            return wait


def backoff_seconds(attempt: int, *, chance: float) -> float:
    """Return the pause after a failed attempt (0 is the first); `chance` spreads clients out."""
    longest = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(attempt, 16))
    return longest * (0.5 + 0.5 * chance)


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """Return what a Retry-After header asks for, a number of seconds or a date; None without."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    # The date of HTTP is always in GMT, also where its zone is missing.
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
