"""Scripts evaluated outside a run: reading a definition, asking an options function."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import ScriptError
from analysis_sandbox.execution.host import DatasourceAccess, read_only_host
from analysis_sandbox.execution.versions import StoredVersion
from analysis_sandbox.limits import OPTIONS_LIMITS
from analysis_sandbox.sandbox.supervisor import CallOutcome, HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.script.inspection import Inspection, inspect_script
from analysis_sandbox.values import JSONObject, decode

DEFAULT_FILENAME = "analysis.js"
MAX_OPTIONS = 1000


class Evaluator:
    """Evaluates scripts in sandbox children with a host that can only read. Thread-safe."""

    def __init__(
        self, sandbox: Sandbox, connections: Connections, *, require_dependencies: bool = False
    ) -> None:
        self._sandbox = sandbox
        self._connections = connections
        self._require_dependencies = require_dependencies

    def inspect(self, source: str, *, filename: str | None = None) -> Inspection:
        """Read the definition of a script and find everything wrong with it. Never raises."""
        return inspect_script(
            source,
            filename=filename or DEFAULT_FILENAME,
            evaluate=self._describe,
            require_dependencies=self._require_dependencies,
        )

    def options(
        self, version: StoredVersion, parameter: str, current: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Call a parameter's options function and return what it offers, checked.

        Raises:
            ScriptError: it threw, or did not return at most `MAX_OPTIONS` options.
        """
        record = version.record
        datasources = DatasourceAccess(
            self._connections,
            project=record.project,
            declared=version.datasources,
            read_only=True,
        )
        facts: JSONObject = {
            "run_id": str(uuid4()),
            "analysis_id": record.name,
            "version": record.version,
            "attempt": 1,
            "schedule": None,
            "datasources": datasources.facts(),
            "read_only": True,
        }
        call = ScriptCall(
            code=record.compiled,
            filename=version.filename,
            entry="options",
            argument=parameter,
            parameters=dict(current),
            context=facts,
            limits=OPTIONS_LIMITS,
        )
        outcome = self._sandbox.run(call, read_only_host(datasources=datasources, log=_drop))
        if outcome.error is not None:
            raise outcome.error
        return _checked(decode(outcome.value or "null"), parameter)

    def _describe(self, call: ScriptCall) -> CallOutcome:
        return self._sandbox.run(call, HostFunctions(asynchronous={}, synchronous={}, log=_drop))


def _drop(_level: str, _message: str) -> None:
    """Take a log line of an evaluation, which has no run to keep it."""


def _checked(value: Any, parameter: str) -> list[dict[str, Any]]:
    what = f"The options of parameter '{parameter}'"
    if not isinstance(value, list):
        raise ScriptError(f"{what} must be an array, not {type(value).__name__}")
    items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
    options = [_option(item, what) for item in items]
    count = sum(len(option.get("options", (1,))) for option in options)
    if count > MAX_OPTIONS:
        raise ScriptError(f"{what} are {count}; at most {MAX_OPTIONS} can be shown")
    return options


def _option(item: Any, what: str) -> dict[str, Any]:
    if isinstance(item, str | int | float):
        return {"value": item, "label": str(item)}
    if not isinstance(item, dict):
        raise ScriptError(f"{what}: {item!r} is neither {{value, label}} nor {{label, options}}")
    entry: dict[str, Any] = item  # pyright: ignore[reportUnknownVariableType]
    if isinstance(entry.get("options"), list):
        inner = [_option(choice, what) for choice in entry["options"]]
        if any("options" in choice for choice in inner):
            raise ScriptError(f"{what}: a group cannot hold another group")
        return {"label": str(entry.get("label", "")), "options": inner}
    if "value" not in entry:
        raise ScriptError(f"{what}: {entry!r} has no value")
    if not isinstance(entry["value"], str | int | float):
        raise ScriptError(f"{what}: the value of {entry!r} must be a string or a number")
    return {**entry, "label": str(entry.get("label", entry["value"]))}
