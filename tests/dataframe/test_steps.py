"""Every step gives what it says."""

from typing import Any

import pytest

from analysis_sandbox.dataframe.data_steps import DATA_STEPS
from analysis_sandbox.dataframe.steps import STEPS
from analysis_sandbox.errors import ValidationFailedError
from tests.dataframe.conftest import Row, Script, call, col

SALES: list[Row] = [
    {"city": "Bern", "n": 1, "price": 2.5},
    {"city": "Rome", "n": 2, "price": None},
    {"city": "Bern", "n": 3, "price": 1.0},
]
N, PRICE = col("n"), col("price")
Case = tuple[list[Any], Any]


# What is expected are the rows, or the column `n` where that tells the rows apart.
CASES: dict[str, list[Case]] = {
    "select": [
        (["city"], [{"city": "Bern"}, {"city": "Rome"}, {"city": "Bern"}]),
        ([["n", call("alias", call("mul", N, 2), "twice")]], [1, 2, 3]),
        ([{"k": "n", "t": call("add", N, 1)}], [{"k": k, "t": k + 1} for k in (1, 2, 3)]),
        ([call("sum", N)], [6]),
    ],
    "drop": [(["city", "price"], [{"n": 1}, {"n": 2}, {"n": 3}])],
    "withColumn": [
        (["city", None], [{**row, "city": None} for row in SALES]),
        (["n", call("mul", N, 2)], [2, 4, 6]),
        (["kind", "x"], [{**row, "kind": "x"} for row in SALES]),
    ],
    "withColumns": [
        ([{"n": call("neg", N), "one": 1}], [{**row, "n": -row["n"], "one": 1} for row in SALES]),
        ([call("alias", call("neg", N), "n")], [-1, -2, -3]),
    ],
    "rename": [
        (["n", "m"], [{"city": r["city"], "m": r["n"], "price": r["price"]} for r in SALES]),
        (
            [{"n": "price", "price": "n"}],
            [{"city": r["city"], "price": r["n"], "n": r["price"]} for r in SALES],
        ),
    ],
    "cast": [
        ([{"n": "string"}], [{**row, "n": str(row["n"])} for row in SALES]),
        (["n", "float"], [1, 2, 3]),
    ],
    "fillNull": [
        ([0], [{**row, "price": row["price"] or 0} for row in SALES]),
        ([{"price": call("max", PRICE)}], [{**row, "price": row["price"] or 2.5} for row in SALES]),
        ([None, {"strategy": "forward"}], [{**row, "price": row["price"] or 2.5} for row in SALES]),
        (
            [{"strategy": "zero", "columns": "price"}],
            [{**row, "price": row["price"] or 0} for row in SALES],
        ),
    ],
    "filter": [
        ([call("gt", N, 1)], [2, 3]),
        ([call("gt", N, 1), call("eq", col("city"), "Bern")], [3]),
    ],
    "sort": [
        (["n", False], [3, 2, 1]),
        ([["city", "n"], [True, False]], [3, 1, 2]),
        (["price"], [3, 1, 2]),
        (["price", {"descending": True}], [1, 3, 2]),
        (["price", {"descending": True, "nullsLast": False}], [2, 1, 3]),
        ([call("neg", N)], [3, 2, 1]),
        (["city"], [1, 3, 2]),
    ],
    "head": [([2], [1, 2]), ([], [1, 2, 3]), ([0], [])],
    "limit": [([1], [1])],
    "tail": [([1], [3]), ([], [1, 2, 3])],
    "slice": [([1], [2, 3]), ([-2, 1], [2]), ([5], [])],
    "unique": [
        (["city"], [1, 2]),
        ([["city"], {"keep": "last"}], [2, 3]),
        (["city", {"keep": "none"}], [2]),
        ([], [1, 2, 3]),
        ([None, {"keep": "first"}], [1, 2, 3]),
    ],
    "reverse": [([], [3, 2, 1])],
    "dropNulls": [([], [1, 3]), (["city"], [1, 2, 3]), ([["price", "n"]], [1, 3])],
    "explode": [
        (
            ["l"],
            [{"l": 1, "k": "a"}, {"l": 2, "k": "a"}, {"l": None, "k": "b"}],
        )
    ],
    "withRowIndex": [
        ([], [{"index": index, **row} for index, row in enumerate(SALES)]),
        (["row", 1], [{"row": index + 1, **row} for index, row in enumerate(SALES)]),
    ],
    "aggregate": [
        (
            [["city"], {"total": "sum:n"}],
            [{"city": "Bern", "total": 4}, {"city": "Rome", "total": 2}],
        ),
        ([[], {"total": "sum:n", "rows": "count"}], [{"total": 6, "rows": 3}]),
    ],
    "count": [([["city"]], [{"city": "Bern", "count": 2}, {"city": "Rome", "count": 1}])],
    "join": [],
    "concat": [],
    "pivot": [
        (
            [{"on": "city", "index": [], "values": "n", "aggregate": "sum"}],
            [{"Bern": 4, "Rome": 2}],
        ),
        (
            [{"on": "city", "index": "n", "values": "price"}],
            [
                {"n": 1, "Bern": 2.5, "Rome": None},
                {"n": 2, "Bern": None, "Rome": None},
                {"n": 3, "Bern": 1, "Rome": None},
            ],
        ),
        (
            [{"on": "city", "index": "n", "values": "price", "aggregate": "count"}],
            [
                {"n": 1, "Bern": 1, "Rome": 0},
                {"n": 2, "Bern": 0, "Rome": 1},
                {"n": 3, "Bern": 1, "Rome": 0},
            ],
        ),
    ],
    "unpivot": [
        (
            [{"on": ["n", "price"], "index": "city", "variableName": "what"}],
            [
                {"city": "Bern", "what": "n", "value": 1},
                {"city": "Rome", "what": "n", "value": 2},
                {"city": "Bern", "what": "n", "value": 3},
                {"city": "Bern", "what": "price", "value": 2.5},
                {"city": "Rome", "what": "price", "value": None},
                {"city": "Bern", "what": "price", "value": 1},
            ],
        )
    ],
    "describe": [],
    "sample": [([{"fraction": 1, "seed": 3}], None)],
}
LISTS = [{"l": [1, 2], "k": "a"}, {"l": None, "k": "b"}]


