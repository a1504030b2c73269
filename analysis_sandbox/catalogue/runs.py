"""Runs: one row from the request to the end, its log, and one end that counts.

The statements of a run's path are SQL text, because each does everything in one round trip and one
transaction; every one may be repeated after a lost connection.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from analysis_sandbox.catalogue.engine import ConstraintError, Database
from analysis_sandbox.catalogue.records import (
    LogLine,
    NewRun,
    RunFinish,
    RunRecord,
    RunStart,
    RunStatus,
    TriggerType,
)
from analysis_sandbox.catalogue.storable import json_text, report_json_text, report_text
from analysis_sandbox.errors import ConflictError, NotFoundError
from analysis_sandbox.values import JSONObject

# The entries of the snapshot in a run's row; a bound on rows, not on what scripts may keep.
_SNAPSHOT_BYTES = 1 << 20
_COLUMNS = """
    id, project, analysis_id, analysis_name, analysis_version, status, parameters, trigger_type,
    result_path, result_size_bytes, result_preview, metadata, usage, skipped, error, error_detail,
    started_at, completed_at, execution_time_ms, executed_by, parent_run_id, attempt, created_at,
    progress, display, limits
"""
_INSERT = text(f"""
    INSERT INTO analysis_runs (
        id, project, analysis_id, analysis_name, analysis_version, parameters, trigger_type,
        executed_by, parent_run_id, attempt, idempotency_key, request_hash)
    SELECT CAST(:run_id AS uuid), project, id, name, CAST(:version AS integer),
           CAST(:parameters AS jsonb), :trigger_type, :executed_by, CAST(:parent AS uuid),
           CAST(:attempt AS integer), :idempotency_key, CAST(:request_hash AS bytea)
      FROM analyses WHERE id = CAST(:analysis_id AS uuid) AND project = :project
    ON CONFLICT DO NOTHING
    RETURNING {_COLUMNS}
""")
_INSERTED_BEFORE = text(f"""
    SELECT {_COLUMNS}, request_hash FROM analysis_runs
     WHERE project = :project
       AND (id = CAST(:run_id AS uuid) OR idempotency_key = :idempotency_key)
""")
_START = text(f"""
    INSERT INTO analysis_runs AS known (
        id, project, analysis_id, analysis_name, analysis_version, status, parameters,
        trigger_type, executed_by, parent_run_id, attempt, limits, started_at)
    SELECT CAST(:run_id AS uuid), project, id, name, CAST(:version AS integer), 'running',
           CAST(:parameters AS jsonb), :trigger_type, :executed_by, CAST(:parent AS uuid),
           CAST(:attempt AS integer), CAST(:limits AS jsonb), now()
      FROM analyses WHERE id = CAST(:analysis_id AS uuid) AND project = :project
    ON CONFLICT (id) DO UPDATE SET
        status = 'running', parameters = excluded.parameters, attempt = excluded.attempt,
        limits = excluded.limits, progress = NULL,
        started_at = coalesce(known.started_at, excluded.started_at)
     WHERE known.status IN ('pending', 'running') AND known.project = excluded.project
    RETURNING {_COLUMNS}
""")
_PROGRESS = text("""
    UPDATE analysis_runs SET progress = CAST(:progress AS jsonb)
     WHERE id = CAST(:run_id AS uuid) AND status IN ('pending', 'running')
""")
_LOG_LINES = """
    unnest(CAST(:levels AS text[]), CAST(:messages AS text[]), CAST(:times AS timestamptz[]))
        WITH ORDINALITY AS line (level, message, logged_at, place)
"""
_APPEND_LOG = text(f"""
    INSERT INTO analysis_run_logs (project, run_id, batch_id, level, message, logged_at)
    SELECT run.project, run.id, CAST(:batch_id AS uuid), line.level, line.message, line.logged_at
      FROM analysis_runs AS run, {_LOG_LINES}
     WHERE run.id = CAST(:run_id AS uuid)
       AND NOT EXISTS (SELECT 1 FROM analysis_run_logs AS logged
                        WHERE logged.run_id = run.id
                          AND logged.batch_id = CAST(:batch_id AS uuid))
     ORDER BY line.place
