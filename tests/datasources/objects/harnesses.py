"""How to stand up each type of object storage, and to look into it without what is tested."""

import json
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, cast
from uuid import uuid4

import obstore
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from obstore.store import AzureStore, GCSStore, S3Store

from analysis_sandbox.datasources.objects.config import (
    AzureConfig,
    GCSConfig,
    ObjectStorageConfig,
    S3Config,
)
from analysis_sandbox.datasources.objects.datasource import (
    AzureDatasource,
    GCSDatasource,
    ObjectStorageDatasource,
    S3Datasource,
)
from tests.datasources.objects.servers import (
    AZURE_ACCOUNT,
    AZURE_KEY,
    make_bucket,
    make_container,
)

_CLIENT: Any = {"allow_http": True, "timeout": timedelta(seconds=30)}
SECRET = "s3cr3t-that-nobody-may-see"


class ObjectsHarness:
    """One type: its class, its configuration, and the stored objects."""

    type_name: ClassVar[str]
    type: ClassVar[type[ObjectStorageDatasource]]
    url_scheme: ClassVar[str]

    def __init__(self, url: str) -> None:
        self.url = url
        self.bucket = f"data{uuid4().hex[:12]}"
        self._opened: list[ObjectStorageDatasource] = []
        self.prepare()
        self.store = self.own_store()

    def prepare(self) -> None:
        raise NotImplementedError

    def own_store(self) -> Any:
        raise NotImplementedError

    def config(self, **fields: Any) -> ObjectStorageConfig:
        raise NotImplementedError

    def open(self, **fields: Any) -> ObjectStorageDatasource:
        self._opened.append(self.type.open(self.config(**fields), name="files"))
        return self._opened[-1]

    def close(self) -> None:
        for datasource in self._opened:
            datasource.close()

    def write(self, key: str, content: bytes = b"x") -> None:
        obstore.put(self.store, key, content)

    def read(self, key: str) -> bytes:
        return bytes(obstore.get(self.store, key).bytes())

    def attributes(self, key: str) -> dict[str, str]:
        return cast("dict[str, str]", dict(obstore.get(self.store, key).attributes))

    def stored_keys(self) -> list[str]:
        return [meta["path"] for meta in obstore.list(self.store).collect()]


class S3Harness(ObjectsHarness):
    type_name = "s3"
    type = S3Datasource
    url_scheme = "s3"

    def prepare(self) -> None:
        make_bucket(self.url, self.bucket)

    def own_store(self) -> Any:
        return S3Store(
            self.bucket,
            endpoint=self.url,
            region="us-east-1",
            access_key_id="own",
            secret_access_key="own",
            client_options=_CLIENT,
        )

    def config(self, **fields: Any) -> S3Config:
        given = {
            "bucket": self.bucket,
            "endpoint": self.url,
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": SECRET,
        }
        return S3Config.model_validate({**given, **fields})


class GCSHarness(ObjectsHarness):
    type_name = "gcs"
    type = GCSDatasource
    url_scheme = "gs"

    def prepare(self) -> None:
        make_bucket(self.url, self.bucket)

    def own_store(self) -> Any:
        return GCSStore(
            self.bucket,
            base_url=self.url,
            client_options=_CLIENT,
            credential_provider=lambda: {"token": "none", "expires_at": None},
        )

    def config(self, **fields: Any) -> GCSConfig:
        given = {"bucket": self.bucket, "endpoint": self.url, "token": SECRET}
        return GCSConfig.model_validate({**given, **fields})


class AzureHarness(ObjectsHarness):
    type_name = "azure"
    type = AzureDatasource
    url_scheme = "az"

    def prepare(self) -> None:
        make_container(self.url, self.bucket)

    def own_store(self) -> Any:
        return AzureStore(
            self.bucket,
            account_name=AZURE_ACCOUNT,
            account_key=AZURE_KEY,
            endpoint=self.url,
            client_options=_CLIENT,
        )

    def config(self, **fields: Any) -> AzureConfig:
        given = {
            "account": AZURE_ACCOUNT,
            "container": self.bucket,
            "endpoint": self.url,
            "account_key": AZURE_KEY,
        }
        return AzureConfig.model_validate({**given, **fields})


HARNESSES: tuple[type[ObjectsHarness], ...] = (S3Harness, GCSHarness, AzureHarness)


@cache
def service_account_key() -> str:
    """Return the key file of a service account that nobody has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "reader@example.iam.gserviceaccount.com",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "gcs_base_url": "http://169.254.169.254",
            "token_uri": "http://169.254.169.254/token",
        }
    )
