"""Which SQL a script may run in its project's warehouse: what is allowed of DuckDB's dialect.

Three layers: tokens (functions that reach files, settings or memory), the root of every statement,
and every node below it. Text that the parser does not fully understand is refused, because what we
cannot read we cannot vouch for. The engine is locked as well; see `warehouse.engine`, which repeats
the token layer with DuckDB's own tokens.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import cast

from sqlglot import Token, TokenType, exp, tokenize
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError

from analysis_sandbox.errors import StatementRefusedError
from analysis_sandbox.sql.warehouse_functions import is_refused_function

# sqlglot warns, with the text of the statement, about each one that it can only pass through. Those
# are refused here with a message of their own, and the text may hold data.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

PROJECT = "project"
SCRATCH_PREFIX = "__scratch_"
MAX_SQL_CHARACTERS = 1 << 20
_CACHED_CHARACTERS = 16 << 10
_CACHED_TOKENS = 2_000
_CACHED_SHAPES = 1_000

_REFUSED_VIEWS = frozenset({
    "duckdb_databases", "duckdb_logs", "pg_settings", "pragma_database_list",
})  # fmt: skip

_ROWS = (exp.Query, exp.Values, exp.Pivot, exp.Describe, exp.Summarize)
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_CREATED = frozenset({"TABLE", "VIEW", "INDEX", "SCHEMA", "SEQUENCE", "TYPE", "MACRO", "FUNCTION"})
_ALTERED = frozenset({"TABLE", "VIEW", "SEQUENCE", "SCHEMA", "INDEX", "TYPE"})
_NEVER = (
    exp.Attach, exp.Cache, exp.Command, exp.Copy, exp.Detach, exp.Install, exp.LoadData,
    exp.Pragma, exp.Set, exp.Use,
)  # fmt: skip
_TRANSACTION = frozenset(
    {first + second for first in ("BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT")
     for second in ("", " TRANSACTION", " WORK")} | {"START TRANSACTION"}
)  # fmt: skip
_HINTS = {
    "COPY": "Read files through a datasource and load them with ctx.duckdb.load.",
    "EXPORT": "Write results to a datasource instead.",
    "IMPORT": "Load data with ctx.duckdb.load.",
    "ATTACH": "A project has one database; read others through a datasource.",
    "INSTALL": "Extensions cannot be loaded.",
    "LOAD": "Extensions cannot be loaded.",
    "SET": "The warehouse's configuration is fixed.",
    "RESET": "The warehouse's configuration is fixed.",
    "PRAGMA": "Use DESCRIBE, SHOW TABLES or the duckdb_tables() and duckdb_columns() functions.",
    "PREPARE": "Pass values as the second argument of ctx.duckdb.query.",
}


# The parts of a change that it only reads.
_READ_PARTS = frozenset({"expression", "from_", "joins", "using", "where", "with_"})
_INDIRECT = frozenset({"query", "query_table"})
_LITERALS = frozenset({TokenType.NUMBER, TokenType.STRING})
_OPAQUE = DuckDB.Tokenizer.COMMANDS | {TokenType.SEMICOLON, TokenType.BEGIN}
_SHAPED = frozenset({
    TokenType.DELETE, TokenType.INSERT, TokenType.SELECT, TokenType.UPDATE, TokenType.WITH,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckedSQL:
    """What the gate learned about a text it let pass.

    `statements` is how many there are, `returns_rows` whether each returns rows, `changes_data`
    whether any writes rows, `keeps_state` whether any leaves something that lives as long as the
    session (temporary tables), `changes_project` whether any changes what it names `project.…`.
    """

    statements: int
    returns_rows: bool
    changes_data: bool
    keeps_state: bool
    changes_project: bool


@dataclass(frozen=True, slots=True)
class _Statement:
    words: str
    line: int
    returns_rows: bool = False
    changes_data: bool = False
    keeps_state: bool = False
    changes_project: bool = False


_SHAPES: dict[tuple[object, ...], tuple[_Statement, ...]] = {}


def check_script(sql: str) -> CheckedSQL:
    """Check a text of one or more statements separated by semicolons.

    Raises:
        StatementRefusedError: a statement is not understood or not allowed; the message names the
            line.
    """
    statements = _checked(sql)
    return CheckedSQL(
        statements=len(statements),
        returns_rows=all(statement.returns_rows for statement in statements),
        changes_data=any(statement.changes_data for statement in statements),
        keeps_state=any(statement.keeps_state for statement in statements),
        changes_project=any(statement.changes_project for statement in statements),
    )


def check_query(sql: str, *, needs_rows: bool = False) -> CheckedSQL:
    """Check a text that must be one statement, and one that returns rows if it `needs_rows`.

    Raises:
        StatementRefusedError: as `check_script`, or not exactly one statement, or one without rows.
    """
    statement, *others = _checked(sql)
    if others:
        raise StatementRefusedError(
            f"A query is one statement; this text has {len(others) + 1}",
            hint="Run one after the other, or all but the last with ctx.duckdb.exec.",
        )
    if needs_rows and not statement.returns_rows:
        raise StatementRefusedError(
            f"{statement.words} returns no rows (line {statement.line})",
        )
    return check_script(sql)


def _checked(sql: str) -> tuple[_Statement, ...]:
    if len(sql) > MAX_SQL_CHARACTERS:
        raise StatementRefusedError(
            f"The SQL text has {len(sql)} characters, {MAX_SQL_CHARACTERS} are allowed",
            hint="Pass data as parameters, or load it with ctx.duckdb.load.",
        )
    return _parsed_cached(sql) if len(sql) <= _CACHED_CHARACTERS else _parsed(sql)


@lru_cache(maxsize=1024)
def _parsed_cached(sql: str) -> tuple[_Statement, ...]:
    return _parsed(sql)


def _parsed(sql: str) -> tuple[_Statement, ...]:
    if "\x00" in sql:
        raise StatementRefusedError("The SQL text holds a NUL character")
    try:
        tokens = tokenize(sql, read=DuckDB)
    except TokenError as error:
        raise StatementRefusedError(f"The SQL cannot be read: {error}") from error
    shape = _shape(tokens)
    if shape is not None and (known := _SHAPES.get(shape)) is not None:
        return known
    statements = tuple(_check(chunk, sql) for chunk in _split(tokens))
    if not statements:
        raise StatementRefusedError("The SQL text is empty")
    if shape is not None:
        if len(_SHAPES) >= _CACHED_SHAPES:
            _SHAPES.clear()
        _SHAPES[shape] = statements
    return statements


def _shape(tokens: Sequence[Token]) -> tuple[object, ...] | None:
    """Return what decides about a statement: its tokens without the values written into it.

    None where a text inside the statement is SQL itself, or the statement is rarely repeated.
    """
    if not tokens or len(tokens) > _CACHED_TOKENS or tokens[0].token_type not in _SHAPED:
        return None
    shape: list[object] = []
    for token in tokens:
        kind = token.token_type
        if kind in _OPAQUE or token.text.lower() in _INDIRECT:
            return None
        shape.append(kind if kind in _LITERALS else token.text)
    return tuple(shape)


def _split(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    chunk: list[Token] = []
    for token in tokens:
        if token.token_type is not TokenType.SEMICOLON:
            chunk.append(token)
        elif chunk:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _check(tokens: list[Token], sql: str) -> _Statement:
    _refuse_functions(tokens)
    first = tokens[0].text.upper()
    line = tokens[0].line
    phrase = " ".join(token.text.upper() for token in tokens[:3])
    if phrase in _TRANSACTION and len(tokens) <= 2:
        return _Statement(phrase, line)
    if first == "EXPLAIN":
        return _explain(tokens)
    if first == "SHOW" and _is_show(tokens):
        return _Statement("SHOW", line, returns_rows=True)
    if first == "DROP" and _is_drop(tokens):
        return _Statement("DROP", line, changes_project=_names_project(tokens))
    if first == "CREATE" and _creates_type(tokens):
        return _create_type(tokens, sql)
    return _check_tree(_parse(tokens, sql), tokens, sql)


def _refuse_functions(tokens: Sequence[Token]) -> None:
    for token, following in pairwise(tokens):
        if following.token_type is TokenType.L_PAREN and is_refused_function(token.text):
            raise StatementRefusedError(
                f"The function {token.text} is not allowed in the warehouse (line {token.line})",
                hint="Files and other systems are reached through datasources.",
            )


def _parse(tokens: list[Token], sql: str) -> exp.Expr:
    try:
        trees = DuckDB().parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, sql)
    except ParseError as error:
        raise _not_understood(error, tokens[0].line) from error
    except (SqlglotError, RecursionError) as error:
        raise StatementRefusedError(
            f"The statement at line {tokens[0].line} is too deeply nested to be checked"
        ) from error
    if len(trees) != 1 or trees[0] is None:
        raise StatementRefusedError(f"The statement at line {tokens[0].line} cannot be read")
    return trees[0]


def _not_understood(error: ParseError, line: int) -> StatementRefusedError:
    facts = error.errors[0] if error.errors else {}
    description = str(facts.get("description") or "syntax error").rstrip(".")
    near = f" near '{facts['highlight']}'" if facts.get("highlight") else ""
    return StatementRefusedError(
        f"The SQL is not understood: line {facts.get('line') or line}, "
        f"column {facts.get('col') or 1}{near}: {description}",
        hint="Only SQL that can be checked is run. Correct it, or say it in plainer SQL.",
        details={"line": facts.get("line") or line, "column": facts.get("col") or 1},
    )


def _check_tree(tree: exp.Expr, tokens: list[Token], sql: str) -> _Statement:
    first = tokens[0]
    words = first.text.upper()
    if not _is_allowed_root(tree):
        raise _refused(words, first.line)
    _check_nodes(tree, first.line, sql)
    changes = isinstance(tree, (*_CHANGES, exp.TruncateTable)) or _has_nested_change(tree)
    return _Statement(
        words,
        first.line,
        returns_rows=isinstance(tree, _ROWS) or bool(tree.args.get("returning")),
        changes_data=changes,
        keeps_state=tree.find(exp.TemporaryProperty) is not None,
        changes_project=_changes_project(tree),
    )


def _changes_project(tree: exp.Expr) -> bool:
    """Tell whether what a statement changes, not what it reads, lies in the project's database."""
    changed = [] if isinstance(tree, _ROWS) else [tree]
    changed += tree.find_all(*_CHANGES)
    return any(_is_in_project(table) for change in changed for table in _targets(change))


