"""A real GraphQL API, made with strawberry and served by uvicorn."""

import datetime as dt
import json
from enum import Enum
from typing import Any

import strawberry
from strawberry.asgi import GraphQL
from strawberry.extensions import DisableIntrospection

POSTS: list[str] = []


@strawberry.enum
class Role(Enum):
    ADMIN = "admin"
    GUEST = "guest"


@strawberry.type
class Post:
    title: str
    created_at: dt.datetime


@strawberry.type
class User:
    id: strawberry.ID
    name: str
    email: str | None = None
    role: Role = Role.GUEST

    @strawberry.field
    def posts(self, first: int = 10) -> list[Post]:
        moment = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
        return [Post(title=f"Post {n}", created_at=moment) for n in range(min(first, 2))]

    @strawberry.field
    def friends(self) -> "list[User]":
        return [User(id=strawberry.ID("2"), name="Bo")]

    @strawberry.field
    def secret(self) -> str | None:
        raise PermissionError("not for you")


@strawberry.type
class ActiveUsers:
    count: int
    since: dt.datetime


@strawberry.input
class PostInput:
    title: str
    content: str
    tags: list[str] | None = None
    role: Role = Role.GUEST


@strawberry.type(description="What can be asked.")
class Query:
    @strawberry.field(description="One user.\nBy the id.")
    def user(self, id: strawberry.ID) -> User | None:  # noqa: A002  # its name in the API
        return None if id == "none" else User(id=id, name="Ann", email="ann@example.com")

    @strawberry.field
    def active_users(self, since: dt.datetime, role: Role | None = None) -> ActiveUsers:
        return ActiveUsers(count=7, since=since)

    @strawberry.field
    def echo(self, text: str = "none", numbers: list[int] | None = None) -> str:
        return f"{text} {numbers}"

    @strawberry.field
    def ratio(self) -> float:
        return 0.5


@strawberry.type
class Mutation:
    @strawberry.mutation
    def create_post(self, input: PostInput) -> Post:  # noqa: A002  # its name in the API
        POSTS.append(f"{input.title}/{input.content}/{input.tags}/{input.role.name}")
        return Post(title=input.title, created_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))


def application(*, introspection: bool = True) -> GraphQL[Any, Any]:
    """Return the API as an ASGI application."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        extensions=[] if introspection else [DisableIntrospection],
    )
    return GraphQL(schema, graphql_ide=None)


class Recorded:
    """An ASGI application that notes the bodies that it is sent."""

    def __init__(self, app: Any) -> None:
        self.queries: list[dict[str, Any]] = []
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Note the body and pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if body:
            self.queries.append(json.loads(body))

        async def again() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What was asked besides the schema."""
        return [query for query in self.queries if "__schema" not in query["query"]]

    @property
    def introspections(self) -> int:
        """How often the schema was asked for."""
        return len(self.queries) - len(self.asked)
