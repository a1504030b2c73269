# ruff: noqa: E501 - JavaScript is not wrapped as Python is
"""What CLDR says and Babel does not carry, asked of Node: writes formats/intl_supplement.json.

Run it as `python -m tests.language.supplement` after an update of Node or of the list of locales.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from analysis_sandbox import formats
from analysis_sandbox.formats.intl_locales import LOCALES, babel, plain, table
from analysis_sandbox.formats.intl_numbers import UNITS, unit_patterns
from analysis_sandbox.formats.intl_words import list_patterns, relative_patterns
from tests.language.date_table import refusals
from tests.language.node import evaluate

FILE = Path(formats.__file__).with_name("intl_supplement.json")

# Those that are no quotient of two units, and quotients that have a pattern of their own.
_UNITS = [*UNITS, "kilometer-per-hour", "mile-per-hour", "meter-per-second", "mile-per-gallon"]

_ASK = r"""
const facts = {};
const styles = ["full", "long", "medium", "short"];
const units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"];
const when = new Date(Date.UTC(2024, 1, 27, 16, 4, 9));
const zone = { timeZone: "UTC" };
const text = (locale, options) => new Intl.DateTimeFormat(locale, { ...zone, ...options }).format(when);
function glue(locale, date, time) {
  const whole = text(locale, { ...date, ...time });
  return whole.replace(text(locale, date), "{1}").replace(text(locale, time), "{0}");
}
const zoneText = (locale, timeZone, timeZoneName) =>
  new Intl.DateTimeFormat(locale, { timeZone, timeZoneName }).formatToParts(when)
    .find((part) => part.type === "timeZoneName").value;
