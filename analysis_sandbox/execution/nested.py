"""`ctx.runAnalysis`: analyses that run inside another run, and what they may not do."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast
from uuid import uuid4

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    NotFoundError,
    ValidationFailedError,
)
from analysis_sandbox.execution.model import RunOutcome, RunRequest
from analysis_sandbox.execution.versions import StoredVersion, VersionCache
from analysis_sandbox.limits import Limits
from analysis_sandbox.values import JSONObject, JSONValue, decode

# Analyses of one caller's level that run at once, each in a process of its own; more take turns.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a run stands: the run that called it and the names from the outermost one down.

    `depth` is how long the chain may become, which the limits of the outermost run say. `turns`
    has a semaphore for each length of the chain: a run waits for one of the next length only, so
    that runs never wait for each other.
    """

    parent_run_id: str | None
    names: tuple[str, ...]
    depth: int | None
    turns: tuple[threading.Semaphore, ...] = ()

    def within(self, limits: Limits) -> "Lineage":
        """Return this lineage with what the outermost run takes from its limits."""
        if self.depth is not None:
            return self
        depth = limits.nesting_depth
        turns = tuple(threading.Semaphore(AT_ONCE) for _ in range(depth))
        return replace(self, depth=depth, turns=turns)


class NestedRun(Protocol):
    """A run inside a run, as `NestedRuns` drives it."""

    written: JSONObject

    def execute(self) -> RunOutcome:
        """Run to the end."""
        ...

    def stop(self) -> None:
        """Stop the script, from any thread."""
        ...


class NestedRuns:
    """The analyses that one run calls. Thread-safe: a script may call several at once."""

    def __init__(
        self,
        *,
        caller: RunRequest,
        version: StoredVersion,
        lineage: Lineage,
        versions: VersionCache,
        begin: Callable[[RunRequest, Lineage], NestedRun],
        read_result: Callable[[str], str],
    ) -> None:
        self._caller = caller
        self._version = version
        self._lineage = lineage
        self._versions = versions
        self._begin = begin
        self._read_result = read_result
        self._lock = threading.Lock()
        self._active: set[NestedRun] = set()
        self._stopped = False

    def run_analysis(self, name: object, given: object = None) -> JSONObject:
        """Run an analysis to its end and return the answer.

        A callee that fails answers `success: false`; what the caller must not do raises.

        Raises:
            NotFoundError: the analysis is not declared, or does not exist.
            ValidationFailedError: wrong arguments, or a circular call.
            LimitExceededError: nested too deep.
        """
        callee = self._callee(name)
        if given is not None and not isinstance(given, dict):
            raise ValidationFailedError("runAnalysis: the parameters must be an object")
        request = RunRequest(
            run_id=str(uuid4()),
            project=self._caller.project,
            analysis_id=callee.record.analysis_id,
            version=callee.record.version,
            parameters=cast("JSONObject", given or {}),
            trigger="analysis",
            executed_by=self._caller.executed_by,
        )
        names = (*self._lineage.names, self._version.record.name)
        lineage = replace(self._lineage, parent_run_id=self._caller.run_id, names=names)
        with self._lineage.turns[len(self._lineage.names)]:
            return self._answer(self._begin(request, lineage), request.run_id)

    def stop(self) -> None:
        """Stop every analysis that still runs; later ones are refused."""
        with self._lock:
            self._stopped = True
            active = list(self._active)
        for run in active:
            run.stop()

    def _answer(self, run: NestedRun, job_id: str) -> JSONObject:
        with self._lock:
            if self._stopped:
                raise CancelledError("The run was stopped", name="CancelledError")
            self._active.add(run)
        try:
            outcome = run.execute()
        except AnalysisSandboxError as error:
            return {
                "success": False,
                "result": None,
                "status": "cancelled" if isinstance(error, CancelledError) else "failed",
                "job_id": job_id,
                "error": error.message,
                "metadata": run.written,
            }
        finally:
            with self._lock:
                self._active.discard(run)
        result: JSONValue = decode(self._read_result(outcome.result_path))
        return {
            "success": not (isinstance(result, dict) and result.get("success") is False),
            "result": result,
            "status": "completed",
            "job_id": job_id,
            "metadata": outcome.metadata,
        }

    def _callee(self, name: object) -> StoredVersion:
        version = self._version
        if not isinstance(name, str):
            raise ValidationFailedError("runAnalysis: the first argument is an analysis' name")
        if name not in version.analyses:
            raise NotFoundError(
                f"Analysis '{name}' is not declared by '{version.record.name}'",
                hint=f"It may run: {', '.join(version.analyses) or 'none'}. "
                "Add it to dependencies.analyses.",
            )
        chain: Sequence[str] = (*self._lineage.names, version.record.name)
        if name in chain:
            raise ValidationFailedError(f"Circular dependency: {' → '.join([*chain, name])}")
        allowed = self._lineage.depth
        if allowed is not None and len(chain) >= allowed:
            raise LimitExceededError(
                f"runAnalysis is nested {len(chain)} deep; the limit is {allowed}",
                details={"used": len(chain), "allowed": allowed},
            )
        return self._versions.current(self._caller.project, name)
