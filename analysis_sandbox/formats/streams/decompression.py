"""Compressed bytes as they arrive, decompressed piece by piece; every piece is bounded."""
# brotli has no type information.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import bz2
import lzma
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Literal, TypeAlias, get_args

import brotli
import zstandard

from analysis_sandbox.errors import ValidationFailedError

Compression = Literal["gzip", "brotli", "zstd", "deflate", "bz2", "xz"]
COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)
Pieces: TypeAlias = Generator[bytes, None, None]

_GZIP, _ZLIB, _RAW = 31, 15, -15
_CUT_SHORT = "it ends in the middle"
_PIECE = 1 << 20
# Frames that want a larger window need as much memory to be read.
_ZSTD_WINDOW = 1 << 27
_XZ_MEMORY = 1 << 28
# A part's output cannot be bounded here, but 4 bytes become at most 128 KiB.
_ZSTD_PART = 256


def decompressed(chunks: Iterable[bytes], form: Compression) -> Pieces:
    """Yield what the chunks were before; several members one after the other give one text.

    Raises:
        ValidationFailedError: the bytes are damaged, cut short or of another format.
    """
    try:
        yield from _READERS[form](chunk for chunk in chunks if chunk)
    except (
        *(zlib.error, OSError, EOFError, lzma.LZMAError),
        *(zstandard.ZstdError, brotli.error),
    ) as error:
        raise ValidationFailedError(f"not a whole {form} stream: {error}") from error


def _inflate(chunks: Iterator[bytes], window: int, start: bytes = b"") -> Iterator[bytes]:
    """Yield the pieces of every member; zeros after the last one are padding."""
    rest = start
    while True:
        member = zlib.decompressobj(window)
        while not member.eof:
            part = rest or next(chunks, b"")
            piece = member.decompress(part, _PIECE)
            if not (part or piece or member.eof):
                raise EOFError(_CUT_SHORT)
            rest = member.unconsumed_tail
            if piece:
                yield piece
        rest = _after_padding(member.unused_data, chunks)
        if not rest:
            return


def _after_padding(rest: bytes, chunks: Iterator[bytes]) -> bytes:
    while not rest.strip(b"\0"):
        following = next(chunks, None)
        if following is None:
            return b""
        rest = following
    return rest


def _deflate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a zlib stream, or of a raw one: both are called deflate."""
    start = next(chunks, b"")
    if len(start) < 2:
        start += next(chunks, b"")
    is_zlib = len(start) >= 2 and start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return _inflate(chunks, _ZLIB if is_zlib else _RAW, start)


def _members(
    chunks: Iterator[bytes], begin: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
) -> Iterator[bytes]:
    rest = b""
    while True:
        member = begin()
        part = rest
        while not member.eof:
            if not part and member.needs_input:
                part = next(chunks, b"")
                if not part:
                    raise EOFError(_CUT_SHORT)
            piece = member.decompress(part, _PIECE)
            part = b""
            if piece:
                yield piece
        rest = _after_padding(member.unused_data, chunks)
        if not rest:
            return


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def _brotli(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    while not decompressor.is_finished():
        part = next(chunks, b"") if decompressor.can_accept_more_data() else b""
        piece = decompressor.process(part, output_buffer_limit=_PIECE)
        if piece:
            yield piece
        elif not part and not decompressor.is_finished():
            raise EOFError(_CUT_SHORT)


def _zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    rest = b""
    while True:
        member = decompressor.decompressobj()
        while not member.eof:
            rest = rest or next(chunks, b"")
            if not rest:
                raise EOFError(_CUT_SHORT)
            chunk, rest = rest, b""
            for position in range(0, len(chunk), _ZSTD_PART):
                piece = member.decompress(chunk[position : position + _ZSTD_PART])
                if piece:
                    yield piece
                if member.eof:
                    rest = member.unused_data + chunk[position + _ZSTD_PART :]
                    break
        rest = rest or next(chunks, b"")
        if not rest:
            return


_READERS: Mapping[Compression, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    "gzip": lambda chunks: _inflate(chunks, _GZIP),
    "brotli": _brotli,
    "zstd": _zstd,
    "deflate": _deflate,
    "bz2": lambda chunks: _members(chunks, bz2.BZ2Decompressor),
    "xz": lambda chunks: _members(chunks, _xz),
}
