"""Use cases about stored analyses: list, read, validate, create, update, delete."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import (
    AnalysisRecord,
    NewAnalysis,
    NewSchedule,
    NewVersion,
    VersionRecord,
)
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import ScriptInvalidError, UnavailableError, ValidationFailedError
from analysis_sandbox.execution.evaluation import Evaluator
from analysis_sandbox.execution.versions import StoredVersion, VersionCache
from analysis_sandbox.limits import DEFAULT_LIMITS, LimitOverrides
from analysis_sandbox.script.inspection import Inspection
from analysis_sandbox.script.names import check_name, name_from_title, title_from_name
from analysis_sandbox.script.parameters import describe_parameters
from analysis_sandbox.script.validation import check_references
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.models import (
    AnalysisDetail,
    AnalysisSource,
    AnalysisSummary,
    Deleted,
    Saved,
    Validation,
)
from analysis_sandbox.services.ports import RunGateway


class AnalysisMetadata(BaseModel):
    """What may be said about an analysis beside its script; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    description: str = ""
    tags: list[str] = Field(default_factory=list[str])
    owners: list[str] = Field(default_factory=list[str])
    limits: LimitOverrides | None = None
    retry: dict[str, Any] | None = None
    packages: list[str] = Field(default_factory=list[str])
    change_description: str = ""


