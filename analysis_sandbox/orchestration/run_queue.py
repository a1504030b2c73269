"""The runs that wait for a worker: by priority, then by age, and no two exclusive ones at once."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run to execute. Runs with the same `exclusive` value do not overlap."""

    run_id: str
    exclusive: str | None = None
    priority: int = 0


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

    def next(self, *, running: Collection[str]) -> WaitingRun | None:
        """Return and remove the run to begin now, while those `exclusive` values are running."""
        able = [run for run in self._waiting if run.exclusive not in running]
        if not able:
            return None
        chosen = max(able, key=lambda run: run.priority)
        self._waiting.remove(chosen)
        return chosen
