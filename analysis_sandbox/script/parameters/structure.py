"""The `parameters` of a definition: each one checked by itself, then how they hang together."""

from collections.abc import Mapping
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import cast, get_args

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.definition import ParameterSpec, ParameterType
from analysis_sandbox.script.parameters.option_reads import MOST_PARAMETERS, OptionReads
from analysis_sandbox.script.parameters.option_structure import read_options
from analysis_sandbox.script.parameters.patterns import compile_pattern
from analysis_sandbox.script.parameters.values import convert_default
from analysis_sandbox.script.sections import FUNCTION, Section
from analysis_sandbox.script.wording import did_you_mean, shown

_TYPES = cast("tuple[str, ...]", get_args(ParameterType))
_KNOWN = (
    *("type", "required", "default", "description", "options", "depends_on"),
    *("min", "max", "pattern"),
)
_CHOICE_TYPES = frozenset({"select", "multiselect"})
_TEXT_TYPES = frozenset({"string", "text"})
_LONGEST_NAME = 100


def read_parameters(
    section: Section | None, reads: Mapping[str, OptionReads]
) -> dict[str, ParameterSpec] | None:
    """Return the parameters that a definition declares, None when it declares none at all.

    `reads` tells what the options function of each parameter reads.
    """
    if section is None:
        return None
    names = section.keys()
    if len(names) > MOST_PARAMETERS:
        section.problems.error(
            section.path, f"declares {len(names)} parameters; the limit is {MOST_PARAMETERS}"
        )
        return {}
    specs: dict[str, ParameterSpec] = {}
    for name in names:
        spec = _read_parameter(section, name, reads.get(name))
        if spec is not None:
            specs[name] = spec.model_copy(update={"depends_on": _depends_on(section, name, spec)})
    _refuse_cycles(section, specs)
    return specs


def _read_parameter(
    parameters: Section, name: str, reads: OptionReads | None
) -> ParameterSpec | None:
    if not _is_name(name):
        parameters.error(shown(name), "is not a name for a parameter; use letters, digits, _ and -")
        return None
    section = parameters.section(name)
    if section is None:
        if parameters.value(name) is None:
            parameters.error(name, 'must be an object like { type: "date" }, not nothing')
        return None
    section.warn_unknown(_KNOWN)
    kind = _type(section)
    static, is_dynamic = read_options(section)
    if kind is not None:
        _check_options_fit(section, kind)
    minimum, maximum = _bounds(section, kind)
    spec = ParameterSpec(
        type=kind or "string",
        required=section.flag("required", default=False),
        description=section.text("description"),
        options=static,
        has_dynamic_options=is_dynamic,
        depends_on=_stated_or_derived(section, name, reads, is_dynamic=is_dynamic),
        min=minimum,
        max=maximum,
        pattern=_pattern(section, kind),
    )
    return _with_default(section, spec) if kind is not None else None


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST_NAME and name.replace("-", "_").replace("$", "_").isidentifier()


def _type(section: Section) -> ParameterType | None:
    stated = section.text("type")
    if stated in _TYPES:
        return cast("ParameterType", stated)
    known = ", ".join(_TYPES)
    if stated is not None:
        advice = did_you_mean(stated, _TYPES)
        section.error("type", f"{shown(stated)} is not a type{advice} (known: {known})")
    elif section.value("type") is None:
        section.error("type", f"is missing; known: {known}")
    return None


def _check_options_fit(section: Section, kind: str) -> None:
    has_options = section.value("options") is not None
    if kind in _CHOICE_TYPES and not has_options:
        section.error("options", f"are missing; a {kind} needs a list or a function")
    if kind not in _CHOICE_TYPES and has_options:
        section.error("options", f"belong to select and multiselect, not to {kind}")


def _bounds(section: Section, kind: str | None) -> tuple[int | float | None, int | float | None]:
    minimum, maximum = section.number("min"), section.number("max")
    for key in ("min", "max"):
        if kind not in {None, "number"} and section.value(key) is not None:
            section.error(key, f"belongs to number, not to {kind}")
    if minimum is not None and maximum is not None and minimum > maximum:
        section.error("min", f"is {minimum}, more than max, which is {maximum}")
    return minimum, maximum


def _pattern(section: Section, kind: str | None) -> str | None:
    pattern = section.text("pattern")
    if pattern is None:
        return None
    if kind is not None and kind not in _TEXT_TYPES:
        section.error("pattern", f"belongs to string and text, not to {kind}")
        return None
    try:
        compile_pattern(pattern)
    except ValidationFailedError as error:
        section.error("pattern", error.message)
        return None
    return pattern


def _with_default(section: Section, spec: ParameterSpec) -> ParameterSpec:
    stated = section.value("default")
    if stated is None:
        return spec
    if _holds_function(stated):
        section.error("default", "must be a value, not a function")
        return spec
    now = datetime.now(UTC)
    spec = spec.model_copy(update={"default": stated})
    try:
        resolved = convert_default(spec, now=now)
    except ValidationFailedError as error:
        section.error("default", error.message)
        return spec
    # A special word is kept: it stands for another date at each run.
    is_same_later = convert_default(spec, now=now.replace(year=2000)) == resolved
    return spec.model_copy(update={"default": resolved}) if is_same_later else spec


def _holds_function(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_holds_function, cast("list[object]", value)))
    if isinstance(value, dict):
        return any(map(_holds_function, cast("dict[str, object]", value).values()))
    return value == FUNCTION


def _stated_or_derived(
    section: Section, name: str, reads: OptionReads | None, *, is_dynamic: bool
) -> list[str]:
    if section.value("depends_on") is not None:
        if not is_dynamic:
            section.problems.warn(
                section.where("depends_on"), "has no effect without an options function"
            )
        return section.names("depends_on")
    if not is_dynamic:
        return []
    if reads is None or not reads.is_complete:
        section.problems.warn(
            section.where("options"),
            "what it reads cannot be told from the text; if it reads other parameters, list them "
            "in depends_on, so that forms know when to ask again",
        )
    return [read for read in reads.names if read != name] if reads is not None else []


def _depends_on(parameters: Section, name: str, spec: ParameterSpec) -> list[str]:
    """Return the dependencies that exist, and report the others."""
    names = parameters.keys()
    section = parameters.section(name)
    is_stated = section is not None and section.value("depends_on") is not None
    kept: list[str] = []
    for other in spec.depends_on:
        if other in names:
            kept.append(other)
            continue
        advice = did_you_mean(other, names)
        if is_stated:
            parameters.error(f"{name}.depends_on", f"{shown(other)} is not a parameter{advice}")
        else:
            parameters.problems.warn(
                parameters.where(f"{name}.options"),
                f"reads params.{other}, which is not a parameter{advice}",
            )
    return kept


def _refuse_cycles(section: Section, specs: Mapping[str, ParameterSpec]) -> None:
    """Report a circle of parameters that wait for each other: no form could ever settle it."""
    try:
        TopologicalSorter({name: spec.depends_on for name, spec in specs.items()}).prepare()
    except CycleError as error:
        circle = " → ".join(reversed(cast("list[str]", error.args[1])))
        section.problems.error(
            section.path,
            f"the options of these parameters wait for each other: {circle}; "
            "break the circle with depends_on",
        )
