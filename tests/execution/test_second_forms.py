"""ctx.query, ctx.loadData and ctx.queryDatasource, and what every answer of a query is."""

import pytest

from analysis_sandbox.errors import (
    NotFoundError,
    QueryError,
    ScriptError,
    StatementRefusedError,
    ValidationFailedError,
)
from tests.execution.workshop import Workshop, script, uses


def test_a_run_has_a_database_of_its_own(shop: Workshop) -> None:
    body = """await ctx.query("CREATE TABLE users (id INTEGER, name VARCHAR)");
        await ctx.query("INSERT INTO users VALUES (?, ?)", [1, "Alice"]);
        const inserted = await ctx.query("INSERT INTO users VALUES ($1, $2)", [2, "Bob"]);
        const result = await ctx.query("SELECT * FROM users ORDER BY id");
        return { inserted, rows: result.rows, columns: result.columns, count: result.rowCount,
                 itself: result.rows === result, tables: await ctx.duckdb.tables() };"""

    result = shop.value(script(body))

    assert result["inserted"] == [{"Count": 1}]
    assert result["rows"] == [{"id": 1, "name": "Alice"}, {"id": 2, "name": "Bob"}]
    assert (result["columns"], result["count"], result["itself"]) == (["id", "name"], 2, True)
    assert "users" not in result["tables"]
    error, _ = shop.fail(shop.save(script("await ctx.query('FROM users'); return {}"), "next"))
    assert isinstance(error, QueryError)


def test_the_projects_tables_are_seen_there_and_cannot_be_changed(shop: Workshop) -> None:
    body = """await ctx.duckdb.exec("CREATE TABLE numbers AS SELECT range AS n FROM range(5)");
        const sql = "SELECT count(*) AS n FROM project.numbers WHERE n > ?";
        return { rows: await ctx.query(sql, [2]) }"""
    assert shop.value(script(body)) == {"rows": [{"n": 2}]}

    error, _ = shop.fail(
        shop.save(script("await ctx.query('DELETE FROM project.numbers'); return {}"), "writer")
    )
    assert isinstance(error, StatementRefusedError)


def test_rows_become_a_table_with_columns_of_their_kinds(shop: Workshop) -> None:
    body = """const orders = Array.from({ length: 1000 }, (_, i) => ({
            id: i, price: i / 4, name: "n" + i, paid: i % 2 === 0, note: i === 7 ? "x" : null }));
        const loaded = await ctx.loadData("orders", orders);
        const sums = await ctx.query("SELECT sum(price)::DOUBLE AS s FROM orders WHERE paid");
        const types = await ctx.query("SELECT column_name AS c, data_type AS t FROM \
duckdb_columns() WHERE table_name = 'orders' ORDER BY column_index");
        return { loaded, sums, types: Object.fromEntries(types.map(({ c, t }) => [c, t])) };"""

    result = shop.value(script(body))

    assert result["loaded"] == 1000
    assert result["sums"] == [{"s": sum(i / 4 for i in range(0, 1000, 2))}]
    assert result["types"] == {
        "id": "BIGINT",
        "price": "DOUBLE",
        "name": "VARCHAR",
        "paid": "BOOLEAN",
        "note": "VARCHAR",
    }


def test_a_table_that_is_loaded_again_is_replaced(shop: Workshop) -> None:
    body = """await ctx.loadData("t", [{ a: 1 }]); await ctx.loadData("t", [{ b: "x" }]);
        return { rows: await ctx.query("SELECT * FROM t") };"""

    assert shop.value(script(body)) == {"rows": [{"b": "x"}]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("ctx.loadData('t', [])", "got no rows"),
        ("ctx.loadData('t', 'rows')", ""),
        ("ctx.loadData(7, [{ a: 1 }])", "tableName must be a string"),
        ("ctx.loadData('t', [1, 2])", ""),
        ("ctx.query(7)", "sql must be a string"),
        ("ctx.query()", "sql must be a string"),
    ],
)
def test_wrong_arguments_are_told(shop: Workshop, call: str, message: str) -> None:
    error, _ = shop.fail(shop.save(script(f"await {call}; return {{}}")))

    assert isinstance(error, ScriptError | ValidationFailedError)
    assert message in error.message


def test_a_datasource_is_queried_by_its_name(shop: Workshop) -> None:
    body = """const sql = "SELECT shop FROM sales WHERE id = ?";
        const [one, two, three] = await Promise.all([
            ctx.queryDatasource("shop", sql, [2]), ctx.query("shop", sql, [2]),
            ctx.datasource.shop.query(sql, [2])]);
        return { one, two, three, rows: one.rows, counts: [one, two].map((r) => r.rowCount) }"""

    rows = [{"shop": "south"}]
    assert shop.value(script(body, uses("shop"))) == {
        "one": rows,
        "two": rows,
        "three": rows,
        "rows": rows,
        "counts": [1, 1],
    }


