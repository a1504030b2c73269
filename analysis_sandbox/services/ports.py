"""What the services need from an orchestrator; `orchestration` fulfils it with Dagster."""

from dataclasses import dataclass
from typing import Literal, Protocol

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.execution.model import Trigger
from analysis_sandbox.values import JSONObject

RunState = Literal["pending", "running", "completed", "failed", "cancelled", "crashed"]


@dataclass(frozen=True, slots=True)
class Launch:
    """A run to create under a given id. It waits while `max_concurrent_runs` of them go on."""

    run_id: str
    version: VersionRecord
    parameters: JSONObject
    trigger: Trigger
    executed_by: str
    max_concurrent_runs: int | None = None


class RunGateway(Protocol):
    """The orchestrator's side of a run's life."""

    def launch(self, launch: Launch) -> None:
        """Record the run and submit it. Launching a run id that exists does nothing.

        Raises:
            UnavailableError: the orchestrator's storage cannot be reached.
        """
        ...

    def state(self, run_id: str) -> RunState | None:
        """Return the orchestrator's state of the run, None when it has no such run."""
        ...

    def stop(self, run_id: str) -> bool:
        """Ask a queued or running run to end; False when there was nothing to stop."""
        ...

    def refresh(self) -> None:
        """Tell the orchestrator that definitions changed. Never raises: the change is stored."""
        ...

    def limit_concurrency(self, version: VersionRecord, limit: int | None) -> None:
        """Have an analysis' runs that wait or run keep to another limit; None is no limit.

        Raises:
            UnavailableError: the orchestrator's storage cannot be reached.
        """
        ...

    def switch_schedule(self, version: VersionRecord, *, enabled: bool) -> None:
        """Start or stop the schedule of an analysis that has one."""
        ...
