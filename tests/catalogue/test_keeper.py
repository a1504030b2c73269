"""Plain Dagster without `up`: a keeper process runs the server for as long as somebody needs it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres, attach_or_start, database_url
from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.processes import has_owner
from analysis_sandbox.settings import Settings
from tests.catalogue.making import eventually

ATTACH = """
import sys
from pathlib import Path
from analysis_sandbox.catalogue.embedded import attach_or_start
from analysis_sandbox.settings import Settings
attach_or_start(Settings(home=Path(sys.argv[1])), idle_seconds=60)
"""


@pytest.fixture(scope="module")
def home(new_home: Callable[[], Path]) -> Path:
    """A home that the tests of this module share, each with a keeper of its own."""
    return new_home()


@pytest.fixture
def settings(home: Path) -> Generator[Settings]:
    settings = Settings(home=home)
    yield settings
    if _is_owned(settings):
        os.kill(_owner_pid(settings), signal.SIGTERM)
        eventually(lambda: not _is_owned(settings), "the keeper ended")


def _is_owned(settings: Settings) -> bool:
    return has_owner(settings.home / "postgresql-owner.lock")


def _owner_pid(settings: Settings) -> int:
    return int((settings.home / "postgresql-owner.lock").read_text(encoding="ascii").split()[1])


def _postmaster(settings: Settings) -> int:
    with psycopg.connect(database_url(settings, "dagster", driver="libpq")) as connection:
        row = connection.execute(
            "SELECT pg_read_file('postmaster.pid', 0, 20), pg_backend_pid()"
        ).fetchone()
    assert row is not None
    return int(row[0].split()[0])


def test_a_keeper_is_started_when_nobody_owns_the_server(settings: Settings) -> None:
    attach_or_start(settings, idle_seconds=60)
    first = _postmaster(settings)

    attach_or_start(settings, idle_seconds=60)

    assert _postmaster(settings) == first
    assert _owner_pid(settings) != os.getpid()


def test_many_processes_at_once_start_one_keeper(settings: Settings) -> None:
    command = [sys.executable, "-c", ATTACH, str(settings.home)]
    log = settings.logs_directory / "postgresql.log"
    before = log.stat().st_size if log.exists() else 0
    processes = [subprocess.Popen(command) for _ in range(5)]

    assert [process.wait(timeout=90) for process in processes] == [0] * 5
    assert log.read_bytes()[before:].count(b"ready to accept connections") == 1


def test_a_keeper_outlives_the_process_that_started_it(settings: Settings) -> None:
    command = [sys.executable, "-c", ATTACH, str(settings.home)]
    subprocess.run(command, check=True, timeout=90)

    assert _is_owned(settings)
    assert _postmaster(settings)


def test_a_keeper_ends_the_server_when_nobody_is_connected(settings: Settings) -> None:
    attach_or_start(settings, idle_seconds=0.4)
    with psycopg.connect(database_url(settings, "dagster", driver="libpq")) as connection:
        connection.execute("SELECT pg_sleep(1.2)")
        assert _is_owned(settings)

    eventually(lambda: not _is_owned(settings), "the keeper ended")

    with pytest.raises(psycopg.OperationalError):
        _postmaster(settings)
    assert not (settings.home / "pg" / "postmaster.pid").exists()


def test_up_takes_the_server_over_from_a_keeper(settings: Settings) -> None:
    attach_or_start(settings, idle_seconds=60)
    kept = _postmaster(settings)
    server = EmbeddedPostgres(settings)

    server.start()
    try:
        assert server.pid == _postmaster(settings) != kept
        assert _owner_pid(settings) == os.getpid()
        attach_or_start(settings)
        assert server.pid == _postmaster(settings)
    finally:
        server.stop()


def test_a_keeper_starts_a_killed_server_again(settings: Settings) -> None:
    attach_or_start(settings, idle_seconds=60)
    os.kill(_postmaster(settings), signal.SIGKILL)

    def answers() -> bool:
        try:
            return _postmaster(settings) > 0
        except psycopg.OperationalError:
            return False

    eventually(answers, "the server answers again")


def test_a_killed_keeper_is_replaced_with_its_server(settings: Settings) -> None:
    attach_or_start(settings, idle_seconds=60)
    first = _postmaster(settings)
    os.kill(_owner_pid(settings), signal.SIGKILL)
    eventually(lambda: not _is_owned(settings), "the keeper is dead")
    eventually(lambda: not (settings.home / "pg" / "postmaster.pid").exists(), "the server ended")

    attach_or_start(settings, idle_seconds=60)

    assert _postmaster(settings) != first


def test_why_the_server_cannot_start_reaches_who_asked_for_it(
    new_home: Callable[[], Path],
) -> None:
    home = new_home()
    (home / "pg").symlink_to(home / "gone")

    with pytest.raises(ConfigurationError, match="does not exist"):
        attach_or_start(Settings(home=home))
