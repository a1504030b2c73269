"""What one run may use: one model, its defaults and its maximums. Knows nothing of enforcement."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class LimitOverrides(BaseModel):
    """A partial `Limits`, as a script, a person or a setting gives it. Absent means inherit."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    memory_mb: int | None = Field(default=None, ge=8, le=2048, alias="memory_limit_mb")
    timeout_ms: int | None = Field(default=None, ge=1, le=30 * 60 * 1000)
    result_size_mb: float | None = Field(default=None, gt=0, le=50)
    duckdb_memory_mb: int | None = Field(default=None, ge=16, le=8192)


class Limits(BaseModel):
    """The limits of one run.

    Sizes are in MiB (2**20 bytes), times in milliseconds. `memory_mb` bounds the JavaScript heap,
    `duckdb_memory_mb` one operator of one warehouse session.
    """

    model_config = ConfigDict(frozen=True)

    memory_mb: int = 256
    timeout_ms: int = 30_000
    result_size_mb: float = 10
    duckdb_memory_mb: int = 8192
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
        return self.model_copy(update=overrides.model_dump(exclude_none=True))


DEFAULT_LIMITS = Limits()
MAXIMUM_LIMITS = Limits(
    memory_mb=2048, timeout_ms=30 * 60 * 1000, result_size_mb=50, duckdb_memory_mb=8192
)
OPTIONS_LIMITS = Limits(timeout_ms=5_000)
