"""Scripts evaluated outside a run: reading a definition, options functions, shouldRun."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from analysis_sandbox.catalogue.metadata import MetadataRepository
from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import ScriptError
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.execution.host import pure_host, read_only_host
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.execution.streams import Streams
from analysis_sandbox.execution.versions import StoredVersion
from analysis_sandbox.limits import OPTIONS_LIMITS
from analysis_sandbox.sandbox.supervisor import CallOutcome, Entry, Sandbox, ScriptCall
from analysis_sandbox.script.inspection import Inspection, inspect_script
from analysis_sandbox.script.packages.imports import PackageBundler
from analysis_sandbox.script.schedule import schedule_facts
from analysis_sandbox.script.typescript.type_check import TypeChecker
from analysis_sandbox.values import JSONObject, JSONValue, decode

DEFAULT_FILENAME = "analysis.js"
MAX_OPTIONS = 1000


class Evaluator:
    """Evaluates scripts in sandbox children with a host that can only read. Thread-safe."""

    def __init__(
        self,
        sandbox: Sandbox,
        connections: Connections,
        *,
        metadata: MetadataRepository | None = None,
        require_dependencies: bool = False,
        packages: PackageBundler | None = None,
        type_checker: TypeChecker | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._metadata = metadata
        self._packages = packages
        self._type_checker = type_checker
        self._connections = connections
        self._require_dependencies = require_dependencies

    def inspect(
        self,
        source: str,
        *,
        filename: str | None = None,
        allowed_packages: Sequence[str] = (),
        package_lock: JSONObject | None = None,
    ) -> Inspection:
        """Read the definition of a script and find everything wrong with it.

        With the `package_lock` of its last version it keeps the versions of its packages.

        Raises:
            UnavailableError: the registry that packages come from cannot be reached.
        """
        return inspect_script(
            source,
            filename=filename or DEFAULT_FILENAME,
            evaluate=self._describe,
            require_dependencies=self._require_dependencies,
            packages=self._packages,
            allowed_packages=allowed_packages,
            package_lock=package_lock,
            type_checker=self._type_checker,
        )

    def options(
        self, version: StoredVersion, parameter: str, current: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Call a parameter's options function and return what it offers, checked.

        Raises:
            ScriptError: it threw, or did not return at most `MAX_OPTIONS` options.
        """
        value = self._evaluate(version, "options", dict(current), argument=parameter)
        return _checked(value, parameter)

    def should_run(
        self, version: StoredVersion, parameters: JSONObject, *, scheduled_time: datetime
    ) -> bool:
        """Ask the schedule's shouldRun function whether there is anything to do at this tick.

        Raises:
            ScriptError: it threw, or took longer than five seconds.
        """
        facts = schedule_facts(
            version.definition.schedule, scheduled_time, scheduled_time=scheduled_time
        )
        return self._evaluate(version, "shouldRun", parameters, schedule=facts) is True

    def _evaluate(
        self,
        version: StoredVersion,
        entry: Entry,
        parameters: JSONObject,
        *,
        argument: str = "",
        schedule: JSONObject | None = None,
    ) -> Any:
        """Call an entry with a ctx that only reads, and return its value."""
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
            "schedule": schedule,
            "datasources": datasources.facts(),
            "read_only": True,
        }
        call = ScriptCall(
            code=record.compiled,
            modules=record.modules,
            filename=version.filename,
            entry=entry,
            argument=argument,
            parameters=parameters,
            context=facts,
            limits=OPTIONS_LIMITS,
        )
        with closing(Frames(call.limits)) as frames, closing(Streams(datasources)) as streams:
            host = read_only_host(
                datasources=datasources,
                streams=streams,
                frames=frames,
                limits=call.limits,
                log=_drop,
            )
            if self._metadata is not None:
                reads = _metadata_reads(self._metadata, record)
                host = replace(host, synchronous={**host.synchronous, **reads})
            outcome = self._sandbox.run(call, host)
        if outcome.error is not None:
            raise outcome.error
        return decode(outcome.value or "null")

    def _describe(self, call: ScriptCall) -> CallOutcome:
        return self._sandbox.run(call, pure_host(call.limits, log=_drop))


def _drop(_level: str, _message: str) -> None:
    """Take a log line of an evaluation, which has no run to keep it."""


def _metadata_reads(
    metadata: MetadataRepository, record: VersionRecord
) -> Mapping[str, Callable[..., object]]:
    project, analysis_id = record.project, record.analysis_id

    def get(key: str) -> JSONValue:
        return metadata.get(project, analysis_id, key)

    def has(key: str) -> bool:
        return metadata.has(project, analysis_id, key)

    return {
        "metadata.get": get,
        "metadata.has": has,
        "metadata.list": lambda: metadata.list(project, analysis_id),
    }


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
