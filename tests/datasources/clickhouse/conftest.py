"""Datasources on the ClickHouse server of the tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig
from analysis_sandbox.datasources.clickhouse.datasource import ClickHouseDatasource
from tests.datasources.clickhouse.process import ClickHouse

Opener = Callable[..., ClickHouseDatasource]


@pytest.fixture
def opened(clickhouse: ClickHouse) -> Iterator[Opener]:
    """Return what opens a datasource with other fields; the test's end closes it."""
    datasources: list[ClickHouseDatasource] = []

    def open_one(user: str = "tester", **fields: Any) -> ClickHouseDatasource:
        config = ClickHouseConfig.model_validate({"url": clickhouse.url_of(user), **fields})
        datasources.append(ClickHouseDatasource.open(config, name="db"))
        return datasources[-1]

    yield open_one
    for datasource in datasources:
        datasource.close()


@pytest.fixture
def reading(opened: Opener) -> ClickHouseDatasource:
    """A read-only datasource."""
    return opened()


@pytest.fixture
def writing(opened: Opener) -> ClickHouseDatasource:
    """The same, with access read_write."""
    return opened(access="read_write")
