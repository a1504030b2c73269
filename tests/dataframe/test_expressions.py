"""Every method of column expressions gives what it says."""

from typing import Any

import pytest

from analysis_sandbox.dataframe.expressions import METHODS
from analysis_sandbox.errors import ValidationFailedError
from tests.dataframe.conftest import Script, call, col

A, B, S, L = col("a"), col("b"), col("s"), col("l")
DAYS = call("str.toDate", S)
MOMENTS = call("str.toDatetime", S)
Case = tuple[dict[str, list[Any]], Any, list[Any]]

CASES: dict[str, list[Case]] = {
    "col": [({"a": [1, None]}, A, [1, None])],
    "lit": [({"a": [1, 2]}, call("add", A, call("lit", None, 5)), [6, 7])],
    "len": [({"a": [1, None, 3]}, call("len"), [3])],
    "when": [
        (
            {"a": [1, 5, 9]},
            call("when", None, [[call("gt", A, 8), "high"], [call("gt", A, 4), "mid"]], "low"),
            ["low", "mid", "high"],
        ),
        ({"a": [1, 5]}, call("when", None, [[call("gt", A, 4), A]]), [None, 5]),
    ],
    "coalesce": [({"a": [None, 1], "b": [7, 8]}, call("coalesce", None, "a", B), [7, 1])],
    "concatStr": [
        (
            {"s": ["x", "y"], "a": [1, 2]},
            call("concatStr", None, "s", A, {"separator": "-"}),
            ["x-1", "y-2"],
        )
    ],
    "add": [
        ({"a": [1, None], "b": [2.5, 1.0]}, call("add", A, B), [3.5, None]),
        ({"s": ["a"]}, call("add", S, "!"), ["a!"]),
        ({"a": [True, False]}, call("add", A, A), [2, 0]),
    ],
    "sub": [({"a": [1, 2]}, call("sub", call("lit", None, 10), A), [9, 8])],
    "mul": [({"a": [2, 3]}, call("mul", A, 0.5), [1, 1.5])],
    "div": [
        ({"a": [1, 6]}, call("div", A, 4), [0.25, 1.5]),
        ({"a": [1]}, call("div", A, 0), [None]),
    ],
    "floorDiv": [({"a": [7, -7]}, call("floorDiv", A, 2), [3, -4])],
    "mod": [({"a": [7, -7]}, call("mod", A, 3), [1, 2])],
    "pow": [({"a": [2, 10]}, call("pow", A, -1), [0.5, 0.1])],
    "neg": [({"a": [1, -2]}, call("neg", A), [-1, 2])],
    "eq": [
        ({"a": [1, 2, None]}, call("eq", A, 1), [True, False, None]),
        ({"s": ["x", "y"]}, call("eq", call("lit", None, "x"), S), [True, False]),
    ],
    "neq": [({"a": [1, 2]}, call("neq", A, 1), [False, True])],
    "lt": [({"a": [1, 2]}, call("lt", A, 1.5), [True, False])],
    "lte": [({"a": [1, 2]}, call("lte", A, 1), [True, False])],
    "gt": [
        ({"a": [1, 2]}, call("gt", A, 1), [False, True]),
        ({"s": ["2024-01-01", "2024-03-01"]}, call("gt", DAYS, "2024-02-01"), [False, True]),
        (
            {"s": ["2024-01-01", "2024-03-01"]},
            call(
                "gt", DAYS, call("cast", call("lit", None, "2024-01-01T12:00:00.000Z"), "datetime")
            ),
            [False, True],
        ),
        (
            {"s": ["2024-01-01T10:00Z", "2024-01-01T10:00:00+02:00"]},
            call("gt", call("lit", None, "2024-01-01T09:00:00Z"), MOMENTS),
            [False, True],
        ),
    ],
    "gte": [({"a": [1, 2]}, call("gte", A, 2), [False, True])],
    "and": [
        ({"a": [1, 5, 9]}, call("and", call("gt", A, 1), call("lt", A, 9)), [False, True, False])
    ],
    "or": [({"a": [1, 5]}, call("or", call("gt", A, 8), call("eq", A, 1)), [True, False])],
    "xor": [({"a": [1, 5]}, call("xor", call("gt", A, 0), call("gt", A, 3)), [True, False])],
    "not": [({"a": [True, None]}, call("not", A), [False, None])],
    "fillNull": [
        ({"a": [1, None]}, call("fillNull", A, 0.5), [1, 0.5]),
        ({"a": [1, None]}, call("fillNull", A, {"strategy": "forward"}), [1, 1]),
        ({"a": [1, None]}, call("fillNull", A, call("max", A)), [1, 1]),
        ({"a": [1, None]}, call("fillNull", A, None, {"strategy": "max"}), [1, 1]),
    ],
    "fillNan": [
        (
            {"a": [1.5, 2.5]},
            call("fillNan", call("add", A, call("cast", call("lit", None, "NaN"), "float")), 9),
            [9, 9],
        )
    ],
    "isNull": [({"a": [1, None]}, call("isNull", A), [False, True])],
    "isNotNull": [({"a": [1, None]}, call("isNotNull", A), [True, False])],
    "isNan": [({"a": [0.0, 1.5]}, call("isNan", call("div", A, 0)), [True, False])],
    "isFinite": [({"a": [0.0, 1.5]}, call("isFinite", call("div", A, 0)), [False, False])],
    "isIn": [
        ({"a": [1, 2, 3]}, call("isIn", A, [1, 3.0]), [True, False, True]),
        ({"a": [1, 2]}, call("isIn", A, [1.5, 2]), [False, True]),
        ({"a": [1.5, 2]}, call("isIn", A, [2]), [False, True]),
        ({"s": ["x", None]}, call("isIn", S, ["x", None]), [True, True]),
        ({"s": ["2024-01-01", "2024-01-02"]}, call("isIn", DAYS, ["2024-01-02"]), [False, True]),
        ({"a": [1, 2]}, call("isIn", A, []), [False, False]),
        ({"a": [1, 2], "b": [2, 7]}, call("isIn", A, B), [False, True]),
        ({"a": [1, 2], "l": [[1], [1]]}, call("isIn", A, L), [True, False]),
    ],
    "between": [
        ({"a": [1, 2, 3]}, call("between", A, 1, 2), [True, True, False]),
        ({"a": [1, 2, 3]}, call("between", A, 1, 3, "none"), [False, True, False]),
        (
            {"s": ["2024-01-01", "2024-02-01"]},
            call("between", DAYS, "2024-01-15", "2024-02-01", "right"),
            [False, True],
        ),
    ],
    "sum": [({"a": [1, 2, None]}, call("sum", A), [3]), ({"a": [True, True]}, call("sum", A), [2])],
    "mean": [({"a": [1, 2]}, call("mean", A), [1.5])],
    "avg": [({"a": [1, 2]}, call("avg", A), [1.5])],
    "median": [({"a": [1, 2, 9]}, call("median", A), [2])],
    "min": [({"s": ["b", "a"]}, call("min", S), ["a"])],
    "max": [({"a": [1, 2]}, call("max", A), [2])],
    "std": [({"a": [1, 3]}, call("std", A, 0), [1])],
    "var": [({"a": [1, 3]}, call("var", A), [2])],
    "count": [({"a": [1, None]}, call("count", A), [1])],
    "nUnique": [({"a": [1, 1, 2]}, call("nUnique", A), [2])],
    "first": [({"a": [7, 8]}, call("first", A), [7])],
    "last": [({"a": [7, 8]}, call("last", A), [8])],
    "quantile": [
        ({"a": [1, 2, 3, 4]}, call("quantile", A, 0.5), [2.5]),
        ({"a": [1, 2, 3, 4]}, call("quantile", A, 0.5, "lower"), [2]),
    ],
    "any": [({"a": [1, 2]}, call("any", call("gt", A, 1)), [True])],
    "all": [({"a": [1, 2]}, call("all", call("gt", A, 1)), [False])],
    "alias": [({"a": [1]}, call("alias", A, "other"), [1])],
    "over": [
        ({"s": ["x", "y", "x"], "a": [1, 2, 3]}, call("over", call("sum", A), "s"), [4, 2, 4]),
        (
            {"s": ["x", "y", "x"], "a": [3, 2, 1]},
            call("over", call("cumSum", A), ["s"], {"orderBy": "a"}),
            [4, 2, 1],
        ),
    ],
    "cast": [
        ({"s": [" 12 ", "7"]}, call("cast", S, "int"), [12, 7]),
        ({"s": ["12", "x"]}, call("cast", S, "int", False), [12, None]),
        ({"a": [1, 0]}, call("cast", A, "boolean"), [True, False]),
        ({"a": [1.5]}, call("cast", A, "string"), ["1.5"]),
        ({"s": ["2024-02-29T10:00:00Z"]}, call("cast", S, "date"), ["2024-02-29"]),
        ({"s": ["2024-02-29"]}, call("cast", S, "datetime"), ["2024-02-29T00:00:00Z"]),
        ({"a": [86_400_000]}, call("cast", A, "datetime"), ["1970-01-02T00:00:00Z"]),
        ({"s": ["1.26"]}, call("cast", S, "decimal:1"), [1.3]),
    ],
    "abs": [({"a": [-1, 2]}, call("abs", A), [1, 2])],
    "round": [
        ({"a": [2.5, -2.5, 1.25]}, call("round", A), [3, -3, 1]),
        ({"a": [1.26]}, call("round", A, 1), [1.3]),
    ],
    "floor": [({"a": [1.7, -1.2]}, call("floor", A), [1, -2])],
    "ceil": [({"a": [1.2, -1.7]}, call("ceil", A), [2, -1])],
    "sqrt": [({"a": [9]}, call("sqrt", A), [3])],
    "exp": [({"a": [0]}, call("exp", A), [1])],
    "log": [({"a": [8]}, call("log", A, 2), [3]), ({"a": [1]}, call("log", A), [0])],
    "sign": [({"a": [-5, 0, 3]}, call("sign", A), [-1, 0, 1])],
    "clip": [
        ({"a": [1, 5, 9]}, call("clip", A, 2, 6), [2, 5, 6]),
        ({"a": [1, 5]}, call("clip", A, None, 3), [1, 3]),
    ],
    "cumSum": [
        ({"a": [1, 2, 3]}, call("cumSum", A), [1, 3, 6]),
        ({"a": [1, 2, 3]}, call("cumSum", A, True), [6, 5, 3]),
    ],
    "cumMin": [({"a": [2, 1, 3]}, call("cumMin", A), [2, 1, 1])],
    "cumMax": [({"a": [2, 1, 3]}, call("cumMax", A), [2, 2, 3])],
    "cumCount": [({"a": [2, None, 3]}, call("cumCount", A), [1, 1, 2])],
    "shift": [
        ({"a": [1, 2, 3]}, call("shift", A), [None, 1, 2]),
        ({"a": [1, 2, 3]}, call("shift", A, -1, 0), [2, 3, 0]),
    ],
    "diff": [({"a": [1, 4, 9]}, call("diff", A), [None, 3, 5])],
    "pctChange": [({"a": [2, 3]}, call("pctChange", A), [None, 0.5])],
    "rank": [
        ({"a": [10, 30, 10]}, call("rank", A), [1.5, 3, 1.5]),
        ({"a": [10, 30, 10]}, call("rank", A, "dense", True), [2, 1, 2]),
        ({"a": [10, 30]}, call("rank", A, {"method": "min", "descending": True}), [2, 1]),
    ],
    "rollingMean": [({"a": [1, 3, 5]}, call("rollingMean", A, 2), [None, 2, 4])],
    "rollingSum": [({"a": [1, 3, 5]}, call("rollingSum", A, 2, 1), [1, 4, 8])],
    "rollingMin": [({"a": [4, 3, 5]}, call("rollingMin", A, 2), [None, 3, 3])],
    "rollingMax": [
        ({"a": [4, 3, 5]}, call("rollingMax", A, 3, {"minSamples": 1, "center": True}), [4, 5, 5])
    ],
    "str.contains": [
        ({"s": ["a.b", "axb"]}, call("str.contains", S, "."), [True, False]),
        ({"s": ["ABC", "x"]}, call("str.contains", S, {"$regex": ["^ab", "gi"]}), [True, False]),
        ({"s": ["a.b", "x"]}, call("str.contains", S, "a.b", {"regex": True}), [True, False]),
    ],
    "str.startsWith": [({"s": ["ab", "b"]}, call("str.startsWith", S, "a"), [True, False])],
    "str.endsWith": [
        ({"s": ["ab", "a"], "t": ["b", "b"]}, call("str.endsWith", S, col("t")), [True, False]),
        ({"s": ["ab", "a"]}, call("str.endsWith", S, "b"), [True, False]),
    ],
    "str.toLowerCase": [({"s": ["ÄB"]}, call("str.toLowerCase", S), ["äb"])],
    "str.toUpperCase": [({"s": ["äb"]}, call("str.toUpperCase", S), ["ÄB"])],
    "str.trim": [({"s": [" a "]}, call("str.trim", S), ["a"])],
    "str.trimStart": [({"s": [" a "]}, call("str.trimStart", S), ["a "])],
    "str.trimEnd": [({"s": [" a "]}, call("str.trimEnd", S), [" a"])],
    "str.length": [({"s": ["äbc", ""]}, call("str.length", S), [3, 0])],
    "str.replace": [
        ({"s": ["a.a."]}, call("str.replace", S, ".", "$1"), ["a$1a."]),
        (
            {"s": ["2024-03"]},
            call("str.replace", S, {"$regex": ["(\\d+)-(?<m>\\d+)", ""]}, "$<m>/$1a $& $$"),
            ["03/2024a 2024-03 $"],
        ),
    ],
    "str.replaceAll": [
        ({"s": ["a-b-c"]}, call("str.replaceAll", S, "-", ""), ["abc"]),
        ({"s": ["a1b22"]}, call("str.replaceAll", S, {"$regex": ["\\d+", "g"]}, "#"), ["a#b#"]),
    ],
    "str.slice": [
        ({"s": ["hello"]}, call("str.slice", S, 1, 3), ["el"]),
        ({"s": ["hello", "o"]}, call("str.slice", S, -3), ["llo", "o"]),
        ({"s": ["hello", "o"]}, call("str.slice", S, 0, -2), ["hel", ""]),
        ({"s": ["hello"]}, call("str.slice", S, 3, 1), [""]),
        ({"s": ["hello", "ä", ""]}, call("str.slice", S, -3, -1), ["ll", "", ""]),
        ({"s": ["hello"]}, call("str.slice", S, -1, -3), [""]),
    ],
    "str.split": [({"s": ["a,b"]}, call("str.split", S, ","), [["a", "b"]])],
    "str.extract": [
        ({"s": ["id=42", "x"]}, call("str.extract", S, "id=(\\d+)"), ["42", None]),
        ({"s": ["id=42"]}, call("str.extract", S, {"$regex": ["id=(\\d+)", ""]}, 0), ["id=42"]),
    ],
    "str.padStart": [({"s": ["7"]}, call("str.padStart", S, 3, "0"), ["007"])],
    "str.padEnd": [({"s": ["7"]}, call("str.padEnd", S, 3), ["7  "])],
    "str.toDate": [
        ({"s": ["2024-02-29", None]}, DAYS, ["2024-02-29", None]),
        ({"s": ["29.02.2024"]}, call("str.toDate", S, "%d.%m.%Y"), ["2024-02-29"]),
    ],
    "str.toDatetime": [
        (
            {"s": ["2024-02-29", "2024-02-29 10:11", "2024-02-29T10:11:12.5+01:00"]},
            MOMENTS,
            ["2024-02-29T00:00:00Z", "2024-02-29T10:11:00Z", "2024-02-29T09:11:12.500000Z"],
        ),
        (
            {"s": ["29.02.2024 10:00"]},
            call("str.toDatetime", S, "%d.%m.%Y %H:%M"),
            ["2024-02-29T10:00:00"],
        ),
    ],
    "str.toNumber": [({"s": [" 1.5", "-2"]}, call("str.toNumber", S), [1.5, -2])],
    "list.length": [({"l": [[1, 2], []]}, call("list.length", L), [2, 0])],
    "list.get": [({"l": [[1, 2], []]}, call("list.get", L, -1), [2, None])],
    "list.join": [({"l": [[1, 2], []]}, call("list.join", L, "-"), ["1-2", ""])],
    "list.contains": [({"l": [[1, 2], []]}, call("list.contains", L, 2), [True, False])],
    "dt.year": [({"s": ["2024-02-29"]}, call("dt.year", DAYS), [2024])],
    "dt.quarter": [({"s": ["2024-05-29"]}, call("dt.quarter", DAYS), [2])],
    "dt.month": [({"s": ["2024-02-29"]}, call("dt.month", DAYS), [2])],
    "dt.week": [({"s": ["2024-01-08"]}, call("dt.week", DAYS), [2])],
    "dt.day": [({"s": ["2024-02-29"]}, call("dt.day", DAYS), [29])],
    "dt.weekday": [({"s": ["2024-01-07"]}, call("dt.weekday", DAYS), [7])],
    "dt.ordinalDay": [({"s": ["2024-02-01"]}, call("dt.ordinalDay", DAYS), [32])],
    "dt.hour": [({"s": ["2024-02-29T10:11:12Z"]}, call("dt.hour", MOMENTS), [10])],
    "dt.minute": [({"s": ["2024-02-29T10:11:12Z"]}, call("dt.minute", MOMENTS), [11])],
    "dt.second": [({"s": ["2024-02-29T10:11:12Z"]}, call("dt.second", MOMENTS), [12])],
    "dt.date": [({"s": ["2024-02-29T10:11:12Z"]}, call("dt.date", MOMENTS), ["2024-02-29"])],
    "dt.truncate": [
        ({"s": ["2024-02-29"]}, call("dt.truncate", DAYS, "1mo"), ["2024-02-01"]),
        ({"s": ["2024-02-29"]}, call("dt.truncate", DAYS, "quarter"), ["2024-01-01"]),
    ],
    "dt.format": [({"s": ["2024-02-29"]}, call("dt.format", DAYS, "%d.%m.%y"), ["29.02.24"])],
    "dt.offsetBy": [({"s": ["2024-01-31"]}, call("dt.offsetBy", DAYS, "1mo"), ["2024-02-29"])],
    "dt.epochMillis": [
        ({"s": ["1970-01-02T00:00:00.5Z"]}, call("dt.epochMillis", MOMENTS), [86_400_500])
    ],
}


