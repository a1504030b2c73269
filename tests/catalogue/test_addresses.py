"""Addresses of the databases, and an external PostgreSQL instead of the embedded one."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import psycopg2
import pytest
from pydantic import SecretStr

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import attach_or_start
from analysis_sandbox.catalogue.engine import database_url
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.catalogue.records import NewAnalysis
from analysis_sandbox.errors import ConfigurationError, UnavailableError
from analysis_sandbox.settings import Settings
from tests.catalogue.making import new_version


def _external(url: str) -> Settings:
    return Settings(home=Path("/nowhere"), database_url=SecretStr(url))


@pytest.fixture
def external(new_database: Callable[[], str]) -> Settings:
    """Settings for a database on a server that is not ours to start."""
    return _external(new_database().replace("postgresql+psycopg:", "postgresql:"))


def test_the_embedded_address_is_the_socket_in_the_home() -> None:
    settings = Settings(home=Path("/srv/my home"))

    assert database_url(settings, "dagster", driver="psycopg2") == (
        "postgresql+psycopg2://postgres@/dagster?host=/srv/my%20home/pg"
    )
    assert database_url(settings, "catalogue", driver="psycopg").startswith("postgresql+psycopg://")
    assert database_url(settings, "catalogue", driver="libpq").startswith("postgresql://")


def test_an_external_database_has_a_schema_for_each(external: Settings) -> None:
    attach_or_start(external)
    attach_or_start(external)

    catalogue_url = database_url(external, "catalogue", driver="libpq")
    dagster_url = database_url(external, "dagster", driver="libpq")
    with psycopg.connect(catalogue_url) as one, psycopg2.connect(dagster_url) as two:
        assert one.execute("SELECT current_schema()").fetchone() == ("catalogue",)
        with two.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            assert cursor.fetchone() == ("dagster",)
    two.close()


def test_the_catalogue_works_in_its_schema(external: Settings) -> None:
    url = database_url(external, "catalogue", driver="psycopg")
    migrate(url)
    migrate(url)
    catalogue = Catalogue(url)

    version = catalogue.analyses.create(NewAnalysis("default", "outside", new_version()))

    assert catalogue.analyses.current("default", "outside") == version
    catalogue.close()
    with psycopg.connect(database_url(external, "catalogue", driver="libpq")) as connection:
        rows = connection.execute(
            "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'analys%'"
        ).fetchall()
    assert rows == [("catalogue",)]


def test_options_of_the_external_address_are_kept(postgres_home: Path) -> None:
    settings = _external(
        f"postgresql://postgres@/catalogue?host={postgres_home}/pg&options=-cwork_mem%3D5MB"
    )
    url = database_url(settings, "dagster", driver="libpq")

    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
        assert connection.execute("SHOW search_path").fetchone() == ("dagster",)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "not a database address"),
        ("mysql://root:secret@localhost/x", "PostgreSQL is needed"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        database_url(_external(url), "catalogue", driver="psycopg")

    assert "secret" not in str(caught.value)


def test_a_refused_connection_is_no_outage(postgres_home: Path) -> None:
    url = f"postgresql+psycopg://postgres:secret@/no_such_database?host={postgres_home}/pg"
    catalogue = Catalogue(url)

    with pytest.raises(ConfigurationError, match='"no_such_database" does not exist') as caught:
        catalogue.ping()

    assert "secret" not in str(caught.value)
    catalogue.close()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    catalogue = Catalogue(
        f"postgresql+psycopg://postgres@/catalogue?host={tmp_path}", patience_seconds=0.1
    )

    with pytest.raises(UnavailableError, match="cannot be reached"):
        catalogue.runs.unfinished()

    catalogue.close()
