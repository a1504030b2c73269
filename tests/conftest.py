"""What every test package shares: one real PostgreSQL for the session, and the catalogue in it."""

import shutil
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.settings import Settings

_ENOUGH_BYTES = 4 << 30
# Their tests share a running installation, which takes its time to start.
_TOGETHER = ("up", "hostile", "orchestration")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by their length: packed ones differ in each process that shares the tests."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the long folders: at the end no process waits for the other."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in _TOGETHER)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Give the tests of a file, or of one of the long folders, to one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            folder = Path(path).parts[1]
            return folder if folder in _TOGETHER else path

    return ByFolder(config, log)


@pytest.fixture(scope="module")
def new_home() -> Generator[Callable[[], Path]]:
    """Makes homes for embedded servers; removes them, with what they leave elsewhere."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(_temporary_home())


@pytest.fixture(scope="session")
def postgres_home() -> Generator[Path]:
    """The home of a running embedded PostgreSQL whose catalogue is migrated."""
    with _temporary_home() as home:
        server = EmbeddedPostgres(Settings(home=home))
        server.start()
        try:
            migrate(server.url("catalogue", driver="psycopg"))
            yield home
        finally:
            server.stop()


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


@contextmanager
def _temporary_home() -> Generator[Path]:
    """A home in memory where there is enough: a new cluster is a thousand files to be synced."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ENOUGH_BYTES
    with TemporaryDirectory(dir=memory if roomy else None, prefix="analysis-sandbox-") as name:
        home = Path(name)
        # Open to the user that runs PostgreSQL under root: else the cluster would lie elsewhere.
        home.chmod(0o755)
        yield home
        if (home / "pg").is_symlink():
            shutil.rmtree((home / "pg").readlink().parent, ignore_errors=True)
