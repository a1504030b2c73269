"""Commands about stored analyses: list, show, validate, create, update, delete, options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.cli.inputs import language_of, parse_object, parse_parameters, read_script
from analysis_sandbox.cli.session import Session, with_session
from analysis_sandbox.errors import UnavailableError

Name = Annotated[str, typer.Argument(metavar="NAME", help="The analysis' name or uuid.")]
ScriptFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="JavaScript or TypeScript; - reads stdin.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", metavar="NAME=VALUE", help="name=text, or name:=json for anything else."
    ),
]
Packages = Annotated[
    list[str] | None,
    typer.Option(
        "--package",
        metavar="NAME[@RANGE]",
        help="An npm package the script may import; can be repeated.",
    ),
]


@with_session
def list_analyses(session: Session) -> None:
    """List the stored analyses."""
    with session.connect() as api:
        analyses: list[dict[str, Any]] = api.get()
    if session.as_json:
        output.print_json(analyses)
    elif not analyses:
        output.say("No analyses yet. Store one: analysis-sandbox create FILE")
    else:
        output.print_table(
            ("NAME", "TITLE", "VERSION", "LAST RUN", "TAGS"),
            (
                (
                    item["id"],
                    item["title"],
                    item["version"],
                    output.moment(item["last_run"]) or "never",
                    ", ".join(item["tags"]),
                )
                for item in analyses
            ),
        )


@with_session
def show(
    session: Session,
    name: Name,
    *,
    script: Annotated[bool, typer.Option("--script", help="Only the script's text.")] = False,
) -> None:
    """Show an analysis: its parameters, schedule, dependencies and limits."""
    with session.connect() as api:
        analysis: dict[str, Any] = api.get(name, "script") if script else api.get(name)
    if session.as_json:
        output.print_json(analysis)
    elif script:
        output.print_source(analysis["script"])
    else:
        _print_analysis(analysis)


@with_session
def validate(session: Session, script: ScriptFile, *, packages: Packages = None) -> None:
    """Check a script without storing it; names everything that is wrong. Needs no server."""
    source = read_script(script)
    body = {"script_content": source, "language": language_of(script), "packages": packages}
    try:
        with session.connect() as api:
            found: dict[str, Any] = api.post("validate", body=body)
    except UnavailableError:
        if session.settings.url is not None:
            raise
        found = _validate_locally(session, source, script, packages=packages or ())
    if session.as_json:
        output.print_json(found)
    else:
        _print_validation(found)
    if not found["valid"]:
        raise typer.Exit(1)


@with_session
def create(  # noqa: PLR0913 - one for each option
    session: Session,
    script: ScriptFile,
    *,
    name: Annotated[str | None, typer.Option(help="Default: derived from the title.")] = None,
    description: Annotated[str | None, typer.Option(help="For those who look for it.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Can be repeated.")] = None,
    metadata: Annotated[
        str | None, typer.Option(metavar="JSON", help="owners, limits and what else there is.")
    ] = None,
    packages: Packages = None,
) -> None:
    """Store a new analysis."""
    given = {
        "name": name,
        "description": description,
        "tags": tags,
        "packages": packages,
        "language": language_of(script),
    }
    said = {key: value for key, value in given.items() if value}
    body = {
        "script_content": read_script(script),
        "metadata": parse_object(metadata, option="--metadata") | said,
    }
    with session.connect() as api:
        print_saved(session, api.post(body=body))


@with_session
def update(
    session: Session,
    name: Name,
    script: ScriptFile,
    *,
    message: Annotated[str, typer.Option("--message", "-m", help="What changed and why.")] = "",
    packages: Packages = None,
) -> None:
    """Store the next version of an analysis; without --package it keeps the packages it has."""
    body = {
        "script_content": read_script(script),
        "change_description": message,
        "language": language_of(script),
        "packages": packages,
    }
    with session.connect() as api:
        print_saved(session, api.put(name, body=body))


@with_session
def delete(session: Session, name: Name) -> None:
    """Delete an analysis and stop its jobs; its versions and runs are kept."""
    with session.connect() as api:
        deleted: dict[str, Any] = api.delete(name)
    if session.as_json:
        output.print_json(deleted)
    else:
        stopped = deleted["stopped_jobs"]
        output.print_text(
            f"deleted {deleted['analysis_id']}"
            + (f", stopped {len(stopped)} jobs" if stopped else "")
        )


@with_session
def options(
    session: Session,
    name: Name,
    parameter: Annotated[str, typer.Argument(metavar="PARAMETER")],
    *,
    current: Parameters = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the script, not the cache.")
    ] = False,
) -> None:
    """Show the choices of a parameter, given the values of those that it depends on."""
    with session.connect() as api:
        answer: dict[str, Any] = api.post(
            name,
            "parameters",
            parameter,
            "options",
            body={"current_params": parse_parameters(current or ())},
            refresh="1" if refresh else "0",
        )
    if session.as_json:
        output.print_json(answer)
        return
    rows: list[tuple[object, object, object]] = []
    for option in answer["options"]:
        group = option["label"] if "options" in option else ""
        members: list[dict[str, Any]] = option.get("options", [option])
        rows += [(member["value"], member["label"], group) for member in members]
    output.print_table(("VALUE", "LABEL", "GROUP"), rows)


def print_saved(session: Session, saved: dict[str, Any]) -> None:
    """Say what was stored."""
    if session.as_json:
        output.print_json(saved)
        return
    output.print_text(f"stored {saved['analysis_id']} version {saved['version']}: {saved['title']}")
    for warning in saved["warnings"]:
        output.say(f"warning: {warning}")


def _validate_locally(
    session: Session, source: str, script: Path, *, packages: Sequence[str]
) -> dict[str, Any]:
    from analysis_sandbox import composition  # noqa: PLC0415 - see Session.connect

    is_typescript = language_of(script) == "typescript"
    filename = "analysis.ts" if is_typescript else "analysis.js"
    found = composition.validate_locally(
        session.settings, source, filename=filename, packages=packages
    ).model_dump(mode="json")
    found["warnings"].append(
        "Checked without a server: whether datasources and other analyses exist is not known"
    )
    return found


def _print_validation(found: dict[str, Any]) -> None:
    for warning in found["warnings"]:
        output.say(f"warning: {warning}")
    for error in found["errors"]:
        output.say(f"error: {error}")
    if found["valid"]:
        metadata: dict[str, Any] = found["metadata"] or {}
        listed = {
            name: ", ".join(metadata.get(name) or ())
            for name in ("parameters", "datasources", "analyses")
        }
        output.print_fields({"valid": metadata.get("title"), **listed})


def _print_analysis(analysis: dict[str, Any]) -> None:
    names = (
        "title",
        "description",
        "version",
        "tags",
        "owners",
        "schedule",
        "dependencies",
        "limits",
        "language",
        "packages",
        "created_at",
        "updated_at",
        "last_run",
        "uuid",
    )
    pinned = [f"{one['name']}@{one['version']}" for one in analysis["pinned_packages"]]
    fields = {name: analysis[name] for name in names}
    output.print_fields({"name": analysis["id"], **fields, "imports": ", ".join(pinned)})
    parameters: dict[str, dict[str, Any]] = analysis["parameters"]
    if parameters:
        output.print_text("")
        output.print_table(
            ("PARAMETER", "TYPE", "REQUIRED", "DEFAULT", "DESCRIPTION"),
            (
                (
                    name,
                    spec.get("type"),
                    "yes" if spec.get("required") else "",
                    spec.get("default"),
                    spec.get("description"),
                )
                for name, spec in parameters.items()
            ),
        )
    elif analysis["permissive_parameters"]:
        output.say("The script declares no parameters: it takes any.")
