"""The code server of `up`: Dagster's gRPC server, which takes new definitions in without a restart.

Dagster's own reload starts a new process, which takes seconds. Here a reload reads the catalogue,
builds what is new, and tells Dagster's processes by a new server id to look again.
"""

import logging
import signal
import sys
import threading
import uuid
from types import FrameType
from typing import Any

from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import FuturesAwareThreadPoolExecutor
from dagster._grpc.__generated__ import dagster_api_pb2
from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.orchestration import repository
from analysis_sandbox.orchestration.environment import environment
from analysis_sandbox.orchestration.home import install_dagster_home
from analysis_sandbox.orchestration.names import LOCATION, REPOSITORY
from analysis_sandbox.orchestration.repository import definitions
from analysis_sandbox.settings import Settings, load_settings

_log = logging.getLogger(__name__)

_THREADS = 8
_WATCH_SECONDS = 5.0


class _CodeServer(DagsterApiServer):
    """Dagster's servicer with a reload that stays in the process."""

    def __init__(
        self, *, stopping: threading.Event, executor: FuturesAwareThreadPoolExecutor
    ) -> None:
        super().__init__(
            server_termination_event=stopping,
            logger=_log,
            server_threadpool_executor=executor,
            # Where processes that this server starts, for Dagster's own launcher, find a job.
            loadable_target_origin=LoadableTargetOrigin(
                executable_path=sys.executable,
                module_name=repository.__name__,
                attribute=definitions.__name__,
            ),
            location_name=LOCATION,
        )

    def ReloadCode(self, _request: Any, _context: Any) -> Any:
        """Take in what was saved since. A catalogue that is away leaves everything as it was."""
        self._take_in()
        return dagster_api_pb2.ReloadCodeReply()

    def watch(self, stopping: threading.Event, seen: int) -> None:
        """Take in what somebody saved without saying so, a little later."""
        while not stopping.wait(_WATCH_SECONDS):
            try:
                revision = environment().versions.revision()
                if revision != seen:
                    self._take_in()
                seen = revision
            except Exception:  # noqa: BLE001 - the thread's loop: the next look may succeed
                _log.warning("The catalogue cannot be looked at", exc_info=True)

    def _take_in(self) -> None:
        with self._reload_lock:
            loaded = self._loaded_repositories
            assert loaded is not None
            fresh = definitions()
            fresh.load_all_definitions()
            loaded.update_repo_defs({REPOSITORY: fresh})
            self._server_id = str(uuid.uuid4())


def serve(settings: Settings) -> None:
    """Serve on the settings' socket until SIGTERM or SIGINT."""
    stopping = threading.Event()
    executor = FuturesAwareThreadPoolExecutor(
        max_workers=_THREADS, thread_name_prefix="code-server"
    )
    seen = environment().versions.revision()
    servicer = _CodeServer(stopping=stopping, executor=executor)
    settings.runtime_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.code_server_socket.unlink(missing_ok=True)
    server = DagsterGrpcServer(
        server_termination_event=stopping,
        dagster_api_servicer=servicer,
        logger=_log,
        threadpool_executor=executor,
        socket=str(settings.code_server_socket),
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    threading.Thread(
        target=servicer.watch, args=[stopping, seen], name="catalogue-watch", daemon=True
    ).start()
    _log.info("The code server listens on %s", settings.code_server_socket)
    server.serve()


def main() -> int:
    """Run the code server of the installation that the settings name."""
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(process)d %(levelname)s %(message)s"
    )
    try:
        install_dagster_home(settings)
        serve(settings)
    except AnalysisSandboxError as error:
        sys.stderr.write(f"{error.message}\n{error.hint or ''}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
