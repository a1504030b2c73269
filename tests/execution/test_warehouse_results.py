"""Tables of the warehouse in results, and tables that leave it."""

import json
from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest

from analysis_sandbox.datasources.base import ArrowWritable, WriteMode
from analysis_sandbox.errors import (
    NotFoundError,
    ReadOnlyError,
    ResultTooLargeError,
    UnsupportedOperationError,
    ValidationFailedError,
)
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.execution.warehouse import WarehouseAccess
from analysis_sandbox.limits import Limits
from analysis_sandbox.warehouse.client import Warehouse
from tests.execution.workshop import Workshop, script, uses

MANY = (
    "await ctx.duckdb.exec('CREATE OR REPLACE TABLE many AS SELECT range AS n FROM range(1000)');"
)


def test_a_result_names_a_table_with_its_first_rows(shop: Workshop) -> None:
    version = shop.save(script(f"{MANY} return {{big: await ctx.duckdb.result('many')}}"))
    value, row = shop.run(version)

    assert value["big"]["table"] == "many"
    assert value["big"]["rowCount"] == 1000
    assert value["big"]["columns"] == [{"name": "n", "type": "BIGINT", "nullable": True}]
    assert value["big"]["preview"] == [{"n": number} for number in range(20)]
    assert row.display == {
        "tables": [],
        "charts": [],
        "references": [{"key": "big", "table": "many", "rowCount": 1000}],
    }


def test_the_whole_result_may_be_a_table_beside_hints(shop: Workshop) -> None:
    body = (
        f"""{MANY} ctx.table("preview"); return await ctx.duckdb.result("many", {{preview: 2}})"""
    )
    value, row = shop.run(shop.save(script(body)))

    assert value["preview"] == [{"n": 0}, {"n": 1}]
    assert row.display is not None
    assert row.display["references"] == [{"key": None, "table": "many", "rowCount": 1000}]


def test_what_only_looks_like_a_reference_is_none(shop: Workshop) -> None:
    fake: dict[str, Any] = {"table": "salaries", "rowCount": 1, "columns": [], "preview": []}
    body = f"{MANY} const own = await ctx.duckdb.result('many'); return {{echo: params.given}}"
    _, row = shop.run(shop.save(script(body)), parameters={"given": fake})

    assert row.display is None


def test_a_table_that_nobody_sees_yet_cannot_be_a_result(shop: Workshop) -> None:
    body = "await ctx.duckdb.exec('BEGIN; CREATE TABLE hidden AS SELECT 1 AS a');"
    error, _ = shop.fail(shop.save(script(f"{body} return await ctx.duckdb.result('hidden')")))
    assert isinstance(error, ValidationFailedError)
    assert "COMMIT" in error.message

    missing, _ = shop.fail(shop.save(script("return await ctx.duckdb.result('no_such')"), "other"))
    assert isinstance(missing, NotFoundError)


def test_a_preview_that_was_asked_for_must_fit_and_the_usual_one_gives_way(shop: Workshop) -> None:
    wide = (
        "await ctx.duckdb.exec(\"CREATE OR REPLACE TABLE wide AS SELECT repeat('x', 2000000) t\");"
    )
    value = shop.value(script(f"{wide} return await ctx.duckdb.result('wide')"))
    assert (value["rowCount"], value["preview"]) == (1, [])

    body = "return await ctx.duckdb.result('wide', {preview: 1})"
    error, _ = shop.fail(shop.save(script(body), "other"))
    assert isinstance(error, ResultTooLargeError)


def test_a_table_is_dropped_from_a_script(shop: Workshop) -> None:
    body = f"{MANY} await ctx.duckdb.drop('many'); return {{left: await ctx.duckdb.tables()}}"
    assert "many" not in shop.value(script(body))["left"]


def test_a_load_fills_placeholders_and_says_how_many_rows(shop: Workshop) -> None:
    body = """return await ctx.duckdb.load('shop', 'SELECT * FROM sales WHERE shop = ?', 'some',
        {mode: 'replace', params: ['north']})"""
    assert shop.value(script(body, uses("shop"))) == {"table": "some", "rows": 2}

    wrong = "return await ctx.duckdb.load('shop', 'SELECT 1', 'some', {sheet: 'One'})"
    error, _ = shop.fail(shop.save(script(wrong, uses("shop")), "other"))
    assert "there is no option 'sheet' here; there are mode, params" in error.message


def test_a_query_may_have_less_time_than_its_run(shop: Workshop) -> None:
    body = """try { await ctx.duckdb.query(
        'SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) = 5', [], {timeoutMs: 100}) }
        catch (error) { return {code: error.code, message: error.message} }"""
    caught = shop.value(script(body))
    assert caught["code"] == "LIMIT_EXCEEDED"
    assert "100 ms" in caught["message"]


def test_rows_are_saved_only_where_no_table_is(shop: Workshop) -> None:
    body = """await ctx.duckdb.saveDataFrame([{a: 1}], 'once', {mode: 'error'});
        try { await ctx.duckdb.saveDataFrame([{a: 2}], 'once', {mode: 'error'}) }
        catch (error) { return {code: error.code, rows: await ctx.duckdb.query('FROM once')} }"""
    assert shop.value(script(body)) == {"code": "CONFLICT", "rows": [{"a": 1}]}


