"""What a number looks like in a locale: symbols, patterns, currencies, units, plural rules."""

import re
from collections.abc import Mapping
from typing import Any, cast

from babel import Locale
from babel.numbers import get_currency_precision

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.intl_locales import babel, plain, supplement, table

# Node follows data here that neither Babel nor CLDR shows.
_REFUSED = {
    ("ro", "name"),
    ("ro-RO", "name"),
    ("tr-TR", "name"),
    ("tr-TR", "accounting"),
    ("es-MX", "accounting"),
    ("es-US", "accounting"),
}
_CURRENCY = re.compile(r"[A-Z]{3}")
_DEFAULT_GROUPING = 1
# The units of ECMA-402, which may stand alone or as "x-per-y".
UNITS = {
    "acre": "area-acre",
    "bit": "digital-bit",
    "byte": "digital-byte",
    "celsius": "temperature-celsius",
    "centimeter": "length-centimeter",
    "day": "duration-day",
    "degree": "angle-degree",
    "fahrenheit": "temperature-fahrenheit",
    "fluid-ounce": "volume-fluid-ounce",
    "foot": "length-foot",
    "gallon": "volume-gallon",
    "gigabit": "digital-gigabit",
    "gigabyte": "digital-gigabyte",
    "gram": "mass-gram",
    "hectare": "area-hectare",
    "hour": "duration-hour",
    "inch": "length-inch",
    "kilobit": "digital-kilobit",
    "kilobyte": "digital-kilobyte",
    "kilogram": "mass-kilogram",
    "kilometer": "length-kilometer",
    "liter": "volume-liter",
    "megabit": "digital-megabit",
    "megabyte": "digital-megabyte",
    "meter": "length-meter",
    "microsecond": "duration-microsecond",
    "mile": "length-mile",
    "mile-scandinavian": "length-mile-scandinavian",
    "milliliter": "volume-milliliter",
    "millimeter": "length-millimeter",
    "millisecond": "duration-millisecond",
    "minute": "duration-minute",
    "month": "duration-month",
    "nanosecond": "duration-nanosecond",
    "ounce": "mass-ounce",
    "percent": "concentr-percent",
    "petabyte": "digital-petabyte",
    "pound": "mass-pound",
    "second": "duration-second",
    "stone": "mass-stone",
    "terabit": "digital-terabit",
    "terabyte": "digital-terabyte",
    "week": "duration-week",
    "yard": "length-yard",
    "year": "duration-year",
}


def numbers(locale: object, request: object) -> dict[str, Any]:
    """Return all that formatting needs for one set of options.

    `request` holds style, currency, currencyDisplay, currencySign, unit, unitDisplay, notation and
    compactDisplay as JavaScript resolved them.

    Raises:
        ValidationFailedError: a value that no honest caller sends.
    """
    known = babel(locale)
    if not isinstance(request, Mapping):
        raise ValidationFailedError("intl.number needs options")
    options = cast("Mapping[str, Any]", request)
    symbols = plain(known.number_symbols["latn"])
    facts: dict[str, Any] = {
        "symbols": {**symbols, "group": symbols.get("group", "")},
        "minimumGrouping": supplement(str(locale)).get("minimumGrouping", _DEFAULT_GROUPING),
        "pattern": plain(known.decimal_formats[None]),
        "plural": plurals(locale, "cardinal"),
    }
    style = options.get("style")
    if style == "percent" or _is_percent_unit(options):
        facts["pattern"] = plain(known.percent_formats[None])
    elif style == "currency":
        facts |= _currency(known, str(locale), options)
    elif style == "unit":
        facts |= _unit(known, str(locale), options)
    if options.get("notation") == "compact":
        facts["compact"] = _compact(known, str(locale), options)
    return facts


def _is_percent_unit(options: Mapping[str, Any]) -> bool:
    """Tell whether the unit is written as percentages are."""
    return (
        options.get("style") == "unit"
        and options.get("unit") == "percent"
        and options.get("unitDisplay") != "long"
    )


def currency_digits(currency: object) -> int:
    """Return how many fraction digits amounts in the currency have."""
    return get_currency_precision(_code(currency))


