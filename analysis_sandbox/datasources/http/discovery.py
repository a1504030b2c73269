"""What the types over HTTP tell of themselves: whether they are reached, and what they hold."""

import difflib
from collections.abc import Callable, Collection

import httpx

from analysis_sandbox.datasources.base import Access, Check
from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.messages import HTTPRequest
from analysis_sandbox.datasources.http.urls import shown
from analysis_sandbox.errors import AnalysisSandboxError, NotFoundError, UnsupportedOperationError

_NAMES_IN_A_HINT = 50
# An API need not answer at the address that its paths begin with; who says so was reached.
_REACHED = frozenset({400, 404, 405, 406, 410, 415, 422})


def connection_check(probe: Callable[[], str]) -> Check:
    """Return the check `connection`; `probe` asks the server and says what it found."""
    try:
        return Check("connection", ok=True, detail=probe())
    except AnalysisSandboxError as error:
        told = " ".join(part for part in (error.message, error.hint) if part)
        return Check("connection", ok=False, detail=told)


def reached(client: HTTPClient, url: httpx.URL, *, further: frozenset[int] = frozenset()) -> str:
    """Ask for a URL and say what it answered; raises as `HTTPClient.send`.

    `further` are statuses that also mean that somebody is there.
    """
    answer = client.send(HTTPRequest("GET", url, accepted=_REACHED | further))
    return f"{shown(url)} answered {answer.status}."


def access_check(access: Access, *, enforced_by: str) -> Check:
    """Return the check `read_only`: it holds where writes are refused before they are sent."""
    if access == "read_only":
        return Check("read_only", ok=True, detail=enforced_by)
    return Check("read_only", ok=False, detail="access is read_write: scripts may write")


def not_found(name: object, known: Collection[str], *, source: str, kind: str) -> NotFoundError:
    """Return the error for a name that a datasource does not have, with the nearest."""
    asked = str(name)[:100]
    nearest = difflib.get_close_matches(asked, known, n=1, cutoff=0.5)
    listed = sorted(known)
    more = f" and {len(listed) - _NAMES_IN_A_HINT} more" if len(listed) > _NAMES_IN_A_HINT else ""
    return NotFoundError(
        f"Datasource {source!r} has no {kind} {asked!r}"
        + (f"; did you mean {nearest[0]}?" if nearest else ""),
        hint=f"It has: {', '.join(listed[:_NAMES_IN_A_HINT]) or 'none'}{more}.",
        details={"datasource": source, "name": asked, "nearest": nearest},
    )


def no_rows(name: str, *, source: str) -> UnsupportedOperationError:
    """Return the error for asking an API for sample rows."""
    return UnsupportedOperationError(
        f"Datasource {source!r}: {name!r} has no sample rows",
        hint="Call it from a script and look at what it answers.",
        details={"datasource": source, "name": name},
    )
