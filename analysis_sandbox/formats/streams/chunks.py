"""Pieces of bytes between the steps of a stream: counted, bounded, as a file where one is due."""

import contextlib
import io
import tempfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol, cast

from analysis_sandbox.errors import LimitExceededError

PIECE_BYTES = 1 << 20
_MEBIBYTE = 1 << 20
_MOST_LINE_BYTES = 64 * _MEBIBYTE
# Small things may well be all zeros; the ratio tells something about large ones.
_RATIO_FROM_BYTES = 64 * _MEBIBYTE


class ByteSource(Protocol):
    """Bytes that lie elsewhere: read from begin to end, or in ranges."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def chunks(self) -> Generator[bytes, None, None]:
        """Read all bytes from the begin; closing it ends the reading at once."""
        ...

    def read_range(self, start: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How large what is read may become.

    `ratio` holds for what is unpacked, once that is large; `temporary_bytes` for what must be
    kept in a file on the way; `workbook_bytes` for a workbook, which is read as a whole;
    `record_bytes` for one line, record or JSON value.
    """

    unpacked_bytes: int = 50 << 30
    ratio: int = 500
    temporary_bytes: int = 2 << 30
    workbook_bytes: int = 64 << 20
    record_bytes: int = 64 << 20


@dataclass(slots=True)
class Budget:
    """Counts what one stream reads and unpacks, and ends it where that is too much."""

    limits: StreamLimits
    given: int = field(default=0)

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on what is read from the source."""
        for chunk in chunks:
            self.given += len(chunk)
            yield chunk

    def bounded(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on what one step unpacked.

        Raises:
            LimitExceededError: it is too much, or too much for what was read.
        """
        size = 0
        for chunk in chunks:
            size += len(chunk)
            self.check(size)
            yield chunk

    def check(self, size: int) -> None:
        """Raise `LimitExceededError` if `size` bytes may not come from what was read so far."""
        limits = self.limits
        if size > limits.unpacked_bytes:
            raise LimitExceededError(
                f"unpacked it has more than the {limits.unpacked_bytes / _MEBIBYTE:.4g} MB that "
                "are allowed",
                hint="An administrator can raise max_unpacked_mb.",
                details={"bytes_at_least": size, "limit_bytes": limits.unpacked_bytes},
            )
        ratio = size / max(self.given, 1)
        if size > _RATIO_FROM_BYTES and ratio > limits.ratio:
            raise LimitExceededError(
                f"it is packed {ratio:.0f} to 1; {limits.ratio} to 1 is allowed",
                hint="An administrator can raise max_unpack_ratio.",
                details={"ratio": round(ratio), "limit_ratio": limits.ratio},
            )


class ChunkFile(io.RawIOBase):
    """Chunks as a file that is read once, from begin to end.

    With `most_bytes`, so much may be read between two calls of `mark`.
    """

    def __init__(self, chunks: Iterable[bytes], *, most_bytes: int | None = None) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self._most_bytes = most_bytes
        self._since_mark = 0
        self.position = 0

    def mark(self) -> None:
        """Say that what was read so far is done with."""
        self._since_mark = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        pieces: list[bytes] = []
        missing = size
        while missing != 0 and self._fill():
            piece = bytes(self._rest[:missing] if missing > 0 else self._rest)
            self._rest = self._rest[len(piece) :]
            self._count(len(piece))
            pieces.append(piece)
            missing -= len(piece) if missing > 0 else 0
        return b"".join(pieces)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as one chunk does."""
        if not self._fill():
            return 0
        length = min(len(buffer), len(self._rest))
        buffer[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        self._count(length)
        return length

    def read_line(self) -> bytes:
        """Return the bytes through the next line end, or what is left."""
        pieces: list[bytes] = []
        while self._fill():
            end = bytes(self._rest[:PIECE_BYTES]).find(b"\n")
            pieces.append(self.read(end + 1 if end >= 0 else min(len(self._rest), PIECE_BYTES)))
            if end >= 0:
                break
            if sum(map(len, pieces)) > _MOST_LINE_BYTES:
                raise LimitExceededError("the first line has more than 64 MB: is it a text?")
        return b"".join(pieces)

    def peek(self) -> bytes:
        """Return what comes next, some of it, without reading it."""
        return bytes(self._rest[:PIECE_BYTES]) if self._fill() else b""

    def _fill(self) -> bool:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._rest = memoryview(chunk)
        return True

    def _count(self, length: int) -> None:
        self.position += length
        self._since_mark += length
        if self._most_bytes is not None and self._since_mark > self._most_bytes:
            raise LimitExceededError(
                f"one record has more than the {self._most_bytes / _MEBIBYTE:.4g} MB that are "
                "allowed: perhaps a quote or a bracket is not closed",
                details={"limit_bytes": self._most_bytes},
            )


class RangeFile(io.RawIOBase):
    """A source as a file that can be sought in; reads what is asked for and no more."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to another position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes from the position on."""
        left = max(0, self._source.size - self._position)
        length = left if size < 0 else min(size, left)
        data = self._source.read_range(self._position, length) if length else b""
        self._position += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def spooled(chunks: Iterable[bytes], limits: StreamLimits) -> Generator[IO[bytes]]:
    """Keep all chunks in a temporary file that has no name and goes with the process.

    Raises:
        LimitExceededError: they are more than `temporary_bytes`.
    """
    with tempfile.TemporaryFile() as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            check_temporary(size, limits)
            file.write(chunk)
        file.seek(0)
        yield file


def check_temporary(size: int, limits: StreamLimits) -> None:
    """Raise `LimitExceededError` if `size` bytes may not be kept in a temporary file."""
    if size > limits.temporary_bytes:
        raise LimitExceededError(
            f"it must be kept in a temporary file, and has more than the "
            f"{limits.temporary_bytes / _MEBIBYTE:.4g} MB that are allowed there",
            hint="Another format can be read without one, such as tar.gz instead of 7z; or an "
            "administrator raises max_temporary_mb.",
            details={"bytes_at_least": size, "limit_bytes": limits.temporary_bytes},
        )


def pieces_of(file: IO[bytes] | io.IOBase) -> Generator[bytes, None, None]:
    """Read a file piece by piece."""
    while piece := cast("IO[bytes]", file).read(PIECE_BYTES):
        yield piece
