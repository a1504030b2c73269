"""How commands speak: tables and text for people, JSON for programs, errors on stderr."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from analysis_sandbox.errors import AnalysisSandboxError

# Text of scripts must not steer the terminal: neither C0 nor C1 controls, nor bidirectional ones.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PIPE_WIDTH = 200


def plain(value: object) -> Text:
    """Return a value as text that is shown as it is: no markup, no control characters."""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return Text(_CONTROLS.sub("\ufffd", "" if value is None else str(value)))


def moment(timestamp: str | None) -> str | None:
    """Return an ISO 8601 time as people read it, to the second."""
    return timestamp and re.sub(r"T(\d\d:\d\d:\d\d)\.\d+", r"T\1", timestamp).replace("T", " ")


def console(*, stderr: bool = False) -> Console:
    """Return a console on today's stdout or stderr; wide where nobody looks at the lines."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )


def progress_bar() -> Progress:
    """Return a bar on stderr that is gone when its work is done; nothing where nobody looks."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(markup=False),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def print_json(value: object) -> None:
    """Write JSON to stdout."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")


def print_text(text: object) -> None:
    """Write text to stdout."""
    console().print(plain(text), soft_wrap=True)


def print_source(text: str) -> None:
    """Write a script to stdout: exactly, unless a terminal shows it."""
    if sys.stdout.isatty():
        print_text(text)
    else:
        sys.stdout.write(text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to stdout."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(plain(value) for value in row))
    console().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Write names and values to stdout, without those that are empty."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", [], {}):
            table.add_row(plain(name), plain(value))
    console().print(table)


def say(message: str) -> None:
    """Write a line for people to stderr, apart from what the command was asked for."""
    console(stderr=True).print(plain(message), soft_wrap=True)


def print_error(error: AnalysisSandboxError, *, as_json: bool = False) -> None:
    """Write an error to stderr: what is wrong, then what to do about it."""
    if as_json:
        body = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.facts(),
        }
        sys.stderr.write(json.dumps({"error": body}, default=str) + "\n")
        return
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
