"""Lists and relative times in words, in a locale."""

from typing import Any

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.intl_locales import babel, plain, supplement, table
from analysis_sandbox.formats.intl_numbers import plurals

_KINDS = {"conjunction": "standard", "disjunction": "or", "unit": "unit"}
_WIDTHS = {"long": "", "short": "-short", "narrow": "-narrow"}
_UNITS = {"second", "minute", "hour", "day", "week", "month", "quarter", "year"}


def lists(locale: object, kind: object, style: object) -> dict[str, str]:
    """Return how the items of a list are joined: start, middle, end and 2.

    Raises:
        ValidationFailedError: the kind or the style is none of ECMA-402.
    """
    known = babel(locale)
    if not isinstance(kind, str) or not isinstance(style, str):
        raise ValidationFailedError("intl.list needs a kind and a style")
    if kind not in _KINDS or style not in _WIDTHS:
        raise ValidationFailedError("intl.list needs a kind and a style")
    stored = supplement(str(locale)).get("lists", {}).get(f"{kind} {style}")
    return stored or list_patterns(known, kind, style)


def list_patterns(known: Any, kind: str, style: str) -> dict[str, str]:
    """Return Babel's patterns of lists; a width that is missing is that of the next wider one."""
    found = plain(known.list_patterns)
    base = _KINDS[kind]
    names = [base + _WIDTHS[style], base + "-short" if style == "narrow" else base, base]
    merged: dict[str, str] = {}
    for name in (*reversed(names),):
        merged |= found.get(name, {})
    return merged


def relative(locale: object, unit: object, style: object) -> dict[str, Any]:
    """Return the patterns of a unit of time, future and past, and the words like "yesterday".

    Raises:
        ValidationFailedError: the unit or the style is none of ECMA-402.
    """
    known = babel(locale)
    if not isinstance(unit, str) or not isinstance(style, str):
        raise ValidationFailedError("intl.relative needs a unit and a style")
    if unit not in _UNITS or style not in _WIDTHS:
        raise ValidationFailedError("intl.relative needs a unit and a style")
    facts = supplement(str(locale))
    stored = facts.get("relativePatterns", {}).get(f"{unit} {style}")
    return {
        **(stored or relative_patterns(known, unit, style)),
        "words": facts["relative"].get(style, {}).get(unit, {}),
        "plural": plurals(locale, "cardinal"),
    }


def relative_patterns(known: Any, unit: str, style: str) -> dict[str, Any]:
    """Return Babel's patterns of a unit of time: future and past, by plural category."""
    fields = table(known, "date_fields")
    for suffix in dict.fromkeys((_WIDTHS[style], "-short" if style == "narrow" else "", "")):
        found = plain(fields.get(unit + suffix, {}))
        if found.get("future"):
            return {"future": found["future"], "past": found.get("past", {})}
    return {"future": {}, "past": {}}
