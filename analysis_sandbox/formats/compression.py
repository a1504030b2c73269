"""Compressed bytes, both ways, with a bound on what they may grow to."""
# brotli has no type information.
# pyright: reportUnknownLambdaType=false

import bz2
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

import brotli
import zstandard

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.formats.streams.decompression import decompressed

Format = Literal["gzip", "brotli", "zstd", "deflate", "bz2"]
FORMATS: tuple[Format, ...] = get_args(Format)

_GZIP = 31
_BROTLI_QUALITY = 5
_ZSTD_LEVEL = 3
_PART = 1 << 16
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
        for piece in decompressed(_parts(data), known):
            size += len(piece)
            if size > max_bytes:
                raise _too_large(len(data), size, max_bytes)
            pieces.append(piece)
    except ValidationFailedError as error:
        raise ValidationFailedError(f"The {len(data)} bytes are {error.message}") from error
    return b"".join(pieces)


def _parts(data: bytes) -> Iterator[bytes]:
    return (data[start : start + _PART] for start in range(0, len(data), _PART))


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
