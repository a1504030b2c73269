"""From how a child ended and what it said to the error that people and programs get."""

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    CrashError,
    LimitExceededError,
    MemoryLimitError,
    ResultTooLargeError,
    ScriptError,
    TimeLimitError,
)
from analysis_sandbox.limits import Limits
from analysis_sandbox.sandbox.launcher import Ending
from analysis_sandbox.sandbox.protocol import EXIT_NO_MEMORY
from analysis_sandbox.sandbox.runtime import PREFIX

_MIB = 1 << 20
# Resident bytes of a child without a script.
_EMPTY_PROCESS = 16 * _MIB
_POSITION = re.compile(r"(?:\(|at )(?P<file>[^()]*?):(?P<line>\d+):(?P<column>\d+)\)?$")
_MOST_TEXT = 64 * 1024
_NO_OBJECT = "Analysis must return an object"


@dataclass(frozen=True, slots=True)
class Script:
    """What errors need to know of the script: its name in stacks, its text, its limits."""

    filename: str
    code: str
    limits: Limits


def from_report(
    report: Mapping[str, Any], script: Script, failures: Mapping[int, AnalysisSandboxError]
) -> AnalysisSandboxError:
    """Turn the child's own account of its failure into an error.

    `failures` are the errors that host functions raised, by call: one that the script did not catch
    comes back as itself. Nothing in `report` is trusted to have the type it should.
    """
    kind = report.get("kind")
    if kind == "result":
        size = report.get("bytes")
        return too_large(size if isinstance(size, int) else 0, script.limits)
    name, message = _text(report, "name") or "Error", _text(report, "message")
    frames = _frames(_text(report, "stack"))
    line, column = _position(frames, script.filename)
    call = report.get("call")
    if isinstance(call, int) and call in failures:
        return _with_stack(failures[call], frames, line)
    if kind == "limit":
        return LimitExceededError(message, details=_details(f"{name}: {message}\n{frames}", line))
    if line is None and name == "ReferenceError" and message.startswith("Cannot import"):
        line = _import_line(script.code, message)
    message, shown = _describe(kind, name, message, script.limits)
    stack = f"{shown}: {message}\n{frames}"
    error = _CLASSES.get(str(kind), ScriptError)(
        message, name=shown, stack=stack, line=line, column=column
    )
    if message == _NO_OBJECT:
        error.hint = "Return an object, for example { rows } instead of rows."
    return error


def from_ending(ending: Ending, script: Script, *, is_stopped: bool) -> AnalysisSandboxError:
    """Turn the end of a child that said nothing into an error."""
    limits = script.limits
    if ending.status is None:
        return CrashError(ending.problem)
    if is_stopped:
        return CancelledError("The run was stopped", name="CancelledError")
    if ending.killed == "deadline":
        return TimeLimitError(_time_message(limits), name="TimeLimitError")
    if os.WIFEXITED(ending.status):
        return _from_exit(os.WEXITSTATUS(ending.status), limits)
    return _from_signal(os.WTERMSIG(ending.status), ending.peak_bytes, limits)


def _from_exit(code: int, limits: Limits) -> AnalysisSandboxError:
    if code == EXIT_NO_MEMORY:
        return MemoryLimitError(_memory_message(limits), name="MemoryLimitError")
    return CrashError(f"The sandbox process ended with exit code {code}, without an outcome")


def _from_signal(number: int, peak_bytes: int, limits: Limits) -> AnalysisSandboxError:
    if number == signal.SIGXCPU:
        return TimeLimitError(_time_message(limits), name="TimeLimitError")
    if peak_bytes - _EMPTY_PROCESS > limits.memory_mb * _MIB // 2:
        # The engine does not survive every failed allocation.
        return MemoryLimitError(_memory_message(limits), name="MemoryLimitError")
    advice = " (perhaps the machine is out of memory)" if number == signal.SIGKILL else ""
    return CrashError(
        f"The sandbox process was ended by {_signal_name(number)}{advice}",
        details={"signal": number},
    )


def _signal_name(number: int) -> str:
    return next((each.name for each in signal.Signals if each == number), f"signal {number}")


def too_large(size: int, limits: Limits) -> ResultTooLargeError:
    """Return the error for a result of `size` bytes."""
    return ResultTooLargeError(
        f"Result size {size / _MIB:.1f}MB exceeds {limits.result_size_mb:g}MB limit. "
        "Use DuckDB for large datasets.",
        details={"bytes": size, "limit_bytes": limits.result_bytes},
    )


def _describe(kind: object, name: str, message: str, limits: Limits) -> tuple[str, str]:
    if kind == "time":
        return _time_message(limits), "TimeLimitError"
    if kind == "memory":
        return _memory_message(limits), "MemoryLimitError"
    if kind == "cancelled":
        return "The run was stopped", "CancelledError"
    return message, name


def _time_message(limits: Limits) -> str:
    return f"The script ran longer than its limit of {limits.timeout_ms / 1000:g} s"


def _memory_message(limits: Limits) -> str:
    return f"The script needed more memory than its limit of {limits.memory_mb} MB"


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


_CLASSES: dict[str, type[ScriptError]] = {
    "time": TimeLimitError,
    "memory": MemoryLimitError,
    "cancelled": CancelledError,
}
