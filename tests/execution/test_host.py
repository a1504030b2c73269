"""Datasources and the warehouse as a run reaches them."""

import pytest

from analysis_sandbox.errors import (
    NotFoundError,
    QueryError,
    ReadOnlyError,
    ValidationFailedError,
)
from tests.execution.workshop import Workshop, script, uses


def test_a_declared_datasource_answers_with_rows(shop: Workshop) -> None:
    body = """const rows = await ctx.datasource.shop.query(
        'SELECT shop, amount FROM sales WHERE id = ?', [2]); return {rows}"""
    assert shop.value(script(body, uses("shop"))) == {"rows": [{"shop": "south", "amount": 20.25}]}


def test_a_datasource_that_is_not_declared_is_not_found(shop: Workshop) -> None:
    body = "const name = 'ti' + 'll'; await ctx.datasource[name].query('SELECT 1'); return {}"
    error, row = shop.fail(shop.save(script(body, uses("shop"))))
    assert "Datasource 'till' not found" in error.message
    assert row.status == "failed"


def test_an_operation_that_a_datasource_does_not_have_lists_those_it_has(shop: Workshop) -> None:
    error, row = shop.fail(
        shop.save(script("await ctx.datasource.shop.find({}); return {}", uses("shop")))
    )
    assert "has no operation 'find'" in error.message
    assert "query" in error.message
    assert row.status == "failed"


def test_a_read_only_datasource_refuses_to_write(shop: Workshop) -> None:
    body = "await ctx.datasource.shop.query('DELETE FROM sales'); return {}"
    error, row = shop.fail(shop.save(script(body, uses("shop"))))
    assert isinstance(error, ReadOnlyError)
    assert row.error_detail is not None
    assert row.error_detail["code"] == "READ_ONLY"


def test_a_read_only_datasource_does_not_offer_to_execute(shop: Workshop) -> None:
    body = "await ctx.datasource.shop.execute('DELETE FROM sales'); return {}"
    error, _ = shop.fail(shop.save(script(body, uses("shop"))))
    assert "has no operation 'execute'" in error.message
    count = "return (await ctx.datasource.shop.query('SELECT count(*) AS n FROM sales'))[0]"
    assert shop.run(shop.save(script(count, uses("shop")), "count"))[0] == {"n": 3}


def test_a_writable_datasource_is_written(shop: Workshop) -> None:
    body = """await ctx.datasource.till.execute('DELETE FROM sales WHERE id = 1');
        return (await ctx.datasource.till.query('SELECT count(*) AS n FROM sales'))[0]"""
    assert shop.value(script(body, uses("till"))) == {"n": 2}


def test_a_script_can_catch_what_a_datasource_refuses(shop: Workshop) -> None:
    body = """try { await ctx.datasource.shop.query('SELECT * FROM missing') }
        catch (error) { return {code: error.code, message: error.message} }"""
    caught = shop.value(script(body, uses("shop")))
    assert caught["code"] == "QUERY_FAILED"
    assert "missing" in caught["message"]


@pytest.mark.parametrize(
    "call",
    [
        "ctx.datasource.shop.query()",
        "ctx.datasource.shop.query('SELECT 1', [], 3, 4)",
        "ctx.datasource.shop.query(5)",
        "ctx.duckdb.exec()",
        "ctx.duckdb.query({})",
        "ctx.duckdb.query('SELECT $1', 'text')",
        "ctx.duckdb.load('shop', 'SELECT 1 AS a', 'never', 'append')",
        "ctx.duckdb.load('shop', 'SELECT 1 AS a', 'never', {mode: 'upsert'})",
        "ctx.duckdb.load('shop', 'SELECT 1 AS a', 'never', {mode: ['append']})",
        "ctx.duckdb.describe(7)",
        "ctx.runAnalysis()",
        "ctx.runAnalysis(7)",
        "ctx.runAnalysis('other', 7)",
        "ctx.metadata.get()",
        "ctx.metadata.get(7)",
        "ctx.metadata.has({})",
        "ctx.metadata.delete(null)",
        "ctx.metadata.set(7, 1)",
        "ctx.metadata.set('k')",
    ],
)
def test_wrong_arguments_are_never_an_error_inside_the_host(shop: Workshop, call: str) -> None:
    body = f"""try {{ await {call} }}
        catch (error) {{ return {{code: error.code ?? error.name}} }} return {{code: 'none'}}"""
    shop.save(script("return {}"), "other")
    code = shop.value(script(body, uses("shop", analyses=("other",))))["code"]
    assert code in {"VALIDATION_ERROR", "QUERY_FAILED", "TypeError", "NOT_FOUND", "none"}


