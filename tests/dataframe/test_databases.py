"""Frames to and from real databases: rows never pass through the script."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from analysis_sandbox.datasources.configuration import DatasourceConfigurations
from analysis_sandbox.datasources.connections import Connections
from analysis_sandbox.errors import NotFoundError, QueryError, ValidationFailedError
from analysis_sandbox.execution.sources import DatasourceAccess
from analysis_sandbox.execution.warehouse import WarehouseAccess
from analysis_sandbox.limits import Limits
from tests.dataframe.conftest import Script, call, col
from tests.warehouse.conftest import Home, opened_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory) as home:
        yield home


class Desk:
    """A run's frames beside its datasources and its warehouse."""

    def __init__(self, home: Home, directory: Path) -> None:
        database = directory / "local.db"
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE sales (city TEXT, n INTEGER)")
            rows = [("Bern" if n % 2 else "Rome", n) for n in range(100_000)]
            connection.executemany("INSERT INTO sales VALUES (?, ?)", rows)
        connection.close()
        file = directory / "datasources.yaml"
        file.write_text(
            f"projects: {{default: {{local: {{type: sqlite, path: {database}}}}}}}",
            encoding="utf-8",
        )
        self._connections = Connections(DatasourceConfigurations(file))
        datasources = DatasourceAccess(self._connections, project="default", declared=["local"])
        limits = Limits(duckdb_memory_mb=512)
        self.warehouse = WarehouseAccess(home.warehouse(), datasources, limits=limits)
        self.script = Script(limits)
        self.functions = self.script.frames.asynchronous(
            datasources=datasources, warehouse=self.warehouse
        )

    def close(self) -> None:
        self.script.frames.close()
        self.warehouse.close()
        self._connections.close()

    def frame(self, function: str, *arguments: Any) -> int:
        return cast("int", self.functions[function](*arguments))

    def save(self, given: object, table: str, options: object = None) -> Any:
        return self.functions["duckdb.saveDataFrame"](given, table, options)

    def rows(self, sql: str) -> Any:
        return json.loads(self.warehouse.query(sql))


