"""The files within archives, in the archive's order, each as pieces of bytes.

A tar and a zip are read as they arrive, never sought in: a zip's directory, which lies at its end,
is not looked at. A 7z archive begins with what lies at its end, so it goes to a temporary file.
"""
# py7zr has no type information worth the name.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import contextlib
import fnmatch
import lzma
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import IO, Any, Self, TypeAlias, cast

import py7zr
import zstandard
from py7zr.exceptions import ArchiveError
from py7zr.io import Py7zIO, WriterFactory
from stream_unzip import MissingPasswordError as ZipPasswordError
from stream_unzip import NotStreamUnzippable as ZipNeedsItsDirectoryError
from stream_unzip import UnzipError, stream_unzip

from analysis_sandbox.errors import LimitExceededError, NotFoundError, ValidationFailedError
from analysis_sandbox.formats.streams.chunks import (
    Budget,
    ChunkFile,
    check_temporary,
    pieces_of,
    spooled,
)
from analysis_sandbox.formats.streams.options import Archive

Member: TypeAlias = tuple[str, Iterator[bytes]]

_MOST_MEMBERS = 100_000
_MOST_SHOWN = 20
_MOST_AT_ONCE = 100
# Headers beside a file's own: long names and the like, read as a whole.
_MOST_HEADER_BYTES = 1 << 20
_EXTRA_HEADERS = frozenset(b"xgLKX"[i : i + 1] for i in range(5))


