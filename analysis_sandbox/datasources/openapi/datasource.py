"""APIs with an OpenAPI or Swagger document.

The document is read at the first use and asked for again when it is old. Arguments are checked
against it before anything is sent. A read-only datasource sends nothing but GET and HEAD.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self, cast

import httpx

from analysis_sandbox.datasources.base import (
    Check,
    DatasourceConfig,
    Operation,
    read_only_error,
)
from analysis_sandbox.datasources.http.client import HTTPClient
from analysis_sandbox.datasources.http.discovery import (
    access_check,
    connection_check,
    no_rows,
    not_found,
    reached,
)
from analysis_sandbox.datasources.http.messages import HTTPRequest
from analysis_sandbox.datasources.http.timing import SYSTEM_TIMING, Timing
from analysis_sandbox.datasources.http.urls import (
    endpoint_url,
    query_params,
    scalar_text,
    with_params,
)
from analysis_sandbox.datasources.http.values import (
    FORM,
    body_of,
    form_body,
    json_body,
    multipart_body,
    value_of,
)
from analysis_sandbox.datasources.openapi.document import Node, OperationSpec
from analysis_sandbox.datasources.openapi.parameters import (
    BODY,
    checked_arguments,
    header,
    nearest,
    path_text,
    written,
)
from analysis_sandbox.datasources.openapi.schemas import type_of, written_out
from analysis_sandbox.datasources.openapi.source import DocumentSource, OpenAPIConfig
from analysis_sandbox.errors import UnsupportedOperationError, ValidationFailedError
from analysis_sandbox.values import EncodedJSON, JSONObject, JSONValue

_READING = frozenset({"GET", "HEAD"})
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_OPTIONS = ("method", "pathParams", "queryParams", "body", "headers")
_NOT_OF_A_SCHEMA = frozenset({"name", "in", "required", "description", "collectionFormat"})
_PLACEHOLDER = re.compile(r"\{([^{}/]+)\}")


class OpenAPIDatasource:
    """One API, as its document describes it."""

    type_name: ClassVar[str] = "openapi"
    config_model: ClassVar[type[DatasourceConfig]] = OpenAPIConfig
    write_operations: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        config: OpenAPIConfig,
        *,
        name: str,
        client: HTTPClient | None = None,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        self._name = name
        self._config = config
        self._source = DocumentSource(config, name=name, client=client, timing=timing)

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return `call` and `invoke`; the document tells what they reach."""
        return ("call", "invoke")

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource; the first call reads the document."""
        assert isinstance(config, OpenAPIConfig)
        return cls(config, name=name)

    def operations(self) -> Mapping[str, Operation]:
        """Return what a script may call."""
        return {"call": self.call, "invoke": self.invoke}

    def catalog(self) -> list[JSONObject]:
        """Return what the API offers, by the names that `invoke` takes."""
        return [self._entry(spec) for spec in self._source.document().operations.values()]

    def describe(self, name: str) -> JSONObject:
        """Return one operation in full: its parameters, its body and what it answers.

        Raises:
            NotFoundError: there is none of this name; the message has the nearest.
        """
        document = self._source.document()
        spec = document.operations.get(name)
        if spec is None:
            raise not_found(name, document.operations, source=self._name, kind="operation")
        parameters: list[JSONValue] = [
            {
                "name": parameter.name,
                "in": parameter.place if parameter in spec.parameters else "form",
                "required": parameter.required,
                "type": type_of(parameter.schema, document.resolved),
                "description": parameter.description,
                "schema": written_out(_without_names(parameter.schema), document.resolved),
            }
            for parameter in (*spec.parameters, *spec.form_fields)
        ]
        has_body = bool(spec.body_types) and not spec.form_fields
        body: JSONObject = {
            "required": spec.body_required,
            "types": list(spec.body_types),
            "schema": written_out(spec.body_schema, document.resolved),
        }
        return {
            **self._entry(spec),
            "parameters": parameters,
            "body": body if has_body else None,
            "answer": written_out(spec.answer_schema, document.resolved),
        }

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Raise `UnsupportedOperationError`: an operation has no rows."""
        raise no_rows(name, source=self._name)

    def test(self) -> Sequence[Check]:
        """Read the document, ask for the API, and tell what keeps a read-only datasource so."""
        return (
            connection_check(self._reached),
            access_check(self._config.access, enforced_by="Nothing but GET and HEAD is sent."),
        )

    def check_reads(self, operation: str, arguments: Sequence[object]) -> None:
        """Refuse what would write, whatever the configuration allows.

        Raises:
            ReadOnlyError: the call's method is neither GET nor HEAD.
        """
        first = arguments[0] if arguments else None
        if operation == "invoke":
            method = self._spec(first).method
        else:
            method = _call_options(arguments[1] if len(arguments) > 1 else None)["method"]
        self._check_method(str(method), writable=False)

    def invoke(self, operation_id: str, arguments: object = None) -> object:
        """Call an operation by its id; `body` among the arguments is its body.

        Raises:
            UnsupportedOperationError: the document has no such operation.
            ValidationFailedError: the arguments do not fit.
            ReadOnlyError: the datasource is read-only, and the operation is not a GET.
            QueryError, UnavailableError, LimitExceededError: as `HTTPClient.send`.
        """
        spec = self._spec(operation_id)
        self._check_method(spec.method, writable=self._is_writable)
        document = self._source.document()
        given = checked_arguments(spec, arguments, resolve=document.resolved)
        parts = written(spec.path, spec.parameters, given)
        headers: dict[str, str] = dict(parts.headers)
        content = b""
        if spec.form_fields:
            names = {parameter.name for parameter in spec.form_fields}
            form = {name: value for name, value in given.items() if name in names}
            content, headers["content-type"] = _form(form, spec.body_types)
        elif BODY in given:
            content, headers["content-type"] = _body(given[BODY], spec.body_types)
        url = with_params(self._url(parts.path), parts.query)
        return self._send(HTTPRequest(spec.method, url, headers=headers, content=content))

    def call(self, path: str, options: object = None) -> object:
        """Call a path, such as `/users/{id}`, with `method`, `pathParams`, `queryParams`, `body`.

        Where the document describes the path and the method, its parameters are checked.

        Raises:
            As `invoke`; also StatementRefusedError for a path outside the base URL.
        """
        if not isinstance(cast("object", path), str):
            raise ValidationFailedError("call: the path must be a string")
        wanted = _call_options(options)
        method = str(wanted["method"])
        self._check_method(method, writable=self._is_writable)
        in_path, in_query = _mapping(wanted, "pathParams"), _mapping(wanted, "queryParams")
        spec = self._source.document().find(method, path)
        types = spec.body_types if spec else ()
        if spec is not None:
            query = self._checked_query(spec, {**in_query, **in_path}, wanted)
        else:
            query = query_params(in_query)
        headers: dict[str, str] = {}
        for name, value in _mapping(wanted, "headers").items():
            headers |= header(name, scalar_text(value, name))
        content = b""
        if wanted.get(BODY) is not None:
            content, headers["content-type"] = _body(wanted[BODY], types)
        url = with_params(self._url(_filled(path, in_path)), query)
        return self._send(HTTPRequest(method, url, headers=headers, content=content))

    def cancel(self) -> None:
        """End every request that runs now."""
        self._source.cancel()

    def close(self) -> None:
        """Close the connections."""
        self._source.close()

    def _entry(self, spec: OperationSpec) -> JSONObject:
        return {
            "name": spec.id,
            "kind": "operation",
            "method": spec.method,
            "path": spec.path,
            "summary": spec.summary,
            "writes": spec.method not in _READING,
        }

    def _reached(self) -> str:
        count = len(self._source.document().operations)
        answered = reached(self._source.client(), self._source.base_url())
        return f"The document was read: it has {count} operations. {answered}"

    @property
    def _is_writable(self) -> bool:
        return self._config.access == "read_write"

    def _check_method(self, method: str, *, writable: bool) -> None:
        if method not in _READING and not writable:
            raise read_only_error(self._name, f"{method} writes")

    def _checked_query(
        self, spec: OperationSpec, values: Mapping[str, object], wanted: Mapping[str, object]
    ) -> list[tuple[str, str]]:
        """Check everything a call gives by its description, and write the query."""
        given = dict(values)
        headers = {name.lower(): value for name, value in _mapping(wanted, "headers").items()}
        for parameter in spec.parameters:
            if parameter.place == "header" and parameter.name.lower() in headers:
                given[parameter.name] = headers[parameter.name.lower()]
        body = wanted.get(BODY)
        if body is not None:
            # The fields of a form are parameters of their own.
            given |= _mapping(wanted, BODY) if spec.form_fields else {BODY: body}
        checked = checked_arguments(spec, given, resolve=self._source.document().resolved)
        return written(spec.path, spec.parameters, checked).query

    def _spec(self, operation_id: object) -> OperationSpec:
        known = self._source.document().operations
        spec = known.get(operation_id) if isinstance(operation_id, str) else None
        if spec is None:
            asked = str(operation_id)[:100]
            raise UnsupportedOperationError(
                f"Datasource {self._name!r} (openapi) has no operation {asked!r}"
                f"{nearest(asked, known)}",
                hint=f"It offers: {', '.join(sorted(known)[:50]) or 'none'}.",
                details={"datasource": self._name, "operations": sorted(known)},
            )
        return spec

    def _send(self, request: HTTPRequest) -> object:
        client = self._source.client()
        return value_of(client.send(request), client)

    def _url(self, path: str) -> httpx.URL:
        return endpoint_url(self._source.base_url(), path, name=self._name)


