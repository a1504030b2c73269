"""What the catalogue does while PostgreSQL dies, restarts, or its answer is lost on the way."""

import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.incident_records import AuditEntry
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.catalogue.records import LogLine, NewAnalysis, RunFinish, VersionRecord
from analysis_sandbox.errors import ConflictError, UnavailableError
from analysis_sandbox.settings import Settings
from tests.catalogue.making import eventually, new_run, new_version, run_start
from tests.catalogue.proxy import LossyWire, lossy_wire


@pytest.fixture(scope="module")
def own_home(new_home: Callable[[], Path]) -> Path:
    return new_home()


@pytest.fixture
def server(own_home: Path) -> Generator[EmbeddedPostgres]:
    """A PostgreSQL of this module's own, to be killed."""
    server = EmbeddedPostgres(Settings(home=own_home))
    server.start()
    migrate(server.url("catalogue", driver="psycopg"))
    yield server
    server.stop()


@pytest.fixture
def wire(postgres_home: Path, tmp_path: Path) -> Generator[LossyWire]:
    with lossy_wire(tmp_path, postgres_home / "pg") as wire:
        yield wire


@pytest.fixture
def far_catalogue(wire: LossyWire, tmp_path: Path) -> Generator[Catalogue]:
    """The shared catalogue at the other end of the lossy wire."""
    assert wire.lost == 0
    catalogue = Catalogue(f"postgresql+psycopg://postgres@/catalogue?host={tmp_path}")
    yield catalogue
    catalogue.close()


def _kill(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: not server.is_running(), "the server is dead")


def _wait_for_more(acknowledged: list[str]) -> None:
    enough = len(acknowledged) + 20
    eventually(lambda: len(acknowledged) > enough, "runs finish")


def test_nothing_acknowledged_is_lost_when_postgresql_is_killed(server: EmbeddedPostgres) -> None:
    catalogue = Catalogue(server.url("catalogue", driver="psycopg"), pool_size=4)
    version = catalogue.analyses.create(NewAnalysis("default", "loaded", new_version()))
    acknowledged: list[str] = []
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            run, created = catalogue.runs.insert(new_run(version, idempotency_key=str(uuid4())))
            assert created
            run_id = str(run.id)
            catalogue.runs.start(run_start(version, run_id=run_id))
            line = LogLine("info", "working", datetime.now(UTC))
            assert catalogue.runs.finish(RunFinish(run_id=run_id, status="completed", log=[line]))
            acknowledged.append(run_id)

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        try:
            for _ in range(3):
                _wait_for_more(acknowledged)
                _kill(server)
                eventually(server.ensure_running, "it runs again")
            _wait_for_more(acknowledged)
        finally:
            ended.set()
        for worker in workers:
            worker.result(timeout=60)

    runs = catalogue.runs.list("default", version.name, limit=1_000_000)
    assert {str(run.id) for run in runs} == set(acknowledged)
    assert {run.status for run in runs} == {"completed"}
    assert [len(catalogue.runs.logs(run_id)) for run_id in acknowledged[-50:]] == [1] * 50
    catalogue.close()


def test_a_finish_waits_while_postgresql_is_away(server: EmbeddedPostgres) -> None:
    catalogue = Catalogue(server.url("catalogue", driver="psycopg"))
    version = catalogue.analyses.create(NewAnalysis("default", "waiting", new_version()))
    run = catalogue.runs.start(run_start(version))
    _kill(server)

    with ThreadPoolExecutor(1) as pool:
        finish = pool.submit(
            catalogue.runs.finish, RunFinish(run_id=str(run.id), status="completed")
        )
        assert not finish.done()
        server.ensure_running()
        assert finish.result(timeout=30)

    assert catalogue.runs.get("default", str(run.id)).status == "completed"
    catalogue.close()


def test_a_database_that_stays_away_is_unavailable(server: EmbeddedPostgres) -> None:
    catalogue = Catalogue(server.url("catalogue", driver="psycopg"), patience_seconds=0.3)
    catalogue.ping()
    server.stop()

    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        catalogue.analyses.list("default")
    with pytest.raises(UnavailableError):
        catalogue.ping()

    assert caught.value.transient
    catalogue.close()


