"""Errors as tool errors: a text for the model, and the same facts in structured form."""

import logging

import pydantic_core
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field, ValidationError

from analysis_sandbox.errors import AnalysisSandboxError

_log = logging.getLogger(__name__)


class Failure(BaseModel):
    """What a failed call tells the agent, so that it can repair the call or the script."""

    code: str
    message: str
    hint: str | None = None
    transient: bool = Field(default=False, description="True when the same call may succeed later.")
    fields: dict[str, str] = Field(default_factory=dict[str, str])
    errors: list[str] = Field(default_factory=list[str])
    line: int | None = None
    column: int | None = None
    details: dict[str, object] = Field(default_factory=dict[str, object])


def failed_call(error: ToolError, *, tool: str) -> CallToolResult:
    """Return the result of a call that raised; the text of unknown errors stays in the log."""
    failure = _failure(error, tool)
    return CallToolResult(
        content=[TextContent(type="text", text=_text(failure))],
        structured_content={
            "error": pydantic_core.to_jsonable_python(
                failure.model_dump(), fallback=str, inf_nan_mode="null"
            )
        },
        is_error=True,
    )


def _failure(error: ToolError, tool: str) -> Failure:
    cause = error.__cause__
    if isinstance(cause, AnalysisSandboxError):
        facts = cause.facts()
        return Failure.model_validate(
            {
                "code": cause.code,
                "message": cause.message,
                "hint": cause.hint,
                "transient": cause.transient,
                **{
                    name: facts.pop(name)
                    for name in ("fields", "errors", "line", "column")
                    if name in facts
                },
                "details": facts,
            }
        )
    if isinstance(cause, ValidationError) and not isinstance(error, UnexpectedToolError):
        fields = {".".join(map(str, item["loc"])): item["msg"] for item in cause.errors()}
        return Failure(
            code="VALIDATION_ERROR",
            message=f"The arguments of {tool} are not valid",
            hint="See the tool's input schema.",
            fields=fields,
        )
    if not isinstance(error, UnexpectedToolError):
        return Failure(code="NOT_FOUND", message=str(error))
    _log.error("Tool %s failed", tool, exc_info=cause)
    return Failure(
        code="INTERNAL_ERROR",
        message=f"{tool} failed unexpectedly",
        hint="The server's log has the cause.",
    )


def _text(failure: Failure) -> str:
    lines = [f"{failure.code}: {failure.message}"]
    lines += [f"- {name}: {reason}" for name, reason in failure.fields.items()]
    lines += [f"- {reason}" for reason in failure.errors if len(failure.errors) > 1]
    if failure.line is not None:
        column = f", column {failure.column}" if failure.column is not None else ""
        lines.append(f"At line {failure.line}{column} of the script.")
    if failure.hint:
        lines.append(failure.hint)
    return "\n".join(lines)
