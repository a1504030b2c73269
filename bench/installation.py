"""A running `up` on a home of its own, driven from outside; the tests use it too."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")

POLL_SECONDS = 0.005
START_SECONDS = 150
TRIVIAL = "export default { title: 'Trivial', run: async () => ({ ok: 1 }) };"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(slots=True)
class Installation:
    """One home and the `up` that runs on it, which may be started and ended again and again."""

    home: Path
    port: int = field(default_factory=free_port)
    dagster_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict[str, str])
    process: subprocess.Popen[str] | None = None
    printed: list[str] = field(default_factory=list[str])
    api: httpx.Client = field(default_factory=httpx.Client)

    @property
    def dagster_url(self) -> str:
        """Where Dagster's UI answers."""
        return f"http://127.0.0.1:{self.dagster_port}"

    @property
    def pid(self) -> int:
        """The pid of `up`."""
        assert self.process is not None
        return self.process.pid

    def start(self, *, token: str | None = None) -> Self:
        """Start `up` and wait for its ready line; `token` where the home does not have it."""
        self.process = self.spawn()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            if line.startswith("ready"):
                break
        else:
            raise RuntimeError(f"`up` ended with {self.process.wait()}: {''.join(self.printed)}")
        if token is None:
            token = (self.home / "admin-token").read_text(encoding="ascii").strip()
        self.api = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
        )
        return self

    def spawn(self, *options: str) -> subprocess.Popen[str]:
        """Start an `up` on this home without waiting for anything."""
        command = [*CLI, "up", "--home", str(self.home), "--port", str(self.port)]
        command += ["--dagster-port", str(self.dagster_port), *options]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment},
        )

    def stop(self, number: int = signal.SIGINT, *, seconds: float = 90) -> int:
        """End `up` and return its exit code."""
        self.api.close()
        process, self.process = self.process, None
        assert process is not None
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(seconds)
        finally:
            process.kill()
            assert process.stdout is not None
            process.stdout.close()

    def create(self, name: str, script: str) -> None:
        """Store an analysis."""
        body = {"script_content": script, "metadata": {"name": name}}
        answer = self.api.post("/api/analysis", json=body)
        if answer.is_error:
            raise RuntimeError(f"create {name}: {answer.text}")

    def execute(self, name: str, **parameters: object) -> str:
        """Submit a run and return its id."""
        answer = self.api.post(f"/api/analysis/{name}/execute", json={"parameters": parameters})
        if answer.is_error:
            raise RuntimeError(f"execute {name}: {answer.text}")
        return answer.json()["job_id"]

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job's status."""
        answer = self.api.get(f"/api/analysis/jobs/{job_id}")
        answer.raise_for_status()
        return answer.json()

    def finished(self, job_id: str, *, seconds: float = 120) -> dict[str, Any]:
        """Return a job's status once it ended, however it ended."""
        return until(
            lambda: (
                job if (job := self.job(job_id))["status"] not in ("pending", "running") else None
            ),
            what=f"job {job_id} ends",
            seconds=seconds,
            pause=POLL_SECONDS,
        )

    def run(self, name: str, **parameters: object) -> dict[str, Any]:
        """Run to the end and return the status of a completed job."""
        job = self.finished(self.execute(name, **parameters))
        if job["status"] != "completed":
            raise RuntimeError(f"{name} ended {job['status']}: {job['error']} {job['logs']}")
        return job


CLI = (sys.executable, "-m", "analysis_sandbox.cli.main")


def until(
    condition: Callable[[], T | None], *, what: str, seconds: float, pause: float = 0.02
) -> T:
    """Return what `condition` answers once it is true; raise `TimeoutError` after the bound."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(pause)
    return found


@contextmanager
def home_directory() -> Generator[Path, None, None]:
    """Yield an empty directory whose parents everybody may enter, and remove it afterwards."""
    home = Path(tempfile.mkdtemp(prefix="analysis-sandbox-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        remove_home(home)


def remove_home(home: Path) -> None:
    """Remove a home together with a database that lies elsewhere."""
    cluster = home / "pg"
    if cluster.is_symlink():
        shutil.rmtree(cluster.resolve().parent, ignore_errors=True)
    shutil.rmtree(home)


@contextmanager
def installation() -> Generator[Installation, None, None]:
    """Start an installation in an empty home, yield it ready, and end all of it."""
    with home_directory() as home:
        running = Installation(home)
        try:
            yield running.start()
        finally:
            if running.process is not None:
                running.stop()


def read_state(home: Path) -> dict[str, Any]:
    """Return what a running `up` says of itself."""
    return json.loads((home / "up.json").read_text(encoding="utf-8"))
