"""One server per service for the session, and a bucket of its own for every test."""

from collections.abc import Iterator

import pytest

from analysis_sandbox.datasources.objects.datasource import ObjectStorageDatasource
from tests.datasources.objects.harnesses import (
    HARNESSES,
    AzureHarness,
    ObjectsHarness,
    S3Harness,
)
from tests.datasources.objects.servers import AZURITE_VERSION, azurite_server, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def azure_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    cache = request.config.cache.mkdir(f"azurite-{AZURITE_VERSION}")
    with azurite_server(cache, tmp_path_factory.mktemp("azurite")) as url:
        yield url


@pytest.fixture(params=HARNESSES, ids=lambda kind: kind.type_name)
def harness(request: pytest.FixtureRequest) -> Iterator[ObjectsHarness]:
    kind: type[ObjectsHarness] = request.param
    server = "azure_url" if kind is AzureHarness else "moto"
    harness = kind(request.getfixturevalue(server))
    yield harness
    harness.close()


@pytest.fixture
def s3(moto: str) -> Iterator[S3Harness]:
    harness = S3Harness(moto)
    yield harness
    harness.close()


@pytest.fixture
def datasource(harness: ObjectsHarness) -> ObjectStorageDatasource:
    return harness.open()


@pytest.fixture
def writable(harness: ObjectsHarness) -> ObjectStorageDatasource:
    return harness.open(access="read_write")
