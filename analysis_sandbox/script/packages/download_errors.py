"""What Deno says when packages cannot be had or bundled, in words for a script's author."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis_sandbox.script.packages.imports import PackageImport

_ERROR = re.compile(r"^error: (?P<text>.*(?:\n(?! *at |error: ).*)*)(?:\n +at (?P<at>\S+))?", re.M)
_ENTRY = re.compile(r"/(\d+)\.js:\d+:\d+$")
_LAST = "bundling failed"
_UNREACHABLE = re.compile(
    r"error sending request|client error|timed? ?out|connection|dns error|certificate"
    r"|error decoding response|50[0234]|429",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:401|403)\b|unauthorized|forbidden", re.IGNORECASE)
_CAUSE = re.compile(r"client error \(\w+\): (.+)")
_ADDRESS = re.compile(r"\b\w+://\S+")
_PATH = re.compile(r"(?:file://)?(?:\.{0,2}/)?[^\s'\"]*/npm/[^/\s'\"]+/")
_LONGEST = 300
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"npm package '([^']+)' does not exist"), "the registry has no package {0}"),
    (
        re.compile(r"Could not find npm package '([^']+)' matching '([^']+)'"),
        "{0} has no version that fits {1!r}; allow another version",
    ),
    (
        re.compile(r"checksum did not match.* for (\S+?)\.?$", re.MULTILINE),
        "what the registry sent for {0} does not have the hash it must have; it is not used",
    ),
    (
        re.compile(r"No matching export in .* for import \"([^\"]+)\""),
        "it exports no {0!r}",
    ),
    (
        re.compile(r"Could not resolve 'npm:((?:@[^/']+/)?[^/']+)/([^']+)'"),
        "{0} has no part {1!r}",
    ),
    (re.compile(r"ERR_PACKAGE_PATH_NOT_EXPORTED\] .*?'\./?([^']*)'"), "it has no part {0!r}"),
    (
        re.compile(r"ERR_MODULE_NOT_FOUND\] Cannot find (?:module|package) '([^']+)'"),
        "it needs {0}, which does not come with it",
    ),
    (
        re.compile(r"ERR_UNSUPPORTED_ESM_URL_SCHEME"),
        "it loads code from an address, which is not stored with a script",
    ),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason; `entry` is the number of the import where that is known."""

    reason: str
    entry: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: the registry could not be reached, or what is wrong with packages.

    `is_explained` is false when nothing of what was said is known.
    """

    problems: tuple[Problem, ...]
    is_transient: bool = False
    is_explained: bool = True

    def by_import(self, imports: Sequence[PackageImport]) -> Iterator[tuple[PackageImport, str]]:
        """Return each reason with the import that it is about."""
        for problem in self.problems:
            entry = problem.entry
            yield (
                imports[entry if entry is not None and entry < len(imports) else 0],
                problem.reason,
            )


def read_failure(output: str) -> Failure:
    """Read what Deno said before it failed."""
    problems: list[Problem] = []
    is_explained = False
    for match in _ERROR.finditer(output):
        text = match["text"].strip()
        if text == _LAST:
            continue
        entry = _ENTRY.search(match["at"] or "")
        reason = _reason(text)
        if reason is None and _is_unreachable(text):
            return Failure((Problem(_cause(text), None),), is_transient=True)
        is_explained = is_explained or reason is not None
        problems.append(Problem(reason or _unknown(text), int(entry[1]) if entry else None))
    if not problems:
        problems.append(Problem(_unknown(output.strip()), None))
    return Failure(tuple(dict.fromkeys(problems)), is_explained=is_explained)


def _reason(text: str) -> str | None:
    for pattern, reason in _REASONS:
        if match := pattern.search(text):
            return reason.format(*(_without_places(group) for group in match.groups()))
    if _DENIED.search(_ADDRESS.sub("", text)):
        return "the registry does not give it to us (no permission)"
    return None


def _is_unreachable(text: str) -> bool:
    return _UNREACHABLE.search(_ADDRESS.sub("", text)) is not None


def _cause(text: str) -> str:
    match = _CAUSE.search(text)
    return _without_places(match[1] if match else text.splitlines()[-1])


def _unknown(text: str) -> str:
    said = _without_places(text.splitlines()[0]) if text else "nothing was said why"
    return f"it cannot be bundled: {said}"


def _without_places(text: str) -> str:
    """Leave out our directories, and addresses: they may hold a password."""
    return _ADDRESS.sub("(address)", _PATH.sub("", text))[:_LONGEST].strip()
