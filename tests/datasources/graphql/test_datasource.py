"""GraphQL APIs, against a real one: queries, mutations, checks before sending, errors."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from analysis_sandbox.datasources import base
from analysis_sandbox.datasources.base import find_operation
from analysis_sandbox.datasources.graphql.datasource import GraphQLConfig, GraphQLDatasource
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ReadOnlyError,
    StatementRefusedError,
    UnavailableError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from tests.api.serving import serving
from tests.datasources.graphql.service import POSTS, Recorded, application
from tests.datasources.http.server import FakeClock, answering, canary, http_answer, raw_server

READ_ONLY = "Datasource 'api' is read-only; ask an administrator to set access: read_write"
SECRET = "canary7secret"
USER = "query GetUser($id: ID!) { user(id: $id) { name email posts(first: 1) { title } } }"
CREATE = "mutation Create($input: PostInput!) { createPost(input: $input) { title createdAt } }"
Open = Callable[..., GraphQLDatasource]


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, Recorded]]:
    app = Recorded(application())
    with serving(app) as url:
        yield f"{url}/graphql", app


@pytest.fixture(scope="module")
def closed_service() -> Iterator[tuple[str, Recorded]]:
    """The same API, which does not tell its schema."""
    app = Recorded(application(introspection=False))
    with serving(app) as url:
        yield f"{url}/graphql", app


@pytest.fixture
def open_api(service: tuple[str, Recorded]) -> Iterator[Open]:
    opened: list[GraphQLDatasource] = []

    def open_one(**fields: Any) -> GraphQLDatasource:
        given = {"url": service[0], "allow_private_addresses": True, "retries": 0, **fields}
        opened.append(GraphQLDatasource.open(GraphQLConfig.model_validate(given), name="api"))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture(params=["with a schema", "without"])
def api(
    request: pytest.FixtureRequest, open_api: Open, closed_service: tuple[str, Recorded]
) -> GraphQLDatasource:
    """The API, which may or may not tell its schema."""
    if request.param == "without":
        return open_api(url=closed_service[0], access="read_write")
    return open_api(access="read_write")


def test_the_type_is_installed() -> None:
    assert load_type("graphql") is GraphQLDatasource


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"query": USER, "variables": {"id": "123"}},
            {"user": {"name": "Ann", "email": "ann@example.com", "posts": [{"title": "Post 0"}]}},
        ),
        ({"query": USER, "variables": {"id": "none"}}, {"user": None}),
        (
            {
                "query": "query R($since: DateTime!) { activeUsers(since: $since) { count } }",
                "variables": {"since": "2024-02-29T12:00:00.000Z"},
            },
            {"activeUsers": {"count": 7}},
        ),
        ({"query": "{ echo ratio }"}, {"echo": "none None", "ratio": 0.5}),
        ("{ ratio }", {"ratio": 0.5}),
        (
            {
                "query": 'query A { ratio } query B($t: String = "x") { echo(text: $t) }',
                "operationName": "B",
            },
            {"echo": "x None"},
        ),
        (
            {
                "query": "query($n: [Int!], $t: String!) { echo(numbers: $n, text: $t) }",
                "variables": {"n": [1, 2], "t": b"\x00\xff"},
            },
            {"echo": "AP8= [1, 2]"},
        ),
        (
            {
                "query": "fragment U on User { name ...V } fragment V on User { role } "
                '{ user(id: "1") { ...U friends { ...U } } }'
            },
            {
                "user": {
                    "name": "Ann",
                    "role": "GUEST",
                    "friends": [{"name": "Bo", "role": "GUEST"}],
                }
            },
        ),
    ],
)
def test_a_query_returns_its_data(api: GraphQLDatasource, options: object, expected: Any) -> None:
    assert api.query(options) == expected


def test_a_mutation_writes(api: GraphQLDatasource) -> None:
    variables = {"input": {"title": "New", "content": "here", "tags": ["a"], "role": "ADMIN"}}

    assert api.mutate({"mutation": CREATE, "variables": variables}) == {
        "createPost": {"title": "New", "createdAt": "2024-01-01T00:00:00+00:00"}
    }
    assert POSTS[-1] == "New/here/['a']/ADMIN"


def test_a_read_only_datasource_only_asks(open_api: Open) -> None:
    api = open_api()
    before = list(POSTS)

    assert list(api.operations()) == ["query"]
    with pytest.raises(ReadOnlyError, match=READ_ONLY):
        find_operation(api, "mutate", name="api")
    with pytest.raises(ReadOnlyError, match=READ_ONLY):
        api.mutate({"mutation": CREATE})
    for text in (
        CREATE,
        'mutation { createPost(input: {title: "x", content: "y"}) { title } }',
        'query A { ratio } mutation B { createPost(input: {title: "x", content: "y"}) { title } }',
        '# query\n{ ratio } mutation B { createPost(input: {title: "x", content: "y"}) { title } }',
        '\ufeffmutation{createPost(input:{title:"x",content:"y"}){title}}',
    ):
        for name in (None, "A", "B"):
            with pytest.raises(ValidationFailedError):
                api.query({"query": text, "operationName": name})
    assert before == POSTS


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"query": CREATE}, "query: the text holds a mutation; use mutate"),
        (None, "the options must be an object"),
        (5, "the options must be an object"),
        ({}, "query must be the text of a GraphQL query"),
        ({"query": 5}, "query must be the text"),
        ({"query": " "}, "query must be the text"),
        ({"qery": "{ ratio }"}, r"qery is not an option; did you mean query\?"),
        ({"query": "{ ratio }", "variables": [1]}, "variables must be an object"),
        ({"query": "{ ratio }", "operationName": 5}, "operationName must be text"),
        ({"query": "{ ratio"}, r"not GraphQL: .*\(line 1, column 8\)"),
        ({"query": "select 1"}, "not GraphQL"),
        ({"query": "type A { b: Int }"}, "must hold operations and fragments"),
        ({"query": "query A { ratio } query B { ratio }"}, "has 2 operations; .*one of: A, B"),
        ({"query": "query A { ratio }", "operationName": "C"}, "has no operation 'C'"),
        ({"query": "fragment F on User { name }"}, "has 0 operations"),
        (
            {"query": USER, "variables": {"id": "1", "idd": 2}},
            r"not a variable .*; did you mean id\? \(variables\.idd\)",
        ),
        ({"query": "{ " * 5000}, "not GraphQL"),
        ({"query": "{ a " * 20_000 + "}"}, "not GraphQL"),
    ],
)
def test_what_makes_no_sense_is_refused_before_it_is_sent(
    api: GraphQLDatasource, options: object, told: str
) -> None:
    with pytest.raises(ValidationFailedError, match=told):
        api.query(options)


def test_a_subscription_is_not_supported(api: GraphQLDatasource) -> None:
    with pytest.raises(UnsupportedOperationError, match="subscriptions are not supported"):
        api.query("subscription { ticks }")
    with pytest.raises(UnsupportedOperationError):
        api.mutate("mutation A { x } subscription B { ticks }")
    with pytest.raises(ValidationFailedError, match="holds a query; use query"):
        api.mutate({"mutation": "{ ratio }"})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("{ usr }", r"Cannot query field 'usr' on type 'Query'. Did you mean 'user'\?.*\(line 1, "),
        ("{ user { name } }", "argument 'id' of type 'ID!' is required"),
        ('{ user(id: "1") }', "must have a selection of subfields"),
        ("query($a: Strng) { echo(text: $a) }", "Unknown type 'Strng'"),
        ("query($a: Int) { echo(text: $a) }", "used in position expecting type"),
        ("{ a: usr b: ratioo }", "'usr'.*'ratioo'"),
        ('{ user(id: "1") { ...F } } fragment F on User { ...F }', "Cannot spread fragment"),
        ({"query": USER, "variables": {}}, r"Variable '\$id' of required type 'ID!'"),
        ({"query": USER, "variables": {"id": None}}, r"'\$id' of non-null type"),
        ({"query": USER, "variables": {"id": {"a": 1}}}, r"ID cannot represent"),
        (
            {"query": "query($n: [Int!]) { echo(numbers: $n) }", "variables": {"n": [2**40]}},
            "Int cannot represent",
        ),
    ],
)
def test_what_does_not_fit_the_schema_is_refused_before_it_is_sent(
    open_api: Open, service: tuple[str, Recorded], options: object, told: str
) -> None:
    api = open_api()
    before = len(service[1].asked)

    with pytest.raises(ValidationFailedError, match=told) as caught:
        api.query(options)

    assert caught.value.fields
    assert len(service[1].asked) == before


def test_variables_of_a_mutation_are_checked_too(open_api: Open) -> None:
    api = open_api(access="read_write")
    with pytest.raises(ValidationFailedError, match=r"Field 'tytle' is not defined.*'title'"):
        api.mutate({"mutation": CREATE, "variables": {"input": {"tytle": "x", "content": "y"}}})


def test_without_a_schema_the_server_says_what_is_wrong(
    open_api: Open, closed_service: tuple[str, Recorded]
) -> None:
    api = open_api(url=closed_service[0])

    with pytest.raises(ValidationFailedError, match=r"is required \(variables\.id\)"):
        api.query({"query": USER})
    with pytest.raises(QueryError, match="Cannot query field 'usr'"):
        api.query("{ usr }")
    with pytest.raises(UnsupportedOperationError, match="does not tell its schema"):
        api.catalog()
    # It was asked once for each of two forms, and not for every query.
    api.query("{ ratio }")
    assert closed_service[1].introspections <= 2 * len(closed_service[1].asked) + 2
    before = closed_service[1].introspections
    api.query("{ ratio }")
    assert closed_service[1].introspections == before


def test_introspection_can_be_switched_off(open_api: Open, service: tuple[str, Recorded]) -> None:
    before = service[1].introspections
    api = open_api(introspection=False)

    assert api.query("{ ratio }") == {"ratio": 0.5}
    with pytest.raises(UnsupportedOperationError, match="switched off"):
        api.describe("user")
    assert service[1].introspections == before


def test_errors_come_with_their_paths_and_no_part_of_the_data(api: GraphQLDatasource) -> None:
    with pytest.raises(QueryError, match=r"user\.secret: not for you") as caught:
        api.query('{ ratio user(id: "1") { name secret } }')

    details: Any = caught.value.details
    assert details["errors"][0]["path"] == "user.secret"
    assert details["partial_data"] is True
    assert "Ann" not in str(details)
    assert "not used" in str(caught.value.hint)


def test_what_the_operations_take_is_described(open_api: Open) -> None:
    api = open_api()
    assert isinstance(api, base.Describable)

    found = {str(entry["name"]): entry for entry in api.catalog()}
    assert found["user"] == {
        "name": "user",
        "kind": "query",
        "type": "User",
        "summary": "One user.",
        "writes": False,
    }
    assert found["createPost"]["writes"] is True
    user: Any = api.describe("user")
    assert [(a["name"], a["type"], a["required"]) for a in user["arguments"]] == [
        ("id", "ID!", True)
    ]
    fields = {field["name"]: field for field in user["returns"]["fields"]}
    assert fields["posts"]["type"] == "[Post!]!"
    assert fields["posts"]["arguments"][0]["default"] == "10"
    create: Any = api.describe("Mutation.createPost")
    assert create["types"]["Role"]["values"] == ["ADMIN", "GUEST"]
    inputs = {field["name"]: field for field in create["types"]["PostInput"]["fields"]}
    assert (inputs["title"]["required"], inputs["tags"]["required"]) == (True, False)
    assert inputs["role"]["default"] == "GUEST"
    assert api.describe("User")["kind"] == "object"
    with pytest.raises(NotFoundError, match=r"no field or type 'usr'; did you mean user\?"):
        api.describe("usr")
    with pytest.raises(UnsupportedOperationError, match="no sample rows"):
        api.sample("user")


def test_a_datasource_can_be_tested(open_api: Open, closed_service: tuple[str, Recorded]) -> None:
    api = open_api()
    assert isinstance(api, base.Testable)
    assert [(c.name, c.ok) for c in api.test()] == [
        ("connection", True),
        ("read_only", True),
        ("schema", True),
    ]
    checks = open_api(url=closed_service[0], access="read_write").test()
    assert [c.ok for c in checks] == [True, False, False]
    assert "not checked" in checks[2].detail
    with answering(http_answer(b"<html>", headers={"Content-Type": "text/html"})) as server:
        checks = open_api(url=server.url).test()
    assert [(c.name, c.ok) for c in checks] == [("connection", False), ("read_only", True)]


# Servers that misbehave.

JSON = {"Content-Type": "application/json"}


def asked(open_api: Open, body: object, *, status: str = "200 OK", **fields: Any) -> object:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = http_answer(data, status=status, headers=JSON)
    with answering(answer) as server:
        return open_api(url=server.url, introspection=False, **fields).query("{ a }")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"data": {"a": 1}, "errors": [{"message": "bad"}]}, "bad"),
        ({"data": None, "errors": [{"message": "bad", "path": ["a", 0, "b"]}]}, r"a\.0\.b: bad"),
        ({"errors": [{"message": f"e{n}"} for n in range(9)]}, "e0; e1; e2; e3; e4 and 4 more"),
        ({"errors": "just text"}, "just text"),
        ({"errors": [5, {"no": 1}]}, "5"),
        ({"errors": []}, "has no data"),
        ({}, "has no data"),
        ([], "has no data"),
        (b"", "has no data"),
        (b"{", "is not"),
        ({"data": {"a": 1}, "hasNext": True}, "came in parts"),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(open_api: Open, body: object, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        asked(open_api, body)


@pytest.mark.parametrize("body", [{"data": None}, {"data": None, "errors": None}])
def test_data_that_is_null_is_null(open_api: Open, body: object) -> None:
    assert asked(open_api, body) is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        ("400 Bad", {"errors": [{"message": "bad"}]}, QueryError, "'api': bad"),
        ("422 Bad", {"errors": [{"message": "bad"}]}, QueryError, "'api': bad"),
        ("500 Oops", {"errors": [{"message": "bad"}]}, QueryError, "'api': bad"),
        ("400 Bad", b"<p>", QueryError, "answered 400"),
        ("500 Oops", b"<p>", UnavailableError, "answered 500"),
        ("400 Bad", {"data": {"a": 1}}, QueryError, "answered 400"),
        ("401 No", {"errors": [{"message": "no"}]}, QueryError, "answered 401"),
        ("503 Busy", b"", UnavailableError, "answered 503"),
    ],
)
def test_a_status_is_told_where_the_body_says_nothing(
    open_api: Open, status: str, body: object, kind: type[AnalysisSandboxError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        asked(open_api, body, status=status)


def test_a_secret_that_is_repeated_is_not_shown(open_api: Open) -> None:
    errors = {"errors": [{"message": f"bad token {SECRET}", "extensions": {"code": SECRET}}]}
    auth = {"type": "bearer", "token": SECRET}

    with pytest.raises(QueryError) as caught:
        asked(open_api, errors, auth=auth)

    assert SECRET not in caught.value.message + repr(caught.value.details)


def test_limits_of_depth_and_size_hold(open_api: Open) -> None:
    api = open_api(max_depth=3, max_query_kb=1)

    fragment = "fragment F on User { friends { name } }"
    assert api.query('{ user(id: "1") { friends { name } } }')
    for text in (
        '{ user(id: "1") { friends { friends { name } } } }',
        f'{{ user(id: "1") {{ ... on User {{ friends {{ ...F }} }} }} }} {fragment}',
    ):
        with pytest.raises(LimitExceededError, match="4 levels deep, more than 3"):
            api.query(text)
    with pytest.raises(LimitExceededError, match="more than 1 KB"):
        api.query("{ ratio } #" + "x" * 1024)


def test_fragments_that_multiply_are_looked_at_once(open_api: Open) -> None:
    fragments = " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))
    text = f'{{ user(id: "1") {{ ...F0 }} }} {fragments} fragment F90 on User {{ name }}'

    # With a schema and without: both end.
    assert open_api().query(text)
    with pytest.raises(LimitExceededError, match="more than 100 fragments"):
        open_api().query(text + "".join(f" fragment G{n} on User {{ name }}" for n in range(20)))


def test_a_schema_is_kept_and_asked_for_again_when_it_is_old(
    service: tuple[str, Recorded],
) -> None:
    clock = FakeClock()
    config = GraphQLConfig.model_validate(
        {"url": service[0], "allow_private_addresses": True, "schema_ttl_seconds": 600}
    )
    api = GraphQLDatasource(config, name="api", timing=clock.timing)
    before = service[1].introspections
    for _ in range(3):
        api.query("{ ratio }")
    assert service[1].introspections == before + 1
    # What does not fit may be newer than the schema.
    clock.time += 31
    for _ in range(2):
        with pytest.raises(ValidationFailedError):
            api.query("{ unknown }")
    assert service[1].introspections == before + 2
    clock.time += 601
    api.query("{ ratio }")
    assert service[1].introspections == before + 3
    api.close()


@pytest.mark.parametrize(
    "schema",
    [
        {"data": {"__schema": {}}},
        {"data": {"__schema": None}},
        {"data": {"__schema": {"types": "x", "queryType": {"name": "Q"}, "directives": []}}},
        {"data": None},
        {"data": []},
        {"errors": [{"message": "introspection is disabled"}]},
    ],
)
def test_a_schema_that_makes_no_sense_is_no_schema(open_api: Open, schema: object) -> None:
    whole = http_answer(json.dumps(schema).encode(), headers=JSON)
    data = http_answer(b'{"data": {"a": 1}}', headers=JSON)
    with answering(whole, whole, data) as server:
        assert open_api(url=server.url).query("{ a }") == {"a": 1}


def test_a_server_that_fails_to_tell_its_schema_still_answers(open_api: Open) -> None:
    failed = http_answer(b"", status="500 Oops")
    data = http_answer(b'{"data": {"a": 1}}', headers=JSON)
    with answering(failed, failed, data) as server:
        assert open_api(url=server.url).query("{ a }") == {"a": 1}


def test_a_server_that_is_away_is_unavailable(open_api: Open) -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        open_api(url="http://127.0.0.1:1/graphql").query("{ a }")


def test_a_query_is_sent_again_and_a_mutation_is_not(open_api: Open) -> None:
    busy = http_answer(b"", status="503 Busy")
    data = http_answer(b'{"data": {"a": 1}}', headers=JSON)
    for operation, count in (("query", 2), ("mutate", 1)):
        with answering(busy, data) as server:
            api = open_api(url=server.url, introspection=False, retries=1, access="read_write")
            if operation == "query":
                assert api.query("{ a }") == {"a": 1}
            else:
                with pytest.raises(UnavailableError):
                    api.mutate("mutation { a }")
        assert server.connections == count


def test_cancel_ends_a_query_that_waits(open_api: Open) -> None:
    begun = threading.Event()

    def silent(connection: Any) -> None:
        begun.set()
        connection.recv(1)

    errors: list[BaseException] = []
    with raw_server(silent) as server:
        api = open_api(url=server.url)

        def ask() -> None:
            try:
                api.query("{ a }")
            except AnalysisSandboxError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert begun.wait(20)
        api.cancel()
        thread.join(20)

    assert [type(error) for error in errors] == [CancelledError]


def test_a_private_address_is_refused_unless_it_is_allowed(open_api: Open) -> None:
    with canary() as trap:
        api = open_api(url=f"http://127.0.0.1:{trap.port}/", allow_private_addresses=False)
        with pytest.raises(StatementRefusedError, match="loopback"):
            api.query("{ a }")
    assert trap.connections == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"url": f"http://user:{SECRET}@h/"},
        {"url": SECRET},
        {"max_depth": SECRET},
        {"more": SECRET},
    ],
)
def test_a_wrong_configuration_is_refused_without_repeating_it(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        GraphQLConfig.model_validate({"url": "http://127.0.0.1/", **fields})

    assert SECRET not in str(caught.value)
