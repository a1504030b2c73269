"""Display hints: what a script says about its tables and charts, and what is kept of it."""

from typing import Any

import pytest

from analysis_sandbox.errors import LimitExceededError, ValidationFailedError
from analysis_sandbox.execution.display import MAX_HINTS, Displays
from tests.execution.workshop import Workshop, script

RESULT = (
    '{"rows":[{"day":"mon","n":1},{"day":"tue","n":2,"late":3}],"deep":{"er":[]},"a.b":[{"x":1}]}'
)


def kept(*, tables: list[Any] | None = None, charts: list[Any] | None = None) -> Any:
    displays = Displays()
    for table in tables or ():
        displays.add_table(table)
    for chart in charts or ():
        displays.add_chart(chart)
    return displays.conclude(RESULT)


def test_hints_that_fit_are_kept_as_given() -> None:
    column = {"name": "n", "label": "Flights", "format": "percent", "digits": 1}
    chart = {"type": "bar", "data": "rows", "x": "day", "y": "n", "title": "Days"}

    display, problems = kept(
        tables=[{"key": "rows", "title": "Per day", "columns": [column]}], charts=[chart]
    )

    assert problems == []
    assert display == {
        "tables": [{"key": "rows", "title": "Per day", "columns": [column]}],
        "charts": [chart | {"y": ["n"]}],
    }


@pytest.mark.parametrize("key", ["rows", "deep.er", "a.b"])
def test_rows_are_found_by_their_path(key: str) -> None:
    assert kept(tables=[{"key": key}])[1] == []


def test_a_column_may_be_missing_in_some_rows() -> None:
    assert kept(tables=[{"key": "rows", "columns": [{"name": "late"}]}])[1] == []


def test_the_last_hint_for_a_table_holds() -> None:
    display, _ = kept(tables=[{"key": "rows", "title": "old"}, {"key": "rows", "title": "new"}])

    assert display["tables"] == [{"key": "rows", "title": "new"}]


def test_without_hints_there_is_no_display() -> None:
    assert kept() == (None, [])


@pytest.mark.parametrize(
    ("hint", "problem"),
    [
        ({"key": "row"}, "the result has no 'row'; did you mean 'rows'?"),
        ({"key": "deep.err"}, "the result has no 'deep.err'; did you mean 'er'?"),
        ({"key": "rows.n"}, "the result has no 'rows.n'"),
        ({"key": "deep"}, "'deep' of the result is not an array of rows"),
        (
            {"key": "rows", "columns": [{"name": "dya"}]},
            "the rows of 'rows' have no column 'dya'; did you mean 'day'?",
        ),
    ],
)
def test_a_hint_that_does_not_fit_is_left_out_aloud(hint: Any, problem: str) -> None:
    assert kept(tables=[hint]) == (None, [f"ctx.table is left out: {problem}"])


def test_a_chart_that_does_not_fit_leaves_the_others() -> None:
    good = {"type": "line", "data": "rows", "x": "day", "y": ["n", "late"]}

    display, problems = kept(charts=[{**good, "series": "none"}, good])

    assert display["charts"] == [good]
    assert problems == ["ctx.chart is left out: the rows of 'rows' have no column 'none'"]


@pytest.mark.parametrize(
    ("chart", "message"),
    [
        ({"type": "donut"}, "type: must be 'bar', 'line', 'pie' or 'scatter', not 'donut'"),
        ({"y": []}, "y: "),
        ({"x": None}, "x: "),
        ({"colour": "red"}, "colour: there is no such option; there are type, data, x, y"),
    ],
)
def test_a_wrong_chart_is_told(chart: Any, message: str) -> None:
    good = {"type": "bar", "data": "rows", "x": "day", "y": "n"}

    with pytest.raises(ValidationFailedError) as caught:
        Displays().add_chart(good | chart)

    assert str(caught.value).startswith("ctx.chart: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"columns": [{"name": "n", "format": "money"}]}, "columns.0.format: must be 'number'"),
        ({"columns": [{"name": "n", "width": 3}]}, "columns.0.width: there is no such option"),
        ({"columns": [{"label": "n"}]}, "columns.0.name: is missing"),
        ({"columns": [{"name": "n", "currency": "euro"}]}, "columns.0.currency: "),
    ],
)
def test_a_wrong_table_is_told(table: Any, message: str) -> None:
    with pytest.raises(ValidationFailedError, match=r"^ctx\.table: ") as caught:
        Displays().add_table({"key": "rows"} | table)

    assert message in str(caught.value)


def test_there_is_a_most_of_hints() -> None:
    with pytest.raises(LimitExceededError, match=f"{MAX_HINTS} are allowed"):
        kept(tables=[{"key": f"k{i}"} for i in range(MAX_HINTS + 1)])


def test_a_run_stores_its_hints_and_logs_those_left_out(shop: Workshop) -> None:
    body = """const total = { name: "total", format: "currency", currency: "EUR" };
        ctx.table("sales", { columns: [total] });
        ctx.chart({ type: "bar", data: "sales", x: "shop", y: "total" });
        ctx.chart({ type: "pie", data: "gone", x: "shop", y: "total" });
        return { sales: [{ shop: "north", total: 10 }] };"""
    request = shop.request(shop.save(script(body)))

    outcome = shop.execute(request)

    row = shop.row(request.run_id)
    assert row.display == outcome.display
    assert row.display == {
        "tables": [
            {
                "key": "sales",
                "columns": [{"name": "total", "format": "currency", "currency": "EUR"}],
            }
        ],
        "charts": [{"type": "bar", "data": "sales", "x": "shop", "y": ["total"]}],
    }
    assert shop.log(request.run_id) == [
        ("warning", "ctx.chart is left out: the result has no 'gone'")
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("ctx.table()", "ctx.table needs the key of the result"),
        ("ctx.table('rows', [])", "ctx.table needs an object of options"),
        ("ctx.chart('bar')", "ctx.chart needs an object of options"),
        ("ctx.chart({ type: 'bar', data: 'r', x: 'a', y: () => 1 })", "contains a function"),
        ("ctx.chart({ type: 'bar', data: 'r', x: 'a' })", "ctx.chart: y: is missing"),
    ],
)
def test_wrong_hints_fail_on_their_line(shop: Workshop, call: str, message: str) -> None:
    error, row = shop.fail(shop.save(script(f"\n{call}; return {{}}")))

    assert message in error.message
    assert row.error_detail is not None
    assert row.error_detail["line"] == 3
