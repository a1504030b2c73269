"""Loads what a run needs into the run pool before it forks, so that no worker loads it again."""

import gc
import importlib
import logging
import threading
from pathlib import Path

import dagster as dg

from analysis_sandbox.orchestration.environment import preload
from analysis_sandbox.settings import Settings

_log = logging.getLogger(__name__)

# Named in dagster.yaml, so nothing imports them before Dagster's instance is opened.
_MODULES = (
    "analysis_sandbox.orchestration.coordinator",
    "analysis_sandbox.orchestration.launcher",
    "analysis_sandbox.orchestration.storage",
    "dagster._core.storage.noop_compute_log_manager",
)


def warm_up(settings: Settings) -> None:
    """Import everything and run a job without a trace, once. Leaves one thread and no connection.

    Raises:
        ConfigurationError: the environment cannot be imported.
    """
    preload(settings)
    for module in _MODULES:
        importlib.import_module(module)
    _run_a_job()
    if (threads := _thread_count()) > 1:
        _log.warning("%s threads before a fork: a worker may start with a lock held", threads)
    gc.collect()
    gc.freeze()


def _thread_count() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


def _run_a_job() -> None:
    """Take the way of a run through Dagster, which imports most of it when first used."""

    @dg.op(out=dg.Out(dg.Nothing))
    def nothing(context: dg.OpExecutionContext) -> None:
        context.add_output_metadata({"value": 1})

    @dg.job(executor_def=dg.in_process_executor, resource_defs={"io_manager": dg.mem_io_manager})
    def warm() -> None:
        nothing()

    logging.disable(logging.CRITICAL)
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            warm.execute_in_process(instance=instance)
    finally:
        logging.disable(logging.NOTSET)
