"""Use cases about limits: what holds for an analysis, changing it, and what its runs really use."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.incident_records import AuditEntry
from analysis_sandbox.catalogue.records import AnalysisRecord
from analysis_sandbox.catalogue.usage import UsageFigure, UsageRecord
from analysis_sandbox.errors import UnavailableError, ValidationFailedError
from analysis_sandbox.execution.versions import StoredVersion, VersionCache
from analysis_sandbox.limits import (
    UNITS,
    EffectiveLimits,
    LimitOverrides,
    Limits,
    SystemLimits,
    effective_limits,
    over_maximum,
)
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.models import (
    AnalysisLimits,
    LimitValue,
    ResourceFigure,
    ResourceMaximums,
    ResourceUsage,
)
from analysis_sandbox.services.ports import RunGateway
from analysis_sandbox.values import JSONObject

_NEWEST_RUNS = 100
_MIB = 1 << 20


class LimitService:
    """The limits of the analyses of the caller's project."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        versions: VersionCache,
        gateway: RunGateway,
        system: SystemLimits,
    ) -> None:
        self._catalogue = catalogue
        self._versions = versions
        self._gateway = gateway
        self._system = system

    def get_analysis_limits(self, caller: Principal, analysis_id: str) -> AnalysisLimits:
        """Return the limits of an analysis and who stated each; raises `NotFoundError`."""
        record, stored = self._read(caller, analysis_id)
        return self._answer(record, stored)

    def set_analysis_limits(
        self, caller: Principal, analysis_id: str, limits: Mapping[str, object]
    ) -> AnalysisLimits:
        """Change some limits of an analysis, for the runs that begin from now on.

        What is not named stays; null gives a limit back to the script.

        Raises:
            NotFoundError: no such analysis.
            ValidationFailedError: a limit is unknown, wrong or above the maximum; names each.
        """
        caller.require(Role.MANAGER)
        changes = checked_changes(limits, self._system.maximum)
        before, _ = self._read(caller, analysis_id)
        self._catalogue.analyses.change_limits(caller.project, analysis_id, changes)
        return self._announce(caller, before, "set_analysis_limits", changes)

    def reset_analysis_limits(self, caller: Principal, analysis_id: str) -> AnalysisLimits:
        """Forget everything that was set for an analysis: its script's limits hold again.

        Raises:
            NotFoundError: no such analysis.
        """
        caller.require(Role.MANAGER)
        before, _ = self._read(caller, analysis_id)
        self._catalogue.analyses.set_limits(caller.project, analysis_id, None)
        return self._announce(caller, before, "reset_analysis_limits", {})

    def get_system_resource_maximums(self, caller: Principal) -> ResourceMaximums:
        """Return the defaults and the maximums of this installation."""
        caller.require(Role.VIEWER)
        return ResourceMaximums(
            maximums=self._system.maximum.model_dump(),
            defaults=self._system.default.model_dump(),
            units=dict(UNITS),
        )

    def list_analysis_resource_usage(self, caller: Principal) -> list[ResourceUsage]:
        """Return what the newest ended runs of each analysis used, by the analysis' name."""
        caller.require(Role.VIEWER)
        records = {record.id: record for record in self._catalogue.analyses.list(caller.project)}
        used = self._catalogue.usage.by_analysis(caller.project, newest=_NEWEST_RUNS)
        return [
            _usage(one, self._limits(records[one.analysis_id]))
            # One that was created or deleted between both questions is left to the next call.
            for one in used
            if one.analysis_id in records
        ]

    def _read(self, caller: Principal, analysis_id: str) -> tuple[AnalysisRecord, StoredVersion]:
        record = self._catalogue.analyses.get(caller.project, analysis_id)
        return record, self._versions.get(record.id, record.version)

    def _limits(self, record: AnalysisRecord) -> Limits:
        stored = self._versions.get(record.id, record.version)
        return limits_of(self._system, record, stored).limits

    def _announce(
        self, caller: Principal, before: AnalysisRecord, action: str, changes: JSONObject
    ) -> AnalysisLimits:
        """Record the change and tell the orchestrator how many runs there may be at once."""
        record, stored = self._read(caller, str(before.id))
        self._catalogue.audit.record(
            AuditEntry(
                project=caller.project,
                actor=caller.name,
                action=action,
                subject=record.name,
                details={"changes": changes, "before": before.limits, "after": record.limits},
            )
        )
        answer = self._answer(record, stored)
        allowed = limits_of(self._system, record, stored).limits.max_concurrent_runs
        self._gateway.refresh()
        try:
            self._gateway.limit_concurrency(stored.record, allowed)
        except UnavailableError as error:
            # It is stored, and the next runs carry it.
            note = f"Stored, but the runs that wait already keep their limit: {error.message}"
            answer = answer.model_copy(update={"warnings": [*answer.warnings, note]})
        return answer

    def _answer(self, record: AnalysisRecord, stored: StoredVersion) -> AnalysisLimits:
        effective = limits_of(self._system, record, stored)
        values = effective.limits.model_dump()
        return AnalysisLimits(
            analysis_id=record.name,
            limits={
                name: LimitValue(
                    value=value,
                    source=effective.sources[name],
                    maximum=getattr(self._system.maximum, name),
                )
                for name, value in values.items()
            },
            stored=LimitOverrides.model_validate(record.limits or {}).stated(),
            warnings=list(effective.warnings),
        )


