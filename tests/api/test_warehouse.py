"""The routes about the warehouse."""

import pytest
from starlette.testclient import TestClient

from tests.api.twin import TOKENS, Installation

JOB = "1c6cf4d2-8a51-4b3c-9d7f-2f8f0a4e5b6d"


def test_tables_are_listed_described_and_dropped(client: TestClient) -> None:
    assert [item["name"] for item in client.get("/api/warehouse/tables").json()["tables"]] == [
        "sales"
    ]
    about = client.get("/api/warehouse/tables/sales").json()
    assert about["row_count"] == 1
    assert about["columns"][0] == {"name": "city", "type": "VARCHAR", "nullable": True}

    assert client.delete("/api/warehouse/tables/sales").json() == {"success": True}
    assert client.delete("/api/warehouse/tables/sales").status_code == 404


def test_rows_are_passed_on_as_they_are(client: TestClient, installation: Installation) -> None:
    body = {"sql": "FROM sales WHERE city = $1", "params": ["Oslo"], "timeout_ms": 500}
    answer = client.post("/api/warehouse/query", json=body)

    assert answer.json() == {
        "columns": ["city", "total"],
        "row_count": 1,
        "rows": [{"city": "Oslo", "total": 12.5}],
    }
    assert installation.warehouse.asked == [body]


def test_statements_without_rows_are_run(client: TestClient, installation: Installation) -> None:
    body = {"sql": "UPDATE queue SET state = $state", "params": {"state": "done"}}
    assert client.post("/api/warehouse/exec", json=body).json() == {"success": True}
    assert installation.warehouse.asked == [{**body, "timeout_ms": None}]


@pytest.mark.parametrize("route", ["query", "exec"])
@pytest.mark.parametrize(
    "body",
    [{}, {"sql": 1}, {"sql": "x", "params": "y"}, {"sql": "x", "timeout_ms": 0}, {"sq": "x"}],
)
def test_a_wrong_body_is_refused(client: TestClient, route: str, body: object) -> None:
    assert client.post(f"/api/warehouse/{route}", json=body).status_code == 422


def test_sql_needs_a_manager_and_reading_does_not(client: TestClient) -> None:
    client.headers["Authorization"] = f"Bearer {TOKENS['runner']}"

    assert client.post("/api/warehouse/query", json={"sql": "FROM sales"}).status_code == 403
    assert client.post("/api/warehouse/exec", json={"sql": "SELECT 1"}).status_code == 403
    assert client.delete("/api/warehouse/tables/sales").status_code == 403
    assert client.get("/api/warehouse/tables").status_code == 200
    assert client.get(f"/api/jobs/{JOB}/rows").status_code == 200


def test_the_rows_of_a_result_are_paged(client: TestClient) -> None:
    first = client.get(f"/api/jobs/{JOB}/rows", params={"key": "sales", "limit": 1}).json()

    assert first["rows"] == [{"city": "Oslo", "total": 12.5}]
    assert first["next_offset"] is None
    assert client.get(f"/api/jobs/{JOB}/rows", params={"offset": 1}).json()["rows"] == []
    assert client.get(f"/api/jobs/{JOB}/rows", params={"key": "other"}).status_code == 404
    for wrong in ({"limit": 0}, {"limit": 10_001}, {"offset": -1}):
        assert client.get(f"/api/jobs/{JOB}/rows", params=wrong).status_code == 422
