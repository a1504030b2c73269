"""Reads what a script asks of a GraphQL API: which operation it is, its size, its variables."""

import base64
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values
from graphql.validation import OverlappingFieldsCanBeMergedRule

from analysis_sandbox.errors import (
    LimitExceededError,
    UnsupportedOperationError,
    ValidationFailedError,
)

Kind = Literal["query", "mutation"]

_MOST_TOKENS = 10_000
_MOST_FRAGMENTS = 100
_MOST_ERRORS = 20
_DEEPEST_VARIABLES = 100
# Its time grows with the square of the fields; the server applies it anyway.
_RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as it is sent; `text` may hold several, `operation` is the one that runs."""

    text: str
    operation_name: str | None
    variables: dict[str, object]
    document: DocumentNode
    operation: OperationDefinitionNode


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The largest document that is sent."""

    max_depth: int
    max_bytes: int


def request_of(options: object, kind: Kind, *, limits: DocumentLimits) -> Request:
    """Return what the options of `query` or `mutate` ask for.

    Raises:
        ValidationFailedError: they are wrong, the text is no GraphQL, or it is of another kind.
        UnsupportedOperationError: it is a subscription.
        LimitExceededError: it is too large or nested too deeply.
    """
    method = "query" if kind == "query" else "mutate"
    if isinstance(options, str):
        options = {kind: options}
    if not isinstance(options, Mapping):
        raise ValidationFailedError(f"{method}: the options must be an object, such as {{{kind}}}")
    given = cast("Mapping[str, object]", options)
    _check_names(given, (kind, "variables", "operationName"), method)
    text, name = given.get(kind), given.get("operationName")
    if not isinstance(text, str) or not text.strip():
        raise ValidationFailedError(f"{method}: {kind} must be the text of a GraphQL {kind}")
    if name is not None and not isinstance(name, str):
        raise ValidationFailedError(f"{method}: operationName must be text")
    document = _parsed(text, method, limits=limits)
    operation = _operation(document, name, kind, method)
    _check_depth(document, operation, limits.max_depth)
    variables = _variables(given.get("variables"), method)
    return Request(text, name, variables, document, operation)


def problems_of(request: Request, schema: GraphQLSchema | None) -> dict[str, str]:
    """Return what is wrong with a request, by its place; without a schema little is known."""
    problems: dict[str, str] = {}
    if schema is not None:
        errors = validate(schema, request.document, _RULES, max_errors=_MOST_ERRORS)
        for error in errors:
            place = _place(error)
            told = problems.get(place)
            problems[place] = f"{told} {error.message}" if told else error.message
    problems |= _unknown_variables(request)
    if schema is None:
        return problems | _missing_variables(request)
    if not problems:
        nodes = request.operation.variable_definitions or ()
        coerced = get_variable_values(schema, nodes, request.variables, max_errors=_MOST_ERRORS)
        if isinstance(coerced, list):
            problems |= {f"variables {n}": e.message for n, e in enumerate(coerced, 1)}
    return problems


def invalid(problems: Mapping[str, str], method: str) -> ValidationFailedError:
    """Return the error for a request with problems."""
    told = "; ".join(f"{text} ({place})" for place, text in problems.items())
    return ValidationFailedError(f"{method}: {told}", fields=problems)


def _parsed(text: str, method: str, *, limits: DocumentLimits) -> DocumentNode:
    size = len(text.encode("utf-8", "replace"))
    if size > limits.max_bytes:
        raise LimitExceededError(
            f"{method}: the text is {size} bytes, more than {limits.max_bytes >> 10} KB",
            hint="Pass data as variables, or raise max_query_kb.",
        )
    try:
        return parse(text, max_lexical_tokens=_MOST_TOKENS, max_comments=_MOST_TOKENS)
    except GraphQLError as error:
        raise ValidationFailedError(
            f"{method}: the text is not GraphQL: {error.message} ({_place(error)})"
        ) from None


