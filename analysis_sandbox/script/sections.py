"""Reading a definition's objects key by key, keeping every problem with its path."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from analysis_sandbox.script.wording import did_you_mean, kind, nearest, shown

# What the sandbox puts in the place of each function of a default export.
FUNCTION = "\ue000function"
# Characters that PostgreSQL does not store in JSON.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LONGEST_KEY = 100
_MOST_UNKNOWN = 20


@dataclass(slots=True)
class Problems:
    """Errors and warnings in the order they were found."""

    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])

    def error(self, path: str, text: str) -> None:
        """Add an error about the value at `path`."""
        self.errors.append(f"{path}: {text}")

    def warn(self, path: str, text: str) -> None:
        """Add a warning about the value at `path`."""
        self.warnings.append(f"{path}: {text}")


class Section:
    """One object of a definition. A value of the wrong type is a problem and reads as absent."""

    def __init__(self, path: str, values: Mapping[str, object], problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self._values = values

    def where(self, key: str) -> str:
        """Return the path of a key."""
        key = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
        return f"{self.path}.{key}" if self.path else key

    def value(self, key: str) -> object:
        """Return the value of a key, None when it is absent or null."""
        return self._values.get(key)

    def is_function(self, key: str) -> bool:
        """Tell whether the value is a function."""
        return self._values.get(key) == FUNCTION

    def error(self, key: str, text: str) -> None:
        """Add an error about a key."""
        self.problems.error(self.where(key), text)

    def text(self, key: str) -> str | None:
        """Return a text that is not empty."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, str) or value == FUNCTION:
            self.error(key, f"must be text, not {found(value)}")
            return None
        if not value.strip():
            self.error(key, "is empty")
            return None
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.error(key, f"must be true or false, not {found(value)}")
            return default
        return value

    def number(self, key: str) -> int | float | None:
        """Return a finite number."""
        value = self.value(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
            self.error(key, f"must be a number, not {found(value)}")
            return None
        return value

    def names(self, key: str) -> list[str]:
        """Return a list of texts, each once."""
        value = self.value(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.error(key, f'must be a list of names such as ["name"], not {found(value)}')
            return []
        names: dict[str, None] = {}
        for index, item in enumerate(cast("list[object]", value)):
            if isinstance(item, str) and item.strip() and item != FUNCTION:
                names[item] = None
            else:
                self.error(f"{key}[{index}]", f"must be a name, not {found(item)}")
        return list(names)

    def section(self, key: str) -> "Section | None":
        """Return an object as a section of its own."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.error(key, f"must be an object, not {found(value)}")
            return None
        return Section(self.where(key), cast("dict[str, object]", value), self.problems)

    def keys(self) -> list[str]:
        """Return the keys as they are written."""
        return list(self._values)

    def stated(self) -> dict[str, object]:
        """Return the keys with a value other than null."""
        return {key: value for key, value in self._values.items() if value is not None}

    def warn_unknown(self, known: Sequence[str], *, functions: bool = True) -> None:
        """Warn of keys that mean nothing; with `functions` False only of misspelt functions."""
        unknown = [key for key in self._values if key not in known]
        for key in unknown[:_MOST_UNKNOWN]:
            if self.is_function(key) and not functions and not nearest(key, known):
                continue
            advice = did_you_mean(key, known) or f"; known here: {', '.join(known)}"
            self.problems.warn(self.where(key), f"is not known and has no effect{advice}")
        if len(unknown) > _MOST_UNKNOWN:
            more = len(unknown) - _MOST_UNKNOWN
            self.problems.warn(self.path or "default export", f"has {more} more unknown keys")


def refuse_unstorable(path: str, value: object, problems: Problems) -> None:
    """Report the texts that PostgreSQL could not store, however nested."""
    pending: list[tuple[str, object]] = [(path, value)]
    while pending:
        place, item = pending.pop()
        if isinstance(item, str) and UNSTORABLE.search(item):
            problems.error(place, "holds a null character or half of a surrogate pair; remove it")
        elif isinstance(item, list):
            items = cast("list[object]", item)
            pending += [(f"{place}[{index}]", inner) for index, inner in enumerate(items)]
        elif isinstance(item, dict):
            for key, inner in cast("dict[str, object]", item).items():
                pending += [(place, key), (f"{place}.{key[:_LONGEST_KEY]}", inner)]


def found(value: object) -> str:
    """Return what was found instead of what should be there: the value, or its kind."""
    if value == FUNCTION:
        return "a function"
    if isinstance(value, str | int | float | bool):
        return shown(value)
    return kind(value)
