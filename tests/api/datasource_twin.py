"""Datasources in memory, with as much behaviour as faces show."""

from collections.abc import Mapping
from typing import Any, Literal

from analysis_sandbox.errors import ConflictError, NotFoundError, ValidationFailedError
from analysis_sandbox.services.access import Principal, Role
from analysis_sandbox.services.datasource_models import (
    Access,
    DatasourceCatalog,
    DatasourceCheck,
    DatasourceDetail,
    DatasourceList,
    DatasourceRemoved,
    DatasourceSample,
    DatasourceSummary,
    DatasourceTest,
    DatasourceType,
    SecretRotation,
)
from analysis_sandbox.services.datasources import DatasourceService
from analysis_sandbox.services.discovery import DiscoveryService


class MemoryDatasources(DatasourceService):
    """Datasources of the type `notes`: an `address`, a `key` and a `login.token` that are secret.

    `filed` is what datasources.yaml has; `users` are the analyses that use one, by its name.
    """

    secrets = ("key", "login.token")

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.details: dict[str, DatasourceDetail] = {}
        self.filed: list[str] = ["shop"]
        self.users: dict[str, list[str]] = {}
        self.rotations = 0

    def list_datasources(self, caller: Principal) -> DatasourceList:
        filed = [_described(name, origin="file") for name in self.filed]
        found = [*filed, *self.details.values()]
        return DatasourceList(
            datasources=[
                DatasourceSummary.model_validate(
                    one.model_dump(include=set(DatasourceSummary.model_fields))
                )
                for one in sorted(found, key=lambda one: one.name)
            ]
        )

    def get_datasource(self, caller: Principal, name: str) -> DatasourceDetail:
        if name in self.filed:
            return _described(name, origin="file")
        if name not in self.details:
            raise NotFoundError(f"Datasource '{name}' not found", hint="Configured: shop.")
        detail = self.details[name]
        if caller.role >= Role.MANAGER:
            return detail
        return detail.model_copy(update={"config": None, "secrets": []})

    def types(self, caller: Principal) -> list[DatasourceType]:
        schema = {
            "properties": {
                "address": {"type": "string"},
                "key": {"type": "string", "writeOnly": True},
                "pages": {"type": "integer"},
            },
            "required": ["address", "key"],
        }
        return [
            DatasourceType(type="notes", config_schema=schema, secrets=["headers.*", *self.secrets])
        ]

    def add(
        self,
        caller: Principal,
        name: str,
        *,
        type_name: str,
        access: Access | None = None,
        config: Mapping[str, object],
    ) -> DatasourceDetail:
        caller.require(Role.MANAGER)
        if type_name != "notes" or not name.isidentifier():
            raise ValidationFailedError("Not valid", fields={"type": "must be one of notes"})
        if name in self.stored or name in self.filed:
            raise ConflictError(f"A datasource '{name}' exists already")
        return self._keep(name, dict(config), access or "read_only", version=1)

    def update(
        self,
        caller: Principal,
        name: str,
        *,
        access: Access | None = None,
        config: Mapping[str, object] | None = None,
        version: int | None = None,
    ) -> DatasourceDetail:
        caller.require(Role.MANAGER)
        before = self.get_datasource(caller, name)
        if version is not None and version != before.version:
            raise ConflictError(f"'{name}' is at version {before.version} by now")
        kept = {key: self.stored[name][key] for key in ("key",) if key in self.stored[name]}
        values = self.stored[name] if config is None else {**kept, **config}
        return self._keep(
            name, dict(values), access or before.access, version=(before.version or 0) + 1
        )

    def remove(
        self, caller: Principal, name: str, *, force: bool = False, version: int | None = None
    ) -> DatasourceRemoved:
        caller.require(Role.MANAGER)
        self.get_datasource(caller, name)
        users = self.users.get(name, [])
        if name in self.filed or (users and not force):
            raise ConflictError(f"Datasource '{name}' is used by {', '.join(users)}")
        del self.stored[name], self.details[name]
        return DatasourceRemoved(name=name, used_by=users)

    def rotate_secrets(self, caller: Principal) -> SecretRotation:
        caller.require(Role.ADMIN)
        self.rotations += 1
        return SecretRotation(reencrypted=len(self.stored), key="/home/secret-key")

    def _keep(
        self, name: str, values: dict[str, Any], access: Access, *, version: int
    ) -> DatasourceDetail:
        if "address" not in values:
            raise ValidationFailedError(
                "The datasource is not valid: address: Field required",
                fields={"address": "Field required"},
            )
        self.stored[name] = values
        plain = {key: value for key, value in values.items() if key not in ("key", "login")}
        self.details[name] = _described(name).model_copy(
            update={
                "access": access,
                "config": plain,
                "secrets": [key for key in ("key", "login") if key in values],
                "version": version,
                "used_by": self.users.get(name, []),
            }
        )
        return self.details[name]


class MemoryDiscovery(DiscoveryService):
    """Three notes in each datasource; `broken` cannot be connected to."""

    def __init__(self, datasources: MemoryDatasources) -> None:
        self._datasources = datasources

    def test(self, caller: Principal, name: str) -> DatasourceTest:
        caller.require(Role.MANAGER)
        ok = self._datasources.get_datasource(caller, name).name != "broken"
        check = DatasourceCheck(name="connection", ok=ok, detail="answers" if ok else "Nobody")
        role = DatasourceCheck(name="role", ok=False, detail="may write")
        return DatasourceTest(name=name, type="notes", connected=ok, ok=False, checks=[check, role])

    def catalog(
        self, caller: Principal, name: str, *, search: str = "", limit: int = 1000
    ) -> DatasourceCatalog:
        caller.require(Role.RUNNER)
        self._datasources.get_datasource(caller, name)
        found = [f"note/{number}" for number in range(3) if search in f"note/{number}"]
        entries = [{"name": one, "kind": "note"} for one in found[:limit]]
        return DatasourceCatalog(
            name=name, entries=entries, total=len(found), truncated=len(found) > limit
        )

    def describe(self, caller: Principal, name: str, entry: str) -> dict[str, Any]:
        if entry not in [one["name"] for one in self.catalog(caller, name).entries]:
            raise NotFoundError(f"There is no '{entry}'")
        columns = [{"name": "text", "type": "text", "nullable": True}]
        return {"name": entry, "kind": "note", "columns": columns}

    def sample(
        self, caller: Principal, name: str, entry: str, *, limit: int = 10
    ) -> DatasourceSample:
        self.describe(caller, name, entry)
        rows = [{"text": f"line {number}"} for number in range(limit)]
        return DatasourceSample(name=name, entry=entry, rows=rows)


def _described(name: str, *, origin: Literal["file", "stored"] = "stored") -> DatasourceDetail:
    return DatasourceDetail(
        name=name, type="notes", access="read_only", operations=["read"], origin=origin
    )
