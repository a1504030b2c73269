"""Tells the code server that definitions changed: in the background, and once for many changes."""

import logging
import threading

from analysis_sandbox.settings import Settings

_log = logging.getLogger(__name__)

# Saving many analyses in a row makes one reload of them, not as many.
_GATHER_SECONDS = 0.05
_RELOAD_SECONDS = 60
# A code server that is away reads the catalogue when it starts; one that could not, again soon.
_PAUSE_SECONDS = 1.0
_ATTEMPTS = 5


class CodeServerRefresher:
    """One thread that reloads whenever somebody asked since its last reload began."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._condition = threading.Condition()
        self._requested = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def request(self) -> None:
        """Ask for a reload; returns at once and never raises."""
        with self._condition:
            if self._closed:
                return
            self._requested = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="code-server-refresh", daemon=True
                )
                self._thread.start()
            self._condition.notify()

    def close(self) -> None:
        """End the thread; what was not reloaded is read when the code server starts."""
        with self._condition:
            self._closed = True
            self._condition.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_RELOAD_SECONDS)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._requested or self._closed)
                self._condition.wait_for(lambda: self._closed, timeout=_GATHER_SECONDS)
                self._requested = False
            for _ in range(_ATTEMPTS):
                if self._closed or self._reload():
                    break
                with self._condition:
                    self._condition.wait_for(lambda: self._closed, timeout=_PAUSE_SECONDS)
            if self._closed:
                return

    def _reload(self) -> bool:
        # gRPC is slow to import, and only saving needs it.
        from dagster._grpc.client import DagsterGrpcClient  # noqa: PLC0415

        from analysis_sandbox.orchestration.internals import (  # noqa: PLC0415
            DagsterUserCodeUnreachableError,
        )

        client = DagsterGrpcClient(socket=str(self._settings.code_server_socket))
        try:
            client.reload_code(timeout=_RELOAD_SECONDS)
        except DagsterUserCodeUnreachableError as error:
            _log.info("The code server does not take the change in now: %s", error)
            return False
        return True
