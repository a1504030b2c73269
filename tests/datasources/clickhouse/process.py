"""Starts the ClickHouse server of the tests in a process of its own, and asks it directly."""

import contextlib
import http.client
import json
import select
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSWORD = "s3cr3t-Passw0rd"
_START_SECONDS = 120
_REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class ClickHouse:
    """A running server, and the directory it may write files to."""

    directory: Path
    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        """The URL of a user whose profile allows everything."""
        return self.url_of("tester")

    def url_of(self, user: str, password: str = PASSWORD) -> str:
        """Return the URL of another user."""
        return f"clickhouse://{user}:{password}@127.0.0.1:{self.port}/default"

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement without what is tested."""
        return run(self.port, sql)


def run(port: int, sql: str) -> list[tuple[Any, ...]]:
    """Run a statement without what is tested, and return its rows."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        token = b64encode(f"tester:{PASSWORD}".encode()).decode()
        path = "/?default_format=JSONCompactEachRow&query_id=outside"
        connection.request("POST", path, sql.encode(), {"Authorization": f"Basic {token}"})
        response = connection.getresponse()
        body = response.read().decode()
        assert response.status == 200, body
        return [tuple(json.loads(line)) for line in body.splitlines()]


def hang_up(port: int) -> None:
    """Make the server end every connection there is."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/hang-up")
        assert connection.getresponse().status == 200


@contextlib.contextmanager
def running_clickhouse(*options: str) -> Generator[ClickHouse]:
    """Start a server; end it and remove what it wrote."""
    directory = Path(tempfile.mkdtemp(prefix="datasources-clickhouse-"))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.datasources.clickhouse.server",
            str(directory / "data"),
            *options,
        ],
        cwd=_REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
        line = process.stdout.readline() if readable else ""
        assert line.strip(), "the server did not start"
        yield ClickHouse(directory=directory, port=int(line), process=process)
    finally:
        # The engine may hang, so that it is not asked.
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(directory, ignore_errors=True)
