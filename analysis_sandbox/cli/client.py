"""The REST API as a command uses it; its errors come back as our own."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ScriptInvalidError,
    UnauthenticatedError,
    UnavailableError,
    ValidationFailedError,
)

# Saving may have to download npm packages first.
_TIMEOUT = httpx.Timeout(180, connect=5)
_ANALYSES = "/api/analysis"
_DATASOURCES = "/api/datasources"
_WAREHOUSE = "/api/warehouse"
_CLASSES: Mapping[int, type[AnalysisSandboxError]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    503: UnavailableError,
}


class Client:
    """A connection to a running API."""

    def __init__(self, url: str, token: str, *, trust_env: bool = True) -> None:
        self._url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            trust_env=trust_env,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, *path: str, **query: str) -> Any:
        """Return what is at `/api/analysis/<path>`."""
        return self._request("GET", _address(path), params=query)

    def post(self, *path: str, body: object, **query: str) -> Any:
        """Post a JSON body to `/api/analysis/<path>`."""
        return self._request("POST", _address(path), params=query, json=body)

    def put(self, *path: str, body: object) -> Any:
        """Put a JSON body at `/api/analysis/<path>`."""
        return self._request("PUT", _address(path), json=body)

    def patch(self, *path: str, body: object) -> Any:
        """Patch what is at `/api/analysis/<path>` with a JSON body."""
        return self._request("PATCH", _address(path), json=body)

    def get_limits(self, what: str) -> Any:
        """Return what is at `/api/limits/<what>`."""
        return self._request("GET", f"/api/limits/{what}")

    def datasources(
        self,
        method: str,
        name: str | None = None,
        below: Sequence[str] = (),
        *,
        body: object = None,
        **query: object,
    ) -> Any:
        """Send a request to `/api/datasources/<name>/<below>`, whose parts may hold slashes."""
        address = _DATASOURCES if name is None else _address((name,), below=_DATASOURCES)
        address = "/".join((address, *(quote(part, safe="") for part in below)))
        arguments: dict[str, Any] = {} if body is None else {"json": body}
        return self._request(method, address, params=query, **arguments)

    def delete(self, *path: str) -> Any:
        """Delete what is at `/api/analysis/<path>`."""
        return self._request("DELETE", _address(path))

    def warehouse(
        self, method: str, *path: str, body: object = None, read_seconds: float | None = None
    ) -> Any:
        """Send a request to `/api/warehouse/<path>`; an answer may take `read_seconds`."""
        arguments: dict[str, Any] = {} if body is None else {"json": body}
        if read_seconds is not None:
            arguments["timeout"] = httpx.Timeout(read_seconds, connect=5)
        return self._request(method, _address(path, below=_WAREHOUSE), **arguments)

    def problems(self) -> dict[str, str]:
        """Return the parts of the installation that do not work, each with the reason."""
        try:
            self._request("GET", "/readyz")
        except UnavailableError as error:
            parts: Any = error.details.get("parts")
            if parts is None:
                raise
            return parts
        return {}

    def _request(self, method: str, address: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, address, **arguments)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The API at {self._url} cannot be reached: {error}",
                hint="Is 'analysis-sandbox up' running there?",
            ) from error
        if response.is_success:
            return response.json()
        raise _error(response, self._url)


def _address(path: tuple[str, ...], *, below: str = _ANALYSES) -> str:
    for part in path:
        # These would be the address of something else.
        if part in ("", ".", "..") or "/" in part:
            raise NotFoundError(f"There is nothing named '{part}'")
    return "/".join((below, *(quote(part, safe="") for part in path)))


def _error(response: httpx.Response, url: str) -> AnalysisSandboxError:
    try:
        body: Any = response.json()["error"]
        message, details = str(body["message"]), dict(body["details"])
    except (ValueError, KeyError, TypeError):
        return UnavailableError(
            f"What answers at {url} is not analysis-sandbox (HTTP {response.status_code})",
            hint="Check --url.",
        )
    if "errors" in details:
        error: AnalysisSandboxError = ScriptInvalidError(details["errors"])
    elif response.status_code == 422:
        error = ValidationFailedError(message, fields=details.get("fields"))
    else:
        error = _CLASSES.get(response.status_code, AnalysisSandboxError)(message)
    error.hint = body.get("hint")
    error.details = details
    return error
