"""MCP over stdio: passes every message on to the MCP server of a running installation.

The process that an agent starts stays light, and what it does happens in the one place that has the
connections, the caches and the run pool, with the rights of the token it is given.
"""

from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

Message = ServerRequestContext[Any, Any]

# The server sends something at least every 15 seconds while a call waits.
_TIMEOUT = httpx2.Timeout(30, read=120)


async def serve_stdio(url: str, token: str, *, trust_env: bool = True) -> None:
    """Serve over stdin and stdout what `url` offers to `token`, until stdin ends.

    `trust_env` says whether proxies named in the environment are used.
    """
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=_TIMEOUT, trust_env=trust_env) as http,
        Client(streamable_http_client(url, http_client=http, max_sse_event_size=None)) as upstream,
        stdio_server() as (reader, writer),
    ):
        server = _relay(upstream)
        await server.run(reader, writer, server.create_initialization_options())


def _relay(upstream: Client) -> Server[Any]:
    async def list_tools(_: Message, params: PaginatedRequestParams | None) -> ListToolsResult:
        return await upstream.list_tools(cursor=_cursor(params))

    async def call_tool(message: Message, params: CallToolRequestParams) -> CallToolResult:
        return await upstream.call_tool(
            params.name, params.arguments, progress_callback=message.session.report_progress
        )

    async def list_resources(
        _: Message, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        return await upstream.list_resources(cursor=_cursor(params))

    async def read_resource(_: Message, params: ReadResourceRequestParams) -> ReadResourceResult:
        return await upstream.read_resource(str(params.uri))

    async def list_prompts(_: Message, params: PaginatedRequestParams | None) -> ListPromptsResult:
        return await upstream.list_prompts(cursor=_cursor(params))

    async def get_prompt(_: Message, params: GetPromptRequestParams) -> GetPromptResult:
        return await upstream.get_prompt(params.name, params.arguments)

    about = upstream.server_info
    return Server(
        about.name if about else "analysis-sandbox",
        version=about.version if about else "",
        title=about.title if about else None,
        instructions=upstream.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


def _cursor(params: PaginatedRequestParams | None) -> str | None:
    return params.cursor if params else None
