from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.errors import NotFoundError


def test_a_token_is_known_by_its_secret(catalogue: Catalogue, project: str) -> None:
    token_id, secret = catalogue.tokens.create(project, "ada", "manager")

    token = catalogue.tokens.verify(secret)

    assert secret.startswith("asbx_")
    assert token is not None
    assert (token.id, token.project, token.name, token.role) == (
        token_id,
        project,
        "ada",
        "manager",
    )


def test_only_a_hash_of_the_secret_is_stored(
    catalogue: Catalogue, project: str, plain_url: str
) -> None:
    token_id, secret = catalogue.tokens.create(project, "ada", "viewer")

    with psycopg.connect(plain_url) as connection:
        row = connection.execute("SELECT * FROM api_tokens WHERE id = %s", [token_id]).fetchone()

    assert row is not None
    assert secret.removeprefix("asbx_") not in str(row)
    assert secret.encode("ascii") not in [bytes(one) for one in row if isinstance(one, bytes)]


@pytest.mark.parametrize("secret", ["", "asbx_", "asbx_wrong", "another", "asbx_\ud800\0"])
def test_an_unknown_secret_is_nobody(catalogue: Catalogue, secret: str) -> None:
    assert catalogue.tokens.verify(secret) is None


def test_a_revoked_token_is_nobody_from_then_on(catalogue: Catalogue, project: str) -> None:
    token_id, secret = catalogue.tokens.create(project, "ada", "runner")

    catalogue.tokens.revoke(project, token_id)
    catalogue.tokens.revoke(project, token_id)

    assert catalogue.tokens.verify(secret) is None
    assert [one.revoked_at is not None for one in catalogue.tokens.list(project)] == [True]


def test_a_token_of_another_project_cannot_be_revoked(catalogue: Catalogue, project: str) -> None:
    token_id, secret = catalogue.tokens.create(project, "ada", "runner")

    for where, what in (("another", token_id), (project, uuid4())):
        with pytest.raises(NotFoundError):
            catalogue.tokens.revoke(where, what)
    assert catalogue.tokens.verify(secret) is not None


def test_an_expired_token_is_nobody(catalogue: Catalogue, project: str) -> None:
    now = datetime.now(UTC)
    _, past = catalogue.tokens.create(project, "a", "viewer", expires_at=now - timedelta(seconds=1))
    _, future = catalogue.tokens.create(project, "b", "viewer", expires_at=now + timedelta(hours=1))

    assert catalogue.tokens.verify(past) is None
    assert catalogue.tokens.verify(future) is not None


def test_tokens_are_listed_newest_first(catalogue: Catalogue, project: str) -> None:
    for name in ("first", "second"):
        catalogue.tokens.create(project, name, "viewer")

    assert [one.name for one in catalogue.tokens.list(project)] == ["second", "first"]
