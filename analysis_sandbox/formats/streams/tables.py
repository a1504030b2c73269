"""Stored files as one table: an Arrow schema fixed beforehand, then batch after batch.

A text says nothing of its columns' types. So it is read twice: first what its columns hold, over
all rows, then the rows.
"""
# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportAttributeAccessIssue=false

import contextlib
import csv
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.csv as pa_csv

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.delimited import check_names, guess_delimiter
from analysis_sandbox.formats.streams.chunks import (
    ByteSource,
    ChunkFile,
    RangeFile,
    StreamLimits,
    pieces_of,
    spooled,
)
from analysis_sandbox.formats.streams.kinds import Columns, batch_of_rows, batch_of_texts
from analysis_sandbox.formats.streams.options import StreamOptions
from analysis_sandbox.formats.streams.parquet import ParquetSource
from analysis_sandbox.formats.streams.reading import about, payloads, row_values
from analysis_sandbox.formats.streams.text_rows import as_utf8, no_columns

Reader: TypeAlias = Any
Batches: TypeAlias = Iterator[Any]

# Some thirty are read ahead; no record may be larger.
_BLOCK_BYTES = 1 << 20


@contextlib.contextmanager
def read_table(
    sources: Sequence[ByteSource],
    options: StreamOptions,
    limits: StreamLimits,
    *,
    batch_rows: int = 65_536,
) -> Generator[Reader]:
    """Give the rows of one or more files of the same columns as a `pyarrow.RecordBatchReader`.

    Raises:
        ValidationFailedError: a file is not what the options say, or has other columns.
        NotFoundError, LimitExceededError: as for streams.
    """
    if options.format is None:
        raise ValidationFailedError("a table needs a format: csv, json, parquet or excel")
    if options.format == "parquet":
        schema, batches = _parquet(sources, options, limits, batch_rows)
    elif _is_plain(options):
        schema, batches = _twice(lambda: _plain_csv(sources, options, limits), batch_of_texts)
    else:
        typed = options.model_copy(update={"types": True})
        schema, batches = _rows_twice(sources, typed, limits, batch_rows)
    with contextlib.closing(cast("Any", batches)):
        yield pa.RecordBatchReader.from_batches(schema, batches)


def parquet_schema(source: ByteSource, options: StreamOptions, limits: StreamLimits) -> Any:
    """Return a Parquet file's Arrow schema; raises `ValidationFailedError` if it is none."""
    with contextlib.closing(_parquet_batches([source], options, limits, 1)) as batches:
        return next(batches)


def _parquet(
    sources: Sequence[ByteSource], options: StreamOptions, limits: StreamLimits, batch_rows: int
) -> tuple[Any, Batches]:
    batches = _parquet_batches(sources, options, limits, batch_rows)
    # The first item is the schema: whatever must be unpacked for it is unpacked once.
    schema = next(batches)
    return schema, batches


def _parquet_batches(
    sources: Sequence[ByteSource], options: StreamOptions, limits: StreamLimits, batch_rows: int
) -> Generator[Any, None, None]:
    schema = None
    for name, opened in _parquet_files(sources, options, limits):
        with about(name), opened as file:
            source = ParquetSource(file, limits)
            own = source.schema(options.columns)
            if schema is None:
                schema = own.remove_metadata()
                yield schema
            for batch in source.batches(options.columns, rows=batch_rows):
                yield _fitted(batch, schema)
    if schema is None:
        raise ValidationFailedError("there is no Parquet file")


def _parquet_files(
    sources: Sequence[ByteSource], options: StreamOptions, limits: StreamLimits
) -> Iterator[tuple[str, AbstractContextManager[IO[bytes]]]]:
    for source in sources:
        if not options.decompress:
            file = cast("IO[bytes]", RangeFile(source))
            yield source.name, contextlib.nullcontext(file)
            continue
        with about(source.name):
            for payload in payloads(source, options, limits):
                yield payload.name, spooled(payload.chunks, limits)


