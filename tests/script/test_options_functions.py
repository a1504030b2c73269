"""Options that are functions: found, never called, and what they depend on."""

import pytest

from analysis_sandbox.script.definition import ParameterSpec
from tests.script.conftest import Inspect
from tests.script.sources import analysis

OTHERS = 'carrier: { type: "string" }, region: { type: "string" }, month: { type: "date" }'
UNSEEN = "parameters.depot.options: what it reads cannot be told from the text"


def script(options: str, *, fields: str = "", before: str = "") -> str:
    """An analysis with a parameter `depot` whose options are this code, beside three others."""
    return analysis(
        f'parameters: {{ {OTHERS}, depot: {{ type: "select", {options}, {fields} }} }}',
        before=before,
    )


@pytest.mark.parametrize(
    ("options", "depends_on"),
    [
        ("options: async (ctx) => []", []),
        ("options: async (ctx, params) => []", []),
        ("options: async (ctx, params) => f(params.carrier)", ["carrier"]),
        ("options: async (ctx, p) => [p['carrier'], p?.region]", ["carrier", "region"]),
        ("async options(ctx, params) { return params.month }", ["month"]),
        (
            "options: function (ctx, { carrier, region: r = 1 }) { return [] }",
            ["carrier", "region"],
        ),
        ("options: (ctx, { carrier } = {}) => []", ["carrier"]),
        (
            "options: (ctx, params) => { const { carrier, region } = params; }",
            ["carrier", "region"],
        ),
        ("options: (ctx, params) => { const { carrier } = params || {}; }", ["carrier"]),
        ("options: (ctx, params) => !params ? [] : params && params.carrier", ["carrier"]),
        ("options: (ctx, params) => { if (!params.carrier) return []; }", ["carrier"]),
        ("options: (ctx, params) => depots(ctx, params)", ["carrier"]),
        ("options: depots", ["carrier"]),
        ("options: (ctx, params) => [params.depot, params.carrier]", ["carrier"]),
        ("options: (ctx, params) => ctx.datasource.x.query(`${params.month}`)", ["month"]),
    ],
)
def test_what_an_options_function_reads_is_what_it_depends_on(
    inspect: Inspect, options: str, depends_on: list[str]
) -> None:
    before = "async function depots(ctx, values) { return values.carrier }\n"
    found = inspect(script(options, before=before))
    assert found.errors == []
    assert not [warning for warning in found.warnings if "parameters" in warning]
    assert found.definition is not None
    assert found.definition.parameters is not None
    assert found.definition.parameters["depot"] == ParameterSpec(
        type="select", has_dynamic_options=True, depends_on=depends_on
    )


@pytest.mark.parametrize(
    "options",
    [
        "options: (ctx, params) => unknown(ctx, params)",
        "options: (ctx, params) => Object.values(params)",
        "options: (ctx, params) => params[ctx.name]",
        "options: (ctx, { carrier, ...rest }) => rest",
        "options: (ctx, params) => ({ params })",
        "...shared()",
    ],
)
def test_reads_that_cannot_be_seen_are_a_warning(inspect: Inspect, options: str) -> None:
    before = "const shared = () => ({ options: (ctx, p) => p.carrier });\n"
    found = inspect(script(options, before=before))
    assert found.errors == []
    assert [warning for warning in found.warnings if warning.startswith(UNSEEN)]


def test_explicit_dependencies_win(inspect: Inspect) -> None:
    options = "options: (ctx, params) => unknown(params.carrier, params)"
    found = inspect(script(options, fields='depends_on: ["region"]'))
    assert (found.errors, found.warnings) == ([], [])
    assert found.definition is not None
    assert found.definition.parameters is not None
    assert found.definition.parameters["depot"].depends_on == ["region"]


def test_dependencies_on_unknown_parameters_are_told(inspect: Inspect) -> None:
    derived = inspect(script("options: (ctx, params) => params.carier"))
    assert derived.errors == []
    assert derived.warnings == [
        (
            "parameters.depot.options: reads params.carier, which is not a parameter; "
            "did you mean 'carrier'?"
        )
    ]
    explicit = inspect(script("options: () => []", fields='depends_on: ["carier"]'))
    assert explicit.errors == [
        "parameters.depot.depends_on: 'carier' is not a parameter; did you mean 'carrier'?"
    ]


@pytest.mark.parametrize(
    ("parameters", "circle"),
    [
        (
            (
                'a: { type: "select", options: (c, p) => p.b },'
                ' b: { type: "select", options: (c, p) => p.a }'
            ),
            {"a → b → a", "b → a → b"},
        ),
        (
            (
                'a: { type: "select", options: () => [], depends_on: ["b"] },'
                ' b: { type: "select", options: () => [], depends_on: ["c"] },'
                ' c: { type: "select", options: () => [], depends_on: ["a"] }'
            ),
            {"a → b → c → a", "b → c → a → b", "c → a → b → c"},
        ),
        ('a: { type: "select", options: () => [], depends_on: ["a"] }', {"a → a"}),
    ],
)
def test_parameters_that_wait_for_each_other_are_refused(
    inspect: Inspect, parameters: str, circle: set[str]
) -> None:
    found = inspect(analysis(f"parameters: {{ {parameters} }}"))
    assert len(found.errors) == 1
    assert found.errors[0] in {
        f"parameters: the options of these parameters wait for each other: {one}; "
        "break the circle with depends_on"
        for one in circle
    }


def test_options_functions_are_not_called(inspect: Inspect) -> None:
    assert inspect(script("options: () => { throw new Error('called') }")).errors == []


def test_parameters_are_found_wherever_they_are_declared(inspect: Inspect) -> None:
    found = inspect(
        'const depot = { type: "select", options: (ctx, p) => p.carrier };\n'
        "const base = { carrier: { type: 'string' } };\n"
        "const parameters = { ...base, depot };\n"
        'const report = { title: "x", parameters, run() {} };\n'
        "export default Object.freeze(report);"
    )
    assert (found.errors, found.warnings) == ([], [])
    assert found.definition is not None
    assert found.definition.parameters is not None
    assert found.definition.parameters["depot"].depends_on == ["carrier"]
