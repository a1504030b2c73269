"""Stored datasources beside those of the file: which one holds, and when a change is seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.datasources.stored import StoredView
from analysis_sandbox.errors import ConfigurationError, NotFoundError, UnavailableError
from tests.datasources.note_type import NoteConfig, note_type

TOKEN = "canary7secret"


@dataclass(frozen=True)
class Entry:
    """An entry as a catalogue gives it."""

    name: str = "notes"
    project: str = "default"
    type: str = "notes"
    config: dict[str, Any] = field(default_factory=lambda: {"address": "https://a.example"})
    secrets: dict[str, Any] = field(default_factory=dict[str, Any])
    problem: str | None = None


class Shelf:
    """Where entries are, with a count of how often it was asked."""

    def __init__(self) -> None:
        self.entries_now: list[Entry] = []
        self.number = 0
        self.is_away = False
        self.asked = 0
        self.patience: list[bool] = []

    def put(self, *entries: Entry) -> None:
        self.entries_now = list(entries)
        self.number += 1

    def revision(self, *, patient: bool) -> int:
        self.asked += 1
        self.patience.append(patient)
        if self.is_away:
            raise UnavailableError("The shelf is away")
        return self.number

    def entries(self) -> Sequence[Entry]:
        return self.entries_now


class Clock:
    """The time, as a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> Iterator[None]:
    with note_type(tmp_path / "packages"):
        yield


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "datasources.yaml"


@pytest.fixture
def configurations(file: Path, shelf: Shelf, clock: Clock) -> DatasourceConfigurations:
    return DatasourceConfigurations(
        file, stored=StoredView(shelf, directory=file.parent, clock=clock)
    )


@pytest.fixture
def connections(configurations: DatasourceConfigurations) -> Iterator[Connections]:
    with Connections(configurations) as connections:
        yield connections


def test_a_stored_datasource_is_used_like_one_of_the_file(
    connections: Connections, shelf: Shelf
) -> None:
    shelf.put(Entry(secrets={"login": {"token": TOKEN}, "key": TOKEN}))

    assert connections.operations("default") == {"notes": {"type": "notes", "operations": ["read"]}}
    datasource: Any = connections.get("default", "notes")
    assert datasource.config.login.token.get_secret_value() == TOKEN
    assert connections.operations("other") == {}


def test_the_file_wins_where_both_have_a_name(
    configurations: DatasourceConfigurations, shelf: Shelf, file: Path
) -> None:
    shelf.put(Entry(), Entry(name="mine"))
    file.write_text(
        "projects: {default: {notes: {type: notes, address: 'https://file.example'}}}",
        encoding="utf-8",
    )

    found = configurations.project("default")

    assert {name: entry.origin for name, entry in found.items()} == {
        "notes": "file",
        "mine": "stored",
    }
    assert isinstance(found["notes"].config, NoteConfig)
    assert found["notes"].config.address == "https://file.example"

    file.unlink()
    assert configurations.project("default")["notes"].origin == "stored"


def test_a_change_closes_only_what_changed(connections: Connections, shelf: Shelf) -> None:
    shelf.put(Entry(), Entry(name="other"))
    first, other = (connections.get("default", name) for name in ("notes", "other"))
    revision = connections.revision

    shelf.put(Entry(config={"address": "https://b.example"}), Entry(name="other"))
    connections.operations("default")

    assert connections.get("default", "notes") is not first
    assert connections.get("default", "other") is other
    assert connections.revision == revision + 1


def test_the_place_is_asked_once_a_second_however_many_calls(
    connections: Connections, shelf: Shelf, clock: Clock
) -> None:
    shelf.put(Entry())
    connections.get("default", "notes")
    asked = shelf.asked

    for _ in range(1000):
        connections.get("default", "notes")
    assert shelf.asked == asked

    clock.now += 1.01
    for _ in range(1000):
        connections.get("default", "notes")
    assert shelf.asked == asked + 1


def test_a_change_is_seen_within_a_second_by_calls_and_at_once_by_a_run_that_begins(
    connections: Connections, shelf: Shelf, clock: Clock
) -> None:
    shelf.put(Entry())
    connections.get("default", "notes")
    shelf.put()

    connections.get("default", "notes")
    clock.now += 1.01
    with pytest.raises(NotFoundError):
        connections.get("default", "notes")

    shelf.put(Entry(name="later"))
    assert list(connections.operations("default")) == ["later"]


def test_what_was_just_added_is_found_without_waiting(
    connections: Connections, shelf: Shelf
) -> None:
    with pytest.raises(NotFoundError):
        connections.get("default", "notes")
    shelf.put(Entry())

    assert connections.get("default", "notes") is not None


def test_while_the_place_is_away_what_was_known_stays_and_nobody_waits(
    connections: Connections, shelf: Shelf, clock: Clock
) -> None:
    shelf.put(Entry())
    connections.get("default", "notes")
    shelf.is_away = True

    for _ in range(10):
        clock.now += 1.01
        connections.get("default", "notes")
    # It is asked ever more seldom, and never waited for.
    assert shelf.asked < 7
    assert shelf.patience == [True] + [False] * (shelf.asked - 1)

    shelf.is_away = False
    shelf.put()
    clock.now += 31
    with pytest.raises(NotFoundError):
        connections.get("default", "notes")


def test_a_place_that_never_answered_is_no_unknown_datasource(
    connections: Connections, shelf: Shelf
) -> None:
    shelf.is_away = True

    with pytest.raises(UnavailableError):
        connections.get("default", "notes")


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Entry(name="broken", problem="Its secrets were stored with another key."), "another key"),
        (Entry(name="broken", type="oracle"), "Unknown datasource type 'oracle'"),
        (Entry(name="broken", type="driverless"), "no_such_driver"),
        (Entry(name="broken", config={"adress": "x"}), "address: Field required"),
    ],
)
def test_one_that_cannot_be_used_says_why_and_breaks_no_other(
    connections: Connections, shelf: Shelf, broken: Entry, told: str
) -> None:
    shelf.put(Entry(), broken)

    operations = connections.operations("default")

    assert set(operations) == {"notes", "broken"}
    assert connections.get("default", "notes") is not None
    with pytest.raises(ConfigurationError, match="Datasource 'broken' cannot be used") as refused:
        connections.get("default", "broken")
    assert told in refused.value.message


def test_one_whose_secrets_cannot_be_read_still_tells_its_operations(
    connections: Connections, shelf: Shelf
) -> None:
    shelf.put(Entry(problem="no key"))

    assert connections.operations("default")["notes"]["operations"] == ["read"]


def test_secrets_are_in_no_repr(configurations: DatasourceConfigurations, shelf: Shelf) -> None:
    shelf.put(Entry(secrets={"key": TOKEN, "url": f"https://u:{TOKEN}@h"}))

    assert TOKEN not in repr(configurations.project("default"))
