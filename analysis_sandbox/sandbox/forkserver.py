"""The process that sandbox children are forked from: it owns their start, kill and reaping.

Started by `launcher` as a fresh interpreter with an empty environment, it imports the engine, runs
the runtime scripts once, leaves the machine's namespaces and then obeys newline-separated JSON:

supervisor → fork server                 fork server → supervisor
["start", id]   + a socket               ["ready", layers] | ["refused", reason]
["begin", id, kill_at]                   ["started", id, pid] | ["failed", id, reason]
["stop", id, kill_at] | ["kill", id]     ["ended", id, {status, cpu_ms, peak_bytes, killed}]

A child is started before there is a call for it and locks itself in meanwhile; the call begins when
its job is sent over the socket. `kill_at` is a time.monotonic() value, after which the child is
killed whatever it does. The fork server ends, and its children with it, when the control socket or
its parent does.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import time
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

from analysis_sandbox.sandbox import hardening, runtime
from analysis_sandbox.sandbox.child import Child

_MOST_SOCKETS = 16
# Where the parent's end cannot be watched, it is looked for this often.
_PARENT_CHECK_S = 1.0


@dataclass(slots=True)
class _Kid:
    pid: int
    kill_at: float = float("inf")
    killed: str | None = None
    is_stopped: bool = False


def main(control_descriptor: int, parent: int, allow_weak: int) -> None:
    """Serve until the parent or the control socket ends."""
    control = socket.socket(fileno=control_descriptor)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.putenv("TZ", "UTC")
        time.tzset()
        hardening.protect_fork_server()
        child = Child(runtime.scripts(), allow_weak=bool(allow_weak))
        server = _Server(control, parent, child)
        server.prepare(allow_weak=bool(allow_weak))
        server.serve()
    except _RefusedError as error:
        _send(control, ["refused", str(error)])
    except Exception:  # noqa: BLE001 - the supervisor must learn why there is no fork server
        with contextlib.suppress(OSError):
            _send(control, ["refused", traceback.format_exc()])


class _RefusedError(Exception):
    """This machine cannot run scripts safely."""


class _Server:
    def __init__(self, control: socket.socket, parent: int, child: Child) -> None:
        self._control = control
        self._parent = parent
        self._child = child
        self._buffer = b""
        self._sockets: list[int] = []
        self._kids: dict[int, _Kid] = {}
        self._layers: hardening.Layers = {}
        self._is_done = False
        self._wake_reader, self._wake_writer = os.pipe()
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._wake_reader, select.POLLIN)
        self._parent_descriptor = self._watch_parent()

    def prepare(self, *, allow_weak: bool) -> None:
        """Enter the namespaces, try the hardening in a child, and say that we are ready."""
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)
        self._child.note_baseline()
        self._layers = hardening.enter_namespaces()
        gc.collect()
        gc.freeze()
        # Garbage is a child's last worry, and a collection would copy every page.
        gc.disable()
        self._child.inherited = self._layers
        layers = self._probe()
        if not layers["seccomp"].startswith("ok") and hardening.IS_LINUX and not allow_weak:
            raise _RefusedError(layers["seccomp"])
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        self._say(["ready", layers])

    def serve(self) -> None:
        """Obey until the other side is gone, then take every child along."""
        try:
            while not self._is_done:
                for descriptor, _event in self._poll.poll(self._timeout()):
                    self._handle(descriptor)
                self._reap()
                self._kill_due()
                if self._parent_descriptor is None and os.getppid() != self._parent:
                    return
        finally:
            for kid in self._kids.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(kid.pid, signal.SIGKILL)

    def _watch_parent(self) -> int | None:
        try:
            descriptor = os.pidfd_open(self._parent)
        except (AttributeError, OSError):
            return None
        self._poll.register(descriptor, select.POLLIN)
        # It may have ended before we looked.
        self._is_done = os.getppid() != self._parent
        return descriptor

    def _probe(self) -> hardening.Layers:
        """Lock a child in and return what it reports."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            layers = self._child.harden()
            os.write(writer, json.dumps(layers).encode("ascii"))
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as file:
            text = file.read()
        _, status = os.waitpid(pid, 0)
        if not text:
            raise _RefusedError(f"a trial child ended with status {status}")
        layers: hardening.Layers = json.loads(text)
        return layers

    def _timeout(self) -> int | None:
        waits = [kid.kill_at - time.monotonic() for kid in self._kids.values() if not kid.killed]
        if self._parent_descriptor is None:
            waits.append(_PARENT_CHECK_S)
        if not waits:
            return None
        return int(max(0.0, min(*waits, 3600.0)) * 1000 + 0.999)

    def _handle(self, descriptor: int) -> None:
        if descriptor == self._control.fileno():
            self._read_control()
        elif descriptor == self._wake_reader:
            with contextlib.suppress(BlockingIOError):
                os.read(descriptor, 4096)
        elif descriptor == self._parent_descriptor:
            self._is_done = True

    def _read_control(self) -> None:
        try:
            data, sockets, _flags, _address = socket.recv_fds(self._control, 65_536, _MOST_SOCKETS)
        except ConnectionError:
            data, sockets = b"", []
        if not data:
            self._is_done = True
            return
        self._sockets += sockets
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, command: list[Any]) -> None:
        identity: int = command[1]
        if command[0] == "start":
            self._fork(identity, self._sockets.pop(0))
            return
        kid = self._kids.get(identity)
        if kid is None:
            return
        if command[0] == "begin":
            kid.kill_at = min(kid.kill_at, command[2])
        elif command[0] == "stop":
            if kid.killed is None:
                os.kill(kid.pid, signal.SIGUSR1)
            kid.is_stopped = True
            kid.kill_at = min(kid.kill_at, command[2])
        else:
            kid.kill_at = 0.0
            kid.killed = "request"
            os.kill(kid.pid, signal.SIGKILL)

    def _fork(self, identity: int, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(descriptor)
            self._say(["failed", identity, str(error)])
            return
        if pid == 0:
            self._become_child(descriptor)
        os.close(descriptor)
        self._kids[identity] = _Kid(pid=pid)
        self._say(["started", identity, pid])

    def _become_child(self, descriptor: int) -> NoReturn:
        try:
            hardening.close_descriptors(keep=descriptor)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._child.run(socket.socket(fileno=descriptor))
        finally:
            os._exit(1)

    def _kill_due(self) -> None:
        now = time.monotonic()
        for kid in self._kids.values():
            if kid.killed is None and kid.kill_at <= now:
                kid.killed = "stop" if kid.is_stopped else "deadline"
                os.kill(kid.pid, signal.SIGKILL)

    def _reap(self) -> None:
        identities = {kid.pid: identity for identity, kid in self._kids.items()}
        while identities:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            identity = identities.pop(pid)
            kid = self._kids.pop(identity)
            peak = usage.ru_maxrss * (1024 if hardening.IS_LINUX else 1)
            cpu_ms = (usage.ru_utime + usage.ru_stime) * 1000
            ending = {"status": status, "cpu_ms": cpu_ms, "peak_bytes": peak, "killed": kid.killed}
            self._say(["ended", identity, ending])

    def _say(self, message: list[Any]) -> None:
        try:
            _send(self._control, message)
        except OSError:
            self._is_done = True


def _send(control: socket.socket, message: list[Any]) -> None:
    control.sendall(json.dumps(message).encode("ascii") + b"\n")
