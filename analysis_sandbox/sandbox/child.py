"""One script call in one process: reads its job, locks itself in, runs it, reports, ends.

Made in the fork server before the fork, with the engine warm; after the fork it belongs to one
call. Everything a script reaches outside the engine is a method here that starts with `_port`.
"""

import base64
import heapq
import json
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from analysis_sandbox.sandbox import hardening
from analysis_sandbox.sandbox.engine import Engine, ThrownError
from analysis_sandbox.sandbox.meter import FOREVER, Meter
from analysis_sandbox.sandbox.protocol import (
    EXIT_BROKEN,
    EXIT_NO_MEMORY,
    MAX_JOB_BYTES,
    RESULT_PREFIX,
    RESULT_SUFFIX,
    STOP_GRACE_S,
    Channel,
)

_NAMES = {"cancelled": "CancelledError", "time": "TimeLimitError"}
# Promise jobs between an interrupt and the report of it.
_LAST_JOBS = 100
# Characters of an error that are told at most; a frame holds no more than agreed.
_MOST_TEXT = 64 * 1024
# Bytes of calls held back at most.
_MOST_HELD = 256 * 1024
# How often an answer is looked for before the process sleeps: waking it costs more than some 40 us
# of looking. It is done only where the last answer came this fast.
_LOOKS = 40
_SOON_S = 0.0001
Report = dict[str, Any]


