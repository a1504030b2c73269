"""The commands about datasources."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.twin import Installation
from tests.cli.conftest import Call

CANARY = "canary7secret"
ADDRESS = "--set=address=https://notes.example"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is on stdin, which is no terminal."""
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdin", text)
    return text


def type_in(text: io.StringIO, *lines: str) -> None:
    text.truncate(0)
    text.seek(0)
    text.write("".join(f"{line}\n" for line in lines))
    text.seek(0)


def add(call: Call, typed: io.StringIO, *more: str) -> None:
    type_in(typed, CANARY)
    outcome = call("datasource", "add", "notes", "--type", "notes", ADDRESS, *more)
    assert outcome.code == 0, outcome.err


@pytest.mark.usefixtures("running")
def test_datasources_are_listed_with_where_they_are_from(call: Call) -> None:
    outcome = call("datasource", "list")

    assert outcome.code == 0
    (line,) = [line.split() for line in outcome.out.splitlines() if line.startswith("shop")]
    assert line == ["shop", "notes", "read_only", "datasources.yaml", "read"]
    assert call("datasource", "list", "--json").json["datasources"][0]["name"] == "shop"


def test_the_required_secret_is_read_from_stdin_and_never_shown(
    call: Call, typed: io.StringIO, running: Installation
) -> None:
    type_in(typed, CANARY)
    added = call(
        *("datasource", "add", "notes", "--type", "notes", ADDRESS),
        *("--set", "pages:=3", "--access", "read_write"),
    )
    shown = call("datasource", "show", "notes", "--json")

    assert added.code == shown.code == 0
    assert running.datasources.stored["notes"] == {
        "address": "https://notes.example",
        "pages": 3,
        "key": CANARY,
    }
    assert shown.json["access"] == "read_write"
    assert CANARY not in added.out + added.err + shown.out
    assert "datasource test notes" in added.err


def test_a_terminal_asks_for_a_secret_without_showing_it(running: Installation) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "analysis_sandbox.cli.main"]
    command += ["datasource", "add", "notes", "--type", "notes", ADDRESS]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ}
    ) as process:
        os.close(theirs)
        seen = b""
        while b"key: " not in seen and (data := os.read(ours, 4096)):
            seen += data
        os.write(ours, f"{CANARY}\n".encode())
        while b"Added." not in seen and (data := os.read(ours, 4096)):
            seen += data
        assert process.wait(30) == 0
    os.close(ours)
    assert running.datasources.stored["notes"]["key"] == CANARY
    assert CANARY.encode() not in seen


def test_secrets_are_read_from_files_wherever_they_are(
    call: Call, running: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n", encoding="utf-8")

    outcome = call(
        *("datasource", "add", "notes", "--type", "notes", ADDRESS),
        *("--secret", f"key=@{file}", "--secret", f"login.token=@{file}"),
    )

    assert outcome.code == 0, outcome.err
    assert running.datasources.stored["notes"]["login"] == {"token": CANARY}


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", f"key={CANARY}"),
        ("--set", f"key:={CANARY}"),
        ("--set", f"login.token={CANARY}"),
        ("--set", f"headers.X-Key={CANARY}"),
        ("--secret", f"key={CANARY}"),
        ("--set", f"pages:={CANARY}"),
        ("--secret", f"key=@/nowhere/{CANARY}"),
        ("--set", CANARY),
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    call: Call, arguments: tuple[str, str]
) -> None:
    outcome = call("datasource", "add", "notes", "--type", "notes", *arguments)

    assert outcome.code == 2
    assert CANARY not in outcome.err.replace(f"/nowhere/{CANARY}", "") + outcome.out


@pytest.mark.usefixtures("running", "typed")
def test_a_secret_that_nobody_gives_is_a_usage_error(call: Call) -> None:
    outcome = call("datasource", "add", "notes", "--type", "notes", ADDRESS)

    assert outcome.code == 2
    assert "key is missing" in outcome.err


@pytest.mark.usefixtures("running")
def test_an_unknown_type_is_told_with_the_known(call: Call) -> None:
    outcome = call("datasource", "add", "x", "--type", "oracle")

    assert outcome.code == 2
    assert "there are notes" in outcome.err


def test_an_update_changes_what_it_names_and_nothing_else(
    call: Call, typed: io.StringIO, running: Installation
) -> None:
    add(call, typed, "--set", "pages=2", "--set", "color=red")

    outcome = call("datasource", "update", "notes", "--set", "pages=5", "--unset", "color")

    assert outcome.code == 0, outcome.err
    assert running.datasources.stored["notes"] == {
        "address": "https://notes.example",
        "pages": "5",
        "key": CANARY,
    }
    type_in(typed, "newer-secret")
    assert call("datasource", "update", "notes", "--secret", "key").code == 0
    assert running.datasources.stored["notes"]["key"] == "newer-secret"
    assert call("datasource", "update", "notes", "--unset", "key").code == 0
    assert running.datasources.stored["notes"]["key"] is None
    assert call("datasource", "update", "notes", "--unset", "nothing").code == 2


def test_one_that_is_used_is_removed_by_force_only(
    call: Call, typed: io.StringIO, running: Installation
) -> None:
    running.datasources.users["notes"] = ["monthly_report"]
    add(call, typed)

    refused = call("datasource", "remove", "notes")
    removed = call("datasource", "remove", "notes", "--force")

    assert (refused.code, removed.code) == (1, 0)
    assert "monthly_report" in refused.err
    assert "fail from now on: monthly_report" in removed.err


def test_a_test_fails_when_nobody_answers(
    call: Call, typed: io.StringIO, running: Installation
) -> None:
    type_in(typed, CANARY)
    call("datasource", "add", "broken", "--type", "notes", ADDRESS)

    holds, fails = call("datasource", "test", "shop"), call("datasource", "test", "broken")

    assert (holds.code, fails.code) == (0, 1)
    assert [line.split()[:2] for line in holds.out.splitlines()[1:]] == [
        ["connection", "ok"],
        ["role", "NO"],
    ]
    assert running.datasources.stored["broken"]["key"] == CANARY


@pytest.mark.usefixtures("running")
def test_what_a_datasource_holds_is_listed_described_and_sampled(call: Call) -> None:
    tables = call("datasource", "tables", "shop", "--limit", "2")
    described = call("datasource", "describe", "shop", "note/1")
    sample = call("datasource", "sample", "shop", "note/1", "--limit", "2")

    assert "2 of 3" in tables.err
    assert "note/1" in tables.out
    assert "nullable" in described.out.lower()
    assert sample.out.split() == ["TEXT", "line", "0", "line", "1"]
    assert call("datasource", "sample", "shop", "note/1", "--json").json[0] == {"text": "line 0"}
    assert call("datasource", "describe", "shop", "nothing").code == 1
    assert call("datasource", "describe", "shop/catalog", "note/1").code == 1


@pytest.mark.usefixtures("running")
def test_types_and_their_fields_are_shown(call: Call) -> None:
    assert call("datasource", "types").out.splitlines()[1].split() == ["notes"]

    fields = call("datasource", "types", "notes")

    (key,) = [line.split() for line in fields.out.splitlines() if line.startswith("key")]
    assert key == ["key", "required,", "secret"]
    assert "headers.*" in fields.err


def test_the_key_is_rotated(call: Call, running: Installation) -> None:
    outcome = call("datasource", "rotate-key")

    assert outcome.code == 0
    assert running.datasources.rotations == 1
    assert "/home/secret-key" in outcome.out
