"""The routes about stored analyses, by the shapes their users rely on."""

import pytest
from starlette.testclient import TestClient

from tests.api.twin import SCRIPT, TOKENS, Installation


def test_the_list_has_id_title_creation_and_last_run(client: TestClient) -> None:
    answer = client.get("/api/analysis")

    assert answer.status_code == 200
    (analysis,) = answer.json()
    expected = {
        "id": "monthly_report",
        "title": "Monthly Report",
        "created_at": "2024-01-01T00:00:00Z",
        "last_run": None,
    }
    assert expected.items() <= analysis.items()


def test_an_analysis_shows_its_parameters_and_not_its_script(client: TestClient) -> None:
    analysis = client.get("/api/analysis/monthly_report").json()

    assert analysis["id"] == "monthly_report"
    assert analysis["parameters"]["month"]["required"] is True
    assert analysis["parameters"]["city"]["has_dynamic_options"] is True
    assert analysis["parameters"]["city"]["depends_on"] == ["country"]
    assert "script" not in analysis


def test_the_script_of_an_analysis_is_read_apart(client: TestClient) -> None:
    assert client.get("/api/analysis/monthly_report/script").json()["script"] == SCRIPT


def test_a_created_analysis_is_at_the_address_of_the_answer(client: TestClient) -> None:
    answer = client.post(
        "/api/analysis", json={"script_content": SCRIPT, "metadata": {"name": "sales"}}
    )

    assert answer.status_code == 201
    assert answer.json()["version"] == 1
    assert client.get(answer.headers["Location"]).json()["id"] == "sales"


def test_an_update_stores_the_next_version(client: TestClient) -> None:
    answer = client.put(
        "/api/analysis/monthly_report",
        json={"script_content": SCRIPT, "change_description": "faster"},
    )

    assert answer.json()["version"] == 2


def test_an_invalid_script_is_refused_with_every_reason(client: TestClient) -> None:
    answer = client.post("/api/analysis", json={"script_content": "unknown_db"})

    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "SCRIPT_INVALID"
    assert error["details"]["errors"] == [
        "Missing required 'run' function",
        "Datasource 'unknown_db' not found",
    ]


def test_validation_answers_what_a_valid_script_declares(client: TestClient) -> None:
    answer = client.post("/api/analysis/validate", json={"script_content": SCRIPT})

    assert answer.json()["valid"] is True
    assert answer.json()["metadata"]["title"] == "Report"


def test_validation_of_a_bad_script_is_a_success_with_all_errors(client: TestClient) -> None:
    answer = client.post("/api/analysis/validate", json={"script_content": "unknown_db"})

    assert answer.status_code == 200
    assert answer.json()["valid"] is False
    assert len(answer.json()["errors"]) == 2


def test_a_deleted_analysis_is_gone(client: TestClient) -> None:
    answer = client.delete("/api/analysis/monthly_report")

    assert answer.json() == {"success": True, "analysis_id": "monthly_report", "stopped_jobs": []}
    assert client.get("/api/analysis/monthly_report").status_code == 404


def test_options_are_computed_from_the_values_of_the_form(
    client: TestClient, installation: Installation
) -> None:
    answer = client.post(
        "/api/analysis/monthly_report/parameters/city/options?refresh=1",
        json={"current_params": {"country": "USA"}},
    )

    (group,) = answer.json()["options"]
    assert group["options"] == [{"value": "nyc", "label": "New York City"}]
    assert installation.options.asked == [("city", {"country": "USA"}, True)]


def test_options_need_no_body(client: TestClient, installation: Installation) -> None:
    answer = client.post("/api/analysis/monthly_report/parameters/city/options")

    assert answer.json()["options"] == [{"value": "", "label": "Select country first"}]
    assert installation.options.asked == [("city", {}, False)]


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("POST", "/api/analysis", "manager"),
        ("PUT", "/api/analysis/monthly_report", "manager"),
        ("DELETE", "/api/analysis/monthly_report", "manager"),
        ("POST", "/api/analysis/monthly_report/execute", "runner"),
    ],
)
def test_a_role_below_the_needed_one_is_forbidden(
    anonymous: TestClient, method: str, path: str, least: str
) -> None:
    below = {"manager": "runner", "runner": "viewer"}[least]
    body = {"script_content": SCRIPT} if least == "manager" and method != "DELETE" else None

    refused = anonymous.request(
        method, path, json=body, headers={"Authorization": f"Bearer {TOKENS[below]}"}
    )
    allowed = anonymous.request(
        method, path, json=body, headers={"Authorization": f"Bearer {TOKENS[least]}"}
    )

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "FORBIDDEN"
    assert allowed.is_success
