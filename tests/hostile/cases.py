"""The hostile scripts: read from `scripts/*.js`, one file per threat.

Above each script stand lines of comment: `case:` its name, then `ends:` the code of the error it
must end with, or `gives:` the JSON of its result. Optional are `says:` (a pattern that the error's
message matches), `logs:` (the JSON of its log), `limits:`, `parameters:`, `facts:` and `entry:`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from analysis_sandbox.sandbox.supervisor import ScriptCall
from tests.sandbox.scripts import call

SCRIPTS = Path(__file__).parent / "scripts"
_CASE = re.compile(r"^// case: ", re.MULTILINE)
_FACT = re.compile(r"// (ends|gives|says|logs|limits|parameters|facts|entry): (.*)")
# Only scripts that must end for want of time are given little of it, so that nothing else does.
_SHORT = {"timeout_ms": 200}
_ROOMY = {"timeout_ms": 60_000, "memory_mb": 32}


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile script and how it must end."""

    threat: str
    name: str
    script: str
    facts: dict[str, str]

    @property
    def code(self) -> str | None:
        """The code of the error; None when the script ends harmlessly."""
        return self.facts.get("ends")

    @property
    def pattern(self) -> str:
        """What the error's message matches."""
        return self.facts.get("says", "")

    @property
    def value(self) -> Any:
        """The result of a script that ends harmlessly."""
        return json.loads(self.facts["gives"])

    @property
    def lines(self) -> list[tuple[str, str]] | None:
        """What it must have logged; None when that does not matter."""
        if "logs" not in self.facts:
            return None
        return [(level, message) for level, message in json.loads(self.facts["logs"])]

    @property
    def limits(self) -> dict[str, Any]:
        """The limits it runs under."""
        usual = _SHORT if self.code == "TIME_LIMIT_EXCEEDED" else _ROOMY
        return {**usual, **self._json("limits")}

    def call(self) -> ScriptCall:
        """Return the call of it."""
        entry = self.facts.get("entry", "run")
        return call(
            self.script,
            limits=self.limits,
            entry=entry,
            argument="p" if entry == "options" else "",
            parameters=self._json("parameters"),
            facts=self._json("facts"),
        )

    def _json(self, key: str) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.facts.get(key, "{}")))


def cases(directory: Path = SCRIPTS) -> list[Case]:
    """Return every case, in order."""
    return [
        case
        for path in sorted(directory.glob("*.js"))
        for case in _read(path.stem, path.read_text(encoding="utf-8"))
    ]


def _read(threat: str, text: str) -> Iterator[Case]:
    for part in _CASE.split(text)[1:]:
        name, *lines = part.split("\n")
        facts: dict[str, str] = {}
        while lines and (fact := _FACT.fullmatch(lines[0])):
            facts[fact[1]] = fact[2]
            lines.pop(0)
        if ("ends" in facts) == ("gives" in facts):
            raise ValueError(f"{threat}.js: {name} needs either `ends:` or `gives:`")
        yield Case(threat, name.strip(), "\n".join(lines).strip(), facts)
