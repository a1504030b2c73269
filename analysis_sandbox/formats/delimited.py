"""Delimited text (CSV, TSV …) to rows. What cannot be read for certain is an error."""

import codecs
import csv
import io
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.values import MAX_SAFE_INTEGER

MAX_CELLS = 5_000_000
MAX_COLUMNS = 16_384
_DELIMITERS = ";\t|"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_EXACT_DIGITS = 15
# Codecs that read a text in one pass; others of Python's take minutes for megabytes.
_ENCODINGS = frozenset(
    {"ascii", "big5", "cp437", "cp850", "cp852", "cp866", "cp932", "cp949", "cp950", "euc_jp"}
    | {"euc_kr", "gb18030", "gb2312", "gbk", "koi8-r", "koi8-u", "mac-roman", "shift_jis"}
    | {"utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"}
    | {"utf-32-be", *(f"iso8859-{number}" for number in range(1, 17) if number != 12)}
    | {f"cp{number}" for number in range(1250, 1259)}
)
# One field may be as large as a whole text: the frame that brought it is bounded.
csv.field_size_limit(1 << 30)

Cell = str | int | float | bool | None
Row = list[Cell] | dict[str, Cell | list[Cell]]


class DelimitedOptions(BaseModel):
    """How a delimited text is to be read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    headers: bool | list[str] = True
    skip_rows: int = Field(default=0, ge=0, alias="skipRows")
    encoding: str = "utf-8"
    quote: str = Field(default='"', min_length=1, max_length=1)
    comment: str | None = Field(default=None, min_length=1)
    trim: bool = False
    types: bool = False
    ragged: Literal["error", "allow"] = "error"

    @model_validator(mode="after")
    def _check_marks(self) -> Self:
        marks = [mark for mark in (self.delimiter, self.quote) if mark is not None]
        if len(set(marks)) < len(marks) or set(marks) & {"\n", "\r"}:
            raise ValueError("delimiter and quote must be two different marks within a line")
        return self


class _Record(NamedTuple):
    line: int
    fields: list[str]


def parse_delimited(data: str | bytes, options: DelimitedOptions) -> list[Row]:
    """Return the rows: objects by header, or arrays when there are no headers.

    Raises:
        ValidationFailedError: the text is not what the options say; the message names the line.
        LimitExceededError: more than `MAX_CELLS` cells.
    """
    try:
        lines = io.StringIO(_text(data, options.encoding), newline="")
        return list(read_delimited(lines, options, max_cells=MAX_CELLS))
    except (ValidationFailedError, LimitExceededError) as error:
        raise named(error, "parseCSV") from error.__cause__


def read_delimited(
    lines: Iterable[str], options: DelimitedOptions, *, max_cells: int | None = None
) -> Iterator[Row]:
    """Yield the rows of a text that comes line by line, with its line ends; keeps none.

    Raises:
        ValidationFailedError: the text is not what the options say; the message names the line.
        LimitExceededError: more than `max_cells` cells.
    """
    records = _records(iter(lines), options, max_cells)
    if options.headers is False:
        for record in records:
            yield _values(record.fields, options)
        return
    names = options.headers if isinstance(options.headers, list) else None
    if names is None:
        first = next(records, None)
        if first is None:
            return
        names = [name.strip() for name in first.fields]
        check_names(names, f"Line {first.line}")
    else:
        check_names(names, "headers")
    for number, record in enumerate(records, 1):
        # A row has every column, also one whose line is shorter.
        if max_cells is not None and number * len(names) > max_cells:
            raise _too_many(record.line, max_cells)
        yield _object(record, names, options)


def named(
    error: ValidationFailedError | LimitExceededError, what: str
) -> ValidationFailedError | LimitExceededError:
    """Return an error with the name of what was read before its message."""
    message = f"{what}: {error.message}"
    if isinstance(error, ValidationFailedError):
        return ValidationFailedError(message, fields=error.fields)
    return LimitExceededError(message, hint=error.hint, details=error.details)


def read_options(given: object) -> DelimitedOptions:
    """Return the options as a script gave them; raises `ValidationFailedError`."""
    try:
        return DelimitedOptions.model_validate({} if given is None else given)
    except ValidationError as error:
        known = [field.alias or name for name, field in DelimitedOptions.model_fields.items()]
        problems = {
            ".".join(str(part) for part in item["loc"] if part not in {"bool", "list[str]"}): (
                f"there is no such option; there are {', '.join(known)}"
                if item["type"] == "extra_forbidden"
                else "it must be true, false or an array of names"
                if item["loc"][:1] == ("headers",)
                else item["msg"].removeprefix("Value error, ")
            )
            for item in error.errors()
        }
        told = "; ".join(f"{name}: {text}" if name else text for name, text in problems.items())
        raise ValidationFailedError(f"parseCSV: {told}", fields=problems) from None


def marked_encoding(start: bytes, encoding: str) -> tuple[str, int]:
    """Return the encoding that a byte order mark tells, and the mark's length; else what is given.

    Raises:
        ValidationFailedError: there is no such encoding, or none that can be read in one pass.
    """
    for mark, marked in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return marked, len(mark)
    try:
        return _known(encoding), 0
    except (LookupError, UnicodeError, ValueError):
        raise ValidationFailedError(
            f"there is no encoding {encoding!r}; common ones are utf-8, utf-16, "
            "windows-1252, iso-8859-1"
        ) from None


def _text(data: str | bytes, encoding: str) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    encoding, length = marked_encoding(data, encoding)
    data = data[length:]
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValidationFailedError(
            f"line {line} is not {encoding}: byte {error.start + 1} is "
            f"0x{data[error.start]:02x}. Name the encoding, such as "
            '{ encoding: "windows-1252" }'
        ) from None
    except UnicodeError as error:
        raise ValidationFailedError(f"the text is not {encoding}: {error}") from None


def _known(encoding: str) -> str:
    name = codecs.lookup(encoding).name
    if name not in _ENCODINGS:
        raise LookupError(encoding)
    return name


def _records(
    lines: Iterator[str], options: DelimitedOptions, max_cells: int | None
) -> Iterator[_Record]:
    """Yield the records that hold anything, after those to be skipped."""
    skipped = sum(1 for _ in zip(range(options.skip_rows), lines, strict=False))
    if skipped < options.skip_rows:
        raise ValidationFailedError(
            f"skipRows is {options.skip_rows}, the text has {skipped} lines"
        )
    before = _through_first(lines, options)
    delimiter = options.delimiter or guess_delimiter(before[-1] if before else "")
    kept = _without_comments(itertools.chain(before, lines), options.comment)
    reader = csv.reader(kept, delimiter=delimiter, quotechar=options.quote, strict=True)
    cells, line = 0, skipped + 1
    try:
        for fields in reader:
            if fields:
                cells += len(fields)
                if max_cells is not None and cells > max_cells:
                    raise _too_many(line, max_cells)
                yield _Record(line, fields)
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise ValidationFailedError(
            f"the record that begins in line {line} is not valid: {error}. "
            "A quote inside a quoted field must be doubled"
        ) from error


def _through_first(lines: Iterator[str], options: DelimitedOptions) -> list[str]:
    """Return the lines up to the first one that holds anything."""
    before: list[str] = []
    for line in lines:
        before.append(line)
        if line.strip() and not (options.comment and line.startswith(options.comment)):
            return before
    return [*before, ""]


def guess_delimiter(line: str) -> str:
    """Return the comma, or if the line has none the other mark that it has most of."""
    outside = re.sub(r'"[^"]*"', "", line)
    best = max(_DELIMITERS, key=outside.count)
    return "," if "," in outside or best not in outside else best


def _without_comments(lines: Iterator[str], comment: str | None) -> Iterator[str]:
    if comment is None:
        return lines
    # An empty line in its place keeps the numbers of the lines.
    return ("\n" if line.startswith(comment) else line for line in lines)


def _too_many(line: int, limit: int) -> LimitExceededError:
    return LimitExceededError(
        f"the text has more than {limit} cells; line {line} goes beyond",
        hint="Parse a part of it, or load the data through a datasource.",
        details={"cells_at_least": limit + 1, "limit_cells": limit},
    )


def check_names(names: Sequence[str], where: str) -> None:
    """Raise an error if the names of columns are too many, empty or there twice."""
    advice = "Name the columns: { headers: ['id', …], skipRows: 1 }"
    if len(names) > MAX_COLUMNS:
        raise LimitExceededError(
            f"{where}: {len(names)} columns; {MAX_COLUMNS} can be read",
            hint="Check the delimiter, or parse it without headers.",
            details={"columns": len(names), "limit_columns": MAX_COLUMNS},
        )
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        if not name:
            raise ValidationFailedError(f"{where}: header {position} is empty. {advice}")
        if name in seen:
            raise ValidationFailedError(f"{where}: the header '{name}' is there twice. {advice}")
        seen.add(name)


def _object(
    record: _Record, names: Sequence[str], options: DelimitedOptions
) -> dict[str, Cell | list[Cell]]:
    values = _values(record.fields, options)
    if len(values) == len(names):
        return dict(zip(names, values, strict=True))
    if options.ragged == "error":
        raise ValidationFailedError(
            f"line {record.line} has {len(values)} fields, the header has {len(names)}. "
            'Check the delimiter and the quotes, or give { ragged: "allow" }'
        )
    row: dict[str, Cell | list[Cell]] = dict.fromkeys(names)
    row.update(zip(names, values, strict=False))
    if len(values) > len(names):
        row["_extra"] = values[len(names) :]
    return row


def _values(fields: list[str], options: DelimitedOptions) -> list[Cell]:
    texts = [field.strip() for field in fields] if options.trim else fields
    return [_typed(text) for text in texts] if options.types else cast("list[Cell]", texts)


def _typed(text: str) -> Cell:
    """Return a number only where no digit is lost; what may be a code, such as 007, stays text."""
    if not text:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if not (text[0].isdigit() or text[0] == "-"):
        return text
    if _INTEGER.fullmatch(text):
        number = int(text) if len(text) <= _EXACT_DIGITS + 2 else MAX_SAFE_INTEGER + 1
        return number if abs(number) <= MAX_SAFE_INTEGER else text
    if _NUMBER.fullmatch(text):
        digits = re.sub(r"[eE].*|\D", "", text).strip("0")
        number = float(text)
        return number if len(digits) <= _EXACT_DIGITS and math.isfinite(number) else text
    return text
