"""OpenAPI: documents of every version, arguments checked before the call, against a real API."""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from fastapi import FastAPI, File, Form, Header, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.datasources.openapi.datasource import OpenAPIDatasource
from analysis_sandbox.datasources.openapi.source import OpenAPIConfig
from analysis_sandbox.errors import (
    ConfigurationError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from tests.api.serving import serving
from tests.datasources.http.server import FakeClock, answering, http_answer

READ_ONLY = "Datasource 'users' is read-only; ask an administrator to set access: read_write"
Open = Callable[..., OpenAPIDatasource]


class Role(StrEnum):
    ADMIN = "admin"
    GUEST = "guest"


class User(BaseModel):
    name: str
    email: str | None = None


def build() -> FastAPI:
    """An API whose document FastAPI makes: version 3.1."""
    app = FastAPI(servers=[{"url": "/"}])

    @app.get("/users", operation_id="listUsers", summary="All users")
    def list_users(
        limit: int = 10,
        role: Role | None = None,
        tag: Annotated[list[str] | None, Query()] = None,
        active: bool | None = None,
        x_tenant: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        return {"limit": limit, "role": role, "active": active, "tenant": x_tenant, "tag": tag}

    @app.get("/users/{user_id}", operation_id="getUser")
    def get_user(user_id: str, include: str | None = None) -> dict[str, Any]:
        return {"id": user_id, "include": include}

    @app.post("/users", operation_id="createUser", status_code=201)
    def create_user(user: User) -> dict[str, Any]:
        return {"created": user.model_dump()}

    @app.put("/users/{user_id}", operation_id="replaceUser")
    def replace_user(user_id: int, user: User) -> dict[str, Any]:
        return {"id": user_id, "user": user.model_dump()}

    @app.delete("/users/{user_id}", operation_id="deleteUser", status_code=204)
    def delete_user(user_id: int) -> None: ...

    @app.post("/upload", operation_id="upload")
    async def upload(file: Annotated[UploadFile, File()], note: Annotated[str, Form()]) -> str:
        return f"{note}: {len(await file.read())} bytes"

    @app.post("/form", operation_id="sendForm")
    def send_form(a: Annotated[str, Form()], b: Annotated[int, Form()]) -> str:
        return f"{a} {b}"

    @app.api_route("/echo/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
    async def echo(request: Request) -> dict[str, Any]:
        return {
            "target": request.scope["raw_path"].decode() + "?" + request.url.query,
            "body": (await request.body()).decode(),
            "headers": dict(request.headers),
        }

    del list_users, get_user, create_user, replace_user, delete_user, upload, send_form, echo
    return app


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(build()) as base:
        yield base


@pytest.fixture
def open_api(url: str) -> Iterator[Open]:
    opened: list[OpenAPIDatasource] = []

    def open_one(**fields: Any) -> OpenAPIDatasource:
        given = {"spec": f"{url}/openapi.json", "allow_private_addresses": True, **fields}
        config = OpenAPIConfig.model_validate(given)
        opened.append(OpenAPIDatasource.open(config, name="users"))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def api(open_api: Open) -> OpenAPIDatasource:
    """The API by the document that it makes itself, writable."""
    return open_api(access="read_write", retries=0)


OLD: dict[str, Any] = {
    "swagger": "2.0",
    "basePath": "/echo",
    "consumes": ["application/json"],
    "parameters": {"page": {"name": "page", "in": "query", "type": "integer"}},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "type": "string", "required": True}],
            "get": {
                "operationId": "getPet",
                "parameters": [
                    {"$ref": "#/parameters/page"},
                    {"name": "csv", "in": "query", "type": "array", "items": {"type": "integer"}},
                    {
                        "name": "multi",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string"},
                        "collectionFormat": "multi",
                    },
                    {"name": "pipes", "in": "query", "type": "array", "collectionFormat": "pipes"},
                    {"name": "kind", "in": "query", "type": "string", "enum": ["cat", "dog"]},
                    {"name": "X-Trace", "in": "header", "type": "string"},
                ],
            },
            "post": {
                "operationId": "savePet",
                "parameters": [
                    {"name": "pet", "in": "body", "required": True, "schema": {"type": "object"}}
                ],
            },
        },
        "/forms": {
            "post": {
                "operationId": "sendForm",
                "consumes": ["application/x-www-form-urlencoded"],
                "parameters": [
                    {"name": "a", "in": "formData", "type": "string", "required": True},
                    {"name": "b", "in": "formData", "type": "integer"},
                ],
            }
        },
    },
}
MIDDLE = """
openapi: 3.0.3
servers: [{url: "/{root}", variables: {root: {default: echo}}}]
paths:
  /things/{id}:
    get:
      operationId: getThing
      parameters:
        - {$ref: '#/components/parameters/id'}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: many, in: query, schema: {type: array, items: {type: string}}}
        - {name: space, in: query, style: spaceDelimited, explode: false, schema: {type: array}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: flat, in: query, schema: {type: object}}
        - {name: where, in: query, content: {application/json: {schema: {type: object}}}}
        - {name: session, in: cookie, schema: {type: string}}
        - {name: size, in: query, schema: {$ref: '#/components/schemas/Size'}}
        - {name: far, in: query, schema: {$ref: 'https://evil.example/schema.json'}}
        - {name: round, in: query, schema: {$ref: '#/components/schemas/Round'}}
    post: {}
  /things/{id}/parts/{part}:
    get: {}
    put:
      parameters: [{name: id, in: path, required: true, schema: {type: array}}]
  /plain:
    post:
      operationId: plain
      requestBody: {content: {text/plain: {}}}
components:
  parameters:
    id: {name: id, in: path, required: true, schema: {type: string}}
  schemas:
    Size: {allOf: [{type: string}, {enum: [s, m, l]}]}
    Round: {anyOf: [{$ref: '#/components/schemas/Round'}, {type: integer}]}
"""


