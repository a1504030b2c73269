"""Rows of a sheet as objects; the workbook is read whole, by a process of its own."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import ijson

from analysis_sandbox.errors import LimitExceededError, NotFoundError, ValidationFailedError
from analysis_sandbox.formats.delimited import check_names
from analysis_sandbox.formats.spreadsheet import parse_spreadsheet
from analysis_sandbox.formats.streams.chunks import StreamLimits
from analysis_sandbox.formats.streams.options import StreamOptions
from analysis_sandbox.formats.streams.text_rows import no_columns

_MEBIBYTE = 1 << 20
# What the cells of a workbook become as text.
_MOST_TEXT_BYTES = 256 * _MEBIBYTE


def workbook_rows(
    chunks: Iterable[bytes], options: StreamOptions, limits: StreamLimits
) -> Iterator[Any]:
    """Yield the rows of a sheet: objects, or arrays where there are no headers.

    Raises:
        NotFoundError: there is no such sheet.
        ValidationFailedError: the bytes are not a workbook, or its header is not one.
        LimitExceededError: it is larger than `workbook_bytes`.
    """
    data = _whole(chunks, limits.workbook_bytes)
    try:
        text = parse_spreadsheet(data, options.sheet, max_bytes=_MOST_TEXT_BYTES)
    except (NotFoundError, ValidationFailedError, LimitExceededError) as error:
        error.message = error.message.removeprefix("parseExcel: ")
        raise
    del data
    arrays = ijson.items(io.BytesIO(text.encode("ascii")), "item", use_float=True)
    rows = (row for number, row in enumerate(arrays) if number >= options.skip_rows)
    if options.headers is False:
        return (row for row in rows if _holds_anything(row))
    return _objects(rows, options)


def _whole(chunks: Iterable[bytes], limit: int) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > limit:
            raise LimitExceededError(
                f"a workbook is read as a whole, and this one has more than the "
                f"{limit / _MEBIBYTE:.4g} MB that are allowed",
                hint="Save the sheet as CSV or Parquet, which are read piece by piece; or an "
                "administrator raises max_workbook_mb.",
                details={"bytes_at_least": len(data), "limit_bytes": limit},
            )
    return bytes(data)


def _objects(rows: Iterator[list[Any]], options: StreamOptions) -> Iterator[dict[str, Any]]:
    first = options.skip_rows + 1
    if isinstance(options.headers, list):
        names = options.headers
        check_names(names, "headers")
    else:
        header = next(rows, None)
        if header is None:
            return
        while header and header[-1] is None:
            header.pop()
        names = ["" if cell is None else str(cell).strip() for cell in header]
        check_names(names, f"Row {first}")
        first += 1
    wanted = names if options.columns is None else list(options.columns)
    if missing := [name for name in wanted if name not in names]:
        raise no_columns(missing, names)
    for number, row in enumerate(rows, first):
        if _holds_anything(row):
            cells = _object(row, names, number, options)
            yield cells if options.columns is None else {name: cells[name] for name in wanted}


def _object(
    row: list[Any], names: list[str], number: int, options: StreamOptions
) -> dict[str, Any]:
    cells: dict[str, Any] = dict.fromkeys(names)
    cells.update(zip(names, row, strict=False))
    extra = row[len(names) :]
    if _holds_anything(extra):
        if options.ragged == "error":
            raise ValidationFailedError(
                f"row {number} has cells beyond the {len(names)} of the header. Name all columns "
                'with headers, or give { ragged: "allow" }'
            )
        cells["_extra"] = extra
    return cells


def _holds_anything(row: list[Any]) -> bool:
    return any(cell is not None for cell in row)