class Ledger:
    """A datasource that keeps what is written to it."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {}
        self.modes: list[str] = []

    def write_arrow(self, target: str, reader: Any, *, mode: WriteMode = "append") -> int:
        self.modes.append(mode)
        self.tables[target] = reader.read_all()
        return self.tables[target].num_rows


class Ledgers(DatasourceAccess):
    """One ledger under every name."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def writable(self, name: str) -> ArrowWritable:
        return self._ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_a_table_leaves_in_types_that_others_have(warehouse: Warehouse, ledger: Ledger) -> None:
    with closing(WarehouseAccess(warehouse, Ledgers(ledger), limits=Limits())) as access:
        access.execute("""CREATE OR REPLACE TABLE typed AS
        SELECT sum(range) AS h, range % 2 = 0 AS flag, '{"a":1}'::JSON AS j, [true, NULL] AS flags,
               '00000000-0000-0000-0000-000000000001'::UUID AS u, {'b': false} AS s,
               ['00000000-0000-0000-0000-000000000001'::UUID] AS us, 'a'::ENUM('a', 'b') AS e,
               INTERVAL 1 MONTH AS i, 1.5::DECIMAL(9, 2) AS d, 'x'::BLOB AS b, TIME '10:00:00' AS t
        FROM range(3) GROUP BY flag ORDER BY h""")
        answer = access.export("typed", "books", "out", {"mode": "replace"})

    assert answer == {"target": "out", "rows": 2}
    assert ledger.modes == ["replace"]
    table = ledger.tables["out"]
    assert not any(isinstance(field.type, pa.BaseExtensionType) for field in table.schema)
    first = {name: str(value) for name, value in table.to_pylist()[0].items()}
    assert first == {
        "h": "1",
        "flag": "False",
        "j": '{"a":1}',
        "flags": "[True, None]",
        "u": "00000000-0000-0000-0000-000000000001",
        "s": "{'b': False}",
        "us": "['00000000-0000-0000-0000-000000000001']",
        "e": "a",
        "i": "1 month",
        "d": "1.50",
        "b": "b'x'",
        "t": "10:00:00",
    }


def test_an_export_streams_a_view_batch_by_batch(warehouse: Warehouse, ledger: Ledger) -> None:
    with closing(WarehouseAccess(warehouse, Ledgers(ledger), limits=Limits())) as access:
        access.execute("CREATE OR REPLACE VIEW seen AS SELECT range AS n FROM range(300000)")
        assert access.export("seen", "books", "copy") == {"target": "copy", "rows": 300_000}
        # The session is free again.
        assert json.loads(access.query("SELECT count(*) AS n FROM seen")) == [{"n": 300_000}]
        access.execute("DROP VIEW seen")

    assert ledger.modes == ["append"]
    assert ledger.tables["copy"]["n"].to_pylist()[:3] == [0, 1, 2]


def test_a_table_is_exported_to_a_database_and_loaded_back(shop: Workshop) -> None:
    body = """await ctx.duckdb.exec(`CREATE OR REPLACE TABLE leaving AS SELECT i::INTEGER AS id,
            i % 2 = 0 AS even, 'ünï' || i AS t, i * 0.5::DOUBLE AS x,
            DATE '2024-02-29' + i::INTEGER AS day,
            CASE WHEN i = 1 THEN NULL ELSE sum(i) OVER () END AS h FROM range(3) r(i)`);
        const made = await ctx.duckdb.export('leaving', 'till', 'arrived');
        const more = await ctx.duckdb.export('leaving', 'till', 'arrived', {mode: 'append'});
        const anew = await ctx.duckdb.export('leaving', 'till', 'arrived', {mode: 'replace'});
        let refused;
        try { await ctx.duckdb.export('leaving', 'till', 'arrived', {mode: 'error'}) }
        catch (error) { refused = error.code }
        const back = await ctx.duckdb.load('till', 'SELECT * FROM arrived', 'back');
        return {made, more, anew, refused, back,
            rows: await ctx.duckdb.query('SELECT id, t, x, day::VARCHAR AS day FROM back')}"""
    value = shop.value(script(body, uses("till")))

    assert value["made"] == value["more"] == value["anew"] == {"target": "arrived", "rows": 3}
    assert value["refused"] == "CONFLICT"
    assert value["back"] == {"table": "back", "rows": 3}
    assert value["rows"] == [
        {"id": 0, "t": "ünï0", "x": 0, "day": "2024-02-29"},
        {"id": 1, "t": "ünï1", "x": 0.5, "day": "2024-03-01"},
        {"id": 2, "t": "ünï2", "x": 1, "day": "2024-03-02"},
    ]


def test_nothing_is_exported_to_a_datasource_that_is_only_read(shop: Workshop) -> None:
    body = f"{MANY} await ctx.duckdb.export('many', 'shop', 'arrived'); return {{}}"
    error, _ = shop.fail(shop.save(script(body, uses("shop"))))
    assert isinstance(error, ReadOnlyError)

    undeclared = (
        f"{MANY} const to = 'ti' + 'll'; await ctx.duckdb.export('many', to, 't'); return {{}}"
    )
    error, _ = shop.fail(shop.save(script(undeclared, uses("shop")), "other"))
    assert isinstance(error, NotFoundError)


def test_what_takes_no_tables_says_so(shop: Workshop) -> None:
    body = f"{MANY} await ctx.duckdb.export('many', 'away', 't', {{mode: 'upsert'}}); return {{}}"
    error, _ = shop.fail(shop.save(script(body, uses("away"))))
    assert isinstance(error, ValidationFailedError | UnsupportedOperationError)
