"""What a script uses against what it declares under `dependencies`."""

from collections.abc import Mapping

from analysis_sandbox.script.definition import Definition, Dependencies
from analysis_sandbox.script.facts import Facts
from analysis_sandbox.script.sections import Problems
from analysis_sandbox.script.wording import did_you_mean


def check_dependencies(
    definition: Definition, facts: Facts, problems: Problems, *, is_required: bool
) -> Dependencies | None:
    """Return what the script may use, and report what it uses without declaring it.

    A script that declares nothing may use what its text names; `is_required` forbids that.
    """
    declared = definition.dependencies
    _warn_computed(facts, problems)
    if declared is None:
        return _inferred(facts, problems, is_required=is_required)
    _report_undeclared("Datasource", "datasources", facts.datasources, declared, problems)
    _report_undeclared("Analysis", "analyses", facts.analyses, declared, problems)
    return declared


def _inferred(facts: Facts, problems: Problems, *, is_required: bool) -> Dependencies | None:
    if is_required:
        problems.errors.append("Missing required 'dependencies.datasources' array")
    if not facts.datasources and not facts.analyses:
        return None
    found = Dependencies(
        datasources=list(facts.datasources), analyses=list(facts.analyses), inferred=True
    )
    if not is_required:
        lists = {"datasources": found.datasources, "analyses": found.analyses}
        stated = ", ".join(
            f"{kind}: [{', '.join(map(repr, names))}]" for kind, names in lists.items() if names
        )
        problems.warn("dependencies", f"are not declared; taken from the code: {{ {stated} }}")
    return found


def _report_undeclared(
    what: str, kind: str, used: Mapping[str, int], declared: Dependencies, problems: Problems
) -> None:
    names: list[str] = getattr(declared, kind)
    for name, line in used.items():
        if name not in names:
            problems.errors.append(
                f"Line {line}: {what} '{name}' is used but not declared in dependencies.{kind}"
                f"{did_you_mean(name, names)}"
            )


def _warn_computed(facts: Facts, problems: Problems) -> None:
    for kind, lines in (
        ("datasource", facts.computed_datasources),
        ("analysis", facts.computed_analyses),
    ):
        plural = {"datasource": "datasources", "analysis": "analyses"}[kind]
        problems.warnings += [
            f"Line {line}: the name of the {kind} is computed and cannot be checked; "
            f"a run may use only what dependencies.{plural} lists"
            for line in lines
        ]
