"""JSON log lines on stderr; a line written during a request carries the request's id."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import cast

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered; worker threads inherit it."""


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, request_id and given `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := REQUEST_ID.get()) is not None:
            line["request_id"] = request_id
        line |= cast("dict[str, object]", getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Send every log line of this process to stderr as JSON.

    Uvicorn's own handlers go, and so does its access log: ours has the request's id. The MCP SDK
    says too much below WARNING.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
    logging.getLogger("mcp").setLevel(logging.WARNING)
