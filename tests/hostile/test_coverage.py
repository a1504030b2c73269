"""No threat without a case, no case without a threat, no promise without a test."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.hostile.cases import SCRIPTS, cases
from tests.hostile.threats import DOCUMENTED, THREATS, UNCOVERED

ROOT = Path(__file__).parents[2]
ALL = [*cases(), *cases(SCRIPTS.parent / "installed")]
NAMES = [f"{case.threat}-{case.name}" for case in ALL]


def _is_there(evidence: str) -> bool:
    if evidence.startswith("tests/"):
        return (ROOT / evidence).is_file()
    return any(fnmatchcase(name, evidence) for name in NAMES)


def test_there_are_many_more_than_a_hundred_cases() -> None:
    assert len(ALL) > 400
    assert len({case.script for case in cases()}) == len(cases())


@pytest.mark.parametrize("threat", THREATS)
def test_every_threat_has_its_cases(threat: str) -> None:
    missing = [pattern for pattern in THREATS[threat] if not _is_there(pattern)]

    assert not missing


def test_every_case_stands_for_a_threat() -> None:
    patterns = [pattern for evidence in THREATS.values() for pattern in evidence]
    homeless = [n for n in NAMES if not any(fnmatchcase(n, pattern) for pattern in patterns)]

    assert not homeless


def test_every_promise_of_the_security_document_is_held_to() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    layers = re.findall(r"^\| (?!layer|-)([^|]+?) \|", text, re.MULTILINE)

    assert layers
    assert {*headings, *layers} - UNCOVERED == set(DOCUMENTED)
    missing = [each for found in DOCUMENTED.values() for each in found if not _is_there(each)]
    assert not missing


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES))
