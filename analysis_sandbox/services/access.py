"""Who is calling: bearer tokens to principals, and what a role allows."""

import hmac
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.errors import ForbiddenError, UnauthenticatedError

DEFAULT_PROJECT = "default"


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    VIEWER = 1
    RUNNER = 2
    MANAGER = 3
    ADMIN = 4

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the role of a lower-case name such as `runner`."""
        return cls[name.upper()]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: whose token it is, in which project, with which role."""

    name: str
    role: Role
    project: str = DEFAULT_PROJECT

    def require(self, role: Role) -> None:
        """Raise `ForbiddenError` unless this principal has at least `role`."""
        if self.role < role:
            raise ForbiddenError(
                f"This needs the role {role.name.lower()}; the token has {self.role.name.lower()}",
                hint="Ask an administrator for a token with that role.",
            )


class AccessService:
    """Turns bearer tokens into principals."""

    def __init__(self, catalogue: Catalogue, *, admin_token: str) -> None:
        self._catalogue = catalogue
        self._admin_token = admin_token

    def authenticate(self, token: str | None) -> Principal:
        """Return whose token this is.

        Raises:
            UnauthenticatedError: no token, or an unknown, revoked or expired one.
        """
        if not token:
            raise UnauthenticatedError(
                "Authentication required", hint="Send 'Authorization: Bearer TOKEN'."
            )
        # `surrogatepass`: bytes that are no text are a wrong token, not a failure of ours.
        given = token.encode("utf-8", "surrogatepass")
        if hmac.compare_digest(given, self._admin_token.encode("utf-8")):
            return Principal(name="admin", role=Role.ADMIN)
        record = self._catalogue.tokens.verify(token)
        if record is None:
            raise UnauthenticatedError(
                "The token is not valid", hint="It may be revoked or expired; ask for a new one."
            )
        return Principal(name=record.name, role=Role.named(record.role), project=record.project)
