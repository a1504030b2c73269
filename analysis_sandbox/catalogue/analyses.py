"""Analyses and their versions: every save appends a version, nothing is ever rewritten."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.engine import Connection

from analysis_sandbox.catalogue.engine import ConstraintError, Database
from analysis_sandbox.catalogue.models import AnalysisRow, RevisionRow, VersionRow
from analysis_sandbox.catalogue.records import (
    AnalysisRecord,
    NewAnalysis,
    NewVersion,
    VersionRecord,
)
from analysis_sandbox.catalogue.storable import json_text
from analysis_sandbox.errors import ConflictError, NotFoundError, ValidationFailedError
from analysis_sandbox.values import JSONObject, JSONValue

_LONGEST_NAME = 255
_ANALYSIS = (
    AnalysisRow.id,
    AnalysisRow.project,
    AnalysisRow.name,
    AnalysisRow.title,
    AnalysisRow.version,
    AnalysisRow.description,
    AnalysisRow.tags,
    AnalysisRow.owners,
    AnalysisRow.limits,
    AnalysisRow.is_active,
    AnalysisRow.created_at,
    AnalysisRow.updated_at,
    AnalysisRow.created_by,
    AnalysisRow.last_run,
    AnalysisRow.retry,
    AnalysisRow.packages,
)
_VERSION = (
    VersionRow.analysis_id,
    VersionRow.project,
    AnalysisRow.name,
    VersionRow.title,
    VersionRow.version,
    VersionRow.script,
    VersionRow.compiled,
    VersionRow.language,
    VersionRow.definition,
    VersionRow.change_description,
    VersionRow.created_by,
    VersionRow.created_at,
    VersionRow.restored_from,
    VersionRow.modules,
)
_TAKEN_OVER = (
    "title",
    "script",
    "metadata",
    "description",
    "tags",
    "owners",
    "limits",
    "retry",
    "packages",
    "is_active",
    "created_by",
)
_VERSIONS = sa.select(*_VERSION).join(AnalysisRow, AnalysisRow.id == VersionRow.analysis_id)
_CURRENT = _VERSIONS.where(VersionRow.version == AnalysisRow.version, AnalysisRow.is_active)
_ANALYSES = sa.select(*_ANALYSIS).where(AnalysisRow.is_active)


class AnalysisRepository:
    """The stored analyses. A `key` is an analysis' name or the text of its id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, new: NewAnalysis) -> VersionRecord:
        """Store an analysis; the name of a deleted one continues that one's history.

        Raises:
            ConflictError: the name is in use.
            ValidationFailedError: the name or the definition cannot be stored.
        """
        _check_storable(new.version)
        analysis_id, version_id = uuid4(), uuid4()
        statement = insert(AnalysisRow).values(
            id=analysis_id,
            project=new.project,
            name=new.name,
            description=new.description,
            tags=list(new.tags),
            owners=list(new.owners),
            limits=new.limits,
            retry=new.retry,
            packages=list(new.packages),
            is_active=True,
            created_by=new.version.created_by,
            **_current_values(new.version),
        )
        # A deleted analysis of that name is taken over; with one in use nothing happens.
        statement = statement.on_conflict_do_update(
            index_elements=[AnalysisRow.project, AnalysisRow.name],
            set_={column: statement.excluded[column] for column in _TAKEN_OVER}
            | {"version": AnalysisRow.version + 1, "updated_at": sa.func.now()},
            where=sa.not_(AnalysisRow.is_active),
        ).returning(AnalysisRow.id, AnalysisRow.version)

        def work(connection: Connection) -> VersionRecord:
            if stored := _stored(connection, version_id):
                return stored
            row = connection.execute(statement).one_or_none()
            if row is None:
                raise ConflictError(
                    f"An analysis '{new.name}' exists already",
                    hint="Update it, or choose another name.",
                )
            return _append(connection, version_id, row.id, row.version, new=new.version)

        try:
            return self._database.transaction(work)
        except ConstraintError as error:
            if error.constraint != "analyses_name_check":
                raise
            raise ValidationFailedError(
                f"'{new.name}' is no name for an analysis",
                fields={"name": "lower-case letters, digits and single underscores"},
            ) from error

    def add_version(self, project: str, key: str, new: NewVersion) -> VersionRecord:
        """Append a version and make it the current one.

        Raises:
            NotFoundError: no such analysis.
            ConflictError: `based_on` is not the current version any more.
        """
        _check_storable(new)
        version_id = uuid4()

        def work(connection: Connection) -> VersionRecord:
            if stored := _stored(connection, version_id):
                return stored
            current = _find(connection, project, key, for_update=True)
            if new.based_on is not None and new.based_on != current.version:
                raise ConflictError(
                    f"'{current.name}' is at version {current.version} by now; this change was "
                    f"made to version {new.based_on}",
                    hint="Read the current version and make the change there.",
                )
            version = current.version + 1
            connection.execute(
                sa.update(AnalysisRow)
                .where(AnalysisRow.id == current.id)
                .values(version=version, updated_at=sa.func.now(), **_current_values(new))
            )
            return _append(connection, version_id, current.id, version, new=new)

        return self._database.transaction(work)

    def get(self, project: str, key: str) -> AnalysisRecord:
        """Return an analysis that is not deleted; raises `NotFoundError`."""
        return self._database.run(lambda connection: _find(connection, project, key))

    def list(
        self, project: str, *, datasource: str | None = None, analysis: str | None = None
    ) -> Sequence[AnalysisRecord]:
        """Return the analyses of a project by name: all, or those that use what is named."""
        statement = _ANALYSES.where(AnalysisRow.project == project).order_by(AnalysisRow.name)
        if datasource is not None:
            used = AnalysisRow.definition["dependencies"]["datasources"]
            statement = statement.where(used.contains([datasource]))
        if analysis is not None:
            used = AnalysisRow.definition["dependencies"]["analyses"]
            statement = statement.where(used.contains([analysis]))
        rows = self._database.rows(statement)
        return [_analysis(row) for row in rows]

    def current(self, project: str, key: str) -> VersionRecord:
        """Return the version an analysis has now; raises `NotFoundError`."""
        statement = _CURRENT.where(_matches(project, key))
        rows = self._database.rows(statement)
        if not rows:
            raise _not_found(key)
        return _version(rows[0])

    def version(self, analysis_id: UUID, version: int) -> VersionRecord:
        """Return one version, also of a deleted analysis; raises `NotFoundError`."""
        statement = _VERSIONS.where(
            VersionRow.analysis_id == analysis_id, VersionRow.version == version
        )
        rows = self._database.rows(statement)
        if not rows:
            raise NotFoundError(f"Analysis {analysis_id} has no version {version}")
        return _version(rows[0])

    def versions(self, analysis_id: UUID) -> Sequence[VersionRecord]:
        """Return the whole history of an analysis, newest first."""
        statement = _VERSIONS.where(VersionRow.analysis_id == analysis_id).order_by(
            VersionRow.version.desc()
        )
        rows = self._database.rows(statement)
        return [_version(row) for row in rows]

    def active_versions(self) -> Sequence[VersionRecord]:
        """Return the current version of every analysis in all projects, by project and name."""
        statement = _CURRENT.order_by(AnalysisRow.project, AnalysisRow.name)
        rows = self._database.rows(statement)
        return [_version(row) for row in rows]

    def delete(self, project: str, key: str) -> AnalysisRecord:
        """Hide an analysis and switch its schedule off; its history stays.

        Raises:
            NotFoundError: no such analysis.
        """

        def work(connection: Connection) -> AnalysisRecord:
            current = _find(connection, project, key, for_update=True)
            connection.execute(
                sa.update(AnalysisRow)
                .where(AnalysisRow.id == current.id)
                .values(is_active=False, updated_at=sa.func.now())
            )
            connection.execute(
                sa.text(
                    "UPDATE analysis_schedules SET enabled = false, next_run_at = NULL, "
                    "updated_at = now() WHERE analysis_id = :id"
                ),
                {"id": current.id},
            )
            return current

        return self._database.transaction(work)

    def limits(self, analysis_id: UUID) -> JSONObject | None:
        """Return what is set for the limits of an analysis, also of a deleted one.

        Raises:
            NotFoundError: no such analysis.
        """
        statement = sa.select(AnalysisRow.limits).where(AnalysisRow.id == analysis_id)
        rows = self._database.rows(statement)
        if not rows:
            raise _not_found(str(analysis_id))
        return rows[0][0]

    def stored_limits(self) -> Mapping[UUID, JSONObject]:
        """Return what is set for the limits of every active analysis for which something is."""
        statement = sa.select(AnalysisRow.id, AnalysisRow.limits).where(
            AnalysisRow.is_active, AnalysisRow.limits.is_not(None)
        )
        rows = self._database.rows(statement)
        return {row.id: row.limits for row in rows}

    def change_limits(self, project: str, key: str, changes: JSONObject) -> None:
        """Change some of the limits that are set for an analysis; null takes one away.

        Raises:
            NotFoundError: no such analysis.
        """
        before = sa.func.coalesce(AnalysisRow.limits, sa.cast({}, JSONB))
        after = sa.func.jsonb_strip_nulls(before.op("||")(sa.cast(changes, JSONB)))
        self._set(project, key, limits=sa.func.nullif(after, sa.cast({}, JSONB)))

    def set_limits(self, project: str, key: str, limits: JSONObject | None) -> None:
        """Replace what is set for the limits of an analysis; raises `NotFoundError`."""
        self._set(project, key, limits=limits)

    def set_retry(self, project: str, key: str, retry: JSONObject | None) -> None:
        """Replace what is set for the retries of an analysis; raises `NotFoundError`."""
        self._set(project, key, retry=retry)

    def set_packages(self, project: str, key: str, packages: Sequence[str]) -> None:
        """Replace the npm packages that scripts may import; raises `NotFoundError`."""
        self._set(project, key, packages=list(packages))

    def describe(
        self,
        project: str,
        key: str,
        *,
        description: str,
        tags: Sequence[str],
        owners: Sequence[str],
    ) -> None:
        """Replace what people say about an analysis; raises `NotFoundError`."""
        self._set(project, key, description=description, tags=list(tags), owners=list(owners))

    def revision(self) -> int:
        """Return a number that grows whenever any definition, in any project, changes."""
        statement = sa.select(sa.func.coalesce(sa.func.sum(RevisionRow.revision), 0))
        return int(self._database.rows(statement)[0][0])

    def _set(self, project: str, key: str, **values: object) -> None:
        statement = (
            sa.update(AnalysisRow)
            .where(AnalysisRow.is_active, _matches(project, key))
            .values(updated_at=sa.func.now(), **values)
        )
        if self._database.execute(statement) == 0:
            raise _not_found(key)


