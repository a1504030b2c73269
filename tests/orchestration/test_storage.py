"""Dagster's storage in our PostgreSQL: connections, durability of order, and finding the server."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import dagster as dg
import psycopg
import pytest

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.orchestration.instance import open_instance
from analysis_sandbox.settings import Settings
from tests.orchestration.conftest import remove_cluster
from tests.orchestration.processes import eventually, is_alive
from tests.orchestration.runs import Runs

Status = dg.DagsterRunStatus


@pytest.fixture
def connections(postgres: EmbeddedPostgres) -> Iterator[psycopg.Connection[tuple[int]]]:
    with psycopg.connect(postgres.url("dagster", driver="libpq"), autocommit=True) as connection:
        yield connection


def backends(connection: psycopg.Connection[tuple[int]]) -> set[int]:
    rows = connection.execute("select pid from pg_stat_activity where datname = 'dagster'")
    return {row[0] for row in rows.fetchall()}


def test_statements_share_a_few_connections(
    settings: Settings, connections: psycopg.Connection[tuple[int]]
) -> None:
    before = backends(connections)
    with open_instance(settings) as instance:

        def ask(_: int) -> None:
            assert instance.get_run_by_id(str(uuid4())) is None

        with ThreadPoolExecutor(16) as threads:
            list(threads.map(ask, range(200)))
        opened = backends(connections) - before
        assert 0 < len(opened) <= 10

    eventually(lambda: not backends(connections) & opened)


def test_a_connection_that_the_server_closed_is_replaced_unseen(
    settings: Settings, connections: psycopg.Connection[tuple[int]]
) -> None:
    with open_instance(settings) as instance:
        before = backends(connections)
        assert instance.get_run_by_id(str(uuid4())) is None
        ours = backends(connections) - before
        for pid in ours:
            connections.execute("select pg_terminate_backend(%s)", (pid,))
        eventually(lambda: not backends(connections) & ours)

        assert instance.get_run_by_id(str(uuid4())) is None


def test_one_of_many_takes_a_queued_run(runs: Runs) -> None:
    run = runs.create(runs.versions.save("contended"))
    assert runs.storage.change_status(run.run_id, Status.NOT_STARTED, Status.QUEUED)

    def claim(_: int) -> bool:
        return runs.storage.change_status(run.run_id, Status.QUEUED, Status.STARTING)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(claim, range(8))) == 1
    runs.instance.delete_run(run.run_id)


def test_without_up_the_database_is_started_for_whoever_needs_it(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("alone")
    settings = Settings(home=home)
    monkeypatch.setenv("ANALYSIS_SANDBOX_HOME", str(home))

    with open_instance(settings) as instance:
        assert instance.get_runs_count() == 0

    keeper = int((home / "postgresql-owner.lock").read_text(encoding="ascii").split()[1])
    os.kill(keeper, signal.SIGTERM)
    eventually(lambda: not is_alive(keeper))
    remove_cluster(home)


def test_the_settings_that_open_an_instance_win_over_the_environment(
    settings: Settings, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYSIS_SANDBOX_HOME", str(tmp_path / "elsewhere"))

    with open_instance(settings) as instance:
        assert instance.get_runs_count() >= 0

    assert not (tmp_path / "elsewhere").exists()