@pytest.mark.parametrize(
    "call", ["ctx.queryDatasource(name, 'SELECT 1')", "ctx.query(name, 'SELECT 1')"]
)
def test_a_datasource_that_is_not_declared_is_not_found(shop: Workshop, call: str) -> None:
    body = f"""const name = "ti" + "ll"; try {{ await {call} }} catch (error) {{
        ctx.log(error.code, error.name); throw error }} return {{}}"""
    error, row = shop.fail(shop.save(script(body, uses("shop"))))

    assert isinstance(error, NotFoundError)
    assert error.message == "Datasource not found: till. Declared: shop"
    assert row.error_detail is not None
    assert (row.error_detail["code"], row.error_detail["line"]) == ("NOT_FOUND", 2)
    assert shop.log(row.id) == [("info", "NOT_FOUND NotFoundError")]


def test_the_second_forms_are_logged_and_the_first_ones_are_not(shop: Workshop) -> None:
    long = "SELECT 1 AS a /* " + "x" * 5000 + " */"
    body = f"""await ctx.loadData("orders", [{{ a: 1 }}, {{ a: 2 }}]);
        await ctx.query("SELECT count(*) FROM orders");
        await ctx.queryDatasource("shop", "SELECT 1");
        await ctx.datasource.shop.query("SELECT 2");
        await ctx.duckdb.query("SELECT 3");
        await ctx.query(`{long}`);
        return {{}};"""
    _, row = shop.run(shop.save(script(body, uses("shop"))))

    lines = shop.log(row.id)
    assert lines[:3] == [
        ("info", "[loadData] Loaded 2 rows into orders"),
        ("info", "[query:duckdb] SELECT count(*) FROM orders"),
        ("info", "[query:datasource] shop SELECT 1"),
    ]
    (last,) = lines[3:]
    assert last[1].endswith(f"… ({len(long)} characters)")
    assert len(last[1]) < 2100


def test_aggregates_can_be_read_by_their_short_names(shop: Workshop) -> None:
    body = """const stats = await ctx.duckdb.query(
            "SELECT COUNT(*), AVG(value), max(value) AS top FROM (VALUES (1), (3)) AS t (value)");
        const [row] = stats;
        return { count: row.count, avg: row.avg, top: row.top, max: row.max ?? "none",
                 keys: Object.keys(row), json: JSON.stringify(stats), copied: { ...row } };"""

    result = shop.value(script(body))

    assert (result["count"], result["avg"], result["top"], result["max"]) == (2, 2, 3, "none")
    assert result["keys"] == ["count_star()", 'avg("value")', "top"]
    assert result["json"] == '[{"count_star()":2,"avg(\\"value\\")":2,"top":3}]'
    assert list(result["copied"]) == result["keys"]


def test_a_short_name_that_could_mean_two_columns_means_none(shop: Workshop) -> None:
    body = """const [row] = await ctx.query(`SELECT sum(1), sum(2), count(*), 7 AS count,
            min(3) + max(4), (SELECT 1) FROM range(1)`);
        return { sum: row.sum ?? "none", count: row.count, min: row.min ?? "none" };"""

    assert shop.value(script(body)) == {"sum": "none", "count": 7, "min": "none"}


def test_a_short_name_that_is_written_becomes_a_member(shop: Workshop) -> None:
    body = """const rows = await ctx.query("SELECT count(*) FROM range(2)");
        rows[0].count = rows[0].count * 10;
        return { rows };"""

    assert shop.value(script(body)) == {"rows": [{"count_star()": 2, "count": 20}]}


def test_an_options_function_may_query_by_name_and_not_load(shop: Workshop) -> None:
    entries = """parameters: { pick: { type: "select", options: async (ctx) =>
        (await ctx.query("shop", "SELECT DISTINCT shop FROM sales ORDER BY 1")).rows
            .map((row) => row.shop) } },"""
    assert [o["value"] for o in shop.options(uses("shop") + entries)] == ["north", "south"]


def test_uploads_are_said_to_be_missing(shop: Workshop) -> None:
    body = """try { await ctx.files.list() } catch (error) {
        return { code: error.code, message: error.message } } return {}"""

    assert shop.value(script(body)) == {
        "code": "UNSUPPORTED_OPERATION",
        "message": "ctx.files.list is not available: this version has no uploads. "
        "Read the data from a datasource or from the warehouse",
    }


def test_dates_of_a_datasource_are_dates_in_the_runs_own_database(shop: Workshop) -> None:
    body = """const sql = "SELECT '2024-0' || id || '-05' AS date, amount FROM sales";
        const sales = await ctx.queryDatasource("shop", sql);
        await ctx.loadData("orders", sales.rows.map((row) => ({ ...row, moment: new Date(0) })));
        const stats = await ctx.query(`SELECT DATE_TRUNC('month', date) AS month,
            typeof(moment) AS kind, SUM(amount) AS revenue FROM orders GROUP BY ALL ORDER BY 1`);
        return { stats: stats.rows };"""

    result = shop.value(script(body, uses("shop")))

    assert result["stats"][0] == {
        "month": "2024-01-01T00:00:00",
        "kind": "TIMESTAMP WITH TIME ZONE",
        "revenue": 10.5,
    }
    assert len(result["stats"]) == 3
