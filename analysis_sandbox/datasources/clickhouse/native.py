"""Reads the blocks of ClickHouse's Native format from an answer, one block at a time."""

# The driver's types are only partly known to the type checker.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.datatypes import registry
from clickhouse_connect.driver import ctypes
from clickhouse_connect.driver.exceptions import ClickHouseError, StreamCompleteException
from clickhouse_connect.driver.query import QueryContext

from analysis_sandbox.datasources.clickhouse.failures import exception_in
from analysis_sandbox.datasources.clickhouse.values import (
    EXACT_FORMATS,
    Converter,
    converter,
    is_loose,
)
from analysis_sandbox.datasources.clickhouse.wire import Answer, ConnectionLost
from analysis_sandbox.errors import UnsupportedOperationError
from analysis_sandbox.values import JSONValue

# What the driver raises where bytes are no block: an exception's text, or a type it does not know.
_NOT_A_BLOCK = (ClickHouseError, ValueError, KeyError, IndexError, TypeError, OverflowError)


class BrokenStream(ValueError):
    """The answer holds something else than blocks: what is left of it tells why."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a result, as JSON data."""

    names: Sequence[str]
    rows: Sequence[Sequence[JSONValue]]


def read_blocks(answer: Answer) -> Iterator[Block]:
    """Yield the blocks of an answer, those without rows as well.

    Raises:
        BrokenStream: an exception stands where a block should.
        UnsupportedOperationError: a column has a type without a form.
        ConnectionLost: the answer ends within a block.
    """
    reader = _Reader(answer)
    while (block := reader.next()) is not None:
        yield block


class _Reader:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._source: Any = ctypes.RespBuffCls(answer)
        self._exact = QueryContext(query_formats=dict(EXACT_FORMATS))
        self._loose = QueryContext(query_tz="UTC", tz_mode="aware")
        self._known: dict[str, tuple[Any, QueryContext, Converter | None]] = {}

    def next(self) -> Block | None:
        try:
            width = self._source.read_leb128()
        except StreamCompleteException:
            return self._end()
        try:
            return self._block(width, self._source.read_leb128())
        except StreamCompleteException as error:
            raise ConnectionLost("the answer ended within a block") from error
        except _NOT_A_BLOCK as error:
            raise BrokenStream(str(error)) from error

    def _end(self) -> None:
        """Make sure that it is the end of the rows, and no exception that ends them early."""
        self._answer.finish()
        tag = self._answer.exception_tag
        if tag is not None and exception_in(self._answer.tail, tag) is not None:
            raise BrokenStream("an exception ends the rows")

    def _block(self, width: int, height: int) -> Block:
        names: list[str] = []
        columns: list[Sequence[JSONValue]] = []
        for _ in range(width):
            names.append(self._source.read_leb128_str())
            kind, context, convert = self._column(self._source.read_leb128_str())
            values = kind.read_column(self._source, height, context) if height else ()
            columns.append(values if convert is None else [convert(value) for value in values])
        return Block(names, list(zip(*columns, strict=True)))

    def _column(self, type_name: str) -> tuple[Any, QueryContext, Converter | None]:
        known = self._known.get(type_name)
        if known is None:
            if "AggregateFunction(" in type_name.replace("SimpleAggregateFunction(", ""):
                raise UnsupportedOperationError(
                    f"A column of type {type_name[:200]} has no values yet",
                    hint="Finish the aggregation in the query, for example with sumMerge(x).",
                )
            kind = registry.get_from_name(type_name)
            loose = is_loose(type_name)
            context = self._loose if loose else self._exact
            known = self._known[type_name] = (kind, context, converter(kind, loose=loose))
        return known
