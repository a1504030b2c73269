"""Frames between the supervisor and a sandbox child: a length, then UTF-8 JSON. Stdlib only.

Supervisor → child                       Child → supervisor
["job", deadline, {...}]                        ["refused", reason]           cannot harden itself
["reply", id, is_tagged, value]          ["call", id, name, [argument, ...]]
["fail", id, {name, message, ...}]       ["await", id, name, [...]]    a call; it waits for no other
                                         ["ask", id, name, [...]]      blocks the script
                                         ["log", level, message]
                                         ["near", limit, used]         most of a limit is used
                                         ["facts", {layers, heap_bytes}]
                                         ["result", value]
                                         ["error", {kind, name, message, stack, ...}]

Both ends read with a limit, so a length that lies costs nothing.
"""

import socket
import struct

HEADER = struct.Struct("<I")
RESULT_PREFIX = b'["result",'
RESULT_SUFFIX = b"]"
# Largest job: the script, its parameters and the facts of its run.
MAX_JOB_BYTES = 64 << 20
# How a child ends when it cannot say it by a frame.
EXIT_BROKEN, EXIT_NO_MEMORY = 70, 71
# After a stop: how long the script may clean up, then how long its process may.
STOP_GRACE_S = 0.2
STOP_KILL_S = 0.4
# After its time: how long the process may report.
DEADLINE_KILL_S = 0.5
# From this share of a limit on there is a warning.
WARN_AT = 0.8
_BUFFER = 64 * 1024


class ProtocolError(Exception):
    """The other end sent what no honest peer sends."""


class FrameTooLargeError(ProtocolError):
    """A frame is announced with more bytes than agreed."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a frame of {size} bytes; {limit} are allowed")
        self.size = size
        self.limit = limit


class Channel:
    """One end of a stream socket that carries frames. For one reader and one writer at a time."""

    def __init__(self, sock: socket.socket, *, limit: int) -> None:
        self.limit = limit
        self._socket = sock
        self._buffer = b""
        # Where the next frame begins in the buffer.
        self._start = 0

    def send(self, *frames: bytes) -> int:
        """Send whole frames and return the bytes sent. Blocks until the other end takes them.

        Raises:
            OSError: the other end is gone.
        """
        if len(frames) == 1:
            data = HEADER.pack(len(frames[0])) + frames[0]
        else:
            data = b"".join(part for frame in frames for part in (HEADER.pack(len(frame)), frame))
        self._socket.sendall(data)
        return len(data)

    def has_frame(self) -> bool:
        """Tell whether a whole frame is here already, so that nobody need wait for the socket."""
        have = len(self._buffer) - self._start - HEADER.size
        return have >= 0 and have >= self._announced()

    def receive(self) -> bytes | None:
        """Return the next frame, or None when the other end is gone between two frames.

        Raises:
            FrameTooLargeError: a frame is announced with more bytes than the limit.
            ProtocolError: the stream ends inside a frame.
        """
        while len(self._buffer) - self._start < HEADER.size:
            data = self._read()
            if not data:
                if len(self._buffer) > self._start:
                    raise ProtocolError("the stream ended inside a frame's length")
                return None
            rest = self._buffer[self._start :]
            self._buffer = rest + data if rest else data
            self._start = 0
        begin = self._start + HEADER.size
        size = self._announced()
        end = begin + size
        if end > len(self._buffer):
            return self._receive_rest(begin, size)
        self._start = end
        return self._buffer[begin:end]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _announced(self) -> int:
        size: int = HEADER.unpack_from(self._buffer, self._start)[0]
        if size > self.limit:
            raise FrameTooLargeError(size, self.limit)
        return size

    def _receive_rest(self, begin: int, size: int) -> bytes:
        frame = bytearray(size)
        have = len(self._buffer) - begin
        frame[:have] = self._buffer[begin:]
        self._buffer = b""
        self._start = 0
        with memoryview(frame) as view:
            while have < size:
                try:
                    got = self._socket.recv_into(view[have:])
                except ConnectionError:
                    got = 0
                if not got:
                    raise ProtocolError("the stream ended inside a frame")
                have += got
        return bytes(frame)

    def _read(self) -> bytes:
        try:
            return self._socket.recv(_BUFFER)
        except ConnectionError:
            return b""
