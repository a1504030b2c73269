"""Rows of Arrow batches as JSON text: DuckDB's types, and the same table as `values`."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_sandbox.errors import ResultTooLargeError, ValidationFailedError
from analysis_sandbox.formats.arrow_json import encode_rows, unique_names
from analysis_sandbox.values import EncodedJSON, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"arrow_lossless_conversion": True}) as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        yield connection


def encoded(database: duckdb.DuckDBPyConnection, sql: str) -> EncodedJSON:
    reader = database.sql(sql).to_arrow_reader(2048)
    return encode_rows(reader.schema, list(reader))


def table(values: list[Any], kind: pa.DataType) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    batch = pa.record_batch([pa.array(values, kind)], names=["v"])
    return batch.schema, [batch]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("true", True),
        ("NULL", None),
        ("NULL::VARCHAR", None),
        ("127::TINYINT", 127),
        ("9007199254740991::BIGINT", 9007199254740991),
        ("9007199254740992::BIGINT", "9007199254740992"),
        ("-9007199254740992::BIGINT", "-9007199254740992"),
        ("18446744073709551615::UBIGINT", "18446744073709551615"),
        ("sum(7::BIGINT)", 7),
        ("(-170141183460469231731687303715884105728)::HUGEINT", f"-{2**127}"),
        ("340282366920938463463374607431768211455::UHUGEINT", f"{2**128 - 1}"),
        ("(-5)::BIGNUM", -5),
        ("123456789012345678901234567890::BIGNUM", "123456789012345678901234567890"),
        ("1.5::FLOAT", 1.5),
        ("0.1::FLOAT", 0.1),
        ("1e300::DOUBLE", 1e300),
        ("'nan'::DOUBLE", None),
        ("'-inf'::DOUBLE", None),
        ("12.5000::DECIMAL(18,4)", 12.5),
        ("0.0000001::DECIMAL(18,7)", 1e-7),
        ("123456789012345.67::DECIMAL(18,2)", "123456789012345.67"),
        ("100000000000000000.00::DECIMAL(38,2)", 100000000000000000),
        ("'text'", "text"),
        ("'ünï \"quoted\" \\ \n 🦆' || chr(0)", 'ünï "quoted" \\ \n 🦆\x00'),
        ("DATE '2024-02-29'", "2024-02-29"),
        ("DATE 'infinity'", "infinity"),
        ("DATE '-infinity'", "-infinity"),
        ("DATE '0044-03-15 (BC)'", "-000043-03-15"),
        ("DATE '12024-01-01'", "+012024-01-01"),
        ("TIMESTAMP '2024-01-01 10:00:00'", "2024-01-01T10:00:00"),
        ("TIMESTAMP '2024-01-01 10:00:00.12'", "2024-01-01T10:00:00.120000"),
        ("TIMESTAMP '1969-12-31 23:59:59.999999'", "1969-12-31T23:59:59.999999"),
        ("TIMESTAMP 'infinity'", "infinity"),
        ("TIMESTAMP '-infinity'", "-infinity"),
        ("TIMESTAMP '12024-01-01 10:00:00.5'", "+012024-01-01T10:00:00.500000"),
        ("TIMESTAMP_S '2024-01-01 10:00:00'", "2024-01-01T10:00:00"),
        ("TIMESTAMP_MS '2024-01-01 10:00:00.123'", "2024-01-01T10:00:00.123"),
        ("TIMESTAMP_NS '2024-01-01 10:00:00.123456789'", "2024-01-01T10:00:00.123456789"),
        ("TIMESTAMPTZ '2024-01-01 10:00:00+02'", "2024-01-01T08:00:00Z"),
        ("TIMESTAMPTZ 'infinity'", "infinity"),
        ("TIME '10:00:00'", "10:00:00"),
        ("TIME '10:00:00.000001'", "10:00:00.000001"),
        ("TIME '24:00:00'", "24:00:00"),
        ("TIMETZ '10:00:00-05:30'", "10:00:00-05:30"),
        (
            "INTERVAL '1 year 2 months 3 days 4.5 seconds'",
            {"months": 14, "days": 3, "micros": 4_500_000},
        ),
        ("'\\x00\\xFF'::BLOB", {"\ue000bytes": "AP8="}),
        ("'10101'::BIT", "10101"),
        ("'4ac7a9e9-607c-4c8a-84f3-843f0191e3fd'::UUID", "4ac7a9e9-607c-4c8a-84f3-843f0191e3fd"),
        ("'b'::ENUM('a', 'b')", "b"),
        ("[1, NULL, 3]", [1, None, 3]),
        ("[]::INTEGER[]", []),
        ("[[1], NULL, []]", [[1], None, []]),
        ("[1, 2]::INTEGER[2]", [1, 2]),
        ("[9007199254740993]", ["9007199254740993"]),
        ("{'a': 1, 'b c': [DATE '2024-01-01']}", {"a": 1, "b c": ["2024-01-01"]}),
        ("{'\ue000bytes': 'x'}", {"\ue000\ue000bytes": "x"}),
        ("row(1, 'x')", {"element1": 1, "element2": "x"}),
        ("MAP {'a': 1, 'b': NULL}", {"a": 1, "b": None}),
        ("MAP {'\ue000bytes': 1}", {"\ue000\ue000bytes": 1}),
        ("MAP {1: 'a', 2: 'b'}", [[1, "a"], [2, "b"]]),
        ("MAP {DATE '2024-01-01': true}", [["2024-01-01", True]]),
        ("union_value(a := 5)", 5),
        ("""'{"a": [1, 2.5, "x", null]}'::JSON""", {"a": [1, 2.5, "x", None]}),
        ("""'{"a": 12345678901234567890}'::JSON""", {"a": "12345678901234567890"}),
        ("""'["\ue000bytes ü", 1e999, [1,2,]]'::JSON""", ["\ue000bytes ü", None, [1, 2]]),
        ("""'{"\ue000bytes": NaN, "b": "inf, -nan,]"}'::JSON""", {
            "\ue000\ue000bytes": None, "b": "inf, -nan,]"
        }),
        ("""['{"a": 1}'::JSON]""", [{"a": 1}]),
    ],
)  # fmt: skip
def test_a_value_of_every_type_has_its_form(
    database: duckdb.DuckDBPyConnection, sql: str, expected: object
) -> None:
    text = encoded(database, f"SELECT {sql} AS v")

    assert text.isascii()
    assert json.loads(text) == [{"v": expected}]


def test_rows_of_all_types_with_their_extremes_and_nulls_are_valid_json(
    database: duckdb.DuckDBPyConnection,
) -> None:
    rows = json.loads(encoded(database, "SELECT * FROM test_all_types()"))

    assert len(rows) == 3
    assert set(rows[2].values()) == {None}
    assert rows[1]["date"] == "+5881580-07-10"
    assert rows[0]["timestamp"] == "-290308-12-22T00:00:00"
    assert rows[1]["time_tz"] == "24:00:00-15:59:59"
    assert rows[1]["union"] == 5


def test_a_variant_is_refused_with_what_to_write(database: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ValidationFailedError, match="write payload::JSON in the SQL"):
        encoded(database, "SELECT 1::VARIANT AS payload")


def test_columns_of_one_name_are_all_there(database: duckdb.DuckDBPyConnection) -> None:
    assert encoded(database, "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS b") == (
        '[{"a":1,"a_2":2,"a_1":3,"b":4}]'
    )


@given(st.lists(st.sampled_from(["a", "a_1", "a_2", "b", "b_1"]), max_size=12))
def test_no_name_is_used_twice_and_the_first_of_each_stays(names: list[str]) -> None:
    unique = unique_names(names)

    assert len(set(unique)) == len(names)
    for name in names:
        assert unique[names.index(name)] == name


def test_no_rows_are_an_empty_array(database: duckdb.DuckDBPyConnection) -> None:
    assert encoded(database, "SELECT 1 AS a WHERE false") == "[]"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
        (pa.uint64(), st.integers(0, 2**64 - 1)),
        (pa.float64(), st.floats()),
        (pa.string(), TEXT),
        (pa.large_string(), TEXT),
        (pa.string_view(), TEXT),
        (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "ü"])),
        (pa.bool_(), st.booleans()),
        (pa.binary(), st.binary()),
        (pa.date32(), st.dates()),
        (pa.timestamp("us"), st.datetimes()),
        (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
        (pa.timestamp("us", "Europe/Berlin"), st.datetimes(timezones=st.just(UTC))),
        (pa.time64("us"), st.times()),
        (pa.duration("us"), st.timedeltas(-timedelta(10**6), timedelta(10**6))),
        (pa.decimal128(38, 10), st.decimals(-(10**20), 10**20, places=10)),
        (pa.decimal128(10, 2), st.decimals(-(10**7), 10**7, places=2)),
        (pa.decimal256(60, 5), st.decimals(-(10**20), 10**20, places=5)),
        (pa.list_(pa.int64()), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))),
        (pa.list_(pa.string(), 2), st.lists(st.none() | TEXT, min_size=2, max_size=2)),
        (
            pa.struct([("a", pa.string()), ("\ue000b", pa.list_(pa.float64()))]),
            st.fixed_dictionaries({"a": TEXT, "\ue000b": st.lists(st.floats())}),
        ),
        (pa.null(), st.none()),
    ],
    ids=str,
)
@given(data=st.data())
def test_a_column_crosses_as_its_values_do_one_by_one(
    data: st.DataObject, kind: pa.DataType, values: st.SearchStrategy[Any]
) -> None:
    drawn = data.draw(st.lists(st.none() | values, max_size=8))
    schema, batches = table(drawn, kind)

    expected = json.loads(encode([{"v": value} for value in drawn]))
    assert json.loads(encode_rows(schema, batches)) == expected


@given(st.lists(st.none() | st.dictionaries(TEXT, TEXT, max_size=3), min_size=1, max_size=6))
def test_maps_of_strings_are_objects(maps: list[dict[str, str] | None]) -> None:
    kind = pa.map_(pa.string(), pa.string())
    schema, batches = table([None if m is None else list(m.items()) for m in maps], kind)

    assert decode(encode_rows(schema, batches)) == [{"v": value} for value in maps]


@given(st.data())
def test_a_slice_is_encoded_like_a_copy_of_it(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    start = data.draw(st.integers(0, count - 1))
    length = data.draw(st.integers(0, count - start))
    columns = {
        "i": pa.array([None if n % 3 == 0 else n for n in range(count)]),
        "s": pa.array([f"t{n}\n" for n in range(count)]),
        "l": pa.array([None if n % 4 == 1 else list(range(n)) for n in range(count)]),
        "m": pa.array(
            [None if n % 4 == 2 else [(f"k{n}", n)] for n in range(count)],
            pa.map_(pa.string(), pa.int64()),
        ),
        "r": pa.array([None if n % 2 else {"a": n, "b": [n]} for n in range(count)]),
        "d": pa.array([f"e{n % 2}" for n in range(count)]).dictionary_encode(),
        "u": pa.UnionArray.from_sparse(
            pa.array([n % 2 for n in range(count)], pa.int8()),
            [pa.array(range(count)), pa.array([f"u{n}" for n in range(count)])],
        ),
    }
    batch = pa.record_batch(columns)

    whole = json.loads(encode_rows(batch.schema, [batch]))
    part = encode_rows(batch.schema, [batch.slice(start, length)])
    assert json.loads(part) == whole[start : start + length]


def test_wide_rows_are_encoded_in_parts() -> None:
    texts = ["x" * 1_000_000 + str(number) for number in range(12)]
    schema, batches = table(texts, pa.string())

    assert json.loads(encode_rows(schema, batches)) == [{"v": text} for text in texts]


@given(st.lists(TEXT, min_size=1, max_size=20), st.integers(-3, 3))
def test_the_bound_is_exact(texts: list[str], slack: int) -> None:
    schema, batches = table(texts, pa.string())
    size = len(encode_rows(schema, batches))
    if slack >= 0:
        assert len(encode_rows(schema, batches, max_bytes=size + slack)) == size
    else:
        with pytest.raises(ResultTooLargeError):
            encode_rows(schema, batches, max_bytes=size + slack)


def test_no_more_is_read_than_the_bound_needs() -> None:
    schema = pa.schema([("v", pa.string())])
    read = 0

    def endless() -> Iterator[pa.RecordBatch]:
        nonlocal read
        while True:
            read += 1
            yield pa.record_batch([pa.array(["x" * 100] * 1000)], schema=schema)

    with pytest.raises(ResultTooLargeError) as caught:
        encode_rows(schema, endless(), max_bytes=1 << 20)

    assert read == math.ceil((1 << 20) / (1000 * len('{"v":""},' + "x" * 100)))
    assert caught.value.details["limit_bytes"] == 1 << 20


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime(2024, 1, 1, 10, 0, 0, 5), pa.timestamp("us")),
        (date(1, 1, 1), pa.date32()),
        (time(23, 59, 59, 999999), pa.time64("us")),
        (Decimal("1E+3"), pa.decimal128(20, 0)),
        (2**53, pa.int64()),
    ],
)
def test_edges_agree_with_the_table_of_values(value: object, kind: pa.DataType) -> None:
    schema, batches = table([value], kind)

    assert json.loads(encode_rows(schema, batches)) == json.loads(encode([{"v": value}]))
