"""The real processes that tests start, and patience with them."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Self, TypeVar

from analysis_sandbox.orchestration.pool_client import PoolAwayError, PoolClient, PoolStatus
from analysis_sandbox.settings import Settings

T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 20.0) -> T:
    """Return the first true answer; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer or time.monotonic() > deadline:
            assert answer, f"not in {seconds} s: {answer!r}"
            return answer
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Process:
    """A module of ours or of Dagster's, run as `up` runs it, with a log in the home."""

    def __init__(self, settings: Settings, name: str, *arguments: str) -> None:
        self.settings = settings
        self.log = settings.logs_directory / f"{name}.log"
        self._command = [sys.executable, "-m", *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._launch()
        self._wait(self.is_ready)

    def _launch(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.settings.child_environment(),
                cwd=self.settings.home,
                start_new_session=True,
            )

    def _wait(self, is_ready: Callable[[], bool]) -> None:
        def look() -> bool:
            assert self._process is not None
            code = self._process.poll()
            assert code is None, f"exit code {code}: {self.log.read_text('utf-8')[-3000:]}"
            return is_ready()

        try:
            eventually(look, seconds=60)
        except BaseException:
            self.kill()
            raise

    def run(self) -> int:
        """Start it and wait for its end."""
        self._launch()
        return self.wait()

    def stop(self) -> int:
        """End it as `up` does; return its exit code."""
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def terminate(self) -> None:
        assert self._process is not None
        self._process.terminate()

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(30)

    def is_ready(self) -> bool:
        return True


class PoolProcess(Process):
    """The run pool."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "run-pool", "analysis_sandbox.orchestration.pool")
        self.client = PoolClient(settings.pool_socket)

    def is_ready(self) -> bool:
        status = self.status()
        return status is not None and status.ready == self.settings.run_workers

    def status(self) -> PoolStatus | None:
        try:
            return self.client.status()
        except PoolAwayError:
            return None

    def start_without_workers(self) -> None:
        """Start it and wait only until it listens."""
        self._launch()
        self._wait(lambda: self.status() is not None)

    def ensure_running(self) -> None:
        """Start it again after a test that ended it; wait for workers that one replaces."""
        assert self._process is not None
        if self._process.poll() is not None:
            self._launch()
        self._wait(self.is_ready)
