"""How to stand up each datasource type for the shared tests.

A new type adds one harness here and gets every test in test_conformance.py. Every harness has a
table `n` with the rows (1, 'one'), (2, 'two'), (3, 'three').
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, cast

import psycopg

from analysis_sandbox.datasources.base import Datasource, SQLDatasourceConfig
from analysis_sandbox.datasources.postgresql import PostgreSQLConfig, PostgreSQLDatasource
from analysis_sandbox.datasources.sqlite import SQLiteConfig, SQLiteDatasource
from analysis_sandbox.values import decode

TABLE = (
    "drop table if exists n",
    "create table n (i integer primary key, t text)",
    "insert into n values (1, 'one'), (2, 'two'), (3, 'three')",
)
ROWS = [(1, "one"), (2, "two"), (3, "three")]


class Harness:
    """One type: its class, a working and an unreachable configuration, a look at the data."""

    type_name: ClassVar[str]
    type: ClassVar[type[Datasource]]
    operations: ClassVar[dict[str, set[str]]] = {
        "read_only": {"query"},
        "read_write": {"query", "execute"},
    }
    endless: ClassVar[str]

    def __init__(self, *, directory: Path, url: str) -> None:
        self.directory = directory
        self.url = url
        self._opened: list[Datasource] = []
        self.prepare()

    def prepare(self) -> None:
        """Make the table."""
        raise NotImplementedError

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        """Return the configuration of the prepared database."""
        raise NotImplementedError

    def unreachable(self) -> SQLDatasourceConfig:
        """Return the configuration of a database that is not there."""
        raise NotImplementedError

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what is in the table now, read without what is tested."""
        raise NotImplementedError

    def open(self, **fields: Any) -> Datasource:
        """Open the prepared database; `close` closes it."""
        self._opened.append(self.type.open(self.config(**fields), name="db"))
        return self._opened[-1]

    def close(self) -> None:
        """Close everything that was opened."""
        for datasource in self._opened:
            datasource.close()


class SQLiteHarness(Harness):
    type_name = "sqlite"
    type = SQLiteDatasource
    endless = (
        "with recursive t (x) as (select 1 union all select x + 1 from t) select count(*) from t"
    )

    @property
    def path(self) -> Path:
        return self.directory / "data.db"

    def prepare(self) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(";".join(TABLE))

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        return SQLiteConfig(path=self.path, **fields)

    def unreachable(self) -> SQLDatasourceConfig:
        return SQLiteConfig(path=self.directory / "missing.db")

    def rows(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute("select * from n order by i").fetchall()


class PostgreSQLHarness(Harness):
    type_name = "postgresql"
    type = PostgreSQLDatasource
    endless = "select pg_sleep(600)"

    def prepare(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in TABLE:
                connection.execute(statement.encode())

    def config(self, **fields: Any) -> SQLDatasourceConfig:
        return PostgreSQLConfig(url=cast("Any", self.url), **fields)

    def unreachable(self) -> SQLDatasourceConfig:
        # Port 1 is reserved: nobody listens there.
        return PostgreSQLConfig(url=cast("Any", "postgresql://nobody@127.0.0.1:1/none"))

    def rows(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute("select * from n order by i").fetchall()


HARNESSES: Sequence[type[Harness]] = (PostgreSQLHarness, SQLiteHarness)


def rows_of(datasource: Datasource, sql: str, params: object = None) -> list[dict[str, Any]]:
    """Run `query` as the host does and return the rows as a script would see them."""
    text = datasource.operations()["query"](sql, params)
    assert isinstance(text, str)
    json.loads(text)
    return decode(text)
