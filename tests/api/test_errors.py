"""Every answer that is not a success is one envelope with the request's id."""

import json
import logging
from datetime import datetime

import pytest
from starlette.testclient import TestClient

from analysis_sandbox import errors
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ScriptError,
    UnavailableError,
    ValidationFailedError,
)
from api.errors import STATUS, failure, status_of
from api.logs import REQUEST_ID, JSONFormatter
from api.middleware import MAX_BODY_BYTES
from tests.api.twin import SCRIPT, Installation

JSON = {"Content-Type": "application/json"}
VALIDATE = "/api/analysis/validate"


def every_error_class() -> list[type[AnalysisSandboxError]]:
    return [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, AnalysisSandboxError)
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "NOT_FOUND"),
        ("GET", "/api/analysis/", None, 404, "NOT_FOUND"),
        ("GET", "/docs", None, 404, "NOT_FOUND"),
        ("PATCH", "/api/analysis", None, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/analysis/unknown", None, 404, "NOT_FOUND"),
        ("POST", VALIDATE, {}, 422, "VALIDATION_ERROR"),
        ("POST", "/api/analysis", {"script_content": "x"}, 422, "SCRIPT_INVALID"),
        (
            "POST",
            "/api/analysis",
            {"script_content": SCRIPT, "metadata": {"name": "monthly_report"}},
            409,
            "CONFLICT",
        ),
    ],
)
def test_every_failure_has_the_same_envelope(
    client: TestClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = client.request(method, path, json=body)

    assert answer.status_code == status
    error = answer.json()["error"]
    assert list(answer.json()) == ["error"]
    assert set(error) == {"code", "message", "hint", "details", "timestamp", "request_id"}
    assert error["code"] == code
    assert error["message"]
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert datetime.fromisoformat(error["timestamp"]).utcoffset() is not None


def test_a_wrong_method_is_told_every_method_of_the_path(client: TestClient) -> None:
    def allowed(path: str) -> str:
        return client.patch(path).headers["Allow"]

    assert allowed("/api/analysis") == "GET, POST"
    assert allowed("/api/analysis/monthly_report") == "GET, PUT, DELETE"
    assert allowed("/api/analysis/jobs/abc") == "GET, DELETE"
    assert allowed("/api/analysis/validate") == "GET, POST, PUT, DELETE"
    assert allowed("/healthz") == "GET"


def test_each_wrong_field_is_named_with_its_reason(client: TestClient) -> None:
    answer = client.post(VALIDATE, json={"script": "x"})

    details = answer.json()["error"]["details"]
    assert details["fields"] == {
        "script_content": "Field required",
        "script": "Extra inputs are not permitted",
    }
    assert details["field"] == "script_content"
    assert details["reason"] == "Field required"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"script_content": ',
        b'{"script_content": NaN}',
        b'{"script_content": "half \\ud800 pair"}',
        b'{"script_content": "nul \\u0000"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"script_content": ' + b"9" * 5_000 + b"}",
    ],
    ids=["empty", "cut", "NaN", "surrogate", "NUL", "not UTF-8", "deep", "huge number"],
)
def test_a_body_that_is_not_json_is_a_validation_error(client: TestClient, body: bytes) -> None:
    answer = client.post(VALIDATE, content=body, headers=JSON)

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "VALIDATION_ERROR"
    assert "body" in answer.json()["error"]["details"]["fields"]


def test_a_pair_of_surrogates_is_ordinary_text(client: TestClient) -> None:
    body = b'{"script_content": "run \\ud83d\\ude00"}'

    assert client.post(VALIDATE, content=body, headers=JSON).json()["valid"] is True


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_that_is_not_declared_as_json_is_refused(
    client: TestClient, media_type: str
) -> None:
    answer = client.post(VALIDATE, content=b"{}", headers={"Content-Type": media_type})

    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_a_body_over_two_megabytes_is_refused(client: TestClient) -> None:
    too_much = {"script_content": "x" * MAX_BODY_BYTES}

    declared = client.post(VALIDATE, json=too_much)
    undeclared = client.post(VALIDATE, content=iter([b" " * MAX_BODY_BYTES, b"{}"]), headers=JSON)

    for answer in (declared, undeclared):
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"
        assert "2,097,152" in answer.json()["error"]["message"]


