"""What a GraphQL server answered: its data, or the error that its errors are."""

import json
from typing import cast

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.messages import HTTPAnswer, HTTPRequest, status_error
from analysis_sandbox.datasources.http.values import value_of
from analysis_sandbox.errors import QueryError

# With these some servers send errors in the body.
ACCEPTED = frozenset({400, 422, 500})
_MOST_TOLD = 5
_MOST_KEPT = 50


def data_of(request: HTTPRequest, answer: HTTPAnswer, *, client: HTTPClient) -> object:
    """Return the data of an answer; never a part of it.

    Raises:
        QueryError: the server answered with errors, or with something else than GraphQL.
        UnavailableError: it could not answer.
    """
    members = _members(answer, client)
    errors = members.get("errors") if members else None
    if errors:
        raise _failed(errors, members or {}, client=client)
    if answer.status in ACCEPTED:
        excerpt = client.excerpt(answer.body)
        raise status_error(request, answer, name=client.name, excerpt=excerpt, retry_after=None)
    if members is None or "data" not in members or members.get("hasNext"):
        told = "came in parts" if members and "hasNext" in members else "has no data"
        raise QueryError(
            f"Datasource {client.name!r}: the answer {told}, it is: {client.excerpt(answer.body)}",
            hint="Check that url is the address of a GraphQL API.",
            details={"datasource": client.name, "status": answer.status},
        )
    return members["data"]


def _members(answer: HTTPAnswer, client: HTTPClient) -> dict[str, object] | None:
    try:
        value = value_of(answer, client)
    except QueryError:
        if answer.status not in ACCEPTED:
            raise
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _failed(errors: object, members: dict[str, object], *, client: HTTPClient) -> QueryError:
    found = cast("list[object]", errors) if isinstance(errors, list) else [errors]
    facts = [_facts(error, client) for error in found[:_MOST_KEPT]]
    told = [
        f"{fact['path']}: {fact['message']}" if "path" in fact else str(fact["message"])
        for fact in facts[:_MOST_TOLD]
    ]
    more = f" and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    partial = members.get("data") is not None
    return QueryError(
        f"Datasource {client.name!r}: {'; '.join(told)}{more}",
        hint="The server answered a part of what was asked; it is not used." if partial else None,
        details={"datasource": client.name, "errors": facts, "partial_data": partial},
    )


def _facts(error: object, client: HTTPClient) -> dict[str, object]:
    members = _mapping(error)
    message = members.get("message", error)
    facts: dict[str, object] = {"message": _shown(message, client)}
    path = members.get("path")
    if isinstance(path, list):
        facts["path"] = _shown(".".join(str(p) for p in cast("list[object]", path)), client)
    code = _mapping(members.get("extensions")).get("code")
    if code:
        facts["code"] = _shown(code, client)
    locations = members.get("locations")
    if isinstance(locations, list):
        facts["locations"] = _shown(cast("object", locations), client)
    return facts


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _shown(value: object, client: HTTPClient) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return client.excerpt(text.encode("utf-8", "replace"))
