"""Stored versions with their definitions, remembered: a version never changes."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import VersionRecord
from analysis_sandbox.limits import LimitOverrides
from analysis_sandbox.script.definition import Definition


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version's record and the definition that its script declares."""

    record: VersionRecord
    definition: Definition

    @property
    def filename(self) -> str:
        """What stacks call the script."""
        return f"{self.record.name}.{'ts' if self.record.language == 'typescript' else 'js'}"

    @property
    def datasources(self) -> list[str]:
        """Names of the datasources it may use."""
        dependencies = self.definition.dependencies
        return list(dependencies.datasources) if dependencies else []

    @property
    def analyses(self) -> list[str]:
        """Names of the analyses it may run."""
        dependencies = self.definition.dependencies
        return list(dependencies.analyses) if dependencies else []


class VersionCache:
    """Reads versions from the catalogue once per process. Thread-safe."""

    def __init__(self, catalogue: Catalogue, *, capacity: int = 512) -> None:
        self._catalogue = catalogue
        self._capacity = capacity
        self._lock = threading.Lock()
        self._versions: OrderedDict[tuple[UUID, int], StoredVersion] = OrderedDict()

    def get(self, analysis_id: UUID, version: int) -> StoredVersion:
        """Return one version; raises `NotFoundError`."""
        with self._lock:
            known = self._versions.get((analysis_id, version))
        return known or self.remember(self._catalogue.analyses.version(analysis_id, version))

    def current(self, project: str, key: str) -> StoredVersion:
        """Return the version an analysis has now, by name or UUID; raises `NotFoundError`."""
        analysis = self._catalogue.analyses.get(project, key)
        return self.get(analysis.id, analysis.version)

    def limits(self, analysis_id: UUID) -> LimitOverrides | None:
        """Return what is set for the limits of an analysis now: read each time, in one small query.

        Raises:
            NotFoundError: no such analysis.
        """
        stored = self._catalogue.analyses.limits(analysis_id)
        return LimitOverrides.model_validate(stored) if stored else None

    def remember(self, record: VersionRecord) -> StoredVersion:
        """Add a version that was read or written elsewhere."""
        stored = StoredVersion(record, Definition.from_metadata(record.metadata))
        with self._lock:
            self._versions[record.analysis_id, record.version] = stored
            while len(self._versions) > self._capacity:
                self._versions.popitem(last=False)
        return stored
