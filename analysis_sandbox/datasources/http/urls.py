"""URLs of an HTTP datasource: what is accepted as one, and which lie within its base URL."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast
from urllib.parse import unquote

import httpx

from analysis_sandbox.errors import StatementRefusedError, ValidationFailedError

Origin: TypeAlias = tuple[str, str, int]
Params: TypeAlias = Sequence[tuple[str, str]]

_PORTS = {"http": 80, "https": 443}
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Browsers and servers disagree about what these mean in a URL.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST = 16_384


def parse_url(text: str) -> httpx.URL:
    """Return an http or https URL without user, password and fragment.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    if _AMBIGUOUS.search(text):
        raise ValueError("must not contain spaces, backslashes or control characters")
    if len(text) > _LONGEST:
        raise ValueError(f"must not be longer than {_LONGEST} characters")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("is not a URL") from None
    if url.scheme not in _PORTS:
        raise ValueError("must begin with http:// or https://")
    if url.userinfo or "@" in url.netloc.decode("ascii"):
        raise ValueError("must not contain a user or a password; use auth for them")
    if not url.raw_host:
        raise ValueError("must name a host")
    return url.copy_with(fragment=None)


def joined(url: httpx.URL, reference: str) -> httpx.URL:
    """Return the URL that a reference in an answer means; raises ValueError as `parse_url`."""
    if _AMBIGUOUS.search(reference):
        raise ValueError("must not contain spaces, backslashes or control characters")
    try:
        target = str(url.join(reference))
    except (httpx.InvalidURL, ValueError):
        raise ValueError("is not a URL") from None
    return parse_url(target)


def parse_base_url(text: str) -> httpx.URL:
    """Return a URL that endpoints are appended to; raises ValueError as `parse_url`."""
    url = parse_url(text)
    if url.query:
        raise ValueError("must not contain a query; use auth for keys")
    if _has_dot_segments(url):
        raise ValueError("must not contain . or .. as a part of its path")
    return url


def origin_of(url: httpx.URL) -> Origin:
    """Return scheme, host and port."""
    return (url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])


def shown(url: httpx.URL) -> str:
    """Return what a message may show of a URL: not its query, which may hold a key."""
    return str(url.copy_with(query=None, fragment=None))


def endpoint_url(base: httpx.URL, endpoint: object, *, name: str) -> httpx.URL:
    """Return the URL of a script's endpoint, below the base URL.

    Raises:
        ValidationFailedError: it is not an endpoint.
        StatementRefusedError: it leads out of the base URL.
    """
    if not isinstance(endpoint, str):
        raise ValidationFailedError(f"The endpoint must be a string, not {type(endpoint).__name__}")
    if _ABSOLUTE.match(endpoint):
        url = _parsed(endpoint)
    elif endpoint.startswith("//") or "#" in endpoint:
        raise ValidationFailedError(
            f"The endpoint {endpoint[:200]!r} is not a path; use encodeURIComponent for values"
        )
    else:
        path, mark, query = endpoint.partition("?")
        root = f"{base.scheme}://{base.netloc.decode('ascii')}"
        above = base.raw_path.decode("ascii").rstrip("/")
        url = _parsed(f"{root}{above}/{path.lstrip('/')}{mark}{query}")
        if not path:
            url = url.copy_with(raw_path=base.raw_path + (mark + query).encode())
    # Looked for in what was given: parsing resolves the plain ones.
    if origin_of(url) != origin_of(base) or _leaves(endpoint) or not _is_below(base, url):
        raise _outside(base, shown(url), name=name)
    return url


def link_url(base: httpx.URL, current: httpx.URL, link: str, *, name: str) -> httpx.URL:
    """Return the URL of a link in an answer from `current`; it must have the base URL's origin.

    Raises:
        StatementRefusedError: it leads to another origin, or is no URL.
    """
    try:
        url = joined(current, link)
    except ValueError as error:
        raise StatementRefusedError(
            f"Datasource {name!r}: the link to the next page {error}",
            details={"datasource": name},
        ) from None
    if origin_of(url) != origin_of(base):
        raise _outside(base, shown(url), name=name)
    return url


def with_params(url: httpx.URL, params: Params) -> httpx.URL:
    """Return a URL with query parameters; those of the same names are replaced."""
    if not params:
        return url
    names = {name for name, _ in params}
    kept = [pair for pair in url.params.multi_items() if pair[0] not in names]
    return url.copy_with(params=[*kept, *params])


def query_params(params: object) -> list[tuple[str, str]]:
    """Return a script's object as query parameters: arrays are repeated, null is left out.

    Raises:
        ValidationFailedError: it is not an object, or a value has no text.
    """
    if params is None:
        return []
    if not isinstance(params, Mapping):
        raise ValidationFailedError("The parameters must be an object, such as {page: 1}")
    pairs: list[tuple[str, str]] = []
    for name, value in cast("Mapping[str, object]", params).items():
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        pairs += [(name, scalar_text(item, name)) for item in values if item is not None]
    return pairs


def scalar_text(value: object, name: str) -> str:
    """Return a value as it is written in a URL or a header.

    Raises:
        ValidationFailedError: it is an object, an array or bytes.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value) if value.is_integer() and abs(value) < 1e21 else value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    raise ValidationFailedError(
        f"The parameter {name!r} must be text, a number or a boolean; "
        "use JSON.stringify for an object",
        fields={name: "must be text, a number or a boolean"},
    )


def _parsed(text: str) -> httpx.URL:
    try:
        return parse_url(text)
    except ValueError as error:
        raise ValidationFailedError(f"The endpoint {error}") from None


def _leaves(endpoint: str) -> bool:
    path = re.split(r"[?#]", _ABSOLUTE.sub("", endpoint))[0]
    return _dots(path)


def _has_dot_segments(url: httpx.URL) -> bool:
    return _dots(url.raw_path.decode("ascii").partition("?")[0])


def _dots(path: str) -> bool:
    # Twice: some servers decode a path before they look for these, some after.
    segments = re.split(r"[/\\]", unquote(unquote(path)))
    return any(segment in (".", "..") for segment in segments)


def _is_below(base: httpx.URL, url: httpx.URL) -> bool:
    above = base.raw_path.decode("ascii").rstrip("/")
    path = url.raw_path.decode("ascii").partition("?")[0]
    return path in (above, above or "/") or path.startswith(above + "/")


def _outside(base: httpx.URL, url: str, *, name: str) -> StatementRefusedError:
    return StatementRefusedError(
        f"Datasource {name!r} may not call {url}: it lies outside {base}",
        hint="Use an endpoint below base_url, without . and .. in it.",
        details={"datasource": name, "base_url": str(base)},
    )
