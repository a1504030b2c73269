"""`up`: starts every process of one installation, watches them, and ends them all."""

import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from analysis_sandbox.catalogue.database import owned_database
from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.orchestration.home import install_dagster_home
from analysis_sandbox.processes import OwnerLock, become_subreaper, die_with_parent, reap_orphans
from analysis_sandbox.settings import Settings

_log = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_READY_SECONDS = 120
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
# A process that lived this long failed for a new reason: its back-off starts again.
_STABLE_SECONDS = 60
_STOP_SECONDS = 15

Say = Callable[[str], None]


class Database(Protocol):
    """The embedded PostgreSQL, as it is watched here."""

    @property
    def pid(self) -> int | None:
        """Its process, None when it does not run."""
        ...

    def ensure_running(self) -> bool:
        """Start it again if it ended; False while it waits for its next attempt."""
        ...


@dataclass(slots=True)
class _Program:
    """One process of `up` and what happened to it."""

    name: str
    command: Sequence[str]
    stop_seconds: float = _STOP_SECONDS
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = 0.0
    restart_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """The processes of one `up`, from start to stop."""

    settings: Settings
    say: Say
    database: Database | None = None
    programs: list[_Program] = field(default_factory=list[_Program])
    stopping: Event = field(default_factory=Event)

    def start(self) -> None:
        """Start every program."""
        for program in _programs(self.settings):
            self.programs.append(program)
            self._spawn(program)

    def wait_until_ready(self) -> None:
        """Return when `/readyz` answers 200.

        Raises:
            ConfigurationError: a part was not ready in time; the message says which and why.
        """
        deadline = time.monotonic() + _READY_SECONDS
        problem = "the API does not answer"
        while time.monotonic() < deadline and not self.stopping.is_set():
            ready, problem = _readiness(self.settings)
            if ready:
                return
            self.tick()
            self.stopping.wait(_TICK_SECONDS)
        if not self.stopping.is_set():
            raise ConfigurationError(
                f"Not ready after {_READY_SECONDS} s: {problem}",
                hint=f"The logs are in {self.settings.logs_directory}.",
            )

    def watch(self) -> None:
        """Restart what ends, until asked to stop."""
        while not self.stopping.is_set():
            self.tick()
            self.stopping.wait(_TICK_SECONDS)

    def tick(self) -> None:
        """Look at every process once."""
        now = time.monotonic()
        for program in self.programs:
            if program.process is None:
                if now >= program.restart_at:
                    self._spawn(program)
            elif program.process.poll() is not None:
                self._schedule_restart(program, now)
        if self.database is not None and self.database.pid is None:
            self._restart_database(self.database)
        reap_orphans(self._pids())

    def stop(self) -> None:
        """End every program in the reverse order of its start, then whatever else is left."""
        for program in reversed(self.programs):
            process, program.process = program.process, None
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(program.stop_seconds)
            except subprocess.TimeoutExpired:
                _log.warning("%s did not end in %s s: killed", program.name, program.stop_seconds)
                process.kill()
                process.wait()
        _end_adopted(self._pids())

    def _pids(self) -> set[int]:
        pids = {program.process.pid for program in self.programs if program.process is not None}
        if self.database is not None and self.database.pid is not None:
            pids.add(self.database.pid)
        return pids

    def _restart_database(self, database: Database) -> None:
        try:
            if database.ensure_running():
                self.say("PostgreSQL had ended; it is running again")
        except ConfigurationError as error:
            self.say(f"PostgreSQL ended and does not start again: {error}")

    def _spawn(self, program: _Program) -> None:
        log = self.settings.logs_directory / f"{program.name}.log"
        with log.open("ab") as output:
            program.process = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.settings.child_environment(),
                cwd=self.settings.home,
                # A session of its own: Ctrl-C reaches `up` alone, which ends the others in order.
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - only a prctl; nothing can block
            )
        program.started = time.monotonic()

    def _schedule_restart(self, program: _Program, now: float) -> None:
        assert program.process is not None
        code = program.process.returncode
        if now - program.started > _STABLE_SECONDS:
            program.backoff = 0.0
        program.process = None
        program.restart_at = now + program.backoff
        self.say(
            f"{program.name} ended ({_ending(code)}); "
            f"starting it again{f' in {program.backoff:g} s' if program.backoff else ''}"
        )
        program.backoff = min(
            _LONGEST_BACKOFF_SECONDS, max(_FIRST_BACKOFF_SECONDS, program.backoff * 2)
        )


def run(settings: Settings, *, demo: Callable[[Settings], None] | None = None) -> None:
    """Run an installation in the foreground until SIGINT or SIGTERM.

    `demo` is called once the database is there and before the processes start.

    Raises:
        ConfigurationError: a port is taken, the database is unreachable, another `up` is
            running …; one clear line each.
    """
    with running(settings, say=_say, demo=demo) as supervisor:
        supervisor.watch()
        _say("stopping")


