"""Stored analyses: list, read, validate, create, update, delete."""

from fastapi import APIRouter, Response

from analysis_sandbox.services.analyses import Authoring
from analysis_sandbox.services.models import (
    AnalysisDetail,
    AnalysisSource,
    AnalysisSummary,
    Deleted,
    Saved,
    Validation,
)
from api import examples
from api.dependencies import AnalysisId, Caller, JSONRoute, Use, errors
from api.examples import answers
from api.schemas import CreateRequest, UpdateRequest, ValidateRequest

router = APIRouter(prefix="/api/analysis", tags=["analyses"], route_class=JSONRoute)


@router.get(
    "",
    operation_id="list_analyses",
    summary="List analyses",
    responses={**answers(examples.ANALYSES), **errors()},
)
def list_analyses(services: Use, caller: Caller) -> list[AnalysisSummary]:
    """Return the analyses of the token's project, by name."""
    return services.analyses.summaries(caller)


@router.post(
    "",
    operation_id="create_analysis",
    summary="Store a new analysis",
    status_code=201,
    responses=errors(409, 413, 415),
)
def create_analysis(
    body: CreateRequest, services: Use, caller: Caller, response: Response
) -> Saved:
    """Check a script and store it. Needs the role manager.

    An invalid script is a 422 with every reason in `details.errors`.
    """
    saved = services.analyses.create(caller, body.script_content, body.metadata)
    response.headers["Location"] = f"{router.prefix}/{saved.analysis_id}"
    return saved


@router.post(
    "/validate",
    operation_id="validate_analysis",
    summary="Check a script",
    responses={**answers(examples.VALIDATION), **errors(413, 415)},
)
def validate_analysis(body: ValidateRequest, services: Use, caller: Caller) -> Validation:
    """Check a script as saving would, and store nothing; all errors at once."""
    authoring = Authoring(body.language, body.packages)
    return services.analyses.validate(caller, body.script_content, authoring)


@router.get(
    "/{analysis_id}",
    operation_id="get_analysis",
    summary="Read an analysis",
    responses={**answers(examples.ANALYSIS), **errors(404)},
)
def get_analysis(analysis_id: AnalysisId, services: Use, caller: Caller) -> AnalysisDetail:
    """Return an analysis with what a form needs to run it."""
    return services.analyses.detail(caller, analysis_id)


@router.put(
    "/{analysis_id}",
    operation_id="update_analysis",
    summary="Store the next version",
    responses=errors(404, 409, 413, 415),
)
def update_analysis(
    analysis_id: AnalysisId, body: UpdateRequest, services: Use, caller: Caller
) -> Saved:
    """Check a script and store it as the next version. Needs the role manager.

    Runs that are going on keep the version they were created with.
    """
    return services.analyses.update(
        caller,
        analysis_id,
        body.script_content,
        change_description=body.change_description,
        authoring=Authoring(body.language, body.packages),
    )


@router.delete(
    "/{analysis_id}",
    operation_id="delete_analysis",
    summary="Delete an analysis",
    responses=errors(404),
)
def delete_analysis(analysis_id: AnalysisId, services: Use, caller: Caller) -> Deleted:
    """Hide an analysis, switch its schedule off and stop its jobs. Needs the role manager.

    Nothing is lost: creating the name again continues its history.
    """
    return services.analyses.delete(caller, analysis_id)


@router.get(
    "/{analysis_id}/script",
    operation_id="get_analysis_script",
    summary="Read the script",
    responses=errors(404),
)
def get_analysis_script(analysis_id: AnalysisId, services: Use, caller: Caller) -> AnalysisSource:
    """Return an analysis with the text of its current version."""
    return services.analyses.source(caller, analysis_id)
