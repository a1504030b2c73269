"""Where an OpenAPI datasource's document comes from, and the connections it is reached by.

A document of a server is fetched at its first use, and asked for again when it is old.
"""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx
from pydantic import Field, ValidationInfo, field_validator

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.config import HTTPDatasourceConfig
from analysis_sandbox.datasources.http.messages import HTTPRequest
from analysis_sandbox.datasources.http.timing import Timing
from analysis_sandbox.datasources.http.urls import joined, origin_of, parse_base_url, parse_url
from analysis_sandbox.datasources.openapi.document import Document, document_of, parse_document
from analysis_sandbox.errors import ConfigurationError, TransientError, UnavailableError

_NOT_MODIFIED = 304
_LARGEST_FILE = 64 << 20
_URL = re.compile(r"https?://", re.IGNORECASE)


class OpenAPIConfig(HTTPDatasourceConfig):
    """Where the document is: a URL, a file (relative to datasources.yaml), or itself.

    Without `base_url` the address is the one that the document names, which must then be of the
    document's own origin.
    """

    spec: str | dict[str, Any]
    base_url: str | None = None
    spec_ttl_seconds: float = Field(default=3600, ge=1, le=7 * 86_400)

    @field_validator("base_url")
    @classmethod
    def _is_a_base_url(cls, text: str | None) -> str | None:
        if text is not None:
            parse_base_url(text)
        return text

    @field_validator("spec")
    @classmethod
    def _is_a_place(cls, spec: str | dict[str, Any], info: ValidationInfo) -> str | dict[str, Any]:
        if isinstance(spec, dict):
            return spec
        if _URL.match(spec):
            parse_url(spec)
            return spec
        context = cast("Mapping[str, Path]", info.context or {})
        return str(context.get("directory", Path()) / Path(spec).expanduser())


class DocumentSource:
    """The current document, the API's address and the client to it. Thread-safe."""

    def __init__(
        self, config: OpenAPIConfig, *, name: str, client: HTTPClient | None, timing: Timing
    ) -> None:
        self._config = config
        self._name = name
        self._client = client
        self._timing = timing
        self._lock = threading.Lock()
        self._client_lock = threading.Lock()
        self._document: Document | None = None
        self._read_at = 0.0
        self._etag: str | None = None
        self._closed = False
        spec = config.spec
        self._url = parse_url(spec) if isinstance(spec, str) and _URL.match(spec) else None

    def document(self) -> Document:
        """Return the document, which may have to be fetched first.

        Raises:
            ConfigurationError: it cannot be read, or is none.
            QueryError, UnavailableError, LimitExceededError: as `HTTPClient.send`.
        """
        with self._lock:
            age = self._timing.monotonic() - self._read_at
            if self._document is not None and age < self._config.spec_ttl_seconds:
                return self._document
            try:
                self._document = self._read()
            except TransientError:
                # The one that is known is better than none.
                if self._document is None:
                    raise
            self._read_at = self._timing.monotonic()
            return self._document

    def base_url(self) -> httpx.URL:
        """Return the API's address: the configured one, or the one that the document names.

        Raises:
            ConfigurationError: there is none, or not of the document's own origin.
        """
        if self._config.base_url is not None:
            return parse_base_url(self._config.base_url)
        server = self.document().server
        try:
            url = joined(self._url, server or "/") if self._url else parse_url(server or "")
            base = parse_base_url(str(url))
        except ValueError:
            raise self._no_base("The document names no address that can be used.") from None
        if self._url is not None and origin_of(base) != origin_of(self._url):
            raise self._no_base(f"The document, from {self._url.host}, names {base.host}.")
        return base

    def client(self) -> HTTPClient:
        """Return the connections; made at the first use.

        Raises:
            ConfigurationError: as `base_url`.
        """
        with self._client_lock:
            if self._closed:
                raise UnavailableError(f"Datasource {self._name!r} was closed or reconfigured")
            if self._client is None:
                configured = self._config.base_url
                home = parse_base_url(configured) if configured else self._url
                self._client = HTTPClient(
                    self._config,
                    name=self._name,
                    home=home or self.base_url(),
                    named=(self._url,) if self._url else (),
                    timing=self._timing,
                )
            return self._client

    def cancel(self) -> None:
        """End every request that runs now."""
        with self._client_lock:
            client = self._client
        if client is not None:
            client.cancel()

    def close(self) -> None:
        """Close the connections."""
        with self._client_lock:
            self._closed = True
            client = self._client
        if client is not None:
            client.close()

    def _read(self) -> Document:
        spec = self._config.spec
        if isinstance(spec, dict):
            return document_of(spec, name=self._name)
        if self._url is None:
            return parse_document(self._read_file(Path(spec)), name=self._name)
        headers = {"Accept": "application/json, application/yaml, */*;q=0.5"}
        if self._document is not None and self._etag:
            headers["If-None-Match"] = self._etag
        accepted = frozenset({_NOT_MODIFIED})
        answer = self.client().send(HTTPRequest("GET", self._url, headers, accepted=accepted))
        if answer.status == _NOT_MODIFIED and self._document is not None:
            return self._document
        document = parse_document(answer.body.decode("utf-8", "replace"), name=self._name)
        self._etag = answer.headers.get("etag")
        return document

    def _read_file(self, path: Path) -> str:
        try:
            size = path.stat().st_size
            text = path.read_text(encoding="utf-8-sig") if size <= _LARGEST_FILE else ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"Datasource {self._name!r}: the file of its spec cannot be read "
                f"({type(error).__name__})",
                hint="Check spec: a URL, or a file relative to datasources.yaml.",
                details={"datasource": self._name, "spec": str(path)},
            ) from error
        if not text:
            raise ConfigurationError(
                f"Datasource {self._name!r}: the file of its spec is empty, or larger than "
                f"{_LARGEST_FILE >> 20} MB",
                details={"datasource": self._name, "spec": str(path)},
            )
        return text

    def _no_base(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"Datasource {self._name!r} does not know where its API is: set base_url",
            hint=reason,
            details={"datasource": self._name},
        )
