"""One run of one version, from its start in the catalogue to its stored outcome."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import cast
from zoneinfo import ZoneInfo

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import RunFinish, RunStart
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    ValidationFailedError,
)
from analysis_sandbox.execution.display import Displays
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.execution.host import MetadataAccess, RunParts, full_host
from analysis_sandbox.execution.log import RunLog
from analysis_sandbox.execution.model import RunOutcome, RunRequest
from analysis_sandbox.execution.nested import Lineage, NestedRuns
from analysis_sandbox.execution.progress import Progress
from analysis_sandbox.execution.references import References, displayed
from analysis_sandbox.execution.scratch import ScratchAccess
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.execution.streams import Streams
from analysis_sandbox.execution.versions import StoredVersion, VersionCache
from analysis_sandbox.execution.warehouse import WarehouseAccess
from analysis_sandbox.limits import Limits, SystemLimits, effective_limits
from analysis_sandbox.results.store import ResultStore
from analysis_sandbox.sandbox.supervisor import (
    CallOutcome,
    HostFunctions,
    Sandbox,
    SandboxCall,
    ScriptCall,
)
from analysis_sandbox.script.parameters import resolution
from analysis_sandbox.script.schedule import schedule_facts
from analysis_sandbox.values import JSONObject, decode, to_json
from analysis_sandbox.warehouse.client import Warehouse

_log = logging.getLogger(__name__)

Forward = Callable[[str, str], None]
"""Takes a log line's level and message as the script writes it."""

_OUTERMOST = Lineage(parent_run_id=None, names=(), depth=None)


@dataclass(frozen=True, slots=True)
class Environment:
    """What runs need of one installation; shared by all runs of a process."""

    catalogue: Catalogue
    versions: VersionCache
    sandbox: Sandbox
    connections: Connections
    results: ResultStore
    warehouse: Callable[[str], Warehouse]
    system_limits: SystemLimits = field(default_factory=SystemLimits)


