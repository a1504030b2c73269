"""Loading Arrow streams into tables: modes, all or nothing, whatever the source does."""
# pyarrow ships no type information.
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from analysis_sandbox.errors import (
    ConflictError,
    QueryError,
    StatementRefusedError,
    UnavailableError,
    ValidationFailedError,
)
from analysis_sandbox.warehouse.client import WarehouseSession
from tests.warehouse.conftest import Home

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def reader(batches: int, *, rows: int = 100, fails_at: int | None = None) -> pa.RecordBatchReader:
    def generate() -> Iterator[pa.RecordBatch]:
        for number in range(batches):
            if number == fails_at:
                raise UnavailableError("the source went away")
            ids = range(number * rows, (number + 1) * rows)
            yield pa.record_batch([pa.array(ids), pa.array(map(str, ids))], schema=SCHEMA)

    return pa.RecordBatchReader.from_batches(SCHEMA, generate())


def totals(session: WarehouseSession, table: str = "t") -> dict[str, Any]:
    sql = f'SELECT count(*) AS n, sum(id) AS total, max(name) AS name FROM "{table}"'
    return json.loads(session.query(sql, max_bytes=1000))[0]


def test_every_batch_arrives_in_order(session: WarehouseSession) -> None:
    assert session.load("t", reader(50)) == 5000

    assert totals(session) == {"n": 5000, "total": sum(range(5000)), "name": "999"}
    last = session.query("SELECT last(id) AS last FROM t", max_bytes=100)
    assert json.loads(last) == [{"last": 4999}]


def test_replace_replaces_and_append_appends(session: WarehouseSession) -> None:
    session.load("t", reader(5))
    assert session.load("t", reader(1)) == 100
    assert session.load("t", reader(2), mode="append") == 200

    assert totals(session)["n"] == 300


def test_append_creates_a_missing_table(session: WarehouseSession) -> None:
    assert session.load("new", reader(1), mode="append") == 100

    assert totals(session, "new")["n"] == 100


def test_append_matches_columns_by_name(session: WarehouseSession) -> None:
    session.execute("CREATE TABLE t (extra INTEGER DEFAULT 7, name VARCHAR, id BIGINT)")
    session.load("t", reader(1, rows=2), mode="append")

    assert json.loads(session.query("SELECT * FROM t ORDER BY id", max_bytes=1000)) == [
        {"extra": 7, "name": "0", "id": 0},
        {"extra": 7, "name": "1", "id": 1},
    ]


def test_the_mode_error_wants_no_such_table(session: WarehouseSession) -> None:
    session.load("t", reader(1), mode="error")

    with pytest.raises(ConflictError, match="'t' exists already"):
        session.load("t", reader(2), mode="error")
    assert totals(session)["n"] == 100


def test_an_unknown_mode_is_refused(session: WarehouseSession) -> None:
    with pytest.raises(ValidationFailedError, match="replace, append, error"):
        session.load("t", reader(1), mode="upsert")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_source_that_fails_leaves_the_table_as_it_was(
    session: WarehouseSession, mode: Any
) -> None:
    session.load("t", reader(3))

    with pytest.raises(UnavailableError, match="the source went away"):
        session.load("t", reader(10, fails_at=5), mode=mode)

    assert totals(session)["n"] == 300


def test_columns_that_do_not_fit_are_refused_before_everything_is_sent(
    session: WarehouseSession,
) -> None:
    session.execute("CREATE TABLE t (other INTEGER)")
    sent = 0

    def endless() -> Iterator[pa.RecordBatch]:
        nonlocal sent
        while True:
            sent += 1
            yield from reader(1)

    with pytest.raises(QueryError):
        session.load("t", pa.RecordBatchReader.from_batches(SCHEMA, endless()), mode="append")

    assert session.tables() == ["t"]
    assert sent > 0


def test_a_load_belongs_to_the_open_transaction(shared: Home, session: WarehouseSession) -> None:
    session.load("t", reader(1))
    session.execute("BEGIN")
    session.load("t", reader(5))
    session.load("t", reader(5), mode="append")
    assert totals(session)["n"] == 1000
    with shared.session() as other:
        assert totals(other)["n"] == 100

    session.execute("ROLLBACK")

    assert totals(session)["n"] == 100


def test_a_failed_load_fails_the_open_transaction(session: WarehouseSession) -> None:
    session.load("t", reader(1))
    session.execute("BEGIN; DELETE FROM t")
    with pytest.raises(UnavailableError, match="the source went away"):
        session.load("u", reader(10, fails_at=5))

    with pytest.raises(QueryError, match="nothing of it is stored"):
        session.execute("COMMIT")

    assert totals(session)["n"] == 100
    assert session.load("u", reader(1)) == 100


