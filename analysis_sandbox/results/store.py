"""Result files: one compressed JSON file for each run, by date, whole or not there at all."""

import contextlib
import errno
import gzip
import math
import os
import re
import tempfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import zstandard

from analysis_sandbox.errors import (
    NotFoundError,
    ResultTooLargeError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.results.preview import preview_of
from analysis_sandbox.values import JSONValue

_LEVEL = 3
_MEGABYTE = 1 << 20
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True, slots=True)
class StoredResult:
    """Where a result is (relative to the store), how large its JSON is, and its head."""

    path: str
    size_bytes: int
    preview: JSONValue


class ResultStore:
    """The results below one directory, as `YYYY/MM/DD/<run id>.json.zst`. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, run_id: str, text: str, *, max_bytes: int, when: datetime) -> StoredResult:
        """Store the JSON text of a result; it is on the disk when this returns.

        Raises:
            ResultTooLargeError: the text is larger than `max_bytes`.
            UnavailableError: the file cannot be written, for example because the disk is full.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise ValidationFailedError(f"{run_id!r} cannot be the name of a result")
        content = text.encode("utf-8")
        _check_size(len(content), max_bytes)
        preview = preview_of(text)
        path = PurePosixPath(f"{when.astimezone(UTC):%Y/%m/%d}", f"{run_id}.json.zst")
        compressed = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
        try:
            _write_whole(self._directory, path, compressed)
        except OSError as error:
            raise _cannot_write(self._directory, len(compressed), error) from error
        return StoredResult(path=str(path), size_bytes=len(content), preview=preview)

    def read(self, path: str) -> str:
        """Return the JSON text of a stored result; `.zst` and `.gz` files are opened.

        Raises:
            NotFoundError: there is no such file in this store, or it is damaged.
            UnavailableError: the file cannot be read.
        """
        file = self._inside(path)
        try:
            compressed = file.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFoundError(
                f"The result file {path} does not exist",
                hint="It may have been cleaned up; run the analysis again.",
            ) from None
        except OSError as error:
            raise UnavailableError(f"The result file {path} cannot be read: {error}") from error
        try:
            if file.suffix == ".gz":
                return gzip.decompress(compressed).decode("utf-8")
            return _decompressed(compressed).decode("utf-8")
        except (zstandard.ZstdError, OSError, EOFError, zlib.error, ValueError) as error:
            raise NotFoundError(f"The result file {path} is damaged: {error}") from error

    def _inside(self, path: str) -> Path:
        """Return the file, if the path stays inside the store even through symbolic links."""
        relative = PurePosixPath(path)
        unusual = relative.is_absolute() or ".." in relative.parts or "\0" in path
        if unusual or relative.suffix not in (".zst", ".gz"):
            raise NotFoundError(f"{path!r} is no result file of this store")
        file = (self._directory / relative).resolve()
        if not file.is_relative_to(self._directory.resolve()):
            raise NotFoundError(f"{path!r} is no result file of this store")
        return file


def _check_size(size: int, max_bytes: int) -> None:
    if size <= max_bytes:
        return
    # Rounded up: the figure shown is never one that would have been allowed.
    shown = math.ceil(size / _MEGABYTE * 10) / 10
    raise ResultTooLargeError(
        f"Result size {shown:.1f}MB exceeds {max_bytes / _MEGABYTE:g}MB limit. "
        "Use DuckDB for large datasets.",
        details={"used": size, "allowed": max_bytes},
    )


def _write_whole(directory: Path, path: PurePosixPath, content: bytes) -> None:
    target = directory / path
    _make_directories(target.parent)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _make_directories(directory: Path) -> None:
    """Make a directory and its parents so that they survive a power cut."""
    if directory.is_dir():
        return
    _make_directories(directory.parent)
    with contextlib.suppress(FileExistsError):
        directory.mkdir()
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(directory: Path, size: int, error: OSError) -> UnavailableError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UnavailableError(
            f"The disk of {directory} is full: a result of {size} bytes was not stored",
            hint="Free some space, then run the analysis again.",
            details={"needed": size},
        )
    return UnavailableError(f"A result cannot be stored in {directory}: {error}")


def _decompressed(compressed: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(compressed) as reader:
        return reader.read()
