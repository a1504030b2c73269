"""Stored datasources: what is kept of them, who reads their secrets, what a rotation does."""

import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.keys import SecretKeys, SecretsUnreadableError
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.catalogue.records import (
    DatasourceChange,
    DatasourceFields,
    NewDatasource,
    StoredDatasource,
)
from analysis_sandbox.catalogue.stored_datasources import StoredDatasources
from analysis_sandbox.errors import ConflictError, NotFoundError, UnavailableError
from analysis_sandbox.settings import Settings

CANARY = "canary7secret"
FIELDS = DatasourceFields(
    access="read_only",
    config={"pool_size": 2, "headers": {}},
    secrets={"url": f"postgresql://u:{CANARY}@h/d", "headers": {"X-Key": CANARY}},
    secret_names=("url", "headers.X-Key"),
)
PLAIN = DatasourceFields(access="read_write", config={"path": "a.db"})


def new(name: str = "crm", fields: DatasourceFields = FIELDS, project: str = "p") -> NewDatasource:
    return NewDatasource(project, name, "postgresql", fields, "ann")


def change(fields: DatasourceFields = PLAIN, **values: Any) -> DatasourceChange:
    return DatasourceChange(fields, changed_by="bob", **values)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """A catalogue of its own: rotations concern every project."""
    url = new_database()
    migrate(url)
    return url


@pytest.fixture
def own(url: str) -> Iterator[Catalogue]:
    catalogue = Catalogue(url)
    yield catalogue
    catalogue.close()


@pytest.fixture
def stored(own: Catalogue, tmp_path: Path) -> StoredDatasources:
    return with_key(own, tmp_path)


def with_key(own: Catalogue, home: Path, key: str | None = None) -> StoredDatasources:
    """The stored datasources as a process with these settings sees them."""
    settings = Settings(home=home, secret_key=SecretStr(key) if key else None)
    return StoredDatasources(own.datasources, SecretKeys(settings))


def only(stored: StoredDatasources) -> StoredDatasource:
    (entry,) = stored.entries()
    return entry


def everything_in_tables(url: str) -> str:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT datasources::text, secrets FROM datasources").fetchall()
    return "".join(text + bytes(sealed or b"").decode("latin-1") for text, sealed in rows)


def test_what_is_stored_comes_back_with_its_secrets(stored: StoredDatasources) -> None:
    record = stored.add(new())

    assert (record.version, record.created_by, record.updated_by) == (1, "ann", "ann")
    assert tuple(record.secret_names) == FIELDS.secret_names
    assert only(stored) == StoredDatasource(
        project="p",
        name="crm",
        type="postgresql",
        config={"pool_size": 2, "headers": {}, "access": "read_only"},
        secrets=FIELDS.secrets,
    )


def test_no_secret_is_in_the_tables_or_in_a_repr(stored: StoredDatasources, url: str) -> None:
    record = stored.add(new())

    assert "X-Key" in everything_in_tables(url)
    said = everything_in_tables(url) + repr(record) + repr(only(stored)) + repr(new())
    assert CANARY not in said


def test_a_key_is_made_at_first_use_for_its_owner_alone(
    stored: StoredDatasources, tmp_path: Path
) -> None:
    stored.add(new("plain", PLAIN))
    assert not (tmp_path / "secret-key").exists()

    stored.add(new())

    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_many_that_make_the_first_key_make_one(own: Catalogue, tmp_path: Path) -> None:
    names = [f"source_{number}" for number in range(6)]

    def add(name: str) -> None:
        with_key(own, tmp_path).add(new(name))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(add, names))

    entries = with_key(own, tmp_path).entries()
    assert {entry.name: entry.problem for entry in entries} == dict.fromkeys(names)


def test_a_name_is_taken_once_in_a_project(stored: StoredDatasources) -> None:
    stored.add(new())

    with pytest.raises(ConflictError, match="'crm' exists already"):
        stored.add(new())
    stored.add(new(project="other"))


