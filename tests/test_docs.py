"""What people can set, meet or call is in the documentation."""

import re
from pathlib import Path

import pytest

from analysis_sandbox import errors
from analysis_sandbox.cli.main import app
from analysis_sandbox.limits import DEFAULT_LIMITS, MAXIMUM_LIMITS, Limits
from analysis_sandbox.mcp.limit_tools import LimitTools
from analysis_sandbox.mcp.tools import AnalysisTools
from analysis_sandbox.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def _codes() -> set[str]:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    return {c.code for c in classes if issubclass(c, errors.AnalysisSandboxError)}


def _words(name: str) -> set[str]:
    return set(re.findall(r"[\w-]+", (DOCS / name).read_text(encoding="utf-8")))


def test_every_setting_is_in_the_operations_guide() -> None:
    assert set(Settings.model_fields) - {"home"} <= _words("operations.md")


def test_every_error_code_is_explained() -> None:
    assert _codes() <= _words("errors.md")


def test_every_command_is_in_the_list_of_commands() -> None:
    commands = [command for command in app.registered_commands if command.callback]
    names = {command.name or getattr(command.callback, "__name__", "") for command in commands}

    assert names <= _words("cli.md")
    for group in app.registered_groups:
        assert group.typer_instance is not None
        inner = {command.name for command in group.typer_instance.registered_commands}
        assert {group.name, *inner} <= _words("cli.md")


def test_every_tool_is_in_the_agents_guide() -> None:
    tools = [*vars(AnalysisTools), *vars(LimitTools)]

    assert {name for name in tools if not name.startswith("_")} <= _words("agents.md")


def test_every_limit_is_in_the_operations_guide_with_its_default_and_maximum() -> None:
    assert set(Limits.model_fields) <= _words("operations.md")
    for limits in (DEFAULT_LIMITS, MAXIMUM_LIMITS):
        figures = {str(value) for value in limits.model_dump().values() if value is not None}
        assert {figure.removesuffix(".0") for figure in figures} <= _words("operations.md")


@pytest.mark.parametrize("document", [*sorted(p.name for p in DOCS.glob("*.md")), "../README.md"])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!http)([^)#]+)", text)

    assert [t for t in targets if not ((DOCS / document).parent / t).exists()] == []
