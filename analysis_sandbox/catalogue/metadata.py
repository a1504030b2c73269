"""What scripts keep between their runs: a key-value store per project and analysis."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from analysis_sandbox.catalogue.engine import ConstraintError, Database, Rows
from analysis_sandbox.catalogue.models import MetadataRow
from analysis_sandbox.catalogue.storable import json_text
from analysis_sandbox.errors import LimitExceededError, NotFoundError, ValidationFailedError
from analysis_sandbox.values import JSONObject, JSONValue

MAX_VALUE_BYTES = 256 * 1024
MAX_KEY_CHARACTERS = 512
BUILT_IN_KEYS = frozenset({"run_id", "analysis_id", "version", "attempt"})
_OWN = "project = :project AND analysis_id = :analysis_id"
_GET = sa.text("""
    SELECT value FROM analysis_metadata WHERE project = :project AND key = :key
     ORDER BY analysis_id = :analysis_id DESC, updated_at DESC LIMIT 1
""")
_DELETE = sa.text(f"DELETE FROM analysis_metadata WHERE {_OWN} AND key = :key")
_LIST = sa.text(f'SELECT key FROM analysis_metadata WHERE {_OWN} ORDER BY key COLLATE "C"')
_SNAPSHOT = sa.text("""
    SELECT key, value FROM analysis_metadata WHERE analysis_id = :analysis_id
     ORDER BY key COLLATE "C"
""")


class MetadataRepository:
    """Values that are written at once and survive whatever happens to the run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, project: str, analysis_id: UUID, key: str) -> JSONValue:
        """Return a value: the analysis' own, else the newest of the project, else None."""
        rows = self._find(project, analysis_id, key)
        return rows[0].value if rows else None

    def has(self, project: str, analysis_id: UUID, key: str) -> bool:
        """Tell whether `get` would find a value."""
        return bool(self._find(project, analysis_id, key))

    def set(self, project: str, analysis_id: UUID, key: str, value: JSONValue) -> None:
        """Keep a value for an analysis.

        Raises:
            LimitExceededError: the value or the key is too large.
            ValidationFailedError: the key is built in, or PostgreSQL cannot store the value.
            NotFoundError: no such analysis.
        """
        size = _checked_size(key, value)
        values = {"value": value, "size_bytes": size, "updated_at": sa.func.clock_timestamp()}
        statement = insert(MetadataRow).values(
            project=project, analysis_id=analysis_id, key=key, **values
        )
        statement = statement.on_conflict_do_update(
            index_elements=[MetadataRow.project, MetadataRow.analysis_id, MetadataRow.key],
            set_=values,
        )
        try:
            self._database.execute(statement)
        except ConstraintError as error:
            raise NotFoundError(f"Analysis {analysis_id} not found") from error

    def delete(self, project: str, analysis_id: UUID, key: str) -> bool:
        """Forget a value of this analysis; tells whether there was one."""
        values = {"project": project, "analysis_id": analysis_id, "key": key}
        if "\0" in key:
            return False
        deleted = self._database.run(
            lambda connection: connection.execute(_DELETE, values).rowcount
        )
        return deleted > 0

    def list(self, project: str, analysis_id: UUID) -> Sequence[str]:
        """Return the keys of this analysis, in order."""
        values = {"project": project, "analysis_id": analysis_id}
        rows = self._database.rows(_LIST, values)
        return [row[0] for row in rows]

    def snapshot(self, analysis_id: UUID) -> JSONObject:
        """Return everything an analysis keeps."""
        values = {"analysis_id": analysis_id}
        rows = self._database.rows(_SNAPSHOT, values)
        return {row.key: row.value for row in rows}

    def _find(self, project: str, analysis_id: UUID, key: str) -> Rows:
        if "\0" in key:
            return []
        values = {"project": project, "analysis_id": analysis_id, "key": key}
        return self._database.rows(_GET, values)


def _checked_size(key: str, value: JSONValue) -> int:
    if key in BUILT_IN_KEYS:
        raise ValidationFailedError(
            f"The metadata key '{key}' is built in and cannot be set",
            fields={"key": f"not one of {', '.join(sorted(BUILT_IN_KEYS))}"},
        )
    if len(key) > MAX_KEY_CHARACTERS:
        raise LimitExceededError(
            f"A metadata key has {len(key)} characters; at most {MAX_KEY_CHARACTERS} are allowed",
            details={"used": len(key), "allowed": MAX_KEY_CHARACTERS},
        )
    json_text(key, what="The metadata key")
    size = len(json_text(value, what=f"The metadata value '{key}'").encode("utf-8"))
    if size > MAX_VALUE_BYTES:
        raise LimitExceededError(
            f"The metadata value '{key}' has {size} bytes as JSON; at most {MAX_VALUE_BYTES} are "
            "allowed",
            hint="Keep large data in DuckDB and only a reference to it in the metadata.",
            details={"used": size, "allowed": MAX_VALUE_BYTES},
        )
    return size
