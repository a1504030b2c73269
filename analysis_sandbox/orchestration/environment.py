"""What orchestration needs from the floors above it, and where each process finds it.

Dagster starts processes of its own that know nothing but a run: each finds the environment by the
import path in the settings and keeps it for as long as it lives.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol, cast
from uuid import UUID

from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.execution.model import RunOutcome, RunRequest
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.values import JSONObject

OnLog = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Why a run lost its process, and what was last known of it.

    `reason` is a sentence for people. `stop_requested` tells that somebody had asked the run to
    stop, so that its end was wanted even if not in this way.
    """

    reason: str
    detected_at: datetime
    pid: int | None = None
    signal: str | None = None
    exit_code: int | None = None
    stop_requested: bool = False
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None
    run_seconds: float | None = None
    traceback: str = ""
    last_log: Sequence[str] = ()


class VersionSource(Protocol):
    """Where stored versions come from; the catalogue's analyses fulfil it. Thread-safe."""

    def active_versions(self) -> Sequence[VersionRecord]:
        """Return the current version of every analysis, in all projects."""
        ...

    def revision(self) -> int:
        """Return a number that changes whenever any of them does."""
        ...

    def version(self, analysis_id: UUID, version: int, /) -> VersionRecord:
        """Return one version; raises `NotFoundError`."""
        ...

    def stored_limits(self) -> Mapping[UUID, JSONObject]:
        """Return what is set for the limits of analyses, by analysis."""
        ...

    def current(self, project: str, key: str, /) -> VersionRecord:
        """Return the version an analysis has now; raises `NotFoundError`."""
        ...


class ShouldRun(Protocol):
    """Asks a version's shouldRun function about a tick, with the parameters of its run.

    Raises:
        AnalysisSandboxError: the function failed, or took longer than it may.
    """

    def __call__(
        self, version: VersionRecord, parameters: JSONObject, scheduled_time: datetime, /
    ) -> bool: ...


class Execute(Protocol):
    """Runs one request to its end in the calling thread, which may be interrupted.

    Raises:
        AnalysisSandboxError: the run did not complete.
        BaseException: whatever interrupted the thread, after the script was stopped.
    """

    def __call__(self, request: RunRequest, *, on_log: OnLog | None) -> RunOutcome: ...


@dataclass(frozen=True, slots=True)
class Environment:
    """What a process that loads or runs jobs needs.

    `crashed` records what is known of a run whose process died; it is called again when it fails.
    `warm` opens whatever the first run would otherwise have to wait for.
    """

    settings: Settings
    versions: VersionSource
    execute: Execute
    should_run: ShouldRun
    crashed: Callable[[str, CrashReport], None]
    warm: Callable[[], None] = lambda: None


def environment() -> Environment:
    """Return this process's environment, built at the first call.

    Raises:
        ConfigurationError: the settings name no function that builds one.
    """
    settings = load_settings()
    return _built(settings.dagster_environment, settings.home)


def preload(settings: Settings) -> None:
    """Import everything the environment needs, without building it: fit to be called before a fork.

    Raises:
        ConfigurationError: the settings name no function that builds one.
    """
    _provider(settings.dagster_environment)


@cache
def _built(path: str, _home: Path) -> Environment:
    return _provider(path)()


def _provider(path: str) -> Callable[[], Environment]:
    module, _, function = path.partition(":")
    try:
        return cast("Callable[[], Environment]", getattr(importlib.import_module(module), function))
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigurationError(
            f"dagster_environment: {path} cannot be imported: {error}",
            hint="Unset it, or name a function as package.module:function.",
        ) from error
