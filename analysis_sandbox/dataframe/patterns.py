"""Patterns of `str` methods: plain text, or a JavaScript regular expression as Polars writes it."""

import re
from dataclasses import dataclass
from typing import cast

import polars as pl

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.refusals import refusal

_FLAGS = "ims"
_IGNORED_FLAGS = "gudvy"
# What matches between characters only, and so not in an empty text.
_BOUNDARY = re.compile(r"\\[bB<>]")
_REFERENCE = re.compile(r"\$(?:\$|&|(?P<number>[0-9]{1,2})|<(?P<name>[A-Za-z_]\w*)>|)")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for; `is_literal` when it is plain text."""

    text: str
    is_literal: bool

    def replacement(self, text: str) -> str:
        """Return a JavaScript replacement as Polars writes it."""
        return text if self.is_literal else _REFERENCE.sub(_reference, text)


def pattern(step: str, value: object, *, is_regex: bool = False) -> Pattern:
    """Return the pattern for a string, or for a RegExp as it crosses.

    Raises:
        ValidationFailedError: the regular expression has what Polars' engine, which takes linear
            time, does not know: look-around and back-references.
    """
    if isinstance(value, str) and not is_regex:
        return Pattern(value, is_literal=True)
    source, flags = _source(step, value)
    unknown = set(flags) - set(_FLAGS) - set(_IGNORED_FLAGS)
    if unknown:
        raise refusal(step, f"there is no flag '{min(unknown)}' of regular expressions")
    used = "".join(flag for flag in _FLAGS if flag in flags)
    text = f"(?{used}){source}" if used else source
    try:
        pl.Series([""]).str.contains(text)
    except pl.exceptions.ComputeError as error:
        reason = str(error).partition("error: ")[2].rpartition("error: ")[2] or str(error)
        raise refusal(
            step,
            f"the regular expression /{source[:200]}/ cannot be used: "
            f"{' '.join(reason.partition(chr(10) * 2)[0].split())}",
        ) from error
    return Pattern(text, is_literal=False)


def replaced_growth(
    sought: object, replacement: str, *, is_regex: bool, every: bool
) -> tuple[int, int]:
    """Return `(factor, more)`: a text of n bytes has at most factor * n + more once it is replaced.

    Raises:
        ValidationFailedError: as `pattern`.
    """
    found = pattern("str.replaceAll" if every else "str.replace", sought, is_regex=is_regex)
    written = len(replacement.encode(errors="surrogatepass"))
    # All references to what was found are at most as long as the text: matches do not overlap.
    references = 0 if found.is_literal else replacement.count("$")
    if not every:
        return 1 + references, written
    least = _least_bytes(found)
    if least == 0:
        return 1 + references + written, written
    return max(1, -(-written // least)) + references, 0


def _least_bytes(found: Pattern) -> int:
    """Return the length of the shortest match, 1 where that is not known but cannot be 0."""
    if found.is_literal:
        return len(found.text.encode(errors="surrogatepass"))
    if _BOUNDARY.search(found.text):
        return 0
    return 0 if pl.Series([""]).str.contains(found.text).item() else 1


def _source(step: str, value: object) -> tuple[str, str]:
    if isinstance(value, str):
        return value, ""
    parts = value.get("$regex") if arguments.is_object(value) else None
    if arguments.is_array(parts):
        given = parts
        if len(given) == 2 and all(isinstance(part, str) for part in given):
            return cast("str", given[0]), cast("str", given[1])
    shown = arguments.described(value)
    raise refusal(step, f"the pattern must be a string or a regular expression, not {shown}")


def _reference(match: re.Match[str]) -> str:
    if match["number"] is not None:
        return f"${{{match['number']}}}"
    if match["name"] is not None:
        return f"${{{match['name']}}}"
    return "${0}" if match[0] == "$&" else "$$"