def test_the_warehouse_keeps_values_as_they_are(shop: Workshop) -> None:
    body = """await ctx.duckdb.exec(`CREATE TABLE typed AS SELECT 1::INTEGER AS i,
            9007199254740993::BIGINT AS big, 1.25::DECIMAL(9,2) AS d, 'ü'::VARCHAR AS t,
            DATE '2024-02-29' AS day, [1, 2] AS list, NULL::INTEGER AS nothing, true AS flag`);
        const rows = await ctx.duckdb.query('SELECT * FROM typed WHERE i = $1', [1]);
        return {row: rows[0], columns: rows.columns, n: rows.rowCount}"""
    result = shop.value(script(body))
    assert result["n"] == 1
    assert result["columns"] == ["i", "big", "d", "t", "day", "list", "nothing", "flag"]
    row = result["row"]
    assert (row["i"], row["t"], row["list"], row["nothing"]) == (1, "ü", [1, 2], None)
    assert row["flag"] is True
    assert str(row["big"]) == "9007199254740993"
    assert float(row["d"]) == 1.25
    assert str(row["day"]).startswith("2024-02-29")


def test_tables_are_loaded_listed_described_and_found_by_the_next_run(shop: Workshop) -> None:
    body = """await ctx.duckdb.load('shop', 'SELECT * FROM sales ORDER BY id', 'loaded');
        await ctx.duckdb.load('shop', 'SELECT * FROM sales', 'loaded', {mode: 'append'});
        return {listed: (await ctx.duckdb.tables()).includes('loaded'),
                about: await ctx.duckdb.describe('loaded')}"""
    result = shop.value(script(body, uses("shop")))
    assert result["listed"] is True
    assert result["about"]["rowCount"] == 6
    assert [column["name"] for column in result["about"]["columns"]] == ["id", "shop", "amount"]

    sums = """return {rows: await ctx.duckdb.query(
        'SELECT shop, sum(amount) AS s FROM loaded GROUP BY shop ORDER BY shop')}"""
    found, _ = shop.run(shop.save(script(sums), "sums"))
    assert found == {"rows": [{"shop": "north", "s": 21.5}, {"shop": "south", "s": 40.5}]}


def test_only_declared_datasources_are_loaded(shop: Workshop) -> None:
    body = "const n = 'sh' + 'op'; await ctx.duckdb.load(n, 'SELECT 1 AS a', 'x'); return {}"
    error, _ = shop.fail(shop.save(script(body, uses("till"))))
    assert isinstance(error, NotFoundError)
    assert error.hint is not None
    assert "dependencies.datasources" in error.hint


def test_an_unknown_load_mode_is_told(shop: Workshop) -> None:
    body = "await ctx.duckdb.load('shop', 'SELECT 1 AS a', 't', {mode: 'upsert'}); return {}"
    error, _ = shop.fail(shop.save(script(body, uses("shop"))))
    assert isinstance(error, ValidationFailedError)
    assert "replace, append, error" in error.message


def test_a_wrong_statement_fails_the_run_with_its_line(shop: Workshop) -> None:
    error, row = shop.fail(
        shop.save(script("\nawait ctx.duckdb.query('SELECT * FROM nowhere'); return {}"))
    )
    assert isinstance(error, QueryError)
    assert row.error_detail is not None
    assert row.error_detail["line"] == 3


def test_a_transaction_spans_calls_and_is_rolled_back_at_the_end_of_the_run(
    shop: Workshop,
) -> None:
    shop.value(script("await ctx.duckdb.exec('CREATE TABLE ledger (n INTEGER)'); return {}"))
    write = """await ctx.duckdb.exec('BEGIN');
        await ctx.duckdb.exec('INSERT INTO ledger VALUES (1)');
        return (await ctx.duckdb.query('SELECT count(*)::INTEGER AS n FROM ledger'))[0]"""
    count = shop.save(
        script("return (await ctx.duckdb.query('SELECT count(*)::INTEGER AS n FROM ledger'))[0]"),
        "count",
    )
    assert shop.run(shop.save(script(write), "open"))[0] == {"n": 1}
    assert shop.run(count)[0] == {"n": 0}
    committed = write.replace("return", "await ctx.duckdb.exec('COMMIT'); return")
    assert shop.run(shop.save(script(committed), "committed"))[0] == {"n": 1}
    assert shop.run(count)[0] == {"n": 1}
