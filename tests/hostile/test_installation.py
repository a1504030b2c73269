"""The worst scripts in a whole installation: it answers meanwhile, and works right after."""

import asyncio
import re
import threading
import uuid
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from bench.installation import Installation
from tests.hostile.cases import Case, cases
from tests.sandbox.scripts import analysis

INSTALLED = Path(__file__).parent / "installed"
RUNS = [case for case in cases(INSTALLED) if case.threat == "runs"]
OPTIONS = [case for case in cases(INSTALLED) if case.threat == "offers"]
# Time for a script of whom a limit of its own is the end, while all the others run.
UNHURRIED = {"timeout_ms": 120_000, "memory_mb": 32}
TIMELY = {"timeout_ms": 1_500, "memory_mb": 64}
BENIGN = """export default {
  title: "Benign",
  run: async (ctx, params) => {
    const [row] = await ctx.duckdb.query("SELECT sum(range)::INTEGER AS total FROM range(101)");
    ctx.metadata.set("seen", (ctx.metadata.get("seen") ?? 0) + params.step);
    const frame = ctx.DataFrame([{ a: 1 }, { a: 2 }, { a: 3 }]).filter(col("a").gt(1));
    ctx.log("total", row.total);
    return { total: row.total, seen: ctx.metadata.get("seen"), height: frame.height };
  },
};"""
# Answers may be slow on a machine that is busy, but they come.
PATIENCE_S = 20.0


def _name(stem: str) -> str:
    return f"{stem}_{uuid.uuid4().hex[:8]}"


def _stored(up: Installation, case: Case) -> str:
    """Store a case and return its name."""
    name = _name(case.name)
    limits = TIMELY if case.code == "TIME_LIMIT_EXCEEDED" else UNHURRIED
    given = {key: value for key, value in case.limits.items() if f'"{key}"' in _stated(case)}
    body = {
        "script_content": analysis(case.script),
        "metadata": {"name": name, "limits": {**limits, **given}},
    }
    answer = up.api.post("/api/analysis", json=body)
    assert answer.is_success, (case.name, answer.text)
    return name


def _stated(case: Case) -> str:
    return case.facts.get("limits", "")


@contextmanager
def _answering(up: Installation) -> Generator[list[int]]:
    """Ask the server all the time; every answer is noted, and one that fails is a 0."""
    seen: list[int] = []
    is_over = threading.Event()

    def ask() -> None:
        with httpx.Client(
            base_url=up.api.base_url, headers=up.api.headers, timeout=PATIENCE_S
        ) as client:
            while not is_over.wait(0.05):
                for path in ("/healthz", "/api/analysis"):
                    try:
                        seen.append(client.get(path).status_code)
                    except httpx.HTTPError:
                        seen.append(0)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def _problem(case: Case, job: dict[str, Any]) -> str | None:
    """Return what is wrong with how the job ended."""
    detail: dict[str, Any] = job["error_detail"] or {}
    code: str | None = detail.get("code")
    said = f"{case.name}: {job['status']} {code} {job['error']}"
    if case.code is None:
        is_right = bool(job["status"] == "completed" and job["result"] == case.value)
    else:
        is_right = job["status"] == "failed" and code == case.code
        is_right = is_right and re.search(case.pattern, job["error"]) is not None
    if case.lines is not None and [message for _, message in case.lines] != job["logs"]:
        return f"{case.name}: logged {job['logs']}"
    return None if is_right else said


@pytest.mark.timeout(300)
def test_the_server_answers_while_the_worst_scripts_run_and_a_benign_one_works_right_after(
    hostile_up: Installation,
) -> None:
    up = hostile_up
    up.create(benign := _name("benign"), BENIGN)
    assert len(RUNS) >= 20
    names = {case.name: _stored(up, case) for case in RUNS}

    with _answering(up) as seen, ThreadPoolExecutor(len(RUNS)) as clients:
        jobs = dict(zip(names, clients.map(up.execute, names.values()), strict=True))
        ended = {name: up.finished(job, seconds=240) for name, job in jobs.items()}
    after = up.run(benign, step=2)

    assert len(seen) > 10
    assert set(seen) == {200}
    assert [found for case in RUNS if (found := _problem(case, ended[case.name]))] == []
    assert after["result"] == {"total": 5050, "seen": 2, "height": 2}
    assert after["logs"] == ["total 5050"]


