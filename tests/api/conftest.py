"""The application over services in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from analysis_sandbox.settings import Settings
from api.app import create_app
from tests.api.twin import TOKENS, Installation


@pytest.fixture
def installation() -> Installation:
    installation = Installation()
    installation.store("monthly_report")
    return installation


@pytest.fixture
def app(installation: Installation, tmp_path: Path) -> FastAPI:
    return create_app(installation.services, Settings(home=tmp_path))


@pytest.fixture
def anonymous(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def client(anonymous: TestClient) -> TestClient:
    anonymous.headers["Authorization"] = f"Bearer {TOKENS['manager']}"
    return anonymous
