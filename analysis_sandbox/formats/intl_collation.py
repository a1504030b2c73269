"""The order of characters in the languages whose order is one of single characters."""

import functools
import json
from pathlib import Path
from typing import Any

from analysis_sandbox.formats.intl_locales import babel

# One of the languages that share an order, for each order. Others join letters ("ch", "aa").
COLLATIONS = ("en", "es", "sv", "fi", "pl", "ru", "uk", "bg", "el", "tr")
_SHARED = {"de": "en", "fr": "en", "it": "en", "pt": "en", "nl": "en", "id": "en"}
# Its accents count from the end.
_REFUSED = {"fr-CA"}
_TABLE = Path(__file__).with_name("intl_collation.json")


def collation(locale: object) -> dict[str, Any]:
    """Return the table of an order: groups of one primary weight, marks, exceptions."""
    babel(locale)
    name = str(locale)
    language = name.partition("-")[0]
    order = _SHARED.get(language, language)
    if order not in COLLATIONS or name in _REFUSED:
        return {"problem": f"The order of '{name}' is not known here"}
    return _tables()[order]


@functools.cache
def _tables() -> dict[str, dict[str, Any]]:
    return json.loads(_TABLE.read_text(encoding="utf-8"))
