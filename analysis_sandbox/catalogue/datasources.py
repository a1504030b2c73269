"""Stored datasources as rows: their secrets come and go encrypted."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from analysis_sandbox.catalogue.engine import Database
from analysis_sandbox.catalogue.models import DatasourceRevisionRow, DatasourceRow
from analysis_sandbox.catalogue.records import (
    DatasourceChange,
    DatasourceFields,
    DatasourceRecord,
    NewDatasource,
)
from analysis_sandbox.catalogue.storable import json_text
from analysis_sandbox.errors import ConflictError, NotFoundError
from analysis_sandbox.values import JSONObject

# Encrypts secrets for the datasource of an id.
Seal = Callable[[UUID, JSONObject], bytes]
# Returns what replaces a sealed text, None to leave it as it is.
Resealing = Callable[[DatasourceRecord], bytes | None]

_COLUMNS = (
    DatasourceRow.id,
    DatasourceRow.project,
    DatasourceRow.name,
    DatasourceRow.type,
    DatasourceRow.access,
    DatasourceRow.config,
    DatasourceRow.secrets,
    DatasourceRow.secret_names,
    DatasourceRow.version,
    DatasourceRow.created_at,
    DatasourceRow.created_by,
    DatasourceRow.updated_at,
    DatasourceRow.updated_by,
)
_ALL = sa.select(*_COLUMNS).order_by(DatasourceRow.project, DatasourceRow.name)


class DatasourceRepository:
    """The stored datasources of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewDatasource, *, seal: Seal) -> DatasourceRecord:
        """Store a datasource as its version 1.

        Raises:
            ConflictError: the project has a stored one of this name.
            ValidationFailedError: PostgreSQL cannot store a text of it.
        """
        datasource_id = uuid4()
        statement = insert(DatasourceRow).values(
            id=datasource_id,
            project=new.project,
            name=new.name,
            type=new.type,
            change_id=datasource_id,
            created_by=new.created_by,
            updated_by=new.created_by,
            **_values(datasource_id, new.fields, seal),
        )
        statement = statement.on_conflict_do_nothing()

        def work(connection: Connection) -> DatasourceRecord:
            connection.execute(statement)
            stored = _find(connection, new.project, new.name)
            if stored.id != datasource_id:
                raise ConflictError(
                    f"A datasource '{new.name}' exists already",
                    hint="Change it, or choose another name.",
                )
            return stored

        return self._database.transaction(work)

    def change(
        self, project: str, name: str, change: DatasourceChange, *, seal: Seal
    ) -> DatasourceRecord:
        """Replace what a datasource is configured with.

        Raises:
            NotFoundError: no such datasource.
            ConflictError: it is not at the version any more that the change was made to.
            ValidationFailedError: PostgreSQL cannot store a text of it.
        """
        change_id = uuid4()

        def work(connection: Connection) -> DatasourceRecord:
            current = _find(connection, project, name, for_update=True)
            is_current = DatasourceRow.id == current.id
            made = sa.select(DatasourceRow.id).where(DatasourceRow.change_id == change_id)
            # After a lost connection: an earlier try may have been stored unseen.
            if connection.execute(made.where(is_current)).first() is None:
                _check_version(current, change.based_on)
                connection.execute(
                    sa.update(DatasourceRow)
                    .where(is_current)
                    .values(
                        version=current.version + 1,
                        change_id=change_id,
                        updated_at=sa.func.now(),
                        updated_by=change.changed_by,
                        **_values(current.id, change.fields, seal),
                    )
                )
            return _find(connection, project, name)

        return self._database.transaction(work)

    def delete(self, project: str, name: str, *, based_on: int | None = None) -> DatasourceRecord:
        """Remove a datasource and return what it was; raises like `change`."""
        found: list[DatasourceRecord] = []

        def work(connection: Connection) -> DatasourceRecord:
            try:
                current = _find(connection, project, name, for_update=True)
            except NotFoundError:
                # After a lost connection: an earlier try did it.
                if found:
                    return found[0]
                raise
            _check_version(current, based_on)
            found.append(current)
            connection.execute(sa.delete(DatasourceRow).where(DatasourceRow.id == current.id))
            return current

        return self._database.transaction(work)

    def get(self, project: str, name: str) -> DatasourceRecord:
        """Return a datasource; raises `NotFoundError`."""
        return self._database.run(lambda connection: _find(connection, project, name))

    def list(self, project: str | None = None) -> Sequence[DatasourceRecord]:
        """Return the datasources of a project, or of all, by name."""
        statement = _ALL if project is None else _ALL.where(DatasourceRow.project == project)
        rows = self._database.rows(statement)
        return [_record(row) for row in rows]

    def revision(self, *, patient: bool = True) -> int:
        """Return a number that grows whenever any datasource, in any project, changes."""
        statement = sa.select(sa.func.coalesce(sa.func.sum(DatasourceRevisionRow.revision), 0))
        return int(
            self._database.run(
                lambda connection: connection.execute(statement).scalar_one(), patient=patient
            )
        )

    def reseal(self, resealing: Resealing) -> tuple[Sequence[DatasourceRecord], int]:
        """Replace encrypted secrets, all of them in one transaction.

        Returns the datasources whose secrets were left as they are, and how many were replaced.
        """

        def work(connection: Connection) -> tuple[Sequence[DatasourceRecord], int]:
            statement = _ALL.where(DatasourceRow.secrets.is_not(None)).with_for_update()
            left: list[DatasourceRecord] = []
            done = 0
            for row in connection.execute(statement).all():
                record = _record(row)
                sealed = resealing(record)
                if sealed is None:
                    left.append(record)
                    continue
                done += 1
                connection.execute(
                    sa.update(DatasourceRow)
                    .where(DatasourceRow.id == record.id)
                    .values(secrets=sealed)
                )
            return left, done

        return self._database.transaction(work)


def _values(datasource_id: UUID, fields: DatasourceFields, seal: Seal) -> dict[str, Any]:
    json_text(fields.config, what="The datasource's configuration")
    return {
        "access": fields.access,
        "config": fields.config,
        "secrets": seal(datasource_id, fields.secrets) if fields.secrets else None,
        "secret_names": list(fields.secret_names),
    }


def _find(
    connection: Connection, project: str, name: str, *, for_update: bool = False
) -> DatasourceRecord:
    # PostgreSQL refuses texts that no name can have.
    wanted = name if name.isascii() and "\0" not in name else ""
    statement = _ALL.where(DatasourceRow.project == project, DatasourceRow.name == wanted)
    if for_update:
        statement = statement.with_for_update()
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(
            f"Datasource '{name}' not found", hint="List the datasources to see the names."
        )
    return _record(row)


def _check_version(current: DatasourceRecord, expected: int | None) -> None:
    if expected is not None and expected != current.version:
        raise ConflictError(
            f"'{current.name}' is at version {current.version} by now; this change was made to "
            f"version {expected}",
            hint="Read the datasource again and make the change there.",
        )


def _record(row: Any) -> DatasourceRecord:
    return DatasourceRecord(*row)
