"""Plain Dagster on the same definitions: no `up`, no pool, no daemon, other launchers."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.orchestration.home import install_dagster_home
from analysis_sandbox.orchestration.names import TAG_PROCESS
from analysis_sandbox.orchestration.run_process import RunProcess
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.conftest import ROOT
from tests.orchestration.installation import Journal
from tests.orchestration.processes import PoolProcess, eventually
from tests.orchestration.runs import Runs

DEFINITIONS = """\
from analysis_sandbox.orchestration.repository import definitions

defs = definitions()
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres) -> Path:
    """A directory with the deployment files as they lie in the repository."""
    directory = tmp_path_factory.mktemp("deployment")
    shutil.copy(ROOT / "workspace.yaml", directory)
    (directory / "definitions.py").write_text(DEFINITIONS, encoding="utf-8")
    return directory


def dagster(settings: Settings, directory: Path, *arguments: str) -> str:
    """Run Dagster's command line as a data engineer does."""
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        cwd=directory,
        env=settings.child_environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_the_command_line_lists_the_jobs(runs: Runs, settings: Settings, deployment: Path) -> None:
    runs.versions.save("listed")

    assert "Job: listed" in dagster(settings, deployment, "job", "list", "-w", "workspace.yaml")


def test_a_job_launched_from_the_command_line_runs_in_a_process_of_its_own(
    runs: Runs, settings: Settings, deployment: Path, journal: Journal
) -> None:
    metadata: JSONObject = {"parameters": {"n": {"type": "number", "default": 4}}}
    runs.versions.save("from_shell", metadata=metadata)

    dagster(settings, deployment, "job", "launch", "-w", "workspace.yaml", "-j", "from_shell")

    (run,) = runs.instance.get_runs(dg.RunsFilter(job_name="from_shell"))
    assert runs.ended(run.run_id, seconds=60) == "SUCCESS"
    assert journal.read("began", run=run.run_id)[0]["parameters"] == {"n": 4}


def test_a_job_can_be_executed_in_the_foreground(
    runs: Runs, settings: Settings, deployment: Path
) -> None:
    runs.versions.save("foreground")

    output = dagster(
        settings, deployment, "job", "execute", "-f", "definitions.py", "-j", "foreground"
    )

    assert "RUN_SUCCESS" in output


@pytest.fixture
def detached(runs: Runs, settings: Settings) -> Iterator[tuple[str, RunProcess]]:
    """A run in a process of its own that goes on until its gate opens."""
    gate = settings.home / "gate-detached"
    run_id = runs.plan("detached", {"hold": gate.name})
    assert runs.began(run_id, seconds=60)
    run = runs.instance.get_run_by_id(run_id)
    process = run and RunProcess.parse(run.tags.get(TAG_PROCESS))
    assert process is not None
    yield run_id, process
    gate.touch()
    eventually(lambda: not process.is_alive())
    gate.unlink()


def test_without_a_pool_a_run_gets_a_process_that_can_be_stopped(
    runs: Runs, detached: tuple[str, RunProcess]
) -> None:
    run_id, process = detached
    run = runs.instance.get_run_by_id(run_id)
    assert run is not None
    launcher = runs.instance.run_launcher
    assert launcher.check_run_worker_health(run).status.value == "RUNNING"

    assert runs.gateway.stop(run_id)

    assert runs.ended(run_id) == "CANCELED"
    eventually(lambda: not process.is_alive())
    assert launcher.check_run_worker_health(run).status.value == "NOT_FOUND"


def test_a_pool_that_starts_leaves_a_living_run_of_another_process_alone(
    runs: Runs, detached: tuple[str, RunProcess], settings: Settings
) -> None:
    run_id, process = detached
    with PoolProcess(settings) as pool:
        assert runs.ended(runs.plan("in_pool", {})) == "SUCCESS"
        assert pool.is_ready()
        assert runs.status(run_id) == "STARTED"
        assert process.is_alive()


def test_the_stock_launcher_works_by_changing_dagster_yaml_only(
    runs: Runs,
    settings: Settings,
    deployment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    journal: Journal,
) -> None:
    install_dagster_home(settings)
    instance = yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text("utf-8"))
    instance["run_launcher"] = {"module": "dagster", "class": "DefaultRunLauncher"}
    instance["run_coordinator"] = {
        "module": "dagster._core.run_coordinator",
        "class": "DefaultRunCoordinator",
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(instance), encoding="utf-8")
    version = runs.versions.save("stock", {"result": {"n": 1}})

    environment = {**settings.child_environment(), "DAGSTER_HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "dagster", "job", "launch", "-w", "workspace.yaml", "-j", "stock"],
        cwd=deployment,
        env=environment,
        timeout=90,
        check=True,
    )

    (run,) = runs.instance.get_runs(dg.RunsFilter(job_name="stock"))
    assert runs.ended(run.run_id, seconds=60) == "SUCCESS"
    assert journal.read("began", run=run.run_id)[0]["version"] == version.version


def test_the_home_gets_its_files_and_keeps_what_people_changed(settings: Settings) -> None:
    install_dagster_home(settings)
    file = settings.dagster_home / "dagster.yaml"
    packaged = file.read_text(encoding="utf-8")
    assert str(settings.home) not in packaged
    assert packaged == (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    file.write_text(packaged + "# mine\n", encoding="utf-8")

    install_dagster_home(settings)

    assert file.read_text(encoding="utf-8").endswith("# mine\n")
    file.write_text(packaged, encoding="utf-8")