""")
_FINISH = text(f"""
    WITH done AS (
        UPDATE analysis_runs AS run SET
               status = :status, completed_at = now(), result_path = :result_path,
               result_size_bytes = CAST(:result_size_bytes AS bigint),
               result_preview = CAST(:result_preview AS jsonb), skipped = :skipped,
               error = :error, error_detail = CAST(:error_detail AS jsonb),
               usage = CAST(:usage AS jsonb), display = CAST(:display AS jsonb),
               execution_time_ms = coalesce(
                   CAST(:execution_time_ms AS bigint),
                   CAST(extract(epoch FROM now() - run.started_at) * 1000 AS bigint)),
               metadata = (
                   SELECT jsonb_object_agg(key, value) FILTER (WHERE size <= {_SNAPSHOT_BYTES})
                       || CASE WHEN bool_or(size > {_SNAPSHOT_BYTES}) THEN
                          jsonb_build_object('(left out)', format('%s older entries',
                              count(*) FILTER (WHERE size > {_SNAPSHOT_BYTES})))
                          ELSE '{{}}' END
                     FROM (
                       SELECT key, value,
                              sum(size_bytes) OVER (ORDER BY updated_at DESC, key) AS size
                         FROM analysis_metadata
                        WHERE project = run.project AND analysis_id = run.analysis_id) AS entry),
               finish_id = CAST(:finish_id AS uuid)
         WHERE id = CAST(:run_id AS uuid) AND status IN ('pending', 'running')
        RETURNING id, project, analysis_id, status, trigger_type, started_at, completed_at
    ), logged AS (
        INSERT INTO analysis_run_logs (project, run_id, batch_id, level, message, logged_at)
        SELECT done.project, done.id, CAST(:finish_id AS uuid), line.level, line.message,
               line.logged_at
          FROM done, {_LOG_LINES}
         ORDER BY line.place
    ), analysis AS (
        UPDATE analyses SET last_run = done.completed_at
          FROM done WHERE analyses.id = done.analysis_id
    ), schedule AS (
        UPDATE analysis_schedules AS schedule SET
               last_run_at = coalesce(done.started_at, done.completed_at), last_run_id = done.id,
               last_status = done.status, updated_at = done.completed_at,
               consecutive_failures = CASE done.status
                   WHEN 'completed' THEN 0
                   WHEN 'cancelled' THEN schedule.consecutive_failures
                   ELSE schedule.consecutive_failures + 1 END
          FROM done
         WHERE schedule.analysis_id = done.analysis_id AND done.trigger_type = 'scheduled'
    )
    SELECT EXISTS (SELECT 1 FROM done)
        OR EXISTS (SELECT 1 FROM analysis_runs WHERE id = CAST(:run_id AS uuid)
                      AND finish_id = CAST(:finish_id AS uuid))
""")
_GET = text(
    f"SELECT {_COLUMNS} FROM analysis_runs WHERE id = CAST(:run_id AS uuid) AND project = :project"
)
_UNFINISHED = text(
    f"SELECT {_COLUMNS} FROM analysis_runs WHERE status IN ('pending', 'running') "
    "ORDER BY created_at"
)
_CHILDREN = text(
    f"SELECT {_COLUMNS} FROM analysis_runs WHERE parent_run_id = CAST(:run_id AS uuid) "
    "AND project = :project ORDER BY created_at"
)
_LOGS = text("""
    SELECT level, message, logged_at, id FROM analysis_run_logs
     WHERE run_id = CAST(:run_id AS uuid) AND id > :after ORDER BY id
