"""Rows of CSV and JSON texts, one after the other; holds one row."""

import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import ijson

from analysis_sandbox.errors import NotFoundError, ValidationFailedError
from analysis_sandbox.formats.delimited import marked_encoding, read_delimited
from analysis_sandbox.formats.streams.chunks import ChunkFile, pieces_of
from analysis_sandbox.formats.streams.options import StreamOptions

_BUFFER_BYTES = 1 << 16
_SHOWN = 20
_BLANKS = b" \t\r\n"
_PATH = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+)*")


def csv_rows(file: ChunkFile, options: StreamOptions) -> Iterator[Any]:
    """Yield the rows of delimited text: objects, or arrays where there are no headers.

    Raises:
        ValidationFailedError: the text is not what the options say; the message names the line.
    """
    rows = read_delimited(_lines(file, options.encoding), options.delimited())
    return rows if options.columns is None else _picked(rows, options.columns)


def json_rows(file: ChunkFile, options: StreamOptions) -> Iterator[Any]:
    """Yield the values of a JSON array, or of a text of values one after the other (lines).

    With `path`, those of the array that lies there, such as `data.items`.

    Raises:
        ValidationFailedError: it is not JSON; the message says where.
        NotFoundError: there is no array at `path`.
    """
    text = as_utf8(file, options.encoding)
    try:
        rows = _json_values(text, options.path)
        if options.columns is not None:
            rows = _picked(rows, options.columns)
        yield from rows
    except ijson.IncompleteJSONError as error:
        if "overflow" in str(error):
            raise ValidationFailedError(
                "an integer in the JSON array has more than 64 bits: it can be read from JSON "
                "lines only"
            ) from error
        if "premature EOF" in str(error) or not str(error):
            raise ValidationFailedError("the JSON text ends in the middle") from error
        raise ValidationFailedError(f"not JSON: {_told(error)}") from error
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        raise ValidationFailedError(f"not JSON: {_told(error)}") from error


def _lines(file: ChunkFile, encoding: str) -> Iterator[str]:
    encoding, length = marked_encoding(file.peek(), encoding)
    file.read(length)
    buffered = io.BufferedReader(file, _BUFFER_BYTES)
    number = 0
    try:
        for line in io.TextIOWrapper(buffered, encoding=encoding, newline=""):
            number += 1
            yield line
    except UnicodeError as error:
        raise ValidationFailedError(
            f"soon after line {number} the text is not {encoding}. Name the encoding, such as "
            '{ encoding: "windows-1252" }'
        ) from error


def as_utf8(file: ChunkFile, encoding: str) -> ChunkFile:
    """Return a text without its byte order mark, in UTF-8."""
    encoding, length = marked_encoding(file.peek(), encoding)
    file.read(length)
    if encoding == "utf-8":
        return file
    return ChunkFile(line.encode("utf-8") for line in _lines(file, encoding))


def _json_values(file: ChunkFile, path: str | None) -> Iterator[Any]:
    start = file.peek().lstrip(_BLANKS)
    if path is not None:
        return _at_path(file, path)
    if start.startswith(b"["):
        return ijson.items(file, "item", use_float=True, buf_size=_BUFFER_BYTES)
    return _json_lines(file)


def _at_path(file: ChunkFile, path: str) -> Iterator[Any]:
    if not _PATH.fullmatch(path):
        raise ValidationFailedError(f"path: {path!r} must be names with dots, such as data.items")
    found = False

    def watched() -> Iterator[tuple[str, str, Any]]:
        nonlocal found
        events = ijson.parse(file, use_float=True, buf_size=_BUFFER_BYTES)
        for prefix, event, value in events:
            found = found or (event == "start_array" and prefix == path)
            yield prefix, event, value

    yield from ijson.items(watched(), f"{path}.item")
    if not found:
        raise NotFoundError(f"there is no array at {path!r}", details={"path": path})


def _json_lines(file: ChunkFile) -> Iterator[Any]:
    """Yield the value of every line, or of values that span lines if the first one does."""
    buffered = io.BufferedReader(file, _BUFFER_BYTES)
    number = 0
    for line in buffered:
        number += 1
        if not line.strip():
            continue
        try:
            value = _decode(line.decode("utf-8"))
        except ValueError as error:
            if number > 1 and not isinstance(error, UnicodeDecodeError):
                raise ValidationFailedError(f"line {number} is not JSON: {_told(error)}") from error
            rest = itertools.chain([line], pieces_of(buffered))
            values = ijson.items(
                ChunkFile(rest), "", multiple_values=True, use_float=True, buf_size=_BUFFER_BYTES
            )
            yield from values
            return
        yield value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


# Made once: json.loads makes one for every call.
_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def _picked(rows: Iterable[Any], columns: tuple[str, ...]) -> Iterator[Any]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise ValidationFailedError(f"columns: row {number} is no object with names")
        fields = cast("Mapping[str, Any]", row)
        if number == 1 and (missing := [name for name in columns if name not in fields]):
            raise no_columns(missing, list(fields))
        yield {name: fields.get(name) for name in columns}


def no_columns(missing: list[str], names: list[str]) -> ValidationFailedError:
    """Return the error for columns that are not there."""
    shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return ValidationFailedError(
        f"there is no column {', '.join(missing)}; there are {shown}", fields={"columns": shown}
    )


def _told(error: Exception) -> str:
    told: object = error.args[0] if error.args else error
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(error)
    return text.split("\n", 1)[0][:200]
