"""Cron expressions of five fields: checked, and written in the one form every engine agrees on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cronsim import CronSim, CronSimError

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.wording import shown

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ITEM = re.compile(r"(?:\*|([a-z]+|[0-9]+)(?:-([a-z]+|[0-9]+))?)(?:/([0-9]+))?")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: Mapping[str, int] = field(default_factory=dict[str, int])

    def everything(self) -> set[int]:
        return set(range(self.low, self.high + 1))


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, {word: number for number, word in enumerate(_MONTHS, 1)}),
    _Field("weekday", 0, 7, {word: number for number, word in enumerate(_WEEKDAYS)}),
)
_DAY, _WEEKDAY = 2, 4


@dataclass(frozen=True, slots=True)
class _Item:
    low: int
    high: int
    step: int
    is_star: bool

    def values(self) -> set[int]:
        return set(range(self.low, self.high + 1, self.step))

    def text(self, *, with_star: bool = True) -> str:
        if self.is_star and with_star:
            return f"*/{self.step}"
        if self.low == self.high:
            return str(self.low)
        step = f"/{self.step}" if self.step > 1 else ""
        return f"{self.low}-{self.high}{step}"


def canonical_cron(expression: str) -> str:
    """Return the expression with numbers for names, Sunday as 0 and `*` for whole ranges.

    Engines disagree about 7, about names, and about which of day and weekday count as restricted;
    they agree about this form.

    Raises:
        ValidationFailedError: it is no cron expression of five fields, or one that never fires;
            the message names every field that is wrong.
    """
    parts = _split(expression)
    problems: list[str] = []
    fields: list[list[_Item]] = []
    for rule, part in zip(_FIELDS, parts, strict=True):
        try:
            fields.append([_item(rule, item) for item in part.split(",")])
        except ValidationFailedError as error:
            problems.append(f"{rule.name} {shown(part)} {error.message}")
    if problems:
        raise ValidationFailedError("; ".join(problems))
    is_restricted = [_text(rule, items) != "*" for rule, items in zip(_FIELDS, fields, strict=True)]
    # `*/2` counts as restricted for some engines and as free for others where both days are given.
    has_both_days = is_restricted[_DAY] and is_restricted[_WEEKDAY]
    canonical = " ".join(
        _text(rule, items, with_star=not (has_both_days and index in {_DAY, _WEEKDAY}))
        for index, (rule, items) in enumerate(zip(_FIELDS, fields, strict=True))
    )
    _refuse_impossible(canonical, expression)
    return canonical


def _split(expression: str) -> list[str]:
    text = expression.strip().lower()
    if len(text) > _LONGEST:
        raise ValidationFailedError(f"has {len(text)} characters; the limit is {_LONGEST}")
    if text.startswith("@"):
        same = _NICKNAMES.get(text)
        advice = f"; write '{same}'" if same else ""
        raise ValidationFailedError(f"{shown(expression)} is not supported{advice}")
    parts = text.split()
    if len(parts) in {6, 7}:
        raise ValidationFailedError(
            f"{shown(expression)} has {len(parts)} fields; write 5 (minute hour day-of-month "
            "month weekday): seconds and years cannot be scheduled"
        )
    if len(parts) != len(_FIELDS):
        raise ValidationFailedError(
            f"{shown(expression)} has {len(parts)} fields; write 5 (minute hour day-of-month "
            "month weekday), such as '0 9 * * 1-5'"
        )
    return parts


def _item(rule: _Field, text: str) -> _Item:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise ValidationFailedError("is not a number, a range, a list, a step or *")
    first, last, step_text = match.groups()
    step = int(step_text) if step_text else 1
    if step == 0 or step > rule.high:
        raise ValidationFailedError(f"has the step {step}; it must be 1 to {rule.high}")
    if first is None:
        # 7 is Sunday a second time: a star must not count it.
        high = min(rule.high, 6) if rule.words and rule.low == 0 else rule.high
        return _Item(rule.low, high, step, is_star=True)
    low = _number(rule, first)
    high = _number(rule, last) if last else (low if not step_text else _last(rule, low))
    if high < low:
        raise ValidationFailedError(f"runs backwards; write {low}-{rule.high},{rule.low}-{high}")
    return _Item(low, high, step, is_star=False)


def _last(rule: _Field, low: int) -> int:
    return max(low, 6) if rule is _FIELDS[_WEEKDAY] else rule.high


def _number(rule: _Field, text: str) -> int:
    if text in rule.words:
        return rule.words[text]
    if not text.isdigit():
        raise ValidationFailedError(f"holds {shown(text)}, which is not a {rule.name}")
    number = int(text[:9])
    if not rule.low <= number <= rule.high:
        raise ValidationFailedError(f"is outside {rule.low}-{rule.high}")
    return number


def _text(rule: _Field, items: list[_Item], *, with_star: bool = True) -> str:
    values = set[int]().union(*(item.values() for item in items))
    if rule is _FIELDS[_WEEKDAY]:
        days = {value % 7 for value in values}
        if days == set(range(7)):
            return "*"
        if 7 in values:
            return ",".join(map(str, sorted(days)))
    elif values == rule.everything():
        return "*"
    return ",".join(item.text(with_star=with_star) for item in items)


def _refuse_impossible(canonical: str, expression: str) -> None:
    try:
        next(CronSim(canonical, datetime(2024, 1, 1)))
    except (CronSimError, StopIteration) as error:
        raise ValidationFailedError(
            f"{shown(expression)} never fires: no month it names has that day"
        ) from error
