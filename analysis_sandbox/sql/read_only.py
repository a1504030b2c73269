"""Decides whether a statement only reads; opens no database.

Two independent looks must agree: our tokens (one statement, allowed first word, no function with
effects outside the transaction under any spelling) and sqlglot's tree (nothing in it writes).
What either does not understand is refused. The gate stands before a read-only session, which
remains the wall against functions that users defined; only the rights of the database role bound
what those may do beyond the transaction.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from analysis_sandbox.sql.tokens import Dialect, Kind, Token, significant, tokenize

_LONGEST = 1_000_000
_CACHED = 10_000
_READS = frozenset({"select", "with", "values", "table"})
_FIRST = {
    "postgres": _READS | {"explain", "show"},
    "sqlite": _READS - {"table"} | {"explain"},
}
_ROOTS = (exp.Select, exp.SetOperation, exp.Values, exp.Subquery)
_WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
    exp.Command,
    exp.Copy,
    exp.Into,
    exp.Lock,
    exp.Set,
    exp.Attach,
    exp.Detach,
    exp.Pragma,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
)
# Functions whose effects a rolled back transaction keeps, that read the server's files, or that run
# SQL held in text, which no gate can see. Names, not calls: `('x').pg_read_file` is a call as well.
_EFFECTS = re.compile(
    r"""
    pg_(?: read_\w+ | ls_\w+ | stat_file | file_\w+ | logdir_ls | hba_file_rules
         | ident_file_mappings | show_all_file_settings
         | (?:try_)?advisory_\w+ | notify | (?:cancel|terminate)_backend
         | reload_conf | rotate_logfile | log_\w+ | (?:create|drop|copy)_\w+
         | replication_(?:origin|slot)_\w+ | logical_\w+ | sync_replication_slots
         | switch_(?:wal|xlog) | wal_replay_(?:pause|resume) | promote | backup_\w+
         | (?:start|stop)_backup | export_snapshot | import_system_collations
         | extension_config_dump | nextoid | (?:clear|restore)_\w+_stats
         | stat_reset\w* | stat_(?:clear|force)_\w+ | stat_statements_reset
         | current_xact_id | stop_making_pinned_objects | prewarm | background_\w+ )
  | lo_(?: close | creat | create | export | from_bytea | get | import | l?seek(?:64)? | open
         | put | tell(?:64)? | truncate(?:64)? | unlink ) | lowrite | loread
  | dblink(?:_\w+)? | postgres_fdw_\w+ | binary_upgrade_\w+
  | nextval | setval | set_config | txid_current | currtid2
  | (?:query|cursor)_to_xml\w* | ts_stat | ts_rewrite | xpath_table
  | crosstab(?:\d|_hash)? | connectby | brin_(?:de)?summarize_\w+ | gin_clean_pending_list
  | http_(?:get|post|put|patch|delete|head) | aws_s3 | aws_lambda
  | load_extension | fts3_tokenizer
    """,
    re.VERBOSE,
)
_LOCKS = re.compile(r"\bfor (?:update|share|no key update|key share)\b")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a statement may not run on a read-only datasource.

    `writes` statements would be allowed with `access: read_write`; `unclear` ones are not
    understood, or are more than one.
    """

    kind: Literal["writes", "unclear"]
    reason: str


def refusal(sql: str, dialect: Dialect) -> Refusal | None:
    """Return why `sql` is not one statement that only reads, None when it is."""
    if len(sql) > _LONGEST:
        return Refusal("unclear", f"it is longer than {_LONGEST} characters")
    return (_cached if len(sql) <= _CACHED else _judge)(sql, dialect)


def _judge(sql: str, dialect: Dialect) -> Refusal | None:
    every = list(tokenize(sql, dialect))
    tokens = significant(every)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    found = _judge_tokens(tokens, dialect)
    if found is not None or tokens[0].keyword == "show":
        return found
    if tokens[0].keyword != "explain":
        return _judge_tree(sql, dialect)
    query = _explained(tokens, dialect)
    if not query or not (query[0].keyword in _READS or query[0].text == "("):
        return Refusal("writes", "only statements that read can be explained")
    start = next(index for index, token in enumerate(every) if token is query[0])
    return _judge_tree("".join(token.text for token in every[start:]), dialect)


_cached = lru_cache(maxsize=1024)(_judge)


def _judge_tokens(tokens: list[Token], dialect: Dialect) -> Refusal | None:
    if not tokens:
        return Refusal("unclear", "it is empty")
    if tokens[-1].kind is Kind.BROKEN:
        return Refusal("unclear", "a string, name or comment in it does not end")
    if any(token.text == ";" for token in tokens):
        return Refusal("unclear", "it is more than one statement")
    first = tokens[0]
    if first.keyword not in _FIRST[dialect] and first.text != "(":
        allowed = ", ".join(sorted(word.upper() for word in _FIRST[dialect]))
        return Refusal("writes", f"it begins with {first.text[:40]}, not with one of {allowed}")
    if first.keyword == "show":
        words = all(token.kind is Kind.WORD or token.text == "." for token in tokens)
        return None if words else Refusal("unclear", "SHOW takes the name of a setting")
    return _judge_names(tokens, dialect)


def _judge_names(tokens: list[Token], dialect: Dialect) -> Refusal | None:
    for token in tokens:
        if token.kind is Kind.QUOTED and token.text[0] in "uU":
            return Refusal("unclear", 'it has a name with Unicode escapes (U&"…")')
        if _EFFECTS.fullmatch(token.identifier):
            return Refusal("writes", f"it names {token.identifier}, which does more than read")
        if dialect == "postgres" and token.keyword == "into":
            return Refusal("writes", "it has INTO")
    if _LOCKS.search(" ".join(token.keyword or "," for token in tokens)):
        return Refusal("writes", "it locks rows (FOR UPDATE)")
    return None


def _explained(tokens: list[Token], dialect: Dialect) -> list[Token]:
    rest = tokens[1:]
    if dialect == "sqlite":
        words = [token.keyword for token in rest[:2]]
        return rest[2:] if words == ["query", "plan"] else rest
    if rest and rest[0].text == "(" and len(rest) > 1 and rest[1].keyword not in _READS:
        closing = next((i for i, token in enumerate(rest) if token.text == ")"), len(rest))
        return rest[closing + 1 :]
    while rest and rest[0].keyword in ("analyze", "analyse", "verbose"):
        rest = rest[1:]
    return rest


def _judge_tree(sql: str, dialect: Dialect) -> Refusal | None:
    try:
        # A comment after the last semicolon is a tree of its own.
        trees = [
            tree
            for tree in sqlglot.parse(sql, read=dialect)
            if tree is not None and not isinstance(tree, exp.Semicolon)
        ]
        nodes = (node for tree in trees for node in tree.walk())
        written = next((node for node in nodes if isinstance(node, _WRITES)), None)
    except SqlglotError as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Refusal("unclear", f"it is not understood ({detail})")
    except RecursionError:
        return Refusal("unclear", "it is nested too deeply")
    if len(trees) != 1:
        return Refusal("unclear", "it is more than one statement")
    if written is not None:
        return Refusal("writes", f"it contains {written.key.upper()}")
    if not isinstance(trees[0], _ROOTS):
        return Refusal("unclear", f"it is a {trees[0].key.upper()} statement")
    return None
