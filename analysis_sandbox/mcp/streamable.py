"""MCP over streamable HTTP, as one route of the application around it."""

from contextlib import AbstractAsyncContextManager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from analysis_sandbox.errors import UnauthenticatedError
from analysis_sandbox.mcp.server import build_server
from analysis_sandbox.services.access import Principal
from analysis_sandbox.services.bundle import Services
from analysis_sandbox.settings import Settings

PATH = "/mcp"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class MCPMount:
    """The route to add, and what has to run around the application that has it.

    The application authenticates: it leaves the caller in `scope["state"]["principal"]`.
    """

    def __init__(self, services: Services, settings: Settings, *, max_body_bytes: int) -> None:
        self._server = build_server(services)
        inner = self._server.streamable_http_app(
            streamable_http_path=PATH,
            max_request_body_size=max_body_bytes,
            transport_security=_transport_security(settings.host),
        )
        (route,) = inner.routes
        assert isinstance(route, Route)
        # A mount would redirect /mcp to /mcp/; a route of its own answers at exactly /mcp.
        self.route = Route(PATH, endpoint=_OwnSessions(route.endpoint), include_in_schema=False)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return what must be entered, once, while the application runs."""
        return self._server.session_manager.run()


class _OwnSessions:
    """Tells the SDK whose request it is: a session answers only the caller that opened it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("state", {}).get("principal")
        if not isinstance(principal, Principal):
            raise UnauthenticatedError("Authentication required")
        owner = f"{principal.project}/{principal.name}"
        role = principal.role.name.lower()
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=owner, scopes=[role]))
        await self._app(scope, receive, send)


def _transport_security(host: str) -> TransportSecuritySettings:
    """Return which Host and Origin headers are taken: the loopback names and the bound address.

    Bound to every address, the names people use are unknown, and the check is off: it protects
    servers without authentication from pages in a browser, and every request here has a token.
    """
    if host in _EVERY_ADDRESS:
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    names = dict.fromkeys((*_LOOPBACK, f"[{host}]" if ":" in host else host))
    hosts = [pattern for name in names for pattern in (name, f"{name}:*")]
    return TransportSecuritySettings(
        allowed_hosts=hosts,
        allowed_origins=[f"{scheme}://{name}" for scheme in ("http", "https") for name in hosts],
    )
