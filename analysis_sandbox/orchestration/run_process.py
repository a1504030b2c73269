"""A process that executes one run by itself, as the tag of that run names it."""

import contextlib
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class RunProcess:
    """A process on one host. The time of its start tells it from a later one with its pid."""

    host: str
    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the running process with that pid on this host."""
        return cls(socket.gethostname(), pid, _start(pid) or "")

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the process that `text` was made of, None for anything else."""
        host, _, rest = (text or "").rpartition(":")[0].rpartition(":")
        started = (text or "").rpartition(":")[2]
        return cls(host, int(rest), started) if host and rest.isdecimal() else None

    @property
    def text(self) -> str:
        """Return the process as the value of a tag."""
        return f"{self.host}:{self.pid}:{self.started}"

    def is_alive(self) -> bool:
        """Tell whether it still runs; one on another host is taken to."""
        return self.host != socket.gethostname() or _start(self.pid) == self.started

    def interrupt(self) -> bool:
        """Ask it to stop; False when it is gone or not on this host."""
        if self.host != socket.gethostname() or not self.is_alive():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
            return True
        return False


def _start(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; None when it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