def _targets(change: exp.Expr) -> Iterator[exp.Table]:
    for key, value in change.args.items():
        nodes = cast("list[object]", value) if isinstance(value, list) else [value]
        for node in nodes:
            if key in _READ_PARTS or not isinstance(node, exp.Expr) or isinstance(node, exp.Query):
                continue
            if isinstance(node, exp.Table):
                yield node
            yield from _targets(node)


def _is_in_project(table: exp.Table) -> bool:
    return PROJECT in (table.catalog.lower(), table.db.lower())


def _names_project(tokens: Sequence[Token]) -> bool:
    return any(
        token.text.lower() == PROJECT and following.token_type is TokenType.DOT
        for token, following in pairwise(tokens)
    )


def _is_allowed_root(tree: exp.Expr) -> bool:
    if isinstance(tree, exp.Create):
        return str(tree.args.get("kind")).upper() in _CREATED
    if isinstance(tree, exp.Alter):
        return str(tree.args.get("kind")).upper() in _ALTERED
    if isinstance(tree, exp.Update):
        # UPDATE EXTENSIONS reads as an update that sets nothing.
        return bool(tree.expressions)
    return isinstance(tree, (*_ROWS, *_CHANGES, exp.TruncateTable, exp.Comment))


def _has_nested_change(tree: exp.Expr) -> bool:
    return any(True for _ in tree.find_all(*_CHANGES))


