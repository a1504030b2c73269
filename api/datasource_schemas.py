"""The bodies HTTP takes about datasources."""

from typing import Any

from pydantic import Field

from analysis_sandbox.services.datasource_models import Access
from api.schemas import RequestBody


class AddDatasourceRequest(RequestBody):
    """A new datasource."""

    name: str = Field(description="What scripts call it.", examples=["postgres_main"])
    type: str = Field(examples=["postgresql"])
    access: Access | None = Field(default=None, description="read_only, unless stated.")
    config: dict[str, Any] = Field(
        description="As the type's schema says. Secrets are stored encrypted and never shown.",
        examples=[{"url": "postgresql://user:password@db.example.org:5432/shop"}],
    )


class ChangeDatasourceRequest(RequestBody):
    """What a datasource is configured with from now on."""

    access: Access | None = Field(default=None, description="Stays when it is not given.")
    config: dict[str, Any] | None = Field(
        default=None,
        description="Replaces what may be shown; a secret stays when it is not named, and null "
        "takes it away. All of it stays when this is not given.",
        examples=[{"query_timeout_seconds": 60}],
    )
    version: int | None = Field(
        default=None, description="Refuse, with 409, when it is at another version by now."
    )
