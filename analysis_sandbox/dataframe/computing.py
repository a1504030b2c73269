"""Computing plans: in batches, within a memory budget, until somebody says stop.

Polars can neither cancel a query nor bound its memory. So every plan is consumed batch by batch,
and where rows can multiply or there are many, a watch stands in the plan: it sees each batch inside
the query and ends the query by raising.
"""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from resource import getpagesize
from typing import TypeAlias

import polars as pl

from analysis_sandbox.dataframe.expressions import scope_of
from analysis_sandbox.dataframe.extent import BEYOND_MEASURE, size_of
from analysis_sandbox.dataframe.refusals import translated
from analysis_sandbox.dataframe.table import Table
from analysis_sandbox.errors import AnalysisSandboxError, CancelledError, LimitExceededError

MEBIBYTE = 1 << 20
_STATM = Path("/proc/self/statm")
# A query needs memory beside its result: hash tables, sorted copies, batches on their way.
_WORKING_MEMORY = 2
# What a plan reads at once is not worth a watch.
_WATCHED_ROWS = 1 << 16
# Between two looks at the memory a query cannot take much.
_LOOK_SECONDS = 0.005
_RECHUNKED_BYTES = 16 << 20

Batches: TypeAlias = Iterator[pl.DataFrame]


class Computer:
    """Computes plans for one run. Thread-safe."""

    def __init__(self, *, budget_bytes: int) -> None:
        self.budget = budget_bytes
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._running = 0
        self._baseline = 0
        self._next_look = 0.0
        self._failure: AnalysisSandboxError | None = None

    def stop(self) -> None:
        """End what is being computed and refuse to compute more, from any thread."""
        self._stopped.set()

    def check_stopped(self) -> None:
        """Raise `CancelledError` after `stop`."""
        if self._stopped.is_set():
            raise CancelledError("The run was stopped", name="CancelledError")

    def watched(self, plan: pl.LazyFrame) -> pl.LazyFrame:
        """Return the plan with a watch at its end."""
        return plan.map_batches(self._watch, streamable=True, validate_output_schema=False)

    def source(self, data: pl.DataFrame) -> Table:
        """Return the table of rows that are there, watched when there are many."""
        plan = data.lazy()
        watched = self.watched(plan) if data.height > _WATCHED_ROWS else plan
        return Table(watched, scope_of(data.schema))

    @contextmanager
    def batches(self, table: Table, *, step: str, at_once: bool = False) -> Generator[Batches]:
        """Compute a plan and give its batches one by one; leaving early ends the query.

        Raises:
            ValidationFailedError: a value does not fit, such as text that is cast to a number.
            LimitExceededError: the query needs too much memory.
            CancelledError: `stop` was called.
        """
        self.check_stopped()
        with self._counted(), closing(self._each(table, step, at_once=at_once)) as batches:
            yield batches

    def collected(
        self, table: Table, *, step: str, free_bytes: int, at_once: bool = False
    ) -> tuple[pl.DataFrame, int]:
        """Compute a plan and return its rows, and what they take.

        With `at_once` they come as one batch: sooner, for groups, which are held to the end anyway.

        Raises:
            LimitExceededError: they take more than `free_bytes`.
            and what `batches` raises.
        """
        parts: list[pl.DataFrame] = []
        rows = size = 0
        with self.batches(table, step=step, at_once=at_once) as batches:
            for batch in batches:
                rows += batch.height
                size += size_of(batch)
                if size > free_bytes:
                    raise self.too_large(rows, size, free_bytes)
                parts.append(batch)
        if not parts:
            return pl.DataFrame(schema=table.schema), 0
        data = parts[0] if len(parts) == 1 else pl.concat(parts)
        # What follows works chunk by chunk, at a price for each.
        return (data.rechunk() if size < _RECHUNKED_BYTES else data), size

    def too_large(self, rows: int, size: int, free_bytes: int) -> LimitExceededError:
        """Return the error for rows that do not fit into memory beside those that are held."""
        held = self.budget - free_bytes
        others = f", {held / MEBIBYTE:.1f} MB of it taken by other frames" if held else ""
        return LimitExceededError(
            f"The DataFrame takes more than {size / MEBIBYTE:.1f} MB after {rows} rows; the run's "
            f"frames may take {self.budget / MEBIBYTE:.1f} MB{others}",
            hint="Filter or aggregate before, let the warehouse do it in SQL, or raise "
            "execution.dataframe_memory_mb.",
            details={
                "rows": rows,
                "held_bytes": held,
                "size_bytes": size,
                "limit_bytes": self.budget,
            },
        )

    def check_room(self, step: str, rows: int, size: int) -> None:
        """Refuse a step before it is taken when what it makes is larger than the memory."""
        if size > self.budget:
            raise self.no_room(step, rows, size)

    def no_room(self, step: str, rows: int, size: int, *, parts: int = 1) -> LimitExceededError:
        """Return the error for a step that needs more than one of so many parts of the memory."""
        shown = f"{size / MEBIBYTE:.1f}" if size < BEYOND_MEASURE else "a billion times a million"
        what = f"{rows} rows" if rows != 1 else "one row"
        allowed = f"{self.budget / MEBIBYTE:.1f} MB"
        if parts > 1:
            allowed += f", and what a step writes at once {self.budget / parts / MEBIBYTE:.1f} MB"
        return LimitExceededError(
            f"{step} could need {shown} MB of memory for {what}; the run's frames may take "
            f"{allowed}",
            hint="Filter or aggregate before, make long expressions columns one by one with "
            "withColumn(), let the warehouse do it in SQL, or raise "
            "execution.dataframe_memory_mb.",
            details={"rows": rows, "size_bytes": size, "limit_bytes": self.budget // parts},
        )

    def _each(self, table: Table, step: str, *, at_once: bool) -> Generator[pl.DataFrame]:
        try:
            with translated(step, schema=table.schema):
                if at_once:
                    yield table.plan.collect(engine="streaming")
                    return
                # Without a watch at its end Polars gives the batches of some selections, such as
                # texts chosen by a condition, in an order that changes from run to run.
                batches = self.watched(table.plan).collect_batches(engine="streaming")
                while (batch := next(batches, None)) is not None:
                    self.check_stopped()
                    yield batch
        except AnalysisSandboxError as error:
            # Where Polars wraps what the watch raised, the reason is what the watch said.
            failure, self._failure = self._failure, None
            if failure is None or failure is error:
                raise
            raise failure from error

    @contextmanager
    def _counted(self) -> Generator[None]:
        """The memory that queries need is what the process grows by while any is running."""
        with self._lock:
            if self._running == 0:
                self._baseline = resident_bytes()
                self._failure = None
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def _watch(self, batch: pl.DataFrame) -> pl.DataFrame:
        try:
            self.check_stopped()
            now = time.monotonic()
            if now < self._next_look:
                return batch
            self._next_look = now + _LOOK_SECONDS
            grown = resident_bytes() - self._baseline
            allowed = _WORKING_MEMORY * self.budget
            if grown > allowed:
                raise LimitExceededError(
                    f"The DataFrame query needs more than {grown / MEBIBYTE:.0f} MB of memory; "
                    f"{allowed / MEBIBYTE:.0f} MB are allowed",
                    hint="A join on keys that repeat multiplies rows: make the keys unique, "
                    "filter or aggregate before it.",
                    details={"size_bytes": grown, "limit_bytes": allowed},
                )
        except AnalysisSandboxError as error:
            self._failure = error
            raise
        return batch


def resident_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * getpagesize()
    except OSError:
        return 0
