"""API tokens: made once and shown once; only the hash of the secret is stored."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from analysis_sandbox.catalogue.engine import Database
from analysis_sandbox.catalogue.models import TokenRow
from analysis_sandbox.catalogue.records import Role, TokenRecord
from analysis_sandbox.errors import NotFoundError

# Secret scanners, and people who find one in a file, recognise it by this.
PREFIX = "asbx_"
_SECRET_BYTES = 32
_COLUMNS = (
    TokenRow.id,
    TokenRow.project,
    TokenRow.name,
    TokenRow.role,
    TokenRow.created_at,
    TokenRow.expires_at,
    TokenRow.revoked_at,
)


class TokenRepository:
    """The tokens of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, project: str, name: str, role: Role, *, expires_at: datetime | None = None
    ) -> tuple[UUID, str]:
        """Make a token; returns its id and its secret, which cannot be read again."""
        token_id, secret = uuid4(), PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        statement = insert(TokenRow).values(
            id=token_id,
            project=project,
            name=name,
            role=role,
            secret_hash=_hash(secret),
            expires_at=expires_at,
        )
        statement = statement.on_conflict_do_nothing(index_elements=[TokenRow.id])
        self._database.execute(statement)
        return token_id, secret

    def verify(self, secret: str) -> TokenRecord | None:
        """Return whose secret this is; None when unknown, revoked or expired."""
        if not secret.startswith(PREFIX):
            return None
        statement = sa.select(*_COLUMNS).where(
            TokenRow.secret_hash == _hash(secret),
            TokenRow.revoked_at.is_(None),
            sa.or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > sa.func.now()),
        )
        rows = self._database.rows(statement)
        return TokenRecord(*rows[0]) if rows else None

    def list(self, project: str) -> Sequence[TokenRecord]:
        """Return the tokens of a project, revoked ones too, newest first."""
        statement = sa.select(*_COLUMNS).where(TokenRow.project == project)
        statement = statement.order_by(TokenRow.created_at.desc(), TokenRow.id)
        rows = self._database.rows(statement)
        return [TokenRecord(*row) for row in rows]

    def revoke(self, project: str, token_id: UUID) -> None:
        """Make a token useless at once and for good; raises `NotFoundError`."""
        statement = (
            sa.update(TokenRow)
            .where(TokenRow.project == project, TokenRow.id == token_id)
            .values(revoked_at=sa.func.coalesce(TokenRow.revoked_at, sa.func.now()))
        )
        if self._database.execute(statement) == 0:
            raise NotFoundError(f"Token {token_id} not found")


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
