"""Whether the process lives and whether its parts work; the only routes without a token."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.dependencies import Use
from api.errors import RETRY_AFTER_SECONDS, envelope
from api.schemas import ErrorEnvelope, Health, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="health", summary="Is the process alive?")
async def health() -> Health:
    """Answer as long as the process lives."""
    return Health()


@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Do all parts work?",
    response_model=Readiness,
    responses={503: {"model": ErrorEnvelope, "description": "details.parts says what is away"}},
)
def readiness(request: Request, services: Use) -> Readiness | JSONResponse:
    """Ask every part; 503 names those that do not work, and why."""
    parts = services.readiness()
    problems = {name: problem for name, problem in parts.items() if problem is not None}
    if not problems:
        return Readiness(parts=list(parts))
    answer = envelope(
        "NOT_READY",
        "; ".join(f"{name}: {problem}" for name, problem in problems.items()),
        request_id=request.state.request_id,
        details={"parts": problems},
    )
    return JSONResponse(answer, 503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
