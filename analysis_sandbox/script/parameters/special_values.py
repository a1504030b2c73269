"""The words that stand for a date, such as `yesterday`, and the dates they become."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import cast

_SPECIAL: Mapping[str, Callable[[date], date]] = {
    "today": lambda today: today,
    "yesterday": lambda today: today - timedelta(days=1),
    "last_week": lambda today: today - timedelta(days=7),
    "last_month": lambda today: today - timedelta(days=30),
    "current_month": lambda today: today.replace(day=1),
    "week_start": lambda today: today - timedelta(days=today.weekday()),
    "week_end": lambda today: today + timedelta(days=6 - today.weekday()),
}
SPECIAL_NAMES = frozenset(_SPECIAL)


def special_date(text: str, *, now: datetime) -> str | None:
    """Return the date a special word stands for as `YYYY-MM-DD`, None when it is none.

    "today" is the date of `now` in its own zone; weeks are ISO weeks, Monday to Sunday.
    """
    found = _SPECIAL.get(text)
    return found(now.date()).isoformat() if found else None


def resolve_specials(value: object, *, now: datetime) -> object:
    """Return `value` with every special word in it, however nested, replaced by its date."""
    if isinstance(value, str):
        return special_date(value, now=now) or value
    if isinstance(value, list):
        return [resolve_specials(item, now=now) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value)
        return {key: resolve_specials(item, now=now) for key, item in items.items()}
    return value
