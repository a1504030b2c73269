"""The tools about limits: what runs may use, and what they use."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from pydantic import Field

from analysis_sandbox.mcp.answers import UsageList
from analysis_sandbox.mcp.callers import Callers
from analysis_sandbox.services.bundle import Services
from analysis_sandbox.services.models import AnalysisLimits, ResourceMaximums

AnalysisId = Annotated[str, Field(description="The analysis' name (its id), or its uuid.")]


class LimitTools:
    """What agents can see and change of limits, in the project of their token."""

    def __init__(self, services: Services, callers: Callers) -> None:
        self._services = services
        self._callers = callers

    def get_analysis_limits(
        self, analysis_id: AnalysisId, *, ctx: Context[Any, Any]
    ) -> AnalysisLimits:
        """Read the limits of an analysis' next run: each value, who stated it, its maximum."""
        caller = self._callers.of(ctx.request_context)
        return self._services.limits.get_analysis_limits(caller, analysis_id)

    def set_analysis_limits(
        self,
        analysis_id: AnalysisId,
        limits: Annotated[
            dict[str, Any],
            Field(
                description="Values by name: memory_mb, timeout_ms, result_size_mb, "
                "duckdb_memory_mb, dataframe_memory_mb, max_concurrent_runs, "
                "host_calls_in_flight, frame_mb, log_lines, log_bytes, nesting_depth. "
                "What is not named stays; null gives a limit back to the script."
            ),
        ],
        *,
        ctx: Context[Any, Any],
    ) -> AnalysisLimits:
        """Change limits of an analysis for the runs that begin from now on.

        After a run that failed with TIME_LIMIT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, RESULT_TOO_LARGE
        or LIMIT_EXCEEDED. A value above the installation's maximum is refused with both figures.
        """
        caller = self._callers.of(ctx.request_context)
        return self._services.limits.set_analysis_limits(caller, analysis_id, limits)

    def reset_analysis_limits(
        self, analysis_id: AnalysisId, *, ctx: Context[Any, Any]
    ) -> AnalysisLimits:
        """Forget every limit that was set for an analysis: its script's own limits hold again."""
        caller = self._callers.of(ctx.request_context)
        return self._services.limits.reset_analysis_limits(caller, analysis_id)

    def get_system_resource_maximums(self, *, ctx: Context[Any, Any]) -> ResourceMaximums:
        """Read the default and the maximum of every limit of this installation."""
        caller = self._callers.of(ctx.request_context)
        return self._services.limits.get_system_resource_maximums(caller)

    def list_analysis_resource_usage(self, *, ctx: Context[Any, Any]) -> UsageList:
        """List what the newest runs of each analysis used: memory, time, result size, host calls.

        `share` says how near the largest came to its limit: 1 is all of it.
        """
        caller = self._callers.of(ctx.request_context)
        return UsageList(analyses=self._services.limits.list_analysis_resource_usage(caller))