@contextmanager
def running(
    settings: Settings, *, say: Say, demo: Callable[[Settings], None] | None = None
) -> Generator[Supervisor, None, None]:
    """Yield a ready installation and end all of it afterwards."""
    prepare_home(settings)
    with ExitStack() as stack:
        stack.enter_context(OwnerLock(settings.owner_lock))
        become_subreaper()
        _require_free_port(settings.host, settings.port, "--port")
        _require_free_port("127.0.0.1", settings.dagster_port, "--dagster-port")
        database = stack.enter_context(owned_database(settings, say=say))
        admin_token(settings)
        install_dagster_home(settings)
        if demo is not None:
            demo(settings)
        supervisor = Supervisor(settings, say, database)
        stack.enter_context(_stop_on_signals(supervisor.stopping))
        stack.callback(supervisor.stop)
        supervisor.start()
        supervisor.wait_until_ready()
        _write_state(settings)
        stack.callback(lambda: settings.state_file.unlink(missing_ok=True))
        if not supervisor.stopping.is_set():
            say(_ready_line(settings))
        yield supervisor


def prepare_home(settings: Settings) -> None:
    """Create the home's directories; raises `ConfigurationError` when it cannot be written."""
    try:
        # PostgreSQL's user must be able to pass through the home; what is in it is private.
        settings.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        for directory in (
            settings.results_directory,
            settings.logs_directory,
            settings.dagster_home,
            settings.home / "warehouse",
            settings.runtime_directory,
        ):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The home {settings.home} cannot be written: {error.strerror}",
            hint="Choose another with --home.",
        ) from error


def admin_token(settings: Settings) -> str:
    """Return the admin's token; make and keep one in the home where none is set."""
    if settings.admin_token is not None:
        return settings.admin_token.get_secret_value()
    path = settings.admin_token_file
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"as_{secrets.token_urlsafe(32)}\n")
    return path.read_text(encoding="ascii").strip()


def api_url(settings: Settings) -> str:
    """Return where the API of this installation answers."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    return f"http://{host}:{settings.port}"


def _programs(settings: Settings) -> list[_Program]:
    workspace = str(settings.dagster_home / "workspace.yaml")
    module = [sys.executable, "-m"]
    return [
        _Program("code-server", [*module, "analysis_sandbox.orchestration.code_server"]),
        _Program(
            "run-pool",
            [*module, "analysis_sandbox.orchestration.pool"],
            stop_seconds=settings.drain_seconds + _STOP_SECONDS,
        ),
        _Program(
            "api",
            [
                *module,
                *("uvicorn", "--factory", "api.app:application", "--no-access-log"),
                *("--host", settings.host, "--port", str(settings.port)),
                *("--timeout-graceful-shutdown", "5"),
            ],
        ),
        _Program(
            "dagster-webserver",
            [
                *module,
                *("dagster_webserver", "--host", "127.0.0.1"),
                *("--port", str(settings.dagster_port), "--workspace", workspace),
            ],
        ),
        _Program("dagster-daemon", [*module, "dagster._daemon", "run", "--workspace", workspace]),
    ]


def _readiness(settings: Settings) -> tuple[bool, str]:
    try:
        with urlopen(f"{api_url(settings)}/readyz", timeout=5) as answer:  # noqa: S310
            return answer.status == 200, ""
    except HTTPError as error:
        return False, error.read().decode("utf-8", "replace")[:500]
    except (URLError, OSError) as error:
        return False, f"the API does not answer ({error})"


def _require_free_port(host: str, port: int, option: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on {host}:{port}: {error.strerror}",
                hint=f"Choose another port with {option}.",
            ) from error


@contextmanager
def _stop_on_signals(stopping: Event) -> Generator[None, None, None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _end_adopted(known: set[int]) -> None:
    """End the orphans this process adopted: warehouses, and whatever a killed process left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        for pid in _adopted(known):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        while _adopted(known) and time.monotonic() < deadline:
            reap_orphans(known)
            time.sleep(0.02)


def _adopted(known: set[int]) -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    pids = {int(pid) for task in tasks for pid in task.read_text(encoding="ascii").split()}
    return pids - known


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _write_state(settings: Settings) -> None:
    temporary = settings.state_file.with_suffix(".tmp")
    temporary.write_text(json.dumps(_urls(settings) | {"pid": os.getpid()}), encoding="utf-8")
    temporary.replace(settings.state_file)


def _urls(settings: Settings) -> dict[str, str | int]:
    return {
        "url": api_url(settings),
        "dagster_url": f"http://127.0.0.1:{settings.dagster_port}",
    }


def _ready_line(settings: Settings) -> str:
    urls = _urls(settings)
    return (
        f"ready  API {urls['url']}  MCP {urls['url']}/mcp  Dagster {urls['dagster_url']}  "
        f"admin token in {settings.admin_token_file}"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
