"""What a script uses, against what it declares and what exists."""

import pytest

from analysis_sandbox.script.validation import check_references
from tests.script.conftest import Inspect
from tests.script.sources import analysis, running

FLOW = "await ctx.duckdb.load(name, 'SELECT 1', 't');"


@pytest.mark.parametrize(
    ("body", "datasources"),
    [
        ("await ctx.datasource.sales.query('x')", ["sales"]),
        ("ctx.datasource['sales'].query('x')", ["sales"]),
        ("ctx.datasource[`sales`].query('x')", ["sales"]),
        ("ctx.datasource['sa' + 'les'].query('x')", []),
        ("ctx.datasource?.sales?.query('x')", ["sales"]),
        ("ctx['datasource'].sales.query('x')", ["sales"]),
        ("const { sales, crm: other } = ctx.datasource;", ["sales", "crm"]),
        ("const { sales = null, ...rest } = ctx.datasource;", ["sales"]),
        ("const { datasource } = ctx; datasource.sales.query('x')", ["sales"]),
        ("const { datasource: { sales } } = ctx;", ["sales"]),
        ("const { datasource: sources } = ctx; sources.sales.query('x')", ["sales"]),
        ("const all = ctx.datasource; all.sales.query('x')", ["sales"]),
        ("const c = ctx; c.datasource.sales.query('x')", ["sales"]),
        ("const r = (ctx).datasource.sales.query('x')", ["sales"]),
        ("ctx.duckdb.load('sales', 'SELECT 1', 't')", ["sales"]),
        ("ctx.duckdb.load(/* from */ 'sales', 'SELECT 1', 't')", ["sales"]),
        ("ctx.duckdb.export('t', 'sales', 'target')", ["sales"]),
        ("const { duckdb } = ctx; duckdb.load('sales', 'x', 't')", ["sales"]),
        ("const { load } = ctx.duckdb; load('sales', 'x', 't')", ["sales"]),
        ("ctx.queryDatasource('sales', 'SELECT 1')", ["sales"]),
        ("const name = 'sales'; ctx.datasource[name].query('x')", ["sales"]),
        ("ctx.datasource[params.big ? 'sales' : 'crm'].query('x')", ["sales", "crm"]),
        ("for (const n of ['sales', 'crm']) { ctx.datasource[n].query('x') }", ["sales", "crm"]),
        ("for (const n of params.list) { ctx.datasource[n].query('x') }", []),
        # What only looks like a use.
        ("// ctx.datasource.sales\nconst s = 'ctx.datasource.sales';", []),
        ("const config = { datasource: { sales: 1 } }; config.datasource.sales;", []),
        ("const t = `ctx.datasource.sales`;", []),
        ("const all = ctx.datasource; params.rows.map(all => all.name);", []),
        ("const other = params; other.duckdb.load('sales');", []),
    ],
)
def test_datasources_are_found_however_they_are_reached(
    inspect: Inspect, body: str, datasources: list[str]
) -> None:
    found = inspect(running(body))
    assert found.errors == []
    assert found.datasources == datasources


@pytest.mark.parametrize(
    ("source", "datasources"),
    [
        (
            'export default { title: "x", run: async ({ datasource }) => datasource.sales }',
            ["sales"],
        ),
        (
            'export default { title: "x", run(context) { return context.datasource.sales } }',
            ["sales"],
        ),
        (
            (
                "async function load(c, table) { return c.datasource.sales.query(table) }\n"
                'export default { title: "x", run(context) { return load(context, "t") } }'
            ),
            ["sales"],
        ),
        (
            (
                "const from = (c, name) => c.datasource[name].query('x');\n"
                'export default { title: "x", async run(ctx) {'
                ' await from(ctx, "sales"); return from(ctx, "crm") } }'
            ),
            ["sales", "crm"],
        ),
        (
            (
                "const NAMES = ['sales', 'crm'];\n"
                'export default { title: "x", run(ctx) {'
                " for (const n of NAMES) ctx.datasource[n] } }"
            ),
            ["sales", "crm"],
        ),
        (
            (
                'export default { title: "x", run() {}, schedule: { cron: "* * * * *", '
                "async shouldRun(c) { return c.datasource.sales.query('x') } } }"
            ),
            ["sales"],
        ),
    ],
)
def test_ctx_is_followed_through_functions(
    inspect: Inspect, source: str, datasources: list[str]
) -> None:
    found = inspect(source)
    assert found.errors == []
    assert found.datasources == datasources


def test_what_is_not_declared_is_taken_from_the_code_with_a_warning(inspect: Inspect) -> None:
    found = inspect(running("ctx.datasource.sales; ctx.runAnalysis('daily', {});"))
    assert found.warnings == [
        (
            "dependencies: are not declared; taken from the code: "
            "{ datasources: ['sales'], analyses: ['daily'] }"
        )
    ]
    assert found.metadata["dependencies"] == {
        "datasources": ["sales"],
        "analyses": ["daily"],
        "inferred": True,
    }
    assert found.definition is not None
    assert found.definition.dependencies is not None
    assert found.definition.dependencies.inferred


