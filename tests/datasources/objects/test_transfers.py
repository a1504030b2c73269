"""A script moves tables between object storage and the warehouse, both ways, and frames objects."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.sandbox.supervisor import Sandbox
from analysis_sandbox.warehouse.client import Warehouse
from tests.datasources.objects.files import csv_file, excel_file, parquet_file, zipped
from tests.datasources.objects.harnesses import ObjectsHarness
from tests.datasources.transfers import configured
from tests.execution.workshop import Workshop, make_workshop, script, uses


@pytest.fixture
def workshop(
    harness: ObjectsHarness,
    catalogue: Catalogue,
    sandbox: Sandbox,
    warehouse: Warehouse,
    project: str,
    tmp_path: Path,
) -> Iterator[Workshop]:
    file = configured(
        tmp_path / "datasources.yaml",
        project,
        files=(harness.type_name, harness.config(access="read_write")),
        reader=(harness.type_name, harness.config()),
    )
    with Connections(DatasourceConfigurations(file)) as connections:
        yield make_workshop(
            catalogue, sandbox, connections, warehouse, directory=tmp_path, project=project
        )


def value(workshop: Workshop, harness: ObjectsHarness, body: str) -> Any:
    table = f'const table = "moved_{harness.type_name}";'
    return workshop.value(script(f"{table}\n{body}", uses("files", "reader")))


def test_objects_are_loaded_by_their_names(workshop: Workshop, harness: ObjectsHarness) -> None:
    harness.write("in/a.csv", b"city,n\nOslo,1\nBergen,2\n")
    harness.write("in/b.csv.gz", gzip.compress(b"city,n\nLagos,3\n"))
    body = """
        await ctx.duckdb.load("reader", "in/a.csv", table);
        await ctx.duckdb.load("reader", "in/b.csv.gz", table, { mode: "append" });
        const [row] = await ctx.duckdb.query(
            `select sum(n)::int as n, max(city) as last from ${table}`);
        return row;"""

    assert value(workshop, harness, body) == {"n": 6, "last": "Oslo"}


def test_a_load_and_a_frame_take_the_options_of_a_stream(
    workshop: Workshop, harness: ObjectsHarness
) -> None:
    harness.write("packed", zipped({"x.txt": b"no table", "y.data": b"city;n\nOslo;1\nBergen;2\n"}))
    body = """
        const options = { decompress: "zip", member: "*.data", format: "csv", delimiter: ";" };
        const { rows } = await ctx.duckdb.load("reader", "packed", table, options);
        const frame = await ctx.datasource.reader.frame("packed", options);
        const refused = await ctx.duckdb.load("reader", "packed", table, { formt: "csv" })
            .then(() => "", (error) => error.message);
        return { rows, frame: frame.toJSON(), refused };"""
    found = value(workshop, harness, body)

    assert found["rows"] == 2
    assert found["frame"] == [{"city": "Oslo", "n": 1}, {"city": "Bergen", "n": 2}]
    assert "formt: there is no such option; there are decompress, format" in found["refused"]


@pytest.mark.parametrize(
    ("key", "content", "options"),
    [
        ("t.csv", csv_file(), "{}"),
        ("t.parquet", parquet_file(), "{}"),
        ("t.xlsx", excel_file(), '{ sheet: "Sales" }'),
    ],
    ids=["csv", "parquet", "excel"],
)
def test_each_format_is_loaded(
    workshop: Workshop, harness: ObjectsHarness, key: str, content: bytes, options: str
) -> None:
    harness.write(key, content)
    body = f"""
        const {{ rows }} = await ctx.duckdb.load("reader", "{key}", table, {options});
        const frame = await ctx.datasource.reader.frame("{key}", {options});
        return {{ rows, framed: frame.height }};"""
    found = value(workshop, harness, body)

    assert found["rows"] == found["framed"] > 0


@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz"])
def test_a_table_is_exported_and_read_again(
    workshop: Workshop, harness: ObjectsHarness, ending: str
) -> None:
    body = f"""
        await ctx.duckdb.exec(`create or replace table ${{table}} as
            select i, i * 1.5 as half, 'grüße ' || i as word from range(20000) as r (i)`);
        const target = "out/totals.{ending}";
        const exported = await ctx.duckdb.export(table, "files", target);
        const again = await ctx.duckdb.export(table, "files", target, {{ mode: "error" }})
            .then(() => "", (error) => error.code);
        await ctx.duckdb.load("reader", target, table + "_back");
        const [back] = await ctx.duckdb.query(`select count(*)::int as n, sum(half)::double as s,
            max(word) as w from ${{table}}_back`);
        return {{ rows: exported.rows, again, back }};"""

    assert value(workshop, harness, body) == {
        "rows": 20_000,
        "again": "CONFLICT",
        "back": {"n": 20_000, "s": 299_985_000, "w": "grüße 9999"},
    }
    assert harness.stored_keys() == [f"out/totals.{ending}"]


def test_nothing_is_exported_to_read_only_storage(
    workshop: Workshop, harness: ObjectsHarness
) -> None:
    body = """
        await ctx.duckdb.exec(`create or replace table ${table} as select 1 as i`);
        const refused = await ctx.duckdb.export(table, "reader", "out/t.csv")
            .then(() => "", (error) => error.code);
        return { refused };"""

    assert value(workshop, harness, body) == {"refused": "READ_ONLY"}
    assert harness.stored_keys() == []
