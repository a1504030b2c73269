"""Where one project's warehouse keeps its files, and its socket."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from analysis_sandbox.errors import ConfigurationError, ValidationFailedError
from analysis_sandbox.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_LONGEST_ADDRESS = 107


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of one warehouse. `owner` is locked by its process, `start` by whoever starts it."""

    project: str
    directory: Path
    socket: Path
    log: Path

    @property
    def owner(self) -> Path:
        """Locked by the process that has the file open."""
        return self.directory / f"{self.project}.lock"

    @property
    def start(self) -> Path:
        """Locked by the client that starts the process."""
        return self.directory / "start.lock"


def places(settings: Settings, project: str) -> Places:
    """Return the paths of a project's warehouse and make their directories.

    Raises:
        ValidationFailedError: the name cannot be part of a path.
        ConfigurationError: a directory is not ours alone, or its path is too long for a socket.
    """
    if not _NAME.fullmatch(project):
        raise ValidationFailedError(f"'{project}' cannot be the name of a project")
    found = Places(
        project=project,
        directory=settings.warehouse_directory(project),
        socket=settings.warehouse_socket(project),
        log=settings.logs_directory / f"warehouse-{project}.log",
    )
    if len(os.fsencode(found.socket)) > _LONGEST_ADDRESS:
        raise ConfigurationError(
            f"The project's name is too long for its socket's path {found.socket}",
            hint="Use a shorter name or a shorter --home.",
        )
    for directory in (found.directory, found.socket.parent, found.log.parent):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_ours(found.socket.parent)
    return found


def _require_ours(directory: Path) -> None:
    """Refuse a directory of sockets that somebody else can write to or made before us."""
    status = directory.stat()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise ConfigurationError(
            f"{directory} belongs to somebody else or is writable by others",
            hint="Remove it, or use another --home.",
        )
