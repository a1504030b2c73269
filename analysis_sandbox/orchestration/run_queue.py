"""The runs that wait for a worker: by priority, then by age, and no more of a group than may be."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run to execute. It waits while `limit` runs with the same `exclusive` value go on."""

    run_id: str
    exclusive: str | None = None
    priority: int = 0
    limit: int = 1


class RunQueue:
    """Keeps each waiting run once, however often it is handed over."""

    def __init__(self) -> None:
        self._waiting: list[WaitingRun] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, run: WaitingRun) -> None:
        """Take a run, unless it waits already."""
        if not self.holds(run.run_id):
            self._waiting.append(run)

    def remove(self, run_id: str) -> bool:
        """Take a run out before it begins; False when it is not waiting."""
        before = len(self._waiting)
        self._waiting = [run for run in self._waiting if run.run_id != run_id]
        return len(self._waiting) < before

    def clear(self) -> None:
        """Take every run out."""
        self._waiting = []

    def holds(self, run_id: str) -> bool:
        """Tell whether a run waits."""
        return any(run.run_id == run_id for run in self._waiting)

    def next(self, *, running: Iterable[str]) -> WaitingRun | None:
        """Return and remove the run to begin now, while runs of these `exclusive` values go on."""
        going = Counter(running)
        able = [
            run
            for run in self._waiting
            if run.exclusive is None or going[run.exclusive] < run.limit
        ]
        if not able:
            return None
        chosen = max(able, key=lambda run: run.priority)
        self._waiting.remove(chosen)
        return chosen
