"""What one run may use: one model, its defaults and maximums, and which of several wishes holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

LimitSource = Literal["default", "script", "stored", "system"]
"""Who stated a limit: nobody, the script, somebody for the analysis, the installation."""

UNITS: Mapping[str, str] = {
    "memory_mb": "MB",
    "timeout_ms": "ms",
    "result_size_mb": "MB",
    "duckdb_memory_mb": "MB",
    "dataframe_memory_mb": "MB",
    "max_concurrent_runs": "runs",
    "host_calls_in_flight": "calls",
    "frame_mb": "MB",
    "log_lines": "lines",
    "log_bytes": "bytes",
    "nesting_depth": "levels",
}
_ASKERS: Mapping[LimitSource, str] = {
    "script": "its script asks for",
    "stored": "what is set for the analysis is",
}


class LimitOverrides(BaseModel):
    """A partial `Limits`, as a script, a person or a setting gives it. Absent means inherit.

    Only what makes no sense anywhere is refused here; `over_maximum` knows the installation's
    maximums.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_mb: int | None = Field(
        default=None,
        ge=8,
        validation_alias=AliasChoices("memory_mb", "memory_limit_mb"),
        serialization_alias="memory_limit_mb",
    )
    timeout_ms: int | None = Field(default=None, ge=1)
    result_size_mb: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    duckdb_memory_mb: int | None = Field(default=None, ge=16)
    dataframe_memory_mb: int | None = Field(default=None, ge=16)
    max_concurrent_runs: int | None = Field(default=None, ge=1)
    host_calls_in_flight: int | None = Field(default=None, ge=1)
    frame_mb: int | None = Field(default=None, ge=1)
    log_lines: int | None = Field(default=None, ge=1)
    log_bytes: int | None = Field(default=None, ge=1024)
    nesting_depth: int | None = Field(default=None, ge=1)

    def stated(self) -> dict[str, int | float]:
        """Return the limits that are stated, by name."""
        return self.model_dump(exclude_none=True)


class Limits(BaseModel):
    """The limits of one run.

    Sizes are in MiB (2**20 bytes), times in milliseconds. `memory_mb` bounds the JavaScript heap,
    `duckdb_memory_mb` one operator of one warehouse session, `dataframe_memory_mb` the rows that
    DataFrames hold at once. `max_concurrent_runs` bounds the runs of one analysis beside each
    other; None leaves it to the number of run workers. `nesting_depth` counts the analyses of one
    chain of calls, the outermost too.
    """

    model_config = ConfigDict(frozen=True)

    memory_mb: int = 256
    timeout_ms: int = 30_000
    result_size_mb: float = 10
    duckdb_memory_mb: int = 8192
    dataframe_memory_mb: int = 1024
    max_concurrent_runs: int | None = None
    host_calls_in_flight: int = 256
    frame_mb: int = 64
    log_lines: int = 10_000
    log_bytes: int = 1 << 20
    nesting_depth: int = 10

    @property
    def result_bytes(self) -> int:
        """Largest serialised result, in bytes."""
        return int(self.result_size_mb * (1 << 20))

    def merged(self, overrides: LimitOverrides | None) -> Self:
        """Return these limits with every value that `overrides` states."""
        if overrides is None:
            return self
        return self.model_copy(update=overrides.stated())


DEFAULT_LIMITS = Limits()
MAXIMUM_LIMITS = Limits(
    memory_mb=2048,
    timeout_ms=30 * 60 * 1000,
    result_size_mb=50,
    duckdb_memory_mb=8192,
    dataframe_memory_mb=8192,
    max_concurrent_runs=256,
    host_calls_in_flight=1024,
    frame_mb=256,
    log_lines=100_000,
    log_bytes=16 << 20,
    nesting_depth=10,
)
OPTIONS_LIMITS = Limits(timeout_ms=5_000)


@dataclass(frozen=True, slots=True)
class SystemLimits:
    """The defaults and maximums of one installation.

    `configured` are the names of the defaults that its configuration states.
    """

    default: Limits = DEFAULT_LIMITS
    maximum: Limits = MAXIMUM_LIMITS
    configured: frozenset[str] = frozenset()

    @classmethod
    def of(cls, default: LimitOverrides, maximum: LimitOverrides) -> Self:
        """Return the built-in limits with what an installation states instead."""
        highest = MAXIMUM_LIMITS.merged(maximum)
        lowered = {
            name: value
            for name, value in highest.model_dump().items()
            if _exceeds(getattr(DEFAULT_LIMITS, name), value)
        }
        usual = DEFAULT_LIMITS.model_copy(update=lowered).merged(default)
        return cls(usual, highest, frozenset({*default.stated(), *lowered}))


@dataclass(frozen=True, slots=True)
class EffectiveLimits:
    """The limits that hold for a run, and who stated each.

    `warnings` are sentences about values that are over a maximum and were lowered to it.
    """

    limits: Limits
    sources: Mapping[str, LimitSource]
    warnings: tuple[str, ...] = field(default=())


def over_maximum(overrides: LimitOverrides | None, maximum: Limits) -> dict[str, str]:
    """Return what is wrong with each limit that is over its maximum, by name."""
    stated = overrides.stated() if overrides else {}
    return {
        name: f"is {_figure(name, value)}; the maximum is {_figure(name, getattr(maximum, name))}"
        for name, value in stated.items()
        if _exceeds(value, getattr(maximum, name))
    }


def effective_limits(
    system: SystemLimits,
    script: LimitOverrides | None = None,
    *,
    stored: LimitOverrides | None = None,
    scheduled: bool = False,
) -> EffectiveLimits:
    """Return the limits of a run: what is set for the analysis wins over what its script states.

    An analysis with a schedule (`scheduled`) runs once at a time unless somebody says otherwise. A
    value over its maximum, which was lowered since it was stored, is lowered to it with a warning.
    """
    values = system.default.model_dump()
    sources: dict[str, LimitSource] = {
        name: "system" if name in system.configured else "default" for name in values
    }
    if scheduled:
        values["max_concurrent_runs"], sources["max_concurrent_runs"] = 1, "default"
    warnings: dict[str, str] = {}
    origins: tuple[tuple[LimitSource, LimitOverrides | None], ...] = (
        ("script", script),
        ("stored", stored),
    )
    for source, overrides in origins:
        for name, value in (overrides.stated() if overrides else {}).items():
            values[name], sources[name] = value, source
            warnings.pop(name, None)
            highest = getattr(system.maximum, name)
            if _exceeds(value, highest):
                values[name] = highest
                warnings[name] = (
                    f"{name} is lowered to the installation's maximum of {_figure(name, highest)}; "
                    f"{_ASKERS[source]} {_figure(name, value)}"
                )
    in_order = tuple(warnings[name] for name in values if name in warnings)
    return EffectiveLimits(Limits(**values), sources, in_order)


def _exceeds(value: float | None, maximum: float | None) -> bool:
    return value is not None and maximum is not None and value > maximum


def _figure(name: str, value: float | None) -> str:
    return "unlimited" if value is None else f"{value:.15g} {UNITS[name]}"