def test_the_operations_of_a_document_are_described(api: OpenAPIDatasource) -> None:
    found = {str(operation["name"]): operation for operation in api.catalog()}

    assert set(found) == {
        "listUsers",
        "getUser",
        "createUser",
        "replaceUser",
        "deleteUser",
        "upload",
        "sendForm",
    }
    assert found["listUsers"]["summary"] == "All users"
    assert found["getUser"] == {
        "name": "getUser",
        "kind": "operation",
        "method": "GET",
        "path": "/users/{user_id}",
        "summary": "Get User",
        "writes": False,
    }
    assert found["createUser"]["writes"] is True
    parameters: Any = api.describe("listUsers")["parameters"]
    assert [(p["name"], p["in"], p["type"], p["required"]) for p in parameters] == [
        ("limit", "query", "integer", False),
        ("role", "query", "string", False),
        ("tag", "query", "array", False),
        ("active", "query", "boolean", False),
        ("x-tenant", "header", "string", False),
    ]


def test_an_operation_is_described_with_what_it_takes_and_answers(
    api: OpenAPIDatasource, open_api: Open, url: str
) -> None:
    found: Any = api.describe("createUser")

    assert found["body"]["required"] is True
    assert found["body"]["types"] == ["application/json"]
    assert found["body"]["schema"]["title"] == "User"
    assert found["body"]["schema"]["properties"]["name"]["type"] == "string"
    assert found["answer"]["type"] == "object"
    assert api.describe("getUser")["body"] is None
    role: Any = api.describe("listUsers")["parameters"]
    assert role[1]["schema"]["anyOf"][0]["enum"] == ["admin", "guest"]
    old: Any = open_api(spec=OLD, base_url=f"{url}/echo").describe("getPet")
    assert [(p["name"], p["type"]) for p in old["parameters"]][:2] == [
        ("id", "string"),
        ("page", "integer"),
    ]
    assert old["parameters"][0]["schema"] == {"type": "string"}


