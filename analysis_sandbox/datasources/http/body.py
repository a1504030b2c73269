"""Reads the body of an HTTP answer: decodes it within a limit of decoded bytes.

Decoders work in small steps, so that a few bytes that stand for gigabytes are cut before they fill
the memory.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import brotli
import zstandard

from analysis_sandbox.errors import LimitExceededError, QueryError

ACCEPT_ENCODING = "gzip, deflate, br, zstd"
_STEP = 1 << 16
# What HTTP allows the encoding zstd.
_ZSTD_WINDOW = 8 << 20
# Its decoder takes all it is given at once: four bytes may stand for 128 KB.
_ZSTD_SLICE = 256
_MOST_ENCODINGS = 2
# brotli has no type information.
_BrotliError = cast("type[Exception]", brotli.error)
_DAMAGED = (zlib.error, _BrotliError, zstandard.ZstdError, EOFError)


def read_body(chunks: Iterable[bytes], encoding: str, *, max_bytes: int, name: str) -> bytes:
    """Return a decoded body; `encoding` is the header Content-Encoding.

    Raises:
        LimitExceededError: it has more than `max_bytes`.
        QueryError: it is damaged, ends early or is encoded in a way that was not asked for.
    """
    received = _Counted(chunks)
    body = bytearray()
    try:
        for piece in _decoded(received, _encodings(encoding, name)):
            body += piece
            if len(body) > max_bytes:
                raise _too_large(received.count, encoding, max_bytes=max_bytes, name=name)
    except _DAMAGED as error:
        raise QueryError(
            f"Datasource {name!r}: the answer's {encoding} encoding is damaged or ends early",
            details={"datasource": name},
        ) from error
    return bytes(body)


class _Counted:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.count += len(chunk)
            yield chunk


class _Inflater(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /, max_length: int = 0) -> bytes: ...


def _encodings(header: str, name: str) -> list[str]:
    names = [part.strip().lower() for part in header.split(",")]
    found = [part for part in names if part not in ("", "identity")]
    unknown = [part for part in found if part not in _DECODERS]
    if unknown or len(found) > _MOST_ENCODINGS:
        raise QueryError(
            f"Datasource {name!r}: the answer is encoded as {header[:80]!r}; "
            f"these can be read: {ACCEPT_ENCODING}",
            details={"datasource": name},
        )
    return found


def _decoded(chunks: Iterable[bytes], encodings: list[str]) -> Iterable[bytes]:
    # Listed in the order in which they were applied.
    for encoding in reversed(encodings):
        chunks = _DECODERS[encoding](chunks)
    return chunks


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    member: _Inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    begun = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if member.eof:
                # A file of gzip may have several members; padding after the last is ignored.
                if not rest.startswith(b"\x1f"):
                    return
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            begun = True
            yield from _inflated(member, rest)
            rest = member.unused_data if member.eof else b""
    _check_end(begun=begun, ended=member.eof)


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream: _Inflater | None = None
    for chunk in chunks:
        if not chunk:
            continue
        if stream is None:
            # Some servers leave out the header of zlib, whose lowest four bits are 8.
            wrapped = chunk[0] & 0x0F == 8
            stream = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        yield from _inflated(stream, chunk)
        if stream.eof:
            return
    _check_end(begun=stream is not None, ended=False)


def _inflated(stream: _Inflater, data: bytes) -> Iterator[bytes]:
    while data:
        yield stream.decompress(data, _STEP)
        data = stream.unconsumed_tail
    while not stream.eof and (piece := stream.decompress(b"", _STEP)):
        yield piece


def _unbrotli(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream = cast("Any", brotli.Decompressor())
    begun = False
    for chunk in chunks:
        begun = begun or bool(chunk)
        data = chunk
        # It keeps what is over the step, and gives it out when asked again.
        while not stream.is_finished():
            piece = stream.process(data, output_buffer_limit=_STEP)
            data = b""
            yield piece
            if not piece and stream.can_accept_more_data():
                break
        if stream.is_finished():
            return
    _check_end(begun=begun, ended=stream.is_finished())


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = decompressor.decompressobj()
    begun = False
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_SLICE):
            begun, rest = True, chunk[start : start + _ZSTD_SLICE]
            while rest:
                frame = decompressor.decompressobj() if frame.eof else frame
                yield frame.decompress(rest)
                rest = frame.unused_data
    _check_end(begun=begun, ended=frame.eof)


_DECODERS = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


def _check_end(*, begun: bool, ended: bool) -> None:
    if begun and not ended:
        raise EOFError


def _too_large(received: int, encoding: str, *, max_bytes: int, name: str) -> LimitExceededError:
    allowed = f"{max_bytes / (1 << 20):g} MB"
    packed = f" ({received} bytes of {encoding} were read)" if encoding else ""
    return LimitExceededError(
        f"Datasource {name!r}: the answer is larger than {allowed}{packed}",
        hint="Ask for less, for example page by page, or raise max_response_mb.",
        details={"datasource": name, "max_bytes": max_bytes, "received_bytes": received},
    )