class Selection:
    """Which files of one archive are wanted: one name, those of a pattern, or the only one."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted.lstrip("/") if wanted is not None else None
        self._is_pattern = wanted is not None and any(mark in wanted for mark in "*?[")
        self._seen: list[str] = []
        self._taken: list[str] = []

    @property
    def is_complete(self) -> bool:
        """Whether no other file can be wanted."""
        return self._wanted is not None and not self._is_pattern and bool(self._taken)

    def takes(self, name: str) -> bool:
        """Return whether a file is wanted.

        Raises:
            ValidationFailedError: nothing was named, and this is a second file.
            LimitExceededError: the archive has too many files.
        """
        if len(self._seen) >= _MOST_MEMBERS:
            raise LimitExceededError(
                f"the archive has more than {_MOST_MEMBERS} files",
                details={"limit_files": _MOST_MEMBERS},
            )
        self._seen.append(name)
        if self._wanted is None:
            if _is_leftover(name):
                return False
            if self._taken:
                raise ValidationFailedError(
                    f"the archive has more than one file ({self._taken[0]}, {name} …): name one "
                    'with member, or take those of a pattern: { member: "*.csv" }'
                )
        elif not self._matches(name):
            return False
        self._taken.append(name)
        return True

    def finish(self) -> None:
        """Raise `NotFoundError` if no file was wanted."""
        if self._taken:
            return
        shown = ", ".join(self._seen[:_MOST_SHOWN]) or "none"
        more = " …" if len(self._seen) > _MOST_SHOWN else ""
        what = f"no file {self._wanted!r}" if self._wanted is not None else "no file"
        raise NotFoundError(
            f"the archive has {what}; there are: {shown}{more}",
            details={"members": self._seen[:_MOST_SHOWN]},
        )

    def _matches(self, name: str) -> bool:
        wanted = self._wanted or ""
        if not self._is_pattern:
            return name == wanted
        # A pattern without a directory is about the file's own name.
        subject = name if "/" in wanted else name.rpartition("/")[2]
        return fnmatch.fnmatchcase(subject, wanted)


def members(
    chunks: Iterable[bytes], kind: Archive, *, selection: Selection, budget: Budget
) -> Iterator[Member]:
    """Yield the wanted files, each to be read before the next one.

    Raises:
        ValidationFailedError: the archive is damaged, or encrypted, or of another kind.
        NotFoundError: it does not have what is wanted.
        LimitExceededError: it is too large.
    """
    yield from _READERS[kind](chunks, selection, budget)
    selection.finish()


def _zip(chunks: Iterable[bytes], selection: Selection, budget: Budget) -> Iterator[Member]:
    with _zip_errors():
        for raw, _, unpacked in stream_unzip(chunks):
            name = _text(raw)
            content = _zip_content(budget.bounded(unpacked))
            if not name.endswith("/") and selection.takes(name):
                yield name, content
                if selection.is_complete:
                    return
            for _ in content:
                pass


def _zip_content(content: Iterable[bytes]) -> Iterator[bytes]:
    # Whoever reads the content meets its errors outside the loop above.
    with _zip_errors():
        yield from content


@contextlib.contextmanager
def _zip_errors() -> Generator[None]:
    try:
        yield
    except ZipNeedsItsDirectoryError as error:
        raise ValidationFailedError(
            "the zip archive stores a file without saying its size beforehand, so it cannot be "
            "read as it arrives: pack it anew, with compression"
        ) from error
    except ZipPasswordError as error:
        raise ValidationFailedError("the zip archive is encrypted") from error
    except UnzipError as error:
        raise ValidationFailedError(
            f"not a whole zip archive ({type(error).__name__}{_detail(error)})"
        ) from error


class _TarInfo(tarfile.TarInfo):
    """A header; one that announces a huge header of its own is refused before that is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse a header."""
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTRA_HEADERS and info.size > _MOST_HEADER_BYTES:
            raise LimitExceededError(
                f"a header of the tar archive has {info.size} bytes; {_MOST_HEADER_BYTES} are "
                "allowed"
            )
        return info


def _tar(chunks: Iterable[bytes], selection: Selection, budget: Budget) -> Iterator[Member]:
    file = cast("IO[bytes]", ChunkFile(budget.bounded(chunks)))
    with _tar_errors(), tarfile.open(fileobj=file, mode="r|", tarinfo=_TarInfo) as archive:
        while (info := archive.next()) is not None:
            # What it remembers of every file would grow with the archive.
            cast("Any", archive).members = []
            name = info.name.removeprefix("./")
            if not info.isreg() or not selection.takes(name):
                continue
            content = archive.extractfile(info)
            if content is not None:
                yield name, _tar_content(content)
            if selection.is_complete:
                return


def _tar_content(content: IO[bytes]) -> Iterator[bytes]:
    with _tar_errors():
        yield from pieces_of(content)


@contextlib.contextmanager
def _tar_errors() -> Generator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ValidationFailedError(f"not a whole tar archive: {error}") from error


class _Part(Py7zIO):
    """Takes one file of a 7z archive into a temporary file."""

    def __init__(self, writer: "_Parts") -> None:
        self._writer = writer
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - the writer closes it

    def write(self, s: bytes | bytearray) -> int:
        self._writer.count(len(s))
        return self.file.write(s)

    def read(self, size: int | None = None) -> bytes:
        return self.file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def flush(self) -> None:
        self.file.flush()

    def size(self) -> int:
        return self.file.seek(0, 2)


class _Parts(WriterFactory):
    """Takes the wanted files of a 7z archive, within the limits of all of them together."""

    def __init__(self, budget: Budget, stack: ExitStack) -> None:
        self._budget = budget
        self._stack = stack
        self._size = 0
        self.parts: dict[str, _Part] = {}

    def create(self, filename: str) -> Py7zIO:
        part = _Part(self)
        self._stack.callback(part.file.close)
        self.parts[filename] = part
        return part

    def count(self, length: int) -> None:
        """Count what was unpacked."""
        self._size += length
        self._budget.check(self._size)
        check_temporary(self._size, self._budget.limits)


def _seven_zip(chunks: Iterable[bytes], selection: Selection, budget: Budget) -> Iterator[Member]:
    with ExitStack() as stack:
        packed = stack.enter_context(spooled(chunks, budget.limits))
        parts = _Parts(budget, stack)
        names: list[str] = []
        try:
            with py7zr.SevenZipFile(packed) as archive:
                if archive.needs_password():
                    raise ValidationFailedError("the 7z archive is encrypted")
                files = [info for info in archive.list() if not info.is_directory]
                names = [info.filename for info in files if selection.takes(info.filename)]
                selection.finish()
                _check_declared(
                    sum(info.uncompressed or 0 for info in files if info.filename in names),
                    len(names),
                    budget,
                )
                archive.extract(targets=names, factory=parts)
        except (
            *(ArchiveError, lzma.LZMAError, zlib.error, zstandard.ZstdError, struct.error),
            *(OSError, EOFError, ValueError, TypeError, LookupError, AssertionError),
        ) as error:
            raise ValidationFailedError(
                f"not a whole 7z archive ({type(error).__name__}{_detail(error)})"
            ) from error
        for name in names:
            part = parts.parts.get(name)
            if part is not None:
                part.file.seek(0)
                yield name, pieces_of(part.file)


def _check_declared(size: int, count: int, budget: Budget) -> None:
    """Refuse early what the archive itself says is too large."""
    budget.check(size)
    check_temporary(size, budget.limits)
    if count > _MOST_AT_ONCE:
        raise LimitExceededError(
            f"{count} files of the 7z archive match; {_MOST_AT_ONCE} can be read at once",
            hint="Name fewer of them with member.",
            details={"files": count, "limit_files": _MOST_AT_ONCE},
        )


_READERS: Mapping[Archive, Callable[[Iterable[bytes], Selection, Budget], Iterator[Member]]] = {
    "zip": _zip,
    "tar": _tar,
    "7z": _seven_zip,
}


def _is_leftover(name: str) -> bool:
    """Return whether a file is what macOS leaves in archives."""
    own = name.rpartition("/")[2]
    return own.startswith("._") or own == ".DS_Store" or name.startswith("__MACOSX/")


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _detail(error: Exception) -> str:
    text = str(error)
    return f": {text[:200]}" if text else ""
