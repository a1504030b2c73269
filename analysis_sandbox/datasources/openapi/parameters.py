"""Checks the arguments of an operation against its description, and writes them as a request."""

import difflib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from urllib.parse import quote

from analysis_sandbox.datasources.http.config import check_header
from analysis_sandbox.datasources.http.urls import scalar_text
from analysis_sandbox.datasources.openapi.document import Node, OperationSpec, Parameter
from analysis_sandbox.errors import ValidationFailedError

Resolve: TypeAlias = Callable[[object], Node]
BODY = "body"
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}
_DEEPEST_SCHEMA = 8
_TYPES: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "string": "text",
}


@dataclass(slots=True)
class Written:
    """What the parameters of a call become."""

    path: str
    query: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    headers: dict[str, str] = field(default_factory=dict[str, str])


def checked_arguments(
    spec: OperationSpec, arguments: object, *, resolve: Resolve
) -> dict[str, object]:
    """Return the arguments of an operation: null ones are left out.

    Raises:
        ValidationFailedError: they do not fit; every problem is named.
    """
    if arguments is not None and not isinstance(arguments, Mapping):
        raise ValidationFailedError(
            f"{spec.id}: the arguments must be an object, such as {{id: 1}}"
        )
    given = {
        name: value
        for name, value in cast("Mapping[str, object]", arguments or {}).items()
        if value is not None
    }
    taken = (*spec.parameters, *spec.form_fields)
    names = list(dict.fromkeys(parameter.name for parameter in taken))
    has_body = bool(spec.body_types) and not spec.form_fields
    problems = _unknown(given, [*names, *([BODY] if has_body else [])])
    for parameter in taken:
        value = given.get(parameter.name)
        if value is None:
            if parameter.required:
                problems[parameter.name] = "is required"
            continue
        problem = mismatch(value, parameter.schema, resolve=resolve)
        if problem and not parameter.as_json:
            problems[parameter.name] = problem
    if has_body and spec.body_required and BODY not in given:
        problems[BODY] = "is required"
    if problems:
        told = "; ".join(f"{name} {text}" for name, text in problems.items())
        raise ValidationFailedError(f"{spec.id}: {told}", fields=problems)
    return given


def mismatch(value: object, schema: Node, *, resolve: Resolve, depth: int = 0) -> str | None:
    """Return why a value does not fit a schema's type or enumeration; None if it does.

    Numbers and booleans may be text: that is what they are in a URL.
    """
    schema = resolve(schema)
    if depth >= _DEEPEST_SCHEMA:
        return None
    every = [mismatch(value, s, resolve=resolve, depth=depth + 1) for s in _all(schema, "allOf")]
    for problem in every:
        if problem:
            return problem
    for key in ("anyOf", "oneOf"):
        problems = [
            mismatch(value, choice, resolve=resolve, depth=depth + 1)
            for choice in _all(schema, key)
        ]
        if problems and all(problems):
            return next(problem for problem in reversed(problems) if problem != _NEVER)
    return (
        _wrong_type(value, schema)
        or _wrong_choice(value, schema)
        or _wrong_item(value, schema, resolve, depth)
    )


def written(
    spec_path: str, parameters: Sequence[Parameter], values: Mapping[str, object]
) -> Written:
    """Return the path, the query and the headers of a call.

    Raises:
        ValidationFailedError: a value cannot be written, or a part of the path has none.
    """
    result = Written(spec_path)
    cookies: list[str] = []
    for parameter in parameters:
        if parameter.name not in values:
            continue
        value = values[parameter.name]
        if parameter.as_json:
            value = json.dumps(value, separators=(",", ":"))
        if parameter.place == "path":
            text = path_text(value, parameter.name, explode=parameter.explode)
            result.path = result.path.replace("{" + parameter.name + "}", text)
        elif parameter.place == "query":
            result.query += _query(value, parameter)
        elif parameter.place == "header":
            text = _simple(value, parameter.name, explode=parameter.explode)
            result.headers |= header(parameter.name, text)
        else:
            text = _simple(value, parameter.name, explode=False)
            cookies.append(f"{quote(parameter.name, safe='')}={quote(text, safe='')}")
    if cookies:
        result.headers["cookie"] = "; ".join(cookies)
    return result


