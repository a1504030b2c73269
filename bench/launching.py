"""A run through the API and the warm pool, beside Dagster's default launcher, in turn."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.installation import POLL_SECONDS, TRIVIAL, Installation, free_port
from bench.measure import Figure, alternate, repeat

_JOB = "bench_trivial"
_LAUNCH = """mutation ($job: String!) {
  launchRun(executionParams: {mode: "default", runConfigData: {}, selector: {
    repositoryLocationName: "analysis_sandbox", repositoryName: "%s", pipelineName: $job}}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
_BURST = 50


def figures(installation: Installation) -> list[Figure]:
    """Measure on a running installation; both sides share its PostgreSQL and code server."""
    installation.create(_JOB, TRIVIAL)
    warm = repeat(lambda: installation.run(_JOB), rounds=100)
    with _stock_dagster(installation) as stock:
        ours, theirs = alternate(lambda: installation.run(_JOB), stock.run, rounds=20, warm_up=2)
    ratio = theirs.p50 / ours.p50
    rate = _runs_per_second(installation, seconds=10)
    return [
        Figure(
            "POST execute → `completed`, trivial analysis",
            str(warm),
            "p50 ≤ 80 ms, p95 ≤ 160 ms",
            warm.p50 <= 80 and warm.p95 <= 160,
        ),
        Figure("the same in turn with the line below", str(ours), "–"),
        Figure("launchRun → SUCCESS, Dagster's default launcher", str(theirs), "–"),
        Figure("default launcher / ours, medians", f"{ratio:.0f} ×", "≥ 30 ×", ratio >= 30),
        Figure("sustained runs, 8 clients", f"{rate:.1f} runs/s", "≥ 15 runs/s", rate >= 15),
        _burst(installation),
    ]


class _Stock:
    """A Dagster webserver whose instance has the stock launcher and coordinator."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        nodes = self._ask(_REPOSITORIES)["repositoriesOrError"]["nodes"]
        self._launch = _LAUNCH % nodes[0]["name"]

    def run(self) -> None:
        """Launch the job and wait until Dagster says SUCCESS."""
        launched = self._ask(self._launch, job=_JOB)["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(f"launchRun: {launched}")
        run_id = launched["run"]["runId"]
        while (status := self._ask(_STATUS, id=run_id)["runOrError"]["status"]) != "SUCCESS":
            if status in ("FAILURE", "CANCELED"):
                raise RuntimeError(f"the run ended {status}")
            time.sleep(POLL_SECONDS)

    def _ask(self, query: str, **variables: str) -> Any:
        answer = self._client.post("/graphql", json={"query": query, "variables": variables})
        answer.raise_for_status()
        return answer.json()["data"]


@contextmanager
def _stock_dagster(installation: Installation) -> Generator[_Stock, None, None]:
    home = installation.home / "stock-dagster"
    home.mkdir()
    ours = installation.home / "dagster"
    instance = yaml.safe_load((ours / "dagster.yaml").read_text(encoding="utf-8"))
    for key in ("run_launcher", "run_queue", "concurrency", "run_monitoring", "run_retries"):
        instance.pop(key, None)
    instance["run_coordinator"] = {
        "module": "dagster.core.run_coordinator",
        "class": "DefaultRunCoordinator",
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(instance), encoding="utf-8")
    shutil.copy(ours / "workspace.yaml", home)
    port = free_port()
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "ANALYSIS_SANDBOX_HOME": str(installation.home),
    }
    command = [sys.executable, "-m", "dagster_webserver", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workspace", str(home / "workspace.yaml")]
    log = (home / "webserver.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait_until_up(client, process, Path(log.name))
            yield _Stock(client)
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait_until_up(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            if client.get("/server_info").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])


def _runs_per_second(installation: Installation, *, seconds: float) -> float:
    deadline = time.monotonic() + seconds

    def work(_client: int) -> int:
        done = 0
        while time.monotonic() < deadline:
            installation.run(_JOB)
            done += 1
        return done

    start = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        total = sum(clients.map(work, range(8)))
    return total / (time.monotonic() - start)


def _burst(installation: Installation) -> Figure:
    name = "bench_echo"
    installation.create(
        name,
        "export default { title: 'Echo', parameters: { n: { type: 'number', required: true } },"
        " run: async (ctx, params) => ({ n: params.n }) };",
    )

    def work(number: int) -> bool:
        return installation.run(name, n=number)["result"] == {"n": number}

    start = time.monotonic()
    with ThreadPoolExecutor(_BURST) as clients:
        right = sum(clients.map(work, range(_BURST)))
    seconds = time.monotonic() - start
    return Figure(
        f"{_BURST} executes at once",
        f"{right} completed with their own result in {seconds:.1f} s",
        f"{_BURST} of {_BURST}",
        right == _BURST,
    )
