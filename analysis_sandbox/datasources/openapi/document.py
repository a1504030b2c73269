"""Reads an OpenAPI 3.0 or 3.1 or a Swagger 2 document: the operations that it describes.

Only what a call needs is read, so that a mistake elsewhere in a document does no harm. References
are followed within the document only.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import unquote

from analysis_sandbox.datasources.openapi.yaml import YAMLProblem, parse_yaml
from analysis_sandbox.errors import ConfigurationError

Place = Literal["path", "query", "header", "cookie"]
Node: TypeAlias = Mapping[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PLACES: Mapping[str, Place] = {
    "path": "path",
    "query": "query",
    "header": "header",
    "cookie": "cookie",
}
# Swagger 2 tells how arrays are written in one word.
_COLLECTION_STYLES: Mapping[str, tuple[str, bool]] = {
    "csv": ("form", False),
    "ssv": ("spaceDelimited", False),
    "tsv": ("spaceDelimited", False),
    "pipes": ("pipeDelimited", False),
    "multi": ("form", True),
}
_DEFAULT_STYLES: Mapping[Place, str] = {
    "path": "simple",
    "query": "form",
    "header": "simple",
    "cookie": "form",
}
# Parameters of these names are ignored, as the standard says.
_RESERVED_HEADERS = frozenset({"accept", "content-type", "authorization"})
_DEEPEST_REFERENCE = 32
_PLACEHOLDER = re.compile(r"\{([^{}/]+)\}")
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation. `as_json` values are written as JSON text."""

    name: str
    place: Place
    required: bool = False
    description: str = ""
    schema: Node = field(default_factory=dict[str, Any])
    style: str = "form"
    explode: bool = True
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation: how it is called, and what it takes.

    `body_types` are the content types of its body, the best first; empty if it has none. Where
    `form_fields` are told, they are parameters that make up the body.
    """

    id: str
    method: str
    path: str
    summary: str = ""
    parameters: tuple[Parameter, ...] = ()
    body_types: tuple[str, ...] = ()
    body_required: bool = False
    form_fields: tuple[Parameter, ...] = ()
    body_schema: Node = field(default_factory=dict[str, Any])
    answer_schema: Node = field(default_factory=dict[str, Any])


class Document:
    """The operations of a document, by id and by place."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._is_old = "swagger" in root
        self.operations: dict[str, OperationSpec] = {}
        for method, path, node, shared in self._places():
            spec = self._operation(method, path, node, shared)
            self.operations[spec.id] = spec
        self._by_place = {(s.method, s.path): s for s in self.operations.values()}

    @property
    def server(self) -> str | None:
        """The address that the document itself names, if it does; it may be relative."""
        if self._is_old:
            host, path = _text(self._root.get("host")), _text(self._root.get("basePath"))
            schemes = [str(scheme) for scheme in _list(self._root.get("schemes"))]
            scheme = "https" if "https" in schemes or not schemes else schemes[0]
            return f"{scheme}://{host}{path}" if host else path or None
        servers = _list(self._root.get("servers"))
        server = _node(servers[0] if servers else None)
        variables = _node(server.get("variables"))
        url = _text(server.get("url"))
        for name, variable in variables.items():
            url = url.replace("{" + name + "}", _text(_node(variable).get("default")))
        return url or None

    def find(self, method: str, path: str) -> OperationSpec | None:
        """Return the operation of a method and a path as the document writes it."""
        return self._by_place.get((method, path))

    def resolved(self, node: object) -> Node:
        """Return what a node is, or refers to; an empty one if that is nowhere in the document."""
        for _ in range(_DEEPEST_REFERENCE):
            found = _node(node)
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            # Other files and servers are not asked: what stands there is not known.
            if not reference.startswith("#/"):
                return {}
            node = self._at(reference[2:])
        return {}

    def _at(self, pointer: str) -> object:
        place: object = self._root
        for part in pointer.split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(place, list):
                members = _list(cast("object", place))
                inside = key.isdecimal() and int(key) < len(members)
                place = members[int(key)] if inside else None
            else:
                place = _node(place).get(key)
        return place

    def _places(self) -> Iterator[tuple[str, str, Node, list[object]]]:
        for path, item in _node(self._root.get("paths")).items():
            found = self.resolved(item)
            shared = _list(found.get("parameters"))
            for method in METHODS:
                if isinstance(found.get(method), Mapping):
                    yield method.upper(), str(path), _node(found[method]), shared

    def _operation(self, method: str, path: str, node: Node, shared: list[object]) -> OperationSpec:
        # A parameter of the operation replaces the path's of the same name and place.
        nodes: dict[tuple[str, str], Node] = {}
        for given in (*shared, *_list(node.get("parameters"))):
            found = self.resolved(given)
            nodes[_text(found.get("name")), _text(found.get("in"))] = found
        parameters = [self._parameter(found) for found in nodes.values() if _is_parameter(found)]
        # Every place in the path needs a value, told of or not.
        told = {parameter.name for parameter in parameters if parameter.place == "path"}
        parameters += [
            Parameter(name, "path", required=True, style="simple", explode=False)
            for name in _PLACEHOLDER.findall(path)
            if name not in told
        ]
        body = self._body(node, nodes)
        return OperationSpec(
            id=self._id(method, path, node),
            method=method,
            path=path,
            summary=_text(node.get("summary")) or _text(node.get("description"))[:200],
            parameters=tuple(parameters),
            body_types=body[0],
            body_required=body[1],
            form_fields=body[2],
            body_schema=self._body_schema(node, nodes, body[0]),
            answer_schema=self._answer_schema(node),
        )

    def _id(self, method: str, path: str, node: Node) -> str:
        stated = _text(node.get("operationId"))
        wanted = stated or _NO_WORD.sub("_", f"{method.lower()}_{path}").strip("_")
        unique, number = wanted, 1
        while unique in self.operations:
            number += 1
            unique = f"{wanted}_{number}"
        return unique

    def _parameter(self, node: Node) -> Parameter:
        place = _PLACES.get(_text(node.get("in")), "query")
        content = _node(node.get("content"))
        schema = _node(next(iter(content.values()), None)) if content else node
        # In Swagger 2 the parameter is its own schema.
        schema = node if self._is_old else self.resolved(schema.get("schema"))
        style = _text(node.get("style")) or _DEFAULT_STYLES[place]
        explode = bool(node.get("explode", style in ("form", "deepObject")))
        if self._is_old:
            told = _text(node.get("collectionFormat")) or "csv"
            style, explode = _COLLECTION_STYLES.get(told, ("form", False))
            style = style if place == "query" else _DEFAULT_STYLES[place]
        return Parameter(
            name=_text(node.get("name")),
            place=place,
            required=bool(node.get("required")) or place == "path",
            description=_text(node.get("description")),
            schema=schema,
            style=style,
            explode=explode,
            as_json=bool(content),
        )

    def _body(
        self, node: Node, nodes: Mapping[tuple[str, str], Node]
    ) -> tuple[tuple[str, ...], bool, tuple[Parameter, ...]]:
        if not self._is_old:
            body = self.resolved(node.get("requestBody"))
            types = tuple(str(name) for name in _node(body.get("content")))
            return _best_first(types), bool(body.get("required")), ()
        consumes = _list(node.get("consumes")) or _list(self._root.get("consumes"))
        types = tuple(str(name) for name in consumes)
        bodies = [found for (_, place), found in nodes.items() if place == "body"]
        if bodies:
            return _best_first(types or ("application/json",)), bool(bodies[0].get("required")), ()
        fields = tuple(
            self._parameter(found) for (_, place), found in nodes.items() if place == "formData"
        )
        forms = tuple(name for name in types if "form" in name)
        default = ("application/x-www-form-urlencoded",)
        return (forms or default, False, fields) if fields else ((), False, ())

    def _body_schema(
        self, node: Node, nodes: Mapping[tuple[str, str], Node], types: tuple[str, ...]
    ) -> Node:
        if self._is_old:
            bodies = [found for (_, place), found in nodes.items() if place == "body"]
            return _node(bodies[0].get("schema") if bodies else None)
        content = _node(self.resolved(node.get("requestBody")).get("content"))
        return _node(_node(content.get(types[0]) if types else None).get("schema"))

    def _answer_schema(self, node: Node) -> Node:
        """Return the schema of the first answer that is a success."""
        answers = {str(status): found for status, found in _node(node.get("responses")).items()}
        good = sorted(status for status in answers if status.startswith("2"))
        answer = self.resolved(answers[good[0]] if good else answers.get("default"))
        if self._is_old:
            return _node(answer.get("schema"))
        content = _node(answer.get("content"))
        types = _best_first(tuple(str(name) for name in content))
        return _node(_node(content.get(types[0]) if types else None).get("schema"))


