"""From how a child ended and what it said to the error that people and programs get."""

import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    CrashError,
    LimitExceededError,
    MemoryLimitError,
    NotFoundError,
    ReadOnlyError,
    ResultTooLargeError,
    ScriptError,
    TimeLimitError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.callee import called_at
from analysis_sandbox.sandbox.launcher import Ending
from analysis_sandbox.sandbox.protocol import EXIT_NO_MEMORY
from analysis_sandbox.sandbox.runtime import PREFIX

_MIB = 1 << 20
# Resident bytes of a child without a script.
_EMPTY_PROCESS = 16 * _MIB
_POSITION = re.compile(r"(?:\(|at )(?P<file>[^()]*?):(?P<line>\d+):(?P<column>\d+)\)?$")
_MOST_TEXT = 64 * 1024
_NO_FUNCTION = "not a function"
_NO_OBJECT = "Analysis must return an object"


@dataclass(frozen=True, slots=True)
class Script:
    """What errors need to know of the script: its name in stacks, its text, its limits."""

    filename: str
    code: str
    limits: Limits


def from_report(
    report: Mapping[str, Any],
    script: Script,
    failures: Mapping[int, AnalysisSandboxError],
    *,
    elapsed_ms: float,
) -> AnalysisSandboxError:
    """Turn the child's own account of its failure into an error.

    `failures` are the errors that host functions raised, by call: one that the script did not catch
    comes back as itself. Nothing in `report` is trusted to have the type it should, and what it
    says of itself only labels the failure.
    """
    kind, limits = str(report.get("kind")), script.limits
    if kind == "result":
        return too_large(_number(report, "bytes"), limits)
    name, message = _text(report, "name") or "Error", _text(report, "message")
    frames = _frames(_text(report, "stack"))
    line, column = _position(frames, script.filename)
    call = report.get("call")
    if type(call) is int and call in failures:
        return _with_stack(failures[call], frames, line)
    if kind == "log":
        overrun = log_overrun(_number(report, "lines"), _number(report, "bytes"), limits)
        return _with_stack(overrun, frames, line)
    if kind in _REFUSALS:
        return _with_stack(_REFUSALS[kind](message), frames, line)
    if line is None and name == "ReferenceError" and message.startswith("Cannot import"):
        line = _import_line(script.code, message)
    if kind in _ENDINGS:
        error = _ENDINGS[kind](script, elapsed_ms, _number(report, "bytes"))
        error.stack = f"{error.name}: {error.message}\n{frames}"
        error.line, error.column = line, column
        return error
    # In a frame of the engine's own, such as that of map, it is an argument that is no function.
    if message == _NO_FUNCTION and f"({script.filename}:" in frames.partition("\n")[0]:
        called = called_at(script.code, line, column)
        message = f"{called} is {message}" if called else message
    stack = f"{name}: {message}\n{frames}"
    error = ScriptError(message, name=name, stack=stack, line=line, column=column)
    if message == _NO_OBJECT:
        error.hint = "Return an object, for example { rows } instead of rows."
    return error


def from_ending(
    ending: Ending, script: Script, *, is_stopped: bool, elapsed_ms: float
) -> AnalysisSandboxError:
    """Turn the end of a child that said nothing into an error."""
    if ending.status is None:
        return CrashError(ending.problem)
    if is_stopped:
        return _cancelled(script, elapsed_ms, 0)
    if ending.killed == "deadline" or _died_of(ending.status, signal.SIGXCPU):
        return _out_of_time(script, elapsed_ms, 0)
    code = os.WEXITSTATUS(ending.status) if os.WIFEXITED(ending.status) else None
    used = max(0, ending.peak_bytes - _EMPTY_PROCESS)
    # The engine does not survive every failed allocation.
    is_large = used > script.limits.memory_mb * _MIB // 2
    if code == EXIT_NO_MEMORY or (code is None and is_large):
        return _out_of_memory(script, elapsed_ms, used)
    if code is not None:
        return CrashError(f"The sandbox process ended with exit code {code}, without an outcome")
    number = os.WTERMSIG(ending.status)
    advice = " (perhaps the machine is out of memory)" if number == signal.SIGKILL else ""
    return CrashError(
        f"The sandbox process was ended by {_signal_name(number)}{advice}",
        details={"signal": number},
    )


