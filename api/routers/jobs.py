"""Runs: start, watch, stop."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Response

from analysis_sandbox.services.models import JobStatus, Started, Stopped
from analysis_sandbox.values import EncodedJSON
from api import examples
from api.dependencies import AnalysisId, Caller, JobId, JSONRoute, Use, errors
from api.examples import answers
from api.schemas import ExecuteRequest

router = APIRouter(prefix="/api/analysis", tags=["jobs"], route_class=JSONRoute)

_EMPTY = ExecuteRequest()


@router.post(
    "/{analysis_id}/execute",
    operation_id="execute_analysis",
    summary="Run an analysis",
    status_code=202,
    responses={**answers(examples.STARTED, status=202), **errors(404, 409, 413, 415)},
)
def execute_analysis(
    analysis_id: AnalysisId,
    services: Use,
    caller: Caller,
    response: Response,
    *,
    body: Annotated[ExecuteRequest, Body()] = _EMPTY,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Asking again with the same key answers with the same job.",
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
        ),
    ] = None,
) -> Started:
    """Check the parameters and start a run; answers at once. Needs the role runner.

    Once this is answered, the run is on disk. Watch it at the address in `Location`.
    """
    started = services.runs.execute(
        caller, analysis_id, body.parameters, idempotency_key=idempotency_key
    )
    response.headers["Location"] = f"{router.prefix}/jobs/{started.job_id}"
    return started


@router.get(
    "/jobs/{job_id}",
    operation_id="get_job",
    summary="Read a job",
    response_model=JobStatus,
    responses={**answers(examples.JOB), **errors(404)},
)
def get_job(
    job_id: JobId,
    services: Use,
    caller: Caller,
    *,
    include_result: Annotated[
        bool, Query(description="Leave a large result out with false.")
    ] = True,
) -> Response:
    """Return a job as it stands: status, log, and its result once completed."""
    status = services.runs.status(caller, job_id, include_result=include_result)
    return Response(_job_text(status), media_type="application/json")


@router.delete(
    "/jobs/{job_id}",
    operation_id="stop_job",
    summary="Stop a job",
    responses=errors(404),
)
def stop_job(job_id: JobId, services: Use, caller: Caller) -> Stopped:
    """Stop a job that waits or runs. Needs the role runner."""
    return services.runs.stop(caller, job_id)


def _job_text(status: JobStatus) -> str:
    """Return the job as JSON; a result that is JSON text already is not decoded for it."""
    if not isinstance(status.result, EncodedJSON):
        return status.model_dump_json()
    return f'{status.model_dump_json(exclude={"result"})[:-1]},"result":{status.result}}}'
