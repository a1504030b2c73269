"""GraphQL APIs.

What a script asks is parsed before it is sent, and checked against the schema where the server
tells it. A read-only datasource sends nothing but queries.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from graphql import GraphQLSchema
from pydantic import Field, field_validator

from analysis_sandbox.datasources.base import (
    Check,
    DatasourceConfig,
    Operation,
    read_only_error,
)
from analysis_sandbox.datasources.graphql.answers import ACCEPTED, data_of
from analysis_sandbox.datasources.graphql.description import described, entries, names
from analysis_sandbox.datasources.graphql.document import (
    DocumentLimits,
    Kind,
    Request,
    invalid,
    problems_of,
    request_of,
)
from analysis_sandbox.datasources.graphql.schema import SchemaSource
from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.config import HTTPDatasourceConfig
from analysis_sandbox.datasources.http.discovery import (
    access_check,
    connection_check,
    no_rows,
    not_found,
)
from analysis_sandbox.datasources.http.messages import HTTPRequest
from analysis_sandbox.datasources.http.timing import SYSTEM_TIMING, Timing
from analysis_sandbox.datasources.http.urls import parse_url
from analysis_sandbox.datasources.http.values import json_body
from analysis_sandbox.errors import UnavailableError, UnsupportedOperationError
from analysis_sandbox.values import EncodedJSON, JSONObject

_HEADERS = {
    "content-type": "application/json",
    "Accept": "application/graphql-response+json, application/json;q=0.9",
}


class GraphQLConfig(HTTPDatasourceConfig):
    """Where the API is, and how much may be asked at once.

    `introspection: false` never asks the server for its schema.
    """

    url: str
    introspection: bool = True
    schema_ttl_seconds: float = Field(default=3600, ge=1, le=7 * 86_400)
    max_depth: int = Field(default=20, ge=1, le=100)
    max_query_kb: int = Field(default=256, ge=1, le=4096)

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, text: str) -> str:
        parse_url(text)
        return text


class GraphQLDatasource:
    """One GraphQL API."""

    type_name: ClassVar[str] = "graphql"
    config_model: ClassVar[type[DatasourceConfig]] = GraphQLConfig
    write_operations: ClassVar[tuple[str, ...]] = ("mutate",)

    def __init__(
        self,
        config: GraphQLConfig,
        *,
        name: str,
        client: HTTPClient | None = None,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self._name = name
        self._config = config
        self._url = parse_url(config.url)
        self._client = client or HTTPClient(config, name=name, home=self._url, timing=timing)
        self._limits = DocumentLimits(config.max_depth, config.max_query_kb << 10)
        self._source = SchemaSource(
            self._asked,
            timing=timing,
            ttl_seconds=config.schema_ttl_seconds,
            enabled=config.introspection,
        )

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `query`, and `mutate` where writing is allowed."""
        return ("query",) if config.access == "read_only" else ("query", "mutate")

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first request connects."""
        assert isinstance(config, GraphQLConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        offered: dict[str, Operation] = {"query": self.query, "mutate": self.mutate}
        return {name: offered[name] for name in self.operation_names(self._config)}

    def query(self, options: object) -> object:
        """Run a query and return its data; `options` are `{query, variables, operationName}`.

        Raises:
            ValidationFailedError: the text, or the variables, do not fit; all that is wrong is
                named. Also if the text holds a mutation.
            UnsupportedOperationError: it is a subscription.
            LimitExceededError: it is too large, too deep, or takes too long.
            QueryError: the server answered with errors; a part of the data is never returned.
            UnavailableError, StatementRefusedError: as `HTTPClient.send`.
        """
        return self._run("query", options)

    def mutate(self, options: object) -> object:
        """Run a mutation and return its data; `options` are `{mutation, variables, …}`.

        Raises:
            ReadOnlyError: the datasource is read-only.
            As `query`.
        """
        if self._config.access == "read_only":
            raise read_only_error(self._name, "mutate writes")
        return self._run("mutation", options)

    def catalog(self) -> list[JSONObject]:
        """Return the fields that queries and mutations begin with.

        Raises:
            UnsupportedOperationError: the server does not tell its schema.
        """
        return entries(self._schema())

    def describe(self, name: str) -> JSONObject:
        """Return a field with its arguments and types, or a type with its fields.

        Raises:
            NotFoundError: there is none of this name; the message has the nearest.
            UnsupportedOperationError: the server does not tell its schema.
        """
        schema = self._schema()
        found = described(schema, name)
        if found is None:
            raise not_found(name, names(schema), source=self._name, kind="field or type")
        return found

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Raise `UnsupportedOperationError`: a field has no rows without a selection."""
        raise no_rows(name, source=self._name)

    def test(self) -> Sequence[Check]:
        """Ask the server, and tell what keeps a read-only datasource so."""
        connection = connection_check(self._reached)
        access = access_check(self._config.access, enforced_by="Nothing but queries is sent.")
        return (connection, access, *((self._schema_check(),) if connection.ok else ()))

    def cancel(self) -> None:
        """End every request that runs now."""
        self._client.cancel()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _run(self, kind: Kind, options: object) -> object:
        request = request_of(options, kind, limits=self._limits)
        with self._client.operation():
            problems = problems_of(request, self._source.schema())
            if problems:
                # The server may have learned something since.
                problems = problems_of(request, self._source.schema(anew=True))
            if problems:
                raise invalid(problems, "query" if kind == "query" else "mutate")
            return self._sent(request, idempotent=kind == "query")

    def _sent(self, request: Request, *, idempotent: bool) -> object:
        body: dict[str, object] = {"query": request.text}
        if request.variables:
            body["variables"] = request.variables
        if request.operation_name is not None:
            body["operationName"] = request.operation_name
        return self._posted(body, idempotent=idempotent)

    def _asked(self, query: str) -> object:
        return self._posted({"query": query}, idempotent=True)

    def _posted(self, body: Mapping[str, object], *, idempotent: bool) -> object:
        request = HTTPRequest(
            "POST",
            self._url,
            _HEADERS,
            json_body(body),
            idempotent=idempotent,
            accepted=ACCEPTED,
        )
        return data_of(request, self._client.send(request), client=self._client)

    def _schema(self) -> GraphQLSchema:
        schema = self._source.schema()
        if schema is None:
            raise UnsupportedOperationError(
                f"Datasource {self._name!r} does not tell its schema: {self._source.reason}",
                hint="Queries run without it; ask for the API's documentation.",
                details={"datasource": self._name},
            )
        return schema

    def _reached(self) -> str:
        self._asked("{ __typename }")
        return "The server answered a query."

    def _schema_check(self) -> Check:
        try:
            schema = self._source.schema()
        except UnavailableError as error:
            return Check("schema", ok=False, detail=error.message)
        if schema is None:
            told = f"Requests are not checked before they are sent: {self._source.reason}"
            return Check("schema", ok=False, detail=told)
        return Check("schema", ok=True, detail=f"It has {len(schema.type_map)} types.")
