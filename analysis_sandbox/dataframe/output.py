"""Rows of a frame as JSON by the table of `values`, and as Arrow; sizes are checked before."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false

import json
import math
from collections.abc import Iterable, Iterator

import polars as pl
import pyarrow as pa

from analysis_sandbox.dataframe.calls import exact_column
from analysis_sandbox.dataframe.extent import text_bytes
from analysis_sandbox.errors import LimitExceededError, ResultTooLargeError
from analysis_sandbox.formats.arrow_json import encode_rows
from analysis_sandbox.values import MAX_SAFE_INTEGER, TAG, EncodedJSON, to_json

_MEBIBYTE = 1 << 20
_BATCH_ROWS = 65_536
_PROBED_ROWS = 1_000
# An estimate this far above the limit is not checked by writing it all out.
_CERTAINLY = 1.5
_FEW_ROWS = 200


def rows_json(data: pl.DataFrame, *, max_bytes: int, size_bytes: int | None = None) -> EncodedJSON:
    """Return the rows as a JSON array of objects; `size_bytes` is what they take, if known.

    Raises:
        LimitExceededError: the text would have more than `max_bytes` bytes.
        ValidationFailedError: a column has a type that cannot cross; the message names it.
    """
    if not data.width:
        return EncodedJSON(f"[{','.join(['{}'] * data.height)}]")
    # Equal texts share memory in a frame; written out, each takes its own.
    if size_bytes is None or size_bytes > max_bytes:
        least = text_bytes(data, item_bytes=1)
        if least > max_bytes:
            raise _too_large(data.height, least, max_bytes)
    if data.height <= _FEW_ROWS and _is_plain(data):
        return _few_rows_json(data, max_bytes)
    estimate = _estimated_bytes(data, max_bytes)
    if estimate > _CERTAINLY * max_bytes:
        raise _too_large(data.height, estimate, max_bytes)
    table = data.to_arrow()
    try:
        batches = table.to_batches(max_chunksize=_BATCH_ROWS)
        return encode_rows(table.schema, batches, max_bytes=max_bytes)
    except ResultTooLargeError as error:
        raise _too_large(data.height, max(estimate, max_bytes + 1), max_bytes) from error


def _is_plain(data: pl.DataFrame) -> bool:
    """Whether JSON has all of the columns' types, and no name needs to be escaped."""
    return all(
        isinstance(dtype, pl.Int64 | pl.Float64 | pl.String | pl.Boolean)
        and not name.startswith(TAG)
        for name, dtype in data.schema.items()
    )


def _few_rows_json(data: pl.DataFrame, max_bytes: int) -> EncodedJSON:
    """Write the rows without Arrow's kernels, whose start takes longer than a few rows."""
    if all(_is_exact(column) for column in data.get_columns()):
        text = data.write_json()
    else:
        rows = [{name: to_json(row[name]) for name in row} for row in data.to_dicts()]
        text = json.dumps(rows, separators=(",", ":"), allow_nan=False)
    size = len(text.encode("utf-8"))
    if size > max_bytes:
        raise _too_large(data.height, size, max_bytes)
    return EncodedJSON(text)


def _is_exact(column: pl.Series) -> bool:
    """Whether JSON has all values of a plain column as they are. Quicker than Polars for a few."""
    if isinstance(column.dtype, pl.Float64):
        return all(value is None or math.isfinite(value) for value in column.to_list())
    if isinstance(column.dtype, pl.Int64):
        return all(value is None or abs(value) <= MAX_SAFE_INTEGER for value in column.to_list())
    return True


def arrow_schema(schema: pl.Schema) -> pa.Schema:
    """Return the schema that `arrow_batches` has. Columns without values are text."""
    return _storable(pl.DataFrame(schema=schema)).to_arrow().schema


def arrow_batches(parts: Iterable[pl.DataFrame]) -> Iterator[pa.RecordBatch]:
    """Yield the rows as Arrow batches, in types that databases have."""
    for part in parts:
        for rows in part.iter_slices(_BATCH_ROWS):
            yield from _storable(rows).to_arrow().to_batches()


def _storable(data: pl.DataFrame) -> pl.DataFrame:
    """Databases have no column that is null and nothing else."""
    nulls = [name for name, dtype in data.schema.items() if isinstance(dtype, pl.Null)]
    return data.with_columns(exact_column(name).cast(pl.String) for name in nulls)


def _estimated_bytes(data: pl.DataFrame, max_bytes: int) -> int:
    """Return what the rows take as JSON, judged by some of them from everywhere."""
    if data.height <= _PROBED_ROWS:
        return 0
    probe = data.gather_every(-(-data.height // _PROBED_ROWS))
    table = probe.to_arrow()
    try:
        text = encode_rows(table.schema, table.to_batches(), max_bytes=max_bytes)
    except ResultTooLargeError:
        return max_bytes * data.height // probe.height
    return len(text) * data.height // probe.height


def _too_large(rows: int, estimate: int, max_bytes: int) -> LimitExceededError:
    return LimitExceededError(
        f"{rows} rows take about {estimate / _MEBIBYTE:.1f} MB as JSON; a script can be given "
        f"{max_bytes / _MEBIBYTE:.1f} MB at once",
        hint="Aggregate, keep fewer rows with head() or fewer columns with select(), or store the "
        "frame with ctx.duckdb.saveDataFrame().",
        details={"rows": rows, "size_bytes": estimate, "limit_bytes": max_bytes},
    )
