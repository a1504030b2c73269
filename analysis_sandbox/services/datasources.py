"""Use cases about datasources: what there is, adding, changing and removing stored ones."""

from collections.abc import Mapping
from typing import Any, cast

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.incident_records import AuditEntry
from analysis_sandbox.catalogue.keys import SecretsUnreadableError
from analysis_sandbox.catalogue.records import (
    DatasourceChange,
    DatasourceFields,
    DatasourceRecord,
    NewDatasource,
)
from analysis_sandbox.catalogue.stored_datasources import StoredDatasources
from analysis_sandbox.datasources.configuration import (
    DatasourceConfiguration,
    DatasourceConfigurations,
)
from analysis_sandbox.datasources.fields import (
    CheckedFields,
    check_fields,
    leaf_names,
    secret_names,
)
from analysis_sandbox.datasources.reach import machine_reach
from analysis_sandbox.datasources.registry import installed_types, load_type
from analysis_sandbox.datasources.yaml_file import NAME
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    ValidationFailedError,
)
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.datasource_fields import (
    check_destination,
    kept_secrets,
    with_secrets,
)
from analysis_sandbox.services.datasource_models import (
    Access,
    DatasourceDetail,
    DatasourceList,
    DatasourceRemoved,
    DatasourceSummary,
    DatasourceType,
    SecretRotation,
)
from analysis_sandbox.values import JSONObject, JSONValue

_FILE = "datasources.yaml"
_LONGEST_NAME = 63
# What stands there in the addresses of the HTTP interface.
_RESERVED = frozenset({"types"})


