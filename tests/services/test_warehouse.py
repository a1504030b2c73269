"""The use cases about a real warehouse: SQL from outside, and paging through results."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from analysis_sandbox.errors import (
    ForbiddenError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ResultTooLargeError,
    StatementRefusedError,
    ValidationFailedError,
)
from analysis_sandbox.limits import LimitOverrides, SystemLimits
from analysis_sandbox.services.warehouse import WarehouseService
from analysis_sandbox.warehouse.client import Warehouse
from tests.services.conftest import Project
from tests.warehouse.client_process import ENDLESS
from tests.warehouse.conftest import Home, opened_home

SOURCE = "export default { title: 'Report', async run() { return {}; } };"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with opened_home(tmp_path_factory) as stock:
        yield stock


@pytest.fixture
def service(home: Project, stock: Home) -> WarehouseService:
    def warehouse(project: str) -> Warehouse:
        # Projects of tests have long names, and a socket's path must be short.
        return Warehouse(stock.settings, project[:20])

    system = SystemLimits.of(LimitOverrides(result_size_mb=1), LimitOverrides())
    return WarehouseService(catalogue=home.catalogue, warehouse=warehouse, system=system)


def finished(home: Project, *references: dict[str, Any]) -> str:
    """Have a run end whose result names tables."""
    job = home.execute(home.create(SOURCE))
    home.begin(job)
    display = {"tables": [], "charts": [], "references": list(references)}
    home.finish(job, display=display if references else None)
    return job


def test_tables_and_views_are_listed_and_described(
    home: Project, service: WarehouseService
) -> None:
    service.execute(home.manager, "CREATE OR REPLACE TABLE t (a INTEGER NOT NULL, b DATE)")
    service.execute(home.manager, "INSERT INTO t VALUES (?, '2024-01-01')", [5])
    service.execute(home.manager, "CREATE OR REPLACE VIEW v AS SELECT a FROM t")

    entries = [entry.model_dump() for entry in service.tables(home.viewer).tables]
    assert {"name": "t", "kind": "table", "columns": 2, "row_count": 1} in entries
    assert {"name": "v", "kind": "view", "columns": 1, "row_count": None} in entries
    about = service.describe(home.viewer, "t")
    assert [column.nullable for column in about.columns] == [False, True]
    assert about.row_count == 1
    service.drop(home.manager, "v")
    with pytest.raises(NotFoundError, match="no table 'v'"):
        service.drop(home.manager, "v")


def test_rows_come_with_their_columns_even_when_there_are_none(
    home: Project, service: WarehouseService
) -> None:
    answer = service.query(home.manager, "SELECT 1 AS a, 'x'::BLOB AS b WHERE $n > 5", {"n": 1})
    assert (answer.columns, answer.row_count, answer.rows) == (["a", "b"], 0, "[]")
    # Bytes are Base64 outside of scripts.
    assert service.query(home.manager, "SELECT 'x'::BLOB AS b").rows == '[{"b":"eA=="}]'


def test_a_transaction_ends_within_the_text(home: Project, service: WarehouseService) -> None:
    service.execute(home.manager, "BEGIN; CREATE OR REPLACE TABLE held AS SELECT 1 AS a; COMMIT")
    with pytest.raises(ValidationFailedError, match="nothing of it is stored"):
        service.execute(home.manager, "BEGIN; INSERT INTO held VALUES (2)")

    assert service.query(home.manager, "FROM held").row_count == 1


def test_what_only_reads_cannot_change_anything(home: Project, service: WarehouseService) -> None:
    service.execute(home.manager, "CREATE OR REPLACE TABLE kept AS SELECT 1 AS a")
    service.execute(home.manager, "CREATE SEQUENCE IF NOT EXISTS numbers")
    for sql in (
        "DELETE FROM kept",
        "INSERT INTO kept VALUES (2) RETURNING a",
        "WITH gone AS (DELETE FROM kept RETURNING a) SELECT * FROM gone",
        "CREATE TABLE other AS SELECT 1",
        "EXPLAIN ANALYZE DELETE FROM kept",
        "BEGIN",
    ):
        with pytest.raises(StatementRefusedError):
            service.query(home.manager, sql, read_only=True)
    with pytest.raises(QueryError, match="read-only"):
        service.query(home.manager, "SELECT nextval('numbers')", read_only=True)

    assert service.query(home.manager, "FROM kept", read_only=True).rows == '[{"a":1}]'


def test_size_and_time_of_an_answer_are_bounded(home: Project, service: WarehouseService) -> None:
    with pytest.raises(ResultTooLargeError, match="exceeds 1MB limit"):
        service.query(home.manager, "SELECT repeat('x', 2000000) AS t")
    with pytest.raises(LimitExceededError, match="100 ms"):
        service.query(home.manager, ENDLESS, timeout_ms=100)
    with pytest.raises(ValidationFailedError, match="the maximum is 1800000"):
        service.query(home.manager, "SELECT 1", timeout_ms=1_800_001)


def test_a_queue_that_outside_services_work_on_hands_out_every_item_once(
    home: Project, service: WarehouseService
) -> None:
    service.execute(
        home.manager,
        "CREATE OR REPLACE TABLE queue AS SELECT range AS id, 'pending' AS state FROM range(40)",
    )
    taken: list[int] = []

    def work() -> None:
        claim = """UPDATE queue SET state = 'taken' WHERE id = (
            SELECT min(id) FROM queue WHERE state = 'pending') RETURNING id"""
        while rows := json.loads(service.query(home.manager, claim).rows):
            taken.append(rows[0]["id"])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == list(range(40))


@pytest.mark.parametrize("method", ["query", "execute"])
def test_sql_needs_a_manager(home: Project, service: WarehouseService, method: str) -> None:
    with pytest.raises(ForbiddenError, match="needs the role manager"):
        getattr(service, method)(home.runner, "SELECT 1")
    with pytest.raises(ForbiddenError):
        service.drop(home.runner, "t")


def test_another_project_sees_nothing_of_it(home: Project, service: WarehouseService) -> None:
    service.execute(home.manager, "CREATE OR REPLACE TABLE secret AS SELECT 1 AS a")
    stranger = home.caller(home.manager.role, f"x{home.name}"[:20])
    assert service.tables(stranger).tables == []
    with pytest.raises(QueryError):
        service.query(stranger, "FROM secret")


def test_a_result_beyond_its_limit_is_paged_from_its_table(
    home: Project, service: WarehouseService
) -> None:
    service.execute(
        home.manager, "CREATE OR REPLACE TABLE big AS SELECT range AS n FROM range(200000)"
    )
    job = finished(home, {"key": "sales", "table": "big", "rowCount": 200_000})
    seen, offset = 0, 0
    while True:
        page = service.result_rows(home.viewer, job, offset=offset, limit=10_000)
        rows = json.loads(page.rows)
        assert [rows[0]["n"], rows[-1]["n"]] == [offset, offset + len(rows) - 1]
        seen += len(rows)
        if page.next_offset is None:
            break
        offset = page.next_offset
    assert seen == page.row_count == page.row_count_of_result == 200_000
    assert [column.type for column in page.columns] == ["BIGINT"]

    service.execute(home.manager, "DELETE FROM big WHERE n >= 10")
    page = service.result_rows(home.viewer, job, key="sales", offset=8, limit=5)
    assert (page.row_count, page.row_count_of_result) == (10, 200_000)
    assert (page.rows, page.next_offset) == ('[{"n":8},{"n":9}]', None)


def test_a_page_that_is_too_large_says_what_to_ask_for(
    home: Project, service: WarehouseService
) -> None:
    service.execute(
        home.manager, "CREATE OR REPLACE TABLE wide AS SELECT repeat('x', 1000) t FROM range(5000)"
    )
    job = finished(home, {"key": None, "table": "wide", "rowCount": 5000})
    with pytest.raises(ResultTooLargeError) as caught:
        service.result_rows(home.viewer, job, limit=5000)
    assert caught.value.hint == "Ask for fewer rows at once."
    assert service.result_rows(home.viewer, job, limit=100).next_offset == 100


def test_a_result_with_several_tables_needs_a_key(home: Project, service: WarehouseService) -> None:
    service.execute(home.manager, "CREATE OR REPLACE TABLE one AS SELECT 1 AS a")
    job = finished(
        home,
        {"key": "a", "table": "one", "rowCount": 1},
        {"key": "b", "table": "gone", "rowCount": 1},
    )
    with pytest.raises(ValidationFailedError, match="say which with key: a, b"):
        service.result_rows(home.viewer, job)
    with pytest.raises(NotFoundError, match="names no table as 'c'"):
        service.result_rows(home.viewer, job, key="c")
    with pytest.raises(NotFoundError, match="no table 'gone'"):
        service.result_rows(home.viewer, job, key="b")
    assert service.result_rows(home.viewer, job, key="a").rows == '[{"a":1}]'


def test_a_result_without_tables_and_jobs_of_others_are_not_found(
    home: Project, service: WarehouseService
) -> None:
    job = finished(home)
    with pytest.raises(NotFoundError, match="names no table"):
        service.result_rows(home.viewer, job)
    with pytest.raises(NotFoundError):
        service.result_rows(home.stranger, job)
    with pytest.raises(NotFoundError):
        service.result_rows(home.viewer, "no-job")
