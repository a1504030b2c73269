"""What a form may offer for a parameter."""

from typing import Annotated

from fastapi import APIRouter, Body, Query

from analysis_sandbox.services.models import Options
from api import examples
from api.dependencies import AnalysisId, Caller, JSONRoute, ParameterName, Use, errors
from api.examples import answers
from api.schemas import OptionsRequest

router = APIRouter(prefix="/api/analysis", tags=["parameters"], route_class=JSONRoute)

_EMPTY = OptionsRequest()


@router.post(
    "/{analysis_id}/parameters/{param_name}/options",
    operation_id="get_parameter_options",
    summary="Choices of a parameter",
    responses={**answers(examples.OPTIONS), **errors(404, 413, 415)},
)
def get_parameter_options(
    analysis_id: AnalysisId,
    param_name: ParameterName,
    services: Use,
    caller: Caller,
    *,
    body: Annotated[OptionsRequest, Body()] = _EMPTY,
    refresh: Annotated[bool, Query(description="Ask the script, not the cache.")] = False,
) -> Options:
    """Return the choices of a parameter, given the form's values so far.

    A script that computes them runs for at most five seconds; the answer is remembered for a
    while.
    """
    return services.options.options(
        caller, analysis_id, param_name, body.current_params, refresh=refresh
    )
