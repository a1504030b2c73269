"""One bucket or container: its client, its keys, and every request to it bounded and translated."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import obstore

from analysis_sandbox.datasources.objects.calls import Calls
from analysis_sandbox.datasources.objects.config import ObjectStorageConfig
from analysis_sandbox.datasources.objects.keys import Keys
from analysis_sandbox.datasources.objects.stores import Store, endpoint_of
from analysis_sandbox.datasources.objects.translation import Translator
from analysis_sandbox.errors import LimitExceededError

T = TypeVar("T")
_PIECE_BYTES = 4 << 20
_MEBIBYTE = 1 << 20


class Bucket:
    """A configured bucket; knows stored keys, and scripts' keys through `keys`."""

    def __init__(self, config: ObjectStorageConfig, store: Store, *, name: str) -> None:
        self.config = config
        self.store = store
        self.name = name
        self.keys = Keys(config.prefix)
        self.host = urlsplit(endpoint_of(config)).hostname or ""
        self._calls = Calls(name=name, timeout_seconds=config.query_timeout_seconds)
        self._translator = Translator(name, self.host, config.secrets())

    def run(
        self, request: Callable[[], Awaitable[T]], *, key: str, timeout: float | None = None
    ) -> T:
        """Run one request; `key` is for messages."""
        with self._translator.translated(self.keys.shown(key)):
            return self._calls.run(request, timeout=timeout)

    def head(self, key: str) -> Any:
        """Return what is known of an object; raises `NotFoundError`."""
        return self.run(lambda: obstore.head_async(self.store, key), key=key)

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            LimitExceededError: it is larger than `max_object_mb`; nothing was read of it.
        """
        result = self.run(lambda: obstore.get_async(self.store, key), key=key)
        size, limit = result.meta["size"], self.config.max_object_bytes
        if size > limit:
            raise LimitExceededError(
                f"Datasource {self.name!r}: {self.keys.shown(key)} has {size} bytes; "
                f"{limit / _MEBIBYTE:.4g} MB can be got at once",
                hint="Read it piece by piece with stream, or raise max_object_mb.",
                details={"datasource": self.name, "bytes": size, "limit_bytes": limit},
            )
        return bytes(self.run(result.bytes_async, key=key))

    def put(self, key: str, content: Any, *, attributes: dict[str, str] | None = None) -> None:
        """Store an object; no one sees a part of it. It may take as long as it needs."""
        self.run(
            lambda: obstore.put_async(
                self.store, key, content, attributes=attributes, max_concurrency=4
            ),
            key=key,
            timeout=timedelta(days=1).total_seconds(),
        )

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.run(lambda: obstore.delete_async(self.store, key), key=key)

    def signed_url(self, key: str, expires_in: timedelta) -> str:
        """Return a URL that reads an object without credentials."""
        return self.run(lambda: obstore.sign_async(self.store, "GET", key, expires_in), key=key)

    def source(self, key: str) -> "ObjectSource":
        """Return an object to be streamed, pinned to what it is now; raises `NotFoundError`."""
        return ObjectSource(self, key, self.head(key))

    def cancel(self) -> None:
        """End every request that runs now."""
        self._calls.cancel()

    def close(self) -> None:
        """End every request."""
        self._calls.close()


async def following(stream: AsyncIterator[T], end: T) -> T:
    """Return what an iterator of the native client has next, or `end`.

    The built-in `anext` does not know its awaitables.
    """
    try:
        return await stream.__anext__()
    except StopAsyncIteration:
        return end


class ObjectSource:
    """One object as a source of bytes; a change of it while it is read is an error."""

    def __init__(self, bucket: Bucket, key: str, meta: Any) -> None:
        self._bucket = bucket
        self._key = key
        self._etag: str | None = meta["e_tag"]
        self._size: int = meta["size"]

    @property
    def name(self) -> str:
        """The key as scripts see it."""
        return self._bucket.keys.shown(self._key)

    @property
    def size(self) -> int:
        """The object's size in bytes."""
        return self._size

    def chunks(self) -> Generator[bytes, None, None]:
        """Read the object from its begin; closing it ends the request."""
        bucket, key = self._bucket, self._key
        result = bucket.run(
            lambda: obstore.get_async(bucket.store, key, options=self._now()), key=key
        )
        stream = result.stream(min_chunk_size=_PIECE_BYTES)
        del result
        while piece := bucket.run(lambda: following(stream, b""), key=key):
            yield bytes(piece)

    def read_range(self, start: int, length: int) -> bytes:
        """Return some of the object's bytes."""
        bucket, key = self._bucket, self._key
        options = self._now()
        options["range"] = (start, min(start + length, self._size))

        async def read() -> bytes:
            result = await obstore.get_async(bucket.store, key, options=options)
            return bytes(await result.bytes_async())

        return bucket.run(read, key=key)

    def _now(self) -> Any:
        # An etag is compared in its quotes, which listings of some services leave out.
        return {} if self._etag is None else {"if_match": f'"{self._etag.strip(chr(34))}"'}
