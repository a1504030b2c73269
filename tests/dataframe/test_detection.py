"""Dates in columns of text."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from analysis_sandbox.dataframe.detection import with_dates


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["2024-02-29", None], [date(2024, 2, 29), None]),
        (
            ["2024-01-05T10:00", "2024-01-05 10:00:01.5"],
            [datetime(2024, 1, 5, 10), datetime(2024, 1, 5, 10, 0, 1, 500_000)],
        ),
        (
            ["2024-01-05T10:00:00.123Z", "2024-01-05T10:00+02:00", "2024-01-05T10:00:00-0330"],
            [
                datetime(2024, 1, 5, 10, 0, 0, 123_000, UTC),
                datetime(2024, 1, 5, 8, tzinfo=UTC),
                datetime(2024, 1, 5, 13, 30, tzinfo=UTC),
            ],
        ),
    ],
)
def test_text_that_is_nothing_but_dates_becomes_dates(
    texts: list[str | None], values: list[object]
) -> None:
    assert with_dates(pl.DataFrame({"a": texts}))["a"].to_list() == values


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-02-30", "2024-01-01"],
        ["2024-01-05", "2024-01-05T10:00:00"],
        ["2024-01-05T10:00:00", "2024-01-05T10:00:00Z"],
        ["2024-01-05", "soon"],
        ["20240105"],
        ["2024-01-05 "],
        ["2024-01-05T25:00:00"],
        [""],
        [],
    ],
)
def test_everything_else_stays_text(texts: list[str]) -> None:
    frame = pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)})

    assert with_dates(frame).equals(frame)
