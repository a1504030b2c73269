"""What a run is asked to do and what came of it: the two records that cross execution's edge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from analysis_sandbox.sandbox.supervisor import Usage
from analysis_sandbox.values import JSONObject, JSONValue

Trigger = Literal["manual", "scheduled", "api", "mcp", "retry", "backfill", "analysis", "resume"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One version of one analysis with the parameters as they were given.

    `parameters` may still hold defaults to fill and special values to resolve; `attempt` counts
    from 1. With `retries_transient` another attempt follows one that fails for a transient reason:
    the run does not end with it. `scheduled_time` is the tick that a scheduled run was made for.
    """

    run_id: str
    project: str
    analysis_id: UUID
    version: int
    parameters: JSONObject
    trigger: Trigger = "manual"
    executed_by: str = "unknown"
    attempt: int = 1
    retries_transient: bool = False
    scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A completed run. A run that did not complete raises an `AnalysisSandboxError` instead.

    `display` are the hints for its tables and charts that fit the result.
    """

    result_path: str
    result_size_bytes: int
    preview: JSONValue
    skipped: bool
    usage: Usage
    layers: Mapping[str, str]
    execution_time_ms: int
    metadata: JSONObject = field(default_factory=dict[str, JSONValue])
    display: JSONObject | None = None