def _operation(
    document: DocumentNode, name: str | None, kind: Kind, method: str
) -> OperationDefinitionNode:
    operations: list[OperationDefinitionNode] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
        elif not isinstance(definition, FragmentDefinitionNode):
            raise ValidationFailedError(f"{method}: the text must hold operations and fragments")
    # A server may run another operation than the one that is named: every one is looked at.
    for operation in operations:
        found = operation.operation.value
        if found == "subscription":
            raise UnsupportedOperationError(
                f"{method}: subscriptions are not supported", hint="Ask with a query instead."
            )
        if found != kind:
            other = "mutate" if kind == "query" else "query"
            raise ValidationFailedError(
                f"{method}: the text holds a {found}; use {other} for it",
                fields={kind: f"holds a {found}"},
            )
    names = [operation.name.value for operation in operations if operation.name]
    if name is None and len(operations) == 1:
        return operations[0]
    for operation in operations:
        if name is not None and operation.name is not None and operation.name.value == name:
            return operation
    told = f"has no operation {name!r}" if name else f"has {len(operations)} operations"
    raise ValidationFailedError(
        f"{method}: the text {told}; set operationName to one of: {', '.join(names) or 'none'}",
        fields={"operationName": "must name an operation of the text"},
    )


def _check_depth(document: DocumentNode, operation: OperationDefinitionNode, deepest: int) -> None:
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    if len(fragments) > _MOST_FRAGMENTS:
        raise LimitExceededError(f"The text has more than {_MOST_FRAGMENTS} fragments")
    depths: dict[str, int] = {}

    def of_fragment(name: str) -> int:
        # One within itself is not deep; the rules refuse it.
        if name not in depths and name in fragments:
            depths[name] = 0
            depths[name] = of_selection(fragments[name].selection_set)
        return depths.get(name, 0)

    def of_selection(selected: SelectionSetNode | None) -> int:
        deepest_inside = 0
        for selection in selected.selections if selected else ():
            if isinstance(selection, FragmentSpreadNode):
                inside = of_fragment(selection.name.value)
            else:
                node = cast("Any", selection)
                inner = cast("SelectionSetNode | None", node.selection_set)
                # An inline fragment is no level of its own.
                inside = of_selection(inner) + int(node.kind == "field")
            deepest_inside = max(deepest_inside, inside)
        return deepest_inside

    depth = of_selection(operation.selection_set)
    if depth > deepest:
        raise LimitExceededError(
            f"The text is nested {depth} levels deep, more than {deepest}",
            hint="Ask for less at once, or raise max_depth.",
            details={"depth": depth, "max_depth": deepest},
        )


def _variables(given: object, method: str) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValidationFailedError(f"{method}: variables must be an object, such as {{id: 1}}")
    return cast("dict[str, object]", _plain(cast("object", given), method, 0))


def _plain(value: object, method: str, depth: int) -> object:
    """Return a value as JSON has it: bytes as Base64."""
    if depth > _DEEPEST_VARIABLES:
        raise ValidationFailedError(f"{method}: the variables are nested too deeply")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {key: _plain(item, method, depth + 1) for key, item in members.items()}
    if isinstance(value, list):
        return [_plain(item, method, depth + 1) for item in cast("list[object]", value)]
    return value


def _unknown_variables(request: Request) -> dict[str, str]:
    known = [node.variable.name.value for node in request.operation.variable_definitions or ()]
    return {
        f"variables.{name}": "is not a variable of the operation" + _nearest(name, known)
        for name in request.variables
        if name not in known
    }


def _missing_variables(request: Request) -> dict[str, str]:
    return {
        f"variables.{node.variable.name.value}": "is required"
        for node in request.operation.variable_definitions or ()
        if isinstance(node.type, NonNullTypeNode)
        and node.default_value is None
        and request.variables.get(node.variable.name.value) is None
    }


def _check_names(given: Mapping[str, object], known: Sequence[str], method: str) -> None:
    unknown = {name: "is not an option" + _nearest(name, known) for name in given}
    unknown = {name: text for name, text in unknown.items() if name not in known}
    if unknown:
        told = "; ".join(f"{name} {text}" for name, text in unknown.items())
        raise ValidationFailedError(f"{method}: {told}", fields=unknown)


def _place(error: GraphQLError) -> str:
    if not error.locations:
        return "whole"
    place = error.locations[0]
    return f"line {place.line}, column {place.column}"


def _nearest(name: str, known: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""
