"""The ways in, on a real installation: REST, MCP, the CLI, Dagster's pages and its own CLI."""

import asyncio
import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import Page, expect, sync_playwright

from bench.installation import CLI, TRIVIAL, Installation, until

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
REPORT = """export default {
  title: "Report",
  parameters: {
    month: { type: "number", required: true, min: 1, max: 12, description: "Which month" },
    origin: { type: "select", default: "JFK",
              options: [{ value: "JFK", label: "Kennedy" }, { value: "LGA", label: "LaGuardia" }] },
  },
  run: async (ctx, params) => {
    ctx.log("looking at month", params.month);
    return { month: params.month, origin: params.origin };
  },
};"""


def _name(stem: str) -> str:
    return f"{stem}_{uuid.uuid4().hex[:8]}"


def test_an_unknown_analysis_and_an_unknown_job_are_not_found(shared_up: Installation) -> None:
    for path in ("/api/analysis/nothing_like_it", f"/api/analysis/jobs/{uuid.uuid4()}"):
        answer = shared_up.api.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "NOT_FOUND"
        assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


def test_bad_parameters_are_refused_with_each_field_and_start_no_run(
    shared_up: Installation,
) -> None:
    shared_up.create(name := _name("report"), REPORT)

    answer = shared_up.api.post(
        f"/api/analysis/{name}/execute",
        json={"parameters": {"month": 13, "origin": "EWR", "mnth": 1}},
    )

    assert answer.status_code == 422
    assert set(answer.json()["error"]["details"]["fields"]) == {"month", "origin", "mnth"}
    assert shared_up.api.get(f"/api/analysis/{name}").json()["last_run"] is None


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("TIME_LIMIT_EXCEEDED", "for (;;) {}"),
        ("MEMORY_LIMIT_EXCEEDED", "const all = []; for (;;) all.push(new Array(10000).fill(1));"),
        ("RESULT_TOO_LARGE", "return { text: 'x'.repeat(1500000) };"),
        ("SCRIPT_ERROR", "\n\n  throw new TypeError('not like this');"),
        ("NOT_FOUND", "await ctx.runAnalysis('not_' + 'declared');"),
    ],
)
def test_a_run_that_goes_over_a_limit_or_fails_ends_with_its_own_code(
    shared_up: Installation, code: str, body: str
) -> None:
    script = f"export default {{ title: 'Over', run: async (ctx) => {{ {body} }} }};"
    name = _name("over")
    limits = {"timeout_ms": 1500, "memory_mb": 64, "result_size_mb": 1}
    metadata = {"name": name, "limits": limits}
    answer = shared_up.api.post(
        "/api/analysis", json={"script_content": script, "metadata": metadata}
    )
    assert answer.is_success, answer.text

    job = shared_up.finished(shared_up.execute(name))

    assert job["status"] == "failed"
    assert job["error_detail"]["code"] == code
    if code == "SCRIPT_ERROR":
        assert job["error_detail"]["line"] == 3


def test_the_same_idempotency_key_answers_with_the_same_job(shared_up: Installation) -> None:
    shared_up.create(name := _name("once"), TRIVIAL)
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    def post(_attempt: int) -> str:
        answer = shared_up.api.post(
            f"/api/analysis/{name}/execute", json={"parameters": {}}, headers=headers
        )
        return answer.json()["job_id"]

    with ThreadPoolExecutor(8) as clients:
        jobs = set(clients.map(post, range(8)))

    assert len(jobs) == 1
    assert shared_up.finished(jobs.pop())["result"] == {"ok": 1}


def test_fifty_executes_at_once_all_finish_once_with_their_own_result(
    shared_up: Installation,
) -> None:
    shared_up.create(name := _name("burst"), REPORT)

    def work(number: int) -> bool:
        month = 1 + number % 12
        return shared_up.run(name, month=month)["result"] == {"month": month, "origin": "JFK"}

    with ThreadPoolExecutor(50) as clients:
        assert all(clients.map(work, range(50)))


