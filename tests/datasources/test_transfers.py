"""A script moves rows between each SQL database and the warehouse, both ways, and frames them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import ReadOnlyError
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.warehouse.client import Warehouse
from tests.datasources.harnesses import Harness
from tests.datasources.transfers import configured
from tests.execution.workshop import Workshop, make_workshop, script, uses

COUNT = 3_000
SUM = COUNT * (COUNT + 1) // 2
PRICES = SUM * 1.25
# As many rows as `numbers` gives, with a column of each common kind.
COLUMNS = "cast(i * 1.25 as decimal(12, 2)) as price, 'grüße 😀' as word, nullif('', '') as missing"
SUMS = (
    "select count(*) as n, sum(i) as s, sum(price) as p, min(word) as w, count(missing) as c from "
)
EXPECTED = [COUNT, SUM, PRICES, "grüße 😀", 0]
HELPERS = """
    const sums = ([row]) => [row.n, row.s, row.p, row.w, row.c].map((v) => Number(v) >= 0 ? +v : v);
"""


@pytest.fixture
def workshop(
    harness: Harness,
    catalogue: Catalogue,
    sandbox: Sandbox,
    warehouse: Warehouse,
    project: str,
    tmp_path: Path,
) -> Iterator[Workshop]:
    file = configured(
        tmp_path / "datasources.yaml",
        project,
        db=(harness.type_name, harness.config(access="read_write")),
        reader=(harness.type_name, harness.config()),
    )
    harness.run("drop table if exists copied")
    with Connections(DatasourceConfigurations(file)) as connections:
        yield make_workshop(
            catalogue, sandbox, connections, warehouse, directory=tmp_path, project=project
        )
    harness.run("drop table if exists copied")


def statement(harness: Harness) -> str:
    numbers = harness.numbers.format(count=COUNT)
    if numbers.startswith("with"):
        return numbers.replace("select i from t", f"select i, {COLUMNS} from t")
    return f"select i, {COLUMNS} from ({numbers}) as numbers"


def moving(harness: Harness, body: str) -> str:
    """A script with `sql`, which gives the rows, and `table`, which no other test uses."""
    table = f"moved_{harness.type_name}"
    given = f"const sql = {json.dumps(statement(harness))}, table = {json.dumps(table)};"
    return script(f"{given}\n{HELPERS}\n{body}", uses("db", "reader"))


def value(workshop: Workshop, harness: Harness, body: str) -> Any:
    return workshop.value(moving(harness, body))


def test_rows_are_loaded_into_the_warehouse(workshop: Workshop, harness: Harness) -> None:
    body = f"""
        const {{ rows }} = await ctx.duckdb.load("reader", sql, table);
        return {{ rows, sums: sums(await ctx.duckdb.query("{SUMS}" + table)) }};"""

    assert value(workshop, harness, body) == {"rows": COUNT, "sums": EXPECTED}


def test_a_load_appends_replaces_or_refuses(workshop: Workshop, harness: Harness) -> None:
    body = """
        const count = async () => {
            const [row] = await ctx.duckdb.query(`select count(*) as n from ${table}`);
            return Number(row.n);
        };
        const counts = [];
        for (const mode of ["replace", "append", "replace"]) {
            await ctx.duckdb.load("reader", sql, table, { mode });
            counts.push(await count());
        }
        const refused = await ctx.duckdb.load("reader", sql, table, { mode: "error" })
            .then(() => "", (error) => error.code);
        return { counts, refused };"""

    assert value(workshop, harness, body) == {
        "counts": [COUNT, 2 * COUNT, COUNT],
        "refused": "CONFLICT",
    }


@pytest.mark.parametrize(
    ("condition", "params"),
    [
        ("i > $1 and t <> $2", '[1, "three"]'),
        ("i > ? and t <> ?", '[1, "three"]'),
        ("t <> :last and i > :first", '{ first: 1, last: "three" }'),
    ],
    ids=["numbered", "in order", "named"],
)
def test_a_load_takes_parameters(
    workshop: Workshop, harness: Harness, condition: str, params: str
) -> None:
    body = f"""
        const few = "select i, t from n where {condition}", values = {params};
        const loaded = await ctx.duckdb.load("reader", few, table, {{ params: values }});
        const frame = await ctx.datasource.reader.frame(few, values);
        const rows = await ctx.duckdb.query("select t from " + table);
        return {{ loaded: loaded.rows, rows, framed: frame.height }};"""

    assert value(workshop, harness, body) == {
        "loaded": 1,
        "rows": [{"t": "two"}],
        "framed": 1,
    }


def test_a_table_is_exported_and_is_the_same_there(workshop: Workshop, harness: Harness) -> None:
    body = f"""
        await ctx.duckdb.load("reader", sql, table);
        const made = await ctx.duckdb.export(table, "db", "copied", {{ mode: "replace" }});
        const once = sums(await ctx.datasource.reader.query("{SUMS} copied"));
        await ctx.duckdb.export(table, "db", "copied");
        const [twice] = await ctx.datasource.reader.query("select count(*) as n from copied");
        const refused = await ctx.duckdb.export(table, "db", "copied", {{ mode: "error" }})
            .then(() => "", (error) => error.code);
        return {{ made: made.rows, once, twice: Number(twice.n), refused }};"""

    assert value(workshop, harness, body) == {
        "made": COUNT,
        "once": EXPECTED,
        "twice": 2 * COUNT,
        "refused": "CONFLICT",
    }
    assert len(harness.run("select i from copied")) == 2 * COUNT


def test_nothing_is_exported_to_a_read_only_datasource(
    workshop: Workshop, harness: Harness
) -> None:
    body = """
        await ctx.duckdb.exec(`create or replace table ${table} as select 1 as i`);
        return await ctx.duckdb.export(table, "reader", "copied", { mode: "replace" });"""
    error, _ = workshop.fail(workshop.save(moving(harness, body)))

    assert error.code == ReadOnlyError.code
    with pytest.raises(Exception, match="copied"):
        harness.run("select i from copied")


def test_a_frame_of_a_query_is_computed_and_saved(workshop: Workshop, harness: Harness) -> None:
    body = f"""
        const frame = await ctx.datasource.reader.frame(sql);
        await ctx.duckdb.saveDataFrame(frame.filter(col("i").lte(10)), table);
        const few = sums(await ctx.duckdb.query("{SUMS}" + table));
        return {{ height: frame.height, few }};"""

    assert value(workshop, harness, body) == {
        "height": COUNT,
        "few": [10, 55, 68.75, "grüße 😀", 0],
    }


def test_a_stream_is_read_to_its_end(workshop: Workshop, harness: Harness) -> None:
    body = """
        let n = 0, s = 0, p = 0;
        for await (const rows of ctx.datasource.reader.stream(sql)) {
            for (const row of rows) { n += 1; s += Number(row.i); p += Number(row.price); }
        }
        return { n, s, p };"""

    assert value(workshop, harness, body) == {"n": COUNT, "s": SUM, "p": PRICES}
