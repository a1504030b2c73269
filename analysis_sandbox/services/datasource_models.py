"""What is answered about datasources. No secret is in any of it, and no value of one."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from analysis_sandbox.services.models import Answer

Access = Literal["read_only", "read_write"]


class DatasourceSummary(Answer):
    """One datasource, as everybody may see it."""

    name: str
    type: str
    access: Access
    operations: list[str] = Field(description="What a script may call.")
    origin: Literal["file", "stored"] = Field(description="file: datasources.yaml has it.")
    problem: str | None = Field(default=None, description="Why it cannot be used.")
    notes: list[str] = Field(default_factory=list[str])


class DatasourceDetail(DatasourceSummary):
    """One datasource; managers see what it is configured with, but never a secret."""

    config: dict[str, Any] | None = Field(
        default=None, description="Without its secrets; null where it may not be seen."
    )
    secrets: list[str] = Field(
        default_factory=list[str], description="The secrets that are set, by name."
    )
    version: int | None = Field(default=None, description="Rises with every change.")
    used_by: list[str] = Field(
        default_factory=list[str], description="The analyses that declare it."
    )
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None


class DatasourceList(Answer):
    """The datasources of a project."""

    datasources: list[DatasourceSummary]
    problem: str | None = Field(
        default=None, description="What is wrong with datasources.yaml, where it is not in effect."
    )


class DatasourceType(Answer):
    """A type of datasource: what it can be configured with."""

    type: str
    description: str = ""
    config_schema: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="JSON Schema of `config`."
    )
    secrets: list[str] = Field(
        default_factory=list[str],
        description="Fields that are stored encrypted and never shown; `*` is any name.",
    )
    problem: str | None = Field(default=None, description="Why it cannot be used here.")


class DatasourceRemoved(Answer):
    """A datasource that is gone."""

    success: bool = True
    name: str
    used_by: list[str] = Field(
        default_factory=list[str], description="Analyses that declare it, and fail from now on."
    )


class DatasourceCheck(Answer):
    """One thing that was looked at: whether it holds, and what that means or what to do."""

    name: str
    ok: bool
    detail: str


class DatasourceTest(Answer):
    """What a test found; `connected` is what matters, the checks tell the rest."""

    name: str
    type: str
    connected: bool
    ok: bool = Field(description="Every check holds.")
    checks: list[DatasourceCheck]


class DatasourceCatalog(Answer):
    """What a datasource holds: tables, objects or operations, each with `name` and `kind`."""

    name: str
    entries: list[dict[str, Any]]
    total: int = Field(description="How many there are that match.")
    truncated: bool = Field(description="There are more than are shown.")


class DatasourceSample(Answer):
    """The first rows of an entry."""

    name: str
    entry: str
    rows: list[Any]


class SecretRotation(Answer):
    """What a change of the key did."""

    success: bool = True
    reencrypted: int
    unreadable: list[str] = Field(
        default_factory=list[str],
        description="Datasources whose secrets nobody could read; they must be given again.",
    )
    key: str = Field(description="Where the key is now.")