def test_a_stopped_endless_loop_is_cancelled(shared_up: Installation) -> None:
    shared_up.create(
        name := _name("loop"), "export default { title: 'Loop', run: () => { for (;;) {} } };"
    )
    job = shared_up.execute(name)
    until(lambda: shared_up.job(job)["status"] == "running", what="it runs", seconds=30)

    assert shared_up.api.delete(f"/api/analysis/jobs/{job}").json()["success"] is True

    assert shared_up.finished(job)["status"] == "cancelled"


def test_an_agent_creates_validates_and_runs_over_mcp(shared_up: Installation) -> None:
    name = _name("agent")

    async def session() -> None:
        token = (shared_up.home / "admin-token").read_text(encoding="ascii").strip()
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http,
            Client(
                streamable_http_client(f"http://127.0.0.1:{shared_up.port}/mcp", http_client=http)
            ) as client,
        ):
            broken = await client.call_tool(
                "validate_analysis", {"script_content": "export default { title: 1 };"}
            )
            assert broken.structured_content is not None
            assert "Missing required 'run' function" in broken.structured_content["errors"]
            created = await client.call_tool(
                "create_analysis", {"script_content": REPORT, "metadata": {"name": name}}
            )
            assert created.structured_content is not None
            assert created.structured_content["analysis_id"] == name
            ran = await client.call_tool(
                "execute_analysis", {"analysis_id": name, "parameters": {"month": 2}}
            )
            assert ran.structured_content is not None
            assert ran.structured_content["status"] == "completed"
            assert ran.structured_content["result"] == {"month": 2, "origin": "JFK"}

    asyncio.run(session())


def test_the_cli_runs_an_analysis_and_says_what_went_wrong(shared_up: Installation) -> None:
    shared_up.create(name := _name("cli"), REPORT)

    def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*CLI, *arguments, "--home", str(shared_up.home)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    good = cli("run", name, "-p", "month=4", "--json")
    bad = cli("run", name, "-p", "month=44")

    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["result"] == {"month": 4, "origin": "JFK"}
    assert bad.returncode == 1
    assert "month" in bad.stderr
    assert "Traceback" not in bad.stderr


def test_plain_dagster_lists_and_launches_the_same_jobs(shared_up: Installation) -> None:
    shared_up.create(name := _name("plain"), TRIVIAL)
    environment = {
        **os.environ,
        "ANALYSIS_SANDBOX_HOME": str(shared_up.home),
        "DAGSTER_HOME": str(shared_up.home / "dagster"),
    }

    def dagster(*arguments: str) -> str:
        command = [sys.executable, "-m", "dagster", "job", *arguments, "-w", "workspace.yaml"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"Job: {name}" in dagster("list")
    dagster("launch", "--job", name)
    until(
        lambda: shared_up.api.get(f"/api/analysis/{name}").json()["last_run"],
        what="the launched run ends",
        seconds=60,
    )


@pytest.mark.browser
@pytest.mark.skipif(
    not Path(CHROMIUM).exists() and "CI" not in os.environ,
    reason=f"{CHROMIUM} is not installed; on Debian: apt-get install chromium",
)
def test_dagsters_pages_show_the_run_with_log_config_and_result(
    shared_up: Installation, tmp_path: Path
) -> None:
    shared_up.create(name := _name("page"), REPORT)
    job = shared_up.run(name, month=5)["job_id"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            headless=True,
            viewport={"width": 1500, "height": 950},
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-sync",
                "--disable-component-update",
            ],
        )
        page = browser.new_page()
        _check_run_page(page, f"{shared_up.dagster_url}/runs/{job}", name)
        _check_launchpad(page, shared_up.dagster_url, name)
        browser.close()


def _check_run_page(page: Page, url: str, name: str) -> None:
    page.goto(url)
    expect(page.get_by_text("Success").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("looking at month 5").first).to_be_visible()
    expect(page.get_by_text("result_size_bytes").first).to_be_visible()
    page.get_by_text("View tags and config").click()
    expect(page.get_by_text("analysis_sandbox/version").first).to_be_visible()
    expect(page.get_by_text(f"run_{name}").first).to_be_visible()


def _check_launchpad(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/locations/analysis_sandbox/jobs/{name}")
    page.get_by_role("tab", name="Launchpad").or_(page.get_by_text("Launchpad")).first.click()
    expect(page.get_by_text("Launch run").or_(page.get_by_text("Launch Run")).first).to_be_visible(
        timeout=30_000
    )
