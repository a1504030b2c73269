"""Every pattern of examples/patterns, run on the demo's data in a real installation.

What a script must find is asked of the databases directly, on another way.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from analysis_sandbox.catalogue.database import demo_database_url
from analysis_sandbox.demo import project
from analysis_sandbox.settings import load_settings
from bench.installation import Installation

PATTERNS = Path(__file__).parents[2] / "examples" / "patterns"
Ask = Callable[[str], Any]


@pytest.fixture(scope="module")
def demo(shared_up: Installation) -> Installation:
    """The installation with the demo's data and every pattern stored."""
    project.load(load_settings(shared_up.home), lambda _what, _done, _total: None)
    for path in sorted(PATTERNS.iterdir(), key=lambda path: path.stem == "part_two"):
        shared_up.create(path.stem, path.read_text(encoding="utf-8"))
    return shared_up


@pytest.fixture(scope="module")
def flights(demo: Installation) -> Ask:
    """Answers a question about flights and weather with one value."""
    url = demo_database_url(load_settings(demo.home), project.DATABASE)

    def ask(sql: str) -> Any:
        with psycopg.connect(url) as connection:
            row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]

    return ask


@pytest.fixture(scope="module")
def reference(demo: Installation) -> Ask:
    """Answers a question about airlines and aircraft with one value."""

    def ask(sql: str) -> Any:
        with closing(sqlite3.connect(demo.home / "demo" / "reference.db")) as connection:
            return connection.execute(sql).fetchone()[0]

    return ask


def warehouse(demo: Installation, sql: str) -> list[dict[str, Any]]:
    """Return rows of the project's warehouse, through an analysis."""
    script = (
        "export default { title: 'Look', run: async (ctx, { sql }) => "
        "({ rows: await ctx.duckdb.query(sql) }) };"
    )
    if demo.api.get("/api/analysis/look").status_code == 404:
        demo.create("look", script)
    return demo.run("look", sql=sql)["result"]["rows"]


def test_scores_are_calculated_by_operators_on_columns(demo: Installation, flights: Ask) -> None:
    job = demo.run("delay_scores", month=2)

    best = job["result"]["best"]
    assert [row["score"] for row in best] == sorted(row["score"] for row in best)
    (stored,) = warehouse(demo, "SELECT * FROM delay_scores WHERE carrier = 'UA'")
    wanted = flights(
        "SELECT avg(dep_delay) * 0.4 + avg(arr_delay) * 0.6 FROM flights WHERE month = 2 "
        "AND carrier = 'UA' AND dep_delay IS NOT NULL AND arr_delay IS NOT NULL"
    )
    assert stored["score"] == pytest.approx(float(wanted))
    assert stored["name"] == "United Air Lines Inc."
    assert stored["grade"] == ("good" if wanted < 3 else "fair" if wanted < 15 else "poor")
    assert [chart["type"] for chart in job["display"]["charts"]] == ["bar"]
    assert job["display"]["tables"][0]["key"] == "best"


def test_a_queue_is_worked_through_once(demo: Installation) -> None:
    assert demo.run("delay_queue", routes=5)["result"] == {"processed": 5, "left": 0}
    again = demo.run("delay_queue", routes=7)

    assert again["result"] == {"processed": 2, "left": 0}
    assert again["progress"]["fraction"] == 1
    assert [row["id"] for row in warehouse(demo, "SELECT id FROM route_queue ORDER BY id")] == [
        *range(1, 8)
    ]


def test_alerts_lie_in_the_queue(demo: Installation) -> None:
    job_id = demo.execute("delay_alerts")
    alerts = demo.finished(job_id)["result"]["alerts"]

    queued = warehouse(demo, "SELECT severity, message, details FROM delay_alerts")
    assert len(queued) == len(alerts) > 0
    assert all(job_id in row["details"] for row in queued)


