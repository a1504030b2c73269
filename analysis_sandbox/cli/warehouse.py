"""Commands about the project's warehouse: its tables, SQL, and its file as a whole."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.cli.session import Session, with_session
from analysis_sandbox.cli.warehouse_shell import print_rows, run_shell

warehouse = typer.Typer(no_args_is_help=True, help="The project's warehouse (DuckDB).")
_GRACE_SECONDS = 30
_DEFAULT_PROJECT = "default"

TableName = Annotated[str, typer.Argument(metavar="TABLE", help="A table or view.")]
SQLText = Annotated[str, typer.Argument(metavar="SQL", help="The statement.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", help="A value for the next `?`, as JSON or text; repeat it."),
]
Timeout = Annotated[
    int | None, typer.Option("--timeout-ms", min=1, help="Default: the time limit of a run.")
]
Project = Annotated[str, typer.Option("--project", help="Which warehouse of this home.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Also while runs use it: their calls fail and can be tried again."
    ),
]


@warehouse.command("tables")
@with_session
def tables(session: Session) -> None:
    """List the tables and views."""
    with session.connect() as api:
        found: dict[str, Any] = api.warehouse("GET", "tables")
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("NAME", "KIND", "COLUMNS", "ROWS"),
        (
            (item["name"], item["kind"], item["columns"], item["row_count"])
            for item in found["tables"]
        ),
    )


@warehouse.command("describe")
@with_session
def describe(session: Session, table: TableName) -> None:
    """Show the columns, rows and size of a table."""
    with session.connect() as api:
        found: dict[str, Any] = api.warehouse("GET", "tables", table)
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("COLUMN", "TYPE", "NULLABLE"),
        ((item["name"], item["type"], item["nullable"]) for item in found["columns"]),
    )
    output.say(f"{found['row_count']:,} rows, about {found['size_bytes']:,} bytes")


@warehouse.command("query")
@with_session
def query(
    session: Session, sql: SQLText, *, param: Parameters = None, timeout_ms: Timeout = None
) -> None:
    """Run one statement and print its rows."""
    body = _body(sql, param, timeout_ms)
    with session.connect() as api:
        found = api.warehouse("POST", "query", body=body, read_seconds=_patience(timeout_ms))
    if session.as_json:
        output.print_json(found)
        return
    print_rows(found)


@warehouse.command("exec")
@with_session
def execute(
    session: Session, sql: SQLText, *, param: Parameters = None, timeout_ms: Timeout = None
) -> None:
    """Run one or more statements, separated by semicolons."""
    body = _body(sql, param, timeout_ms)
    with session.connect() as api:
        done = api.warehouse("POST", "exec", body=body, read_seconds=_patience(timeout_ms))
    _print_done(session, done, "done")


@warehouse.command("drop")
@with_session
def drop(
    session: Session,
    table: TableName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop a table or view with all its rows."""
    if not yes:
        typer.confirm(f"Drop {table} with all its rows?", abort=True, err=True)
    with session.connect() as api:
        done = api.warehouse("DELETE", "tables", table)
    _print_done(session, done, f"dropped {table}")


@warehouse.command("shell")
@with_session
def shell(session: Session) -> None:
    """Ask questions in SQL, interactively; nothing can be changed here."""
    with session.connect() as api:
        run_shell(api)


@warehouse.command("backup")
@with_session
def backup(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A new file.")],
    *,
    project: Project = _DEFAULT_PROJECT,
) -> None:
    """Write a copy of a warehouse of this home as of now; work goes on meanwhile."""
    from analysis_sandbox.services import warehouse_files  # noqa: PLC0415 - DuckDB is large

    size = warehouse_files.backup(session.settings, project, file)
    _print_done(session, {"file": str(file), "size_bytes": size}, f"{file}: {size:,} bytes")


@warehouse.command("restore")
@with_session
def restore(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A backup.")],
    *,
    project: Project = _DEFAULT_PROJECT,
    force: Force = False,
) -> None:
    """Put a backup in the place of a warehouse of this home; what it replaces is kept."""
    from analysis_sandbox.services import warehouse_files  # noqa: PLC0415 - DuckDB is large

    kept = warehouse_files.restore(session.settings, project, file, force=force)
    told = f"restored; what was there is {kept}" if kept else "restored; nothing was there"
    _print_done(session, {"kept": str(kept) if kept else None}, told)


@warehouse.command("compact")
@with_session
def compact(session: Session, *, project: Project = _DEFAULT_PROJECT, force: Force = False) -> None:
    """Rewrite the file of a warehouse of this home without the space of what was deleted."""
    from analysis_sandbox.services import warehouse_files  # noqa: PLC0415 - DuckDB is large

    before, after = warehouse_files.compact(session.settings, project, force=force)
    facts = {"before_bytes": before, "after_bytes": after}
    _print_done(session, facts, f"{before:,} bytes before, {after:,} after")


def _body(sql: str, parameters: list[str] | None, timeout_ms: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {"sql": sql}
    if parameters:
        body["params"] = [_value(text) for text in parameters]
    if timeout_ms is not None:
        body["timeout_ms"] = timeout_ms
    return body


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _patience(timeout_ms: int | None) -> float | None:
    return None if timeout_ms is None else timeout_ms / 1000 + _GRACE_SECONDS


def _print_done(session: Session, facts: dict[str, Any], told: str) -> None:
    if session.as_json:
        output.print_json(facts)
    else:
        output.say(told)
