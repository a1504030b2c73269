"""REST APIs, against a real one: operations, values, access and errors."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request, Response

from analysis_sandbox.datasources import base
from analysis_sandbox.datasources.base import find_operation
from analysis_sandbox.datasources.rest.datasource import RESTConfig, RESTDatasource
from analysis_sandbox.errors import (
    NotFoundError,
    QueryError,
    ReadOnlyError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.values import decode, encode
from tests.api.serving import serving
from tests.datasources.http.server import answering, http_answer, opening

READ_ONLY = "Datasource 'api' is read-only; ask an administrator to set access: read_write"
BODIES: dict[str, tuple[bytes, str | None]] = {
    "json": (b'{"a": [1, 2.5, null, true], "b": "\xc3\xbc"}', "application/json"),
    "problem": (b'{"title": "x"}', "application/problem+json; charset=utf-8"),
    "latin": (b'{"a": "\xfc"}', "application/json; charset=iso-8859-1"),
    "bom": (b'\xef\xbb\xbf{"a": 1}', "application/json"),
    "large": (b'{"id": 9007199254740993, "small": 42, "x": 1e400}', "application/json"),
    "endless": (b"1" * 10_000, "application/json"),
    "nan": (b'{"a": NaN, "b": -Infinity}', "application/json"),
    "text": ("Grüße".encode(), "text/plain; charset=utf-8"),
    "html": (b"<p>hi</p>", "text/html"),
    "xml": (b"<a/>", "application/atom+xml"),
    "csv": (b"a,b\n1,2\n", "text/csv"),
    "odd": (b"abc", "text/plain; charset=nonsense"),
    "bytes": (b"\x00\xff\x01", "application/octet-stream"),
    "image": (b"\x89PNG", "image/png"),
    "untyped-json": (b'{"a": 1}', None),
    "untyped-text": (b"hello", None),
    "untyped-bytes": (b"\xff\xfe\xfd", None),
    "empty": (b"", "application/json"),
    "broken": (b'{"a": ', "application/json"),
    "deep": (b"[" * 100_000, "application/json"),
}


def build() -> FastAPI:
    app = FastAPI()

    @app.get("/bodies/{name}")
    def body(name: str) -> Response:
        content, kind = BODIES[name]
        return Response(content, headers={"content-type": kind} if kind else {})

    @app.api_route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request) -> dict[str, Any]:
        return {
            "method": request.method,
            "query": [list(pair) for pair in request.query_params.multi_items()],
            "type": request.headers.get("content-type"),
            "body": (await request.body()).decode("latin-1"),
        }

    @app.get("/fail/{status}")
    def fail(status: int, times: int = 1) -> None:
        raise HTTPException(status, detail="because\n   of this" * times)

    @app.delete("/nothing", status_code=204)
    def nothing() -> None: ...

    del body, echo, fail, nothing
    return app


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(build()) as base:
        yield base


@pytest.fixture
def open_api(url: str) -> Iterator[Callable[..., RESTDatasource]]:
    with opening(url) as found:
        yield found


@pytest.fixture
def api(open_api: Callable[..., RESTDatasource]) -> RESTDatasource:
    return open_api(access="read_write", retries=0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("json", {"a": [1, 2.5, None, True], "b": "ü"}),
        ("problem", {"title": "x"}),
        ("latin", {"a": "ü"}),
        ("bom", {"a": 1}),
        ("large", {"id": "9007199254740993", "small": 42, "x": None}),
        ("endless", "1" * 10_000),
        ("nan", {"a": None, "b": None}),
        ("text", "Grüße"),
        ("html", "<p>hi</p>"),
        ("xml", "<a/>"),
        ("csv", "a,b\n1,2\n"),
        ("odd", "abc"),
        ("bytes", b"\x00\xff\x01"),
        ("image", b"\x89PNG"),
        ("untyped-json", {"a": 1}),
        ("untyped-text", "hello"),
        ("untyped-bytes", b"\xff\xfe\xfd"),
        ("empty", None),
    ],
)
def test_an_answer_arrives_as_what_it_is(api: RESTDatasource, name: str, expected: object) -> None:
    assert decode(encode(api.get(f"/bodies/{name}"))) == expected


@pytest.mark.parametrize("name", ["broken", "deep"])
def test_json_that_is_none_is_an_error(api: RESTDatasource, name: str) -> None:
    with pytest.raises(QueryError, match="says that it is JSON"):
        api.get(f"/bodies/{name}")


def test_parameters_become_the_query(api: RESTDatasource) -> None:
    params = {
        "text": "a b&c=ü/?#",
        "number": 1.0,
        "half": 0.5,
        "large": 2**60,
        "yes": True,
        "list": [1, None, "x"],
        "nothing": None,
    }
    answer: Any = api.get("/echo?kept=1&text=replaced", params)

    assert answer["query"] == [
        ["kept", "1"],
        ["text", "a b&c=ü/?#"],
        ["number", "1"],
        ["half", "0.5"],
        ["large", "1152921504606846976"],
        ["yes", "true"],
        ["list", "1"],
        ["list", "x"],
    ]


@pytest.mark.parametrize("params", [[1], "a=1", 5, {"a": {"b": 1}}, {"a": b"x"}, {"a": [[1]]}])
def test_parameters_that_have_no_text_are_refused(api: RESTDatasource, params: object) -> None:
    with pytest.raises(ValidationFailedError):
        api.get("/echo", params)


@pytest.mark.parametrize("endpoint", [None, 5, {"a": 1}])
def test_an_endpoint_is_text(api: RESTDatasource, endpoint: Any) -> None:
    with pytest.raises(ValidationFailedError, match="must be a string"):
        api.get(endpoint)


@pytest.mark.parametrize(
    ("body", "kind", "sent"),
    [
        ({"a": [1, None]}, "application/json", '{"a":[1,null]}'),
        ([1, 2], "application/json", "[1,2]"),
        (2**60, "application/json", "1152921504606846976"),
        ({"b": b"\x00\x01"}, "application/json", '{"b":"AAE="}'),
        ("hello", "text/plain; charset=utf-8", "hello"),
        ('{"ready": 1}', "application/json", '{"ready": 1}'),
        (b"\x00\xff", "application/octet-stream", "\x00\xff"),
        (None, None, ""),
    ],
)
@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_body_is_sent_as_what_it_is(
    api: RESTDatasource, method: str, body: object, kind: str | None, sent: str
) -> None:
    answer: Any = api.operations()[method]("/echo", body, {"q": 1})

    assert answer == {
        "method": method.upper(),
        "query": [["q", "1"]],
        "type": kind,
        "body": sent,
    }


def test_a_configured_content_type_decides_how_a_body_is_written(
    open_api: Callable[..., RESTDatasource],
) -> None:
    form = open_api(
        access="read_write",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    answer: Any = form.operations()["post"]("/echo", {"a": "b c", "n": [1, 2]})

    assert answer["type"] == "application/x-www-form-urlencoded"
    assert answer["body"] == "a=b+c&n=1&n=2"


def test_delete_takes_parameters(api: RESTDatasource) -> None:
    answer: Any = api.operations()["delete"]("/echo", {"id": 7})

    assert (answer["method"], answer["query"]) == ("DELETE", [["id", "7"]])
    assert api.operations()["delete"]("/nothing") is None


def test_a_script_reaches_what_the_access_allows(
    url: str, open_api: Callable[..., RESTDatasource]
) -> None:
    for access, names in [
        ("read_only", {"get", "paginate"}),
        ("read_write", {"get", "paginate", "post", "put", "patch", "delete"}),
    ]:
        datasource = open_api(access=access)
        assert set(datasource.operations()) == names
        assert set(RESTDatasource.operation_names(RESTConfig(base_url=url, access=access))) == names  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("operation", ["post", "put", "patch", "delete"])
def test_a_read_only_datasource_says_how_to_allow_writing(
    open_api: Callable[..., RESTDatasource], operation: str
) -> None:
    datasource = open_api()
    with pytest.raises(ReadOnlyError) as caught:
        find_operation(datasource, operation, name="api")

    assert caught.value.message == READ_ONLY
    for write in (lambda: datasource.write("POST", "/echo"), lambda: datasource.delete("/echo")):
        with pytest.raises(ReadOnlyError):
            write()


def test_an_operation_the_type_does_not_have_names_those_it_has(api: RESTDatasource) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"'query'.*get"):
        find_operation(api, "query", name="api")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, QueryError),
        (401, QueryError),
        (404, QueryError),
        (418, QueryError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_an_error_tells_status_place_and_reason(
    api: RESTDatasource, status: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        api.get(f"/fail/{status}", {"private": "x"})

    error: Any = caught.value
    assert f"GET /fail/{status} answered {status}" in error.message
    assert "because" in error.message
    assert "private" not in error.message
    assert error.details["status"] == status


def test_a_long_error_is_shortened(api: RESTDatasource) -> None:
    with pytest.raises(QueryError) as caught:
        api.get("/fail/400", {"times": 1_000})

    assert len(caught.value.message) < 400


def test_a_relative_file_of_certificates_is_beside_the_configuration(tmp_path: Path) -> None:
    fields = {"base_url": "https://h", "ca_file": "ca.pem"}
    config = RESTConfig.model_validate(fields, context={"directory": tmp_path})

    assert config.ca_file == tmp_path / "ca.pem"


def test_the_operations_that_may_be_called_are_described(
    open_api: Callable[..., RESTDatasource],
) -> None:
    api = open_api()
    assert isinstance(api, base.Describable)
    assert [entry["name"] for entry in api.catalog()] == ["get", "paginate"]
    writable = open_api(access="read_write")
    assert [entry["name"] for entry in writable.catalog() if entry["writes"]] == [
        "post",
        "put",
        "patch",
        "delete",
    ]
    parameters: Any = writable.describe("post")["parameters"]
    assert [(p["name"], p["required"]) for p in parameters] == [
        ("endpoint", True),
        ("body", False),
        ("params", False),
    ]
    with pytest.raises(NotFoundError, match=r"no operation 'pst'"):
        api.describe("pst")
    with pytest.raises(UnsupportedOperationError, match="no sample rows"):
        api.sample("get")


def test_a_datasource_can_be_tested(open_api: Callable[..., RESTDatasource]) -> None:
    api = open_api()
    assert isinstance(api, base.Testable)
    assert [(c.name, c.ok) for c in api.test()] == [("connection", True), ("read_only", True)]
    assert "answered 404" in api.test()[0].detail
    assert [c.ok for c in open_api(access="read_write").test()] == [True, False]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "500 Oops"])
def test_a_server_that_refuses_fails_the_test_with_the_reason(status: str) -> None:
    with answering(http_answer(b"no", status=status)) as server, opening(server.url) as open_one:
        check = open_one(retries=0).test()[0]

    assert (check.name, check.ok) == ("connection", False)
    assert f"answered {status.split(maxsplit=1)[0]}" in check.detail
