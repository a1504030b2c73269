"""What a bucket holds, for those who look around in it: prefixes, objects, columns, first rows."""

import difflib
import itertools
import json
from collections.abc import Sequence
from typing import Any, cast

from analysis_sandbox.datasources.base import Check
from analysis_sandbox.datasources.objects.bucket import Bucket
from analysis_sandbox.datasources.objects.listing import (
    Entry,
    ListOptions,
    entries,
)
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    NotFoundError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.formats.streams.options import StreamOptions, guess_options
from analysis_sandbox.formats.streams.reading import read_chunks
from analysis_sandbox.formats.streams.tables import parquet_schema
from analysis_sandbox.values import EncodedJSON, JSONObject, JSONValue

_MOST_ENTRIES = 1000
_SAMPLE_ROWS = 100
_LEVEL = ListOptions(delimiter="/")
_ALL = ListOptions()


def catalog(bucket: Bucket) -> Sequence[JSONObject]:
    """Return the prefixes and objects of the first level; the last entry says if there are more."""
    found: list[JSONObject] = []
    for entry in entries(bucket, "", _LEVEL):
        if len(found) == _MOST_ENTRIES:
            found.append({"name": f"more than these {_MOST_ENTRIES} entries", "kind": "note"})
            break
        found.append(_summary(entry))
    return found


def describe(bucket: Bucket, name: str) -> JSONObject:
    """Return a prefix with what it holds, or an object with its columns if its name tells them.

    Raises:
        NotFoundError: there is neither; the message has the nearest.
    """
    if not name.endswith("/") and name:
        key = bucket.keys.stored(name)
        try:
            return _object(bucket, key, bucket.head(key))
        except NotFoundError:
            pass
    prefix = name if name.endswith("/") or not name else f"{name}/"
    listed = list(itertools.islice(entries(bucket, prefix, _ALL), _MOST_ENTRIES + 1))
    if not listed and name:
        raise _not_found(bucket, name)
    complete = len(listed) <= _MOST_ENTRIES
    shown = listed[:_MOST_ENTRIES]
    return {
        "name": prefix,
        "kind": "prefix",
        "objects": len(shown),
        "bytes": sum(int(entry.meta["size"]) for entry in shown),
        "complete": complete,
        "examples": [entry.key for entry in shown[:10]],
    }


def sample(bucket: Bucket, name: str, *, limit: int) -> EncodedJSON:
    """Return the first rows of an object.

    Raises:
        UnsupportedOperationError: its name tells no format that has rows.
    """
    options = _guessed(name)
    if options is None:
        raise UnsupportedOperationError(
            f"Datasource {bucket.name!r}: {name} has no rows: only .csv, .json, .parquet and .xlsx "
            "have, perhaps compressed"
        )
    source = bucket.source(bucket.keys.stored(name))
    wanted = options.model_copy(update={"batch_size": max(1, limit)})
    chunks = read_chunks(source, wanted, bucket.config.stream_limits)
    try:
        first = next(chunks, EncodedJSON("[]"))
    finally:
        chunks.close()
    return cast("EncodedJSON", first)


def checks(bucket: Bucket) -> Sequence[Check]:
    """Ask for one key, and say what keeps a read-only datasource read-only."""
    try:
        next(entries(bucket, "", ListOptions(maxKeys=1)), None)
        connection = Check("connection", True, f"{bucket.host} lists the keys")  # noqa: FBT003
    except AnalysisSandboxError as error:
        advice = f" {error.hint}" if error.hint else ""
        connection = Check("connection", False, error.message + advice)  # noqa: FBT003
    config = bucket.config
    read_only = config.access == "read_only"
    secure = not (config.endpoint or "https:").startswith("http:")
    return [
        connection,
        Check(
            "operations",
            read_only,
            "put, delete and multipartUpload are not offered"
            if read_only
            else "access is read_write: put, delete and multipartUpload are offered",
        ),
        Check(
            "encryption", secure, "https" if secure else "http: anybody on the way can read along"
        ),
        Check(
            "role",
            connection.ok and config.anonymous,
            "requests are not signed"
            if config.anonymous
            else "rights cannot be asked for: give a key that may only list and read",
        ),
    ]


def _summary(entry: Entry) -> JSONObject:
    if entry.meta is None:
        return {"name": entry.key, "kind": "prefix"}
    facts = entry.for_script()
    return {"name": entry.key, **{key: facts[key] for key in ("kind", "size", "lastModified")}}


def _object(bucket: Bucket, key: str, meta: Any) -> JSONObject:
    entry = Entry(bucket.keys.shown(key), meta)
    described: JSONObject = {"name": entry.key, **entry.for_script()}
    options = _guessed(entry.key)
    if options is None:
        return described
    described["format"] = options.format
    described["decompress"] = list[JSONValue](options.decompress)
    described["columns"] = _columns(bucket, key, options)
    return described


def _columns(bucket: Bucket, key: str, options: StreamOptions) -> list[JSONValue]:
    """Return the columns: a Parquet file's own, else those of the first rows with their types."""
    if options.format == "parquet":
        schema = parquet_schema(bucket.source(key), options, bucket.config.stream_limits)
        return [
            {"name": entry.name, "type": str(entry.type), "nullable": bool(entry.nullable)}
            for entry in schema
        ]
    rows = json.loads(sample(bucket, bucket.keys.shown(key), limit=_SAMPLE_ROWS))
    types: dict[str, set[str]] = {}
    for row in rows:
        for name, value in cast("dict[str, object]", row).items() if isinstance(row, dict) else ():
            types.setdefault(name, set()).add(_type_of(value))
    return [
        {
            "name": name,
            "type": " | ".join(sorted(seen - {"null"})) or "null",
            "nullable": True,
        }
        for name, seen in types.items()
    ]


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "json"


def _guessed(name: str) -> StreamOptions | None:
    try:
        return guess_options(name, {"types": True})
    except ValidationFailedError:
        return None


def _not_found(bucket: Bucket, name: str) -> NotFoundError:
    parent = name.rstrip("/").rpartition("/")[0]
    beside = [entry.key for entry in entries(bucket, f"{parent}/" if parent else "", _LEVEL)]
    nearest = difflib.get_close_matches(name, beside, n=1)
    return NotFoundError(
        f"Datasource {bucket.name!r}: there is no object and no prefix {name!r}",
        hint=f"Did you mean {nearest[0]!r}?" if nearest else None,
        details={"datasource": bucket.name, "key": name},
    )
