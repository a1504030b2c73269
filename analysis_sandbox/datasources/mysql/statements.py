"""A script's statement and values as the text that is sent, and as the text that is judged."""

from dataclasses import dataclass

from analysis_sandbox.datasources.mysql.literals import literal
from analysis_sandbox.sql.placeholders import bind


@dataclass(frozen=True, slots=True)
class Statement:
    """What is sent to the server, and the same with `?` instead of each value."""

    sql: str
    shape: str


def statement_of(sql: object, params: object = None) -> Statement:
    """Return the statement with its values written into it.

    Raises:
        ValidationFailedError: no text, or placeholders and values do not match, or the database
            has no form for a value.
    """
    bound = bind(sql, params, dialect="mysql")
    if not bound.values:
        return Statement(bound.sql, bound.sql)
    # `bind` has doubled every other percent sign.
    literals = tuple(literal(value) for value in bound.values)
    return Statement(bound.sql % literals, bound.sql % (("?",) * len(literals)))
