"""The open streams of one run: one chunk at a time crosses to the script, when it asks for it."""

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from analysis_sandbox.datasources.base import Stream
from analysis_sandbox.errors import (
    AnalysisSandboxError,
    CancelledError,
    LimitExceededError,
    NotFoundError,
    ValidationFailedError,
)
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.values import EncodedJSON, JSONObject, encode

MOST_OPEN = 16
# How often what a thread waits for is cancelled before it is left to its own time limit.
_TRIES = 20


@dataclass(slots=True, eq=False)
class _Open:
    """One open stream; `lock` is held by the thread that waits for a chunk of it."""

    name: str
    chunks: Stream
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_closing: bool = False


class Streams:
    """Streams under numbers, which are all that a script holds of them. Thread-safe."""

    def __init__(self, datasources: DatasourceAccess, *, most_open: int = MOST_OPEN) -> None:
        self._datasources = datasources
        self._most_open = most_open
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, _Open] = {}
        self._closed = False

    def asynchronous(self) -> Mapping[str, Callable[..., object]]:
        """Return the host functions by name."""
        return {"stream.open": self.open, "stream.next": self.next, "stream.close": self.end}

    def open(self, datasource: object, name: object, arguments: object = ()) -> JSONObject:
        """`stream.open`: take a stream in; the first chunk connects.

        Raises:
            LimitExceededError: the run has too many open.
            NotFoundError, UnsupportedOperationError, ReadOnlyError: there is no such stream.
        """
        if not isinstance(datasource, str) or not isinstance(name, str):
            raise ValidationFailedError("A stream is opened by the names of datasource and stream")
        if not isinstance(arguments, Sequence) or isinstance(arguments, str | bytes):
            raise ValidationFailedError("The arguments of a stream must be a list")
        given = cast("Sequence[object]", arguments)
        chunks = self._datasources.stream(datasource, name, given)
        with self._lock:
            if self._closed:
                raise CancelledError("The run has ended")
            if len(self._open) >= self._most_open:
                raise LimitExceededError(
                    f"The run has {len(self._open)} streams open; {self._most_open} are allowed",
                    hint="Read a stream to its end, or leave its loop, before the next one.",
                )
            number = next(self._numbers)
            self._open[number] = _Open(f"{datasource}.{name}", chunks)
        return {"stream": number}

    def next(self, number: object) -> EncodedJSON:
        """`stream.next`: wait for the next chunk; a stream that ends or fails is closed.

        Raises:
            ValidationFailedError: another call waits for a chunk of it already.
            NotFoundError: it is not open.
        """
        entry = self._get(number)
        if not entry.lock.acquire(blocking=False):
            raise ValidationFailedError(
                f"{entry.name}: the last chunk has not arrived yet; await one before the next"
            )
        try:
            return self._next(number, entry)
        finally:
            entry.lock.release()

    def end(self, number: object) -> None:
        """`stream.close`: end a stream, also one of which a chunk is awaited."""
        with self._lock:
            entry = self._open.pop(number, None) if isinstance(number, int) else None
        if entry is not None:
            _end(entry)

    def close(self) -> None:
        """End every stream, at the server as well; later ones are refused."""
        with self._lock:
            self._closed = True
            entries = list(self._open.values())
            self._open.clear()
        for entry in entries:
            _end(entry)

    def _get(self, number: object) -> _Open:
        with self._lock:
            entry = self._open.get(number) if isinstance(number, int) else None
        if entry is None:
            raise NotFoundError("This stream is not open: it was read to its end, or closed")
        return entry

    def _next(self, number: object, entry: _Open) -> EncodedJSON:
        ended = True
        try:
            chunk = next(entry.chunks)
            ended = entry.is_closing
        except StopIteration:
            return EncodedJSON('{"done":true,"value":null}')
        finally:
            if ended:
                entry.chunks.close()
                with self._lock:
                    self._open.pop(number, None)  # type: ignore[call-overload]
        if ended:
            raise CancelledError(f"{entry.name} was closed")
        return EncodedJSON(f'{{"done":false,"value":{encode(chunk)}}}')


def _end(entry: _Open) -> None:
    """Close a stream; where a thread waits for a chunk of it, that one closes it."""
    entry.is_closing = True
    cancel: Callable[[], None] | None = getattr(entry.chunks, "cancel", None)
    for _ in range(_TRIES):
        if entry.lock.acquire(timeout=0.05):
            break
        if cancel is not None:
            cancel()
    else:
        return
    try:
        entry.chunks.close()
    except AnalysisSandboxError:
        # What was read is read: that the server is away now changes nothing.
        return
    finally:
        entry.lock.release()
