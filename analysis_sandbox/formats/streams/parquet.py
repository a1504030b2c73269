"""Parquet read by ranges, row group by row group, and only the columns that are wanted."""
# pyarrow has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportAttributeAccessIssue=false

import contextlib
from collections.abc import Generator, Iterator
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.formats.streams.chunks import StreamLimits
from analysis_sandbox.formats.streams.text_rows import no_columns

# What is read ahead of one column.
_BUFFER_BYTES = 4 << 20
_MEBIBYTE = 1 << 20


class ParquetSource:
    """A Parquet file that can be sought in."""

    def __init__(self, file: IO[bytes], limits: StreamLimits) -> None:
        with parquet_errors():
            self._file = pq.ParquetFile(
                pa.PythonFile(file, mode="r"), buffer_size=_BUFFER_BYTES, pre_buffer=False
            )
        metadata = self._file.metadata
        size = sum(
            metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)
        )
        if size > limits.unpacked_bytes:
            raise LimitExceededError(
                f"unpacked it has {size / _MEBIBYTE:.0f} MB; "
                f"{limits.unpacked_bytes / _MEBIBYTE:.4g} MB are allowed",
                hint="An administrator can raise max_unpacked_mb.",
                details={"bytes": size, "limit_bytes": limits.unpacked_bytes},
            )

    @property
    def rows(self) -> int:
        """How many rows the file says it has."""
        return self._file.metadata.num_rows

    def schema(self, columns: tuple[str, ...] | None = None) -> Any:
        """Return the Arrow schema of the wanted columns; raises `ValidationFailedError`."""
        schema = self._file.schema_arrow
        if columns is None:
            return schema
        if missing := [name for name in columns if name not in schema.names]:
            raise no_columns(missing, schema.names)
        return pa.schema([schema.field(name) for name in columns])

    def batches(self, columns: tuple[str, ...] | None, *, rows: int) -> Iterator[Any]:
        """Yield record batches of at most `rows` rows."""
        schema = self.schema(columns)
        batches = self._file.iter_batches(
            batch_size=rows, columns=None if columns is None else list(columns), use_threads=False
        )
        with parquet_errors():
            for batch in batches:
                yield batch if columns is None else batch.select(schema.names)


@contextlib.contextmanager
def parquet_errors() -> Generator[None]:
    """Translate what pyarrow raises for a file that is no Parquet file."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError) as error:
        raise ValidationFailedError(
            f"not a whole Parquet file: {cast('object', error)!s:.200}"
        ) from error
