"""Results of queries that asked to be remembered, for as long as nothing has changed."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeAlias

Body: TypeAlias = Any
"""The rows of a part of a result, as they are sent."""

_MOST_BYTES = 64 << 20
_LARGEST_BYTES = 8 << 20


class ResultCache:
    """Shared by all sessions. What it holds is forgotten with the next change of any data.

    Whoever looks for a result takes the `revision` first: a result read after it is as new or
    newer, and one that is older is not found any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: OrderedDict[str, tuple[Sequence[Body], int]] = OrderedDict()
        self._bytes = 0
        self.revision = 0

    def changed(self) -> None:
        """Forget everything: data was changed, and whoever did it is not told before."""
        with self._lock:
            self.revision += 1
            self._results.clear()
            self._bytes = 0

    def find(self, key: str) -> Sequence[Body] | None:
        """Return the parts of a result, None when it is not known."""
        with self._lock:
            found = self._results.get(key)
            if found is None:
                return None
            self._results.move_to_end(key)
            return found[0]

    def keep(self, key: str, bodies: Sequence[Body], *, revision: int) -> None:
        """Remember a whole result that was read after `revision` was taken."""
        size = sum(len(memoryview(body).cast("B")) for body in bodies)
        with self._lock:
            if revision != self.revision or size > _LARGEST_BYTES or key in self._results:
                return
            self._results[key] = (bodies, size)
            self._bytes += size
            while self._bytes > _MOST_BYTES:
                self._bytes -= self._results.popitem(last=False)[1][1]
