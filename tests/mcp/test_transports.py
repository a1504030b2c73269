"""The same tools over real HTTP (both protocol generations) and over stdio."""

import os
import sys
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from starlette.testclient import TestClient

from analysis_sandbox.mcp.callers import ROLES
from analysis_sandbox.services.access import Role
from analysis_sandbox.settings import Settings
from api.app import create_app
from tests.api.twin import SCRIPT, TOKENS, WAITING_SCRIPT, Installation
from tests.mcp.conftest import Connect, Mode

pytestmark = pytest.mark.anyio


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def stdio(url: str, tmp_path: Path) -> StdioServerParameters:
    """The command that an agent starts, on a home where the server runs elsewhere."""
    environment = {
        **os.environ,
        "ANALYSIS_SANDBOX_HOME": str(tmp_path),
        "ANALYSIS_SANDBOX_URL": url.removesuffix("/mcp"),
        "ANALYSIS_SANDBOX_TOKEN": TOKENS["manager"],
    }
    return StdioServerParameters(
        command=sys.executable, args=["-m", "analysis_sandbox.cli.main", "mcp"], env=environment
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_runs_an_analysis_over_http(connect: Connect, mode: Mode) -> None:
    async with connect("manager", mode) as client:
        result = await client.call_tool(
            "execute_analysis", {"analysis_id": "monthly_report", "parameters": {"month": None}}
        )

    assert result.structured_content is not None
    assert result.structured_content["result"] == {"parameters": {"month": None}}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("role", ["viewer", "runner", "manager", "admin"])
async def test_each_role_is_shown_its_own_tools(connect: Connect, role: str, mode: Mode) -> None:
    async with connect(role, mode) as client:
        shown = {tool.name for tool in (await client.list_tools()).tools}

    assert shown == {name for name, least in ROLES.items() if Role.named(role) >= least}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("tool", [name for name, role in ROLES.items() if role > Role.VIEWER])
async def test_a_tool_that_is_not_shown_is_refused_all_the_same(
    connect: Connect, tool: str, mode: Mode
) -> None:
    arguments = {
        "analysis_id": "monthly_report",
        "script_content": SCRIPT,
        "job_id": "x",
        "limits": {"memory_mb": 64},
    }
    async with connect("viewer", mode) as client:
        result = await client.call_tool(tool, arguments)

    assert result.is_error
    assert result.structured_content is not None
    assert result.structured_content["error"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_progress_arrives_over_http(
    connect: Connect, installation: Installation, mode: Mode
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    heard: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        heard.append(message)
        for job_id in installation.runs.jobs:
            installation.runs.finish(job_id, {})

    async with connect("manager", mode) as client:
        result = await client.call_tool(
            "execute_analysis", {"analysis_id": "endless"}, progress_callback=on_progress
        )

    assert not result.is_error
    assert heard == ["running: started"]


async def test_a_client_that_leaves_ends_its_wait_and_not_the_run(
    connect: Connect, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    waiting = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        waiting.set()

    async with connect("manager") as client:
        async with anyio.create_task_group() as group:

            async def call() -> None:
                await client.call_tool(
                    "execute_analysis",
                    {"analysis_id": "endless", "wait_seconds": 600},
                    progress_callback=on_progress,
                )

            group.start_soon(call)
            with anyio.fail_after(10):
                await waiting.wait()
            group.cancel_scope.cancel()
        (job_id,) = installation.runs.jobs
        status = await client.call_tool("get_job_status", {"job_id": job_id})

    assert status.structured_content is not None
    assert status.structured_content["status"] == "running"


async def test_a_session_answers_only_the_caller_that_opened_it(url: str) -> None:
    async def post(role: str, message: object, **headers: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as http:
            bearer = {"Authorization": f"Bearer {TOKENS[role]}"}
            return await http.post(url, json=message, headers={**ACCEPT, **bearer, **headers})

    opened = await post(
        "manager",
        {
            "jsonrpc": "2.0",
            "id": 0,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
    )
    session = {"mcp-session-id": opened.headers["mcp-session-id"]}

    assert (await post("manager", PING, **session)).status_code == 200
    assert (await post("runner", PING, **session)).status_code == 404


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_mcp_needs_a_token(url: str, token: str | None) -> None:
    headers = ACCEPT | ({"Authorization": f"Bearer {token}"} if token else {})
    async with httpx2.AsyncClient() as http:
        refused = await http.post(url, json=PING, headers=headers)

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.json()["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8000", 200),
        ("127.0.0.1", "localhost:8000", 200),
        ("127.0.0.1", "evil.example", 421),
        ("analyses.example", "analyses.example:8443", 200),
        ("analyses.example", "localhost:8000", 200),
        ("0.0.0.0", "anything.example:8000", 200),
        ("::1", "[::1]:8000", 200),
    ],
)
def test_the_host_must_be_one_the_server_is_bound_to(
    installation: Installation, tmp_path: Path, bound: str, host: str, status: int
) -> None:
    app = create_app(installation.services, Settings(home=tmp_path, host=bound))
    headers = {
        **ACCEPT,
        "Authorization": f"Bearer {TOKENS['viewer']}",
        "Host": host,
        "MCP-Protocol-Version": "2025-06-18",
    }
    initialize = {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }

    with TestClient(app) as client:
        assert client.post("/mcp", json=initialize, headers=headers).status_code == status


def test_mcp_answers_at_exactly_its_path(installation: Installation, tmp_path: Path) -> None:
    app = create_app(installation.services, Settings(home=tmp_path))
    headers = {"Authorization": f"Bearer {TOKENS['viewer']}"}

    with TestClient(app, base_url="http://localhost:8000", follow_redirects=False) as client:
        assert client.post("/mcp/", json=PING, headers=headers).status_code == 404
        assert client.post("/mcp/mcp", json=PING, headers=headers).status_code == 404


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_works_over_stdio_as_over_http(
    stdio: StdioServerParameters, installation: Installation, mode: Mode
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    heard: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        heard.append(message)
        for job_id in installation.runs.jobs:
            installation.runs.finish(job_id, {"total": None})

    async with Client(stdio, mode=mode) as client:
        about, instructions = client.server_info, client.instructions
        tools = (await client.list_tools()).tools
        refused = await client.call_tool("get_analysis", {"analysis_id": "unknown"})
        run = await client.call_tool(
            "execute_analysis", {"analysis_id": "endless"}, progress_callback=on_progress
        )
        (types,) = (await client.read_resource("types://analysis.d.ts")).contents
        (prompt,) = (await client.list_prompts()).prompts
        written = await client.get_prompt(prompt.name, {"goal": "sum"})

    assert about is not None
    assert about.name == "analysis-sandbox"
    assert instructions is not None
    assert {tool.name for tool in tools} == set(ROLES)
    assert all(tool.output_schema for tool in tools)
    assert refused.is_error
    assert refused.structured_content is not None
    assert refused.structured_content["error"]["hint"] == "List the analyses."
    assert run.structured_content is not None
    assert run.structured_content["result"] == {"total": None}
    assert heard == ["running: started"]
    assert "interface" in str(getattr(types, "text", ""))
    assert "sum" in written.model_dump_json()


async def test_a_cancelled_call_over_stdio_ends_its_wait_and_not_the_run(
    stdio: StdioServerParameters, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    waiting = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        waiting.set()

    async with Client(stdio) as client:
        async with anyio.create_task_group() as group:

            async def call() -> None:
                await client.call_tool(
                    "execute_analysis", {"analysis_id": "endless"}, progress_callback=on_progress
                )

            group.start_soon(call)
            with anyio.fail_after(20):
                await waiting.wait()
            group.cancel_scope.cancel()
        (job_id,) = installation.runs.jobs
        stopped = await client.call_tool("stop_job", {"job_id": job_id})

    assert stopped.structured_content is not None
    assert stopped.structured_content["status"] == "cancelled"
