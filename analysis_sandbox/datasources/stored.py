"""Datasources that are kept elsewhere than in the file, as this process knows them now.

They are asked for their revision at most once a second, however often they are used; only a new
revision is read. While the place is away, what was read last stays in effect.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias

from analysis_sandbox.datasources.base import DatasourceConfig
from analysis_sandbox.datasources.fields import check_fields, merged
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.values import JSONObject

CHECK_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_log = logging.getLogger(__name__)


class StoredEntry(Protocol):
    """One stored datasource. `problem` says why its secrets cannot be read, when they cannot."""

    @property
    def project(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def config(self) -> JSONObject: ...
    @property
    def secrets(self) -> JSONObject: ...
    @property
    def problem(self) -> str | None: ...


class StoredEntries(Protocol):
    """Where datasources are stored."""

    def revision(self, *, patient: bool) -> int:
        """Return a number that rises with every change; waits for the place only if `patient`."""
        ...

    def entries(self) -> Sequence[StoredEntry]:
        """Return every datasource of every project."""
        ...


class Resolved:
    """A stored datasource ready to be used, or with the reason why it cannot be."""

    __slots__ = ("config", "entry", "problem")

    def __init__(self, entry: StoredEntry, directory: Path) -> None:
        self.entry = entry
        self.problem = entry.problem
        self.config = DatasourceConfig()
        try:
            if self.problem is None:
                values = merged(entry.config, entry.secrets)
                self.config = check_fields(entry.type, values, directory=directory).config
            else:
                # Good enough to tell its operations.
                model = load_type(entry.type).config_model
                self.config = model.model_construct(None, **entry.config)
        except AnalysisSandboxError as error:
            self.problem = self.problem or " ".join(filter(None, (error.message, error.hint)))


Found: TypeAlias = Mapping[str, Sequence[Resolved]]
_NOTHING: Found = MappingProxyType({})


class StoredView:
    """What is stored, as of a moment ago. Thread-safe; nobody waits for somebody else's look."""

    def __init__(
        self,
        source: StoredEntries,
        *,
        directory: Path,
        check_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._directory = directory
        self._check_seconds = check_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Found | None = None  # replaced as a whole, never changed
        self._revision = -1
        self._next = 0.0
        self._pause = check_seconds

    @property
    def known(self) -> Found:
        """What was read last, by project."""
        return _NOTHING if self._known is None else self._known

    def look(self, *, fresh: bool = False) -> None:
        """Read what is stored, where it is time to; `fresh` reads now.

        Raises:
            UnavailableError: nothing was ever read, and it cannot be read now.
        """
        if self._known is None or fresh:
            with self._lock:
                self._look()
        elif self._clock() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()

    def _look(self) -> None:
        try:
            revision = self._source.revision(patient=self._known is None)
            if revision != self._revision:
                self._known = self._read()
                self._revision = revision
            self._pause = self._check_seconds
        except AnalysisSandboxError as error:
            if self._known is None:
                raise
            self._pause = min(_LONGEST_PAUSE_SECONDS, self._pause * 2)
            _log.warning("Stored datasources stay as they were: %s", error.message)
        self._next = self._clock() + self._pause

    def _read(self) -> Found:
        found: dict[str, list[Resolved]] = {}
        for entry in self._source.entries():
            found.setdefault(entry.project, []).append(Resolved(entry, self._directory))
        return MappingProxyType(found)
