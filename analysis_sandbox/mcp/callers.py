"""Whose call a tool answers, and which tools that caller is shown."""

from collections.abc import Mapping
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.requests import Request

from analysis_sandbox.errors import UnauthenticatedError
from analysis_sandbox.services.access import Principal, Role

ROLES: Mapping[str, Role] = {
    "list_analyses": Role.VIEWER,
    "get_analysis": Role.VIEWER,
    "validate_analysis": Role.VIEWER,
    "get_job_status": Role.VIEWER,
    "get_analysis_limits": Role.VIEWER,
    "get_system_resource_maximums": Role.VIEWER,
    "list_analysis_resource_usage": Role.VIEWER,
    "execute_analysis": Role.RUNNER,
    "stop_job": Role.RUNNER,
    "create_analysis": Role.MANAGER,
    "update_analysis": Role.MANAGER,
    "delete_analysis": Role.MANAGER,
    "set_analysis_limits": Role.MANAGER,
    "reset_analysis_limits": Role.MANAGER,
}
"""From which role on a tool is shown. The services decide; this spares an agent the refusal."""


class Callers:
    """Finds the principal of a message.

    Over HTTP it is the one that the application authenticated and left in the state of the
    message's own request. Inside a process, where no request comes with a message, it is `local`.
    """

    def __init__(self, local: Principal | None = None) -> None:
        self._local = local

    def of(self, context: ServerRequestContext[Any, Any]) -> Principal:
        """Return whose message this is; raises `UnauthenticatedError` when nobody said."""
        request: object = context.request
        principal: object = self._local
        if isinstance(request, Request):
            principal = getattr(cast("Request", request).state, "principal", None)
        if not isinstance(principal, Principal):
            raise UnauthenticatedError("Authentication required")
        return principal

    async def show_own_tools(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Leave out of `tools/list` what the caller's role does not allow (server middleware)."""
        result = await call_next(ctx)
        if ctx.method == "tools/list" and isinstance(result, dict):
            role = self.of(ctx).role
            tools = cast("list[dict[str, Any]]", result["tools"])
            result["tools"] = [tool for tool in tools if role >= ROLES[tool["name"]]]
        return result
