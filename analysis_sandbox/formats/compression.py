"""Compressed bytes, both ways, with a bound on what they may grow to."""
# brotli has no type information.
# pyright: reportUnknownLambdaType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import bz2
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

import brotli
import zstandard

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError

Format = Literal["gzip", "brotli", "zstd", "deflate", "bz2"]
FORMATS: tuple[Format, ...] = get_args(Format)

_GZIP, _ZLIB, _RAW = 31, 15, -15
_CUT_SHORT = "it ends in the middle"
_BROTLI_QUALITY = 5
_ZSTD_LEVEL = 3
# Frames that want a larger window need as much memory to be read.
_ZSTD_WINDOW = 1 << 27
_PIECE = 1 << 20
_PART = 1 << 16
# A part's output cannot be bounded here, but 4 bytes become at most 128 KiB.
_ZSTD_PART = 256
_MEBIBYTE = 1 << 20


def compress(data: bytes, form: str) -> bytes:
    """Return `data` compressed; the same data gives the same bytes.

    Raises:
        ValidationFailedError: there is no such format.
    """
    return _COMPRESSORS[_known(form)](data)


def decompress(data: bytes, form: str, *, max_bytes: int) -> bytes:
    """Return what `data` was before; several members one after the other give one text.

    Raises:
        ValidationFailedError: there is no such format, or `data` is damaged or of another one.
        LimitExceededError: it would be more than `max_bytes`; reading ended there.
    """
    known = _known(form)
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _READERS[known](data):
            size += len(piece)
            if size > max_bytes:
                raise _too_large(len(data), size, max_bytes)
            pieces.append(piece)
    except (zlib.error, OSError, EOFError, zstandard.ZstdError, brotli.error) as error:
        raise ValidationFailedError(
            f"The {len(data)} bytes are not a whole {known} stream: {error}"
        ) from error
    return b"".join(pieces)


def _known(form: object) -> Format:
    for known in FORMATS:
        if form == known:
            return known
    raise ValidationFailedError(
        f"There is no compression format {form!r}: it is one of {', '.join(FORMATS)}"
    )


def _too_large(given: int, size: int, max_bytes: int) -> LimitExceededError:
    return LimitExceededError(
        f"{given} compressed bytes became {size / _MEBIBYTE:.1f} MB and more; "
        f"{max_bytes / _MEBIBYTE:g} MB are allowed",
        hint="Decompress smaller parts, or let a datasource read the data.",
        details={"compressed_bytes": given, "bytes_at_least": size, "limit_bytes": max_bytes},
    )


def _gzip(data: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return compressor.compress(data) + compressor.flush()


_COMPRESSORS: Mapping[Format, Callable[[bytes], bytes]] = {
    "gzip": _gzip,
    "brotli": lambda data: brotli.compress(data, quality=_BROTLI_QUALITY),
    "zstd": lambda data: zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data),
    "deflate": zlib.compress,
    "bz2": bz2.compress,
}


def _inflate(data: bytes, window: int) -> Iterator[bytes]:
    """Yield the pieces of every member; zeros after the last one are padding."""
    position = 0
    while True:
        member = zlib.decompressobj(window)
        while not member.eof:
            part = member.unconsumed_tail
            if not part:
                part = data[position : position + _PART]
                position += len(part)
            piece = member.decompress(part, _PIECE)
            if not (part or piece or member.eof):
                raise EOFError(_CUT_SHORT)
            yield piece
        position -= len(member.unused_data)
        if not data[position:].strip(b"\0"):
            return


def _deflate(data: bytes) -> Iterator[bytes]:
    """Yield the pieces of a zlib stream, or of a raw one: both are called deflate."""
    is_zlib = len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _inflate(data, _ZLIB if is_zlib else _RAW)


def _bz2(data: bytes) -> Iterator[bytes]:
    while True:
        member = bz2.BZ2Decompressor()
        while not member.eof:
            piece = member.decompress(data, _PIECE)
            if not piece and member.needs_input and not member.eof:
                raise EOFError(_CUT_SHORT)
            data = b""
            yield piece
        data = member.unused_data
        if not data:
            return


def _brotli(data: bytes) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    while not decompressor.is_finished():
        piece = decompressor.process(data, output_buffer_limit=_PIECE)
        data = b""
        if not piece and not decompressor.is_finished():
            raise EOFError(_CUT_SHORT)
        yield piece


def _zstd(data: bytes) -> Iterator[bytes]:
    position = 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    while True:
        member = decompressor.decompressobj()
        while not member.eof:
            part = data[position : position + _ZSTD_PART]
            if not part:
                raise EOFError(_CUT_SHORT)
            position += len(part)
            yield member.decompress(part)
        position -= len(member.unused_data)
        if position >= len(data):
            return


_READERS: Mapping[Format, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": lambda data: _inflate(data, _GZIP),
    "brotli": _brotli,
    "zstd": _zstd,
    "deflate": _deflate,
    "bz2": _bz2,
}