def _find(
    connection: Connection, project: str, key: str, *, for_update: bool = False
) -> AnalysisRecord:
    statement = _ANALYSES.where(_matches(project, key))
    if for_update:
        statement = statement.with_for_update()
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise _not_found(key)
    return _analysis(row)


def _append(
    connection: Connection, version_id: UUID, analysis_id: UUID, version: int, *, new: NewVersion
) -> VersionRecord:
    project = sa.select(AnalysisRow.project).where(AnalysisRow.id == analysis_id).scalar_subquery()
    connection.execute(
        sa.insert(VersionRow).values(
            id=version_id,
            project=project,
            analysis_id=analysis_id,
            version=version,
            title=new.title,
            script=new.source,
            compiled=new.compiled,
            language=new.language,
            definition=new.metadata,
            change_description=new.change_description,
            created_by=new.created_by,
            restored_from=new.restored_from,
            modules=dict(new.modules),
        )
    )
    stored = _stored(connection, version_id)
    assert stored is not None
    return stored


def _stored(connection: Connection, version_id: UUID) -> VersionRecord | None:
    """Return the version if it is there: an earlier try may have stored it unseen."""
    row = connection.execute(_VERSIONS.where(VersionRow.id == version_id)).one_or_none()
    return None if row is None else _version(row)


