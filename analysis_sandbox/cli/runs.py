"""Commands about runs: run, and job status, logs, stop, result."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, TaskID

from analysis_sandbox.cli import output
from analysis_sandbox.cli.analyses import Parameters, print_saved
from analysis_sandbox.cli.inputs import language_of, parse_parameters, read_script
from analysis_sandbox.cli.session import Session, with_session
from analysis_sandbox.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from analysis_sandbox.cli.client import Client

job = typer.Typer(no_args_is_help=True, help="Watch and stop runs.")

JobId = Annotated[str, typer.Argument(metavar="JOB", help="What `run` printed.")]

_FIRST_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 1.0
_SCRIPT_SUFFIXES = {".js", ".mjs", ".ts", ".mts"}


@with_session
def run(
    session: Session,
    target: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A stored analysis, or a file.")
    ],
    *,
    parameters: Parameters = None,
    params: Annotated[
        str | None, typer.Option(metavar="JSON", help="All parameters at once.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the result, and print it.")] = True,
    save: Annotated[
        bool, typer.Option("--save", help="Store FILE first, under its title.")
    ] = False,
) -> None:
    """Run an analysis and print its result; the exit code is 1 when the run fails."""
    given = parse_parameters(parameters or (), params)
    with session.connect() as api:
        name = _stored_name(session, api, target, save=save)
        job_id: str = api.post(name, "execute", body={"parameters": given})["job_id"]
        if not wait:
            if session.as_json:
                output.print_json({"job_id": job_id})
            else:
                output.print_text(job_id)
            return
        ended = _wait(api, job_id)
    if session.as_json:
        output.print_json(ended)
    elif ended["status"] == "completed":
        output.print_json(ended["result"])
    else:
        _print_failure(ended)
    if ended["status"] != "completed":
        raise typer.Exit(1)


@job.command("status")
@with_session
def job_status(session: Session, job_id: JobId) -> None:
    """Show how a job stands."""
    with session.connect() as api:
        found: dict[str, Any] = api.get("jobs", job_id, include_result="false")
    if session.as_json:
        output.print_json(found)
        return
    names = (
        "status",
        "analysis_id",
        "analysis_version",
        "parameters",
        "trigger_type",
        "executed_by",
        "created_at",
        "started_at",
        "completed_at",
        "execution_time_ms",
        "result_size_bytes",
        "usage",
        "limits",
        "error",
    )
    shown = {name: found[name] for name in names}
    if progress := found["progress"]:
        shown["progress"] = f"{progress['fraction']:.0%} {progress['message'] or ''}".rstrip()
    output.print_fields({"job": found["job_id"], **shown})
    if found["error_detail"]:
        _print_place(found["error_detail"])


@job.command("logs")
@with_session
def job_logs(
    session: Session,
    job_id: JobId,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
) -> None:
    """Print the log of a job."""
    with session.connect() as api:
        if session.as_json:
            output.print_json(api.get("jobs", job_id, include_result="false")["logs"])
            return
        printed = 0
        for found in _watch(api, job_id):
            for line in found["logs"][printed:]:
                output.print_text(line)
            printed = len(found["logs"])
            if not follow:
                return


@job.command("stop")
@with_session
def job_stop(session: Session, job_id: JobId) -> None:
    """Stop a job that waits or runs."""
    with session.connect() as api:
        stopped: dict[str, Any] = api.delete("jobs", job_id)
    if session.as_json:
        output.print_json(stopped)
    else:
        output.print_text(stopped["message"])
    if not stopped["success"]:
        raise typer.Exit(1)


@job.command("result")
@with_session
def job_result(session: Session, job_id: JobId) -> None:
    """Print the result of a job as JSON; the exit code is 1 when it has none."""
    with session.connect() as api:
        found: dict[str, Any] = api.get("jobs", job_id)
    if found["status"] == "completed":
        output.print_json(found["result"])
        return
    if found["status"] in ("pending", "running"):
        raise ConflictError(
            f"The job is {found['status']}: it has no result yet",
            hint=f"Wait for it: analysis-sandbox job logs --follow {job_id}",
        )
    _print_failure(found)
    raise typer.Exit(1)


def _stored_name(session: Session, api: "Client", target: str, *, save: bool) -> str:
    """Return the analysis to run, storing the file that was given when that is wanted."""
    path = Path(target)
    if path.suffix not in _SCRIPT_SUFFIXES and path.name == target:
        return target
    source = read_script(path)
    if not save:
        raise typer.BadParameter(
            f"{target} is a file and not stored. Store and run it: "
            f"analysis-sandbox run {target} --save"
        )
    try:
        saved = api.post(
            body={"script_content": source, "metadata": {"language": language_of(path)}}
        )
    except ConflictError as error:
        error.hint = (
            "Store it as the next version (analysis-sandbox update NAME FILE) and run NAME."
        )
        raise
    if not session.as_json:
        print_saved(session, saved)
    return saved["analysis_id"]


def _wait(api: "Client", job_id: str) -> dict[str, Any]:
    printed = 0
    found: dict[str, Any] = {}
    try:
        with output.progress_bar() as bar:
            task = bar.add_task("pending", total=None)
            for found in _watch(api, job_id):
                _show_progress(bar, task, found)
                for line in found["logs"][printed:]:
                    output.say(line)
                printed = len(found["logs"])
    except KeyboardInterrupt:
        output.say(f"The run goes on. Stop it: analysis-sandbox job stop {job_id}")
        raise
    except UnavailableError as error:
        error.hint = f"The run goes on. Look again: analysis-sandbox job status {job_id}"
        raise
    return api.get("jobs", job_id)


def _show_progress(bar: Progress, task: TaskID, found: dict[str, Any]) -> None:
    """Show the fraction that the script told; until it tells one, only that it goes on."""
    progress: dict[str, Any] = found["progress"] or {}
    description = output.plain(progress.get("message") or found["status"]).plain
    if "fraction" in progress:
        bar.update(task, description=description, total=1, completed=progress["fraction"])
    else:
        bar.update(task, description=description)


def _watch(api: "Client", job_id: str) -> Generator[dict[str, Any]]:
    """Yield the job, without its result, again and again until it has ended."""
    pause = _FIRST_POLL_SECONDS
    while True:
        found: dict[str, Any] = api.get("jobs", job_id, include_result="false")
        yield found
        if found["status"] not in ("pending", "running"):
            return
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)


def _print_failure(ended: dict[str, Any]) -> None:
    output.say(f"error: {ended['status']}: {ended['error']}")
    if ended["error_detail"]:
        _print_place(ended["error_detail"])


def _print_place(detail: dict[str, Any]) -> None:
    if detail["stack"]:
        output.say(detail["stack"])
    elif detail["line"] is not None:
        output.say(f"at line {detail['line']}, column {detail['column']}")
    if detail["hint"]:
        output.say(f"hint: {detail['hint']}")
