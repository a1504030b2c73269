"""What a bucket holds: keys in order, page by page, with prefixes where a delimiter is given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import obstore
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis_sandbox.datasources.objects.bucket import Bucket, following
from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.values import JSONObject, timestamp_text

if TYPE_CHECKING:
    from obstore import ObjectMeta

_PAGE = 1000


class ListOptions(BaseModel):
    """What of the keys is wanted. `continuationToken` is the key that the last page ended with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_keys: int | None = Field(default=None, ge=1, alias="maxKeys")
    delimiter: str | None = Field(default=None, min_length=1, max_length=8)
    continuation_token: str | None = Field(default=None, alias="continuationToken")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, or what several keys begin with."""

    key: str
    meta: Any = None

    def for_script(self) -> JSONObject:
        """Return it as a script gets it."""
        if self.meta is None:
            return {"key": self.key, "kind": "prefix", "size": 0, "lastModified": None, "etag": ""}
        return {
            "key": self.key,
            "kind": "object",
            "size": self.meta["size"],
            "lastModified": timestamp_text(self.meta["last_modified"]),
            "etag": (self.meta["e_tag"] or "").strip('"'),
        }


def list_options(given: object) -> ListOptions:
    """Return a script's options; raises `ValidationFailedError`."""
    try:
        return ListOptions.model_validate({} if given is None else given)
    except ValidationError as error:
        problems = {
            ".".join(str(part) for part in item["loc"]): "there is no such option; there are "
            "maxKeys, delimiter, continuationToken"
            if item["type"] == "extra_forbidden"
            else item["msg"]
            for item in error.errors()
        }
        told = "; ".join(f"{name}: {text}" if name else text for name, text in problems.items())
        raise ValidationFailedError(f"list: {told}", fields=problems) from None


def list_entries(bucket: Bucket, prefix: object, options: ListOptions) -> list[Entry]:
    """Return the entries whose keys begin with `prefix`, in the order of their keys.

    Without `maxKeys` they are all there are.

    Raises:
        LimitExceededError: they are more than `max_listed_keys`, and `maxKeys` was not given.
    """
    found: list[Entry] = []
    for entry in entries(bucket, prefix, options):
        if options.max_keys is not None and len(found) == options.max_keys:
            break
        found.append(entry)
        if len(found) > bucket.config.max_listed_keys:
            raise LimitExceededError(
                f"Datasource {bucket.name!r}: more than {bucket.config.max_listed_keys} keys begin "
                f"with {prefix!r}",
                hint="Name a longer prefix, or list page by page: { maxKeys: 1000, "
                "continuationToken: the last page's last key }.",
                details={"datasource": bucket.name, "limit_keys": bucket.config.max_listed_keys},
            )
    return found


def entries(bucket: Bucket, prefix: object, options: ListOptions) -> Iterator[Entry]:
    """Yield the entries whose keys begin with `prefix`, page by page as they are asked for."""
    wanted = bucket.keys.stored_prefix(prefix)
    token = options.continuation_token
    after = "" if token is None else bucket.keys.stored_prefix(token)
    if options.delimiter == "/":
        yield from _level(bucket, wanted, after)
        return
    group = ""
    for meta in _metas(bucket, wanted, after, page=min(options.max_keys or _PAGE, _PAGE)):
        path: str = meta["path"]
        place = path.find(options.delimiter, len(wanted)) if options.delimiter else -1
        if place < 0 or options.delimiter is None:
            yield Entry(bucket.keys.shown(path), meta)
            continue
        common = path[: place + len(options.delimiter)]
        if common > max(group, after):
            group = common
            yield Entry(bucket.keys.shown(common))


def _level(bucket: Bucket, wanted: str, after: str) -> Iterator[Entry]:
    """Yield the entries of one level: its objects, and what deeper ones begin with."""
    parent, _, _ = wanted.rpartition("/")
    level = bucket.run(
        lambda: obstore.list_with_delimiter_async(bucket.store, parent or None), key=wanted
    )
    found: list[tuple[str, Any]] = [(f"{path}/", None) for path in level["common_prefixes"]]
    found += [(meta["path"], meta) for meta in level["objects"]]
    for path, meta in sorted(found, key=lambda entry: entry[0]):
        if path.startswith(wanted) and path > after:
            yield Entry(bucket.keys.shown(path), meta)


def _metas(bucket: Bucket, wanted: str, after: str, *, page: int) -> Iterator[Any]:
    """Yield what is known of each object; the service gives them in the order of their keys."""
    parent, _, own = wanted.rpartition("/")
    # Skips the keys of the parent that come before, without skipping one that is wanted.
    offset = max(after, wanted[:-1] if len(own) > 1 and own[:-1] not in {".", ".."} else "")
    stream = obstore.list(bucket.store, parent or None, offset=offset or None, chunk_size=page)
    nothing: Sequence[ObjectMeta] = ()
    while metas := bucket.run(lambda: following(stream, nothing), key=wanted):
        for meta in metas:
            path = meta["path"]
            if path.startswith(wanted):
                if path > after:
                    yield meta
            elif path > wanted:
                return
