"""Rows of a query as JSON text, within a limit of bytes."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.values import TAG, EncodedJSON

T = TypeVar("T")
CHUNK_ROWS = 250


class RowEncoder:
    """Builds the JSON array of row objects chunk by chunk.

    Takes rows of values that are plain JSON data already. Columns of the same name stay apart:
    the second `id` becomes `id_2`.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        max_bytes: int,
        hint: str = "Aggregate in the query, add a LIMIT, or load it as a table.",
    ) -> None:
        self._keys = [TAG + name if name.startswith(TAG) else name for name in unique_names(names)]
        self._max_bytes = max_bytes
        self._hint = hint
        self._pieces: list[str] = []
        self._bytes = 2

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows.

        Raises:
            LimitExceededError: the text has become larger than `max_bytes`.
        """
        keys = self._keys
        text = _dumps([dict(zip(keys, row, strict=True)) for row in rows])[1:-1]
        if not text:
            return
        self._bytes += len(text) + 1
        if self._bytes > self._max_bytes:
            raise LimitExceededError(
                f"The result is larger than {self._max_bytes / (1 << 20):.1f} MB",
                hint=self._hint,
                details={"max_bytes": self._max_bytes},
            )
        self._pieces.append(text)

    def text(self) -> EncodedJSON:
        """Return the JSON array of everything added."""
        return EncodedJSON(f"[{','.join(self._pieces)}]")


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with `_2`, `_3` … after each that was there before."""
    taken = set(names)
    seen: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate = name
        for number in itertools.count(2):
            if candidate not in seen and (candidate == name or candidate not in taken):
                break
            candidate = f"{name}_{number}"
        seen.add(candidate)
        unique.append(candidate)
    return unique


def chunks(rows: Iterable[T], size: int = CHUNK_ROWS) -> Iterator[list[T]]:
    """Yield the rows in lists of at most `size`."""
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _dumps(rows: list[dict[str, Any]]) -> str:
    try:
        return _encode(rows)
    except RecursionError as error:
        raise ValidationFailedError(f"A value is nested too deeply: {error}") from None
