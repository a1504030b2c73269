"""What people configure a datasource with: its secrets kept apart, its errors without values."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis_sandbox.datasources.fields import check_fields, merged, secret_names
from analysis_sandbox.datasources.reach import machine_reach
from analysis_sandbox.datasources.registry import load_type
from analysis_sandbox.errors import ConfigurationError, ValidationFailedError
from tests.datasources.note_type import NoteConfig, note_type

CANARY = "canary7secret"
ADDRESS = "https://a.example"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> Iterator[None]:
    with note_type(tmp_path / "packages"):
        yield


def check(type_name: str = "notes", **values: Any) -> Any:
    return check_fields(type_name, values, directory=Path("/home"))


def test_secrets_are_kept_apart_wherever_they_are() -> None:
    given: dict[str, Any] = {
        "address": ADDRESS,
        "pages": 3,
        "key": CANARY,
        "headers": {"X-Key": CANARY},
        "login": {"type": "token", "token": CANARY},
    }

    checked = check(**given)

    assert checked.plain == {
        "address": ADDRESS,
        "pages": 3,
        "headers": {},
        "login": {"type": "token"},
    }
    assert checked.secrets == {
        "key": CANARY,
        "headers": {"X-Key": CANARY},
        "login": {"token": CANARY},
    }
    assert merged(checked.plain, checked.secrets) == given
    assert CANARY not in repr(checked)


def test_an_address_with_a_password_is_a_secret_in_any_field() -> None:
    address = f"https://user:{CANARY}@a.example/x"

    checked = check(address=address)

    assert checked.secrets == {"address": address}
    assert checked.plain == {}


@pytest.mark.parametrize(
    ("type_name", "values", "plain"),
    [
        ("postgresql", {"url": f"postgresql://u:{CANARY}@h/d", "pool_size": 2}, {"pool_size": 2}),
        ("sqlite", {"path": "a.db", "access": "read_write"}, None),
        (
            "rest",
            {
                "base_url": ADDRESS,
                "auth": {"type": "api_key", "name": "k", "value": CANARY, "in": "query"},
                "headers": {"X-Tenant": CANARY},
            },
            None,
        ),
        (
            "openapi",
            {"spec": {"openapi": "3.1.0"}, "base_url": ADDRESS, "headers": {"X": CANARY}},
            {"spec": {"openapi": "3.1.0"}, "base_url": ADDRESS, "headers": {}},
        ),
    ],
)
def test_the_types_of_this_package_keep_their_secrets_apart(
    type_name: str, values: dict[str, Any], plain: dict[str, Any] | None
) -> None:
    checked = check(type_name, **values)

    assert CANARY not in str(checked.plain)
    assert plain is None or checked.plain == plain
    assert merged(checked.plain, checked.secrets) == values


def test_everything_wrong_is_said_by_field_without_a_value() -> None:
    with pytest.raises(ValidationFailedError) as refused:
        check(address=f"http://{CANARY}", pages=CANARY, login={"token": "x", "more": CANARY})

    fields = refused.value.fields
    assert set(fields) == {"address", "pages", "login.token", "login.more"}
    assert fields["address"] == "… does not begin with https://"
    assert "valid integer" in fields["pages"]
    assert CANARY not in repr(refused.value) + str(fields)


def test_the_environment_is_not_for_those_who_store() -> None:
    with pytest.raises(ValidationFailedError) as refused:
        check(address=ADDRESS, headers={"X": "a ${DATABASE_URL}"})

    assert refused.value.fields == {
        "headers.X": "references to the environment work in datasources.yaml only"
    }


def test_an_unknown_type_lists_the_known() -> None:
    with pytest.raises(ConfigurationError, match=r"Known types: .*notes"):
        check("oracle")


def test_the_secrets_of_a_type_are_told() -> None:
    assert secret_names(NoteConfig) == ["headers.*", "key", "login.token", "url"]
    assert secret_names(load_type("postgresql").config_model) == ["url"]
    assert {"auth.client_secret", "auth.password", "headers.*"} <= set(
        secret_names(load_type("rest").config_model)
    )


@pytest.mark.parametrize(
    ("type_name", "values", "fields"),
    [
        ("notes", {"address": ADDRESS}, set[str]()),
        (
            "notes",
            {"address": ADDRESS, "allow_private_addresses": True},
            {"allow_private_addresses"},
        ),
        ("notes", {"address": ADDRESS, "file": "x.txt"}, {"file"}),
        ("notes", {"address": ADDRESS, "url": "file:///etc/passwd"}, {"url"}),
        ("notes", {"address": ADDRESS, "url": "host=/run/x"}, {"url"}),
        ("notes", {"address": ADDRESS, "key": "/random+secret=="}, set[str]()),
        ("sqlite", {"path": "a.db"}, {"path"}),
        ("rest", {"base_url": "https://api.example"}, set[str]()),
        ("openapi", {"spec": "./api.json"}, {"spec"}),
        ("openapi", {"spec": "/etc/passwd"}, {"spec"}),
        ("openapi", {"spec": "https://api.example/openapi.json"}, set[str]()),
        ("postgresql", {"url": "postgresql://u:p@db.example:5432/d?sslmode=require"}, set[str]()),
        ("postgresql", {"url": "postgresql://u:p@10.0.0.1/d"}, set[str]()),
        ("postgresql", {"url": "postgresql://u:p@[2001:db8::1]:5432/d"}, set[str]()),
        ("postgresql", {"url": "postgresql://u:p@[::1]:5432/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@[::1]/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@127.0.0.1:5432/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@2130706433/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@db.localhost:1/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@h:1,127.1:2/d"}, {"url"}),
        ("notes", {"address": ADDRESS, "url": "http://[::ffff:169.254.169.254]:80/"}, {"url"}),
        ("notes", {"address": ADDRESS, "url": "mysql://u:p@0.0.0.0:3306/d"}, {"url"}),
        ("notes", {"address": "https://localhost:3000/graphql"}, {"address"}),
        ("s3", {"bucket": "reports", "ambient_credentials": True}, {"ambient_credentials"}),
        (
            "s3",
            {"bucket": "reports", "anonymous": True, "endpoint": "https://s.example"},
            set[str](),
        ),
        ("soap", {"wsdl": "./a.wsdl"}, {"wsdl"}),
        ("soap", {"wsdl": "https://s.example/?wsdl"}, set[str]()),
        ("graphql", {"url": "https://g.example/graphql"}, set[str]()),
        ("postgresql", {"url": "postgresql://u:p@a:1,b:1/d"}, set[str]()),
        ("notes", {"address": ADDRESS, "url": "mysql://u:p@a,:1/d"}, {"url"}),
        ("postgresql", {"url": "postgresql:///d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@%2Frun%2Fpg/d"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@h/d?host=/run/pg"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@h/d?service=x"}, {"url"}),
        ("postgresql", {"url": "postgresql://u:p@h/d?sslrootcert=/etc/x"}, {"url"}),
        ("postgresql", {"url": "host=db.example dbname=d"}, {"url"}),
    ],
)
def test_what_reaches_the_machine_itself_is_told(
    type_name: str, values: dict[str, Any], fields: set[str]
) -> None:
    assert set(machine_reach(check(type_name, **values).config)) == fields
