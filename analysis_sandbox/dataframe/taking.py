"""Taking a step so that it never outgrows the memory: lazily, in parts, or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from analysis_sandbox.dataframe.bounds import BOUNDED_STEPS, Bound, Source, bound_of
from analysis_sandbox.dataframe.computing import Computer
from analysis_sandbox.dataframe.depth import check_depth
from analysis_sandbox.dataframe.extent import Extent, measured
from analysis_sandbox.dataframe.joining_steps import joining
from analysis_sandbox.dataframe.matching import joined_bound, single_bound
from analysis_sandbox.dataframe.steps import apply_step
from analysis_sandbox.dataframe.table import Arguments, Table

# Polars works on so many rows of a plan at once, on each thread.
_BATCH_ROWS = 100_000
# Text that is written takes up to three times its size while it is, and some of that for a while.
_WRITTEN_AT_ONCE = 8
# Where rows decide together, parts of them cannot be taken.
_GATHERED_AT_ONCE = 2
_UNKNOWN = Extent(0, {})


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step as it would be taken: its plan, and what it makes at most. Nothing is computed.

    `is_known` is false where the extent of an input is not. `pending` is what earlier steps write
    that are computed together with this one.
    """

    name: str
    given: Arguments
    sources: Sequence[Source]
    table: Table
    bound: Bound
    computer: Computer
    is_known: bool = True
    pending: int = 0

    @property
    def extent(self) -> Extent | None:
        """The extent of the result."""
        return self.bound.extent(self.table.schema) if self.is_known else None

    @property
    def fits(self) -> bool:
        """Whether all of the result has room in the memory."""
        if not self.is_known:
            return not self.bound.is_growing
        size = self.bound.size_bytes(self.table.schema)
        return size <= self.computer.budget and self.written <= self._writable

    @property
    def written(self) -> int:
        """What texts take that are written anew at once, by this step and pending ones."""
        if not self.bound.is_growing:
            return self.pending
        return self.pending + (self._of_part if self.bound.is_by_row else self.bound).work

    @property
    def _of_part(self) -> Bound:
        """The bound of the rows that are worked on at once."""
        parts = [Source(item.schema, item.extent.part(_rows_at_once())) for item in self.sources]
        return bound_of(self.name, self.given, parts)

    @property
    def _writable(self) -> int:
        return self.computer.budget // self._at_once

    @property
    def _at_once(self) -> int:
        return _WRITTEN_AT_ONCE if self.bound.is_by_row else _GATHERED_AT_ONCE

    @property
    def streams(self) -> bool:
        """Whether the rows that are worked on at once have room, however many there are."""
        if not self.is_known or not self.bound.is_streaming or self.written > self._writable:
            return False
        schema = self.table.schema
        most = self.bound.extent(schema).part(_rows_at_once()).size_bytes(schema)
        work = self._of_part.size_bytes(schema) if self.bound.is_by_row else self.bound.work
        return max(most, work) <= self.computer.budget

    def check_room(self) -> None:
        """Refuse the step if its result has no room.

        Raises:
            LimitExceededError: with the size it would have.
        """
        size = self.bound.size_bytes(self.table.schema)
        self.computer.check_room(self.name, self.bound.rows, size)
        if self.written > self._writable:
            rows, parts = self.bound.rows, self._at_once
            raise self.computer.no_room(self.name, rows, self.written, parts=parts)

    def matched(self, table: Table, inputs: Sequence[pl.DataFrame]) -> "Attempt":
        """Return the attempt with the rows counted, if it is a join of these rows."""
        if self.name != "join" or not self.bound.is_growing:
            return self
        asked = joining(table, self.given)
        single = single_bound(asked, self.sources[0].extent, inputs[-1])
        if single is not None and (known := replace(self, bound=single)).fits:
            return known
        self.computer.check_stopped()
        return replace(self, bound=joined_bound(asked, inputs[0], inputs[-1]))

    def in_parts(self, data: pl.DataFrame, *, free_bytes: int) -> pl.DataFrame:
        """Take the step on the rows part by part.

        Raises:
            LimitExceededError: the result takes more than `free_bytes`, or one row too much.
        """
        done: list[pl.DataFrame] = []
        rows = size = 0
        for part in self._parts(data):
            table = apply_step(self.name, self.computer.source(part), self.given)
            result, more = self.computer.collected(table, step=self.name, free_bytes=free_bytes)
            rows, size = rows + result.height, size + more
            if size > free_bytes:
                raise self.computer.too_large(rows, size, free_bytes)
            # Where texts are written, there is room for more of them.
            done.append(result.shrink_to_fit(in_place=True))
        return pl.concat(done)

    def _parts(self, data: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Halve the rows until no part can make too much."""
        waiting = [data]
        while waiting:
            self.computer.check_stopped()
            part = waiting.pop()
            bound = bound_of(self.name, self.given, [Source(data.schema, measured(part))])
            size = bound.size_bytes(self.table.schema)
            if size <= self.computer.budget // _WRITTEN_AT_ONCE:
                yield part
            elif part.height <= 1:
                raise self.computer.no_room(self.name, bound.rows, size, parts=_WRITTEN_AT_ONCE)
            else:
                half = part.height // 2
                waiting += [part.slice(half), part.slice(0, half)]


def _rows_at_once() -> int:
    return _BATCH_ROWS * pl.thread_pool_size()


def attempt(
    name: str,
    given: Arguments,
    inputs: Sequence[tuple[Table, Extent | None]],
    *,
    computer: Computer,
    pending: int = 0,
) -> Attempt:
    """Return a step as it would be taken; the first input is the frame.

    Raises:
        ValidationFailedError: there is no such step, or it cannot be taken on this frame.
        LimitExceededError: even of no rows it would make too much.
    """
    table = inputs[0][0]
    check_depth(name, given)
    if name not in BOUNDED_STEPS:
        apply_step(name, table, given)
        raise AssertionError(f"{name} has no bound")
    sources = [Source(item.schema, extent or _UNKNOWN) for item, extent in inputs]
    bound = bound_of(name, given, sources)
    if bound.least_bytes > computer.budget:
        # A step is tried on no rows, where plain values are computed too.
        nothing = bound_of(name, given, [Source(item.schema, _UNKNOWN) for item in sources])
        computer.check_room(name, nothing.rows, nothing.least_bytes)
    after = apply_step(name, table, given)
    is_known = all(extent is not None for _, extent in inputs)
    return Attempt(name, given, sources, after, bound, computer, is_known, pending)
