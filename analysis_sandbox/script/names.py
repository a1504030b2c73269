"""Names of analyses: what is allowed, and how names and titles are made from each other."""

import re
import unicodedata

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.wording import shown

LONGEST_NAME = 255
_RESERVED = frozenset({"jobs"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Leaves room for what is added to a name: a file's suffix, a job's project and ending.
_LONGEST_DERIVED = 200


def check_name(name: str) -> str:
    """Return the name when an analysis may have it.

    Raises:
        ValidationFailedError: it may not; the message says why and what a valid name looks like.
    """
    if problem := _problem(name):
        message = f"The name {shown(name)} {problem}"
        raise ValidationFailedError(message, fields={"name": problem})
    return name


def name_from_title(title: str) -> str:
    """Derive a name from a title: `Monthly Café report` becomes `monthly_cafe_report`.

    Raises:
        ValidationFailedError: nothing usable is left of the title, or the name is reserved.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not name:
        raise ValidationFailedError(
            f"No name can be derived from the title {shown(title)}: give metadata.name",
            fields={"name": "is missing and cannot be derived from the title"},
        )
    if name[0].isdigit():
        name = f"analysis_{name}"
    return check_name(name[:_LONGEST_DERIVED].rstrip("_"))


def title_from_name(name: str) -> str:
    """Return the title of an analysis that states none: `daily_sales` becomes `Daily sales`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _problem(name: str) -> str | None:
    if not name:
        return "is empty; a name looks like monthly_report"
    if len(name) > LONGEST_NAME:
        return f"has {len(name)} characters; the limit is {LONGEST_NAME}"
    if not _NAME.fullmatch(name):
        return "must start with a letter a-z and hold only a-z, 0-9 and _, such as monthly_report"
    if "__" in name:
        return "holds '__', which is kept for the names of jobs; use one underscore"
    return "is reserved; choose another one" if name in _RESERVED else None
