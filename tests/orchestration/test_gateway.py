"""The services' way to Dagster: launching, asking, stopping, and the database going away."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import dagster as dg
import pytest

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.errors import UnavailableError, ValidationFailedError
from analysis_sandbox.orchestration.gateway import DagsterGateway
from analysis_sandbox.services.ports import Launch, RunGateway
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.installation import Journal
from tests.orchestration.processes import PoolProcess, eventually
from tests.orchestration.runs import Runs

Status = dg.DagsterRunStatus


@pytest.fixture(autouse=True)
def running(pool: PoolProcess) -> None:
    pool.ensure_running()


def test_it_is_what_the_services_ask_for(gateway: DagsterGateway) -> None:
    port: RunGateway = gateway

    assert port.state(str(uuid4())) is None


def test_a_run_has_the_id_it_was_launched_under_and_carries_its_origin(runs: Runs) -> None:
    run_id = str(uuid4())

    runs.start(runs.versions.save("origin"), {"n": 1}, run_id=run_id)

    run = runs.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags["analysis_sandbox/trigger"] == "api"
    assert run.tags["analysis_sandbox/executed_by"] == "alice"
    assert run.tags["dagster/code_location"] == "analysis_sandbox"
    assert run.run_config == {"ops": {"run_origin": {"config": {"n": 1}}}}
    assert run.job_snapshot_id is not None
    assert run.remote_job_origin is not None
    assert runs.ended(run_id) == "SUCCESS"


def test_launching_a_run_again_leaves_it_alone(runs: Runs, journal: Journal) -> None:
    version = runs.versions.save("again")
    run_id = runs.start(version)
    runs.start(version, run_id=run_id)
    runs.ended(run_id)
    runs.start(version, run_id=run_id)

    assert runs.ended(run_id) == "SUCCESS"
    assert len(journal.read("began", run=run_id)) == 1


@pytest.mark.parametrize("status", [Status.NOT_STARTED, Status.QUEUED])
def test_launching_again_submits_a_run_that_never_was(runs: Runs, status: Status) -> None:
    """As after a process that died between creating and submitting it."""
    version = runs.versions.save("interrupted")
    run = runs.create(version)
    assert runs.storage.change_status(run.run_id, Status.NOT_STARTED, status)

    runs.start(version, run_id=run.run_id)

    assert runs.ended(run.run_id) == "SUCCESS"


def test_parameters_that_do_not_fit_are_refused_and_leave_no_run(runs: Runs) -> None:
    version = runs.versions.save(
        "strict", metadata={"parameters": {"n": {"type": "number", "required": True}}}
    )
    launch = Launch(str(uuid4()), version, {"n": "seven"}, "api", "alice")

    with pytest.raises(ValidationFailedError, match="n"):
        runs.gateway.launch(launch)

    assert runs.gateway.state(launch.run_id) is None


def test_many_threads_launch_at_once(runs: Runs, journal: Journal) -> None:
    version = runs.versions.save("parallel")

    def start(n: int) -> str:
        return runs.start(version, {"n": n})

    with ThreadPoolExecutor(12) as threads:
        ids = list(threads.map(start, range(48)))

    assert {runs.ended(run_id, seconds=60) for run_id in ids} == {"SUCCESS"}
    began = {entry["run"]: entry["parameters"] for entry in journal.read("began")}
    assert [began[run_id] for run_id in ids] == [{"n": n} for n in range(48)]


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "pending"),
        (["RUN_ENQUEUED"], "pending"),
        (["RUN_STARTING"], "pending"),
        (["RUN_STARTING", "RUN_START"], "running"),
        (["RUN_STARTING", "RUN_START", "RUN_CANCELING"], "running"),
        (["RUN_STARTING", "RUN_START", "RUN_SUCCESS"], "completed"),
        (["RUN_STARTING", "RUN_START", "RUN_FAILURE"], "failed"),
        (["RUN_STARTING", "RUN_CANCELING", "RUN_CANCELED"], "cancelled"),
        # What comes after the end does not undo it.
        (["RUN_START", "RUN_SUCCESS", "RUN_CANCELING"], "completed"),
        (["RUN_START", "RUN_SUCCESS", "RUN_FAILURE"], "completed"),
        (["RUN_CANCELING", "RUN_CANCELED", "RUN_STARTING", "RUN_START"], "cancelled"),
        (["RUN_CANCELING", "RUN_CANCELED", "RUN_ENQUEUED"], "cancelled"),
        # A run that is being stopped stays so while it starts.
        (["RUN_STARTING", "RUN_CANCELING", "RUN_START"], "running"),
    ],
)
def test_dagsters_events_make_our_states(runs: Runs, events: list[str], state: str) -> None:
    run = runs.create(runs.versions.save("states"))

    for name in events:
        if name == "RUN_FAILURE":
            runs.instance.report_run_failed(run)
            continue
        event = dg.DagsterEvent(
            event_type_value=dg.DagsterEventType[name].value, job_name=run.job_name
        )
        runs.instance.report_dagster_event(event, run.run_id)

    assert runs.gateway.state(run.run_id) == state
    runs.instance.delete_run(run.run_id)


def test_what_has_no_schedule_cannot_be_switched_on(runs: Runs) -> None:
    version = runs.versions.save("unscheduled")

    runs.gateway.switch_schedule(version, enabled=True)

    assert not runs.gateway.is_schedule_running(version)


def test_refreshing_without_a_code_server_does_nothing(gateway: DagsterGateway) -> None:
    gateway.refresh()
    gateway.refresh()


def test_while_postgres_is_away_the_gateway_says_so_and_then_works_again(
    runs: Runs, postgres: EmbeddedPostgres, settings: Settings, pool: PoolProcess
) -> None:
    version = runs.versions.save("patient")
    launch = Launch(str(uuid4()), version, {}, "api", "alice")
    postgres.stop()
    try:
        with pytest.raises(UnavailableError, match="storage cannot be reached"):
            runs.gateway.state(launch.run_id)
    finally:
        postgres.start()

    runs.gateway.launch(launch)

    assert runs.ended(launch.run_id) == "SUCCESS"


def test_a_restart_of_postgres_between_runs_is_not_noticed(
    runs: Runs, postgres: EmbeddedPostgres
) -> None:
    version = runs.versions.save("between")
    assert runs.ended(runs.start(version)) == "SUCCESS"

    postgres.stop()
    postgres.start()

    ids = [runs.start(version) for _ in range(6)]
    assert {runs.ended(run_id) for run_id in ids} == {"SUCCESS"}


def test_a_restart_of_postgres_under_a_run_does_not_lose_its_end(
    runs: Runs, postgres: EmbeddedPostgres, settings: Settings
) -> None:
    gate = settings.home / f"gate-{uuid4().hex}"
    plan: JSONObject = {"hold": gate.name}
    run_id = runs.plan("under_restart", plan)
    runs.began(run_id)

    postgres.stop()
    postgres.start()
    gate.touch()

    assert runs.ended(run_id) == "SUCCESS"


def test_a_run_that_dies_while_postgres_is_away_is_settled_afterwards(
    runs: Runs, postgres: EmbeddedPostgres, settings: Settings, journal: Journal
) -> None:
    gate = settings.home / f"gate-{uuid4().hex}"
    run_id = runs.plan("dies_alone", {"hold": gate.name, "die": True})
    runs.began(run_id)

    postgres.stop()
    gate.touch()
    log = settings.logs_directory / "run-pool.log"
    eventually(lambda: f"Run {run_id}: The run worker" in log.read_text(encoding="utf-8"))
    postgres.start()

    assert runs.ended(run_id, seconds=30) == "FAILURE"
    assert runs.crash(run_id)["signal"] == "SIGKILL"
