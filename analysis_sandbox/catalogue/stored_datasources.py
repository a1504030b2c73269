"""Stored datasources with their secrets, which are encrypted wherever they are kept.

No key is needed for a datasource that has no secret.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from analysis_sandbox.catalogue.datasources import DatasourceRepository, Seal
from analysis_sandbox.catalogue.keys import SecretKeys, SecretsUnreadableError
from analysis_sandbox.catalogue.records import (
    DatasourceChange,
    DatasourceFields,
    DatasourceRecord,
    NewDatasource,
    StoredDatasource,
)
from analysis_sandbox.values import JSONObject


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a change of keys did: how many have the new one, and which nobody could read."""

    resealed: int
    unreadable: Sequence[DatasourceRecord]


class StoredDatasources:
    """The stored datasources of all projects. Thread-safe."""

    def __init__(self, repository: DatasourceRepository, keys: SecretKeys) -> None:
        self._repository = repository
        self._keys = keys

    @property
    def key_place(self) -> str:
        """Where the key is, as people know it."""
        return self._keys.place

    def revision(self, *, patient: bool = True) -> int:
        """Return a number that grows with every change; waits for the database if `patient`."""
        return self._repository.revision(patient=patient)

    def entries(self) -> Sequence[StoredDatasource]:
        """Return all of them with their secrets; one whose secrets cannot be read says why."""
        entries = self._all()
        if any(entry.problem for entry in entries):
            # While keys are replaced, rows and keys may be of two moments.
            with self._keys.steady():
                entries = self._all()
        return entries

    def list(self, project: str) -> Sequence[DatasourceRecord]:
        """Return those of a project by name, their secrets encrypted."""
        return self._repository.list(project)

    def get(self, project: str, name: str) -> DatasourceRecord:
        """Return one, its secrets encrypted; raises `NotFoundError`."""
        return self._repository.get(project, name)

    def secrets(self, record: DatasourceRecord) -> JSONObject:
        """Return the secrets of a datasource.

        Raises:
            SecretsUnreadableError: the key is missing, or it is another one.
        """
        if record.secrets is None:
            return {}
        return self._keys.reading().unseal(record.id, record.secrets)

    def add(self, new: NewDatasource) -> DatasourceRecord:
        """Store a datasource.

        Raises:
            ConflictError: the name is taken, or the key of what is stored is missing.
            SecretsUnreadableError: there is something in the key's place that is no key.
        """
        with self._sealing(new.fields, new.project, new.name) as seal:
            return self._repository.add(new, seal=seal)

    def change(self, project: str, name: str, change: DatasourceChange) -> DatasourceRecord:
        """Replace what a datasource is configured with; raises like `add`, and `NotFoundError`."""
        with self._sealing(change.fields, project, name) as seal:
            return self._repository.change(project, name, change, seal=seal)

    def delete(self, project: str, name: str, *, based_on: int | None = None) -> DatasourceRecord:
        """Remove a datasource and return what it was.

        Raises:
            NotFoundError: no such datasource.
            ConflictError: it is not at the version `based_on` any more.
        """
        return self._repository.delete(project, name, based_on=based_on)

    def rotate(self) -> Rotation:
        """Encrypt everything with a new key, and forget the one before.

        Raises:
            ConflictError: the key is missing; or it is in the settings, without a next one.
        """
        with self._keys.replacing(may_create=self._is_without_secrets()) as sealer:

            def resealed(record: DatasourceRecord) -> bytes | None:
                assert record.secrets is not None
                try:
                    secrets = sealer.unseal(record.id, record.secrets)
                except SecretsUnreadableError:
                    return None
                return sealer.seal(record.id, secrets)

            left, done = self._repository.reseal(resealed)
        return Rotation(resealed=done, unreadable=left)

    @contextmanager
    def _sealing(self, fields: DatasourceFields, project: str, name: str) -> Generator[Seal]:
        if not fields.secrets:
            yield _seal_nothing
            return
        may_create = self._is_without_secrets(but=(project, name))
        with self._keys.writing(may_create=may_create) as sealer:
            yield sealer.seal

    def _is_without_secrets(self, *, but: tuple[str, str] | None = None) -> bool:
        return not any(
            record.secrets and (record.project, record.name) != but
            for record in self._repository.list()
        )

    def _all(self) -> Sequence[StoredDatasource]:
        return [self._opened(record) for record in self._repository.list()]

    def _opened(self, record: DatasourceRecord) -> StoredDatasource:
        secrets: JSONObject = {}
        problem = None
        try:
            secrets = self.secrets(record)
        except SecretsUnreadableError as error:
            problem = " ".join(filter(None, (error.message, error.hint)))
        return StoredDatasource(
            project=record.project,
            name=record.name,
            type=record.type,
            config={**record.config, "access": record.access},
            secrets=secrets,
            problem=problem,
        )


def _seal_nothing(_owner: UUID, _secrets: JSONObject) -> bytes:
    raise AssertionError("nothing is to be encrypted")
