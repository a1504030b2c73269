"""Where a SOAP datasource's WSDL comes from, and the connections it is reached by.

Every document, the WSDL and what it imports, is fetched through the guarded client, or is a file
beside the WSDL. They are fetched at the first use, and anew when they are old.
"""

import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.messages import HTTPRequest, same_site
from analysis_sandbox.datasources.http.timing import Timing
from analysis_sandbox.datasources.http.urls import origin_of, parse_url
from analysis_sandbox.datasources.soap.config import SOAPConfig, is_url
from analysis_sandbox.datasources.soap.parsing import check_prolog
from analysis_sandbox.datasources.soap.service import Load, Service, SOAPOperation, read_service
from analysis_sandbox.datasources.soap.standard import standard_schema
from analysis_sandbox.errors import (
    ConfigurationError,
    LimitExceededError,
    StatementRefusedError,
    TransientError,
    UnavailableError,
)

_MOST_DOCUMENTS = 200
_MOST_BYTES = 64 << 20
_ACCEPTED = {"Accept": "text/xml, application/xml, application/wsdl+xml, */*;q=0.5"}


class ServiceSource:
    """The current WSDL, and the client to the service. Thread-safe."""

    def __init__(
        self, config: SOAPConfig, *, name: str, client: HTTPClient | None, timing: Timing
    ) -> None:
        self._config = config
        self._name = name
        self._client = client
        self._timing = timing
        self._lock = threading.Lock()
        self._client_lock = threading.Lock()
        self._service: Service | None = None
        self._read_at = 0.0
        self._closed = False
        self._url = parse_url(config.wsdl) if is_url(config.wsdl) else None

    def service(self) -> Service:
        """Return what the WSDL describes; it may have to be fetched first.

        Raises:
            ConfigurationError: it cannot be read, or is none.
            StatementRefusedError: it imports from a place that may not be reached.
            QueryError, UnavailableError, LimitExceededError: as `HTTPClient.send`.
        """
        with self._lock:
            age = self._timing.monotonic() - self._read_at
            if self._service is not None and age < self._config.wsdl_ttl_seconds:
                return self._service
            try:
                self._service = self._read()
            except TransientError:
                # The one that is known is better than none.
                if self._service is None:
                    raise
            self._read_at = self._timing.monotonic()
            return self._service

    def address(self, operation: SOAPOperation) -> httpx.URL:
        """Return where an operation is called: the configured place, or the one of the WSDL.

        Raises:
            ConfigurationError: there is none, or not of the WSDL's own origin.
        """
        if self._config.endpoint is not None:
            return parse_url(self._config.endpoint)
        try:
            url = parse_url(operation.address)
        except ValueError as error:
            reason = f"The address in the WSDL {error}."
            raise self._no_address(reason) from None
        if self._url is not None and not same_site(origin_of(self._url), origin_of(url)):
            raise self._no_address(f"The WSDL, from {self._url.host}, names {url.host}:{url.port}.")
        return url

    def client(self, operation: SOAPOperation | None = None) -> HTTPClient:
        """Return the connections; made at the first use.

        Without a configured address they need the operation, which has one.

        Raises:
            ConfigurationError: as `address`.
        """
        with self._client_lock:
            if self._closed:
                raise UnavailableError(f"Datasource {self._name!r} was closed or reconfigured")
            if self._client is None:
                endpoint = self._config.endpoint
                home = parse_url(endpoint) if endpoint else self._url
                if home is None:
                    assert operation is not None, "a WSDL in a file is read without a client"
                    home = self.address(operation)
                self._client = HTTPClient(
                    self._config,
                    name=self._name,
                    home=home,
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

    def _read(self) -> Service:
        loading = _Loading(self._fetched if self._url else self._read_file, name=self._name)
        return read_service(
            self._config.wsdl,
            loading.load,
            name=self._name,
            service=self._config.service,
            port=self._config.port,
        )

    def _fetched(self, location: str) -> bytes:
        try:
            url = parse_url(location)
        except ValueError as error:
            raise self._refused(f"a place that {error}") from None
        return self.client().send(HTTPRequest("GET", url, _ACCEPTED)).body

    def _read_file(self, location: str) -> bytes:
        wsdl = Path(self._config.wsdl)
        if is_url(location) and not location.startswith("file://"):
            raise self._refused("a server, which a WSDL in a file may not; put it beside the file")
        path = Path(unquote(urlsplit(location).path) if is_url(location) else location)
        try:
            resolved = path.resolve(strict=True)
            if not resolved.is_relative_to(wsdl.resolve(strict=True).parent):
                raise self._refused("a file that is not beside it")
            if resolved.stat().st_size > _MOST_BYTES:
                raise _too_large(self._name)
            return resolved.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"Datasource {self._name!r}: the file {path.name} of its WSDL cannot be read "
                f"({type(error).__name__})",
                hint="Check wsdl: a URL, or a file relative to datasources.yaml.",
                details={"datasource": self._name},
            ) from error

    def _refused(self, place: str) -> StatementRefusedError:
        return StatementRefusedError(
            f"Datasource {self._name!r}: its WSDL imports from {place}",
            hint="Nothing of the WSDL is used.",
            details={"datasource": self._name},
        )

    def _no_address(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"Datasource {self._name!r} does not know where its service is: set endpoint",
            hint=reason,
            details={"datasource": self._name},
        )


class _Loading:
    """One reading of a WSDL with all that it imports, within limits."""

    def __init__(self, fetch: Load, *, name: str) -> None:
        self._fetch = fetch
        self._name = name
        self._documents: dict[str, bytes] = {}
        self._size = 0

    def load(self, location: str) -> bytes:
        """Return a document; each is asked for once."""
        if location not in self._documents:
            data = standard_schema(location) or self._fetch(location)
            self._size += len(data)
            if len(self._documents) >= _MOST_DOCUMENTS or self._size > _MOST_BYTES:
                raise _too_large(self._name)
            check_prolog(data)
            self._documents[location] = data
        return self._documents[location]


def _too_large(name: str) -> LimitExceededError:
    return LimitExceededError(
        f"Datasource {name!r}: its WSDL and what it imports are more than {_MOST_DOCUMENTS} "
        f"documents or {_MOST_BYTES >> 20} MB",
        details={"datasource": name},
    )
