"""An interactive shell for questions to the warehouse, in SQL that changes nothing."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.errors import AnalysisSandboxError

if TYPE_CHECKING:
    from analysis_sandbox.cli.client import Client

_PROMPT = "warehouse> "
_MORE_PROMPT = "      ...> "
_MOST_SHOWN = 500
_HISTORY = 1000
_HELP = (
    "A statement ends with a semicolon. Only statements that change nothing are run.\n"
    ".tables            the tables and views\n"
    ".describe TABLE    the columns of one\n"
    ".quit              leave, as Ctrl-D does"
)


def run_shell(api: "Client") -> None:
    """Read statements from the terminal, or from a pipe, until they end.

    In a pipe, an error ends the program with 1 once everything was tried.
    """
    is_interactive = sys.stdin.isatty()
    if is_interactive:
        with contextlib.suppress(ImportError):
            # Importing it gives input() its line editing and history.
            import readline  # noqa: PLC0415

            readline.set_history_length(_HISTORY)
        output.say("Read-only SQL on the project's warehouse; .help says more.")
    failed = False
    for statement in _statements(is_interactive=is_interactive):
        if statement in (".quit", ".exit"):
            break
        try:
            _answer(api, statement)
        except AnalysisSandboxError as error:
            output.print_error(error)
            failed = True
    if failed and not is_interactive:
        raise typer.Exit(1)


def print_rows(found: dict[str, Any], *, most: int | None = None) -> None:
    """Print the rows of an answer as a table, with their number."""
    rows: list[dict[str, Any]] = found["rows"][:most]
    columns: list[str] = found["columns"]
    if columns:
        output.print_table(columns, ([row.get(name) for name in columns] for row in rows))
    left = found["row_count"] - len(rows)
    output.say(f"{found['row_count']:,} rows" + (f", {left:,} of them not shown" if left else ""))


def _answer(api: "Client", statement: str) -> None:
    words = statement.split()
    if words[0] == ".help":
        output.say(_HELP)
    elif words[0] == ".tables":
        found = api.warehouse("GET", "tables")["tables"]
        output.print_table(
            ("NAME", "KIND", "ROWS"),
            ((item["name"], item["kind"], item["row_count"]) for item in found),
        )
    elif words[0] == ".describe" and len(words) == 2:
        columns = api.warehouse("GET", "tables", words[1])["columns"]
        output.print_table(
            ("COLUMN", "TYPE", "NULLABLE"),
            ((item["name"], item["type"], item["nullable"]) for item in columns),
        )
    elif words[0].startswith("."):
        output.say(f"There is no {words[0]} like this; .help says what there is")
    else:
        body = {"sql": statement, "read_only": True}
        print_rows(api.warehouse("POST", "query", body=body), most=_MOST_SHOWN)


def _statements(*, is_interactive: bool) -> Iterator[str]:
    """Yield what ends with a semicolon, commands that begin with a dot, and what is left."""
    lines: list[str] = []
    while True:
        prompt = (_MORE_PROMPT if lines else _PROMPT) if is_interactive else ""
        try:
            line = input(prompt)
        except EOFError:
            break
        except KeyboardInterrupt:
            # As in every shell: forget what was begun.
            lines.clear()
            output.say("")
            continue
        if not lines and line.startswith("."):
            yield line.strip()
            continue
        if line.strip() or lines:
            lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines.clear()
    if rest := "\n".join(lines).strip():
        yield rest
