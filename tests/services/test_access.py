"""Who a token stands for, what its role allows, and what authors get besides."""

from datetime import UTC, datetime, timedelta

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import Role as RoleName
from analysis_sandbox.errors import ForbiddenError, UnauthenticatedError
from analysis_sandbox.services import authoring
from analysis_sandbox.services.access import DEFAULT_PROJECT, AccessService, Principal, Role

ADMIN_TOKEN = "the-admin-token"


@pytest.fixture
def access(catalogue: Catalogue) -> AccessService:
    return AccessService(catalogue, admin_token=ADMIN_TOKEN)


def test_the_admin_token_is_an_admin_of_the_default_project(access: AccessService) -> None:
    assert access.authenticate(ADMIN_TOKEN) == Principal("admin", Role.ADMIN, DEFAULT_PROJECT)


@pytest.mark.parametrize("role", ["viewer", "runner", "manager", "admin"])
def test_a_stored_token_has_its_name_role_and_project(
    access: AccessService, catalogue: Catalogue, project: str, role: RoleName
) -> None:
    _, secret = catalogue.tokens.create(project, "reports", role)

    assert access.authenticate(secret) == Principal("reports", Role.named(role), project)


def test_a_revoked_token_is_refused(
    access: AccessService, catalogue: Catalogue, project: str
) -> None:
    token_id, secret = catalogue.tokens.create(project, "reports", "viewer")
    access.authenticate(secret)
    catalogue.tokens.revoke(project, token_id)

    with pytest.raises(UnauthenticatedError, match="not valid"):
        access.authenticate(secret)


def test_an_expired_token_is_refused(
    access: AccessService, catalogue: Catalogue, project: str
) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    _, secret = catalogue.tokens.create(project, "reports", "viewer", expires_at=past)

    with pytest.raises(UnauthenticatedError, match="not valid"):
        access.authenticate(secret)


@pytest.mark.parametrize("token", ["x", "asbx_unknown", "the-admin-token ", "asbx_é", "\udc80"])
def test_an_unknown_token_is_refused_and_not_repeated(access: AccessService, token: str) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        access.authenticate(token)

    assert refused.value.message == "The token is not valid"


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_the_answer_says_how_to_send_one(
    access: AccessService, token: str | None
) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        access.authenticate(token)

    assert "Bearer" in (refused.value.hint or "")


def test_an_empty_admin_token_lets_nobody_in(catalogue: Catalogue) -> None:
    with pytest.raises(UnauthenticatedError):
        AccessService(catalogue, admin_token="").authenticate("")


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_lower_ones_may_and_no_more(role: Role) -> None:
    principal = Principal("somebody", role)
    for needed in Role:
        if needed <= role:
            principal.require(needed)
        else:
            with pytest.raises(ForbiddenError, match=needed.name.lower()):
                principal.require(needed)


def test_authors_get_the_types_of_everything_a_script_sees() -> None:
    text = authoring.type_definitions()

    assert all(word in text for word in ("runAnalysis", "metadata", "duckdb", "shouldStop"))
