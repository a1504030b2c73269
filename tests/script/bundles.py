"""Bundlers for tests: what they bundle from a script's text, and how a bundle runs."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall
from analysis_sandbox.script.packages.bundling import DenoBundler
from analysis_sandbox.script.packages.imports import Bundle, plan_imports
from analysis_sandbox.script.tree import ScriptTree
from analysis_sandbox.values import JSONObject

_NO_RUN: JSONObject = {
    "run_id": "",
    "analysis_id": "",
    "version": 0,
    "attempt": 1,
    "schedule": None,
    "datasources": {},
    "read_only": True,
}


def bundled(
    bundler: DenoBundler, script: str, *allowed: str, lock: JSONObject | None = None
) -> Bundle:
    """The bundle for a script whose imports are all allowed."""
    plan = plan_imports(ScriptTree(script), allowed)
    assert plan.errors == ()
    return bundler.bundle(plan.imports, lock=lock)


def result(evaluate: Callable[[ScriptCall], CallOutcome], script: str, bundle: Bundle) -> Any:
    """What the script's `run` returns in a real sandbox that has the bundle."""
    outcome = evaluate(
        ScriptCall(
            code=script,
            filename="report.js",
            entry="run",
            parameters={},
            context=_NO_RUN,
            modules=bundle.modules,
        )
    )
    if outcome.error is not None:
        raise outcome.error
    assert outcome.value is not None
    return json.loads(outcome.value)


def with_program(directory: Path, *, like: Path) -> Path:
    """A cache without packages that has the program which `like` downloaded."""
    shutil.copytree(like / "deno" / "dl", directory / "deno" / "dl", copy_function=os.link)
    return directory