def test_every_step_has_a_case() -> None:
    assert set(CASES) == {*STEPS, *DATA_STEPS}


@pytest.mark.parametrize(
    ("step", "arguments", "expected"),
    [(step, *case) for step, cases in CASES.items() for case in cases if case[1] is not None],
)
def test_a_step_gives_what_it_says(
    script: Script, step: str, arguments: list[Any], expected: list[Any]
) -> None:
    rows = script.after(LISTS if step == "explode" else SALES, step, *arguments)

    shown = [row["n"] for row in rows] if expected and isinstance(expected[0], int) else rows
    assert shown == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", [(1, "a", "x")]),
        ("left", [(1, "a", "x"), (2, "b", None), (None, "c", None)]),
        ("right", [(1, "a", "x"), (3, None, "y"), (None, None, "z")]),
        (
            "full",
            [(1, "a", "x"), (2, "b", None), (None, "c", None), (3, None, "y"), (None, None, "z")],
        ),
        (
            "outer",
            [(1, "a", "x"), (2, "b", None), (None, "c", None), (3, None, "y"), (None, None, "z")],
        ),
        ("semi", [(1, "a", None)]),
        ("anti", [(2, "b", None), (None, "c", None)]),
    ],
)
def test_a_join_keeps_the_rows_of_its_kind(
    script: Script, how: str, expected: list[tuple[Any, ...]]
) -> None:
    left = script.create([{"id": 1, "l": "a"}, {"id": 2, "l": "b"}, {"id": None, "l": "c"}])
    right = script.create([{"id": 1, "r": "x"}, {"id": 3, "r": "y"}, {"id": None, "r": "z"}])
    joined = script.collect(script.apply(left, "join", {"$frame": right}, "id", {"how": how}))

    assert [(row.get("id"), row.get("l"), row.get("r")) for row in joined] == expected


def test_a_join_takes_several_keys_and_names_what_collides(script: Script) -> None:
    left = script.create([{"a": 1, "b": "x", "v": 1}, {"a": 1, "b": "y", "v": 2}])
    right = script.create([{"c": 1, "d": "y", "v": 3}])
    options = {"leftOn": ["a", "b"], "rightOn": ["c", "d"], "suffix": "2"}
    joined = script.collect(script.apply(left, "join", {"$frame": right}, None, options))

    assert [(row["a"], row["b"], row["v"], row["v2"]) for row in joined] == [(1, "y", 2, 3)]


def test_a_cross_join_pairs_every_row(script: Script) -> None:
    left, right = script.create([{"a": 1}, {"a": 2}]), script.create([{"b": 3}])

    rows = script.collect(script.apply(left, "join", {"$frame": right}, None, "cross"))

    assert rows == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]


