"""The catalogue's database: its address, pooled connections, and patience while it restarts.

Every unit of work is written so that doing it twice has the effect of doing it once, because after
a lost connection nobody knows whether the last commit happened: the work is then done again, for a
bounded time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Executable, exc
from sqlalchemy.engine import URL, Connection, make_url

from analysis_sandbox.catalogue.cluster import socket_directory
from analysis_sandbox.catalogue.storable import json_value
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConfigurationError,
    ConflictError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.settings import Settings

DatabaseName = Literal["catalogue", "dagster"]
Driver = Literal["psycopg", "psycopg2", "libpq"]
Rows = Sequence[Any]
T = TypeVar("T")

_OLDEST_VERSION = 140000
_STATEMENT_MS = 30_000
_POOL_WAIT_SECONDS = 15
_RECYCLE_SECONDS = 1800
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
# Shut down, crashed, starting up, too many clients, lost connections; deadlocks, which also pass.
_PASSING = ("08", "57P01", "57P02", "57P03", "53300", "40001", "40P01")
_OTHER_VERSION = (
    "The catalogue's tables are not those of this version; starting `analysis-sandbox up` "
    "brings them up to date"
)
_REFUSALS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "permission denied",
    "no password supplied",
)

# What other states mean; an error without a state is a refused connection.
_MEANINGS: tuple[tuple[str, type[AnalysisSandboxError], str], ...] = (
    ("57014", UnavailableError, f"The catalogue's database took over {_STATEMENT_MS // 1000} s"),
    ("53", UnavailableError, "The catalogue's database is short of resources"),
    ("42P01", ConfigurationError, _OTHER_VERSION),
    ("42703", ConfigurationError, _OTHER_VERSION),
    ("3F000", ConfigurationError, _OTHER_VERSION),
    ("22", ValidationFailedError, "The catalogue cannot store this"),
    ("28", ConfigurationError, "The catalogue's database refuses the connection"),
)


def embedded_url(settings: Settings, database: DatabaseName, *, driver: Driver) -> str:
    """Return the address of a database of the embedded server; pure."""
    host = quote(str(socket_directory(settings)), safe="/")
    return f"{_scheme(driver)}://postgres@/{database}?host={host}"


def database_url(settings: Settings, database: DatabaseName, *, driver: Driver) -> str:
    """Return the address of the catalogue's or Dagster's tables; starts nothing.

    The embedded server has a database for each. In an external database each has a schema of that
    name, chosen by the search path, because a database of its own can seldom be made there.

    Raises:
        ConfigurationError: the external address is not valid.
    """
    if settings.database_url is None:
        return embedded_url(settings, database, driver=driver)
    url = _with_options(_external(settings), f"-csearch_path={database}")
    text = url.set(drivername=_scheme(driver)).render_as_string(hide_password=False)
    address, separator, query = text.partition("?")
    # libpq does not read + as a blank.
    return address + separator + query.replace("+", "%20")


def prepare_external(settings: Settings) -> None:
    """Make the schemas in the external database that are missing.

    Raises:
        ConfigurationError: they cannot be made, or the server is too old.
        UnavailableError: the server does not answer.
    """
    url = _external(settings).set(drivername="postgresql+psycopg")
    database = Database(url.render_as_string(hide_password=False), pool_size=1)

    def work(connection: Connection) -> None:
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
        if version < _OLDEST_VERSION:
            raise ConfigurationError(
                f"The PostgreSQL server is version {version // 10000}; at least "
                f"{_OLDEST_VERSION // 10000} is needed"
            )
        present = set(connection.exec_driver_sql("SELECT nspname FROM pg_namespace").scalars())
        for schema in ("catalogue", "dagster"):
            if schema not in present:
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")

    try:
        database.run(work)
    finally:
        database.close()


class ConstraintError(ConflictError):
    """A constraint of a table refused a row; repositories say what that means."""

    def __init__(self, message: str, *, constraint: str) -> None:
        super().__init__(message)
        self.constraint = constraint


class Database:
    """Pooled connections. Thread-safe; every error that leaves is one of ours."""

    def __init__(self, url: str, *, pool_size: int = 5, patience_seconds: float = 15.0) -> None:
        self._patience_seconds = patience_seconds
        options = f"-cTimeZone=UTC -cstatement_timeout={_STATEMENT_MS}"
        self._engine = sa.create_engine(
            _with_options(make_url(url), options),
            connect_args={"connect_timeout": 5, "application_name": "analysis-sandbox"},
            json_deserializer=json_value,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=_POOL_WAIT_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            pool_use_lifo=True,
        )
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")

    def run(self, work: Callable[[Connection], T], *, patient: bool = True) -> T:
        """Do work whose statements are each a transaction.

        Raises:
            UnavailableError: the database did not come back in time, or is away and it was not to
                be waited for (`patient` is false).
        """
        patience = self._patience_seconds if patient else 0.0
        return self._patiently(self._engine, work, patience=patience)

    def rows(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Rows:
        """Return what one statement answers; raises like `run`."""
        return self.run(lambda connection: connection.execute(statement, values or {}).all())

    def execute(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Do one statement and return how many rows it concerned; raises like `run`."""
        return self.run(lambda connection: connection.execute(statement, values or {}).rowcount)

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction; raises like `run`."""
        return self._patiently(self._transactional, work, patience=self._patience_seconds)

    def ping(self) -> None:
        """Return when the database answers now; raises `UnavailableError` without patience."""
        self._patiently(
            self._engine, lambda connection: connection.exec_driver_sql("SELECT 1"), patience=0.0
        )

    def close(self) -> None:
        """Close every connection. Closing twice is allowed."""
        self._engine.dispose()

    def _patiently(
        self, engine: sa.Engine, work: Callable[[Connection], T], *, patience: float
    ) -> T:
        deadline, pause = 0.0, 0.0
        while True:
            try:
                with engine.begin() as connection:
                    return work(connection)
            except exc.SQLAlchemyError as error:
                now = time.monotonic()
                deadline = deadline or now + patience
                # The first repetition is at once: only the pooled connections may be dead.
                if not _is_passing(error) or now + pause > deadline:
                    raise _translated(error) from error
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2 or _FIRST_PAUSE_SECONDS)


def _scheme(driver: Driver) -> str:
    return "postgresql" if driver == "libpq" else f"postgresql+{driver}"


def _external(settings: Settings) -> URL:
    assert settings.database_url is not None
    try:
        url = make_url(settings.database_url.get_secret_value())
    except exc.ArgumentError:
        # Without the cause: it would show the password.
        raise ConfigurationError(
            "DATABASE_URL is not a database address",
            hint="It looks like postgresql://user:password@host:5432/database",
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(f"DATABASE_URL is for {url.drivername}; PostgreSQL is needed")
    return url


def _with_options(url: URL, options: str) -> URL:
    given = url.query.get("options", "")
    before = " ".join(given) if isinstance(given, tuple) else given
    return url.update_query_dict({"options": f"{before} {options}".strip()})


def _sqlstate(error: exc.SQLAlchemyError) -> str | None:
    return getattr(error.orig, "sqlstate", None) if isinstance(error, exc.DBAPIError) else None


def _is_passing(error: exc.SQLAlchemyError) -> bool:
    state = _sqlstate(error)
    if state is not None:
        return state.startswith(_PASSING)
    if isinstance(error, exc.OperationalError):
        return not any(text in str(error.orig) for text in _REFUSALS)
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


def _translated(error: exc.SQLAlchemyError) -> AnalysisSandboxError:
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    if isinstance(error, exc.TimeoutError):
        return UnavailableError("Every connection to the catalogue's database is in use")
    if _is_passing(error):
        return UnavailableError(
            f"The catalogue's database cannot be reached: {said}",
            hint="Is `analysis-sandbox up` running? Its log is logs/postgresql.log in the home.",
        )
    if isinstance(error, exc.IntegrityError):
        diagnostics = getattr(error.orig, "diag", None)
        name = getattr(diagnostics, "constraint_name", None) or ""
        return ConstraintError(f"The catalogue refuses this: {said}", constraint=name)
    state = _sqlstate(error) or "28"
    for prefix, kind, message in _MEANINGS:
        if state.startswith(prefix):
            return kind(f"{message}: {said}")
    return AnalysisSandboxError(f"The catalogue's database refused a statement: {said}")
