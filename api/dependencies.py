"""What a route is given: the services, whose token came with the request, and its names."""

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, NoReturn, cast

from fastapi import Depends, Path, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from analysis_sandbox.services.access import Principal
from analysis_sandbox.services.bundle import Services
from api.schemas import ErrorEnvelope

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token of a role: viewer … admin."
)

_DESCRIPTIONS = {
    401: "No token, or one that is unknown, revoked or expired",
    403: "The token's role does not allow this",
    404: "Not found in the token's project",
    409: "Contradicts what is stored",
    413: "The body is larger than 2 MB",
    415: "The body is not declared as JSON",
    422: "Not valid; details.fields names each field",
    500: "An unexpected error; the log has it under the request's id",
    503: "A part is away; asking again may succeed (Retry-After)",
}


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


async def _caller(request: Request, _: Annotated[object, Security(_bearer)]) -> Principal:
    return cast("Principal", request.state.principal)


Use = Annotated[Services, Depends(_services)]
Caller = Annotated[Principal, Depends(_caller)]

_NAME = r"^[^\x00-\x1f\x7f]+$"
AnalysisId = Annotated[
    str,
    Path(
        description="The analysis' name, or its UUID.",
        max_length=255,
        pattern=_NAME,
        examples=["monthly_report"],
    ),
]
JobId = Annotated[str, Path(description="What execute answered.", max_length=255, pattern=_NAME)]
ParameterName = Annotated[
    str, Path(description="A parameter of the analysis.", max_length=255, pattern=_NAME)
]
DatasourceName = Annotated[
    str,
    Path(
        description="A datasource of the token's project.",
        max_length=255,
        pattern=_NAME,
        examples=["postgres_main"],
    ),
]
EntryName = Annotated[
    str,
    Path(
        description="A table, an object or an operation, as the catalogue names it.",
        max_length=2_000,
        pattern=_NAME,
        examples=["public.orders"],
    ),
]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of a route's errors: these, and those that any route has."""
    return {
        status: {"model": ErrorEnvelope, "description": _DESCRIPTIONS[status]}
        for status in sorted({*statuses, 401, 403, 422, 500, 503})
    }


class JSONRoute(APIRoute):
    """A route whose body is strict JSON: no NaN, no text that could not be stored."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            value = json.loads(body, parse_constant=_refuse_constant)
            # Only an escape can hold what UTF-8 cannot.
            storable = b"\\u" not in body or _is_storable(value)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from None
        if not storable:
            raise json.JSONDecodeError("text holds U+0000 or half of a surrogate pair", "", 0)
        return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return not any(
            character == "\0" or "\ud800" <= character <= "\udfff" for character in value
        )
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return all(_is_storable(key) and _is_storable(item) for key, item in items)
    if isinstance(value, list):
        return all(_is_storable(item) for item in cast("list[object]", value))
    return True
