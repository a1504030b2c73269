"""Tables as objects, Parquet or CSV: by a temporary file, so that all is there or nothing."""
# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

import os
import tempfile
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from analysis_sandbox.datasources.base import ArrowReader, WriteMode
from analysis_sandbox.datasources.objects.bucket import Bucket
from analysis_sandbox.errors import (
    ConflictError,
    NotFoundError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.formats.streams.chunks import check_temporary

_PARQUET, _CSV = "parquet", "csv"


def write_table(bucket: Bucket, target: object, reader: ArrowReader, *, mode: WriteMode) -> int:
    """Store the rows of a reader as one object and return their number.

    Raises:
        ValidationFailedError: the key does not end with .parquet, .csv or .csv.gz, or a column
            has no form there.
        UnsupportedOperationError: the object exists and `mode` is `append`.
        ConflictError: it exists and `mode` is `error`.
        LimitExceededError: it is larger than `max_temporary_mb`.
    """
    key = bucket.keys.stored(target)
    form, compression = _form(key)
    if mode != "replace":
        _check_new(bucket, key, mode)
    with tempfile.TemporaryFile() as file:
        try:
            rows = _write(file, reader, form, compression, bucket)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            raise ValidationFailedError(
                f"Datasource {bucket.name!r}: a column cannot be written as {form}: "
                f"{str(error)[:300]}"
            ) from error
        file.seek(0)
        bucket.put(key, file)
    return rows


def _form(key: str) -> tuple[str, str | None]:
    name = key.lower()
    if name.endswith((".parquet", ".pq")):
        return _PARQUET, None
    if name.endswith(".csv"):
        return _CSV, None
    if name.endswith(".csv.gz"):
        return _CSV, "gzip"
    raise ValidationFailedError(
        f"{key}: a table is written as .parquet, .csv or .csv.gz; the key must end so"
    )


def _check_new(bucket: Bucket, key: str, mode: WriteMode) -> None:
    try:
        bucket.head(key)
    except NotFoundError:
        return
    shown = bucket.keys.shown(key)
    if mode == "error":
        raise ConflictError(
            f"Datasource {bucket.name!r}: there is an object {shown!r} already",
            details={"datasource": bucket.name, "key": shown},
        )
    raise UnsupportedOperationError(
        f"Datasource {bucket.name!r}: the object {shown!r} exists, and objects cannot be appended "
        "to; use mode 'replace', or another key",
        details={"datasource": bucket.name, "key": shown},
    )


def _write(
    file: IO[bytes], reader: ArrowReader, form: str, compression: str | None, bucket: Bucket
) -> int:
    limits = bucket.config.stream_limits
    rows = 0
    with (
        # Arrow closes what it is given: a handle of its own.
        pa.output_stream(os.fdopen(os.dup(file.fileno()), "wb"), compression=compression) as sink,
        _writer(form, sink, reader.schema) as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
            check_temporary(os.fstat(file.fileno()).st_size, limits)
    check_temporary(os.fstat(file.fileno()).st_size, limits)
    return rows


def _writer(form: str, sink: Any, schema: Any) -> Any:
    if form == _PARQUET:
        return pq.ParquetWriter(sink, schema, compression="zstd")
    return pa_csv.CSVWriter(sink, schema)
