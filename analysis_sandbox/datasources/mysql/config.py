"""What a MySQL or MariaDB datasource is configured with, and how that becomes a connection."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from analysis_sandbox.datasources.base import SQLDatasourceConfig

_PORT = 3306
_FORM = (
    "must look like mysql://user:password@host:3306/database, with the special characters of user "
    "and password percent-encoded"
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says: where the server is, and as whom to go there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str | None
    unix_socket: str | None


class MySQLConfig(SQLDatasourceConfig):
    """Where the server is, as `mysql://user:password@host:3306/database`.

    A local server may be reached by `?unix_socket=/path`. `tls` has the words of MySQL's own
    `ssl-mode`; only `verify_identity` keeps out somebody who stands in between.
    """

    url: SecretStr
    connect_timeout_seconds: int = Field(default=10, ge=1, le=300)
    tls: Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"] = "preferred"
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
    def _tls_is_whole(self) -> "MySQLConfig":
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError("tls_key needs tls_certificate")
        if self.tls == "disabled" and (self.tls_ca or self.tls_certificate):
            raise ValueError("tls is disabled, but certificates are given")
        if self.tls_ca is not None and self.tls in ("preferred", "required"):
            raise ValueError("tls_ca is of no use unless tls is verify_ca or verify_identity")
        return self


def parse_url(url: str) -> Place:
    """Return what the URL says.

    Raises:
        ValueError: it is not of the form `mysql://user:password@host:port/database`.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query, strict_parsing=bool(parts.query))
    socket = options.pop("unix_socket", [None])[-1]
    if parts.scheme not in ("mysql", "mariadb") or options or parts.fragment:
        raise ValueError("not a URL of MySQL")
    if not parts.username or "/" in parts.path[1:] or not (parts.hostname or socket):
        raise ValueError("not the URL of a database")
    return Place(
        host=_host(parts),
        port=parts.port or _PORT,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        database=unquote(parts.path[1:]) or None,
        unix_socket=socket,
    )


def connection_arguments(config: MySQLConfig) -> Mapping[str, Any]:
    """Return what the driver connects with.

    Raises:
        OSError: a certificate cannot be read (`ssl.SSLError` is one).
    """
    place = parse_url(config.url.get_secret_value())
    return {
        "host": place.host,
        "port": place.port,
        "user": place.user,
        # The driver would encode text as Latin-1.
        "password": place.password.encode(),
        "database": place.database,
        "unix_socket": place.unix_socket,
        "charset": "utf8mb4",
        "autocommit": True,
        "local_infile": False,
        "connect_timeout": config.connect_timeout_seconds,
        "program_name": "analysis-sandbox",
        **_tls_arguments(config),
    }


def _tls_arguments(config: MySQLConfig) -> Mapping[str, Any]:
    is_local = parse_url(config.url.get_secret_value()).unix_socket is not None
    if config.tls == "disabled" or (config.tls == "preferred" and is_local):
        return {"ssl_disabled": True}
    # Where the server offers none, the driver goes on without.
    if config.tls == "preferred" and config.tls_certificate is None:
        return {}
    context = ssl.create_default_context(cafile=config.tls_ca)
    # The certificates that MySQL and MariaDB make for themselves are not strict.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = config.tls == "verify_identity"
    if config.tls in ("preferred", "required"):
        context.verify_mode = ssl.CERT_NONE
    if config.tls_certificate is not None:
        context.load_cert_chain(config.tls_certificate, config.tls_key)
    return {"ssl": context}


def _host(parts: SplitResult) -> str:
    return unquote(parts.hostname or "") or "localhost"