class DatasourceService:
    """The datasources of the caller's project."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        stored: StoredDatasources,
        configurations: DatasourceConfigurations,
    ) -> None:
        self._catalogue = catalogue
        self._stored = stored
        self._configurations = configurations

    def list_datasources(self, caller: Principal) -> DatasourceList:
        """Return the datasources of the project, by name."""
        caller.require(Role.VIEWER)
        configured = self._configurations.project(caller.project, fresh=True)
        hidden = self._hidden(caller, configured)
        problem = self._configurations.problem
        if problem and caller.role < Role.ADMIN:
            # It names the datasources of other projects.
            problem = f"{_FILE} is not in effect as it stands; an administrator sees why"
        return DatasourceList(
            datasources=[
                DatasourceSummary(**_summary(configured[name], is_hiding=name in hidden))
                for name in sorted(configured)
            ],
            problem=problem,
        )

    def get_datasource(self, caller: Principal, name: str) -> DatasourceDetail:
        """Return one datasource; raises `NotFoundError`."""
        caller.require(Role.VIEWER)
        configured = self._configurations.project(caller.project, fresh=True)
        if name not in configured:
            raise NotFoundError(
                f"Datasource '{name}' not found",
                hint=f"Configured: {', '.join(sorted(configured)) or 'none'}.",
            )
        entry = configured[name]
        record = None
        if entry.origin == "stored":
            record = self._stored.get(caller.project, name)
        return self._detail(caller, entry, record)

    def types(self, caller: Principal) -> list[DatasourceType]:
        """Return the types that are installed, by name, with what they can be configured with."""
        caller.require(Role.VIEWER)
        return [_type(name) for name in installed_types()]

    def add(
        self,
        caller: Principal,
        name: str,
        *,
        type_name: str,
        access: Access | None = None,
        config: Mapping[str, object],
    ) -> DatasourceDetail:
        """Store a datasource.

        Raises:
            ConflictError: the name is taken, here or in datasources.yaml.
            ValidationFailedError: with everything that is wrong with its fields.
            ForbiddenError: it reaches the machine itself, which is for administrators.
        """
        caller.require(Role.MANAGER)
        _check_name(name)
        self._refuse_file(caller, name, "choose another name")
        checked = self._checked(caller, type_name, _with_access(config, access))
        self._stored.add(
            NewDatasource(caller.project, name, type_name, _fields(checked), caller.name)
        )
        return self._announce(caller, name, "add_datasource", changed=checked)

    def update(
        self,
        caller: Principal,
        name: str,
        *,
        access: Access | None = None,
        config: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> DatasourceDetail:
        """Replace what a stored datasource is configured with; None leaves that as it is.

        A secret that `config` does not name stays as it is, null takes it away. With a `version`
        the change is made to that one only.

        Raises:
            NotFoundError: no such datasource.
            ConflictError: datasources.yaml has it, or somebody else changed it meanwhile.
            ValidationFailedError: with everything that is wrong with its fields.
            ForbiddenError: it reaches the machine itself, which is for administrators.
        """
        caller.require(Role.MANAGER)
        self._refuse_file(caller, name, "change it there")
        record = self._stored.get(caller.project, name)
        given = dict(record.config) if config is None else dict(config)
        given = _with_access(given, access or cast("Access", record.access))
        before = self._secrets(record, given)
        kept = kept_secrets(given, plain=record.config, secrets=before)
        fields = with_secrets(given, kept, names=record.secret_names)
        checked = self._checked(caller, record.type, fields)
        check_destination(checked, kept, plain=record.config, secrets=before)
        self._stored.change(
            caller.project, name, DatasourceChange(_fields(checked), caller.name, version)
        )
        return self._announce(caller, name, "update_datasource", changed=checked)

    def remove(
        self, caller: Principal, name: str, *, force: bool = False, version: int | None = None
    ) -> DatasourceRemoved:
        """Remove a stored datasource and its secrets for good.

        Raises:
            NotFoundError: no such datasource.
            ConflictError: analyses use it (`force` removes it all the same), datasources.yaml has
                it, or somebody changed it meanwhile.
        """
        caller.require(Role.MANAGER)
        stored = any(record.name == name for record in self._stored.list(caller.project))
        if not stored:
            self._refuse_file(caller, name, "remove it there")
        # One that the file hides is used by nobody.
        users = [] if self._in_file(caller, name) else self._users(caller, name)
        if users and not force:
            raise ConflictError(
                f"Datasource '{name}' is used by {', '.join(users)}",
                hint="Change or delete them first, or remove it with force: they will fail then.",
                details={"analyses": users},
            )
        self._stored.delete(caller.project, name, based_on=version)
        self._configurations.project(caller.project, fresh=True)
        self._record(caller, "remove_datasource", name, {"used_by": list[JSONValue](users)})
        return DatasourceRemoved(name=name, used_by=users)

    def rotate_secrets(self, caller: Principal) -> SecretRotation:
        """Encrypt the secrets of every project with a new key; the one before is forgotten.

        Raises:
            ConflictError: the key is missing; or it is in the settings, without a next one.
        """
        caller.require(Role.ADMIN)
        rotation = self._stored.rotate()
        unreadable = [f"{record.project}.{record.name}" for record in rotation.unreadable]
        details: JSONObject = {
            "reencrypted": rotation.resealed,
            "unreadable": list[JSONValue](unreadable),
        }
        self._record(caller, "rotate_secrets", "datasources", details)
        return SecretRotation(
            reencrypted=rotation.resealed, unreadable=unreadable, key=self._stored.key_place
        )

    def _checked(self, caller: Principal, type_name: str, values: JSONObject) -> CheckedFields:
        if type_name not in installed_types():
            known = ", ".join(installed_types())
            raise ValidationFailedError(
                f"Unknown datasource type '{type_name}'. Known types: {known}",
                fields={"type": f"must be one of {known}"},
            )
        checked = check_fields(type_name, values, directory=self._configurations.directory)
        reach = machine_reach(checked.config)
        if reach and caller.role < Role.ADMIN:
            told = "; ".join(f"{field} {how}" for field, how in reach.items())
            raise ForbiddenError(
                f"Only an administrator may store this datasource: {told}",
                hint=f"An administrator can add it, here or in {_FILE}.",
                details={"fields": reach},
            )
        return checked

    def _secrets(self, record: DatasourceRecord, given: JSONObject) -> JSONObject:
        try:
            return self._stored.secrets(record)
        except SecretsUnreadableError as error:
            missing = sorted(set(record.secret_names) - set(leaf_names(given)))
            if not missing:
                return {}
            reason = f"must be given again: {error.message}"
            raise ValidationFailedError(
                f"The datasource is not valid: {', '.join(missing)} {reason}",
                fields=dict.fromkeys(missing, reason),
            ) from error

    def _in_file(self, caller: Principal, name: str) -> bool:
        entry = self._configurations.project(caller.project, fresh=True).get(name)
        return entry is not None and entry.origin == "file"

    def _refuse_file(self, caller: Principal, name: str, advice: str) -> None:
        if self._in_file(caller, name):
            raise ConflictError(
                f"{_FILE} has a datasource '{name}', which wins over a stored one",
                hint=f"An administrator can change the file; otherwise, {advice}.",
            )

    def _hidden(
        self, caller: Principal, configured: Mapping[str, DatasourceConfiguration]
    ) -> set[str]:
        """Return the names of the file that also are stored."""
        in_file = {name for name, entry in configured.items() if entry.origin == "file"}
        if not in_file:
            return set()
        return in_file & {record.name for record in self._stored.list(caller.project)}

    def _users(self, caller: Principal, name: str) -> list[str]:
        users = self._catalogue.analyses.list(caller.project, datasource=name)
        return [record.name for record in users]

    def _announce(
        self, caller: Principal, name: str, action: str, *, changed: CheckedFields
    ) -> DatasourceDetail:
        details: JSONObject = {
            "access": changed.config.access,
            "fields": list[JSONValue](leaf_names(changed.plain)),
            "secrets": list[JSONValue](leaf_names(changed.secrets)),
        }
        self._record(caller, action, name, details)
        return self.get_datasource(caller, name)

    def _record(self, caller: Principal, action: str, subject: str, details: JSONObject) -> None:
        self._catalogue.audit.record(
            AuditEntry(
                project=caller.project,
                actor=caller.name,
                action=action,
                subject=subject,
                details=details,
            )
        )

    def _detail(
        self, caller: Principal, entry: DatasourceConfiguration, record: DatasourceRecord | None
    ) -> DatasourceDetail:
        summary = _summary(entry, is_hiding=bool(self._hidden(caller, {entry.name: entry})))
        users = self._users(caller, entry.name)
        if record is None:
            return DatasourceDetail(**summary, used_by=users)
        may_see = caller.role >= Role.MANAGER
        return DatasourceDetail(
            **summary,
            config=dict(record.config) if may_see else None,
            secrets=list(record.secret_names) if may_see else [],
            version=record.version,
            used_by=users,
            created_at=record.created_at,
            created_by=record.created_by,
            updated_at=record.updated_at,
            updated_by=record.updated_by,
        )


def _summary(entry: DatasourceConfiguration, *, is_hiding: bool) -> dict[str, Any]:
    notes: list[str] = []
    if is_hiding:
        notes.append(f"A stored datasource of this name is hidden by {_FILE}")
    return {
        "name": entry.name,
        "type": entry.type,
        "access": entry.access,
        "operations": entry.operation_names(),
        "origin": entry.origin,
        "problem": entry.problem,
        "notes": notes,
    }


def _type(name: str) -> DatasourceType:
    try:
        model = load_type(name).config_model
    except AnalysisSandboxError as error:
        return DatasourceType(type=name, problem=error.message)
    return DatasourceType(
        type=name,
        description=" ".join((model.__doc__ or "").split()),
        config_schema=model.model_json_schema(),
        secrets=secret_names(model),
    )


def _check_name(name: str) -> None:
    problem = None
    if len(name) > _LONGEST_NAME or not NAME.fullmatch(name):
        problem = (
            f"must be at most {_LONGEST_NAME} letters, digits and _, not beginning with a digit"
        )
    elif name in _RESERVED:
        problem = "is reserved"
    if problem:
        raise ValidationFailedError(f"The name {problem}", fields={"name": problem})


def _with_access(config: Mapping[str, object], access: Access | None) -> JSONObject:
    values = cast("JSONObject", dict(config))
    if access is not None:
        values["access"] = access
    return values


def _fields(checked: CheckedFields) -> DatasourceFields:
    plain = {name: value for name, value in checked.plain.items() if name != "access"}
    return DatasourceFields(
        access=checked.config.access,
        config=plain,
        secrets=checked.secrets,
        secret_names=sorted(leaf_names(checked.secrets)),
    )
