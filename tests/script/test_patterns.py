"""Patterns mean in Python what they mean in JavaScript, and never run for long."""

import json
import time

import pytest

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.sandbox.supervisor import ScriptCall
from analysis_sandbox.script.parameters.patterns import compile_pattern
from tests.script.conftest import Evaluate

PATTERNS = [
    r"^[A-Z]{2}-\d{4}$",
    r"\w+@\w+\.com",
    r"^\D+$",
    r"[\w.-]+",
    r"[^\d\s]",
    r"^[a-z\/]+$",
    r"a|b|^$",
    r"^(?:ab)+?$",
    r"(?<year>\d{4})-(\d\d)",
    r"^.$",
    r"\bcat\b",
    r"[[&~-]",
    r"[a&&b]",
    r"[+--]",
    r"\u0041\x42\cI",
    r"\u{1F600}|\uD83D\uDE00",
    r"^\p{L}+$",
    r"[^]",
    r"[]",
    r"[\b]",
    r"\0",
    r"\^\$\.\*\+\?\(\)\[\]\{\}\|\\",
    "é{2,}",
    r"\s\S",
]
TEXTS = [
    *(
        "",
        "AB-1234",
        "ab-1234",
        "me@x.com",
        "abab",
        "a",
        "b",
        "aab",
        "2024-05",
        "\u0663\u0664\u0665\u0666-05",
        "é",
        "éé",
    ),
    *(
        "a cat sat",
        "concatenate",
        "écat",
        "[",
        "&",
        "~",
        "-",
        "+",
        ",",
        "/a/b",
        "\n",
        "\r",
        "\u2028",
    ),
    *("AB\t", "😀", "\b", "\0", "^$.*+?()[]{}|\\", " x", "a.b-c", "_"),
]


def test_patterns_match_what_javascript_matches(evaluate: Evaluate) -> None:
    table = f"""
      const texts = {json.dumps(TEXTS)};
      export default {{
        matches: {json.dumps(PATTERNS)}.map((p) => texts.map((t) => new RegExp(p, "u").test(t)))
      }};"""
    call = ScriptCall(code=table, filename="table.js", entry="describe", parameters={}, context={})
    outcome = evaluate(call)
    assert outcome.value is not None, outcome.error
    theirs = dict(zip(PATTERNS, json.loads(outcome.value)["value"]["matches"], strict=True))
    ours = {pattern: [compile_pattern(pattern)(text) for text in TEXTS] for pattern in PATTERNS}
    assert ours == theirs


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        (r"(?=a)b", "look-around"),
        (r"(?<!a)b", "look-around"),
        (r"(a)\1", "back-reference"),
        (r"(?<x>a)\k<x>", "back-reference"),
        (r"(?P<x>a)", "'(?' that JavaScript does not know"),
        ("a**", "nothing to repeat"),
        ("*a", "nothing to repeat"),
        ("a|+", "nothing to repeat"),
        ("(", "unclosed group"),
        ("[a", "never closed"),
        ("a{", "lone '{'"),
        ("a]", "lone ']'"),
        (r"\A", "not supported"),
        ("(a{1000}){1000}", "size limit"),
        ("a" * 1001, "has 1001 characters; the limit is 1000"),
    ],
)
def test_what_cannot_be_matched_safely_is_refused_with_the_reason(
    pattern: str, problem: str
) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        compile_pattern(pattern)
    assert problem in caught.value.message


def test_a_pattern_that_explodes_elsewhere_is_harmless() -> None:
    began = time.thread_time()
    assert not compile_pattern(r"^(a+)+$")("a" * 50_000 + "b")
    # Backtracking would need longer than the universe exists.
    assert time.thread_time() - began < 20
