"""Loads what a run needs into the run pool before it forks, so that no worker loads it again."""

import gc
import importlib
import logging
import threading

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
    """Import everything and run a job without a trace, once. Opens no connection.

    Raises:
        ConfigurationError: the environment cannot be imported.
    """
    preload(settings)
    for module in _MODULES:
        importlib.import_module(module)
    _run_a_job()
    # Arrow's own threads are made anew in a child; one of Python's would leave its locks behind.
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        _log.warning("Threads before a fork may leave a worker with a lock held: %s", names)
    gc.collect()
    gc.freeze()


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
