"""Inputs with everything the tests do not care about filled in, and waiting for conditions."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from analysis_sandbox.catalogue.records import NewRun, NewVersion, RunStart, VersionRecord

_WAIT_SECONDS = 30


def new_version(**values: Any) -> NewVersion:
    source = "export default {title: 'Monthly report', run() { return {}; }}"
    defaults: dict[str, Any] = {"title": "Monthly report", "source": source, "compiled": source}
    return NewVersion(**defaults | values)


def new_run(version: VersionRecord, **values: Any) -> NewRun:
    return NewRun(**_run(version) | values)


def run_start(version: VersionRecord, **values: Any) -> RunStart:
    return RunStart(**_run(version) | values)


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; fail after a bounded time."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in {_WAIT_SECONDS} s: {what}"
        time.sleep(0.02)


def _run(version: VersionRecord) -> dict[str, Any]:
    return {
        "run_id": str(uuid4()),
        "project": version.project,
        "analysis_id": version.analysis_id,
        "analysis_version": version.version,
        "parameters": {"month": "2026-10"},
    }