def parse_document(text: str, *, name: str) -> Document:
    """Return the document that JSON or YAML text is.

    Raises:
        ConfigurationError: it is neither, or not a document of a known version.
    """
    try:
        if text.lstrip("\ufeff \t\r\n").startswith("{"):
            data: object = json.loads(text.removeprefix("\ufeff"))
        else:
            data = parse_yaml(text)
    except (ValueError, YAMLProblem, RecursionError) as error:
        kind = type(error).__name__
        raise _not_a_document(name, f"is neither JSON nor YAML ({kind})") from None
    return document_of(data, name=name)


def document_of(data: object, *, name: str) -> Document:
    """Return the document that parsed data is; raises as `parse_document`."""
    root = _node(data)
    version = str(root.get("openapi") or root.get("swagger") or "")
    if not version.startswith(("3.0", "3.1", "2")):
        told = f"is of version {version[:20]!r}" if version else "names no version"
        raise _not_a_document(name, f"{told}; these are read: OpenAPI 3.0, 3.1 and Swagger 2.0")
    return Document(root)


def _is_parameter(node: Node) -> bool:
    place, name = _text(node.get("in")), _text(node.get("name"))
    is_reserved = place == "header" and name.lower() in _RESERVED_HEADERS
    return bool(name) and place in _PLACES and not is_reserved


def _best_first(types: tuple[str, ...]) -> tuple[str, ...]:
    """JSON before forms before everything else, which may be anything."""
    ranks = ("json", "x-www-form-urlencoded", "form-data", "")
    return tuple(
        sorted(types, key=lambda kind: next(i for i, rank in enumerate(ranks) if rank in kind))
    )


def _not_a_document(name: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"Datasource {name!r}: its spec {reason}",
        hint="Set spec to the address or the file of an OpenAPI document.",
        details={"datasource": name},
    )


def _node(value: Any) -> Node:
    return cast("Node", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
