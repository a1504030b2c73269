"""Looks at the layers that keep a MySQL or MariaDB datasource read-only."""

import re
from collections.abc import Iterator

from analysis_sandbox.datasources.base import Check
from analysis_sandbox.datasources.mysql.sessions import SQL_MODE, Session

_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<place>.+?) TO ", re.IGNORECASE)
_ROLE = re.compile(r"GRANT (?P<role>[`'][^ ]+) TO ", re.IGNORECASE)
_COLUMNS = re.compile(r"\([^)]*\)")
# What may be granted to a user that only reads.
_HARMLESS = frozenset(
    {
        "USAGE",
        "SELECT",
        "SHOW VIEW",
        "SHOW DATABASES",
        "REPLICATION CLIENT",
        "BINLOG MONITOR",
        "SLAVE MONITOR",
        "SHOW_ROUTINE",
    }
)
# What no transaction takes back and no gate sees all of: files, the server, other users.
_DANGEROUS = frozenset(
    {"ALL PRIVILEGES", "FILE", "SUPER", "SHUTDOWN", "CREATE USER", "GRANT OPTION", "RELOAD"}
)


def checks(connection: Session, *, read_only: bool) -> Iterator[Check]:
    """Yield what was looked at on a prepared connection."""
    yield Check("connection", ok=True, detail=_server(connection))
    mode = _value(connection, "@@session.sql_mode")
    yield Check("sql_mode", ok=mode == SQL_MODE, detail=f"pinned: {mode}")
    if read_only:
        yield _session(connection)
        yield _role(connection)


def _server(connection: Session) -> str:
    version, user = (_value(connection, what) for what in ("VERSION()", "CURRENT_USER()"))
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    cipher = row[1].decode() if row else ""
    tls = f"TLS with {cipher}" if cipher else "without TLS"
    product = "MariaDB" if connection.is_mariadb else "MySQL"
    return f"{product} {version} as {user}, {tls}"


def _session(connection: Session) -> Check:
    variable = "tx_read_only" if connection.is_mariadb else "transaction_read_only"
    holds = _value(connection, f"@@session.{variable}") == "1"
    detail = "Every statement runs in a READ ONLY transaction of a READ ONLY session"
    return Check("session", ok=holds, detail=detail if holds else f"{variable} could not be set")


def _role(connection: Session) -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS")
        grants = [row[0].decode("utf-8", "replace") for row in cursor.fetchall()]
    granted = {right for grant in grants for right in _rights(grant)}
    dangerous = sorted(granted & _DANGEROUS)
    writes = sorted(granted - _HARMLESS - _DANGEROUS)
    roles = sorted(match["role"] for grant in grants if (match := _ROLE.match(grant)))
    told: list[str] = []
    if dangerous:
        told.append(
            f"The user has {', '.join(dangerous)}: no transaction takes back what reaches files, "
            "other users or the server"
        )
    if writes:
        told.append(f"The user has {', '.join(writes)}")
    if told:
        told.append("Give the datasource a user that has SELECT only, for a second wall")
    else:
        told.append("The user may only read")
    if roles:
        told.append(f"What the roles {', '.join(roles)} add was not looked at")
    return Check("role", ok=not dangerous and not writes, detail="; ".join(told))


def _rights(grant: str) -> Iterator[str]:
    match = _GRANT.match(grant)
    if match is None:
        return
    for right in _COLUMNS.sub("", match["rights"]).split(","):
        yield right.strip().upper()
    if "WITH GRANT OPTION" in grant.upper():
        yield "GRANT OPTION"


def _value(connection: Session, what: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {what}")
        row = cursor.fetchone()
    return row[0].decode() if row and row[0] is not None else ""
