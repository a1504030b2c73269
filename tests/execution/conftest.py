"""Real parts around runs: a sandbox, a SQLite datasource, results, a warehouse, the catalogue."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.warehouse.client import Warehouse
from tests.execution.workshop import Workshop, make_workshop, running_warehouse

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
    with running_warehouse(tmp_path_factory.mktemp("w")) as warehouse:
        yield warehouse


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
    return make_workshop(
        catalogue, sandbox, connections, warehouse, directory=tmp_path, project=project
    )