@pytest.fixture
def desk(home: Home, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(home, tmp_path)
    yield desk
    desk.close()


def test_a_query_of_a_datasource_becomes_a_frame(desk: Desk) -> None:
    frame = desk.frame("datasource.frame", "local", "SELECT * FROM sales WHERE n >= ?", [10])
    grouped = desk.script.apply(frame, "aggregate", ["city"], {"total": "sum:n", "rows": "count"})

    assert desk.script.collect(grouped) == [
        {"city": "Rome", "total": sum(range(10, 100_000, 2)), "rows": 49_995},
        {"city": "Bern", "total": sum(range(11, 100_000, 2)), "rows": 49_995},
    ]


def test_a_query_of_the_warehouse_becomes_a_frame_with_the_rows_of_the_query(desk: Desk) -> None:
    sql = """SELECT 1::INTEGER AS i, sum(n)::HUGEINT AS h, 0.1::REAL AS r, 1.50::DECIMAL(9,2) AS d,
        DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-02-29 10:00:00+01' AS moment, uuid() AS u,
        {'a': [1, 2]} AS s, 'x'::BLOB AS b, INTERVAL 1 MONTH AS iv, TIME '10:00:00' AS t
        FROM range(10) AS r(n)"""
    frame = desk.frame("duckdb.frame", sql, None)

    (of_frame,) = desk.script.collect(frame)
    (of_query,) = desk.rows(sql)

    assert {**of_frame, "u": None, "b": None} == {**of_query, "u": None, "b": None}
    assert [len(row["u"]) for row in (of_frame, of_query)] == [36, 36]


def test_parameters_reach_the_warehouse(desk: Desk) -> None:
    assert desk.script.collect(desk.frame("duckdb.frame", "SELECT CAST(? AS INT) AS a", [5])) == [
        {"a": 5}
    ]


def test_a_saved_frame_is_a_table_of_the_same_rows(desk: Desk) -> None:
    rows = [
        {"n": 1, "x": 0.5, "s": "ä", "b": True, "l": [1, 2], "o": {"k": "v"}, "none": None},
        {"n": 2**60, "x": None, "s": None, "b": None, "l": None, "o": None, "none": None},
    ]
    frame = desk.script.apply(
        desk.script.create(rows),
        "withColumn",
        "day",
        call("cast", call("lit", None, "2024-02-29"), "date"),
    )

    assert desk.save(frame, "kept") == {"table": "kept", "rows": 2}
    assert desk.rows("SELECT * FROM kept") == desk.script.collect(frame)
    assert desk.save({"$frame": frame}, "kept", {"mode": "append"})["rows"] == 2
    assert desk.rows("SELECT count(*) AS n FROM kept") == [{"n": 4}]


def test_rows_are_saved_without_a_frame_of_their_own(desk: Desk) -> None:
    assert desk.save([{"a": 1}, {"a": 2.5}], "direct")["rows"] == 2
    assert desk.rows("SELECT * FROM direct") == [{"a": 1}, {"a": 2.5}]


def test_overwriting_with_partitions_replaces_only_those_present(desk: Desk) -> None:
    desk.save([{"day": d, "v": 1} for d in ("a", "b", "c")], "parts")
    options = {"mode": "overwrite", "partition": ["day"]}
    desk.save([{"day": "b", "v": 2}, {"day": "d", "v": 2}], "parts", options)

    assert desk.rows("SELECT * FROM parts ORDER BY day") == [
        {"day": "a", "v": 1},
        {"day": "b", "v": 2},
        {"day": "c", "v": 1},
        {"day": "d", "v": 2},
    ]


def test_many_rows_are_saved_batch_by_batch(desk: Desk) -> None:
    frame = desk.frame("datasource.frame", "local", "SELECT * FROM sales")
    doubled = desk.script.apply(frame, "withColumn", "twice", call("mul", col("n"), 2))

    assert desk.save(doubled, "sales", None)["rows"] == 100_000
    assert desk.rows("SELECT sum(twice) AS s FROM sales") == [{"s": 2 * sum(range(100_000))}]


def test_a_frame_that_fails_while_it_is_saved_leaves_the_table_as_it_was(desk: Desk) -> None:
    desk.save([{"n": 1}], "safe")
    broken = desk.script.apply(
        desk.script.frames.add(pl.LazyFrame({"s": ["1"] * 300_000 + ["x"]})), "cast", {"s": "int"}
    )

    with pytest.raises(ValidationFailedError, match="failed in column 's'"):
        desk.save(broken, "safe")
    assert desk.rows("SELECT * FROM safe") == [{"n": 1}]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([{"a": 1}], {"mode": "replace"}, "mode must be one of overwrite, append"),
        ([{"a": 1}], {"partition": ["b"]}, "Column 'b' not found"),
        ([{"a": 1}], {"partitions": ["a"]}, "Did you mean 'partition'?"),
        ([{"a": 1}], "append", "the options must be an object"),
        ([], None, "the frame has no columns"),
        ("rows", None, "A DataFrame is needed, not 'rows'"),
    ],
)
def test_what_cannot_be_saved_is_refused(
    desk: Desk, given: Any, options: Any, message: str
) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        desk.save(given, "never", options)

    assert message in caught.value.message


def test_errors_of_databases_come_through_as_they_are(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match="Datasource 'other' not found"):
        desk.frame("datasource.frame", "other", "SELECT 1")
    with pytest.raises(QueryError):
        desk.frame("datasource.frame", "local", "SELECT * FROM nowhere", None)
    with pytest.raises(QueryError):
        desk.frame("duckdb.frame", "SELECT * FROM nowhere")
    with pytest.raises(ValidationFailedError, match="must be a list"):
        desk.frame("datasource.frame", "local", "SELECT 1", "x")


def test_closing_ends_a_frame_that_is_being_read(desk: Desk) -> None:
    done = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            desk.frame("duckdb.frame", "SELECT * FROM range(3000000000) AS r(n)")
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)
        done.set()

    thread = threading.Thread(target=read)
    thread.start()
    desk.script.frames.close()

    assert done.wait(30)
    assert failures


def test_options_functions_have_no_warehouse(desk: Desk) -> None:
    functions = desk.script.frames.asynchronous(datasources=cast("Any", None), warehouse=None)

    assert set(functions) == {"datasource.frame"}
