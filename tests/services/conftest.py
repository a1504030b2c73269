"""The services of one project: real catalogue, sandbox, datasource and results."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.records import RunFinish, RunRecord, RunStart, ScheduleRecord
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.versions import VersionCache
from analysis_sandbox.limits import SystemLimits
from analysis_sandbox.results.store import ResultStore
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.analyses import AnalysisService
from analysis_sandbox.services.authoring import AuthoringRules
from analysis_sandbox.services.limits import LimitService
from analysis_sandbox.services.options import OptionsService
from analysis_sandbox.services.runs import RunService
from analysis_sandbox.settings import Settings
from tests.services.gateway import MemoryGateway


@dataclass(frozen=True)
class Shop:
    """A SQLite datasource with the cities of two countries."""

    file: Path

    def add(self, country: str, city: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("INSERT INTO cities VALUES (?, ?)", (country, city))


@dataclass(frozen=True)
class Project:
    """One project's services, its callers, and what stands behind them."""

    name: str
    catalogue: Catalogue
    versions: VersionCache
    gateway: MemoryGateway
    results: ResultStore
    results_directory: Path
    analyses: AnalysisService
    runs: RunService
    options: OptionsService
    limits: LimitService
    url: str

    def caller(self, role: Role, project: str | None = None) -> Principal:
        return Principal(name=f"a_{role.name.lower()}", role=role, project=project or self.name)

    @property
    def viewer(self) -> Principal:
        return self.caller(Role.VIEWER)

    @property
    def runner(self) -> Principal:
        return self.caller(Role.RUNNER)

    @property
    def manager(self) -> Principal:
        return self.caller(Role.MANAGER)

    @property
    def stranger(self) -> Principal:
        """An administrator of another project."""
        return self.caller(Role.ADMIN, f"{self.name}_other")

    def create(self, source: str, **metadata: object) -> str:
        """Store an analysis; returns its name."""
        return self.analyses.create(self.manager, source, metadata).analysis_id

    def execute(self, analysis: str, given: dict[str, object] | None = None, **more: Any) -> str:
        """Start a run; returns its id."""
        return self.runs.execute(self.runner, analysis, given or {}, **more).job_id

    def run(self, job_id: str) -> RunRecord:
        return self.catalogue.runs.get(self.name, job_id)

    def rows(self) -> list[RunRecord]:
        return list(self.catalogue.runs.list(self.name))

    def schedule(self, analysis: str) -> ScheduleRecord | None:
        return self.catalogue.schedules.get(self.analysis_uuid(analysis))

    def analysis_uuid(self, analysis: str) -> UUID:
        return self.catalogue.analyses.get(self.name, analysis).id

    def begin(self, job_id: str) -> None:
        """Have the run begin, as a worker does it."""
        run = self.run(job_id)
        self.gateway.states[job_id] = "running"
        self.catalogue.runs.start(
            RunStart(
                run_id=job_id,
                project=self.name,
                analysis_id=run.analysis_id,
                analysis_version=run.analysis_version,
                parameters=run.parameters,
            )
        )

    def finish(self, job_id: str, **values: Any) -> None:
        """Have the run end, as a worker does it: completed unless stated otherwise."""
        finish = RunFinish(run_id=job_id, status=values.pop("status", "completed"), **values)
        self.gateway.states[job_id] = finish.status
        assert self.catalogue.runs.finish(finish)

    def make_old(self, job_id: str) -> None:
        """Have the run be recorded a day ago."""
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "UPDATE analysis_runs SET created_at = now() - interval '1 day' WHERE id = %s",
                [UUID(job_id)],
            )


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "shop.db")
    with closing(sqlite3.connect(shop.file)) as connection, connection:
        connection.execute("CREATE TABLE cities (country TEXT, city TEXT)")
    shop.add("AT", "Graz")
    shop.add("FR", "Lyon")
    return shop


@pytest.fixture
def connections(shop: Shop, project: str, tmp_path: Path) -> Iterator[Connections]:
    """The project has the datasource `shop`."""
    file = tmp_path / "datasources.yaml"
    text = f"projects:\n  {project}:\n    shop: {{type: sqlite, path: {shop.file.name}}}\n"
    file.write_text(text, encoding="utf-8")
    with Connections(DatasourceConfigurations(file)) as connections:
        yield connections


@pytest.fixture
def home(
    catalogue: Catalogue,
    project: str,
    sandbox: Sandbox,
    connections: Connections,
    tmp_path: Path,
    postgres_home: Path,
) -> Project:
    versions, gateway = VersionCache(catalogue), MemoryGateway()
    results = ResultStore(tmp_path / "results")
    evaluator = Evaluator(sandbox, connections)
    return Project(
        name=project,
        catalogue=catalogue,
        versions=versions,
        gateway=gateway,
        results=results,
        results_directory=tmp_path / "results",
        analyses=AnalysisService(
            catalogue=catalogue,
            versions=versions,
            connections=connections,
            evaluator=evaluator,
            gateway=gateway,
            rules=AuthoringRules(limits=SystemLimits(), packages={project: ["csv-parse@^5"]}),
        ),
        runs=RunService(
            catalogue=catalogue,
            versions=versions,
            results=results,
            gateway=gateway,
            system=SystemLimits(),
        ),
        limits=LimitService(
            catalogue=catalogue, versions=versions, gateway=gateway, system=SystemLimits()
        ),
        options=OptionsService(versions=versions, evaluator=evaluator, connections=connections),
        url=EmbeddedPostgres(Settings(home=postgres_home)).url("catalogue", driver="libpq"),
    )
