"""Dagster's storage in our PostgreSQL: pooled connections, and no run that starts twice.

Stock Dagster opens a connection per statement, which costs more than the statement. Here each
process keeps two small pools: one for run and schedule state, and one for events, whose commits
need not wait for the disk. The log on disk is one sequence: the next change of a run's state makes
the events before it durable.
"""

import select
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.schedules.base import ScheduleStorage
from dagster_postgres import (
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from sqlalchemy.event import listen
from sqlalchemy.exc import DisconnectionError

from analysis_sandbox.catalogue.embedded import attach_or_start, database_url
from analysis_sandbox.orchestration.instance import instance_settings
from analysis_sandbox.orchestration.internals import (
    FINISHED_STATUSES,
    ConfigurableClass,
    ConfigurableClassData,
)

_POOL_SIZE = 5
# Requests wait for a connection rather than exhaust the server.
_MAX_OVERFLOW = 5
_RECYCLE_SECONDS = 1800
_STATEMENT_TIMEOUT_MS = 60_000
_REMEMBERED_SNAPSHOTS = 10_000
# Any number, the same in every process: who creates Dagster's tables.
_SCHEMA_LOCK = 0x6461677374657200

# Built once: building a statement takes longer than sending it.
_INSERT_EVENT = SqlEventLogStorageTable.insert()

_Status = dg.DagsterRunStatus
_BEFORE_ITS_START = (_Status.NOT_STARTED, _Status.QUEUED, _Status.STARTING)
_NOT_FINISHED = tuple(status for status in _Status if status not in FINISHED_STATUSES)
# A run that is being stopped while it starts goes on being stopped.
_NOT_STOPPED = tuple(status for status in _NOT_FINISHED if status != _Status.CANCELING)
# Which status an event sets, from which statuses only, and the column that keeps its time.
_TRANSITIONS: dict[dg.DagsterEventType, tuple[_Status, tuple[_Status, ...], str | None]] = {
    dg.DagsterEventType.RUN_ENQUEUED: (_Status.QUEUED, _BEFORE_ITS_START, None),
    dg.DagsterEventType.RUN_STARTING: (_Status.STARTING, _BEFORE_ITS_START, None),
    dg.DagsterEventType.RUN_START: (_Status.STARTED, _NOT_STOPPED, "start_time"),
    dg.DagsterEventType.RUN_CANCELING: (_Status.CANCELING, _NOT_FINISHED, None),
    dg.DagsterEventType.RUN_CANCELED: (_Status.CANCELED, _NOT_FINISHED, "end_time"),
    dg.DagsterEventType.RUN_SUCCESS: (_Status.SUCCESS, _NOT_FINISHED, "end_time"),
}


class AnalysisSandboxStorage(DagsterStorage, ConfigurableClass):
    """The storage that dagster.yaml names.

    It finds the database in the settings, and has the embedded one started when nobody else does.
    """

    def __init__(self, url: str, *, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data
        with _schema_lock(url):
            self._runs = PooledRunStorage(url)
            self._events = PooledEventLogStorage(url)
            self._schedules = PooledScheduleStorage(url)
        state = _engine(url)
        self._runs.use(state)
        self._schedules.use(state)
        self._events.use(_engine(url, durable=False))

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        settings = instance_settings()
        attach_or_start(settings)
        url = database_url(settings, "dagster", driver="psycopg2")
        return cls(url, inst_data=inst_data, **config_value)

    @property
    def run_storage(self) -> RunStorage:
        return self._runs

    @property
    def event_log_storage(self) -> EventLogStorage:
        return self._events

    @property
    def schedule_storage(self) -> ScheduleStorage:
        return self._schedules


class PooledRunStorage(PostgresRunStorage):
    """Runs, whose status moves only forward, in one statement.

    Stock Dagster reads a run and writes it back, so a run that was cancelled in between starts
    nevertheless, and one that finished hangs in "canceling".
    """

    def use(self, engine: sa.Engine) -> None:
        """Take connections from `engine` from now on."""
        self._engine = engine
        self._snapshots: set[str] = set()

    def optimize_for_webserver(self, *_: Any, **__: Any) -> None:
        """Keep the pool, which is already what this asks for."""

    def dispose(self) -> None:
        self._engine.dispose()

    def has_job_snapshot(self, job_snapshot_id: str) -> bool:
        return self._knows(job_snapshot_id, super().has_job_snapshot)

    def has_execution_plan_snapshot(self, execution_plan_snapshot_id: str) -> bool:
        return self._knows(execution_plan_snapshot_id, super().has_execution_plan_snapshot)

    def wipe(self) -> None:
        self._snapshots.clear()
        super().wipe()

    # Dagster asks the database at every statement whether these columns exist yet.
    def has_run_stats_index_cols(self) -> bool:
        return True

    def has_backfill_id_column(self) -> bool:
        return True

    def change_status(self, run_id: str, expected: _Status, new: _Status) -> bool:
        """Set the status if it is `expected`; False when somebody else was faster."""
        return self._change(run_id, (expected,), {"status": new.value})

    def handle_run_event(
        self, run_id: str, event: dg.DagsterEvent, update_timestamp: datetime | None = None
    ) -> None:
        transition = _TRANSITIONS.get(event.event_type)
        if transition is None:
            if event.event_type != dg.DagsterEventType.RUN_FAILURE or not self._finished(run_id):
                super().handle_run_event(run_id, event, update_timestamp)
            return
        status, allowed, column = transition
        now = update_timestamp or datetime.now(UTC)
        values: dict[str, Any] = {"status": status.value, "update_timestamp": now}
        if column is not None:
            values[column] = now.timestamp()
        self._change(run_id, allowed, values)

    def _knows(self, snapshot_id: str, look: Callable[[str], bool]) -> bool:
        """Tell whether a snapshot is stored; one that is stays."""
        if snapshot_id in self._snapshots:
            return True
        if not look(snapshot_id):
            return False
        if len(self._snapshots) >= _REMEMBERED_SNAPSHOTS:
            self._snapshots.clear()
        self._snapshots.add(snapshot_id)
        return True

    def _change(self, run_id: str, allowed: Sequence[_Status], values: dict[str, Any]) -> bool:
        # The status in the stored run itself is stale after this; Dagster reads the column.
        statement = (
            RunsTable.update()
            .where(RunsTable.c.run_id == run_id)
            .where(RunsTable.c.status.in_([status.value for status in allowed]))
            .values(values)
        )
        with self.connect() as connection:
            return connection.execute(statement).rowcount == 1

    def _finished(self, run_id: str) -> bool:
        run = self.get_runs(dg.RunsFilter(run_ids=[run_id]), limit=1)
        return bool(run) and run[0].is_finished


class PooledEventLogStorage(PostgresEventLogStorage):
    """Events, each in one statement."""

    def use(self, engine: sa.Engine) -> None:
        """Take connections from `engine` from now on."""
        self._engine = engine

    def optimize_for_webserver(self, *_: Any, **__: Any) -> None:
        """Keep the pool, which is already what this asks for."""

    def dispose(self) -> None:
        super().dispose()
        self._engine.dispose()

    def store_event(self, event: dg.EventLogEntry) -> None:
        if event.dagster_event_type in ASSET_EVENTS | ASSET_CHECK_EVENTS:
            super().store_event(event)
            return
        # Without the NOTIFY that nothing listens to any more; it takes turns across processes.
        with self._connect() as connection:
            connection.execute(_INSERT_EVENT, self._event_to_row(event))

    def store_log_entries(self, entries: Sequence[dg.EventLogEntry]) -> None:
        """Store log lines, which are no events, in one statement."""
        with self._connect() as connection:
            connection.execute(_INSERT_EVENT, [self._event_to_row(entry) for entry in entries])


class PooledScheduleStorage(PostgresScheduleStorage):
    """Schedules, ticks and backfills."""

    def use(self, engine: sa.Engine) -> None:
        """Take connections from `engine` from now on."""
        self._engine = engine

    def optimize_for_webserver(self, *_: Any, **__: Any) -> None:
        """Keep the pool, which is already what this asks for."""

    def dispose(self) -> None:
        self._engine.dispose()


def store_log_entries(instance: dg.DagsterInstance, entries: Sequence[dg.EventLogEntry]) -> None:
    """Store log lines of a run, together where the instance's storage can."""
    storage = instance.event_log_storage
    if isinstance(storage, PooledEventLogStorage):
        storage.store_log_entries(entries)
        return
    for entry in entries:
        instance.handle_new_event(entry)


def _engine(url: str, *, durable: bool = True) -> sa.Engine:
    engine = sa.create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=_POOL_SIZE,
        max_overflow=_MAX_OVERFLOW,
        pool_recycle=_RECYCLE_SECONDS,
        # The one used last is still warm; the others may time out.
        pool_use_lifo=True,
    )
    settings = [f"statement_timeout = {_STATEMENT_TIMEOUT_MS}"]
    if not durable:
        settings.append("synchronous_commit = off")

    def connected(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(f"set {setting}")
        connection.commit()

    listen(engine, "connect", connected)
    listen(engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """Make the pool replace a connection whose server is gone, without a round trip.

    An idle connection has nothing to read: what is there is the server's farewell, or the end.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("The server closed the connection")


@contextmanager
def _schema_lock(url: str) -> Generator[None]:
    """Let one process at a time look for Dagster's tables and create them."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_SCHEMA_LOCK)))
        yield
