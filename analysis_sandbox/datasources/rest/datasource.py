"""REST APIs.

A script names endpoints below `base_url` and nothing else. A read-only datasource sends nothing but
GET.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Self

import httpx
from pydantic import field_validator

from analysis_sandbox.datasources.base import (
    Check,
    DatasourceConfig,
    Operation,
    read_only_error,
)
from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.config import HTTPDatasourceConfig
from analysis_sandbox.datasources.http.discovery import (
    access_check,
    connection_check,
    no_rows,
    not_found,
    reached,
)
from analysis_sandbox.datasources.http.messages import HTTPAnswer, HTTPRequest
from analysis_sandbox.datasources.http.urls import (
    endpoint_url,
    link_url,
    parse_base_url,
    query_params,
    with_params,
)
from analysis_sandbox.datasources.http.values import body_of, value_of
from analysis_sandbox.datasources.rest.pagination import Page, Pager, Pagination, pagination_of
from analysis_sandbox.errors import LimitExceededError
from analysis_sandbox.values import EncodedJSON, JSONObject

_MOST_PAGES = 1_000
_NOT_FOUND = 404
_PATH = ("endpoint", "text", "A path below base_url, such as /users/5.")
_QUERY = ("params", "object", "The query; arrays are repeated, null is left out.")
_BODY = ("body", "any", "Objects and arrays are sent as JSON, text and bytes as they are.")
_PAGES = ("options", "object", "Such as {limitParam, limit, pageParam, dataPath, nextPagePath}.")
_OPERATIONS: Mapping[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "get": ("What is at an endpoint.", (_PATH, _QUERY)),
    "paginate": ("The items of every page as one array.", (_PATH, _PAGES)),
    "post": ("Send a body with POST.", (_PATH, _BODY, _QUERY)),
    "put": ("Send a body with PUT.", (_PATH, _BODY, _QUERY)),
    "patch": ("Send a body with PATCH.", (_PATH, _BODY, _QUERY)),
    "delete": ("Delete what is at an endpoint.", (_PATH, _QUERY)),
}


class RESTConfig(HTTPDatasourceConfig):
    """Where the API is, as `https://host/path`, and how it tells its pages."""

    base_url: str
    pagination: Pagination | None = None

    @field_validator("base_url")
    @classmethod
    def _is_a_base_url(cls, text: str) -> str:
        parse_base_url(text)
        return text


class RESTDatasource:
    """One REST API."""

    type_name: ClassVar[str] = "rest"
    config_model: ClassVar[type[DatasourceConfig]] = RESTConfig
    write_operations: ClassVar[tuple[str, ...]] = ("post", "put", "patch", "delete")

    def __init__(self, config: RESTConfig, *, name: str, client: HTTPClient | None = None) -> None:
        self._name = name
        self._config = config
        self._base = parse_base_url(config.base_url)
        self._client = client or HTTPClient(config, name=name, home=self._base)
        types = [v for k, v in config.headers.items() if k.lower() == "content-type"]
        self._content_type = types[0].get_secret_value() if types else None

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `get` and `paginate`, and the methods that write where writing is allowed."""
        reading = ("get", "paginate")
        return reading if config.access == "read_only" else (*reading, *cls.write_operations)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first request connects."""
        assert isinstance(config, RESTConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        offered: dict[str, Operation] = {
            "get": self.get,
            "paginate": self.paginate,
            "post": partial(self.write, "POST"),
            "put": partial(self.write, "PUT"),
            "patch": partial(self.write, "PATCH"),
            "delete": self.delete,
        }
        return {name: offered[name] for name in self.operation_names(self._config)}

    def get(self, endpoint: str, params: object = None) -> object:
        """Return what is at an endpoint.

        Raises:
            StatementRefusedError: the endpoint lies outside the base URL.
            QueryError, UnavailableError, LimitExceededError: as `HTTPClient.send`.
        """
        return self._value(HTTPRequest("GET", self._url(endpoint, params)))

    def write(
        self, method: str, endpoint: str, body: object = None, params: object = None
    ) -> object:
        """Send a body to an endpoint and return the answer.

        Raises:
            ReadOnlyError: the datasource is read-only.
            StatementRefusedError, QueryError, UnavailableError, LimitExceededError: as `get`.
        """
        self._check_writable(method)
        content, kind = body_of(body, content_type=self._content_type)
        headers = {"content-type": kind} if kind else {}
        return self._value(
            HTTPRequest(method, self._url(endpoint, params), headers=headers, content=content)
        )

    def delete(self, endpoint: str, params: object = None) -> object:
        """Delete what is at an endpoint and return the answer; raises as `write`."""
        self._check_writable("DELETE")
        return self._value(HTTPRequest("DELETE", self._url(endpoint, params)))

    def paginate(self, endpoint: str, options: object = None) -> list[object]:
        """Return the items of every page as one list; each page has `query_timeout_seconds`.

        Ends where the API says so, or with the first page that has no items or, where pages are
        counted, that is not found. With `maxPages` among the options it ends there too; otherwise
        more than 1,000 pages are an error.

        Raises:
            ValidationFailedError: the options are wrong, or do not tell how pages are asked for.
            QueryError: also if the pages repeat themselves, or have no items where they should.
            LimitExceededError: also if all pages together are larger than `max_response_mb`.
        """
        wanted = pagination_of(options, self._config.pagination)
        pager = Pager(wanted, name=self._name)
        url: httpx.URL | None = pager.first(self._url(endpoint, None))
        items: list[object] = []
        count = size = 0
        with self._client.operation():
            while url is not None:
                may_end = count > 0 and pager.may_end_with_not_found
                accepted = frozenset({_NOT_FOUND} if may_end else ())
                answer = self._client.send(HTTPRequest("GET", url, accepted=accepted))
                if answer.status == _NOT_FOUND:
                    break
                count += 1
                size += len(answer.body)
                self._check_size(size, count)
                page = self._page(answer)
                found = pager.items(page)
                items += found
                if count == wanted.max_pages:
                    break
                step = pager.next(page, found)
                if step is not None and count == _MOST_PAGES and wanted.max_pages is None:
                    raise self._too_many(count, len(items))
                url = self._next(page.url, step)
        return items

    def catalog(self) -> list[JSONObject]:
        """Return the operations; what is behind the endpoints a REST API does not tell."""
        return [
            {
                "name": name,
                "kind": "operation",
                "summary": _OPERATIONS[name][0],
                "writes": name in self.write_operations,
            }
            for name in self.operation_names(self._config)
        ]

    def describe(self, name: str) -> JSONObject:
        """Return one operation with its parameters.

        Raises:
            NotFoundError: there is none of this name.
        """
        offered = self.operation_names(self._config)
        if name not in offered:
            raise not_found(name, offered, source=self._name, kind="operation")
        summary, parameters = _OPERATIONS[name]
        return {
            "name": name,
            "kind": "operation",
            "summary": summary,
            "writes": name in self.write_operations,
            "parameters": [
                {"name": key, "type": kind, "required": key == "endpoint", "description": text}
                for key, kind, text in parameters
            ],
        }

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Raise `UnsupportedOperationError`: an endpoint has no rows."""
        raise no_rows(name, source=self._name)

    def test(self) -> Sequence[Check]:
        """Ask for the base URL, and tell what keeps a read-only datasource so."""
        return (
            connection_check(lambda: reached(self._client, self._base)),
            access_check(self._config.access, enforced_by="Nothing but GET is sent."),
        )

    def cancel(self) -> None:
        """End every request that runs now."""
        self._client.cancel()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _url(self, endpoint: object, params: object) -> httpx.URL:
        return with_params(
            endpoint_url(self._base, endpoint, name=self._name), query_params(params)
        )

    def _value(self, request: HTTPRequest) -> object:
        return value_of(self._client.send(request), self._client)

    def _page(self, answer: HTTPAnswer) -> Page:
        links = ", ".join(answer.headers.get_list("link"))
        return Page(value_of(answer, self._client), links=links, url=answer.url)

    def _next(self, url: httpx.URL, step: str | list[tuple[str, str]] | None) -> httpx.URL | None:
        if isinstance(step, str):
            return link_url(self._base, url, step, name=self._name)
        return with_params(url, step) if step else None

    def _check_writable(self, method: str) -> None:
        if self._config.access == "read_only":
            raise read_only_error(self._name, f"{method} writes")

    def _check_size(self, size: int, pages: int) -> None:
        if size > self._config.max_response_bytes:
            raise LimitExceededError(
                f"Datasource {self._name!r}: the first {pages} pages are {size} bytes, more than "
                f"{self._config.max_response_mb:g} MB",
                hint="Ask for less, pass maxPages, or raise max_response_mb.",
                details={"datasource": self._name, "bytes": size, "pages": pages},
            )

    def _too_many(self, pages: int, items: int) -> LimitExceededError:
        return LimitExceededError(
            f"Datasource {self._name!r}: after {pages} pages with {items} items there are more",
            hint="Pass a larger limit, or maxPages.",
            details={"datasource": self._name, "pages": pages, "items": items},
        )
