"""Frames on the warehouse's socket: a JSON header and a body of bytes.

A frame is two little-endian u32 (length of the header, length of the body), the header, the body. A
session is strictly request and reply; how calls use frames is said in `sessions`.
"""

import json
import select
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias, cast

from analysis_sandbox import errors
from analysis_sandbox.errors import AnalysisSandboxError, LimitExceededError, UnavailableError
from analysis_sandbox.values import (
    BIGINT_TAG,
    MAX_SAFE_INTEGER,
    TAG,
    JSONObject,
    JSONValue,
    from_json,
    to_json,
)

VERSION = 2
_LENGTHS = struct.Struct("<II")
_JOINED_BYTES = 64 << 10
_LARGEST_BODY = (1 << 32) - 1

Bytes: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    header: dict[str, Any]
    body: memoryview


class ConnectionLostError(UnavailableError):
    """The other side is gone, or did not answer in time."""


class Channel:
    """Frames over one connected socket.

    Everything raises `ConnectionLostError` once the other side is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the descriptor, for polling."""
        return self._socket.fileno()

    def send(self, header: Mapping[str, JSONValue], parts: Sequence[Bytes] = ()) -> None:
        """Send one frame whose body is the concatenation of `parts`."""
        text = json.dumps(header).encode("ascii")
        size = sum(memoryview(part).nbytes for part in parts)
        if size > _LARGEST_BODY:
            raise LimitExceededError(f"A batch of rows has {size} bytes, {_LARGEST_BODY} may cross")
        head = _LENGTHS.pack(len(text), size) + text
        pieces = (b"".join((head, *parts)),) if size <= _JOINED_BYTES else (head, *parts)
        try:
            for piece in pieces:
                self._socket.sendall(piece)
        except OSError as error:
            raise ConnectionLostError(f"The connection is lost: {error}") from error

    def receive(self) -> Frame:
        """Wait for one frame."""
        header_size, body_size = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        header = json.loads(bytes(self._exactly(header_size)))
        return Frame(header, self._exactly(body_size) if body_size else memoryview(b""))

    def is_readable(self, wait_seconds: float = 0) -> bool:
        """Tell whether something, or the end, can be received now or within the wait."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(wait_seconds * 1000))

    def set_timeout(self, seconds: float | None) -> None:
        """Bound every later wait; None waits for as long as the other side lives."""
        self._socket.settimeout(seconds)

    def shut_down(self, how: int = socket.SHUT_RDWR) -> None:
        """End the connection under whoever uses it. Does nothing when it has ended."""
        try:
            self._socket.shutdown(how)
        except OSError:
            return

    def close(self) -> None:
        """Release the socket. Closing twice is allowed."""
        self._socket.close()

    def _exactly(self, size: int) -> memoryview:
        view = memoryview(bytearray(size))
        received = 0
        while received < size:
            try:
                count = self._socket.recv_into(view[received:])
            except OSError as error:
                raise ConnectionLostError(f"The connection is lost: {error}") from error
            if not count:
                raise ConnectionLostError("The connection is lost")
            received += count
        return view


def error_header(error: AnalysisSandboxError) -> JSONObject:
    """Return the header that carries an error to the other side."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": to_json(error.details),
        }
    }


def raise_error(header: Mapping[str, Any]) -> None:
    """Raise the error that a header carries, if it carries one."""
    facts = header.get("error")
    if facts is None:
        return
    kind = _ERRORS.get(facts["code"], errors.UnavailableError)
    error = kind(facts["message"])
    error.hint = facts["hint"]
    error.details = facts["details"]
    raise error


def encode_parameters(
    parameters: Sequence[object] | Mapping[str, object] | None,
) -> JSONValue:
    """Return query parameters as JSON; unlike results, integers of any size stay integers."""
    return None if parameters is None else _parameter(parameters)


def decode_parameters(value: JSONValue) -> list[object] | dict[str, object] | None:
    """Return the parameters that `encode_parameters` wrote."""
    return cast("list[object] | dict[str, object] | None", from_json(value))


def _parameter(value: object) -> JSONValue:
    if isinstance(value, int) and not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return {BIGINT_TAG: str(value)}
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {_key(str(key)): _parameter(item) for key, item in items.items()}
    if isinstance(value, list | tuple):
        return [_parameter(item) for item in cast("Sequence[object]", value)]
    return to_json(value)


def _key(key: str) -> str:
    return TAG + key if key.startswith(TAG) else key


_ERRORS: dict[str, type[AnalysisSandboxError]] = {
    kind.code: kind
    for kind in (
        errors.CancelledError,
        errors.ConfigurationError,
        errors.ConflictError,
        errors.LimitExceededError,
        errors.NotFoundError,
        errors.QueryError,
        errors.StatementRefusedError,
        errors.UnavailableError,
        errors.ValidationFailedError,
        errors.WriteConflictError,
    )
}
