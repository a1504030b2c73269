"""The routes about runs."""

import json

import pytest
from starlette.testclient import TestClient

from analysis_sandbox.values import EncodedJSON
from tests.api.twin import WAITING_SCRIPT, Installation

EXECUTE = "/api/analysis/monthly_report/execute"


def start(client: TestClient, **parameters: object) -> str:
    answer = client.post(EXECUTE, json={"parameters": parameters})
    assert answer.status_code == 202
    return answer.json()["job_id"]


def test_execute_answers_a_job_and_where_to_watch_it(client: TestClient) -> None:
    answer = client.post(EXECUTE, json={"parameters": {"month": "2024-01"}})

    assert answer.status_code == 202
    assert list(answer.json()) == ["job_id"]
    job = client.get(answer.headers["Location"]).json()
    assert job["status"] == "completed"
    assert job["result"] == {"parameters": {"month": "2024-01"}}
    assert job["logs"] == ["started"]
    assert job["trigger_type"] == "api"
    assert job["executed_by"] == "manager"


def test_execute_needs_no_body(client: TestClient) -> None:
    assert client.post(EXECUTE).status_code == 202


def test_the_same_idempotency_key_answers_with_the_same_job(client: TestClient) -> None:
    headers = {"Idempotency-Key": "order-17"}

    first = client.post(EXECUTE, headers=headers).json()
    second = client.post(EXECUTE, headers=headers).json()

    assert first == second


def test_an_idempotency_key_with_spaces_is_refused(client: TestClient) -> None:
    answer = client.post(EXECUTE, headers={"Idempotency-Key": "a b"})

    assert answer.status_code == 422
    assert "idempotency-key" in answer.json()["error"]["details"]["fields"]


def test_wrong_parameters_are_named_and_start_no_job(
    client: TestClient, installation: Installation
) -> None:
    answer = client.post(EXECUTE, json={"parameters": {"limit": "many"}})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"] == {"limit": "must be a number"}
    assert installation.runs.jobs == {}


def test_a_running_job_is_stopped(client: TestClient, installation: Installation) -> None:
    installation.store("endless", WAITING_SCRIPT)
    job_id = client.post("/api/analysis/endless/execute").json()["job_id"]

    stopped = client.delete(f"/api/analysis/jobs/{job_id}")

    assert stopped.status_code == 200
    assert stopped.json()["success"] is True
    assert client.get(f"/api/analysis/jobs/{job_id}").json()["status"] == "cancelled"


def test_an_unknown_job_is_not_found(client: TestClient) -> None:
    for answer in (client.get("/api/analysis/jobs/abc"), client.delete("/api/analysis/jobs/abc")):
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "Job 'abc' not found"


@pytest.mark.parametrize("job_id", ["script", "execute"])
def test_jobs_win_over_an_analysis_of_that_name(client: TestClient, job_id: str) -> None:
    answer = client.get(f"/api/analysis/jobs/{job_id}")

    assert answer.json()["error"]["message"] == f"Job '{job_id}' not found"


def test_a_result_that_is_json_text_passes_as_it_is(
    client: TestClient, installation: Installation
) -> None:
    text = '{"total": 1.50, "name": "\\u00e9", "rows": [1e400, null]}'
    installation.runs.results["monthly_report"] = EncodedJSON(text)

    answer = client.get(f"/api/analysis/jobs/{start(client)}")

    assert answer.headers["Content-Type"] == "application/json"
    assert text in answer.text
    assert json.loads(answer.text)["status"] == "completed"


def test_a_result_with_numbers_json_does_not_have_is_still_json(
    client: TestClient, installation: Installation
) -> None:
    installation.runs.results["monthly_report"] = {"ratio": float("nan"), "most": float("inf")}

    answer = client.get(f"/api/analysis/jobs/{start(client)}")

    assert json.loads(answer.text)["result"] == {"ratio": None, "most": None}
    assert "NaN" not in answer.text


def test_a_large_result_can_be_left_out(client: TestClient) -> None:
    answer = client.get(f"/api/analysis/jobs/{start(client)}?include_result=false").json()

    assert answer["status"] == "completed"
    assert answer["result"] is None
    assert answer["result_size_bytes"] == 20


def test_a_failed_job_says_where(client: TestClient, installation: Installation) -> None:
    installation.store("broken", "run() { throws }")
    job_id = client.post("/api/analysis/broken/execute").json()["job_id"]

    job = client.get(f"/api/analysis/jobs/{job_id}").json()

    assert job["status"] == "failed"
    assert job["error"] == "TypeError: x is not a function"
    assert job["error_detail"]["line"] == 3
