"""Adding, changing and removing datasources, and what becomes of their secrets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.catalogue.keys import SecretKeys
from analysis_sandbox.catalogue.stored_datasources import StoredDatasources
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.datasources.stored import StoredView
from analysis_sandbox.errors import (
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ScriptInvalidError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.services.access import Role
from analysis_sandbox.services.datasource_models import DatasourceDetail
from analysis_sandbox.services.datasources import DatasourceService
from analysis_sandbox.services.discovery import DiscoveryService
from analysis_sandbox.settings import Settings
from tests.datasources.note_type import note_type
from tests.services.conftest import Project

CANARY = "canary7secret"
ADDRESS = "https://notes.example"
SCRIPT = """export default {
  title: "Report",
  dependencies: { datasources: ["%s"] },
  run(ctx) { return ctx.datasource["%s"].read(); },
};"""


@dataclass(frozen=True)
class Place:
    """The services of one installation, with the files that matter."""

    project: Project
    datasources: DatasourceService
    discovery: DiscoveryService
    connections: Connections
    stored: StoredDatasources
    file: Path
    key: Path

    def add(self, name: str = "notes", **config: Any) -> DatasourceDetail:
        """Store a datasource with a secret of each kind."""
        fields = {
            "address": ADDRESS,
            "key": CANARY,
            "login": {"type": "token", "token": CANARY},
            "headers": {"X-Key": CANARY},
        }
        return self.datasources.add(
            self.project.manager, name, type_name="notes", config=fields | config
        )

    def update(self, config: dict[str, Any], **more: Any) -> DatasourceDetail:
        return self.datasources.update(self.project.manager, "notes", config=config, **more)

    def kept(self) -> Any:
        """The secrets that are stored for `notes`."""
        return self.stored.secrets(self.stored.get(self.project.name, "notes"))

    def configure(self, *names: str) -> None:
        """Write datasources.yaml."""
        entries = ", ".join(f"{name}: {{type: notes, address: '{ADDRESS}'}}" for name in names)
        self.file.write_text(f"projects: {{{self.project.name}: {{{entries}}}}}", encoding="utf-8")


@pytest.fixture
def place(home: Project, tmp_path: Path) -> Iterator[Place]:
    directory = tmp_path / "installation"
    directory.mkdir()
    settings = Settings(home=directory)
    stored = StoredDatasources(home.catalogue.datasources, SecretKeys(settings))
    configurations = DatasourceConfigurations(
        settings.datasources_file, stored=StoredView(stored, directory=directory)
    )
    with note_type(tmp_path / "packages"), Connections(configurations) as connections:
        yield Place(
            project=home,
            datasources=DatasourceService(
                catalogue=home.catalogue, stored=stored, configurations=configurations
            ),
            discovery=DiscoveryService(configurations=configurations, connections=connections),
            connections=connections,
            stored=stored,
            file=settings.datasources_file,
            key=settings.secret_key_file,
        )
        # Rotations of other tests meet every stored datasource.
        for record in stored.list(home.name):
            stored.delete(home.name, record.name)


def test_what_is_added_can_be_used_at_once(place: Place) -> None:
    added = place.add(pages=3)

    datasource: Any = place.connections.get(place.project.name, "notes")
    assert datasource.config.login.token.get_secret_value() == CANARY
    assert added == place.datasources.get_datasource(place.project.manager, "notes")
    assert (added.type, added.access, added.operations, added.origin, added.version) == (
        "notes",
        "read_only",
        ["read"],
        "stored",
        1,
    )
    assert (added.created_by, added.updated_by) == ("a_manager", "a_manager")


def test_no_answer_ever_holds_a_secret(place: Place) -> None:
    added = place.add(url=f"https://u:{CANARY}@h")
    place.update({"address": ADDRESS, "headers": {}, "login": {"type": "token"}, "pages": 5})
    admin = place.project.caller(Role.ADMIN)
    answers = [
        added,
        place.datasources.get_datasource(admin, "notes"),
        place.datasources.list_datasources(admin),
        place.discovery.test(place.project.manager, "notes"),
        place.datasources.remove(place.project.manager, "notes"),
    ]

    assert CANARY not in "".join(answer.model_dump_json() for answer in answers)
    audited = place.project.catalogue.audit.list(place.project.name)
    assert CANARY not in repr(audited)
    assert [entry.action for entry in audited] == [
        "remove_datasource",
        "update_datasource",
        "add_datasource",
    ]
    assert audited[-1].details["secrets"] == ["key", "login.token", "headers.X-Key", "url"]


def test_managers_see_the_configuration_and_which_secrets_are_set(place: Place) -> None:
    place.add()

    seen = place.datasources.get_datasource(place.project.manager, "notes")
    hidden = place.datasources.get_datasource(place.project.viewer, "notes")

    assert seen.config == {"address": ADDRESS, "headers": {}, "login": {"type": "token"}}
    assert seen.secrets == ["headers.X-Key", "key", "login.token"]
    assert (hidden.config, hidden.secrets) == (None, [])


def test_everything_wrong_is_said_at_once(place: Place) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        place.add(address=f"http://{CANARY}", pages=0, nonsense=CANARY)

    assert set(refused.value.fields) == {"address", "pages", "nonsense"}
    assert CANARY not in str(refused.value) + str(refused.value.fields)


@pytest.mark.parametrize("name", ["", "a-b", "1a", "a b", "types", "x" * 64, "ä", "a\n"])
def test_a_name_must_be_one_that_scripts_can_write(place: Place, name: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        place.add(name)

    assert set(refused.value.fields) == {"name"}


def test_an_unknown_type_is_refused_with_the_known(place: Place) -> None:
    with pytest.raises(ValidationFailedError, match=r"oracle.*notes") as refused:
        place.datasources.add(place.project.manager, "x", type_name="oracle", config={})

    assert set(refused.value.fields) == {"type"}


def test_a_name_that_the_file_has_is_taken(place: Place) -> None:
    place.configure("notes")

    for act in (place.add, lambda: place.update({}), lambda: remove(place)):
        with pytest.raises(ConflictError, match=r"datasources\.yaml has a datasource 'notes'"):
            act()


def test_one_that_the_file_hides_is_said_and_can_be_removed(place: Place) -> None:
    place.add()
    place.configure("notes")

    (shown,) = place.datasources.list_datasources(place.project.viewer).datasources
    assert shown.origin == "file"
    assert "hidden by datasources.yaml" in shown.notes[0]

    remove(place)
    (shown,) = place.datasources.list_datasources(place.project.viewer).datasources
    assert shown.notes == []


def test_a_broken_file_is_told_in_full_to_administrators_only(place: Place) -> None:
    place.add()
    place.file.write_text("projects: {other: {secret_project_name: 5}}", encoding="utf-8")

    for role, told in ((Role.MANAGER, False), (Role.ADMIN, True)):
        answer = place.datasources.list_datasources(place.project.caller(role))
        assert [one.name for one in answer.datasources] == ["notes"]
        assert ("secret_project_name" in str(answer.problem)) is told
        assert "datasources.yaml is not in effect" in str(answer.problem)


def test_a_change_keeps_the_secrets_it_does_not_name(place: Place) -> None:
    place.add()
    shown = place.datasources.get_datasource(place.project.manager, "notes").config
    assert shown is not None

    changed = place.update({**shown, "pages": 7}, access="read_write")

    assert (changed.version, changed.access, changed.operations) == (
        2,
        "read_write",
        ["read", "write"],
    )
    assert place.kept() == {
        "key": CANARY,
        "login": {"token": CANARY},
        "headers": {"X-Key": CANARY},
    }


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        ({"key": None, "headers": {}}, {"headers": {"X-Key": CANARY}}),
        ({"key": "newer-secret"}, {"key": "newer-secret"}),
        (
            {"headers": {"X-Key": None, "Y": "z-secret"}},
            {"key": CANARY, "headers": {"Y": "z-secret"}},
        ),
        (
            {"login": {"type": "other", "token": "fresh"}},
            {"key": CANARY, "login": {"token": "fresh"}},
        ),
    ],
)
def test_a_secret_is_replaced_taken_away_or_goes_with_what_held_it(
    place: Place, config: dict[str, Any], kept: dict[str, Any]
) -> None:
    place.add()
    place.update({"address": ADDRESS, **config})

    assert place.kept() == kept


@pytest.mark.parametrize(
    "config",
    [
        {"address": "https://evil.example"},
        {"address": f"https://me:{CANARY}@evil.example"},
        {"address": ADDRESS, "url": "https://evil.example"},
    ],
)
def test_a_secret_is_not_kept_where_it_would_be_sent_elsewhere(
    place: Place, config: dict[str, Any]
) -> None:
    place.add()

    with pytest.raises(ValidationFailedError, match="must be given again") as refused:
        place.update(config)

    assert set(refused.value.fields) == {"key"}
    place.update({**config, "key": "again"})
    assert place.kept()["key"] == "again"


def test_a_change_of_access_alone_keeps_everything(place: Place) -> None:
    before = place.add()

    after = place.datasources.update(place.project.manager, "notes", access="read_write")

    assert (after.access, after.config, after.secrets) == (
        "read_write",
        before.config,
        before.secrets,
    )


def test_a_change_to_an_older_version_is_refused(place: Place) -> None:
    place.add()
    place.update({"address": ADDRESS}, version=1)

    with pytest.raises(ConflictError, match="at version 2 by now"):
        place.update({"address": ADDRESS}, version=1)


@pytest.mark.parametrize(
    "config", [{"allow_private_addresses": True}, {"file": "x"}, {"url": "postgresql:///d"}]
)
def test_what_reaches_the_machine_itself_is_for_administrators(
    place: Place, config: dict[str, Any]
) -> None:
    with pytest.raises(ForbiddenError) as refused:
        place.add(**config)
    assert set(refused.value.facts()["fields"]) == set(config)  # pyright: ignore[reportArgumentType]

    place.datasources.add(
        place.project.caller(Role.ADMIN),
        "notes",
        type_name="notes",
        config={"address": ADDRESS, **config},
    )
    with pytest.raises(ForbiddenError):
        place.datasources.update(place.project.manager, "notes", access="read_write")


def remove(place: Place, **more: Any) -> Any:
    return place.datasources.remove(place.project.manager, "notes", **more)


def test_one_that_is_used_is_not_removed_unless_by_force(place: Place, tmp_path: Path) -> None:
    place.add()
    # The scripts of these services know the file's datasources: here the same name.
    (tmp_path / "datasources.yaml").write_text(
        f"projects: {{{place.project.name}: {{notes: {{type: notes, address: '{ADDRESS}'}}}}}}",
        encoding="utf-8",
    )
    place.project.create(SCRIPT % ("notes", "notes"), name="monthly_report")
    assert place.datasources.get_datasource(place.project.viewer, "notes").used_by == [
        "monthly_report"
    ]

    with pytest.raises(ConflictError, match="is used by monthly_report") as refused:
        remove(place)
    assert refused.value.details["analyses"] == ["monthly_report"]

    assert remove(place, force=True).used_by == ["monthly_report"]
    with pytest.raises(NotFoundError):
        place.datasources.get_datasource(place.project.viewer, "notes")


def test_a_script_is_checked_against_what_is_stored(place: Place) -> None:
    from analysis_sandbox.services.analyses import AnalysisService

    home = place.project
    analyses = AnalysisService(
        catalogue=home.catalogue,
        versions=home.versions,
        connections=place.connections,
        evaluator=home.analyses._evaluator,  # pyright: ignore[reportPrivateUsage]
        gateway=home.gateway,
        rules=home.analyses._rules,  # pyright: ignore[reportPrivateUsage]
    )
    with pytest.raises(ScriptInvalidError, match="Datasource 'notes' not found"):
        analyses.create(home.manager, SCRIPT % ("notes", "notes"))

    place.add()

    assert analyses.create(home.manager, SCRIPT % ("notes", "notes")).version == 1


def test_another_project_sees_and_changes_nothing(place: Place) -> None:
    place.add()
    stranger = place.project.stranger

    assert place.datasources.list_datasources(stranger).datasources == []
    acts: list[Callable[[], object]] = [
        lambda: place.datasources.get_datasource(stranger, "notes"),
        lambda: place.datasources.update(stranger, "notes", config={}),
        lambda: place.datasources.remove(stranger, "notes", force=True),
        lambda: place.discovery.test(stranger, "notes"),
        lambda: place.discovery.catalog(stranger, "notes"),
        lambda: place.discovery.sample(stranger, "notes", "note/0"),
    ]
    for act in acts:
        with pytest.raises(NotFoundError):
            act()


def test_each_use_needs_its_role(place: Place) -> None:
    place.add()
    below: dict[Role, list[Callable[[Any], object]]] = {
        Role.VIEWER: [
            lambda who: place.discovery.catalog(who, "notes"),
            lambda who: place.discovery.describe(who, "notes", "note/0"),
            lambda who: place.discovery.sample(who, "notes", "note/0"),
        ],
        Role.RUNNER: [
            lambda who: place.datasources.add(who, "x", type_name="notes", config={}),
            lambda who: place.datasources.update(who, "notes"),
            lambda who: place.datasources.remove(who, "notes"),
            lambda who: place.discovery.test(who, "notes"),
        ],
        Role.MANAGER: [place.datasources.rotate_secrets],
    }
    for role, acts in below.items():
        for act in acts:
            with pytest.raises(ForbiddenError):
                act(place.project.caller(role))


def test_a_lost_key_is_told_and_every_secret_can_be_given_again(place: Place) -> None:
    place.add()
    place.key.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", encoding="ascii")
    # Another process noticed nothing yet: it learns of it with the next change.
    place.datasources.add(
        place.project.manager, "other", type_name="notes", config={"address": ADDRESS}
    )

    shown = place.datasources.get_datasource(place.project.manager, "notes")
    assert "another key" in str(shown.problem)
    assert (shown.operations, shown.secrets) == (["read"], ["headers.X-Key", "key", "login.token"])
    with pytest.raises(ConfigurationError, match="another key"):
        place.connections.get(place.project.name, "notes")
    test = place.discovery.test(place.project.manager, "notes")
    assert (test.connected, test.checks[0].name) == (False, "configuration")

    with pytest.raises(ValidationFailedError, match="must be given again") as refused:
        place.update({"address": ADDRESS, "key": CANARY})
    assert set(refused.value.fields) == {"login.token", "headers.X-Key"}
    place.update(
        {
            "address": ADDRESS,
            "key": CANARY,
            "login": {"type": "token", "token": CANARY},
            "headers": {"X-Key": None},
        }
    )
    assert place.connections.get(place.project.name, "notes") is not None


def test_a_rotation_changes_the_key_and_nothing_else(place: Place) -> None:
    place.add()
    before = place.key.read_text(encoding="ascii")
    first: Any = place.connections.get(place.project.name, "notes")

    answer = place.datasources.rotate_secrets(place.project.caller(Role.ADMIN))

    assert answer.reencrypted >= 1
    assert answer.key == str(place.key)
    assert place.key.read_text(encoding="ascii") != before
    place.connections.operations(place.project.name)
    # The configuration is the same: what is open stays open.
    assert place.connections.get(place.project.name, "notes") is first


def test_types_tell_their_schema_and_their_secrets(place: Place) -> None:
    types = {one.type: one for one in place.datasources.types(place.project.viewer)}

    assert types["notes"].secrets == ["headers.*", "key", "login.token", "url"]
    assert types["notes"].config_schema["required"] == ["address"]
    assert types["notes"].description == "Where the notes are."
    assert "no_such_driver" in str(types["driverless"].problem)
    assert {"postgresql", "sqlite", "rest"} <= set(types)


def test_a_test_tells_what_holds(place: Place) -> None:
    place.add()
    place.add("away", key=None)

    holds = place.discovery.test(place.project.manager, "notes")
    fails = place.discovery.test(place.project.manager, "away")

    assert (holds.connected, holds.ok) == (True, False)
    assert [check.name for check in holds.checks] == ["connection", "role"]
    assert (fails.connected, fails.checks[0].detail) == (False, "Nobody answers Is it running?")


def test_what_a_datasource_holds_is_listed_described_and_sampled(place: Place) -> None:
    place.add(pages=12)
    runner = place.project.runner

    assert place.discovery.catalog(runner, "notes").total == 12
    some = place.discovery.catalog(runner, "notes", search="NOTE/1", limit=2)
    assert ([entry["name"] for entry in some.entries], some.total, some.truncated) == (
        ["note/1", "note/10"],
        3,
        True,
    )
    assert place.discovery.describe(runner, "notes", "note/3")["columns"]
    sample = place.discovery.sample(runner, "notes", "note/3", limit=1000)
    assert (len(sample.rows), sample.rows[0]) == (100, {"text": "line 0", "raw": "AP8="})
    with pytest.raises(NotFoundError):
        place.discovery.describe(runner, "notes", "nothing")
    with pytest.raises(UnsupportedOperationError):
        place.discovery.sample(runner, "notes", "note/1")


def test_a_type_that_cannot_tell_says_so(place: Place) -> None:
    place.datasources.add(place.project.caller(Role.ADMIN), "bare", type_name="bare", config={})

    for act in (
        lambda: place.discovery.test(place.project.manager, "bare"),
        lambda: place.discovery.catalog(place.project.runner, "bare"),
    ):
        with pytest.raises(UnsupportedOperationError, match=r"'bare' \(bare\) cannot"):
            act()
