"""The database of an installation: started or reached, migrated; and those beside it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres, attach_or_start
from analysis_sandbox.catalogue.engine import database_url
from analysis_sandbox.catalogue.migrations import migrate
from analysis_sandbox.settings import Settings


@contextmanager
def owned_database(
    settings: Settings, *, say: Callable[[str], None]
) -> Generator[EmbeddedPostgres | None, None, None]:
    """Start the embedded PostgreSQL, or reach the external one, and migrate; stop it at the end.

    Yields the server that this process must watch, None for an external one.
    """
    if settings.database_url is not None:
        attach_or_start(settings)
        migrate(database_url(settings, "catalogue", driver="psycopg"))
        yield None
        return
    server = EmbeddedPostgres(settings)
    say("starting PostgreSQL")
    server.start()
    try:
        migrate(database_url(settings, "catalogue", driver="psycopg"))
        yield server
    finally:
        server.stop()


def demo_database_url(settings: Settings, database: str, *, user: str | None = None) -> str:
    """Return a libpq URL of a database beside the catalogue's; of the embedded server as `user`.

    An external server is reached with its own user: a role without a password could not log in.
    """
    parts = urlsplit(database_url(settings, "catalogue", driver="libpq"))
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "options"]
    location = parts.netloc
    if user is not None and settings.database_url is None:
        location = f"{user}@"
    return urlunsplit((parts.scheme, location, f"/{database}", urlencode(query, safe="/"), ""))
