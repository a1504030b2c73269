"""Starting runs in tests and looking at what became of them."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.orchestration.concurrency import allowed_at_once
from analysis_sandbox.orchestration.gateway import DagsterGateway
from analysis_sandbox.orchestration.jobs import build_job
from analysis_sandbox.orchestration.origins import repository_origin
from analysis_sandbox.orchestration.reconstruct import origin_of
from analysis_sandbox.orchestration.storage import PooledRunStorage
from analysis_sandbox.services.ports import Launch
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.installation import Journal, Versions
from tests.orchestration.processes import eventually


@dataclass(frozen=True)
class Runs:
    """The way a service starts a run, and what a test wants to know of it."""

    settings: Settings
    gateway: DagsterGateway
    instance: dg.DagsterInstance
    versions: Versions
    journal: Journal

    def start(
        self,
        version: VersionRecord,
        parameters: JSONObject | None = None,
        *,
        run_id: str = "",
        stored: JSONObject | None = None,
    ) -> str:
        """Start a run; `stored` are the limits that are set for the analysis."""
        run_id = run_id or str(uuid4())
        allowed = allowed_at_once(version, stored, system=self.settings.system_limits)
        self.gateway.launch(Launch(run_id, version, parameters or {}, "api", "alice", allowed))
        return run_id

    def create(self, version: VersionRecord) -> dg.DagsterRun:
        """Create a run without submitting it."""
        job = build_job(version)
        origin = repository_origin(self.settings).get_job_origin(job.name)
        return self.instance.create_run_for_job(
            job, run_id=str(uuid4()), remote_job_origin=origin, job_code_origin=origin_of(version)
        )

    def plan(self, name: str, plan: JSONObject, metadata: JSONObject | None = None) -> str:
        """Save a new version and start it."""
        return self.start(self.versions.save(name, plan, metadata=metadata))

    @property
    def storage(self) -> PooledRunStorage:
        storage = self.instance.run_storage
        assert isinstance(storage, PooledRunStorage)
        return storage

    def status(self, run_id: str) -> str:
        run = self.instance.get_run_by_id(run_id)
        return "" if run is None else run.status.value

    def ended(self, run_id: str, *, seconds: float = 20) -> str:
        """Wait for the end of a run; return its status."""
        last = ("SUCCESS", "FAILURE", "CANCELED")
        eventually(lambda: self.status(run_id) in last, seconds=seconds)
        return self.status(run_id)

    def began(self, run_id: str, *, seconds: float = 20) -> dict[str, Any]:
        """Wait until a run is in its script; return what the script got."""
        return eventually(lambda: self.journal.read("began", run=run_id), seconds=seconds)[0]

    def crash(self, run_id: str, *, seconds: float = 20) -> dict[str, Any]:
        """Wait for the crash report of a run."""
        found = eventually(lambda: self.journal.read("crashed", run=run_id), seconds=seconds)
        return found[0]["report"]