def limits_of(
    system: SystemLimits, record: AnalysisRecord, stored: StoredVersion
) -> EffectiveLimits:
    """Return the limits that hold for the next run of an analysis."""
    definition = stored.definition
    return effective_limits(
        system,
        definition.execution,
        stored=LimitOverrides.model_validate(record.limits) if record.limits else None,
        scheduled=definition.schedule is not None,
    )


def checked_changes(limits: Mapping[str, object], maximum: Limits) -> JSONObject:
    """Return the changes under the limits' own names; None takes a limit away."""
    if not limits:
        raise ValidationFailedError(
            f"No limit is named; there are {', '.join(Limits.model_fields)}"
        )
    removed = {_own_name(name) for name, value in limits.items() if value is None}
    try:
        overrides = LimitOverrides.model_validate(dict(limits), strict=True)
    except ValidationError as error:
        problems = {_own_name(str(item["loc"][0])): _problem(item) for item in error.errors()}
    else:
        problems = over_maximum(overrides, maximum)
        if not problems:
            return {**dict.fromkeys(removed), **overrides.stated()}
    told = "; ".join(f"{name} {text}" for name, text in problems.items())
    raise ValidationFailedError(f"The limits are not valid: {told}", fields=problems)


def _own_name(name: str) -> str:
    return "memory_mb" if name == "memory_limit_mb" else name


def _problem(item: Mapping[str, Any]) -> str:
    name, given = _own_name(str(item["loc"][0])), item["input"]
    if item["type"] == "extra_forbidden":
        return f"is not a limit; there are {', '.join(Limits.model_fields)}"
    bounds = item.get("ctx", {})
    if "ge" in bounds:
        return f"is {given} {UNITS[name]}; the minimum is {bounds['ge']} {UNITS[name]}"
    if "gt" in bounds:
        return f"is {given} {UNITS[name]}; it must be more than {bounds['gt']:g} {UNITS[name]}"
    whole = "whole " if str(item["type"]).startswith("int") else ""
    return f"must be a {whole}number of {UNITS[name]}, not {given!r}"


def _usage(used: UsageRecord, limits: Limits) -> ResourceUsage:
    return ResourceUsage(
        analysis_id=used.name,
        runs=used.runs,
        failures=used.failures,
        last_run=used.last_run,
        memory_mb=_figure(used.memory, limits.memory_mb, divisor=_MIB),
        duration_ms=_figure(used.duration_ms, limits.timeout_ms),
        result_mb=_figure(used.result_bytes, limits.result_size_mb, divisor=_MIB),
        cpu_ms=_figure(used.cpu_ms),
        host_calls=_figure(used.host_calls),
    )


def _figure(
    figure: UsageFigure, limit: float | None = None, *, divisor: float = 1
) -> ResourceFigure:
    def scaled(value: float | None) -> float | None:
        return None if value is None else round(value / divisor, 3)

    share = None
    if limit is not None and figure.maximum is not None:
        share = round(figure.maximum / divisor / limit, 4)
    return ResourceFigure(
        last=scaled(figure.last),
        average=scaled(figure.average),
        maximum=scaled(figure.maximum),
        limit=limit,
        share=share,
    )
