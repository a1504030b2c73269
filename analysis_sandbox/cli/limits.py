"""Commands about limits: show, set, reset, maximums, usage."""

import json
from typing import Annotated, Any

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.cli.analyses import Name
from analysis_sandbox.cli.session import Session, with_session

limits = typer.Typer(no_args_is_help=True, help="What runs may use, and what they use.")


@limits.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show the limits of an analysis, and who stated each."""
    with session.connect() as api:
        _print(session, api.get(name, "limits"))


@limits.command("set")
@with_session
def set_limits(
    session: Session,
    name: Name,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="LIMIT=VALUE...",
            help="Such as memory_mb=512 timeout_ms=120000; LIMIT= gives it back to the script.",
        ),
    ],
) -> None:
    """Change limits of an analysis, for the runs that begin from now on."""
    body = _parsed(changes)
    with session.connect() as api:
        _print(session, api.patch(name, "limits", body=body))


@limits.command("reset")
@with_session
def reset(session: Session, name: Name) -> None:
    """Forget everything that was set: the script's own limits hold again."""
    with session.connect() as api:
        _print(session, api.delete(name, "limits"))


@limits.command("maximums")
@with_session
def maximums(session: Session) -> None:
    """Show the defaults and the maximums of the installation."""
    with session.connect() as api:
        found: dict[str, Any] = api.get_limits("maximums")
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("LIMIT", "DEFAULT", "MAXIMUM", "UNIT"),
        (
            (name, _shown(found["defaults"][name]), _shown(maximum), found["units"][name])
            for name, maximum in found["maximums"].items()
        ),
    )


@limits.command("usage")
@with_session
def usage(session: Session) -> None:
    """Show what the newest runs of each analysis used, and how near that came to the limits."""
    with session.connect() as api:
        found: list[dict[str, Any]] = api.get_limits("usage")
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("NAME", "RUNS", "FAILED", "MEMORY MB", "TIME MS", "RESULT MB", "CPU MS", "HOST CALLS"),
        (
            (
                item["analysis_id"],
                item["runs"],
                item["failures"],
                *(_figure(item[name]) for name in ("memory_mb", "duration_ms", "result_mb")),
                *(_figure(item[name]) for name in ("cpu_ms", "host_calls")),
            )
            for item in found
        ),
    )
    output.say("The largest of each, and its share of the limit.")


def _parsed(changes: list[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"'{change}' is not LIMIT=VALUE")
        try:
            parsed[name] = json.loads(value) if value else None
        except ValueError:
            raise typer.BadParameter(f"'{change}': {value} is not a number") from None
    return parsed


def _print(session: Session, found: dict[str, Any]) -> None:
    if session.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("LIMIT", "VALUE", "FROM", "MAXIMUM"),
        (
            (name, _shown(limit["value"]), limit["source"], _shown(limit["maximum"]))
            for name, limit in found["limits"].items()
        ),
    )
    for warning in found["warnings"]:
        output.say(f"warning: {warning}")


def _shown(value: float | None) -> str:
    return "unlimited" if value is None else f"{value:g}" if value < 1e6 else str(value)


def _figure(figure: dict[str, Any]) -> str:
    if figure["maximum"] is None:
        return ""
    share = "" if figure["share"] is None else f" ({figure['share']:.0%})"
    return f"{figure['maximum']:,.1f}{share}"
