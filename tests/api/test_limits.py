"""The routes about limits."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from analysis_sandbox.settings import Settings
from api.app import create_app
from tests.api.twin import TOKENS, WAITING_SCRIPT, Installation

LIMITS = "/api/analysis/monthly_report/limits"


def test_limits_are_read_changed_in_part_and_taken_back(client: TestClient) -> None:
    client.patch(LIMITS, json={"memory_mb": 512, "timeout_ms": 1000})

    changed = client.patch(LIMITS, json={"timeout_ms": None})

    assert changed.status_code == 200
    assert changed.json() == client.get(LIMITS).json()
    assert changed.json()["stored"] == {"memory_mb": 512}
    assert changed.json()["limits"]["memory_mb"] == {
        "value": 512,
        "source": "stored",
        "maximum": 2048,
    }
    assert client.delete(LIMITS).json()["stored"] == {}


def test_a_limit_above_its_maximum_is_refused_with_both_figures(client: TestClient) -> None:
    answer = client.patch(LIMITS, json={"memory_limit_mb": 4096, "timeout": 5})

    assert answer.status_code == 422
    assert set(answer.json()["error"]["details"]["fields"]) == {"timeout"}
    answer = client.patch(LIMITS, json={"memory_limit_mb": 4096})
    error = answer.json()["error"]
    assert error["details"]["fields"] == {"memory_mb": "is 4096 MB; the maximum is 2048 MB"}
    assert (
        error["message"] == "The limits are not valid: memory_mb is 4096 MB; the maximum is 2048 MB"
    )


def test_maximums_and_usage_are_read(client: TestClient) -> None:
    maximums = client.get("/api/limits/maximums").json()
    (usage,) = client.get("/api/limits/usage").json()

    assert maximums["maximums"]["timeout_ms"] == 30 * 60 * 1000
    assert maximums["defaults"]["timeout_ms"] == 30_000
    assert (usage["analysis_id"], usage["runs"]) == ("monthly_report", 1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LIMITS, 200),
        ("GET", "/api/limits/maximums", 200),
        ("GET", "/api/limits/usage", 200),
        ("PATCH", LIMITS, 403),
        ("DELETE", LIMITS, 403),
    ],
)
def test_reading_needs_a_viewer_and_changing_a_manager(
    anonymous: TestClient, method: str, path: str, status: int
) -> None:
    anonymous.headers["Authorization"] = f"Bearer {TOKENS['viewer']}"
    body = {"memory_mb": 64} if method == "PATCH" else None

    assert anonymous.request(method, path, json=body).status_code == status


def test_limits_of_an_unknown_analysis_are_not_found(client: TestClient) -> None:
    assert client.get("/api/analysis/nothing/limits").status_code == 404


def test_a_job_tells_its_progress_display_usage_and_limits(
    client: TestClient, installation: Installation
) -> None:
    installation.store("endless", WAITING_SCRIPT)
    job_id = client.post("/api/analysis/endless/execute").json()["job_id"]
    installation.runs.progress(job_id, 0.4, "reading")

    job = client.get(f"/api/analysis/jobs/{job_id}").json()

    assert job["progress"] == {"fraction": 0.4, "message": "reading"}
    assert {"display", "usage", "limits"} <= set(job)


def test_language_and_packages_reach_the_service(
    installation: Installation, tmp_path: Path
) -> None:
    client = TestClient(
        create_app(installation.services, Settings(home=tmp_path)),
        base_url="http://127.0.0.1:8000",
        headers={"Authorization": f"Bearer {TOKENS['manager']}"},
    )
    body = {"script_content": WAITING_SCRIPT, "language": "typescript", "packages": ["lodash-es"]}

    assert client.put("/api/analysis/monthly_report", json=body).status_code == 200

    authored = installation.analyses.authored
    assert authored is not None
    assert (authored.language, authored.packages) == ("typescript", ["lodash-es"])
