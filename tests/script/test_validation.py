import pytest

from analysis_sandbox.limits import MAXIMUM_LIMITS, Limits
from analysis_sandbox.script.validation import check_limits
from tests.script.conftest import Inspect
from tests.script.sources import analysis


@pytest.mark.parametrize(
    ("entries", "errors"),
    [
        ("timeout_ms: 1800000, memory_mb: 2048, result_size_mb: 50", []),
        (
            "timeout_ms: 3600000",
            ["execution.timeout_ms: is 3600000 ms; the maximum is 1800000 ms"],
        ),
        ("memory_limit_mb: 4096", ["execution.memory_mb: is 4096 MB; the maximum is 2048 MB"]),
        ("result_size_mb: 50.5", ["execution.result_size_mb: is 50.5 MB; the maximum is 50 MB"]),
        ("nesting_depth: 11", ["execution.nesting_depth: is 11 levels; the maximum is 10 levels"]),
    ],
)
def test_limits_above_the_maximum_are_errors_with_both_figures(
    inspect: Inspect, entries: str, errors: list[str]
) -> None:
    inspection = inspect(analysis(f"execution: {{ {entries} }}"))

    assert inspection.errors == []
    assert check_limits(inspection, MAXIMUM_LIMITS) == errors


def test_an_installation_may_allow_less_or_more(inspect: Inspect) -> None:
    inspection = inspect(analysis("execution: { memory_mb: 4096, max_concurrent_runs: 500 }"))

    assert check_limits(inspection, Limits(memory_mb=8192)) == []
    assert check_limits(inspection, Limits(memory_mb=64, max_concurrent_runs=2)) == [
        "execution.memory_mb: is 4096 MB; the maximum is 64 MB",
        "execution.max_concurrent_runs: is 500 runs; the maximum is 2 runs",
    ]
    assert check_limits(inspect("broken ("), MAXIMUM_LIMITS) == []
