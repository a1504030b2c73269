"""Stores scripts and runs them, the way the faces and Dagster do it."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import NewAnalysis, NewVersion, RunRecord, VersionRecord
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.model import RunOutcome, RunRequest
from analysis_sandbox.execution.runner import Environment, Runner
from analysis_sandbox.execution.versions import VersionCache
from analysis_sandbox.results.store import ResultStore
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.settings import load_settings
from analysis_sandbox.values import JSONObject, decode
from analysis_sandbox.warehouse.client import Warehouse

_WAIT_SECONDS = 30


def bounded(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fail after a bounded time."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in {_WAIT_SECONDS} s: {what}"
        threading.Event().wait(0.01)


def script(body: str, entries: str = "") -> str:
    """An analysis whose run has this body, which begins in line 2."""
    return f'export default {{ title: "Report", {entries} async run(ctx, params) {{\n{body}\n}} }}'


def uses(*datasources: str, analyses: tuple[str, ...] = ()) -> str:
    """The entry that declares what a script uses."""
    return f"dependencies: {{ datasources: {[*datasources]}, analyses: {[*analyses]} }},"


@dataclass(frozen=True)
class Workshop:
    """One project of one installation."""

    environment: Environment
    evaluator: Evaluator
    project: str

    def save(
        self, source: str, name: str = "report", *, limits: JSONObject | None = None
    ) -> VersionRecord:
        """Store a script that has nothing wrong with it as a new analysis."""
        inspection = self.evaluator.inspect(source, filename=f"{name}.js")
        assert inspection.errors == []
        assert inspection.compiled is not None
        version = NewVersion(
            title="Report",
            source=source,
            compiled=inspection.compiled,
            language=inspection.language,
            metadata=inspection.metadata,
        )
        return self.environment.catalogue.analyses.create(
            NewAnalysis(project=self.project, name=name, version=version, limits=limits)
        )

    def request(self, version: VersionRecord, **changes: Any) -> RunRequest:
        values: dict[str, Any] = {
            "run_id": str(uuid4()),
            "project": self.project,
            "analysis_id": version.analysis_id,
            "version": version.version,
            "parameters": {},
        }
        return RunRequest(**values | changes)

    def execute(self, request: RunRequest) -> RunOutcome:
        return Runner(self.environment).execute(request)

    def run(self, version: VersionRecord, **changes: Any) -> tuple[Any, RunRecord]:
        """Run a version; return its whole result and its row."""
        request = self.request(version, **changes)
        outcome = self.execute(request)
        text = self.environment.results.read(outcome.result_path)
        return decode(text), self.row(request.run_id)

    def value(self, source: str, **changes: Any) -> Any:
        """Store a script, run it once and return its result."""
        return self.run(self.save(source), **changes)[0]

    def fail(
        self, version: VersionRecord, **changes: Any
    ) -> tuple[AnalysisSandboxError, RunRecord]:
        """Run a version that fails; return the error and its row."""
        request = self.request(version, **changes)
        with pytest.raises(AnalysisSandboxError) as caught:
            self.execute(request)
        return caught.value, self.row(request.run_id)

    def row(self, run_id: str) -> RunRecord:
        return self.environment.catalogue.runs.get(self.project, run_id)

    def rows(self, version: VersionRecord) -> list[RunRecord]:
        """Every run of an analysis."""
        runs = self.environment.catalogue.runs
        return list(runs.list(self.project, str(version.analysis_id), 100))

    def log(self, run_id: object) -> list[tuple[str, str]]:
        """The level and text of each stored line, in order."""
        lines = self.environment.catalogue.runs.logs(str(run_id))
        return [(line.level, line.message) for line in lines]

    def options(
        self, entries: str, parameter: str = "pick", current: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Store a script with these entries and ask for the options of a parameter."""
        version = self.environment.versions.remember(self.save(script("return {}", entries)))
        return self.evaluator.options(version, parameter, current or {})


@contextmanager
def running_warehouse(home: Path) -> Generator[Warehouse]:
    """One warehouse for all projects of some tests; each test takes its own tables."""
    settings = load_settings(home)
    yield Warehouse(settings, "tests")
    owner = settings.warehouse_directory("tests") / "tests.lock"
    if owner.exists() and (text := owner.read_text(encoding="ascii")):
        pid = int(text)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        bounded(lambda: _has_ended(pid), "the warehouse process ends")
    shutil.rmtree(settings.runtime_directory, ignore_errors=True)


def make_workshop(
    catalogue: Catalogue,
    sandbox: Sandbox,
    connections: Connections,
    warehouse: Warehouse,
    *,
    directory: Path,
    project: str,
) -> Workshop:
    """Put the parts around runs together; results are kept in the directory."""
    environment = Environment(
        catalogue=catalogue,
        versions=VersionCache(catalogue),
        sandbox=sandbox,
        connections=connections,
        results=ResultStore(directory / "results"),
        warehouse=lambda _project: warehouse,
    )
    return Workshop(
        environment=environment, evaluator=Evaluator(sandbox, connections), project=project
    )


def _has_ended(pid: int) -> bool:
    """A process that is gone, or was ended and is waited for by somebody else."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
