"""Analyses and databases for the catalogue's tests."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.catalogue.records import NewAnalysis, VersionRecord
from analysis_sandbox.settings import Settings
from tests.catalogue.making import new_version


@pytest.fixture
def analysis(catalogue: Catalogue, project: str) -> VersionRecord:
    """A stored analysis, `monthly_report`, at version 1."""
    return catalogue.analyses.create(NewAnalysis(project, "monthly_report", new_version()))


@pytest.fixture
def new_database(postgres_home: Path) -> Callable[[], str]:
    """Makes empty databases on the session's server; returns their addresses."""
    server = EmbeddedPostgres(Settings(home=postgres_home))

    def make() -> str:
        name = f"empty_{uuid4().hex[:12]}"
        with psycopg.connect(server.url("catalogue", driver="libpq"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        return server.url("catalogue", driver="psycopg").replace("/catalogue?", f"/{name}?")

    return make


@pytest.fixture
def plain_url(postgres_home: Path) -> str:
    """The address of the shared catalogue for psycopg itself."""
    return EmbeddedPostgres(Settings(home=postgres_home)).url("catalogue", driver="libpq")