class Runner:
    """Executes runs. Thread-safe; one run per thread that calls it."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._running = 0

    def execute(self, request: RunRequest, *, on_log: Forward | None = None) -> RunOutcome:
        """Run to the end and store the outcome before returning it.

        Raises:
            AnalysisSandboxError: the run failed; its row already says so.
            BaseException: whatever interrupted the waiting thread, after the script was stopped
                and the row marked cancelled.
        """
        with self._lock:
            self._running += 1
        try:
            return _Run(self._environment, request, on_log=on_log).execute()
        finally:
            with self._lock:
                self._running -= 1
                is_last = self._running == 0
            if is_last:
                # What a stopped script still waited for must not go on at the servers.
                self._environment.connections.cancel_all()


class _Run:
    """One run while it goes on."""

    def __init__(
        self,
        environment: Environment,
        request: RunRequest,
        *,
        lineage: Lineage = _OUTERMOST,
        on_log: Forward | None = None,
    ) -> None:
        self.written: JSONObject = {}
        self._environment = environment
        self._request = request
        self._lineage = lineage
        self._log = RunLog(
            lambda lines: environment.catalogue.runs.append_log(request.run_id, lines), on_log
        )
        self._progress = Progress(
            lambda fraction, message: environment.catalogue.runs.report_progress(
                request.run_id, fraction, message
            )
        )
        self._displays = Displays()
        self._references = References()
        self._usage: JSONObject | None = None
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._call: SandboxCall | None = None
        self._stopped = False

    def execute(self) -> RunOutcome:
        """Run to the end; the row in the catalogue says how it ended, whatever happens."""
        try:
            outcome = self._execute()
        except AnalysisSandboxError as error:
            if error.transient and self._request.retries_transient:
                self._keep_open(error)
            else:
                self._finish_failed(error)
            raise
        except BaseException:
            self._finish_failed(CancelledError("The run was stopped", name="CancelledError"))
            raise
        self._environment.catalogue.runs.finish(
            RunFinish(
                run_id=self._request.run_id,
                status="completed",
                result_path=outcome.result_path,
                result_size_bytes=outcome.result_size_bytes,
                result_preview=outcome.preview,
                skipped=outcome.skipped,
                usage=self._usage,
                execution_time_ms=outcome.execution_time_ms,
                log=self._log.close(),
                display=outcome.display,
            )
        )
        return outcome

    def stop(self) -> None:
        """Stop the script, from any thread."""
        with self._lock:
            self._stopped = True
            call = self._call
        if call is not None:
            call.stop()

    def _execute(self) -> RunOutcome:
        environment, request = self._environment, self._request
        version = environment.versions.get(request.analysis_id, request.version)
        limits = self._limits(version)
        resolved = self._begin(version, limits)
        outcome = self._run_script(version, resolved, limits)
        self._usage = {**asdict(outcome.usage), "layers": dict(outcome.layers)}
        if outcome.error is not None:
            raise outcome.error
        text = outcome.value or "null"
        hints, misfits = self._displays.conclude(text)
        display = displayed(hints, self._references.conclude(text))
        for misfit in misfits:
            self._log.write("warning", misfit)
        stored = environment.results.write(
            request.run_id, text, max_bytes=limits.result_bytes, when=datetime.now(UTC)
        )
        return RunOutcome(
            result_path=stored.path,
            result_size_bytes=stored.size_bytes,
            preview=stored.preview,
            skipped=_is_skipped(text),
            usage=outcome.usage,
            layers=outcome.layers,
            execution_time_ms=self._elapsed_ms(),
            metadata=self.written,
            display=display,
        )

    def _begin(self, version: StoredVersion, limits: Limits) -> JSONObject:
        """Record the start and return the resolved parameters."""
        request, specs = self._request, version.definition.parameters
        given = request.parameters
        if self._lineage.parent_run_id is not None and specs is not None:
            given = self._without_undeclared(given, set(specs))
        schedule = version.definition.schedule
        now = datetime.now(ZoneInfo(schedule.timezone if schedule else "UTC"))
        problem: ValidationFailedError | None = None
        try:
            given = resolution.resolve(specs, given, now=now)
        except ValidationFailedError as error:
            problem = error
        row = self._environment.catalogue.runs.start(
            RunStart(
                run_id=request.run_id,
                project=request.project,
                analysis_id=request.analysis_id,
                analysis_version=request.version,
                parameters=given,
                trigger_type=request.trigger,
                executed_by=request.executed_by,
                parent_run_id=self._lineage.parent_run_id,
                attempt=request.attempt,
                limits=limits.model_dump(),
            )
        )
        if row.is_final:
            raise CancelledError(f"The run had ended before it began: {row.status}")
        if problem is not None:
            raise problem
        return given

    def _run_script(
        self, version: StoredVersion, resolved: JSONObject, limits: Limits
    ) -> CallOutcome:
        environment = self._environment
        with self._parts(version, limits) as parts:
            nested = NestedRuns(
                caller=self._request,
                version=version,
                lineage=self._lineage.within(limits),
                versions=environment.versions,
                begin=lambda inner, lineage: _Run(environment, inner, lineage=lineage),
                read_result=environment.results.read,
            )
            call = ScriptCall(
                code=version.record.compiled,
                modules=version.record.modules,
                filename=version.filename,
                entry="run",
                parameters=resolved,
                context=self._facts(version, parts.datasources),
                limits=limits,
            )
            host = full_host(parts, run_analysis=nested.run_analysis, log=self._log.write)
            try:
                return self._wait(call, host)
            finally:
                nested.stop()

    @contextmanager
    def _parts(self, version: StoredVersion, limits: Limits) -> Generator[RunParts]:
        """Make what the run works with; close it when the script has ended."""
        environment, project = self._environment, self._request.project
        datasources = DatasourceAccess(
            environment.connections, project=project, declared=version.datasources
        )
        with ExitStack() as closing:
            warehouse = WarehouseAccess(
                environment.warehouse(project),
                datasources,
                limits=limits,
                references=self._references,
            )
            closing.callback(warehouse.close)
            streams = Streams(datasources)
            closing.callback(streams.close)
            frames = Frames(limits)
            closing.callback(frames.close)
            scratch = ScratchAccess(environment.warehouse(project), frames, limits=limits)
            closing.callback(scratch.close)
            closing.callback(self._progress.close)
            yield RunParts(
                datasources=datasources,
                streams=streams,
                warehouse=warehouse,
                scratch=scratch,
                frames=frames,
                metadata=self._metadata(),
                displays=self._displays,
                progress=self._progress,
                limits=limits,
            )

    def _wait(self, call: ScriptCall, host: HostFunctions) -> CallOutcome:
        sandbox = self._environment.sandbox
        if self._lineage.parent_run_id is None:
            return sandbox.run(call, host)
        started = sandbox.start(call, host)
        with self._lock:
            self._call = started
            stopped = self._stopped
        if stopped:
            started.stop()
        outcome = started.wait()
        if self._stopped:
            # A script that notices the stop may return early: what it returns is not its result.
            raise CancelledError("The run was stopped", name="CancelledError")
        return outcome

    def _facts(self, version: StoredVersion, datasources: DatasourceAccess) -> JSONObject:
        request = self._request
        return {
            "run_id": request.run_id,
            "analysis_id": version.record.name,
            "version": request.version,
            "attempt": request.attempt,
            "schedule": schedule_facts(
                version.definition.schedule,
                datetime.now(UTC),
                scheduled_time=request.scheduled_time,
            ),
            "datasources": datasources.facts(),
            "read_only": False,
        }

    def _metadata(self) -> MetadataAccess:
        store, request = self._environment.catalogue.metadata, self._request
        project, analysis_id = request.project, request.analysis_id

        def set_value(key: str, value: object) -> None:
            store.set(project, analysis_id, key, to_json(value))
            self.written[key] = to_json(value)

        def delete(key: str) -> bool:
            self.written.pop(key, None)
            return store.delete(project, analysis_id, key)

        return MetadataAccess(
            get=lambda key: store.get(project, analysis_id, key),
            set=set_value,
            has=lambda key: store.has(project, analysis_id, key),
            delete=delete,
            list=lambda: store.list(project, analysis_id),
        )

    def _without_undeclared(self, given: JSONObject, declared: set[str]) -> JSONObject:
        dropped = sorted(set(given) - declared)
        if dropped:
            self._log.write(
                "warning", f"Dropped parameters that are not declared: {', '.join(dropped)}"
            )
        return {name: value for name, value in given.items() if name in declared}

    def _keep_open(self, error: AnalysisSandboxError) -> None:
        attempt = self._request.attempt
        self._log.write("error", f"Attempt {attempt} failed and is tried again: {error.message}")
        lines = self._log.close()
        self._environment.catalogue.runs.append_log(self._request.run_id, lines)

    def _finish_failed(self, error: AnalysisSandboxError) -> None:
        try:
            self._environment.catalogue.runs.finish(
                RunFinish(
                    run_id=self._request.run_id,
                    status="cancelled" if isinstance(error, CancelledError) else "failed",
                    error=error.message,
                    error_detail=error_detail(error),
                    usage=self._usage,
                    execution_time_ms=self._elapsed_ms(),
                    log=self._log.close(),
                )
            )
        except AnalysisSandboxError:
            # The run's own error is the one to report; its row is settled from Dagster's state.
            _log.exception("The end of run %s could not be recorded", self._request.run_id)

    def _limits(self, version: StoredVersion) -> Limits:
        environment, definition = self._environment, version.definition
        effective = effective_limits(
            environment.system_limits,
            definition.execution,
            stored=environment.versions.limits(self._request.analysis_id),
            scheduled=definition.schedule is not None,
        )
        for warning in effective.warnings:
            self._log.write("warning", warning)
        return effective.limits

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)


def error_detail(error: AnalysisSandboxError) -> JSONObject:
    """Return what a job's `error_detail` shows of an error."""
    facts = cast("JSONObject", to_json(error.facts()))
    place: JSONObject = {name: facts.pop(name, None) for name in ("line", "column", "stack")}
    return {
        "code": error.code,
        "transient": error.transient,
        "hint": error.hint,
        **place,
        "details": facts,
    }


def _is_skipped(text: str) -> bool:
    if '"skipped"' not in text:
        return False
    result = decode(text)
    return isinstance(result, dict) and result.get("skipped") is True
