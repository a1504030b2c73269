"""Use cases about stored analyses: list, read, validate, create, update, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

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
from analysis_sandbox.limits import LimitOverrides, over_maximum
from analysis_sandbox.script.inspection import Inspection
from analysis_sandbox.script.names import check_name, name_from_title, title_from_name
from analysis_sandbox.script.packages.imports import check_allowed_packages
from analysis_sandbox.script.parameters.resolution import describe_parameters
from analysis_sandbox.script.validation import check_limits, check_references
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.authoring import AuthoringRules
from analysis_sandbox.services.limits import limits_of
from analysis_sandbox.services.models import (
    AnalysisDetail,
    AnalysisSource,
    AnalysisSummary,
    Deleted,
    Saved,
    Validation,
)
from analysis_sandbox.services.ports import RunGateway
from analysis_sandbox.values import JSONObject

Language = Literal["javascript", "typescript"]
# In a version's metadata: what its packages were resolved to. Only ever taken from there.
_LOCK = "package_lock"
_SUFFIXES: Mapping[Language, str] = {"javascript": "js", "typescript": "ts"}


@dataclass(frozen=True, slots=True)
class Authoring:
    """How a script is to be read: its language (None: found out), what it may import.

    `packages` None leaves those of the analysis as they are.
    """

    language: Language | None = None
    packages: Sequence[str] | None = None


_AS_IT_IS = Authoring()


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
    language: Language | None = None
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
        rules: AuthoringRules,
    ) -> None:
        self._rules = rules
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
        return AnalysisDetail(**self._detail(record, stored))

    def source(self, caller: Principal, analysis_id: str) -> AnalysisSource:
        """Return one analysis with its script; raises `NotFoundError`."""
        record = self._catalogue.analyses.get(caller.project, analysis_id)
        stored = self._versions.get(record.id, record.version)
        return AnalysisSource(
            **self._detail(record, stored),
            script=stored.record.source,
            metadata=stored.record.metadata,
        )

    def validate(
        self, caller: Principal, script_content: str, authoring: Authoring = _AS_IT_IS
    ) -> Validation:
        """Check a script as `create` would, and store nothing.

        Raises:
            ValidationFailedError: the packages are not a list of names.
        """
        _check_packages(authoring.packages or ())
        inspection, errors = self._look_at(caller, script_content, authoring)
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
        details = self._parse_metadata(metadata)
        authoring = Authoring(details.language, details.packages)
        inspection = self._inspect(caller, script_content, authoring, name=details.name)
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
                limits={**details.limits.stated()} or None if details.limits else None,
                retry=details.retry,
                packages=details.packages,
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
        authoring: Authoring = _AS_IT_IS,
    ) -> Saved:
        """Store the next version of an analysis; runs that go on keep theirs.

        Raises:
            NotFoundError: no such analysis.
            ScriptInvalidError: with everything that is wrong with the script.
            ValidationFailedError: the packages are not a list of names.
        """
        caller.require(Role.MANAGER)
        _check_packages(authoring.packages or ())
        record = self._catalogue.analyses.get(caller.project, analysis_id)
        if authoring.packages is None:
            authoring = Authoring(authoring.language, record.packages)
        lock = self._versions.current(caller.project, analysis_id).record.metadata.get(_LOCK)
        inspection = self._inspect(
            caller,
            script_content,
            authoring,
            name=record.name,
            lock=cast("JSONObject | None", lock),
        )
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
        packages = tuple(authoring.packages or ())
        if packages != record.packages:
            self._catalogue.analyses.set_packages(caller.project, analysis_id, packages)
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
        self,
        caller: Principal,
        script_content: str,
        authoring: Authoring,
        *,
        name: str | None,
        lock: JSONObject | None = None,
    ) -> Inspection:
        inspection, errors = self._look_at(caller, script_content, authoring, name=name, lock=lock)
        if errors:
            raise ScriptInvalidError(errors)
        return inspection

    def _look_at(
        self,
        caller: Principal,
        script_content: str,
        authoring: Authoring,
        *,
        name: str | None = None,
        lock: JSONObject | None = None,
    ) -> tuple[Inspection, list[str]]:
        """Return what a script is, and everything that is wrong with it here."""
        suffix = _SUFFIXES[authoring.language or "javascript"]
        inspection = self._evaluator.inspect(
            script_content,
            filename=f"{name or 'analysis'}.{suffix}",
            allowed_packages=self._rules.allowed_packages(caller.project, authoring.packages or ()),
            package_lock=lock,
        )
        references = check_references(
            inspection,
            datasources=set(self._connections.operations(caller.project)),
            analyses={record.name for record in self._catalogue.analyses.list(caller.project)},
        )
        limits = check_limits(inspection, self._rules.limits.maximum)
        return inspection, [*inspection.errors, *references, *limits]

    def _parse_metadata(self, metadata: Mapping[str, object] | None) -> AnalysisMetadata:
        try:
            details = AnalysisMetadata.model_validate(dict(metadata or {}))
        except ValidationError as error:
            fields = {
                "metadata." + ".".join(map(str, item["loc"])): item["msg"]
                for item in error.errors()
            }
            raise ValidationFailedError("The metadata is not valid", fields=fields) from None
        problems = over_maximum(details.limits, self._rules.limits.maximum)
        if problems:
            fields = {f"metadata.limits.{name}": text for name, text in problems.items()}
            told = "; ".join(f"{name} {text}" for name, text in fields.items())
            raise ValidationFailedError(f"The metadata is not valid: {told}", fields=fields)
        _check_packages(details.packages, "metadata.packages")
        return details

    def _detail(self, record: AnalysisRecord, stored: StoredVersion) -> dict[str, Any]:
        definition = stored.definition
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
            "limits": limits_of(self._rules.limits, record, stored).limits.model_dump(),
            "language": stored.record.language,
            "packages": self._rules.allowed_packages(record.project, record.packages),
            "pinned_packages": stored.record.metadata.get("packages") or [],
            "created_at": record.created_at,
            "updated_at": record.updated_at,
            "last_run": record.last_run,
            "permissive_parameters": definition.parameters is None,
        }

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
            "language": inspection.language,
            "packages": inspection.packages,
        },
    )


def _check_packages(packages: Sequence[str], field: str = "packages") -> None:
    problems = check_allowed_packages(packages)
    if problems:
        told = "; ".join(problems)
        raise ValidationFailedError(f"{field}: {told}", fields={field: told})


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
        modules=inspection.modules,
        metadata=_stored_metadata(inspection),
        change_description=change_description,
        created_by=created_by,
    )


def _stored_metadata(inspection: Inspection) -> JSONObject:
    if not inspection.packages:
        return inspection.metadata
    lock: JSONObject = {"packages": list(inspection.packages), _LOCK: inspection.package_lock}
    return {**inspection.metadata, **lock}
