from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import NewAnalysis, NewSchedule, VersionRecord
from analysis_sandbox.errors import ConflictError, NotFoundError, ValidationFailedError
from tests.catalogue.making import new_version


def test_a_created_analysis_is_at_version_one(catalogue: Catalogue, project: str) -> None:
    metadata = {"dependencies": {"datasources": ["postgres_main"]}}

    version = catalogue.analyses.create(
        NewAnalysis(
            project,
            "monthly_report",
            new_version(language="typescript", metadata=metadata, created_by="ada"),
            description="What we sold",
            tags=["sales"],
            owners=["ada"],
            limits={"memory_mb": 512},
            retry={"enabled": True},
        )
    )

    assert (version.version, version.name, version.project) == (1, "monthly_report", project)
    assert (version.language, version.metadata, version.created_by) == (
        "typescript",
        metadata,
        "ada",
    )
    record = catalogue.analyses.get(project, "monthly_report")
    assert record.id == version.analysis_id
    assert (record.tags, record.owners, record.description) == (
        ("sales",),
        ("ada",),
        "What we sold",
    )
    assert (record.limits, record.retry, record.last_run) == (
        {"memory_mb": 512},
        {"enabled": True},
        None,
    )


def test_an_analysis_is_found_by_its_id_too(catalogue: Catalogue, analysis: VersionRecord) -> None:
    found = catalogue.analyses.get(analysis.project, str(analysis.analysis_id))

    assert found.name == "monthly_report"


@pytest.mark.parametrize(
    "key", ["nothing", "", "x" * 300, "nul\0", "größe", "8ec75592-90ec-43c2-9ba8-a4c25d317d35"]
)
def test_an_unknown_analysis_is_not_found(catalogue: Catalogue, project: str, key: str) -> None:
    with pytest.raises(NotFoundError):
        catalogue.analyses.get(project, key)
    with pytest.raises(NotFoundError):
        catalogue.analyses.current(project, key)


