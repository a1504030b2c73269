"""From the parameters somebody gives to those a script gets, and how parameters are shown."""

from collections.abc import Mapping
from datetime import datetime

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.definition import ParameterSpec
from analysis_sandbox.script.parameters.values import (
    convert,
    convert_default,
    is_absent,
    plain_json,
)
from analysis_sandbox.script.wording import did_you_mean, shown
from analysis_sandbox.values import JSONObject, JSONValue


def resolve(
    specs: Mapping[str, ParameterSpec] | None, given: Mapping[str, object], *, now: datetime
) -> JSONObject:
    """Return the parameters as the script gets them: checked, with defaults, words as dates.

    `specs` None means that the script declares none and takes any JSON object. `now` is aware, in
    the schedule's time zone. What is optional, without default and not given is left out. Resolving
    a result once more changes nothing.

    Raises:
        ValidationFailedError: `fields` says of every parameter what is wrong with it.
    """
    fields: dict[str, str] = {}
    resolved = _undeclared(given, fields) if specs is None else {}
    if specs is not None:
        for name in given:
            if name not in specs:
                fields[_named(name)] = f"is not a parameter{did_you_mean(str(name), specs)}"
        for name, spec in specs.items():
            try:
                if not is_absent(spec, value := given.get(name)):
                    resolved[name] = convert(spec, value, now=now)
                elif spec.default is not None:
                    resolved[name] = convert_default(spec, now=now)
                elif spec.required:
                    fields[name] = "is required"
            except ValidationFailedError as error:
                fields[name] = error.message
    if fields:
        listed = "; ".join(f"{name} {problem}" for name, problem in fields.items())
        raise ValidationFailedError(f"The parameters are not valid: {listed}", fields=fields)
    return resolved


def describe_parameters(specs: Mapping[str, ParameterSpec] | None) -> JSONObject:
    """Return the parameters as clients see them: static options, never a function."""
    return {name: _described(spec) for name, spec in (specs or {}).items()}


def _undeclared(given: Mapping[str, object], fields: dict[str, str]) -> JSONObject:
    resolved: JSONObject = {}
    for name, value in given.items():
        try:
            key = plain_json(str(name))
            resolved[str(key)] = plain_json(value)
        except ValidationFailedError as error:
            fields[_named(name)] = error.message
    return resolved


def _named(name: object) -> str:
    text = str(name)
    return text if text.isidentifier() and len(text) <= 100 else shown(text)


def _described(spec: ParameterSpec) -> JSONValue:
    described: JSONObject = {
        "type": spec.type,
        "required": spec.required,
        "description": spec.description or "",
    }
    if spec.has_dynamic_options:
        described["has_dynamic_options"] = True
    optional = spec.model_dump(
        include={"default", "depends_on", "options", "min", "max", "pattern"},
        exclude_defaults=True,
    )
    return described | optional
