"""Which of our errors an error of the server, or of the way to it, is."""

import re

from analysis_sandbox.datasources.base import read_only_error
from analysis_sandbox.datasources.clickhouse.config import ClickHouseConfig
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    QueryError,
    UnavailableError,
)

_LONGEST_MESSAGE = 1000
_EXCEPTION = re.compile(r"Code: (\d+)\.\s*(?:DB::\w*Exception|Coordination::Exception): ")
_TRAILER = re.compile(r"\s*\(version \d[^()]*(?:\([^()]*\))?[^()]*\)\s*$")
_LATE = frozenset({159, 160})
_READ_ONLY = 164
# Memory, rows and bytes to read.
_TOO_MUCH = frozenset({158, 241, 307})
_RESULT_TOO_LARGE = 396
# The user, the password or the address is refused.
_NOT_LET_IN = frozenset({192, 193, 194, 195, 516, 519, 531})
# The server, not the statement, is the trouble: too many statements, its network, its keeper, its
# disks, its start or its end.
_AWAY = frozenset(
    {
        *(202, 209, 210, 225, 236, 242, 243, 252, 279, 285, 286, 319, 399, 439, 456, 659, 745),
        *(999,),
    }
)


class Failures:
    """The errors of one datasource; no message has its password."""

    def __init__(self, config: ClickHouseConfig, *, name: str, secret: str) -> None:
        self.name = name
        self._config = config
        self._secret = secret

    def unreachable(self, reason: object) -> UnavailableError:
        """Return the error for a server that cannot be reached or does not let us in."""
        return UnavailableError(
            f"Cannot connect to datasource {self.name!r}: {self._told(reason)}",
            hint="Check that the database is up and what datasources.yaml says of it.",
            details={"datasource": self.name},
        )

    def went_away(self, reason: object, *, code: int = 0) -> UnavailableError:
        """Return the error for a connection that was lost, or a server in trouble."""
        return UnavailableError(
            f"Datasource {self.name!r} went away: {self._told(reason)}",
            hint="Try again when the database is back.",
            details={"datasource": self.name, "code": code},
        )

    def cancelled(self) -> CancelledError:
        """Return the error for a statement that somebody stopped."""
        return CancelledError(f"The statement on datasource {self.name!r} was cancelled")

    def late(self) -> LimitExceededError:
        """Return the error for a statement, or a batch of its rows, that took too long."""
        seconds = self._config.query_timeout_seconds
        return LimitExceededError(
            f"The statement on datasource {self.name!r} ran longer than {seconds:g} s",
            hint="Make it faster, or raise query_timeout_seconds in datasources.yaml.",
            details={"datasource": self.name, "query_timeout_seconds": seconds},
        )

    def refused(self, text: str, *, code: int = 0, status: int = 200) -> AnalysisSandboxError:
        """Return the error for what the server wrote instead of an answer."""
        found = _EXCEPTION.search(text)
        code = code or (int(found.group(1)) if found else 0)
        message = _TRAILER.sub("", text[found.end() :] if found else text)
        if code in _LATE:
            return self.late()
        if code in _NOT_LET_IN or (not found and status in (401, 403)):
            return self.unreachable(message or f"HTTP status {status}")
        if code in _AWAY or (not found and status != 200):
            return self.went_away(message or f"HTTP status {status}", code=code)
        return self._of_statement(message, code)

    def _of_statement(self, message: str, code: int) -> AnalysisSandboxError:
        told = f"Datasource {self.name!r}: {self._told(message)}"
        details = {"datasource": self.name, "code": code}
        if code == _READ_ONLY and self._config.access == "read_only":
            return read_only_error(self.name, self._told(message))
        if code == _RESULT_TOO_LARGE:
            return self._too_large(message)
        if code in _TOO_MUCH:
            hint = "Aggregate in the query, or add a LIMIT."
            return LimitExceededError(told, hint=hint, details=details)
        return QueryError(told, details=details)

    def _too_large(self, message: str) -> LimitExceededError:
        return LimitExceededError(
            f"The result is larger than {self._config.max_result_mb:.1f} MB",
            hint=f"Aggregate in the query, or add a LIMIT. The server: {self._told(message)}",
            details={"datasource": self.name, "max_bytes": self._config.max_result_bytes},
        )

    def _told(self, reason: object) -> str:
        text = str(reason).strip() or type(reason).__name__
        text = text.replace(self._secret, "***") if self._secret else text
        return " ".join(text.split())[:_LONGEST_MESSAGE]


def exception_in(tail: bytes, tag: str | None) -> str | None:
    """Return the exception that a server put at the end of an answer it had begun, if there is one.

    Newer servers frame it with a tag that data cannot know; of older ones the text is looked for.
    """
    if tag is not None:
        _, found, rest = tail.partition(f"__exception__\r\n{tag}\r\n".encode())
        if not found:
            return None
        text = rest.partition(f" {tag}\r\n__exception__".encode())[0]
        return text.rpartition(b"\n")[0].decode("utf-8", "replace").strip()
    text = tail.decode("utf-8", "replace")
    starts = [found.start() for found in _EXCEPTION.finditer(text)]
    return text[starts[-1] :].strip() if starts else None
