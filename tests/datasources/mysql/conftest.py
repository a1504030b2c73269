"""Datasources on the session's MariaDB."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import pytest

from analysis_sandbox.datasources.mysql.config import MySQLConfig
from analysis_sandbox.datasources.mysql.datasource import MySQLDatasource
from tests.datasources.mysql.server import MariaDB

Open: TypeAlias = Callable[..., MySQLDatasource]


@pytest.fixture
def open_(mariadb: MariaDB) -> Iterator[Open]:
    """Open a datasource; its fields are those of the configuration."""
    opened: list[MySQLDatasource] = []

    def open_datasource(**fields: Any) -> MySQLDatasource:
        config = MySQLConfig(**cast("Any", {"url": mariadb.url, **fields}))
        opened.append(MySQLDatasource.open(config, name="db"))
        return opened[-1]

    yield open_datasource
    for datasource in opened:
        datasource.close()


@pytest.fixture
def read_only(open_: Open) -> MySQLDatasource:
    return open_()


@pytest.fixture
def writable(open_: Open) -> MySQLDatasource:
    return open_(access="read_write")
