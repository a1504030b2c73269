"""An orchestrator in memory: it keeps what it is given, and a test decides how each run goes."""

import threading
from uuid import UUID

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.services.ports import Launch, RunState


class MemoryGateway:
    """Fulfils `RunGateway`. While `is_away`, everything but `refresh` raises. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_away = False
        self.launches: dict[str, Launch] = {}
        self.attempts: list[str] = []
        self.states: dict[str, RunState] = {}
        self.schedules: dict[UUID, bool] = {}
        self.limits: dict[UUID, int | None] = {}
        self.refreshes = 0

    def launch(self, launch: Launch) -> None:
        with self._lock:
            self.attempts.append(launch.run_id)
            self._require()
            if launch.run_id not in self.launches:
                self.launches[launch.run_id] = launch
                self.states[launch.run_id] = "pending"

    def state(self, run_id: str) -> RunState | None:
        with self._lock:
            self._require()
            return self.states.get(run_id)

    def stop(self, run_id: str) -> bool:
        with self._lock:
            self._require()
            state = self.states.get(run_id)
            if state == "pending":
                self.states[run_id] = "cancelled"
            # A running one ends by itself, a little later.
            return state in ("pending", "running")

    def refresh(self) -> None:
        with self._lock:
            self.refreshes += 1

    def limit_concurrency(self, version: VersionRecord, limit: int | None) -> None:
        with self._lock:
            self._require()
            self.limits[version.analysis_id] = limit

    def switch_schedule(self, version: VersionRecord, *, enabled: bool) -> None:
        with self._lock:
            self._require()
            self.schedules[version.analysis_id] = enabled

    def _require(self) -> None:
        if self.is_away:
            raise UnavailableError("The orchestrator is away")