def _check_nodes(tree: exp.Expr, line: int, sql: str) -> None:
    for node in tree.walk():
        if isinstance(node, _NEVER):
            raise _refused(node.key.upper(), line)
        if isinstance(node, exp.Table):
            _check_table(node, line, sql)
        elif isinstance(node, exp.Summarize) and isinstance(node.this, exp.Literal):
            raise _file_refused(node.this.name, line)
        elif isinstance(node, exp.Anonymous) and node.name.lower() in _INDIRECT:
            _check_indirect(node, line)


def _check_table(table: exp.Table, line: int, sql: str) -> None:
    name = table.this
    if isinstance(name, exp.Literal):
        raise _file_refused(name.name, line)
    if isinstance(name, exp.Identifier) and name.quoted:
        # The parser does not tell 'x.csv' from "x.csv"; the text does.
        start = name.meta.get("start")
        if start is None or sql[start] != '"':
            raise _file_refused(table.name, line)
    _check_view(table.name, line)


def _check_view(name: str, line: int) -> None:
    if name.lower() in _REFUSED_VIEWS:
        raise StatementRefusedError(f"{name} is not readable in the warehouse (line {line})")


def _check_indirect(function: exp.Anonymous, line: int) -> None:
    arguments = function.expressions
    texts = [
        item
        for argument in arguments
        for item in (argument.expressions if isinstance(argument, exp.Array) else [argument])
        if not isinstance(item, exp.Boolean)
    ]
    if not texts or not all(isinstance(item, exp.Literal) and item.is_string for item in texts):
        raise StatementRefusedError(
            f"{function.name}() takes only a literal text here (line {line})",
            hint="Write the table's name or the query into the SQL itself.",
        )
    for item in texts:
        if function.name.lower() == "query":
            check_query(item.name, needs_rows=True)
        else:
            _check_view(item.name.rpartition(".")[2], line)


