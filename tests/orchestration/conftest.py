"""One installation for the package: real PostgreSQL, real Dagster, a pool where a test asks."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.orchestration.gateway import DagsterGateway
from analysis_sandbox.orchestration.home import install_dagster_home
from analysis_sandbox.settings import Settings, load_settings
from tests.orchestration.installation import PROVIDER, Journal, Versions
from tests.orchestration.processes import PoolProcess
from tests.orchestration.runs import Runs

ROOT = Path(__file__).parents[2]


def remove_cluster(home: Path) -> None:
    """Remove what an embedded server leaves outside its home.

    Under root a cluster cannot lie in pytest's private directory: only a link to it does.
    """
    if (home / "pg").is_symlink():
        shutil.rmtree((home / "pg").readlink().parent)


@pytest.fixture(scope="package")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_SANDBOX_HOME", str(home))
        patch.setenv("ANALYSIS_SANDBOX_DAGSTER_ENVIRONMENT", PROVIDER)
        patch.setenv("ANALYSIS_SANDBOX_RUN_WORKERS", "2")
        patch.setenv("ANALYSIS_SANDBOX_DRAIN_SECONDS", "3")
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.delenv("DATABASE_URL", raising=False)
        settings = load_settings()
        settings.logs_directory.mkdir()
        yield settings
    remove_cluster(home)


@pytest.fixture(scope="package")
def postgres(settings: Settings) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(settings)
    server.start()
    install_dagster_home(settings)
    yield server
    server.stop()


@pytest.fixture(scope="package")
def gateway(settings: Settings, postgres: EmbeddedPostgres) -> Iterator[DagsterGateway]:
    gateway = DagsterGateway(settings)
    yield gateway
    gateway.close()


@pytest.fixture(scope="package")
def instance(settings: Settings, postgres: EmbeddedPostgres) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        yield instance


@pytest.fixture(scope="package")
def versions(settings: Settings) -> Versions:
    return Versions(settings.home)


@pytest.fixture(scope="package")
def journal(settings: Settings) -> Journal:
    return Journal(settings.home)


@pytest.fixture(scope="package")
def runs(
    settings: Settings,
    gateway: DagsterGateway,
    instance: dg.DagsterInstance,
    versions: Versions,
    journal: Journal,
) -> Runs:
    return Runs(settings, gateway, instance, versions, journal)


@pytest.fixture(scope="module")
def pool(settings: Settings, postgres: EmbeddedPostgres) -> Iterator[PoolProcess]:
    """A pool that a module's tests share; a test that ends it starts it again."""
    with PoolProcess(settings) as pool:
        yield pool
