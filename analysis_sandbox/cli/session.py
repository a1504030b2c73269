"""What every command starts from: which installation, which token, and how to print."""

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

import typer

from analysis_sandbox.errors import UnauthenticatedError, UnavailableError
from analysis_sandbox.processes import has_owner
from analysis_sandbox.settings import Settings, load_settings

if TYPE_CHECKING:
    from analysis_sandbox.cli.client import Client

P = ParamSpec("P")

_PANEL = "Every command"
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The installation's directory.", rich_help_panel=_PANEL),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.", rich_help_panel=_PANEL)]
_TokenOption = Annotated[
    str | None,
    typer.Option("--token", help="Default: the home's admin token.", rich_help_panel=_PANEL),
]
_URLOption = Annotated[
    str | None,
    typer.Option(
        "--url", help="The API; default: the running `up` of the home.", rich_help_panel=_PANEL
    ),
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the API is, and the token to send there."""

    url: str
    token: str = field(repr=False)

    @property
    def trust_env(self) -> bool:
        """Whether the environment's proxies are the way: to this machine they are not."""
        return not _is_loopback(self.url)


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a command."""

    settings: Settings
    as_json: bool

    def endpoint(self) -> Endpoint:
        """Return what to talk to: the URL that was given, else the running `up` of the home.

        Raises:
            UnavailableError: nothing runs here, and no URL was given.
            UnauthenticatedError: there is no token to send.
        """
        if self.settings.url is None:
            return Endpoint(str(running_state(self.settings)["url"]), _token(self.settings))
        url = self.settings.url.rstrip("/")
        if self.settings.token is None and not _is_loopback(url):
            raise UnauthenticatedError(
                f"{url} is another machine: the admin token of this home is not sent there",
                hint="Give its token with --token.",
            )
        return Endpoint(url, _token(self.settings))

    def connect(self) -> "Client":
        """Return a client of the endpoint; raises what `endpoint` raises."""
        # Late, here and in the commands: `--help` must not wait for what only some commands need.
        from analysis_sandbox.cli.client import Client  # noqa: PLC0415

        endpoint = self.endpoint()
        return Client(endpoint.url, endpoint.token, trust_env=endpoint.trust_env)


def with_session(command: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """Give a command its session, and the options that make one."""

    @functools.wraps(command)
    def run(
        *,
        home: Path | None,
        url: str | None,
        token: str | None,
        as_json: bool,
        **arguments: Any,
    ) -> None:
        session = Session(load_settings(home, url=url, token=token), as_json)
        command(session, **arguments)  # pyright: ignore[reportCallIssue]

    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, kind, default in (
            ("as_json", JSONOption, False),
            ("home", HomeOption, None),
            ("url", _URLOption, None),
            ("token", _TokenOption, None),
        )
    ]
    run.__signature__ = inspect.Signature([*own, *shared])  # pyright: ignore[reportAttributeAccessIssue]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *shared)}
    return run


def running_state(settings: Settings) -> dict[str, Any]:
    """Return what the running `up` of this home says of itself: its URLs and pid.

    Raises:
        UnavailableError: it does not run, is not ready yet, or is somebody else's.
    """
    try:
        is_running = has_owner(settings.owner_lock)
    except OSError as error:
        raise UnavailableError(
            f"The home {settings.home} cannot be used: {error.strerror}",
            hint="Name another with --home, or a server with --url and --token.",
        ) from None
    if not is_running:
        raise UnavailableError(
            f"analysis-sandbox is not running on {settings.home}",
            hint="Start it with 'analysis-sandbox up', or name another with --home or --url.",
        )
    try:
        return json.loads(settings.state_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnavailableError(
            f"analysis-sandbox is still starting on {settings.home}",
            hint="Wait for its 'ready' line.",
        ) from None


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _token(settings: Settings) -> str:
    given = settings.token or settings.admin_token
    if given is not None:
        return given.get_secret_value()
    try:
        return settings.admin_token_file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise UnauthenticatedError(
            f"The admin token cannot be read: {settings.admin_token_file} ({error.strerror})",
            hint="Give a token with --token, or use the home's own user.",
        ) from None
