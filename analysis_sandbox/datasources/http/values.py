"""How a script's values become the body of an HTTP request, and an answer's body values."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import httpx

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.messages import HTTPAnswer
from analysis_sandbox.datasources.http.urls import query_params
from analysis_sandbox.errors import QueryError, ValidationFailedError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_JSON_TYPE = re.compile(r"(application|text)/([a-z0-9.!#$&^_-]+\+)?json")
_TEXT_TYPE = re.compile(
    r"text/.*|.*[/+](xml|yaml|csv)|application/(x-)?(javascript|ndjson|jsonlines|yaml)|" + FORM
)
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
# Python refuses to read longer ones, since that takes quadratic time.
_MOST_DIGITS = 4_000


def value_of(answer: HTTPAnswer, client: HTTPClient) -> object:
    """Return what an answer holds: JSON data, text, or bytes; None if it is empty.

    Raises:
        QueryError: it says that it is JSON, and is not.
    """
    body, kind = answer.body, answer.content_type
    if not body:
        return None
    if _JSON_TYPE.fullmatch(kind):
        try:
            return parsed_json(_text(answer))
        except (ValueError, RecursionError) as error:
            reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise QueryError(
                f"Datasource {client.name!r}: the answer says that it is JSON, and is not "
                f"({reason}): {client.excerpt(body)}",
                details={"datasource": client.name, "status": answer.status},
            ) from None
    if _TEXT_TYPE.fullmatch(kind):
        return _text(answer)
    return body if kind else _untyped(body)


def parsed_json(text: str) -> object:
    """Return JSON data; integers are exact, NaN and infinities null. Raises ValueError."""
    return json.loads(text.removeprefix("\ufeff"), parse_int=_integer, parse_constant=_nothing)


def json_body(value: object) -> bytes:
    """Return a script's value as JSON; bytes as Base64, a BigInt as an exact number.

    Raises:
        ValidationFailedError: it has no form in JSON.
    """
    try:
        text = json.dumps(value, default=_base64, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationFailedError(f"The body cannot be sent as JSON: {error}") from None
    return text.encode()


def body_of(value: object, *, content_type: str | None = None) -> tuple[bytes, str | None]:
    """Return a script's body and its content type; `content_type` is what is configured.

    Raises:
        ValidationFailedError: it has no form in that type.
    """
    if value is None:
        return b"", None
    kind = (content_type or "").partition(";")[0].strip().lower()
    if isinstance(value, bytes):
        return value, content_type or "application/octet-stream"
    if isinstance(value, str):
        # Sent as it is: a text may be JSON already.
        return value.encode("utf-8", "replace"), content_type or _type_of_text(value)
    if kind == FORM and isinstance(value, Mapping):
        return form_body(cast("object", value)), FORM
    return json_body(value), content_type if _JSON_TYPE.fullmatch(kind) else JSON


def form_body(value: object) -> bytes:
    """Return an object as a form."""
    return str(httpx.QueryParams(tuple(query_params(value)))).encode()


def multipart_body(value: object) -> tuple[bytes, str]:
    """Return an object as a multipart form, bytes as files; and the content type.

    Raises:
        ValidationFailedError: it is not an object.
    """
    if not isinstance(value, Mapping):
        raise ValidationFailedError("The body of a form must be an object")
    fields = cast("Mapping[str, object]", value)
    files = {name: (name, item) for name, item in fields.items() if isinstance(item, bytes)}
    rest = query_params({name: item for name, item in fields.items() if name not in files})
    data: dict[str, Any] = {}
    for name, text in rest:
        data.setdefault(name, []).append(text)
    # Also without files it is a multipart form.
    parts = [*files.items()] or [("", ("", b""))]
    request = httpx.Request("POST", "http://form/", data=data, files=parts)
    return request.read(), request.headers["content-type"]


def _type_of_text(text: str) -> str:
    try:
        is_json = isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        is_json = False
    return JSON if is_json else "text/plain; charset=utf-8"


def _text(answer: HTTPAnswer) -> str:
    match = _CHARSET.search(answer.headers.get("content-type", ""))
    try:
        return answer.body.decode(match.group(1) if match else "utf-8", "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _untyped(body: bytes) -> object:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body
    try:
        return parsed_json(text)
    except (ValueError, RecursionError):
        return text


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _nothing(_: str) -> None:
    return None


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a value of type {type(value).__name__}")
