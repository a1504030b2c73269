"""Tells readers what a GraphQL schema offers: the fields of queries and mutations, and types."""

from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    ast_from_value,  # pyright: ignore[reportUnknownVariableType]
    get_named_type,
    is_required_argument,
    is_required_input_field,
    print_ast,
)

from analysis_sandbox.values import JSONObject, JSONValue

_MOST_TYPES = 40


def entries(schema: GraphQLSchema) -> list[JSONObject]:
    """Return the fields that a query or a mutation begins with."""
    return [
        {
            "name": name,
            "kind": kind,
            "type": _type_of(field),
            "summary": (field.description or "").strip().partition("\n")[0],
            "writes": kind == "mutation",
        }
        for kind, root in _roots(schema)
        for name, field in root.fields.items()
    ]


def names(schema: GraphQLSchema) -> list[str]:
    """Return every name that can be described: of fields, and of types."""
    fields = [name for _, root in _roots(schema) for name in root.fields]
    types = [name for name in schema.type_map if not name.startswith("__")]
    return list(dict.fromkeys([*fields, *types]))


def described(schema: GraphQLSchema, name: str) -> JSONObject | None:
    """Return a field, also as `Query.name`, or a type in full; None if there is none."""
    holder, _, bare = name.rpartition(".")
    for kind, root in _roots(schema):
        field = root.fields.get(bare)
        if field is not None and holder in ("", root.name):
            return _root_field(bare, kind, field)
    found = schema.type_map.get(name)
    return None if found is None else _type(found)


def _type_of(typed: Any) -> str:
    return str(typed.type)


def _named_type(typed: Any) -> GraphQLNamedType:
    return cast("GraphQLNamedType", get_named_type(typed.type))


def _roots(schema: GraphQLSchema) -> list[tuple[str, GraphQLObjectType]]:
    found = (("query", schema.query_type), ("mutation", schema.mutation_type))
    return [(kind, root) for kind, root in found if root is not None]


def _root_field(name: str, kind: str, field: GraphQLField) -> JSONObject:
    result = _named_type(field)
    types: dict[str, JSONValue] = {}
    for argument in field.args.values():
        _collect_inputs(_named_type(argument), types)
    return {
        "name": name,
        "kind": kind,
        "type": _type_of(field),
        "description": field.description or "",
        "deprecated": field.deprecation_reason,
        "writes": kind == "mutation",
        "arguments": [_argument(key, given) for key, given in field.args.items()],
        "returns": _type(result),
        "types": types,
    }


def _argument(name: str, argument: GraphQLArgument) -> JSONObject:
    return {
        "name": name,
        "type": _type_of(argument),
        "required": is_required_argument(argument),
        "default": _default(argument),
        "description": argument.description or "",
    }


def _default(given: GraphQLArgument | GraphQLInputField) -> str | None:
    if given.default_value is Undefined:
        return None
    node = cast("Any", ast_from_value)(given.default_value, given.type)
    return print_ast(node) if node is not None else None


def _type(found: GraphQLNamedType) -> JSONObject:
    entry: JSONObject = {"name": found.name, "description": found.description or ""}
    if isinstance(found, GraphQLObjectType | GraphQLInterfaceType):
        is_object = isinstance(found, GraphQLObjectType)
        fields: list[JSONValue] = [_field(name, field) for name, field in found.fields.items()]
        return {**entry, "kind": "object" if is_object else "interface", "fields": fields}
    if isinstance(found, GraphQLInputObjectType):
        inputs: list[JSONValue] = [_input(name, field) for name, field in found.fields.items()]
        return {**entry, "kind": "input", "fields": inputs}
    if isinstance(found, GraphQLEnumType):
        return {**entry, "kind": "enum", "values": list(found.values)}
    if isinstance(found, GraphQLUnionType):
        return {**entry, "kind": "union", "types": [member.name for member in found.types]}
    return {**entry, "kind": "scalar"}


def _field(name: str, field: GraphQLField) -> JSONObject:
    return {
        "name": name,
        "type": _type_of(field),
        "description": field.description or "",
        "arguments": [_argument(key, given) for key, given in field.args.items()],
    }


def _input(name: str, field: GraphQLInputField) -> JSONObject:
    return {
        "name": name,
        "type": _type_of(field),
        "required": is_required_input_field(field),
        "default": _default(field),
        "description": field.description or "",
    }


def _collect_inputs(found: GraphQLNamedType, types: dict[str, JSONValue]) -> None:
    """Add the input types and enumerations that a type is made of."""
    if not isinstance(found, GraphQLInputObjectType | GraphQLEnumType):
        return
    if found.name in types or len(types) >= _MOST_TYPES:
        return
    types[found.name] = _type(found)
    if isinstance(found, GraphQLInputObjectType):
        for field in found.fields.values():
            _collect_inputs(_named_type(field), types)