def test_frames_are_put_below_each_other_by_column_names(script: Script) -> None:
    first = script.create([{"a": 1, "b": "x"}])
    second = script.create([{"b": "y", "a": 2.5}])
    third = script.create([{"b": "z", "c": True}])
    vertical = script.apply(first, "concat", {"$frame": second})
    diagonal = script.apply(first, "concat", [{"$frame": third}], {"how": "diagonal"})

    assert script.collect(vertical) == [{"a": 1, "b": "x"}, {"a": 2.5, "b": "y"}]
    assert script.collect(diagonal) == [
        {"a": 1, "b": "x", "c": None},
        {"a": None, "b": "z", "c": True},
    ]


def test_a_description_has_a_row_for_each_statistic(script: Script) -> None:
    rows = {row["statistic"]: row for row in script.after(SALES, "describe")}

    assert rows["count"]["price"] == 2
    assert rows["null_count"]["price"] == 1
    assert rows["max"]["n"] == 3


def test_a_sample_is_the_same_each_time_unless_the_seed_differs(script: Script) -> None:
    frame = script.create([{"n": number} for number in range(100)])
    draws = [
        [row["n"] for row in script.collect(script.apply(frame, "sample", {"n": 10, "seed": seed}))]
        for seed in (1, 1, 2)
    ]

    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 10
    assert len(script.after([{"n": 1}], "sample", {"n": 3, "withReplacement": True})) == 3


def test_groups_and_joins_keep_the_order_of_first_appearance(script: Script) -> None:
    rows = [{"k": (number * 7919) % 5_000, "n": number} for number in range(200_000)]
    frame = script.create(rows)
    keys = list(dict.fromkeys(row["k"] for row in rows))
    grouped = script.apply(frame, "aggregate", ["k"], {"n": "min"})
    joined = script.apply(frame, "join", {"$frame": grouped}, "k")
    unique = script.apply(joined, "unique", "k")

    assert [row["k"] for row in script.collect(grouped)] == keys
    assert [row["n"] for row in script.collect(script.apply(joined, "head", 1000))] == list(
        range(1000)
    )
    assert [row["k"] for row in script.collect(unique)] == keys


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (call("sum", call("mul", N, PRICE)), [5.5, None]),
        ("sum:n", [4, 2]),
        (["n", "sum"], [4, 2]),
        ("count", [2, 1]),
        ("count:price", [2, 0]),
        ("nUnique:n", [2, 1]),
        (["price", "mean"], [1.75, None]),
    ],
)
def test_an_aggregation_may_be_written_in_every_form(
    script: Script, form: Any, expected: list[Any]
) -> None:
    rows = script.after(SALES, "aggregate", ["city"], {"result": form})

    assert [row["result"] or None for row in rows] == [value or None for value in expected]


def test_a_function_alone_means_its_own_column_else_the_only_number(script: Script) -> None:
    own = script.after(SALES, "aggregate", ["city"], {"price": "max"})
    only = script.after(
        [{"k": "a", "v": 2}, {"k": "a", "v": 3}], "aggregate", "k", {"total": "sum"}
    )

    assert own[0] == {"city": "Bern", "price": 2.5}
    assert only == [{"k": "a", "total": 5}]


def test_a_frame_without_rows_keeps_its_columns_through_steps(script: Script) -> None:
    none = script.apply(script.create(SALES), "filter", call("lt", N, 0))
    grouped = script.apply(none, "aggregate", ["city"], {"total": "sum:n"})

    assert script.collect(grouped) == []
    assert script.ask("frame.schema", grouped) == [
        {"name": "city", "type": "string"},
        {"name": "total", "type": "int"},
    ]