class Child:
    """One script call. Create it before the fork, `run` it after."""

    def __init__(self, scripts: Sequence[tuple[str, str]], *, allow_weak: bool) -> None:
        # The layers of the fork server, which hold for its children too.
        self.inherited: hardening.Layers = {}
        self._allow_weak = allow_weak or not hardening.IS_LINUX
        self._filter = hardening.prepare()
        self._parent = os.getpid()
        self._base_bytes = 0
        self._stop_at = FOREVER
        self._is_stop_told = self._is_reporting = False
        # Why the script must end; the report when it is not the clock.
        self._interruption: str | None = None
        self._overrun: Report | None = None
        self._outcome: bytes | None = None
        # Calls on their way to the supervisor, and how many have no answer yet.
        self._calls: list[bytes] = []
        self._calls_bytes = 0
        self._unanswered = 0
        self._frames: deque[bytes] = deque()
        self._timers: list[tuple[float, int, int]] = []
        self._timer_count = 0
        self._comes_soon = True
        self._engine = Engine(self._ports(), is_interrupted=self._is_interrupted)
        self._meter = Meter(self._engine.heap_bytes)
        self._engine.boot(scripts)
        self._start = self._engine.take_global("runtime_start")
        self._deliver = self._engine.take_global("runtime_deliver")
        self._ended = self._engine.take_global("runtime_ended")
        self._stop = self._engine.take_global("runtime_stop")
        self._expire = self._engine.take_global("runtime_expire")
        signal.signal(signal.SIGUSR1, self._on_stop)

    def note_baseline(self) -> None:
        """Remember what the process holds before any script. Call it when all is loaded."""
        self._base_bytes = hardening.address_space_in_use()

    def run(self, sock: socket.socket) -> NoReturn:
        """Serve the call that comes over `sock` and end this process."""
        try:
            self._serve(sock)
        except MemoryError:
            os._exit(EXIT_NO_MEMORY)
        except BaseException:  # noqa: BLE001 - nothing of the fork server may run in a child
            os._exit(EXIT_BROKEN)
        os._exit(0)

    def harden(self) -> hardening.Layers:
        """Lock this process in, for good, and report the layers."""
        entropy = os.urandom(8)
        layers = self.inherited | hardening.confine(self._filter, parent=self._parent)
        if not self._engine.reseed(entropy):
            layers["random"] = "Math.random repeats: unknown build of the engine"
        return layers

    def _serve(self, sock: socket.socket) -> None:
        self._channel = Channel(sock, limit=MAX_JOB_BYTES)
        self._watch_signals(sock)
        layers = self.harden()
        frame = self._channel.receive()
        if frame is None:
            return
        if not layers["seccomp"].startswith("ok") and not self._allow_weak:
            self._channel.send(_encode(["refused", layers["seccomp"]]))
            return
        job: dict[str, Any]
        _, deadline, job = json.loads(frame)
        del frame
        self._limits: dict[str, int] = job["limits"]
        self._channel.limit = self._limits["frame_bytes"]
        self._meter.begin(self._limits, deadline=deadline)
        self._limit_process()
        self._engine.limit(memory_bytes=self._limits["memory_bytes"])
        self._execute(job)
        self._flush()
        self._look(time.monotonic())
        facts = {"layers": layers, "heap_bytes": self._meter.peak_heap}
        self._channel.send(_encode(["facts", facts]), self._outcome or b"")

    def _limit_process(self) -> None:
        # The engine bounds the script's heap; this bounds what else grows with it: copies of
        # frames, fragmentation, the stack.
        memory, frame = self._limits["memory_bytes"], self._limits["frame_bytes"]
        room = memory * 5 // 4 + 3 * frame + (64 << 20)
        seconds = max(0.0, self._meter.deadline - time.monotonic())
        hardening.limit(address_space=self._base_bytes + room, cpu_seconds=int(seconds) + 3)

    def _watch_signals(self, sock: socket.socket) -> None:
        self._wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        self._poll.register(self._wake_reader, select.POLLIN)

    # The loop

    def _execute(self, job: dict[str, Any]) -> None:
        keys = ("entry", "filename", "parameters", "argument", "context")
        start = {key: job[key] for key in keys}
        start["most_in_flight"] = self._limits["in_flight"]
        try:
            self._engine.serve(job["modules"])
            self._engine.compile_module(job["code"], job["filename"])
            self._start(json.dumps(start))
            while self._outcome is None:
                self._turn()
        except ThrownError as error:
            if self._interruption in ("time", "cancelled") and job["filename"] not in error.stack:
                # The runtime was at work for the script: between an answer and what awaits it.
                self._give_up(self._interruption)
                return
            self._report(
                _thrown("script", name=error.name, message=error.message, stack=error.stack)
            )

    def _turn(self) -> None:
        """Run what can run, then wait for what comes first: an answer, a timer, a limit."""
        self._drain()
        if self._outcome is not None:
            return
        frame = self._frames.popleft() if self._frames else self._wait()
        if frame is not None:
            self._unanswered -= 1
            self._deliver(frame.decode("utf-8", "replace"))
        if self._timers:
            self._fire_timers()

    def _drain(self) -> None:
        run_job = self._engine.run_job
        while self._outcome is None:
            if self._stop_at != FOREVER and not self._is_stop_told:
                self._is_stop_told = True
                self._stop()
            if not run_job():
                return
            if self._interruption:
                self._end_interrupted(self._interruption)

    def _end_interrupted(self, kind: str) -> None:
        """The interrupt became a rejection: let it reach our handler, but let nobody survive it."""
        self._is_reporting = True
        for _ in range(_LAST_JOBS):
            if self._outcome is not None or not self._engine.run_job():
                break
        if self._outcome is None:
            self._give_up(kind)

    def _wait(self) -> bytes | None:
        if not self._timers and not self._unanswered:
            if self._meter.has_grown_large():
                # There was no memory left even to reject a promise.
                self._give_up("memory")
            else:
                message = "The script waits for a promise that nothing is going to settle"
                self._give_up("script", message)
            return None
        self._flush(is_waiting=True)
        frame = self._next_frame(self._timers[0][0] if self._timers else FOREVER)
        if frame is None and (kind := self._limit_reached(time.monotonic())):
            self._give_up(kind)
        return frame

    def _next_frame(self, until: float) -> bytes | None:
        """Wait for a frame; None when `until`, a limit or a signal comes first."""
        if self._channel.has_frame():
            return self._receive()
        for descriptor, _event in self._look_for_frame() or self._sleep(until):
            if descriptor != self._wake_reader:
                return self._receive()
            os.read(descriptor, 64)
        return None

    def _look_for_frame(self) -> list[tuple[int, int]]:
        if self._comes_soon:
            poll = self._poll.poll
            for _ in range(_LOOKS):
                if events := poll(0):
                    return events
                # Whoever is to answer may need this processor.
                os.sched_yield()
        return []

    def _sleep(self, until: float) -> list[tuple[int, int]]:
        now = time.monotonic()
        self._look(now)
        end = min(until, self._stop_at, self._meter.deadline, self._meter.warn_time, now + 86_400)
        # Rounded up: poll counts whole milliseconds, and waking early would spin.
        events = self._poll.poll(int(max(0.0, end - now) * 1000 + 0.999))
        woken = time.monotonic()
        self._comes_soon = woken - now < _SOON_S
        self._look(woken)
        return events

    def _receive(self) -> bytes:
        frame = self._channel.receive()
        if frame is None:
            # Nobody is left to report to.
            os._exit(0)
        return frame

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._outcome is None and self._timers and self._timers[0][0] <= now:
            self._ended(heapq.heappop(self._timers)[2])
            self._drain()

    # Limits

    def _is_interrupted(self) -> bool:
        if self._is_reporting:
            return False
        now = time.monotonic()
        self._interruption = self._limit_reached(now)
        self._look(now)
        # A script that calculates on does not keep its calls waiting.
        self._flush()
        return self._interruption is not None

    def _limit_reached(self, now: float) -> str | None:
        if self._overrun is not None:
            return "log"
        if now >= self._stop_at:
            return "cancelled"
        return "time" if now >= self._meter.deadline else None

    def _look(self, now: float) -> None:
        frames = self._meter.warnings(now)
        if frames:
            self._channel.send(*frames)

    def _on_stop(self, _signal: int, _frame: object) -> None:
        self._stop_at = min(self._stop_at, time.monotonic() + STOP_GRACE_S)

    def _give_up(self, kind: str, message: str = "") -> None:
        """End the call from outside the script, with the stack of the line that waits."""
        self._is_reporting = True
        self._interruption = None if kind == "script" else kind
        self._engine.lift_memory_limit()
        self._expire(kind, message)

    def _report(self, report: Report) -> None:
        if self._overrun is not None:
            report |= {"kind": "log", "call": 0, **self._overrun}
        elif report["kind"] == "script" and self._interruption:
            report["kind"] = self._interruption
        elif report["kind"] == "script" and self._is_out_of_memory(report):
            report["kind"] = "memory"
        if report["kind"] == "memory":
            report["bytes"] = self._meter.memory_used()
        self._outcome = _encode(["error", report])

    def _is_out_of_memory(self, report: Report) -> bool:
        if report["name"] == "InternalError" and "out of memory" in report["message"]:
            return True
        # Without memory for an error the engine throws null, as a script may do too.
        return report["name"] == "null" and self._meter.has_grown_large()

    # Ports

    def _ports(self) -> dict[str, Callable[..., Any]]:
        ports = {
            "call": self._port_call,
            "ask": self._port_ask,
            "log": self._port_log,
            "timer": self._port_timer,
            "stopping": self._port_stopping,
            "finish": self._port_finish,
            "fail": self._port_fail,
            "encodeText": self._port_encode_text,
            "decodeText": self._port_decode_text,
        }
        return {f"port_{name}": port for name, port in ports.items()}

    def _too_large(self, name: str, size: int) -> str | None:
        """Return the sentence for the script when a frame of this size may not be sent."""
        limit = self._limits["frame_bytes"]
        if size <= limit:
            return None
        mib = f"{size / (1 << 20):.1f} MB"
        return f"{name} may carry {limit >> 20} MB at once, not {mib}: send it in parts"

    def _port_call(self, identity: int, name: str, arguments: str) -> str | None:
        tail = f'{identity},"{name}",{arguments}]'.encode("utf-8", "replace")
        problem = self._too_large(name, len(tail))
        if problem is None:
            self._unanswered += 1
            self._calls.append(tail)
            self._calls_bytes += len(tail)
            if self._calls_bytes > _MOST_HELD:
                self._flush()
        return problem

    def _flush(self, *, is_waiting: bool = False) -> None:
        """Send the calls that were held back to see whether they are one or many.

        A script that waits for a single call lets the supervisor answer in the thread that reads.
        """
        calls = self._calls
        if not calls:
            return
        is_only = is_waiting and len(calls) == 1 == self._unanswered and not self._timers
        self._calls = []
        self._calls_bytes = 0
        if is_only:
            self._channel.send(b'["await",' + calls[0])
        else:
            self._channel.send(*[b'["call",' + tail for tail in calls])

    def _port_ask(self, identity: int, name: str, arguments: str) -> str:
        self._flush()
        frame = f'["ask",{identity},"{name}",{arguments}]'.encode("utf-8", "replace")
        problem = self._too_large(name, len(frame))
        if problem is not None:
            return _failure(identity, "limit", "LimitExceededError", problem)
        self._channel.send(frame)
        answers = (b'["reply",%d,' % identity, b'["fail",%d,' % identity)
        while True:
            answer = self._next_frame(FOREVER)
            if answer is None:
                if kind := self._limit_reached(time.monotonic()):
                    return _failure(identity, kind, _NAMES[kind], f"{name} was given up")
            elif answer.startswith(answers):
                return answer.decode("utf-8", "replace")
            else:
                self._frames.append(answer)

    def _port_log(self, level: str, message: str) -> str | None:
        text = message.encode("utf-8", "replace")
        overrun = self._overrun or self._meter.log(len(text) - 2)
        if overrun is not None:
            self._overrun, self._interruption = overrun, "log"
            return "The run has logged more than it may"
        self._channel.send(b'["log","%b",%b]' % (level.encode("ascii"), text))
        return None

    def _port_timer(self, identity: int, milliseconds: float) -> None:
        self._timer_count += 1
        due = time.monotonic() + milliseconds / 1000
        heapq.heappush(self._timers, (due, self._timer_count, int(identity)))

    def _port_stopping(self) -> bool:
        return self._stop_at != FOREVER

    def _port_finish(self, text: str) -> None:
        if self._outcome is not None:
            return
        if self._interruption:
            # It swallowed the interrupt: what it says now is not what it was going to say.
            self._report(_thrown("script", name="Error", message="", stack=""))
            return
        value = text.encode("utf-8", "replace")
        if len(value) > self._limits["result_bytes"]:
            self._outcome = _encode(["error", {"kind": "result", "bytes": len(value)}])
        else:
            self._outcome = RESULT_PREFIX + value + RESULT_SUFFIX

    def _port_fail(self, kind: str, call: int, name: str, message: str, stack: str) -> None:
        if self._outcome is None:
            report = _thrown(kind, name=name, message=message, stack=stack)
            self._report(report | {"call": call})

    def _port_encode_text(self, text: str) -> str:
        data: str = json.loads(text)
        return base64.b64encode(data.encode("utf-8", "replace")).decode("ascii")

    def _port_decode_text(self, data: str, is_strict: bool) -> str | None:  # noqa: FBT001 - a port
        try:
            return json.dumps(
                base64.b64decode(data).decode("utf-8", "strict" if is_strict else "replace")
            )
        except UnicodeDecodeError:
            return None


def _encode(frame: list[Any]) -> bytes:
    return json.dumps(frame).encode("ascii")


def _thrown(kind: str, *, name: str, message: str, stack: str) -> Report:
    texts = {"name": name, "message": message, "stack": stack}
    return {"kind": kind, "call": 0, **{key: text[:_MOST_TEXT] for key, text in texts.items()}}


def _failure(identity: int, kind: str, name: str, message: str) -> str:
    return json.dumps(["fail", identity, {"kind": kind, "name": name, "message": message}])
