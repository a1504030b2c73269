"""What a ClickHouse datasource is configured with, and where its URL points."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from analysis_sandbox.datasources.base import SQLDatasourceConfig

_PLAIN = frozenset({"clickhouse", "http"})
_SECURE = frozenset({"clickhouses", "https"})
_PORTS = {False: 8123, True: 8443}
_FORM = (
    "must look like clickhouse://user:password@host:8123/database (clickhouses:// for TLS), with "
    "the special characters of user and password percent-encoded"
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says: where the server's HTTP interface is, and as whom to go there."""

    host: str
    port: int
    secure: bool
    user: str
    password: str = field(repr=False)
    database: str | None


class ClickHouseConfig(SQLDatasourceConfig):
    """Where the server's HTTP interface is, as `clickhouse://user:password@host:8123/database`.

    `clickhouses://` and `https://` use TLS, with port 8443 when there is none. Nothing else is ever
    connected to: no proxy of the environment, no address that an answer redirects to.
    """

    url: SecretStr
    connect_timeout_seconds: float = Field(default=10, gt=0, le=300)
    compression: bool = Field(default=False, description="Worth it over slow networks.")
    tls_verify: bool = Field(default=True, description="False trusts whoever answers.")
    tls_ca: Path | None = Field(default=None, description="Certificates to trust, as PEM.")
    tls_certificate: Path | None = Field(default=None, description="The client's, as PEM.")
    tls_key: Path | None = None

    @field_validator("url")
    @classmethod
    def _is_a_connection_url(cls, url: SecretStr) -> SecretStr:
        try:
            place = parse_url(url.get_secret_value())
        except ValueError:
            raise ValueError(_FORM) from None
        # Otherwise a part of the password, wrongly cut, would be shown as a host or a database.
        if "@" in place.host or "@" in (place.database or ""):
            raise ValueError(_FORM)
        return url

    @field_validator("tls_ca", "tls_certificate", "tls_key")
    @classmethod
    def _absolute(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        context = cast("Mapping[str, Path]", info.context or {})
        return path and context.get("directory", Path()) / path.expanduser()

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        secure = parse_url(self.url.get_secret_value()).secure
        if not secure and (self.tls_ca or self.tls_certificate or not self.tls_verify):
            raise ValueError("the tls_ settings need a URL that begins with clickhouses://")
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError("tls_key needs tls_certificate")
        if self.tls_ca is not None and not self.tls_verify:
            raise ValueError("tls_ca is of no use while tls_verify is false")
        return self


def parse_url(url: str) -> Place:
    """Return what the URL says.

    Raises:
        ValueError: it is not of the form `clickhouse://user:password@host:port/database`.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PLAIN | _SECURE or parts.query or parts.fragment:
        raise ValueError("not a URL of ClickHouse")
    if not parts.hostname or "/" in parts.path[1:].rstrip("/"):
        raise ValueError("not the URL of a database")
    secure = parts.scheme in _SECURE
    return Place(
        host=parts.hostname,
        port=parts.port or _PORTS[secure],
        secure=secure,
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.strip("/")) or None,
    )


def tls_context(config: ClickHouseConfig) -> ssl.SSLContext:
    """Return how to speak TLS.

    Raises:
        OSError: a certificate cannot be read (`ssl.SSLError` is one).
    """
    context = ssl.create_default_context(cafile=config.tls_ca)
    if not config.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.tls_certificate is not None:
        context.load_cert_chain(config.tls_certificate, config.tls_key)
    return context
