"""An installation without scripts: versions in a file, and runs that do what a small plan says.

Pool, workers, code server and Dagster's own processes find it by its import path, as they find the
real one in production.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from analysis_sandbox import errors
from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import AnalysisSandboxError, NotFoundError, ScriptError
from analysis_sandbox.execution.model import RunOutcome, RunRequest
from analysis_sandbox.orchestration.environment import CrashReport, Environment, OnLog
from analysis_sandbox.sandbox.supervisor import Usage
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.values import JSONObject

PROVIDER = f"{__name__}:environment"


class Versions:
    """Every version ever saved, in one file that is replaced whole."""

    def __init__(self, home: Path) -> None:
        self._file = home / "versions.json"

    def save(
        self,
        name: str,
        plan: JSONObject | None = None,
        *,
        metadata: JSONObject | None = None,
        project: str = "default",
    ) -> VersionRecord:
        """Store the next version of an analysis."""
        all_versions = self._read()
        earlier = [one for one in all_versions if (one.project, one.name) == (project, name)]
        record = VersionRecord(
            analysis_id=earlier[0].analysis_id if earlier else uuid4(),
            project=project,
            name=name,
            title=f"The {name}",
            version=len(earlier) + 1,
            source=json.dumps(plan or {}),
            compiled="",
            language="javascript",
            metadata=metadata or {},
            change_description="",
            created_by="test",
            created_at=datetime.now(UTC),
            restored_from=None,
        )
        self._write([*all_versions, record])
        return record

    def active_versions(self) -> Sequence[VersionRecord]:
        return list({one.analysis_id: one for one in self._read()}.values())

    def revision(self) -> int:
        return len(self._read())

    def version(self, analysis_id: UUID, version: int, /) -> VersionRecord:
        for one in self._read():
            if (one.analysis_id, one.version) == (analysis_id, version):
                return one
        raise NotFoundError(f"Version {version} of {analysis_id} not found")

    def stored_limits(self) -> Mapping[UUID, JSONObject]:
        return {}

    def current(self, project: str, key: str, /) -> VersionRecord:
        found = [one for one in self._read() if (one.project, one.name) == (project, key)]
        if not found:
            raise NotFoundError(f"Analysis '{key}' not found")
        return found[-1]

    def _read(self) -> list[VersionRecord]:
        if not self._file.exists():
            return []
        rows: list[dict[str, Any]] = json.loads(self._file.read_text(encoding="utf-8"))
        for row in rows:
            row["analysis_id"] = UUID(row["analysis_id"])
            row["created_at"] = datetime.fromisoformat(row["created_at"])
        return [VersionRecord(**row) for row in rows]

    def _write(self, versions: Sequence[VersionRecord]) -> None:
        temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(
            json.dumps([asdict(one) for one in versions], default=str), encoding="utf-8"
        )
        temporary.replace(self._file)


class Journal:
    """What happened, in the order in which it did: one JSON line each, by any process."""

    def __init__(self, home: Path) -> None:
        self._file = home / "journal.jsonl"

    def write(self, what: str, **facts: Any) -> None:
        line = json.dumps({"what": what, "at": time.time(), "pid": os.getpid(), **facts})
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)

    def read(self, what: str | None = None, **facts: Any) -> list[dict[str, Any]]:
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        wanted = facts | ({"what": what} if what else {})
        return [
            entry
            for entry in entries
            if all(entry.get(key) == value for key, value in wanted.items())
        ]


class _Performer:
    """Executes plans: log, hold until a file appears, start a child, raise, kill itself."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._versions = Versions(settings.home)
        self._journal = Journal(settings.home)

    def execute(self, request: RunRequest, *, on_log: OnLog | None) -> RunOutcome:
        version = self._versions.version(request.analysis_id, request.version)
        plan: dict[str, Any] = json.loads(version.source)
        if "quiet" not in plan:
            self._journal.write("began", **_facts(request))
        child = None
        try:
            for level, message in plan.get("log", []):
                if on_log is not None:
                    on_log(level, message)
            if "child" in plan:
                child = subprocess.Popen(["sleep", "600"])
                self._journal.write("child", run=request.run_id, child=child.pid)
            self._perform(plan, request)
        except BaseException as error:
            self._journal.write("raised", run=request.run_id, error=type(error).__name__)
            raise
        finally:
            if child is not None:
                child.kill()
                child.wait()
        if "quiet" not in plan:
            self._journal.write("ended", run=request.run_id)
        return _outcome(request, plan.get("result", {"ok": 1}), display=plan.get("display"))

    def _perform(self, plan: dict[str, Any], request: RunRequest) -> None:
        if "hold" in plan:
            path = self._home / str(plan["hold"])
            while not path.exists():
                time.sleep(0.005)
        if "memory" in plan:
            _HOARD.append(b"\1" * int(plan["memory"]))
        if plan.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if plan.get("crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if plan.get("bug"):
            raise RuntimeError("the password is hunter2")
        if "error" in plan and request.attempt <= plan.get("until_attempt", 99):
            raise _error(plan["error"])

    def should_run(
        self, version: VersionRecord, parameters: JSONObject, scheduled_time: datetime, /
    ) -> bool:
        """Do what the plan says: wait for a file, raise, or answer."""
        plan: dict[str, Any] = json.loads(version.source)
        facts = {"parameters": parameters, "scheduled_time": scheduled_time.isoformat()}
        self._journal.write("asked", name=version.name, **facts)
        if "refusal" in plan:
            raise _error(plan["refusal"])
        if "hold_tick" in plan:
            path = self._home / str(plan["hold_tick"])
            while not path.exists():
                time.sleep(0.005)
        return bool(plan.get("should_run", True))

    def crashed(self, run_id: str, report: CrashReport) -> None:
        self._journal.write("crashed", run=run_id, report=_plain(report))


_HOARD: list[bytes] = []


def environment() -> Environment:
    """Return the environment of the home that the settings name."""
    settings = load_settings()
    performer = _Performer(settings)
    return Environment(
        settings=settings,
        versions=Versions(settings.home),
        execute=performer.execute,
        should_run=performer.should_run,
        crashed=performer.crashed,
    )


def broken() -> Environment:
    """Return nothing: no process of such an installation can start."""
    raise errors.UnavailableError("nothing is there")


def _facts(request: RunRequest) -> dict[str, Any]:
    return {
        "run": request.run_id,
        "version": request.version,
        "parameters": request.parameters,
        "trigger": request.trigger,
        "executed_by": request.executed_by,
        "attempt": request.attempt,
        "project": request.project,
        "scheduled_time": request.scheduled_time and request.scheduled_time.isoformat(),
    }


def _error(name: str) -> AnalysisSandboxError:
    kind = getattr(errors, name)
    if issubclass(kind, ScriptError):
        return kind("boom", name="TypeError", stack="at run (a.js:3:7)", line=3, column=7)
    return kind("boom", hint="Try later.")


def _plain(report: CrashReport) -> dict[str, Any]:
    return asdict(replace(report)) | {"detected_at": report.detected_at.isoformat()}


def _outcome(request: RunRequest, result: Any, *, display: JSONObject | None = None) -> RunOutcome:
    return RunOutcome(
        result_path=f"2026/01/01/{request.run_id}.json.zst",
        result_size_bytes=len(json.dumps(result)),
        preview=result,
        skipped=result == {"skipped": True},
        usage=Usage(
            peak_memory_bytes=1024, cpu_ms=1.5, wall_ms=2.0, host_calls=3, bytes_in=4, bytes_out=5
        ),
        layers={"seccomp": "ok"},
        execution_time_ms=2,
        display=display,
    )
