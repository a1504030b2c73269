"""The routes about datasources."""

import pytest
from starlette.testclient import TestClient

from tests.api.twin import TOKENS, Installation

BASE = "/api/datasources"
CANARY = "canary7secret"
BODY = {
    "name": "notes",
    "type": "notes",
    "config": {"address": "https://notes.example", "key": CANARY},
}


def test_a_datasource_is_added_read_changed_and_removed(client: TestClient) -> None:
    added = client.post(BASE, json=BODY)

    assert added.status_code == 201
    assert added.headers["Location"] == f"{BASE}/notes"
    assert added.json() == client.get(f"{BASE}/notes").json()
    assert (added.json()["secrets"], added.json()["version"]) == (["key"], 1)

    body = {"access": "read_write", "config": {"address": "https://b.example"}, "version": 1}
    changed = client.put(f"{BASE}/notes", json=body)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert changed.json()["access"] == "read_write"
    assert client.put(f"{BASE}/notes", json=body).status_code == 409

    removed = client.delete(f"{BASE}/notes")
    assert removed.json() == {"success": True, "name": "notes", "used_by": []}
    assert client.get(f"{BASE}/notes").status_code == 404
    assert CANARY not in added.text + changed.text + removed.text


def test_everybody_sees_what_there_is_and_managers_how_it_is_configured(
    anonymous: TestClient, installation: Installation
) -> None:
    config = {"address": "https://notes.example"}
    installation.datasources.add(installation.manager, "notes", type_name="notes", config=config)
    anonymous.headers["Authorization"] = f"Bearer {TOKENS['viewer']}"

    listed = anonymous.get(BASE).json()

    assert [one["name"] for one in listed["datasources"]] == ["notes", "shop"]
    assert [one["origin"] for one in listed["datasources"]] == ["stored", "file"]
    assert "config" not in listed["datasources"][0]
    assert anonymous.get(f"{BASE}/notes").json()["config"] is None
    assert anonymous.get(f"{BASE}/types").json()[0]["secrets"][1:] == ["key", "login.token"]


def test_one_that_is_used_is_removed_by_force_only(
    client: TestClient, installation: Installation
) -> None:
    installation.datasources.users["notes"] = ["monthly_report"]
    client.post(BASE, json=BODY)

    refused = client.delete(f"{BASE}/notes")
    removed = client.delete(f"{BASE}/notes?force=true")

    assert refused.status_code == 409
    assert "monthly_report" in refused.json()["error"]["message"]
    assert removed.json()["used_by"] == ["monthly_report"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**BODY, "config": {"key": CANARY}}, "address"),
        ({**BODY, "type": "oracle"}, "type"),
        ({**BODY, "access": CANARY}, "access"),
        ({**BODY, "config": [CANARY]}, "config"),
        ({**BODY, "secret": CANARY}, "secret"),
        ({"name": "notes", "type": "notes"}, "config"),
    ],
)
def test_what_is_wrong_is_said_by_field_and_not_repeated(
    client: TestClient, body: object, field: str
) -> None:
    answer = client.post(BASE, json=body)

    assert answer.status_code == 422
    assert field in answer.json()["error"]["details"]["fields"]
    assert CANARY not in answer.text


def test_a_test_tells_each_check(client: TestClient) -> None:
    answer = client.post(f"{BASE}/shop/test").json()

    assert (answer["connected"], answer["ok"]) == (True, False)
    assert answer["checks"][1] == {"name": "role", "ok": False, "detail": "may write"}


def test_what_a_datasource_holds_is_listed_described_and_sampled(client: TestClient) -> None:
    catalog = client.get(f"{BASE}/shop/catalog", params={"search": "note", "limit": 2}).json()

    assert (catalog["total"], catalog["truncated"], len(catalog["entries"])) == (3, True, 2)
    # The name of an entry may hold slashes, as they are or encoded.
    for name in ("note/1", "note%2F1"):
        described = client.get(f"{BASE}/shop/catalog/{name}")
        sample = client.get(f"{BASE}/shop/catalog/{name}/sample?limit=3")
        assert described.json()["columns"][0]["name"] == "text"
        assert len(sample.json()["rows"]) == 3
    assert client.get(f"{BASE}/shop/catalog/nothing").status_code == 404
    assert client.get(f"{BASE}/shop/catalog/note%2F1/sample?limit=0").status_code == 422


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("viewer", "GET", "/shop/catalog"),
        ("viewer", "GET", "/shop/catalog/note%2F1"),
        ("viewer", "GET", "/shop/catalog/note%2F1/sample"),
        ("runner", "POST", ""),
        ("runner", "PUT", "/notes"),
        ("runner", "DELETE", "/notes"),
        ("runner", "POST", "/shop/test"),
        ("manager", "POST", "/secrets/rotate"),
    ],
)
def test_each_use_needs_its_role(anonymous: TestClient, role: str, method: str, path: str) -> None:
    body = {"POST": BODY, "PUT": {}}.get(method) if "/shop" not in path else None
    above = {"viewer": "runner", "runner": "manager", "manager": "admin"}[role]
    anonymous.post(BASE, json=BODY, headers={"Authorization": f"Bearer {TOKENS['admin']}"})

    answers = [
        anonymous.request(
            method,
            BASE + path,
            json=None if "rotate" in path else body,
            headers={"Authorization": f"Bearer {TOKENS[name]}"},
        )
        for name in (role, above)
    ]

    assert answers[0].status_code == 403
    assert answers[1].status_code != 403


def test_a_rotation_says_where_the_key_is(client: TestClient, installation: Installation) -> None:
    client.headers["Authorization"] = f"Bearer {TOKENS['admin']}"

    answer = client.post(f"{BASE}/secrets/rotate")

    assert answer.json()["key"] == "/home/secret-key"
    assert installation.datasources.rotations == 1
