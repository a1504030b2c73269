"""Text as tables: types that hold every value, and nothing that is lost on the way."""

import datetime as dt
import gzip
from typing import Any

import pytest

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.formats.streams.chunks import StreamLimits
from analysis_sandbox.formats.streams.options import guess_options
from analysis_sandbox.formats.streams.tables import read_table
from tests.datasources.objects.files import FORMATS, ROWS
from tests.formats.streams.test_reading import Bytes


def table(name: str, *files: bytes, batch_rows: int = 3, **options: Any) -> tuple[Any, Any]:
    sources = [Bytes(data) for data in files]
    wanted = guess_options(name, options)
    with read_table(sources, wanted, StreamLimits(), batch_rows=batch_rows) as reader:
        read: Any = reader.read_all()
    assert all(source.closed or wanted.format == "parquet" for source in sources)
    return {entry.name: str(entry.type) for entry in read.schema}, read.to_pylist()


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        (["1", "-2", ""], "int64", [1, -2, None]),
        (["1", "2.5"], "double", [1.0, 2.5]),
        (["1e3", "2"], "double", [1000.0, 2.0]),
        (["007", "1"], "string", ["007", "1"]),
        (["123456789012345678"], "int64", [123456789012345678]),
        (["12345678901234567890"], "string", ["12345678901234567890"]),
        (["123456789012345678", "0.5"], "string", ["123456789012345678", "0.5"]),
        (["0.12345678901234567"], "string", ["0.12345678901234567"]),
        (["true", "false"], "bool", [True, False]),
        (["true", "1"], "string", ["true", "1"]),
        (["2024-02-29"], "date32[day]", [dt.date(2024, 2, 29)]),
        (["2023-02-29"], "string", ["2023-02-29"]),
        (
            ["2024-01-02", "2024-01-02 03:04:05.678901"],
            "timestamp[us]",
            [dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 2, 3, 4, 5, 678901)],
        ),
        (
            ["2024-01-02T03:04:05+02:00"],
            "timestamp[us, tz=UTC]",
            [dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC)],
        ),
        (["2024-01-02T03:04:05Z", "2024-01-02"], "string", None),
        (["", ""], "string", [None, None]),
        (["NaN", "1"], "string", ["NaN", "1"]),
    ],
)
def test_a_column_of_csv_has_the_type_that_loses_nothing(
    values: list[str], kind: str, found: list[Any] | None
) -> None:
    text = "k,v\n" + "".join(f"{number},{value}\n" for number, value in enumerate(values))

    schema, rows = table("t.csv", text.encode())

    assert schema["v"] == kind
    assert [row["v"] for row in rows] == (values if found is None else found)


def test_a_late_value_counts_as_much_as_an_early_one() -> None:
    text = "v\n" + "1\n" * 2_000_000 + "x\n"

    schema, rows = table("t.csv", text.encode())

    assert schema == {"v": "string"}
    assert (len(rows), rows[0], rows[-1]) == (2_000_001, {"v": "1"}, {"v": "x"})


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("t.csv", FORMATS["csv"], {}),
        ("t.csv.gz", gzip.compress(FORMATS["csv"]), {}),
        ("t.csv", b"# note\n" + FORMATS["csv"], {"comment": "#"}),
        ("t.tsv", FORMATS["csv"].replace(b",", b"\t"), {}),
        ("t.json", FORMATS["json"], {}),
        ("t.parquet", FORMATS["parquet"], {}),
        ("t.parquet.gz", gzip.compress(FORMATS["parquet"]), {}),
        ("t.xlsx", FORMATS["excel"], {"sheet": "Sales"}),
    ],
)
def test_every_format_is_read_as_the_same_table(
    name: str, data: bytes, options: dict[str, Any]
) -> None:
    schema, rows = table(name, data, **options)

    assert schema == {"id": "int64", "name": "string", "amount": "double"}
    assert rows == ROWS


def test_quotes_and_line_breaks_within_fields_are_kept() -> None:
    text = 'a,b\n"x, ""y""\nz",1\n\n"",2\n'

    assert table("t.csv", text.encode())[1] == [
        {"a": 'x, "y"\nz', "b": 1},
        {"a": None, "b": 2},
    ]


def test_a_text_without_a_header_or_rows_has_no_table() -> None:
    assert table("t.csv", b"a,b\n") == ({"a": "string", "b": "string"}, [])
    for name in ("t.csv", "t.json"):
        with pytest.raises(ValidationFailedError, match="there are no rows"):
            table(name, b"")


def test_several_files_must_have_the_same_columns() -> None:
    assert table("t.csv", b"a\n1\n", b"a\n2.5\n")[1] == [{"a": 1.0}, {"a": 2.5}]
    with pytest.raises(ValidationFailedError, match=r"key: its columns \(b\) are not those"):
        table("t.csv", b"a\n1\n", b"b\n2\n")


def test_json_that_is_nested_or_mixed_becomes_text() -> None:
    text = b'{"a": {"b": [1]}, "m": 1}\n{"a": null, "m": "x", "late": 1}\n'

    schema, rows = table("t.jsonl", text, batch_rows=1)

    assert schema == {"a": "string", "m": "string", "late": "int64"}
    assert rows == [
        {"a": '{"b": [1]}', "m": "1", "late": None},
        {"a": None, "m": "x", "late": 1},
    ]


def test_a_record_with_too_few_fields_is_told() -> None:
    with pytest.raises(ValidationFailedError, match=r"key: .*Expected 2 columns, got 1"):
        table("t.csv", b"a,b\n1,2\n3\n")


@pytest.mark.parametrize("name", ["t", "t.txt", "t.gz", "csv", "t.csv.7z"])
def test_a_name_that_tells_no_format_is_refused(name: str) -> None:
    with pytest.raises(ValidationFailedError, match="the name tells no format"):
        guess_options(name)
