"""Runs scripts: the public face of this package.

One fork server per `Sandbox`, one hardened child per call. The fork server owns the lives of the
children; what is here owns their conversations: one thread per call, one more per host call that is
under way.
"""

import json
import re
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from analysis_sandbox.errors import CrashError, ValidationFailedError
from analysis_sandbox.sandbox.conversation import Conversation
from analysis_sandbox.sandbox.launcher import ForkServer
from analysis_sandbox.sandbox.model import (
    CallOutcome,
    Entry,
    HostFunctions,
    ScriptCall,
    Usage,
)
from analysis_sandbox.sandbox.outcome import Script, from_ending
from analysis_sandbox.sandbox.process import Process
from analysis_sandbox.sandbox.protocol import DEADLINE_KILL_S, MAX_JOB_BYTES, STOP_KILL_S
from analysis_sandbox.sandbox.workers import Workers

__all__ = [
    "CallOutcome",
    "Entry",
    "HostFunctions",
    "Sandbox",
    "SandboxCall",
    "ScriptCall",
    "Usage",
]

# An honest child ends right after its report.
_LINGER_S = 0.25
# Bytes that an empty socket takes without a reader.
_FITS_THE_SOCKET = 64 * 1024
# A fork server that lets a child live this long past its time no longer answers.
_UNRESPONSIVE_S = 2.0


class SandboxCall:
    """A script under way."""

    def __init__(
        self, job: bytes, script: Script, host: HostFunctions, *, process: Process, workers: Workers
    ) -> None:
        """Not for callers: use `Sandbox.start`."""
        self._began = time.monotonic()
        self._script = script
        self._process = process
        self._workers = workers
        deadline = self._began + script.limits.timeout_ms / 1000
        self._job = b'["job",%r,%b]' % (deadline, job)
        self._has_report = False
        self._kill_at = deadline + DEADLINE_KILL_S
        self._lock = threading.Lock()
        self._is_stopped = False
        self._outcome: CallOutcome | None = None
        self._is_finished = threading.Event()
        self._conversation = Conversation(process.socket, script, host, workers)
        process.begin(kill_at=self._kill_at, when_ended=self._on_ended)
        if len(self._job) <= _FITS_THE_SOCKET:
            # Without the detour over a thread, which a larger job needs because it may block.
            self._conversation.send(self._job)
            self._job = b""
        workers.submit(self._serve)

    @property
    def pid(self) -> int:
        """The process id of the child; 0 if it could not be started."""
        return self._process.pid

    def wait(self) -> CallOutcome:
        """Wait for the end and return the outcome. Any thread, any number of times."""
        while not self._process.has_ended.wait(_UNRESPONSIVE_S):
            if time.monotonic() > self._kill_at + _UNRESPONSIVE_S:
                self._process.server.kill_server()
        self._is_finished.wait()
        assert self._outcome is not None
        return self._outcome

    def stop(self) -> None:
        """Ask the script to stop; interrupt it shortly after, kill it if need be. Any thread."""
        with self._lock:
            if self._is_stopped or self._is_finished.is_set():
                return
            self._is_stopped = True
            self._kill_at = min(self._kill_at, time.monotonic() + STOP_KILL_S)
        self._process.stop(kill_at=self._kill_at)
        self._relieve()

    def _serve(self) -> None:
        if self._conversation.serve(self._job):
            self._wrap_up()

    def _resume(self) -> None:
        if self._conversation.resume():
            self._wrap_up()

    def _relieve(self, *, has_ended: bool = False) -> None:
        # A host function that hangs must hold up neither the clean-up of the script nor its end.
        if self._conversation.relieve(has_ended=has_ended):
            self._workers.submit(self._resume)

    def _wrap_up(self) -> None:
        self._has_report = True
        linger = 0 if self._conversation.is_broken else _LINGER_S
        if not self._process.has_ended.wait(linger):
            self._process.kill()
            self._process.has_ended.wait()
        self._finish()

    def _on_ended(self) -> None:
        if self._has_report:
            self._finish()
        else:
            self._relieve(has_ended=True)

    def _finish(self) -> None:
        self._conversation.close()
        with self._lock:
            if self._outcome is None:
                self._outcome = self._conclude()
        self._is_finished.set()

    def _conclude(self) -> CallOutcome:
        conversation, ending = self._conversation, self._process.ending
        error = conversation.error
        elapsed_ms = (time.monotonic() - self._began) * 1000
        if conversation.value is None and (
            # A kill in the middle of a frame looks like a broken protocol.
            error is None or (conversation.is_broken and ending.killed in ("deadline", "stop"))
        ):
            error = from_ending(
                ending, self._script, is_stopped=self._is_stopped, elapsed_ms=elapsed_ms
            )
        usage = Usage(
            peak_memory_bytes=ending.peak_bytes,
            cpu_ms=ending.cpu_ms,
            wall_ms=elapsed_ms,
            host_calls=conversation.host_calls,
            bytes_in=conversation.bytes_in,
            bytes_out=conversation.bytes_out,
            peak_heap_bytes=conversation.peak_heap,
        )
        layers = conversation.layers or self._process.server.layers
        return CallOutcome(value=conversation.value, error=error, usage=usage, layers=layers)