def _fitted(batch: Any, schema: Any) -> Any:
    """Return a batch under the first file's schema."""
    if batch.schema.equals(schema):
        return batch
    if missing := [name for name in schema.names if name not in batch.schema.names]:
        raise no_columns(missing, batch.schema.names)
    try:
        arrays = [batch.column(entry.name).cast(entry.type) for entry in schema]
    except pa.ArrowException as error:
        raise ValidationFailedError(
            f"the columns' types are not those of the first file: {error}"
        ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _is_plain(options: StreamOptions) -> bool:
    """Return whether Arrow's own reader understands the text in the same way."""
    special = (options.comment, options.trim, options.headers is False, options.ragged == "allow")
    return options.format == "csv" and not any(special) and options.columns is None


def _twice(read: Callable[[], Batches], finish: Callable[[Any, Any], Any]) -> tuple[Any, Batches]:
    columns = Columns()
    with contextlib.closing(cast("Any", read())) as batches:
        for batch in batches:
            for name, texts in zip(batch.schema.names, batch.columns, strict=True):
                if "text" not in columns.seen.get(name, ()):
                    columns.see_texts(name, texts)
    schema = columns.schema()
    _check_not_empty(schema)

    def finished() -> Batches:
        with contextlib.closing(cast("Any", read())) as batches:
            for batch in batches:
                yield finish(schema, batch)

    return schema, finished()


def _plain_csv(
    sources: Sequence[ByteSource], options: StreamOptions, limits: StreamLimits
) -> Batches:
    """Yield the records of every file as batches of texts; what is empty is null."""
    names: list[str] | None = None
    for source in sources:
        with about(source.name):
            for payload in payloads(source, options, limits):
                file = as_utf8(ChunkFile(payload.chunks), options.encoding)
                head, delimiter = _head(file, options)
                own = _names(head, delimiter, options)
                if not own:
                    continue
                if names is not None and own != names:
                    raise ValidationFailedError(
                        f"its columns ({', '.join(own)}) are not those of the first file "
                        f"({', '.join(names)})"
                    )
                names = own
                first = head if isinstance(options.headers, list) else ""
                yield from _records(file, first, names, options, delimiter)


def _names(head: str, delimiter: str, options: StreamOptions) -> list[str]:
    if isinstance(options.headers, list):
        check_names(options.headers, "headers")
        return options.headers
    names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
    check_names(names, "the header")
    return names


def _head(file: ChunkFile, options: StreamOptions) -> tuple[str, str]:
    """Return the first record that holds anything, and what separates its fields."""
    for _ in range(options.skip_rows):
        file.read_line()
    head = file.read_line()
    while head and not head.strip():
        head = file.read_line()
    quote = options.quote.encode("utf-8")
    while head.count(quote) % 2 and (more := file.read_line()):
        head += more
    text = head.decode("utf-8")
    return text, options.delimiter or guess_delimiter(text)


def _records(
    file: ChunkFile, head: str, names: list[str], options: StreamOptions, delimiter: str
) -> Batches:
    rest = ChunkFile(itertools.chain([head.encode("utf-8")] if head else [], pieces_of(file)))
    text = pa.string()
    if not rest.peek().strip():
        yield pa.RecordBatch.from_pydict({name: pa.array([], text) for name in names})
        return
    with _csv_errors():
        batches = pa_csv.open_csv(
            pa.PythonFile(rest, mode="r"),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, column_names=names
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, quote_char=options.quote, newlines_in_values=True
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, text),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        yield from batches


@contextlib.contextmanager
def _csv_errors() -> Generator[None]:
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        reason = str(error).split("\n", 1)[0][:300]
        if "straddling" in reason:
            reason = "a record has more than 1 MB"
        raise ValidationFailedError(
            f"not the CSV text that its header promises: {reason}. Check delimiter, quotes and "
            "encoding"
        ) from error


def _rows_twice(
    sources: Sequence[ByteSource], options: StreamOptions, limits: StreamLimits, batch_rows: int
) -> tuple[Any, Batches]:
    def read() -> Iterator[list[dict[str, Any]]]:
        for source in sources:
            with about(source.name):
                for payload in payloads(source, options, limits):
                    for batch in row_values(payload, options, limits).batches(batch_rows):
                        yield [_as_object(row) for row in batch]

    columns = Columns()
    for batch in read():
        columns.see_rows(batch)
    schema = columns.schema()
    _check_not_empty(schema)
    return schema, (batch_of_rows(schema, batch) for batch in read())


def _as_object(row: object) -> dict[str, Any]:
    if isinstance(row, dict):
        return cast("dict[str, Any]", row)
    if isinstance(row, list):
        # Without headers, columns are known by their place.
        return {f"column_{place}": cell for place, cell in enumerate(cast("list[Any]", row), 1)}
    return {"value": row}


def _check_not_empty(schema: Any) -> None:
    if not schema.names:
        raise ValidationFailedError("there are no rows, which would tell the columns of a table")
