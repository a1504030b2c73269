"""What every datasource that speaks HTTP can be configured with."""

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from analysis_sandbox.datasources.base import DatasourceConfig
from analysis_sandbox.datasources.http.auth import HEADER_NAME, Auth, secrets_of
from analysis_sandbox.errors import ConfigurationError

# Written by the transport itself; another value would desynchronise it and the server.
TRANSPORT_HEADERS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "upgrade", "te"),
        *("expect", "keep-alive", "proxy-authorization", "proxy-connection", "trailer"),
        "accept-encoding",
    }
)

_TELLING_NAME = re.compile(
    r"(authorization|key|token|secret|password|cookie|credentials?)$", re.IGNORECASE
)


class RateLimit(BaseModel):
    """So many requests at once, and as many again in every `per_seconds`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: int = Field(ge=1, le=1_000_000)
    per_seconds: float = Field(default=1, gt=0, le=86_400)


class HTTPDatasourceConfig(DatasourceConfig):
    """How requests are sent; the types add where to.

    `query_timeout_seconds` bounds one request with its redirects and retries.
    """

    headers: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    auth: Auth | None = None
    allow_private_addresses: bool = False
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust besides the usual ones, as PEM."
    )
    query_timeout_seconds: float = Field(default=30, gt=0, le=1800)
    connect_timeout_seconds: float = Field(default=10, gt=0, le=300)
    max_response_mb: float = Field(default=32, gt=0, le=1024)
    rate_limit: RateLimit | None = None
    retries: int = Field(default=3, ge=0, le=10)
    pool_size: int = Field(default=8, ge=1, le=64)

    @property
    def max_response_bytes(self) -> int:
        """Largest decoded answer."""
        return int(self.max_response_mb * (1 << 20))

    def further_secrets(self) -> list[str]:
        """Return the secrets that a type has besides `auth` and headers."""
        return []

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            check_header(name, value.get_secret_value())
        return headers

    @field_validator("ca_file")
    @classmethod
    def _absolute(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        context = cast("Mapping[str, Path]", info.context or {})
        return context.get("directory", Path()) / path.expanduser() if path else None

    @model_validator(mode="after")
    def _authorizes_once(self) -> "HTTPDatasourceConfig":
        names = {name.lower() for name in self.headers}
        if self.auth is not None and "authorization" in names:
            raise ValueError("auth and headers.Authorization exclude each other")
        return self


def check_header(name: str, value: str) -> None:
    """Raise ValueError for a header that cannot be sent, or that the transport writes itself."""
    if not HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is not the name of a header")
    if name.lower() in TRANSPORT_HEADERS:
        raise ValueError(f"the header {name} cannot be set")
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"the header {name} must be printable ASCII text")


def certain_secrets(config: HTTPDatasourceConfig) -> list[str]:
    """Return what is a secret for certain: of `auth`, the type's, headers with a telling name."""
    headers = {
        name: value.get_secret_value()
        for name, value in config.headers.items()
        if _TELLING_NAME.search(name)
    }
    # A header may have a scheme before the secret, as in "Bearer …".
    bare = [value.partition(" ")[2] for value in headers.values()]
    return [*secrets_of(config.auth), *config.further_secrets(), *headers.values(), *bare]


def possible_secrets(config: HTTPDatasourceConfig) -> list[str]:
    """Return the values of every other header too: who configured one may not want it shown."""
    return [*certain_secrets(config), *(v.get_secret_value() for v in config.headers.values())]


def tls_context(config: HTTPDatasourceConfig, *, name: str) -> ssl.SSLContext:
    """Return what certificates are proved by: the usual authorities, and the configured ones.

    Raises:
        ConfigurationError: the file of certificates cannot be read.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if config.ca_file is not None:
        try:
            context.load_verify_locations(cafile=config.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"Datasource {name!r}: the certificates of ca_file cannot be read: {error}",
                hint="It must be a file with certificates in PEM form.",
                details={"datasource": name, "ca_file": str(config.ca_file)},
            ) from error
    return context
