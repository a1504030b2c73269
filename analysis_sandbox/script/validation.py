"""What a script uses and declares against what exists in its project and installation."""

from collections.abc import Collection

from analysis_sandbox.limits import Limits, over_maximum
from analysis_sandbox.script.inspection import Inspection


def check_references(
    inspection: Inspection, *, datasources: Collection[str], analyses: Collection[str]
) -> list[str]:
    """Return an error for each datasource and analysis of the script that does not exist."""
    return [
        *_missing("Datasource", inspection.datasources, datasources),
        *_missing("Analysis", inspection.analyses, analyses),
    ]


def check_limits(inspection: Inspection, maximum: Limits) -> list[str]:
    """Return an error for each limit that the script states above the installation's maximum."""
    definition = inspection.definition
    problems = over_maximum(definition.execution if definition else None, maximum)
    return [f"execution.{name}: {text}" for name, text in problems.items()]


def _missing(what: str, names: list[str], existing: Collection[str]) -> list[str]:
    return [f"{what} '{name}' not found" for name in names if name not in existing]