def test_every_method_has_a_case() -> None:
    assert set(CASES) == set(METHODS)


@pytest.mark.parametrize(
    ("method", "case"), [(method, case) for method, cases in CASES.items() for case in cases]
)
def test_a_method_gives_what_it_says(script: Script, method: str, case: Case) -> None:
    columns, expression, expected = case
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]

    assert script.values(rows, expression) == expected


def test_all_columns_are_meant_by_a_star(script: Script) -> None:
    rows = script.after([{"a": 1, "b": 2.5}], "select", call("mul", col("*"), 2))

    assert rows == [{"a": 2, "b": 5}]


def test_columns_named_like_patterns_are_just_columns(script: Script) -> None:
    frame = script.create([{"^a$": 1, "a": 2, "*": 3}])
    summed = script.apply(frame, "aggregate", ["^a$"], {"star": "sum:*", "plain": "sum:a"})

    assert script.collect(summed) == [{"^a$": 1, "star": 3, "plain": 2}]


def test_a_long_chain_of_calls_is_read_without_nesting(script: Script) -> None:
    chain = {"$expr": ["chain", A, *(["add", 1] for _ in range(398))]}

    assert script.values([{"a": 0}], chain) == [398]


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (S, ["str.trim"]),
        (S, ["str.slice", -2]),
        (S, ["str.slice", 0, -1]),
        (S, ["str.replaceAll", "a", "b"]),
        (A, ["fillNull", call("max", A)]),
        (A, ["clip", 1, 2]),
        (A, ["round", 1]),
        (A, ["over", "s"]),
        (call("gt", A, 1), ["fillNull", True]),
    ],
)
def test_a_chain_of_the_allowed_length_can_be_computed(
    script: Script, start: Any, part: list[Any]
) -> None:
    longest = {"$expr": ["chain", start, *[part] * 196]}
    frame = script.apply(script.create([{"a": 1, "s": "x"}]), "withColumn", "r", longest)

    assert script.ask("frame.height", frame) == 1
    with pytest.raises(ValidationFailedError, match="make part of it a column first"):
        script.apply(frame, "select", {"$expr": ["chain", start, *[part] * 250]})


