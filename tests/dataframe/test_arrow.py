"""What a database gives arrives in a frame unchanged, and crosses like the rows of a query."""

# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.execution.frames import Frames
from analysis_sandbox.formats.arrow_json import encode_rows
from analysis_sandbox.limits import Limits

BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS: list[tuple[str, pa.Array]] = [
    ("int8", pa.array([1, None, -128], pa.int8())),
    ("int32", pa.array([2**31 - 1, None], pa.int32())),
    ("uint32", pa.array([2**32 - 1, None], pa.uint32())),
    ("int64", pa.array([2**63 - 1, -(2**63), None])),
    ("uint64", pa.array([2**53 - 1, None], pa.uint64())),
    ("large uint64", pa.array([2**64 - 1, None], pa.uint64())),
    ("float32", pa.array([0.1, None, float("nan"), 1e30], pa.float32())),
    ("float64", pa.array([0.1, None, float("inf"), -0.0, 1e-7])),
    ("boolean", pa.array([True, None])),
    ("text", pa.array(["ä\n\ue000", None, ""])),
    ("large text", pa.array(["x", None], pa.large_string())),
    ("binary", pa.array([b"\x00\xff", None])),
    ("dictionary", pa.array(["a", None, "a"]).dictionary_encode()),
    ("decimal", pa.array([Decimal("1.10"), None], pa.decimal128(18, 2))),
    ("long decimal", pa.array([Decimal("12345678901234567890.12")], pa.decimal128(38, 2))),
    ("wide decimal", pa.array([Decimal("12.5"), None], pa.decimal256(60, 2))),
    ("date", pa.array([date(2024, 2, 29), date(1, 1, 1), None])),
    ("timestamp", pa.array([datetime(2024, 2, 29, 10, 11, 12, 500), None], pa.timestamp("us"))),
    ("seconds", pa.array([datetime(2024, 2, 29), None], pa.timestamp("s"))),
    ("milliseconds", pa.array([datetime(2024, 2, 29), None], pa.timestamp("ms"))),
    (
        "zoned",
        pa.array(
            [datetime(2024, 2, 29, 1, tzinfo=BERLIN), None], pa.timestamp("us", "Europe/Berlin")
        ),
    ),
    ("time", pa.array([time(10, 11, 12), None], pa.time64("us"))),
    ("duration", pa.array([timedelta(days=1, seconds=2), None], pa.duration("us"))),
    ("list", pa.array([[1, None], [], None], pa.list_(pa.int32()))),
    ("struct", pa.array([{"a": 1, "b": [True]}, None])),
    ("null", pa.nulls(2)),
    (
        "interval",
        pa.array([pa.MonthDayNano([1, 2, 3_000]), None], pa.month_day_nano_interval()),
    ),
    (
        "uuid",
        pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([bytes(range(16)), None], pa.binary(16))
        ),
    ),
    (
        "hugeint",
        pa.ExtensionArray.from_storage(
            pa.opaque(pa.binary(16), "hugeint", "DuckDB"),
            pa.array([(5).to_bytes(16, "little"), None], pa.binary(16)),
        ),
    ),
    (
        "large hugeint",
        pa.ExtensionArray.from_storage(
            pa.opaque(pa.binary(16), "hugeint", "DuckDB"),
            pa.array([(2**100).to_bytes(16, "little"), None], pa.binary(16)),
        ),
    ),
]


def reader(name: str, array: pa.Array) -> pa.RecordBatchReader:
    batch = pa.record_batch([array], [name])
    # Two batches, the second of them a slice.
    return pa.RecordBatchReader.from_batches(batch.schema, [batch, batch.slice(1)])


@pytest.mark.parametrize(("name", "array"), COLUMNS, ids=[name for name, _ in COLUMNS])
def test_frames_and_queries_give_the_same_json(name: str, array: pa.Array) -> None:
    frames = Frames(Limits())
    source = reader(name, array)

    of_frame = json.loads(frames.collect(frames.read(reader(name, array))))

    assert of_frame == json.loads(encode_rows(source.schema, source))


@pytest.mark.parametrize(("name", "array"), COLUMNS, ids=[name for name, _ in COLUMNS])
def test_a_query_without_rows_still_has_columns(name: str, array: pa.Array) -> None:
    frames = Frames(Limits())
    handle = frames.read(pa.RecordBatchReader.from_batches(reader(name, array).schema, []))

    assert json.loads(frames.collect(handle)) == []
    assert [column["name"] for column in _schema(frames, handle)] == [name]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (pa.array([86_400 * 10**6]).view(pa.time64("us")), "24:00:00"),
        (pa.array([Decimal(10) ** 50], pa.decimal256(60, 0)), "does not fit a frame"),
    ],
)
def test_a_value_that_frames_do_not_have_names_its_column(array: pa.Array, message: str) -> None:
    with pytest.raises(ValidationFailedError, match="The column odd") as caught:
        Frames(Limits()).read(reader("odd", array))

    assert message in caught.value.message


def test_columns_of_one_name_are_told_apart() -> None:
    frames = Frames(Limits())
    batch = pa.record_batch([pa.array([1]), pa.array([2])], ["a", "a"])

    handle = frames.read(pa.RecordBatchReader.from_batches(batch.schema, [batch]))

    assert json.loads(frames.collect(handle)) == [{"a": 1, "a_1": 2}]


def test_reading_ends_with_the_batch_that_is_too_much() -> None:
    frames = Frames(Limits(dataframe_memory_mb=16))
    batch = pa.record_batch([pa.array(range(131_072))], ["n"])
    asked: list[int] = []

    def batches() -> Any:
        for number in range(1_000):
            asked.append(number)
            yield batch

    with pytest.raises(
        LimitExceededError, match=r"more than 17\.0 MB after 2228224 rows; .* 16\.0 MB"
    ):
        frames.read(pa.RecordBatchReader.from_batches(batch.schema, batches()))

    assert len(asked) == 17


def _schema(frames: Frames, handle: int) -> list[dict[str, str]]:
    answer: Any = frames.schema(handle)
    return answer
