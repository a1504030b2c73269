"""What happens to every request before it is routed: id, access log, token, body.

Pure ASGI, so that streams pass through and context variables reach the endpoints.
"""

import logging
import re
import time
from uuid import uuid4

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analysis_sandbox.services.access import AccessService, Principal
from api.errors import failure
from api.logs import REQUEST_ID

MAX_BODY_BYTES = 2 * 1024 * 1024
PUBLIC_PATHS = frozenset({"/healthz", "/readyz"})

_access_log = logging.getLogger("api.access")
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


class RequestContext:
    """Gives a request its id, a line in the access log, and an answer whatever breaks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        token = REQUEST_ID.set(request_id)
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", [])
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if status:
                raise
            await failure(error, request_id=request_id)(scope, receive, send_with_id)
        finally:
            _log_access(scope, status, time.perf_counter() - started)
            REQUEST_ID.reset(token)


class Authentication:
    """Lets a request pass with a valid bearer token only, and leaves whose it is in its state."""

    def __init__(self, app: ASGIApp, *, access: AccessService) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PUBLIC_PATHS:
            token = _bearer_token(Headers(scope=scope).get("authorization"))
            scope["state"]["principal"] = await anyio.to_thread.run_sync(
                self._access.authenticate, token
            )
        await self._app(scope, receive, send)


class BodyRules:
    """Takes JSON bodies of at most `max_bytes`, whether their length is declared or not."""

    def __init__(self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            raise self._too_large()
        if (declared != "0" or "transfer-encoding" in headers) and not _is_json(headers):
            raise HTTPException(415, "The body must be JSON: send 'Content-Type: application/json'")
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, receive_within_limit, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The body is larger than {self._max_bytes:,} bytes")


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _GIVEN_ID.fullmatch(given) else uuid4().hex


def _bearer_token(header: str | None) -> str | None:
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _is_json(headers: Headers) -> bool:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _log_access(scope: Scope, status: int, seconds: float) -> None:
    principal: Principal | None = scope["state"].get("principal")
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status or None,
        "duration_ms": round(seconds * 1000, 2),
        "caller": principal.name if principal else None,
        "project": principal.project if principal else None,
        "client": scope["client"][0] if scope.get("client") else None,
    }
    level = logging.DEBUG if scope["path"] in PUBLIC_PATHS else logging.INFO
    outcome = status or "not answered: the client left"
    _access_log.log(
        level, "%s %s %s", scope["method"], scope["path"], outcome, extra={"fields": fields}
    )
