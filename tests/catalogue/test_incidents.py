from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.incident_records import AuditEntry, Exhaustion
from analysis_sandbox.catalogue.records import RunRecord, VersionRecord
from analysis_sandbox.errors import NotFoundError
from analysis_sandbox.values import JSONObject
from tests.catalogue.making import run_start

REPORT: JSONObject = {
    "reason": "The run worker was killed by SIGKILL",
    "traceback": "File worker.py \0",
    "signal": "SIGKILL",
    "last_log": ["loading"],
}


@pytest.fixture
def run(catalogue: Catalogue, analysis: VersionRecord) -> RunRecord:
    return catalogue.runs.start(run_start(analysis))


def test_a_crash_keeps_the_report_and_the_last_state(catalogue: Catalogue, run: RunRecord) -> None:
    catalogue.metadata.set(run.project, run.analysis_id, "checkpoint", 42)

    crash_id = catalogue.crashes.record(str(run.id), REPORT)

    (crash,) = catalogue.crashes.list(run.project)
    assert (crash.id, crash.run_id, crash.attempt) == (crash_id, run.id, 1)
    assert crash.reason == "The run worker was killed by SIGKILL"
    assert crash.stack_trace == "File worker.py \ufffd"
    assert (crash.details["signal"], crash.details["last_log"]) == ("SIGKILL", ["loading"])
    assert crash.metadata == {"checkpoint": 42}


def test_a_crash_is_recorded_once_for_each_attempt(
    catalogue: Catalogue, analysis: VersionRecord, run: RunRecord
) -> None:
    first = catalogue.crashes.record(str(run.id), REPORT)
    again = catalogue.crashes.record(str(run.id), {"reason": "seen a second time"})
    catalogue.runs.start(run_start(analysis, run_id=str(run.id), attempt=2))
    second = catalogue.crashes.record(str(run.id), {"reason": "another attempt"})

    assert first == again != second
    crashes = catalogue.crashes.list(run.project, analysis_id=run.analysis_id)
    assert [crash.reason for crash in crashes] == ["another attempt", REPORT["reason"]]


def test_crashes_are_counted_since_a_moment(catalogue: Catalogue, run: RunRecord) -> None:
    catalogue.crashes.record(str(run.id), REPORT)
    now = datetime.now(UTC)

    assert catalogue.crashes.count(run.analysis_id, since=now - timedelta(hours=1)) == 1
    assert catalogue.crashes.count(run.analysis_id, since=now + timedelta(hours=1)) == 0


@pytest.mark.parametrize("run_id", ["72d42e00-81b3-4a04-b93a-8f8aa59f9355", "no uuid"])
def test_a_crash_of_an_unknown_run_is_refused(catalogue: Catalogue, run_id: str) -> None:
    with pytest.raises(NotFoundError):
        catalogue.crashes.record(run_id, REPORT)


def test_recoveries_tell_what_was_tried(catalogue: Catalogue, run: RunRecord) -> None:
    crash_id = catalogue.crashes.record(str(run.id), REPORT)
    retry = str(uuid4())

    first = catalogue.crashes.begin_recovery(
        crash_id, "retry_reduced", retry_run_id=retry, limits={"memory_mb": 128}
    )
    catalogue.crashes.begin_recovery(crash_id, "resume")
    catalogue.crashes.end_recovery(first, "failed", detail="crashed again")

    reduced, resumed = catalogue.crashes.recoveries(crash_id)
    assert (reduced.strategy, str(reduced.retry_run_id)) == ("retry_reduced", retry)
    assert (reduced.limits, reduced.status, reduced.detail) == (
        {"memory_mb": 128},
        "failed",
        "crashed again",
    )
    assert reduced.completed_at is not None
    assert (resumed.strategy, resumed.status, resumed.completed_at) == ("resume", "started", None)
    with pytest.raises(NotFoundError):
        catalogue.crashes.begin_recovery(uuid4(), "retry")


def test_reached_limits_are_kept_with_both_figures(catalogue: Catalogue, run: RunRecord) -> None:
    catalogue.crashes.record_exhaustion(
        str(run.id), Exhaustion("memory", used=300, allowed=256, details={"unit": "MiB"})
    )
    catalogue.crashes.record_exhaustion(str(uuid4()), Exhaustion("memory"))

    (event,) = catalogue.crashes.exhaustions(run.project)
    assert (event.run_id, event.resource) == (run.id, "memory")
    assert (event.used, event.allowed, event.details) == (300, 256, {"unit": "MiB"})


def test_the_audit_log_tells_who_did_what(catalogue: Catalogue, project: str) -> None:
    catalogue.audit.record(AuditEntry(project, "ada", "analysis.create", "monthly_report"))
    catalogue.audit.record(
        AuditEntry(
            project,
            "bob",
            "analysis.delete",
            "monthly_report",
            outcome="FORBIDDEN",
            request_id="r-1",
            details={"role": "viewer"},
        )
    )

    newest, oldest = catalogue.audit.list(project)
    assert (oldest.actor, oldest.outcome) == ("ada", "ok")
    assert (newest.actor, newest.action, newest.outcome) == ("bob", "analysis.delete", "FORBIDDEN")
    assert (newest.request_id, newest.details) == ("r-1", {"role": "viewer"})
    assert len(catalogue.audit.list(project, limit=1)) == 1