def test_small_integers_of_a_database_never_wrap_around(script: Script) -> None:
    rows = [{"a": 2**31 - 1}] * 3

    assert script.values(rows, call("sum", A)) == [3 * (2**31 - 1)]
    assert script.values(rows, call("mul", A, A))[0] == str((2**31 - 1) ** 2)
    assert script.values([{"a": None}, {"a": 1}], call("sub", call("count", A), call("len"))) == [
        -1
    ]


def test_decimals_keep_their_digits(script: Script) -> None:
    price = call("cast", S, "decimal:2")
    rows = [{"s": "2.25", "a": 3}]

    assert script.values(rows, call("mul", price, price)) == [5.0625]
    assert script.values(rows, call("div", price, A)) == [0.75]
    assert script.values(rows, call("div", price, 4)) == [0.5625]
    assert script.values(rows, call("mul", price, A)) == [6.75]
    assert script.values(rows, call("mul", price, 0.1)) == [pytest.approx(0.225)]


@pytest.mark.parametrize(
    "expression",
    [
        call("abs", A),
        call("mean", A),
        call("sum", A),
        call("not", A),
        call("and", A, A),
        call("dt.hour", A),
        call("str.trim", A),
        call("list.length", A),
        call("round", call("mul", A, 2), 1),
        call("when", None, [[A, "x"]]),
        call("gt", A, "2024-01-01"),
        call("concatStr", None, "a"),
        call("rollingSum", A, 1),
    ],
)
def test_a_column_of_nulls_goes_through_every_kind_of_method(
    script: Script, expression: Any
) -> None:
    assert script.values([{"a": None}], expression) == [None]
