"""Lets a statement through to a datasource, or refuses it, by the datasource's access."""

from analysis_sandbox.datasources.base import Access, read_only_error
from analysis_sandbox.errors import StatementRefusedError
from analysis_sandbox.sql.read_only import refusal
from analysis_sandbox.sql.tokens import Dialect


def check_statement(sql: str, *, dialect: Dialect, access: Access, name: str) -> bool:
    """Tell whether a statement only reads.

    Raises:
        ReadOnlyError: it writes, and the datasource is read-only.
        StatementRefusedError: it is not understood, or more than one, and the datasource is
            read-only.
    """
    refused = refusal(sql, dialect)
    if refused is None:
        return True
    if access == "read_write":
        return False
    if refused.kind == "writes":
        raise read_only_error(name, refused.reason)
    raise StatementRefusedError(
        f"Datasource '{name}' is read-only and the statement was refused: {refused.reason}",
        hint="Send one statement that begins with SELECT, WITH, VALUES or EXPLAIN.",
        details={"datasource": name, "reason": refused.reason},
    )


def check_loadable(sql: str, *, dialect: Dialect, access: Access, name: str) -> None:
    """Refuse what cannot be loaded as a table: every statement that does more than read.

    Raises:
        ReadOnlyError, StatementRefusedError: as `check_statement`, and under read_write as well.
    """
    if not check_statement(sql, dialect=dialect, access=access, name=name):
        raise StatementRefusedError("Only a statement that reads can be loaded as a table")
