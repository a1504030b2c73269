"""What every test package shares: one real PostgreSQL for the session, and the catalogue in it."""

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.settings import Settings


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Path]]:
    """Makes homes for embedded servers; removes what they leave outside the temporary directory."""
    homes: list[Path] = []

    def make() -> Path:
        homes.append(tmp_path_factory.mktemp("home"))
        return homes[-1]

    yield make
    for home in homes:
        _remove_outside(home)


@pytest.fixture(scope="session")
def postgres_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The home of a running embedded PostgreSQL whose catalogue is migrated."""
    home = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(Settings(home=home))
    server.start()
    try:
        migrate(server.url("catalogue", driver="psycopg"))
        yield home
    finally:
        server.stop()
        _remove_outside(home)


@pytest.fixture
def catalogue(postgres_home: Path) -> Generator[Catalogue]:
    """The catalogue of the session's PostgreSQL. Tests share it: each takes its own `project`."""
    settings = Settings(home=postgres_home)
    catalogue = Catalogue(EmbeddedPostgres(settings).url("catalogue", driver="psycopg"))
    yield catalogue
    catalogue.close()


@pytest.fixture
def project() -> str:
    """A project that no other test uses."""
    return f"project_{uuid4().hex[:12]}"


def _remove_outside(home: Path) -> None:
    # Under root a cluster cannot lie in pytest's private directory: only a link to it does.
    if (home / "pg").is_symlink():
        shutil.rmtree((home / "pg").readlink().parent, ignore_errors=True)
    shutil.rmtree(home / "pg", ignore_errors=True)
