"""The supervisor's end of a fork server: starts the process, sends its commands, hears of endings.

The fork server gets nothing of this process: a fresh interpreter without site-packages' start-up
code, with an empty environment, no descriptor but its control socket, and a session of its own.
"""

import contextlib
import importlib.util
import json
import logging
import os
import socket
import subprocess  # noqa: TID251 - this module starts the fork server, and nothing else
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis_sandbox.errors import ConfigurationError, CrashError, MissingDependencyError

_log = logging.getLogger(__name__)

_START_SECONDS = 60.0
_END_SECONDS = 5.0
_MAIN = (
    "import sys; sys.path += sys.argv[4:]; "
    "from analysis_sandbox.sandbox.forkserver import main; main(*map(int, sys.argv[1:4]))"
)
_WEAK_HINT = (
    "Allow seccomp filters in the container or kernel, "
    "or set allow_weak_sandbox = true if every author of scripts is trusted."
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child's process ended; None for `status` when nobody could see it, then `problem`."""

    status: int | None
    problem: str = "The sandbox's fork server died under the run"
    cpu_ms: float = 0.0
    peak_bytes: int = 0
    killed: str | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom to tell about one child. Called in the fork server's thread: must not block."""

    started: Callable[[int], None]
    ended: Callable[[Ending], None]


class ForkServer:
    """One running fork server. Made anew when it dies."""

    def __init__(self, *, allow_weak: bool) -> None:
        """Start the process and wait until it is ready.

        Raises:
            ConfigurationError: this machine cannot confine scripts, or not run them at all.
        """
        if not hasattr(os, "fork"):
            raise ConfigurationError(
                f"Scripts cannot run on {sys.platform}: the sandbox needs fork",
                hint="Use Linux, a container, or WSL on Windows.",
            )
        self._lock = threading.Lock()
        self._listeners: dict[int, Listener] = {}
        self._count = 0
        self._is_dead = False
        arguments = _arguments(allow_weak=allow_weak)
        self._control, theirs = socket.socketpair()
        self._reader = self._control.makefile("rb")
        try:
            self._process = _start(theirs, arguments)
        except OSError as error:
            self._close_sockets()
            raise CrashError(f"The sandbox's fork server cannot be started: {error}") from error
        finally:
            theirs.close()
        try:
            self.layers = self._wait_until_ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._close_sockets()
            raise
        self._thread = threading.Thread(target=self._listen, name="sandbox-control", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process id of the fork server."""
        return self._process.pid

    @property
    def is_dead(self) -> bool:
        """Whether no further child can be started."""
        return self._is_dead

    def start(self, sock: socket.socket, listener: Listener) -> int:
        """Fork a child that owns `sock` and return the number by which to speak of it.

        Raises:
            CrashError: the fork server is dead.
        """
        with self._lock:
            self._count += 1
            identity = self._count
            self._listeners[identity] = listener
            message = _encode(["start", identity])
            try:
                if self._is_dead:
                    raise BrokenPipeError
                sent = socket.send_fds(self._control, [message], [sock.fileno()])
                self._control.sendall(message[sent:])
            except OSError as error:
                self._listeners.pop(identity, None)
                self._is_dead = True
                raise CrashError("The sandbox's fork server has died") from error
        return identity

    def begin(self, identity: int, *, kill_at: float) -> None:
        """Say that the child has a call now, and when to kill it."""
        self._command(["begin", identity, kill_at])

    def stop(self, identity: int, *, kill_at: float) -> None:
        """Ask the child to stop; kill it at `kill_at`."""
        self._command(["stop", identity, kill_at])

    def kill(self, identity: int) -> None:
        """Kill the child now."""
        self._command(["kill", identity])

    def close(self) -> None:
        """End the process, and its children with it."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def kill_server(self) -> None:
        """Kill a fork server that no longer answers."""
        self._process.kill()

    def _command(self, command: list[Any]) -> None:
        # A dead fork server has no children left.
        with self._lock, contextlib.suppress(OSError):
            self._control.sendall(_encode(command))

    def _wait_until_ready(self) -> dict[str, str]:
        self._control.settimeout(_START_SECONDS)
        try:
            line = self._reader.readline()
        except OSError:
            line = b""
        message: list[Any] = json.loads(line) if line else ["refused", "it ended at once"]
        if message[0] == "ready":
            self._control.settimeout(None)
            layers: dict[str, str] = message[1]
            return layers
        raise ConfigurationError(
            f"This machine cannot confine scripts: {message[1]}", hint=_WEAK_HINT
        )

    def _listen(self) -> None:
        try:
            for line in self._reader:
                try:
                    self._handle(json.loads(line))
                except Exception:  # noqa: BLE001 - one call must not make the others deaf
                    _log.exception("The end of a sandbox process could not be handled")
        except OSError:
            _log.warning("The connection to the sandbox's fork server broke")
        finally:
            self._bury()

    def _handle(self, message: list[Any]) -> None:
        kind, identity, fact = message
        if kind == "started":
            listener = self._listeners.get(identity)
            if listener is not None:
                listener.started(fact)
            return
        with self._lock:
            listener = self._listeners.pop(identity, None)
        if listener is not None:
            problem = f"No process can be started for the script: {fact}"
            listener.ended(
                Ending(**fact) if kind == "ended" else Ending(status=None, problem=problem)
            )

    def _bury(self) -> None:
        with self._lock:
            self._is_dead = True
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener.ended(Ending(status=None))
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._lock:
            self._close_sockets()

    def _close_sockets(self) -> None:
        self._reader.close()
        self._control.close()


def _arguments(*, allow_weak: bool) -> list[str]:
    package = Path(__file__).parents[2]
    return [str(os.getpid()), str(int(allow_weak)), str(package), str(_engine_directory())]


def _start(control: socket.socket, arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", _MAIN, str(control.fileno()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        close_fds=True,
        pass_fds=[control.fileno()],
        start_new_session=True,
    )


def _engine_directory() -> Path:
    found = importlib.util.find_spec("_quickjs")
    if found is None or found.origin is None:
        raise MissingDependencyError(
            "The JavaScript engine is not installed", hint="pip install quickjs-ng"
        )
    return Path(found.origin).parent


def _encode(command: list[Any]) -> bytes:
    return json.dumps(command).encode("ascii") + b"\n"