def _explain(tokens: list[Token]) -> _Statement:
    """Check what is explained; the tokenizer leaves it as one piece of text."""
    line = tokens[0].line
    text = tokens[1].text if len(tokens) == 2 else ""
    inner = tokenize(text, read=DuckDB)
    if inner and inner[0].text.upper() == "ANALYZE":
        inner = inner[1:]
    if not inner:
        raise StatementRefusedError(f"EXPLAIN of nothing (line {line})")
    checked = _check(inner, text)
    return replace(checked, words="EXPLAIN", line=line, returns_rows=True)


def _is_show(tokens: list[Token]) -> bool:
    if [token.text.upper() for token in tokens] in (["SHOW", "TABLES"], ["SHOW", "ALL", "TABLES"]):
        return True
    names = tokens[1:]
    return (
        len(names) in (1, 3)
        and all(_is_name(token) for token in names[::2])
        and all(token.token_type is TokenType.DOT for token in names[1::2])
        and names[-1].text.upper() not in {"DATABASES", "VARIABLES"}
        and names[-1].text.lower() not in _REFUSED_VIEWS
    )


def _is_drop(tokens: list[Token]) -> bool:
    if len(tokens) < 3 or tokens[1].text.upper() not in _CREATED:
        return False
    return all(_is_name(token) or token.token_type is TokenType.DOT for token in tokens[2:])


def _is_name(token: Token) -> bool:
    return token.token_type is TokenType.IDENTIFIER or token.text.replace("_", "a").isalnum()


def _creates_type(tokens: list[Token]) -> bool:
    head = [token.text.upper() for token in tokens[:5]]
    return "TYPE" in head[1:5] and head[1] in {"TYPE", "OR", "TEMP", "TEMPORARY"}


def _create_type(tokens: list[Token], sql: str) -> _Statement:
    """Check `CREATE TYPE name AS type` by reading its type where the parser knows types: a cast."""
    words = [token.text.upper() for token in tokens]
    if "AS" not in words[:-1]:
        raise _refused("CREATE TYPE", tokens[0].line)
    type_tokens = tokens[words.index("AS") + 1 :]
    text = f"SELECT CAST(NULL AS {sql[type_tokens[0].start : type_tokens[-1].end + 1]})"
    tree = _parse(tokenize(text, read=DuckDB), text)
    parts = tree.expressions
    if len(parts) != 1 or not isinstance(parts[0], exp.Cast) or parts[0].find(exp.Query):
        raise _refused("CREATE TYPE", tokens[0].line)
    _check_nodes(tree, tokens[0].line, text)
    return _Statement("CREATE TYPE", tokens[0].line, keeps_state=words[1].startswith("TEMP"))


def _refused(words: str, line: int) -> StatementRefusedError:
    return StatementRefusedError(
        f"{words} is not allowed in the warehouse (line {line})",
        hint=_HINTS.get(words.partition(" ")[0]),
    )


def _file_refused(name: str, line: int) -> StatementRefusedError:
    return StatementRefusedError(
        f"'{name}' is read as a file, and files are not readable in the warehouse (line {line})",
        hint="Name a table; quote a name with \"double quotes\", text with 'single quotes'.",
    )
