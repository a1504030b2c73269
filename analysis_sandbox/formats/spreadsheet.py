"""Workbooks (Excel and OpenDocument) to rows, read by a process of their own with bounds."""

import difflib
import io
import json
import logging
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    LimitExceededError,
    NotFoundError,
    ValidationFailedError,
)
from analysis_sandbox.formats.spreadsheet_reader import REFUSED
from analysis_sandbox.values import EncodedJSON

MAX_CELLS = 5_000_000
MAX_UNPACKED_BYTES = 512 << 20
MAX_RATIO = 500
_MEBIBYTE = 1 << 20
# A small part may well be all zeros; the ratio tells something about large ones.
_RATIO_FROM_BYTES = 16 << 20
_MEMORY_BYTES = 2 << 30
_CPU_SECONDS = 60
_log = logging.getLogger(__name__)
_READER = Path(__file__).with_name("spreadsheet_reader.py")


def parse_spreadsheet(
    data: bytes, sheet: str | int | None = None, *, max_bytes: int = 64 << 20
) -> EncodedJSON:
    """Return the rows of a sheet (its name, its position from 0; else the first) as JSON arrays.

    Empty cells, and cells that hold an error, are null; dates are ISO 8601 text.

    Raises:
        NotFoundError: there is no such sheet; the message names those there are.
        ValidationFailedError: the bytes are not a workbook.
        LimitExceededError: it is too large, unpacked or as rows; or it takes too long.
    """
    _check_archive(data)
    request = {
        "sheet": sheet,
        "max_cells": MAX_CELLS,
        "max_bytes": max_bytes,
        "memory_bytes": _MEMORY_BYTES,
        "cpu_seconds": _CPU_SECONDS,
        "path": sys.path,
    }
    done = subprocess.run(
        [sys.executable, "-I", str(_READER)],
        input=json.dumps(request).encode("ascii") + b"\n" + data,
        capture_output=True,
        check=False,
        env={},
    )
    if done.returncode == 0:
        return EncodedJSON(done.stdout.decode("ascii"))
    if done.returncode == REFUSED:
        raise _refusal(json.loads(done.stdout), sheet, max_bytes)
    if done.returncode > 0 and b"MemoryError" not in done.stderr:
        _log.error("The reader of workbooks failed: %s", done.stderr.decode("utf-8", "replace"))
        raise AnalysisSandboxError("parseExcel failed inside the host")
    raise LimitExceededError(
        f"parseExcel: the workbook needs more than {_MEMORY_BYTES >> 30} GB of memory or "
        f"{_CPU_SECONDS} s to be read",
        hint="A single cell far away from the others makes a sheet huge: delete empty rows and "
        "columns, or save the sheet as CSV.",
        details={"limit_bytes": _MEMORY_BYTES, "limit_seconds": _CPU_SECONDS},
    )


def _check_archive(data: bytes) -> None:
    """Refuse a bomb by what its directory says; one that lies meets the reader's own bounds."""
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise ValidationFailedError(f"parseExcel: the workbook is damaged: {error}") from error
    size = sum(entry.file_size for entry in entries)
    if size > MAX_UNPACKED_BYTES:
        raise LimitExceededError(
            f"parseExcel: the workbook has {size / _MEBIBYTE:.0f} MB unpacked; "
            f"{MAX_UNPACKED_BYTES / _MEBIBYTE:.0f} MB are allowed",
            details={"bytes": size, "limit_bytes": MAX_UNPACKED_BYTES},
        )
    for entry in entries:
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size > _RATIO_FROM_BYTES and ratio > MAX_RATIO:
            raise LimitExceededError(
                f"parseExcel: {entry.filename} is packed {ratio:.0f} to 1; "
                f"{MAX_RATIO} to 1 is allowed",
                details={"ratio": round(ratio), "limit_ratio": MAX_RATIO},
            )


def _refusal(
    reason: dict[str, Any], sheet: str | int | None, max_bytes: int
) -> LimitExceededError | NotFoundError | ValidationFailedError:
    kind = reason["kind"]
    if kind == "sheet":
        return _no_sheet(reason["names"], sheet)
    if kind == "unreadable":
        return ValidationFailedError(
            f"parseExcel: the bytes are not a workbook that can be read ({reason['message']}). "
            "It reads xlsx, xlsm, xlsb, xls and ods without a password"
        )
    shape = f"{reason['rows']} rows × {reason['columns']} columns"
    if kind == "cells":
        return LimitExceededError(
            f"parseExcel: the sheet spans {shape}; {MAX_CELLS} cells are allowed",
            hint="A single cell far away from the others makes a sheet huge: delete empty rows "
            "and columns.",
            details={"cells": reason["rows"] * reason["columns"], "limit_cells": MAX_CELLS},
        )
    return LimitExceededError(
        f"parseExcel: the sheet's {shape} have more than the {max_bytes / _MEBIBYTE:g} MB that "
        "can cross at once",
        details={"limit_bytes": max_bytes},
    )


def _no_sheet(names: list[str], wanted: str | int | None) -> NotFoundError:
    if not names:
        return NotFoundError("parseExcel: the workbook has no sheet")
    nearest = difflib.get_close_matches(str(wanted), names, n=1)
    advice = f" Did you mean '{nearest[0]}'?" if nearest else ""
    what = f"number {wanted}" if isinstance(wanted, int) else f"'{wanted}'"
    return NotFoundError(
        f"parseExcel: there is no sheet {what}; there are {', '.join(names)}.{advice}",
        details={"sheets": names},
    )
