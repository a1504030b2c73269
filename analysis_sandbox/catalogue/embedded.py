"""The embedded PostgreSQL of one home: who owns it, its start, its end and its restarts.

Exactly one process owns the server of a home and is its parent: `up`, or, for plain Dagster without
`up`, a keeper process that ends when nobody is connected any more. The owner holds
`<home>/postgresql-owner.lock`; `up` takes the server over from a keeper. The server's own processes
hold `<home>/postgresql-server.lock`, so that a second one is never started beside a living one.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg

from analysis_sandbox.catalogue.cluster import Cluster, prepare_cluster, socket_directory
from analysis_sandbox.catalogue.engine import (
    DatabaseName,
    Driver,
    database_url,
    embedded_url,
    prepare_external,
)
from analysis_sandbox.catalogue.ownership import (
    KEEPER_MODULE,
    Kind,
    locked_file,
    owner_lock,
    ownership,
)
from analysis_sandbox.catalogue.server import (
    ServerProcess,
    keep_log_small,
    no_server,
    remove_stale_files,
)
from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.processes import has_owner
from analysis_sandbox.settings import Settings

__all__ = ["EmbeddedPostgres", "attach_or_start", "database_url"]

KEEPER_IDLE_SECONDS = 300.0
# What a keeper says on its output; anything else is why it cannot start.
READY = "ready"
OWNED = "owned"
_READY_SECONDS = 120.0
_FAST_STOP_SECONDS = 15.0
_FORCED_STOP_SECONDS = 5.0
_ATTACH_SECONDS = 90.0
_POLL_SECONDS = 0.02
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
# A server that lived this long died for a new reason: the pauses start again.
_STABLE_SECONDS = 60.0


class EmbeddedPostgres:
    """The server of a home, owned by this process from `start` to `stop`. Thread-safe."""

    def __init__(self, settings: Settings, *, kind: Kind = "up") -> None:
        self._settings = settings
        self._kind: Kind = kind
        self._lock = threading.RLock()
        self._ownership = contextlib.ExitStack()
        self._owned = False
        self._server: ServerProcess | None = None
        self._started = 0.0
        self._pause = 0.0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it does not run."""
        server = self._server
        return server.pid if server is not None and server.is_running() else None

    def start(self) -> None:
        """Become the owner and start the server; returns when it answers.

        Raises:
            ConfigurationError: it cannot start, with the cause; or another process owns it.
            MissingDependencyError: the package with the programs is not installed.
        """
        with self._lock:
            if not self._owned:
                _make_home(self._settings)
                self._ownership.enter_context(ownership(self._settings.home, self._kind))
                self._owned = True
            if self.is_running():
                return
            try:
                self._launch()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End the server and give up the ownership. Stopping twice is allowed."""
        with self._lock:
            try:
                self._end_server()
            finally:
                self._owned = False
                self._ownership.close()

    def is_running(self) -> bool:
        """Tell whether the server that this process started lives."""
        return self.pid is not None

    def ensure_running(self) -> bool:
        """Start the server again if it has ended; call this regularly.

        Returns False while a server that keeps dying waits for its next start.

        Raises:
            ConfigurationError: it does not start again; the next call after a pause tries anew.
        """
        with self._lock:
            if self.is_running():
                return True
            now = time.monotonic()
            if self._server is not None and now - self._started > _STABLE_SECONDS:
                self._pause = self._not_before = 0.0
            self._server = None
            if now < self._not_before:
                return False
            self._pause = min(_LONGEST_PAUSE_SECONDS, self._pause * 2 or _FIRST_PAUSE_SECONDS)
            try:
                if self._owned:
                    self._launch()
                else:
                    self.start()
            finally:
                self._not_before = time.monotonic() + self._pause
            return True

    def url(self, database: DatabaseName, *, driver: Driver) -> str:
        """Return the address of one of the server's databases."""
        return embedded_url(self._settings, database, driver=driver)

    def _launch(self) -> None:
        try:
            server = self._spawn()
        except OSError as error:
            raise ConfigurationError(
                f"PostgreSQL cannot be started in {self._settings.home}: {error}",
                hint="The home must belong to the user that runs this, on a disk with some space.",
            ) from error
        self._server = server
        self._started = time.monotonic()
        try:
            self._wait_until_ready(server)
            _create_databases(socket_directory(self._settings))
        except BaseException:
            self._end_server()
            raise

    def _spawn(self) -> ServerProcess:
        home, log = self._settings.home, self._settings.logs_directory / "postgresql.log"
        keep_log_small(log)
        with no_server(home / "postgresql-server.lock", home / "pg") as lock:
            cluster = prepare_cluster(home)
            sockets = socket_directory(self._settings)
            inside = sockets == home / "pg"
            remove_stale_files(cluster, cluster.data if inside else _private(sockets, cluster))
            return ServerProcess(
                cluster, socket_directory="." if inside else str(sockets), log=log, lock=lock
            )

    def _wait_until_ready(self, server: ServerProcess) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        problem: str | None = "it is starting up"
        while True:
            if server.says_ready():
                problem = _problem(self._settings, "postgres")
            if problem is None:
                return
            if server.wait(_POLL_SECONDS):
                raise ConfigurationError(
                    f"PostgreSQL ended at its start: {server.why()}",
                    hint=f"See {self._settings.logs_directory / 'postgresql.log'}.",
                )
            if time.monotonic() >= deadline:
                raise ConfigurationError(
                    f"PostgreSQL does not answer after {_READY_SECONDS:.0f} s: {problem}",
                    hint=f"See {self._settings.logs_directory / 'postgresql.log'}.",
                )

    def _end_server(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        steps = (
            (signal.SIGINT, _FAST_STOP_SECONDS),
            (signal.SIGQUIT, _FORCED_STOP_SECONDS),
            (signal.SIGKILL, _FORCED_STOP_SECONDS),
        )
        for number, seconds in steps:
            server.send(number)
            if server.wait(seconds):
                return


def attach_or_start(settings: Settings, *, idle_seconds: float = KEEPER_IDLE_SECONDS) -> None:
    """Return once the databases of a home answer; for processes that `up` did not start.

    When nobody owns the embedded server, a keeper process is started for it, which ends it after
    `idle_seconds` without a connection. Of an external server only the schemas are made.

    Raises:
        ConfigurationError: the server cannot start, with the cause.
        UnavailableError: the external server does not answer.
    """
    if settings.database_url is not None:
        prepare_external(settings)
        return
    if _problem(settings, "catalogue") is None:
        return
    _make_home(settings)
    deadline = time.monotonic() + _ATTACH_SECONDS
    with locked_file(settings.home / "postgresql-attach.lock", seconds=_ATTACH_SECONDS):
        while (problem := _problem(settings, "catalogue")) is not None:
            if time.monotonic() >= deadline:
                raise ConfigurationError(
                    f"The embedded PostgreSQL does not answer: {problem}",
                    hint=f"See {settings.logs_directory / 'postgresql.log'}.",
                )
            if has_owner(owner_lock(settings.home)):
                time.sleep(_POLL_SECONDS)
            else:
                _start_keeper(settings, idle_seconds)


def _start_keeper(settings: Settings, idle_seconds: float) -> None:
    """Start a keeper; returns when it says that the server answers, or that another owns it."""
    # -P: nothing in the home, which is the working directory, is imported.
    command = [sys.executable, "-P", "-m", KEEPER_MODULE, str(settings.home), str(idle_seconds)]
    with (settings.logs_directory / "postgresql-keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=settings.home,
            env=settings.child_environment(),
            start_new_session=True,
        )
    # It outlives this process as a rule; if it does not, somebody must collect it.
    threading.Thread(target=keeper.wait, name="keeper-wait", daemon=True).start()
    assert keeper.stdout is not None
    with keeper.stdout as output:
        said = output.readline().decode("utf-8", "replace").strip()
    if said not in (READY, OWNED):
        raise ConfigurationError(
            said or "The process that keeps PostgreSQL ended without a reason",
            hint=f"See {settings.logs_directory / 'postgresql-keeper.log'}.",
        )


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        settings.logs_directory.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The home {settings.home} cannot be made: {error}", hint="Use another --home."
        ) from error


def _create_databases(sockets: Path) -> None:
    with psycopg.connect(
        host=str(sockets), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        # The catalogue last: once it answers, both are there.
        for name in ("dagster", "catalogue"):
            if (name,) not in rows:
                connection.execute(f"CREATE DATABASE {name}".encode())


def _problem(settings: Settings, database: str) -> str | None:
    """Return why the server does not answer, None when it does."""
    try:
        with psycopg.connect(
            host=str(socket_directory(settings)),
            user="postgres",
            dbname=database,
            connect_timeout=5,
        ) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        return " ".join(str(error).split())
    return None


def _private(sockets: Path, cluster: Cluster) -> Path:
    """Make a directory for the socket that only the server's user (and root) can enter."""
    uid, gid = (os.geteuid(), os.getegid())
    if cluster.user is not None:
        uid, gid = cluster.user.uid, cluster.user.gid
    with contextlib.suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        os.chown(sockets, uid, gid)
    status = sockets.lstat()
    if (
        not sockets.is_dir()
        or sockets.is_symlink()
        or status.st_uid != uid
        or status.st_mode & 0o77
    ):
        raise ConfigurationError(
            f"{sockets} is not a private directory of the server's user",
            hint="Remove it, or use a --home with a shorter path.",
        )
    return sockets
