"""The process that runs the embedded PostgreSQL for plain Dagster, while `up` does not.

Started by `attach_or_start` as `python -m analysis_sandbox.catalogue.keeper HOME IDLE_SECONDS`. It
says one line on its output, then stays until nobody has been connected for that long, or until
SIGTERM, by which `up` takes the server over.
"""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import psycopg

from analysis_sandbox.catalogue.embedded import OWNED, READY, EmbeddedPostgres
from analysis_sandbox.catalogue.ownership import OwnedElsewhereError
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.settings import load_settings

_log = logging.getLogger(__name__)

_LONGEST_TICK_SECONDS = 1.0
# Sessions that came and went between two looks show in the second number.
_ACTIVITY = """
    SELECT (SELECT count(*) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
           (SELECT coalesce(sum(sessions), 0) FROM pg_stat_database)
"""


def main() -> None:
    """Own the server until nobody needs it any more."""
    home, idle_seconds = Path(sys.argv[1]), float(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server = EmbeddedPostgres(load_settings(home), kind="keeper")
    try:
        server.start()
    except OwnedElsewhereError:
        _say(OWNED)
        return
    except AnalysisSandboxError as error:
        _say(f"{error.message}. {error.hint or ''}".replace("\n", " "))
        sys.exit(1)
    _say(READY)
    try:
        _keep(server, stopping, idle_seconds)
    finally:
        server.stop()


def _keep(server: EmbeddedPostgres, stopping: threading.Event, idle_seconds: float) -> None:
    tick = min(_LONGEST_TICK_SECONDS, idle_seconds / 4)
    address = server.url("catalogue", driver="libpq")
    connection: psycopg.Connection[tuple[int, int]] | None = None
    seen, quiet_since = (0, 0), time.monotonic()
    while not stopping.wait(tick):
        try:
            server.ensure_running()
            if connection is None:
                connection = psycopg.connect(address, autocommit=True, connect_timeout=5)
                seen = (0, 0)
            activity = connection.execute(_ACTIVITY).fetchone() or (0, 0)
        except (psycopg.OperationalError, AnalysisSandboxError) as error:
            _log.warning("PostgreSQL does not answer: %s", error)
            connection, quiet_since = None, time.monotonic()
            continue
        if activity[0] > 0 or activity != seen:
            seen, quiet_since = activity, time.monotonic()
        elif time.monotonic() - quiet_since >= idle_seconds:
            _log.info("Nobody was connected for %s s", idle_seconds)
            break
    if connection is not None:
        connection.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    # Nobody reads any more, and whoever waits for the end of our output must not wait.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


if __name__ == "__main__":
    main()