def test_a_name_that_is_not_described_names_the_nearest(api: OpenAPIDatasource) -> None:
    with pytest.raises(NotFoundError, match=r"no operation 'getUsr'; did you mean getUser\?"):
        api.describe("getUsr")
    with pytest.raises(UnsupportedOperationError, match="no sample rows"):
        api.sample("getUser")


def test_a_schema_within_itself_is_named_and_a_huge_one_is_cut(open_api: Open) -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Tree"}}}
    wide = {"type": "object", "properties": {str(n): {"type": "string"} for n in range(5_000)}}
    schemas = {"Tree": tree, "Wide": wide}

    def body(name: str) -> dict[str, Any]:
        schema = {"$ref": f"#/components/schemas/{name}"}
        return {"requestBody": {"content": {"application/json": {"schema": schema}}}}

    paths = {f"/{name}": {"post": {"operationId": name, **body(name)}} for name in schemas}
    document = {"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}
    api = open_api(spec=document)

    assert api.describe("Tree")["body"] == {
        "required": False,
        "types": ["application/json"],
        "schema": {
            "title": "Tree",
            "type": "object",
            "properties": {"next": {"title": "Tree"}},
        },
    }
    found: Any = api.describe("Wide")["body"]
    assert 500 < len(found["schema"]["properties"]) < 5_000


def test_a_datasource_can_be_tested(open_api: Open, api: OpenAPIDatasource) -> None:
    assert [(c.name, c.ok) for c in api.test()] == [("connection", True), ("read_only", False)]
    with answering(http_answer(b"<html>")) as server:
        checks = open_api(spec=f"{server.url}/openapi.json").test()
    assert [(c.name, c.ok) for c in checks] == [("connection", False), ("read_only", True)]
    assert "Set spec to" in checks[0].detail


@pytest.mark.parametrize(
    ("operation", "arguments", "expected"),
    [
        ("listUsers", None, {"limit": 10, "role": None, "active": None}),
        ("listUsers", {"limit": 5}, {"limit": 5}),
        ("listUsers", {"limit": "5", "role": "admin"}, {"limit": 5, "role": "admin"}),
        ("listUsers", {"active": True, "x-tenant": "blue"}, {"active": True, "tenant": "blue"}),
        ("listUsers", {"limit": None}, {"limit": 10}),
        ("getUser", {"user_id": "a b"}, {"id": "a b"}),
        ("getUser", {"user_id": 123, "include": "profile"}, {"id": "123", "include": "profile"}),
        ("createUser", {"body": {"name": "John"}}, {"created": {"name": "John", "email": None}}),
        ("replaceUser", {"user_id": 7, "body": {"name": "J"}}, {"id": 7}),
    ],
)
def test_an_operation_is_called_by_its_id(
    api: OpenAPIDatasource, operation: str, arguments: object, expected: Mapping[str, object]
) -> None:
    answer: Any = api.invoke(operation, arguments)

    assert {key: answer[key] for key in expected} == expected


def test_an_operation_without_an_answer_returns_null(api: OpenAPIDatasource) -> None:
    assert api.invoke("deleteUser", {"user_id": 7}) is None


def test_forms_and_files_are_sent(api: OpenAPIDatasource) -> None:
    assert api.invoke("sendForm", {"body": {"a": "x y", "b": 2}}) == "x y 2"
    assert api.invoke("upload", {"body": {"file": b"12345", "note": "five"}}) == "five: 5 bytes"


@pytest.mark.parametrize(
    ("operation", "arguments", "told"),
    [
        ("getUser", {}, "user_id is required"),
        ("getUser", {"userid": 1, "user_id": 1}, "did you mean user_id"),
        ("getUser", {"zzz": 1, "user_id": 1}, "zzz is not a parameter; it takes user_id, include"),
        ("getUser", {"user_id": {"a": 1}}, "user_id must be text"),
        ("getUser", {"user_id": ".."}, r"cannot be '\.\.'"),
        ("getUser", {"user_id": ""}, "cannot be ''"),
        ("listUsers", {"limit": "many"}, "limit must be a whole number"),
        ("listUsers", {"limit": 1.5}, "limit must be a whole number"),
        ("listUsers", {"limit": True}, "limit must be a whole number"),
        ("listUsers", {"active": "perhaps"}, "active must be true or false"),
        ("listUsers", {"role": "boss"}, "role must be one of admin, guest"),
        ("listUsers", {"x-tenant": "a\r\nb: c"}, "printable"),
        ("listUsers", {"body": {}}, "body is not a parameter"),
        ("createUser", {}, "body is required"),
        ("listUsers", [1], "must be an object"),
        ("listUsers", "x", "must be an object"),
        ("listUsers", {"limit": "x", "role": "y", "z": 1}, "limit.*role|z.*limit.*role"),
    ],
)
def test_arguments_are_checked_before_anything_is_sent(
    api: OpenAPIDatasource, operation: str, arguments: object, told: str
) -> None:
    with pytest.raises(ValidationFailedError, match=told):
        api.invoke(operation, arguments)


def test_an_unknown_operation_names_the_nearest(api: OpenAPIDatasource) -> None:
    with pytest.raises(UnsupportedOperationError, match="did you mean listUsers") as caught:
        api.invoke("listUser")

    assert "createUser" in str(caught.value.hint)


def test_a_path_is_called_directly(api: OpenAPIDatasource) -> None:
    options = {"method": "get", "pathParams": {"user_id": "a/b"}, "queryParams": {"include": "x"}}
    answer: Any = api.call("/echo/{anything}", {"pathParams": {"anything": "a/b?c"}})

    assert api.call("/users/{user_id}", {**options, "pathParams": {"user_id": 5}}) == {
        "id": "5",
        "include": "x",
    }
    assert answer["target"] == "/echo/a%2Fb%3Fc?"


def test_a_call_takes_a_body_and_headers(api: OpenAPIDatasource) -> None:
    answer: Any = api.call(
        "/echo/x",
        {
            "method": "POST",
            "body": {"a": 1},
            "headers": {"X-Trace": "t"},
            "queryParams": {"q": [1, 2]},
        },
    )
    created: Any = api.call("/users", {"method": "POST", "body": {"name": "John"}})
    tenant: Any = api.call("/users", {"headers": {"X-Tenant": "blue"}, "queryParams": {"limit": 3}})

    assert answer["target"] == "/echo/x?q=1&q=2"
    assert answer["body"] == '{"a":1}'
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["x-trace"] == "t"
    assert created["created"]["name"] == "John"
    assert (tenant["tenant"], tenant["limit"]) == ("blue", 3)


@pytest.mark.parametrize(
    ("path", "options", "told"),
    [
        ("/users/{user_id}", {}, "user_id is required|missing"),
        ("/other/{id}", {}, "id is missing in pathParams"),
        ("/other", {"pathParams": {"id": 1}}, "id has no place"),
        ("/users", {"queryParams": {"limt": 1}}, "did you mean limit"),
        ("/users", {"queryparams": {}}, "did you mean queryParams"),
        ("/users", {"method": "TRACE"}, "method must be one of"),
        ("/users", {"queryParams": 5}, "queryParams must be an object"),
        ("/users", "GET", "must be an object"),
        (5, {}, "path must be a string"),
        ("/echo/x", {"headers": {"Authorization": "Bearer mine"}}, "configuration only"),
        ("/echo/x", {"headers": {"Host": "evil"}}, "cannot be set"),
        ("/echo/{x}", {"pathParams": {"x": ".."}}, "cannot be"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(
    api: OpenAPIDatasource, path: Any, options: object, told: str
) -> None:
    with pytest.raises(ValidationFailedError, match=told):
        api.call(path, options)


@pytest.mark.parametrize(
    "path", ["https://evil.example/x", "http://169.254.169.254/", "/../x", "//evil.example/"]
)
def test_a_call_does_not_leave_the_api(api: OpenAPIDatasource, path: str) -> None:
    with pytest.raises((StatementRefusedError, ValidationFailedError)):
        api.call(path)


def test_a_read_only_datasource_only_reads(open_api: Open) -> None:
    api = open_api()
    writes: list[Callable[[], object]] = [
        lambda: api.invoke("createUser", {"body": {"name": "x"}}),
        lambda: api.invoke("deleteUser", {"user_id": 1}),
        lambda: api.call("/users", {"method": "POST", "body": {}}),
        lambda: api.call("/anything", {"method": "delete"}),
        lambda: api.call("/anything", {"method": "OPTIONS"}),
    ]
    for write in writes:
        with pytest.raises(ReadOnlyError) as caught:
            write()
        assert caught.value.message == READ_ONLY

    assert isinstance(api.invoke("listUsers"), dict)
    assert isinstance(api.call("/users"), dict)


def test_reading_can_be_asked_of_a_writable_datasource(api: OpenAPIDatasource) -> None:
    api.check_reads("invoke", ["listUsers", {}])
    api.check_reads("call", ["/users"])
    for operation, arguments in [
        ("invoke", ["createUser"]),
        ("call", ["/users", {"method": "POST"}]),
    ]:
        with pytest.raises(ReadOnlyError):
            api.check_reads(operation, arguments)


def test_an_error_of_the_api_keeps_its_reason(api: OpenAPIDatasource) -> None:
    with pytest.raises(QueryError, match=r"POST /users answered 422.*name"):
        api.invoke("createUser", {"body": {"nme": "x"}})


def echoed(api: OpenAPIDatasource, operation: str, arguments: Mapping[str, object]) -> Any:
    return api.invoke(operation, arguments)


def test_a_document_of_swagger_2_is_read(open_api: Open, url: str) -> None:
    api = open_api(spec=OLD, base_url=f"{url}/echo", access="read_write")
    arguments = {
        "id": "7",
        "page": 2,
        "csv": [1, 2],
        "multi": ["a", "b"],
        "pipes": ["x", "y"],
        "kind": "cat",
        "X-Trace": "t",
    }
    answer = echoed(api, "getPet", arguments)
    saved = echoed(api, "savePet", {"id": "7", "body": {"name": "Tom"}})
    form = echoed(api, "sendForm", {"a": "x y", "b": 2})

    assert answer["target"] == (
        "/echo/pets/7?page=2&csv=1%2C2&multi=a&multi=b&pipes=x%7Cy&kind=cat"
    )
    assert answer["headers"]["x-trace"] == "t"
    assert saved["body"] == '{"name":"Tom"}'
    assert form["body"] == "a=x+y&b=2"
    with pytest.raises(ValidationFailedError, match="kind must be one of cat, dog"):
        api.invoke("getPet", {"id": "7", "kind": "cow"})
    with pytest.raises(ValidationFailedError, match="has an item that must be a whole number"):
        api.invoke("getPet", {"id": "7", "csv": ["x"]})
    with pytest.raises(ValidationFailedError, match="a is required"):
        api.invoke("sendForm", {"b": 1})


def test_a_yaml_file_of_version_3_0_is_read(open_api: Open, url: str, tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text(MIDDLE, encoding="utf-8")
    config = OpenAPIConfig.model_validate(
        {"spec": "api.yaml", "base_url": f"{url}/echo", "allow_private_addresses": True},
        context={"directory": tmp_path},
    )
    api = OpenAPIDatasource.open(config, name="things")
    answer = echoed(
        api,
        "getThing",
        {
            "id": "a/b c",
            "ids": [1, 2],
            "many": ["x", "y"],
            "space": ["p", "q"],
            "filter": {"color": "red", "size": 5},
            "flat": {"k": "v"},
            "where": {"a": [1]},
            "session": "s1",
            "size": "m",
            "far": {"anything": "goes"},
            "round": 3,
        },
    )

    assert answer["target"] == (
        "/echo/things/a%2Fb%20c?ids=1%2C2&many=x&many=y&space=p+q&filter%5Bcolor%5D=red"
        "&filter%5Bsize%5D=5&k=v&where=%7B%22a%22%3A%5B1%5D%7D&size=m&anything=goes&round=3"
    )
    assert answer["headers"]["cookie"] == "session=s1"
    assert {str(operation["name"]) for operation in api.catalog()} == {
        "getThing",
        "post_things_id",
        "get_things_id_parts_part",
        "put_things_id_parts_part",
        "plain",
    }
    with pytest.raises(ValidationFailedError, match="size must be one of s, m, l"):
        api.invoke("getThing", {"id": "1", "size": "xl"})
    with pytest.raises(ValidationFailedError, match="part is required"):
        api.invoke("get_things_id_parts_part", {"id": "1"})
    api.close()


def test_without_a_base_url_the_document_tells_it(url: str, open_api: Open) -> None:
    assert open_api().invoke("getUser", {"user_id": "1"}) == {"id": "1", "include": None}
    inline: dict[str, Any] = {"openapi": "3.1.0", "servers": [{"url": url}], "paths": {}}
    assert open_api(spec=inline).call("/users/1") == {"id": "1", "include": None}


@pytest.mark.parametrize("server", ["https://evil.example", "//evil.example/x", "ftp://x"])
def test_a_document_cannot_send_credentials_elsewhere(open_api: Open, server: str) -> None:
    document = json.dumps({"openapi": "3.1.0", "servers": [{"url": server}], "paths": {}})
    with answering(http_answer(document.encode())) as there:
        api = open_api(spec=f"{there.url}/openapi.json", auth={"type": "bearer", "token": "t"})
        with pytest.raises(ConfigurationError, match="set base_url"):
            api.call("/x")


def test_credentials_go_to_the_api_and_not_to_a_foreign_document() -> None:
    with answering(http_answer(b"{}")) as api_server:
        document = json.dumps({"openapi": "3.0.0", "paths": {}}).encode()
        with answering(http_answer(document)) as documents:
            config = OpenAPIConfig.model_validate(
                {
                    "spec": f"{documents.url}/openapi.json",
                    "base_url": api_server.url,
                    "allow_private_addresses": True,
                    "auth": {"type": "bearer", "token": "canary7secret"},
                }
            )
            api = OpenAPIDatasource.open(config, name="users")
            api.call("/x")
            api.close()

    assert b"canary7secret" not in documents.requests[0]
    assert b"Bearer canary7secret" in api_server.requests[0]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"<html>", "names no version"),
        (b"{broken", "neither JSON nor YAML"),
        (b"a: [", "neither JSON nor YAML"),
        (b"- just\n- a list", "names no version"),
        (b'{"openapi": "4.0.0"}', "of version '4.0.0'"),
        (b'{"swagger": "1.2"}', "of version '1.2'"),
        (b"!!python/object/apply:os.system [id]", "neither JSON nor YAML"),
        (b"[" * 100_000, "neither JSON nor YAML"),
        (b'{"a": ' * 100_000, "neither JSON nor YAML"),
        (b"- " * 100_000, "neither JSON nor YAML"),
        (
            "\n".join(
                ["a0: &a0 {k: v, l: w}"]
                + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]
            ).encode(),
            "neither JSON nor YAML",
        ),
    ],
)
def test_what_is_no_document_is_refused(open_api: Open, document: bytes, told: str) -> None:
    with answering(http_answer(document)) as server:
        api = open_api(spec=f"{server.url}/openapi.json")
        with pytest.raises(ConfigurationError, match=told):
            api.catalog()


def test_a_document_with_aliases_that_multiply_stays_small(open_api: Open) -> None:
    lines = ["openapi: 3.0.0", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    lines += ["paths: {/x: {get: {operationId: x, parameters: *a11}}}"]
    with answering(http_answer("\n".join(lines).encode())) as server:
        api = open_api(spec=f"{server.url}/openapi.yaml")

        assert [operation["name"] for operation in api.catalog()] == ["x"]


def test_references_that_go_in_a_circle_end(open_api: Open) -> None:
    document = {
        "openapi": "3.0.0",
        "paths": {
            "/x": {
                "get": {
                    "operationId": "x",
                    "parameters": [
                        {"$ref": "#/components/parameters/a"},
                        {"$ref": "#/components/parameters/missing"},
                        {"$ref": "file:///etc/passwd"},
                        {
                            "name": "tree",
                            "in": "query",
                            "schema": {"$ref": "#/components/schemas/T"},
                        },
                    ],
                }
            }
        },
        "components": {
            "parameters": {
                "a": {"$ref": "#/components/parameters/b"},
                "b": {"$ref": "#/components/parameters/a"},
            },
            "schemas": {"T": {"type": "array", "items": {"$ref": "#/components/schemas/T"}}},
        },
    }
    with answering(http_answer(b"1")) as server:
        api = open_api(spec=document, base_url=server.url)
        api.invoke("x", {"tree": [1]})
        with pytest.raises(ValidationFailedError):
            api.invoke("x", {"tree": [[[[[[[[[[[{"a": 1}]]]]]]]]]]]})

    assert len(server.requests) == 1


@pytest.mark.parametrize("spec", ["missing.yaml", "directory"])
def test_a_file_that_cannot_be_read_is_named(open_api: Open, tmp_path: Path, spec: str) -> None:
    (tmp_path / "directory").mkdir()
    api = open_api(spec=str(tmp_path / spec), base_url="http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        api.call("/x")

    assert caught.value.details["spec"] == str(tmp_path / spec)


class Documents:
    """A server of a document that changes, and sometimes is away."""

    def __init__(self) -> None:
        self.version = 1
        self.fetched: list[int] = []
        self.is_away = False

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.get("/openapi.yaml")
        def document(request: Request) -> Response:
            tag = f'"v{self.version}"'
            status = 304 if request.headers.get("if-none-match") == tag else 200
            status = 503 if self.is_away else status
            self.fetched.append(status)
            text = yaml.safe_dump(
                {
                    "openapi": "3.1.0",
                    "paths": {"/x": {"get": {"operationId": f"operation{self.version}"}}},
                }
            )
            return Response(text if status == 200 else b"", status, headers={"ETag": tag})

        @app.get("/x")
        def answer() -> JSONResponse:
            return JSONResponse("here")

        del document, answer
        return app


def test_a_document_is_kept_and_asked_for_again_when_it_is_old() -> None:
    documents, clock = Documents(), FakeClock()
    with serving(documents.app()) as base:
        config = OpenAPIConfig.model_validate(
            {
                "spec": f"{base}/openapi.yaml",
                "allow_private_addresses": True,
                "spec_ttl_seconds": 60,
                "retries": 0,
            }
        )
        client = HTTPClient(config, name="x", home=parse_url(base), timing=clock.timing)
        api = OpenAPIDatasource(config, name="x", client=client, timing=clock.timing)

        assert api.invoke("operation1") == "here"
        assert api.invoke("operation1") == "here"
        assert documents.fetched == [200]
        clock.time += 61
        assert api.invoke("operation1") == "here"
        assert documents.fetched == [200, 304]
        documents.is_away = True
        clock.time += 61
        assert api.invoke("operation1") == "here"
        documents.is_away, documents.version = False, 2
        clock.time += 61
        assert api.invoke("operation2") == "here"
        api.close()
        with pytest.raises(UnavailableError, match="closed"):
            api.invoke("operation2")

    assert documents.fetched == [200, 304, 503, 200]


def test_a_document_that_was_never_had_is_unavailable(open_api: Open) -> None:
    with answering(http_answer(status="503 Busy")) as server:
        api = open_api(spec=f"{server.url}/openapi.json", retries=0)
        with pytest.raises(UnavailableError):
            api.catalog()


def test_opening_connects_to_nothing(open_api: Open) -> None:
    with answering(http_answer(b"")) as server:
        api = open_api(spec=f"{server.url}/openapi.json")
        assert set(api.operations()) == {"call", "invoke"}
        api.cancel()

    assert server.connections == 0