def _call_options(options: object) -> dict[str, object]:
    """Return the options of `call`, with the method in capitals."""
    if options is not None and not isinstance(options, Mapping):
        raise ValidationFailedError("call: the options must be an object, such as {method: 'GET'}")
    given = dict(cast("Mapping[str, object]", options or {}))
    unknown = {name: "is not an option" + nearest(name, _OPTIONS) for name in given}
    unknown = {name: text for name, text in unknown.items() if name not in _OPTIONS}
    if unknown:
        told = "; ".join(f"{name} {text}" for name, text in unknown.items())
        raise ValidationFailedError(f"call: {told}", fields=unknown)
    method = str(given.get("method") or "GET").upper()
    if method not in _METHODS:
        raise ValidationFailedError(
            f"call: the method must be one of {', '.join(sorted(_METHODS))}"
        )
    return {**given, "method": method}


def _mapping(options: Mapping[str, object], name: str) -> dict[str, object]:
    found = options.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise ValidationFailedError(f"call: {name} must be an object")
    given = cast("Mapping[str, object]", found or {})
    return {key: value for key, value in given.items() if value is not None}


def _filled(path: str, values: Mapping[str, object]) -> str:
    """Return a path with its placeholders filled, each by a value, and no value left."""
    names = _PLACEHOLDER.findall(path)
    problems = {name: "is missing in pathParams" for name in names if name not in values}
    problems |= {name: f"has no place in {path}" for name in values if name not in names}
    if problems:
        told = "; ".join(f"{name} {text}" for name, text in problems.items())
        raise ValidationFailedError(f"call: {told}", fields=problems)
    return _PLACEHOLDER.sub(lambda m: path_text(values[m.group(1)], m.group(1)), path)


def _body(value: object, types: Sequence[str]) -> tuple[bytes, str]:
    """Return a body in the best of the content types that an operation takes."""
    kind = types[0].partition(";")[0].strip().lower() if types else ""
    if kind.endswith("json") and not isinstance(value, bytes):
        return json_body(value), kind
    wanted = kind if kind and "*" not in kind else None
    if isinstance(value, Mapping) and (kind == FORM or kind.startswith("multipart/")):
        return _form(cast("Mapping[str, object]", value), types)
    content, told = body_of(cast("object", value), content_type=wanted)
    return content, told or "application/octet-stream"


def _form(value: Mapping[str, object], types: Sequence[str]) -> tuple[bytes, str]:
    kind = types[0] if types else FORM
    if kind.startswith("multipart/") or any(isinstance(item, bytes) for item in value.values()):
        return multipart_body(value)
    return form_body(value), FORM


def _without_names(schema: Node) -> Node:
    """Return a parameter's schema; in Swagger 2 it also holds what the parameter is."""
    return {key: value for key, value in schema.items() if key not in _NOT_OF_A_SCHEMA}
