"""The process that reads one workbook: native code on foreign bytes, with a bound on its memory.

Standard input holds a line of JSON, the request, and then the workbook. Standard output gets the
rows as JSON; when it ends with `REFUSED`, the reason as JSON instead. It is started as a file, not
as a module of the package, so that it starts in milliseconds.
"""

import datetime
import io
import json
import math
import resource
import sys
from collections.abc import Iterator
from typing import Any

REFUSED = 3
_MAX_SAFE_INTEGER = 2**53 - 1


class _RefusedError(Exception):
    """What stands in the way, as the parent wants it."""

    def __init__(self, **reason: object) -> None:
        super().__init__()
        self.reason = reason


def main() -> int:
    """Read the request and the workbook, write the rows."""
    request = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = request["path"]
    memory, seconds = request["memory_bytes"], request["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        text = _read(sys.stdin.buffer.read(), request)
    except _RefusedError as error:
        sys.stdout.write(json.dumps(error.reason))
        return REFUSED
    sys.stdout.write(text)
    return 0


def _read(data: bytes, request: dict[str, Any]) -> str:
    # After the limits are set: this is what they are for.
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415

    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            name = _sheet_name(workbook.sheet_names, request["sheet"])
            sheet = workbook.get_sheet_by_name(name)
            return _rows(sheet, request)
    except CalamineError as error:
        raise _RefusedError(kind="unreadable", message=str(error)) from error


def _sheet_name(names: list[str], wanted: str | int | None) -> str:
    if isinstance(wanted, str) and wanted in names:
        return wanted
    position = 0 if wanted is None else wanted
    if isinstance(position, int) and 0 <= position < len(names):
        return names[position]
    raise _RefusedError(kind="sheet", names=names)


def _rows(sheet: Any, request: dict[str, Any]) -> str:
    if sheet.start is None:
        return "[]"
    rows, columns = sheet.end[0] + 1, sheet.end[1] + 1
    if rows * columns > request["max_cells"]:
        raise _RefusedError(kind="cells", rows=rows, columns=columns)
    pieces: list[str] = []
    size = 2
    for row in _cells(sheet):
        piece = json.dumps(row, separators=(",", ":"))
        size += len(piece) + 1
        if size > request["max_bytes"]:
            raise _RefusedError(kind="bytes", rows=rows, columns=columns)
        pieces.append(piece)
    return f"[{','.join(pieces)}]"


def _cells(sheet: Any) -> Iterator[list[Any]]:
    """Yield the rows from the sheet's first one, each from its first column."""
    before: list[Any] = [None] * sheet.start[1]
    for row in sheet.iter_rows():
        yield before + [_value(cell) for cell in row]


def _value(cell: Any) -> Any:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, int | float):
        return _number(cell)
    if isinstance(cell, datetime.timedelta):
        micros = cell.seconds * 1_000_000 + cell.microseconds
        return {"months": 0, "days": cell.days, "micros": micros}
    return cell.isoformat()


def _number(cell: float) -> float | None:
    if not math.isfinite(cell):
        return None
    return int(cell) if cell == int(cell) and abs(cell) <= _MAX_SAFE_INTEGER else cell


if __name__ == "__main__":
    sys.exit(main())
