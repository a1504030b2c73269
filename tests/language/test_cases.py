"""The language and its globals answer as Node does, case by case."""

import json
from pathlib import Path

import pytest

from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.language import node, sandboxed, suite

# What the examples use that authors learn from.
LANGUAGE = {
    "arrow functions",
    "async/await",
    "Date",
    "default args",
    "destructuring",
    "for await",
    "JSON",
    "new Date(a - b)",
    "optional chaining",
    "regex replace",
    "spread in objects",
    "template literals",
}
# The globals that the runtime adds, and the members of others.
GLOBALS = {
    "AbortController",
    "AbortSignal",
    "Buffer",
    "Event",
    "EventTarget",
    "TextDecoder",
    "TextEncoder",
    "URL",
    "URLSearchParams",
    "atob",
    "btoa",
    "clearImmediate",
    "clearInterval",
    "clearTimeout",
    "console",
    "crypto",
    "performance",
    "queueMicrotask",
    "setImmediate",
    "setInterval",
    "setTimeout",
    "structuredClone",
}
MEMBERS = {
    "Array.toLocaleString",
    "BigInt.toLocaleString",
    "Date.toLocaleDateString",
    "Date.toLocaleString",
    "Date.toLocaleTimeString",
    "Intl.Collator",
    "Intl.DateTimeFormat",
    "Intl.ListFormat",
    "Intl.NumberFormat",
    "Intl.PluralRules",
    "Intl.RelativeTimeFormat",
    "Number.toLocaleString",
    "String.localeCompare",
    "String.toLocaleLowerCase",
    "String.toLocaleUpperCase",
}
REQUIRED = LANGUAGE | GLOBALS | MEMBERS


def topic(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", suite.CASES, ids=topic)
def test_the_sandbox_answers_as_stored(path: Path, sandbox: Sandbox) -> None:
    cases = suite.read(path)
    answers = suite.stored(path)

    got = sandboxed.run(sandbox, suite.for_sandbox(cases))

    assert got == answers["node"] | answers["ours"]


@pytest.mark.parametrize("path", suite.CASES, ids=topic)
def test_node_says_what_is_stored(path: Path) -> None:
    cases = suite.read(path)

    assert node.run_module(suite.for_node(cases)) == suite.stored(path)["node"]


@pytest.mark.parametrize("path", suite.CASES, ids=topic)
def test_only_what_says_why_differs_from_node(path: Path) -> None:
    answers = suite.stored(path)
    differing = {case.name for case in suite.read(path) if case.differs}

    assert set(answers["ours"]) == differing
    assert all(answers["ours"][name] != answers["node"][name] for name in differing)


@pytest.mark.parametrize("path", suite.MODULES, ids=topic)
def test_whole_modules_run_as_in_node(path: Path, sandbox: Sandbox) -> None:
    stored = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))

    assert sandboxed.run(sandbox, path.read_text(encoding="utf-8")) == stored
    assert node.run_module(suite.module_for_node(path)) == stored


def test_everything_that_is_promised_has_a_case() -> None:
    cases = [case for path in suite.CASES for case in suite.read(path)]
    covered = {item for case in cases for item in case.covers}

    assert REQUIRED - covered == set()
    assert covered - REQUIRED == set()
    assert len(cases) + len(suite.MODULES) >= 150


def test_every_global_beyond_the_language_is_promised(sandbox: Sandbox) -> None:
    asked = "return Object.getOwnPropertyNames(globalThis);"
    bare = node.run_module(
        'import vm from "node:vm"; process.stdout.write(JSON.stringify('
        'vm.runInNewContext("Object.getOwnPropertyNames(globalThis)")));'
    )
    ours = json.loads(sandboxed.evaluate(sandbox, asked))
    # The engine's own, the DataFrame language, and what an error of the web needs.
    known = {"DOMException", "InternalError", "Intl", "coalesce", "col", "concatStr", "len", "lit"}
    known |= {"pl", "when"}
    found = {name for name in set(ours) - set(bare) - known if name[0] not in "$_"}

    assert found == GLOBALS - set(bare)
