"""Bringing the catalogue's tables up to date: forward only, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from analysis_sandbox.catalogue.engine import Database
from analysis_sandbox.errors import ConfigurationError

# Any number, the same in every process.
_LOCK = 0x616E616C79736973


def migrate(url: str) -> None:
    """Bring the tables of the catalogue to this version. Safe to call from many processes at once.

    Raises:
        ConfigurationError: the tables are from a newer version of the program.
        UnavailableError: the database does not answer.
    """
    database = Database(url, pool_size=1)
    try:
        database.transaction(_migrate)
    finally:
        database.close()


def _migrate(connection: Connection) -> None:
    # Whoever migrates may take longer than a statement may; the lock ends with the transaction.
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    _make_schema(connection)
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(configuration)
    known = {script.revision for script in scripts.walk_revisions()}
    newest = scripts.get_current_head()
    present = MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return
    if present is not None and present not in known:
        raise ConfigurationError(
            f"The catalogue's tables are at revision {present}; this program knows up to {newest}",
            hint="Start the newer version of analysis-sandbox that was used before.",
        )
    command.upgrade(configuration, "head")


def _make_schema(connection: Connection) -> None:
    """Make the schema that the address names, for an external database that lacks it."""
    schema = connection.exec_driver_sql(
        "SELECT current_setting('search_path') WHERE current_schema() IS NULL"
    ).scalar()
    if schema is not None:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