def _died_of(status: int, number: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == number


def _signal_name(number: int) -> str:
    return next((each.name for each in signal.Signals if each == number), f"signal {number}")


def too_large(size: int, limits: Limits) -> ResultTooLargeError:
    """Return the error for a result of `size` bytes."""
    return ResultTooLargeError(
        f"Result size {size / _MIB:.1f}MB exceeds {limits.result_size_mb:g}MB limit. "
        "Use DuckDB for large datasets.",
        details={"bytes": size, "limit_bytes": limits.result_bytes},
    )


def log_overrun(lines: int, size: int, limits: Limits) -> LimitExceededError:
    """Return the error for a log of so many lines and bytes, one of which is too many."""
    if lines > limits.log_lines:
        name, used, allowed, unit = "log_lines", lines, limits.log_lines, "log lines"
    else:
        name, used, allowed, unit = "log_bytes", size, limits.log_bytes, "bytes of log"
    return LimitExceededError(
        f"The script wrote {used} {unit}; {allowed} are allowed",
        hint=f"Log a summary instead of every step, or raise {name} for this analysis.",
        details={"limit": name, "used": used, "allowed": allowed},
    )


def _out_of_time(script: Script, elapsed_ms: float, _bytes: int) -> ScriptError:
    allowed = script.limits.timeout_ms
    error = TimeLimitError(
        f"The script ran longer than its limit of {allowed / 1000:g} s: "
        f"it was ended after {elapsed_ms / 1000:.2f} s",
        name="TimeLimitError",
    )
    error.details = {"limit": "timeout_ms", "used": round(elapsed_ms), "allowed": allowed}
    return error


def _out_of_memory(script: Script, _elapsed_ms: float, used: int) -> ScriptError:
    """Return the error of a script that had `used` bytes when it wanted more; 0 is unknown."""
    allowed = script.limits.memory_mb * _MIB
    used = min(used, allowed)
    message = f"The script needed more memory than its limit of {script.limits.memory_mb} MB"
    if used:
        message += f": it had used {used / _MIB:.1f} MB when it asked for more than was left"
    error = MemoryLimitError(message, name="MemoryLimitError")
    error.details = {"limit": "memory_mb", "used_bytes": used, "allowed_bytes": allowed}
    return error


def _cancelled(_script: Script, _elapsed_ms: float, _bytes: int) -> ScriptError:
    return CancelledError("The run was stopped", name="CancelledError")


def _number(report: Mapping[str, Any], key: str) -> int:
    value = report.get(key)
    return min(value, 1 << 53) if type(value) is int and value > 0 else 0


def _text(report: Mapping[str, Any], key: str) -> str:
    value = report.get(key)
    if not isinstance(value, str):
        return ""
    return value[:_MOST_TEXT].encode("utf-8", "replace").decode("utf-8")


def _frames(stack: str) -> str:
    return "\n".join(line for line in stack.split("\n") if line and f"({PREFIX}" not in line)


def _position(frames: str, filename: str) -> tuple[int | None, int | None]:
    for line in frames.split("\n"):
        found = _POSITION.search(line)
        if found is not None and found["file"] == filename:
            return int(found["line"]), int(found["column"])
    return None, None


def _import_line(code: str, message: str) -> int | None:
    """Find the import that was refused: the engine does not say where it stands."""
    quoted = re.search(r"'(.*?)'", message)
    if quoted is None:
        return None
    name = re.escape(quoted[1])
    wanted = re.compile(rf"""(?:import|export|from)\b[^'"]*['"](?:\.{{0,2}}/)*{name}['"]""")
    found = wanted.search(code)
    return None if found is None else code.count("\n", 0, found.end()) + 1


def _with_stack(error: AnalysisSandboxError, frames: str, line: int | None) -> AnalysisSandboxError:
    stack = f"{type(error).__name__}: {error.message}\n{frames}"
    error.details = {**error.details, **_details(stack, line)}
    return error


def _details(stack: str, line: int | None) -> dict[str, object]:
    return {"stack": stack, "line": line}


# What the runtime refuses itself, as the host would ...
_REFUSALS: dict[str, type[AnalysisSandboxError]] = {
    "limit": LimitExceededError,
    "not_found": NotFoundError,
    "unsupported": UnsupportedOperationError,
    "read_only": ReadOnlyError,
    "invalid": ValidationFailedError,
}
# ... and the ends that no script can avert.
_ENDINGS: dict[str, Callable[[Script, float, int], ScriptError]] = {
    "time": _out_of_time,
    "memory": _out_of_memory,
    "cancelled": _cancelled,
}