def test_options_functions_that_misbehave_are_refused_and_the_next_answers(
    hostile_up: Installation,
) -> None:
    up = hostile_up
    bodies = "\n".join(
        f'{case.name}: {{ type: "select", options: async (ctx) => {{ {case.script} }} }},'
        for case in OPTIONS
    )
    script = f"export default {{ title: 'Options', parameters: {{ {bodies} }}, run() {{}} }};"
    up.create(name := _name("options"), script)

    def ask(case: Case) -> httpx.Response:
        return up.api.post(f"/api/analysis/{name}/parameters/{case.name}/options", json={})

    with _answering(up) as seen, ThreadPoolExecutor(len(OPTIONS)) as clients:
        answers = list(clients.map(ask, OPTIONS))

    for case, answer in zip(OPTIONS, answers, strict=True):
        if case.code is None:
            assert answer.status_code == 200, (case.name, answer.text)
            assert answer.json()["options"] == case.value
        else:
            error = answer.json()["error"]
            assert error["code"] == case.code, (case.name, error)
            assert re.search(case.pattern, error["message"]), (case.name, error)
    assert set(seen) == {200}


def test_analyses_that_call_each_other_in_a_circle_end_and_leave_the_worker(
    hostile_up: Installation,
) -> None:
    up = hostile_up
    one, two = _name("circle"), _name("circle")

    def calls(other: str) -> str:
        return (
            f"export default {{ title: 'Circle', dependencies: {{ datasources: [], "
            f"analyses: ['{other}'] }}, run: async (ctx) => {{ "
            f"const answer = await ctx.runAnalysis('{other}'); "
            "return { success: answer.success, error: answer.error ?? null }; } };"
        )

    up.create(two, "export default { title: 'Circle', run: () => ({}) };")
    up.create(one, calls(two))
    changed = up.api.put(f"/api/analysis/{two}", json={"script_content": calls(one)})
    assert changed.is_success, changed.text

    job = up.run(one)

    assert job["result"]["success"] is False
    assert "Circular dependency" in job["result"]["error"]


# Requests that are hostile themselves.

DEEP = "[" * 100_000 + "]" * 100_000
BODIES: list[tuple[str, str, str | bytes, int, str | None]] = [
    ("deep", "/api/analysis/validate", f'{{"script_content": {DEEP}}}', 422, "VALIDATION_ERROR"),
    ("no json", "/api/analysis/validate", "{", 422, "VALIDATION_ERROR"),
    ("no utf-8", "/api/analysis/validate", b'{"script_content": "\xff\xfe"}', 422, None),
    ("no object", "/api/analysis/validate", "[]", 422, "VALIDATION_ERROR"),
    ("null", "/api/analysis/validate", '{"script_content": "a\\u0000b"}', 422, "VALIDATION_ERROR"),
    ("half", "/api/analysis/validate", '{"script_content": "\\ud800"}', 422, "VALIDATION_ERROR"),
    ("nothing", "/api/analysis/validate", "", 422, "VALIDATION_ERROR"),
    ("unknown", "/api/analysis/validate", '{"script_content": "", "x": 1}', 422, None),
    ("too large", "/api/analysis/validate", b" " * (64 << 20), 413, None),
    ("long name", "/api/analysis", '{"script_content": "", "metadata": {"name": "%s"}}', 422, None),
    ("path", "/api/analysis", '{"script_content": "", "metadata": {"name": "../x"}}', 422, None),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), [each[1:] for each in BODIES])
