# ruff: noqa: E501 - JavaScript is not wrapped as Python is
"""All the sets of date options that are compared with Node, and those where Babel's data differ."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from analysis_sandbox.formats.intl_dates import checks
from analysis_sandbox.formats.intl_zones import NAMED
from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.language import node, sandboxed

_DIGITS = (None, "numeric", "2-digit")
_WORDS = (None, "short", "long", "narrow")
_MONTHS = (None, "numeric", "2-digit", "short", "long", "narrow")
_STYLES = ("full", "long", "medium", "short")
_CYCLES: tuple[dict[str, Any], ...] = (
    {},
    *({"hourCycle": cycle} for cycle in ("h11", "h12", "h23", "h24")),
)
_FORMAT = """
const moments = [
  [1970, 0, 1], [2024, 0, 5, 15, 4, 9, 7], [1999, 11, 31, 23, 59, 59, 999], [2024, 6, 21, 0, 30],
  [2024, 8, 9, 12], [2023, 4, 3, 3, 3], [2023, 2, 4], [2023, 3, 6], [2023, 1, 1], [2023, 5, 2],
  [2023, 7, 5], [2023, 9, 7], [2023, 10, 8],
].map((fields) => Date.UTC(...fields));
const shown = [];
for (const options of OPTIONS) {
  let made;
  try {
    const format = new Intl.DateTimeFormat(LOCALE, options);
    const skipped = "weekday" in options || "month" in options ? 1 : 3;
    made = moments.filter((_, at) => at < 6 || skipped === 1).map((moment) => format.format(moment));
  } catch (error) {
    made = `${error.name}: ${error.message}`;
  }
  shown.push(made);
}
return shown;
"""

_NAMES = """
const moments = [2007, 2012, 2017, 2022, 2026, 2033].flatMap((year) => [Date.UTC(year, 1), Date.UTC(year, 7)]);
return ZONES.map(([timeZone, timeZoneName]) => {
  try {
    const format = new Intl.DateTimeFormat(LOCALE, { timeZone, timeZoneName, hour: "numeric" });
    const name = (moment) => format.formatToParts(moment).find(({ type }) => type === "timeZoneName");
    return moments.map((moment) => name(moment).value);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
});
"""


def options() -> list[dict[str, Any]]:
    """Return every set of options that is compared."""
    dates = [
        {"weekday": weekday, "year": year, "month": month, "day": day}
        for weekday, year, month, day in itertools.product(_WORDS, _DIGITS, _MONTHS, _DIGITS)
    ]
    times = [
        {"hour": hour, "minute": minute, "second": second, **cycle}
        for hour, minute, second in itertools.product(_DIGITS, _DIGITS, _DIGITS)
        for cycle in (_CYCLES if hour else _CYCLES[:1])
    ]
    clock = {"hour": "numeric", "minute": "2-digit"}
    joined = [
        {**date, **time, **cycle}
        for date in (
            {"month": "long", "day": "numeric"},
            {"month": "short", "day": "numeric"},
            {"month": "numeric", "day": "numeric"},
            {"month": "2-digit", "day": "2-digit"},
            {"day": "numeric"},
            {"weekday": "long", "month": "long", "day": "numeric"},
            {"weekday": "long"},
            {"weekday": "short"},
        )
        for time in (clock, {"hour": "numeric"}, {**clock, "second": "2-digit"})
        for cycle in _CYCLES
    ]
    others: list[dict[str, Any]] = [
        {"era": "short", "year": "numeric"},
        {"era": "short", "year": "numeric", "month": "short", "day": "numeric"},
        {**clock, "second": "numeric", "fractionalSecondDigits": 3},
        {"minute": "numeric", "second": "numeric", "fractionalSecondDigits": 2},
        {**clock, "timeZoneName": "short"},
        {"year": "numeric", "month": "numeric", "day": "numeric", "timeZoneName": "short"},
        *({"dateStyle": style} for style in _STYLES),
        *({"timeStyle": style, **cycle} for style in _STYLES for cycle in _CYCLES),
        *({"dateStyle": d, "timeStyle": t} for d in _STYLES for t in _STYLES),
    ]
    found: list[dict[str, Any]] = []
    for given in [*dates, *times, *joined, *others]:
        bare = {name: value for name, value in given.items() if value is not None}
        if bare and set(bare) != {"hourCycle"}:
            found.append(bare)
    return found


def differences(sandbox: Sandbox, locale: str) -> list[tuple[dict[str, Any], Any, Any]]:
    """Return the options for which the sandbox shows something else than Node, with both."""
    table = options()
    body = f"const LOCALE = {json.dumps(locale)}; const OPTIONS = {json.dumps(table)}; {_FORMAT}"
    ours, theirs = json.loads(sandboxed.evaluate(sandbox, body)), node.evaluate(body)
    return [
        (given, one, other)
        for given, one, other in zip(table, ours, theirs, strict=True)
        if one != other
    ]


def request(given: dict[str, Any]) -> dict[str, Any]:
    """Return the request that the runtime makes of options."""
    cycle = given.get("hourCycle")
    if "dateStyle" in given or "timeStyle" in given:
        return {**given, "hourCycle": cycle}
    widths = {"numeric": 1, "2-digit": 2, "short": 3, "long": 4, "narrow": 5}
    letters = {"weekday": "E", "era": "G", "year": "y", "month": "M", "day": "d", "hour": "j"}
    letters |= {"minute": "m", "second": "s"}
    skeleton = ""
    for name, letter in letters.items():
        if name in given:
            width = widths[given[name]]
            skeleton += letter * (1 if width == 3 and letter not in "ME" else width)
    skeleton += "S" * given.get("fractionalSecondDigits", 0)
    skeleton += "z" if "timeZoneName" in given else ""
    return {"skeleton": skeleton, "hourCycle": cycle}


def refusals(locales: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return per locale what it must refuse: keys of `checks`, and names of zones."""
    refused: dict[str, dict[str, list[str]]] = {}
    with Sandbox() as sandbox:
        for locale in locales:
            language = refused.get(locale.partition("-")[0], {})
            found = {
                "refusedDates": _narrowest(differences(sandbox, locale)),
                "refusedZones": wrong_zones(sandbox, locale),
            }
            refused[locale] = {
                name: keys for name, keys in found.items() if keys != language.get(name, [])
            }
    return refused


def wrong_zones(sandbox: Sandbox, locale: str) -> list[str]:
    """Return the zones, each with a width, that the sandbox calls by another name than Node."""
    table = [(zone, width) for zone in NAMED for width in ("short", "long")]
    body = f"const LOCALE = {json.dumps(locale)}; const ZONES = {json.dumps(table)}; {_NAMES}"
    ours, theirs = json.loads(sandboxed.evaluate(sandbox, body)), node.evaluate(body)
    return [
        f"{zone} {width}"
        for (zone, width), one, other in zip(table, ours, theirs, strict=True)
        if one != other and not is_refused(one)
    ]


def is_refused(shown: object) -> bool:
    """Tell whether the sandbox said clearly that it does not know the pattern."""
    return isinstance(shown, str) and shown.startswith("RangeError: ") and " here" in shown


def _narrowest(found: Iterable[tuple[dict[str, Any], Any, Any]]) -> list[str]:
    keys: set[str] = set()
    wrong = (given for given, ours, _theirs in found if not is_refused(ours))
    by_length = sorted((checks(request(given)) for given in wrong), key=len)
    for needed in by_length:
        if not keys & set(needed):
            keys.add(needed[-1])
    return sorted(keys)
