"""From a stored file to chunks: unpack it as the options say, then read its format.

A chunk is a JSON array of at most `batchSize` rows, or without a format some of the bytes. Nothing
is read before the first chunk is asked for, and nothing after the stream is closed.
"""

import contextlib
import json
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, TypeAlias, cast

from analysis_sandbox.errors import (
    LimitExceededError,
    NotFoundError,
    ValidationFailedError,
)
from analysis_sandbox.formats.arrow_json import (
    encode_rows,  # pyright: ignore[reportUnknownVariableType] - pyarrow
)
from analysis_sandbox.formats.streams.archives import Selection, members
from analysis_sandbox.formats.streams.chunks import (
    Budget,
    ByteSource,
    ChunkFile,
    RangeFile,
    StreamLimits,
    spooled,
)
from analysis_sandbox.formats.streams.decompression import Compression, decompressed
from analysis_sandbox.formats.streams.options import ARCHIVES, StreamOptions
from analysis_sandbox.formats.streams.parquet import ParquetSource
from analysis_sandbox.formats.streams.text_rows import csv_rows, json_rows
from analysis_sandbox.formats.streams.workbook_rows import workbook_rows
from analysis_sandbox.values import TAG, EncodedJSON, encode

Chunks: TypeAlias = Generator["EncodedJSON | bytes", None, None]

# A chunk of rows becomes some three times as large as JSON, and crosses in one frame.
_CHUNK_BYTES = 4 << 20
_MEBIBYTE = 1 << 20
_ESCAPED_TAG = json.dumps(TAG)[1:-1]
_LONG_INTEGER = re.compile(r"[:\[,]-?\d{16}")
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Payload:
    """One file after unpacking: its name within the archives, and its bytes."""

    name: str
    chunks: Iterable[bytes]


def read_chunks(source: ByteSource, options: StreamOptions, limits: StreamLimits) -> Chunks:
    """Yield the file's rows, or its bytes where no format is named, chunk by chunk.

    Raises:
        ValidationFailedError: the file is not what the options say.
        NotFoundError: there is no such member, sheet or path.
        LimitExceededError: something is larger than `limits` allow.
    """
    with about(source.name):
        if options.format == "parquet" and not options.decompress:
            yield from _parquet_chunks(cast("IO[bytes]", RangeFile(source)), options, limits)
            return
        for payload in payloads(source, options, limits):
            with about(payload.name if payload.name != source.name else None):
                yield from _chunks(payload, options, limits)


def payloads(source: ByteSource, options: StreamOptions, limits: StreamLimits) -> Iterator[Payload]:
    """Yield the files that are wanted, each to be read before the next one."""
    budget = Budget(limits)
    with contextlib.closing(source.chunks()) as chunks:
        yield from _unpacked(
            Payload(source.name, budget.counted(chunks)),
            list(options.decompress),
            options.members(),
            budget,
        )


def row_values(payload: Payload, options: StreamOptions, limits: StreamLimits) -> "Rows":
    """Return the rows of a CSV, JSON or Excel file."""
    if options.format == "excel":
        return Rows(workbook_rows(payload.chunks, options, limits), None)
    file = ChunkFile(payload.chunks, most_bytes=limits.record_bytes)
    read = csv_rows if options.format == "csv" else json_rows
    return Rows(read(file, options), file)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one file, and the file as far as it was read."""

    values: Iterator[Any]
    file: ChunkFile | None

    def batches(self, most_rows: int) -> Iterator[list[Any]]:
        """Yield lists of at most `most_rows` rows, fewer where they are large."""
        batch: list[Any] = []
        start = 0
        for row in self.values:
            batch.append(row)
            position = 0
            if self.file is not None:
                self.file.mark()
                position = self.file.position
            if len(batch) >= most_rows or position - start > _CHUNK_BYTES:
                yield batch
                batch, start = [], position
        if batch:
            yield batch


def _unpacked(
    payload: Payload, steps: list[str], wanted: list[str | None], budget: Budget
) -> Iterator[Payload]:
    if not steps:
        yield payload
        return
    step, rest = steps[0], steps[1:]
    if step not in ARCHIVES:
        chunks = budget.bounded(decompressed(payload.chunks, cast("Compression", step)))
        yield from _unpacked(Payload(payload.name, chunks), rest, wanted, budget)
        return
    selection = Selection(wanted[0])
    found = members(payload.chunks, step, selection=selection, budget=budget)
    for name, chunks in found:
        yield from _unpacked(Payload(name, chunks), rest, wanted[1:], budget)


def _chunks(payload: Payload, options: StreamOptions, limits: StreamLimits) -> Chunks:
    if options.format is None:
        yield from _pieces(payload.chunks)
    elif options.format == "parquet":
        with spooled(payload.chunks, limits) as file:
            yield from _parquet_chunks(file, options, limits)
    else:
        for batch in row_values(payload, options, limits).batches(options.batch_size):
            yield _encoded(batch, may_have_long_integers=options.format == "json")


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces of 1 MB, so that neither many tiny ones nor a huge one crosses."""
    file = ChunkFile(chunks)
    while piece := file.read(_MEBIBYTE):
        yield piece


def _parquet_chunks(
    file: IO[bytes], options: StreamOptions, limits: StreamLimits
) -> Iterator[EncodedJSON]:
    source = ParquetSource(file, limits)
    for batch in source.batches(options.columns, rows=options.batch_size):
        rows = max(1, min(batch.num_rows, batch.num_rows * _CHUNK_BYTES // max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, rows):
            yield encode_rows(batch.schema, [batch.slice(start, rows)])


def _encoded(batch: list[Any], *, may_have_long_integers: bool) -> EncodedJSON:
    try:
        text = _dumps(batch)
    except (ValueError, RecursionError):
        return EncodedJSON(encode(batch))
    # A key that looks like a tag must be escaped, and a long integer may not be exact as a number.
    if _ESCAPED_TAG in text or (may_have_long_integers and _LONG_INTEGER.search(text)):
        return EncodedJSON(encode(batch))
    return EncodedJSON(text)


@contextlib.contextmanager
def about(name: str | None) -> Generator[None]:
    """Put the name of what is read before the message of an error about its content."""
    try:
        yield
    except (ValidationFailedError, LimitExceededError, NotFoundError) as error:
        # What the storage itself says names the datasource already.
        if name is not None and "datasource" not in error.details:
            error.message = f"{name}: {error.message}"
            error.args = (error.message,)
        raise
