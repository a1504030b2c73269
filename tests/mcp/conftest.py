"""The MCP server over services in memory, reached in every way a client can."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from analysis_sandbox.mcp.server import build_server
from analysis_sandbox.settings import Settings
from api.app import create_app
from tests.api.serving import serving
from tests.api.twin import TOKENS, Installation

Mode = Literal["auto", "legacy"]
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def installation() -> Installation:
    installation = Installation()
    installation.store("monthly_report")
    return installation


@pytest.fixture
def in_memory(installation: Installation) -> Client:
    """A client that calls the server directly, as the manager."""
    return Client(build_server(installation.services, principal=installation.manager))


@pytest.fixture
def url(installation: Installation, tmp_path: Path) -> Iterator[str]:
    """A real HTTP server; returns the address of MCP."""
    with serving(create_app(installation.services, Settings(home=tmp_path))) as base:
        yield f"{base}/mcp"


@pytest.fixture
def connect(url: str) -> Connect:
    """Connect over HTTP with the token of a role."""

    @contextlib.asynccontextmanager
    async def connect(role: str = "manager", mode: Mode = "auto") -> AsyncGenerator[Client]:
        headers = {"Authorization": f"Bearer {TOKENS[role]}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client

    return connect
