"""Whatever is sent, the answer is a documented status with the right body."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from analysis_sandbox.settings import Settings
from api.app import create_app
from tests.api.twin import SCRIPT, TOKENS, Installation

PATHS = (
    "/api/analysis",
    "/api/analysis/validate",
    "/api/analysis/{}",
    "/api/analysis/{}/script",
    "/api/analysis/{}/execute",
    "/api/analysis/{}/limits",
    "/api/datasources",
    "/api/datasources/types",
    "/api/datasources/secrets/rotate",
    "/api/datasources/{}",
    "/api/datasources/{}/test",
    "/api/datasources/{}/catalog",
    "/api/datasources/{}/catalog/{}",
    "/api/datasources/{}/catalog/{}/sample",
    "/api/limits/maximums",
    "/api/limits/usage",
    "/api/analysis/{}/parameters/{}/options",
    "/api/analysis/jobs/{}",
    "/api/jobs/{}/rows",
    "/api/warehouse/tables",
    "/api/warehouse/tables/{}",
    "/api/warehouse/query",
    "/api/warehouse/exec",
)
names = st.sampled_from(["monthly_report", "jobs", "validate", "shop", "types"]) | st.text(
    min_size=1, max_size=8
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
known = st.fixed_dictionaries(
    {},
    optional={
        "script_content": st.sampled_from([SCRIPT, "x"]) | values,
        "metadata": values,
        "parameters": values,
        "current_params": values,
        "change_description": values,
        "packages": values,
        "memory_mb": values,
        "name": values,
        "type": st.just("notes") | values,
        "config": values,
        "access": values,
        "version": values,
        "sql": st.sampled_from(["FROM sales", "DROP TABLE sales"]) | values,
        "params": values,
        "timeout_ms": values,
        "read_only": values,
    },
)
bodies = (known | values).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    installation = Installation()
    installation.store("monthly_report")
    app = create_app(installation.services, Settings(home=tmp_path_factory.mktemp("home")))
    headers = {"Authorization": f"Bearer {TOKENS['admin']}", "Content-Type": "application/json"}
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
def documented(client: TestClient) -> dict[tuple[str, str], set[int]]:
    """The statuses of each operation, by method and path pattern."""
    paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    return {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path)): set(map(int, operation["responses"]))
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    pattern=st.sampled_from(PATHS),
    name=names,
    body=st.none() | bodies,
)
def test_any_request_has_a_documented_answer(
    client: TestClient,
    documented: dict[tuple[str, str], set[int]],
    method: str,
    pattern: str,
    name: str,
    body: bytes | None,
) -> None:
    segment = quote(name.encode("utf-8", "surrogatepass"), safe="")
    answer = client.request(method, pattern.replace("{}", segment), content=body)

    content = json.loads(answer.content, parse_constant=pytest.fail)
    assert answer.status_code < 500
    if answer.is_error:
        assert content["error"]["request_id"] == answer.headers["X-Request-ID"]
    # A name that holds a slash is another address, and an analysis may be named "validate".
    if answer.status_code != 405 and "/" not in name and name not in (".", ".."):
        by_name = documented.get((method, "/api/analysis/{}"), set[int]())
        # The address itself, where a name makes it that of another operation.
        fixed = documented.get((method, pattern.replace("{}", name)), by_name)
        assert answer.status_code in documented.get((method, pattern), fixed)


def test_the_name_of_a_file_is_no_address(client: TestClient, tmp_path: Path) -> None:
    for path in ("/../etc/passwd", f"/{tmp_path}", "//api/analysis", "/api//analysis"):
        assert client.get(path).status_code == 404
