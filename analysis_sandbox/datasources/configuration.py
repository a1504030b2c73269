"""Which datasources each project has: those of `datasources.yaml`, and those that are stored.

The file is re-read whenever it changes. A file with anything wrong in it changes nothing: the
configuration before stays, and `problem` says what is wrong and where. Where both have a name, the
file's holds.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from analysis_sandbox.datasources.base import Access, Datasource, DatasourceConfig
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.datasources.stored import Found, Resolved, StoredView
from analysis_sandbox.datasources.yaml_file import FileEntry, FileProblems, read_file, stamp
from analysis_sandbox.errors import AnalysisSandboxError, ConfigurationError

Origin = Literal["file", "stored"]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DatasourceConfiguration:
    """One datasource of one project, and why it cannot be used where it cannot.

    `revision` is that of all configurations when this one last changed.
    """

    name: str
    project: str
    type: str
    config: DatasourceConfig
    revision: int
    origin: Origin = "file"
    problem: str | None = None

    @property
    def access(self) -> Access:
        """`read_only` unless it says otherwise."""
        return self.config.access

    def open(self) -> Datasource:
        """Return the datasource; its first operation connects.

        Raises:
            ConfigurationError: it cannot be used, and why.
        """
        if self.problem is not None:
            raise ConfigurationError(
                f"Datasource '{self.name}' cannot be used: {self.problem}",
                details={"datasource": self.name},
            )
        return load_type(self.type).open(self.config, name=self.name)

    def operation_names(self) -> list[str]:
        """Return what it offers, as far as that is known."""
        if self.problem is None:
            return list(load_type(self.type).operation_names(self.config))
        try:
            return list(load_type(self.type).operation_names(self.config))
        except (AnalysisSandboxError, AttributeError, TypeError, ValueError):
            # Its type is not installed, or needs what could not be read.
            return []


_Entries: TypeAlias = Mapping[str, DatasourceConfiguration]


class DatasourceConfigurations:
    """The datasources of every project, as they are now. Thread-safe."""

    def __init__(self, file: Path, *, stored: StoredView | None = None) -> None:
        self._file = file
        self._stored = stored
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = ()
        self._in_file: Mapping[str, Mapping[str, FileEntry]] = _NOTHING
        self._in_store: Found = _NOTHING
        self._projects: Mapping[str, _Entries] = _NOTHING
        self._revision = 0
        self._problem: str | None = None

    @property
    def directory(self) -> Path:
        """What relative paths of a configuration are relative to."""
        return self._file.parent

    @property
    def revision(self) -> int:
        """A number that rises with every change of what is configured."""
        self._refresh()
        return self._revision

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, with the lines; None when it is in effect."""
        self._refresh()
        return self._problem

    def projects(self) -> list[str]:
        """Return the names of the projects that have datasources."""
        self._refresh()
        return sorted(self._projects)

    def project(self, project: str, *, fresh: bool = False) -> _Entries:
        """Return the datasources of a project by name; empty for an unknown project.

        With `fresh` it is certain to have every stored change; otherwise the last second's may be
        missing.

        Raises:
            UnavailableError: the stored ones were never read, and cannot be read now.
        """
        self._refresh(fresh=fresh)
        return self._projects.get(project, _NOTHING)

    def _refresh(self, *, fresh: bool = False) -> None:
        if self._stored is not None:
            # Before the lock: this may ask a database.
            self._stored.look(fresh=fresh)
        with self._lock:
            is_changed = self._read_file()
            stored = _NOTHING if self._stored is None else self._stored.known
            if stored is not self._in_store:
                self._in_store = stored
                is_changed = True
            if is_changed:
                self._adopt()

    def _read_file(self) -> bool:
        """Read the file where it changed; tell whether another configuration is in effect."""
        now = stamp(self._file)
        if now == self._stamp:
            return False
        self._stamp = now
        try:
            self._in_file = read_file(self._file) if now else {}
        except RecursionError:
            self._problem = f"{self._file.name} is not in effect: it refers to itself"
            return False
        except FileProblems as problems:
            self._problem = f"{self._file.name} is not in effect: {problems}"
            return False
        self._problem = None
        return True

    def _adopt(self) -> None:
        revision = self._revision + 1
        adopted = {
            project: MappingProxyType(
                {
                    name: self._unchanged(entry) or replace(entry, revision=revision)
                    for name, entry in self._entries(project).items()
                }
            )
            for project in {*self._in_store, *self._in_file}
        }
        if adopted != self._projects:
            self._projects = MappingProxyType(adopted)
            self._revision = revision

    def _entries(self, project: str) -> dict[str, DatasourceConfiguration]:
        stored = [_of_store(one) for one in self._in_store.get(project, ())]
        in_file = [_of_file(one) for one in self._in_file.get(project, _NOTHING).values()]
        return {entry.name: entry for entry in (*stored, *in_file)}

    def _unchanged(self, entry: DatasourceConfiguration) -> DatasourceConfiguration | None:
        known = self._projects.get(entry.project, _NOTHING).get(entry.name)
        if known is not None and replace(known, revision=entry.revision) == entry:
            return known
        return None


def _of_file(entry: FileEntry) -> DatasourceConfiguration:
    return DatasourceConfiguration(
        name=entry.name, project=entry.project, type=entry.type, config=entry.config, revision=0
    )


def _of_store(resolved: Resolved) -> DatasourceConfiguration:
    entry = resolved.entry
    return DatasourceConfiguration(
        name=entry.name,
        project=entry.project,
        type=entry.type,
        config=resolved.config,
        revision=0,
        origin="stored",
        problem=resolved.problem,
    )
