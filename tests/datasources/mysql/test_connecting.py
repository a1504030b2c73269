"""How a MySQL datasource gets to its server: its URL, TLS, and what a test of it tells."""

from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from analysis_sandbox.datasources.base import Check
from analysis_sandbox.datasources.mysql.config import MySQLConfig, parse_url
from analysis_sandbox.errors import UnavailableError
from tests.datasources.harnesses import rows_of
from tests.datasources.mysql.conftest import Open
from tests.datasources.mysql.server import PASSWORD, USER, MariaDB

CIPHER = """
    select variable_value as c from information_schema.session_status
    where variable_name = 'Ssl_cipher'
"""


def test_a_url_says_where_and_as_whom() -> None:
    place = parse_url("mysql://us%40er:p%2Fw%3A%C3%BC@[::1]:3307/my%20shop")

    assert (place.host, place.port, place.user) == ("::1", 3307, "us@er")
    assert (place.password, place.database) == ("p/w:ü", "my shop")
    assert "p/w" not in repr(place)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://",
        "mysql:///database",
        "mysql://127.0.0.1/database",
        "postgresql://u:p@h/d",
        "mysql://u:hidden/secret@host/d",
        "mysql://u:hidden#secret@host/d",
        "mysql://u:hidden@host:notaport/d",
        "mysql://u:hidden@host/d/e",
        "mysql://u:hidden@host/d?local_infile=1",
        "mysql://u:hidden@host/d?read_default_file=/etc/passwd",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValidationError, match="must look like mysql://") as caught:
        MySQLConfig(url=cast("Any", url))

    assert "hidden" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"tls_key": "k.pem", "tls": "required"},
        {"tls_ca": "ca.pem"},
        {"tls": "disabled", "tls_certificate": "c.pem"},
        {"tls": "perhaps"},
        {"query_timeout_seconds": 0},
    ],
)
def test_settings_that_contradict_each_other_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MySQLConfig(**cast("Any", {"url": "mysql://u@h/d", **fields}))


def test_certificates_stand_beside_the_configuration(tmp_path: Path) -> None:
    config = MySQLConfig.model_validate(
        {"url": "mysql://u@h/d", "tls": "verify_ca", "tls_ca": "ca.pem"},
        context={"directory": tmp_path},
    )

    assert config.tls_ca == tmp_path / "ca.pem"


@pytest.mark.parametrize(
    ("fields", "encrypted"),
    [
        ({}, True),
        ({"tls": "disabled"}, False),
        ({"tls": "required"}, True),
        ({"tls": "verify_ca", "tls_ca": "ca.pem"}, True),
        ({"tls": "verify_identity", "tls_ca": "ca.pem"}, True),
    ],
)
def test_a_connection_is_encrypted_as_it_was_asked_for(
    mariadb: MariaDB, open_: Open, fields: dict[str, Any], encrypted: bool
) -> None:
    if "tls_ca" in fields:
        fields = {**fields, "tls_ca": mariadb.directory / fields["tls_ca"]}

    (row,) = rows_of(open_(url=mariadb.url_of(USER, PASSWORD), **fields), CIPHER)

    assert bool(row["c"]) is encrypted


@pytest.mark.parametrize(
    ("host", "fields"),
    [
        ("127.0.0.1", {"tls": "verify_ca", "tls_ca": "other.pem"}),
        ("127.0.0.1", {"tls": "verify_identity", "tls_ca": "other.pem"}),
        ("localhost", {"tls": "verify_identity", "tls_ca": "ca.pem"}),
        ("127.0.0.1", {"tls": "verify_ca"}),
        ("127.0.0.1", {"tls": "verify_ca", "tls_ca": "missing.pem"}),
    ],
)
def test_a_server_that_cannot_prove_itself_gets_no_password(
    mariadb: MariaDB, open_: Open, host: str, fields: dict[str, Any]
) -> None:
    if "tls_ca" in fields:
        fields = {**fields, "tls_ca": mariadb.directory / fields["tls_ca"]}
    url = mariadb.url_of(USER, PASSWORD).replace("127.0.0.1", host)

    with pytest.raises(UnavailableError) as caught:
        open_(url=url, **fields).query("select 1")
    assert PASSWORD not in str(caught.value.facts())


def checks_of(open_: Open, mariadb: MariaDB, *grants: str) -> dict[str, Check]:
    mariadb.run("create or replace user tested@'%'")
    for grant in ("select on test.*", *grants):
        mariadb.run(f"grant {grant} to tested@'%'")
    return {check.name: check for check in open_(url=mariadb.url_of("tested")).test()}


def test_a_user_that_may_only_read_passes_every_check(open_: Open, mariadb: MariaDB) -> None:
    checks = checks_of(open_, mariadb, "select, show view on test.*")

    assert all(check.ok for check in checks.values()), checks
    assert list(checks) == ["connection", "sql_mode", "session", "role", "gate"]
    assert "MariaDB" in checks["connection"].detail
    assert "TLS" in checks["connection"].detail


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        ("file on *.*", "FILE"),
        ("all on *.*", "ALL PRIVILEGES"),
        ("select, insert on test.*", "INSERT"),
        ("select (i), update (i) on test.columns", "UPDATE"),
        ("usage on *.*", ""),
    ],
)
def test_what_the_user_may_do_beyond_reading_is_told(
    open_: Open, mariadb: MariaDB, grant: str, told: str
) -> None:
    mariadb.run("create or replace table columns (i int)")
    role = checks_of(open_, mariadb, grant)["role"]

    assert role.ok is (told == "")
    assert told in role.detail


def test_a_role_that_was_not_looked_at_is_named(open_: Open, mariadb: MariaDB) -> None:
    mariadb.run("create or replace role writers")

    assert "`writers`" in checks_of(open_, mariadb, "writers")["role"].detail


def test_the_grant_option_is_a_right(open_: Open, mariadb: MariaDB) -> None:
    role = checks_of(open_, mariadb, "select on test.*")["role"]
    assert role.ok
    mariadb.run("grant select on test.* to tested@'%' with grant option")

    tested = {check.name: check for check in open_(url=mariadb.url_of("tested")).test()}
    assert not tested["role"].ok
