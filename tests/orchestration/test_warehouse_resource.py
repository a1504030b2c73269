"""The warehouse as a resource of engineers' own assets."""

# pyarrow ships no type information.
# pyright: reportUnknownVariableType=false

import threading
from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pytest
from dagster import Definitions, asset, materialize

from analysis_sandbox.errors import (
    QueryError,
    StatementRefusedError,
    ValidationFailedError,
)
from analysis_sandbox.orchestration.warehouse_resource import WarehouseResource
from tests.warehouse.conftest import Home, opened_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory) as home:
        yield home


@pytest.fixture
def resource(home: Home) -> WarehouseResource:
    return WarehouseResource(home=str(home.settings.home))


def test_an_asset_writes_and_reads_beside_a_run(home: Home, resource: WarehouseResource) -> None:
    @asset
    def orders(duckdb: WarehouseResource) -> int:
        with duckdb.get_connection() as connection:
            connection.execute("CREATE OR REPLACE TABLE orders AS SELECT range AS n FROM range(5)")
            rows = connection.execute("SELECT sum(n)::INT, count(*) FROM orders").fetchall()
            assert rows == [(10, 5)]
            return len(rows)

    assert Definitions(assets=[orders], resources={"duckdb": resource})
    # The session of a run stays open meanwhile: nobody waits for the file.
    with home.session() as session:
        session.execute("BEGIN; CREATE TABLE other AS SELECT 1 AS a")
        result = materialize([orders], resources={"duckdb": resource})
        session.execute("ROLLBACK")

    assert result.success
    assert result.output_for_node("orders") == 1


def test_rows_are_fetched_as_with_duckdb(resource: WarehouseResource) -> None:
    with resource.get_connection() as connection:
        connection.execute(
            "SELECT i, i = 1 AS flag, DATE '2024-02-29' AS day FROM range($most) t(i)", {"most": 4}
        )
        assert connection.columns == ["i", "flag", "day"]
        assert connection.description[0][0] == "i"
        assert [row[:2] for row in connection.fetchmany(2)] == [(0, False), (1, True)]
        assert [row[0] for row in connection.fetchall()] == [2, 3]
        assert connection.fetchone() is None
        assert connection.sql("SELECT 1 AS a").pl().to_dicts() == [{"a": 1}]
        assert connection.execute("SELECT 1 AS a").arrow().to_pylist() == [{"a": 1}]
        assert list(connection.execute("SELECT 1 AS a").df()["a"]) == [1]


def test_transactions_hold_and_end_with_the_connection(resource: WarehouseResource) -> None:
    with resource.get_connection() as connection:
        connection.execute("CREATE OR REPLACE TABLE kept (n INTEGER); INSERT INTO kept VALUES (1)")
        connection.begin().execute("INSERT INTO kept VALUES (2)")
        connection.commit()
        connection.executemany("INSERT INTO kept VALUES (?)", [[3], [4]])
        with pytest.raises(QueryError):
            connection.executemany("INSERT INTO kept VALUES (?)", [[5], ["no number"]])
    with pytest.raises(QueryError), resource.get_connection() as connection:
        connection.execute("BEGIN; DELETE FROM kept; FROM nowhere")
    with resource.get_connection() as connection:
        assert connection.execute("FROM kept ORDER BY n").fetchall() == [(1,), (2,), (3,), (4,)]


def test_frames_are_loaded(resource: WarehouseResource) -> None:
    table = pa.table({"a": [1, 2]})
    with resource.get_connection() as connection:
        for data in (table, table.to_reader(), pl.DataFrame({"a": [1, 2]})):
            assert connection.load("loaded", data) == 2
            assert connection.execute("FROM loaded").fetchall() == [(1,), (2,)]


def test_what_needs_the_engine_itself_is_refused(resource: WarehouseResource) -> None:
    with resource.get_connection() as connection:
        for sql in ("SELECT * FROM 'x.csv'", "INSTALL httpfs", "ATTACH 'x.db'", "SET threads = 1"):
            with pytest.raises(StatementRefusedError):
                connection.execute(sql)
        with pytest.raises(ValidationFailedError, match="cannot be loaded"):
            connection.load("x", [1])


def test_many_assets_write_one_row_at_once_without_an_error(resource: WarehouseResource) -> None:
    with resource.get_connection() as connection:
        connection.execute("CREATE OR REPLACE TABLE counter AS SELECT 0 AS n")
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with resource.get_connection() as connection:
                for _ in range(10):
                    connection.execute("UPDATE counter SET n = n + 1")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test tells it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with resource.get_connection() as connection:
        assert connection.execute("FROM counter").fetchone() == (40,)
