"""Decides whether a statement only reads; opens no database.

Two independent looks must agree: our tokens (one statement, allowed first word, no function with
effects outside the transaction under any spelling) and sqlglot's tree (nothing in it writes).
What either does not understand is refused. The gate stands before a read-only session, which
remains the wall against functions that users defined; only the rights of the database role bound
what those may do beyond the transaction.
"""

import re
from collections.abc import Mapping
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
_READING: Mapping[Dialect, frozenset[str]] = {
    "postgres": _READS,
    "sqlite": _READS,
    "mysql": _READS,
    "clickhouse": frozenset({"select", "with"}),
}
_NAMING = frozenset({"show", "describe", "desc", "exists"})
_FIRST: Mapping[Dialect, frozenset[str]] = {
    "postgres": _READS | {"explain", "show"},
    "sqlite": _READS - {"table"} | {"explain"},
    "mysql": _READS | {"explain", "show", "describe", "desc"},
    "clickhouse": frozenset({"select", "with", "explain", "show", "describe", "desc", "exists"}),
}
# Where a word of EXPLAIN may stand before the statement.
_EXPLAINING: Mapping[Dialect, frozenset[str]] = {
    "postgres": frozenset({"analyze", "analyse", "verbose"}),
    "sqlite": frozenset({"query", "plan"}),
    "mysql": frozenset({"analyze", "extended", "partitions", "format", "json", "tree"}),
    "clickhouse": frozenset(
        {"ast", "syntax", "query", "tree", "plan", "pipeline", "estimate", "actions", "header"}
        | {"indexes", "description", "json", "graph", "compact"}
    ),
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
_NAMED_EFFECTS = re.compile(
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
_MYSQL_EFFECTS = re.compile(
    r"""
    load_file | sys_(?:exec|eval|get|set) | lib_mysqludf_\w+
  | (?:get|release|release_all)_locks? | (?:master|source)_pos_wait | master_gtid_wait
  | wait_(?:for|until)_\w+ | nextval | setval
  | group_replication_\w+ | asynchronous_connection_failover_\w+ | keyring_\w+ | audit_log_\w+
  | version_tokens_\w+ | service_\w+_locks? | mysql_firewall_\w+ | gen_dictionary_load
    """,
    re.VERBOSE,
)
# Here they are calls only: `url` and `file` are good names for columns. Everything that reaches
# files, other servers, or runs text.
_CLICKHOUSE_EFFECTS = re.compile(
    r"""
    (?:file|url|hdfs|s3|azureblobstorage)(?:cluster)? | gcs | oss | cosn
  | (?:iceberg|deltalake|hudi|paimon|ytsaurus|timeseries|prometheus)\w*
  | remote | remotesecure | cluster | clusterallreplicas | mysql | postgresql | mongodb | redis
  | sqlite | odbc | jdbc | bigquery | arrowflight | arrowstream | executable | executablepool
  | filesystem | input | eval | python | library | hive | ai[a-z]\w* | llm\w*
  | reversednsquery | generateserialid | catboostevaluate
    """,
    re.VERBOSE,
)
# What makes rows out of nothing, or of tables that the role may read.
_TABLE_FUNCTIONS = frozenset(
    {
        *("numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generate_series"),
        *("generateseries", "generaterandom", "values", "null", "view", "merge", "format"),
        *("dictionary", "loop", "mergetreeindex", "mergetreeprojection"),
    }
)
_LOCKS = re.compile(r"\b(?:for (?:update|share|no key update|key share)|lock in share mode)\b")
_EXECUTABLE = ("/*!", "/*m!")
_NAMES = frozenset({Kind.WORD, Kind.QUOTED, Kind.STRING, Kind.NUMBER})


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
    found = _judge_tokens(tokens, dialect) or _judge_comments(every, dialect)
    first = tokens[0].keyword if tokens else ""
    if found is not None or first == "show":
        return found
    if first not in ("explain", *_NAMING):
        return _judge_tree(_text(every, dialect), dialect)
    query = _explained(tokens, dialect)
    if not query or not (query[0].keyword in _READING[dialect] or query[0].text == "("):
        if first in _NAMING or (first == "explain" and dialect == "mysql"):
            return _judge_naming(tokens, longest=4)
        return Refusal("writes", "only statements that read can be explained")
    start = next(index for index, token in enumerate(every) if token is query[0])
    return _judge_tree(_text(every[start:], dialect), dialect)


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
    return _judge_words(tokens, dialect)


def _judge_words(tokens: list[Token], dialect: Dialect) -> Refusal | None:
    if tokens[0].keyword != "show":
        return _judge_names(tokens, dialect)
    if dialect != "postgres":
        return _judge_names(tokens, dialect) or _judge_naming(tokens)
    words = all(token.kind is Kind.WORD or token.text == "." for token in tokens)
    return None if words else Refusal("unclear", "SHOW takes the name of a setting")


def _judge_comments(every: list[Token], dialect: Dialect) -> Refusal | None:
    """Refuse comments that MySQL and MariaDB run."""
    runs = dialect == "mysql" and any(
        token.kind is Kind.COMMENT and token.text.lower().startswith(_EXECUTABLE) for token in every
    )
    return Refusal("unclear", "it has a comment that the server runs (/*! … */)") if runs else None


def _judge_naming(tokens: list[Token], *, longest: int = _LONGEST) -> Refusal | None:
    """Let SHOW and DESCRIBE through where they name things, and not `longest` or more of them."""
    named = all(token.kind in _NAMES or token.text in (".", "=", "%") for token in tokens)
    names = sum(token.kind in _NAMES for token in tokens) - [t.text for t in tokens].count(".")
    word = tokens[0].keyword.upper()
    if named and names < longest:
        return None
    return Refusal("writes", f"{word} may only name things, or go with a statement that reads")


def _judge_names(tokens: list[Token], dialect: Dialect) -> Refusal | None:
    for index, token in enumerate(tokens):
        if token.kind is Kind.QUOTED and token.text[0] in "uU":
            return Refusal("unclear", 'it has a name with Unicode escapes (U&"…")')
        if _has_effects(tokens, index, dialect):
            return Refusal("writes", f"it names {token.identifier}, which does more than read")
        if dialect != "sqlite" and token.keyword == "into":
            return Refusal("writes", "it has INTO")
        if dialect == "clickhouse" and token.keyword == "settings" and _sets(tokens, index):
            return Refusal("unclear", "it has SETTINGS, which could lift its limits")
    if _LOCKS.search(" ".join(token.keyword or "," for token in tokens)):
        return Refusal("writes", "it locks rows (FOR UPDATE)")
    return None


def _has_effects(tokens: list[Token], index: int, dialect: Dialect) -> bool:
    name = tokens[index].identifier
    if dialect == "mysql":
        return _MYSQL_EFFECTS.fullmatch(name) is not None
    if dialect != "clickhouse":
        return _NAMED_EFFECTS.fullmatch(name) is not None
    if _CLICKHOUSE_EFFECTS.fullmatch(name) is None:
        return False
    before = [token.keyword or token.text for token in tokens[max(0, index - 2) : index]]
    called = index + 1 < len(tokens) and tokens[index + 1].text == "("
    return called or before[-1:] == ["apply"] or before == ["apply", "("]


def _sets(tokens: list[Token], index: int) -> bool:
    return index + 2 < len(tokens) and tokens[index + 2].text == "="


def _explained(tokens: list[Token], dialect: Dialect) -> list[Token]:
    rest = tokens[1:]
    if dialect == "sqlite":
        words = [token.keyword for token in rest[:2]]
        return rest[2:] if words == ["query", "plan"] else rest
    if dialect == "postgres" and rest and rest[0].text == "(":
        if len(rest) > 1 and rest[1].keyword not in _READS:
            closing = next((i for i, token in enumerate(rest) if token.text == ")"), len(rest))
            return rest[closing + 1 :]
        return rest
    while rest and (rest[0].keyword in _EXPLAINING[dialect] or _is_option(rest, dialect)):
        rest = rest[1:]
    return rest


def _is_option(rest: list[Token], dialect: Dialect) -> bool:
    """Tell whether EXPLAIN's next token belongs to an option, such as `indexes = 1,`."""
    if dialect not in ("mysql", "clickhouse"):
        return False
    return rest[0].text in ("=", ",") or rest[0].kind in (Kind.NUMBER, Kind.STRING)


def _text(tokens: list[Token], dialect: Dialect) -> str:
    """Return the statement for the parser, which has its own idea of what is a comment."""
    if dialect in ("postgres", "sqlite"):
        return "".join(token.text for token in tokens)
    apart = (Kind.SPACE, Kind.COMMENT)
    return "".join(" " if token.kind in apart else token.text for token in tokens)


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
    return _judge_table_functions(trees[0]) if dialect == "clickhouse" else None


def _judge_table_functions(tree: exp.Expr) -> Refusal | None:
    """Let only known functions stand for a table: new ones of a later server may do anything."""
    for table in tree.find_all(exp.Table):
        call = table.this
        if not isinstance(call, exp.Func):
            continue
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name not in _TABLE_FUNCTIONS:
            return Refusal("writes", f"it reads from {name}(), which is more than a table")
    return None
