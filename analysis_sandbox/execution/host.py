"""What `ctx` reaches during one run: the allow-list of host functions, bound to that run."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.execution.conversions import utils_functions
from analysis_sandbox.execution.display import Displays
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.execution.progress import Progress
from analysis_sandbox.execution.scratch import ScratchAccess
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.execution.streams import Streams
from analysis_sandbox.execution.warehouse import WarehouseAccess
from analysis_sandbox.formats import intl
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.supervisor import HostFunctions

# What the web allows too.
_MOST_RANDOM_BYTES = 65_536
Functions = Mapping[str, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class MetadataAccess:
    """`ctx.metadata`, bound to one analysis: reads, writes and what this run wrote."""

    get: Callable[[str], object]
    set: Callable[[str, object], None]
    has: Callable[[str], bool]
    delete: Callable[[str], bool]
    list: Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class RunParts:
    """What one run works with; whoever makes them closes them."""

    datasources: DatasourceAccess
    streams: Streams
    warehouse: WarehouseAccess
    scratch: ScratchAccess
    frames: Frames
    metadata: MetadataAccess
    displays: Displays
    progress: Progress
    limits: Limits


def full_host(
    parts: RunParts,
    *,
    run_analysis: Callable[[str, object], object],
    log: Callable[[str, str], None],
) -> HostFunctions:
    """Return everything a `run` may call."""
    warehouse, scratch, metadata = parts.warehouse, parts.scratch, parts.metadata
    return HostFunctions(
        asynchronous={
            **parts.frames.asynchronous(datasources=parts.datasources, warehouse=warehouse),
            **parts.streams.asynchronous(),
            "datasource.call": parts.datasources.call,
            **warehouse.functions(),
            "scratch.query": scratch.query,
            "scratch.load": scratch.load,
            "runAnalysis": run_analysis,
        },
        synchronous={
            **_pure(parts.limits),
            **parts.frames.synchronous(),
            "metadata.get": metadata.get,
            "metadata.set": metadata.set,
            "metadata.has": metadata.has,
            "metadata.delete": metadata.delete,
            "metadata.list": metadata.list,
            "display.table": parts.displays.add_table,
            "display.chart": parts.displays.add_chart,
            "progress": parts.progress.tell,
        },
        log=log,
    )


def read_only_host(
    *,
    datasources: DatasourceAccess,
    streams: Streams,
    frames: Frames,
    limits: Limits,
    log: Callable[[str, str], None],
) -> HostFunctions:
    """Return what an options function may call: reads of the declared datasources."""
    return HostFunctions(
        asynchronous={
            **frames.asynchronous(datasources=datasources, warehouse=None),
            **streams.asynchronous(),
            "datasource.call": datasources.call,
        },
        synchronous={**_pure(limits), **frames.synchronous()},
        log=log,
    )


def pure_host(limits: Limits, *, log: Callable[[str, str], None]) -> HostFunctions:
    """Return what a script may call while its definition is read: nothing that knows data."""
    return HostFunctions(asynchronous={}, synchronous=_pure(limits), log=log)


def _pure(limits: Limits) -> Functions:
    """Return what needs nothing but its arguments."""
    return {**intl.FUNCTIONS, **utils_functions(limits), "crypto.random": _random_bytes}


def _random_bytes(count: object) -> bytes:
    """`crypto.getRandomValues` and `crypto.randomUUID`."""
    if not isinstance(count, int) or not 0 <= count <= _MOST_RANDOM_BYTES:
        raise ValidationFailedError(f"At most {_MOST_RANDOM_BYTES} random bytes at once")
    return secrets.token_bytes(count)