def test_a_script_that_uses_nothing_needs_no_declaration(inspect: Inspect) -> None:
    found = inspect(running("return { one: 1 };"))
    assert (found.errors, found.warnings) == ([], [])
    assert "dependencies" not in found.metadata


def test_declarations_can_be_required(inspect: Inspect) -> None:
    source = running("ctx.datasource.sales;")
    assert inspect(source, require_dependencies=True).errors == [
        "Missing required 'dependencies.datasources' array"
    ]
    declared = analysis("dependencies: { datasources: [] }")
    assert inspect(declared, require_dependencies=True).errors == []


def test_every_use_must_be_in_the_declaration(inspect: Inspect) -> None:
    found = inspect(
        "export default {\n"
        '  title: "x",\n'
        '  dependencies: { datasources: ["sales_db", "unused"], analyses: ["daily"] },\n'
        "  async run(ctx) {\n"
        "    await ctx.datasource.sale_db.query('x');\n"
        "    await ctx.duckdb.load('crm', 'x', 't');\n"
        "    await ctx.runAnalysis('weekly');\n"
        "    await ctx.datasource.sales_db.query('x');\n"
        "    await ctx.runAnalysis('daily');\n"
        "  }\n"
        "}"
    )
    assert found.errors == [
        (
            "Line 5: Datasource 'sale_db' is used but not declared in dependencies.datasources; "
            "did you mean 'sales_db'?"
        ),
        "Line 6: Datasource 'crm' is used but not declared in dependencies.datasources",
        "Line 7: Analysis 'weekly' is used but not declared in dependencies.analyses",
    ]
    assert found.datasources == ["sales_db", "unused", "sale_db", "crm"]
    assert found.analyses == ["daily", "weekly"]


@pytest.mark.parametrize(
    ("entries", "errors"),
    [
        ("datasources: ['a', 'a'], analyses: []", []),
        (
            "datasources: 'a'",
            ["dependencies.datasources: must be a list of names such as [\"name\"], not 'a'"],
        ),
        (
            "datasources: ['a', 5, ''], analyses: [null]",
            [
                "dependencies.datasources[1]: must be a name, not 5",
                "dependencies.datasources[2]: must be a name, not ''",
                "dependencies.analyses[0]: must be a name, not nothing",
            ],
        ),
    ],
)
def test_declarations_are_lists_of_names(inspect: Inspect, entries: str, errors: list[str]) -> None:
    assert inspect(analysis(f"dependencies: {{ {entries} }}")).errors == errors


def test_a_misspelt_kind_of_dependency_is_a_warning(inspect: Inspect) -> None:
    found = inspect(analysis("dependencies: { datasource: ['a'] }"))
    assert found.warnings == [
        "dependencies.datasource: is not known and has no effect; did you mean 'datasources'?"
    ]


@pytest.mark.parametrize(
    "body",
    ["ctx.datasource[params.name].query('x');", FLOW, "ctx.queryDatasource(params.name, 'x');"],
)
@pytest.mark.parametrize("before", ["", "const other = 1;\n"])
def test_computed_datasources_are_a_warning_with_the_line(
    inspect: Inspect, body: str, before: str
) -> None:
    source = running(f"let name = params.name; name = 'x';\n{body}", before=before)
    line = source.count("\n", 0, source.index(body)) + 1
    assert inspect(source).warnings == [
        (
            f"Line {line}: the name of the datasource is computed and cannot be checked; "
            "a run may use only what dependencies.datasources lists"
        )
    ]


def test_computed_analyses_are_a_warning(inspect: Inspect) -> None:
    found = inspect(running("await ctx.runAnalysis(params.name);"))
    assert found.errors == []
    assert found.warnings == [
        (
            "Line 2: the name of the analysis is computed and cannot be checked; "
            "a run may use only what dependencies.analyses lists"
        )
    ]


def test_names_that_cannot_be_stored_are_not_taken_from_the_code(inspect: Inspect) -> None:
    found = inspect(running("ctx.datasource['\\ud800'].query('x'); ctx.runAnalysis('\\0');"))
    assert found.errors == []
    assert (found.datasources, found.analyses) == ([], [])
    assert len(found.warnings) == 2


def test_names_handed_to_a_helper_are_known(inspect: Inspect) -> None:
    found = inspect(
        running(
            "return { tides: await repeat(ctx, 'tide_table', 3) };",
            before="async function repeat(context, wanted, times) {"
            " return times && context.runAnalysis(wanted, { times }) }\n",
        )
    )
    assert found.analyses == ["tide_table"]


def test_references_that_do_not_exist_are_errors(inspect: Inspect) -> None:
    found = inspect(
        analysis("dependencies: { datasources: ['a', 'unknown_db'], analyses: ['b', 'c'] }")
    )
    assert check_references(found, datasources={"a"}, analyses=["b"]) == [
        "Datasource 'unknown_db' not found",
        "Analysis 'c' not found",
    ]
    assert check_references(found, datasources=["a", "unknown_db"], analyses=["b", "c"]) == []