def _current_values(new: NewVersion) -> dict[str, Any]:
    return {"title": new.title, "script": new.source, "definition": new.metadata}


def _check_storable(new: NewVersion) -> None:
    texts: dict[str, JSONValue] = {
        "script": [new.source, new.compiled],
        "modules": dict(new.modules),
        "metadata": new.metadata,
        "title": new.title,
        "change_description": new.change_description,
    }
    for name, value in texts.items():
        json_text(value, what=f"The analysis' {name}")


def _matches(project: str, key: str) -> sa.ColumnElement[bool]:
    in_project = AnalysisRow.project == project
    try:
        return sa.and_(in_project, AnalysisRow.id == UUID(key))
    except ValueError:
        # No stored name is longer, or has a character that PostgreSQL refuses.
        name = key if len(key) <= _LONGEST_NAME and key.isascii() and "\0" not in key else ""
        return sa.and_(in_project, AnalysisRow.name == name)


def _not_found(key: str) -> NotFoundError:
    return NotFoundError(f"Analysis '{key}' not found", hint="List the analyses to see the names.")


def _analysis(row: Any) -> AnalysisRecord:
    return replace(
        AnalysisRecord(*row),
        tags=tuple(row.tags),
        owners=tuple(row.owners),
        packages=tuple(row.packages),
    )


def _version(row: Any) -> VersionRecord:
    return VersionRecord(*row)
