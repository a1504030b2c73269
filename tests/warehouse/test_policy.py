"""Which statements pass the gate, in front of the engine and at the engine."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_sandbox.errors import AnalysisSandboxError, StatementRefusedError
from analysis_sandbox.sql.warehouse_functions import is_refused_function
from analysis_sandbox.sql.warehouse_policy import MAX_SQL_CHARACTERS, check_query, check_script
from analysis_sandbox.warehouse.client import WarehouseSession
from analysis_sandbox.warehouse.engine import Engine
from tests.warehouse.conftest import Home

STATEMENTS = Path(__file__).parent / "statements"
ALLOWED = (STATEMENTS / "allowed.sql").read_text(encoding="utf-8").splitlines()
REFUSED = (STATEMENTS / "refused.sql").read_text(encoding="utf-8").splitlines()

# Reviewed: these give facts of the project's own catalogue, or make rows out of their arguments.
HARMLESS_TABLE_FUNCTIONS = {
    "duckdb_columns", "duckdb_constraints", "duckdb_dependencies", "duckdb_functions",
    "duckdb_indexes", "duckdb_keywords", "duckdb_schemas", "duckdb_sequences", "duckdb_tables",
    "duckdb_types", "duckdb_views", "generate_series", "histogram", "histogram_values",
    "icu_calendar_names", "json_each", "json_tree", "pg_timezone_names", "pragma_collations",
    "pragma_show", "pragma_storage_info", "pragma_table_info", "pragma_version", "query",
    "query_table", "range", "repeat", "repeat_row", "summary", "test_all_types",
    "test_vector_types", "unnest",
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with contextlib.closing(Engine.open(tmp_path_factory.mktemp("engine"), "p")) as engine:
        yield engine


@pytest.mark.parametrize("sql", ALLOWED)
def test_harmless_sql_passes_both_gates(engine: Engine, sql: str) -> None:
    checked = check_script(sql)

    with contextlib.closing(engine.cursor(64)) as cursor:
        assert engine.statements(cursor, sql, expected=checked.statements)


@pytest.mark.parametrize("sql", REFUSED)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(StatementRefusedError):
        check_script(sql)


@pytest.mark.parametrize("sql", REFUSED)
def test_behind_the_gate_nothing_reaches_a_file_or_the_configuration(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with contextlib.closing(engine.cursor(64)) as cursor:
        try:
            for statement in engine.statements(cursor, sql, expected=1):
                cursor.execute(statement).fetchall()
        except (AnalysisSandboxError, duckdb.Error):
            pass
        settings = "SELECT current_setting('lock_configuration'), current_setting('threads')"
        assert cursor.execute(settings).fetchone() == (True, min(8, engine_threads()))
    assert list(tmp_path.iterdir()) == []


def engine_threads() -> int:
    import os

    return os.cpu_count() or 1


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO 'x.csv'",
        "WITH x AS (COPY (SELECT 1) TO 'x.csv') SELECT * FROM x",
        "with x as materialized ( /* */ copy (select 1) to 'x.csv') select * from x",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM \"read_text\" /* */ ('/etc/passwd')",
        "ATTACH ':memory:' AS m",
        "SET threads = 1",
        "SELECT 1; DROP TABLE x",
        "UPDATE EXTENSIONS",
        "PRAGMA database_list",
        "CALL enable_logging()",
        "CHECKPOINT",
        "EXECUTE p",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'",
        "/* */ explain (analyze, format json) copy (select 1) to 'x.csv'",
        "EXPLAIN ANALYZE SET operator_memory_limit = '1GB'",
        "EXPLAIN ANALYZE CHECKPOINT",
        "EXPLAIN (ANALYZE) PREPARE p AS SELECT 1",
    ],
)
def test_the_engine_refuses_by_itself_what_must_not_run(engine: Engine, sql: str) -> None:
    with contextlib.closing(engine.cursor(64)) as cursor, pytest.raises(StatementRefusedError):
        engine.statements(cursor, sql, expected=1)


def test_every_table_function_of_this_duckdb_has_been_judged() -> None:
    kinds = "function_type IN ('table', 'table_macro', 'pragma')"
    found = duckdb.connect().execute(
        f"SELECT DISTINCT function_name FROM duckdb_functions() WHERE {kinds} "
        "AND function_type <> 'pragma'"
    )
    offered = {str(name) for (name,) in found.fetchall()}

    assert {name for name in offered if not is_refused_function(name)} == HARMLESS_TABLE_FUNCTIONS


def test_nothing_readable_tells_where_the_files_are(
    shared: Home, session: WarehouseSession
) -> None:
    views = duckdb.connect().execute(
        "SELECT DISTINCT schema_name || '.' || view_name FROM duckdb_views() WHERE internal"
    )
    sources = [str(name) for (name,) in views.fetchall()]
    sources += [
        f"{name}()"
        for name in sorted(HARMLESS_TABLE_FUNCTIONS)
        if name.startswith(("duckdb_", "pragma_"))
        and name not in {"pragma_show", "pragma_storage_info", "pragma_table_info"}
    ]
    read = 0
    for source in sources:
        with contextlib.suppress(StatementRefusedError):
            text = session.query(f"SELECT * FROM {source}", max_bytes=16 << 20)
            assert str(shared.settings.home) not in text, source
            read += 1
    assert read > 40


def test_a_refusal_names_line_and_column_and_what_to_do() -> None:
    with pytest.raises(StatementRefusedError) as caught:
        check_script("SELECT 1;\nSELECT 2,\n  (3 FROM t")

    assert caught.value.message == (
        "The SQL is not understood: line 3, column 9 near 'FROM': Expecting )"
    )
    assert caught.value.details == {"line": 3, "column": 9}
    assert caught.value.hint is not None


def test_a_refused_kind_is_named_with_its_line() -> None:
    with pytest.raises(StatementRefusedError, match=r"COPY is not allowed .*\(line 3\)") as caught:
        check_script("SELECT 1;\n\nCOPY t TO 'x'")

    assert "ctx.duckdb.load" in str(caught.value.hint)


def test_text_beyond_the_largest_size_is_refused_unread() -> None:
    with pytest.raises(StatementRefusedError, match="characters"):
        check_script("SELECT '" + "x" * MAX_SQL_CHARACTERS + "'")


@pytest.mark.parametrize("sql", ["SELECT " + "(" * 2000 + "1" + ")" * 2000, "SELECT '\x00'"])
def test_text_made_to_break_the_parser_is_refused(sql: str) -> None:
    with pytest.raises(StatementRefusedError):
        check_script(sql)


@pytest.mark.parametrize(
    ("sql", "changes_data", "keeps_state"),
    [
        ("SELECT 1", False, False),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", True, False),
        ("EXPLAIN ANALYZE INSERT INTO t VALUES (1)", True, False),
        ("CREATE TEMP TABLE t (a INT)", False, True),
        ("CREATE TEMPORARY VIEW v AS SELECT 1", False, True),
        ("SELECT 1; TRUNCATE t; CREATE OR REPLACE TEMP MACRO f(x) AS x", True, True),
    ],
)
def test_the_gate_knows_what_a_text_leaves_behind(
    sql: str, changes_data: bool, keeps_state: bool
) -> None:
    checked = check_script(sql)

    assert (checked.changes_data, checked.keeps_state) == (changes_data, keeps_state)


@pytest.mark.parametrize("sql", [sql for sql in ALLOWED if sql.startswith(("SELECT", "FROM"))])
def test_what_selects_is_a_query(sql: str) -> None:
    assert check_query(sql).statements == 1


@pytest.mark.parametrize(
    ("known", "other"),
    [
        ("SELECT * FROM query('SELECT 1')", "SELECT * FROM query('COPY t TO x')"),
        ("SELECT * FROM query_table('t')", "SELECT * FROM query_table('duckdb_databases')"),
        ("EXPLAIN SELECT 1", "EXPLAIN COPY t TO 'x'"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE SELECT * FROM read_csv('x')"),
        ('SELECT "x" FROM "x" WHERE a = 1', "SELECT \"x\" FROM 'x' WHERE a = 1"),
        ("SELECT 'a' FROM t", "SELECT 'a' FROM 't'"),
        ("SELECT 1; SELECT 'a'", "SELECT 1; EXPLAIN COPY t TO 'x'"),
    ],
)
def test_what_was_learned_of_one_text_does_not_let_another_pass(known: str, other: str) -> None:
    check_script(known)

    with pytest.raises(StatementRefusedError):
        check_script(other)


@given(st.text(st.characters(exclude_characters="'\0")), st.integers(0, 10**12))
def test_the_values_in_a_statement_decide_nothing(text: str, number: int) -> None:
    checked = check_script(f"INSERT INTO t VALUES ({number}, '{text}')")

    assert (checked.statements, checked.changes_data) == (1, True)


@given(st.text(max_size=200))
def test_any_text_is_either_understood_or_refused(text: str) -> None:
    with contextlib.suppress(StatementRefusedError):
        check_script(text)


@given(
    st.sampled_from([sql for sql in REFUSED if sql.count("'") % 2 == 0 and "--" not in sql]),
    st.sampled_from(["", " ", "\n", "\t", "/* c */", "-- c\n", "SELECT 1;", ";;", "\ufeff"]),
    st.sampled_from(["", " ", ";", ";;\n", " -- end", "/* end */", "; SELECT 1"]),
)
def test_decoration_does_not_make_a_refused_statement_pass(
    sql: str, before: str, after: str
) -> None:
    if not sql.strip(" ;"):
        return
    with pytest.raises(StatementRefusedError):
        check_script(before + sql + after)
