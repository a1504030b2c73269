"""Which pattern shows the wanted date fields: ICU's choice among the patterns of a locale.

A skeleton names fields and widths ("yMMMd"), a pattern places them ("MMM d, y"). The distances are
those of ICU's DateTimePatternGenerator, so that the choice is the same.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_NUMERIC, _NARROW, _SHORTER, _SHORT, _LONG = 0x100, -0x101, -0x102, -0x103, -0x104
_DELTA = 0x10
_EXTRA, _MISSING = 0x10000, 0x1000
# Stands for the decimal point before fractions of a second.
FRACTION = "\ue000"
_ITEM = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+")

# Letter → (field, kind of the numeric form or None, offset of the text forms or None).
_LETTERS: Mapping[str, tuple[str, int | None, int | None]] = {
    "G": ("era", None, 0),
    "y": ("year", 0, None),
    "Y": ("year", 1, None),
    "Q": ("quarter", 0, 0),
    "q": ("quarter", 1, -1),
    "M": ("month", 0, 0),
    "L": ("month", 1, -1),
    "w": ("week", 0, None),
    "W": ("weekOfMonth", 0, None),
    "E": ("weekday", None, 0),
    "c": ("weekday", 2, -2),
    "e": ("weekday", 1, -1),
    "d": ("day", 0, None),
    "D": ("dayOfYear", 0, None),
    "F": ("dayOfWeekInMonth", 0, None),
    "a": ("dayPeriod", None, 0),
    "b": ("dayPeriod", None, -1),
    "B": ("dayPeriod", None, -3),
    "H": ("hour", 10, None),
    "k": ("hour", 11, None),
    "h": ("hour", 0, None),
    "K": ("hour", 1, None),
    "m": ("minute", 0, None),
    "s": ("second", 0, None),
    "S": ("fraction", 0, None),
    "v": ("zone", None, -2),
    "z": ("zone", None, 0),
    "Z": ("zone", None, -1),
    "O": ("zone", None, -1),
    "V": ("zone", None, -1),
}
_DATE = {"era", "year", "quarter", "month", "week", "weekOfMonth", "weekday", "day", "dayOfYear"}
_TIME = {"dayPeriod", "hour", "minute", "second", "fraction", "zone"}
_KEEP_LETTER = {"hour", "month", "weekday", "year"}


class NoPatternError(Exception):
    """The locale has no pattern for these fields."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Fields with the letter, the length and the kind that each has."""

    letters: Mapping[str, tuple[str, int]]
    kinds: Mapping[str, int]

    @classmethod
    def of(cls, pattern: str) -> "Skeleton":
        """Return the skeleton of a pattern, or of a text that is a skeleton."""
        letters: dict[str, tuple[str, int]] = {}
        kinds: dict[str, int] = {}
        for item in items(pattern):
            if not is_field(item):
                continue
            name, numeric, text = _LETTERS[item[0]]
            letters[name] = (item[0], len(item))
            kinds[name] = _kind(len(item), numeric, text)
        # A 24-hour clock has no use for a part of the day.
        if letters.get("hour", ("h", 1))[0] in "Hk":
            letters.pop("dayPeriod", None)
            kinds.pop("dayPeriod", None)
        return cls(letters, kinds)


def items(pattern: str) -> list[str]:
    """Return the fields, the quoted texts and the texts between of a pattern."""
    return [match[0] for match in _ITEM.finditer(pattern)]


def is_field(item: str) -> bool:
    """Tell whether an item of a pattern is a field."""
    return item[0].isascii() and item[0].isalpha()


def _kind(length: int, numeric: int | None, text: int | None) -> int:
    if text is None or (numeric is not None and length < 3):
        return _NUMERIC + _DELTA * (numeric or 0) + length
    base = {4: _LONG, 5: _NARROW, 6: _SHORTER}.get(length, _SHORT)
    return base + _DELTA * text


@dataclass(frozen=True, slots=True)
class _Entry:
    skeleton: Skeleton
    pattern: str
    is_declared: bool


