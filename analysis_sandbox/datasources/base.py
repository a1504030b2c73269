"""The contract between a datasource type and those who use datasources.

Authors of a type need this module and `analysis_sandbox.errors`, and an entry point in the group
`analysis_sandbox.datasources`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from analysis_sandbox.errors import ReadOnlyError, UnsupportedOperationError
from analysis_sandbox.limits import DEFAULT_LIMITS
from analysis_sandbox.values import EncodedJSON, JSONObject

Access = Literal["read_only", "read_write"]
Operation: TypeAlias = Callable[..., object]
# Gives one chunk after the other and releases everything when it is closed; holds one chunk.
Stream: TypeAlias = Generator[object, None, None]
StreamOpener: TypeAlias = Callable[..., Stream]
WriteMode = Literal["append", "replace", "error"]
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
        self, sql: str, params: object = (), *, batch_rows: int = 65_536
    ) -> AbstractContextManager[ArrowReader]:
        """Stream a query's rows under one schema fixed beforehand; holds one batch at a time.

        `params` are the statement's values, in order or by name. Further keyword-only parameters
        are what a script's load may say beside them.
        """
        ...


@runtime_checkable
class ArrowWritable(Protocol):
    """A datasource that tables can be written to, with `access: read_write` only."""

    def write_arrow(self, target: str, reader: ArrowReader, *, mode: WriteMode = "append") -> int:
        """Write the rows of a reader to a table, or to an object by its key; return their number.

        `append` makes the table when there is none; `replace` makes it anew; `error` refuses an
        existing one. Where the database has transactions, all of it or nothing is written.
        """
        ...


@runtime_checkable
class Streaming(Protocol):
    """A datasource that gives large answers chunk by chunk.

    A chunk of rows is an `EncodedJSON` array. A stream is bounded by the run that reads it, each of
    its chunks by the datasource's own time limit.
    """

    @classmethod
    def stream_names(cls, config: DatasourceConfig) -> Sequence[str]:
        """Return the names a script uses, such as `stream`. Connects to nothing."""
        ...

    def streams(self) -> Mapping[str, StreamOpener]:
        """Return by name what opens a stream when it is called with a script's arguments."""
        ...


@runtime_checkable
class Describable(Protocol):
    """A datasource that can say what it holds."""

    def catalog(self) -> Sequence[JSONObject]:
        """Return what there is, each with `name` and `kind`.

        SQL has tables and views (with `schema`), object storage prefixes and objects, an API
        operations.
        """
        ...

    def describe(self, name: str) -> JSONObject:
        """Return one entry in full: the columns with type and nullability, or the parameters.

        Raises:
            NotFoundError: there is none of this name; the message has the nearest.
        """
        ...

    def sample(self, name: str, *, limit: int = 10) -> EncodedJSON:
        """Return the first rows of an entry that has rows.

        Raises:
            UnsupportedOperationError: the entry has none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether it holds, and what that means or what to do."""

    name: str
    ok: bool
    detail: str


@runtime_checkable
class Testable(Protocol):
    """A datasource that can be tested before it is used."""

    def test(self) -> Sequence[Check]:
        """Connect and look at each layer that keeps a read-only datasource read-only.

        The first check is `connection`; what fails becomes a check that does not hold, no error.
        """
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


def find_stream(datasource: Datasource, stream: str, *, name: str) -> StreamOpener:
    """Return what opens a stream, by name.

    Raises:
        UnsupportedOperationError: the type does not have it; the message lists what it offers.
    """
    offered: Mapping[str, StreamOpener] = {}
    if isinstance(datasource, Streaming):
        offered = datasource.streams()
    if stream in offered:
        return offered[stream]
    kind = type(datasource).type_name
    raise UnsupportedOperationError(
        f"Datasource {name!r} ({kind}) has no stream {stream!r}; "
        f"it offers: {', '.join(sorted(offered)) or 'none'}",
        details={"type": kind, "streams": sorted(offered)},
    )


def read_only_error(name: str, reason: str) -> ReadOnlyError:
    """Return the error for a write to a read-only datasource, with what made it one."""
    return ReadOnlyError(
        f"Datasource '{name}' is read-only; ask an administrator to set access: read_write",
        hint=f"Taken for a write: {reason}.",
        details={"datasource": name, "reason": reason},
    )