class AnalysisService:
    """Stored analyses of the caller's project."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        versions: VersionCache,
        connections: Connections,
        evaluator: Evaluator,
        gateway: RunGateway,
    ) -> None:
        self._catalogue = catalogue
        self._versions = versions
        self._connections = connections
        self._evaluator = evaluator
        self._gateway = gateway

    def summaries(self, caller: Principal) -> list[AnalysisSummary]:
        """Return the active analyses of the project, by name."""
        return [
            AnalysisSummary(
                id=record.name,
                title=record.title,
                created_at=record.created_at,
                last_run=record.last_run,
                uuid=str(record.id),
                version=record.version,
                description=record.description or None,
                tags=list(record.tags),
            )
            for record in self._catalogue.analyses.list(caller.project)
        ]

    def detail(self, caller: Principal, analysis_id: str) -> AnalysisDetail:
        """Return one analysis; raises `NotFoundError`."""
        record = self._catalogue.analyses.get(caller.project, analysis_id)
        stored = self._versions.get(record.id, record.version)
        return AnalysisDetail(**_detail(record, stored))

    def source(self, caller: Principal, analysis_id: str) -> AnalysisSource:
        """Return one analysis with its script; raises `NotFoundError`."""
        record = self._catalogue.analyses.get(caller.project, analysis_id)
        stored = self._versions.get(record.id, record.version)
        return AnalysisSource(
            **_detail(record, stored), script=stored.record.source, metadata=stored.record.metadata
        )

    def validate(self, caller: Principal, script_content: str) -> Validation:
        """Check a script as `create` would, and store nothing."""
        inspection = self._evaluator.inspect(script_content)
        errors = [*inspection.errors, *self._reference_errors(caller, inspection)]
        return validation_of(inspection, errors)

    def create(
        self,
        caller: Principal,
        script_content: str,
        metadata: Mapping[str, object] | None = None,
    ) -> Saved:
        """Store a new analysis as its version 1 (or the next one of a deleted analysis).

        Raises:
            ScriptInvalidError: with everything that is wrong with the script.
            ValidationFailedError: `metadata` is not valid, or there is neither title nor name.
            ConflictError: the name is taken.
        """
        caller.require(Role.MANAGER)
        details = _parse_metadata(metadata)
        inspection = self._inspect(caller, script_content)
        title = _title(inspection, details.name)
        name = check_name(details.name) if details.name else name_from_title(title)
        version = self._catalogue.analyses.create(
            NewAnalysis(
                project=caller.project,
                name=name,
                version=_new_version(
                    inspection,
                    script_content,
                    title=title,
                    change_description=details.change_description,
                    created_by=caller.name,
                ),
                description=details.description,
                tags=details.tags,
                owners=details.owners,
                limits=details.limits.model_dump(exclude_none=True) if details.limits else None,
                retry=details.retry,
            )
        )
        return self._announce(version, inspection)

    def update(
        self,
        caller: Principal,
        analysis_id: str,
        script_content: str,
        *,
        change_description: str = "",
    ) -> Saved:
        """Store the next version of an analysis; runs that go on keep theirs.

        Raises:
            NotFoundError: no such analysis.
            ScriptInvalidError: with everything that is wrong with the script.
        """
        caller.require(Role.MANAGER)
        record = self._catalogue.analyses.get(caller.project, analysis_id)
        inspection = self._inspect(caller, script_content, filename=f"{record.name}.js")
        version = self._catalogue.analyses.add_version(
            caller.project,
            analysis_id,
            _new_version(
                inspection,
                script_content,
                title=_title(inspection, record.name),
                change_description=change_description,
                created_by=caller.name,
            ),
        )
        return self._announce(version, inspection)

    def delete(self, caller: Principal, analysis_id: str) -> Deleted:
        """Hide an analysis, switch its schedule off and stop its runs; its history stays.

        Raises:
            NotFoundError: no such analysis.
        """
        caller.require(Role.MANAGER)
        stored = self._versions.current(caller.project, analysis_id)
        self._gateway.switch_schedule(stored.record, enabled=False)
        self._catalogue.analyses.delete(caller.project, analysis_id)
        self._gateway.refresh()
        stopped = [
            str(run.id)
            for run in self._catalogue.runs.unfinished()
            if run.analysis_id == stored.record.analysis_id and self._gateway.stop(str(run.id))
        ]
        return Deleted(analysis_id=stored.record.name, stopped_jobs=stopped)

    def _inspect(
        self, caller: Principal, script_content: str, *, filename: str | None = None
    ) -> Inspection:
        inspection = self._evaluator.inspect(script_content, filename=filename)
        errors = [*inspection.errors, *self._reference_errors(caller, inspection)]
        if errors:
            raise ScriptInvalidError(errors)
        return inspection

    def _reference_errors(self, caller: Principal, inspection: Inspection) -> list[str]:
        return check_references(
            inspection,
            datasources=set(self._connections.operations(caller.project)),
            analyses={record.name for record in self._catalogue.analyses.list(caller.project)},
        )

    def _announce(self, version: VersionRecord, inspection: Inspection) -> Saved:
        stored = self._versions.remember(version)
        schedule = stored.definition.schedule
        if schedule is None:
            self._catalogue.schedules.delete(version.analysis_id)
        else:
            self._catalogue.schedules.set(
                NewSchedule(
                    project=version.project,
                    analysis_id=version.analysis_id,
                    cron_expression=schedule.cron,
                    timezone=schedule.timezone,
                    enabled=schedule.enabled,
                    retry_on_failure=schedule.retry_on_failure,
                    max_retries=schedule.max_retries,
                )
            )
        self._gateway.refresh()
        warnings = list(inspection.warnings)
        try:
            self._gateway.switch_schedule(version, enabled=bool(schedule and schedule.enabled))
        except UnavailableError as error:
            # The version is stored: failing now would say that it is not.
            warnings.append(f"Stored, but its schedule was not switched: {error.message}")
        return Saved(
            analysis_id=version.name,
            uuid=str(version.analysis_id),
            version=version.version,
            title=version.title,
            warnings=warnings,
        )


def validation_of(inspection: Inspection, errors: list[str]) -> Validation:
    """Return the answer to a validation: the errors, or what the script declares."""
    if errors:
        return Validation(valid=False, errors=errors, warnings=inspection.warnings)
    definition = inspection.definition
    return Validation(
        valid=True,
        warnings=inspection.warnings,
        metadata={
            "title": definition.title if definition else None,
            "datasources": inspection.datasources,
            "analyses": inspection.analyses,
            "parameters": list((definition.parameters if definition else None) or {}),
        },
    )


def _parse_metadata(metadata: Mapping[str, object] | None) -> AnalysisMetadata:
    try:
        return AnalysisMetadata.model_validate(dict(metadata or {}))
    except ValidationError as error:
        fields = {
            "metadata." + ".".join(map(str, item["loc"])): item["msg"] for item in error.errors()
        }
        raise ValidationFailedError("The metadata is not valid", fields=fields) from None


def _title(inspection: Inspection, name: str | None) -> str:
    title = inspection.definition.title if inspection.definition else None
    if title:
        return title
    if name:
        return title_from_name(name)
    raise ValidationFailedError(
        "The script has no title and no name was given: add a title to it, or give metadata.name",
        fields={"metadata.name": "is required for a script without a title"},
    )


def _new_version(
    inspection: Inspection, source: str, *, title: str, change_description: str, created_by: str
) -> NewVersion:
    return NewVersion(
        title=title,
        source=source,
        compiled=inspection.compiled or source,
        language=inspection.language,
        metadata=inspection.metadata,
        change_description=change_description,
        created_by=created_by,
    )


def _detail(record: AnalysisRecord, stored: StoredVersion) -> dict[str, Any]:
    definition = stored.definition
    own = LimitOverrides.model_validate(record.limits) if record.limits else None
    schedule = definition.schedule
    return {
        "id": record.name,
        "title": record.title,
        "parameters": cast("dict[str, Any]", describe_parameters(definition.parameters)),
        "uuid": str(record.id),
        "version": record.version,
        "description": record.description or None,
        "tags": list(record.tags),
        "owners": list(record.owners),
        "schedule": schedule.model_dump(mode="json") if schedule else None,
        "dependencies": definition.dependencies.model_dump() if definition.dependencies else {},
        "limits": DEFAULT_LIMITS.merged(definition.execution).merged(own).model_dump(),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "last_run": record.last_run,
        "permissive_parameters": definition.parameters is None,
    }