class Sandbox:
    """Where scripts run. One per process is enough; usable from any number of threads at once."""

    def __init__(self, *, allow_weak: bool = False) -> None:
        """Prepare; the fork server starts with the first call.

        `allow_weak` runs scripts on Linux even where seccomp cannot be installed. Unsafe.
        """
        self._allow_weak = allow_weak
        self._lock = threading.Lock()
        self._server: ForkServer | None = None
        self._spare: Process | None = None
        self._is_closed = False
        self._workers = Workers("sandbox-worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def prepare(self) -> Mapping[str, str]:
        """Start the fork server now, if it does not run, and return the layers it could set up.

        Raises:
            ConfigurationError: this machine cannot confine scripts; the hint says what to change.
        """
        server = self._running_server()
        self._fork_ahead(server)
        return server.layers

    def start(self, call: ScriptCall, host: HostFunctions) -> SandboxCall:
        """Start a script and return at once.

        Raises:
            ConfigurationError: this machine cannot confine scripts; the hint says what to change.
            ValidationFailedError: the script or its parameters are too large or no JSON.
            CrashError: no process can be started.
        """
        script = Script(_module_name(call.filename), call.code, call.limits)
        job = _job(call, script.filename)
        process = self._take_process()
        running = SandboxCall(job, script, host, process=process, workers=self._workers)
        self._fork_ahead(process.server)
        return running

    def run(self, call: ScriptCall, host: HostFunctions) -> CallOutcome:
        """Run a script to its end. Whatever interrupts the wait stops the script first.

        Raises:
            ConfigurationError, ValidationFailedError, CrashError: as `start`.
        """
        running = self.start(call, host)
        try:
            return running.wait()
        except BaseException:
            running.stop()
            running.wait()
            raise

    def close(self) -> None:
        """End the fork server; calls under way end with a CrashError."""
        with self._lock:
            self._is_closed = True
            server, self._server = self._server, None
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.discard()
        if server is not None:
            server.close()
        self._workers.close()

    def _running_server(self) -> ForkServer:
        with self._lock:
            if self._is_closed:
                raise CrashError("The sandbox is closed")
            if self._server is None or self._server.is_dead:
                self._server = ForkServer(allow_weak=self._allow_weak)
            return self._server

    def _take_process(self) -> Process:
        with self._lock:
            spare, self._spare = self._spare, None
        server = self._running_server()
        if spare is not None:
            if spare.server is server and not spare.has_ended.is_set():
                return spare
            spare.discard()
        try:
            return Process(server)
        except CrashError:
            # It died since the last call; the next one is new.
            return Process(self._running_server())

    def _fork_ahead(self, server: ForkServer) -> None:
        """Have the child of the next call ready: forking and locking in take longer than a run."""
        try:
            spare = Process(server)
        except CrashError:
            return
        with self._lock:
            if self._spare is None and not self._is_closed:
                self._spare, spare = spare, None
        if spare is not None:
            spare.discard()


def _module_name(filename: str) -> str:
    """Return a name that the engine can import and a stack can show."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^\w.-]", "_", last).lstrip(".") or "script.js"


def _job(call: ScriptCall, filename: str) -> bytes:
    limits = call.limits
    try:
        texts = {
            "parameters": json.dumps(call.parameters, allow_nan=False),
            "context": json.dumps(call.context, allow_nan=False),
        }
    except (ValueError, TypeError, RecursionError) as error:
        raise ValidationFailedError(f"The parameters are not plain JSON: {error}") from error
    job = {
        "code": call.code,
        "modules": dict(call.modules),
        "filename": filename,
        "entry": call.entry,
        "argument": call.argument,
        "limits": {
            "timeout_ms": limits.timeout_ms,
            "memory_bytes": limits.memory_mb << 20,
            "frame_bytes": limits.frame_mb << 20,
            "result_bytes": limits.result_bytes,
            "in_flight": limits.host_calls_in_flight,
            "log_lines": limits.log_lines,
            "log_bytes": limits.log_bytes,
        },
        **texts,
    }
    data = json.dumps(job).encode("ascii")
    if len(data) > MAX_JOB_BYTES:
        raise ValidationFailedError(
            f"Script, packages and parameters have {len(data) >> 20} MB; "
            f"{MAX_JOB_BYTES >> 20} MB are allowed"
        )
    return data
