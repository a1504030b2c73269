"""Builds the clients of the three services, shut off from everything but their configuration.

The native client reads the environment and follows redirects, and neither can be switched off. So
every setting that the environment could bring is stated here, credentials are handed over by a
function, and every host but the service's own is sent to a proxy that nobody can reach.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from obstore.store import AzureStore, GCSStore, S3Store

from analysis_sandbox.datasources.objects.config import (
    AzureConfig,
    GCSConfig,
    ObjectStorageConfig,
    S3Config,
)

Store: TypeAlias = S3Store | GCSStore | AzureStore

# Port 0 is nobody's: a connection to it is always refused.
_NOBODY = "http://127.0.0.1:0"
_BODIES_MAY_TAKE = timedelta(days=1)
_AWS_CREDENTIAL_HOSTS = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254")
_GOOGLE_CREDENTIAL_HOSTS = ("oauth2.googleapis.com", "accounts.google.com")
_GOOGLE_AMBIENT_HOSTS = ("169.254.169.254", "metadata.google.internal", "metadata")
_AZURE_LOGIN = "login.microsoftonline.com"


def open_s3(config: S3Config) -> S3Store:
    """Return the client of an S3 bucket; connects to nothing."""
    endpoint = endpoint_of(config)
    hosts = (*_AWS_CREDENTIAL_HOSTS, "sts.amazonaws.com", f"sts.{config.region}.amazonaws.com")

    def credentials() -> dict[str, Any]:
        return {
            "access_key_id": _value(config.access_key_id),
            "secret_access_key": _value(config.secret_access_key),
            "token": _value(config.session_token) or None,
            "expires_at": None,
        }

    return S3Store(
        config.bucket,
        region=config.region,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,
        virtual_hosted_style_request=False,
        s3_express=False,
        skip_signature=config.anonymous,
        unsigned_payload=False,
        request_payer=False,
        disable_bulk_delete=True,
        conditional_put="etag",
        **_common(config, endpoint, credentials, hosts if config.ambient_credentials else ()),
    )


def open_gcs(config: GCSConfig) -> GCSStore:
    """Return the client of a GCS bucket; connects to nothing."""
    endpoint = endpoint_of(config)

    def credentials() -> dict[str, Any]:
        return {"token": _value(config.token), "expires_at": None}

    own: dict[str, Any] = {}
    hosts: tuple[str, ...] = ()
    if config.service_account_key is not None:
        own = {"service_account_key": _value(config.service_account_key)}
        hosts = _GOOGLE_CREDENTIAL_HOSTS
    elif config.ambient_credentials:
        hosts = (*_GOOGLE_CREDENTIAL_HOSTS, *_GOOGLE_AMBIENT_HOSTS)
    options = _common(config, endpoint, credentials, hosts)
    if own:
        del options["credential_provider"]
    return GCSStore(
        config.bucket,
        base_url=endpoint,
        skip_signature=config.anonymous,
        **own,
        **options,
    )


def open_azure(config: AzureConfig) -> AzureStore:
    """Return the client of an Azure container; connects to nothing."""
    endpoint = endpoint_of(config)

    def credentials() -> dict[str, Any]:
        if config.sas_token is not None:
            return {"sas_token": _value(config.sas_token).lstrip("?"), "expires_at": None}
        return {"access_key": _value(config.account_key), "expires_at": None}

    own: dict[str, Any] = {}
    hosts: tuple[str, ...] = ()
    if config.client_secret is not None:
        own = {
            "credential_type": "client_secret",
            "client_id": config.client_id,
            "client_secret": _value(config.client_secret),
            "tenant_id": config.tenant_id,
            "authority_host": f"https://{_AZURE_LOGIN}",
        }
        hosts = (_AZURE_LOGIN,)
    elif config.ambient_credentials:
        hosts = (_AZURE_LOGIN, "169.254.169.254")
    options = _common(config, endpoint, credentials, hosts)
    # A request that is not signed needs no credentials, and an empty key is not accepted.
    if own or config.anonymous:
        options.pop("credential_provider", None)
    if config.anonymous:
        own = {"credential_type": "bearer_token", "token": "anonymous"}
    return AzureStore(
        config.container,
        account_name=config.account,
        endpoint=endpoint,
        use_emulator=False,
        use_fabric_endpoint=False,
        skip_signature=config.anonymous,
        **own,
        **options,
    )


def endpoint_of(config: ObjectStorageConfig) -> str:
    """Return the URL that requests go to."""
    if config.endpoint is not None:
        return config.endpoint
    if isinstance(config, S3Config):
        return f"https://s3.{config.region}.amazonaws.com"
    if isinstance(config, AzureConfig):
        return f"https://{config.account}.blob.core.windows.net"
    return "https://storage.googleapis.com"


def _common(
    config: ObjectStorageConfig,
    endpoint: str,
    credentials: Callable[[], dict[str, Any]],
    hosts: tuple[str, ...],
) -> dict[str, Any]:
    url = urlsplit(endpoint)
    options: dict[str, Any] = {
        "client_options": {
            "allow_http": url.scheme == "http",
            "connect_timeout": timedelta(seconds=config.connect_timeout_seconds),
            # Requests are bounded from outside: a large body may take as long as the run.
            "timeout": _BODIES_MAY_TAKE,
            "read_timeout": timedelta(seconds=config.query_timeout_seconds),
            "proxy_url": _NOBODY,
            "proxy_excludes": ",".join((url.hostname or "", *hosts)),
        },
        "retry_config": {
            "max_retries": config.retries,
            "retry_timeout": timedelta(seconds=config.query_timeout_seconds),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=5),
                "base": 2,
            },
        },
    }
    if not config.ambient_credentials:
        options["credential_provider"] = credentials
    return options


def _value(secret: Any) -> str:
    return secret.get_secret_value() if secret is not None else ""
