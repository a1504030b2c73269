"""What a date looks like in a locale: the pattern for a set of options, and the names in it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from babel import Locale

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.intl_locales import babel, plain, supplement
from analysis_sandbox.formats.intl_skeletons import (
    FRACTION,
    NoPatternError,
    Patterns,
    Skeleton,
    items,
    locale_patterns,
)

_STYLES = ("full", "long", "medium", "short")
_CYCLES = {"h11": "K", "h12": "h", "h23": "H", "h24": "k"}
_SKELETON = re.compile(r"(?:([A-Za-z])\1{0,5})*")
_MOST_SKELETON = 60


def dates(locale: object, request: object) -> dict[str, Any]:
    """Return {pattern, names, hourCycle} for one set of options.

    `request` holds either `skeleton` or one or both of `dateStyle` and `timeStyle`, and
    `hourCycle`, or nothing for that of the locale.

    Raises:
        ValidationFailedError: a value that no honest caller sends.
    """
    known = babel(locale)
    if not isinstance(request, Mapping):
        raise ValidationFailedError("intl.dateTime needs options")
    options = cast("Mapping[str, Any]", request)
    facts = supplement(str(locale))
    cycle = options.get("hourCycle") or facts["hourCycle"]
    if cycle not in _CYCLES:
        raise ValidationFailedError("intl.dateTime needs an hour cycle")
    patterns = _patterns(str(locale))
    try:
        if options.get("skeleton") is None:
            pattern = _of_style(known, facts, patterns, options, cycle)
        else:
            pattern = _of_skeleton(patterns, options["skeleton"], cycle)
    except NoPatternError as error:
        return {"problem": f"'{locale}' has no pattern here that shows {error} beside the others"}
    refused = sorted(set(checks(options)) & set(facts.get("refusedDates", ())))
    if refused:
        return {"problem": f"The pattern of '{locale}' for this ({refused[0]}) is not known here"}
    decimal = plain(known.number_symbols["latn"])["decimal"]
    return {
        "pattern": pattern.replace(FRACTION, f"'{decimal}'"),
        "hourCycle": facts["hourCycle"],
        "names": _names(known, facts, pattern),
        "gmt": facts["gmt"],
    }


def hour_cycles(locale: object) -> list[str]:
    """Return how a locale counts twelve hours, and how it counts hours anyway."""
    babel(locale)
    facts = supplement(str(locale))
    return [facts["hourCycle12"], facts["hourCycle"]]


def checks(options: Mapping[str, Any]) -> list[str]:
    """Return what has to be right for the pattern of the options to be right, each as a key."""
    cycle = options.get("hourCycle") or ""
    skeleton = options.get("skeleton")
    if skeleton is None:
        found = [f"dateStyle {options['dateStyle']}"] if options.get("dateStyle") else []
        time_style = options.get("timeStyle")
        return [*found, f"timeStyle {time_style} {cycle}"] if time_style else found
    date = re.sub("[^EGyMd]", "", skeleton)
    time = re.sub("[^jms]", "", skeleton)
    found = [date] * bool(date) + [f"{time} {cycle}"] * bool(time)
    if "S" in skeleton:
        found.append("fraction")
    if re.search("[zO]", skeleton):
        found.append(f"zone {'time' if time else 'date'}")
    if date and time:
        month = re.sub("[^M]", "", date)
        is_weekday = not re.sub("E", "", date)
        found.append(
            "weekday time" if is_weekday else f"join {month} {'E' in date and month == 'MMMM'}"
        )
    return found


@lru_cache(maxsize=16)
def _patterns(locale: str) -> Patterns:
    known = babel(locale)
    styles = [plain(table[style]) for style in _STYLES for table in _tables(known)]
    declared = plain(known.datetime_skeletons)
    return locale_patterns(_frames(supplement(locale)), styles, declared)


def _frames(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what joins date and time in each style, with its words quoted."""
    return {
        style: re.sub(r"[^\W\d_]+", lambda word: f"'{word[0]}'", text)
        for style, text in facts["glue"].items()
    }


def _tables(known: Locale) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return known.date_formats, known.time_formats


def _of_skeleton(patterns: Patterns, skeleton: object, cycle: str) -> str:
    if (
        not isinstance(skeleton, str)
        or len(skeleton) > _MOST_SKELETON
        or not _SKELETON.fullmatch(skeleton)
    ):
        raise ValidationFailedError("intl.dateTime needs a skeleton")
    wanted = skeleton.replace("j", "h" if cycle in {"h11", "h12"} else "H")
    return _with_cycle(patterns.best(wanted), cycle)


def _of_style(
    known: Locale,
    facts: Mapping[str, Any],
    patterns: Patterns,
    options: Mapping[str, Any],
    cycle: str,
) -> str:
    date_style, time_style = options.get("dateStyle"), options.get("timeStyle")
    if not {date_style, time_style} <= {None, *_STYLES}:
        raise ValidationFailedError("intl.dateTime needs a style")
    date = plain(known.date_formats[date_style]) if date_style else ""
    if not time_style:
        return date
    time = plain(known.time_formats[time_style])
    if cycle != facts["hourCycle"]:
        time = _recycled(time, patterns, cycle)
    if not date_style:
        return time
    return _frames(facts)[date_style].replace("{1}", date).replace("{0}", time)


def _recycled(pattern: str, patterns: Patterns, cycle: str) -> str:
    """Return the time's pattern for another hour cycle."""
    wanted = Skeleton.of(pattern).letters
    letter = "h" if cycle in {"h11", "h12"} else "H"
    fields = [
        (letter if name == "hour" else char) * size
        for name, (char, size) in wanted.items()
        if name != "dayPeriod"
    ]
    return _with_cycle(patterns.best("".join(fields)), cycle)


def _with_cycle(pattern: str, cycle: str) -> str:
    """Return the pattern with the hours counted as `cycle` says."""
    letter = _CYCLES[cycle]
    return "".join(
        letter * len(item) if item[0] in "hHkK" and item.isalpha() else item
        for item in items(pattern)
    )


def _names(known: Locale, facts: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """Return the names of the fields that the pattern shows as words, by letter and width."""
    names: dict[str, Any] = {}
    widths = {3: "abbreviated", 4: "wide", 5: "narrow"}
    tables: dict[str, tuple[str, str]] = {
        "M": ("months", "format"),
        "L": ("months", "stand-alone"),
        "E": ("days", "format"),
        "c": ("days", "stand-alone"),
    }
    for item in items(pattern):
        letter, length = item[0], len(item)
        if letter in tables and length >= 3:
            name, context = tables[letter]
            table = plain(getattr(known, name)[context][widths[length]])
            names[item] = [table[key] for key in sorted(table, key=int)]
        elif letter == "a":
            names[item] = facts["dayPeriods"]
        elif letter == "G":
            eras = plain(known.eras[widths.get(length, "abbreviated")])
            names[item] = [eras["0"], eras["1"]]
    return names
