# ruff: noqa: E501, RUF001 - JavaScript is not wrapped as Python is
"""What Intl shows is what Node shows, or an error that says what is not known here."""

import contextlib
import json
from typing import Any

import pytest

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.intl import FUNCTIONS
from analysis_sandbox.formats.intl_collation import COLLATIONS
from analysis_sandbox.formats.intl_locales import LOCALES, resolve
from analysis_sandbox.formats.intl_zones import zone
from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.language import collation, date_table, node, sandboxed, supplement

# Checked whole in every run of the tests; the rest is when the stored data are made anew.
SAMPLE = ("en-US", "en-GB", "de-DE", "fr-FR", "es-MX", "ru", "ja-JP")

_NUMBERS = """
const values = [0, -0, 1, 2, 5, 21, 1.5, -1.005, 1234.5678, -12345.6789, 999999, 1234567.891, 0.000123,
  1e21, NaN, -Infinity, 12345678901234567890n, "1234567.891234567891234", 1.5e12];
const sets = [
  {}, { maximumFractionDigits: 0 }, { minimumFractionDigits: 2, maximumFractionDigits: 2 },
  { style: "percent", maximumFractionDigits: 1 }, { useGrouping: false }, { signDisplay: "always" },
  { notation: "compact" }, { notation: "compact", compactDisplay: "long" }, { notation: "scientific" },
  { notation: "compact", style: "currency", currency: "USD" }, { maximumSignificantDigits: 3 },
  ...["USD", "EUR", "JPY", "CHF", "PLN", "INR"].flatMap((currency) => [
    { style: "currency", currency }, { style: "currency", currency, currencyDisplay: "narrowSymbol" },
    { style: "currency", currency, currencyDisplay: "name" },
    { style: "currency", currency, currencyDisplay: "name", maximumFractionDigits: 0 },
    { style: "currency", currency, currencySign: "accounting" },
  ]),
  ...["kilometer", "kilometer-per-hour", "megabyte", "celsius", "day", "hour", "liter", "percent",
    "kilogram", "byte-per-second"].flatMap((unit) =>
    ["long", "short", "narrow"].map((unitDisplay) => ({ style: "unit", unit, unitDisplay }))),
  { maximumFractionDigits: 1, roundingMode: "halfEven" }, { maximumFractionDigits: 1, roundingMode: "floor" },
];
return LOCALES.map((locale) => sets.map((options) => {
  try {
    const format = new Intl.NumberFormat(locale, options);
    return values.map((value) => format.format(value));
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}));
"""
_WORDS = r"""
const pools = ["abcdefgABCDEFG", "aAäÄáÉéñÑoöøØsßtæÆœúüžŽłŁ", "ab 12-_.,;:'()!?@#$%&*+/\\<>=€",
  "абвёжйщяАБЙЁ", "αβγάέΑΆσς", "a\u0301e\u0308 ąćęłńóśźż åçğışüİI", "→★☀😀♥ab"].map((pool) => [...pool]);
let seed = 1;
const draw = (count) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % count; };
const words = pools.flatMap((pool) => Array.from({ length: 60 }, () =>
  Array.from({ length: 1 + draw(4) }, () => pool[draw(pool.length)]).join("")));
const sets = [{}, { sensitivity: "base" }, { sensitivity: "accent" }, { sensitivity: "case" },
  { numeric: true }, { caseFirst: "upper" }, { ignorePunctuation: true }];
return LOCALES.map((locale) => sets.map((options) => {
  const { compare } = new Intl.Collator(locale, options);
  seed = 7;
  return Array.from({ length: 1000 }, () => {
    try {
      return compare(words[draw(words.length)], words[draw(words.length)]);
    } catch (error) {
      return error.name;
    }
  });
}));
"""


def both(sandbox: Sandbox, body: str, locales: tuple[str, ...]) -> tuple[list[Any], list[Any]]:
    code = f"const LOCALES = {json.dumps(locales)}; {body}"
    return json.loads(sandboxed.evaluate(sandbox, code)), node.evaluate(code)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_number_looks_as_in_node_or_is_refused(locale: str, sandbox: Sandbox) -> None:
    (ours,), (theirs,) = both(sandbox, _NUMBERS, (locale,))

    refused = [shown for shown in ours if date_table.is_refused(shown)]
    wrong = [
        (one, other)
        for one, other in zip(ours, theirs, strict=True)
        if one != other and not date_table.is_refused(one)
    ]
    assert wrong == []
    assert len(refused) <= 20