def path_text(value: object, name: str, *, explode: bool = False) -> str:
    """Return a value as one part of a path."""
    if isinstance(value, list):
        parts = [quote(scalar_text(v, name), safe="") for v in cast("list[object]", value)]
        text = ",".join(parts)
    elif isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        joiner = "=" if explode else ","
        text = ",".join(
            f"{quote(k, safe='')}{joiner}{quote(scalar_text(v, name), safe='')}" for k, v in pairs
        )
    else:
        text = quote(scalar_text(value, name), safe="")
    # Nothing escapes these: a server, or something on the way to it, would resolve them.
    if text in ("", ".", ".."):
        raise ValidationFailedError(
            f"The parameter {name!r} stands in the path and cannot be {text!r}",
            fields={name: f"cannot be {text!r}"},
        )
    return text


def header(name: str, text: str) -> dict[str, str]:
    """Return a header; raises `ValidationFailedError` for one that may not be sent."""
    try:
        check_header(name, text)
    except ValueError as error:
        raise ValidationFailedError(str(error)) from None
    if name.lower() in ("authorization", "cookie"):
        raise ValidationFailedError(f"The header {name} comes from the configuration only")
    return {name: text}


def nearest(name: str, known: Collection[str]) -> str:
    """Return a question with the known name that is most like this one; or nothing."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


_NEVER = "must be null"


def _unknown(given: Mapping[str, object], known: list[str]) -> dict[str, str]:
    takes = f"it takes {', '.join(known)}" if known else "it takes none"
    return {
        name: "is not a parameter" + (nearest(name, known) or f"; {takes}")
        for name in given
        if name not in known
    }


def _all(schema: Node, key: str) -> list[Node]:
    found = schema.get(key)
    return cast("list[Node]", found) if isinstance(found, list) else []


def _types(schema: Node) -> list[str]:
    found = schema.get("type")
    return cast("list[str]", found) if isinstance(found, list) else [found] if found else []


def _wrong_type(value: object, schema: Node) -> str | None:
    types = _types(schema)
    if not types or any(_is(value, name) for name in types):
        return None
    named = [_TYPES[name] for name in types if name in _TYPES]
    return f"must be {' or '.join(named)}" if named else _NEVER


def _wrong_choice(value: object, schema: Node) -> str | None:
    choices = schema.get("const", None)
    choices = [choices] if choices is not None else schema.get("enum")
    if not isinstance(choices, list):
        return None
    allowed = cast("list[Any]", choices)
    if value in allowed or _plain(value) in {_plain(choice) for choice in allowed}:
        return None
    return f"must be one of {', '.join(_plain(choice) for choice in allowed[:20])}"


def _wrong_item(value: object, schema: Node, resolve: Resolve, depth: int) -> str | None:
    items = schema.get("items")
    if not isinstance(value, list) or not isinstance(items, Mapping):
        return None
    for item in cast("list[object]", value):
        problem = mismatch(item, cast("Node", items), resolve=resolve, depth=depth + 1)
        if problem:
            return f"has an item that {problem}"
    return None


def _is(value: object, kind: str) -> bool:
    if kind in ("integer", "number"):
        return _is_number(value, whole=kind == "integer")
    fits = {
        "string": not isinstance(value, dict | list),
        "boolean": isinstance(value, bool) or value in ("true", "false"),
        # A single value is an array of one in a URL.
        "array": not isinstance(value, dict),
        "object": isinstance(value, dict),
        "file": True,
    }
    return fits.get(kind, False)


def _is_number(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    if isinstance(value, int):
        return True
    try:
        number = float(value)
    except ValueError:
        return False
    return math.isfinite(number) and (number.is_integer() or not whole)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _simple(value: object, name: str, *, explode: bool) -> str:
    if isinstance(value, list):
        return ",".join(scalar_text(item, name) for item in cast("list[object]", value))
    if isinstance(value, Mapping):
        joiner = "=" if explode else ","
        pairs = cast("Mapping[str, object]", value).items()
        return ",".join(f"{key}{joiner}{scalar_text(item, name)}" for key, item in pairs)
    return scalar_text(value, name)


def _query(value: object, parameter: Parameter) -> list[tuple[str, str]]:
    name = parameter.name
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        if parameter.style == "deepObject":
            return [(f"{name}[{key}]", scalar_text(item, name)) for key, item in pairs]
        if parameter.explode:
            return [(key, scalar_text(item, name)) for key, item in pairs]
        return [(name, _simple(cast("object", value), name, explode=False))]
    if isinstance(value, list):
        texts = [scalar_text(item, name) for item in cast("list[object]", value)]
        if parameter.explode:
            return [(name, text) for text in texts]
        return [(name, _DELIMITERS.get(parameter.style, ",").join(texts))]
    return [(name, scalar_text(value, name))]
