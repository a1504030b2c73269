"""A run worker: a forked process that executes one run at a time in its main thread."""

import gc
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import dagster as dg
from dagster._utils.interrupts import capture_interrupts

from analysis_sandbox.orchestration.channel import PoolChannel
from analysis_sandbox.orchestration.environment import environment
from analysis_sandbox.orchestration.instance import open_instance
from analysis_sandbox.orchestration.run_execution import execute_run
from analysis_sandbox.settings import Settings

_log = logging.getLogger(__name__)


def work(settings: Settings, channel: PoolChannel) -> None:
    """Be a run worker until the pool closes the channel."""
    logging.setLoggerClass(_QuietConsole)
    with open_instance(settings) as instance:
        _warm(instance)
        channel.send({"ready": True})
        for run_id, stopped in _assigned(channel):
            finished = _execute(instance, run_id, partial(_was_stopped, channel, already=stopped))
            channel.send({"done": run_id, "finished": finished, "memory": _memory_bytes()})


class _QuietConsole(logging.Logger):
    """Keeps the copy of every event that Dagster prints for each run out of the pool's log."""

    def __init__(self, name: str, level: int = logging.NOTSET) -> None:
        is_console = name == "dagster" and level == logging.DEBUG
        super().__init__(name, logging.ERROR if is_console else level)


def _warm(instance: dg.DagsterInstance) -> None:
    environment().warm()
    instance.get_run_by_id("00000000-0000-0000-0000-000000000000")
    instance.event_log_storage.get_logs_for_run("00000000-0000-0000-0000-000000000000")
    # What is there now stays: later collections need not look at it.
    gc.collect()
    gc.freeze()


def _assigned(channel: PoolChannel) -> Iterator[tuple[str, bool]]:
    """Yield each run that the pool assigns, and whether it was stopped in the same breath."""
    while (messages := channel.receive()) is not None:
        for position, message in enumerate(messages):
            # A late "stop" names a run that has ended.
            if "run" in message:
                yield message["run"], any("stop" in later for later in messages[position:])


def _was_stopped(channel: PoolChannel, *, already: bool) -> bool:
    """Tell whether the pool asked to stop the run that it has just assigned."""
    if already or not channel.is_readable():
        return already
    return any("stop" in message for message in channel.receive() or [])


def _execute(instance: dg.DagsterInstance, run_id: str, was_stopped: Callable[[], bool]) -> bool:
    try:
        with capture_interrupts():
            if was_stopped():
                # Its interrupt came before anything listened: repeat it.
                signal.raise_signal(signal.SIGINT)
            return execute_run(instance, run_id)
    except Exception:  # noqa: BLE001 - the worker's main loop
        _log.exception("Run %s: its end could not be recorded", run_id)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        _log.warning("Run %s was interrupted outside its script", run_id)
    return False


def _memory_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
