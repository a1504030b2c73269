"""What the gate lets through and what it refuses, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_sandbox.sql.read_only import refusal
from analysis_sandbox.sql.tokens import Dialect

READS = [
    "select 1",
    "select 1;",
    "select 1; ; -- done",
    "SELECT a.*, count(*) OVER (PARTITION BY b) FROM a LEFT JOIN b USING (c) WHERE d IN (SELECT 1)",
    "with a as (select 1), b as (select 2) select * from a, b",
    "with recursive t (n) as (values (1) union all select n + 1 from t limit 5) select n from t",
    "values (1, 2), (3, 4)",
    "(select 1) union (select 2) order by 1",
    "select 'delete from t', \"update\", x'00' from t",
    'select update, delete_flag, "insert" from changes -- drop table t',
    "select /* ; */ ';' as a",
    "explain select 1",
    "explain with a as (select 1) select * from a",
    "select lo_price, http_status, edit, crosstab_id, nextvalue from orders",
]
POSTGRES_READS = [
    "table t",
    "show timezone",
    "show transaction isolation level",
    "explain analyze select 1",
    "explain (analyze, buffers, format json) select 1",
    "explain (select 1)",
    "explain analyze verbose values (1)",
    "select count(*) filter (where a > 1), percentile_cont(0.5) within group (order by b) from t",
    "select distinct on (a) a, b from t order by a, b desc nulls last",
    "select data ->> 'a', data #> '{b}', data @> '{}', data ? 'k', data ?| array['a'] from t",
    "select * from generate_series(1, 10) with ordinality as g (n, i)",
    "select * from t cross join lateral jsonb_to_recordset(t.d) as x (a int, b text)",
    "select a[1:2], array[1, 2], interval '1 day', date '2024-01-01', b at time zone 'utc' from t",
    "select $1::int, extract(epoch from now()), substring(a for 2), position('a' in b) from t",
    "select * from pg_catalog.pg_class, pg_stat_activity, information_schema.columns, pg_locks",
    "select pg_size_pretty(pg_total_relation_size('t')), pg_sleep(0.1), current_setting('a')",
    "select $$ delete from t; $$, $x$ ; $x$, e'\\' ; drop', U&'\\0041'",
    "select string_agg(a, ',' order by a), array_agg(b), grouping(a) from t group by rollup (a, b)",
]


@pytest.mark.parametrize("sql", READS + POSTGRES_READS)
def test_reading_passes_for_postgresql(sql: str) -> None:
    assert refusal(sql, "postgres") is None


@pytest.mark.parametrize(
    "sql",
    [
        *READS,
        "explain query plan select 1",
        "select [a;b], `c` from t",
        "select a from t where b = ?",
        "select value from json_each(?)",
        "select * from pragma_table_info('t')",
    ],
)
def test_reading_passes_for_sqlite(sql: str) -> None:
    assert refusal(sql, "sqlite") is None


@pytest.mark.parametrize(
    ("sql", "dialect", "kind", "reason"),
    [
        ("delete from t", "postgres", "writes", "it begins with delete"),
        ("with d as (delete from t returning 1) select 1", "postgres", "writes", "DELETE"),
        ("with d as (update t set a = 1 returning 1) select 1", "postgres", "writes", "UPDATE"),
        ("select 1 into t", "postgres", "writes", "INTO"),
        ("select 1 from t for share", "postgres", "writes", "locks rows"),
        ("select pg_read_file('x')", "postgres", "writes", "pg_read_file"),
        ("select nextval('s')", "postgres", "writes", "nextval"),
        ("explain analyze delete from t", "postgres", "writes", "can be explained"),
        ("explain", "postgres", "writes", "can be explained"),
        ("explain (analyze", "postgres", "writes", "can be explained"),
        ("with a as (select 1) insert into t select 1", "sqlite", "writes", "INSERT"),
        ("pragma x", "sqlite", "writes", "it begins with pragma"),
        ("table t", "sqlite", "writes", "it begins with table"),
        ("show x", "sqlite", "writes", "it begins with show"),
        ("select 1; select 2", "postgres", "unclear", "more than one"),
        ("show a; delete from t", "postgres", "unclear", "more than one"),
        ("show 'a'", "postgres", "unclear", "SHOW takes"),
        ("", "postgres", "unclear", "empty"),
        (";", "sqlite", "unclear", "empty"),
        ("select 'a", "sqlite", "unclear", "does not end"),
        ('select U&"a"(1)', "postgres", "unclear", "Unicode escapes"),
        ("select from where", "postgres", "unclear", "not understood"),
        ("select " + "(" * 5000 + "1" + ")" * 5000, "postgres", "unclear", "too deeply"),
        ("select '" + "x" * 1_000_000 + "'", "postgres", "unclear", "longer than"),
    ],
)
def test_a_refusal_says_why(sql: str, dialect: Dialect, kind: str, reason: str) -> None:
    refused = refusal(sql, dialect)

    assert refused is not None
    assert refused.kind == kind
    assert reason in refused.reason


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "select a, group_concat(b order by c separator ',') from `t` group by a limit 5, 10",
        "select @row := @row + 1 from t where a regexp 'x' and b <=> null",
        "select `into`, `delete` from t -- x",
        "select 5--3 # ; delete",
        "select /*+ NO_INDEX(t) */ d->>'$.a' from t where json_extract(d, '$.b') = ?",
        "with recursive t (n) as (select 1 union all select n + 1 from t) select n from t",
        "(select 1) union (select 2)",
        "show tables",
        "show full columns from `a`.`t` like 'x%'",
        "show create table t",
        "describe a.t",
        "desc t",
        "explain t",
        "explain select 1",
        "explain format=json select 1",
        "explain extended select 1",
    ],
)
def test_reading_passes_for_mysql(sql: str) -> None:
    assert refusal(sql, "mysql") is None


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "select url, file, remote, input from hits where url like 'x%'",
        "select domain(url), cutToFirstSignificantSubdomain(url) from hits",
        "select * from numbers(10) where number % 2",
        "select * from generateRandom('a Int8') limit 1",
        "select * from merge('default', '^n$')",
        "select quantile(0.5)(x), countIf(x > 1), arrayMap(x -> x + 1, [1]) from a.b sample 0.1",
        "select a from t final prewhere b array join c as d limit 1 by a",
        "with 1 as x, (select 2) as y select x + y, {p1:Int8}, a ? b : c from t",
        "select 1 // x\n, 2 # y",
        "select value from system.settings where name = 'readonly'",
        "show tables",
        "show create table t",
        "describe table t",
        "desc t",
        "exists table t",
        "explain select 1",
        "explain indexes = 1, json = 1 select 1",
        "explain pipeline graph = 1 select 1",
    ],
)
def test_reading_passes_for_clickhouse(sql: str) -> None:
    assert refusal(sql, "clickhouse") is None


@pytest.mark.parametrize(
    ("sql", "dialect", "kind", "reason"),
    [
        ("select 1 into outfile 'x'", "mysql", "writes", "INTO"),
        ("select 1 /*!50000 into outfile 'x' */", "mysql", "unclear", "the server runs"),
        ("select 1 /*M!100000 + 1 */", "mysql", "unclear", "the server runs"),
        ("select load_file('x')", "mysql", "writes", "load_file"),
        ("select `Load_File`('x')", "mysql", "writes", "load_file"),
        ("select get_lock('a', 1)", "mysql", "writes", "get_lock"),
        ("select 1 from t lock in share mode", "mysql", "writes", "locks rows"),
        ("explain delete from t", "mysql", "writes", "EXPLAIN may only"),
        ("desc (delete from t)", "mysql", "unclear", "not understood"),
        ("show tables where sleep(5)", "mysql", "writes", "SHOW may only"),
        ("analyze table t", "mysql", "writes", "begins with analyze"),
        ("set global x = 1", "mysql", "writes", "begins with set"),
        ("select 1 into outfile 'x'", "clickhouse", "writes", "INTO"),
        ("show tables into outfile 'x'", "clickhouse", "writes", "INTO"),
        ("select * from file('x')", "clickhouse", "writes", "file"),
        ("select * from `url`('x')", "clickhouse", "writes", "url"),
        ("select a apply(file) from t", "clickhouse", "writes", "file"),
        ("select a apply file from t", "clickhouse", "writes", "file"),
        ("select * from madeTomorrow('x')", "clickhouse", "writes", "madetomorrow()"),
        ("select 1 settings readonly = 0", "clickhouse", "unclear", "SETTINGS"),
        ("describe table file('x')", "clickhouse", "writes", "file"),
        ("explain insert into t select 1", "clickhouse", "writes", "INTO"),
        ("system shutdown", "clickhouse", "writes", "begins with system"),
        ("values (1)", "clickhouse", "writes", "begins with values"),
        ("select 1 /* /* */ */; drop table t", "clickhouse", "unclear", "more than one"),
        ("select \u2018a", "clickhouse", "unclear", "does not end"),
    ],
)
def test_a_refusal_says_why_for_the_others(
    sql: str, dialect: Dialect, kind: str, reason: str
) -> None:
    refused = refusal(sql, dialect)

    assert refused is not None
    assert refused.kind == kind
    assert reason in refused.reason


NOISE = st.sampled_from([" ", "\n", "/* x */", "-- x\n", "/* ' */", "\t"])
WRITES = st.sampled_from(
    [
        ["delete", "from", "t"],
        [
            "with",
            "d",
            "as",
            "(",
            "delete",
            "from",
            "t",
            "returning",
            "*",
            ")",
            "select",
            "*",
            "from",
            "d",
        ],
        ["select", "*", "into", "made", "from", "t"],
        ["select", "*", "from", "t", "for", "update"],
        ["explain", "analyze", "delete", "from", "t"],
        ["select", "1", ";", "delete", "from", "t"],
        ["select", "pg_read_file", "(", "'x'", ")"],
        ["select", "(", "'x'", ")", ".", "pg_read_file"],
        ["select", '"pg_read_file"', "(", "'x'", ")"],
        ["drop", "table", "t"],
        ["copy", "t", "to", "'x'"],
    ]
)


@given(words=WRITES, data=st.data())
def test_no_spelling_of_a_write_passes(words: list[str], data: st.DataObject) -> None:
    spelled = [
        word.upper() if data.draw(st.booleans()) and word[0] not in "\"'" else word
        for word in words
    ]
    sql = "".join(word + data.draw(NOISE) for word in spelled)

    assert refusal(sql, "postgres") is not None


@given(sql=st.text(max_size=60))
def test_the_gate_never_fails(sql: str) -> None:
    refusal(sql, "postgres")
    refusal(sql, "sqlite")
