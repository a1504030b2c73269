"""From the default export of a script, as data, to its `Definition`, with every problem by path."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.limits import UNITS, LimitOverrides
from analysis_sandbox.script.cron import canonical_cron
from analysis_sandbox.script.definition import Definition, Dependencies, ScheduleSpec
from analysis_sandbox.script.parameters.option_reads import OptionReads
from analysis_sandbox.script.parameters.structure import read_parameters
from analysis_sandbox.script.schedule import timezone
from analysis_sandbox.script.sections import Problems, Section, found, refuse_unstorable
from analysis_sandbox.script.wording import did_you_mean
from analysis_sandbox.values import JSONObject

_TOP = ("title", "schedule", "dependencies", "parameters", "execution", "run")
_STORED = ("title", "schedule", "dependencies", "parameters")
_DEPENDENCIES = ("datasources", "analyses")
_SCHEDULE = (
    *("cron", "timezone", "enabled", "retry_on_failure", "max_retries", "shouldRun"),
    "with_dependencies",
)
_LONGEST_TITLE = 500
_MOST_RETRIES = 20


def read_definition(
    exported: JSONObject, options: Mapping[str, OptionReads], problems: Problems
) -> Definition:
    """Return the definition of a default export, without what is wrong in it.

    `options` are the reads of the options functions, by parameter.
    """
    top = Section("", exported, problems)
    for key in _STORED:
        refuse_unstorable(key, top.value(key), problems)
    if exported.get("run") is None:
        problems.errors.append("Missing required 'run' function")
    elif not top.is_function("run"):
        top.error("run", f"must be a function (ctx, params), not {found(top.value('run'))}")
    definition = Definition(
        title=_title(top),
        schedule=_schedule(top.section("schedule")),
        dependencies=_dependencies(top.section("dependencies")),
        parameters=read_parameters(top.section("parameters"), options),
        execution=_execution(top.section("execution")),
    )
    top.warn_unknown(_TOP, functions=False)
    return definition


def _title(top: Section) -> str | None:
    title = top.text("title")
    if title is None:
        if top.value("title") is None:
            top.problems.warn("title", "is missing; the analysis is shown by its name")
        return None
    if len(title) > _LONGEST_TITLE:
        top.error("title", f"has {len(title)} characters; the limit is {_LONGEST_TITLE}")
    return title


def _dependencies(section: Section | None) -> Dependencies | None:
    if section is None:
        return None
    section.warn_unknown(_DEPENDENCIES)
    return Dependencies(
        datasources=section.names("datasources"), analyses=section.names("analyses")
    )


def _schedule(section: Section | None) -> ScheduleSpec | None:
    if section is None:
        return None
    section.warn_unknown(_SCHEDULE)
    retries = section.number("max_retries")
    if retries is not None and (retries != int(retries) or not 0 <= retries <= _MOST_RETRIES):
        section.error(
            "max_retries", f"must be a whole number from 0 to {_MOST_RETRIES}, not {retries}"
        )
    has_should_run = section.value("shouldRun") is not None
    if has_should_run and not section.is_function("shouldRun"):
        section.error("shouldRun", f"must be a function, not {found(section.value('shouldRun'))}")
    return ScheduleSpec(
        cron=_cron(section),
        timezone=_timezone(section),
        enabled=section.flag("enabled", default=True),
        retry_on_failure=section.flag("retry_on_failure", default=False),
        max_retries=3 if retries is None else int(retries),
        has_should_run=has_should_run,
        with_dependencies=section.flag("with_dependencies", default=False),
    )


def _cron(section: Section) -> str:
    expression = section.text("cron")
    if expression is None:
        if section.value("cron") is None:
            section.error("cron", "is missing; write five fields such as '0 9 * * 1-5'")
        return ""
    try:
        return canonical_cron(expression)
    except ValidationFailedError as error:
        section.error("cron", error.message)
        return ""


def _timezone(section: Section) -> str:
    name = section.text("timezone")
    if name is None:
        return "UTC"
    try:
        return timezone(name).key
    except ValidationFailedError as error:
        section.error("timezone", error.message)
        return "UTC"


def _execution(section: Section | None) -> LimitOverrides | None:
    if section is None:
        return None
    fields = LimitOverrides.model_fields
    aliases = {item.serialization_alias for item in fields.values()} - {None}
    known = sorted({*fields, *map(str, aliases)})
    stated = section.stated()
    if "memory_mb" in stated and "memory_limit_mb" in stated:
        section.error("memory_limit_mb", "is the same as memory_mb; state one of them")
        del stated["memory_limit_mb"]
    try:
        return LimitOverrides.model_validate(stated, strict=True)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            key = str(item["loc"][0])
            if item["type"] == "extra_forbidden":
                advice = did_you_mean(key, known) or f"; known here: {', '.join(known)}"
                section.error(key, f"is not a limit{advice}")
            else:
                section.error(key, _limit_problem(key, item))
        return None


def _limit_problem(key: str, problem: ErrorDetails) -> str:
    unit = UNITS["memory_mb" if key == "memory_limit_mb" else key]
    given, bounds = problem["input"], problem.get("ctx", {})
    if "ge" in bounds:
        return f"is {given} {unit}; the minimum is {bounds['ge']:.15g} {unit}"
    if "gt" in bounds:
        return f"is {given} {unit}; it must be more than {bounds['gt']:.15g} {unit}"
    whole = "whole " if problem["type"].startswith("int") else ""
    return f"must be a {whole}number of {unit}, not {found(given)}"