def test_an_empty_source_makes_an_empty_table(session: WarehouseSession) -> None:
    assert session.load("t", reader(0)) == 0

    assert totals(session) == {"n": 0, "total": None, "name": None}


def test_names_of_tables_are_names_and_not_sql(session: WarehouseSession) -> None:
    name = 'a"; DROP TABLE t; --'
    session.load("t", reader(1))
    session.load(name, reader(1))

    assert session.tables() == sorted([name, "t"])
    assert session.describe(name).row_count == 100


def test_a_view_of_the_name_is_not_replaced(session: WarehouseSession) -> None:
    session.execute("CREATE VIEW v AS SELECT 1 AS a")

    with pytest.raises(QueryError, match="View"):
        session.load("v", reader(1))


def test_types_beyond_numbers_and_text_arrive(session: WarehouseSession) -> None:
    columns = {
        "d": pa.array(["1.10", None]).cast(pa.decimal128(18, 4)),
        "e": pa.array(["a", "a"]).dictionary_encode(),
        "b": pa.array([b"\x00", None]),
        "t": pa.array([0, None], pa.timestamp("us", "UTC")),
        "l": pa.array([[1, None], None], pa.list_(pa.int32())),
        "s": pa.array([{"x": 1}, None]),
        "n": pa.nulls(2),
    }
    batch = pa.record_batch(columns)
    session.load("t", pa.RecordBatchReader.from_batches(batch.schema, iter([batch, batch])))

    first = json.loads(session.query("SELECT * FROM t LIMIT 1", max_bytes=1000))[0]
    assert first == {
        "d": 1.1,
        "e": "a",
        "b": {"\ue000bytes": "AA=="},
        "t": "1970-01-01T00:00:00Z",
        "l": [1, None],
        "s": {"x": 1},
        "n": None,
    }


def test_a_small_warehouse_takes_more_rows_than_its_memory(home: Home) -> None:
    home.configure(warehouse_memory_mb=128)
    text = "x" * 500
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])

    def generate() -> Iterator[pa.RecordBatch]:
        for number in range(200):
            ids = pa.array(range(number * 2000, (number + 1) * 2000))
            texts = pa.array([f"{text}{number}-{row}" for row in range(2000)])
            yield pa.record_batch([ids, texts], schema=schema)

    with home.session() as session:
        rows = session.load("t", pa.RecordBatchReader.from_batches(schema, generate()))
        assert rows == session.describe("t").row_count == 400_000
        with pytest.raises(StatementRefusedError):
            session.execute("SET memory_limit = '8GB'")


def days(*pairs: tuple[str | None, int]) -> pa.RecordBatchReader:
    return pa.table(
        {"day": pa.array([day for day, _ in pairs], pa.string()), "n": [n for _, n in pairs]}
    ).to_reader()


def test_replacing_by_partition_keeps_the_other_partitions(session: WarehouseSession) -> None:
    session.load("days", days(("mon", 1), ("mon", 2), ("tue", 3), (None, 4)))

    assert session.load("days", days(("mon", 9), (None, 8)), partition=["day"]) == 2

    sql = "SELECT day, n FROM days ORDER BY n"
    assert json.loads(session.query(sql, max_bytes=1000)) == [
        {"day": "tue", "n": 3},
        {"day": None, "n": 8},
        {"day": "mon", "n": 9},
    ]


def test_replacing_by_partition_creates_a_missing_table(session: WarehouseSession) -> None:
    assert session.load("fresh", days(("mon", 1)), partition=["day"]) == 1


def test_replacing_by_partition_is_all_or_nothing(session: WarehouseSession) -> None:
    session.load("kept", days(("mon", 1)))

    with pytest.raises(ValidationFailedError, match="no column 'week'"):
        session.load("kept", days(("mon", 2)), partition=["week"])
    with pytest.raises(QueryError):
        session.load(
            "kept", pa.table({"day": ["mon"], "extra": [1]}).to_reader(), partition=["day"]
        )

    assert json.loads(session.query("SELECT n FROM kept", max_bytes=100)) == [{"n": 1}]


def test_replacing_by_partition_joins_the_open_transaction(session: WarehouseSession) -> None:
    session.load("open_days", days(("mon", 1)))
    session.execute("BEGIN")
    session.load("open_days", days(("mon", 2)), partition=["day"])
    session.execute("ROLLBACK")

    assert json.loads(session.query("SELECT n FROM open_days", max_bytes=100)) == [{"n": 1}]
