"""What the supervisor says to one child and does for it: the job, host calls, the log, the end.

A child may be owned by its script, so every frame is checked against what an honest child sends;
the first one that no honest child sends ends it.
"""

import contextlib
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, cast

from analysis_sandbox.errors import (
    AnalysisSandboxError,
    ConfigurationError,
    CrashError,
    LimitExceededError,
    ScriptError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.sandbox.journal import Journal
from analysis_sandbox.sandbox.model import HostFunctions
from analysis_sandbox.sandbox.outcome import Script, from_report, too_large
from analysis_sandbox.sandbox.protocol import (
    RESULT_PREFIX,
    RESULT_SUFFIX,
    Channel,
    FrameTooLargeError,
    ProtocolError,
)
from analysis_sandbox.sandbox.workers import Workers
from analysis_sandbox.values import MAX_DEPTH, encode, from_json

_log = logging.getLogger(__name__)

_CALLS = frozenset({"ask", "await", "call"})
_MIB = 1 << 20
# What a frame holds beside the value that a limit speaks of.
_OVERHEAD = 64 * 1024
# Host errors kept so that one which nobody catches comes back as itself.
_MOST_FAILURES = 1000
_MOST_MESSAGE = 64 * 1024
_MOST_LAYERS = 20
_CALL = re.compile(rb'\["(?:ask|await|call)",(\d{1,15}),"([\w.]{1,64})",')
# JSON.stringify escapes surrogates only where they stand alone.
_LONE_SURROGATE = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


# Without what json.loads does beside: a call is read in a third of the time.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode


class _RelievedError(Exception):
    """Another thread reads on."""


class Conversation:
    """One child's side of the story. `serve` runs in one thread; the attributes hold after it."""

    def __init__(
        self, sock: socket.socket, script: Script, host: HostFunctions, workers: Workers
    ) -> None:
        limits = script.limits
        self.value: str | None = None
        self.error: AnalysisSandboxError | None = None
        self.layers: Mapping[str, str] = {}
        self.host_calls = self.bytes_in = self.bytes_out = self.peak_heap = 0
        # Whether the child broke the rules, so that it must be killed.
        self.is_broken = False
        # The thread that reads is inside a host function, which may hang for long; another one can
        # take its place, and the number of the reader changes.
        self._is_busy = self._has_ended = False
        self._reader = 0
        self._lock = threading.Lock()
        self._frame_bytes = limits.frame_mb * _MIB
        self._socket = sock
        self._channel = Channel(sock, limit=max(self._frame_bytes, limits.result_bytes) + _OVERHEAD)
        self._script = script
        self._host = host
        self._workers = workers
        self._send_lock = threading.Lock()
        self._is_closed = False
        self._in_flight = 0
        self._failures: dict[int, AnalysisSandboxError] = {}
        self._journal = Journal(limits, host.log)
        self._began = time.monotonic()

    def serve(self, job: bytes) -> bool:
        """Send the job, if not sent yet, and answer the child until it has reported or must die.

        Returns False when another thread took over in the meantime and this one is free.
        """
        return self._read(self._reader, job)

    def relieve(self, *, has_ended: bool = False) -> bool:
        """Release the reading from the host function it is inside of; if so, call `resume`.

        After `has_ended` no host function holds the reading up any more.
        """
        with self._lock:
            self._has_ended |= has_ended
            if not self._is_busy:
                return False
            self._is_busy = False
            self._reader += 1
            return True

    def resume(self) -> bool:
        """Go on where `serve` was relieved. Returns as it does."""
        return self._read(self._reader, b"")

    def _read(self, reader: int, job: bytes) -> bool:
        try:
            if job:
                self.send(job)
            while (frame := self._channel.receive()) is not None:
                self.bytes_out += len(frame)
                if self._take(frame, reader):
                    break
        except _RelievedError:
            return False
        except FrameTooLargeError as error:
            self._break(
                LimitExceededError(
                    f"The sandbox process announced {error.size / _MIB:.1f} MB at once; "
                    f"{error.limit / _MIB:.1f} MB are allowed",
                    details={"bytes": error.size, "limit_bytes": error.limit},
                )
            )
        except ProtocolError as error:
            self._break(CrashError(f"The sandbox process broke the protocol: {error}"))
        except LimitExceededError as error:
            self._break(error)
        except Exception:  # noqa: BLE001 - whatever a child sends, the call must come to an end
            _log.exception("The conversation with a sandbox process failed")
            self._break(CrashError("The conversation with the sandbox process failed"))
        self.close()
        return True

    def close(self) -> None:
        """Close the socket; whoever still has an answer keeps it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        # Under the lock, so that nobody sends to a descriptor that is somebody else's by now.
        with self._send_lock:
            self._is_closed = True
            self._channel.close()

    def _break(self, error: AnalysisSandboxError) -> None:
        self.error = error
        self.is_broken = True

    def _take(self, frame: bytes, reader: int) -> bool:
        """Act on one frame; True when it was the last."""
        message = self._parse(frame)
        if message is None:
            return False
        kind, count = message[0], len(message)
        if not isinstance(kind, str):
            raise ProtocolError("a frame without a kind")
        if count == 4 and kind in _CALLS:
            self._call(reader, kind, *message[1:])
        elif count == 3 and kind == "log":
            self._journal.write(message[1], message[2])
        elif count == 3 and kind == "near":
            self._journal.near(message[1], message[2])
        elif count == 2 and kind == "facts" and isinstance(message[1], dict):
            self._note_facts(cast("dict[str, Any]", message[1]))
        else:
            self._take_last(frame, message)
            return True
        return False

    def _take_last(self, frame: bytes, message: list[Any]) -> None:
        kind, content = message[0], message[1] if len(message) == 2 else None
        if kind == "result" and len(message) == 2:
            self._conclude(frame, content)
        elif kind == "error" and isinstance(content, dict):
            report = cast("dict[str, Any]", content)
            elapsed_ms = (time.monotonic() - self._began) * 1000
            self.error = from_report(report, self._script, self._failures, elapsed_ms=elapsed_ms)
        elif kind == "refused" and isinstance(content, str):
            self.error = ConfigurationError(
                f"The sandbox process could not confine itself: {content[:1000]}"
            )
        else:
            raise ProtocolError(f"an unknown message {str(kind)[:40]!r}")

    def _parse(self, frame: bytes) -> list[Any] | None:
        """Return the message; None when it was a call that had to be refused."""
        try:
            text = _whole(frame.decode("utf-8"))
            message, end = _decode(text)
        except RecursionError:
            return self._refuse_depth(frame)
        except ValueError as error:
            raise ProtocolError("a frame that is not JSON") from error
        if end != len(text) or not isinstance(message, list) or not message:
            raise ProtocolError("a frame that is not a message")
        return cast("list[Any]", message)

    def _refuse_depth(self, frame: bytes) -> list[Any] | None:
        text = f"is nested deeper than {MAX_DEPTH} levels"
        if frame.startswith(RESULT_PREFIX):
            problem = {"kind": "script", "name": "RangeError", "message": f"The result {text}"}
            return ["error", problem]
        call = _CALL.match(frame)
        if call is None:
            raise ProtocolError("a frame that is nested too deeply")
        self.host_calls += 1
        self._fail(int(call[1]), ValidationFailedError(f"An argument of {call[2].decode()} {text}"))
        return None

    def _conclude(self, frame: bytes, value: object) -> None:
        if not (frame.startswith(RESULT_PREFIX) and frame.endswith(RESULT_SUFFIX)):
            raise ProtocolError("a result with blanks")
        data = frame[len(RESULT_PREFIX) : -len(RESULT_SUFFIX)]
        limits = self._script.limits
        self._journal.note_result(len(data))
        if len(data) > limits.result_bytes:
            self.error = too_large(len(data), limits)
        elif _is_deep(value):
            self.error = ScriptError(
                f"The result is nested deeper than {MAX_DEPTH} levels", name="RangeError"
            )
        else:
            self.value = _whole(data.decode("utf-8"))

    # Host calls

    def _call(
        self, reader: int, kind: str, identity: object, name: object, arguments: object
    ) -> None:
        if (
            type(identity) is not int
            or not isinstance(name, str)
            or not isinstance(arguments, list)
        ):
            raise ProtocolError("a host call of the wrong form")
        self.host_calls += 1
        values = cast("list[Any]", arguments)
        if kind == "ask":
            function = self._host.synchronous.get(name)
        else:
            function = self._host.asynchronous.get(name)
        if kind != "call" and self._begin():
            try:
                self._answer(identity, name, function, values)
            finally:
                self._end(reader)
            return
        allowed = self._script.limits.host_calls_in_flight
        with self._lock:
            self._in_flight += 1
            used = self._in_flight
        self._journal.note_calls(used)
        if used > allowed:
            raise LimitExceededError(
                f"The sandbox process had {used} host calls in flight; {allowed} are allowed"
            )
        self._workers.submit(
            lambda: self._answer(identity, name, function, values, is_counted=True)
        )

    def _begin(self) -> bool:
        with self._lock:
            self._is_busy = not self._has_ended
            return self._is_busy

    def _end(self, reader: int) -> None:
        with self._lock:
            if self._reader != reader:
                raise _RelievedError
            self._is_busy = False

    def _answer(
        self,
        identity: int,
        name: str,
        function: Callable[..., object] | None,
        arguments: list[Any],
        *,
        is_counted: bool = False,
    ) -> None:
        try:
            if function is None:
                raise UnsupportedOperationError(f"{name} is not available here")  # noqa: TRY301
            text = encode(function(*_decoded(name, arguments)))
            data = text.encode("utf-8", "replace")
            if len(data) > self._frame_bytes:
                raise _answer_too_large(name, len(data), self._frame_bytes)  # noqa: TRY301
        except AnalysisSandboxError as error:
            self._fail(identity, error, is_counted=is_counted)
            return
        except Exception as error:  # noqa: BLE001 - the edge to functions of other packages
            _log.exception("Host function %s failed", name)
            internal = AnalysisSandboxError(f"{name} failed inside the host")
            internal.__cause__ = error
            self._fail(identity, internal, is_counted=is_counted)
            return
        is_tagged = b"\xee\x80\x80" in data or b"\\ue000" in data or b"\\uE000" in data
        head = b'["reply",%d,%d,' % (identity, is_tagged)
        self.send(head + data + b"]", is_counted=is_counted)

    def _fail(
        self, identity: int, error: AnalysisSandboxError, *, is_counted: bool = False
    ) -> None:
        with self._lock:
            self._failures[identity] = error
            if len(self._failures) > _MOST_FAILURES:
                self._failures.pop(next(iter(self._failures)))
        description = {
            "name": type(error).__name__,
            "message": error.message[:_MOST_MESSAGE],
            "code": error.code,
            "hint": error.hint,
            "details": _plain(error.details),
        }
        text = json.dumps(["fail", identity, description], separators=(",", ":"))
        self.send(text.encode("ascii"), is_counted=is_counted)

    def send(self, frame: bytes, *, is_counted: bool = False) -> None:
        """Send a frame to the child, unless it is gone."""
        if is_counted:
            # Before it is sent: the script may use the free place at once.
            with self._lock:
                self._in_flight -= 1
        with self._send_lock:
            if self._is_closed:
                return
            try:
                self.bytes_in += self._channel.send(frame)
            except OSError:
                # A child that is gone has no use for it, but may have sent more before.
                return

    def _note_facts(self, facts: dict[str, Any]) -> None:
        layers, heap = facts.get("layers"), facts.get("heap_bytes")
        if isinstance(layers, dict):
            items = list(cast("dict[str, Any]", layers).items())[:_MOST_LAYERS]
            self.layers = {str(name)[:40]: str(state)[:400] for name, state in items}
        if type(heap) is int and 0 <= heap < 1 << 53:
            self.peak_heap = heap


def _decoded(name: str, arguments: list[Any]) -> list[Any]:
    try:
        values: list[Any] = from_json(arguments)
    except ValueError as error:
        raise ValidationFailedError(f"An argument of {name} cannot cross: {error}") from error
    return values


def _answer_too_large(name: str, size: int, allowed: int) -> LimitExceededError:
    return LimitExceededError(
        f"The answer of {name} has {size / _MIB:.1f} MB; {allowed / _MIB:.0f} MB can cross at once",
        hint="Ask for fewer rows or columns, aggregate in SQL, or use ctx.duckdb.load.",
        details={"bytes": size, "limit_bytes": allowed},
    )


def _plain(details: Mapping[str, object]) -> object:
    if not details:
        return None
    try:
        return json.loads(encode(details))
    except ValidationFailedError:
        return None


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for node in level for item in _members(node) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _members(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return cast("dict[str, object]", node).values()
    return cast("list[object]", node) if isinstance(node, list) else ()


def _whole(text: str) -> str:
    """Return JSON text with U+FFFD for every surrogate that stands alone."""
    if "\\ud" in text or "\\uD" in text:
        return _LONE_SURROGATE.sub(r"\1\\ufffd", text)
    return text
