"""What is wrong with a step, in words for the script's author; also translates Polars' errors."""

import contextlib
import difflib
import re
from collections.abc import Generator, Iterable

import polars as pl
from polars.exceptions import ColumnNotFoundError, PanicException, PolarsError

from analysis_sandbox.errors import ValidationFailedError

_SHOWN_NAMES = 30
_SHOWN_CHARACTERS = 400
_UNKNOWN_COLUMN = re.compile(r'unable to find column "(?P<name>.*?)"(?:;|$)')
_TYPE_WORDS = {
    "i64": "int",
    "i32": "int",
    "u32": "int",
    "f64": "float",
    "str": "string",
    "bool": "boolean",
    "dyn int": "int",
    "dyn float": "float",
}
_TYPES = re.compile(r"\b(dyn int|dyn float|i64|i32|u32|f64|str|bool)\b(?!\.)")
_REMEDIES = (
    (
        "conversion from",
        "Correct these values first, or give cast(type, false), which makes them null",
    ),
    ("cannot compare", "Cast one side first, for example .cast('string')"),
    ("datatypes of join keys", "Cast one of them first, for example .cast({id: 'int'})"),
)


def refusal(step: str, sentence: str) -> ValidationFailedError:
    """Return the error for a step that cannot be done as the script asks."""
    return ValidationFailedError(f"{step}: {sentence}")


def unknown_column(name: str, columns: Iterable[str]) -> ValidationFailedError:
    """Return the error for a column that the frame does not have, with the nearest it has."""
    known = list(columns)
    return ValidationFailedError(
        f"Column '{name}' not found.{did_you_mean(name, known)} The frame has: {listed(known)}",
    )


def check_names(names: Iterable[str]) -> None:
    """Refuse names of columns that Arrow, in which rows leave, cannot carry."""
    for name in names:
        if "\0" in name:
            shown = name.replace("\0", "\\0")
            raise ValidationFailedError(
                f"A column cannot be named '{shown[:_SHOWN_CHARACTERS]}': it has a NUL character"
            )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?`, or nothing when no known name is near."""
    # difflib takes quadratic time: a script's text may be long.
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:100].casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean '{by_folded[near[0]]}'?" if near else ""


def listed(names: Iterable[str]) -> str:
    """Return names for a message: the first ones, and how many more there are."""
    known = list(names)
    shown = ", ".join(known[:_SHOWN_NAMES])
    more = len(known) - _SHOWN_NAMES
    return (shown if more <= 0 else f"{shown} and {more} more") or "no columns"


@contextlib.contextmanager
def translated(step: str, *, schema: pl.Schema | None = None) -> Generator[None]:
    """Turn what Polars raises, its panics too, into `ValidationFailedError`."""
    try:
        yield
    except ColumnNotFoundError as error:
        found = _UNKNOWN_COLUMN.search(_first_paragraph(error))
        if found is None or schema is None:
            raise refusal(step, _sentence(error)) from error
        raise unknown_column(found["name"], schema.names()) from error
    except (PolarsError, PanicException, TypeError, ValueError, OverflowError) as error:
        raise refusal(step, _sentence(error)) from error


def _sentence(error: BaseException) -> str:
    text = _first_paragraph(error)
    remedy = next((remedy for part, remedy in _REMEDIES if part in text), None)
    words = _TYPES.sub(lambda match: _TYPE_WORDS[match[1]], text)
    return f"{words}. {remedy}" if remedy else words


def _first_paragraph(error: BaseException) -> str:
    """Polars appends the plan and advice for Python authors as further paragraphs."""
    text = " ".join(str(error).partition("\n\n")[0].split()) or type(error).__name__
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} …"
