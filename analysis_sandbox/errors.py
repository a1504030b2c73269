"""Every error this package raises on purpose.

AnalysisSandboxError
├── TerminalError                      a retry would fail in the same way
│   ├── ValidationFailedError          input that names what is wrong with each field
│   │   └── ScriptInvalidError         a script that cannot be stored, with every reason
│   ├── NotFoundError
│   ├── ConflictError
│   ├── UnauthenticatedError
│   ├── ForbiddenError
│   ├── ConfigurationError             settings, datasources.yaml, ports, versions
│   ├── MissingDependencyError
│   ├── UnsupportedOperationError
│   ├── QueryError                     the database refused the statement
│   ├── StatementRefusedError          we refused the statement
│   ├── ReadOnlyError
│   ├── ScriptError                    the script threw, or did what it must not
│   ├── TimeLimitError
│   ├── MemoryLimitError
│   ├── ResultTooLargeError
│   ├── LimitExceededError             any other limit, with the figure used and allowed
│   └── CancelledError
└── TransientError                     a retry may succeed
    ├── UnavailableError               a database, the warehouse or a process is away
    ├── WriteConflictError             two transactions wrote the same row
    └── CrashError                     a process died under the run
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

Details = Mapping[str, object]


class AnalysisSandboxError(Exception):
    """Base class. `code` is stable and machine-readable; the message is for people.

    `hint` is the next step for the reader; `details` are facts for programs. Neither ever holds
    a secret.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    transient: ClassVar[bool] = False

    def __init__(
        self, message: str, *, hint: str | None = None, details: Details | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: Details = details or {}

    def facts(self) -> dict[str, object]:
        """Return `details` with what the class knows besides; a new dictionary."""
        return dict(self.details)


class TerminalError(AnalysisSandboxError):
    """A retry would fail in the same way."""


class TransientError(AnalysisSandboxError):
    """A retry may succeed, for example once a database is reachable again."""

    transient = True


class ValidationFailedError(TerminalError):
    """Input that is wrong; `fields` maps each field's name to what is wrong with it."""

    code = "VALIDATION_ERROR"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields or {})
        super().__init__(message, details={"fields": self.fields} if self.fields else None)


class ScriptInvalidError(ValidationFailedError):
    """A script that cannot be stored; `errors` holds every reason, not only the first."""

    code = "SCRIPT_INVALID"

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        super().__init__("The script is not valid: " + "; ".join(self.errors))
        self.details = {"errors": self.errors}


class NotFoundError(TerminalError):
    """The named thing does not exist, or not in the caller's project."""

    code = "NOT_FOUND"


class ConflictError(TerminalError):
    """The request contradicts what is stored."""

    code = "CONFLICT"


class UnauthenticatedError(TerminalError):
    """No token, or one that is unknown, revoked or expired."""

    code = "UNAUTHENTICATED"


class ForbiddenError(TerminalError):
    """The token's role does not allow this."""

    code = "FORBIDDEN"


class ConfigurationError(TerminalError):
    """The installation cannot work as it is set up; the message says what to change."""

    code = "CONFIGURATION_ERROR"


class MissingDependencyError(TerminalError):
    """A package or extra is not installed; the hint is the command that installs it."""

    code = "MISSING_DEPENDENCY"


class UnsupportedOperationError(TerminalError):
    """The script called an operation that this datasource type does not offer."""

    code = "UNSUPPORTED_OPERATION"


class QueryError(TerminalError):
    """The database refused the statement."""

    code = "QUERY_FAILED"


class StatementRefusedError(TerminalError):
    """The statement is not allowed here: not understood, more than one, or out of bounds."""

    code = "STATEMENT_REFUSED"


class ReadOnlyError(TerminalError):
    """A write to a datasource whose `access` is `read_only`."""

    code = "READ_ONLY"


class ScriptError(TerminalError):
    """The script threw, or returned what it must not.

    `name` is the JavaScript error's name; `stack`, `line` and `column` speak of the script's own
    lines (1-based).
    """

    code = "SCRIPT_ERROR"

    def __init__(
        self,
        message: str,
        *,
        name: str = "Error",
        stack: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.stack = stack
        self.line = line
        self.column = column

    def facts(self) -> dict[str, object]:
        """Return `details` with the JavaScript error's name, place and stack as far as known."""
        place = {"name": self.name, "line": self.line, "column": self.column, "stack": self.stack}
        return super().facts() | {key: fact for key, fact in place.items() if fact is not None}


class TimeLimitError(ScriptError):
    """The script ran longer than `timeout_ms`."""

    code = "TIME_LIMIT_EXCEEDED"


class MemoryLimitError(ScriptError):
    """The script needed more than `memory_mb`."""

    code = "MEMORY_LIMIT_EXCEEDED"


class CancelledError(ScriptError):
    """Somebody stopped the run."""

    code = "CANCELLED"


class ResultTooLargeError(TerminalError):
    """The result is larger than `result_size_mb`."""

    code = "RESULT_TOO_LARGE"


class LimitExceededError(TerminalError):
    """A limit other than time, memory and result size; the message has both figures."""

    code = "LIMIT_EXCEEDED"


class UnavailableError(TransientError):
    """A database, the warehouse or one of our processes cannot be reached."""

    code = "UNAVAILABLE"


class WriteConflictError(TransientError):
    """Two transactions wrote the same row; the later one was rolled back."""

    code = "WRITE_CONFLICT"


class CrashError(TransientError):
    """A process died under the run."""

    code = "CRASHED"
