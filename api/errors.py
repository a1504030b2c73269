"""Errors as HTTP answers: one status per error class, one envelope for all of them."""

import http
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pydantic_core
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    MissingDependencyError,
    NotFoundError,
    TerminalError,
    TransientError,
    UnauthenticatedError,
)

_log = logging.getLogger(__name__)

STATUS: Mapping[type[AnalysisSandboxError], int] = {
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    CancelledError: 409,
    # Everything else that is terminal was understood and cannot be done as it was asked: wrong
    # fields, an invalid script, a statement that is refused, an options function that throws.
    TerminalError: 422,
    ConfigurationError: 500,
    MissingDependencyError: 500,
    TransientError: 503,
    AnalysisSandboxError: 500,
}
"""The status of each error class; a class that is not here has that of its nearest base."""

RETRY_AFTER_SECONDS = 1
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="analysis-sandbox"'}
_CODES = {413: "PAYLOAD_TOO_LARGE", 429: "RATE_LIMITED"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def status_of(error: AnalysisSandboxError) -> int:
    """Return the HTTP status of an error."""
    return next(STATUS[base] for base in type(error).__mro__ if base in STATUS)


def failure(error: Exception, *, request_id: str) -> Response:
    """Return the answer to a request that failed.

    The text of an error that is not ours is hidden: it goes to the log, beside the request's id.
    """
    if isinstance(error, AnalysisSandboxError):
        return _known(error, request_id)
    if isinstance(error, RequestValidationError):
        return _invalid_request(error.errors(), request_id)
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code) or http.HTTPStatus(error.status_code).name
        answer = envelope(code, error.detail, request_id=request_id)
        return _response(error.status_code, answer, error.headers)
    _log.error("Unexpected error", exc_info=error)
    answer = envelope(
        "INTERNAL_ERROR",
        "Internal error",
        request_id=request_id,
        hint=f"The log of the API has the cause under request_id {request_id}.",
    )
    return _response(500, answer)


def envelope(
    code: str,
    message: str,
    *,
    request_id: str,
    hint: str | None = None,
    details: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return the body of an error; see `schemas.ErrorEnvelope`."""
    return {
        "error": {
            "code": code,
            "message": message,
            "hint": hint,
            "details": dict(details or {}),
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": request_id,
        }
    }


async def answer_failure(request: Request, error: Exception) -> Response:
    """Exception handler of the application."""
    if isinstance(error, HTTPException):
        error = _explained(request.scope, error)
    return failure(error, request_id=request.state.request_id)


def _known(error: AnalysisSandboxError, request_id: str) -> Response:
    status = status_of(error)
    headers: dict[str, str] = {}
    details = error.facts()
    if status == 401:
        headers |= _CHALLENGE
    if error.transient:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        details["transient"] = True
    if status >= 500:
        _log.warning("%s: %s", error.code, error.message)
    answer = envelope(
        error.code, error.message, request_id=request_id, hint=error.hint, details=details
    )
    return _response(status, answer, headers)


def _invalid_request(errors: Sequence[Any], request_id: str) -> Response:
    if errors and errors[0]["type"] == "json_invalid":
        reason = errors[0]["ctx"]["error"]
        message, fields = f"The body is not valid JSON: {reason}", {"body": str(reason)}
    else:
        fields = {_field(error["loc"]): str(error["msg"]) for error in errors}
        message = "; ".join(f"{name}: {reason}" for name, reason in fields.items())
    first = next(iter(fields), None)
    details = {"fields": fields, "field": first, "reason": fields.get(first) if first else None}
    answer = envelope("VALIDATION_ERROR", message, request_id=request_id, details=details)
    return _response(422, answer)


def _field(location: Sequence[str | int]) -> str:
    """Name a field as the caller wrote it: without the part of the request it came in."""
    return ".".join(map(str, location[1:] or location))


def _explained(scope: Scope, error: HTTPException) -> HTTPException:
    """Say what the router only says with a number."""
    method, path = scope["method"], scope["path"]
    if error.status_code == 404:
        return HTTPException(404, f"There is nothing at {path}")
    if error.status_code == 405:
        allowed = ", ".join(_allowed_methods(scope["app"].router.routes, scope))
        message = f"{method} is not possible at {path}; possible: {allowed}"
        return HTTPException(405, message, headers={"Allow": allowed})
    return error


def _allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """Return the methods of a path; a route's own `Allow` knows only that route's."""

    def answers(method: str) -> bool:
        attempt = {**scope, "method": method}
        return any(route.matches(attempt)[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if answers(method)]


def _response(
    status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> Response:
    plain = pydantic_core.to_jsonable_python(body, fallback=str, inf_nan_mode="null")
    # ASCII: a message may quote text that has no UTF-8 form.
    return Response(
        json.dumps(plain, separators=(",", ":")),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/json",
    )