def plurals(locale: object, kind: object) -> list[list[Any]]:
    """Return the plural rules: [category, condition] each, "other" left out.

    A condition is ["and" | "or", left, right], ["not", condition] or
    ["in", operand, modulus or 0, [[low, high], ...]].

    Raises:
        ValidationFailedError: `kind` is neither "cardinal" nor "ordinal".
    """
    if kind not in ("cardinal", "ordinal"):
        raise ValidationFailedError("intl.plural knows cardinal and ordinal")
    known = babel(locale)
    rule = known.plural_form if kind == "cardinal" else known.ordinal_form
    return [[tag, _condition(tree)] for tag, tree in rule.abstract]


def _condition(tree: Any) -> list[Any]:
    kind, parts = tree
    if kind in {"and", "or", "not"}:
        return [kind, *map(_condition, parts)]
    _relation, expression, (_list, ranges) = parts
    modulus = 0
    if expression[0] == "mod":
        expression, (_value, (modulus,)) = expression[1]
    bounds = [[low[1][0], high[1][0]] for low, high in ranges]
    return ["in", expression[0], modulus, bounds]


def _code(currency: object) -> str:
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise ValidationFailedError("A currency is three capital letters")
    return currency


def _currency(known: Locale, locale: str, options: Mapping[str, Any]) -> dict[str, Any]:
    code = _code(options.get("currency"))
    if code == "XXX":
        return {"problem": "The currency 'XXX' is none: it stands for no currency at all"}
    display = options.get("currencyDisplay")
    sign = "accounting" if options.get("currencySign") == "accounting" else "standard"
    refused = {(locale, display), (locale, sign)} & _REFUSED
    if refused:
        ((_, value),) = refused
        return {"problem": f"Currencies of the kind '{value}' are not known in '{locale}' here"}
    facts: dict[str, Any] = {"currency": code}
    if display == "name":
        names = plain(table(known, "currency_names_plural").get(code, {}))
        facts["names"] = {"other": known.currencies.get(code, code), **names}
        patterns = supplement(locale).get("namePatterns")
        facts["namePatterns"] = patterns or plain(table(known, "currency_unit_patterns"))
        return facts
    if display == "symbol":
        facts["currency"] = known.currency_symbols.get(code, code)
    elif display == "narrowSymbol":
        facts["currency"] = supplement(locale)["narrowSymbols"].get(code, code)
    facts["pattern"] = plain(known.currency_formats[sign])
    return facts


def _unit(known: Locale, locale: str, options: Mapping[str, Any]) -> dict[str, Any]:
    display, name = options.get("unitDisplay"), options.get("unit")
    if display not in ("short", "long", "narrow") or not isinstance(name, str):
        raise ValidationFailedError("intl.number needs a unit and how to display it")
    if _is_percent_unit(options):
        return {}
    patterns = supplement(locale).get("unitPatterns", {}).get(f"{name} {display}")
    patterns = patterns or unit_patterns(known, name, display)
    first, per, second = name.partition("-per-")
    if per and not patterns and first in UNITS and second in UNITS:
        by = plain(table(known, "unit_patterns")[UNITS[second]])
        whole = by.get(display, {}).get("per")
        of = _unit(known, locale, {**options, "unit": first}).get("unitPatterns", {})
        if whole:
            patterns = {key: whole.replace("{0}", text) for key, text in of.items()}
    if "other" not in patterns:
        return {"problem": f"The unit '{name[:60]}' is not known in '{locale}' here"}
    return {"unitPatterns": patterns}


def unit_patterns(known: Locale, name: str, display: str) -> dict[str, str]:
    """Return Babel's patterns of a unit by plural category; empty where it has none of its own."""
    units = table(known, "unit_patterns")
    key = UNITS.get(name) or next((key for key in units if key.partition("-")[2] == name), None)
    found: dict[str, str] = plain(units[key]).get(display, {}) if key else {}
    return {category: text for category, text in found.items() if category != "per"}


def _compact(known: Locale, locale: str, options: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    kind = "long" if options.get("compactDisplay") == "long" else "short"
    if options.get("style") == "currency" and options.get("currencyDisplay") != "name":
        # CLDR has no long form of amounts.
        kind = "currency"
    stored = supplement(locale).get("compact", {}).get(kind)
    if stored is None and kind == "currency":
        stored = plain(known.compact_currency_formats["short"])
    return stored or plain(known.compact_decimal_formats[kind])
