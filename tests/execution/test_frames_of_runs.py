"""DataFrames between datasources, the warehouse, the run's database and the result."""

import pytest

from analysis_sandbox.errors import NotFoundError, ReadOnlyError, UnsupportedOperationError
from tests.execution.workshop import Workshop, script, uses


def test_rows_go_from_a_datasource_to_the_warehouse_without_the_script(shop: Workshop) -> None:
    body = """const sales = await ctx.datasource.shop.frame(
            "SELECT shop, amount FROM sales WHERE id < ?", [3]);
        const sums = sales.groupBy("shop").agg({ total: col("amount").sum() }).sort("shop");
        const saved = await ctx.duckdb.saveDataFrame(sums, "frame_sums");
        const again = await ctx.duckdb.frame("SELECT * FROM frame_sums WHERE total > $1", [1]);
        return { saved, rows: again.sort("shop").collect(), height: again.height };"""
    result, row = shop.run(shop.save(script(body, uses("shop"))))

    rows = [{"shop": "north", "total": 10.5}, {"shop": "south", "total": 20.25}]
    assert result == {"saved": {"table": "frame_sums", "rows": 2}, "rows": rows, "height": 2}
    assert row.usage is not None
    assert isinstance(row.usage["host_calls"], int)


def test_a_frame_becomes_a_table_of_the_runs_own_database(shop: Workshop) -> None:
    body = """const frame = ctx.DataFrame([{ a: 1 }, { a: 5 }]).filter(col("a").gt(2));
        const loaded = await ctx.loadData("big", frame);
        return { loaded, rows: await ctx.query("FROM big") };"""

    assert shop.value(script(body)) == {"loaded": 1, "rows": [{"a": 5}]}


def test_a_frame_in_the_result_becomes_its_rows_and_may_have_a_chart(shop: Workshop) -> None:
    body = """ctx.chart({ type: "bar", data: "rows", x: "g", y: "n" });
        return { rows: ctx.DataFrame([{ g: "x", n: 1 }]) };"""
    result, row = shop.run(shop.save(script(body)))

    assert result == {"rows": [{"g": "x", "n": 1}]}
    assert row.display == {
        "tables": [],
        "charts": [{"type": "bar", "data": "rows", "x": "g", "y": ["n"]}],
    }


def test_a_frame_of_a_datasource_that_is_not_declared_is_not_found(shop: Workshop) -> None:
    body = "const n = 'ti' + 'll'; await ctx.datasource[n].frame('SELECT 1'); return {}"
    error, _ = shop.fail(shop.save(script(body, uses("shop"))))

    assert isinstance(error, NotFoundError)


def test_options_may_come_from_a_frame(shop: Workshop) -> None:
    entries = (
        uses("shop")
        + """parameters: { pick: { type: "select", options: async (ctx) =>
        (await ctx.datasource.shop.frame("SELECT shop FROM sales")).unique("shop").sort("shop")
            .map((row) => row.shop) } },"""
    )

    assert [option["value"] for option in shop.options(entries)] == ["north", "south"]


@pytest.mark.parametrize("source", ["shop", "till"])
def test_an_options_function_cannot_write_through_a_frame(shop: Workshop, source: str) -> None:
    entries = (
        uses(source)
        + f"""parameters: {{ pick: {{ type: "select", options: async (ctx) => {{
        await ctx.datasource.{source}.frame("DELETE FROM sales RETURNING id"); return [];
        }} }} }},"""
    )
    with pytest.raises(ReadOnlyError):
        shop.options(entries)

    count = "return (await ctx.datasource.till.query('SELECT count(*) AS n FROM sales'))[0]"
    assert shop.run(shop.save(script(count, uses("till")), "count"))[0] == {"n": 3}


def test_the_warehouse_is_out_of_reach_of_an_options_function(shop: Workshop) -> None:
    entries = """parameters: { pick: { type: "select", options: async (ctx) => {
        await ctx.duckdb.frame("SELECT 1"); return []; } } },"""
    with pytest.raises(UnsupportedOperationError):
        shop.options(entries)