def test_an_analysis_of_another_project_is_not_found(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    with pytest.raises(NotFoundError):
        catalogue.analyses.get("another", str(analysis.analysis_id))


def test_a_name_in_use_is_a_conflict(catalogue: Catalogue, analysis: VersionRecord) -> None:
    with pytest.raises(ConflictError, match="'monthly_report' exists already"):
        catalogue.analyses.create(NewAnalysis(analysis.project, analysis.name, new_version()))


def test_the_same_name_may_be_used_in_two_projects(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    twin = catalogue.analyses.create(
        NewAnalysis(f"{analysis.project}_b", analysis.name, new_version())
    )

    assert twin.analysis_id != analysis.analysis_id


@pytest.mark.parametrize("name", ["Report", "1st", "a__b", "a-b", ""])
def test_a_name_that_is_none_is_refused(catalogue: Catalogue, project: str, name: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        catalogue.analyses.create(NewAnalysis(project, name, new_version()))

    assert "name" in caught.value.fields


def test_text_that_postgresql_cannot_store_is_refused(catalogue: Catalogue, project: str) -> None:
    with pytest.raises(ValidationFailedError, match=r"script.*U\+0000"):
        catalogue.analyses.create(NewAnalysis(project, "nul", new_version(source="a\0b")))


def test_every_save_appends_a_version(catalogue: Catalogue, analysis: VersionRecord) -> None:
    second = catalogue.analyses.add_version(
        analysis.project, analysis.name, new_version(title="Second", change_description="better")
    )
    third = catalogue.analyses.add_version(
        analysis.project, analysis.name, new_version(title="Third", restored_from=1)
    )

    assert catalogue.analyses.current(analysis.project, analysis.name) == third
    assert catalogue.analyses.versions(analysis.analysis_id) == [third, second, analysis]
    assert catalogue.analyses.version(analysis.analysis_id, 2) == second
    assert (second.change_description, third.restored_from) == ("better", 1)
    assert catalogue.analyses.get(analysis.project, analysis.name).title == "Third"


def test_a_version_that_was_never_stored_is_not_found(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    with pytest.raises(NotFoundError, match="no version 7"):
        catalogue.analyses.version(analysis.analysis_id, 7)


def test_a_change_to_an_old_version_is_a_conflict(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.analyses.add_version(analysis.project, analysis.name, new_version(based_on=1))

    with pytest.raises(ConflictError, match="at version 2 by now"):
        catalogue.analyses.add_version(analysis.project, analysis.name, new_version(based_on=1))


def test_saves_at_the_same_moment_get_versions_of_their_own(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    def save(number: int) -> int:
        version = catalogue.analyses.add_version(
            analysis.project, analysis.name, new_version(title=f"Title {number}")
        )
        return version.version

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(save, range(16)))

    assert sorted(versions) == list(range(2, 18))


def test_creating_at_the_same_moment_succeeds_once(catalogue: Catalogue, project: str) -> None:
    def create(number: int) -> bool:
        try:
            catalogue.analyses.create(NewAnalysis(project, "race", new_version(title=f"{number}")))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


def test_a_deleted_analysis_is_hidden_and_its_schedule_off(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.schedules.set(NewSchedule(analysis.project, analysis.analysis_id, "0 9 * * *"))

    catalogue.analyses.delete(analysis.project, analysis.name)

    assert catalogue.analyses.list(analysis.project) == []
    with pytest.raises(NotFoundError):
        catalogue.analyses.get(analysis.project, analysis.name)
    schedule = catalogue.schedules.get(analysis.analysis_id)
    assert schedule is not None
    assert not schedule.enabled
    assert catalogue.analyses.version(analysis.analysis_id, 1) == analysis


def test_creating_a_deleted_name_continues_its_history(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.analyses.delete(analysis.project, analysis.name)

    revived = catalogue.analyses.create(
        NewAnalysis(analysis.project, analysis.name, new_version(title="Anew"), tags=["new"])
    )

    assert (revived.analysis_id, revived.version) == (analysis.analysis_id, 2)
    assert catalogue.analyses.versions(analysis.analysis_id) == [revived, analysis]
    record = catalogue.analyses.get(analysis.project, analysis.name)
    assert (record.title, record.tags, record.version) == ("Anew", ("new",), 2)


def test_analyses_are_listed_by_what_they_use(catalogue: Catalogue, project: str) -> None:
    for name, sources, analyses in (
        ("first", ["postgres_main", "events"], []),
        ("second", ["events"], ["first"]),
    ):
        metadata = {"dependencies": {"datasources": sources, "analyses": analyses}}
        catalogue.analyses.create(NewAnalysis(project, name, new_version(metadata=metadata)))
    analyses = catalogue.analyses

    assert [one.name for one in analyses.list(project)] == ["first", "second"]
    assert [one.name for one in analyses.list(project, datasource="events")] == ["first", "second"]
    assert [one.name for one in analyses.list(project, datasource="postgres_main")] == ["first"]
    assert [one.name for one in analyses.list(project, analysis="first")] == ["second"]


def test_active_versions_are_the_current_ones_of_all_projects(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    other = catalogue.analyses.create(
        NewAnalysis(f"{analysis.project}_b", "deleted", new_version())
    )
    second = catalogue.analyses.add_version(analysis.project, analysis.name, new_version())
    catalogue.analyses.delete(other.project, other.name)

    active = catalogue.analyses.active_versions()

    assert second in active
    assert analysis not in active
    assert other not in active


def test_the_revision_grows_with_every_change_of_a_definition(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    project, name = analysis.project, analysis.name
    changes = [
        lambda: catalogue.analyses.add_version(project, name, new_version()),
        lambda: catalogue.analyses.set_limits(project, name, {"memory_mb": 64}),
        lambda: catalogue.analyses.set_retry(project, name, {"enabled": True}),
        lambda: catalogue.analyses.describe(project, name, description="d", tags=[], owners=[]),
        lambda: catalogue.schedules.set(NewSchedule(project, analysis.analysis_id, "0 9 * * *")),
        lambda: catalogue.schedules.set_enabled(analysis.analysis_id, enabled=False),
        lambda: catalogue.schedules.delete(analysis.analysis_id),
        lambda: catalogue.analyses.delete(project, name),
        lambda: catalogue.analyses.create(NewAnalysis(project, name, new_version())),
    ]

    revisions = [catalogue.analyses.revision()]
    for change in changes:
        change()
        revisions.append(catalogue.analyses.revision())

    assert revisions == sorted(set(revisions))


def test_what_people_say_and_set_is_kept(catalogue: Catalogue, analysis: VersionRecord) -> None:
    project, name = analysis.project, analysis.name
    catalogue.analyses.describe(project, name, description="New", tags=["a"], owners=["b"])
    catalogue.analyses.set_limits(project, name, {"timeout_ms": 5})
    catalogue.analyses.set_limits(project, name, None)

    record = catalogue.analyses.get(project, name)
    assert (record.description, record.tags, record.owners) == ("New", ("a",), ("b",))
    assert record.limits is None
    with pytest.raises(NotFoundError):
        catalogue.analyses.set_limits(project, "unknown", None)


def test_limits_are_changed_one_by_one_and_taken_away_by_null(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    project, name = analysis.project, analysis.name
    catalogue.analyses.change_limits(project, name, {"memory_mb": 64, "timeout_ms": 500})
    catalogue.analyses.change_limits(project, name, {"timeout_ms": None, "log_lines": 7})

    assert catalogue.analyses.limits(analysis.analysis_id) == {"memory_mb": 64, "log_lines": 7}
    stored = catalogue.analyses.stored_limits()
    assert stored[analysis.analysis_id] == {"memory_mb": 64, "log_lines": 7}

    catalogue.analyses.change_limits(project, name, {"memory_mb": None, "log_lines": None})

    assert catalogue.analyses.limits(analysis.analysis_id) is None
    assert analysis.analysis_id not in catalogue.analyses.stored_limits()
    for key in ("unknown", str(uuid4())):
        with pytest.raises(NotFoundError):
            catalogue.analyses.change_limits(project, key, {"memory_mb": 64})
    with pytest.raises(NotFoundError):
        catalogue.analyses.limits(uuid4())


def test_a_version_keeps_what_it_imports(catalogue: Catalogue, project: str) -> None:
    modules = {"csv-parse/sync": "export function parse() {}"}
    new = NewAnalysis(project, "imports", new_version(modules=modules), packages=["csv-parse@^5"])

    first = catalogue.analyses.create(new)
    second = catalogue.analyses.add_version(project, "imports", new_version())

    assert first.modules == modules
    assert second.modules == {}
    assert catalogue.analyses.version(first.analysis_id, 1).modules == modules
    assert catalogue.analyses.get(project, "imports").packages == ("csv-parse@^5",)
    catalogue.analyses.set_packages(project, "imports", ["lodash-es"])
    assert catalogue.analyses.get(project, "imports").packages == ("lodash-es",)
    with pytest.raises(ValidationFailedError, match="modules"):
        catalogue.analyses.add_version(project, "imports", new_version(modules={"a": "\0"}))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE analysis_versions SET script = 'x'",
        "DELETE FROM analysis_versions",
        "TRUNCATE analysis_versions CASCADE",
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
    ],
)
def test_history_cannot_be_rewritten(
    plain_url: str, analysis: VersionRecord, statement: str
) -> None:
    with (
        psycopg.connect(plain_url) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="is history"),
    ):
        connection.execute(statement.encode())

    assert analysis.version == 1
