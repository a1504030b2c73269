"""Who gets in, and what is answered without a token."""

import pytest
from starlette.testclient import TestClient

from tests.api.twin import TOKENS, Installation


@pytest.mark.parametrize(
    "path", ["/api/analysis", "/api/analysis/jobs/x", "/openapi.json", "/mcp", "/nowhere"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKENS['admin']}"},
        {"Cookie": f"token={TOKENS['admin']}"},
    ],
    ids=["none", "wrong", "empty", "basic", "cookie"],
)
def test_everything_needs_a_bearer_token(
    anonymous: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = anonymous.get(path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="analysis-sandbox"'
    assert answer.json()["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(anonymous: TestClient, scheme: str) -> None:
    answer = anonymous.get(
        "/api/analysis", headers={"Authorization": f"{scheme} {TOKENS['viewer']}"}
    )

    assert answer.status_code == 200


def test_the_process_says_that_it_lives_without_a_token(anonymous: TestClient) -> None:
    answer = anonymous.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_readiness_names_the_parts(anonymous: TestClient) -> None:
    answer = anonymous.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "parts": ["catalogue", "pool"]}


def test_a_part_that_does_not_work_is_named_with_the_reason(
    anonymous: TestClient, installation: Installation
) -> None:
    installation.parts["pool"] = "no run worker answers"

    answer = anonymous.get("/readyz")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    error = answer.json()["error"]
    assert error["code"] == "NOT_READY"
    assert error["details"]["parts"] == {"pool": "no run worker answers"}