def test_bodies_that_no_client_sends_are_refused(
    hostile_up: Installation, path: str, body: str | bytes, status: int, code: str | None
) -> None:
    content = body.replace("%s", "x" * 100_000) if isinstance(body, str) else body

    answer = hostile_up.api.post(
        path, content=content, headers={"content-type": "application/json"}
    )

    assert answer.status_code == status, answer.text[:500]
    assert code is None or answer.json()["error"]["code"] == code
    assert hostile_up.api.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "parameters",
    [
        '{"a": "\\ud800", "b": "\\u0000"}',
        '{"__proto__": {"polluted": 1}, "constructor": 1}',
        '{"a": 1e400, "b": -1e400}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": ' + "[" * 500 + "]" * 500 + "}",
        '{"a": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"\\ue000bytes": "AAAA"}',
        '{"a": NaN}',
    ],
    ids=["surrogate", "proto", "infinite", "digits", "deep", "deeper", "tag", "nan"],
)
def test_odd_parameters_are_refused_or_arrive_as_data(
    hostile_up: Installation, parameters: str
) -> None:
    up = hostile_up
    script = (
        "export default { title: 'Echo', run: (ctx, params) => "
        "({ keys: Object.keys(params), polluted: typeof {}.polluted }) };"
    )
    up.create(name := _name("echo"), script)

    answer = up.api.post(
        f"/api/analysis/{name}/execute",
        content=f'{{"parameters": {parameters}}}',
        headers={"content-type": "application/json"},
    )

    if answer.is_success:
        job = up.finished(answer.json()["job_id"])
        assert job["status"] == "completed", job["error"]
        assert job["result"]["polluted"] == "undefined"
    else:
        assert answer.status_code == 422, answer.text[:500]


HOSTILE_SOURCES = {
    "endless top level": ("for (;;);\nexport default {};", "did not finish loading"),
    "memory at the top level": (
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));\nexport default {};",
        "more than 64 MB",
    ),
    "ten megabytes": (
        "export default { title: 'x'.repeat(10 << 20), run() {} };",
        "more than 4 MB",
    ),
    "cyclic": ("const d = { run() {} }; d.d = d; export default d;", "refers to itself"),
    "proxy": (
        "export default new Proxy({}, { ownKeys() { throw new Error('trap'); } });",
        "trap",
    ),
    "eval": ("export default { title: 'x', run: () => eval('1') };", "eval() is not allowed"),
    "brackets": ("export default { run: () => " + "(" * 5000 + ")" * 5000 + "};", "deep"),
    "chain": ("export default { x: a" + "?.a" * 50_000 + " };", "too complex"),
    "sum": ("export default { x: " + "1+" * 50_000 + "1 };", "too complex"),
    "file import": ("import 'fs'; export default { title: 'x', run() {} };", "fs"),
    "network import": ("import 'https://x/y.js'; export default { run() {} };", "https://x/y.js"),
    "unfinished": ("`${" * 50_000, "deep"),
}


@pytest.mark.parametrize("what", HOSTILE_SOURCES)
def test_a_hostile_source_is_refused_with_the_reason_over_rest(
    hostile_up: Installation, what: str
) -> None:
    source, reason = HOSTILE_SOURCES[what]

    validated = hostile_up.api.post("/api/analysis/validate", json={"script_content": source})
    created = hostile_up.api.post("/api/analysis", json={"script_content": source})

    assert validated.status_code == 200, validated.text
    assert validated.json()["valid"] is False
    assert reason in " ".join(validated.json()["errors"])
    assert created.status_code == 422
    assert created.json()["error"]["code"] == "SCRIPT_INVALID"


def test_hostile_sources_are_refused_over_mcp_while_the_server_answers(
    hostile_up: Installation,
) -> None:
    up = hostile_up
    token = (up.home / "admin-token").read_text(encoding="ascii").strip()

    async def ask() -> list[tuple[str, dict[str, Any] | None, bool]]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
            Client(
                streamable_http_client(f"http://127.0.0.1:{up.port}/mcp", http_client=http)
            ) as client,
        ):

            async def one(what: str) -> tuple[str, dict[str, Any] | None, bool]:
                source = HOSTILE_SOURCES[what][0]
                validated = await client.call_tool("validate_analysis", {"script_content": source})
                created = await client.call_tool("create_analysis", {"script_content": source})
                return what, validated.structured_content, bool(created.is_error)

            return list(await asyncio.gather(*map(one, HOSTILE_SOURCES)))

    with _answering(up) as seen:
        answers = asyncio.run(ask())

    for what, validated, is_refused in answers:
        assert validated is not None, what
        assert validated["valid"] is False, what
        assert HOSTILE_SOURCES[what][1] in " ".join(validated["errors"]), what
        assert is_refused, what
    assert set(seen) == {200}
