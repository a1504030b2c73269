"""What people configure a datasource with: checked field by field, its secrets kept apart.

Fields are named as in `auth.token`. No message repeats a value: it may be a secret.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError

from analysis_sandbox.datasources.base import DatasourceConfig
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.values import JSONObject, JSONValue

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_PASSWORD_IN_URL = re.compile(r"://[^/?#@\s]*:[^/?#\s]*@")
# Shorter texts are words of the messages themselves.
_SHORTEST_HIDDEN = 6
_HIDDEN = "…"
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class CheckedFields:
    """A configuration that is valid, as it was given: what may be shown, and what may not."""

    config: DatasourceConfig
    plain: JSONObject
    secrets: JSONObject = field(repr=False)


def check_fields(type_name: str, values: JSONObject, *, directory: Path) -> CheckedFields:
    """Check the fields of a datasource; relative paths are relative to `directory`.

    Raises:
        ValidationFailedError: with everything that is wrong, by field.
        ConfigurationError: the type is unknown; MissingDependencyError: its driver is.
    """
    problems = {
        path: "references to the environment work in datasources.yaml only"
        for path, text in texts_of(values)
        if _REFERENCE.search(text)
    }
    if not problems:
        try:
            config = load_type(type_name).config_model.model_validate(
                values, context={"directory": directory}
            )
        except ValidationError as error:
            problems = _problems(error, values)
        else:
            plain, secrets = _split(values, config)
            return CheckedFields(config=config, plain=plain, secrets=secrets)
    told = "; ".join(f"{name}: {text}" for name, text in problems.items())
    raise ValidationFailedError(f"The datasource is not valid: {told}", fields=problems)


def merged(plain: JSONObject, secrets: JSONObject) -> JSONObject:
    """Return one object with the fields of both."""
    whole = dict(plain)
    for name, value in secrets.items():
        known = whole.get(name)
        both = isinstance(known, dict) and isinstance(value, dict)
        whole[name] = (
            merged(cast("JSONObject", known), cast("JSONObject", value)) if both else value
        )
    return whole


def leaf_names(values: JSONObject, prefix: str = "") -> list[str]:
    """Return the name of every field that is no object itself."""
    names: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            names += leaf_names(value, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def texts_of(value: JSONValue, path: str = "") -> Iterator[tuple[str, str]]:
    """Return every text within a value, with the name of its field."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from texts_of(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item, path)


def secret_names(model: type[BaseModel]) -> list[str]:
    """Return the fields of a configuration model that are secrets; `*` is any name."""
    schema = model.model_json_schema()
    found = _secret_places(schema, cast("JSONObject", schema.get("$defs", {})), ())
    return sorted({".".join(place) for place in found})


def _secret_places(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], seen: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if schema.get("writeOnly"):
        yield ()
    reference = str(schema.get("$ref", "")).rpartition("/")[2]
    if reference and reference not in seen:
        yield from _secret_places(definitions[reference], definitions, (*seen, reference))
    for kind in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(kind, ()):
            yield from _secret_places(part, definitions, seen)
    inner: dict[str, Any] = dict(schema.get("properties", {}))
    for kind, name in (("additionalProperties", "*"), ("items", "*")):
        if isinstance(schema.get(kind), dict):
            inner[name] = schema[kind]
    for name, part in inner.items():
        for place in _secret_places(part, definitions, seen):
            yield (name, *place)


def _split(given: JSONObject, checked: object) -> tuple[JSONObject, JSONObject]:
    plain: JSONObject = {}
    secrets: JSONObject = {}
    for name, value in given.items():
        inner = _member(checked, name)
        if isinstance(value, dict) and isinstance(inner, BaseModel | Mapping):
            plain[name], hidden = _split(value, cast("object", inner))
            if hidden:
                secrets[name] = hidden
        elif _is_secret(value, inner):
            secrets[name] = value
        else:
            plain[name] = value
    return plain, secrets


def _member(checked: object, name: str) -> object:
    if isinstance(checked, BaseModel):
        for field_name, info in type(checked).model_fields.items():
            if name in (field_name, info.alias, info.validation_alias):
                return getattr(checked, field_name)
        return _ABSENT
    return cast("Mapping[str, object]", checked).get(name, _ABSENT)


def _is_secret(value: JSONValue, checked: object) -> bool:
    # A field that the model took in, but does not have, was made into something else: who knows.
    if checked is _ABSENT or _holds_secret(checked):
        return True
    return any(_PASSWORD_IN_URL.search(text) for _, text in texts_of(value))


def _holds_secret(checked: object) -> bool:
    if isinstance(checked, SecretStr | SecretBytes):
        return True
    inner: Iterable[object] = ()
    if isinstance(checked, BaseModel):
        inner = (value for _, value in checked)
    elif isinstance(checked, Mapping):
        inner = cast("Mapping[object, object]", checked).values()
    elif isinstance(checked, list | tuple | set | frozenset):
        inner = cast("Iterable[object]", checked)
    return any(_holds_secret(item) for item in inner)


def _problems(error: ValidationError, values: JSONObject) -> dict[str, str]:
    texts = sorted({text for _, text in texts_of(values)}, key=len, reverse=True)
    problems: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_input=False):
        told = problem["msg"].removeprefix("Value error, ")
        for text in texts:
            if len(text) >= _SHORTEST_HIDDEN:
                told = told.replace(text, _HIDDEN)
        problems[".".join(map(str, problem["loc"])) or "config"] = told
    return problems
