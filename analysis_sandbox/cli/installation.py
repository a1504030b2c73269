"""Commands about an installation: up, demo, status, env, mcp."""

import logging
import shlex
import sys
from functools import partial
from typing import Annotated

import typer

from analysis_sandbox.cli import output
from analysis_sandbox.cli.session import (
    HomeOption,
    JSONOption,
    Session,
    running_state,
    with_session,
)
from analysis_sandbox.settings import load_settings

HostOption = Annotated[str | None, typer.Option(help="Address of the API. [127.0.0.1]")]
PortOption = Annotated[int | None, typer.Option(help="Port of the API. [8000]")]
DagsterPortOption = Annotated[int | None, typer.Option(help="Port of Dagster's UI. [3000]")]


def up(
    *,
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    dagster_port: DagsterPortOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo project first.")] = False,
) -> None:
    """Start everything in the foreground; Ctrl-C ends it."""
    from analysis_sandbox import supervision  # noqa: PLC0415 - see Session.connect

    settings = load_settings(home, host=host, port=port, dagster_port=dagster_port)
    if not demo:
        supervision.run(settings)
        return
    from analysis_sandbox.cli.demo import loading, store_analyses  # noqa: PLC0415

    load = loading(output.console())
    with supervision.running(settings, say=output.print_text, demo=load) as supervisor:
        store_analyses(settings)
        supervisor.watch()


def demo(
    *,
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    dagster_port: DagsterPortOption = None,
    as_json: JSONOption = False,
) -> None:
    """Load the demo project, run one of its analyses and show the result."""
    from analysis_sandbox.cli.demo import run_demo  # noqa: PLC0415 - see Session.connect

    settings = load_settings(home, host=host, port=port, dagster_port=dagster_port)
    run_demo(settings, as_json=as_json)


@with_session
def status(session: Session) -> None:
    """Say whether the installation runs and works; the exit code is 1 when it does not."""
    state = (
        {"url": session.settings.url} if session.settings.url else running_state(session.settings)
    )
    with session.connect() as api:
        problems = api.problems()
    if session.as_json:
        output.print_json({**state, "ready": not problems, "problems": problems})
    else:
        output.print_fields({"status": "not ready" if problems else "ready", **state})
        for part, problem in problems.items():
            output.say(f"error: {part}: {problem}")
    if problems:
        raise typer.Exit(1)


def env(*, home: HomeOption = None, as_json: JSONOption = False) -> None:
    """Print what plain Dagster needs to work on this home: eval "$(analysis-sandbox env)"."""
    settings = load_settings(home)
    environment = settings.child_environment()
    names = ("ANALYSIS_SANDBOX_HOME", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY")
    if as_json:
        output.print_json({name: environment[name] for name in names})
        return
    for name in names:
        sys.stdout.write(f"export {name}={shlex.quote(environment[name])}\n")
    if not settings.dagster_home.is_dir():
        output.say(f"{settings.dagster_home} is not there yet: the first 'up' writes it")


@with_session
def mcp(session: Session) -> None:
    """Serve MCP over stdio, for an agent that starts this command; 'up' must be running."""
    import anyio  # noqa: PLC0415 - see Session.connect

    from analysis_sandbox.mcp.relay import serve_stdio  # noqa: PLC0415

    with session.connect() as api:
        # Refused here in one line; over the protocol the agent would see a closed connection.
        api.get()
    # stdout belongs to the protocol.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    endpoint = session.endpoint()
    serve = partial(serve_stdio, f"{endpoint.url}/mcp", endpoint.token)
    anyio.run(partial(serve, trust_env=endpoint.trust_env))
