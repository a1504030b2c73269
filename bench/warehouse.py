"""The warehouse: eight processes writing and reading one project at once, beside dagster-duckdb."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analysis_sandbox.errors import WriteConflictError
from analysis_sandbox.settings import Settings, load_settings
from analysis_sandbox.warehouse.client import Warehouse
from bench.installation import home_directory
from bench.measure import Figure, Samples

_RUNS = 8
_ROUNDS = 50
# Each open and close of the file by the resource costs this bench minutes; its rate is the point.
_RESOURCE_ROUNDS = 3
_SETUP = (
    "CREATE OR REPLACE TABLE events (run INTEGER, round INTEGER)",
    "CREATE OR REPLACE TABLE counter AS SELECT 0 AS total",
)
_INSERT = "INSERT INTO events VALUES ({run}, {round})"
_UPDATE = "UPDATE counter SET total = total + 1"
_SELECT = "SELECT count(*) AS n FROM events WHERE run = {run}"
Statement = Callable[[str], object]


def figures() -> list[Figure]:
    """Measure in a home of its own; the comparison opens a file of its own."""
    with home_directory() as home:
        settings = load_settings(home)
        with Warehouse(settings, "default").session(memory_mb=256) as session:
            for statement in _SETUP:
                session.execute(statement)
            ours = _contend("ours", home, rounds=_ROUNDS)
            stored = _answer(session.query(_TOTALS, max_bytes=1000))
        theirs_file = home / "theirs.duckdb"
        _with_resource(theirs_file, lambda run: [run(statement) for statement in _SETUP])
        theirs = _contend("resource", theirs_file, rounds=_RESOURCE_ROUNDS)
    wanted = _RUNS * _ROUNDS
    lost = 2 * wanted - stored["events"] - stored["total"]
    times = Samples(ours.milliseconds)
    return [
        Figure(
            f"{_RUNS} processes × {_ROUNDS} × (insert, update of one shared row, select)",
            f"{ours.rate:.0f} operations/s",
            "≥ 400 operations/s",
            ours.rate >= 400,
        ),
        Figure("one such operation", str(times), "p95 ≤ 25 ms", times.p95 <= 25),
        Figure(
            "errors; updates and rows lost",
            f"{ours.errors}; {lost}",
            "0; 0",
            (ours.errors, lost) == (0, 0),
        ),
        Figure(
            f"the same through dagster-duckdb's resource ({_RESOURCE_ROUNDS} rounds)",
            f"{theirs.rate:.0f} operations/s, worst {max(theirs.milliseconds) / 1000:.1f} s",
            "–",
        ),
        Figure("ours / dagster-duckdb's resource", f"{ours.rate / theirs.rate:.0f} ×", "–"),
    ]


class _Contention:
    """What all processes together did."""

    def __init__(self, answers: Sequence[dict[str, Any]]) -> None:
        self.milliseconds: list[float] = [ms for answer in answers for ms in answer["times"]]
        self.errors = sum(int(answer["errors"]) for answer in answers)
        start = min(float(answer["start"]) for answer in answers)
        end = max(float(answer["end"]) for answer in answers)
        self.rate = len(self.milliseconds) / (end - start)


_TOTALS = "SELECT (SELECT count(*) FROM events) AS events, (SELECT total FROM counter) AS total"


def _answer(rows: str) -> dict[str, int]:
    return json.loads(rows)[0]


def _contend(kind: str, place: Path, *, rounds: int) -> _Contention:
    command = [sys.executable, "-m", "bench.warehouse", kind, str(place), str(rounds)]
    processes = [
        subprocess.Popen(
            [*command, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for run in range(_RUNS)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"a process of the {kind} comparison failed")
    return _Contention([json.loads(answer) for answer in answers])


def _client(kind: str, place: Path, rounds: int, run: int) -> None:
    """Be one of the processes: connect, start together with the others, print what happened."""

    def work(execute: Statement) -> None:
        # A warm worker, as runs have it: the first statement loads the parser.
        execute(_SELECT.format(run=run))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        _work(execute, rounds, run)

    if kind == "ours":
        _with_session(load_settings(place), work)
    else:
        _with_resource(place, work)


def _work(execute: Statement, rounds: int, run: int) -> None:
    times: list[float] = []
    errors = 0
    start = time.time()
    for number in range(rounds):
        for template in (_INSERT, _UPDATE, _SELECT):
            began = time.perf_counter()
            try:
                execute(template.format(run=run, round=number))
            except WriteConflictError:
                errors += 1
            times.append((time.perf_counter() - began) * 1000)
    sys.stdout.write(
        json.dumps({"times": times, "errors": errors, "start": start, "end": time.time()})
    )


def _with_session(settings: Settings, work: Callable[[Statement], object]) -> None:
    with Warehouse(settings, "default").session(memory_mb=256) as session:

        def execute(sql: str) -> object:
            if sql.startswith("SELECT"):
                return session.query(sql, max_bytes=1000)
            return session.execute(sql)

        work(execute)


def _with_resource(file: Path, work: Callable[[Statement], object]) -> None:
    from dagster_duckdb import DuckDBResource  # noqa: PLC0415 - comes with the development tools

    resource = DuckDBResource(database=str(file))

    def execute(sql: str) -> object:
        with resource.get_connection() as connection:
            return connection.execute(sql).fetchall()

    work(execute)


if __name__ == "__main__":
    _client(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
