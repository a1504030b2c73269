"""The DataFrames of one run: plans under numbers, which are all that a script holds of them."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import contextlib
import itertools
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl
import pyarrow as pa

from analysis_sandbox.dataframe import arguments
from analysis_sandbox.dataframe.arrow_input import frame_of_batches
from analysis_sandbox.dataframe.column_types import type_name
from analysis_sandbox.dataframe.computing import MEBIBYTE, Computer
from analysis_sandbox.dataframe.data_steps import DATA_STEPS
from analysis_sandbox.dataframe.extent import Extent, longest_row, measured, size_of
from analysis_sandbox.dataframe.output import arrow_batches, arrow_schema, rows_json
from analysis_sandbox.dataframe.refusals import refusal, translated
from analysis_sandbox.dataframe.rows import frame_of_rows, series_of_values
from analysis_sandbox.dataframe.steps import (
    GROUPING_STEPS,
    MULTIPLYING_STEPS,
    apply_data_step,
)
from analysis_sandbox.dataframe.table import Table, of_plan
from analysis_sandbox.dataframe.taking import Attempt, attempt
from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.execution.sources import DatasourceAccess, as_text
from analysis_sandbox.execution.warehouse import WarehouseAccess
from analysis_sandbox.limits import Limits
from analysis_sandbox.values import EncodedJSON, JSONValue
from analysis_sandbox.warehouse.model import LoadMode

Function = Callable[..., object]

_MOST_FRAMES = 10_000
# A plan with more steps is computed in between: Polars' time grows with the square of them.
_MOST_STEPS = 100
_SAVE_MODES: Mapping[str, LoadMode] = {
    "overwrite": "replace",
    "append": "append",
    "error": "error",
}


@dataclass(slots=True)
class _Frame:
    """One frame: its plan, how many steps it has, and its rows once they are held.

    `extent` is None until somebody asks how large the rows are, or when nobody can know. `pending`
    is what texts take that its plan writes on the way.
    """

    table: Table
    steps: int = 1
    is_grouped: bool = False
    data: pl.DataFrame | None = None
    size: int = 0
    extent: Extent | None = None
    pending: int = 0


class Frames:
    """All frames of one run. Thread-safe; `close` ends what is being computed."""

    def __init__(self, limits: Limits) -> None:
        self._budget = limits.dataframe_memory_mb * MEBIBYTE
        self._max_bytes = limits.frame_mb * MEBIBYTE
        self._computer = Computer(budget_bytes=self._budget)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._frames: dict[int, _Frame] = {}
        self._held = 0

    def synchronous(self) -> Mapping[str, Function]:
        """Return the host functions that a script waits for."""
        return {
            "frame.create": self.create,
            "frame.apply": self.apply,
            "frame.attach": self.attach,
            "frame.materialise": self.materialise,
            "frame.rows": self.rows,
            "frame.keep": self.keep,
            "frame.collect": self.collect,
            "frame.height": self.height,
            "frame.schema": self.schema,
            "frame.release": self.release,
        }

    def asynchronous(
        self, *, datasources: DatasourceAccess, warehouse: WarehouseAccess | None
    ) -> Mapping[str, Function]:
        """Return the host functions that move rows between frames and databases."""

        def of_datasource(name: str, sql: str, params: object = None) -> int:
            source = datasources.readable(as_text(name, "datasource"))
            with source.read_arrow(as_text(sql, "sql"), params) as reader:
                return self.read(reader)

        if warehouse is None:
            return {"datasource.frame": of_datasource}

        def of_warehouse(
            sql: str, params: Sequence[object] | Mapping[str, object] | None = None
        ) -> int:
            with warehouse.session().read_arrow(as_text(sql, "sql"), params) as reader:
                return self.read(reader)

        def save(given: object, table: str, options: object = None) -> JSONValue:
            return self._save(warehouse, given, as_text(table, "tableName"), options)

        return {
            "datasource.frame": of_datasource,
            "duckdb.frame": of_warehouse,
            "duckdb.saveDataFrame": save,
        }

    def add(self, plan: pl.LazyFrame) -> int:
        """Take a plan in; return its handle."""
        return self._add(_Frame(of_plan("DataFrame", plan)))

    def get(self, handle: object) -> pl.LazyFrame:
        """Return the plan under a handle, given as a number or as `{"$frame": number}`."""
        return self._frame(handle).table.plan

    def read(self, reader: pa.RecordBatchReader) -> int:
        """Take all rows of a reader in; return the handle."""
        free = self._free()

        def check(rows: int, size: int) -> None:
            self._computer.check_stopped()
            if size > free:
                raise self._computer.too_large(rows, size, free)

        return self._hold(frame_of_batches(reader, check=check))

    def create(self, rows: object) -> int:
        """`frame.create`: make a frame of an array of objects."""
        return self._hold(frame_of_rows(rows, max_bytes=self._free()))

    def apply(self, handle: object, step: object, given: object) -> int:
        """`frame.apply`: return the frame after a step."""
        frame = self._frame(handle)
        name = arguments.text("frame.apply", "the step", step)
        if not arguments.is_array(given):
            raise refusal(name, "the arguments must be an array")
        if name in DATA_STEPS:
            data = self._data(frame, name)
            return self._hold(apply_data_step(name, data, given, max_bytes=self._free()))
        inputs = [frame, *self._frames_among(given)]
        after = self._taken(name, given, inputs)
        after.steps = sum(item.steps for item in inputs) + 1
        if after.data is None and after.steps > _MOST_STEPS:
            self._data(after, name, must_hold=True)
        return self._add(after)

    def attach(self, handle: object, columns: object) -> int:
        """`frame.attach`: add or replace columns by one value for each row."""
        data = self._data(self._frame(handle), "withColumn")
        members = arguments.mapping("withColumn", "the columns", columns)
        series = [_column(name, values, data.height) for name, values in members.items()]
        with translated("withColumn"):
            return self._hold(data.with_columns(series))

    def materialise(self, handle: object) -> JSONValue:
        """`frame.materialise`: compute the rows and hold them, for callbacks on rows."""
        frame = self._frame(handle)
        height = self._data(frame, "filter", must_hold=True).height
        return {"handle": _number(handle), "height": height}

    def rows(
        self, handle: object, offset: object, length: object, columns: object = None
    ) -> EncodedJSON:
        """`frame.rows`: return some rows."""
        frame = self._frame(handle)
        data = self._data(frame, "rows", must_hold=True)
        if columns is not None:
            data = data.select(frame.table.scope.columns("rows", "a column name", columns))
        start = arguments.whole("rows", "the offset", offset, least=0)
        count = arguments.whole("rows", "the length", length, least=0)
        return rows_json(data.slice(start, count), max_bytes=self._max_bytes)

    def keep(self, handle: object, indices: object) -> int:
        """`frame.keep`: return a frame of the rows with these numbers."""
        data = self._data(self._frame(handle), "filter")
        if not arguments.is_array(indices):
            raise refusal("filter", "the row numbers must be an array")
        with translated("filter"):
            numbers = pl.Series(indices, dtype=pl.Int64, strict=True)
        if numbers.null_count() or not numbers.is_between(0, data.height - 1).all():
            raise refusal("filter", f"a row number is not between 0 and {data.height - 1}")
        if numbers.n_unique() < len(numbers):
            # The longest row may be the one that is repeated.
            size, free = len(numbers) * longest_row(data), self._free()
            if size > free:
                raise self._computer.too_large(len(numbers), size, free)
        return self._hold(data[numbers] if len(numbers) else data.clear())

    def collect(self, handle: object) -> EncodedJSON:
        """`frame.collect`: return all rows."""
        frame = self._frame(handle)
        data = self._data(frame, "collect")
        size = frame.size if frame.data is data else None
        return rows_json(data, max_bytes=self._max_bytes, size_bytes=size)

    def height(self, handle: object) -> int:
        """`frame.height`: return the number of rows; they need not fit into memory."""
        frame = self._frame(handle)
        try:
            return self._data(frame, "height").height
        except LimitExceededError:
            plan = frame.table.plan.select(pl.len().cast(pl.Int64).alias("height"))
            counted = of_plan("height", plan)
            found, _ = self._computer.collected(counted, step="height", free_bytes=MEBIBYTE)
            return int(found.item())

    def schema(self, handle: object) -> JSONValue:
        """`frame.schema`: return name and type of each column."""
        schema = self._frame(handle).table.schema
        return [{"name": name, "type": type_name(dtype)} for name, dtype in schema.items()]

    def release(self, handle: object) -> None:
        """`frame.release`: forget a frame; frames made from it stay."""
        with self._lock:
            frame = self._frames.pop(_number(handle), None)
            self._held -= frame.size if frame else 0

    @contextlib.contextmanager
    def batches(self, given: object) -> Generator[pa.RecordBatchReader]:
        """Compute a frame, or an array of rows, as a stream of Arrow batches."""
        frame = self._given(given)
        schema = arrow_schema(frame.table.schema)
        if frame.data is not None:
            yield pa.RecordBatchReader.from_batches(schema, arrow_batches([frame.data]))
            return
        with self._computer.batches(frame.table, step="saveDataFrame") as parts:
            yield pa.RecordBatchReader.from_batches(schema, arrow_batches(parts))

    def arrow_of(self, given: object) -> pa.Table:
        """Return a frame, or an array of rows, as an Arrow table."""
        with self.batches(given) as reader:
            return reader.read_all()

    def close(self) -> None:
        """End what is being computed and forget all frames, from any thread."""
        self._computer.stop()
        with self._lock:
            self._frames.clear()
            self._held = 0

    def _save(
        self, warehouse: WarehouseAccess, given: object, table: str, options: object
    ) -> JSONValue:
        known = arguments.options("saveDataFrame", options, ("mode", "partition"))
        mode = arguments.choice(
            "saveDataFrame", "mode", known.get("mode", "overwrite"), tuple(_SAVE_MODES)
        )
        frame = self._given(given)
        partition: list[str] = []
        if "partition" in known:
            partition = frame.table.scope.columns("saveDataFrame", "partition", known["partition"])
        if not frame.table.names:
            raise refusal("saveDataFrame", "the frame has no columns; nothing can be stored")
        with self.batches(given) as reader:
            rows = warehouse.session().load(
                table,
                reader,
                mode=_SAVE_MODES[mode],
                partition=partition if _SAVE_MODES[mode] == "replace" else (),
            )
        return {"table": table, "rows": rows}

    def _given(self, given: object) -> _Frame:
        """Return a frame by its handle, or a new one of rows, which is not held."""
        if arguments.is_array(given):
            data = frame_of_rows(given, max_bytes=self._free())
            return _Frame(self._computer.source(data), data=data)
        return self._frame(given)

    def _taken(self, name: str, given: Sequence[object], inputs: Sequence[_Frame]) -> _Frame:
        """Take a step lazily where it has room whatever the rows are, else on computed rows."""
        pending = sum(item.pending for item in inputs)
        tried = self._attempted(name, given, inputs, pending=pending)
        if not tried.fits and not tried.streams:
            rows = [self._measured(item, name) for item in inputs]
            tried = self._attempted(name, given, inputs)
            if not tried.fits:
                tried = tried.matched(inputs[0].table, rows)
            if not tried.fits and tried.bound.is_by_row and not tried.streams:
                return self._of_data(tried.in_parts(rows[0], free_bytes=self._free()))
            if not tried.streams:
                tried.check_room()
        table = tried.table
        if name in MULTIPLYING_STEPS:
            table = Table(self._computer.watched(table.plan), table.scope)
        is_grouped = name in GROUPING_STEPS and tried.fits
        return _Frame(table, 1, is_grouped, extent=tried.extent, pending=tried.written)

    def _attempted(
        self, name: str, given: Sequence[object], inputs: Sequence[_Frame], *, pending: int = 0
    ) -> Attempt:
        resolved = [self._resolved(item) for item in given]
        known = [(item.table, self._extent(item)) for item in inputs]
        return attempt(name, resolved, known, computer=self._computer, pending=pending)

    def _extent(self, frame: _Frame) -> Extent | None:
        if frame.extent is None and frame.data is not None:
            frame.extent = measured(frame.data)
        return frame.extent

    def _measured(self, frame: _Frame, step: str) -> pl.DataFrame:
        """Return the rows of a frame, whose extent is exact from then on."""
        if frame.data is not None:
            return frame.data
        data = self._data(frame, step, must_hold=frame.pending > 0)
        frame.extent = measured(data)
        return data

    def _frames_among(self, given: Sequence[object]) -> list[_Frame]:
        """Return the frames among the arguments of a step."""
        flat = [part for item in given for part in (item if arguments.is_array(item) else [item])]
        return [self._frame(item) for item in flat if _is_frame(item)]

    def _resolved(self, argument: object) -> object:
        """Replace frames in an argument by their tables."""
        if arguments.is_array(argument):
            return [self._resolved_frame(item) for item in argument]
        return self._resolved_frame(argument)

    def _resolved_frame(self, argument: object) -> object:
        return self._frame(argument).table if _is_frame(argument) else argument

    def _frame(self, handle: object) -> _Frame:
        number = _number(handle)
        with self._lock:
            frame = self._frames.get(number)
        if frame is None:
            self._computer.check_stopped()
            raise ValidationFailedError(
                "This DataFrame is not known: it was released, or belongs to another run"
            )
        return frame

    def _data(self, frame: _Frame, step: str, *, must_hold: bool = False) -> pl.DataFrame:
        """Return the rows of a frame; they are held from then on while there is room.

        Half of the memory stays free for what is computed next.
        """
        if frame.data is not None:
            return frame.data
        free = self._free()
        data, size = self._computer.collected(
            frame.table, step=step, free_bytes=free, at_once=frame.is_grouped
        )
        with self._lock:
            if not must_hold and self._held + size > self._budget // 2:
                return data
            self._held += size
        frame.size, frame.data, frame.extent = size, data, None
        frame.steps, frame.pending = 1, 0
        frame.table = self._computer.source(data)
        return data

    def _hold(self, data: pl.DataFrame) -> int:
        """Take rows in; return the handle."""
        return self._add(self._of_data(data))

    def _of_data(self, data: pl.DataFrame) -> _Frame:
        """Return a frame of rows, which are held from then on."""
        size = size_of(data)
        with self._lock:
            free = self._free()
            if size > free:
                raise self._computer.too_large(data.height, size, free)
            self._held += size
        return _Frame(self._computer.source(data), data=data, size=size)

    def _free(self) -> int:
        return self._budget - self._held

    def _add(self, frame: _Frame) -> int:
        self._computer.check_stopped()
        with self._lock:
            if len(self._frames) >= _MOST_FRAMES:
                raise LimitExceededError(
                    f"The run has {_MOST_FRAMES} DataFrames; at most {_MOST_FRAMES} can be",
                    hint="Make one frame of many rows instead of a frame for each row.",
                )
            number = next(self._numbers)
            self._frames[number] = frame
            return number


def _number(handle: object) -> int:
    if _is_frame(handle):
        handle = cast("Mapping[str, object]", handle)["$frame"]
    if not isinstance(handle, int) or isinstance(handle, bool):
        raise ValidationFailedError(f"A DataFrame is needed, not {arguments.described(handle)}")
    return handle


def _is_frame(value: object) -> bool:
    return arguments.is_object(value) and "$frame" in value


def _column(name: str, values: object, height: int) -> pl.Series:
    if not arguments.is_array(values):
        raise refusal("withColumn", f"the values of '{name}' must be an array")
    given = values
    if len(given) != height:
        raise refusal("withColumn", f"'{name}' has {len(given)} values for {height} rows")
    return series_of_values(name, given)
