"""The process that owns one project's DuckDB file: `python -m analysis_sandbox.warehouse.server`.

It holds a lock beside the file for as long as it lives, listens on the project's socket, and ends
by itself: with the `up` that owns the home, on SIGTERM, when it had no session for a while, or when
DuckDB says that its database must be opened anew.
"""

import contextlib
import faulthandler
import fcntl
import itertools
import json
import logging
import math
import os
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from analysis_sandbox.errors import AnalysisSandboxError, CancelledError, UnavailableError
from analysis_sandbox.processes import call_when_owner_ends
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.warehouse.engine import Engine
from analysis_sandbox.warehouse.places import Places, places
from analysis_sandbox.warehouse.protocol import Channel, ConnectionLostError, error_header
from analysis_sandbox.warehouse.sessions import Session, greet
from analysis_sandbox.warehouse.transactions import Turns

_LOG = logging.getLogger("analysis_sandbox.warehouse")
_LOCK_SECONDS = 30
_HELLO_SECONDS = 10
_PRESS_SECONDS = 0.05
_STOP_SECONDS = 5
_LONGEST_SLEEP = 60
_BROKEN_EXIT = 70


class WarehouseServer:
    """Accepts clients and gives each a thread; its own thread watches over all of them."""

    def __init__(self, engine: Engine, listener: socket.socket, *, settings: Settings) -> None:
        self._engine = engine
        self._listener = listener
        self._settings = settings
        self._turns = Turns()
        self._lock = threading.Lock()
        self._clients: dict[int, _Client] = {}
        self._numbers = itertools.count(1)
        self._stopping = False
        self._wakes_at = 0.0
        self._wakeable, self._waker = socket.socketpair()
        self._waker.settimeout(0)
        self._watches_owner = False

    def stop(self) -> None:
        """End the server gracefully (any thread, also a signal handler)."""
        self._stopping = True
        self._wake()

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT end the server; from the main thread only.

        The descriptor is what wakes the poll: a signal that comes just before it would else wait
        for its end.
        """

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

    def serve(self) -> None:
        """Accept clients until stopped, or idle for too long."""
        idle_since = time.monotonic()
        while not self._stopping:
            if self._clients:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._settings.warehouse_idle_seconds:
                _LOG.info("ends: no session for %s s", self._settings.warehouse_idle_seconds)
                return
            self._wait(idle_since)

    def close(self) -> bool:
        """End every session: interrupt what runs, roll back, answer that we are stopping.

        Returns False when one did not end.
        """
        self._listener.close()
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            client.end(_stopping())
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            running = [client for client in clients if client.thread.is_alive()]
            if not running:
                return True
            for client in running:
                client.press(time.monotonic())
            running[0].thread.join(_PRESS_SECONDS)
        return False

    def _wait(self, idle_since: float) -> None:
        """Sleep until a client comes, one leaves, or a call must be ended."""
        with self._lock:
            clients = list(self._clients.values())
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        poller.register(self._wakeable, select.POLLIN)
        watched = {client.channel.fileno(): client for client in clients if not client.has_left}
        for descriptor in watched.keys() - {-1}:
            # No events: only that the client hung up.
            poller.register(descriptor, 0)
        ready = dict(poller.poll(self._sleep(clients, idle_since) * 1000))
        self._wakes_at = 0.0
        if self._wakeable.fileno() in ready:
            self._wakeable.recv(4096)
        for descriptor in ready.keys() & watched.keys():
            watched[descriptor].leave()
        if self._listener.fileno() in ready and not self._stopping:
            self._accept()

    def _sleep(self, clients: list["_Client"], idle_since: float) -> float:
        """Return how long nothing has to be done, and let it be known."""
        # Announcements from now on wake the sleep, those before are seen below.
        self._wakes_at = math.inf
        now = time.monotonic()
        if sum(client.press(now) for client in clients):
            self._wakes_at = now + _PRESS_SECONDS
            return _PRESS_SECONDS
        ends = [end for client in clients if (end := client.deadline) is not None]
        if not clients:
            ends.append(idle_since + self._settings.warehouse_idle_seconds)
        self._wakes_at = min(ends, default=now + _LONGEST_SLEEP)
        return max(0.0, self._wakes_at - now)

    def _announce(self, deadline: float) -> None:
        if deadline < self._wakes_at:
            self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._waker.send(b"w")

    def _accept(self) -> None:
        self._watch_owner()
        connection, _ = self._listener.accept()
        client = _Client(next(self._numbers), Channel(connection))
        client.thread = threading.Thread(
            target=self._run, args=(client,), name=f"session-{client.number}", daemon=True
        )
        with self._lock:
            self._clients[client.number] = client
        client.thread.start()

    def _watch_owner(self) -> None:
        """End with `up`, also with one that began after us."""
        if not self._watches_owner:
            self._watches_owner = call_when_owner_ends(self._settings.owner_lock, self.stop)

    def _run(self, client: "_Client") -> None:
        try:
            self._serve(client)
        except ConnectionLostError:
            pass
        except Exception:  # noqa: BLE001 - one client's fault must not end the others
            _LOG.exception("session %s ended by a fault", client.number)
        finally:
            if self._engine.is_broken:
                _LOG.critical("the database must be opened anew: the process ends")
                logging.shutdown()
                os._exit(_BROKEN_EXIT)
            with self._lock:
                del self._clients[client.number]
            client.channel.close()
            self._wake()

    def _serve(self, client: "_Client") -> None:
        client.channel.set_timeout(_HELLO_SECONDS)
        first = client.channel.receive().header
        client.channel.set_timeout(None)
        if first["op"] == "interrupt":
            self._interrupt(first["session"], first["call"])
            return
        if first["op"] == "shutdown":
            self._shut_down(client, force=first["force"])
            return
        if self._engine.is_broken:
            # Unanswered, the client turns to the next process.
            return
        try:
            greet(client.channel, first, session=client.number)
            client.session = Session(
                client.channel,
                self._engine,
                turns=self._turns,
                hello=first,
                announce=self._announce,
            )
        except AnalysisSandboxError as error:
            client.channel.send(error_header(error))
            return
        if self._stopping:
            client.end(_stopping())
        client.session.serve()

    def _interrupt(self, number: int, call: int) -> None:
        client = self._clients.get(number)
        if client is not None and client.session is not None:
            error = CancelledError("The call to the warehouse was interrupted and rolled back")
            client.session.call.cancel(error, number=call)

    def _shut_down(self, asking: "_Client", *, force: bool) -> None:
        """End for whoever needs the file alone, unless sessions are open."""
        with self._lock:
            sessions = sum(client.session is not None for client in self._clients.values())
        if force or not sessions:
            self.stop()
        asking.channel.send({"sessions": sessions})


def _stopping() -> AnalysisSandboxError:
    return UnavailableError("The warehouse is stopping; the call was rolled back")


class _Client:
    """A connection, its thread, and its session once it said hello."""

    thread: threading.Thread

    def __init__(self, number: int, channel: Channel) -> None:
        self.number = number
        self.channel = channel
        self.session: Session | None = None
        self.has_left = False

    @property
    def deadline(self) -> float | None:
        return None if self.session is None else self.session.call.deadline

    def press(self, now: float) -> bool:
        return self.session is not None and self.session.call.press(now)

    def leave(self) -> None:
        """The other side is gone: nobody waits for the call."""
        self.has_left = True
        if self.session is not None:
            self.session.call.close(UnavailableError("The client is gone"))

    def end(self, error: AnalysisSandboxError) -> None:
        if self.session is not None:
            self.session.call.close(error)
        self.channel.shut_down(socket.SHUT_RD)


def main() -> int:
    """Run the warehouse of the project in argv[1]; say on descriptor argv[2] when it is ready."""
    project, ready = sys.argv[1], int(sys.argv[2])
    os.umask(0o077)
    faulthandler.enable()
    with os.fdopen(ready, "w", encoding="utf-8") as starter:
        try:
            settings = load_settings()
            logging.basicConfig(
                level=settings.log_level,
                format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s",
            )
            place = places(settings, project)
            lock = _own(place)
            engine = Engine.open(place.directory, project, memory_mb=settings.warehouse_memory_mb)
            listener = _listen(place.socket)
        except (AnalysisSandboxError, OSError) as problem:
            error = problem if isinstance(problem, AnalysisSandboxError) else _unusable(problem)
            _LOG.error("cannot start: %s", error.message)
            json.dump(error_header(error), starter)
            return 1
        server = WarehouseServer(engine, listener, settings=settings)
        server.stop_on_signals()
        _LOG.info("ready on %s", place.socket)
        json.dump({}, starter)
    try:
        server.serve()
    finally:
        place.socket.unlink(missing_ok=True)
        if not server.close():
            # The engine cannot be closed under a statement; what is committed is in its log.
            _LOG.warning("some sessions did not end within %s s", _STOP_SECONDS)
            logging.shutdown()
            os._exit(0)
        engine.close()
        _LOG.info("ended")
        os.close(lock)
    return 0


def _unusable(error: OSError) -> UnavailableError:
    return UnavailableError(
        f"The warehouse cannot use its directory: {error.strerror}",
        hint="Check the disk's free space, and that the directory is ours.",
    )


def _own(place: Places) -> int:
    """Take the lock beside the file; its last owner may still be writing its checkpoint."""
    descriptor = os.open(place.owner, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"Another process owns the warehouse and does not answer ({place.owner})",
                    hint="End the process whose id is in that file.",
                ) from None
            time.sleep(0.01)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
            return descriptor


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(128)
    return listener


if __name__ == "__main__":
    sys.exit(main())
