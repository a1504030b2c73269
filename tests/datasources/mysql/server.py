"""A real MariaDB of our own: made, started on a socket and a free port, ended with the tests."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from tests.datasources.mysql.certificates import write_certificates

MISSING = "MariaDB is missing: `make system` installs mariadb-server-core and mariadb-client-core"


USER = "analyst"
PASSWORD = "s3cr3t-Passw0rd"


@dataclass(frozen=True)
class MariaDB:
    """A running server, and the directory it may write files to."""

    directory: Path
    port: int

    @property
    def socket(self) -> Path:
        return self.directory / "server.sock"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def url(self) -> str:
        """The URL, through the socket, of a user who may do everything."""
        return f"mysql://{USER}:{PASSWORD}@localhost/test?unix_socket={self.socket}"

    def url_of(self, user: str, password: str = "") -> str:
        """Return the URL of another user, over TCP."""
        return f"mysql://{user}:{password}@127.0.0.1:{self.port}/test"

    def run(self, sql: str, database: str = "test") -> list[tuple[Any, ...]]:
        """Run a statement as root, without what is tested."""
        with (
            pymysql.connect(
                unix_socket=str(self.socket),
                user="root",
                database=database,
                autocommit=True,
                ssl_disabled=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return list(cursor.fetchall())


@contextlib.contextmanager
def running_mariadb() -> Generator[MariaDB]:
    """Make and start a server; end it and remove what it wrote."""
    install, daemon = _program("mariadb-install-db"), _program("mariadbd")
    if install is None or daemon is None:
        raise FileNotFoundError(MISSING)
    # A short path: the name of a socket has at most 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="mariadb-", dir="/tmp"))
    server = MariaDB(directory=directory, port=_free_port())
    try:
        _make(install, server)
        with _started(daemon, server):
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def is_installed() -> bool:
    """Tell whether the server, and what makes its tables, are there."""
    return all(map(_program, ("mariadbd", "mariadb-install-db", "my_print_defaults")))


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _make(install: str, server: MariaDB) -> None:
    subprocess.run(
        [
            install,
            "--no-defaults",
            f"--datadir={server.directory / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-name-resolve",
            "--skip-test-db",
            f"--user={_user()}",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (server.directory / "files").mkdir(mode=0o777)
    write_certificates(server.directory, address="127.0.0.1")


@contextlib.contextmanager
def _started(daemon: str, server: MariaDB) -> Generator[None]:
    # No fsync: the data ends with the tests.
    process = subprocess.Popen(
        [
            daemon,
            "--no-defaults",
            f"--datadir={server.directory / 'data'}",
            f"--socket={server.socket}",
            f"--port={server.port}",
            f"--log-error={server.log}",
            f"--user={_user()}",
            "--bind-address=127.0.0.1",
            f"--ssl-cert={server.directory / 'server.pem'}",
            f"--ssl-key={server.directory / 'server.key'}",
            "--skip-name-resolve",
            "--local-infile=ON",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=16M",
            "--max-connections=100",
            "--skip-log-bin",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(server, process)
        server.run("create database test", database="mysql")
        server.run(f"create user {USER}@'%' identified by '{PASSWORD}'")
        server.run(f"grant all on *.* to {USER}@'%' with grant option")
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(server: MariaDB, process: subprocess.Popen[bytes]) -> None:
    while not _answers(server.socket):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
        if process.poll() is not None:
            log = server.log.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"MariaDB did not start: {log[-2000:]}")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _user() -> str:
    # The server refuses to be root unless it is told to.
    return Path("/proc/self").owner()
