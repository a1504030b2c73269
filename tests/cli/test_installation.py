"""Commands about an installation, and how commands find the one to talk to."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from analysis_sandbox import __version__
from analysis_sandbox.cli import doctor
from analysis_sandbox.processes import OwnerLock
from analysis_sandbox.settings import Settings
from tests.api.serving import serving
from tests.api.twin import TOKENS, Installation
from tests.cli.conftest import Call

COMMANDS = (
    *("up", "demo", "status", "doctor", "env", "mcp", "list", "show", "validate", "create"),
    *("update", "delete", "options", "run", "job status", "job logs", "job stop", "job result"),
)
HEAVY = ("dagster", "duckdb", "fastapi", "httpx", "mcp", "polars", "sqlalchemy", "sqlglot")


def test_without_a_running_installation_a_command_says_how_to_start_one(
    call: Call, home: Path
) -> None:
    outcome = call("list")

    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        f"error: analysis-sandbox is not running on {home}",
        "hint: Start it with 'analysis-sandbox up', or name another with --home or --url.",
    ]


def test_a_state_file_left_by_a_dead_installation_is_not_believed(call: Call, home: Path) -> None:
    home.mkdir()
    Settings(home=home).state_file.write_text('{"url": "http://127.0.0.1:1"}', encoding="utf-8")

    assert "is not running" in call("list").err


def test_an_installation_that_is_not_ready_yet_is_told_apart(call: Call, home: Path) -> None:
    home.mkdir()
    with OwnerLock(Settings(home=home).owner_lock):
        assert "is still starting" in call("list").err


def test_another_home_is_named_by_an_option(
    call: Call, running: Installation, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANALYSIS_SANDBOX_HOME")

    assert call("list", "--home", str(home)).code == 0
    assert running.analyses.stored


def test_a_server_is_named_by_its_url(
    call: Call, running: Installation, home: Path, tmp_path: Path
) -> None:
    url = Settings(home=home).state_file.read_text(encoding="utf-8").split('"')[3]
    elsewhere = ("--home", str(tmp_path / "elsewhere"), "--url", url)

    assert call("list", *elsewhere, "--token", TOKENS["viewer"]).code == 0
    assert "admin token cannot be read" in call("list", *elsewhere).err
    assert running.analyses.stored


def test_url_and_token_come_from_the_environment(
    call: Call, running: Installation, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = Settings(home=home).state_file.read_text(encoding="utf-8").split('"')[3]
    monkeypatch.setenv("ANALYSIS_SANDBOX_HOME", str(home / "elsewhere"))
    monkeypatch.setenv("ANALYSIS_SANDBOX_URL", url)
    monkeypatch.setenv("ANALYSIS_SANDBOX_TOKEN", TOKENS["viewer"])

    assert call("list").code == 0
    assert "needs the role runner" in call("run", "monthly_report").err
    assert running.runs.jobs == {}


@pytest.mark.usefixtures("running")
def test_the_admin_token_of_a_home_is_not_sent_to_another_machine(call: Call) -> None:
    outcome = call("list", "--url", "http://analyses.example:8000")

    assert outcome.code == 1
    assert "Give its token with --token" in outcome.err


def test_a_url_where_nothing_answers_is_one_clear_line(call: Call) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        outcome = call("list", "--url", url, "--token", "t")

    assert outcome.code == 1
    first, hint = outcome.err.splitlines()
    assert first.startswith(f"error: The API at {url} cannot be reached")
    assert "analysis-sandbox up" in hint


def test_something_else_at_the_url_is_recognised(call: Call) -> None:
    async def other(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})  # pyright: ignore
        await send({"type": "http.response.body", "body": b"<html>"})  # pyright: ignore

    with serving(other) as url:  # pyright: ignore[reportArgumentType]
        outcome = call("list", "--url", url, "--token", "t")

    assert "is not analysis-sandbox (HTTP 404)" in outcome.err


@pytest.mark.usefixtures("running")
def test_mcp_refuses_a_wrong_token_in_one_line(call: Call) -> None:
    outcome = call("mcp", "--token", "wrong")

    assert outcome.code == 1
    assert outcome.err.splitlines()[0] == "error: The token is not valid"


def test_status_says_what_does_not_work(call: Call, running: Installation) -> None:
    ready = call("status")
    running.parts["pool"] = "no run worker answers"
    broken = call("status")
    data = call("status", "--json")

    assert ready.code == 0
    assert "ready" in ready.out
    assert "http://127.0.0.1:3000" in ready.out
    assert broken.code == data.code == 1
    assert "error: pool: no run worker answers" in broken.err
    assert data.json["ready"] is False
    assert data.json["problems"] == {"pool": "no run worker answers"}


def test_env_prints_what_a_shell_can_evaluate(call: Call, tmp_path: Path) -> None:
    home = tmp_path / "a home"

    lines = call("env", "--home", str(home)).out.splitlines()

    assert f"export DAGSTER_HOME='{home}/dagster'" in lines
    assert f"export ANALYSIS_SANDBOX_HOME='{home}'" in lines
    assert call("env", "--json").json["DAGSTER_DISABLE_TELEMETRY"] == "1"


def test_a_configuration_that_is_not_valid_is_one_line(call: Call, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("port = 'many'\n", encoding="utf-8")

    outcome = call("env")

    assert outcome.code == 1
    assert outcome.err.startswith("error: The configuration is not valid: port:")


def test_the_version_is_printed(call: Call) -> None:
    assert call("--version").out == f"{__version__}\n"


def test_without_a_command_the_help_is_shown(call: Call) -> None:
    outcome = call()

    assert outcome.code == 2
    assert "Usage: analysis-sandbox" in outcome.out
    assert outcome.err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(call: Call, command: str) -> None:
    outcome = call(*command.split(), "--help")

    assert outcome.code == 0
    assert f"Usage: analysis-sandbox {command}" in outcome.out


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from analysis_sandbox.cli.main import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    assert answer.stdout.splitlines()[-1] == "[]"


def test_doctor_names_what_is_taken_and_how_to_go_on(tmp_path: Path) -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        port, other = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        checks = {
            check.name: check
            for check in doctor.examine(Settings(home=tmp_path, port=port, dagster_port=other))
        }

    assert not checks[f"port {port}"].ok
    assert "--port" in checks[f"port {port}"].fix
    assert checks[f"port {other}"].ok
    assert checks["Python"].ok
    assert checks["dagster"].ok
    assert checks["PostgreSQL"].ok
    assert checks["no second QuickJS"].ok
    assert checks["home"].ok


def test_doctor_sees_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    checks = {check.name: check for check in doctor.examine(Settings(home=file / "home"))}

    assert not checks["home"].ok
    assert "--home" in checks["home"].fix


def test_only_seccomp_is_required_of_the_sandbox() -> None:
    seccomp, landlock, rlimits = doctor.sandbox_checks(
        {"seccomp": "not supported", "landlock": "kernel too old", "rlimits": "ok (7)"}
    )

    assert (seccomp.ok, seccomp.required) == (False, sys.platform == "linux")
    assert seccomp.fix
    assert (landlock.ok, landlock.required) == (False, False)
    assert (rlimits.ok, rlimits.fix) == (True, "")
