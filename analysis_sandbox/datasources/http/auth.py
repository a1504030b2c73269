"""How an HTTP datasource proves who it is: the configuration's forms, and what they add."""

import base64
import json
import math
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, TypeAlias, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.errors import ConfigurationError, UnavailableError

# A token is renewed so long before its end.
_LEEWAY_SECONDS = 30.0
_LIFETIME_WITHOUT_EXPIRY = 300.0
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class _AuthModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BearerAuth(_AuthModel):
    """`Authorization: Bearer …`."""

    type: Literal["bearer"]
    token: SecretStr = Field(min_length=1)


class BasicAuth(_AuthModel):
    """`Authorization: Basic …`."""

    type: Literal["basic"]
    username: str
    password: SecretStr


class APIKeyAuth(_AuthModel):
    """A key in a header or in the query."""

    type: Literal["api_key"]
    name: str = Field(min_length=1, description="The header's or the query parameter's name.")
    value: SecretStr = Field(min_length=1)
    location: Literal["header", "query"] = Field(default="header", alias="in")

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True
    )

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not HEADER_NAME.fullmatch(name):
            raise ValueError("must be the name of a header or a query parameter")
        return name


class OAuth2Auth(_AuthModel):
    """OAuth 2.0 client credentials; `send_as` tells where the client's secret goes."""

    type: Literal["oauth2"]
    token_url: str
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    scope: str | None = None
    audience: str | None = None
    send_as: Literal["basic", "body"] = "basic"

    @field_validator("token_url")
    @classmethod
    def _is_a_url(cls, text: str) -> str:
        parse_url(text)
        return text


Auth: TypeAlias = Annotated[
    BearerAuth | BasicAuth | APIKeyAuth | OAuth2Auth, Field(discriminator="type")
]


class Credentials(Protocol):
    """What is added to requests to the configured origin."""

    def headers(self) -> dict[str, str]:
        """Return the headers; may ask a server for a token first."""
        ...

    def params(self) -> Sequence[tuple[str, str]]:
        """Return the query parameters."""
        ...

    def renew(self, refused: dict[str, str]) -> bool:
        """Forget what was refused (as `headers` returned it); tell if there may be better."""
        ...


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """Headers and parameters that never change."""

    fixed_headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    fixed_params: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def headers(self) -> dict[str, str]:
        return self.fixed_headers

    def params(self) -> Sequence[tuple[str, str]]:
        return self.fixed_params

    def renew(self, refused: dict[str, str]) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token server answered."""

    status: int
    body: bytes = field(repr=False)


Fetch: TypeAlias = Callable[[httpx.Request], TokenAnswer]


class ClientCredentials:
    """Tokens of OAuth 2.0 client credentials: fetched by one thread, shared, renewed in time.

    `learn` is told every token: a secret that must not be shown.
    """

    def __init__(
        self,
        auth: OAuth2Auth,
        *,
        name: str,
        fetch: Fetch,
        clock: Callable[[], float],
        learn: Callable[[str], None],
    ) -> None:
        self._auth = auth
        self._name = name
        self._fetch = fetch
        self._clock = clock
        self._learn = learn
        self._lock = threading.Lock()
        self._token: SecretStr | None = None
        self._expires_at = 0.0

    def headers(self) -> dict[str, str]:
        """Return the header with a token that is still good.

        Raises:
            ConfigurationError: the token server refused the client.
            UnavailableError: it cannot be reached, or answered something else than a token.
        """
        with self._lock:
            if self._token is None or self._clock() >= self._expires_at:
                self._renewed(self._fetch(self._request()))
            assert self._token is not None
            return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def params(self) -> Sequence[tuple[str, str]]:
        return ()

    def renew(self, refused: dict[str, str]) -> bool:
        """Forget the token that was refused; another thread may have a new one already."""
        with self._lock:
            token = self._token.get_secret_value() if self._token else None
            if refused.get("Authorization") == f"Bearer {token}":
                self._token = None
        return True

    def _request(self) -> httpx.Request:
        auth = self._auth
        secret = auth.client_secret.get_secret_value()
        form = {"grant_type": "client_credentials"}
        form |= {"scope": auth.scope} if auth.scope else {}
        form |= {"audience": auth.audience} if auth.audience else {}
        headers = {"Accept": "application/json"}
        if auth.send_as == "basic":
            # Both are form-encoded first: RFC 6749, 2.3.1.
            headers["Authorization"] = basic(quote(auth.client_id, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": auth.client_id, "client_secret": secret}
        return httpx.Request("POST", parse_url(auth.token_url), headers=headers, data=form)

    def _renewed(self, answer: TokenAnswer) -> None:
        try:
            parsed: object = json.loads(answer.body)
        except (ValueError, RecursionError):
            parsed = None
        found = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
        token = found.get("access_token")
        if answer.status >= 400 or not isinstance(token, str) or not token.isprintable():
            raise self._refused(answer.status, str(found.get("error", "")))
        self._learn(token)
        self._token = SecretStr(token)
        lifetime = _seconds(found.get("expires_in"))
        # Of a token that lives shorter than the leeway, half its life is used.
        self._expires_at = self._clock() + max(lifetime - _LEEWAY_SECONDS, lifetime / 2)

    def _refused(self, status: int, error: str) -> ConfigurationError | UnavailableError:
        # Of the answer only the standard's error code is repeated: the rest may hold the secret.
        told = f" ({error})" if _OAUTH_ERROR.fullmatch(error) else ""
        details = {"datasource": self._name, "status": status}
        if status >= 500 or status == 429:
            return UnavailableError(
                f"Datasource {self._name!r}: the token server answered {status}{told}",
                details=details,
            )
        return ConfigurationError(
            f"Datasource {self._name!r}: the token server gave no token, it answered {status}"
            f"{told}",
            hint="Check token_url, client_id, client_secret and scope.",
            details=details,
        )


def static_credentials(auth: BearerAuth | BasicAuth | APIKeyAuth | None) -> StaticCredentials:
    """Return what needs no token server."""
    if isinstance(auth, BearerAuth):
        token = auth.token.get_secret_value()
        return StaticCredentials({"Authorization": f"Bearer {token}"})
    if isinstance(auth, BasicAuth):
        return StaticCredentials(
            {"Authorization": basic(auth.username, auth.password.get_secret_value())}
        )
    if isinstance(auth, APIKeyAuth):
        value = auth.value.get_secret_value()
        if auth.location == "query":
            return StaticCredentials(fixed_params=((auth.name, value),))
        return StaticCredentials({auth.name: value})
    return StaticCredentials()


def secrets_of(auth: BaseModel | None) -> list[str]:
    """Return every secret of an auth, in each form in which it is sent."""
    found = [
        value.get_secret_value()
        for value in (dict(auth) if auth else {}).values()
        if isinstance(value, SecretStr)
    ]
    if isinstance(auth, BasicAuth):
        found.append(basic(auth.username, auth.password.get_secret_value()).partition(" ")[2])
    if isinstance(auth, OAuth2Auth):
        secret = quote(auth.client_secret.get_secret_value(), safe="")
        found.append(basic(quote(auth.client_id, safe=""), secret).partition(" ")[2])
    return found


def basic(username: str, password: str) -> str:
    """Return the value of a header for Basic authentication."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _seconds(value: object) -> float:
    """Return `expires_in`, which some servers send as text."""
    try:
        seconds = float(cast("Any", value))
    except (TypeError, ValueError):
        return _LIFETIME_WITHOUT_EXPIRY
    return _LIFETIME_WITHOUT_EXPIRY if math.isnan(seconds) else min(max(seconds, 0.0), 86_400.0)