@pytest.mark.parametrize("locale", SAMPLE)
def test_a_date_looks_as_in_node_or_is_refused(locale: str, sandbox: Sandbox) -> None:
    found = date_table.differences(sandbox, locale)

    assert [found for found in found if not date_table.is_refused(found[1])] == []
    # Most refusals are weekdays beside a year or a month without a day, which nobody writes.
    assert len(found) < len(date_table.options()) / 3
    assert date_table.wrong_zones(sandbox, locale) == []


def test_words_are_ordered_as_in_node_or_the_letter_is_refused(sandbox: Sandbox) -> None:
    ours, theirs = both(sandbox, _WORDS, (*COLLATIONS, "de", "fr", "it", "pt-BR", "nl", "id"))

    pairs = [
        (one, other)
        for mine, nodes in zip(ours, theirs, strict=True)
        for some, others in zip(mine, nodes, strict=True)
        for one, other in zip(some, others, strict=True)
    ]
    assert {one for one, other in pairs if one != other} <= {"RangeError"}
    assert sum(one == other for one, other in pairs) > 0.9 * len(pairs)


def test_the_stored_data_are_what_node_says_now() -> None:
    stored = json.loads(supplement.FILE.read_text(encoding="utf-8"))
    for facts in stored.values():
        facts.pop("refusedDates", None)
        facts.pop("refusedZones", None)

    assert {name: facts for name, facts in stored.items() if facts} == supplement.supplement()
    assert json.loads(collation.FILE.read_text(encoding="utf-8")) == collation.collation()


@pytest.mark.parametrize(
    ("tag", "locale"),
    [("de-de", "de-DE"), ("EN", "en"), ("en-US-u-nu-latn", "en-US"), ("nb-NO", "nb")],
)
def test_tags_are_written_as_canonical(tag: str, locale: str) -> None:
    assert resolve(tag)["locale"] == locale


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("xx-XX", "The locale 'xx-XX' is not known here. Known: en, en-US"),
        ("en_US", "Incorrect locale information provided: 'en_US' is no language tag"),
        ("x" * 1000, "Incorrect locale information provided"),
        (5, "Incorrect locale information provided"),
        ("de-u-ca-buddhist", "asks for ca-buddhist, which is not known here"),
        ("ar-EG", "The locale 'ar-EG' is not known here"),
    ],
)
def test_what_is_no_locale_here_is_named(tag: object, problem: str) -> None:
    assert problem in resolve(tag)["problem"]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize(
    "hostile",
    [None, 5, "x" * 10_000, [], {}, {"style": "currency", "currency": "x" * 999}, ["en"] * 9, "en"],
    ids=lambda value: str(value)[:12],
)
def test_a_hostile_caller_gets_a_clear_error(name: str, hostile: object) -> None:
    arguments = {"intl.number": 2, "intl.dateTime": 2, "intl.plural": 2, "intl.list": 3}
    count = {**arguments, "intl.relative": 3, "intl.zoneNames": 3}.get(name, 1)
    for given in ([hostile] * count, ["en", *[hostile] * (count - 1)]):
        # Any other error would be one inside the host.
        with contextlib.suppress(ValidationFailedError):
            assert len(json.dumps(FUNCTIONS[name](*given), default=str)) < 1_000_000


def test_a_zone_changes_its_offset_when_its_law_says_so() -> None:
    offsets = zone("europe/berlin")["offsets"]

    # The last Sundays of March and October 2024, at one o'clock UTC.
    assert [1711846800000, 7200, True] in offsets
    assert [1729990800000, 3600, False] in offsets
    assert zone("Mars/Phobos") == {"problem": "Invalid time zone specified: Mars/Phobos"}


def test_a_list_is_formatted_and_sorted_without_a_host_call_per_item(sandbox: Sandbox) -> None:
    shown = json.loads(
        sandboxed.evaluate(
            sandbox,
            """const n = 5000, rows = Array.from({ length: n }, (_, i) => (i * 7919) % n);
            const money = rows.map((v) => v.toLocaleString("de-DE", { style: "currency", currency: "EUR" }));
            const days = rows.map((v) => new Date(v * 864e5).toLocaleDateString("en-US", { timeZone: "Europe/Berlin" }));
            const words = rows.map((v) => "w" + v).sort((a, b) => a.localeCompare(b));
            return [money[1], days[1], words[1]];""",
        )
    )

    assert shown == ["2.919,00\xa0€", "12/29/1977", "w1"]
