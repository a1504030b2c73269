"""How many runs of one analysis go on at once: a limit that each run carries in its tags.

The tags tell it wherever a run is queued, launched or waits, without asking the catalogue. Of runs
that say different things the newest is right: the limit was changed in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.limits import LimitOverrides, SystemLimits, effective_limits
from analysis_sandbox.orchestration.names import TAG_EXCLUSIVE, TAG_MAX_CONCURRENT
from analysis_sandbox.script.definition import Definition
from analysis_sandbox.values import JSONObject

# Tags cannot be removed from a run: this one says that its limit was lifted.
_UNLIMITED = 0


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Runs of the same group go on beside each other up to `limit`; without a group all may."""

    group: str | None = None
    limit: int = 1


def allowed_at_once(
    version: VersionRecord, stored: JSONObject | None, *, system: SystemLimits
) -> int | None:
    """Return how many runs of an analysis may go on at once, None for any number."""
    try:
        definition = Definition.from_metadata(version.metadata)
        own = LimitOverrides.model_validate(stored) if stored else None
    except (ValidationFailedError, ValueError):
        # What cannot be read says nothing of limits; a schedule never overlaps itself.
        return 1 if version.metadata.get("schedule") else None
    scheduled = definition.schedule is not None
    effective = effective_limits(system, definition.execution, stored=own, scheduled=scheduled)
    return effective.limits.max_concurrent_runs


def concurrency_tags(job: str, limit: int | None) -> dict[str, str]:
    """Return the tags of a run of a job with this limit."""
    if limit is None:
        return {}
    return {TAG_EXCLUSIVE: job, TAG_MAX_CONCURRENT: str(limit)}


def lifting_tags(job: str, limit: int | None) -> dict[str, str]:
    """Return the tags that put another limit, or none, in the place of the one a run has."""
    return concurrency_tags(job, _UNLIMITED if limit is None else limit)


def concurrency_of(tags: Mapping[str, str]) -> Concurrency:
    """Return what a run's tags say; a group alone means one run at a time."""
    group = tags.get(TAG_EXCLUSIVE)
    try:
        limit = int(tags.get(TAG_MAX_CONCURRENT, "1"))
    except ValueError:
        limit = 1
    return Concurrency(None if limit == _UNLIMITED else group, max(1, limit))


def with_group_limits(
    configured: Sequence[Mapping[str, Any]], runs: Sequence[dg.DagsterRun]
) -> list[Mapping[str, Any]]:
    """Return Dagster's limits on tags with one for each group of these runs, newest run first.

    They take the place of what is configured for the groups' tag.
    """
    limits: dict[str, int] = {}
    for run in runs:
        group = run.tags.get(TAG_EXCLUSIVE)
        if group is not None and group not in limits:
            here = concurrency_of(run.tags)
            limits[group] = _UNLIMITED if here.group is None else here.limit
    return [
        *(limit for limit in configured if limit["key"] != TAG_EXCLUSIVE),
        *(
            {"key": TAG_EXCLUSIVE, "value": group, "limit": limit}
            for group, limit in limits.items()
            if limit != _UNLIMITED
        ),
    ]
