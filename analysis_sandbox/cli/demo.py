"""`analysis-sandbox demo` and `up --demo`: the demo project on a terminal."""

import json
import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table

from analysis_sandbox import supervision
from analysis_sandbox.demo import project
from analysis_sandbox.errors import AnalysisSandboxError
from analysis_sandbox.settings import Settings

PROGRAM = "analysis-sandbox"
SHOWN_ANALYSIS = "carrier_delays"
SHOWN_PARAMETERS: Mapping[str, object] = {"origin": "JFK", "month": 7, "minimum_flights": 100}


def run_demo(settings: Settings, *, as_json: bool = False) -> None:
    """Start an installation with the demo project, run one analysis, show it, stop everything.

    Raises:
        AnalysisSandboxError: the analysis did not complete.
    """
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    with (
        supervision.running(settings, say=console.print, demo=loading(console)),
        _client(settings) as client,
    ):
        store = project.Store(client)
        store.store_all(console.print)
        console.print(f"running {SHOWN_ANALYSIS} as a Dagster run in the sandbox")
        job = store.run(SHOWN_ANALYSIS, SHOWN_PARAMETERS)
    if as_json:
        print(json.dumps(job))  # noqa: T201 - the answer itself, for programs
    if job["status"] != "completed":
        raise AnalysisSandboxError(f"{SHOWN_ANALYSIS} ended {job['status']}: {job['error']}")
    if not as_json:
        _show(console, job)
        _show_next_steps(console, settings)


def loading(console: Console) -> Callable[[Settings], None]:
    """Return the step that loads the demo's data with a progress bar."""

    def load(settings: Settings) -> None:
        with _progress(console) as report:
            loaded = project.load(settings, report)
        done = "loaded" if loaded else "is there already"
        console.print(f"the demo's data {done}: 336,776 flights of 2013 and what belongs to them")

    return load


def store_analyses(settings: Settings) -> None:
    """Store the demo's analyses in a running installation."""
    with _client(settings) as client:
        project.Store(client).store_all(Console(highlight=False).print)


@contextmanager
def _client(settings: Settings) -> Generator[httpx.Client, None, None]:
    headers = {"Authorization": f"Bearer {supervision.admin_token(settings)}"}
    with httpx.Client(
        base_url=supervision.api_url(settings), headers=headers, timeout=60, trust_env=False
    ) as client:
        yield client


@contextmanager
def _progress(console: Console) -> Generator[Callable[[str, int, int], None], None, None]:
    columns = (TextColumn("loading {task.description:<9}"), BarColumn(), DownloadColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        yield report


def _show(console: Console, job: dict[str, Any]) -> None:
    result = job["result"]
    rows: list[dict[str, Any]] = result["carriers"]
    title = f"Carrier delays from {result['origin']}, month {result['month']}"
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)
    for line in job["logs"]:
        console.print(f"log: {line}")
    console.print(f"run {job['job_id']} completed in {job['execution_time_ms']} ms")


def _show_next_steps(console: Console, settings: Settings) -> None:
    here = os.path.relpath(sys.argv[0])
    # In a checkout it is in the virtual environment, which is rarely on the PATH of a shell.
    program = PROGRAM if here.startswith(os.pardir) else here
    console.print(
        "\nNext: keep it running with `make up`, or\n"
        f"  {program} up --demo --home {os.path.relpath(settings.home)}\n"
        f"then open Dagster's pages at http://127.0.0.1:{settings.dagster_port} and try\n"
        f"  {program} list\n"
        f"  {program} run route_punctuality -p origin=JFK -p destination=LAX\n"
        f"  {program} run weather_completeness      # fails on purpose; read the error\n"
        "The scripts are in examples/."
    )