def test_one_killed_connection_is_replaced_unseen(
    catalogue: Catalogue, analysis: VersionRecord, plain_url: str
) -> None:
    catalogue.ping()
    with psycopg.connect(plain_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND datname = 'catalogue' AND backend_type = 'client backend'"
        )

    catalogue.ping()
    assert catalogue.analyses.get(analysis.project, analysis.name).version == 1


def test_a_finish_whose_answer_is_lost_still_counts_as_the_first(
    far_catalogue: Catalogue, wire: LossyWire, analysis: VersionRecord
) -> None:
    run = far_catalogue.runs.start(run_start(analysis))
    wire.lose = b"UPDATE analysis_runs AS run SET"
    line = LogLine("info", "done", datetime.now(UTC))

    assert far_catalogue.runs.finish(
        RunFinish(run_id=str(run.id), status="completed", log=[line, line])
    )

    assert wire.lost == 1
    assert len(far_catalogue.runs.logs(str(run.id))) == 2
    assert not far_catalogue.runs.finish(RunFinish(run_id=str(run.id), status="failed"))


def test_an_insert_whose_answer_is_lost_is_still_the_callers_to_launch(
    far_catalogue: Catalogue, wire: LossyWire, analysis: VersionRecord
) -> None:
    wire.lose = b"INSERT INTO analysis_runs"
    new = new_run(analysis, idempotency_key="lost")

    run, created = far_catalogue.runs.insert(new)

    assert (wire.lost, str(run.id), created) == (1, new.run_id, True)
    assert len(far_catalogue.runs.list(analysis.project)) == 1


def test_log_lines_whose_answer_is_lost_are_stored_once(
    far_catalogue: Catalogue, wire: LossyWire, analysis: VersionRecord
) -> None:
    run = far_catalogue.runs.start(run_start(analysis))
    wire.lose = b"INSERT INTO analysis_run_logs"

    far_catalogue.runs.append_log(str(run.id), [LogLine("info", "once", datetime.now(UTC))])

    assert wire.lost == 1
    assert [line.message for line in far_catalogue.runs.logs(str(run.id))] == ["once"]


def test_a_save_whose_answer_is_lost_is_one_version(
    far_catalogue: Catalogue, wire: LossyWire, project: str
) -> None:
    wire.lose = b"COMMIT"
    created = far_catalogue.analyses.create(NewAnalysis(project, "lost", new_version()))
    wire.lose = b"COMMIT"
    second = far_catalogue.analyses.add_version(project, "lost", new_version(based_on=1))

    assert wire.lost == 2
    assert far_catalogue.analyses.versions(created.analysis_id) == [second, created]
    with pytest.raises(ConflictError):
        far_catalogue.analyses.create(NewAnalysis(project, "lost", new_version()))


def test_tokens_crashes_and_audit_entries_whose_answer_is_lost_are_stored_once(
    far_catalogue: Catalogue, wire: LossyWire, analysis: VersionRecord
) -> None:
    project = analysis.project
    run = far_catalogue.runs.start(run_start(analysis))
    wire.lose = b"INSERT INTO api_tokens"
    _, secret = far_catalogue.tokens.create(project, "ada", "viewer")
    wire.lose = b"INSERT INTO audit_log"
    far_catalogue.audit.record(AuditEntry(project, "ada", "token.create", "ada"))
    wire.lose = b"INSERT INTO analysis_crashes"
    crash_id = far_catalogue.crashes.record(str(run.id), {"reason": "killed"})
    wire.lose = b"INSERT INTO crash_recovery_attempts"
    recovery_id = far_catalogue.crashes.begin_recovery(crash_id, "retry")

    assert wire.lost == 4
    assert far_catalogue.tokens.verify(secret) is not None
    assert len(far_catalogue.tokens.list(project)) == 1
    assert len(far_catalogue.audit.list(project)) == 1
    assert [one.id for one in far_catalogue.crashes.list(project)] == [crash_id]
    assert [one.id for one in far_catalogue.crashes.recoveries(crash_id)] == [recovery_id]
