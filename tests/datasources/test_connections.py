"""Datasources are opened at first use, kept, and reopened when they are reconfigured."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from analysis_sandbox.datasources.base import ArrowReadable, Datasource
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import CancelledError, NotFoundError, UnavailableError
from tests.datasources.test_configuration import rewrite

FILE = """\
projects:
  default:
    first: {type: sqlite, path: first.db}
    second: {type: sqlite, path: second.db, access: read_write}
    away: {type: postgresql, url: "postgresql://nobody@127.0.0.1:1/none"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for name in ("first", "second"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection:
            connection.execute(f"create table t as select '{name}' as name")
            connection.commit()
    path = tmp_path / "datasources.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture
def connections(file: Path) -> Iterator[Connections]:
    with Connections(DatasourceConfigurations(file)) as connections:
        yield connections


def name_in(datasource: Datasource) -> str:
    text = datasource.operations()["query"]("select name from t")
    assert isinstance(text, str)
    return json.loads(text)[0]["name"]


def test_a_datasource_is_opened_once(connections: Connections) -> None:
    with ThreadPoolExecutor(8) as threads:
        opened = set(threads.map(connections.get, ["default"] * 50, ["first"] * 50))

    assert len(opened) == 1
    assert name_in(opened.pop()) == "first"


def test_operations_are_told_without_connecting(connections: Connections) -> None:
    assert connections.operations("default") == {
        "first": {"type": "sqlite", "operations": ["query"]},
        "second": {"type": "sqlite", "operations": ["query", "execute", "insert"]},
        "away": {"type": "postgresql", "operations": ["query"]},
    }
    assert connections.operations("nobody") == {}


def test_an_unknown_name_says_what_is_known(connections: Connections) -> None:
    with pytest.raises(NotFoundError) as caught:
        connections.get("default", "fisrt")

    assert caught.value.message == "Datasource 'fisrt' not found"
    assert caught.value.hint == "Did you mean 'first'? Configured: away, first, second."


def test_a_datasource_of_another_project_is_unknown(connections: Connections) -> None:
    with pytest.raises(NotFoundError, match="Datasource 'first' not found"):
        connections.get("other", "first")


def test_an_unknown_name_tells_of_a_broken_file(connections: Connections, file: Path) -> None:
    assert name_in(connections.get("default", "first")) == "first"
    rewrite(file, "projects: {default: {first: {type: sqlite}}}")

    with pytest.raises(NotFoundError) as caught:
        connections.get("default", "third")

    assert "default.first.path: Field required" in (caught.value.hint or "")
    assert name_in(connections.get("default", "first")) == "first"


def test_a_reconfigured_datasource_is_reopened_and_the_others_are_kept(
    connections: Connections, file: Path
) -> None:
    first, second = (connections.get("default", name) for name in ("first", "second"))
    assert (name_in(first), name_in(second)) == ("first", "second")
    revision = connections.revision

    rewrite(file, FILE.replace("path: first.db", "path: second.db"))

    assert name_in(connections.get("default", "first")) == "second"
    assert connections.get("default", "second") is second
    assert connections.revision == revision + 1
    with pytest.raises(UnavailableError, match="reconfigured"):
        name_in(first)


def test_a_reconfiguration_lets_a_running_statement_end(
    connections: Connections, file: Path
) -> None:
    first = connections.get("default", "first")
    assert isinstance(first, ArrowReadable)
    with first.read_arrow("select name from t") as reader:
        rewrite(file, FILE.replace("path: first.db", "path: second.db"))
        assert name_in(connections.get("default", "first")) == "second"
        assert reader.read_all().to_pylist() == [{"name": "first"}]


def test_a_removed_datasource_is_gone(connections: Connections, file: Path) -> None:
    connections.get("default", "first")

    rewrite(file, FILE.replace("    first:", "    renamed:"))

    with pytest.raises(NotFoundError):
        connections.get("default", "first")
    assert name_in(connections.get("default", "renamed")) == "first"


def test_one_that_is_away_does_not_disturb_the_others(connections: Connections) -> None:
    with pytest.raises(UnavailableError):
        name_in(connections.get("default", "away"))

    assert name_in(connections.get("default", "first")) == "first"


def test_cancel_all_stops_every_datasource(connections: Connections) -> None:
    endless = (
        "with recursive t (x) as (select 1 union all select x + 1 from t) select count(*) from t"
    )
    query = connections.get("default", "first").operations()["query"]

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(query, endless)
        while not running.done():
            connections.cancel_all()

    assert isinstance(running.exception(), CancelledError)


def test_what_is_used_after_closing_opens_anew(connections: Connections) -> None:
    before = connections.get("default", "first")
    connections.close()

    after = connections.get("default", "first")
    assert after is not before
    assert name_in(after) == "first"