def test_a_body_of_just_under_two_megabytes_is_taken(client: TestClient) -> None:
    script = "run" + "x" * (MAX_BODY_BYTES - 100)

    assert client.post(VALIDATE, json={"script_content": script}).json()["valid"] is True


@pytest.mark.parametrize("name", ["a%00b", "a%0Ab", "x" * 256])
def test_a_name_that_no_analysis_can_have_is_a_validation_error(
    client: TestClient, name: str
) -> None:
    answer = client.get(f"/api/analysis/{name}")

    assert answer.status_code == 422
    assert "analysis_id" in answer.json()["error"]["details"]["fields"]


def test_a_well_formed_request_id_is_echoed(client: TestClient) -> None:
    answer = client.get("/api/analysis/unknown", headers={"X-Request-ID": "trace-0123456789"})

    assert answer.headers["X-Request-ID"] == "trace-0123456789"
    assert answer.json()["error"]["request_id"] == "trace-0123456789"


@pytest.mark.parametrize("given", ["short", "has spaces in it", "x" * 129, "läuft-nicht"])
def test_any_other_request_id_is_replaced(client: TestClient, given: str) -> None:
    answer = client.get("/healthz", headers={b"X-Request-ID": given.encode("utf-8")})

    assert len(answer.headers["X-Request-ID"]) == 32


def test_an_unexpected_error_hides_its_text_and_logs_it_with_the_request(
    client: TestClient, installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    installation.analyses.problem = RuntimeError("password is hunter2")

    answer = client.get("/api/analysis")

    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    request_id = answer.json()["error"]["request_id"]
    assert request_id in answer.json()["error"]["hint"]
    (logged,) = [record for record in caplog.records if record.name == "api.errors"]
    assert logged.exc_info is not None
    assert "hunter2" in str(logged.exc_info[1])


def test_a_part_that_is_away_asks_to_try_again(
    client: TestClient, installation: Installation
) -> None:
    installation.analyses.problem = UnavailableError("The catalogue cannot be reached")

    answer = client.get("/api/analysis")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["error"]["details"]["transient"] is True


def test_the_failure_of_an_options_function_says_where(
    client: TestClient, installation: Installation
) -> None:
    installation.options.problem = ScriptError("x is not defined", line=4, column=9)

    answer = client.post("/api/analysis/monthly_report/parameters/city/options")

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "SCRIPT_ERROR"
    assert answer.json()["error"]["details"] == {"name": "Error", "line": 4, "column": 9}


@pytest.mark.parametrize("error", every_error_class(), ids=lambda error: error.__name__)
def test_every_error_class_has_a_status(error: type[AnalysisSandboxError]) -> None:
    instance = error(["wrong"] if error is errors.ScriptInvalidError else "wrong")  # pyright: ignore[reportArgumentType]

    assert status_of(instance) in STATUS.values()
    assert (status_of(instance) == 503) is error.transient


def test_details_that_have_no_json_form_do_not_break_the_answer() -> None:
    error = ValidationFailedError("half \ud800 pair")
    error.details = {"ratio": float("nan"), "kind": object, "when": datetime(2024, 1, 1)}

    body = json.loads(bytes(failure(error, request_id="r").body))

    assert body["error"]["message"] == "half \ud800 pair"
    assert body["error"]["details"]["ratio"] is None


def test_a_log_line_is_one_json_object_with_the_request_id() -> None:
    record = logging.LogRecord("api", logging.INFO, __file__, 1, "two\nlines", None, None)
    record.fields = {"status": 200}
    token = REQUEST_ID.set("request-1")
    try:
        text = JSONFormatter().format(record)
    finally:
        REQUEST_ID.reset(token)

    assert "\n" not in text
    line = json.loads(text)
    assert line["message"] == "two\nlines"
    assert line["request_id"] == "request-1"
    assert line["status"] == 200


def test_the_access_log_says_who_asked_for_what_and_how_it_went(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "api.access"):
        client.get("/api/analysis/unknown")
        client.get("/healthz")

    (record,) = [record for record in caplog.records if record.name == "api.access"]
    fields = vars(record)["fields"]
    assert fields["path"] == "/api/analysis/unknown"
    assert fields["status"] == 404
    assert fields["caller"] == "manager"
    assert fields["duration_ms"] >= 0
