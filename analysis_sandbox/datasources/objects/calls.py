"""Requests of the native client, each bounded in time and ended at once when it is cancelled."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from analysis_sandbox.errors import CancelledError, LimitExceededError, UnavailableError

T = TypeVar("T")


class Calls:
    """Runs one datasource's requests in a thread of their own, started with the first one."""

    def __init__(self, *, name: str, timeout_seconds: float) -> None:
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: set[concurrent.futures.Future[Any]] = set()
        self._closed = False

    def run(self, request: Callable[[], Awaitable[T]], *, timeout: float | None = None) -> T:
        """Run one request and return its result.

        Raises:
            CancelledError: `cancel` was called.
            LimitExceededError: it took too long.
            UnavailableError: the datasource was closed.
        """

        async def requested() -> T:
            # Within the loop: the native client binds its answer to the one that runs.
            return await request()

        with self._lock:
            loop = self._started()
            future = asyncio.run_coroutine_threadsafe(requested(), loop)
            self._running.add(future)
        seconds = timeout or self._timeout_seconds
        try:
            return future.result(seconds)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            raise LimitExceededError(
                f"Datasource {self._name!r}: the storage did not answer within {seconds:g} s",
                hint="Ask for less at once, or raise query_timeout_seconds.",
                details={"datasource": self._name, "limit_seconds": seconds},
            ) from None
        except concurrent.futures.CancelledError:
            raise CancelledError(f"Datasource {self._name!r}: the request was stopped") from None
        finally:
            future.cancel()
            with self._lock:
                self._running.discard(future)

    def cancel(self) -> None:
        """End every request that runs now."""
        with self._lock:
            running = list(self._running)
        for future in running:
            future.cancel()

    def close(self) -> None:
        """End every request, and the thread."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        self.cancel()
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise UnavailableError(
                f"Datasource {self._name!r} was closed or reconfigured",
                details={"datasource": self._name},
            )
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(
                target=_serve, args=(self._loop,), name=f"objects-{self._name}", daemon=True
            ).start()
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        # What was cancelled with the end of the loop is told so.
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()
