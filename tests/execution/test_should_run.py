"""Whether a schedule's tick has anything to do, as its script says."""

from datetime import UTC, datetime

import pytest

from analysis_sandbox.errors import ReadOnlyError, ScriptError, TimeLimitError
from analysis_sandbox.execution.evaluation import Evaluator
from tests.execution.workshop import Workshop, script, uses

TICK = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def asked(shop: Workshop, body: str, name: str = "report") -> bool:
    """Ask the shouldRun function with this body."""
    schedule = f'schedule: {{ cron: "0 6 * * *", async shouldRun(ctx, params) {{ {body} }} }},'
    version = shop.environment.versions.remember(
        shop.save(script("return {}", uses("shop") + schedule), name)
    )
    environment = shop.environment
    evaluator = Evaluator(
        environment.sandbox, environment.connections, metadata=environment.catalogue.metadata
    )
    return evaluator.should_run(version, {"limit": 2}, scheduled_time=TICK)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("return true", True),
        ("return 0", False),
        ("return params.limit === 2", True),
        ("return (await ctx.datasource.shop.query('SELECT 1 FROM sales')).length > 99", False),
        ("return ctx.schedule.scheduled_time === '2026-11-21T06:00:00+00:00'", True),
        ("return ctx.schedule.next_run.startsWith('2026-11-22T06:00')", True),
        ("return ctx.metadata.has('loaded_completed')", False),
    ],
)
def test_the_function_decides(shop: Workshop, body: str, *, answer: bool) -> None:
    assert asked(shop, body) is answer


def test_it_sees_what_other_analyses_left(shop: Workshop) -> None:
    other = shop.save(script("return {}"), "loader")
    shop.environment.catalogue.metadata.set(shop.project, other.analysis_id, "loaded", value=True)

    assert asked(shop, "return ctx.metadata.get('loaded')")


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ("throw new Error('no way')", ScriptError, "no way"),
        ("while (true) {}", TimeLimitError, "5 s"),
        ("ctx.metadata.set('a', 1)", ReadOnlyError, "metadata.set"),
    ],
)
def test_what_goes_wrong_is_told(
    shop: Workshop, body: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        asked(shop, body)
