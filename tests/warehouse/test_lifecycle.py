"""How the process that owns a project's file begins and ends."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from analysis_sandbox.errors import (
    CancelledError,
    ConfigurationError,
    QueryError,
    UnavailableError,
)
from analysis_sandbox.processes import has_owner
from analysis_sandbox.warehouse.client import WarehouseSession
from tests.warehouse.client_process import ENDLESS
from tests.warehouse.conftest import Eventually, Home


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def in_background(session: WarehouseSession, sql: str) -> tuple[threading.Thread, list[Exception]]:
    errors: list[Exception] = []

    def work() -> None:
        try:
            session.query(sql, max_bytes=1000)
        except (UnavailableError, CancelledError) as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, errors


def is_working(pid: int) -> bool:
    """Tell whether a thread of the process is on the processor right now."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return any(
        stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "R" for stat in stats
    )


def test_many_clients_at_once_start_one_process(home: Home) -> None:
    clients = [home.client("race") for _ in range(8)]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()

    outputs = [client.communicate()[0] for client in clients]

    assert outputs == ["no children\n"] * 8
    assert home.log().count("ready on") == 1
    with home.session() as session:
        assert session.query("SELECT count(*) AS n FROM seen", max_bytes=100) == '[{"n":8}]'


def test_the_process_is_nobody_s_child_and_keeps_its_files_to_itself(home: Home) -> None:
    with home.session():
        pid = home.pid()
        assert parent_of(pid) != os.getpid()
        assert os.getsid(pid) != os.getsid(0)
        files = [
            Path(os.readlink(entry))
            for entry in Path(f"/proc/{pid}/fd").iterdir()
            if entry.is_symlink()
        ]

    directory = home.settings.warehouse_directory("default")
    assert directory / "default.duckdb" in files
    modes = {path.name: path.stat().st_mode & 0o077 for path in directory.iterdir()}
    assert modes == dict.fromkeys(modes, 0)
    assert home.settings.warehouse_socket("default").stat().st_mode & 0o077 == 0


def test_sigterm_ends_it_gracefully(home: Home) -> None:
    session, idle = home.session(), home.session()
    session.execute("CREATE TABLE t AS SELECT 1 AS a; BEGIN; INSERT INTO t VALUES (2)")
    home.kill(signal.SIGTERM)
    home.wait_for_end()

    assert not home.settings.warehouse_socket("default").exists()
    assert {path.name for path in home.settings.warehouse_directory("default").iterdir()} == {
        "default.duckdb",
        "default.lock",
        "start.lock",
    }
    assert idle.query("SELECT * FROM t", max_bytes=100) == '[{"a":1}]'
    with pytest.raises(UnavailableError, match="open transaction rolled back"):
        session.execute("COMMIT")
    session.execute("INSERT INTO t VALUES (3)")
    assert idle.query("SELECT * FROM t", max_bytes=100) == '[{"a":1},{"a":3}]'
    session.close()
    idle.close()


def test_sigterm_interrupts_what_runs_and_says_so(home: Home, eventually: Eventually) -> None:
    with home.session() as session:
        thread, errors = in_background(session, ENDLESS)
        eventually(lambda: is_working(home.pid()))
        home.kill(signal.SIGTERM)
        thread.join(30)
        home.wait_for_end()

    assert [str(error) for error in errors] == [
        "The warehouse is stopping; the call was rolled back"
    ]


def test_clients_that_meet_an_ending_process_get_the_next_one(home: Home) -> None:
    for number in range(5):
        with home.session() as session:
            session.execute(f"CREATE TABLE t{number} (a INT)")
        home.kill(signal.SIGTERM)

    with home.session() as session:
        assert len(session.tables()) == 5


def test_it_ends_when_it_had_no_session_for_a_while(home: Home) -> None:
    home.configure(warehouse_idle_seconds=0.2)
    with home.session() as session:
        session.execute("CREATE TABLE t AS SELECT 1 AS a")
    home.wait_for_end()

    assert not home.settings.warehouse_socket("default").exists()
    with home.session() as session:
        assert session.tables() == ["t"]


def test_a_session_keeps_it_alive_however_idle(home: Home) -> None:
    home.configure(warehouse_idle_seconds=0.05)
    with home.session() as session:
        pid = home.pid()
        with home.session("other"):
            pass
        home.wait_for_end("other")

        assert session.tables() == []
        assert home.pid() == pid


@pytest.mark.parametrize("owner_is_first", [True, False])
def test_it_ends_with_the_owner_of_the_home(home: Home, owner_is_first: bool) -> None:
    if not owner_is_first:
        home.session().close()
    owner = home.client("own")
    assert owner.stdout is not None
    assert owner.stdout.readline() == "owner\n"
    assert has_owner(home.settings.owner_lock)

    with home.session() as session:
        session.execute("CREATE TABLE t AS SELECT 1 AS a")
        owner.kill()
        home.wait_for_end()

    with home.session() as session:
        assert session.tables() == ["t"]


def test_projects_know_nothing_of_each_other(home: Home) -> None:
    with home.session("first") as first, home.session("second") as second:
        first.execute("CREATE TABLE secret AS SELECT 42 AS a")

        assert home.pid("first") != home.pid("second")
        assert second.tables() == []
        for name in ("first.main.secret", "first.secret", "main.secret"):
            with pytest.raises(QueryError):
                second.query(f"SELECT * FROM {name}", max_bytes=100)
        databases = "SELECT DISTINCT catalog_name AS c FROM information_schema.schemata"
        names = {row["c"] for row in json.loads(second.query(databases, max_bytes=1000))}
        assert "first" not in names


def test_a_file_that_is_no_database_is_a_configuration_error(home: Home) -> None:
    directory = home.settings.warehouse_directory("default")
    directory.mkdir(parents=True)
    (directory / "default.duckdb").write_text("garbage" * 1000, encoding="utf-8")

    with pytest.raises(ConfigurationError, match="cannot be opened"):
        home.session()


def test_a_file_that_another_program_has_open_is_named(home: Home) -> None:
    home.session().close()
    home.kill(signal.SIGTERM)
    home.wait_for_end()
    file = home.settings.warehouse_directory("default") / "default.duckdb"
    code = f"import duckdb; c = duckdb.connect({str(file)!r}); print('open', flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UnavailableError, match=rf"Another program .*\(PID {other.pid}\)"):
            home.session()
        other.communicate("\n")

    home.session().close()


def test_a_directory_of_sockets_that_others_can_write_to_is_refused(home: Home) -> None:
    home.settings.runtime_directory.mkdir(parents=True)
    home.settings.runtime_directory.chmod(0o777)

    with pytest.raises(ConfigurationError, match="writable by others"):
        home.session()
