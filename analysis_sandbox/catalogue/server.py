"""One PostgreSQL server process: started as a child, watched, signalled, and its leftovers ended.

A server and all its processes inherit an open, locked file. As long as one of them lives, whoever
started it and in whatever container, the lock is taken: no process id can deceive about that.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Generator
from pathlib import Path

from analysis_sandbox.catalogue.cluster import SERVER_ENVIRONMENT, Cluster
from analysis_sandbox.errors import ConfigurationError

_POLL_SECONDS = 0.02
_LARGEST_LOG_BYTES = 10 << 20
_LOG_TAIL_BYTES = 64 << 10
# What a laptop can spare; the catalogue's statements are short and touch few rows.
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "restart_after_crash": "on",
}


class ServerProcess:
    """A postmaster that is a child of this process. It ends when this process does."""

    def __init__(self, cluster: Cluster, *, socket_directory: str, log: Path, lock: int) -> None:
        options = _OPTIONS | {
            "cluster_name": cluster.name,
            # Quoted: commas separate directories.
            "unix_socket_directories": f'"{socket_directory}"',
        }
        arguments = [f"-c{name}={value}" for name, value in options.items()]
        self._command = cluster.command(
            "postgres", "-D", str(cluster.data), *arguments, owner=os.getpid()
        )
        self._announcement = cluster.data / "postmaster.pid"
        self._log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._started = threading.Event()
        self._ended = threading.Event()
        # The kernel ends a child with the *thread* that started it, so this one lasts as long.
        threading.Thread(target=self._own, name="postgresql", daemon=True).start()
        self._started.wait()
        if self._failure is not None:
            raise ConfigurationError(f"PostgreSQL cannot start: {self._failure}")

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether the postmaster lives; it may not accept connections yet."""
        return not self._ended.is_set()

    def says_ready(self) -> bool:
        """Tell whether the postmaster has announced that it accepts connections."""
        with contextlib.suppress(OSError):
            return "ready" in self._announcement.read_text(encoding="utf-8").split()
        return False

    def wait(self, seconds: float) -> bool:
        """Wait until the postmaster has ended; False when it still lives after `seconds`."""
        return self._ended.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the postmaster; nothing happens when it has ended."""
        assert self._process is not None
        self._process.send_signal(number)

    def why(self) -> str:
        """Return what the server last wrote about its trouble."""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        marks = ("PANIC:", "FATAL:", "ERROR:", "DETAIL:", "HINT:")
        told = [line[line.index(mark) :] for line in lines for mark in marks if mark in line]
        return (
            " ".join(" ".join(line.split()) for line in (told or lines)[-3:]) or "no reason given"
        )

    def _own(self) -> None:
        try:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[self._lock],
                    cwd="/",
                    env=SERVER_ENVIRONMENT,
                    # Ctrl-C in a terminal reaches the owner alone, which stops the server last.
                    start_new_session=True,
                )
        except OSError as error:
            self._failure = error
            self._ended.set()
            return
        finally:
            self._started.set()
        self._process.wait()
        self._ended.set()


@contextlib.contextmanager
def no_server(lock: Path, data: Path) -> Generator[int]:
    """End what is left of an earlier server and give the locked file for the next one.

    Raises:
        ConfigurationError: a process of the earlier server cannot be ended.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not lock_within(descriptor, 0):
            _end_leftovers(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def remove_stale_files(cluster: Cluster, sockets: Path) -> None:
    """Remove what a killed server left. Only for the holder of the lock: no server of ours lives.

    Raises:
        ConfigurationError: somebody runs a server of their own on this data directory.
    """
    stale = cluster.data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int(stale.read_text(encoding="utf-8").splitlines()[0])
        if str(cluster.data) in command_line(pid) and "postgres" in Path(command_line(pid)[0]).name:
            raise ConfigurationError(
                f"A PostgreSQL that was not started here (pid {pid}) uses {cluster.data}",
                hint="Stop it first: pg_ctl stop.",
            )
    for file in (stale, sockets / ".s.PGSQL.5432", sockets / ".s.PGSQL.5432.lock"):
        file.unlink(missing_ok=True)


def keep_log_small(log: Path) -> None:
    """Start a new log file when the present one is large; one older file is kept."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _end_leftovers(descriptor: int, data: Path) -> None:
    """End an orphaned server: by its fast shutdown, at once, by force; each for a bounded time."""
    steps = (
        (signal.SIGINT, signal.SIGTERM, 15.0),
        (signal.SIGQUIT, signal.SIGQUIT, 5.0),
        (signal.SIGKILL, signal.SIGKILL, 5.0),
    )
    for to_postmaster, to_backend, seconds in steps:
        postmasters, backends = _processes(data)
        for pid in postmasters:
            _send(pid, to_postmaster)
        # While there is a postmaster, its own processes are its to end.
        for pid in backends if not postmasters or to_backend == signal.SIGKILL else []:
            _send(pid, to_backend)
        if lock_within(descriptor, seconds):
            return
    postmasters, backends = _processes(data)
    named = ", ".join(map(str, [*postmasters, *backends])) or "in another container"
    raise ConfigurationError(
        f"An earlier PostgreSQL of {data} does not end (process {named})",
        hint="End it, or restart the machine or container it runs in.",
    )


def _processes(data: Path) -> tuple[list[int], list[int]]:
    """Return the postmasters and the other server processes of a cluster on this machine."""
    if not data.exists():
        return [], []
    data = data.resolve()
    name = Cluster(data, data, None).name
    postmasters: list[int] = []
    backends: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        arguments = command_line(int(entry.name))
        if f"-ccluster_name={name}" in arguments:
            postmasters.append(int(entry.name))
        elif arguments and arguments[0].startswith(f"postgres: {name}: "):
            backends.append(int(entry.name))
    return postmasters, backends


def command_line(pid: int) -> list[str]:
    """Return the arguments (or the title) of a process; nothing when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    return text.rstrip("\0").split("\0") if text else []


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def lock_within(descriptor: int, seconds: float) -> bool:
    """Lock an open file against other processes; False when it was not to be had in that time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True
