"""Parameters as Dagster's config schema: what the Launchpad and the command line show and check."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import dagster as dg

from analysis_sandbox.orchestration.names import op_name
from analysis_sandbox.script.definition import ParameterSpec
from analysis_sandbox.values import JSONObject

_DATE = (
    "A date as YYYY-MM-DD, or one of: yesterday, today, last_week, last_month, current_month, "
    "week_start, week_end."
)

# Dagster's config types have no type of their own in common.
ConfigType: TypeAlias = Any

_ANYTHING: ConfigType = dg.Permissive()  # pyright: ignore[reportUnknownVariableType]


def config_schema(parameters: Mapping[str, ParameterSpec] | None, *, job: str) -> ConfigType:
    """Return the schema of an op's config; any object when no parameters are declared.

    Defaults stay as the script states them: words such as `yesterday` are resolved when it runs.
    """
    if parameters is None:
        return _ANYTHING
    return {name: _field(spec, f"{job}_{name}") for name, spec in parameters.items()}


def run_config(job: str, parameters: JSONObject) -> dict[str, Any]:
    """Return the run config that gives a job's op these parameters; null means not given."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return {"ops": {op_name(job): {"config": given}}}


def _field(spec: ParameterSpec, enum_name: str) -> dg.Field:
    kind, allowed = _type(spec, enum_name)
    description = " ".join(filter(None, [spec.description, *_facts(spec, allowed)])) or None
    if spec.default is None:
        return dg.Field(kind, is_required=spec.required, description=description)
    return dg.Field(kind, is_required=False, default_value=spec.default, description=description)


def _type(spec: ParameterSpec, enum_name: str) -> tuple[ConfigType, str]:
    """Return the config type, and the allowed values in words where the type cannot hold them."""
    match spec.type:
        case "number":
            return dg.Float, ""
        case "boolean":
            return dg.Bool, ""
        case "object":
            return _ANYTHING, ""
        case "select":
            return _choice(spec, enum_name)
        case "multiselect":
            item, allowed = _choice(spec, enum_name)
            return dg.Array(item), allowed
        case _:
            return dg.String, ""


def _choice(spec: ParameterSpec, enum_name: str) -> tuple[ConfigType, str]:
    values = list(dict.fromkeys(choice.value for choice in spec.choices()))
    if not values:
        # A function offers them when somebody asks: numbers and strings alike.
        return dg.Any, ""
    allowed = f"One of: {', '.join(map(str, values))}."
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        return dg.Float, allowed
    if len(texts) < len(values):
        return dg.Any, allowed
    # A default that is resolved at the run, such as last_month, need not be one of the choices.
    defaults = spec.default if isinstance(spec.default, list) else [spec.default]
    if any(value is not None and value not in texts for value in defaults):
        return dg.String, allowed
    return dg.Enum(enum_name, [dg.EnumValue(text) for text in texts]), ""


def _facts(spec: ParameterSpec, allowed: str) -> list[str]:
    facts = [_DATE] if spec.type == "date" else []
    if spec.min is not None:
        facts.append(f"At least {spec.min}.")
    if spec.max is not None:
        facts.append(f"At most {spec.max}.")
    if spec.pattern:
        facts.append(f"Matches {spec.pattern}.")
    if spec.depends_on:
        facts.append(f"The choices depend on {', '.join(spec.depends_on)}.")
    return [*facts, allowed]
