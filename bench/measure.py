"""Samples and what is said of them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: what was measured, what came out, and the bar it is held to."""

    what: str
    value: str
    bar: str
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Times of one thing, in milliseconds."""

    milliseconds: Sequence[float]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """The 95th percentile: the smallest time that 95 % of the samples do not exceed."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, -(-len(ordered) * 95 // 100) - 1)]

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f} ms, p95 {self.p95:.1f} ms (n={len(self.milliseconds)})"


def timed(action: Callable[[], object]) -> float:
    """Return how long `action` took, in milliseconds."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def alternate(
    first: Callable[[], object], second: Callable[[], object], *, rounds: int, warm_up: int = 3
) -> tuple[Samples, Samples]:
    """Time two things in turn, so that a machine that speeds up or slows down favours neither."""
    for _ in range(warm_up):
        first()
        second()
    pairs = [(timed(first), timed(second)) for _ in range(rounds)]
    return Samples([pair[0] for pair in pairs]), Samples([pair[1] for pair in pairs])


def repeat(action: Callable[[], object], *, rounds: int, warm_up: int = 5) -> Samples:
    """Time one thing again and again."""
    for _ in range(warm_up):
        action()
    return Samples([timed(action) for _ in range(rounds)])