def test_a_service_outside_answers_through_a_table(demo: Installation) -> None:
    first = demo.run("outside_requests")["result"]
    assert first["answered"] == []
    warehouse(
        demo,
        "UPDATE outside_requests SET status = 'completed', answer = '{\"ok\": true}' RETURNING id",
    )

    second = demo.run("outside_requests")["result"]

    assert second["requested"] == first["requested"] + 1
    assert [row["answer"] for row in second["answered"]] == [{"ok": True}]


def test_a_transaction_books_everything_or_nothing(demo: Installation, flights: Ask) -> None:
    failed = demo.finished(demo.execute("balanced_ledger", fail=True))
    assert failed["status"] == "failed"
    assert warehouse(demo, "SELECT count(*) AS n FROM cancelled_by_origin") == [{"n": 0}]

    booked = demo.run("balanced_ledger")["result"]["total"]

    sql = "SELECT count(*) FROM flights WHERE month = 2 AND day = 8 AND dep_time IS NULL"
    assert booked == flights(sql) > 0
    assert warehouse(demo, "SELECT sum(flights) AS n FROM cancelled_by_origin") == [{"n": booked}]


def test_a_large_result_is_returned_by_its_name(demo: Installation, flights: Ask) -> None:
    result = demo.run("flights_by_reference", month=1)["result"]

    wanted = "FROM flights WHERE month = 1 AND dep_delay > 15"
    assert result["row_count"] == flights(f"SELECT count(*) {wanted}")
    assert result["mean_delay"] == pytest.approx(float(flights(f"SELECT avg(dep_delay) {wanted}")))
    rows = warehouse(demo, f"SELECT count(*) AS n FROM {result['result_table']}")
    assert rows == [{"n": result["row_count"]}]


def test_two_databases_are_asked_for_one_moment(
    demo: Installation, flights: Ask, reference: Ask
) -> None:
    result = demo.run("same_moment", hours_back=1000)["result"]

    moment = result["snapshot_time"]
    assert result["flights"] == flights(
        f"SELECT count(*) FROM flights WHERE time_hour <= '{moment}'"
    )
    assert result["weather_reports"] == flights(
        f"SELECT count(*) FROM weather WHERE time_hour <= '{moment}'"
    )
    assert result["aircraft"] == reference("SELECT count(*) FROM planes WHERE year <= 2013")


@pytest.mark.parametrize(("day", "skipped"), [("2013-02-08", False), ("2013-08-16", True)])
def test_a_run_with_nothing_to_do_says_so(
    demo: Installation, flights: Ask, day: str, skipped: bool
) -> None:
    gust = flights(
        f"SELECT max(wind_gust) FROM weather WHERE make_date(year, month, day) = '{day}'"
    )
    assert ((gust or 0) < 35) is skipped

    result = demo.run("storm_watch", day=day)["result"]

    assert result.get("skipped", False) is skipped
    assert skipped or result["gust"] == pytest.approx(gust)


def test_two_analyses_meet_through_a_flag(demo: Installation, reference: Ask) -> None:
    result = demo.run("part_two")["result"]

    wanted = "SELECT count(*) AS n FROM planes GROUP BY manufacturer ORDER BY n DESC LIMIT 1"
    assert result["largest"]["planes"] == reference(wanted)
    assert demo.job(result["counted_by"])["status"] == "completed"


def test_a_scratch_database_is_used_and_gone(demo: Installation, flights: Ask) -> None:
    result = demo.run("scratch_report")["result"]

    assert sum(month["flights"] for month in result["months"]) == flights(
        "SELECT count(*) FROM flights"
    )
    assert result["months"][0]["month"].startswith("2013-01-01")
    assert result["busiest"]["carrier"] == "UA"
    names = warehouse(
        demo, "SELECT table_name AS t FROM duckdb_tables() WHERE table_name = 'flights'"
    )
    assert names == []


def test_text_from_elsewhere_becomes_a_table(demo: Installation) -> None:
    result = demo.run("imported_prices")["result"]

    assert [row["fare"] for row in result["fares"]] == [329.5, 1050, 189]
    assert result["total"] == "$1,568.50"
    assert len(result["sha256"]) == 64
    assert warehouse(demo, "SELECT sum(fare) AS total FROM fares") == [{"total": 1568.5}]
