"""A wrong expression is refused at the step that has it, in words that say what to do."""

from typing import Any

import pytest

from analysis_sandbox.errors import ValidationFailedError
from tests.dataframe.conftest import Script, call, col

ROWS = [{"amount": 1, "name": "x", "day": "2024-01-01", "flags": [True]}]
AMOUNT, NAME = col("amount"), col("name")
DAY = call("str.toDate", col("day"))

CASES: list[tuple[Any, str]] = [
    (
        col("amuont"),
        "Column 'amuont' not found. Did you mean 'amount'? The frame has: amount, name",
    ),
    (call("summ", AMOUNT), "there is no method 'summ'. Did you mean 'sum'?"),
    (call("__class__", AMOUNT), "there is no method '__class__'"),
    (call("map_elements", AMOUNT, "x"), "there is no method 'map_elements'"),
    (call("str.contans", NAME, "x"), "Did you mean 'str.contains'?"),
    (call("gt", AMOUNT), "gt: takes 1 argument, not 0"),
    (call("gt", AMOUNT, 1, 2), "gt: takes 1 argument, not 2"),
    (call("between", AMOUNT, 1), "between: takes 2 to 3 arguments, not 1"),
    (call("over", call("sum", AMOUNT)), "over: takes at least 1 argument, not 0"),
    (call("isNull", AMOUNT, 1), "isNull: takes no arguments, not 1"),
    (call("sum", None), "sum: needs a column before it, as in col('a').sum()"),
    (call("len", AMOUNT), "len: stands by itself, as in len()"),
    (call("gt", AMOUNT, "x"), "'x' does not fit a column of type int"),
    (call("eq", NAME, 1), "1 does not fit a column of type string"),
    (call("eq", AMOUNT, NAME), "string does not fit a column of type int"),
    (call("gt", AMOUNT, {"a": 1}), "an object cannot stand here"),
    (call("gt", AMOUNT, 2**63), "has more than 64 bits"),
    (call("add", AMOUNT, NAME), "arithmetic on dtypes int and string is not allowed"),
    (call("gt", DAY, "yesterday"), "'yesterday' is not a date; write it as YYYY-MM-DD"),
    (
        call("gt", col("day"), call("cast", call("lit", None, "2024-01-01T00:00:00Z"), "datetime")),
        "a Date meets a column of type string; make that dates first, with .str.toDatetime()",
    ),
    (call("not", AMOUNT), "not: needs a condition, not a column of type int"),
    (call("and", call("gt", AMOUNT, 1), NAME), "and: needs a condition"),
    (call("when", None, [[AMOUNT, 1]], 2), "when: needs a condition"),
    (call("when", None, [], 2), "write when(condition).then(value).otherwise(value)"),
    (
        call("when", None, [[call("gt", AMOUNT, 1), 1]], "x"),
        "the values are of different types (int, string)",
    ),
    (call("coalesce", None, "amount", "name"), "different types (int, string)"),
    (call("dt.year", col("day")), "the column is text; make it dates first: .str.toDate()"),
    (call("dt.year", AMOUNT), "needs dates, not a column of type int"),
    (call("dt.hour", DAY), "`hour` operation not supported for dtype `date`"),
    (call("dt.truncate", DAY, "often"), "the unit is written as '1d'"),
    (call("dt.truncate", DAY, "0d"), "the unit must be longer than nothing"),
    (call("str.length", AMOUNT), "needs text, not a column of type int; write .cast('string')"),
    (call("list.length", NAME), "needs arrays, not a column of type string"),
    (call("sum", NAME), "`sum` operation not supported for dtype `string`"),
    (call("cumSum", NAME), "needs numbers, not a column of type string"),
    (call("rollingMean", AMOUNT, 0), "the window must be at least 1, not 0"),
    (call("round", AMOUNT, 1.5), "the number of digits must be a whole number, not 1.5"),
    (call("quantile", AMOUNT, 50), "the quantile must be between 0 and 1, not 50"),
    (call("quantile", AMOUNT, 0.5, "often"), "interpolation must be one of linear, nearest"),
    (call("rank", AMOUNT, "densee"), "Did you mean 'dense'?"),
    (call("rank", AMOUNT, {"methd": "min"}), "there is no option 'methd'. Did you mean 'method'?"),
    (call("cast", AMOUNT, "integr"), "'integr' is not a type. Did you mean 'integer'?"),
    (call("cast", AMOUNT, "date"), "numbers are not dates; cast to 'datetime'"),
    (call("isIn", AMOUNT, 1), "isIn: takes an array of values, not 1"),
    (call("isIn", AMOUNT, ["x"]), "'x' does not fit a column of type int"),
    (call("alias", AMOUNT, 1), "alias: the new name must be a string, not 1"),
    (call("str.contains", NAME, {"$regex": ["(", ""]}), "unclosed group"),
    (call("str.contains", NAME, {"$regex": ["(?=a)", ""]}), "look-around"),
    (call("str.contains", NAME, {"$regex": ["a", "q"]}), "there is no flag 'q'"),
    (call("str.padStart", NAME, 10**9), "the length must be at most 10000"),
    (call("str.padStart", NAME, 5, "ab"), "the fill must be one character"),
    (call("log", AMOUNT, 1), "the base must be positive and not 1"),
    (call("clip", AMOUNT, None), "needs a lower or an upper bound"),
    (call("fillNull", AMOUNT, {"strategy": "guess"}), "strategy must be one of forward"),
    ({"$expr": []}, "this is not a column expression"),
    ({"$expr": "col"}, "this is not a column expression"),
    ({"$expr": ["chain", AMOUNT, "add"]}, "this is not a column expression"),
    ({"$expr": [["col"], None, "a"]}, "there is no method 'an array'"),
]


@pytest.mark.parametrize(("expression", "message"), CASES)
def test_a_wrong_expression_is_refused_where_it_stands(
    script: Script, expression: Any, message: str
) -> None:
    frame = script.create(ROWS)

    with pytest.raises(ValidationFailedError) as caught:
        script.apply(frame, "withColumn", "result", expression)

    assert message in caught.value.message


def test_values_that_do_not_fit_are_named_when_the_frame_is_computed(script: Script) -> None:
    frame = script.apply(script.create([{"s": "1"}, {"s": "one"}]), "cast", {"s": "int"})

    with pytest.raises(ValidationFailedError, match=r'failed in column .s. .*\["one"\].*null'):
        script.collect(frame)
