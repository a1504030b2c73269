"""The bodies HTTP takes and gives that are not the services' own answers."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["javascript", "typescript"]
_LANGUAGE = "Found out from the text when it is not given."
_SCRIPT = (
    "export default {\n"
    "  title: 'Monthly Sales Report',\n"
    "  dependencies: { datasources: ['postgres_main'] },\n"
    "  parameters: { month: { type: 'date', required: true } },\n"
    "  async run(ctx, params) {\n"
    "    const db = ctx.datasource('postgres_main');\n"
    "    return { rows: await db.query('SELECT 1 AS n') };\n"
    "  },\n"
    "};\n"
)


class ErrorBody(BaseModel):
    """What went wrong. `code` is stable; the message and the hint are for people."""

    code: str = Field(examples=["NOT_FOUND"])
    message: str = Field(examples=["Analysis 'monthly_report' not found"])
    hint: str | None = Field(default=None, description="What to do next.")
    details: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="Facts for programs: `fields` names what is wrong with each field.",
    )
    timestamp: datetime
    request_id: str = Field(description="Also in the header X-Request-ID, and in every log line.")


class ErrorEnvelope(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorBody


class RequestBody(BaseModel):
    """Base of every request body; an unknown field is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateRequest(RequestBody):
    """A new analysis."""

    script_content: str = Field(description="JavaScript or TypeScript.", examples=[_SCRIPT])
    metadata: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="name (the id; else derived from the title), description, tags, owners, "
        "limits, packages (npm packages that the script may import), language",
        examples=[{"name": "monthly_report", "tags": ["sales"]}],
    )


class UpdateRequest(RequestBody):
    """The next version of an analysis."""

    script_content: str = Field(description="JavaScript or TypeScript.", examples=[_SCRIPT])
    change_description: str = Field(default="", examples=["Added customer filter parameter"])
    language: Language | None = Field(default=None, description=_LANGUAGE)
    packages: list[str] | None = Field(
        default=None,
        description="npm packages that the script may import, as name or name@range; those of the "
        "analysis stay when this is not given.",
        examples=[["csv-parse@^5.6.0"]],
    )


class ValidateRequest(RequestBody):
    """A script to check; nothing is stored."""

    script_content: str = Field(description="JavaScript or TypeScript.", examples=[_SCRIPT])
    language: Language | None = Field(default=None, description=_LANGUAGE)
    packages: list[str] | None = Field(
        default=None, description="npm packages that the script may import."
    )


class ExecuteRequest(RequestBody):
    """The parameters of a run."""

    parameters: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        examples=[{"month": "2024-01", "category": "electronics", "city": "nyc"}],
    )


class OptionsRequest(RequestBody):
    """The values a form holds so far."""

    current_params: dict[str, Any] = Field(
        default_factory=dict[str, Any], examples=[{"country": "USA", "month": "2024-01"}]
    )


class WarehouseQueryRequest(RequestBody):
    """One statement for the warehouse."""

    sql: str = Field(
        examples=["SELECT day, sum(amount) AS total FROM sales WHERE city = ? GROUP BY 1"]
    )
    params: list[Any] | dict[str, Any] | None = Field(
        default=None,
        description="An array for `?` and `$1`, an object for `$name`.",
        examples=[["Oslo"]],
    )
    timeout_ms: int | None = Field(
        default=None, ge=1, description="The time limit of a run when it is not given."
    )
    read_only: bool = Field(
        default=False, description="Refuse whatever changes data, by the statement and the engine."
    )


class WarehouseExecuteRequest(RequestBody):
    """One or more statements for the warehouse."""

    sql: str = Field(
        description="Separated by semicolons. A transaction begins and ends within the text.",
        examples=["BEGIN; UPDATE queue SET status = 'done' WHERE id = 7; COMMIT"],
    )
    params: list[Any] | dict[str, Any] | None = Field(
        default=None, description="With them the text is one statement."
    )
    timeout_ms: int | None = Field(
        default=None, ge=1, description="The time limit of a run when it is not given."
    )


class Health(BaseModel):
    """The process is alive."""

    status: str = Field(default="ok", examples=["ok"])


class Readiness(BaseModel):
    """Every part works."""

    status: str = Field(default="ready", examples=["ready"])
    parts: list[str] = Field(description="The parts that were asked.")
