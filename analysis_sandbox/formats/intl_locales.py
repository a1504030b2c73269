"""The locales that Intl knows here, their Babel data, and what Babel leaves out of CLDR."""

import functools
import json
import re
from pathlib import Path
from typing import Any

from babel import Locale
from babel.core import get_global
from babel.localedata import Alias

from analysis_sandbox.errors import ValidationFailedError

# Each is compared with Node by the tests, which is why they are not all that there are.
# fmt: off
LOCALES = (
    "en", "en-US", "en-GB", "en-CA", "en-AU", "en-NZ", "en-IE", "en-IN", "en-ZA",
    "de", "de-DE",
    "fr", "fr-FR", "fr-BE", "fr-CA",
    "es", "es-ES", "es-MX", "es-US",
    "it", "it-IT",
    "pt", "pt-BR", "pt-PT",
    "nl", "nl-NL", "nl-BE",
    "sv", "sv-SE",
    "da", "da-DK",
    "nb",
    "fi", "fi-FI",
    "pl", "pl-PL",
    "cs", "cs-CZ",
    "sk", "sk-SK",
    "hu", "hu-HU",
    "ro", "ro-RO",
    "bg", "bg-BG",
    "el", "el-GR",
    "tr", "tr-TR",
    "ru", "ru-RU",
    "uk", "uk-UA",
    "hr", "hr-HR",
    "sl", "sl-SI",
    "et", "et-EE",
    "lt", "lt-LT",
    "id", "id-ID",
    "vi", "vi-VN",
    "ja", "ja-JP",
    "ko", "ko-KR",
    "zh", "zh-CN", "zh-TW",
)
# fmt: on
# Another name of a locale is resolved to it, as ECMAScript engines do.
_BY_LOWER_CASE = {name.lower(): name for name in LOCALES} | {"nb-no": "nb"}
_TAG = re.compile(
    r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?(-([a-z\d]{5,8}|\d[a-z\d]{3}))*"
    r"(?P<extensions>(-[a-wyz\d](-[a-z\d]{2,8})+)*)(-x(-[a-z\d]{1,8})+)?",
    re.IGNORECASE,
)
# Extension keywords whose only value here is the one that holds anyway.
_FIXED_KEYWORDS = {"nu": "latn", "ca": "gregory"}
_FREE_KEYWORDS = {
    "hc": {"h11", "h12", "h23", "h24"},
    "kn": {"", "true", "false"},
    "kf": {"upper", "lower", "false"},
}
_MOST_TAG = 100
_SUPPLEMENT = Path(__file__).with_name("intl_supplement.json")


def resolve(tag: object) -> dict[str, Any]:
    """Return the locale a language tag names, or a sentence under "problem"."""
    if not isinstance(tag, str) or len(tag) > _MOST_TAG:
        return {"problem": "Incorrect locale information provided"}
    match = _TAG.fullmatch(tag)
    if match is None:
        return {"problem": f"Incorrect locale information provided: '{tag}' is no language tag"}
    name = tag[: match.start("extensions")] if match["extensions"] else tag
    known = _BY_LOWER_CASE.get(name.lower())
    if known is None:
        return {"problem": f"The locale '{tag}' is not known here. Known: {', '.join(LOCALES)}"}
    keywords: dict[str, str] = {}
    for extension in re.findall(r"-([a-wyz\d])((?:-[a-z\d]{2,8})+)", match["extensions"].lower()):
        if extension[0] != "u":
            return {"problem": f"The locale '{tag}' has an extension that is not known here"}
        for key, value in re.findall(r"-([a-z\d]{2})(?![a-z\d])((?:-[a-z\d]{3,8})*)", extension[1]):
            keywords[key] = value[1:]
    for key, value in keywords.items():
        if value not in _FREE_KEYWORDS.get(key, {_FIXED_KEYWORDS.get(key)}):
            return {
                "problem": f"The locale '{tag}' asks for {key}-{value}, which is not known here"
            }
    return {"locale": known, "keywords": keywords}


def babel(locale: object) -> Locale:
    """Return Babel's locale of one that `resolve` returned.

    Raises:
        ValidationFailedError: it is none of ours.
    """
    if not isinstance(locale, str) or locale not in LOCALES:
        raise ValidationFailedError(f"The locale {str(locale)[:_MOST_TAG]!r} is not known here")
    return _parse(locale)


@functools.lru_cache(maxsize=len(LOCALES))
def _parse(locale: str) -> Locale:
    language, _, territory = locale.partition("-")
    likely = get_global("likely_subtags").get(language, "").rpartition("_")[2]
    # Babel finds less for a language with the territory it means anyway.
    return Locale.parse(language if territory == likely else locale, sep="-")


@functools.cache
def _supplements() -> dict[str, dict[str, Any]]:
    return json.loads(_SUPPLEMENT.read_text(encoding="utf-8"))


def supplement(locale: str) -> dict[str, Any]:
    """Return what CLDR says of the locale and Babel does not carry."""
    supplements = _supplements()
    merged: dict[str, Any] = {}
    symbols: dict[str, str] = {}
    for name in dict.fromkeys((locale.partition("-")[0], locale)):
        facts = supplements.get(name, {})
        merged |= facts
        symbols = facts.get("narrowSymbols", symbols)
    common: dict[str, str] = supplements.get("root", {}).get("narrowSymbols", {})
    return merged | {"narrowSymbols": common | symbols}


def table(known: Locale, name: str) -> Any:
    """Return a table of Babel's that its interface leaves out."""
    return known._data[name]  # pyright: ignore[reportPrivateUsage]


def plain(data: Any) -> Any:
    """Return Babel's lazy tables and pattern objects as plain values."""
    if isinstance(data, Alias):
        return {}
    if hasattr(data, "items"):
        return {str(key): plain(value) for key, value in data.items()}
    return data if isinstance(data, str | int | float | type(None)) else data.pattern
