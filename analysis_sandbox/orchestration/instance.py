"""Dagster's instance of an installation, opened with that installation's settings.

The classes that dagster.yaml names are made by Dagster, which knows nothing of our settings: they
ask here. In a process that Dagster started, the environment says which installation it is.
"""

from contextvars import ContextVar

import dagster as dg

from analysis_sandbox.orchestration.home import install_dagster_home
from analysis_sandbox.settings import Settings, load_settings

_opening: ContextVar[Settings | None] = ContextVar("opening", default=None)


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the instance; close it with `dispose`, or use it as a context manager.

    Raises:
        ConfigurationError: its home cannot be written, or the database cannot be started.
        UnavailableError: the database does not answer.
    """
    install_dagster_home(settings)
    token = _opening.set(settings)
    try:
        instance = dg.DagsterInstance.from_config(str(settings.dagster_home))
        # Made at their first use otherwise, when nobody knows the settings any more.
        _ = (instance.run_launcher, instance.run_coordinator)
    finally:
        _opening.reset(token)
    return instance


def instance_settings() -> Settings:
    """Return the settings of the instance that is being opened."""
    return _opening.get() or load_settings()
