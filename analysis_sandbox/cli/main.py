"""The program `analysis-sandbox`: its commands, and how their errors reach people."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from analysis_sandbox import __version__
from analysis_sandbox.cli import (
    analyses,
    datasources,
    doctor,
    installation,
    limits,
    output,
    runs,
    warehouse,
)
from analysis_sandbox.errors import AnalysisSandboxError

PROGRAM = "analysis-sandbox"

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(rich_help_panel="Installation")(installation.up)
app.command(rich_help_panel="Installation")(installation.demo)
app.command(rich_help_panel="Installation")(installation.status)
app.command(rich_help_panel="Installation")(doctor.doctor)
app.command(rich_help_panel="Installation")(installation.env)
app.command(rich_help_panel="Installation")(installation.mcp)
app.command("list", rich_help_panel="Analyses")(analyses.list_analyses)
app.command(rich_help_panel="Analyses")(analyses.show)
app.command(rich_help_panel="Analyses")(analyses.validate)
app.command(rich_help_panel="Analyses")(analyses.create)
app.command(rich_help_panel="Analyses")(analyses.update)
app.command(rich_help_panel="Analyses")(analyses.delete)
app.command(rich_help_panel="Analyses")(analyses.options)
app.command(rich_help_panel="Runs")(runs.run)
app.add_typer(runs.job, name="job", rich_help_panel="Runs")
app.add_typer(limits.limits, name="limits", rich_help_panel="Analyses")
app.add_typer(datasources.datasource, name="datasource", rich_help_panel="Data")
app.add_typer(warehouse.warehouse, name="warehouse", rich_help_panel="Data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, 1 after an error or a failed run, 2 when it was called wrongly."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code: object = app(args=given, prog_name=PROGRAM, standalone_mode=False)
    except AnalysisSandboxError as error:
        output.print_error(error, as_json="--json" in given)
        return 1
    except typer.TyperException as error:
        _explain_usage(error)
        return error.exit_code
    except typer.Abort:
        return 1
    return code if isinstance(code, int) else 0


def _explain_usage(error: typer.TyperException) -> None:
    if message := error.format_message():  # without one, the help was shown instead
        output.say(f"error: {message}")
        context = getattr(error, "ctx", None)
        output.say(f"hint: {context.command_path if context else PROGRAM} --help")


def _print_version(value: bool) -> None:  # noqa: FBT001 - the form of a typer callback
    if value:
        output.print_text(__version__)
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print it."),
    ] = False,
) -> None:
    """Stored JavaScript analyses as Dagster jobs, each run in a sandbox."""


if __name__ == "__main__":
    sys.exit(main())
