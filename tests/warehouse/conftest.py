"""A home of its own for every test, and real warehouse processes that end with the test."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.warehouse.client import Warehouse, WarehouseSession
from analysis_sandbox.warehouse.tables import quoted

CLIENT = Path(__file__).parent / "client_process.py"
Eventually = Callable[[Callable[[], object]], None]


@dataclass
class Home:
    """One installation's home and what the tests do with it."""

    settings: Settings
    children: list["subprocess.Popen[str]"] = field(default_factory=list["subprocess.Popen[str]"])

    def configure(self, **values: float) -> None:
        """Write config.toml, which the warehouse process reads too."""
        lines = [f"{name} = {value}" for name, value in values.items()]
        (self.settings.home / "config.toml").write_text("\n".join(lines), encoding="utf-8")
        self.settings = load_settings(self.settings.home)

    def warehouse(self, project: str = "default") -> Warehouse:
        return Warehouse(self.settings, project)

    def session(
        self, project: str = "default", *, timeout_ms: int | None = 60_000
    ) -> WarehouseSession:
        return self.warehouse(project).session(memory_mb=512, timeout_ms=timeout_ms)

    def owner_file(self, project: str = "default") -> Path:
        return self.settings.warehouse_directory(project) / f"{project}.lock"

    def pid(self, project: str = "default") -> int:
        return int(self.owner_file(project).read_text(encoding="ascii"))

    def kill(self, number: signal.Signals, project: str = "default") -> None:
        os.kill(self.pid(project), number)

    def wait_for_end(self, project: str = "default") -> None:
        """Block until the process has let go of its lock."""
        with self.owner_file(project).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    def log(self, project: str = "default") -> str:
        path = self.settings.logs_directory / f"warehouse-{project}.log"
        return path.read_text(encoding="utf-8")

    def client(self, *arguments: object) -> "subprocess.Popen[str]":
        """Start a client process; it prints what it has reached, line by line."""
        child = subprocess.Popen(
            [sys.executable, str(CLIENT), str(self.settings.home), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.children.append(child)
        return child


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A fresh home, for tests about processes."""
    with opened_home(tmp_path_factory) as home:
        yield home


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The module's home, for tests about what is in a warehouse."""
    with opened_home(tmp_path_factory) as home:
        yield home


@pytest.fixture
def session(shared: Home) -> Iterator[WarehouseSession]:
    """A session with the module's warehouse, which is empty before the test."""
    with shared.session() as session:
        yield session
    with shared.session() as session:
        for kind in ("view", "table"):
            names = f"SELECT {kind}_name AS n FROM duckdb_{kind}s() WHERE NOT internal"
            for row in json.loads(session.query(names, max_bytes=1 << 20)):
                session.execute(f"DROP {kind} {quoted(row['n'])}")


@contextlib.contextmanager
def opened_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Home, None, None]:
    home = Home(load_settings(tmp_path_factory.mktemp("h")))
    try:
        yield home
    finally:
        for child in home.children:
            child.kill()
            child.communicate()
        for lock in (home.settings.home / "warehouse").glob("*/*.lock"):
            if lock.name != "start.lock" and (text := lock.read_text(encoding="ascii")):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(text), signal.SIGTERM)
                home.wait_for_end(lock.stem)
        shutil.rmtree(home.settings.runtime_directory, ignore_errors=True)


@pytest.fixture
def eventually() -> Eventually:
    """Wait, bounded, until a condition holds."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            threading.Event().wait(0.01)

    return wait
