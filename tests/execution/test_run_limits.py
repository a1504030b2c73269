"""Which limits a run has: what its row says of them, and who counts."""

from dataclasses import replace

from analysis_sandbox.execution.runner import Runner
from analysis_sandbox.limits import LimitOverrides, SystemLimits
from tests.execution.workshop import Workshop, script, uses


def test_a_run_records_the_limits_that_held_for_it(shop: Workshop) -> None:
    version = shop.save(
        script("return {}", "execution: {timeout_ms: 9000},"), limits={"memory_mb": 64}
    )

    _, row = shop.run(version)

    assert row.limits is not None
    assert (row.limits["memory_mb"], row.limits["timeout_ms"]) == (64, 9000)
    assert row.limits["result_size_mb"] == 10


def test_a_value_above_a_maximum_lowered_later_is_lowered_with_a_warning_in_the_log(
    shop: Workshop,
) -> None:
    version = shop.save(script("return {}"), limits={"memory_mb": 1024})
    restricted = SystemLimits.of(LimitOverrides(), LimitOverrides(memory_mb=512))
    runner = Runner(replace(shop.environment, system_limits=restricted))

    request = shop.request(version)
    runner.execute(request)

    catalogue = shop.environment.catalogue
    row = catalogue.runs.get(shop.project, request.run_id)
    (line,) = [line for line in catalogue.runs.logs(request.run_id) if line.level == "warning"]
    assert row.limits is not None
    assert row.limits["memory_mb"] == 512
    assert line.message.startswith("memory_mb is lowered to the installation's maximum of 512 MB")


def test_analyses_that_a_run_calls_are_not_counted_against_their_limit(shop: Workshop) -> None:
    one = shop.save(script("await ctx.sleep(50); return {}"), "one")
    shop.environment.catalogue.analyses.set_limits(shop.project, "one", {"max_concurrent_runs": 1})
    body = (
        "const both = await Promise.all([ctx.runAnalysis('one'), ctx.runAnalysis('one')]);"
        "return {all: both.every((answer) => answer.success)}"
    )

    answer, _ = shop.run(shop.save(script(body, uses(analyses=("one",))), "outer"))

    assert answer == {"all": True}
    assert [row.status for row in shop.rows(one)] == ["completed", "completed"]
