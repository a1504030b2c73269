"""Real parts around runs: a sandbox, a SQLite datasource, results, a warehouse, the catalogue."""

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.runner import Environment
from analysis_sandbox.execution.versions import VersionCache
from analysis_sandbox.results.store import ResultStore
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.settings import load_settings
from analysis_sandbox.warehouse.client import Warehouse
from tests.execution.workshop import Workshop, bounded

_SALES = """
create table sales (id integer primary key, shop text, amount real);
insert into sales values (1, 'north', 10.5), (2, 'south', 20.25), (3, 'north', 0.25);
create table years as
    with recursive n(v) as (select 1 union all select v + 1 from n where v < 1200) select v from n;
"""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One warehouse for all projects of these tests; each test takes its own tables."""
    settings = load_settings(tmp_path_factory.mktemp("w"))
    yield Warehouse(settings, "tests")
    owner = settings.warehouse_directory("tests") / "tests.lock"
    if owner.exists() and (text := owner.read_text(encoding="ascii")):
        pid = int(text)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        bounded(lambda: _has_ended(pid), "the warehouse process ends")
    shutil.rmtree(settings.runtime_directory, ignore_errors=True)


@pytest.fixture
def connections(tmp_path: Path, project: str) -> Iterator[Connections]:
    """A shop's database, once to read and once to write; and one that is away."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(_SALES)
    file = tmp_path / "datasources.yaml"
    file.write_text(
        f"projects:\n  {project}:\n"
        "    shop: {type: sqlite, path: shop.db}\n"
        "    till: {type: sqlite, path: shop.db, access: read_write}\n"
        '    away: {type: postgresql, url: "postgresql://nobody@127.0.0.1:1/none"}\n',
        encoding="utf-8",
    )
    with Connections(DatasourceConfigurations(file)) as connections:
        yield connections


@pytest.fixture
def shop(
    catalogue: Catalogue,
    sandbox: Sandbox,
    connections: Connections,
    warehouse: Warehouse,
    tmp_path: Path,
    project: str,
) -> Workshop:
    environment = Environment(
        catalogue=catalogue,
        versions=VersionCache(catalogue),
        sandbox=sandbox,
        connections=connections,
        results=ResultStore(tmp_path / "results"),
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
