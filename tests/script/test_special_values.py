"""The words that stand for dates."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analysis_sandbox.script.parameters.special_values import resolve_specials, special_date

# A Thursday.
NOW = datetime(2024, 3, 14, 15, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "date"),
    [
        ("today", "2024-03-14"),
        ("yesterday", "2024-03-13"),
        ("last_week", "2024-03-07"),
        ("last_month", "2024-02-13"),
        ("current_month", "2024-03-01"),
        ("week_start", "2024-03-11"),
        ("week_end", "2024-03-17"),
    ],
)
def test_each_word_stands_for_its_date(word: str, date: str) -> None:
    assert special_date(word, now=NOW) == date


@pytest.mark.parametrize("day", [11, 17])
def test_weeks_begin_on_monday_and_end_on_sunday(day: int) -> None:
    now = NOW.replace(day=day)
    assert special_date("week_start", now=now) == "2024-03-11"
    assert special_date("week_end", now=now) == "2024-03-17"


@pytest.mark.parametrize("text", ["Today", "tomorrow", "", " today", "2024-01-01"])
def test_other_texts_stand_for_themselves(text: str) -> None:
    assert special_date(text, now=NOW) is None
    assert resolve_specials(text, now=NOW) == text


def test_today_is_the_date_in_the_zone_of_now() -> None:
    moment = datetime(2024, 3, 14, 23, 30, tzinfo=UTC)
    assert special_date("today", now=moment) == "2024-03-14"
    assert special_date("today", now=moment.astimezone(ZoneInfo("Asia/Tokyo"))) == "2024-03-15"


def test_words_are_found_in_nested_objects_and_lists() -> None:
    nested = {"range": {"start": "week_start", "end": "week_end"}, "days": ["today", "x", 5, None]}
    assert resolve_specials(nested, now=NOW) == {
        "range": {"start": "2024-03-11", "end": "2024-03-17"},
        "days": ["2024-03-14", "x", 5, None],
    }
