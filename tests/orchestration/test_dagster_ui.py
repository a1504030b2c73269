"""What Dagster's own processes see and do: webserver, daemon and our code server, all real."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.embedded import EmbeddedPostgres
from analysis_sandbox.settings import Settings
from analysis_sandbox.values import JSONObject
from tests.orchestration.installation import Journal
from tests.orchestration.processes import PoolProcess, Process, eventually
from tests.orchestration.runs import Runs

SELECTOR = {"repositoryLocationName": "analysis_sandbox", "repositoryName": "__repository__"}

Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def running(pool: PoolProcess) -> None:
    pool.ensure_running()


class CodeServer(Process):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "code-server", "analysis_sandbox.orchestration.code_server")

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.settings.code_server_socket)) == 0


class Webserver(Process):
    def __init__(self, settings: Settings, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        workspace = str(settings.dagster_home / "workspace.yaml")
        super().__init__(
            settings,
            "webserver",
            *("dagster_webserver", "--host", "127.0.0.1", "--port", str(port)),
            *("--workspace", workspace),
        )

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("{ version }"))
        except OSError:
            return False

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            data = json.load(answer)
        assert "errors" not in data, data["errors"]
        return data["data"]


@pytest.fixture(scope="module")
def code_server(settings: Settings, postgres: EmbeddedPostgres) -> Iterator[CodeServer]:
    with CodeServer(settings) as server:
        yield server


@pytest.fixture(scope="module")
def ask(settings: Settings, code_server: CodeServer) -> Iterator[Ask]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Webserver(settings, port) as webserver:
        yield webserver.ask


@pytest.fixture(scope="module")
def daemon(settings: Settings, code_server: CodeServer) -> Iterator[Process]:
    workspace = str(settings.dagster_home / "workspace.yaml")
    with Process(settings, "daemon", "dagster._daemon", "run", "--workspace", workspace) as daemon:
        yield daemon


@pytest.fixture
def gate(settings: Settings) -> Iterator[Path]:
    path = settings.home / f"gate-{uuid4().hex}"
    yield path
    path.touch()


def job_in(ask: Ask, name: str) -> Any:
    answer = ask(
        """query ($selector: PipelineSelector!) { pipelineOrError(params: $selector) {
          ... on Pipeline { name description tags { key value } } } }""",
        selector={**SELECTOR, "pipelineName": name},
    )
    return answer["pipelineOrError"]


def schedule_in(ask: Ask, name: str) -> Any:
    answer = ask(
        """query ($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) {
          ... on Schedule { cronSchedule executionTimezone defaultStatus
            scheduleState { status selectorId } } } }""",
        selector={**SELECTOR, "scheduleName": name},
    )
    return answer["scheduleOrError"]


def run_in(ask: Ask, run_id: str) -> Any:
    return ask(
        """query ($id: ID!) { runOrError(runId: $id) { ... on Run {
          status pipelineName runConfigYaml canTerminate hasReExecutePermission
          repositoryOrigin { repositoryLocationName } tags { key value }
          executionPlan { steps { key } } } } }""",
        id=run_id,
    )["runOrError"]


def test_a_saved_analysis_shows_after_a_refresh_and_its_neighbours_stay(
    runs: Runs, ask: Ask
) -> None:
    runs.versions.save("neighbour")
    runs.versions.save("newcomer", metadata={"title": "x"})

    runs.gateway.refresh()

    shown = eventually(lambda: job_in(ask, "newcomer"), seconds=10)
    assert shown["description"] == "The newcomer"
    assert eventually(lambda: job_in(ask, "neighbour"), seconds=10)


def test_a_new_version_shows_after_a_refresh(runs: Runs, ask: Ask) -> None:
    def version_tag() -> str | None:
        shown = job_in(ask, "grows")
        return shown and {tag["key"]: tag["value"] for tag in shown["tags"]}.get(
            "analysis_sandbox/version"
        )

    runs.versions.save("grows")
    runs.gateway.refresh()
    eventually(lambda: version_tag() == "1", seconds=10)

    runs.versions.save("grows")
    runs.gateway.refresh()

    eventually(lambda: version_tag() == "2", seconds=10)


def test_a_run_of_ours_looks_like_any_other(runs: Runs, ask: Ask) -> None:
    run_id = runs.start(runs.versions.save("looks"), {"n": 1})
    runs.ended(run_id)
    runs.gateway.refresh()
    eventually(lambda: job_in(ask, "looks"), seconds=10)

    shown = run_in(ask, run_id)

    assert (shown["status"], shown["pipelineName"]) == ("SUCCESS", "looks")
    assert shown["repositoryOrigin"]["repositoryLocationName"] == "analysis_sandbox"
    assert shown["executionPlan"]["steps"] == [{"key": "run_looks"}]
    assert "n: 1" in shown["runConfigYaml"]
    assert shown["hasReExecutePermission"]


def test_a_run_started_in_the_ui_executes_the_shown_version_in_the_pool(
    runs: Runs, ask: Ask, journal: Journal
) -> None:
    parameters: JSONObject = {"parameters": {"n": {"type": "number", "default": 3}}}
    runs.versions.save("from_ui", metadata=parameters)
    runs.gateway.refresh()
    eventually(lambda: job_in(ask, "from_ui"), seconds=10)

    answer = ask(
        """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
          __typename ... on LaunchRunSuccess { run { runId } }
          ... on PythonError { message } } }""",
        params={"selector": {**SELECTOR, "pipelineName": "from_ui"}, "runConfigData": "{}"},
    )["launchRun"]

    run_id = answer["run"]["runId"]
    assert runs.ended(run_id) == "SUCCESS"
    (began,) = journal.read("began", run=run_id)
    assert (began["version"], began["parameters"]) == (1, {"n": 3})
    assert (began["trigger"], began["executed_by"]) == ("manual", "dagster")
    tags = {tag["key"]: tag["value"] for tag in run_in(ask, run_id)["tags"]}
    assert tags["analysis_sandbox/version"] == "1"


def test_a_run_stopped_in_the_ui_stops(runs: Runs, ask: Ask, gate: Path) -> None:
    run_id = runs.plan("stopped_in_ui", {"hold": gate.name})
    runs.began(run_id)
    assert run_in(ask, run_id)["canTerminate"]

    answer = ask(
        """mutation ($id: String!) { terminateRun(runId: $id) { __typename } }""", id=run_id
    )

    assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess"
    assert runs.ended(run_id, seconds=5) == "CANCELED"


def test_a_run_started_again_in_the_ui_is_the_same_version(
    runs: Runs, ask: Ask, journal: Journal
) -> None:
    first = runs.versions.save("again_in_ui")
    run_id = runs.start(first)
    runs.ended(run_id)
    runs.versions.save("again_in_ui")
    runs.gateway.refresh()
    eventually(lambda: job_in(ask, "again_in_ui"), seconds=10)

    answer = ask(
        """mutation ($params: ReexecutionParams) {
          launchRunReexecution(reexecutionParams: $params) {
            __typename ... on LaunchRunSuccess { run { runId } }
            ... on PythonError { message } } }""",
        params={"parentRunId": run_id, "strategy": "ALL_STEPS", "useParentRunTags": True},
    )["launchRunReexecution"]

    again = answer["run"]["runId"]
    assert runs.ended(again) == "SUCCESS"
    (began,) = journal.read("began", run=again)
    assert (began["version"], began["executed_by"]) == (1, "dagster")


def test_a_schedule_is_off_until_it_is_switched_on_and_dagster_shows_both(
    runs: Runs, ask: Ask
) -> None:
    schedule: JSONObject = {"cron": "0 6 * * *", "timezone": "America/New_York"}
    version = runs.versions.save("nightly", metadata={"schedule": schedule})
    runs.gateway.refresh()
    shown = eventually(lambda: schedule_in(ask, "nightly_schedule"), seconds=10)
    assert (shown["cronSchedule"], shown["executionTimezone"]) == (
        "0 6 * * *",
        "America/New_York",
    )
    assert (shown["defaultStatus"], shown["scheduleState"]["status"]) == ("STOPPED", "STOPPED")

    runs.gateway.switch_schedule(version, enabled=True)
    assert schedule_in(ask, "nightly_schedule")["scheduleState"]["status"] == "RUNNING"
    assert runs.gateway.is_schedule_running(version)

    runs.gateway.switch_schedule(version, enabled=False)
    assert schedule_in(ask, "nightly_schedule")["scheduleState"]["status"] == "STOPPED"
    assert not runs.gateway.is_schedule_running(version)


def test_what_the_ui_switches_is_read_back(runs: Runs, ask: Ask) -> None:
    version = runs.versions.save("switched", metadata={"schedule": {"cron": "0 6 * * *"}})
    runs.gateway.refresh()
    shown = eventually(lambda: schedule_in(ask, "switched_schedule"), seconds=10)

    ask(
        """mutation ($selector: ScheduleSelector!) {
          startSchedule(scheduleSelector: $selector) { __typename } }""",
        selector={**SELECTOR, "scheduleName": "switched_schedule"},
    )

    assert runs.gateway.is_schedule_running(version)
    assert shown["scheduleState"]["status"] == "STOPPED"


def test_a_run_over_a_limit_waits_for_the_daemon_and_then_runs(
    runs: Runs, journal: Journal, gate: Path, daemon: Process
) -> None:
    metadata: JSONObject = {"schedule": {"cron": "0 6 * * *"}}
    version = runs.versions.save("one_at_a_time", {"hold": gate.name}, metadata=metadata)
    first = runs.start(version)
    runs.began(first)
    second = runs.start(version)
    assert runs.status(second) == "QUEUED"

    gate.touch()

    assert runs.ended(first) == "SUCCESS"
    assert runs.ended(second) == "SUCCESS"
    ended = journal.read("ended", run=first)[0]["at"]
    assert journal.read("began", run=second)[0]["at"] >= ended


def test_a_limit_holds_runs_back_and_one_that_is_raised_lets_them_begin(
    runs: Runs, journal: Journal, gate: Path, daemon: Process
) -> None:
    version = runs.versions.save("limited", {"hold": gate.name})
    first = runs.start(version, stored={"max_concurrent_runs": 1})
    runs.began(first)
    second = runs.start(version, stored={"max_concurrent_runs": 1})
    assert runs.gateway.state(second) == "pending"
    # One of another analysis is not concerned.
    assert runs.ended(runs.plan("unlimited", {})) == "SUCCESS"
    assert not journal.read("began", run=second)

    runs.gateway.limit_concurrency(version, 2)

    runs.began(second)
    assert not journal.read("ended", run=first)
    gate.touch()
    assert {runs.ended(first), runs.ended(second)} == {"SUCCESS"}


def test_a_limit_that_is_set_counts_the_runs_that_go_on_already(
    runs: Runs, journal: Journal, gate: Path, daemon: Process
) -> None:
    version = runs.versions.save("limited_later", {"hold": gate.name})
    first = runs.start(version)
    runs.began(first)
    runs.gateway.limit_concurrency(version, 1)
    second = runs.start(version, stored={"max_concurrent_runs": 1})
    assert runs.status(second) == "QUEUED"

    runs.gateway.limit_concurrency(version, None)

    runs.began(second)
    assert not journal.read("ended", run=first)
    gate.touch()
    assert {runs.ended(first), runs.ended(second)} == {"SUCCESS"}


def test_a_run_started_in_the_ui_carries_its_analysis_limit(runs: Runs, ask: Ask) -> None:
    runs.versions.save("etl_in_ui", metadata={"schedule": {"cron": "0 6 * * *"}})
    runs.gateway.refresh()

    shown = eventually(lambda: job_in(ask, "etl_in_ui"), seconds=10)

    tags = {tag["key"]: tag["value"] for tag in shown["tags"]}
    assert tags["analysis_sandbox/exclusive"] == "etl_in_ui"
    assert tags["analysis_sandbox/max_concurrent_runs"] == "1"


def ticked(ask: Ask, name: str) -> Any:
    """Have the code server evaluate a schedule, as the daemon does."""
    answer = ask(
        """mutation ($selector: ScheduleSelector!, $at: Float) {
          scheduleDryRun(selectorData: $selector, timestamp: $at) {
            ... on DryRunInstigationTick { evaluationResult {
              runRequests { tags { key value } } skipReason error { message } } }
            ... on PythonError { message } } }""",
        selector={**SELECTOR, "scheduleName": f"{name}_schedule"},
        at=datetime(2026, 1, 1, 6, tzinfo=UTC).timestamp(),
    )
    return answer["scheduleDryRun"]["evaluationResult"]


def test_the_code_server_asks_the_script_whether_a_tick_runs(runs: Runs, ask: Ask) -> None:
    asking: JSONObject = {"schedule": {"cron": "0 6 * * *", "has_should_run": True}}
    plans: dict[str, JSONObject] = {
        "ready": {"should_run": True},
        "nothing_new": {"should_run": False},
        "undecided_in_ui": {"refusal": "TimeLimitError"},
    }
    for name, plan in plans.items():
        runs.versions.save(name, plan, metadata=asking)
    runs.gateway.refresh()
    eventually(lambda: schedule_in(ask, "undecided_in_ui_schedule"), seconds=10)

    ready, idle, failed = (ticked(ask, name) for name in plans)

    tags = {tag["key"]: tag["value"] for tag in ready["runRequests"][0]["tags"]}
    assert tags["analysis_sandbox/scheduled_time"] == "2026-01-01T06:00:00+00:00"
    assert idle["runRequests"] == []
    assert idle["skipReason"] == "shouldRun of nothing_new says that there is nothing to do"
    assert "shouldRun of undecided_in_ui failed: boom (line 3)" in json.dumps(failed["error"])


def test_a_slow_should_run_holds_up_no_other_schedule(
    runs: Runs, ask: Ask, journal: Journal, gate: Path
) -> None:
    asking: JSONObject = {"schedule": {"cron": "0 6 * * *", "has_should_run": True}}
    runs.versions.save("slow_tick", {"hold_tick": gate.name}, metadata=asking)
    runs.versions.save("quick_tick", {}, metadata=asking)
    runs.gateway.refresh()
    eventually(lambda: schedule_in(ask, "quick_tick_schedule"), seconds=10)

    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(ticked, ask, "slow_tick")
        eventually(lambda: journal.read("asked", name="slow_tick"), seconds=10)

        assert ticked(ask, "quick_tick")["runRequests"]
        assert not slow.done()
        gate.touch()
        assert slow.result(timeout=30)["runRequests"]


def test_a_queued_run_can_be_cancelled(
    runs: Runs, journal: Journal, gate: Path, daemon: Process
) -> None:
    metadata: JSONObject = {"schedule": {"cron": "0 6 * * *"}}
    version = runs.versions.save("cancelled_early", {"hold": gate.name}, metadata=metadata)
    first = runs.start(version)
    runs.began(first)
    second = runs.start(version)

    assert runs.gateway.stop(second)

    assert runs.status(second) == "CANCELED"
    gate.touch()
    assert runs.ended(first) == "SUCCESS"
    assert not journal.read("began", run=second)


def test_runs_wait_in_dagsters_queue_while_the_pool_restarts(
    runs: Runs, pool: PoolProcess, settings: Settings, daemon: Process
) -> None:
    version = runs.versions.save("meanwhile")
    with _owned(settings):
        pool.stop()
        run_id = runs.start(version)
        assert runs.status(run_id) == "QUEUED"
        pool.start()

        assert runs.ended(run_id, seconds=30) == "SUCCESS"


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_schedule_runs_at_the_first_tick_after_it_is_switched_on(
    runs: Runs, ask: Ask, journal: Journal, daemon: Process
) -> None:
    parameters: JSONObject = {"day": {"type": "date", "default": "today"}}
    version = runs.versions.save(
        "minutely", metadata={"schedule": {"cron": "* * * * *"}, "parameters": parameters}
    )
    runs.gateway.refresh()
    eventually(lambda: schedule_in(ask, "minutely_schedule"), seconds=10)
    switched = time.time()
    runs.gateway.switch_schedule(version, enabled=True)

    def found() -> list[dict[str, Any]]:
        return [
            entry
            for entry in journal.read("began", trigger="scheduled", executed_by="scheduler")
            if entry["at"] > switched
        ]

    (began, *_) = eventually(found, seconds=90)
    runs.gateway.switch_schedule(version, enabled=False)
    assert int(began["at"] // 60) == int(switched // 60) + 1
    assert set(began["parameters"]) == {"day"}


def test_what_is_saved_without_a_word_shows_a_little_later(runs: Runs, ask: Ask) -> None:
    runs.versions.save("silent")

    assert eventually(lambda: job_in(ask, "silent"), seconds=20)


def test_a_code_server_that_restarts_is_found_again(
    runs: Runs, ask: Ask, code_server: CodeServer
) -> None:
    code_server.kill()
    runs.versions.save("while_down")
    runs.gateway.refresh()
    code_server.start()

    assert eventually(lambda: job_in(ask, "while_down"), seconds=30)


def _owned(settings: Settings) -> Any:
    from analysis_sandbox.processes import OwnerLock

    return OwnerLock(settings.owner_lock)
