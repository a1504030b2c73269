"""ClickHouse's rows as Arrow batches under one schema that is known before the first of them.

The server is asked what the columns are, and asked for them in a form that every version writes to
Arrow alike:

| ClickHouse                         | Arrow                                                   |
|------------------------------------|---------------------------------------------------------|
| Bool, Int8 … UInt64, Float32, 64   | the same                                                |
| Decimal up to 38 digits            | decimal128                                              |
| Date, Date32                       | date32                                                  |
| DateTime, DateTime64 up to micros  | timestamp[us, UTC]                                      |
| DateTime64 beyond                  | timestamp[ns, UTC]                                      |
| String, FixedString                | string; bytes that are no UTF-8 are an error: hex(x)    |
| Interval…                          | string that DuckDB casts: "3 days"                      |
| Array, Tuple, Map, JSON and the    | string: JSON                                            |
| like                               |                                                         |
| Int128 and larger, longer decimals,| string: ClickHouse's text                               |
| UUID, IPv4, Enum, everything else  |                                                         |
"""

# pyarrow has no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from analysis_sandbox.datasources.clickhouse.wire import Answer
from analysis_sandbox.datasources.rows import unique_names
from analysis_sandbox.datasources.tables import quoted
from analysis_sandbox.errors import QueryError, UnsupportedOperationError
from analysis_sandbox.sql.tokens import without_terminator

ARROW_SETTINGS = {
    "output_format_arrow_string_as_string": "1",
    "output_format_arrow_low_cardinality_as_dictionary": "0",
}
_WRAPPERS = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)", re.DOTALL)
_SIMPLE = re.compile(r"SimpleAggregateFunction\([\w(), ]*?, (.*)\)", re.DOTALL)
_DECIMAL = re.compile(r"Decimal\((\d+), (\d+)\)")
_PRECISE = re.compile(r"DateTime64\((\d)")
_INTERVAL = re.compile(r"Interval(\w+)")
_AS_JSON = re.compile(
    r"(?:Array|Tuple|Map|Nested|JSON|Object|Dynamic|Variant|Point|Ring|Polygon|LineString"
    r"|MultiLineString|MultiPolygon|MultiPoint|Geometry|QBit)\b"
)
_MOST_DIGITS = 38
_PLAIN: dict[str, pa.DataType] = {
    "Bool": pa.bool_(),
    "Int8": pa.int8(),
    "Int16": pa.int16(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "String": pa.string(),
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its type in Arrow, and what makes it of the server's, None where it is so."""

    type: pa.DataType
    form: Callable[[str], str] | None = None


class ArrowShape:
    """The schema of a statement's rows, and the statement that gives them in that schema."""

    def __init__(self, sql: str, described: Sequence[tuple[str, str]]) -> None:
        names = [name for name, _ in described]
        columns = [_column(name, type_) for name, type_ in described]
        self.schema = pa.schema(
            [(name, col.type) for name, col in zip(unique_names(names), columns, strict=True)]
        )
        self.sql = sql
        if any(column.form for column in columns):
            if len(set(names)) < len(names):
                raise QueryError(
                    "Columns of the same name cannot be loaded",
                    hint="Give each column a name of its own, with AS.",
                )
            selected = ", ".join(
                f"{column.form(quoted([name], '`'))} AS {quoted([name], '`')}"
                if column.form
                else quoted([name], "`")
                for name, column in zip(names, columns, strict=True)
            )
            self.sql = f"SELECT {selected} FROM (\n{without_terminator(sql, 'clickhouse')}\n)"

    def batches(
        self, answer: Answer, *, batch_rows: int, waiting: Callable[[], None]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches of exactly so many, but for the last.

        Raises:
            QueryError: a text is not UTF-8. ArrowInvalid: the answer is not Arrow.
        """
        held: list[pa.RecordBatch] = []
        count = 0
        with pa.ipc.open_stream(pa.PythonFile(_File(answer), mode="r")) as reader:
            for batch in reader:
                held.append(self._fitted(batch))
                count += batch.num_rows
                while count >= batch_rows:
                    whole = _joined(held, self.schema)
                    yield whole.slice(0, batch_rows)
                    waiting()
                    held, count = [whole.slice(batch_rows)], count - batch_rows
        if count:
            yield _joined(held, self.schema)
        answer.finish()

    def _fitted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = []
        for column, field in zip(batch.columns, self.schema, strict=True):
            try:
                column.validate(full=True)
                arrays.append(column.cast(field.type))
            except pa.ArrowInvalid as error:
                raise QueryError(
                    f"A value of column {field.name!r} does not fit {field.type}",
                    hint=f"Convert it in the query, for example hex({field.name}).",
                ) from error
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class _File:
    """The pieces of an answer as the file that Arrow reads."""

    def __init__(self, answer: Answer) -> None:
        self._pieces = answer.gen
        self._left = b""
        self.closed = False

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        taken = bytearray(self._left[:size])
        self._left = self._left[size:]
        while len(taken) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            needed = size - len(taken)
            taken += piece[:needed]
            self._left = piece[needed:]
        return bytes(taken)

    def readable(self) -> bool:
        """Tell that it is for reading."""
        return True

    def seekable(self) -> bool:
        """Tell that there is no way back."""
        return False

    def close(self) -> None:
        """Note that nobody reads any more."""
        self.closed = True


def _joined(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches, schema).combine_chunks().to_batches()[0]


def _column(name: str, type_name: str) -> _Column:
    kind = type_name
    while found := _WRAPPERS.fullmatch(kind) or _SIMPLE.fullmatch(kind):
        kind = found[1]
    if kind in _PLAIN:
        return _Column(_PLAIN[kind])
    if kind.startswith("AggregateFunction("):
        raise UnsupportedOperationError(
            f"Column {name!r} of type {type_name[:200]} has no values yet",
            hint="Finish the aggregation in the query, for example with sumMerge(x).",
        )
    if (found := _DECIMAL.fullmatch(kind)) and int(found[1]) <= _MOST_DIGITS:
        return _Column(pa.decimal128(int(found[1]), int(found[2])))
    if kind in ("Date", "Date32"):
        return _Column(pa.date32(), lambda name: f"toDate32({name})")
    if kind.startswith("DateTime"):
        found = _PRECISE.match(kind)
        nanos = found is not None and int(found[1]) > 6
        unit, digits = ("ns", 9) if nanos else ("us", 6)
        return _Column(
            pa.timestamp(unit, tz="UTC"), lambda name: f"toDateTime64({name}, {digits}, 'UTC')"
        )
    return _text_column(kind)


def _text_column(kind: str) -> _Column:
    if kind == "BFloat16":
        return _Column(pa.float32(), lambda name: f"toFloat32({name})")
    if kind.startswith("FixedString("):
        return _Column(pa.string(), lambda name: f"trim(TRAILING '\\0' FROM toString({name}))")
    if found := _INTERVAL.fullmatch(kind):
        unit = found[1].lower()
        return _Column(
            pa.string(), lambda name: f"concat(toString(CAST({name} AS Int64)), ' {unit}s')"
        )
    if _AS_JSON.match(kind):
        return _Column(pa.string(), lambda name: f"toJSONString({name})")
    if kind == "Nothing":
        return _Column(pa.string(), lambda name: f"CAST({name} AS Nullable(String))")
    return _Column(pa.string(), lambda name: f"toString({name})")