ERRORS: list[tuple[str, list[Any], str]] = [
    ("selct", ["n"], "there is no step 'selct'. Did you mean 'select'?"),
    ("select", [], "name at least one column"),
    ("select", ["nn"], "Column 'nn' not found. Did you mean 'n'? The frame has: city, n, price"),
    ("select", [1], "give column names or column expressions, not 1"),
    ("select", ["n", N], "projections contained duplicate output name 'n'"),
    ("drop", ["city", "n", "price"], "would leave no column"),
    ("drop", ["City"], "Did you mean 'city'?"),
    ("rename", [{"n": "price"}], "two columns would be named 'price'"),
    ("rename", [{"m": "x"}], "Column 'm' not found"),
    ("withColumn", ["x"], "needs a value"),
    ("withColumn", [1, 2], "the column name must be a string, not 1"),
    ("withColumn", ["x", {"a": 1}], "an object cannot stand here"),
    ("withColumns", [[]], "give at least one column"),
    ("filter", [True], "takes a condition on columns, not true"),
    ("filter", [N], "needs a condition, not a column of type int"),
    ("sort", ["n", "up"], "ascending must be true or false, not 'up'"),
    ("sort", [["n", "city"], [True]], "ascending has 1 values for 2 columns"),
    ("sort", ["n", {"ascending": False}], "there is no option 'ascending'"),
    ("limit", [], "the number of rows must be a whole number, not null"),
    ("head", [-1], "the number of rows must be at least 0, not -1"),
    ("unique", ["n", {"keep": "some"}], "keep must be one of first, last, any, none"),
    ("explode", ["n"], "the column 'n' holds no arrays, it is int"),
    ("withRowIndex", ["n"], "there is a column 'n' already"),
    ("cast", [{"n": "integr"}], "Did you mean 'integer'?"),
    ("fillNull", [], "needs a value"),
    ("fillNull", [True], "no column has the type of the value (boolean)"),
    ("fillNull", [{"n": "x"}], "'x' does not fit a column of type int"),
    ("fillNull", [0, {"strategy": "forward"}], "either a value or a strategy, not both"),
    ("fillNull", [{"m": 0}], "Column 'm' not found"),
    ("aggregate", [["town"], {"a": "count"}], "Column 'town' not found"),
    ("aggregate", [["city"], {}], "needs at least one result"),
    (
        "aggregate",
        [["city"], {"a": "summ:n"}],
        "there is no aggregation 'summ'. Did you mean 'sum'?",
    ),
    ("aggregate", [["city"], {"a": "sum:m"}], "Column 'm' not found"),
    (
        "aggregate",
        [["city"], {"a": "sum"}],
        "'sum' of which column? Write 'sum:column'. Candidates: n, price",
    ),
    ("aggregate", [["city"], {"a": 1}], "must be 'sum', 'sum:column', ['column', 'sum']"),
    ("aggregate", [["city"], {"city": "count"}], "'city' is a key of the groups"),
    ("aggregate", [["city"], "count"], "takes an object such as"),
    ("pivot", [{"on": "city"}], "needs {on: column, index: column, values: column}"),
    ("pivot", [{"on": "town", "index": "n"}], "Column 'town' not found"),
    (
        "pivot",
        [{"on": "city", "index": "n", "values": "price", "aggregate": "avg"}],
        "aggregate must be one of",
    ),
    ("unpivot", [{"index": "n"}], "must have one type"),
    ("sample", [10], "10 rows were asked for, the frame has 3"),
    ("sample", [], "the number of rows must be a whole number"),
    ("join", [1, "n"], "takes another DataFrame, not 1"),
    ("concat", [], "needs another frame"),
]


@pytest.mark.parametrize(("step", "arguments", "message"), ERRORS)
def test_a_wrong_step_is_refused_at_once(
    script: Script, step: str, arguments: list[Any], message: str
) -> None:
    frame = script.create(SALES)

    with pytest.raises(ValidationFailedError) as caught:
        script.apply(frame, step, *arguments)

    assert message in caught.value.message


@pytest.mark.parametrize(
    ("step", "arguments", "message"),
    [
        ("join", ["n"], "the key 'n' is int on the left and string on the right; cast one of them"),
        ("join", ["m"], "Column 'm' not found"),
        ("join", [], "needs keys"),
        ("join", ["n", {"how": "sideways"}], "how must be one of inner, left"),
        ("join", ["n", {"leftOn": "n", "rightOn": "n"}], "give the keys once"),
        ("join", [None, {"leftOn": ["n", "city"], "rightOn": ["n"]}], "2 keys on the left and 1"),
        ("join", ["n", "cross"], "a cross join has no keys"),
        ("concat", [], "lacks city, price"),
        ("concat", [{"how": "diagonal"}], "'n' is int in one frame and string in another"),
        ("concat", [{"how": "sideways"}], "how must be one of vertical, diagonal"),
    ],
)
def test_frames_that_do_not_go_together_are_refused(
    script: Script, step: str, arguments: list[Any], message: str
) -> None:
    frame, other = script.create(SALES), script.create([{"n": "x"}])

    with pytest.raises(ValidationFailedError) as caught:
        script.apply(frame, step, {"$frame": other}, *arguments)

    assert message in caught.value.message


def test_messages_stay_short_however_many_columns_there_are(script: Script) -> None:
    frame = script.create([{f"column_{number}": 1 for number in range(2_000)}])

    with pytest.raises(ValidationFailedError, match="and 1970 more") as caught:
        script.apply(frame, "select", "x" * 100_000)

    assert len(caught.value.message) < 102_000
