"""Schedules switched on and off in Dagster, as its UI does it."""

from datetime import UTC, datetime

import dagster as dg

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.orchestration.internals import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
    ScheduleInstigatorData,
)
from analysis_sandbox.orchestration.names import job_name_of, schedule_name
from analysis_sandbox.orchestration.schedules import schedule_spec


class ScheduleSwitches:
    """The state that Dagster keeps of each schedule, found by location, repository and name."""

    def __init__(self, instance: dg.DagsterInstance, repository: RemoteRepositoryOrigin) -> None:
        self._instance = instance
        self._repository = repository

    def switch(self, version: VersionRecord, *, enabled: bool) -> None:
        """Start or stop a schedule; one that the version does not declare is stopped.

        A schedule counts its ticks from the moment it is started. It is started anew when its cron
        expression changed, so that no tick of the new one lies in the past.
        """
        spec = schedule_spec(version)
        stored = self._stored(version)
        if not enabled or spec is None:
            if stored is not None and stored.status == InstigatorStatus.RUNNING:
                self._instance.update_instigator_state(stored.with_status(InstigatorStatus.STOPPED))
            return
        data = ScheduleInstigatorData(spec.cron, datetime.now(UTC).timestamp())
        if stored is None:
            state = InstigatorState(
                self._origin(version), InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data
            )
            self._instance.add_instigator_state(state)
        elif not _is_running_with(stored, spec.cron):
            self._instance.update_instigator_state(
                stored.with_status(InstigatorStatus.RUNNING).with_data(data)
            )

    def is_running(self, version: VersionRecord) -> bool:
        """Tell whether the schedule is on."""
        stored = self._stored(version)
        return stored is not None and stored.status == InstigatorStatus.RUNNING

    def _origin(self, version: VersionRecord) -> RemoteInstigatorOrigin:
        return self._repository.get_instigator_origin(schedule_name(job_name_of(version)))

    def _stored(self, version: VersionRecord) -> InstigatorState | None:
        origin = self._origin(version)
        return self._instance.get_instigator_state(origin.get_id(), origin.get_selector().get_id())


def _is_running_with(state: InstigatorState, cron: str) -> bool:
    data = state.instigator_data
    return (
        state.status == InstigatorStatus.RUNNING
        and isinstance(data, ScheduleInstigatorData)
        and data.cron_schedule == cron
    )
