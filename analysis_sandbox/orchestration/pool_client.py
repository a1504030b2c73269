"""How processes talk to the run pool: one JSON line each way over its Unix socket."""

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis_sandbox.errors import UnavailableError
from analysis_sandbox.values import JSONObject

_TIMEOUT_SECONDS = 10.0
_MAX_ANSWER_BYTES = 1 << 20


class PoolAwayError(UnavailableError):
    """No run pool listens, or it is about to stop and takes no more runs."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """What the pool says of itself: `ready` workers can take a run, `busy` ones have one."""

    pid: int
    workers: int
    ready: int
    busy: int
    queued: int
    draining: bool


class PoolClient:
    """Speaks to the pool of one installation. Thread-safe; keeps no connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def launch(
        self, run_id: str, *, exclusive: str | None = None, limit: int = 1, priority: int = 0
    ) -> None:
        """Hand a run over; the pool ignores one that it has or had already.

        Raises:
            PoolAwayError: no pool took it.
        """
        answer = self._ask(
            {
                "op": "launch",
                "run_id": run_id,
                "exclusive": exclusive,
                "limit": limit,
                "priority": priority,
            }
        )
        if not answer["accepted"]:
            raise PoolAwayError("The run pool is stopping")

    def stop(self, run_id: str) -> str:
        """Stop a run: "queued" (it will not begin), "running" (it was interrupted) or "unknown".

        Raises:
            PoolAwayError: no pool listens.
        """
        return self._ask({"op": "stop", "run_id": run_id})["was"]

    def holds(self, run_id: str) -> bool:
        """Tell whether the pool has the run, queued or running; raises `PoolAwayError`."""
        return self._ask({"op": "holds", "run_id": run_id})["holds"]

    def status(self) -> PoolStatus:
        """Return what the pool is doing; raises `PoolAwayError`."""
        return PoolStatus(**self._ask({"op": "status"}))

    def _ask(self, request: JSONObject) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_TIMEOUT_SECONDS)
                connection.connect(str(self._path))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    line = answers.readline(_MAX_ANSWER_BYTES)
            return json.loads(line)
        except (OSError, ValueError) as error:
            raise PoolAwayError(
                f"The run pool does not answer on {self._path}: {error}",
                hint="Is `analysis-sandbox up` running?",
            ) from error
