"""The MCP server: tools, the type definitions as a resource, and a prompt for authors."""

import json
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations

from analysis_sandbox import __version__
from analysis_sandbox.mcp.callers import Callers
from analysis_sandbox.mcp.failures import failed_call
from analysis_sandbox.mcp.limit_tools import LimitTools
from analysis_sandbox.mcp.tools import AnalysisTools
from analysis_sandbox.services.access import Principal
from analysis_sandbox.services.authoring import type_definitions
from analysis_sandbox.services.bundle import Services

TYPES_URI = "types://analysis.d.ts"

_INSTRUCTIONS = f"""\
Stored analyses: JavaScript or TypeScript files that run in a sandbox over the project's data.
To write one: read the resource {TYPES_URI}, call validate_analysis until it is valid, then
create_analysis (or update_analysis for an existing one) and execute_analysis, which returns the
result in the same call. Errors name code, line, fields and what to do next."""

_WRITE_ANALYSIS = """\
Write an analysis that does this: {goal}

1. Read the resource {types}: it has every type and method a script can use.
2. Call list_analyses and get_analysis to see how this project's analyses reach their data.
3. Write one file: `export default {{ title, dependencies: {{ datasources: [...] }}, parameters,
   async run(ctx, params) {{ ... return {{ ... }}; }} }}`. Declare every datasource and every other
   analysis that the script uses. Return an object; large data belongs into DuckDB tables
   (`ctx.duckdb`), with a summary returned.
4. Call validate_analysis and repair everything it names, until `valid` is true.
5. Call create_analysis, then execute_analysis with realistic parameters, and check the result.
   After a failed run, repair the line that `error_detail` names and call update_analysis.
"""


class AnalysisServer(MCPServer[Any]):
    """An MCP server whose failed calls carry the error's facts in structured form."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; an error becomes a result that an agent can read and repair."""
        try:
            result = await super().call_tool(name, arguments, context)
        except ToolError as error:
            return failed_call(error, tool=name)
        if isinstance(result, CallToolResult):
            # The SDK indents the text: several times the tokens, for the same data.
            text = json.dumps(result.structured_content, separators=(",", ":"), ensure_ascii=False)
            result.content = [TextContent(type="text", text=text)]
        return result


def build_server(services: Services, *, principal: Principal | None = None) -> AnalysisServer:
    """Return the server over `services`.

    `principal` is who calls from inside this process. Without one, every message must come with an
    HTTP request that the application around the server authenticated.
    """
    callers = Callers(principal)
    server = AnalysisServer(
        "analysis-sandbox",
        title="Analysis Sandbox",
        version=__version__,
        instructions=_INSTRUCTIONS,
        middleware=[callers.show_own_tools],
    )
    _add_tools(server, AnalysisTools(services, callers), LimitTools(services, callers))

    @server.resource(TYPES_URI, name="analysis.d.ts", mime_type="text/typescript")
    def types() -> str:  # pyright: ignore[reportUnusedFunction]
        """TypeScript definitions of everything a script sees: the analysis, ctx, DataFrames."""
        return type_definitions()

    @server.prompt()
    def write_analysis(goal: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """How to write, check, store and run an analysis that reaches a goal."""
        return _WRITE_ANALYSIS.format(goal=goal, types=TYPES_URI)

    return server


def _add_tools(server: MCPServer[Any], tools: AnalysisTools, limits: LimitTools) -> None:
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    adds = ToolAnnotations(destructive_hint=False, open_world_hint=False)
    changes = ToolAnnotations(destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    ends = ToolAnnotations(destructive_hint=True, idempotent_hint=True, open_world_hint=False)
    runs = ToolAnnotations(destructive_hint=False, open_world_hint=True)
    for tool, annotations in (
        (tools.list_analyses, reads),
        (tools.get_analysis, reads),
        (tools.validate_analysis, reads),
        (tools.create_analysis, adds),
        (tools.update_analysis, adds),
        (tools.delete_analysis, ends),
        (tools.execute_analysis, runs),
        (tools.get_job_status, reads),
        (tools.stop_job, ends),
        (limits.get_analysis_limits, reads),
        (limits.set_analysis_limits, changes),
        (limits.reset_analysis_limits, changes),
        (limits.get_system_resource_maximums, reads),
        (limits.list_analysis_resource_usage, reads),
    ):
        server.add_tool(tool, annotations=annotations)