""")


class RunRepository:
    """The runs of all projects. A run's id is the text of a UUID."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, new: NewRun) -> tuple[RunRecord, bool]:
        """Record a pending run; with the same idempotency key return the one that is there.

        Returns the run and whether it is the given one, which the caller has to launch.

        Raises:
            ConflictError: the key was used for another request, or the id for another run.
            NotFoundError: no such analysis or version in the project.
        """
        request_hash = _request_hash(new)
        values = _values(new) | {
            "idempotency_key": new.idempotency_key,
            "request_hash": request_hash,
        }
        inserted = self._insert(_INSERT, values)
        if inserted is not None:
            return inserted, True
        rows = self._database.rows(_INSERTED_BEFORE, values)
        if not rows:
            raise NotFoundError(f"Analysis {new.analysis_id} not found")
        *known, known_hash = rows[0]
        if bytes(known_hash or b"") != request_hash:
            raise ConflictError(
                f"The idempotency key '{new.idempotency_key}' was used for another request"
                if new.idempotency_key is not None
                else f"The run id {new.run_id} is in use",
                hint="Use a new key for a new request, and the old one only to repeat the old.",
            )
        run = RunRecord(*known)
        return run, run.id == values["run_id"]

    def start(self, start: RunStart) -> RunRecord:
        """Mark a run as running, recorded first if nobody has; returns it as it is now.

        A run that has ended already, for example because it was cancelled while it waited, is
        returned unchanged: look at `is_final`.

        Raises:
            NotFoundError: no such analysis or version in the project.
        """
        values = _values(start) | {"limits": report_json_text(start.limits)}
        started = self._insert(_START, values)
        return started or self.get(start.project, start.run_id)

    def report_progress(self, run_id: str, fraction: float, message: str | None = None) -> bool:
        """Replace what a run says of its progress, from 0 to 1; False when it has ended."""
        progress: JSONObject = {"fraction": fraction, "message": message}
        values = {"run_id": _uuid(run_id), "progress": report_json_text(progress)}
        return self._database.execute(_PROGRESS, values) > 0

    def append_log(self, run_id: str, lines: Sequence[LogLine]) -> None:
        """Add lines to a run's log."""
        if not lines:
            return
        values = _log_values(lines) | {"run_id": _uuid(run_id), "batch_id": uuid4()}
        self._database.execute(_APPEND_LOG, values)

    def logs(self, run_id: str, *, after: int = 0) -> Sequence[LogLine]:
        """Return a run's log in order; only the lines numbered higher than `after`."""
        values = {"run_id": _uuid(run_id), "after": after}
        rows = self._database.rows(_LOGS, values)
        return [LogLine(*row) for row in rows]

    def finish(self, finish: RunFinish) -> bool:
        """Record how a run ended, with everything that depends on it, at once.

        The analysis' last run, the schedule's standing and a snapshot of the analysis' metadata
        (its newest entries, up to 1 MiB; it says how many were left out) are part of it. False when
        the run had ended before, or is not known: then nothing was changed.
        """
        values = _log_values(finish.log) | {
            "run_id": _uuid(finish.run_id),
            "finish_id": uuid4(),
            "status": finish.status,
            "result_path": finish.result_path,
            "result_size_bytes": finish.result_size_bytes,
            "result_preview": report_json_text(finish.result_preview),
            "skipped": finish.skipped,
            "error": None if finish.error is None else report_text(finish.error),
            "error_detail": report_json_text(finish.error_detail),
            "usage": report_json_text(finish.usage),
            "display": report_json_text(finish.display),
            "execution_time_ms": finish.execution_time_ms,
        }
        rows = self._database.rows(_FINISH, values)
        return bool(rows[0][0])

    def get(self, project: str, run_id: str) -> RunRecord:
        """Return a run; raises `NotFoundError`."""
        values = {"project": project, "run_id": _uuid(run_id)}
        rows = self._database.rows(_GET, values)
        if not rows:
            raise NotFoundError(f"Run '{run_id}' not found")
        return RunRecord(*rows[0])

    def unfinished(self) -> Sequence[RunRecord]:
        """Return every run of all projects that is pending or running, oldest first."""
        rows = self._database.rows(_UNFINISHED)
        return [RunRecord(*row) for row in rows]

    def children(self, project: str, run_id: str) -> Sequence[RunRecord]:
        """Return the runs that a run started, oldest first."""
        values = {"project": project, "run_id": _uuid(run_id)}
        rows = self._database.rows(_CHILDREN, values)
        return [RunRecord(*row) for row in rows]

    def list(
        self,
        project: str,
        key: str | None = None,
        limit: int = 100,
        *,
        status: RunStatus | None = None,
        trigger_type: TriggerType | None = None,
    ) -> Sequence[RunRecord]:
        """Return the newest runs of a project, of one analysis (name or id), or of a kind."""
        conditions = {
            "analysis_id = (SELECT id FROM analyses WHERE project = :project AND name = :key)": (
                key is not None and not _is_uuid(key)
            ),
            "analysis_id = CAST(:key AS uuid)": key is not None and _is_uuid(key),
            "status = :status": status is not None,
            "trigger_type = :trigger_type": trigger_type is not None,
        }
        wanted = "".join(f" AND {condition}" for condition, used in conditions.items() if used)
        statement = text(
            f"SELECT {_COLUMNS} FROM analysis_runs WHERE project = :project{wanted} "
            "ORDER BY created_at DESC LIMIT :limit"
        )
        values = {
            "project": project,
            "key": key,
            "limit": limit,
            "status": status,
            "trigger_type": trigger_type,
        }
        rows = self._database.rows(statement, values)
        return [RunRecord(*row) for row in rows]

    def _insert(self, statement: Any, values: dict[str, Any]) -> RunRecord | None:
        try:
            rows = self._database.rows(statement, values)
        except ConstraintError as error:
            if error.constraint != "analysis_runs_version_fkey":
                raise
            raise NotFoundError(
                f"Analysis {values['analysis_id']} has no version {values['version']}"
            ) from error
        return RunRecord(*rows[0]) if rows else None


def _values(run: NewRun | RunStart) -> dict[str, Any]:
    return {
        "run_id": _uuid(run.run_id),
        "project": run.project,
        "analysis_id": run.analysis_id,
        "version": run.analysis_version,
        "parameters": json_text(run.parameters, what="The parameters"),
        "trigger_type": run.trigger_type,
        "executed_by": run.executed_by,
        "parent": None if run.parent_run_id is None else _uuid(run.parent_run_id),
        "attempt": run.attempt,
    }


def _log_values(lines: Sequence[LogLine]) -> dict[str, Any]:
    return {
        "levels": [line.level for line in lines],
        "messages": [report_text(line.message) for line in lines],
        "times": [line.logged_at for line in lines],
    }


def _request_hash(new: NewRun) -> bytes:
    given = new.parameters if new.given is None else new.given
    request = json.dumps([str(new.analysis_id), given], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(request.encode("utf-8", "surrogatepass")).digest()


def _uuid(run_id: str) -> UUID:
    try:
        return UUID(run_id)
    except ValueError:
        raise NotFoundError(f"Run '{run_id}' not found") from None


def _is_uuid(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True
