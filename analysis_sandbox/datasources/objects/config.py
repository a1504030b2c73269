"""Where a bucket or container is, and what is allowed to open it.

Credentials are those of the configuration and no others: not the environment's, not those that a
machine's metadata service gives, unless `ambient_credentials` says so.
"""

import json
from ipaddress import ip_address
from typing import ClassVar, Self, cast

from pydantic import Field, SecretStr, field_validator, model_validator

from analysis_sandbox.datasources.base import DatasourceConfig
from analysis_sandbox.datasources.http.addresses import AddressGuard, classify
from analysis_sandbox.datasources.http.urls import parse_base_url
from analysis_sandbox.errors import StatementRefusedError
from analysis_sandbox.formats.streams.chunks import StreamLimits

_BUCKET = r"^[A-Za-z0-9][A-Za-z0-9._-]{1,221}[A-Za-z0-9]$"


class ObjectStorageConfig(DatasourceConfig):
    """What every type of object storage can be configured with.

    Scripts see the keys below `prefix`, without it. `query_timeout_seconds` bounds one request and
    each piece of a stream.
    """

    credential_fields: ClassVar[tuple[str, ...]]

    prefix: str = ""
    endpoint: str | None = None
    allow_http: bool = False
    anonymous: bool = False
    ambient_credentials: bool = False
    query_timeout_seconds: float = Field(default=30, gt=0, le=1800)
    connect_timeout_seconds: float = Field(default=5, gt=0, le=300)
    retries: int = Field(default=3, ge=0, le=10)
    max_object_mb: float = Field(default=32, gt=0, le=1024)
    max_listed_keys: int = Field(default=100_000, ge=1, le=1_000_000)
    max_unpacked_mb: float = Field(default=51_200, gt=0)
    max_unpack_ratio: int = Field(default=500, ge=10)
    max_temporary_mb: float = Field(default=2048, gt=0)
    max_workbook_mb: float = Field(default=64, gt=0, le=512)

    @property
    def max_object_bytes(self) -> int:
        """Largest object that crosses at once."""
        return int(self.max_object_mb * (1 << 20))

    @property
    def stream_limits(self) -> StreamLimits:
        """How large what is streamed may become."""
        return StreamLimits(
            unpacked_bytes=int(self.max_unpacked_mb * (1 << 20)),
            ratio=self.max_unpack_ratio,
            temporary_bytes=int(self.max_temporary_mb * (1 << 20)),
            workbook_bytes=int(self.max_workbook_mb * (1 << 20)),
        )

    @field_validator("prefix")
    @classmethod
    def _is_a_prefix(cls, prefix: str) -> str:
        parts = prefix.strip("/").split("/")
        if parts != [""] and any(part in {"", ".", ".."} for part in parts):
            raise ValueError("must be names with / between them, such as reports/2024")
        return "/".join(parts)

    @field_validator("endpoint")
    @classmethod
    def _is_an_endpoint(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        url = parse_base_url(endpoint)
        try:
            address = AddressGuard("endpoint").check_host(url.host)
        except StatementRefusedError as error:
            raise ValueError(f"the host {error.details['reason']}") from None
        reach, kind = classify(address) if address else ("global", "")
        if reach == "never" or url.host in {"metadata", "metadata.google.internal"}:
            raise ValueError(f"the host {url.host} is {kind or 'a cloud metadata service'}")
        return endpoint.rstrip("/")

    @model_validator(mode="after")
    def _opens_in_one_way(self) -> Self:
        given = [name for name in self.credential_fields if getattr(self, name) is not None]
        ways = [bool(given), self.anonymous, self.ambient_credentials]
        if sum(ways) != 1:
            raise ValueError(
                f"give either credentials ({', '.join(self.credential_fields)}), or anonymous: "
                "true, or ambient_credentials: true"
            )
        if self.endpoint and self.endpoint.startswith("http:") and not self._may_be_plain():
            raise ValueError("endpoint: http is not encrypted; use https, or set allow_http: true")
        return self

    def secrets(self) -> list[str]:
        """Return every secret text, for those who must not show it."""
        values = [getattr(self, name) for name in self.credential_fields]
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def _may_be_plain(self) -> bool:
        """Return whether nobody else is on the way: within this machine or a private network."""
        host = parse_base_url(self.endpoint or "").host
        try:
            private = ip_address(host).is_private
        except ValueError:
            private = host == "localhost"
        return self.allow_http or private


class S3Config(ObjectStorageConfig):
    """A bucket of S3, or of what speaks as S3 does."""

    credential_fields: ClassVar[tuple[str, ...]] = (
        "access_key_id",
        "secret_access_key",
        "session_token",
    )

    bucket: str = Field(pattern=_BUCKET)
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None

    @model_validator(mode="after")
    def _has_both_keys(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token needs access_key_id and secret_access_key")
        return self


class GCSConfig(ObjectStorageConfig):
    """A bucket of Google Cloud Storage."""

    credential_fields: ClassVar[tuple[str, ...]] = ("service_account_key", "token")

    bucket: str = Field(pattern=_BUCKET)
    service_account_key: SecretStr | None = Field(
        default=None, description="The service account's key file, its JSON text."
    )
    token: SecretStr | None = None

    @field_validator("service_account_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None:
            return None
        try:
            data: object = json.loads(key.get_secret_value())
        except ValueError:
            data = None
        fields = cast("dict[str, object]", data) if isinstance(data, dict) else {}
        names = ("client_email", "private_key", "private_key_id")
        if not all(isinstance(fields.get(name), str) for name in names):
            raise ValueError(f"must be JSON text with {', '.join(names)}") from None
        # The other fields would move requests elsewhere.
        return SecretStr(json.dumps({name: fields[name] for name in names}))

    @model_validator(mode="after")
    def _has_one_of_them(self) -> Self:
        if self.service_account_key is not None and self.token is not None:
            raise ValueError("give service_account_key or token, not both")
        return self


class AzureConfig(ObjectStorageConfig):
    """A container of Azure Blob Storage."""

    credential_fields: ClassVar[tuple[str, ...]] = (
        "account_key",
        "sas_token",
        "client_secret",
    )

    account: str = Field(pattern=r"^[a-z0-9]{3,24}$")
    container: str = Field(pattern=_BUCKET)
    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    client_secret: SecretStr | None = None
    client_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,64}$")
    tenant_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,128}$")

    @model_validator(mode="after")
    def _has_one_of_them(self) -> Self:
        given = [name for name in self.credential_fields if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give only one of {', '.join(given)}")
        if self.client_secret is not None and not (self.client_id and self.tenant_id):
            raise ValueError("client_secret needs client_id and tenant_id")
        return self
