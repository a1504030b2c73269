"""Commands as people call them, against a real server over services in memory."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.cli.main import main
from analysis_sandbox.processes import OwnerLock
from analysis_sandbox.settings import Settings
from api.app import create_app
from tests.api.serving import serving
from tests.api.twin import TOKENS, Installation


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Nothing of the caller's environment is seen; the home is the test's."""
    for name in list(os.environ):
        if name.startswith("ANALYSIS_SANDBOX_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("ANALYSIS_SANDBOX_HOME", str(home))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command; returns its exit code and what it wrote."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def installation() -> Installation:
    installation = Installation()
    installation.store("monthly_report")
    return installation


@pytest.fixture
def running(installation: Installation, home: Path) -> Iterator[Installation]:
    """An installation that runs on the home, as `up` leaves it there."""
    settings = Settings(home=home)
    home.mkdir()
    settings.admin_token_file.write_text(TOKENS["admin"] + "\n", encoding="ascii")
    with (
        OwnerLock(settings.owner_lock),
        serving(create_app(installation.services, settings)) as url,
    ):
        state = {"url": url, "dagster_url": "http://127.0.0.1:3000", "pid": os.getpid()}
        settings.state_file.write_text(json.dumps(state), encoding="utf-8")
        yield installation
