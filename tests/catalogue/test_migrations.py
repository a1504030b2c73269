from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from analysis_sandbox.catalogue import incident_models
from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.catalogue.models import Table
from analysis_sandbox.catalogue.records import NewAnalysis
from analysis_sandbox.errors import ConfigurationError
from tests.catalogue.making import new_run, new_version

TABLES = {
    "analyses",
    "analysis_versions",
    "analysis_runs",
    "analysis_run_logs",
    "analysis_schedules",
    "analysis_metadata",
    "analysis_crashes",
    "crash_recovery_attempts",
    "resource_exhaustion_events",
    "api_tokens",
    "audit_log",
    "catalogue_revisions",
    "datasources",
    "datasource_revisions",
}


def _tables(url: str) -> set[str]:
    engine = sa.create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_an_empty_database_gets_every_table(new_database: Callable[[], str]) -> None:
    url = new_database()

    migrate(url)

    assert _tables(url) == TABLES | {"alembic_version"}


def test_migrating_again_changes_nothing(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)

    migrate(url)

    assert _tables(url) == TABLES | {"alembic_version"}


def test_many_processes_may_migrate_at_once(new_database: Callable[[], str]) -> None:
    url = new_database()

    with ThreadPoolExecutor(8) as pool:
        for outcome in [pool.submit(migrate, url) for _ in range(8)]:
            outcome.result(timeout=60)

    assert _tables(url) == TABLES | {"alembic_version"}


def test_a_newer_database_is_refused_with_both_revisions(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()

    with pytest.raises(ConfigurationError, match=r"revision 9999.*up to 0003"):
        migrate(url)


def test_the_models_are_what_the_migrations_make(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_server_default": True, "compare_type": True}
            )
            differences = compare_metadata(context, Table.metadata)
    finally:
        engine.dispose()

    assert incident_models.CrashRow.metadata is Table.metadata
    assert differences == []


def test_every_table_says_to_which_project_a_row_belongs(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    engine = sa.create_engine(url)
    inspector = sa.inspect(engine)
    columns = {table: {one["name"] for one in inspector.get_columns(table)} for table in TABLES}
    engine.dispose()

    assert [table for table in sorted(TABLES) if "project" not in columns[table]] == []


def test_a_catalogue_without_tables_says_how_to_get_them(new_database: Callable[[], str]) -> None:
    catalogue = Catalogue(new_database())

    with pytest.raises(ConfigurationError, match="analysis-sandbox up"):
        catalogue.analyses.list("default")

    catalogue.close()


def test_what_an_earlier_version_stored_stays_as_it_is(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url)
    catalogue = Catalogue(url)
    version = catalogue.analyses.create(NewAnalysis("default", "kept", new_version()))
    run, _ = catalogue.runs.insert(new_run(version))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE datasources, datasource_revisions",
            "DROP FUNCTION count_datasource_revision",
            "ALTER TABLE analyses DROP COLUMN packages",
            "ALTER TABLE analysis_versions DROP COLUMN modules",
            "ALTER TABLE analysis_runs DROP COLUMN progress, DROP COLUMN display",
            "ALTER TABLE analysis_runs DROP COLUMN limits",
            "UPDATE alembic_version SET version_num = '0001'",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()

    migrate(url)

    assert catalogue.analyses.current("default", "kept") == version
    assert catalogue.runs.get("default", str(run.id)) == run
    assert catalogue.analyses.get("default", "kept").packages == ()
    assert catalogue.datasources.list() == []
    catalogue.close()
