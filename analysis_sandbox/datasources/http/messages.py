"""One request, its answer, where a redirect leads, and the error that a status is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.client import responses

import httpx

from analysis_sandbox.datasources.http.urls import Origin, joined, origin_of, shown
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
)

READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_IDEMPOTENT_METHODS = READING_METHODS | {"PUT", "DELETE"}
# What may go to another origin; everything else may be meant for the first one only.
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
_HINTS = {
    401: "Check auth in the datasource's configuration.",
    403: "Check auth in the datasource's configuration, and what its account may do.",
    404: "Check the endpoint and base_url.",
    405: "The API does not allow this method there.",
    429: "The API limits requests: set rate_limit, or ask for less.",
}


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """One request. Whether it is `idempotent` is told by the method, unless it is stated.

    `accepted` are the statuses of 400 and above, and 304, that are an answer and not an error.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    idempotent: bool | None = None
    accepted: frozenset[int] = frozenset()

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.method in _IDEMPOTENT_METHODS if self.idempotent is None else self.idempotent


@dataclass(frozen=True, slots=True)
class HTTPAnswer:
    """An answer with its decoded body; `url` is where it came from, without credentials."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: httpx.URL

    @property
    def content_type(self) -> str:
        """The type without its parameters, in small letters; empty if none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def same_site(first: Origin, second: Origin) -> bool:
    """Tell whether what was meant for one origin may go to another: the same, or its https."""
    upgraded = first == ("http", second[1], 80) and second == ("https", first[1], 443)
    return first == second or upgraded


def redirected(request: HTTPRequest, answer: HTTPAnswer, *, name: str) -> HTTPRequest | None:
    """Return the request to the place that an answer names; None if it names none.

    Raises:
        StatementRefusedError: following would be unsafe, or would lose what was sent.
    """
    location = answer.headers.get("location")
    if answer.status not in REDIRECTS or location is None:
        return None
    try:
        url = joined(request.url, location)
    except ValueError as error:
        raise _not_followed(name, f"to a place that {error}") from None
    same = same_site(origin_of(request.url), origin_of(url))
    reads = request.method in READING_METHODS
    becomes_get = answer.status == 303 and request.method != "HEAD"
    if request.url.scheme == "https" and url.scheme == "http":
        raise _not_followed(name, f"from https to {shown(url)}")
    if not reads and answer.status in (301, 302):
        raise _not_followed(name, f"to {shown(url)}, which would lose what was sent")
    if not reads and not same and not becomes_get:
        raise _not_followed(name, f"to {shown(url)} together with what was sent")
    headers = {
        header: value
        for header, value in request.headers.items()
        if (same or header.lower() in _HARMLESS_HEADERS)
        and not (becomes_get and header.lower() == "content-type")
    }
    if becomes_get:
        return replace(request, method="GET", url=url, content=b"", headers=headers)
    return replace(request, url=url, headers=headers)


def status_error(
    request: HTTPRequest,
    answer: HTTPAnswer,
    *,
    name: str,
    excerpt: str,
    retry_after: float | None,
) -> AnalysisSandboxError:
    """Return the error that an answer's status means; `excerpt` is of its body."""
    status = answer.status
    told = f"{status} {responses.get(status, '')}".rstrip() + (f": {excerpt}" if excerpt else "")
    message = f"Datasource {name!r}: {request.method} {answer.url.path} answered {told}"
    details: dict[str, object] = {
        "datasource": name,
        "status": status,
        "method": request.method,
        "url": shown(answer.url),
    }
    if retry_after is not None:
        details["retry_after_seconds"] = retry_after
    kind = UnavailableError if status == 429 or status >= 500 else QueryError
    return kind(message, hint=_HINTS.get(status), details=details)


def _not_followed(name: str, reason: str) -> StatementRefusedError:
    return StatementRefusedError(
        f"Datasource {name!r} was redirected {reason}: not followed",
        hint="If that is the right place, name it in the configuration.",
        details={"datasource": name},
    )