def test_a_change_replaces_everything_and_says_who_made_it(stored: StoredDatasources) -> None:
    before = stored.add(new())

    record = stored.change("p", "crm", change())

    assert (record.id, record.version) == (before.id, 2)
    assert (record.created_by, record.updated_by) == ("ann", "bob")
    assert record.updated_at > before.updated_at
    assert (record.access, record.config, record.secrets) == ("read_write", PLAIN.config, None)


def test_a_change_to_an_older_version_is_refused(stored: StoredDatasources) -> None:
    stored.add(new())
    stored.change("p", "crm", change(based_on=1))

    for act in (
        lambda: stored.change("p", "crm", change(based_on=1)),
        lambda: stored.delete("p", "crm", based_on=1),
    ):
        with pytest.raises(ConflictError, match="is at version 2 by now"):
            act()
    stored.delete("p", "crm", based_on=2)


@pytest.mark.parametrize("name", ["nothing", "", "a\0b", "ä"])
def test_what_is_not_there_is_not_found(stored: StoredDatasources, name: str) -> None:
    for act in (
        lambda: stored.get("p", name),
        lambda: stored.change("p", name, change()),
        lambda: stored.delete("p", name),
    ):
        with pytest.raises(NotFoundError):
            act()


def test_every_change_raises_the_revision(stored: StoredDatasources) -> None:
    revisions = [stored.revision()]
    for act in (
        lambda: stored.add(new()),
        lambda: stored.change("p", "crm", change(FIELDS)),
        stored.rotate,
        lambda: stored.delete("p", "crm"),
    ):
        act()
        revisions.append(stored.revision())

    assert revisions == sorted(set(revisions))


def test_another_key_spoils_only_what_was_stored_with_it(
    stored: StoredDatasources, own: Catalogue, tmp_path: Path
) -> None:
    stored.add(new())
    stored.add(new("plain", PLAIN))
    (tmp_path / "secret-key").write_text(Fernet.generate_key().decode(), encoding="ascii")
    stored.add(new("later"))

    problems = {entry.name: entry.problem for entry in stored.entries()}

    assert problems["plain"] is problems["later"] is None
    assert "stored with another key" in str(problems["crm"])
    with pytest.raises(SecretsUnreadableError):
        stored.secrets(stored.get("p", "crm"))
    # With every secret anew it works again.
    stored.change("p", "crm", change(FIELDS))
    assert [entry.problem for entry in stored.entries()] == [None, None, None]


def test_a_missing_key_is_said_and_not_replaced_unseen(
    stored: StoredDatasources, tmp_path: Path
) -> None:
    stored.add(new())
    key = (tmp_path / "secret-key").rename(tmp_path / "elsewhere")

    assert "the key is missing" in str(only(stored).problem)
    for act in (lambda: stored.add(new("later")), stored.rotate):
        with pytest.raises(ConflictError, match=r"key .* is missing"):
            act()
    assert not (tmp_path / "secret-key").exists()

    key.rename(tmp_path / "secret-key")
    assert only(stored).problem is None


@pytest.mark.parametrize("content", [b"not a key", b"\xff\xfe", b"AAAA"])
def test_what_is_no_key_is_said_without_showing_it(
    stored: StoredDatasources, tmp_path: Path, content: bytes
) -> None:
    stored.add(new())
    (tmp_path / "secret-key").write_bytes(content)

    problem = str(only(stored).problem)

    assert "secret-key" in problem
    assert content.decode("latin-1") not in problem.replace("is not a key", "")
    with pytest.raises(SecretsUnreadableError):
        stored.add(new("later"))


def test_sealed_secrets_moved_to_another_datasource_are_refused(
    stored: StoredDatasources, url: str
) -> None:
    stored.add(new())
    stored.add(new("evil"))
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(
            "UPDATE datasources SET secrets = (SELECT secrets FROM datasources "
            "WHERE name = 'crm') WHERE name = 'evil'"
        )

    crm, evil = stored.entries()

    assert crm.problem is None
    assert evil.problem is not None
    assert evil.secrets == {}


