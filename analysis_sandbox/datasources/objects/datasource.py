"""Object storage: S3, Google Cloud Storage, Azure Blob Storage; the same for a script.

A read-only datasource offers nothing that writes. The last wall is the key: give one that may only
list and read.
"""

import contextlib
import fnmatch
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self, cast

from obstore.exceptions import BaseError

from analysis_sandbox.datasources.base import (
    ArrowReader,
    Check,
    DatasourceConfig,
    Operation,
    Stream,
    StreamOpener,
    WriteMode,
    read_only_error,
)
from analysis_sandbox.datasources.objects import description
from analysis_sandbox.datasources.objects.azure_signing import signed_blob_url
from analysis_sandbox.datasources.objects.bucket import Bucket
from analysis_sandbox.datasources.objects.config import (
    AzureConfig,
    GCSConfig,
    ObjectStorageConfig,
    S3Config,
)
from analysis_sandbox.datasources.objects.listing import (
    ListOptions,
    entries,
    list_entries,
    list_options,
)
from analysis_sandbox.datasources.objects.stores import Store, open_azure, open_gcs, open_s3
from analysis_sandbox.datasources.objects.writing import write_table
from analysis_sandbox.errors import (
    ConfigurationError,
    LimitExceededError,
    NotFoundError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.formats.streams.options import guess_options, read_options
from analysis_sandbox.formats.streams.reading import read_chunks
from analysis_sandbox.formats.streams.tables import read_table
from analysis_sandbox.values import EncodedJSON, JSONObject

_LONGEST_EXPIRY = 7 * 24 * 3600
_MOST_FILES = 10_000


class ObjectStorageDatasource:
    """One bucket or container. The three types differ in how it is opened."""

    type_name: ClassVar[str]
    config_model: ClassVar[type[DatasourceConfig]]
    write_operations: ClassVar[tuple[str, ...]] = ("put", "delete", "multipartUpload")

    def __init__(self, config: ObjectStorageConfig, *, name: str) -> None:
        self._name = name
        self._config = config
        try:
            store = self._open_store(config)
        except (BaseError, ValueError, TypeError, OSError) as error:
            # The native client's own words may hold what was wrongly configured: a key.
            raise ConfigurationError(
                f"Datasource {name!r}: the storage client refuses the configuration "
                f"({type(error).__name__})",
                hint="Check keys and endpoint, and that the environment of this process has no "
                "credentials for the same service.",
                details={"datasource": name},
            ) from None
        self._bucket = Bucket(config, store, name=name)

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return what reads, and what writes where writing is allowed."""
        reading = ("list", "get", "getSignedUrl")
        return reading if config.access == "read_only" else (*reading, *cls.write_operations)

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first request connects."""
        assert isinstance(config, ObjectStorageConfig)
        return cls(config, name=name)

    @classmethod
    def stream_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `stream`."""
        del config
        return ("stream",)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        offered: dict[str, Operation] = {
            "list": self.list_objects,
            "get": self.get,
            "getSignedUrl": self.signed_url,
            "put": self.put,
            "delete": self.delete,
            "multipartUpload": self.multipart_upload,
        }
        return {name: offered[name] for name in self.operation_names(self._config)}

    def streams(self) -> Mapping[str, StreamOpener]:
        """Return what opens a stream."""
        return {"stream": self.stream}

    def list_objects(self, prefix: str = "", options: object = None) -> list[JSONObject]:
        """Return the objects whose keys begin with `prefix`, in the order of their keys.

        With `delimiter`, what deeper keys begin with comes as an entry of the kind `prefix`. With
        `maxKeys`, the next page begins after the last entry's key: it is the `continuationToken`.

        Raises:
            LimitExceededError: there are more than `max_listed_keys`, and no `maxKeys`.
            QueryError, UnavailableError: the service refused, or cannot be reached.
        """
        found = list_entries(self._bucket, prefix, list_options(options))
        return [entry.for_script() for entry in found]

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            NotFoundError: there is no such object.
            LimitExceededError: it is larger than `max_object_mb`.
        """
        return self._bucket.get(self._bucket.keys.stored(key))

    def signed_url(self, key: str, expiry: object = 3600) -> str:
        """Return a URL by which anybody can read the object for `expiry` seconds.

        Raises:
            UnsupportedOperationError: the credentials cannot sign.
        """
        if not isinstance(expiry, int | float) or not 1 <= expiry <= _LONGEST_EXPIRY:
            raise ValidationFailedError(
                f"expiry must be a number of seconds from 1 to {_LONGEST_EXPIRY}"
            )
        stored = self._bucket.keys.stored(key)
        if not self._can_sign():
            raise UnsupportedOperationError(
                f"Datasource {self._name!r}: its credentials cannot sign URLs",
                details={"datasource": self._name},
            )
        return self._sign(stored, timedelta(seconds=float(expiry)))

    def put(self, key: str, data: bytes | str, metadata: object = None) -> None:
        """Store an object; text is stored as UTF-8.

        Raises:
            ReadOnlyError: the datasource is read-only.
            ValidationFailedError: `data` is neither bytes nor text, or `metadata` no texts by name.
        """
        self._check_writable("put")
        stored = self._bucket.keys.stored(key)
        self._bucket.put(stored, _content(data, "data"), attributes=_attributes(metadata))

    def delete(self, key: str) -> None:
        """Delete an object; that there is none is no error.

        Raises:
            ReadOnlyError: the datasource is read-only.
        """
        self._check_writable("delete")
        with contextlib.suppress(NotFoundError):
            self._bucket.delete(self._bucket.keys.stored(key))

    def multipart_upload(self, key: str, parts: Sequence[bytes | str]) -> None:
        """Store an object of several parts, which may be small; nobody sees some of them only.

        Raises:
            ReadOnlyError: the datasource is read-only.
        """
        self._check_writable("multipartUpload")
        stored = self._bucket.keys.stored(key)
        if not isinstance(parts, Sequence) or isinstance(parts, str | bytes) or not parts:
            raise ValidationFailedError("parts must be an array of at least one part")
        contents = [_content(part, f"part {number}") for number, part in enumerate(parts, 1)]
        self._bucket.put(stored, iter(contents))

    def stream(self, key: str, options: object = None) -> Stream:
        """Yield an object chunk by chunk: rows where a format is given, else bytes.

        Raises:
            NotFoundError: there is no such object, or none such in the archive.
            ValidationFailedError: the options are wrong, or the object is not what they say.
            LimitExceededError: it is larger than may be, or unpacks to more.
        """
        wanted = read_options(options)
        stored = self._bucket.keys.stored(key)
        limits = self._config.stream_limits
        yield from read_chunks(self._bucket.source(stored), wanted, limits)

    @contextlib.contextmanager
    def read_arrow(
        self, sql: str, params: object = (), *, batch_rows: int = 65_536, **options: object
    ) -> Generator[ArrowReader]:
        """Give the rows of an object, or of those of a pattern such as `daily/*.parquet`.

        In place of SQL stands a key, or the object's URL. Its ending tells format and packing,
        unless the options of a stream do, which are given by keyword or as `params`. Text is read
        twice, first for the types of its columns.

        Raises:
            NotFoundError: there is no such object.
            ValidationFailedError: the key tells no format, or the object is not of it.
        """
        key = self._own_key(sql)
        wanted = guess_options(key.replace("*", "x"), options or _options(params))
        sources = [self._bucket.source(stored) for stored in self._matching(key)]
        limits = self._config.stream_limits
        with read_table(sources, wanted, limits, batch_rows=batch_rows) as reader:
            yield reader

    def write_arrow(self, target: str, reader: ArrowReader, *, mode: WriteMode = "append") -> int:
        """Store rows as the object `target`, which ends with .parquet, .csv or .csv.gz.

        Raises:
            ReadOnlyError: the datasource is read-only.
            UnsupportedOperationError: the object exists; `append` cannot add to it.
            ConflictError: it exists and `mode` is `error`.
        """
        self._check_writable("export")
        return write_table(self._bucket, target, reader, mode=mode)

    def catalog(self) -> Sequence[JSONObject]:
        """Return the prefixes and objects of the first level."""
        return description.catalog(self._bucket)

    def describe(self, name: str) -> JSONObject:
        """Return a prefix with what it holds, or an object with its columns."""
        return description.describe(self._bucket, name.removeprefix("/"))

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Return the first rows of an object whose name tells its format."""
        return description.sample(self._bucket, name, limit=limit)

    def test(self) -> Sequence[Check]:
        """Connect, and say what keeps a read-only datasource read-only."""
        return description.checks(self._bucket)

    def cancel(self) -> None:
        """End every request that runs now."""
        self._bucket.cancel()

    def close(self) -> None:
        """End every request and close the connections."""
        self._bucket.close()

    def _open_store(self, config: ObjectStorageConfig) -> Store:
        raise NotImplementedError

    def _bucket_urls(self) -> Sequence[str]:
        raise NotImplementedError

    def _can_sign(self) -> bool:
        raise NotImplementedError

    def _sign(self, stored: str, expires_in: timedelta) -> str:
        return self._bucket.signed_url(stored, expires_in)

    def _own_key(self, text: object) -> str:
        """Return the key in a text that may be a URL of this bucket."""
        if not isinstance(text, str):
            raise ValidationFailedError("the key must be a string")
        for url in self._bucket_urls():
            if text.startswith(url):
                return text.removeprefix(url)
        if "://" in text:
            raise ValidationFailedError(
                f"Datasource {self._name!r} has only what begins with {self._bucket_urls()[0]}; "
                "a key is enough"
            )
        return text.removeprefix("/")

    def _matching(self, key: str) -> list[str]:
        if "*" not in key:
            return [self._bucket.keys.stored(key)]
        found: list[str] = []
        for entry in entries(self._bucket, key.partition("*")[0], ListOptions()):
            if not _matches(entry.key, key):
                continue
            if len(found) == _MOST_FILES:
                raise LimitExceededError(
                    f"Datasource {self._name!r}: more than {_MOST_FILES} objects match {key!r}",
                    details={"datasource": self._name, "limit_objects": _MOST_FILES},
                )
            found.append(self._bucket.keys.stored(entry.key))
        if not found:
            raise NotFoundError(
                f"Datasource {self._name!r}: no object matches {key!r}",
                details={"datasource": self._name, "key": key},
            )
        return found

    def _check_writable(self, operation: str) -> None:
        if self._config.access == "read_only":
            raise read_only_error(self._name, f"{operation} writes")


class S3Datasource(ObjectStorageDatasource):
    """A bucket of S3, or of what speaks as S3 does."""

    type_name: ClassVar[str] = "s3"
    config_model: ClassVar[type[DatasourceConfig]] = S3Config

    def _open_store(self, config: ObjectStorageConfig) -> Store:
        assert isinstance(config, S3Config)
        return open_s3(config)

    def _bucket_urls(self) -> Sequence[str]:
        return (f"s3://{cast('S3Config', self._config).bucket}/",)

    def _can_sign(self) -> bool:
        return not self._config.anonymous


class GCSDatasource(ObjectStorageDatasource):
    """A bucket of Google Cloud Storage."""

    type_name: ClassVar[str] = "gcs"
    config_model: ClassVar[type[DatasourceConfig]] = GCSConfig

    def _open_store(self, config: ObjectStorageConfig) -> Store:
        assert isinstance(config, GCSConfig)
        return open_gcs(config)

    def _bucket_urls(self) -> Sequence[str]:
        bucket = cast("GCSConfig", self._config).bucket
        return (f"gs://{bucket}/", f"gcs://{bucket}/")

    def _can_sign(self) -> bool:
        config = cast("GCSConfig", self._config)
        return config.service_account_key is not None or config.ambient_credentials


class AzureDatasource(ObjectStorageDatasource):
    """A container of Azure Blob Storage."""

    type_name: ClassVar[str] = "azure"
    config_model: ClassVar[type[DatasourceConfig]] = AzureConfig

    def _open_store(self, config: ObjectStorageConfig) -> Store:
        assert isinstance(config, AzureConfig)
        return open_azure(config)

    def _bucket_urls(self) -> Sequence[str]:
        container = cast("AzureConfig", self._config).container
        return (f"azure://{container}/", f"az://{container}/")

    def _can_sign(self) -> bool:
        config = cast("AzureConfig", self._config)
        return config.account_key is not None

    def _sign(self, stored: str, expires_in: timedelta) -> str:
        config = cast("AzureConfig", self._config)
        return signed_blob_url(config, stored, expires_in, now=datetime.now(UTC))


def _options(params: object) -> object:
    """Return the options of a stream in what stands for a query's parameters."""
    if isinstance(params, Sequence) and not isinstance(params, str):
        given = cast("Sequence[object]", params)
        return given[0] if given else None
    return params


def _matches(key: str, pattern: str) -> bool:
    """Return whether a key matches; `*` stands for anything within one name."""
    parts, wanted = key.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, own.replace("[", "[[]").replace("?", "[?]"))
        for part, own in zip(parts, wanted, strict=True)
    )


def _content(data: object, what: str) -> bytes:
    if isinstance(data, str):
        return data.encode("utf-8")
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    raise ValidationFailedError(f"{what} must be a Buffer, a Uint8Array or a string")


def _attributes(metadata: object) -> dict[str, str] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, Mapping):
        raise ValidationFailedError("metadata must be an object with texts by name")
    texts = cast("Mapping[object, object]", metadata)
    for name, value in texts.items():
        if not isinstance(value, str) or not value.isprintable() or not str(name).isascii():
            raise ValidationFailedError(f"metadata: {name} must be a text of one line")
    return {str(name): str(value) for name, value in texts.items()}