@dataclass(slots=True)
class Patterns:
    """The patterns of one locale by their skeletons, and the frames that join date and time."""

    frames: Mapping[str, str]
    entries: dict[str, _Entry] = field(default_factory=dict[str, _Entry])

    def add(self, pattern: str, *, skeleton: str | None = None) -> None:
        """Add a pattern; one whose skeleton is declared replaces one that was derived."""
        found = Skeleton.of(skeleton or pattern)
        key = "".join(letter * size for letter, size in sorted(found.letters.values()))
        known = self.entries.get(key)
        if known is None or (skeleton is not None and not known.is_declared):
            self.entries[key] = _Entry(found, pattern, skeleton is not None)

    def best(self, skeleton: str) -> str:
        """Return the pattern for a skeleton.

        Raises:
            NoPatternError: some field has no place in any pattern.
        """
        wanted = Skeleton.of(skeleton)
        entry, missing, extra = self._nearest(wanted, set(wanted.kinds))
        if not missing and not extra:
            return _adjusted(entry, wanted)
        date = self._joined(wanted, set(wanted.kinds) & _DATE)
        time = self._joined(wanted, set(wanted.kinds) & _TIME)
        if not date or not time:
            return date or time
        return self.frames[_frame(wanted)].replace("{1}", date).replace("{0}", time)

    def _nearest(self, wanted: Skeleton, fields: set[str]) -> tuple[_Entry, set[str], set[str]]:
        best: tuple[int, _Entry] | None = None
        for entry in self.entries.values():
            distance = _distance(wanted, entry.skeleton, fields)
            if best is None or distance < best[0]:
                best = (distance, entry)
        assert best is not None
        theirs = set(best[1].skeleton.kinds)
        return best[1], fields - theirs, theirs - fields

    def _joined(self, wanted: Skeleton, fields: set[str]) -> str:
        if not fields:
            return ""
        entry, missing, _extra = self._nearest(wanted, fields)
        pattern = _adjusted(entry, wanted)
        while missing:
            if missing == {"fraction"} and "second" in fields:
                return _with_fraction(pattern, wanted)
            before = missing
            entry, missing, _extra = self._nearest(wanted, missing)
            found = before - missing
            if not found:
                raise NoPatternError(", ".join(sorted(before)))
            if found != {"zone"}:
                raise NoPatternError(", ".join(sorted(found)))
            pattern = f"{pattern} {_adjusted(entry, wanted)}"
        return pattern


def locale_patterns(
    frames: Mapping[str, str], styles: Iterable[str], declared: Mapping[str, str]
) -> Patterns:
    """Return the patterns of a locale: of its styles, of its skeletons, and one per field."""
    patterns = Patterns(frames)
    for style in styles:
        patterns.add(style)
    for letter in "GyQMwWEdaHhmsSv":
        patterns.add(letter)
    for skeleton, pattern in declared.items():
        patterns.add(pattern, skeleton=skeleton)
    return patterns


def _frame(wanted: Skeleton) -> str:
    month = wanted.letters.get("month", ("M", 0))[1]
    if month == 4:
        return "full" if "weekday" in wanted.letters else "long"
    return "medium" if month == 3 else "short"


def _distance(wanted: Skeleton, other: Skeleton, fields: set[str]) -> int:
    total = 0
    for name in fields | set(other.kinds):
        mine = wanted.kinds.get(name, 0) if name in fields else 0
        theirs = other.kinds.get(name, 0)
        if mine == theirs:
            continue
        if not mine:
            total += _EXTRA
        elif not theirs:
            total += _MISSING
        else:
            total += abs(mine - theirs)
    return total


def _adjusted(entry: _Entry, wanted: Skeleton) -> str:
    """Return the pattern with its fields as wide as wanted."""
    return "".join(
        _adjusted_field(item, entry, wanted) if is_field(item) else item
        for item in items(entry.pattern)
    )


def _adjusted_field(item: str, entry: _Entry, wanted: Skeleton) -> str:
    name, numeric, text = _LETTERS[item[0]]
    if name not in wanted.letters:
        return item
    letter, length = wanted.letters[name]
    if letter == "E" and length < 3:
        length = 3
    size = length
    if name in {"minute", "second"}:
        size = len(item)
    elif entry.is_declared and letter not in "ce" and name in entry.skeleton.letters:
        declared = entry.skeleton.letters[name][1]
        pattern_is_numeric = _kind(len(item), numeric, text) > 0
        skeleton_is_numeric = entry.skeleton.kinds[name] > 0
        if declared == length or pattern_is_numeric != skeleton_is_numeric:
            size = len(item)
    char = item[0] if name in _KEEP_LETTER else letter
    if char == "E" and size < 3:
        char = "e"
    return char * size


def _with_fraction(pattern: str, wanted: Skeleton) -> str:
    length = wanted.letters["fraction"][1]
    return "".join(
        f"{item}{FRACTION}{'S' * length}" if is_field(item) and item[0] == "s" else item
        for item in items(pattern)
    )
