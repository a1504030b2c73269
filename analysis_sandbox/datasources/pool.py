"""A bounded pool of warm connections, the same for every type; knows no driver.

It has no threads of its own and never waits for a connection that cannot be opened: the caller who
needs one opens it and gets the error at once. A connection on which anything went wrong is closed,
never reused.
"""

import contextlib
import threading
import time
from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from analysis_sandbox.errors import UnavailableError

C = TypeVar("C")
IDLE_SECONDS = 300.0


class Driver(Protocol[C]):
    """How one datasource opens, prepares and ends its connections."""

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """What `prepare` raises when a connection that was kept warm is gone."""
        ...

    def connect(self) -> C:
        """Open a connection."""
        ...

    def prepare(self, connection: C) -> None:
        """Bring it into the state in which one statement may run."""
        ...

    def finish(self, connection: C) -> bool:
        """Undo what the statement left behind; False when it cannot be used again. Never raises."""
        ...

    def interrupt(self, connection: C) -> None:
        """Stop what runs on it, from another thread. Never raises."""
        ...

    def close(self, connection: C) -> None:
        """Close it. Never raises."""
        ...


@dataclass(slots=True, eq=False)
class Lease(Generic[C]):
    """A connection for the length of one statement."""

    connection: C
    interrupted: bool = False


class Pool(Generic[C]):
    """At most `size` connections at once; idle ones are closed after `IDLE_SECONDS`."""

    def __init__(self, driver: Driver[C], *, size: int, wait_seconds: float, name: str) -> None:
        self._driver = driver
        self._size = size
        self._wait_seconds = wait_seconds
        self._name = name
        self._slots = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, C]] = []
        self._leases: set[Lease[C]] = set()
        self._closed = False

    @contextlib.contextmanager
    def lease(self) -> Generator[Lease[C]]:
        """Lend a prepared connection; whatever is raised inside closes it.

        Raises:
            UnavailableError: all connections stayed busy, or the pool is closed.
        """
        lease = self._take()
        keep = False
        try:
            yield lease
            keep = self._driver.finish(lease.connection)
        finally:
            self._give_back(lease, keep=keep)

    def interrupt(self, only: Collection[Lease[C]] | None = None) -> None:
        """Stop every statement that runs now, or those of some leases.

        Their connections are not used again.
        """
        with self._lock:
            running = [lease for lease in self._leases if only is None or lease in only]
            for lease in running:
                lease.interrupted = True
        for lease in running:
            self._driver.interrupt(lease.connection)

    def close(self) -> None:
        """Close idle connections now and each busy one when its statement ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            self._driver.close(connection)

    def _take(self) -> Lease[C]:
        if not self._slots.acquire(timeout=self._wait_seconds):
            raise UnavailableError(
                f"Datasource {self._name!r}: all {self._size} connections stayed busy for "
                f"{self._wait_seconds:g} s",
                hint="Run fewer statements at once, or raise pool_size in datasources.yaml.",
            )
        try:
            lease = Lease(self._warm() or self._fresh())
        except BaseException:
            self._slots.release()
            raise
        with self._lock:
            self._leases.add(lease)
        return lease

    def _warm(self) -> C | None:
        """Return a prepared idle connection; one that turns out to be gone ends all idle ones."""
        connection = self._pop_idle()
        if connection is None:
            return None
        try:
            self._prepare(connection)
        except self._driver.lost:
            self._close_idle(older_than=0)
            return None
        return connection

    def _fresh(self) -> C:
        with self._lock:
            closed = self._closed
        if closed:
            raise UnavailableError(f"Datasource {self._name!r} was closed or reconfigured")
        connection = self._driver.connect()
        self._prepare(connection)
        return connection

    def _prepare(self, connection: C) -> None:
        try:
            self._driver.prepare(connection)
        except BaseException:
            self._driver.close(connection)
            raise

    def _give_back(self, lease: Lease[C], *, keep: bool) -> None:
        with self._lock:
            self._leases.discard(lease)
            kept = keep and not lease.interrupted and not self._closed
            if kept:
                self._idle.append((time.monotonic(), lease.connection))
        if not kept:
            self._driver.close(lease.connection)
        self._slots.release()
        self._close_idle(older_than=IDLE_SECONDS)

    def _pop_idle(self) -> C | None:
        with self._lock:
            return self._idle.pop()[1] if self._idle else None

    def _close_idle(self, *, older_than: float) -> None:
        oldest = time.monotonic() - older_than
        with self._lock:
            ended = [connection for since, connection in self._idle if since <= oldest]
            self._idle = [entry for entry in self._idle if entry[0] > oldest]
        for connection in ended:
            self._driver.close(connection)
