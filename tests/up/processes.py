"""Which processes an installation has, seen from outside."""

from dataclasses import dataclass

import psutil

from bench.installation import Installation


@dataclass(frozen=True, slots=True)
class Parts:
    """Finds the processes of one installation by what they run."""

    installation: Installation

    def everything(self) -> list[psutil.Process]:
        """Every descendant of `up`."""
        return psutil.Process(self.installation.pid).children(recursive=True)

    def pool(self) -> psutil.Process:
        """The run pool's parent process."""
        return self._one("analysis_sandbox.orchestration.pool")

    def workers(self) -> list[psutil.Process]:
        """The run workers."""
        pool = self.pool()
        return [child for child in _children(pool) if _command(child) == _command(pool)]

    def api(self) -> psutil.Process:
        """The API's process."""
        return self._one("api.app:application")

    def warehouse(self) -> psutil.Process:
        """The warehouse process of the default project."""
        return self._one("analysis_sandbox.warehouse.server")

    def postmaster(self) -> psutil.Process:
        """PostgreSQL's first process."""
        found = [
            process
            for process in self.everything()
            if "postgres" in _name(process) and "-D" in _command(process)
        ]
        return found[0]

    def fork_servers(self, parent: psutil.Process) -> list[psutil.Process]:
        """The sandbox fork servers that `parent` started."""
        return [child for child in _children(parent) if "forkserver" in _command(child)]

    def busy_workers(self) -> list[psutil.Process]:
        """The run workers with a script under way."""
        return [worker for worker in self.workers() if self.busy_fork_servers(worker)]

    def busy_fork_servers(self, worker: psutil.Process) -> list[psutil.Process]:
        """The fork servers of a worker with a script under way: one child is always kept ready."""
        return [server for server in self.fork_servers(worker) if len(_children(server)) > 1]

    def _one(self, module: str) -> psutil.Process:
        found = [process for process in self.everything() if module in _command(process)]
        roots = [p for p in found if p.ppid() not in {other.pid for other in found}]
        assert len(roots) == 1, f"{module}: {roots}"
        return roots[0]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
