"""What a SOAP datasource can be configured with."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from analysis_sandbox.datasources.http.config import HTTPDatasourceConfig
from analysis_sandbox.datasources.http.urls import parse_url

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class UsernameToken(BaseModel):
    """WS-Security's UsernameToken; with `digest` the password itself is not sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1)
    password: SecretStr
    digest: bool = False


class SOAPConfig(HTTPDatasourceConfig):
    """Where the WSDL is: a URL, or a file (relative to datasources.yaml).

    `operations` are those that only read: the ones that a read-only datasource may call. Without
    `endpoint` calls go to the address that the WSDL names, which must be of the WSDL's own origin.
    Of several services and ports every SOAP one is offered, unless `service` or `port` names one.
    """

    wsdl: str = Field(min_length=1)
    endpoint: str | None = None
    operations: tuple[str, ...] = ()
    service: str | None = None
    port: str | None = None
    ws_security: UsernameToken | None = None
    wsdl_ttl_seconds: float = Field(default=3600, ge=1, le=7 * 86_400)

    @field_validator("wsdl")
    @classmethod
    def _is_a_place(cls, wsdl: str, info: ValidationInfo) -> str:
        if is_url(wsdl):
            parse_url(wsdl)
            return wsdl
        context = cast("Mapping[str, Path]", info.context or {})
        return str((context.get("directory", Path()) / Path(wsdl).expanduser()).absolute())

    @field_validator("endpoint")
    @classmethod
    def _is_an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None:
            parse_url(endpoint)
        return endpoint

    def further_secrets(self) -> list[str]:
        """Return the password of `ws_security`."""
        return [self.ws_security.password.get_secret_value()] if self.ws_security else []


def is_url(place: str) -> bool:
    """Tell whether a place is a URL, of whatever scheme, and not a file."""
    return bool(_URL.match(place))
