"""What a script call is, what the host offers it, and what comes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.limits import DEFAULT_LIMITS, Limits
from analysis_sandbox.values import JSONObject

Entry = Literal["run", "describe", "options", "shouldRun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptCall:
    """One call of one entry of a script.

    `code` is the compiled ES module with the author's lines, `filename` what stacks call it.
    `modules` are what it may import: ES module texts by specifier, which may import each other.
    `argument` is the parameter's name for the entry `options`. `context` holds the facts for ctx:
    run_id, analysis_id, version, attempt, schedule, datasources ({name: {type, operations}}) and
    read_only.
    """

    code: str
    filename: str
    entry: Entry
    parameters: JSONObject
    context: JSONObject
    argument: str = ""
    modules: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class HostFunctions:
    """What a script can reach, by the names the runtime uses.

    Arguments arrive as values.py decodes them, return values leave as it encodes them (an
    EncodedJSON as it is). Asynchronous functions run in threads of their own, synchronous ones in
    the thread that reads from the script, which waits. `log` takes (level, message) with the levels
    debug, info, warning and error.
    """

    asynchronous: Mapping[str, Callable[..., object]]
    synchronous: Mapping[str, Callable[..., object]]
    log: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used. Bytes in went to the script, bytes out came from it.

    `peak_memory_bytes` is the resident memory of its whole process, `peak_heap_bytes` what the
    values of the script took of it (0 when the process ended without telling).
    """

    peak_memory_bytes: int
    cpu_ms: float
    wall_ms: float
    host_calls: int
    bytes_in: int
    bytes_out: int
    peak_heap_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended: the JSON text of its value, or the error.

    `layers` says of each layer between script and machine "ok", "ok (detail)" or why it is missing.
    """

    value: str | None
    error: AnalysisSandboxError | None
    usage: Usage
    layers: Mapping[str, str]
