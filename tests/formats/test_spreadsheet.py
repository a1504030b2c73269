"""Workbooks to rows, and workbooks that are made to do harm."""

import io
import json
import zipfile
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from analysis_sandbox.errors import LimitExceededError, NotFoundError, ValidationFailedError
from analysis_sandbox.formats import spreadsheet
from analysis_sandbox.formats.spreadsheet import parse_spreadsheet


def workbook(cells: dict[str, Any], *more_sheets: str) -> bytes:
    """A workbook whose first sheet, Data, has these cells."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Data"
    for place, value in cells.items():
        sheet[place] = value
    for name in more_sheets:
        book.create_sheet(name)["A1"] = name
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def rewritten(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """The workbook with other bytes in one of its parts."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for name in source.namelist():
            content = source.read(name)
            copy.writestr(name, content.replace(old, new) if name.endswith(part) else content)
    return target.getvalue()


def test_values_keep_their_kinds_and_places() -> None:
    data = workbook(
        {
            "B2": 1,
            "C2": 1.5,
            "D2": "text",
            "E2": True,
            "B3": date(2024, 1, 2),
            "C3": datetime(2024, 1, 2, 3, 4, 5),
            "D3": time(3, 4, 5),
        }
    )

    assert json.loads(parse_spreadsheet(data)) == [
        [None, None, None, None, None],
        [None, 1, 1.5, "text", True],
        [None, "2024-01-02", "2024-01-02T03:04:05", "03:04:05", None],
    ]


def test_an_error_in_a_cell_and_an_endless_number_are_null() -> None:
    data = rewritten(
        workbook({"A1": 1, "B1": 2, "C1": 3}),
        "sheet1.xml",
        b'<c r="B1" t="n"><v>2</v></c><c r="C1" t="n"><v>3</v></c>',
        b'<c r="B1" t="e"><v>#DIV/0!</v></c><c r="C1" t="n"><v>1e999</v></c>',
    )

    assert json.loads(parse_spreadsheet(data)) == [[1, None, None]]


def test_a_sheet_is_chosen_by_name_or_position() -> None:
    data = workbook({"A1": "first"}, "Second", "Third")

    assert json.loads(parse_spreadsheet(data)) == [["first"]]
    assert json.loads(parse_spreadsheet(data, "Third")) == [["Third"]]
    assert json.loads(parse_spreadsheet(data, 1)) == [["Second"]]
    with pytest.raises(NotFoundError) as caught:
        parse_spreadsheet(data, "second")
    assert str(caught.value) == (
        "parseExcel: there is no sheet 'second'; there are Data, Second, Third. "
        "Did you mean 'Second'?"
    )
    with pytest.raises(NotFoundError, match="no sheet number 3"):
        parse_spreadsheet(data, 3)


def test_an_empty_sheet_has_no_rows() -> None:
    assert parse_spreadsheet(workbook({})) == "[]"


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04 not an archive", b"\xd0\xcf\x11\xe0"])
def test_what_is_no_workbook_is_told(data: bytes) -> None:
    with pytest.raises(ValidationFailedError, match="parseExcel: the "):
        parse_spreadsheet(data)


def test_a_workbook_that_is_cut_short_is_told() -> None:
    with pytest.raises(ValidationFailedError, match="damaged"):
        parse_spreadsheet(workbook({"A1": 1})[:-100])


def test_a_sheet_that_spans_too_much_is_refused_with_the_figures() -> None:
    with pytest.raises(LimitExceededError, match="spans 900000 rows × 10 columns") as caught:
        parse_spreadsheet(workbook({"A1": 1, "J900000": 2}))

    assert caught.value.details == {"cells": 9_000_000, "limit_cells": spreadsheet.MAX_CELLS}


def test_a_sheet_that_would_take_all_memory_ends_only_its_reader() -> None:
    with pytest.raises(LimitExceededError, match="more than 2 GB of memory"):
        parse_spreadsheet(workbook({"A1": 1, "XFD1048576": 2}))


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = rewritten(workbook({"A1": 1}), "styles.xml", b"</styleSheet>", b" " * (20 << 20))

    with pytest.raises(LimitExceededError, match="500 to 1 is allowed"):
        parse_spreadsheet(bomb)
    monkeypatch.setattr(spreadsheet, "MAX_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(LimitExceededError, match="20 MB unpacked; 1 MB are allowed"):
        parse_spreadsheet(bomb)


def test_rows_that_cannot_cross_are_refused() -> None:
    with pytest.raises(LimitExceededError, match="1 rows × 1 columns have more than the 1 MB"):
        parse_spreadsheet(
            rewritten(workbook({"A1": "text"}), "sheet1.xml", b"text", b"x" * (1 << 20)),
            max_bytes=1 << 20,
        )