def test_a_rotation_leaves_nothing_of_the_old_key(
    stored: StoredDatasources, tmp_path: Path, own: Catalogue
) -> None:
    stored.add(new())
    stored.add(new("other", project="another"))
    before = (tmp_path / "secret-key").read_text(encoding="ascii")
    sealed = stored.get("p", "crm").secrets

    rotation = stored.rotate()

    after = (tmp_path / "secret-key").read_text(encoding="ascii")
    assert (rotation.resealed, list(rotation.unreadable)) == (2, [])
    assert after != before
    assert len(after.split()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
    assert stored.get("p", "crm").secrets != sealed
    assert [entry.secrets for entry in stored.entries()] == [FIELDS.secrets] * 2
    # Nothing that is stored can be read with it any more.
    old = with_key(own, tmp_path / "old", before.strip())
    assert all(entry.problem for entry in old.entries())


def test_a_rotation_names_what_nobody_could_read(stored: StoredDatasources, tmp_path: Path) -> None:
    stored.add(new())
    (tmp_path / "secret-key").write_text(Fernet.generate_key().decode(), encoding="ascii")
    stored.add(new("later"))

    rotation = stored.rotate()

    assert rotation.resealed == 1
    assert [record.name for record in rotation.unreadable] == ["crm"]


def test_a_rotation_that_fails_half_way_loses_nothing(
    stored: StoredDatasources, url: str, tmp_path: Path
) -> None:
    stored.add(new())
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER stuck BEFORE UPDATE ON datasources FOR EACH ROW EXECUTE FUNCTION "
            "stuck()"
        )
        with pytest.raises(UnavailableError):
            stored.rotate()
        assert len((tmp_path / "secret-key").read_text(encoding="ascii").split()) == 2
        assert only(stored).problem is None
        connection.execute("DROP TRIGGER stuck ON datasources")

    assert stored.rotate().resealed == 1
    assert len((tmp_path / "secret-key").read_text(encoding="ascii").split()) == 1
    assert only(stored).secrets == FIELDS.secrets


def test_what_is_added_during_rotations_stays_readable(own: Catalogue, tmp_path: Path) -> None:
    stored = with_key(own, tmp_path)
    stored.add(new())
    names = [f"source_{number}" for number in range(8)]

    def add() -> None:
        for name in names:
            with_key(own, tmp_path).add(new(name))

    adding = threading.Thread(target=add)
    adding.start()
    while adding.is_alive():
        stored.rotate()
    adding.join()
    stored.rotate()

    assert {entry.name: entry.problem for entry in stored.entries()} == dict.fromkeys(
        ["crm", *names]
    )


def test_a_reader_during_a_rotation_reads_everything(own: Catalogue, tmp_path: Path) -> None:
    stored = with_key(own, tmp_path)
    stored.add(new())
    ended = threading.Event()

    def rotate() -> None:
        for _ in range(20):
            with_key(own, tmp_path).rotate()
        ended.set()

    rotating = threading.Thread(target=rotate)
    rotating.start()
    problems: set[str | None] = set()
    while not ended.is_set():
        problems.add(only(stored).problem)
    rotating.join()

    assert problems == {None}


def test_a_key_of_the_settings_is_replaced_there(own: Catalogue, tmp_path: Path) -> None:
    old, fresh = (Fernet.generate_key().decode() for _ in range(2))
    stored = with_key(own, tmp_path, old)
    stored.add(new())
    assert list(tmp_path.iterdir()) == []

    with pytest.raises(ConflictError, match="ANALYSIS_SANDBOX_SECRET_KEY") as refused:
        stored.rotate()
    assert "NEW,OLD" in str(refused.value.hint)

    assert with_key(own, tmp_path, f"{fresh},{old}").rotate().resealed == 1
    assert only(with_key(own, tmp_path, fresh)).problem is None
    assert only(with_key(own, tmp_path, old)).problem is not None


def test_a_rotation_goes_from_the_file_to_the_settings(own: Catalogue, tmp_path: Path) -> None:
    with_key(own, tmp_path).add(new())
    stored = with_key(own, tmp_path, Fernet.generate_key().decode())
    assert only(stored).problem is None

    assert stored.rotate().resealed == 1

    assert list(tmp_path.iterdir()) == []
    assert only(stored).secrets == FIELDS.secrets
