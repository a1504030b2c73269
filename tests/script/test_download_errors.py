"""What is made of Deno's words. Pure text; that Deno says it is shown in test_bundling."""

import pytest

from analysis_sandbox.script.packages.download_errors import read_failure

UNREACHABLE = """\
error: Failed loading http://user:secret@npm.example:4873/tools for package "tools"
    0: error sending request for url (http://user:secret@npm.example:4873/tools): client error \
(Connect): tcp connect error: Connection refused (os error 111)
    at file:///home/x/packages/bundle/0.js:1:8
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("npm package 'tools' does not exist.", "the registry has no package tools"),
        (
            "Could not find npm package 'tools' matching '^99'.",
            "tools has no version that fits '^99'; allow another version",
        ),
        ("Could not resolve 'npm:@s/tools@^1/deep/x'", "@s/tools@^1 has no part 'deep/x'"),
        (
            'No matching export in "../../deno/npm/r/tools/1.0.0/i.js" for import "x"',
            "it exports no 'x'",
        ),
        (
            "[ERR_MODULE_NOT_FOUND] Cannot find module 'file:///x/npm/h/tools/1.0.0/gone.js' from",
            "it needs tools/1.0.0/gone.js, which does not come with it",
        ),
    ],
)
def test_a_known_error_is_told_in_our_words(output: str, reason: str) -> None:
    failure = read_failure(f"error: {output}\n    at file:///home/x/w/3.js:1:8\n")
    [problem] = failure.problems
    assert (problem.reason, problem.entry) == (reason, 3)
    assert failure.is_explained
    assert not failure.is_transient


def test_an_unreachable_registry_is_transient_and_told_without_its_address() -> None:
    failure = read_failure(UNREACHABLE)
    assert failure.is_transient
    [problem] = failure.problems
    assert problem.reason == "tcp connect error: Connection refused (os error 111)"


def test_a_package_whose_name_sounds_like_it_is_not_an_unreachable_registry() -> None:
    failure = read_failure("error: npm package 'connection-timeout' does not exist.\n")
    assert not failure.is_transient


def test_each_error_keeps_its_import() -> None:
    failure = read_failure(
        'error: No matching export in "x" for import "a"\n    at file:///w/0.js:1:8\n'
        'error: No matching export in "x" for import "b"\n    at file:///w/1.js:1:8\n'
        "error: bundling failed\n"
    )
    assert [(problem.entry, problem.reason) for problem in failure.problems] == [
        (0, "it exports no 'a'"),
        (1, "it exports no 'b'"),
    ]


def test_what_nobody_knows_is_told_without_places_and_secrets() -> None:
    failure = read_failure(
        "error: odd thing in http://u:secret@host/x and /home/me/npm/host/a.js\n"
    )
    assert not failure.is_explained
    assert failure.problems[0].reason == "it cannot be bundled: odd thing in (address) and a.js"


def test_silence_is_an_error_too() -> None:
    assert "nothing was said why" in read_failure("").problems[0].reason
