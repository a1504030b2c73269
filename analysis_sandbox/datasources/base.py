"""The contract between a datasource type and those who use datasources.

Authors of a type need this module and `analysis_sandbox.errors`, and an entry point in the group
`analysis_sandbox.datasources`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from analysis_sandbox.errors import ReadOnlyError, UnsupportedOperationError
from analysis_sandbox.limits import DEFAULT_LIMITS

Access = Literal["read_only", "read_write"]
Operation: TypeAlias = Callable[..., object]
# A pyarrow.RecordBatchReader; pyarrow has no type information.
ArrowReader: TypeAlias = Any


class DatasourceConfig(BaseModel):
    """What every type can be configured with. Types add their own fields; secrets are SecretStr."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    access: Access = "read_only"


class SQLDatasourceConfig(DatasourceConfig):
    """What every SQL type can be configured with."""

    query_timeout_seconds: float = Field(default=30, gt=0, le=1800)
    pool_size: int = Field(default=4, ge=1, le=64)
    max_result_mb: float = Field(default=DEFAULT_LIMITS.frame_mb, gt=0, le=1024)

    @property
    def max_result_bytes(self) -> int:
        """Largest result of one query as JSON; more is loaded as a table instead."""
        return int(self.max_result_mb * (1 << 20))


class Datasource(Protocol):
    """One configured datasource of one project, used from several threads at once.

    A script reaches the names in `operations()` and nothing else: names are looked up in that
    mapping, text from a script never becomes an attribute.
    """

    type_name: ClassVar[str]
    config_model: ClassVar[type[DatasourceConfig]]

    @classmethod
    def operation_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return what a datasource configured like this offers. Connects to nothing."""
        ...

    @classmethod
    def open(cls, config: DatasourceConfig, *, name: str) -> Self:
        """Return the datasource. The first operation connects; `name` is for messages."""
        ...

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations by the name a script uses, such as `query`."""
        ...

    def cancel(self) -> None:
        """Stop, at the server, whatever runs now: it fails with `CancelledError`. Any thread."""
        ...

    def close(self) -> None:
        """Release every connection, those in use when they are done. Closing twice is allowed."""
        ...


@runtime_checkable
class ArrowReadable(Protocol):
    """A datasource whose rows can be streamed as tables."""

    def read_arrow(
        self, sql: str, params: Sequence[object] = (), *, batch_rows: int = 65_536
    ) -> AbstractContextManager[ArrowReader]:
        """Stream a query's rows under one schema fixed beforehand; holds one batch at a time."""
        ...


def find_operation(datasource: Datasource, operation: str, *, name: str) -> Operation:
    """Return an operation by name.

    Raises:
        ReadOnlyError: the type has it, but only with `access: read_write`.
        UnsupportedOperationError: the type does not have it; the message lists what it offers.
    """
    offered = datasource.operations()
    if operation in offered:
        return offered[operation]
    kind = type(datasource)
    if operation in getattr(kind, "write_operations", ()):
        raise read_only_error(name, f"{operation} writes")
    raise UnsupportedOperationError(
        f"Datasource {name!r} ({kind.type_name}) has no operation {operation!r}; "
        f"it offers: {', '.join(sorted(offered))}",
        details={"type": kind.type_name, "operations": sorted(offered)},
    )


def read_only_error(name: str, reason: str) -> ReadOnlyError:
    """Return the error for a write to a read-only datasource, with what made it one."""
    return ReadOnlyError(
        f"Datasource '{name}' is read-only; ask an administrator to set access: read_write",
        hint=f"Taken for a write: {reason}.",
        details={"datasource": name, "reason": reason},
    )
