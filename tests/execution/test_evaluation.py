"""Scripts evaluated outside a run: their definition and their options functions."""

import pytest

from analysis_sandbox.errors import ReadOnlyError, ScriptError, TimeLimitError
from analysis_sandbox.execution.evaluation import Evaluator
from tests.execution.workshop import Workshop, script, uses


def pick(body: str, more: str = "") -> str:
    entries = f"pick: {{type: 'select', async options(ctx, params) {{ {body} }} }}, {more}"
    return f"{uses('shop')} parameters: {{ {entries} }},"


def test_options_come_from_a_datasource(shop: Workshop) -> None:
    body = """const rows = await ctx.datasource.shop.query(
        'SELECT DISTINCT shop FROM sales ORDER BY shop');
        return rows.map((row) => ({value: row.shop, label: row.shop.toUpperCase()}))"""
    assert shop.options(pick(body)) == [
        {"value": "north", "label": "NORTH"},
        {"value": "south", "label": "SOUTH"},
    ]


def test_options_depend_on_other_parameters(shop: Workshop) -> None:
    body = """return (await ctx.datasource.shop.query(
        'SELECT id FROM sales WHERE shop = ? ORDER BY id', [params.shop])).map((row) => row.id)"""
    entries = pick(body, "shop: {type: 'string'}")
    assert shop.options(entries, current={"shop": "north"}) == [
        {"value": 1, "label": "1"},
        {"value": 3, "label": "3"},
    ]


def test_options_may_be_grouped(shop: Workshop) -> None:
    body = "return [{label: 'North', options: ['a', {value: 2, label: 'Two'}]}]"
    assert shop.options(pick(body)) == [
        {
            "label": "North",
            "options": [{"value": "a", "label": "a"}, {"value": 2, "label": "Two"}],
        }
    ]


@pytest.mark.parametrize("more", ["'one more'", "{label: 'Group', options: ['one more']}"])
def test_a_thousand_options_are_the_most(shop: Workshop, more: str) -> None:
    body = "return [...Array(1000).keys()].concat(params.more ? [%s] : [])" % more  # noqa: UP031
    version = shop.environment.versions.remember(
        shop.save(script("return {}", pick(body, "more: {type: 'boolean'}")))
    )
    assert len(shop.evaluator.options(version, "pick", {})) == 1000
    with pytest.raises(ScriptError, match="are 1001; at most 1000"):
        shop.evaluator.options(version, "pick", {"more": True})


@pytest.mark.parametrize(
    "returned",
    [
        "'north'",
        "{north: 1}",
        "null",
        "[null]",
        "[['a', 'b']]",
        "[{label: 'no value'}]",
        "[{label: 'Group', options: [{label: 'no value'}]}]",
        "[{label: 'Group', options: [{label: 'Inner', options: ['a']}]}]",
        "[{value: {}, label: 'an object'}]",
        "[{value: null, label: 'null'}]",
    ],
)
def test_options_of_another_shape_are_told(shop: Workshop, returned: str) -> None:
    with pytest.raises(ScriptError, match="The options of parameter 'pick'"):
        shop.options(pick(f"return {returned}"))


def test_an_options_function_that_throws_tells_its_line(shop: Workshop) -> None:
    with pytest.raises(ScriptError, match="no shops") as caught:
        shop.options(pick("\nthrow new Error('no shops')"))
    assert caught.value.line == 2


def test_an_options_function_that_does_not_end_is_ended(shop: Workshop) -> None:
    with pytest.raises(TimeLimitError):
        shop.options(pick("while (true) {}"))


def test_an_options_function_cannot_write_to_a_read_only_datasource(shop: Workshop) -> None:
    with pytest.raises(ReadOnlyError):
        shop.options(pick("await ctx.datasource.shop.query('DELETE FROM sales'); return []"))


@pytest.mark.parametrize(
    "call", ["query('DELETE FROM sales RETURNING id')", "execute('DELETE FROM sales')"]
)
def test_an_options_function_cannot_write_to_a_writable_datasource(
    shop: Workshop, call: str
) -> None:
    with pytest.raises(ReadOnlyError):
        shop.options(pick(f"await ctx.datasource.till.{call}; return []").replace("shop", "till"))
    body = "return (await ctx.datasource.till.query('SELECT count(*) AS n FROM sales'))[0]"
    assert shop.run(shop.save(script(body, uses("till")), "count"))[0] == {"n": 3}


@pytest.mark.parametrize(
    "call",
    [
        "ctx.metadata.set('k', 1)",
        "await ctx.duckdb.exec('CREATE TABLE written (n INTEGER)')",
        "await ctx.runAnalysis('report')",
    ],
)
def test_an_options_function_only_reads_datasources(shop: Workshop, call: str) -> None:
    entries = pick(f"{call}; return []").replace("analyses: []", "analyses: ['report']")
    with pytest.raises(ReadOnlyError, match="this code only reads"):
        shop.options(entries)


def test_a_valid_script_is_read_without_errors(shop: Workshop) -> None:
    source = script(
        "return await ctx.datasource.shop.query('SELECT 1')",
        "schedule: {cron: '0 6 * * 1'}," + uses("shop"),
    )
    inspection = shop.evaluator.inspect(source, filename="weekly.js")
    assert inspection.is_valid
    assert inspection.datasources == ["shop"]
    assert inspection.definition is not None
    assert inspection.definition.schedule is not None
    assert inspection.definition.schedule.cron == "0 6 * * 1"
    assert inspection.metadata


def test_an_invalid_script_is_told_with_every_reason(shop: Workshop) -> None:
    inspection = shop.evaluator.inspect(
        "export default {schedule: {cron: 'never'}, parameters: {a: {type: 'colour'}}}"
    )
    assert not inspection.is_valid
    assert inspection.compiled is None
    text = "\n".join(inspection.errors)
    assert "run" in text
    assert "cron" in text
    assert "colour" in text


def test_a_script_that_does_not_end_while_it_is_read_is_ended(shop: Workshop) -> None:
    inspection = shop.evaluator.inspect("while (true) {}\nexport default {title: 'x', run() {}}")
    assert not inspection.is_valid


def test_a_script_reaches_nothing_while_it_is_read(shop: Workshop) -> None:
    source = "const x = ctx.metadata.get('a');\nexport default {title: 'x', run() { return {} }}"
    assert not shop.evaluator.inspect(source).is_valid


def test_dependencies_can_be_required(shop: Workshop) -> None:
    source = script("return await ctx.datasource.shop.query('SELECT 1')")
    strict = Evaluator(
        shop.environment.sandbox, shop.environment.connections, require_dependencies=True
    )
    assert shop.evaluator.inspect(source).is_valid
    assert not strict.inspect(source).is_valid
