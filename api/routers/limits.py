"""What runs may use and what they use."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from analysis_sandbox.services.models import AnalysisLimits, ResourceMaximums, ResourceUsage
from api import examples
from api.dependencies import AnalysisId, Caller, JSONRoute, Use, errors
from api.examples import answers

router = APIRouter(prefix="/api", tags=["limits"], route_class=JSONRoute)


@router.get(
    "/limits/maximums",
    operation_id="get_system_resource_maximums",
    summary="What this installation allows",
    responses={**answers(examples.MAXIMUMS), **errors()},
)
def get_system_resource_maximums(services: Use, caller: Caller) -> ResourceMaximums:
    """Return the default and the maximum of every limit."""
    return services.limits.get_system_resource_maximums(caller)


@router.get(
    "/limits/usage",
    operation_id="list_analysis_resource_usage",
    summary="What runs really use",
    responses={**answers(examples.USAGE), **errors()},
)
def list_analysis_resource_usage(services: Use, caller: Caller) -> list[ResourceUsage]:
    """Return for each analysis what its newest ended runs used, 100 at most."""
    return services.limits.list_analysis_resource_usage(caller)


@router.get(
    "/analysis/{analysis_id}/limits",
    operation_id="get_analysis_limits",
    summary="Read the limits of an analysis",
    responses={**answers(examples.LIMITS), **errors(404)},
)
def get_analysis_limits(analysis_id: AnalysisId, services: Use, caller: Caller) -> AnalysisLimits:
    """Return the limits of the next run, and who stated each."""
    return services.limits.get_analysis_limits(caller, analysis_id)


@router.patch(
    "/analysis/{analysis_id}/limits",
    operation_id="set_analysis_limits",
    summary="Change limits of an analysis",
    responses={**answers(examples.LIMITS), **errors(404, 413, 415)},
)
def set_analysis_limits(
    analysis_id: AnalysisId,
    services: Use,
    caller: Caller,
    body: Annotated[
        dict[str, Any],
        Body(
            description="Values by the limit's name; null gives a limit back to the script.",
            examples=[{"memory_mb": 512, "timeout_ms": 120_000, "max_concurrent_runs": None}],
        ),
    ],
) -> AnalysisLimits:
    """Change what is named, for the runs that begin from now on. Needs the role manager."""
    return services.limits.set_analysis_limits(caller, analysis_id, body)


@router.delete(
    "/analysis/{analysis_id}/limits",
    operation_id="reset_analysis_limits",
    summary="Forget what was set",
    responses={**answers(examples.LIMITS), **errors(404)},
)
def reset_analysis_limits(analysis_id: AnalysisId, services: Use, caller: Caller) -> AnalysisLimits:
    """Take back everything that was set: the script's own limits hold. Needs the role manager."""
    return services.limits.reset_analysis_limits(caller, analysis_id)