for (const locale of LOCALES) {
  const number = new Intl.NumberFormat(locale);
  const hasGroup = (value) => number.formatToParts(value).some((part) => part.type === "group");
  const narrowSymbols = {};
  for (const currency of Intl.supportedValuesOf("currency")) {
    narrowSymbols[currency] =
      new Intl.NumberFormat(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol" })
        .formatToParts(1).find((part) => part.type === "currency").value;
  }
  const relative = {};
  for (const style of ["long", "short", "narrow"]) {
    relative[style] = {};
    const auto = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style });
    const always = new Intl.RelativeTimeFormat(locale, { numeric: "always", style });
    for (const unit of units) {
      const words = {};
      for (const value of [-2, -1, 0, 1, 2]) {
        if (auto.format(value, unit) !== always.format(value, unit)) words[value] = auto.format(value, unit);
      }
      if (Object.keys(words).length > 0) relative[style][unit] = words;
    }
  }
  const rules = new Intl.PluralRules(locale, { maximumFractionDigits: 3 });
  const samples = [0, 1, 2, 3, 4, 5, 6, 8, 11, 21, 22, 25, 100, 101, 102, 1.1, 1.2, 1.5, 2.5, 0.1, 1e6];
  const isNumber = ({ type }) => ["integer", "group", "decimal", "fraction"].includes(type);
  const around = (parts, show) => {
    const first = parts.findIndex(isNumber);
    if (first < 0) return parts.map(show).join("");
    const last = parts.findLastIndex(isNumber);
    return parts.slice(0, first).map(show).join("") + "{0}" + parts.slice(last + 1).map(show).join("");
  };
  const plural = (format, show) => {
    const patterns = {};
    for (const value of samples) patterns[rules.select(value)] ??= around(format.formatToParts(value), show);
    return patterns;
  };
  const unitPatterns = {};
  for (const unit of UNITS) {
    for (const unitDisplay of ["long", "short", "narrow"]) {
      const format = new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay });
      unitPatterns[`${unit} ${unitDisplay}`] = plural(format, (part) => part.value);
    }
  }
  const named = new Intl.NumberFormat(locale, { style: "currency", currency: "USD", currencyDisplay: "name" });
  const namePatterns = plural(named, ({ type, value }) => (type === "currency" ? "{1}" : value));
  const quote = (text) => (/[.,#0;%¤+'-]/.test(text) ? `'${text.replaceAll("'", "''")}'` : text);
  const affixOf = ({ type, value }) => (type === "currency" ? "¤" : quote(value));
  const compact = {};
  for (const kind of ["short", "long", "currency"]) {
    const money = { style: "currency", currency: "EUR", currencyDisplay: "narrowSymbol" };
    const options = kind === "currency" ? money : { compactDisplay: kind };
    const format = new Intl.NumberFormat(locale, { notation: "compact", maximumSignificantDigits: 3, useGrouping: false, ...options });
    compact[kind] = {};
    for (let power = 3; power <= 20; power++) {
      for (const factor of [1, 2, 3, 5, 11, 21, 1.1, 1.2, 1.5, 2.1, 2.5]) {
        const value = Number(`${factor}e${power}`);
        if (Math.floor(Math.log10(value) + 1e-9) !== power) continue;
        const parts = format.formatToParts(value);
        const digits = parts.filter(isNumber).map((part) => (part.type === "decimal" ? "." : part.value)).join("");
        const zeros = "0".repeat(digits.split(".")[0].length);
        const category = digits === "" ? "=1" : rules.select(Number(digits));
        compact[kind][category] ??= {};
        compact[kind][category][`1e${power}`] ??= around(parts, affixOf).replace("{0}", zeros);
      }
    }
  }
  const lists = {};
  for (const type of ["conjunction", "disjunction", "unit"]) {
    for (const style of ["long", "short", "narrow"]) {
      const format = new Intl.ListFormat(locale, { type, style });
      // Between the marks, of which the text of no locale has one.
      const join = (items) => format.format(items).split(/[\u0001-\u0004]/).slice(1, -1);
      const [start, middle, end] = join(["\u0001", "\u0002", "\u0003", "\u0004"]);
      const show = (text) => `{0}${text}{1}`;
      lists[`${type} ${style}`] = { start: show(start), middle: show(middle), end: show(end), 2: show(join(["\u0001", "\u0002"])[0]) };
    }
  }
  const relativePatterns = {};
  for (const style of ["long", "short", "narrow"]) {
    const format = new Intl.RelativeTimeFormat(locale, { style });
    for (const unit of units) {
      const patterns = { future: {}, past: {} };
      for (const value of samples) {
        const category = rules.select(value);
        patterns.future[category] ??= around(format.formatToParts(value, unit), (part) => part.value);
        patterns.past[category] ??= around(format.formatToParts(-value, unit), (part) => part.value);
      }
      relativePatterns[`${unit} ${style}`] = patterns;
    }
  }
  facts[locale] = {
    lists,
    relativePatterns,
    unitPatterns,
    namePatterns,
    compact,
    minimumGrouping: hasGroup(1234) ? 1 : 2,
    narrowSymbols,
    glue: Object.fromEntries(styles.map((dateStyle) => [dateStyle, glue(locale, { dateStyle }, { timeStyle: "short" })])),
    gmt: {
      positive: zoneText(locale, "+03:00", "shortOffset").replace("3", "{0}"),
      negative: zoneText(locale, "-03:00", "shortOffset").replace("3", "{0}"),
      shortZero: zoneText(locale, "Africa/Abidjan", "shortOffset"),
      longZero: zoneText(locale, "Africa/Abidjan", "longOffset"),
    },
    dayPeriods: [3, 15].map((hours) =>
      new Intl.DateTimeFormat(locale, { hour: "numeric", hourCycle: "h12", timeZone: "UTC" })
        .formatToParts(new Date(hours * 3600e3)).find((part) => part.type === "dayPeriod").value),
    hourCycle12: new Intl.DateTimeFormat(locale, { hour: "numeric", hour12: true }).resolvedOptions().hourCycle,
    hourCycle: new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hourCycle,
    relative,
  };
}
return facts;
"""


def supplement() -> dict[str, dict[str, Any]]:
    """Return the supplement as it has to be stored: what a locale shares with its language left out."""
    facts: dict[str, dict[str, Any]] = evaluate(
        f"const LOCALES = {json.dumps(LOCALES)}; const UNITS = {json.dumps(_UNITS)}; {_ASK}"
    )
    for locale, own in facts.items():
        _keep_what_babel_lacks(locale, own)
    common = _common_symbols(facts)
    stored: dict[str, dict[str, Any]] = {"root": {"narrowSymbols": common}}
    for locale, own in facts.items():
        symbols = own["narrowSymbols"]
        own["narrowSymbols"] = {
            code: symbol for code, symbol in symbols.items() if symbol != common.get(code, code)
        }
        language = stored.get(locale.partition("-")[0], {})
        differing = {name: value for name, value in own.items() if language.get(name) != value}
        if differing:
            stored[locale] = differing
    return stored


def _keep_what_babel_lacks(locale: str, own: dict[str, Any]) -> None:
    known = babel(locale)
    own["unitPatterns"] = {
        name: patterns
        for name, patterns in own["unitPatterns"].items()
        if not _agrees(patterns, unit_patterns(known, *name.split(" ")))
    }
    own["lists"] = {
        name: patterns
        for name, patterns in own["lists"].items()
        if patterns != list_patterns(known, *name.split(" "))
    }
    own["relativePatterns"] = {
        name: patterns
        for name, patterns in own["relativePatterns"].items()
        if not all(
            _agrees(patterns[tense], relative_patterns(known, *name.split(" "))[tense])
            for tense in ("future", "past")
        )
    }
    if _agrees(own["namePatterns"], plain(table(known, "currency_unit_patterns"))):
        del own["namePatterns"]
    tables: dict[str, Any] = {
        "short": known.compact_decimal_formats.get("short", {}),
        "long": known.compact_decimal_formats.get("long", {}),
        "currency": known.compact_currency_formats.get("short", {}),
    }
    for kind, patterns in tables.items():
        asked = own["compact"][kind]
        stored = plain(patterns)
        if all(
            _agrees({"other": pattern}, {"other": _at(stored, category, power)})
            for category, patterns in asked.items()
            for power, pattern in patterns.items()
        ):
            del own["compact"][kind]
        else:
            own["compact"][kind] = {
                category: {
                    f"{int(float(power))}": _unscaled(text) for power, text in patterns.items()
                }
                for category, patterns in asked.items()
            }


def _at(table: dict[str, dict[str, str]], category: str, power: str) -> str:
    magnitude = int(power[2:])
    key = f"{10 ** min(magnitude, 14)}"
    pattern = table.get(category, {}).get(key) or table.get("other", {}).get(key, "0")
    zeros = re.search("0+", pattern)
    assert zeros is not None
    if pattern == "0":
        return "0" * (magnitude + 1)
    return pattern.replace(zeros[0], zeros[0] + "0" * (magnitude - min(magnitude, 14)))


def _unscaled(pattern: str) -> str:
    """Return "0" for a number that stands there whole."""
    return "0" if set(pattern) == {"0"} else pattern


def _agrees(asked: dict[str, str], stored: dict[str, str]) -> bool:
    def bare(text: str | None) -> str | None:
        return text and text.replace("'", "")

    return all(
        bare(text) == bare(stored.get(category) or stored.get("other"))
        for category, text in asked.items()
    )


def _common_symbols(facts: dict[str, dict[str, Any]]) -> dict[str, str]:
    common: dict[str, str] = {}
    for code in next(iter(facts.values()))["narrowSymbols"]:
        shown = Counter(own["narrowSymbols"][code] for own in facts.values())
        ((symbol, _count),) = shown.most_common(1)
        if symbol != code:
            common[code] = symbol
    return common


def as_text(stored: dict[str, dict[str, Any]]) -> str:
    """Return the text of the file."""
    lines = [
        f"  {json.dumps(locale)}: {json.dumps(facts, ensure_ascii=False)}"
        for locale, facts in stored.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    found = supplement()
    FILE.write_text(as_text(found), encoding="utf-8")
    for name, refused in refusals(LOCALES).items():
        found.setdefault(name, {}).update(refused)
    FILE.write_text(as_text(found), encoding="utf-8")
