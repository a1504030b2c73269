"""`ctx.query` and `ctx.loadData`: a database in memory that is the run's own."""
# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from collections.abc import Mapping, Sequence
from typing import cast

from analysis_sandbox.dataframe.detection import with_dates
from analysis_sandbox.dataframe.rows import frame_of_rows
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.execution.sources import as_text
from analysis_sandbox.execution.warehouse import LazySession
from analysis_sandbox.limits import Limits
from analysis_sandbox.values import EncodedJSON
from analysis_sandbox.warehouse.client import Warehouse


class ScratchAccess:
    """The run's own database, opened at its first use; it ends with the run."""

    def __init__(self, warehouse: Warehouse, frames: Frames, *, limits: Limits) -> None:
        self._frames = frames
        self._limits = limits
        self._session = LazySession(
            lambda: warehouse.session(memory_mb=limits.duckdb_memory_mb, scratch=True)
        )

    def query(
        self, sql: str, params: Sequence[object] | Mapping[str, object] | None = None
    ) -> EncodedJSON:
        """`ctx.query`: one statement, with or without rows."""
        return self._session.get().query(
            as_text(sql, "sql"), params, max_bytes=self._limits.result_bytes
        )

    def load(self, table: str, given: object) -> int:
        """`ctx.loadData`: make a table of rows, or of a DataFrame; returns how many there are.

        Rows of JavaScript hold dates as text: a column of nothing but dates becomes one of dates.
        """
        name = as_text(table, "tableName")
        if not isinstance(given, list):
            return self._store(name, given)
        most = self._limits.dataframe_memory_mb << 20
        rows = with_dates(frame_of_rows(cast("list[object]", given), max_bytes=most))
        handle = self._frames.add(rows.lazy())
        try:
            return self._store(name, handle)
        finally:
            self._frames.release(handle)

    def close(self) -> None:
        """Let go of the database."""
        self._session.close()

    def _store(self, name: str, handle: object) -> int:
        with self._frames.batches(handle) as reader:
            return self._session.get().load(name, reader)
