"""Delimited text as authors write and get it; what is doubtful is an error with its line."""

import codecs
from typing import Any

import pytest

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.formats import delimited
from analysis_sandbox.formats.delimited import parse_delimited, read_options


def parse(data: str | bytes, **options: Any) -> list[Any]:
    return parse_delimited(data, read_options(options))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("a,b\r\n1,2\r\n3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ('a,b\n"x ""q"",\ny",\n', [{"a": 'x "q",\ny', "b": ""}]),
        ("a,b\n\n\n1,2\n\n", [{"a": "1", "b": "2"}]),
        (" a ,b\n 1 ,2", [{"a": " 1 ", "b": "2"}]),
        ("\ufeffa\nä", [{"a": "ä"}]),
        ("a,b", []),
        ("", []),
    ],
)
def test_text_is_read_as_the_standard_says(text: str, rows: list[Any]) -> None:
    assert parse(text) == rows


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_delimiter_is_seen_where_the_first_line_has_no_comma(mark: str) -> None:
    assert parse(f"a{mark}b\n1,5{mark}2") == [{"a": "1,5", "b": "2"}]
    assert parse(f'"a{mark}x",b\n1,2') == [{f"a{mark}x": "1", "b": "2"}]
    assert parse(f"a{mark}x,b\n1,2", delimiter=",") == [{f"a{mark}x": "1", "b": "2"}]


def test_headers_may_be_left_out_or_given() -> None:
    assert parse("1,2\n3", headers=False) == [["1", "2"], ["3"]]
    assert parse("1,2\n3,4", headers=["a", "b"]) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert parse("old,names\n1,2", headers=["a", "b"], skipRows=1) == [{"a": "1", "b": "2"}]


def test_lines_before_the_header_and_comments_are_passed_over() -> None:
    assert parse("Report\n\na,b\n1,2", skipRows=2) == [{"a": "1", "b": "2"}]
    assert parse("# note\na,b\n#x\n1,2", comment="#") == [{"a": "1", "b": "2"}]


def test_values_stay_text_unless_types_are_asked_for() -> None:
    text = "n,code,d,yes,none,big,exp,day\n-1,007,1.50,true,,12345678901234567890,1e3,2024-01-02"

    assert parse(text)[0]["n"] == "-1"
    assert parse(text, types=True) == [
        {
            "n": -1,
            "code": "007",
            "d": 1.5,
            "yes": True,
            "none": None,
            "big": "12345678901234567890",
            "exp": 1000,
            "day": "2024-01-02",
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "0x10",
        "+1",
        ".5",
        "5.",
        "1e999",
        "0.12345678901234567",
        "NaN",
        "True",
    ],
)
def test_what_is_no_plain_exact_number_stays_text(text: str) -> None:
    assert parse(f"a\n{text}", types=True) == [{"a": text}]


def test_spaces_are_trimmed_when_asked() -> None:
    assert parse("a,b\n 1 , 2", trim=True) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("a,b\n1,2\n1,2,3", {}, "line 3 has 3 fields, the header has 2"),
        ('a,b\n"x\ny",1\n1', {}, "line 4 has 1 fields, the header has 2"),
        ('a,b\n1,"x\n2,3', {}, "begins in line 2 is not valid: unexpected end of data"),
        ('a,b\n\n1,"x"y', {}, "begins in line 3 is not valid"),
        ("a,,b\n1,2,3", {}, "Line 1: header 2 is empty"),
        ("x\na,a\n1,2", {"skipRows": 1}, "Line 2: the header 'a' is there twice"),
        ("1,2", {"headers": ["a", "a"]}, "the header 'a' is there twice"),
        ("a", {"skipRows": 3}, "skipRows is 3, the text has 1 lines"),
        (b"a\nb\n\xe4", {}, "line 3 is not utf-8: byte 5 is 0xe4"),
        (b"a", {"encoding": "klingon"}, "no encoding 'klingon'"),
        (b"a", {"encoding": "rot13"}, "no encoding 'rot13'"),
        (b"a", {"encoding": "undefined"}, "no encoding 'undefined'"),
        (b"a", {"encoding": "utf-8\0"}, "no encoding 'utf-8"),
        ("a", {"separator": ";"}, "separator: there is no such option; there are delimiter"),
        ("a", {"delimiter": ";;"}, "delimiter"),
        ("a", {"delimiter": '"'}, "two different marks"),
        ("a", {"headers": "yes"}, "headers: it must be true, false or an array of names"),
        ("a", {"skipRows": -1}, "skipRows"),
        ("a", {"skipRows": "1"}, "skipRows"),
    ],
)
def test_what_cannot_be_read_for_certain_is_told(
    data: str | bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationFailedError, match="parseCSV: ") as caught:
        parse(data, **options)

    assert message in str(caught.value)


def test_ragged_rows_keep_everything_when_they_are_allowed() -> None:
    rows = parse("a,b\n1\n1,2,3,4", ragged="allow")

    assert rows == [{"a": "1", "b": None}, {"a": "1", "b": "2", "_extra": ["3", "4"]}]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (codecs.BOM_UTF8 + "a\nä".encode(), "utf-8"),
        ("a\nä".encode("utf-16"), "utf-8"),
        ("a\nä".encode("windows-1252"), "windows-1252"),
        ("a\nä".encode("latin-1"), "iso-8859-1"),
    ],
)
def test_bytes_are_decoded_by_their_mark_or_the_encoding(data: bytes, encoding: str) -> None:
    assert parse(data, encoding=encoding) == [{"a": "ä"}]


def test_a_large_field_is_read() -> None:
    assert parse(f'a\n"{"x" * 300_000}"') == [{"a": "x" * 300_000}]


def test_more_cells_than_allowed_are_an_error_with_the_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delimited, "MAX_CELLS", 10)

    assert len(parse("a,b\n" * 5, headers=False)) == 5
    with pytest.raises(LimitExceededError, match="more than 10 cells; line 6"):
        parse("a,b\n" * 6, headers=False)


def test_more_columns_than_can_be_read_are_refused_with_the_figures() -> None:
    with pytest.raises(LimitExceededError, match="20000 columns; 16384 can be read"):
        parse(",".join(f"c{number}" for number in range(20_000)) + "\n1\n")


def test_short_rows_under_many_columns_count_with_all_their_cells() -> None:
    header = ",".join(f"c{number}" for number in range(10_000))
    with pytest.raises(LimitExceededError, match="line 502 goes beyond"):
        parse(header + "\n" + "1\n" * 600, ragged="allow")


@pytest.mark.parametrize("encoding", ["punycode", "idna", "utf-7", "unicode_escape", "hex"])
def test_encodings_that_are_no_files_are_refused(encoding: str) -> None:
    with pytest.raises(ValidationFailedError, match="no encoding"):
        parse(b"a\n1\n", encoding=encoding)
