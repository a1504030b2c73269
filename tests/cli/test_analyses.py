"""Commands about stored analyses."""

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.api.twin import SCRIPT, TOKENS, Installation
from tests.cli.conftest import Call


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "sales.js"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.mark.usefixtures("running")
def test_list_is_a_table_of_the_analyses(call: Call) -> None:
    outcome = call("list")

    assert outcome.code == 0
    assert "monthly_report" in outcome.out
    assert "never" in outcome.out
    assert outcome.err == ""


def test_times_are_shown_to_the_second(call: Call, running: Installation) -> None:
    stored = running.analyses.stored
    last_run = datetime(2024, 1, 15, 10, 30, 5, 123456, tzinfo=UTC)
    stored["monthly_report"] = stored["monthly_report"].model_copy(update={"last_run": last_run})

    assert "2024-01-15 10:30:05Z" in call("list").out


def test_what_has_parts_is_shown_as_json(call: Call, running: Installation) -> None:
    stored = running.analyses.stored
    schedule = {"cron": "0 6 * * *", "enabled": True}
    stored["monthly_report"] = stored["monthly_report"].model_copy(update={"schedule": schedule})

    assert '{"cron": "0 6 * * *", "enabled": true}' in call("show", "monthly_report").out


@pytest.mark.usefixtures("running")
def test_list_answers_in_json(call: Call) -> None:
    (analysis,) = call("list", "--json").json

    assert analysis["id"] == "monthly_report"


def test_an_empty_list_says_what_to_do(call: Call, running: Installation) -> None:
    running.analyses.stored.clear()

    outcome = call("list")

    assert outcome.code == 0
    assert outcome.out == ""
    assert "analysis-sandbox create FILE" in outcome.err


@pytest.mark.usefixtures("running")
def test_show_has_the_parameters_of_the_analysis(call: Call) -> None:
    outcome = call("show", "monthly_report")

    assert "Monthly Report" in outcome.out
    assert "month" in outcome.out
    assert "Report month" in outcome.out


@pytest.mark.usefixtures("running")
def test_show_script_writes_the_script_exactly(call: Call) -> None:
    assert call("show", "monthly_report", "--script").out == SCRIPT


def test_what_scripts_say_does_not_steer_the_terminal(call: Call, running: Installation) -> None:
    stored = running.analyses.stored
    stored["monthly_report"] = stored["monthly_report"].model_copy(
        update={"title": "[red]Report[/red] \x1b]0;owned\x07"}
    )

    outcome = call("list")

    assert "[red]Report[/red] \ufffd]0;owned\ufffd" in outcome.out


@pytest.mark.usefixtures("running")
def test_create_stores_a_file(call: Call, script: Path, running: Installation) -> None:
    outcome = call("create", str(script), "--name", "sales", "--tag", "a", "--tag", "b")

    assert outcome.code == 0
    assert outcome.out == "stored sales version 1: Sales\n"
    assert running.analyses.stored["sales"].script == SCRIPT


@pytest.mark.usefixtures("running")
def test_create_reads_stdin(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SCRIPT.encode())))

    assert call("create", "-", "--name", "piped", "--json").json["analysis_id"] == "piped"


@pytest.mark.usefixtures("running")
def test_update_stores_the_next_version(call: Call, script: Path) -> None:
    outcome = call("update", "monthly_report", str(script), "-m", "faster")

    assert outcome.out == "stored monthly_report version 2: Monthly Report\n"


def test_delete_removes_an_analysis(call: Call, running: Installation) -> None:
    outcome = call("delete", "monthly_report")

    assert outcome.out == "deleted monthly_report\n"
    assert running.analyses.stored == {}


def test_options_are_asked_with_the_values_so_far(call: Call, running: Installation) -> None:
    outcome = call("options", "monthly_report", "city", "-p", "country=USA", "--refresh")

    assert "New York City" in outcome.out
    assert "Premium" in outcome.out
    assert running.options.asked == [("city", {"country": "USA"}, True)]


@pytest.mark.usefixtures("running")
def test_a_valid_script_is_said_to_be_valid(call: Call, script: Path) -> None:
    outcome = call("validate", str(script))

    assert outcome.code == 0
    assert "Report" in outcome.out


@pytest.mark.usefixtures("running")
def test_an_invalid_script_fails_with_every_error(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "bad.js"
    path.write_text("unknown_db", encoding="utf-8")

    text = call("validate", str(path))
    data = call("validate", str(path), "--json")

    assert text.code == data.code == 1
    assert text.err.splitlines() == [
        "error: Missing required 'run' function",
        "error: Datasource 'unknown_db' not found",
    ]
    assert len(data.json["errors"]) == 2


def test_without_a_server_a_script_is_checked_whole(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "typed.ts"
    path.write_text(
        'const days: number = "7";\nexport default { title: "x", run: () => ({ days }) };\n',
        encoding="utf-8",
    )

    outcome = call("validate", str(path))

    assert outcome.code == 1
    warning, error = outcome.err.splitlines()
    assert warning.startswith("warning: Checked without a server")
    assert error.startswith("error: Type error at line 1, column 7: Type 'string' is not")


@pytest.mark.usefixtures("running")
def test_an_error_of_the_server_is_one_line_and_its_hint(call: Call) -> None:
    outcome = call("show", "unknown")

    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.err.splitlines() == [
        "error: Analysis 'unknown' not found",
        "hint: List the analyses.",
    ]


@pytest.mark.usefixtures("running")
def test_an_error_is_json_for_those_who_asked_for_it(call: Call) -> None:
    outcome = call("show", "unknown", "--json")

    assert outcome.code == 1
    assert json.loads(outcome.err)["error"]["code"] == "NOT_FOUND"


@pytest.mark.usefixtures("running")
def test_a_token_of_a_lower_role_is_refused(call: Call) -> None:
    outcome = call("delete", "monthly_report", "--token", TOKENS["viewer"])

    assert outcome.code == 1
    assert "needs the role manager" in outcome.err


@pytest.mark.parametrize("name", ["jobs/x", "..", "."])
def test_a_name_is_never_the_address_of_something_else(
    call: Call, running: Installation, name: str
) -> None:
    assert call("show", name).err == f"error: There is nothing named '{name}'\n"
    assert call("delete", name).code == 1
    assert running.analyses.stored


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "missing.js"), "missing.js cannot be read"),
        (("create", "sales.js", "--metadata", "{"), "--metadata is not JSON"),
        (("create", "sales.js", "--metadata", "[]"), "--metadata must be a JSON object"),
        (("options", "a", "b", "-p", "novalue"), "neither name=text nor name:=json"),
        (("run", "a", "-p", "n:=five"), "not JSON"),
        (("run", "a", "-p", "=5"), "neither name=text nor name:=json"),
        (("show",), "Missing argument"),
        (("shwo", "a"), "No such command"),
        (("list", "--colour"), "No such option"),
    ],
)
@pytest.mark.usefixtures("running", "script")
def test_a_wrong_call_is_explained_and_exits_with_2(
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    outcome = call(*arguments)

    assert outcome.code == 2
    error, hint = outcome.err.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert hint.endswith("--help")
